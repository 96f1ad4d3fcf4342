"""Where to look first: the fleet by verdicts, waste and energy."""

from __future__ import annotations

import pandas as pd

from belimo_nb.cloud.survey import Survey
from belimo_nb.display import KeyFigure, Note, Table, note, number, table
from belimo_nb.plots.sparkline import sparkline
from belimo_nb.summary.parts import count_of

LARGE_KWH = 1e7
"""A sum from which on a key figure is in MWh."""

COUNTED = (("faults", "fault"), ("warnings", "warn"))

__all__ = ["first_table", "place_table", "survey_figures", "survey_note", "valve_energy"]


def survey_figures(survey: Survey) -> list[KeyFigure]:
    """Energy of the period, and how many valves have a fault or a warning."""
    found = survey.table()
    faults, warns = (int((found["verdict"] == verdict).sum()) for verdict in ("fault", "warn"))
    judged = int((found["verdict"] != "").sum())
    figures = [
        _energy(kind, values, survey.period.label)
        for kind in ("heating", "cooling")
        if (values := found[f"{kind}_kwh"]).notna().any()
    ]
    told = f"{count_of(faults, 'with a fault')}, {count_of(warns, 'with a warning')}, of {number(judged)} checked"
    figures.append(
        KeyFigure(
            "Valves to look at",
            faults + warns,
            note=told,
            status="problem" if faults else "warn" if warns else "good",
        )
    )
    return figures


def first_table(survey: Survey, limit: int = 15) -> Table:
    """The valves with a fault or a warning: the blind and the silent first, then by what their findings cost."""
    found = survey.table()
    found = found[found["verdict"].isin(["fault", "warn"])]
    found = found.assign(energy_kwh=found[["heating_kwh", "cooling_kwh"]].sum(axis=1, min_count=1))
    found = found.rename(columns={"waste_m3_low": "least_m3"})
    shown = _pictured(found, survey, limit)[
        ["name", "verdict", "findings", "least_m3", "waste_m3", "waste_kwh", "energy_kwh", "kwh_a_day", "advice"]
    ]
    caption = (
        f"Valves with a fault or a warning: {number(len(found))}, dead sensors and silent ones first, then "
        "by what is wasted: heat or cold, and the pumping of water"
        if len(found)
        else "No check found a fault or gave a warning"
    )
    return table(
        shown,
        "look-first",
        caption,
        formats={"verdict": "status", "least_m3": 0, "waste_m3": 0, "waste_kwh": 0, "energy_kwh": 0},
        labels={
            "advice": "What to do",
            "kwh_a_day": "By day",
            "least_m3": "Wasted, at least",
            "waste_m3": "At most",
            "waste_kwh": "Wasted, at most",
        },
        below=["advice"],
        limit=limit,
    )


def place_table(survey: Survey, devices: pd.DataFrame) -> Table:
    """Devices, energy and findings by project and city, those with most energy first.

    Args:
        survey: See `Cloud.survey`.
        devices: All devices: rows of `Cloud.devices`.
    """
    place = ["project", "city"]
    valves = survey.table().fillna(dict.fromkeys(place, "unknown"))
    grouped = devices.fillna(dict.fromkeys(place, "unknown")).groupby(place)
    found = valves.groupby(place)
    whole = pd.DataFrame({"devices": grouped.size(), "offline": grouped.size() - grouped["online"].sum()})
    sums = found[["heating_kwh", "cooling_kwh"]].sum(min_count=1)
    verdicts = {name: (valves["verdict"] == of).groupby([valves[key] for key in place]).sum() for name, of in COUNTED}
    waste = found[["waste_m3", "waste_kwh"]].sum(min_count=1)
    frame = whole.join(sums).join(pd.DataFrame(verdicts)).join(waste)
    order = frame[["heating_kwh", "cooling_kwh"]].sum(axis=1).sort_values(ascending=False, kind="stable")
    return table(
        frame.loc[order.index].reset_index(),
        "places",
        "By project and city",
        formats=dict.fromkeys(map(str, frame.columns), 0),
    )


def valve_energy(survey: Survey) -> pd.Series[float]:
    """KWh of the period by valve's name, heating and cooling together; for `plots.energy_ranking`."""
    found = survey.table()
    return found.set_index("name")[["heating_kwh", "cooling_kwh"]].sum(axis=1, min_count=1)


def survey_note(survey: Survey) -> Note:
    """What the survey is made on, and what it could not see."""
    found = survey.table()
    seen = int((found["reason"] == "").sum())
    said = [
        f"{number(seen)} of {number(len(found))} energy valves are examined, {survey.period.label}. Waste is "
        "estimated between bounds, as the largest of any one check."
    ]
    if survey.lacking:
        said.append(
            f"The store does not hold the readings of {number(survey.lacking)} of them completely; fetch them with "
            "`belimo-nb sync`, and run this again."
        )
    said += [f"{name}: {reason}" for name, reason in list(survey.failures.items())[:3]]
    if len(survey.failures) > 3:
        said.append(f"{number(len(survey.failures) - 3)} more could not be fetched.")
    return note(" ".join(said), "warn" if survey.lacking or survey.failures else "info")


def _energy(kind: str, kwh: pd.Series[float], label: str) -> KeyFigure:
    total, unit = float(kwh.sum()), "kWh"
    if total >= LARGE_KWH:
        total, unit = total / 1e3, "MWh"
    note = f"{label}; from {number(int((kwh > 0).sum()))} valves"
    return KeyFigure(f"{kind.capitalize()} energy", total, unit, note, digits=0)


def _pictured(found: pd.DataFrame, survey: Survey, limit: int) -> pd.DataFrame:
    """The first rows with a picture of their days."""
    daily = survey.daily()
    head = found.head(limit).index
    pictures = pd.Series({key: sparkline(daily[key], "kWh") for key in head}, dtype=object)
    return found.assign(kwh_a_day=pictures.reindex(found.index)).reset_index(drop=True)

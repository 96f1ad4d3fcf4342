"""Survey of a fleet: valves to look at first, places, key figures and note."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.cloud.counting import KINDS
from belimo_nb.cloud.outages import outage_sentences
from belimo_nb.cloud.survey import Survey
from belimo_nb.display import KeyFigure, Note, Table, note, number, table
from belimo_nb.display.numbers import plural
from belimo_nb.display.sparkline import sparkline
from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.hydronics.worth import Prices, money, verdict_waste
from belimo_nb.quantities import amount
from belimo_nb.summary.parts import OFF_OR_FAILING, count_of

MOST_TOLD = 3  # valves that a note names for one reason: hundreds may fail alike
MWH_FROM_KWH = 1e7  # sum from which a key figure is in MWh
TOLD = {
    "fault": "with a fault", "problem": "with a problem", "warn": "with a warning", "silent": "silent",
    "offline": "offline", "not judged": "not judged",
}  # fmt: skip
PROBLEMS = (("faults", ("fault", "problem")), ("warnings", ("warn",)), ("silent", ("silent", "offline")))


def survey_figures(survey: Survey) -> list[KeyFigure]:
    """Key figures of a survey: energy of the period, and valves that are not well, counted as on the index."""
    found = survey.table()
    count = Counter(_statuses(survey, found))
    unjudged = count["not judged"]
    looked_at = sum(count[status] for status in TOLD) - unjudged
    figures = [
        _energy_figure(kind, found[f"{kind}_kwh"], survey.period.label, found["coverage"], counts)
        for kind in KINDS
        if (counts := sum(kind in valve.kwh and valve.coverage > 0 for valve in survey.valves.values()))
    ]
    if not (found[["heating_kwh", "cooling_kwh"]] > 0).any(axis=None):
        figures = [replace(one, note=f"{one.note}; {OFF_OR_FAILING}") for one in figures]
    parts = [count_of(count[status], words) for status, words in TOLD.items() if count[status]]
    note_text = f"{', '.join(parts) or 'none'}, of {number(len(found))}"
    gravest = "problem" if count["fault"] + count["problem"] else "warn" if looked_at else "neutral"
    status = gravest if looked_at or unjudged else "good"
    if unjudged == len(found):
        why = f"none of {plural(len(found), 'energy valve')} could be judged" if unjudged else "no energy valve is here"
        return [*figures, KeyFigure("Valves to look at", None, note=why)]
    return [*figures, KeyFigure("Valves to look at", looked_at, note=note_text, status=status)]


def first_table(survey: Survey, limit: int = 15, prices: Prices | None = None) -> Table:
    """Table of valves that are not well: blind and silent ones first, then by what their findings cost.

    With prices it says what the dearest finding of each costs a year, and all of these together.
    """
    limit = int(amount(limit, "number of valves to show (top)", least=1))
    found = survey.table()
    statuses = _statuses(survey, found)
    found = found[~statuses.isin(["ok", "not judged"])]
    found = found.rename(columns={"waste_m3_low": "least_m3"})
    costs = _costs(survey, prices) if prices and prices.given else pd.DataFrame()
    daily = survey.daily()
    pictures = pd.Series({key: sparkline(daily[key], "kWh") for key in found.index[:limit]}, dtype=object)
    found = found.join(costs).assign(kwh_a_day=pictures.reindex(found.index)).reset_index(drop=True)
    amounts = ["least_m3", "waste_m3", "waste_kwh", *costs, "heating_kwh", "cooling_kwh"]
    shown = found[["name", "status", "findings", *amounts, "kwh_a_day", "sentence", "advice"]]
    caption = (
        f"Valves to look at: {number(len(found))}, dead sensors and silent ones first, then "
        "by what is wasted: heat or cold, and the pumping of water that circulated in excess"
        if len(found)
        else "No check found a fault or gave a warning"
    )
    if not len(survey.valves):
        caption = "There is no energy valve among these devices, so there is nothing to check"
    if prices and costs.notna().to_numpy().any():
        whole = money(costs["cost_low"].sum(), costs["cost_high"].sum(), prices.currency)
        caption = f"{caption}; they cost {whole} a year in all, the dearest finding of each"
    if unjudged := int((statuses == "not judged").sum()):
        caption = f"{caption}; {count_of(unjudged, 'could not be judged')}"
    return table(
        shown,
        "look-first",
        caption,
        formats={"status": "status", **dict.fromkeys(amounts, 0)},
        labels={
            "sentence": "", "advice": "What to do", "kwh_a_day": "By day",
            "least_m3": "Circulated in excess, at least", "waste_m3": "At most",
            "waste_kwh": "Heat or cold wasted, at most",
            "cost_low": ("Costs, at least", f"{prices.currency} a year" if prices else ""),
            "cost_high": ("At most", f"{prices.currency} a year" if prices else ""),
        },
        below=["sentence", "advice"],
        limit=limit,
    )  # fmt: skip


def place_table(survey: Survey, devices: pd.DataFrame) -> Table:
    """Table of devices, energy and findings by project and city, most energy first.

    Args:
        survey: As `Cloud.survey` gives it.
        devices: All devices, as `Cloud.devices` gives them.
    """
    place = ["project", "city"]
    # groupby leaves out rows without a key; every device must be in a place.
    valves = survey.table().fillna(dict.fromkeys(place, "unknown"))
    grouped = devices.fillna(dict.fromkeys(place, "unknown")).groupby(place)
    found = valves.groupby(place)
    counts = pd.DataFrame({"devices": grouped.size(), "offline": grouped.size() - grouped["online"].sum()})
    sums = found[["heating_kwh", "cooling_kwh"]].sum(min_count=1)
    keys = [valves[key] for key in place]
    verdicts = {name: _statuses(survey, valves).isin(those).groupby(keys).sum() for name, those in PROBLEMS}
    of_heat = valves["heating_kwh"].fillna(0) >= valves["cooling_kwh"].fillna(0)
    parts = {
        "heat_waste_kwh": valves["waste_kwh"].where(of_heat),
        "cold_waste_kwh": valves["waste_kwh"].where(~of_heat),
    }
    waste = valves.assign(**parts).groupby(place)[["waste_m3", *parts]].sum(min_count=1)
    frame = counts.join(sums).join(pd.DataFrame(verdicts)).join(waste)
    order = frame[["heating_kwh", "cooling_kwh"]].sum(axis=1).sort_values(ascending=False, kind="stable")
    return table(
        frame.loc[order.index].reset_index(),
        "places",
        "By project and city; what is wasted counts as heat where a valve moved more heat than cold, else as cold",
        formats=dict.fromkeys(map(str, frame.columns), 0),
        labels={
            "waste_m3": ("Water circulated in excess", "m³"),
            "heat_waste_kwh": ("Wasted heat", "kWh"),
            "cold_waste_kwh": ("Wasted cold", "kWh"),
        },
    )


def valve_energy(survey: Survey) -> pd.DataFrame:
    """KWh of the period by valve name, columns heat and cold, for `plots.energy_ranking`."""
    found = survey.table().set_index("name")
    return found[["heating_kwh", "cooling_kwh"]].set_axis(["heat", "cold"], axis=1)


def valve_power(latest: pd.DataFrame, survey: Survey) -> pd.DataFrame:
    """Latest power by valve name, columns heat and cold, kW, for `plots.latest_power`.

    That of valves that are offline is not known now. A valve heats or cools as its counters say; where they have
    counted both, or nothing, as its water temperatures do, and where these are unknown, too, it is in neither column.

    Args:
        latest: As `Cloud.latest` gives it.
        survey: Of the same devices, or of fewer.
    """
    counted = survey.table()[["heating_kwh", "cooling_kwh"]].reindex(latest.index) > 0
    heat, cold = counted["heating_kwh"], counted["cooling_kwh"]
    plain, warmer = heat != cold, latest["t1_c"] > latest["t2_c"]
    kinds = {"heat": heat.where(plain, warmer), "cold": cold.where(plain, latest["t1_c"] < latest["t2_c"])}
    present = latest["power_kw"].where(survey.devices["online"].reindex(latest.index, fill_value=True).astype(bool))
    return pd.DataFrame({kind: present.where(own) for kind, own in kinds.items()}).set_axis(latest["name"])


def survey_note(survey: Survey) -> Note:
    """Note on the data that the survey used, and on what it could not see."""
    found = survey.table()
    judged = _statuses(survey, found) != "not judged"
    seen = int(((found["reason"] == "") & ((found["coverage"] > 0) | judged)).sum())
    sentences = [
        f"{number(seen)} of {plural(len(found), 'energy valve is', 'energy valves are')} examined, "
        f"{survey.period.label}. Waste is estimated between bounds, as the largest of any one check."
    ]
    sentences += outage_sentences(survey.outages, str(survey.period.start.tz))
    changed = [
        f"{name} changed hands on {since:%Y-%m-%d}: what was before is the history of its earlier id."
        for name, since in survey.transfers.items()
        if since > survey.period.start
    ]
    sentences += changed[:MOST_TOLD]
    if len(changed) > MOST_TOLD:
        sentences.append(f"{number(len(changed) - MOST_TOLD)} more changed hands in the period.")
    if survey.lacking:
        sentences.append(
            f"The store does not hold the readings of {number(survey.lacking)} of them completely; fetch them with "
            "`belimo-nb sync`, and run this again."
        )
    sentences += [f"{name}: {reason}" for name, reason in list(survey.failures.items())[:MOST_TOLD]]
    if len(survey.failures) > MOST_TOLD:
        sentences.append(f"{number(len(survey.failures) - MOST_TOLD)} more could not be fetched.")
    return note(" ".join(sentences), "warn" if survey.lacking or survey.failures else "info", survey.devices["name"])


def _costs(survey: Survey, prices: Prices) -> pd.DataFrame:
    """What the dearest finding of each valve costs a year, columns cost_low and cost_high; NaN where unknown."""
    days = len(survey.daily())
    costs = {}
    for key, valve in survey.valves.items():
        kinds = [kind for kind, kwh in valve.kwh.items() if kwh]
        wastes = [verdict_waste(one, days=days, kinds=kinds, prices=prices).cost for one in valve.findings]
        costs[key] = max(wastes, key=lambda cost: np.nan_to_num(cost[1], nan=-1.0), default=(np.nan, np.nan))
    return pd.DataFrame.from_dict(costs, orient="index", columns=["cost_low", "cost_high"], dtype=float)


def _statuses(survey: Survey, found: pd.DataFrame) -> pd.Series[Any]:
    """The status of each valve of a table by id."""
    return pd.Series([survey.conditions[str(key)].status for key in found.index], found.index, dtype=object)


def _energy_figure(kind: str, kwh: pd.Series[float], label: str, coverage: pd.Series[float], count: int) -> KeyFigure:
    """Key figure of a kind of energy of all valves, of which `count` have its counter."""
    total, unit = float(kwh.sum(min_count=1)), "kWh"
    if total >= MWH_FROM_KWH:
        total, unit = total / 1e3, "MWh"
    note = f"{label}; from {plural(int(kwh.notna().sum()) or count, 'valve')}"
    if lacking := int((kwh.notna() & (coverage < COVERAGE_LIMIT)).sum()):
        note = f"{note}, {number(lacking)} of them known for less than 90 % of the time"
    return KeyFigure(f"{kind.capitalize()} energy", None if math.isnan(total) else total, unit, note, digits=0)

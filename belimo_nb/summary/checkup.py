"""Results of the checks of one valve: table, key figure and note."""

from __future__ import annotations

import math

import pandas as pd

from belimo_nb.api.history import parse_resolution
from belimo_nb.api.sparse import true_spacing
from belimo_nb.cloud.checkup import FINE_RESOLUTION, Checkup
from belimo_nb.cloud.condition import of_checks, sensor_failed, verdicts_of
from belimo_nb.cloud.device import Device
from belimo_nb.display import DASH, KeyFigure, Note, Table, date, note, number, table
from belimo_nb.display.cells import status_level
from belimo_nb.display.numbers import capitalized, plural
from belimo_nb.hydronics.worth import Prices, money, verdict_waste
from belimo_nb.quantities import COUNTERS, MEASURED, QUANTITIES, label

FEW = 5  # checks that are named in a key figure
VERDICT_ORDER = {"fault": 0, "warn": 1, "ok": 2, "cannot judge": 3}


def verdict_table(checkup: Checkup, prices: Prices | None = None) -> Table:
    """Table of all checks with figure, limits, meaning and advice, the gravest verdicts on top.

    With prices findings also have what they cost a year; they may be the same waste, and are not to be added up.
    """
    found = checkup.verdicts
    # Stable, so that checks with the same verdict keep their usual order.
    frame = found.loc[found["verdict"].map(VERDICT_ORDER).sort_values(kind="stable").index]
    shown = pd.DataFrame(
        {
            "check": frame["check"].map(capitalized),
            "verdict": frame["verdict"],
            "figure": [_figure_text(*row) for row in frame[["figure", "unit", "verdict"]].itertuples(index=False)],
            "meaning": frame["sentence"],
            "what_to_do": frame["recommendation"],
            **_costs(frame, checkup, prices),
            "limits": frame["threshold"].where(frame["verdict"] != "cannot judge", ""),  # nothing is held against them
        }
    ).reset_index(drop=True)
    return table(
        shown,
        "verdicts",
        f"Checks: {_counts(found['verdict'])}",
        formats={"verdict": "status"},
        labels={"meaning": ""},
        below=[name for name in ("meaning", "what_to_do", "cost_a_year") if name in shown],
    )


def _costs(frame: pd.DataFrame, checkup: Checkup, prices: Prices | None) -> dict[str, list[str]]:
    """What each finding costs a year, with what that rests on; no column where no price is known."""
    if prices is None or not prices.given:
        return {}
    samples = checkup.samples
    days = (samples.index[-1] - samples.index[0]).total_seconds() / 86400 if len(samples) > 1 else 1.0
    kinds = [kind for kind in ("heating", "cooling") if samples[f"{kind}_kwh"].max() > 0]
    told = []
    for one in verdicts_of(frame):
        waste = verdict_waste(one, days=days, kinds=kinds, prices=prices)
        cost = money(*waste.cost, prices.currency) if one.verdict in ("warn", "fault") else ""
        told.append(f"{cost}. {waste.assumption}" if cost else "")
    return {"cost_a_year": told}


def unmeasured(checkup: Checkup) -> str:
    """Why a counter that stands still has measured nothing, for the charts; empty if no sensor has failed."""
    failed = sensor_failed(verdicts_of(checkup.verdicts))
    return "Nothing was counted: a sensor has failed, see the checks" if failed else ""


def verdict_figure(checkup: Checkup) -> KeyFigure:
    """Key figure of the gravest verdict, with the checks that found it, and how many were judged."""
    verdicts = checkup.verdicts.set_index("check")["verdict"]
    found = of_checks(verdicts_of(checkup.verdicts))
    left = verdicts.index[verdicts == "cannot judge"]
    if found.status in ("ok", "not judged"):
        told = f"not judged: {', '.join(left)}" if 0 < len(left) <= FEW else ""
    else:
        word = "warn" if found.status == "silent" else found.status
        told = f"{', '.join(verdicts.index[verdicts == word])}; {found.judged} of {found.checks} judged"
    return KeyFigure("Checks", found.text, note=told, status=status_level(found.text))


def checkup_note(valve: Device, checkup: Checkup) -> Note:
    """Note on the samples that the checks used, and on what the device does not measure."""
    names = {quantity.column: label(key) for key, quantity in QUANTITIES.items() if key in MEASURED}
    refused, lacking = (valve.profile.refused, valve.profile.lacking) if valve.has_profile else ({}, [])
    told = [*lacking, *(label(key) for key in refused)]
    unmeasured = [name for column, name in names.items() if column not in checkup.measured and name not in told]
    if not {"heating_kwh", "cooling_kwh"} & set(checkup.measured) and not set(COUNTERS) & set(refused):
        measured = [name for column, name in names.items() if column in checkup.measured]
        has = f"has {_listed(measured)}" if measured else "has no readings of a valve"
        return note(
            f"{valve.name} counts no energy, so there is none to show, and hardly a check can be made. "
            f"It {has} in this period; what it says of itself stands under State, settings and events.",
            "warn",
        )
    seen = plural(int(checkup.samples.notna().any(axis=1).sum()), "sample")
    sentences = [f"The checks look at the whole period, {seen}."]
    if checkup.fine is not None and checkup.window is not None:
        first, last = checkup.window[0], checkup.window[1] - pd.Timedelta(1, "ns")
        spacing = true_spacing(checkup.fine, parse_resolution(FINE_RESOLUTION))
        minutes = plural(round(spacing.total_seconds() / 60), "minute")
        sentences = [
            f"The checks look at the whole period, {seen}, and every {minutes} from {date(first)} to {date(last)}, "
            "when water flowed most of the time."
        ]
    if lacking:
        sentences.append(f"Its dataprofile has no {_listed(lacking, 'or')}.")
    if unmeasured:
        sentences.append(f"Without readings in this period: {_listed(unmeasured)}.")
    sentences += [refused[key] for key in MEASURED if key in refused]
    return note(" ".join(sentences), "warn" if unmeasured or refused else "info")


def _listed(words: list[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _counts(verdicts: pd.Series[str]) -> str:
    found = verdicts.value_counts()
    names = {
        "fault": ("fault", "faults"), "warn": ("warning", "warnings"), "ok": ("ok", "ok"),
        "cannot judge": ("cannot be judged", "cannot be judged"),
    }  # fmt: skip
    return ", ".join(plural(found[key], *words) for key, words in names.items() if key in found)


def _figure_text(value: float, unit: str, verdict: str) -> str:
    if math.isnan(value):  # what was judged without a figure is not unknown
        return DASH if verdict == "cannot judge" else "none"
    return number(value, _digits(value), unit=unit)


def _digits(value: float) -> int:
    return 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 1 else 2

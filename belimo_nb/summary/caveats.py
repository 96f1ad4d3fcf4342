"""What a heating or cooling report cannot say, said."""

from __future__ import annotations

import math

import pandas as pd

from belimo_nb.display import Note, Table, note, number, table
from belimo_nb.display.cells import Format
from belimo_nb.display.numbers import plural
from belimo_nb.heating import Comparison, Study
from belimo_nb.heating.failing import CONTRARY, Spell
from belimo_nb.quantities import listed
from belimo_nb.summary.parts import explained

MEANING = {
    "dropout": "the counter read 0 or too little for a while, then went on: nothing is lost, only when it was used",
    "spike": "the counter read too much for a moment, then went on: nothing is lost",
    "freeze": "one reading was repeated, then the counter caught up: the total is measured, when it was used is not",
    "reset": "the counter began anew (meter replaced): what passed in between is unknown and not counted",
    "jump": "the counter rose faster than the valve can, or far more than ever around: not counted",
    "gap": "no readings; the total is measured, when it was used is not",
    "transfer": "the valve changed hands: what was before is the history of its earlier id",
    "conflict": "two readings for one time: the one that came last counts",
}
FEW, MOST_NAMED = 5, 12  # valves that a sentence names again; and at all
LIMIT = {"heating": "under", "cooling": "above"}


def limits(study: Study, temperature: pd.Series[float], unknown: str = "") -> Note:
    """One sentence or more on what cannot be said, and why.

    Args:
        study: The two periods.
        temperature: Hourly outdoor temperature over both.
        unknown: Why there is none, if there is none.
    """
    weather = {"heating": "cold", "cooling": "warm"}[study.kind] if study.outdoor.notna().any() else ""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, spells in study.failing.items():
        for spell in spells:  # what befell many at once is said once
            alone = name if spell.cause == CONTRARY else ""
            alike.setdefault((alone, _failure(spell, study.kind, weather)), []).append(name)
    said = [f"{listed(names, MOST_NAMED)} {text}" for (_, text), names in alike.items()]
    if study.failing:
        failing = (
            ", ".join(study.failing) if len(study.failing) <= FEW else f"these {plural(len(study.failing), 'valve')}"
        )
        said.append(f"Left out of the comparison, since what they would have counted is unknown, not saved: {failing}.")
    if unknown:
        said.append(f"No weather, so nothing is corrected for it. {unknown}")
    left = [name for name in study.sound if name not in study.comparable]
    if left:
        named = "every valve" if len(left) == len(study.sound) > FEW else listed(left, MOST_NAMED)
        said.append(f"Not comparable, because fewer than 90 % of the days are known in one of the periods: {named}.")
    found = study.together
    if found.reason and not unknown and study.comparable:
        said.append(f"No weather-corrected change can be given: {found.reason}.")
    if not found.reason:
        said += _weather_limits(found)
    if temperature.isna().any() and not unknown:
        days = int(study.outdoor.isna().sum() + study.outdoor_before.isna().sum())
        hours = int(temperature.isna().sum())
        lost = (
            f"days without a mean, since they have fewer than 80 % of theirs: {days}"
            if days
            else "every day has a mean"
        )
        said.append(f"The weather lacks {hours} of {plural(len(temperature), 'hour')}; {lost}.")
    if remark := str(temperature.attrs.get("remark", "")):
        said.append(remark)
    if not said:
        return note("Everything that this report asks can be answered from the data.")
    return note(" ".join(said), "warn" if unknown or left or found.reason or study.failing else "info", study.names)


def _weather_limits(found: Comparison) -> list[str]:
    """What the comparison leaves out for the weather's sake."""
    low, high = (number(edge, 1) for edge in found.signature.range_c)
    kind = found.signature.kind
    any_before = f"colder or warmer than any before ({low} to {high} °C)"
    near = found.extrapolated_days - found.left_out_days
    said = []
    if found.left_out_days:
        said.append(f"{plural(found.left_out_days, 'day was', 'days were')} more than 2 K {any_before}: left out.")
    if near:
        said.append(f"{plural(near, 'day was', 'days were')} up to 2 K {any_before}: there the line is extended.")
    if found.signature.off_days:
        said.append(
            f"Before, the {kind} was off on {plural(found.signature.off_days, 'day')} {LIMIT[kind]} 18 °C; neither "
            f"these nor the {found.off_days} of this period are compared."
        )
    return said


def _failure(spell: Spell, kind: str, weather: str) -> str:
    """What befell a meter, to be read after its name."""
    days = f"{spell.first:%Y-%m-%d} to {spell.last:%Y-%m-%d}"
    if not math.isnan(spell.due_kwh):
        days = f"{days}, when {number(round(spell.due_kwh))} kWh were to be expected"
    if spell.cause == CONTRARY:
        amount, other, outside = ("cold", "heat", "cold") if kind == "cooling" else ("heat", "cold", "warm")
        return (
            f"counts {amount} when it is {outside} outside; its temperature sensors may be swapped, so that "
            f"{other} counts as {amount}. It is in no sum of this page."
        )
    if spell.cause:
        return f"reported {spell.cause} from {days}."
    when = f"on the {weather} days of {days}" if weather else f"from {days}"
    if math.isnan(spell.due_kwh):
        return f"counted nothing {when}, while others did: off, or a failing meter."
    return f"counted nothing {when}: off, or a failing meter."


def incident_table(incidents: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> Table:
    """What happened to the counters within a range: when, what, how much energy it concerns."""
    frame = incidents[(incidents["to"] > start) & (incidents["from"] < end)].reset_index(drop=True)
    frame = frame.assign(
        counted=["yes" if counted else "no" for counted in frame["counted"]],
        meaning=[MEANING[what] for what in frame["what"]],
    ).rename(columns={"device": "valve"})
    caption = explained("What happened to the counters", frame["what"], MEANING)
    caption = caption if len(frame) else "Nothing happened to the counters: no gap, no reset"
    formats: dict[str, Format] = {"from": "time", "to": "time", "kwh": 0}
    return table(frame, "incidents", caption, formats=formats, labels={"kwh": "kWh"}, hidden=["meaning"])

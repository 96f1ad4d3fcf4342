"""Limitations of a heating report, and the table of counter incidents."""

from __future__ import annotations

import pandas as pd

from belimo_nb.display import Note, Table, note, number, table
from belimo_nb.heating import Study

INCIDENT_MEANINGS = {
    "dropout": "the counter read 0 for a while, then went on: nothing is lost, only when it was used",
    "reset": "the counter began anew (meter replaced): what passed in between is unknown and not counted",
    "jump": "the counter rose faster than the valve can: not counted",
    "gap": "no readings; the total is measured, when it was used is not",
    "conflict": "two readings for one time: the one that came last counts",
}


def limits(study: Study, temperature: pd.Series[float], unknown: str = "") -> Note:
    """Note on what the report cannot tell, and why.

    Args:
        study: The two periods.
        temperature: Hourly outdoor temperature of both.
        unknown: Why there is no outdoor temperature, "" where there is.
    """
    sentences = []
    if unknown:
        sentences.append(f"No weather, so nothing is corrected for it. {unknown}")
    elif temperature.isna().any():
        days = int(study.outdoor.isna().sum() + study.outdoor_before.isna().sum())
        hours = int(temperature.isna().sum())
        effect = f"days without a mean, since they have fewer than 80 % of theirs: {days}"
        effect = effect if days else "every day has a mean"
        sentences.append(f"The weather lacks {hours} of {number(len(temperature))} hours; {effect}.")
    excluded = [name for name in study.names if name not in study.comparable]
    if excluded:
        names = ", ".join(excluded)
        sentences.append(
            f"Not comparable, because fewer than 90 % of the days are known in one of the periods: {names}."
        )
    found = study.together
    if found.reason and not unknown:
        sentences.append(f"No weather-corrected change can be given: {found.reason}.")
    if not found.reason and found.extrapolated_days:
        low, high = found.signature.range_c
        sentences.append(
            f"{found.extrapolated_days} {'day was' if found.extrapolated_days == 1 else 'days were'} colder or warmer "
            f"than any before ({number(low, 1)} to {number(high, 1)} °C); there the line is extended."
        )
    sentences += [
        f"{name} counted nothing on the cold days of {first:%Y-%m-%d} to {last:%Y-%m-%d}, when "
        f"{number(round(due))} kWh were to be expected: off, or a failing meter. It counts as saved here."
        for name, (first, last, due) in study.silent.items()
    ]
    if not sentences:
        return note("Everything that this report asks can be answered from the data.")
    return note(" ".join(sentences), "warn" if unknown or excluded or found.reason or study.silent else "info")


def incident_table(incidents: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> Table:
    """Table of counter incidents within a range: when, what, and the energy concerned."""
    frame = incidents[(incidents["to"] > start) & (incidents["from"] < end)].reset_index(drop=True)
    frame = frame.assign(
        counted=["yes" if counted else "no" for counted in frame["counted"]],
        meaning=[INCIDENT_MEANINGS[what] for what in frame["what"]],
    ).rename(columns={"device": "valve"})
    caption = "What happened to the counters" if len(frame) else "Nothing happened to the counters: no gap, no reset"
    return table(frame, "incidents", caption, formats={"from": "time", "to": "time", "kwh": 0}, labels={"kwh": "kWh"})

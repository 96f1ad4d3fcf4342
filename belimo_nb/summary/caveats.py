"""What a heating report cannot say, said."""

from __future__ import annotations

import pandas as pd

from belimo_nb.display import Note, Table, note, number, table
from belimo_nb.heating import Study

__all__ = ["incident_table", "limits"]

MEANING = {
    "dropout": "the counter read 0 or too little for a while, then went on: nothing is lost, only when it was used",
    "spike": "the counter read too much for a moment, then went on: nothing is lost",
    "freeze": "one reading was repeated, then the counter caught up: the total is measured, when it was used is not",
    "reset": "the counter began anew (meter replaced): what passed in between is unknown and not counted",
    "jump": "the counter rose faster than the valve can: not counted",
    "gap": "no readings; the total is measured, when it was used is not",
    "conflict": "two readings for one time: the one that came last counts",
}


def limits(study: Study, temperature: pd.Series[float], unknown: str = "") -> Note:
    """One sentence or more on what cannot be said, and why.

    Args:
        study: The two periods.
        temperature: Hourly outdoor temperature over both.
        unknown: Why there is none, if there is none.
    """
    said = []
    if unknown:
        said.append(f"No weather, so nothing is corrected for it. {unknown}")
    elif temperature.isna().any():
        days = int(study.outdoor.isna().sum() + study.outdoor_before.isna().sum())
        hours = int(temperature.isna().sum())
        lost = (
            f"days without a mean, since they have fewer than 80 % of theirs: {days}"
            if days
            else "every day has a mean"
        )
        said.append(f"The weather lacks {hours} of {number(len(temperature))} hours; {lost}.")
    left = [name for name in study.names if name not in study.comparable]
    if left:
        said.append(
            f"Not comparable, because fewer than 90 % of the days are known in one of the periods: {', '.join(left)}."
        )
    found = study.together
    if found.reason and not unknown:
        said.append(f"No weather-corrected change can be given: {found.reason}.")
    if not found.reason and found.extrapolated_days:
        low, high = found.signature.range_c
        said.append(
            f"{found.extrapolated_days} {'day was' if found.extrapolated_days == 1 else 'days were'} colder or warmer "
            f"than any before ({number(low, 1)} to {number(high, 1)} °C); there the line is extended."
        )
    said += [
        f"{name} counted nothing on the cold days of {first:%Y-%m-%d} to {last:%Y-%m-%d}, when "
        f"{number(round(due))} kWh were to be expected: off, or a failing meter. It counts as saved here."
        for name, (first, last, due) in study.silent.items()
    ]
    if not said:
        return note("Everything that this report asks can be answered from the data.")
    return note(" ".join(said), "warn" if unknown or left or found.reason or study.silent else "info")


def incident_table(incidents: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> Table:
    """What happened to the counters within a range: when, what, how much energy it concerns."""
    frame = incidents[(incidents["to"] > start) & (incidents["from"] < end)].reset_index(drop=True)
    frame = frame.assign(
        counted=["yes" if counted else "no" for counted in frame["counted"]],
        meaning=[MEANING[what] for what in frame["what"]],
    ).rename(columns={"device": "valve"})
    caption = "What happened to the counters" if len(frame) else "Nothing happened to the counters: no gap, no reset"
    return table(frame, "incidents", caption, formats={"from": "time", "to": "time", "kwh": 0}, labels={"kwh": "kWh"})

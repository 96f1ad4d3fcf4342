"""Helpers that the summaries share: column groups, key figures and words."""

from __future__ import annotations

from typing import cast

import pandas as pd

from belimo_nb.display import KeyFigure, Trend, number
from belimo_nb.display.numbers import MONTHS, NO_BREAK_SPACE, plural
from belimo_nb.energy import LOWER_BOUNDS


def column_group(energy: pd.DataFrame, name: str) -> pd.DataFrame:
    """Columns of `Counters.energy` below "kwh", "coverage" or "quality": one per counter."""
    return cast("pd.DataFrame", energy[name])  # two levels of columns: never a Series


def energy_figure(label: str, kwh: pd.DataFrame, unknown: int) -> KeyFigure:
    """Key figure of the known energy of a range: a lower bound if `unknown` of its days are incomplete."""
    days = len(kwh)
    note = (
        f"in {plural(days, 'day')}"
        if not unknown
        else f"at least; {number(unknown)} of {plural(days, 'day')} incomplete"
    )
    known = kwh.to_numpy(dtype=float)
    value = None if pd.isna(known).all() else float(pd.Series(known.ravel()).sum())
    return KeyFigure(label, value, "kWh", note if value is not None else "no readings", digits=0)


def daily_trend(kwh: pd.DataFrame, label: str = "Energy by day") -> Trend:
    """Daily energy of all counters together, of one kind of energy; NaN where one of them is unknown."""
    return Trend(label, "kWh", kwh.sum(axis=1, skipna=False).tolist())


def greater_kind(energy: pd.DataFrame) -> pd.DataFrame:
    """Of kWh by time and kind the one column that has more: heat and cold are never added up."""
    sums = energy.sum().fillna(0.0)
    return energy[[sums.idxmax()]]


def incomplete(energy: pd.DataFrame) -> pd.Series[bool]:
    """Intervals of `Counters.energy` of which a counter tells nothing, or only a lower bound."""
    return (column_group(energy, "kwh").isna() | column_group(energy, "quality").isin(LOWER_BOUNDS)).any(axis=1)


def count_of(count: int, what: str) -> str:
    """Format a count with a word: "none offline", "3 offline"."""
    return f"{number(count)} {what}" if count else f"none {what}"


def month_name(time: pd.Timestamp | str) -> str:
    """Format a month as "Dec 2017", without a line break; the name of a total stays."""
    if isinstance(time, str):
        return time
    return f"{MONTHS[time.month - 1]}{NO_BREAK_SPACE}{time.year}"

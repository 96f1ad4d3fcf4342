"""What the summaries share."""

from __future__ import annotations

from typing import cast

import pandas as pd

from belimo_nb.display import KeyFigure, Trend, number
from belimo_nb.display.numbers import MONTHS, NO_BREAK
from belimo_nb.energy import LOWER_BOUNDS

__all__ = ["count_of", "daily_trend", "energy_figure", "incomplete", "month_name", "part"]


def part(energy: pd.DataFrame, name: str) -> pd.DataFrame:
    """One of kwh, coverage and quality: a column a counter."""
    return cast("pd.DataFrame", energy[name])  # two levels of columns: never a Series


def energy_figure(label: str, kwh: pd.DataFrame, unknown: int) -> KeyFigure:
    """The known energy of a range, which is a lower bound if `unknown` of its days are not known in full."""
    days = len(kwh)
    note = (
        f"in {number(days)} days" if not unknown else f"at least; {number(unknown)} of {number(days)} days incomplete"
    )
    known = kwh.to_numpy(dtype=float)
    value = None if pd.isna(known).all() else float(pd.Series(known.ravel()).sum())
    return KeyFigure(label, value, "kWh", note if value is not None else "no readings", digits=0)


def daily_trend(kwh: pd.DataFrame) -> Trend:
    """The energy of each day, all counters together; a day of which one is not known is unknown."""
    return Trend("Energy by day", "kWh", kwh.sum(axis=1, skipna=False).tolist())


def incomplete(energy: pd.DataFrame) -> pd.Series[bool]:
    """Intervals of `Counters.energy` of which a counter tells nothing, or only a lower bound."""
    return (part(energy, "kwh").isna() | part(energy, "quality").isin(LOWER_BOUNDS)).any(axis=1)


def count_of(count: int, what: str) -> str:
    """A number of something in words: "none offline", "3 offline"."""
    return f"{number(count)} {what}" if count else f"none {what}"


def month_name(time: pd.Timestamp) -> str:
    """A month in words that stay on one line, such as "Dec 2017"."""
    return f"{MONTHS[time.month - 1]}{NO_BREAK}{time.year}"

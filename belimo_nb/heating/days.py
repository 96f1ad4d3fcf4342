"""Local days: means of outdoor temperature, and energies that are known well enough to reason with."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import DAY_NS, edge_times, local_index, zone_name
from belimo_nb.calendar.moments import nanoseconds
from belimo_nb.energy import COVERAGE_LIMIT, LOWER_BOUNDS
from belimo_nb.errors import UsageError

HOURS_LIMIT = 0.8  # A day of which fewer of the hours are known has no mean


def daily_means(temperature: pd.Series[Any], tz: str = "UTC") -> pd.Series[Any]:
    """Means of local days from hourly (or finer) outdoor temperatures.

    Args:
        temperature: °C at aware times; NaN where unknown.
        tz: IANA zone of the days.

    Returns:
        Series in °C, index ``time``: local midnights in `tz`, every day from the first to the last; NaN where fewer
        than 80 % of a day's values are known.

    Raises:
        UsageError: The temperatures are no numbers or their times have no zone.
    """
    zone_name(tz)
    values = numbers(temperature, "temperature")
    index = temperature.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise UsageError("The temperatures' times have no time zone; use tz_localize on the index first.")
    ns = index.as_unit("ns").asi8
    known = np.isfinite(values) & index.notna()
    if not len(ns):
        return pd.Series([], index=local_index(ns, tz), dtype=float, name="temperature_c")
    order = np.argsort(ns, kind="stable")
    ns, values, known = ns[order], values[order], known[order]
    usual = float(np.median(np.diff(ns))) if len(ns) > 1 else 3.6e12
    bounds = edge_times(None, None, "D", tz, int(ns[0]), int(ns[-1]))
    day = np.searchsorted(bounds, ns, "right") - 1
    inside = day < len(bounds) - 1  # the last value may begin the next day
    if not inside.all():
        bounds = edge_times(None, None, "D", tz, int(ns[0]), int(ns[-1]) + 1)
    count = np.bincount(day[known], minlength=len(bounds) - 1)
    total = np.bincount(day[known], values[known], minlength=len(bounds) - 1)
    expected = np.diff(bounds) / max(usual, 1.0)
    enough = count >= HOURS_LIMIT * expected
    means = np.divide(total, count, out=np.full(len(total), np.nan), where=enough & (count > 0))
    return pd.Series(means, local_index(bounds[:-1], tz), name="temperature_c")


def complete_days(energy: pd.DataFrame) -> pd.Series[Any]:
    """The energy of days that are known well enough to reason with.

    Args:
        energy: By day, as `interval_energy` gives it: columns kwh, coverage, quality.

    Returns:
        Series ``kwh``; NaN where less than 90 % of a day is covered, or its energy is a lower bound.
    """
    good = (energy["coverage"] >= COVERAGE_LIMIT) & ~energy["quality"].isin(LOWER_BOUNDS)
    return energy["kwh"].where(good)


def is_daily(index: pd.DatetimeIndex) -> bool:
    """Whether there is one time a local day at most; the first may be later in it than the others."""
    days = nanoseconds(index.tz_localize(None)) // DAY_NS
    return bool((np.diff(days) > 0).all()) or len(np.unique(days)) == len(days)


def daily_series(values: pd.Series[Any], what: str) -> pd.Series[Any]:
    """A series by local day, its index made naive days.

    Raises:
        UsageError: It is no Series of numbers with one value a day.
    """
    found = numbers(values, what)
    index = values.index
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    if not isinstance(index, pd.DatetimeIndex):
        raise UsageError(f"The {what} has {index.dtype} as index; give one of days (DatetimeIndex).")
    days = index.tz_localize(None).as_unit("ns")
    if index.tz is None or not (days != days.normalize()).any() or is_daily(index):
        days = days.normalize()
    if days.has_duplicates:
        raise UsageError(f"The {what} has several values a day; give one, the sum or the mean of the day.")
    return pd.Series(found, days, name=what).sort_index()


Table = TypeVar("Table", "pd.Series[Any]", pd.DataFrame)


def same_days(past: Table, days: pd.DatetimeIndex) -> Table:
    """Days of an earlier period, moved by whole years to where most of them fall on days of a later one.

    Args:
        past: By naive day.
        days: The later days, naive.

    Returns:
        `past` with another index. A 29 February that the later year does not have is not in it.
    """
    if not len(past) or not len(days):
        return past
    index = pd.DatetimeIndex(past.index)
    apart = (days[0] - index[0]).days / 365.2425
    moves = [index + pd.DateOffset(years=max(years, 1)) for years in (round(apart), int(apart), int(apart) + 1)]
    moved = past.set_axis(max(moves, key=lambda move: move.isin(days).sum()))
    # Of two days that fall on one, 28 February and the day after it, the first is meant.
    return moved[~moved.index.duplicated()]


def numbers(values: pd.Series[Any], what: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The values of a Series as floats.

    Raises:
        UsageError: It is no Series, or holds text.
    """
    if not isinstance(values, pd.Series):
        raise UsageError(f"The {what} is a {type(values).__name__}; give a pandas Series.")
    try:
        return values.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise UsageError(f"The {what} holds text where numbers belong; convert it first.") from None

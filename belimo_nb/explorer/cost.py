"""Range, resolution and number of readings of a query, checked before any request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from belimo_nb.api.history import MAX_BUCKETS, parse_resolution
from belimo_nb.calendar.intervals import quarter_hour_zone
from belimo_nb.calendar.moments import local_midnight
from belimo_nb.calendar.periods import Period, resolve
from belimo_nb.display import number
from belimo_nb.display.numbers import plural
from belimo_nb.errors import UsageError
from belimo_nb.explorer.choice import AUTO

MAX_RANGE_BUCKETS = 12 * MAX_BUCKETS
"""Readings of one range at most: a year at 5 minutes in a dozen requests; more takes too long for a click."""

MAX_DATAPOINTS = 12  # datapoints of one figure at most
MIN_YEAR, MAX_YEAR = 1990, 2200
AUTO_RESOLUTIONS = ((8, "5m"), (32, "15m"), (370, "1h"))  # ranges in days up to which a resolution is chosen
RESOLUTIONS = ("5m", "15m", "1h", "1d")
# Calendar frequency of a view of hours or days, and ranges in days up to which it is made from finer readings.
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
FINER = {HOUR: ("h", ((32, "5m"), (370, "15m"))), DAY: ("D", ((MAX_RANGE_BUCKETS // 24, "1h"),))}


@dataclass(frozen=True)
class View:
    """What is drawn: the readings themselves, or mean, least and greatest of local hours or days.

    Attributes:
        reads: Resolution of the readings behind them.
        freq: "h" or "D" for hours and days by the calendar; "" for readings.
    """

    reads: str
    freq: str = ""

    @property
    def each(self) -> str:
        """What one point stands for, in words."""
        return {"h": "hour", "D": "day"}[self.freq] if self.freq else spacing(self.reads)


def spacing(resolution: str) -> str:
    """A resolution in words: "5 minutes", "hour", "day"."""
    step = parse_resolution(resolution)
    for length, name in ((DAY, "day"), (HOUR, "hour"), (pd.Timedelta(minutes=1), "minute")):
        if step % length == pd.Timedelta(0):
            return name if step == length else plural(int(step // length), name)
    return plural(round(step.total_seconds()), "second")


def view_of(resolution: str, period: Period, *, offline: bool = False) -> View:
    """How a resolution is shown: hours and days by the calendar, from finer readings where those are affordable."""
    freq, finer = FINER.get(parse_resolution(resolution), ("", ()))
    days = (period.end - period.start) / DAY
    # Offline only what a sync stores is at hand: hourly readings.
    reads = next((text for limit, text in finer if days <= limit and (not offline or text == "1h")), "")
    if freq == "D" and reads and quarter_hour_zone(str(period.start.tz), period.start, period.end):
        reads = "15m" if days <= MAX_RANGE_BUCKETS // 96 and not offline else ""
    return View(reads, freq) if reads else View(resolution)


def period_of(first: date | None, last: date | None, now: pd.Timestamp) -> Period:
    """Period of the local days from first to last, both inclusive, up to now.

    Args:
        first: First day.
        last: Last day.
        now: Present time in the site's zone.

    Raises:
        UsageError: A day is missing, the days are the wrong way round, or the first one lies in the future.
    """
    for name, day in (("first", first), ("last", last)):
        if day is None:
            raise UsageError(f"The {name} day is not set; choose one, or click Last week.")
        if not MIN_YEAR <= day.year <= MAX_YEAR:
            raise UsageError(f"The {name} day is {day}; choose one from {MIN_YEAR} on.")
    assert first is not None  # noqa: S101 - for the type checker: the loop has seen to it
    assert last is not None  # noqa: S101
    if first > last:
        raise UsageError(f"The first day, {first}, is after the last day, {last}; swap them.")
    zone, after = str(now.tz), last + timedelta(days=1)
    end = local_midnight(after.year, after.month, after.day, zone)
    whole = resolve(local_midnight(first.year, first.month, first.day, zone), end, now=now, tz=zone)
    return Period(whole.start, min(whole.end, now))


def resolution_for(chosen: str, period: Period, *, offline: bool = False) -> str:
    """Time between two points: as chosen, or as suits the range; offline at least an hour, which a sync stores."""
    if chosen != AUTO:
        return chosen
    days = (period.end - period.start) / DAY
    return next((resolution for limit, resolution in AUTO_RESOLUTIONS[2 * offline :] if days <= limit), "1d")


def check_cost(period: Period, resolution: str, rate: float) -> int:
    """Count the readings of each datapoint that a query asks for.

    Args:
        period: Range of the query.
        resolution: Time between two readings.
        rate: Allowed requests a second; 0 for no limit.

    Raises:
        UsageError: There are too many; the message says what they would cost and what to do instead.
    """
    step = parse_resolution(resolution)
    length = period.end - period.start
    count = -(-length // step)
    if count <= MAX_RANGE_BUCKETS:
        return int(count)
    requests = -(-count // MAX_BUCKETS)
    takes = plural(requests, "request")
    if rate:
        takes = f"{takes}, at least {_duration(requests / rate)} of waiting at {number(rate)} a second"
    fits = next((text for text in RESOLUTIONS if length / parse_resolution(text) <= MAX_RANGE_BUCKETS), "")
    longest = MAX_RANGE_BUCKETS * step
    days = longest // pd.Timedelta(days=1)
    shorter = plural(days, "day") if days > 1 else plural(longest // pd.Timedelta(hours=1), "hour")
    instead = f"a resolution of {fits}, or a range of at most {shorter}" if fits else f"a range of at most {shorter}"
    raise UsageError(
        f"{period.label} at {resolution} is {plural(count, 'reading')}, which takes {takes}; choose {instead}."
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

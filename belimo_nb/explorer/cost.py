"""What is asked of the cloud, and what it would cost: checked before any request."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from belimo_nb.api.history import MAX_BUCKETS, parse_resolution
from belimo_nb.calendar.moments import local_midnight
from belimo_nb.calendar.periods import Period, resolve
from belimo_nb.display import number
from belimo_nb.errors import UsageError
from belimo_nb.explorer.choice import AUTOMATIC

__all__ = ["MOST", "MOST_DATAPOINTS", "check_cost", "period_of", "resolution_for"]

MOST = 12 * MAX_BUCKETS
"""Buckets of one range: a year at 5 minutes, in a dozen requests; more is no matter of a click."""

MOST_DATAPOINTS = 12
"""Lines of one picture."""

EARLIEST, LATEST = 1990, 2200
SUITED = ((8, "5m"), (32, "15m"), (MOST // 24, "1h"))  # days up to which a resolution suits: one request up to a year
COARSER = ("5m", "15m", "1h", "1d")


def period_of(first: date | None, last: date | None, now: pd.Timestamp) -> Period:
    """The local days from first to last, both included, as far as they lie behind us.

    Args:
        first: First day.
        last: Last day.
        now: The time, in the site's zone.

    Raises:
        UsageError: A day is missing, the days are the wrong way round, or the first one lies in the future.
    """
    for name, day in (("first", first), ("last", last)):
        if day is None:
            raise UsageError(f"The {name} day is not set; choose one, or click Last week.")
        if not EARLIEST <= day.year <= LATEST:
            raise UsageError(f"The {name} day is {day}; choose one from {EARLIEST} on.")
    assert first is not None  # noqa: S101 - for the type checker: the loop has seen to it
    assert last is not None  # noqa: S101
    if first > last:
        raise UsageError(f"The first day, {first}, is after the last day, {last}; swap them.")
    zone, after = str(now.tz), last + timedelta(days=1)
    end = local_midnight(after.year, after.month, after.day, zone)
    whole = resolve(local_midnight(first.year, first.month, first.day, zone), end, now=now, tz=zone)
    return Period(whole.start, min(whole.end, now))


def resolution_for(chosen: str, period: Period, *, offline: bool = False) -> str:
    """The length of a bucket: what is chosen, or what suits the range; offline at least the hours that a sync keeps."""
    if chosen != AUTOMATIC:
        return chosen
    days = (period.end - period.start) / pd.Timedelta(days=1)
    return next((resolution for limit, resolution in SUITED[2 * offline :] if days <= limit), "1d")


def check_cost(period: Period, resolution: str, rate: float) -> int:
    """The number of buckets, if it is one that somebody can wait for.

    Args:
        period: The range.
        resolution: Length of a bucket.
        rate: Requests a second that are allowed; 0 for no limit.

    Raises:
        UsageError: It is not; the message says what it would cost and what to do instead.
    """
    step = parse_resolution(resolution)
    length = period.end - period.start
    count = -(-length // step)
    if count <= MOST:
        return int(count)
    requests = -(-count // MAX_BUCKETS)
    wait = f", at least {_time(requests / rate)} of waiting at {number(rate)} a second" if rate else ""
    fits = next((text for text in COARSER if length / parse_resolution(text) <= MOST), "")
    instead = f"a resolution of {fits}, or " if fits else ""
    days = int(MOST * step / pd.Timedelta(days=1))
    shorter = f"{number(days)} days" if days > 1 else f"{number(int(MOST * step / pd.Timedelta(hours=1)))} hours"
    raise UsageError(
        f"{period.label} at {resolution} is {number(count)} buckets, which takes {number(requests)} requests{wait}; "
        f"choose {instead}a range of at most {shorter}."
    )


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

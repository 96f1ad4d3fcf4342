"""Interval edges: the local midnights, or multiples of a fixed length, between which energy is added up."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.calendar.moments import Moment, localized, parse_time
from belimo_nb.calendar.periods import Period
from belimo_nb.errors import UsageError

Ints = npt.NDArray[np.int64]


CALENDAR = {
    "D": "D", "W": "W-MON", "M": "MS", "MS": "MS", "ME": "MS", "Q": "QS", "QS": "QS", "Y": "YS", "YS": "YS", "YE": "YS",
}  # fmt: skip
"""pandas' frequencies that follow the local calendar, by the names that users give."""

LENGTH = re.compile(r"(\d{0,6}(\.\d{1,6})?(D|h|min|s|ms|us|ns))+", re.ASCII)

MAX_INTERVALS = 2_000_000  # intervals of a range; more is taken for a typing error
DAY_NS = 86400 * 10**9


def edges(start: Moment, end: Moment, freq: str, tz: str, times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The edges of the intervals of a range: `start`, the calendar's edges inside, `end`.

    Args:
        start: Begin of the range, local time if it has no zone; None: the interval that contains the first of `times`.
        end: End of the range (exclusive), local time if it has no zone; None: the interval of the last of `times`.
        freq: "h", "D", "W", "MS", "QS", "YS", or a fixed length such as "15min".
        tz: IANA zone of the calendar.
        times: Readings that decide where a range without start or end begins and ends.

    Returns:
        Ascending moments in `tz`, one more than there are intervals.

    Raises:
        UsageError: A value is no time, frequency or zone, or the range is empty.
    """
    first, last = (times[0], times[-1]) if len(times) else (None, None)
    return local_index(edge_times(start, end, freq, tz, _ns(first), _ns(last)), tz, name=None)


def edge_times(start: Moment, end: Moment, freq: str, tz: str, first: int | None, last: int | None) -> Ints:
    """As `edges`, in nanoseconds since 1970, given the first and last reading: for thousands of valves.

    Raises:
        UsageError: A value is no time, frequency or zone, or the range is empty.
    """
    zone_name(tz)
    length = fixed_length(freq)
    begin, finish = _edge(start, first, tz, "start"), _edge(end, last, tz, "end")
    if begin is None or finish is None:
        return np.empty(0, np.int64)
    if (start is not None or end is not None) and begin >= finish:
        Period(pd.Timestamp(begin, tz=tz), pd.Timestamp(finish, tz=tz))  # says what is wrong
    if length is None:
        grid = _midnights(CALENDAR[freq], tz, *_decades(begin, finish))
    else:
        grid = _multiples(freq, length, tz, begin, finish)
    low = int(np.searchsorted(grid, begin, "right")) - 1  # the edge at or before the begin
    high = int(np.searchsorted(grid, finish, "left"))  # the edge at or after the end
    if end is None and high <= low:
        high = low + 1  # a single reading on an edge is in the interval that begins there
    bounds = grid[low : high + 1].copy()
    if start is not None:
        bounds[0] = begin
    if end is not None:
        bounds[-1] = finish
    return bounds


def local_index(ns: Ints, tz: str, name: str | None = "time") -> pd.DatetimeIndex:
    """Convert nanoseconds since 1970 to an index in a zone."""
    return pd.DatetimeIndex(ns.view("M8[ns]"), name=name).tz_localize("UTC").tz_convert(tz)


@lru_cache(maxsize=64)
def fixed_length(freq: str) -> pd.Timedelta | None:
    """Parse the fixed length of an interval; None for a frequency that follows the calendar.

    Raises:
        UsageError: It is no interval.
    """
    if freq in CALENDAR:
        return None
    try:
        if not LENGTH.fullmatch(freq):  # pandas knows many more names, and warns of those that it will forget
            raise ValueError
        offset = pd.tseries.frequencies.to_offset(freq)
        # "2D" is refused: two days are 48 hours only where no clock changes.
        length = pd.Timedelta(0) if isinstance(offset, pd.offsets.Day) else pd.Timedelta(offset)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        length = pd.Timedelta(0)
    if not length > pd.Timedelta(0):  # also where it is NaT
        raise UsageError(f"{freq!r} is no interval; use h, D, W, MS, YS, or a length such as 15min.")
    return length


@lru_cache(maxsize=64)
def zone_name(tz: str) -> str:
    """Check that `tz` is a time zone, and give it back.

    Raises:
        UsageError: It is none.
    """
    try:
        pd.Timestamp(0, tz=tz)
    except Exception:  # noqa: BLE001 - pandas and zoneinfo raise several kinds, all with the same meaning
        raise UsageError(f"{tz!r} is no IANA time zone; write e.g. Europe/Zurich.") from None
    return tz


def quarter_hour_zone(tz: str, begin: pd.Timestamp, end: pd.Timestamp) -> bool:
    """Whether local days of the range begin between full hours of UTC, so that hourly readings do not suffice."""
    # Kathmandu is at +05:45, Adelaide at +09:30. Looked at every two weeks, since a clock change may come between.
    months = pd.date_range(begin.tz_convert("UTC"), end.tz_convert("UTC") + pd.Timedelta(days=31), freq="14D")
    return bool(((months.tz_convert(tz).tz_localize(None) - months.tz_localize(None)) % pd.Timedelta(hours=1)).any())


def _ns(moment: pd.Timestamp | None) -> int | None:
    return None if moment is None else int(moment.as_unit("ns").value)


def _edge(given: Moment, reading: int | None, tz: str, name: str) -> int | None:
    return reading if given is None else _ns(parse_time(given, tz, name))


def _multiples(freq: str, length: pd.Timedelta, tz: str, begin: int, finish: int) -> Ints:
    """Multiples of a length since 1970, from at or before `begin` to after `finish`.

    Where the local clock is not at a full hour when UTC is, they are those of the local clock: it shows them. A time
    that the clock skips is the moment of its change; one that comes twice is two.
    """
    width = length.value
    low, high = begin // width, -(-finish // width) + 1
    if high - low > MAX_INTERVALS:
        raise UsageError(f"{high - low:,} intervals of {freq} are too short for the range; use a longer one.")
    if not _odd_clock(tz, *_decades(begin, finish)):
        return np.arange(low, high + 1, dtype=np.int64) * width
    reach = -(-DAY_NS // width)  # no clock is a day or more from UTC
    naive = pd.DatetimeIndex((np.arange(low - reach, high + reach + 1, dtype=np.int64) * width).view("M8[ns]"))
    found = []
    for first in (True, False):
        # Forward, pandas would shift to the next full hour; backward it is the last nanosecond before the change.
        moments = naive.tz_localize(tz, nonexistent="shift_backward", ambiguous=np.full(len(naive), first))
        found.append(moments.asi8 + (moments.tz_localize(None) != naive))
    return np.unique(np.concatenate(found))


@lru_cache(maxsize=64)
def _odd_clock(tz: str, first: int, after: int) -> bool:
    """`quarter_hour_zone` of whole decades; kept, since a fleet asks for the same again and again."""
    return quarter_hour_zone(tz, pd.Timestamp(f"{first}-01-01", tz="UTC"), pd.Timestamp(f"{after}-01-01", tz="UTC"))


def _decades(begin: int, finish: int) -> tuple[int, int]:
    """First years of the decade in which a range begins, and of that after its end, with some years of grace."""
    years = [1970 + moment // 31_556_952_000_000_000 for moment in (begin, finish)]
    return max((years[0] - 2) // 10 * 10, 1680), min((years[1] + 3) // 10 * 10 + 10, 2260)  # what 64 bits reach


@lru_cache(maxsize=128)
def _midnights(rule: str, tz: str, first: int, after: int) -> Ints:
    """The local midnights of a pandas rule in whole decades."""
    # Cached by decades, so that the same few serve all ranges of a fleet.
    days = pd.date_range(f"{first}-01-01", f"{after}-01-01", freq=rule)
    midnights = localized(days, tz)
    # Without days that a zone skips whole, such as 2011-12-30 in Samoa.
    midnights = midnights[midnights.tz_localize(None).normalize() == days]
    found: Ints = midnights.as_unit("ns").asi8
    found.flags.writeable = False  # the cache gives everyone the same array
    return found

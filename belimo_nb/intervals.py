"""Where days, months and years begin: local midnights, as moments."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from belimo_nb.errors import UsageError
from belimo_nb.periods import Period, parse_time

__all__ = ["CALENDAR", "Moment", "edges", "fixed_length", "quarter_hour_zone", "zone_name"]

Moment = str | date | None
"""A moment as people give it: text, a `date`, `datetime` or `Timestamp`; None where a default applies."""

CALENDAR = {
    "D": "D", "W": "W-MON", "M": "MS", "MS": "MS", "ME": "MS", "Q": "QS", "QS": "QS", "Y": "YS", "YS": "YS", "YE": "YS",
}  # fmt: skip
"""Frequencies that follow the local calendar, by the names people use for them."""

MOST = 2_000_000
"""Intervals; more is a typing error, not a question."""


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
    if len(times) == 0 and (start is None or end is None):
        return pd.DatetimeIndex([], tz=zone_name(tz))
    zone_name(tz)
    begin = times[0].tz_convert(tz) if start is None else parse_time(start, tz, "start")
    finish = times[-1].tz_convert(tz) if end is None else parse_time(end, tz, "end")
    if start is not None or end is not None:
        Period(begin, finish)  # refuses an empty range
    inside = _grid(begin, finish, freq, tz)
    if len(inside) > MOST:
        raise UsageError(f"{len(inside):,} intervals of {freq} are too many; use a longer interval or a shorter range.")
    below, above = inside[inside <= begin], inside[inside >= finish]
    begin = below[-1] if start is None else begin
    finish = (above[0] if above[0] > begin else above[1]) if end is None else finish
    inner = inside[(inside > begin) & (inside < finish)]
    return pd.DatetimeIndex([begin, *inner, finish]).as_unit("ns")


def fixed_length(freq: str) -> pd.Timedelta | None:
    """The length of intervals that are all alike, or None for those that follow the calendar.

    Raises:
        UsageError: It is no interval.
    """
    if freq in CALENDAR:
        return None
    try:
        offset = pd.tseries.frequencies.to_offset(freq)
        # Two days are 48 hours only where no clock changes.
        length = pd.Timedelta(0) if isinstance(offset, pd.offsets.Day) else pd.Timedelta(offset)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        length = pd.Timedelta(0)
    if not length > pd.Timedelta(0):  # also where it is NaT
        raise UsageError(f"{freq!r} is no interval; use h, D, W, MS, YS, or a length such as 15min.")
    return length


def zone_name(tz: str) -> str:
    """`tz`, if it is a time zone.

    Raises:
        UsageError: It is none.
    """
    try:
        pd.Timestamp(0, tz=tz)
    except Exception:  # noqa: BLE001 - pandas and zoneinfo raise several kinds, all with the same meaning
        raise UsageError(f"{tz!r} is no IANA time zone; write e.g. Europe/Zurich.") from None
    return tz


def quarter_hour_zone(tz: str, begin: pd.Timestamp, end: pd.Timestamp) -> bool:
    """True if local days of the range begin between full hours of UTC, so that hourly readings do not suffice."""
    months = pd.date_range(begin.tz_convert("UTC"), end.tz_convert("UTC") + pd.Timedelta(days=31), freq="14D")
    return bool(((months.tz_convert(tz).tz_localize(None) - months.tz_localize(None)) % pd.Timedelta(hours=1)).any())


def _grid(begin: pd.Timestamp, finish: pd.Timestamp, freq: str, tz: str) -> pd.DatetimeIndex:
    """Edges from at or before `begin` to after `finish`."""
    length = fixed_length(freq)
    if length is not None:
        low = begin.tz_convert("UTC").floor(length)
        high = finish.tz_convert("UTC").ceil(length) + length
        if (high - low) / length > MOST:
            raise UsageError(f"Intervals of {freq} are too short for {begin} to {finish}; use a longer one.")
        return pd.date_range(low, high, freq=length).tz_convert(tz)
    rule = CALENDAR[freq]
    offset = pd.tseries.frequencies.to_offset(rule)
    low = pd.Timestamp(begin.tz_localize(None).normalize())
    high = pd.Timestamp(finish.tz_localize(None).normalize())
    days = pd.date_range(offset.rollback(low), offset.rollforward(high) + 2 * offset, freq=rule)
    # A midnight that the clock skips is its first moment after; one that comes twice is the first of the two.
    midnights = days.tz_localize(tz, nonexistent="shift_forward", ambiguous=np.ones(len(days), bool))
    return midnights[midnights.tz_localize(None).normalize() == days]  # without days that are skipped (Samoa, 2011)

"""Moments: dates and times as users and the API write them, parsed to aware timestamps and formatted again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.errors import UsageError
from belimo_nb.quantities import plural

EARLIEST, LATEST = pd.Timestamp.min.ceil("s").tz_localize("UTC"), pd.Timestamp.max.floor("s").tz_localize("UTC")
"""The first and last moments that nanoseconds in 64 bits reach."""


def nanoseconds(index: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """The times, nanoseconds since 1970, UTC."""
    return index.asi8 if index.unit == "ns" else index.as_unit("ns").asi8  # a conversion takes long, also to the same


def to_api(moment: pd.Timestamp) -> str:
    """Format an aware moment as ISO 8601 in UTC, to the second."""
    return moment.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def from_api(texts: Iterable[Any]) -> pd.DatetimeIndex:
    """Parse ISO 8601 texts to an index in UTC; NaT for None, what is no time, and years out of reach."""
    values = pd.Series([text if isinstance(text, str) else None for text in texts], dtype=object)
    found = pd.to_datetime(values, utc=True, format="ISO8601", errors="coerce")
    return pd.DatetimeIndex(found.where(found.between(EARLIEST, LATEST))).as_unit("ns")


Moment = str | date | None
"""A moment as people give it: text, a `date`, `datetime` or `Timestamp`; None where a default applies."""
Local = TypeVar("Local", pd.Timestamp, pd.DatetimeIndex)

FIRST_YEAR, LAST_YEAR = 1700, 2200  # years whose every moment nanoseconds in 64 bits reach
TIME = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?)?\s*(Z|z|[+-]\d{2}(:?\d{2})?)?)?", re.ASCII
)
TIME_EXAMPLES = "2018-11-03 (local midnight), 2018-11-03T06:00 (local time) or 2018-11-03T05:00:00Z"


def parse_time(text: str | date | pd.Timestamp, tz: str, name: str = "time") -> pd.Timestamp:
    """Parse one moment.

    Args:
        text: ISO 8601: a date, or a date and a time with or without an offset; or a `date`, `datetime` or `Timestamp`.
        tz: IANA name of the site's zone. What comes without an offset is local: a date is its local midnight, or the
            day's first moment where the clock change skips midnight; of a doubled hour the first is taken.
        name: What to call the value in the error.

    Returns:
        An aware timestamp in `tz`.

    Raises:
        UsageError: It is no such moment.
    """
    moment: date | pd.Timestamp | str = text
    if isinstance(text, str):
        moment = text.strip()
        if not TIME.fullmatch(moment):
            raise _no_time(text, name)
    elif not isinstance(text, date) or pd.isna(text):  # datetime and Timestamp are dates, too
        raise _no_time(text, name)
    try:
        timestamp = pd.Timestamp(moment.replace(",", ".") if isinstance(moment, str) else moment)
        found = localized(timestamp, tz) if timestamp.tz is None else timestamp.tz_convert(tz)
    except (ValueError, OverflowError):
        raise _no_time(text, name) from None
    return _in_reach(found)


def localized(naive: Local, tz: str | tzinfo, ambiguous: Any = True) -> Local:
    """Naive local times as moments: one that the clock skips is the next there is, one that comes twice the first.

    With `ambiguous` False, or where an array of it is, the second.
    """
    found: Local = naive.tz_localize(tz, ambiguous=ambiguous, nonexistent="shift_forward")
    return found


def skipped(naive: pd.DatetimeIndex, tz: str | tzinfo) -> npt.NDArray[np.bool_]:
    """Which naive local times the clock skips."""
    every = np.ones(len(naive), bool)
    return np.asarray(naive.tz_localize(tz, ambiguous=every, nonexistent="NaT").isna(), bool)


def repeated(naive: pd.DatetimeIndex, tz: str | tzinfo) -> npt.NDArray[np.bool_]:
    """Which naive local times the clock shows twice."""
    return np.asarray(naive.tz_localize(tz, ambiguous="NaT", nonexistent="shift_forward").isna(), bool)


def local_midnight(year: int, month: int, day: int, tz: str) -> pd.Timestamp:
    """The first moment of a local day, aware, in `tz` (00:00 unless a clock change skips it)."""
    return _in_reach(localized(pd.Timestamp(year=year, month=month, day=day), tz))


def months_before(moment: pd.Timestamp, months: int, tz: str) -> pd.Timestamp:
    """The same local time `months` earlier (the month's last day where the day does not exist)."""
    try:
        found = localized(moment.tz_localize(None) - pd.DateOffset(months=months), tz)
    except (ValueError, OverflowError):
        raise UsageError(
            f"There is no date {plural(months, 'month')} before {as_text(moment)}; give a later one."
        ) from None
    return _in_reach(found)


def is_midnight(moment: pd.Timestamp) -> bool:
    """Whether a local day begins at an aware moment."""
    return bool(moment == localized(pd.Timestamp(moment.date()), str(moment.tz)))


def as_text(moment: pd.Timestamp) -> str:
    """Format an aware moment for messages: the local date, with the time of day unless it is midnight."""
    return moment.strftime("%Y-%m-%d" if is_midnight(moment) else "%Y-%m-%d %H:%M")


def _in_reach(moment: pd.Timestamp) -> pd.Timestamp:
    # Refused here with a sentence; later, pandas would overflow in the middle of some sum.
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise UsageError(f"The year {moment.year} is out of reach; give one from {FIRST_YEAR} to {LAST_YEAR}.")
    return moment


def _no_time(text: object, name: str) -> UsageError:
    shown = text.isoformat() if isinstance(text, datetime) else text
    return UsageError(f"The {name} {shown!r} is no date or time; write e.g. {TIME_EXAMPLES}.")

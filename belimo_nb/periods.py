"""Periods: from what people write ("2018-11", "last-month") to two moments in the site's zone.

Edges are local midnights of an IANA zone, so a day has 23, 24 or 25 hours. The end is exclusive everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

from belimo_nb.errors import UsageError

__all__ = ["Period", "local_midnight", "parse_time", "resolve"]

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DEFAULT_MONTHS = 12
EARLIEST, LATEST = 1700, 2200
"""Years whose every moment nanoseconds in 64 bits reach."""
TIME = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?)?\s*(Z|z|[+-]\d{2}(:?\d{2})?)?)?", re.ASCII
)
TIME_EXAMPLES = "2018-11-03 (local midnight), 2018-11-03T06:00 (local time) or 2018-11-03T05:00:00Z"
PERIOD_EXAMPLES = "2018, 2018-11, last-month, last-12-months or last-30-days"


@dataclass(frozen=True)
class Period:
    """A stretch of time at a site.

    Attributes:
        start: First moment, aware, in the site's zone.
        end: First moment after it, aware, in the same zone.
    """

    start: pd.Timestamp
    end: pd.Timestamp

    def __post_init__(self) -> None:
        if self.start.tz is None or self.end.tz is None:
            raise UsageError(f"The period from {self.start} to {self.end} has no time zone; give both edges one.")
        if not self.start < self.end:
            raise UsageError(
                f"The period starts at {_clock(self.start)}, which is not before its end at {_clock(self.end)}; "
                "give a start before the end (the end itself is not part of the period)."
            )

    @property
    def label(self) -> str:
        """What people call it: "2018", "November 2018", "2018-11-03 to 2018-11-20" with the last day included."""
        if not (_is_midnight(self.start) and _is_midnight(self.end)):
            return f"{_clock(self.start)} to {_clock(self.end)}"
        if self.start.day != 1 or self.end.day != 1:
            first, last = self.start.date(), _last_day(self.end)
            return str(first) if first == last else f"{first} to {last}"
        months = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month
        if self.start.month == 1 and months == 12:
            return str(self.start.year)
        first_month = f"{MONTHS[self.start.month - 1]} {self.start.year}"
        last_month = _last_day(self.end)
        if months == 1:
            return first_month
        return f"{first_month} to {MONTHS[last_month.month - 1]} {last_month.year}"

    @property
    def year_before(self) -> Period:
        """The same calendar days a year earlier."""
        zone = str(self.start.tz)
        return Period(_months_before(self.start, 12, zone), _months_before(self.end, 12, zone))

    @property
    def days(self) -> int:
        """Number of local calendar days that it touches."""
        return (_last_day(self.end) - self.start.date()).days + 1


def parse_time(text: str | date | pd.Timestamp, tz: str, name: str = "time") -> pd.Timestamp:
    """Read one moment.

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
        stamp = pd.Timestamp(moment.replace(",", ".") if isinstance(moment, str) else moment)
        found = _localized(stamp, tz) if stamp.tz is None else stamp.tz_convert(tz)
    except (ValueError, OverflowError):
        raise _no_time(text, name) from None
    return _in_reach(found)


def local_midnight(year: int, month: int, day: int, tz: str) -> pd.Timestamp:
    """The first moment of a local day, aware, in `tz` (00:00 unless a clock change skips it)."""
    return _in_reach(_localized(pd.Timestamp(year=year, month=month, day=day), tz))


def resolve(
    start: str | date | pd.Timestamp | None = None,
    end: str | date | pd.Timestamp | None = None,
    *,
    period: str | None = None,
    now: pd.Timestamp,
    tz: str,
) -> Period:
    """Turn what was asked for into a period; blank means not given.

    Args:
        start: First moment (see `parse_time`). Alone: up to `now`.
        end: First moment after the period. Alone: the 12 months before it.
        period: Instead of both: ``2018``, ``2018-11``, ``last-month``, ``last-N-months`` or ``last-N-days`` (full
            local months or days before `now`).
        now: What "last" is relative to, aware.
        tz: IANA name of the site's zone.

    Returns:
        The period; with nothing given the last 12 full months before `now`.

    Raises:
        UsageError: A value cannot be read, both forms are mixed, the end is not after the start, or the period lies
            in the future entirely.
    """
    start, end, period = _given(start), _given(end), _given(period)
    now = now.tz_convert(tz)
    if period is not None:
        if start is not None or end is not None:
            raise UsageError(
                f"Both a period ({period}) and a start or end are given; give the period alone, or start and end."
            )
        found = _named(period, now, tz)
    else:
        last = parse_time(end, tz, "end") if end is not None else None
        if start is not None:
            first = parse_time(start, tz, "start")
            if last is None and first >= now:
                raise UsageError(f"The start, {_clock(first)}, lies in the future: it is {_clock(now)} now.")
        else:
            first = _months_before(last if last is not None else _month_start(now, tz), DEFAULT_MONTHS, tz)
            last = last if last is not None else _month_start(now, tz)
        found = Period(first, last if last is not None else now)
    if found.start >= now:
        raise UsageError(
            f"The period {found.label} lies in the future: it is {_clock(now)} now; give one that has begun."
        )
    return found


def _named(text: str, now: pd.Timestamp, tz: str) -> Period:
    """The period that a name like "2018-11" or "last-12-months" stands for."""
    name = str(text).strip().lower()
    for pattern, make in _FORMS:
        match = re.fullmatch(pattern, name, re.ASCII)
        if match:
            try:
                return make(match, now, tz)
            except UsageError:
                raise
            except (ValueError, OverflowError):
                break
    raise UsageError(f"The period {text!r} cannot be read; write e.g. {PERIOD_EXAMPLES}.")


def _year(match: re.Match[str], now: pd.Timestamp, tz: str) -> Period:
    year = int(match[1])
    return Period(local_midnight(year, 1, 1, tz), local_midnight(year + 1, 1, 1, tz))


def _month(match: re.Match[str], now: pd.Timestamp, tz: str) -> Period:
    year, month = int(match[1]), int(match[2])
    return Period(local_midnight(year, month, 1, tz), local_midnight(year + month // 12, month % 12 + 1, 1, tz))


def _last_months(match: re.Match[str], now: pd.Timestamp, tz: str) -> Period:
    end = _month_start(now, tz)
    return Period(_months_before(end, int(match[1] or 1), tz), end)


def _last_days(match: re.Match[str], now: pd.Timestamp, tz: str) -> Period:
    first = pd.Timestamp(now.date()) - pd.Timedelta(days=int(match[1]))
    end = local_midnight(now.year, now.month, now.day, tz)
    return Period(local_midnight(first.year, first.month, first.day, tz), end)


_FORMS: tuple[tuple[str, Callable[[re.Match[str], pd.Timestamp, str], Period]], ...] = (
    (r"(\d{4})", _year),
    (r"(\d{4})-(\d{2})", _month),
    (r"last-month()", _last_months),
    (r"last-([1-9]\d{0,3})-months?", _last_months),
    (r"last-([1-9]\d{0,4})-days?", _last_days),
)


def _months_before(moment: pd.Timestamp, months: int, tz: str) -> pd.Timestamp:
    """The same local time `months` earlier (the month's last day where the day does not exist)."""
    try:
        found = _localized(moment.tz_localize(None) - pd.DateOffset(months=months), tz)
    except (ValueError, OverflowError):
        raise UsageError(f"There is no date {months} months before {_clock(moment)}; give a later one.") from None
    return _in_reach(found)


def _month_start(moment: pd.Timestamp, tz: str) -> pd.Timestamp:
    return local_midnight(moment.year, moment.month, 1, tz)


def _localized(naive: pd.Timestamp, tz: str) -> pd.Timestamp:
    return naive.tz_localize(tz, ambiguous=True, nonexistent="shift_forward")


def _in_reach(moment: pd.Timestamp) -> pd.Timestamp:
    if not EARLIEST <= moment.year <= LATEST:
        raise UsageError(f"The year {moment.year} is out of reach; give one from {EARLIEST} to {LATEST}.")
    return moment


def _is_midnight(moment: pd.Timestamp) -> bool:
    return bool(moment == _localized(pd.Timestamp(moment.date()), str(moment.tz)))


def _last_day(end: pd.Timestamp) -> date:
    """The local day of the last moment before `end`."""
    return (end - pd.Timedelta(1, "us")).date()


def _given(value: Any) -> Any:
    """None for what was left blank, as notebook parameters and shell variables do."""
    return None if isinstance(value, str) and not value.strip() else value


def _clock(moment: pd.Timestamp) -> str:
    return moment.strftime("%Y-%m-%d" if _is_midnight(moment) else "%Y-%m-%d %H:%M")


def _no_time(text: object, name: str) -> UsageError:
    shown = text.isoformat() if isinstance(text, datetime) else text
    return UsageError(f"The {name} {shown!r} is no date or time; write e.g. {TIME_EXAMPLES}.")

"""Periods: "2018-11" or "last-month", parsed to two moments in the site's zone.

Edges are local midnights of an IANA zone, so a day has 23, 24 or 25 hours. The end is exclusive everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from belimo_nb.calendar.moments import Moment, as_text, is_midnight, local_midnight, months_before, parse_time
from belimo_nb.errors import UsageError

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DEFAULT_MONTHS = 12
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
                f"The period starts at {as_text(self.start)}, which is not before its end at {as_text(self.end)}; "
                "give a start before the end (the end itself is not part of the period)."
            )

    @property
    def label(self) -> str:
        """Its name in titles: "2018", "November 2018", "2018-11-03 to 2018-11-20" with the last day included."""
        if not (is_midnight(self.start) and is_midnight(self.end)):
            return f"{as_text(self.start)} to {as_text(self.end)}"
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
    def name(self) -> str:
        """Its name as that of a folder: "2018", "2018-11", "2017-12_2018-11", "2018-11-03_2018-11-20"."""
        if not (is_midnight(self.start) and is_midnight(self.end)):
            return f"{self.start:%Y-%m-%dT%H%M%S}_{self.end:%Y-%m-%dT%H%M%S}"
        first, last = str(self.start.date()), str(_last_day(self.end))
        if self.start.day == self.end.day == 1:
            first, last = first[:7], last[:7]
            if (first[5:], last) == ("01", f"{first[:4]}-12"):
                return first[:4]
        return first if first == last else f"{first}_{last}"

    @property
    def year_before(self) -> Period:
        """The same calendar days a year earlier."""
        zone = str(self.start.tz)
        return Period(months_before(self.start, 12, zone), months_before(self.end, 12, zone))

    def beside(self, compared: Period) -> Period:
        """What is laid beside this period, as measured, where it is compared with another.

        The same days of the calendar in the other, or the year before where the other is the default; the other itself
        where it does not have these days.
        """
        if compared == baseline(self):
            return self.year_before
        zone, found = str(self.start.tz), self.year_before
        for years in range(2, self.start.year - compared.start.year + 2):
            if compared.start <= found.start and found.end <= compared.end:
                return found
            found = Period(months_before(self.start, 12 * years, zone), months_before(self.end, 12 * years, zone))
        return compared

    @property
    def days(self) -> int:
        """Number of local calendar days that it touches."""
        return (_last_day(self.end) - self.start.date()).days + 1


def resolve(
    start: Moment = None, end: Moment = None, *, period: str | None = None, now: pd.Timestamp, tz: str
) -> Period:
    """Parse the period that a user asks for; blank means not given.

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
                raise UsageError(f"The start, {as_text(first)}, lies in the future: it is {as_text(now)} now.")
        else:
            first = months_before(last if last is not None else _month_start(now, tz), DEFAULT_MONTHS, tz)
            last = last if last is not None else _month_start(now, tz)
        found = Period(first, last if last is not None else now)
    if found.start >= now:
        raise UsageError(
            f"The period {found.label} lies in the future: it is {as_text(now)} now; give one that has begun."
        )
    return found


def _named(text: str, now: pd.Timestamp, tz: str) -> Period:
    """Parse a period's name, such as "2018-11" or "last-12-months"."""
    name = str(text).strip().lower()
    for pattern, make in _FORMS:
        match = re.fullmatch(pattern, name, re.ASCII)
        if match:
            try:
                return make(match, now, tz)
            except UsageError:
                raise
            except (ValueError, OverflowError):  # "2018-13" has the form of a month, but is none
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
    return Period(months_before(end, int(match[1] or 1), tz), end)


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


def _month_start(moment: pd.Timestamp, tz: str) -> pd.Timestamp:
    return local_midnight(moment.year, moment.month, 1, tz)


def _last_day(end: pd.Timestamp) -> date:
    """The local day of the last moment before `end`."""
    # The end is exclusive: a period until midnight does not touch the day that begins then.
    return (end - pd.Timedelta(1, "us")).date()


def _given(value: Any) -> Any:
    # Notebook parameters and shell variables can be blank, but not missing.
    return None if isinstance(value, str) and not value.strip() else value


def baseline(period: Period, text: str | None = "") -> Period:
    """Parse the period to compare with, by default the year before.

    Args:
        period: What is compared.
        text: Blank for the 12 months before its first day; a period such as ``2016`` or ``2016-11``; or a first day,
            from which on it is as long.

    Raises:
        UsageError: The text cannot be read, or the period it means does not begin earlier.
    """
    given = str(text or "").strip()
    zone = str(period.start.tz)
    if not given:
        # A month is held against a whole year's weather: its own a year before seldom was as cold or as warm.
        begin = local_midnight(period.start.year, period.start.month, period.start.day, zone)
        return Period(months_before(begin, DEFAULT_MONTHS, zone), begin)
    try:
        start = parse_time(given, zone, "compare")
    except UsageError:
        found = resolve(period=given, now=period.end, tz=zone)
    else:
        found = _as_long(period, start, zone)
    if found.start >= period.start:
        raise UsageError(
            f"The period to compare with, {found.label}, does not begin before {period.label}; give an earlier one."
        )
    return found


def _as_long(period: Period, start: pd.Timestamp, zone: str) -> Period:
    """The period from `start` on that is as long as `period`."""
    # In months if it is whole months away, since a February compared with another may have a day less; else in days.
    first, last, begin = (moment.tz_localize(None) for moment in (period.start, period.end, start))
    months = pd.DateOffset(months=(first.year - begin.year) * 12 + first.month - begin.month)
    end = last - months if first - months == begin else begin + (last.normalize() - first.normalize())
    return Period(start, parse_time(end, zone, "compare"))

"""The period that another one is compared with."""

from __future__ import annotations

import pandas as pd

from belimo_nb.calendar.moments import parse_time
from belimo_nb.calendar.periods import Period, resolve
from belimo_nb.errors import UsageError

__all__ = ["baseline"]


def baseline(period: Period, text: str | None = "") -> Period:
    """What a period is compared with.

    Args:
        period: What is compared.
        text: Blank for the same days a year earlier; a period such as ``2016`` or ``2016-11``; or a first day, from
            which on it is as long.

    Raises:
        UsageError: The text cannot be read, or the period it means does not begin earlier.
    """
    given = str(text or "").strip()
    if not given:
        return period.year_before
    zone = str(period.start.tz)
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
    """The period from `start` on: as many months if it is months away, else as many days."""
    first, last, begin = (moment.tz_localize(None) for moment in (period.start, period.end, start))
    months = pd.DateOffset(months=(first.year - begin.year) * 12 + first.month - begin.month)
    end = last - months if first - months == begin else begin + (last.normalize() - first.normalize())
    return Period(start, parse_time(end, zone, "compare"))

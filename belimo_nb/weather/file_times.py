"""The times of a weather file: read in one way from the first line to the last, or refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.calendar.moments import localized, repeated, skipped
from belimo_nb.errors import UsageError

CLOCK = r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?\s*(?P<half>[ap]\.?m\.?)?"
OFFSET = r"\s*(?P<offset>z|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
FORMS = {
    "year first": r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
    "day.month.year": r"(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4}|\d{2})",
    "slashes": r"(?P<one>\d{1,2})(?P<mark>[-/])(?P<other>\d{1,2})(?P=mark)(?P<year>\d{4})",
    "digits": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
}
PATTERNS = {
    name: re.compile(rf"{form}(?:(?:T|,?\s+|,|\s-\s){CLOCK}{OFFSET})?", re.IGNORECASE | re.ASCII)
    for name, form in FORMS.items()
} | {
    # As weather services write them: 2018110306, 201811030600.
    "more digits": re.compile(rf"{FORMS['digits']}T?(?P<hour>\d{{2}})(?P<minute>\d{{2}})?(?P<second>\d{{2}})?{OFFSET}")
}
EXAMPLE = "write e.g. 2018-11-03T06:00"
FIXED = re.compile(
    r"(?:utc|gmt)?\s*(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?", re.IGNORECASE | re.ASCII
)
ZONES = {"utc": "UTC", "gmt": "UTC", "z": "UTC", "mez": "+01:00", "cet": "+01:00"}


def is_clock(column: pd.Series[Any]) -> bool:
    """Whether a column has bare clock times, such as 06:00 or 18."""
    texts = column[column != ""]
    return bool(len(texts)) and bool(texts.str.fullmatch(CLOCK, case=False).all())


def is_date(column: pd.Series[Any]) -> bool:
    """Whether a column has dates without clock times."""
    texts = column[column != ""]
    found = [_match(text) for text in texts.head(50)]
    return bool(found) and all(form and not match["hour"] for form, match in found)


def parse_times(texts: pd.Series[Any], what: str, tz: str, zone: str = "") -> tuple[pd.DatetimeIndex, str]:
    """Read times as people write them, all in one way.

    - 2018-11-03T06:00, 2018/11/03 06:00, 20181103 0600: the year first;
    - 03.11.2018 06:00: the day first;
    - 11/03/2018 06:00, 03-11-2018 06:00: day or month first, as the file's days above 12 tell; if none does, they are
      refused;
    - each with or without seconds, AM or PM, an offset (Z, +01:00), or any clock time; 24:00 is the day's end.

    Args:
        texts: The times.
        what: What to call the file in errors.
        tz: IANA zone of times that do not say theirs.
        zone: What the name of the column says of it: UTC, UTC+1, an IANA zone; "" if nothing.

    A file that has the hour that the clocks of `tz` skip in spring is in winter time all year, and read as such.

    Returns:
        Aware times, UTC; and what the reader of a report should know of them, or "".

    Raises:
        UsageError: A time cannot be read, the times are not all of one form, or it cannot be told whether their clock
            changes in autumn.
    """
    matches = [_match(text) for text in texts]
    bad = next((text for text, (form, _) in zip(texts, matches, strict=True) if not form), None)
    if bad is not None:
        raise UsageError(f"{what} has the time {bad!r}; {EXAMPLE}.")
    forms = [form for form, _ in matches]
    if len(set(forms)) > 1:
        other = texts.iloc[next(i for i, form in enumerate(forms) if form != forms[0])]
        raise UsageError(f"{what} has times in two forms, {texts.iloc[0]!r} and {other!r}; use one, {EXAMPLE}.")
    fields = [match for _, match in matches]
    offsets = {bool(match["offset"]) for match in fields}
    if len(offsets) > 1:
        raise UsageError(f"{what} has times with and without an offset; use one form.")
    if forms and forms[0] == "slashes":
        day, month = _order(fields, list(texts), what)
        fields = [match | {"day": match[day], "month": match[month]} for match in fields]
    local = pd.DatetimeIndex([_naive(match, text, what) for match, text in zip(fields, texts, strict=True)]).as_unit(
        "ns"
    )
    if offsets == {True}:
        shifts = pd.TimedeltaIndex([_offset(match["offset"]) for match in fields])
        return (local - shifts).tz_localize("UTC"), ""
    return _localized(local, what, tz, zone)


def _match(text: str) -> tuple[str, dict[str, Any]]:
    for name, pattern in PATTERNS.items():
        if found := pattern.fullmatch(str(text).strip()):
            return name, {"half": None} | found.groupdict()
    return "", {}


def _order(fields: list[dict[str, Any]], texts: list[str], what: str) -> tuple[str, str]:
    """Which of the two numbers is the day, which the month."""
    firsts, seconds = ([int(match[name]) for match in fields] for name in ("one", "other"))
    day_first, month_first = max(firsts) > 12, max(seconds) > 12
    if day_first == month_first:
        why = "of both orders" if day_first else "in which day and month cannot be told apart"
        raise UsageError(f"{what} has dates {why}, such as {texts[0]!r}; write the year first, e.g. 2018-11-03.")
    return ("one", "other") if day_first else ("other", "one")


def _naive(match: dict[str, Any], text: str, what: str) -> pd.Timestamp:
    year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if match["half"]:
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0) if 1 <= hour <= 12 else 99
    midnight = hour == 24 and minute == second == 0
    try:
        if not 1900 <= year <= 2100:
            raise ValueError
        found = pd.Timestamp(year, int(match["month"]), int(match["day"]), 0 if midnight else hour, minute, second)
    except ValueError:
        raise UsageError(f"{what} has the time {text!r}, which does not exist; {EXAMPLE}.") from None
    return found + pd.Timedelta(days=1) if midnight else found


def _offset(text: str) -> pd.Timedelta:
    if text.lower() in ZONES:
        return pd.Timedelta(0)
    hours, minutes = int(text[1:3]), int(text[3:].replace(":", "") or 0)
    return (-1 if text[0] == "-" else 1) * pd.Timedelta(hours=hours, minutes=minutes)


def _localized(local: pd.DatetimeIndex, what: str, tz: str, zone: str) -> tuple[pd.DatetimeIndex, str]:
    """Times of a clock, which the name of their column tells, or else `tz`."""
    named = ZONES.get(zone.lower(), zone)
    if fixed := FIXED.fullmatch(named):
        shift = pd.Timedelta(hours=int(fixed["hours"]), minutes=int(fixed["minutes"] or 0))
        return (local - (shift if fixed["sign"] == "+" else -shift)).tz_localize("UTC"), ""
    if named:
        try:
            return localized(local, named, ~local.duplicated()).tz_convert("UTC"), ""
        except (KeyError, ValueError, OSError):
            pass  # "local", "h", "hh:mm": no zone
    twice, absent = local[repeated(local, tz)], local[skipped(local, tz)]
    if len(absent) and not twice.has_duplicates:
        turns = pd.DatetimeIndex([pd.Timestamp(absent[0].year, month, 1) for month in (1, 7)])
        winter = (turns - turns.tz_localize(tz).tz_convert("UTC").tz_localize(None)).min()
        told = (
            f"{what} has {absent[0]:%Y-%m-%d %H:%M}, which the clocks in {tz} skip, so it is read as winter time all "
            "year; if it is in UTC, name the column 'time (UTC)'."
        )
        return (local - winter).tz_localize("UTC"), told
    if len(absent) or _once(local, twice, tz):
        odd = absent[0] if len(absent) else twice[0]
        raise UsageError(
            f"{what} has no clock change at {odd:%Y-%m-%d %H:%M}, unlike {tz}: is it in winter time all year, or UTC? "
            f"Say so in the name of its column, e.g. 'time (UTC+1)' or 'time (UTC)'; if neither, 'time ({tz})'."
        )
    # Of the hour that comes twice the first is meant once, the second where the time is repeated.
    return localized(local, tz, ~local.duplicated()).tz_convert("UTC"), ""


def _once(local: pd.DatetimeIndex, twice: pd.DatetimeIndex, tz: str) -> bool:
    """Whether a file without a break has the hour that comes twice but once, and nothing else tells its clock."""
    times = local.unique().sort_values()
    if not len(twice) or twice.has_duplicates or len(times) < 2:
        return False
    step = pd.Timedelta(np.median(np.diff(times.asi8)))
    gaps = times[:-1][np.diff(times.asi8) > step.value]
    # Where the file, too, leaves out what the clocks skip in spring, its clock is that of the zone.
    if skipped(gaps + step, tz).any():
        return False
    last = twice[twice < twice.min() + pd.Timedelta(days=1)].max()
    return twice.min() - step in times and last + step in times

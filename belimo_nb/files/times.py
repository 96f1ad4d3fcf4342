"""The times of data files: parsed as their mapping says, and made moments, clock changes included."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.calendar.moments import localized, repeated, skipped
from belimo_nb.errors import UsageError
from belimo_nb.files.mapping import OWN_OFFSET, UNSURE

Seconds = npt.NDArray[np.int64]
NO_TIME = np.iinfo(np.int64).min
FIRST_S = 946_684_800  # 2000-01-01: a meter that tells earlier times has lost its clock
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?\s?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
EXCEL_DAY_0 = 25_569  # the number that spreadsheets give to 1970-01-01
MONTHS = {"mär": "Mar", "mrz": "Mar", "mai": "May", "okt": "Oct", "dez": "Dec"}
ZONES = {
    "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2, "EEST": 3,
    "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
"""Hours from UTC of the short names of zones that mean one thing; CST is Chicago's or China's, which a zone tells."""
OFFSET = re.compile(r".*\d\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2})", re.ASCII | re.DOTALL)


def parse(columns: Sequence[pd.Series[Any]], form: str, zone: str, what: str) -> Seconds:
    """Parse times to seconds since 1970 of their own clock (of UTC where they say an offset); `NO_TIME` where empty.

    Args:
        columns: The texts, or those of dates and those of clock times.
        form: See `FileMapping.format`; with %Z, a short name such as CEST ends the time.
        zone: See `FileMapping.zone`.
        what: What to call the file in errors.

    Raises:
        UsageError: One is not written so.
    """
    texts = columns[0].str.strip() if len(columns) == 1 else columns[0].str.strip() + " " + columns[1].str.strip()
    # Times repeat in long files, and in those of many devices.
    codes, uniques = pd.factorize(texts)
    unique = pd.Series(np.asarray(uniques, dtype=object), dtype=object)
    lines = unique.str.contains(r"\d", regex=True).to_numpy(dtype=bool)
    lines = lines | ~lines.any()  # a time without a digit is the name of a line of totals
    found = np.full(len(unique), NO_TIME)
    found[lines] = _parse_unique(unique[lines], form, zone, what)
    if (wrong := (found == NO_TIME) & lines).any():
        bad = str(unique[wrong].iloc[0])[:40]
        how = "is not written like the others" if form == "iso" else f"is not of the form {form!r}"
        raise UsageError(f"{what} has the time {bad!r}, which {how}; correct the file, or the format in a mapping.")
    return np.append(found, NO_TIME)[codes]  # code -1, for empty ones, is the last


def _parse_unique(texts: pd.Series[Any], form: str, zone: str, what: str) -> Seconds:
    if form == "excel" or form.startswith("epoch"):
        numbers = pd.to_numeric(texts.str.replace(",", "."), errors="coerce").to_numpy(dtype=float)
        seconds = numbers / 1000 if form == "epoch ms" else numbers
        if form == "excel":  # with few decimals a minute is not hit to the second
            seconds = np.round((numbers - EXCEL_DAY_0) * 86400)
            minutes = np.round(seconds / 60) * 60
            seconds = np.where(np.abs(seconds - minutes) <= 5, minutes, seconds)
        good = np.abs(seconds) < 1e11
        return np.where(good, np.ceil(np.where(good, seconds, 0)), NO_TIME).astype(np.int64)
    if "%b" in form:
        texts = texts.str.replace(r"[^\W\d]{3,}", _short_month, n=1, regex=True)
    if "%Z" in form:
        offsets = zone_names(zone)
        texts = texts.str.replace(r"\b[^\W\d]{2,5}$", lambda name: offsets.get(name[0], name[0]), regex=True)
    if "%z" in form:
        texts = texts.str.replace(r"(?:GMT|UTC)(?=[+-]\d)", "", regex=True)
    return _parse_texts(texts, form.replace("%Z", "%z"), zone == OWN_OFFSET, what)


def _short_month(name: re.Match[str]) -> str:
    return MONTHS.get(name[0][:3].casefold(), name[0][:3])


def zone_names(zone: str) -> dict[str, str]:
    """The offsets that short names of zones mean, such as "+0200" for CEST, those of a zone itself first."""
    found = {name: f"{hours:+03d}00" for name, hours in ZONES.items()}
    for month in (1, 7) if zone not in (OWN_OFFSET, UNSURE) else ():
        moment = datetime(2020, month, 1, tzinfo=zone_of(zone))
        found[f"{moment:%Z}"] = f"{moment:%z}"
    return found


def _parse_texts(texts: pd.Series[Any], form: str, own_offset: bool, what: str) -> Seconds:
    # 24:00 is the end of the day; strptime does not know it.
    late = texts.str.contains(r"(?<!\d)24:00(?::00)?(?!\d)", regex=True)
    plain = texts.where(~late, texts.str.replace(r"(?<!\d)24:00", "00:00", regex=True))
    offsets = texts.map(lambda text: OFFSET.fullmatch(text) is not None).astype(bool)
    if form == "iso" and len(texts) and (offsets != own_offset).any():
        odd = texts[offsets != own_offset].iloc[0]
        how = "with an offset, though a zone is said" if not own_offset else "without an offset, unlike others"
        raise UsageError(
            f"{what} has the time {str(odd)[:40]!r}, {how}; say zone in a mapping, {OWN_OFFSET!r} for own."
        )
    try:
        found = pd.to_datetime(
            plain, format="ISO8601" if form == "iso" else form, errors="coerce", utc=own_offset or "%z" in form
        )
    except (ValueError, TypeError, OverflowError, re.error) as error:
        raise UsageError(f"{what}: times of the form {form!r} cannot be read ({str(error)[:80]}).") from None
    moments = pd.DatetimeIndex(found)
    moments = moments.tz_convert("UTC").tz_localize(None) if moments.tz is not None else moments
    nanos = moments.as_unit("us").asi8
    seconds = np.where(moments.isna(), NO_TIME, -(-nanos // 1_000_000))
    return np.where(late.to_numpy() & (seconds != NO_TIME), seconds + 86400, seconds)


def forms(text: str) -> list[str]:
    """The forms, as strptime has them, that a time may be of."""
    digits = re.fullmatch(r"\d{9,14}", text)
    if digits:
        return {9: ["epoch s"], 10: ["epoch s"], 12: ["epoch ms"], 13: ["epoch ms"]}.get(len(text), ["%Y%m%d%H%M%S"])
    if ISO.fullmatch(text):
        return ["iso"]
    if re.fullmatch(r"[2-7]\d{4}([.,]\d+)?", text):
        return ["excel"]
    clock = r"([T ,]+)(\d{1,2}):\d{2}(:\d{2}(\.\d+)?)?(\s?)([AaPp][Mm])?(\s?)(\S+)?"
    match = re.fullmatch(rf"(.+?)(?:{clock})?", text)
    if not match:
        return []
    gap, half, clock = match[2], match[7], ""
    if gap is not None:
        clock = f"{gap}{'%I' if half else '%H'}:%M{':%S' if match[4] else ''}{'.%f' if match[5] else ''}"
        clock += f"{match[6]}%p" if half else ""
        if match[9]:
            named = re.fullmatch(r"[^\W\d]{2,5}", match[9])
            clock += f"{match[8] if half else match[6]}{'%Z' if named else '%z'}"
    return [order + clock for order in _orders(match[1])]


def _orders(date: str) -> list[str]:
    """The forms that a date may be of."""
    if match := re.fullmatch(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{2,4})", date, re.ASCII):
        mark, year = match[2], "%Y" if len(match[4]) == 4 else "%y"
        if len(match[1]) == 4:
            return [f"%Y{mark}%m{mark}%d"]
        # Nobody writes the month first with dots.
        return [f"%d{mark}%m{mark}{year}", *([f"%m{mark}%d{mark}{year}"] if mark != "." else [])]
    if match := re.fullmatch(r"\d{1,2}(\W+)[^\W\d]{3,}(\W+)(\d\d|\d{4})", date):
        return [f"%d{match[1]}%b{match[2]}{'%Y' if len(match[3]) == 4 else '%y'}"]
    if match := re.fullmatch(r"[^\W\d]{3,}(\W+)\d{1,2}(\W+)\d{4}", date):
        return [f"%b{match[1]}%d{match[2]}%Y"]
    return []


def zone_of(text: str) -> tzinfo:
    """A zone by its IANA name, or a fixed offset such as "+01:00" or "UTC+1".

    Raises:
        UsageError: It is neither.
    """
    match = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", text.strip(), re.IGNORECASE | re.ASCII)
    if match and int(match[2]) <= 14 and int(match[3] or 0) < 60:
        shift = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return timezone(shift if match[1] == "+" else -shift)
    try:
        return ZoneInfo(text)
    except Exception:  # noqa: BLE001 - zoneinfo raises several kinds for odd keys, all with the same meaning
        raise UsageError(
            f"The time zone {text[:60]!r} is not known; write e.g. Europe/Zurich, UTC or +01:00."
        ) from None


def to_utc(local: Seconds, zone: str, doubled: str, what: str) -> Seconds:
    """Make times of a clock, in the order of the file, seconds since 1970.

    Raises:
        UsageError: The clock is not that of the zone, or it cannot be told which of two equal times is the first.
    """
    tz = zone_of("UTC" if zone in (OWN_OFFSET, UNSURE) else zone)
    if isinstance(tz, timezone) or zone in (OWN_OFFSET, UNSURE, "UTC"):
        shift = tz.utcoffset(None)
        found = local - int(shift.total_seconds() if shift else 0)
    else:
        found = _through_clock_changes(local, tz, zone, doubled, what)
    return _checked(found, what)


def _checked(found: Seconds, what: str) -> Seconds:
    now = pd.Timestamp.now("UTC").timestamp()
    if (odd := found[(found < FIRST_S) | (found > now + 86400)]).size:
        moment = np.datetime64(int(odd[0]), "s")
        when = "in the future" if odd[0] > now else "before there were such meters"
        raise UsageError(
            f"{what} has the time {str(moment).replace('T', ' ')} UTC, {when}; correct it, or its format or zone."
        )
    return found


def _through_clock_changes(local: Seconds, tz: tzinfo, zone: str, doubled: str, what: str) -> Seconds:
    naive = pd.DatetimeIndex(local.astype("datetime64[s]"))
    absent, twice = skipped(naive, tz), repeated(naive, tz)
    advice = "UTC or e.g. +01:00 (winter time all year)"
    if absent.any():
        raise UsageError(
            f"{what} has the time {naive[absent][0]:%Y-%m-%d %H:%M}, which clocks in {zone} skip; whose is it? "
            f"Say it with --timezone, {advice}."
        )
    second = np.zeros(len(local), bool)
    if twice.any():
        others = local[~twice]
        rises = others[1:] - others[:-1]
        falling = bool((rises <= 0).all() and (rises < 0).any())
        order = np.flatnonzero(twice)[:: -1 if falling else 1]
        # Where the clock falls back, it shows a time that it has shown; from there on the second hour is meant.
        shown = pd.Series(local[order]).groupby(local[order] // 86400)
        back = (shown.cummax().groupby(local[order] // 86400).shift() >= local[order]).groupby(local[order] // 86400)
        second[order] = back.cummax()
        single = ~np.asarray(back.transform("any"), bool)
        if not single.all() and not falling and (rises < 0).any():
            raise UsageError(
                f"{what} has {naive[twice][0]:%Y-%m-%d %H:%M} twice, when clocks in {zone} change, and its times are "
                "not in order: which of them is the first? Sort the file, or give times with an offset."
            )
        step = np.median(np.diff(np.unique(local)))
        if single.any() and step <= 3600 and not doubled:
            raise UsageError(
                f"{what} has {naive[order[single][0]]:%Y-%m-%d %H:%M} once, which clocks in {zone} show twice: is its "
                f'clock another (--timezone {advice}), or which of both is it (doubled = "first" or "second" in a '
                "mapping)?"
            )
        second[order[single]] = doubled == "second"
    return np.asarray(localized(naive, tz, ~second).as_unit("s").asi8)

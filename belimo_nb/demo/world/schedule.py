"""The simulation's time grid, and weekly schedules by the site's clock, daylight saving time included."""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from belimo_nb.demo.world.noise import FloatArray

HISTORY_BEGIN = 1480550400  # 2016-12-01T00:00:00Z
NOW = 1543622400  # 2018-12-01T00:00:00Z
HORIZON = 1575158400  # 2019-12-01T00:00:00Z
STEP = 300  # seconds between native samples
SAMPLES = (HORIZON - HISTORY_BEGIN) // STEP
HOURS = (HORIZON - HISTORY_BEGIN) // 3600
PER_HOUR = 3600 // STEP
SITE_ZONE = "Europe/Zurich"

_SNAPSHOT_HOUR = 2
_DAY = 86400
_SLOTS_A_DAY = _DAY // STEP
_MONDAY = 4 * _DAY  # 1970-01-05 was a Monday


def _utc_offset(zone: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def daily_snapshot(at: int) -> int:
    """The last 02:00 of the site's clock at or before a time (both epoch seconds)."""
    zone = ZoneInfo(SITE_ZONE)
    day = datetime.fromtimestamp(at, zone).replace(hour=_SNAPSHOT_HOUR, minute=0, second=0, microsecond=0, fold=0)
    taken = int(day.timestamp())
    return taken if taken <= at else int((day - timedelta(days=1)).timestamp())


@functools.cache
def local_offsets() -> npt.NDArray[np.int64]:
    """UTC offset of the site in seconds for every hour of the horizon, shape (HOURS,)."""
    zone = ZoneInfo(SITE_ZONE)
    days = range(HISTORY_BEGIN, HORIZON + _DAY, _DAY)
    at_midnight = [_utc_offset(zone, day) for day in days]
    offsets: list[int] = []
    # Hour by hour only on the days on which the clock changes: zoneinfo is slow, and every process computes this.
    for day, before, after in zip(days, at_midnight, at_midnight[1:], strict=False):
        if before == after:
            offsets += [before] * 24
        else:
            offsets += [_utc_offset(zone, day + hour * 3600) for hour in range(24)]
    return np.array(offsets, dtype=np.int64)


@functools.cache
def local_days() -> npt.NDArray[np.int64]:
    """Local calendar day of every hour of the horizon, counted from 0, shape (HOURS,)."""
    local = HISTORY_BEGIN + 3600 * np.arange(HOURS) + local_offsets()
    days = np.asarray(local // _DAY, dtype=np.int64)
    days -= days[0]
    return days


@functools.cache
def native_days() -> npt.NDArray[np.int64]:
    """Local calendar day of every native step, counted from 0, shape (SAMPLES,)."""
    return np.repeat(local_days(), PER_HOUR)


@functools.cache
def week_slots() -> npt.NDArray[np.int16]:
    """Five-minute slot of the local week (0 is Monday 00:00) of every native step, shape (SAMPLES,)."""
    local = HISTORY_BEGIN + STEP * np.arange(SAMPLES) + np.repeat(local_offsets(), PER_HOUR)
    return ((local - _MONDAY) % (7 * _DAY) // STEP).astype(np.int16)


def weekly(days: Mapping[str, list[tuple[float, float]]]) -> FloatArray:
    """A weekly schedule as a table of five-minute values, shape (2016,), from corner points for each kind of day.

    Args:
        days: keys "weekday", "saturday", "sunday" (the latter two default to the one before them); values are
            (local hour, value) corners, joined by straight lines that close over midnight.
    """
    hour = np.arange(_SLOTS_A_DAY) * STEP / 3600
    corners = {"weekday": days["weekday"]}
    corners["saturday"] = days.get("saturday", corners["weekday"])
    corners["sunday"] = days.get("sunday", corners["saturday"])
    tables = {
        kind: np.interp(hour, [h for h, _ in points], [v for _, v in points], period=24)
        for kind, points in corners.items()
    }
    return np.concatenate([tables["weekday"]] * 5 + [tables["saturday"], tables["sunday"]])


def unit_mean(table: FloatArray) -> FloatArray:
    """Scale a weekly table to a mean of 1, so that it moves heat within the week and adds none."""
    scaled: FloatArray = table / table.mean()
    return scaled


def over_horizon(table: FloatArray) -> FloatArray:
    """Repeat a weekly table over the horizon, shape (SAMPLES,)."""
    values: FloatArray = table[week_slots()]
    return values

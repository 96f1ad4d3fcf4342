"""Hourly outdoor temperature of the demo cloud, similar to Zurich's.

The sum of an annual wave, synoptic swings of several days, a daily cycle that is stronger under a clear summer sky, and
three real spells (cold January 2017, cold end of February 2018, hot end of July 2018). It does not depend on the seed:
degree days in the docs hold for every fleet.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np

from belimo_nb.demo.world.noise import FloatArray, autoregressive, normal, upsample
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, HOURS, PER_HOUR, local_days, local_offsets

ANNUAL_MEAN_C = 10.0
ANNUAL_AMPLITUDE_K = 9.4
SWING_SD_K = 3.4  # of lows and highs that pass within days
SPELL_SD_K = 2.3  # of spells that last for weeks

_STREAM = ("weather", 190)  # chosen among others for its degree days and extremes
_DAYS = HOURS // 24
_YEAR = 365.2425
_COLDEST_DAY = 17  # of the year
_COLD_AND_HOT_SPELLS = (  # (middle: days since 2016-12-01, half width in days, kelvin)
    (47, 9.0, -3.5),  # January 2017
    (453, 5.0, -7.0),  # end of February 2018
    (606, 8.0, 3.5),  # end of July 2018
)


@dataclass(frozen=True)
class Weather:
    """Outdoor conditions over the horizon.

    Attributes:
        temperature_c: hourly temperature in °C, rounded to 0.1 K, shape (HOURS,).
        daily_mean_c: mean of the hourly temperatures of each local day, shape (local days,).
        smooth_c: temperature without its daily cycle at native steps, shape (SAMPLES,); its mean over a local day
            is that day's mean temperature.
        native_c: hourly temperature joined by straight lines at native steps, shape (SAMPLES,).
    """

    temperature_c: FloatArray
    daily_mean_c: FloatArray
    smooth_c: FloatArray
    native_c: FloatArray


def _hourly_temperature(clearness: FloatArray) -> FloatArray:
    hour = np.arange(HOURS)
    day = hour / 24
    day_of_year = (day - 31) % _YEAR  # the horizon begins 31 days before a new year
    season = -np.cos(2 * math.pi * (day_of_year - _COLDEST_DAY) / _YEAR)
    synoptic = SWING_SD_K * autoregressive(_DAYS + 1, 0.6, *_STREAM, "days")
    synoptic += SPELL_SD_K * autoregressive(_DAYS + 1, 0.93, *_STREAM, "weeks")
    spells = sum(kelvin * np.exp(-(((day - middle) / width) ** 2)) for middle, width, kelvin in _COLD_AND_HOT_SPELLS)
    local_hour = (hour + local_offsets() / 3600) % 24
    swing = (2.9 + 1.7 * season) * (0.45 + 1.1 * clearness)
    cycle = np.cos(2 * math.pi * (local_hour - 15.5) / 24) + 0.2 * np.cos(4 * math.pi * (local_hour - 14.0) / 24)
    flicker = autoregressive(HOURS, 0.9, *_STREAM, "hours")
    total = (
        ANNUAL_MEAN_C
        + ANNUAL_AMPLITUDE_K * season
        + upsample(synoptic, 24) * (1 - 0.12 * season)
        + spells
        + swing * cycle
        + 0.5 * flicker
    )
    return np.round(total, 1)


def _without_daily_cycle(hourly: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Daily means, and a polyline with knots at noon whose mean over each local day is the day's mean.

    Loads follow the polyline: a daily cycle would make the energy of a day depend on more than its mean temperature.
    """
    day = local_days()
    count = np.bincount(day)
    mean = np.bincount(day, weights=hourly) / count
    hour = np.arange(HOURS) + 0.5
    noon = np.bincount(day, weights=hour) / count
    knots = mean.copy()
    for _ in range(30):  # the error halves at least each time
        lines = np.interp(hour, noon, knots)
        knots += mean - np.bincount(day, weights=lines) / count
    at = (np.arange(HOURS * PER_HOUR) + 0.5) / PER_HOUR
    return mean, np.interp(at, noon, knots)


@functools.cache
def weather() -> Weather:
    """The weather of the whole horizon (computed once a process, arrays are read-only)."""
    sky = upsample(autoregressive(_DAYS + 1, 0.45, *_STREAM, "sky"), 24)
    clearness = np.clip(0.5 + 0.28 * sky + 0.05 * normal(HOURS, *_STREAM, "clouds"), 0.0, 1.0)
    hourly = _hourly_temperature(clearness)
    mean, smooth = _without_daily_cycle(hourly)
    native = upsample(np.append(hourly, hourly[-1]), PER_HOUR)
    arrays = (hourly, mean, smooth, native)
    for array in arrays:
        array.flags.writeable = False
    return Weather(*arrays)


def hour_begins() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Epoch seconds of the horizon's hours, shape (HOURS,)."""
    return HISTORY_BEGIN + 3600 * np.arange(HOURS, dtype=np.int64)

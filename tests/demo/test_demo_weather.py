"""The demo cloud's weather is Zurich-like and consistent with itself."""

from __future__ import annotations

import numpy as np
import pytest

from belimo_nb.demo.fleet.faults import utc
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, PER_HOUR, native_days
from belimo_nb.demo.world.weather import hour_begins, weather


def _days(begin: str, end: str) -> np.ndarray:
    first, last = ((utc(text) - HISTORY_BEGIN) // 86400 for text in (begin, end))
    return weather().daily_mean_c[first:last]


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2016-12-01", "2017-12-01"),
        ("2017-01-01", "2018-01-01"),
        ("2017-12-01", "2018-12-01"),
        ("2018-01-01", "2019-01-01"),
        ("2018-12-01", "2019-12-01"),
    ],
)
def test_degree_days_of_every_full_year_are_those_of_zurich(begin: str, end: str) -> None:
    """HGT20/12 from local daily means lies between 3000 and 3500 Kd, and the annual mean near 10 °C."""
    mean = _days(begin, end)
    assert len(mean) == 365
    heating = mean[mean <= 12]
    assert 3000 < (20 - heating).sum() < 3500
    assert 9 < mean.mean() < 11


def test_extremes_and_day_to_day_swings_are_plausible() -> None:
    """The temperature spans about -12 to 34 °C and daily means swing by about 2 K from day to day."""
    hourly = weather().temperature_c
    assert -13 < hourly.min() < -10
    assert 32 < hourly.max() < 35
    assert 1.7 < np.diff(weather().daily_mean_c).std() < 3.0


def test_summer_afternoons_are_warmer_than_nights() -> None:
    """July has its warmest hour in the afternoon of local time, 8 to 13 K above its coldest one."""
    july = (hour_begins() >= utc("2018-07-01")) & (hour_begins() < utc("2018-08-01"))
    course = weather().temperature_c[july].reshape(-1, 24).mean(axis=0)
    assert 12 <= course.argmax() <= 15  # 14 to 17 local
    assert 8 < course.max() - course.min() < 13


def test_hourly_values_have_one_decimal() -> None:
    """Published temperatures are rounded to 0.1 K."""
    hourly = weather().temperature_c
    assert np.array_equal(hourly, np.round(hourly, 1))


def test_smooth_temperature_keeps_every_daily_mean() -> None:
    """The temperature without its daily cycle has the daily means of the hourly one, clock-change days included."""
    day = native_days()
    mean = np.bincount(day, weights=weather().smooth_c) / np.bincount(day)
    assert np.allclose(mean[1:-1], weather().daily_mean_c[1:-1], atol=0.01)


def test_native_temperature_passes_through_the_hourly_one() -> None:
    """Native steps join the hourly values."""
    assert np.array_equal(weather().native_c[::PER_HOUR], weather().temperature_c)


def test_arrays_are_read_only() -> None:
    """Nobody can change the weather."""
    with pytest.raises(ValueError, match="read-only"):
        weather().temperature_c[0] = 0.0

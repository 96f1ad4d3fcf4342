"""Time grid, local schedules and random streams."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from belimo_nb.demo.world.noise import autoregressive, hash64, normal, uniform, upsample
from belimo_nb.demo.world.schedule import (
    HISTORY_BEGIN,
    HORIZON,
    NOW,
    SAMPLES,
    STEP,
    local_days,
    local_offsets,
    over_horizon,
    unit_mean,
    week_slots,
    weekly,
)


def test_the_horizon_is_the_documented_one() -> None:
    """History, standing clock and horizon are 2016-12-01, 2018-12-01 and 2019-12-01, midnight UTC."""
    texts = [datetime.fromtimestamp(t, UTC).isoformat()[:16] for t in (HISTORY_BEGIN, NOW, HORIZON)]
    assert texts == ["2016-12-01T00:00", "2018-12-01T00:00", "2019-12-01T00:00"]


def test_clock_changes_make_days_of_23_and_25_hours() -> None:
    """Every local day has 24 hours but for the clock-change days."""
    hours = np.bincount(local_days())[1:-1]
    assert sorted(set(hours)) == [23, 24, 25]
    assert (hours == 23).sum() == (hours == 25).sum() == 3


def test_week_slots_follow_the_local_clock() -> None:
    """Slots agree with zoneinfo at random times, clock-change hours included."""
    zone = ZoneInfo("Europe/Zurich")
    steps = np.concatenate([np.arange(0, SAMPLES, 997), (1540684800 - HISTORY_BEGIN) // STEP + np.arange(48)])
    for step in steps.tolist():
        local = datetime.fromtimestamp(HISTORY_BEGIN + step * STEP, UTC).astimezone(zone)
        assert week_slots()[step] == (local.weekday() * 1440 + local.hour * 60 + local.minute) // 5
    assert set(local_offsets()) == {3600, 7200}


def test_a_unit_mean_schedule_adds_no_heat() -> None:
    """A weekly table with weekdays only repeats daily, and its scaled mean is 1."""
    table = weekly({"weekday": [(0, 1.0), (6, 3.0), (22, 1.0)]})
    assert np.array_equal(table[:288], table[-288:])
    assert unit_mean(table).mean() == pytest.approx(1.0)
    assert over_horizon(unit_mean(table)).mean() == pytest.approx(1.0, abs=2e-3)


def test_streams_are_named_not_numbered() -> None:
    """Equal names give equal numbers, other names other ones, and the numbers are those of every release."""
    assert np.array_equal(normal(100, "a", 1), normal(100, "a", 1))
    assert not np.array_equal(normal(100, "a", 1), normal(100, "a", 2))
    assert hash64("a", 1) == 8588983153282268942
    assert normal(3, "a", 1).round(9).tolist() == [1.176222552, 1.090539741, -0.5435652]
    assert 3 <= uniform(3, 4, "x") < 4


def test_normal_numbers_are_normal() -> None:
    """Mean 0, standard deviation 1, two thirds within one standard deviation, none beyond 3.5."""
    numbers = normal(100_000, "moments")
    assert abs(numbers.mean()) < 0.01
    assert abs(numbers.std() - 1) < 0.01
    assert abs((np.abs(numbers) < 1).mean() - 0.67) < 0.02
    assert np.abs(numbers).max() < 3.5


def test_wander_has_its_correlation() -> None:
    """A wandering series has unit variance and the asked correlation of neighbors."""
    series = autoregressive(100_000, 0.8, "wander")
    assert abs(series.std() - 1) < 0.03
    assert abs(np.corrcoef(series[:-1], series[1:])[0, 1] - 0.8) < 0.02


def test_upsample_draws_straight_lines() -> None:
    """Knots stay where they are; between them values lie on the line."""
    assert upsample(np.array([0.0, 3.0, 0.0]), 3).tolist() == [0.0, 1.0, 2.0, 3.0, 2.0, 1.0]

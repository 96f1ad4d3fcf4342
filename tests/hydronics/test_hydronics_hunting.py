"""Hunting: reversals of the position."""

import numpy as np
import pandas as pd
import pytest
from demo_valves import demo_samples
from made_valves import made_times, made_valve

from belimo_nb.hydronics.checks.hunting import hunting, reversals

MINUTE = 60 * 10**9
STEP = pd.Timedelta(minutes=5)


def swing(period_min, step_min, count, amplitude=20.0):
    """A sawtooth of the position about 50 %, from peak to peak the amplitude."""
    phase = (np.arange(count) * step_min % period_min) / period_min
    return 50 + amplitude * (np.abs(2 * phase - 1) - 0.5)


def count_turns(position, ns=None):
    """Number of reversals of a position."""
    times = np.arange(len(position), dtype=np.int64) * 5 * MINUTE if ns is None else ns
    return len(reversals(np.asarray(position, float), times, STEP))


def test_highs_and_lows_are_counted_once():
    """Up, down, up, down beyond the band: the three turns in between, at the right samples."""
    position = np.array([10, 30, 20, 18, 40, 42, 30], float)
    found = reversals(position, np.arange(7, dtype=np.int64) * 5 * MINUTE, STEP)
    assert found.tolist() == [1, 3, 5]


def test_small_swings_are_none():
    """Swings of exactly the band, and a slow drift with noise, turn nowhere."""
    assert count_turns([50, 55, 50, 55, 50, 55]) == 0
    assert count_turns([50, 55.1, 50, 55.1, 50]) == 3
    assert count_turns(np.linspace(0, 100, 500) + np.tile([0, 2], 250)) == 0


def test_gaps_and_unknown_positions_are_no_turns():
    """Across a missing reading or a gap in time nothing is counted, and inside the parts everything is."""
    whole = np.tile([30.0, 60.0], 10)
    holes = whole.copy()
    holes[1::2] = np.nan
    assert count_turns(whole) == 18
    assert count_turns(holes) == 0
    gapped = np.arange(20, dtype=np.int64) * 5 * MINUTE
    gapped[10:] += 60 * MINUTE
    assert count_turns(whole, ns=gapped) == 8 + 8


@pytest.mark.parametrize(
    ("period", "step", "verdict", "rate"),
    [(8, "1min", "fault", 15), (12, "1min", "warn", 10), (30, "1min", "ok", 4), (10, "5min", "fault", 12)],
)
def test_rates_and_limits(period, step, verdict, rate):
    """Two reversals a period; 15 an hour are a fault, 10 a warning, 4 well."""
    times = made_times(3, step)
    found = hunting(made_valve(times, step, position_pct=swing(period, int(step[0]), len(times))))
    assert found.verdict == verdict
    assert found.figure == pytest.approx(rate, rel=0.02)
    assert bool(found.recommendation) == (verdict != "ok")


def test_the_limit_follows_what_the_spacing_can_show():
    """At 5 minutes a period of 12 minutes shows fewer than 10 reversals an hour: a fault from 9 on."""
    times = made_times(3, "5min")
    found = hunting(made_valve(times, "5min", position_pct=swing(12, 5, len(times), 40)))
    assert found.threshold == "warn 6/h, fault 9/h"
    assert found.verdict == "fault"


def test_only_active_time_counts():
    """A valve that opens a little once an hour without real flow is not active, so it is not judged."""
    times = made_times(5, "5min")
    open_now = np.arange(len(times)) % 12 == 0
    flow = np.where(open_now, 0.01, 0)
    flow[:100] = 2.0
    found = hunting(made_valve(times, "5min", position_pct=np.where(open_now, 7, 0), flow_m3h=flow))
    assert found.verdict == "cannot judge"
    assert "24 h are needed" in found.sentence


@pytest.mark.parametrize("step", ["15min", "1h"])
def test_coarse_data_cannot_judge(step):
    """Readings every 15 minutes or more rarely do not show it, whatever they look like."""
    times = made_times(10, step)
    found = hunting(made_valve(times, step, position_pct=np.where(np.arange(len(times)) % 2, 30, 70)))
    assert found.verdict == "cannot judge"
    assert "5 min" in found.sentence


def test_without_a_position():
    """A valve that publishes no position is not judged."""
    assert hunting(made_valve(made_times(3, "5min"), "5min", position_pct=np.nan)).verdict == "cannot judge"


@pytest.mark.parametrize(("name", "verdict"), [("Lüftung LA04 Erhitzer", "fault"), ("Lüftung LA01 Erhitzer", "ok")])
def test_demo(name, verdict):
    """Two weeks in January show the planted hunting valve, and its sister as steady."""
    found = hunting(demo_samples(name, "5min", "2018-01-08", "2018-01-22"))
    assert found.verdict == verdict
    if verdict == "fault":
        assert 11 < found.figure <= 12

"""Hunting: reversals of the position."""

import re

import numpy as np
import pandas as pd
import pytest
from demo_valves import demo_samples
from made_valves import made_times, made_valve

from belimo_nb.hydronics import Samples
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
    [
        (8, "1min", "fault", 15),
        (12, "1min", "warn", 10),
        (120, "1min", "warn", None),
        (480, "1min", "ok", None),
        (10, "5min", "fault", 12),
    ],
)
def test_rates_and_limits(period, step, verdict, rate):
    """Two reversals a period; 15 an hour are a fault, 10 a warning, 1 too if it is so all day; one in 4 h is well."""
    times = made_times(3, step)
    found = hunting(made_valve(times, step, position_pct=swing(period, int(step[0]), len(times))))
    assert found.verdict == verdict
    if rate:
        assert found.figure == pytest.approx(rate, rel=0.02)
    assert bool(found.recommendation) == (verdict != "ok")


def test_the_limit_follows_what_the_spacing_can_show():
    """At 5 minutes a period of 12 minutes shows fewer than 10 reversals an hour: a fault from 9 on."""
    times = made_times(3, "5min")
    found = hunting(made_valve(times, "5min", position_pct=swing(12, 5, len(times), 40)))
    assert found.threshold == "warn 6/h or cycling on 15 % of the days, fault 9/h"
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


def test_hourly_data_cannot_judge():
    """Readings every hour do not show it, whatever they look like."""
    times = made_times(10, "1h")
    found = hunting(made_valve(times, "1h", position_pct=np.where(np.arange(len(times)) % 2, 30, 70)))
    assert found.verdict == "cannot judge"
    assert "Readings every 60 min do not show how the valve moves" in found.sentence


def on_off(times, days, opened=20.0, flow=0.4):
    """Position and flow at polls of a valve that opens for one poll in four, on days of the given numbers."""
    poll = np.arange(len(times))
    on = (poll % 4 == 0) | ~np.isin(poll // 96, days)
    return {"position_pct": np.where(on, opened, 0.0), "flow_m3h": np.where(on, flow, 0.0)}


@pytest.mark.parametrize(("days", "verdict"), [(range(30), "warn"), (range(8, 13), "warn"), (range(4), "ok")])
def test_polls_show_that_a_valve_cycles(days, verdict):
    """Open and closed again every hour, on 5 of 30 days, is cycling, though nobody sees how often; on 4 it is not."""
    times = made_times(30)
    found = hunting(made_valve(times, **on_off(times, days)))
    assert found.verdict == verdict
    assert found.figure == pytest.approx(100 * len(days) / 30)
    if verdict == "warn":
        assert f"{len(days) * 6 * 0.4:.0f} m³ flowed on these days" in found.sentence


def test_a_trickle_that_comes_and_goes_wears_the_actuator():
    """Its water is nothing, and the sentence says so."""
    times = made_times(10)
    found = hunting(made_valve(times, **on_off(times, range(10), flow=0.01)))
    assert found.verdict == "warn"
    assert "hardly any water" in found.sentence
    dead = hunting(made_valve(times, **on_off(times, range(10), flow=0.0)))
    assert "how much water flowed is not known" in dead.sentence


@pytest.mark.parametrize(
    "position",
    [
        lambda hour, _: np.where((hour >= 6) & (hour < 18), 60.0, 0.0),
        lambda hour, _: 30 + 25 * np.sin(2 * np.pi * hour / 24),
        lambda _, poll: 40 + 7.0 * (poll % 2),
    ],
    ids=["schedule", "load", "backlash"],
)
def test_what_is_not_cycling(position):
    """A clock schedule, a day's slow wave, and the backlash of an actuator that works about one place."""
    times = made_times(20)
    poll = np.arange(len(times))
    values = position(poll % 96 / 4, poll)
    found = hunting(made_valve(times, position_pct=values, flow_m3h=2.0 * (values > 0)))
    assert (found.verdict, found.figure) == ("ok", 0.0)
    assert found.sentence.endswith("it is steady.")


def test_empty_rows_are_no_steadiness():
    """Polls of 15 minutes in rows of 5: two of three rows are empty, and the spacing is that of the polls."""
    times = made_times(10)
    polls = made_valve(times, **on_off(times, range(10)))
    rows = Samples(polls.frame.resample("5min").asfreq(), STEP)
    assert (len(rows), rows.step, rows.active_hours) == (len(polls), polls.step, polls.active_hours)
    assert hunting(rows).verdict == "warn"
    assert hunting(rows).figure == hunting(polls).figure == 100


def test_single_values_that_are_missing_hide_no_turn():
    """One value in ten is missing, in each column another one: the valve cycles all the same."""
    times, rng = made_times(20), np.random.default_rng(4)
    holes = {
        name: np.where(rng.uniform(size=len(times)) < 0.1, np.nan, values)
        for name, values in on_off(times, [3, 7, 9]).items()
    }
    assert hunting(made_valve(times, **holes)).figure == 15


@pytest.mark.parametrize(("step", "position", "days", "verdict"), [
    ("30min", True, 20, "warn"), ("30min", True, 0, "cannot judge"), ("15min", False, 20, "warn"),
    ("15min", False, 0, "cannot judge"), ("60min", True, 20, "cannot judge"),
])  # fmt: skip
def test_what_turns_round_in_little_turns_round(step, position, days, verdict):
    """Readings every half hour, or the flow alone, show that a valve cycles; that it is steady they never show."""
    times = made_times(20, step)
    poll = np.arange(len(times))
    on = (poll % 4 < 2) | (poll * pd.Timedelta(step) >= pd.Timedelta(days, "D"))
    shown = np.where(on, 20.0, 0.0) if position else np.nan
    found = hunting(made_valve(times, step, flow_m3h=np.where(on, 0.4, 0.0), position_pct=shown))
    assert found.verdict == verdict
    assert found.figure == 100 or verdict == "cannot judge"


def test_without_a_flow_the_position_tells_of_operation():
    """A valve of which only the position is known is steady, or cycles; of neither it is said."""
    times = made_times(20)
    for days, verdict in ((range(10), "warn"), ([], "ok")):
        valve = on_off(times, days) | {"flow_m3h": np.nan}
        assert hunting(made_valve(times, **valve)).verdict == verdict
    found = hunting(made_valve(times, flow_m3h=np.nan, position_pct=np.nan))
    assert found.sentence == "Neither position nor flow is measured."


def test_the_days_are_those_of_the_longer_period():
    """Two steady weeks in detail do not hide that the valve cycles in the rest of the year's polls."""
    times = made_times(60)
    year = made_valve(times, **on_off(times, range(30)))
    fine = made_times(14, "5min", start="2018-02-20")
    steady = made_valve(fine, "5min")
    assert hunting(steady).verdict == "ok"
    assert hunting(steady, year).verdict == "warn"


@pytest.mark.parametrize(
    ("changes", "swing", "verdict"),
    [(1, None, "ok"), (7, None, "warn"), (13, None, "fault"), (13, 0.2, "fault"), (13, 0.01, "ok")],
)
def test_the_actuator_counts_its_own_turns(changes, swing, verdict):
    """Direction changes an hour at hourly samples; with the travel, only swings beyond 5 points on average count."""
    times = made_times(10, "1h")
    counts = 5000 + changes * np.arange(len(times))
    made = made_valve(times, "1h")
    frame = made.frame.assign(direction_changes=counts, end_stops=7 + np.arange(len(times)) // 24)
    if swing:
        frame["strokes"] = 100 + swing * counts
    found = hunting(Samples(frame))
    assert found.verdict == verdict
    assert "By its own counter" in found.sentence
    told = re.search(r"Wear by year, from the actuator's counters: (.+?) direction changes", found.sentence)
    assert int(told[1].replace("\u202f", "")) == pytest.approx(changes * 8766, rel=1e-4)
    assert re.search("330 runs to an end stop", found.sentence)


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

"""A valve that does not move though it is asked to."""

import numpy as np
import pytest
from demo_valves import demo_samples
from made_valves import made_times, made_valve

from belimo_nb.hydronics.checks.stuck import stuck


def asked(days=60, step="1h", still=(0, 0), swing=30.0):
    """A setpoint that swings every day; the position follows, but for the days given."""
    times = made_times(days, step)
    day = (times - times[0]).total_seconds().to_numpy() / 86400
    setpoint = 50 + swing / 2 * np.sin(2 * np.pi * day)
    held = (day >= still[0]) & (day < still[1])
    return made_valve(times, step, setpoint_pct=setpoint, position_pct=np.where(held, 47.3, setpoint))


@pytest.mark.parametrize("step", ["5min", "15min", "1h", "6h"])
@pytest.mark.parametrize(
    ("still", "verdict"),
    [((0, 0), "ok"), ((0, 60), "fault"), ((40, 60), "fault"), ((10, 30), "warn"), ((10, 15), "ok")],
)
def test_days(still, verdict, step):
    """Stuck until now is a fault, stuck and freed again a warning, five days are too short to say."""
    found = stuck(asked(step=step, still=still))
    assert found.verdict == verdict
    expected = still[1] - still[0] if verdict in ("fault", "warn") else 0
    assert found.figure == pytest.approx(expected, abs=2)
    assert bool(found.recommendation) == (verdict in ("fault", "warn"))


def test_dates_are_told():
    """The sentence says from when to when."""
    assert "2018-01-19 and 2018-02-06" in stuck(asked(still=(10, 30))).sentence


def test_a_valve_that_rests_is_not_stuck():
    """A setpoint that stands still asks for nothing, and 10 points are not more than 10."""
    assert stuck(made_valve(made_times(60))).verdict == "cannot judge"
    assert stuck(asked(still=(0, 60), swing=9.9)).verdict == "cannot judge"
    assert stuck(asked(still=(0, 60), swing=11)).verdict == "fault"


def test_summer_after_a_jam_is_no_proof_of_health():
    """Where the last weeks ask for nothing, the last ones that did decide."""
    times = made_times(90, "1h")
    day = np.arange(len(times)) / 24
    setpoint = np.where(day < 60, 50 + 15 * np.sin(2 * np.pi * day), 0)
    held = made_valve(times, "1h", setpoint_pct=setpoint, position_pct=47.0)
    assert stuck(held).verdict == "fault"


def test_readings_of_one_alone_do_not_count():
    """Where the position is unknown while the setpoint moves, nothing is said of it."""
    times = made_times(60, "1h")
    moves = np.arange(len(times)) % 24 < 6
    valve = made_valve(times, "1h", setpoint_pct=np.where(moves, 80, 40), position_pct=np.where(moves, np.nan, 40))
    assert stuck(valve).verdict == "cannot judge"


def test_gaps():
    """Two days of each week missing are no matter; four are too many."""
    valve = asked(still=(0, 60))
    day = np.arange(len(valve)) // 24
    assert stuck(valve.part(day % 7 >= 2)).verdict == "fault"
    assert stuck(valve.part(day % 7 >= 4)).verdict == "cannot judge"


def test_cannot_judge():
    """No setpoint, less than a week, readings a day apart."""
    times = made_times(60, "1h")
    assert "not both" in stuck(made_valve(times, "1h", setpoint_pct=np.nan)).sentence
    assert "7 days" in stuck(asked(days=5, still=(0, 5))).sentence
    assert "one every 6 h" in stuck(made_valve(made_times(60, "24h"), "24h")).sentence


def test_demo():
    """A healthy valve moves, and the same valve with its position held does not."""
    valve = demo_samples("Lüftung LA01 Erhitzer", "1h")
    assert stuck(valve).verdict == "ok"
    held = valve.frame.assign(position_pct=valve.frame["position_pct"].where(valve.frame.index < "2018-10-01", 20.0))
    assert stuck(type(valve)(held, valve.step)).verdict == "fault"

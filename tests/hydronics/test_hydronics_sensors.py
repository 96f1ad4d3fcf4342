"""Temperatures that cannot be true."""

import re

import numpy as np
import pandas as pd
import pytest
from demo_valves import demo_samples
from made_valves import made_times, made_valve

from belimo_nb.hydronics import Samples, judge
from belimo_nb.hydronics.checks.sensors import sensors
from belimo_nb.hydronics.checks.sensors_swapped import swapped


def noisy(times, mean, seed=0):
    """Readings of a sound sensor: noise of 0.02 K, published to 0.01 K."""
    return np.round(mean + 0.02 * np.random.default_rng(seed).normal(size=len(times)), 2)


def sound(step="15min", days=10, **columns):
    """A valve with sound sensors, but for the columns given."""
    times = made_times(days, step)
    return made_valve(times, step, **{"t1_c": noisy(times, 60, 1), "t2_c": noisy(times, 40, 2), **columns})


@pytest.mark.parametrize("step", ["1min", "5min", "15min", "1h"])
def test_sound_sensors(step):
    """Noise alone is credible at any spacing."""
    assert sensors(sound(step)).verdict == "ok"


@pytest.mark.parametrize("value", [-10.1, 130.1, -273.15, 850.0])
@pytest.mark.parametrize(("count", "verdict"), [(1, "ok"), (3, "fault")])
def test_range(value, count, verdict):
    """One reading out of range is a lost transmission, and told; three are a fault of the sensor that is named."""
    t2 = noisy(made_times(10), 40)
    t2[100 : 100 + 50 * count : 50] = value
    found = sensors(sound(t2_c=t2))
    assert (found.verdict, found.figure) == (verdict, pytest.approx(0.25 * count))
    assert "T2" in found.sentence
    assert "T1" not in found.sentence
    assert bool(found.recommendation) == (verdict == "fault")


def test_an_open_sensor_counts_each_hour_once():
    """A sensor that reads one absurd value all the time has as many hours of it as there are, and is not frozen."""
    found = sensors(sound("1h", days=60, t1_c=np.full(60 * 24, 537.7)))
    assert (found.verdict, found.figure) == ("fault", 60 * 24)
    assert found.sentence == "T1 has 1\u202f440 readings out of range: it cannot be relied on."


def test_the_borders_are_in_range():
    """-10 °C and 130 °C themselves are readings."""
    t1 = noisy(made_times(10), 60)
    t1[:4] = -10, 130, -10, 130
    assert sensors(sound(t1_c=t1)).verdict == "ok"


@pytest.mark.parametrize(("step", "jump", "verdict"), [("1min", 25, "fault"), ("1min", 15, "ok"), ("5min", 25, "ok")])
def test_jumps(step, jump, verdict):
    """More than 20 K within a minute while water flows; at 5 minutes 25 K are possible."""
    t1 = noisy(made_times(10, step), 60)
    t1[500:600] += jump
    t1[700:800] += jump
    assert sensors(sound(step, t1_c=t1)).verdict == verdict


def test_hot_water_arrives_rightly():
    """A cold pipe that opens warms within a minute; and across a gap nothing is known."""
    times = made_times(10, "1min")
    flows = np.arange(len(times)) % 120 < 60
    valve = sound("1min", flow_m3h=np.where(flows, 2, 0), t1_c=noisy(times, np.where(flows, 70, 25)))
    assert sensors(valve).verdict == "ok"
    t1 = noisy(times, np.where(np.arange(len(times)) < 5000, 40, 70))
    keep = np.abs(np.arange(len(times)) - 5000) > 3
    assert sensors(sound("1min", t1_c=t1).part(keep)).verdict == "ok"


@pytest.mark.parametrize("step", ["5min", "15min", "1h"])
@pytest.mark.parametrize(("hours", "verdict"), [(20, "ok"), (30, "fault")])
def test_frozen(hours, verdict, step):
    """The same reading for more than a day of flow."""
    t1 = noisy(made_times(10, step), 60)
    since = np.arange(len(t1)) * {"5min": 5, "15min": 15, "1h": 60}[step] / 60
    t1[(since >= 50) & (since < 50 + hours)] = 61.23
    found = sensors(sound(step, t1_c=t1))
    assert found.verdict == verdict
    assert ("T1 has the same reading" in found.sentence) == (verdict == "fault")


def test_one_reading_a_day_is_not_frozen():
    """A reading that stands for 24 hours is none that repeats for 24 hours; twelve equal ones in a row are."""
    t1 = noisy(made_times(60, "1D"), 60)
    assert sensors(sound("1D", 60, t1_c=t1)).verdict == "ok"
    t1[20:32] = 60.0
    assert sensors(sound("1D", 60, t1_c=t1)).verdict == "fault"


def test_frozen_from_the_start():
    """A sensor that has never moved is frozen as well."""
    assert sensors(sound(t1_c=60.0)).verdict == "fault"


def test_water_at_rest_may_stand_still():
    """Equal readings without flow prove nothing."""
    times = made_times(10)
    flows = np.arange(len(times)) < 5 * 96
    t1 = np.where(flows, noisy(times, 60), 21.0)
    assert sensors(sound(flow_m3h=np.where(flows, 2, 0), t1_c=t1)).verdict == "ok"


def test_coarse_steps_of_a_sensor_are_no_frost():
    """A sensor that publishes half kelvins, or tenths, often shows the same for a day."""
    times = made_times(10)
    for resolution in (0.5, 0.1):
        t1 = 60 + resolution * (np.arange(len(times)) // 150 % 2)
        assert sensors(sound(t1_c=t1)).verdict == "ok"


def test_one_temperature_missing():
    """The other is judged; without both there is no verdict; without flow frost is not judged, and it says so."""
    assert "readings of T1 are" in sensors(sound(t2_c=np.nan)).sentence
    assert sensors(sound(t1_c=np.nan, t2_c=np.nan)).verdict == "cannot judge"
    assert "too little water" in sensors(sound(flow_m3h=0.0)).sentence


@pytest.mark.parametrize("step", ["5min", "15min", "1h"])
def test_demo(step):
    """The server room's steady water is credible."""
    assert sensors(demo_samples("Energieventil Kälte Serverraum", step, "2018-10-01")).verdict == "ok"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"health": "Flow_sensor_error"}, "says of itself: Flow_sensor_error"),
        ({"health": "OK"}, ""),
        ({"bits": 4}, "an error of the flow sensor"),
        ({"bits": 3}, "an error of T1 and T2"),
        ({"bits": 64}, ""),
    ],
)
def test_what_the_device_says_itself(given, words):
    """Its health or error bits that are set now are a fault, whatever the readings; other errors are no sensor's."""
    valve = sound()
    frame = valve.frame.assign(error_bits=given.get("bits", np.nan))
    found = sensors(Samples(frame, valve.step), given.get("health", ""))
    assert found.verdict == ("fault" if words else "ok")
    assert words in found.sentence
    assert ("thermometer" in found.recommendation) == bool(words and "flow" not in words.lower())
    (judged,) = judge(Samples(frame, valve.step), health=given.get("health", ""), checks=["sensor range"])
    assert judged.verdict == found.verdict


def test_an_error_that_is_over_is_none():
    """Bits of last week that are cleared say nothing of today."""
    valve = sound()
    frame = valve.frame.assign(error_bits=np.where(np.arange(len(valve)) < 500, 4, 0))
    assert sensors(Samples(frame, valve.step)).verdict == "ok"


@pytest.mark.parametrize(
    ("since", "zero", "verdict"),
    [(0, 0.0, "warn"), (500, 0.0, "fault"), (930, 0.0, "ok"), (0, -273.15, "warn"), (500, -273.15, "fault")],
)
def test_zeros_in_every_channel(since, zero, verdict):
    """A valve in stock says 0 for ever, also of kelvins; one that stopped measuring, from a day on; a few are none."""
    valve = sound()
    frame = valve.frame.copy()
    frame.iloc[since:] = 0.0
    frame.iloc[since:, [frame.columns.get_loc(name) for name in ("t1_c", "t2_c")]] = zero
    found = sensors(Samples(frame, valve.step))
    assert found.verdict == verdict
    assert ("nothing is measured" in found.sentence) == (verdict != "ok")


def test_zero_degrees_alone_may_be_true():
    """A sensor in the frost shows 0 °C while the other channels live."""
    assert sensors(sound(t2_c=noisy(made_times(10), 0), t1_c=noisy(made_times(10), 3))).verdict == "ok"


def dead_flow(follows=1.0, days=10):
    """Chilled water whose flow reads 0 while the valve swings about; the return follows it, or does not."""
    times = made_times(days)
    position = 50 + 45 * np.sin(2 * np.pi * np.arange(len(times)) / 20)
    t2 = noisy(times, 12 - 0.05 * (position - 50) * follows, 3)
    return sound(days=days, flow_m3h=0.0, position_pct=position, t1_c=noisy(times, 6.2, 1), t2_c=t2, power_kw=0.0)


def test_a_dead_flow_sensor():
    """Open for days without flow while the return follows the valve: a fault, and no energy is known."""
    found = sensors(dead_flow())
    assert found.verdict == "fault"
    assert "the flow sensor has failed" in found.sentence
    assert "is not known" in found.recommendation


def test_a_dead_flow_sensor_of_a_weak_coil():
    """A return that follows the valve a little tells it in a week, in less it may be chance."""
    weak = dead_flow(follows=0.0036)
    correlation = np.corrcoef(weak.values("position_pct"), weak.values("t2_c"))[0, 1]
    assert -0.3 < correlation < -0.2
    assert sensors(weak).verdict == "fault"
    assert sensors(dead_flow(follows=0.0036, days=4)).verdict == "ok"


def test_standing_water_is_no_dead_flow_sensor():
    """A return that does not care for the valve stands beside a cold main; a day of it is too little to tell."""
    assert sensors(dead_flow(follows=0.0)).verdict == "ok"
    assert sensors(dead_flow(days=1)).verdict == "ok"
    living = dead_flow().frame
    living.iloc[::50, living.columns.get_loc("flow_m3h")] = 1.0
    assert sensors(Samples(living)).verdict == "ok", "a meter that lags reads something each day"


def chilled(t1_flow, t1_rest):
    """Chilled water that flows in half of the hours, with a T1 of one's own."""
    times = made_times(10)
    flows = np.arange(len(times)) // 8 % 2 == 0
    return sound(
        flow_m3h=np.where(flows, 2.0, 0.0),
        position_pct=np.where(flows, 60, 0),
        t1_c=noisy(times, np.where(flows, t1_flow, t1_rest), 1),
        t2_c=noisy(times, np.where(flows, 10.0, 20.0), 2),
    )


def test_a_return_as_cool_as_the_room():
    """Swapped sensors of an air heater: T1 shows a return of 20 to 26 °C that rises with the flow, in the pipe."""
    times = made_times(10)
    share = np.where(np.arange(len(times)) // 8 % 2, 0.0, 0.3 + 0.7 * (np.arange(len(times)) % 8) / 8)
    valve = sound(
        flow_m3h=2.0 * share,
        position_pct=100 * share,
        t1_c=noisy(times, np.where(share > 0, 18 + 8 * share, 22.5), 1),
        t2_c=noisy(times, np.where(share > 0, 49.0, 24.0), 2),
    )
    assert "not in the pipe" not in sensors(valve).sentence
    assert swapped(valve).verdict == "fault"


@pytest.mark.parametrize(("flow", "rest", "verdict"), [(22, 22.5, "fault"), (6, 22, "ok"), (18, 22, "ok")])
def test_t1_in_the_room(flow, rest, verdict):
    """A supply that shows the room's 22 °C with and without flow of 10 °C is not in the pipe; nor is it swapped."""
    found = sensors(chilled(flow, rest))
    assert found.verdict == verdict
    assert ("it is not in the pipe" in found.sentence) == (verdict == "fault")
    assert swapped(chilled(flow, rest)).verdict == {22: "cannot judge", 6: "ok", 18: "fault"}[flow]


def test_t1_that_fell_out_of_the_pipe():
    """A supply that shows the room for the last six of twenty days is told with its first day; before, it was right."""
    right, wrong = chilled(6, 22).frame, chilled(22, 22.5).frame
    fell = right.index[-1] + pd.Timedelta(days=1)
    wrong.index = wrong.index + (fell - wrong.index[0])
    found = sensors(Samples(pd.concat([right, wrong[: 6 * 96]])))
    assert found.verdict == "fault"
    assert re.match(
        r"Since 2018-01-(19|2\d) T1 shows 22 °C with flow and without, while water of 10 °C", found.sentence
    )
    assert sensors(Samples(pd.concat([wrong.shift(freq="-40D"), right]))).verdict == "ok"


def test_a_return_in_the_teens_shows_the_supply_in_the_room():
    """Chilled water that comes back with 16 °C never came with the room's 22."""
    frame = chilled(22, 22.5).frame
    frame["t2_c"] += np.where(frame["flow_m3h"] > 0, 6.0, 1.0)
    assert "it is not in the pipe" in sensors(Samples(frame)).sentence

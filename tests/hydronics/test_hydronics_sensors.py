"""Temperatures that cannot be true."""

import numpy as np
import pytest
from demo_valves import demo_samples
from made_valves import made_times, made_valve

from belimo_nb.hydronics.checks.sensors import sensors


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
@pytest.mark.parametrize(("count", "verdict"), [(1, "warn"), (3, "fault")])
def test_range(value, count, verdict):
    """One reading out of range may be a lost transmission; three are a fault of the sensor that is named."""
    t2 = noisy(made_times(10), 40)
    t2[100 : 100 + 50 * count : 50] = value
    found = sensors(sound(t2_c=t2))
    assert (found.verdict, found.figure) == (verdict, pytest.approx(0.25 * count))
    assert "T2" in found.sentence
    assert "T1" not in found.sentence
    assert found.recommendation


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
    """A sensor that publishes half kelvins often shows the same for a day."""
    times = made_times(10)
    t1 = 60 + 0.5 * (np.arange(len(times)) // 150 % 2)
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

"""Power against the energy counters."""

import numpy as np
import pytest
from demo_valves import demo_samples
from made_valves import hour_of, made_times, made_valve

from belimo_nb.hydronics import Samples
from belimo_nb.hydronics.checks.meter import meter


def metered(factor=1.0, step="15min", days=30, cooling=False):
    """A valve with a daily swing of power, whose counter counts so much of it."""
    times = made_times(days, step)
    power = 20 + 10 * np.sin(2 * np.pi * hour_of(times, step) / 24)
    hours = {"1min": 1 / 60, "5min": 1 / 12, "15min": 0.25}[step]
    counter = 1000 + factor * np.cumsum(power) * hours
    given = {"cooling_kwh": counter, "heating_kwh": 7.0} if cooling else {"heating_kwh": counter}
    return made_valve(times, step, power_kw=power, **given)


@pytest.mark.parametrize(
    ("step", "percent", "verdict"),
    [
        ("15min", 0, "ok"), ("15min", 2.5, "ok"), ("15min", 4, "warn"), ("15min", 12, "fault"), ("5min", 2.5, "ok"),
        ("1min", 0.5, "ok"), ("1min", 1.5, "warn"), ("1min", 4, "fault"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", [1, -1])
def test_limits(step, percent, verdict, side):
    """3 % at 15 and 5 minutes, 1 % at one; three times that is a fault; above as below."""
    found = meter(metered(1 + side * percent / 100, step, days=10))
    assert found.verdict == verdict
    assert found.figure == pytest.approx(percent, rel=0.15, abs=0.05)
    assert bool(found.recommendation) == (verdict != "ok")
    if verdict != "ok":
        assert ("more" if side > 0 else "less") in found.sentence


@pytest.mark.parametrize(
    ("times", "verdict"), [(1.0, "ok"), (2.0, "ok"), (3.6, "fault"), (1 / 60, "fault"), (1e-3, "fault"), (1.8, "fault")]
)
def test_a_flow_in_another_unit(times, verdict):
    """Where power is a multiple of what flow and temperatures make of it, one of the three has another unit."""
    valve = metered()
    frame = valve.frame.copy()
    frame["t1_c"], frame["t2_c"] = 60.0, 40.0
    frame["flow_m3h"] = times * frame["power_kw"] / (1.163 * 20)
    found = meter(Samples(frame))
    assert found.verdict == verdict
    assert ("another unit" in found.sentence) == (verdict == "fault")
    assert bool(found.recommendation) == (verdict == "fault")


def test_cooling_counts():
    """Both counters together are held against power."""
    assert meter(metered(cooling=True)).verdict == "ok"
    assert meter(metered(0.8, cooling=True)).verdict == "fault"


def test_a_counter_that_stands():
    """A counter that does not count what power says is a fault."""
    found = meter(metered(0.0))
    assert (found.verdict, found.figure) == ("fault", pytest.approx(100.0))


def test_resets_dropouts_and_gaps_are_left_out():
    """Days in which the counter begins anew, drops out, or readings are missing are not judged; the others are."""
    valve = metered()
    frame = valve.frame.copy()
    column = frame.columns.get_loc("heating_kwh")
    frame.iloc[1000:, column] -= frame.iloc[1000, column]
    frame.iloc[1500:1600, column] = 0.0
    broken = type(valve)(frame[(np.arange(len(frame)) < 2000) | (np.arange(len(frame)) > 2100)], valve.step)
    found = meter(broken)
    assert (found.verdict, found.figure) == ("ok", pytest.approx(0, abs=0.2))
    days = int(found.sentence.split(" days")[0].split()[-1])
    assert 20 <= days <= 28


def test_a_dropout_that_the_samples_begin_in():
    """Zeros before the first reading are no energy that was not counted; nothing but zeros is no counter."""
    valve = metered()
    frame = valve.frame.copy()
    frame.iloc[: 16 * 96, frame.columns.get_loc("heating_kwh")] = 0.0
    assert meter(type(valve)(frame, valve.step)).verdict == "ok"
    assert meter(type(valve)(frame.assign(heating_kwh=0.0), valve.step)).verdict == "cannot judge"


def test_single_days_do_not_decide():
    """One day in ten that is wrong leaves the verdict as it is."""
    times = made_times(30)
    power = np.where(np.arange(len(times)) // 96 % 10 == 3, 40.0, 20.0)
    assert meter(made_valve(times, power_kw=power, heating_kwh=np.cumsum(np.full(len(times), 5.0)))).verdict == "ok"


def on_off(seed=1, factor=1.0, days=42):
    """Power read every 15 minutes of a load that is on for 6 minutes in 20, and a counter of what really passed."""
    minutes = np.arange(days * 1440)
    rng = np.random.default_rng(seed)
    start = np.repeat(rng.integers(0, 14, days * 72), 20)
    power = np.where((minutes % 20 >= start) & (minutes % 20 < start + 6), 30.0, 0.0)
    counted = 1000 + factor * np.cumsum(power) / 60
    return made_valve(made_times(days), power_kw=power[14::15], heating_kwh=counted[14::15])


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_load_between_the_readings_is_no_wrong_meter(seed):
    """On and off faster than the readings: days stray by a fifth, and that is told from a counter that is wrong."""
    assert meter(on_off(seed)).verdict in ("ok", "cannot judge")
    assert meter(on_off(seed, 0.6)).verdict in ("warn", "fault")
    assert "the readings alone may explain" in meter(on_off(seed, days=10)).sentence


def test_what_is_unknown_is_left_out_on_both_sides():
    """Power missing for half of the time, one reading in three: the counter rises meanwhile, and nothing differs."""
    valve = metered()
    frame = valve.frame.copy()
    frame.iloc[700:2000, frame.columns.get_loc("power_kw")] = np.nan
    frame.iloc[::3, frame.columns.get_loc("power_kw")] = np.nan
    found = meter(type(valve)(frame, valve.step))
    assert (found.verdict, found.figure) == ("ok", pytest.approx(0, abs=0.2))


@pytest.mark.parametrize(("share", "every", "verdict"), [(0.03, 0.0, "warn"), (0.02, 0.0, "ok"), (0.03, 1.0, "ok")])
def test_readings_of_another_device(share, every, verdict):
    """Power that is not that of its flow and temperatures, in some readings: by counters alone these days are few."""
    times = made_times(42)
    power = made_valve(times).values("power_kw").copy()
    foreign = np.zeros(len(times), dtype=bool)
    foreign[: int(share * len(times))] = True
    power = np.where(foreign, 1.8 * power, power) * (1 + every)
    counted = 1000 + np.cumsum(made_valve(times).values("power_kw") * (1 + every)) / 4
    found = meter(made_valve(times, power_kw=power, heating_kwh=counted))
    assert found.verdict == verdict
    assert ("some seem to be another device's" in found.sentence) == (verdict == "warn")


def test_missing_values_make_the_sampling_error_no_smaller():
    """One reading in ten without power: what on and off leaves unknown is told from the pairs that are left."""
    valve = on_off().frame
    valve.loc[np.random.default_rng(5).uniform(size=len(valve)) < 0.1, "power_kw"] = np.nan
    assert meter(Samples(valve)).verdict != "fault"


def test_cannot_judge():
    """Hourly readings, no counter, not the one that counts, a few days, little flow."""
    assert "15 min" in meter(made_valve(made_times(30, "1h"), "1h")).sentence
    times = made_times(30)
    assert meter(made_valve(times, heating_kwh=np.nan, cooling_kwh=np.nan)).verdict == "cannot judge"
    assert "heating counter" in meter(made_valve(times, heating_kwh=np.nan)).sentence
    assert meter(made_valve(times, cooling_kwh=np.nan)).verdict == "ok"
    assert "days" in meter(metered(days=5)).sentence
    assert "reads 0 throughout" in meter(made_valve(times, flow_m3h=0.0)).sentence


@pytest.mark.parametrize("name", ["Lüftung LA01 Erhitzer", "Lüftung LA02 Kühler", "Lüftung LA03 Kühler"])
def test_demo(name):
    """An air heater with its hard starts, a replaced meter, and weeks of dropout: consistent where judged."""
    found = meter(demo_samples(name))
    assert found.verdict == "ok"
    assert found.figure < 1.5


def test_a_load_that_comes_and_goes():
    """A difference beyond 3 % that the sampling of such a load explains is none of the meter's, and so it is told."""
    times = made_times(20)
    power = np.where(np.random.default_rng(3).uniform(size=len(times)) < 0.3, 40.0, 0.0)
    found = meter(made_valve(times, power_kw=power, heating_kwh=1000 + 1.045 * np.cumsum(power) * 0.25))
    assert found.verdict == "ok"
    assert "no more than the readings of such a load explain" in found.sentence

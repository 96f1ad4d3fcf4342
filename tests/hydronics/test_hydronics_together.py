"""Heating and cooling in the same hour."""

import numpy as np
import pytest
from demo_valves import demo_samples
from made_valves import made_times, made_valve

from belimo_nb.hydronics.checks.heating_and_cooling import together, zone_together


def counted(heat, cold, step="1h"):
    """A valve whose counters rise by these kWh in each step."""
    times = made_times(len(heat) / {"1h": 24, "15min": 96}[step], step)
    return made_valve(times, step, heating_kwh=100 + np.cumsum(heat), cooling_kwh=50 + np.cumsum(cold))


@pytest.mark.parametrize(("share", "verdict"), [(0.0, "ok"), (0.04, "ok"), (0.10, "warn"), (1.0, "warn")])
def test_share_of_hours(share, verdict):
    """So many hours in which both rise, of those in which one does."""
    hours = 24 * 50
    both = np.arange(hours) < share * hours
    found = together(counted(np.ones(hours), np.where(both, 1.0, 0.0)))
    assert found.verdict == verdict
    assert found.figure == pytest.approx(100 * share, abs=0.1)
    assert bool(found.recommendation) == (verdict == "warn")


def test_a_few_hours_are_none():
    """Three hours of both are no working against each other, however few hours there are."""
    assert together(counted(np.ones(30), np.arange(30) < 3)).verdict == "ok"


def test_within_an_hour():
    """Quarter hours of one and the other by turns are the same hour."""
    turn = np.arange(30 * 96) % 2
    found = together(counted(turn, 1 - turn, "15min"))
    assert found.figure == 100


def test_idle_hours_do_not_dilute():
    """Hours in which neither rises are left out of the share."""
    works = np.arange(24 * 50) % 10 == 0
    assert together(counted(works * 1.0, works * 1.0)).figure == 100


def test_a_trickle_is_noise():
    """A counter that creeps about a difference of 0 K is none that works."""
    hours = 24 * 50
    assert together(counted(np.ones(hours), np.full(hours, 0.005))).figure == 0


def test_change_over_and_swap_are_none():
    """A season of heat and one of cold with an hour of both, and sensors swapped in the middle."""
    hours = np.arange(24 * 100)
    found = together(counted((hours <= 1200) * 1.0, (hours >= 1200) * 1.0))
    assert (found.verdict, found.figure) == ("ok", pytest.approx(0, abs=0.1))


def test_a_counter_that_comes_back_is_no_energy():
    """Dropouts and resets of one counter are not taken for its work."""
    hours = 24 * 50
    valve = counted(np.ones(hours), np.zeros(hours))
    cold = valve.values("cooling_kwh").copy()
    cold[100:200] = 0
    cold[600:] = 3
    found = together(made_valve(valve.frame.index, "1h", heating_kwh=valve.values("heating_kwh"), cooling_kwh=cold))
    assert found.figure < 0.2


def test_zone_of_two_valves():
    """Two valves of a zone: hours of both are told, and what cancelled, heat and cold."""
    hours = 24 * 50
    heat, cold = np.full(hours, 3.0), np.where(np.arange(hours) < hours / 2, 2.0, 0.0)
    found = zone_together(counted(heat, np.zeros(hours)), counted(np.zeros(hours), cold))
    assert found.verdict == "warn"
    assert found.figure == pytest.approx(50, abs=0.1)
    assert found.waste_kwh == pytest.approx(2 * 2.0 * hours / 2, rel=0.01)


def test_zone_with_different_hours():
    """Only hours that both valves know are compared."""
    hours = 24 * 50
    heat, cold = counted(np.ones(hours), np.zeros(hours)), counted(np.zeros(hours), np.ones(hours))
    found = zone_together(heat.part(np.arange(hours) < 700), cold.part(np.arange(hours) >= 500))
    assert "199 of 199 h" in found.sentence


def test_cannot_judge():
    """Readings every three hours, a missing counter, and a valve that rests say why."""
    times = made_times(30, "3h")
    assert "single hours" in together(made_valve(times, "3h")).sentence
    times = made_times(30, "1h")
    assert "cooling counter" in together(made_valve(times, "1h", cooling_kwh=np.nan)).sentence
    assert "only 0 h" in together(made_valve(times, "1h", heating_kwh=7.0)).sentence


@pytest.mark.parametrize("name", ["Umschaltventil 1.OG Sitzungszimmer", "Lüftung LA02 Erhitzer", "Lüftung LA03 Kühler"])
@pytest.mark.parametrize("step", ["15min", "1h"])
def test_demo(name, step):
    """Neither the change of season, nor swapped sensors, nor a dropout to 0 looks like both at once."""
    found = together(demo_samples(name, step, "2017-06-01"))
    assert found.verdict == "ok"
    assert found.figure < 0.2


def test_demo_zone():
    """A heating and a cooling valve of the building hardly work in the same hours of winter and summer."""
    found = zone_together(
        demo_samples("Energieventil Heizung 2.OG Sued-Ost", "1h", "2018-01-01", "2018-03-01"),
        demo_samples("Energieventil Kälte 2.OG Nord", "1h", "2018-01-01", "2018-03-01"),
    )
    assert (found.verdict, found.waste_kwh) == ("ok", 0.0)

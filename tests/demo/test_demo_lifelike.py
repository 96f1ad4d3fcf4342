"""A lifelike demo building: what its plants and meters do that real ones do."""

from __future__ import annotations

import numpy as np
import pytest

from belimo_nb.demo.fleet.faults import PLANT_STOPS, FaultKind
from belimo_nb.demo.fleet.plants import plants
from belimo_nb.demo.operation.lifelike import silences
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, NOW, STEP

ZONE = "Energieventil Heizung 2.OG Nord-Ost"
FLOW, POSITION, T2, COUNTER = "evcloud.90", "evcloud.80", "evcloud.160", "evcloud.210"


@pytest.fixture(scope="module")
def buildings() -> tuple[Simulation, Simulation]:
    """The building as always, and lifelike."""
    return Simulation(), Simulation(lifelike=True)


def both(buildings: tuple[Simulation, Simulation], datapoint: str, name: str = ZONE) -> list[np.ndarray]:
    """A datapoint's values in both, by native step; NaN where there is none."""
    found = []
    for building in buildings:
        device = next(device for device in building.devices if device.name == name)
        times, values = building.series(device, datapoint)
        row = np.full((NOW - HISTORY_BEGIN) // STEP, np.nan)
        row[(times - HISTORY_BEGIN) // STEP] = values
        found.append(row)
    return found


def test_samples_are_missing(buildings: tuple[Simulation, Simulation]) -> None:
    """One by one, other ones of each datapoint; and three times of all devices at once."""
    for datapoint in (FLOW, T2):
        whole, holed = both(buildings, datapoint)
        assert np.isfinite(whole).all()
        assert 0.0005 < np.isnan(holed).mean() < 0.1
        for gap in silences():
            inside = slice(-(-(gap.begin - HISTORY_BEGIN) // STEP), (gap.end - HISTORY_BEGIN) // STEP)
            assert np.isnan(holed[inside]).all()
    lost = [np.isnan(both(buildings, datapoint)[1]) for datapoint in (FLOW, T2)]
    assert (lost[0] & lost[1]).mean() < 0.5 * max(lost[0].mean(), lost[1].mean())


def test_a_meter_has_a_cut_off(buildings: tuple[Simulation, Simulation]) -> None:
    """Nothing is read between 0 and half a percent of the nominal flow, though such flows pass; 0 is 0 exactly."""
    name = "Umschaltventil 1.OG Sitzungszimmer"
    ideal, read = both(buildings, FLOW, name)
    least = 0.005 * plants(1)[name].nominal_flow_m3s
    assert ((ideal > 0) & (ideal < least)).sum() > 100
    assert not ((read > 0) & (read < least)).any()
    assert (read == 0).any()


def test_a_valve_has_backlash(buildings: tuple[Simulation, Simulation]) -> None:
    """At the same flow the position lies 6 to 7 points apart, by the direction of the last move."""
    ideal, shown = both(buildings, POSITION)
    apart = (shown - ideal)[(ideal > 10) & (ideal < 90) & np.isfinite(shown)]
    low, high = np.percentile(apart, [20, 80])
    assert 6 <= high - low <= 7.1


def test_a_plant_stops(buildings: tuple[Simulation, Simulation]) -> None:
    """While the boiler stands a heating valve is fully open without flow, and a cooling valve is as ever."""
    begin, end, _ = PLANT_STOPS[0]
    inside = slice((begin - HISTORY_BEGIN) // STEP + 2, (end - HISTORY_BEGIN) // STEP - 2)
    assert np.nanmax(both(buildings, FLOW)[1][inside]) == 0
    assert np.nanmin(both(buildings, POSITION)[1][inside]) == 100
    assert np.nanmax(both(buildings, FLOW, "Energieventil Kälte Serverraum")[1][inside]) > 0


def test_counters_count_what_is_read(buildings: tuple[Simulation, Simulation]) -> None:
    """Counters rise, and by no more than a tenth beside the true energy."""
    counted = both(buildings, COUNTER)[1]
    counted = counted[np.isfinite(counted)]
    assert (np.diff(counted) >= 0).all()
    device = next(device for device in buildings[1].devices if device.name == ZONE)
    true = buildings[1].true_energy(device, COUNTER, HISTORY_BEGIN, NOW)
    assert counted[-1] - counted[0] == pytest.approx(true, rel=0.1)


def test_the_same_again(buildings: tuple[Simulation, Simulation]) -> None:
    """Another lifelike simulation has the same samples; the default one none of its faults."""
    again = both((buildings[0], Simulation(lifelike=True)), FLOW)[1]
    np.testing.assert_array_equal(again, both(buildings, FLOW)[1])
    more = [fault for fault in buildings[1].truth if fault not in buildings[0].truth]
    assert sum(fault.fault is not FaultKind.REPORTED for fault in more) == 3

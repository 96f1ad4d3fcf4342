"""Every planted fault shows in the samples as the table of truth says, and the true energy is known."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from belimo_nb.demo.fleet.datapoints import Limitation, ManagerState
from belimo_nb.demo.fleet.faults import FAULT_SPECS, LIFELIKE_SPECS, FaultKind, PlantedFault, first_spec, utc
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.physics import position
from belimo_nb.demo.world.schedule import HORIZON, NOW

HEATING, COOLING, VOLUME = "evcloud.210", "evcloud.200", "evcloudplus.461"
POWER, FLOW, STEM, T1, T2, DELTA_T = (f"evcloud.{n}" for n in (140, 90, 80, 150, 160, 170))


def _fault(simulation: Simulation, kind: FaultKind) -> tuple[PlantedFault, DemoDevice]:
    fault = next(fault for fault in simulation.truth if fault.fault is kind)
    return fault, simulation.device(fault.device_id)


def _year(simulation: Simulation, device: DemoDevice, *datapoints: str) -> list[np.ndarray]:
    """Times and values of the last twelve months."""
    times = simulation.series(device, datapoints[0])[0]
    first = np.searchsorted(times, utc("2017-12-01"))
    return [times[first:], *(simulation.series(device, id_)[1][first:] for id_ in datapoints)]


def test_the_truth_lists_the_twelve_faults(simulation: Simulation) -> None:
    """All twelve kinds are planted on devices of the fleet; the heating zones have two of them, three are healthy."""
    further = {fault.fault for fault in LIFELIKE_SPECS} | {FaultKind.REPORTED}
    assert {fault.fault for fault in simulation.truth} == set(FaultKind) - further
    assert len(FaultKind) == 12 + len(further)
    assert len(simulation.truth) == len(FAULT_SPECS)
    zones = {fault.name: fault.fault for fault in simulation.truth if "Heizung" in fault.name}
    assert zones == {
        "Energieventil Heizung 1.OG Sued-West": FaultKind.NO_NIGHT_SETBACK,
        "Energieventil Heizung 2.OG Sued-West": FaultKind.LOST_GAP,
    }
    for fault in simulation.truth:
        assert simulation.device(fault.device_id).name == fault.name


def test_a_small_fleet_has_the_faults_of_its_devices() -> None:
    """A fleet without a device has none of its faults."""
    small = Simulation(devices=8)
    assert {fault.name for fault in small.truth} == {"Energieventil Kälte 2.OG Süd"}


def test_low_delta_t(simulation: Simulation) -> None:
    """Most volume passes at a delta-T far below the exchanger's, beyond V*, since the limit was switched off."""
    fault, device = _fault(simulation, FaultKind.LOW_DELTA_T)
    _, flow, delta_t = _year(simulation, device, FLOW, DELTA_T)
    waste = flow > fault.figures["waste_flow_m3s"]
    assert flow[waste].sum() > 0.6 * flow.sum()
    assert np.median(delta_t[waste]) == pytest.approx(fault.figures["delta_t_at_max_flow_k"], abs=0.3)
    assert fault.figures["waste_delta_t_k"] == pytest.approx(6.6, abs=0.1)
    times, early = simulation.series(device, DELTA_T)
    flowing = (times < fault.begin) & (simulation.series(device, FLOW)[1] > 0)
    assert early[flowing].min() > 6.3
    assert simulation.state(device, fault.begin - 1)[1]["evcloud.220"] == Limitation.DELTA_T
    assert simulation.state(device, fault.begin)[1]["evcloud.220"] == Limitation.DISABLED


def test_the_manager_limited_before_it_was_switched_off(simulation: Simulation) -> None:
    """The hours of active delta-T limitation rise before the fault begins and stand still afterwards."""
    fault, device = _fault(simulation, FaultKind.LOW_DELTA_T)
    times, hours = simulation.series(device, "evcloudplus.470")
    first = np.searchsorted(times, fault.begin)
    assert hours[first] > 1
    assert hours[-1] == hours[first]
    states = simulation.series(device, "evcloud.260")[1]
    assert set(states[:first]) == {ManagerState.STANDBY, ManagerState.LIMITING}
    assert set(states[first:]) == {ManagerState.DISABLED}
    assert hours[first] == pytest.approx((states[:first] == ManagerState.LIMITING).sum() / 12, abs=0.01)


def test_hunting(simulation: Simulation) -> None:
    """The position swings up and down by the planted amplitude at nearly every sample while it controls."""
    fault, device = _fault(simulation, FaultKind.HUNTING)
    _, stem = _year(simulation, device, STEM)
    swing = np.diff(stem)
    running = (stem[:-2] > 5) & (stem[1:-1] > 5) & (stem[2:] > 5) & (stem[2:] < 94)
    reverses = (swing[:-1] * swing[1:] < 0) & (np.abs(swing[1:]) > 5)
    assert reverses[running].mean() > 0.9
    assert np.median(np.abs(swing[1:][running])) == pytest.approx(fault.figures["amplitude_percent"], abs=2)
    assert fault.figures["period_s"] == 600


def _night_over_day(simulation: Simulation, name: str) -> float:
    device = next(device for device in simulation.devices if device.name == name)
    times, power = _year(simulation, device, POWER)
    winter = (times < utc("2018-03-01")) & (power > 0)
    zone = ZoneInfo("Europe/Zurich")
    hour = np.array([datetime.fromtimestamp(t, UTC).astimezone(zone).hour for t in times[winter].tolist()])
    night, day = (hour >= 23) | (hour < 5), (hour >= 9) & (hour < 17)
    return float(np.median(power[winter][night]) / np.median(power[winter][day]))


def test_no_night_setback(simulation: Simulation) -> None:
    """One zone heats at night as by day; the healthy ones at less than 0.6 of it."""
    fault, _ = _fault(simulation, FaultKind.NO_NIGHT_SETBACK)
    assert _night_over_day(simulation, fault.name) == pytest.approx(fault.figures["night_over_day_power"], abs=0.1)
    assert _night_over_day(simulation, "Energieventil Heizung 2.OG Nord-West") < 0.6


def test_oversized(simulation: Simulation) -> None:
    """The 99th percentile of active flow stays far below half of the maximum, on a healthy valve above it."""
    fault, device = _fault(simulation, FaultKind.OVERSIZED)
    healthy = next(device for device in simulation.devices if device.name == "Energieventil Kälte 2.OG Nord")
    peaks = []
    for each in (device, healthy):
        relative = _year(simulation, each, "evcloud.100")[1]
        peaks.append(np.percentile(relative[relative > 1], 99))
    assert peaks[0] < 35 < 90 < peaks[1]
    assert fault.figures["max_flow_over_design_flow"] > 3


def test_sensors_swapped(simulation: Simulation) -> None:
    """From the exchange on the remote sensor is the colder one and heat counts as cooling, nearly in full."""
    fault, device = _fault(simulation, FaultKind.SENSORS_SWAPPED)
    times, flow = simulation.series(device, FLOW)
    difference = simulation.series(device, T1)[1] - simulation.series(device, T2)[1]
    after = times >= fault.begin
    running = flow > 0.1 * flow.max()
    assert (difference[running & ~after] > 0).all()
    assert (difference[running & after] < 0).all()
    counted, missed = (np.diff(simulation.series(device, id_)[1][after]).sum() for id_ in (COOLING, HEATING))
    truth = simulation.true_energy(device, HEATING, fault.begin, NOW)
    assert missed == 0
    assert counted == pytest.approx(truth, rel=0.015)
    assert simulation.true_energy(device, COOLING, fault.begin, NOW) == 0


def test_leak(simulation: Simulation) -> None:
    """With the valve closed the planted flow passes for hours a day, and it carries heat."""
    fault, device = _fault(simulation, FaultKind.LEAK)
    _, stem, flow, power = _year(simulation, device, STEM, FLOW, POWER)
    leaking = (stem <= 1) & (flow > 0)
    assert leaking.sum() / 12 / 365 > 5
    assert flow[leaking].mean() == pytest.approx(fault.figures["leak_m3s"], rel=0.02)
    assert power[leaking].min() > 100
    plant = simulation.plant(device)
    assert plant is not None
    assert fault.figures["leak_m3s"] == pytest.approx(0.03 * plant.nominal_flow_m3s)
    assert position(np.array([0.006])) * 100 > 1  # the least controlled flow is no closed valve


def test_counter_reset(simulation: Simulation) -> None:
    """The counters begin again at 0 once; the true energy across the reset is the sum of both registers' rises."""
    fault, device = _fault(simulation, FaultKind.COUNTER_RESET)
    times, counter = simulation.series(device, COOLING)
    falls = np.flatnonzero(np.diff(counter) < 0)
    assert falls.tolist() == [np.searchsorted(times, fault.begin) - 1]
    last = falls[0]
    power = simulation.series(device, POWER)[1]
    assert counter[last + 1] == 300 * power[last + 1]
    begin, end = times[last - 1000], times[last + 1000]
    rises = counter[last] - counter[last - 1000] + counter[last + 1000]
    assert simulation.true_energy(device, COOLING, begin, end) == pytest.approx(rises, rel=1e-12)


def test_dropouts(simulation: Simulation) -> None:
    """The counters read 0 for hours and for weeks, then go on as if nothing had been."""
    dropouts = [fault for fault in simulation.truth if fault.fault is FaultKind.DROPOUT]
    device = simulation.device(dropouts[0].device_id)
    for datapoint in (COOLING, VOLUME):
        times, counter = simulation.series(device, datapoint)
        inside = np.zeros(len(times), dtype=bool)
        for fault in dropouts:
            inside |= (times >= fault.begin) & (times < fault.end)
        assert (counter[inside] == 0).all()
        assert (np.diff(counter[~inside]) >= 0).all()
        assert (counter[~inside] > 0).all()
    lengths = [fault.end - fault.begin for fault in dropouts]
    assert min(lengths) < 86400
    assert max(lengths) > 20 * 86400


def test_late_backlog() -> None:
    """Before they arrive the samples of the interval are missing, afterwards they are there, others unchanged."""
    fault = first_spec(FaultKind.LATE_BACKLOG)
    arrival = int(fault.figures["arrival"])
    assert fault.end is not None
    simulation = Simulation(now=arrival - 1)
    device = next(device for device in simulation.devices if device.name == fault.name)
    times, values = simulation.series(device, HEATING)
    assert not ((times >= fault.begin) & (times < fault.end)).any()
    assert (times >= fault.end).any()
    assert simulation.state(device, fault.end - 1)[0] < fault.begin
    simulation.now = fault.end - 1
    assert simulation.last_seen(device) == times[times < fault.begin][-1]
    simulation.now = arrival
    complete, filled = simulation.series(device, HEATING)
    assert set(np.diff(complete)) == {300}
    known = np.isin(complete, times)
    assert np.array_equal(filled[known], values)


def test_lost_gap(simulation: Simulation) -> None:
    """Ten days of samples never arrive; the counter's rise across the gap is the true energy."""
    fault, device = _fault(simulation, FaultKind.LOST_GAP)
    assert fault.end is not None
    times, counter = simulation.series(device, HEATING)
    gap = np.flatnonzero(np.diff(times) > 300)
    assert len(gap) == 1
    before, after = times[gap[0]], times[gap[0] + 1]
    assert before < fault.begin <= before + 300
    assert after - 300 < fault.end <= after
    truth = simulation.true_energy(device, HEATING, before, after)
    assert counter[gap[0] + 1] - counter[gap[0]] == pytest.approx(truth, abs=1)
    assert truth > 5e9


def test_offline(simulation: Simulation) -> None:
    """The samples end on 2018-11-20; health says nothing of it."""
    fault, device = _fault(simulation, FaultKind.OFFLINE)
    seen = simulation.last_seen(device)
    assert seen == simulation.series(device, POWER)[0][-1]
    assert datetime.fromtimestamp(seen, UTC).date().isoformat() == "2018-11-20"
    assert fault.begin - 300 <= seen < fault.begin
    assert simulation.health(device) == ("OK", "")
    assert simulation.state(device, NOW)[0] == seen


def test_flow_sensor_error(simulation: Simulation) -> None:
    """From the date on flow and power are 0 and counters stand, while heat is really delivered and health says so."""
    fault, device = _fault(simulation, FaultKind.FLOW_SENSOR)
    times, flow = simulation.series(device, FLOW)
    after = times >= fault.begin
    assert (flow[after] == 0).all()
    assert (simulation.series(device, POWER)[1][after] == 0).all()
    for datapoint in (HEATING, COOLING, VOLUME):
        assert len(set(simulation.series(device, datapoint)[1][after])) == 1
    assert simulation.true_energy(device, HEATING, fault.begin, NOW) > 1e10
    assert simulation.series(device, STEM)[1][after].max() > 20
    assert simulation.health(device) == ("ERROR", "Flow_sensor_error")
    state = simulation.state(device, NOW)[1]
    assert (state["default.1"], state["default.2"], state["evcloud.280"]) == ("ERROR", "Flow_sensor_error", 4)
    seen = simulation.last_seen(device)
    assert seen is not None
    assert NOW - seen < 300


@pytest.mark.parametrize("seed", [2, 3])
def test_the_faults_do_not_hang_on_the_seed(seed: int) -> None:
    """With other seeds the same devices have the same faults, and low delta-T and oversizing still show."""
    other = Simulation(seed=seed, now=HORIZON)
    assert [(f.fault, f.name, f.begin, f.end) for f in other.truth] == [
        (item.fault, item.name, item.begin, item.end) for item in FAULT_SPECS
    ]
    fault, device = _fault(other, FaultKind.LOW_DELTA_T)
    _, flow = _year(other, device, FLOW)
    assert flow[flow > fault.figures["waste_flow_m3s"]].sum() > 0.6 * flow.sum()
    _, device = _fault(other, FaultKind.OVERSIZED)
    relative = _year(other, device, "evcloud.100")[1]
    assert np.percentile(relative[relative > 1], 99) < 35

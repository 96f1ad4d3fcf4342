"""Build a device's meter from its plant's record, the faults of the meter itself, its counters and settings."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from belimo_nb.demo.fleet.building import Kind
from belimo_nb.demo.fleet.datapoints import Limitation
from belimo_nb.demo.fleet.faults import FaultKind, specs_of, utc
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.fleet.plants import Plant
from belimo_nb.demo.fleet.profiles import DATAPOINTS
from belimo_nb.demo.operation.appliances import ApplianceMeter, simulate_appliance
from belimo_nb.demo.operation.changes import Changes
from belimo_nb.demo.operation.lifelike import silences
from belimo_nb.demo.operation.meter import COOLING_COUNTER, HEATING_COUNTER, LIMITED_HOURS, VOLUME_COUNTER, ValveMeter
from belimo_nb.demo.operation.reporting import Availability, Outage
from belimo_nb.demo.operation.totals import CUBIC_METER_PER_TOTAL, HOUR_PER_TOTAL, JOULE_PER_TOTAL, Register, Totals
from belimo_nb.demo.operation.valves import simulate, stop_flow_sensor, swap_sensors
from belimo_nb.demo.world.noise import fraction, uniform
from belimo_nb.demo.world.physics import PERCENT_UNITS
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, HORIZON

_J_PER_MWH = 3.6e9
_OFFLINE_SHARE = 0.025  # of the devices beyond the default fleet
_OUTAGE_KINDS = (FaultKind.LATE_BACKLOG, FaultKind.LOST_GAP, FaultKind.OFFLINE)


_EMPTIED = (utc("2017-03-01"), utc("2018-11-01"))
_BESIDE = {  # lifetime counter: its resettable one, its certified one with the decimals shown (MJ and liters)
    HEATING_COUNTER: ("HeatingEnergy", "HeatingEnergyMeterReading", -6),
    COOLING_COUNTER: ("CoolingEnergy", "CoolingEnergyMeterReading", -6),
    VOLUME_COUNTER: ("WaterFlowVolume", "AccumulatedVolumeSensorReading", 3),
}
_WEAR = (  # counter, its unit per unit of the total, decimals, most at the begin of the history
    ("evcloudplus.481", HOUR_PER_TOTAL, 2, 3000),
    ("evcloudplus.482", HOUR_PER_TOTAL, 2, 100),
    ("evcloudplus.483", HOUR_PER_TOTAL, 2, 2900),
    ("evcloudplus.490", 1.0, 0, 50_000),
    ("evcloudplus.491", 1.0, 0, 2000),
    ("evcloudplus.492", 1 / (100 * PERCENT_UNITS), 3, 900),
)


def availability_of(device: DemoDevice, lifelike: bool = False) -> Availability:
    """The sample times of a device, with its outages; if lifelike those of whole buildings, too."""
    gaps = list(silences()) if lifelike else []
    for kind in _OUTAGE_KINDS:
        for fault in specs_of(device.name, kind):
            arrival = fault.figures.get("arrival")
            end = HORIZON if fault.end is None else fault.end
            gaps.append(Outage(fault.begin, end, None if arrival is None else int(arrival)))
    if not device.own_plant and fraction("silent", device.first_id) < _OFFLINE_SHARE:
        since = int(uniform(0.5, 0.95, "silent since", device.first_id) * (HORIZON - device.first_sample))
        gaps.append(Outage(device.first_sample + since, HORIZON))
    gaps.sort(key=lambda gap: gap.begin)
    if device.since > HISTORY_BEGIN:  # what the device sent before belongs to another data scope
        later = [replace(gap, begin=max(gap.begin, device.since)) for gap in gaps if gap.end > device.since]
        gaps = [Outage(HISTORY_BEGIN, device.since), *later]
    return Availability(device.phase, gaps)


def _first_faulty(device: DemoDevice, kind: FaultKind, available: Availability) -> int | None:
    """Index of the first sample with a fault of the meter; None if it has none, as all copies of a plant."""
    return next((available.before(fault.begin) for fault in specs_of(device.name, kind)), None)


@functools.lru_cache(maxsize=40)  # simulating takes 50 ms, and all simulations of a process share what comes of it
def _totals(plant: Plant, seed: int, swapped: int | None, stopped: int | None) -> Totals:
    record = simulate(plant, seed)
    if swapped is not None:
        record = swap_sensors(record, swapped)
    if stopped is not None:
        record = stop_flow_sensor(record, stopped)
    return Totals(record)


def _registers(device: DemoDevice, plant: Plant, seed: int, available: Availability) -> dict[str, Register]:
    reset = _first_faulty(device, FaultKind.COUNTER_RESET, available)
    zeros = tuple(
        (available.before(fault.begin), available.before(HORIZON if fault.end is None else fault.end))
        for fault in specs_of(device.name, FaultKind.DROPOUT)
    )
    key = ("register", device.first_id, seed)
    # Counters start with what the valve has counted before the history begins: real ones are never 0 either.
    used = {HEATING_COUNTER: plant.heats, COOLING_COUNTER: plant.cools}
    registers = {
        counter: Register(
            float(round(uniform(20, 400, *key, counter) * _J_PER_MWH)) if is_used else 0.0,
            JOULE_PER_TOTAL * device.scale,
            0,
            reset,
            zeros,
        )
        for counter, is_used in used.items()
    }
    start = round(uniform(1000, 20000, *key, "volume"), 3)
    registers[VOLUME_COUNTER] = Register(start, CUBIC_METER_PER_TOTAL * device.scale, 3, reset, zeros)
    registers[LIMITED_HOURS] = Register(0.0, HOUR_PER_TOTAL, 2)
    # Energy Valve 4: besides each lifetime counter one that its user has set to 0, and the certified meter's.
    emptied = available.before(int(uniform(*_EMPTIED, *key, "emptied")))
    for counter, (resettable, certified, digits) in _BESIDE.items():
        registers[resettable] = replace(registers[counter], reset=emptied)
        registers[certified] = replace(registers[counter], start=0.0, digits=digits)
    for counter, unit, digits, most in _WEAR:
        registers[counter] = Register(round(uniform(0, most, *key, counter), max(digits, 0)), unit, digits)
    for counter, is_used in (("evcloudplus.462", plant.heats), ("evcloudplus.463", plant.cools)):
        registers[counter] = replace(registers[VOLUME_COUNTER], start=start / 3 if is_used else 0.0)
    return registers


def valve_meter(
    device: DemoDevice, plant: Plant, seed: int, changes: Mapping[str, Changes], available: Availability
) -> ValveMeter:
    """The meter of an energy valve."""
    swapped = _first_faulty(device, FaultKind.SENSORS_SWAPPED, available)
    stopped = _first_faulty(device, FaultKind.FLOW_SENSOR, available)

    def steps(datapoint_id: str, number: Callable[[Any], float]) -> list[tuple[int, float]]:
        points = changes[datapoint_id]
        return [(available.before(time) if i else 0, number(value)) for i, (time, value) in enumerate(points)]

    full_power = plant.max_power_w * device.scale / 100
    return ValveMeter(
        _totals(plant, seed, swapped, stopped),
        available,
        device.scale,
        plant.max_flow_m3s * device.scale,
        steps("evcloud.65", lambda percent: full_power * percent),
        steps("evcloud.220", lambda mode: float(mode != Limitation.DISABLED)),
        _registers(device, plant, seed, available),
        device.production_date,
        frozenset(datapoint.id for datapoint in DATAPOINTS[device.profile]) if device.profile else frozenset(),
    )


_columns = functools.lru_cache(maxsize=40)(simulate_appliance)


def appliance_meter(device: DemoDevice, seed: int, available: Availability) -> ApplianceMeter:
    """The meter of an actuator or a gateway."""
    kind = Kind(device.kind)
    return ApplianceMeter(_columns(kind, device.plant, seed), kind, available, device.production_date)

"""The faults planted in the demo fleet: kind, device and time, and the true figures that analyses should find.

Known faults at known times are what diagnoses are tested against; the table in docs/demo-cloud.md lists them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from belimo_nb.demo.fleet.datapoints import DeviceError
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.fleet.plants import Plant
from belimo_nb.demo.world.noise import fraction, hash64, uniform
from belimo_nb.demo.world.physics import waste_flow_m3s


class FaultKind(StrEnum):
    """The kinds of planted faults."""

    LOW_DELTA_T = "low delta-T"
    HUNTING = "hunting"
    NO_NIGHT_SETBACK = "no night setback"
    OVERSIZED = "oversized"
    SENSORS_SWAPPED = "T1/T2 swapped"
    LEAK = "leaking closed valve"
    COUNTER_RESET = "counter reset"
    DROPOUT = "dropout to 0"
    LATE_BACKLOG = "late backlog"
    LOST_GAP = "lost gap"
    OFFLINE = "offline"
    FLOW_SENSOR = "flow sensor error"
    ALWAYS_LOW = "low delta-T from the start"
    CONSTANT_FLOW = "constant flow"
    CYCLING = "cycling between samples"
    REPORTED = "error reported"


def utc(text: str) -> int:
    """Epoch seconds of an ISO date or time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class PlantedFault:
    """A fault planted on a device.

    Attributes:
        fault: its kind.
        name: name of the device.
        begin: epoch seconds.
        end: epoch seconds, exclusive; None: it lasts.
        figures: known quantities of it; the key carries the unit.
        device_id: id of the device; empty before there is a fleet.
    """

    fault: FaultKind
    name: str
    begin: int
    end: int | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    device_id: str = ""


LOW_DELTA_T_LIMIT_K = 6.5  # delta-T limit of the low delta-T valve until someone switched it off


@dataclass(frozen=True)
class Improvement:
    """A change that works: from a time (epoch seconds) on, the valve of a plant has a delta-T limit of so many K."""

    name: str
    begin: int
    limit_k: float


IMPROVEMENT = Improvement("Energieventil Kälte EG Restaurant", utc("2018-05-14T08:20"), 11.0)

_ALWAYS = utc("2016-12-01")

FAULT_SPECS = (
    PlantedFault(FaultKind.LOW_DELTA_T, "Energieventil Kälte 2.OG Süd", utc("2017-05-15T08:00")),
    PlantedFault(
        FaultKind.HUNTING, "Lüftung LA04 Erhitzer", _ALWAYS, figures={"period_s": 600, "amplitude_percent": 16}
    ),
    PlantedFault(FaultKind.NO_NIGHT_SETBACK, "Energieventil Heizung 1.OG Sued-West", _ALWAYS),
    PlantedFault(FaultKind.OVERSIZED, "Energieventil Kälte 1.OG Süd", _ALWAYS),
    PlantedFault(FaultKind.SENSORS_SWAPPED, "Lüftung LA02 Erhitzer", utc("2017-10-12T09:30")),
    PlantedFault(FaultKind.LEAK, "Lüftung LA03 Erhitzer", _ALWAYS, figures={"leak_percent_of_nominal": 3}),
    PlantedFault(FaultKind.COUNTER_RESET, "Lüftung LA02 Kühler", utc("2018-06-14T12:40")),
    PlantedFault(FaultKind.DROPOUT, "Lüftung LA03 Kühler", utc("2017-08-08T07:15"), utc("2017-08-08T15:45")),
    PlantedFault(FaultKind.DROPOUT, "Lüftung LA03 Kühler", utc("2018-07-02T05:30"), utc("2018-07-23T09:10")),
    PlantedFault(
        FaultKind.LATE_BACKLOG,
        "Umschaltventil 1.OG Sitzungszimmer",
        utc("2018-10-08T06:00"),
        utc("2018-10-12T09:00"),
        {"arrival": utc("2018-10-12T14:30")},
    ),
    PlantedFault(
        FaultKind.LOST_GAP, "Energieventil Heizung 2.OG Sued-West", utc("2018-02-09T10:20"), utc("2018-02-19T10:20")
    ),
    PlantedFault(FaultKind.OFFLINE, "Energieventil Kälte EG Ost", utc("2018-11-20T13:20")),
    PlantedFault(FaultKind.FLOW_SENSOR, "Umschaltventil EG Aula", utc("2018-11-05T16:50")),
)

LIFELIKE_SPECS = (
    PlantedFault(FaultKind.ALWAYS_LOW, "Energieventil Kälte 1.OG Nord", _ALWAYS, figures={"half_flow_share": 0.12}),
    PlantedFault(FaultKind.CONSTANT_FLOW, "Lüftung LA02 Kühler", _ALWAYS, figures={"flow_percent_of_maximum": 70}),
    PlantedFault(FaultKind.CYCLING, "Lüftung LA03 Kühler", _ALWAYS, figures={"period_s": 430}),
)
"""Planted besides in a building whose valves are as real ones."""

PLANT_STOPS = (
    (utc("2018-02-02T22:00"), utc("2018-02-05T07:00"), False),
    (utc("2018-07-30T09:00"), utc("2018-08-01T15:00"), True),
)
"""Begin, end and whether it is the chiller (else the boiler) that stands, in such a building."""


def specs_of(name: str, fault: FaultKind) -> tuple[PlantedFault, ...]:
    """The faults of one kind planted on one device of the default fleet."""
    return tuple(item for item in FAULT_SPECS + LIFELIKE_SPECS if item.name == name and item.fault is fault)


def first_spec(fault: FaultKind) -> PlantedFault:
    """The first planted fault of a kind."""
    return next(item for item in FAULT_SPECS if item.fault is fault)


_FAULTY = frozenset(item.name for item in FAULT_SPECS + LIFELIKE_SPECS)
_REPORTED_SHARE = 0.3  # of the valves
_REPORTED = (
    DeviceError.AIR_BUBBLES,
    DeviceError.FREEZE_WARNING,
    DeviceError.MP2_NOT_ALIVE,
    DeviceError.AIR_BUBBLES | DeviceError.POWER_NOT_REACHED,
)


def _figures(spec: PlantedFault, plant: Plant | None) -> dict[str, float]:
    """What follows for a planted fault from the plant's design."""
    if plant is None:
        return {}
    lift = plant.water.design_lift_k
    half = plant.water.half_flow_m3s(plant.design_power_w)
    match spec.fault:
        case FaultKind.LOW_DELTA_T:
            waste = waste_flow_m3s(half)
            return {
                "half_flow_m3s": half,
                "waste_flow_m3s": waste,
                "waste_delta_t_k": lift * half / (half + waste),
                "max_flow_m3s": plant.max_flow_m3s,
                "delta_t_at_max_flow_k": lift * half / (half + plant.max_flow_m3s),
            }
        case FaultKind.OVERSIZED:
            design = plant.water.design_flow_m3s(plant.design_power_w)
            return {"max_flow_m3s": plant.max_flow_m3s, "max_flow_over_design_flow": plant.max_flow_m3s / design}
        case FaultKind.NO_NIGHT_SETBACK:
            return {"night_over_day_power": 1.0}
        case FaultKind.LEAK:
            return {"leak_m3s": spec.figures["leak_percent_of_nominal"] / 100 * plant.nominal_flow_m3s}
        case _:
            return {}


def reported_errors(device: DemoDevice, seed: int) -> list[PlantedFault]:
    """The errors that a valve of a lifelike building reports: now and then one, of those without other faults."""
    key = ("reported", device.name, seed)
    if device.name in _FAULTY or not device.own_plant or fraction(*key) >= _REPORTED_SHARE:
        return []
    bits = _REPORTED[hash64(*key, "bits") % len(_REPORTED)]
    begin = int(uniform(utc("2018-01-01"), utc("2018-11-01"), *key, "begin"))
    end = begin + int(uniform(2, 12, *key, "days") * 86400)
    return [PlantedFault(FaultKind.REPORTED, device.name, begin, end, {"bits": int(bits)}, device.id)]


def planted_faults(
    devices: Sequence[DemoDevice], plants: Mapping[str, Plant], seed: int, lifelike: bool = False
) -> tuple[PlantedFault, ...]:
    """The faults planted on these devices, in the order of the table in docs/demo-cloud.md."""
    ids = {device.name: device.id for device in devices if device.own_plant}
    faults = []
    for item in FAULT_SPECS + LIFELIKE_SPECS * lifelike:
        if item.name in ids:
            figures = {**item.figures, **_figures(item, plants.get(item.name))}
            faults.append(replace(item, figures=figures, device_id=ids[item.name]))
    if lifelike:
        faults += [fault for device in devices if device.is_energy_valve for fault in reported_errors(device, seed)]
    return tuple(faults)

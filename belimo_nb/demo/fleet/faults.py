"""The faults planted in the demo fleet: kind, device and time.

Known faults at known times are what diagnoses are tested against; the table in docs/demo-cloud.md lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


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

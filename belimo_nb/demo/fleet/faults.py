"""The planted faults of the demo fleet and the truth about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class FaultKind(StrEnum):
    """Names of the planted faults."""

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


def utc(text: str) -> int:
    """Epoch seconds of an ISO date or time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Fault:
    """One planted fault.

    Attributes:
        fault: its name, one of FaultKind.
        device_id: id of the device.
        name: name of the device.
        begin: epoch seconds.
        end: epoch seconds, exclusive; None: it lasts.
        figures: what is known about it; the key carries the unit.
    """

    fault: FaultKind
    device_id: str
    name: str
    begin: int
    end: int | None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Planted:
    """A fault before it is bound to a device."""

    fault: FaultKind
    name: str
    begin: int
    end: int | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


LOW_DELTA_T_LIMIT_K = 6.5
"""Delta-T limit of the low delta-T valve until someone switched it off."""

_ALWAYS = utc("2016-12-01")

PLANTED = (
    Planted(FaultKind.LOW_DELTA_T, "Energieventil Kälte 2.OG Süd", utc("2017-05-15T08:00")),
    Planted(
        FaultKind.HUNTING,
        "Lüftung LA04 Erhitzer",
        _ALWAYS,
        figures={"period_s": 600, "amplitude_percent": 16},
    ),
    Planted(FaultKind.NO_NIGHT_SETBACK, "Energieventil Heizung 1.OG Sued-West", _ALWAYS),
    Planted(FaultKind.OVERSIZED, "Energieventil Kälte 1.OG Süd", _ALWAYS),
    Planted(FaultKind.SENSORS_SWAPPED, "Lüftung LA02 Erhitzer", utc("2017-10-12T09:30")),
    Planted(FaultKind.LEAK, "Lüftung LA03 Erhitzer", _ALWAYS, figures={"leak_percent_of_nominal": 3}),
    Planted(FaultKind.COUNTER_RESET, "Lüftung LA02 Kühler", utc("2018-06-14T12:40")),
    Planted(FaultKind.DROPOUT, "Lüftung LA03 Kühler", utc("2017-08-08T07:15"), utc("2017-08-08T15:45")),
    Planted(FaultKind.DROPOUT, "Lüftung LA03 Kühler", utc("2018-07-02T05:30"), utc("2018-07-23T09:10")),
    Planted(
        FaultKind.LATE_BACKLOG,
        "Umschaltventil 1.OG Sitzungszimmer",
        utc("2018-10-08T06:00"),
        utc("2018-10-12T09:00"),
        {"arrival": utc("2018-10-12T14:30")},
    ),
    Planted(
        FaultKind.LOST_GAP,
        "Energieventil Heizung 2.OG Sued-West",
        utc("2018-02-09T10:20"),
        utc("2018-02-19T10:20"),
    ),
    Planted(FaultKind.OFFLINE, "Energieventil Kälte EG Ost", utc("2018-11-20T13:20")),
    Planted(FaultKind.FLOW_SENSOR, "Umschaltventil EG Aula", utc("2018-11-05T16:50")),
)


def planted(name: str, fault: FaultKind) -> tuple[Planted, ...]:
    """The faults of one kind planted on one device of the default fleet."""
    return tuple(item for item in PLANTED if item.name == name and item.fault is fault)


def planted_on(fault: FaultKind) -> Planted:
    """The first planted fault of a kind."""
    return next(item for item in PLANTED if item.fault is fault)

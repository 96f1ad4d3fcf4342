"""The datapoints of the demo dataprofiles, and what their whole numbers mean.

`datapoints.csv` lists them.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from importlib.resources import files


@dataclass(frozen=True)
class Datapoint:
    """One datapoint's definition.

    Attributes:
        id: identifier, e.g. "evcloud.140".
        name: technical name, e.g. "AbsPower_Fb_W".
        description: what it means, if the profile says so.
        basetype: "int", "real", "text" or "bool".
        unit: unit of the published value, if it has one.
        access: "r" or "rw".
        label: name for people, if the profile gives one.
        restriction: allowed values, as a range or a pattern.
        source: of Energy Valve 4, whose ids are names, the datapoint of Energy Valve 3 that has the same value.
    """

    id: str
    name: str
    description: str | None
    basetype: str = "real"
    unit: str | None = None
    access: str = "r"
    label: str | None = None
    restriction: str | None = None
    source: str | None = None

    @property
    def subprofile(self) -> str:
        """The subprofile that defines the datapoint: the part of the id before the dot; names as ids have none."""
        return self.id.split(".", maxsplit=1)[0] if "." in self.id else "energyvalve4"

    @property
    def feature_values(self) -> dict[str, str]:
        """Feature values as the API names them."""
        values = {
            "bMg3Fgui.displayname": self.label,
            "default.access": self.access,
            "default.basetype": self.basetype,
            "default.description": self.description,
            "default.format": "text/plain" if self.basetype == "text" else None,
            "default.name": self.name,
            "default.restriction": self.restriction,
            "default.unit": self.unit,
        }
        return {key: value for key, value in values.items() if value is not None}


class ControlMode(IntEnum):
    """What the control signal sets."""

    POSITION = 1
    FLOW = 2
    POWER = 3


class Limitation(IntEnum):
    """How the delta-T limit acts on the flow."""

    DISABLED = 1
    DELTA_T = 2
    FLOW_AND_DELTA_T = 3


class ManagerState(IntEnum):
    """What the delta-T manager is doing."""

    DISABLED = 1
    STANDBY = 2
    LIMITING = 3
    SCALING_STANDBY = 4
    SCALING_LIMITING = 5


class Sequence(IntEnum):
    """Whether the valve heats or cools."""

    NO_DEMAND = 1
    COOLING = 2
    HEATING = 3


class DeviceError(IntFlag):
    """The error bits of an energy valve."""

    T1 = 1
    T2 = 2
    FLOW_SIGNAL = 4
    ACTUATOR_STALLED = 8
    FLOW_WITH_CLOSED_VALVE = 16
    AIR_BUBBLES = 32
    FLOW_NOT_REACHED = 64
    POWER_NOT_REACHED = 128
    GEAR_DISENGAGED = 256
    REVERSE_FLOW = 512
    MP2_NOT_ALIVE = 1024
    FREEZE_WARNING = 2048


def _table(name: str) -> tuple[Datapoint, ...]:
    with files("belimo_nb.demo.fleet").joinpath("datapoints.csv").open(encoding="utf-8") as file:
        rows = [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]
    return tuple(Datapoint(**row) for row in rows if row.pop("table") == name)  # type: ignore[arg-type]


DEFAULT, METADATA = _table("default"), _table("metadata")
ENERGY_VALVE = _table("energy valve 3")
ENERGY_VALVE_WITH_WEAR = (*ENERGY_VALVE, *_table("energy valve 3, wear"))  # as in version 1.3 of the profile
ACTUATOR, GATEWAY = _table("actuator"), _table("gateway")

_PATH = "application/EnergyValve4/Device"  # stands before the names in the second version of the profile

ENERGY_VALVE_4_POINTS = _table("energy valve 4")
PATH_POINTS = tuple(replace(point, name=f"{_PATH}/{point.name}") for point in ENERGY_VALVE_4_POINTS)
SOURCES: Mapping[str, str] = {point.id: point.source for point in ENERGY_VALVE_4_POINTS if point.source}
"""Datapoint of Energy Valve 4 -> the datapoint of Energy Valve 3 that has the same value."""

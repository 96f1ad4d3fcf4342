"""The datapoints of the demo dataprofiles: identifiers, names, units and descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag


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
        format: media type of a text.
        restriction: allowed values, as a range or a pattern.
    """

    id: str
    name: str
    description: str | None
    basetype: str = "real"
    unit: str | None = None
    access: str = "r"
    label: str | None = None
    format: str | None = None
    restriction: str | None = None

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
            "default.format": self.format or ("text/plain" if self.basetype == "text" else None),
            "default.name": self.name,
            "default.restriction": self.restriction,
            "default.unit": self.unit,
        }
        return {key: value for key, value in values.items() if value is not None}


def _text(
    id_: str, name: str, description: str, label: str | None = None, restriction: str = "len:[0,255]"
) -> Datapoint:
    return Datapoint(id_, name, description, "text", label=label, restriction=restriction)


def _setting(id_: str, name: str, description: str, unit: str | None, label: str, restriction: str) -> Datapoint:
    return Datapoint(id_, name, description, "real", unit, "rw", label, restriction=restriction)


def _choice(id_: str, name: str, description: str, label: str, choices: type[IntEnum], access: str = "rw") -> Datapoint:
    values = f"r:[{min(choices):d},{max(choices):d}]"
    return Datapoint(id_, name, description, "int", access=access, label=label, restriction=values)


DEFAULT = (
    _text(
        "default.1",
        "/device/info/health/status",
        "Overall health of the device",
        "Device health status",
        "re:(OK|WARN|ERROR|UNKNOWN)",
    ),
    _text(
        "default.2",
        "/device/info/health/description",
        "Cause of the present health status, empty while all is well",
        "Device health description",
    ),
)

METADATA = (
    _text("metadata.1001", "/metadata/deviceName", "Name given to the device by its owner", "Device name"),
    _text("metadata.1002", "/metadata/projectName", "Project that the device belongs to", "Project name"),
    _text("metadata.1003", "/metadata/organisation", "Organization that runs the building", "Organization"),
    _text("metadata.1004", "/metadata/building", "Building that the device is mounted in", "Building"),
    _text("metadata.1005", "/metadata/floor", "Floor or level of the building", "Floor"),
    _text("metadata.1006", "/metadata/room", "Room or plant that the device serves", "Room"),
    _text("metadata.1007", "/metadata/street", "Street and number of the building", "Street"),
    _text("metadata.1008", "/metadata/zip", "Postal code of the building", "Postal code"),
    _text("metadata.1009", "/metadata/city", "City of the building", "City"),
    _text("metadata.1010", "/metadata/region", "Canton or state of the building", "Region"),
    _text("metadata.1011", "/metadata/country", "Country of the building, two letters", "Country"),
    Datapoint("metadata.1012", "/metadata/latitude", "Geographic latitude", "real", "degree", "rw", "Latitude"),
    Datapoint("metadata.1013", "/metadata/longitude", "Geographic longitude", "real", "degree", "rw", "Longitude"),
)


class Override(IntEnum):
    """Override of the control signal."""

    AUTO = 1
    CLOSE = 2
    OPEN = 3
    NOMINAL_FLOW = 4
    MAXIMUM_FLOW = 5
    STOP = 6


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


class InstallationPosition(IntEnum):
    """The pipe that the valve sits in."""

    SUPPLY = 1
    RETURN = 2


class SetpointSource(IntEnum):
    """Where the control signal comes from."""

    ANALOG = 1
    BUS = 2


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


ENERGY_VALVE = (
    Datapoint("evcloud.10", "DN_Size", "DN Size of Valve", "int", "mm", label="Nominal diameter"),
    Datapoint("evcloud.20", "V_nom_m3s", "Nominal flow of the valve body", "real", "m3/s", label="Nominal flow"),
    _choice("evcloud.30", "Override_Write", "Override Control", "Override", Override),
    _choice("evcloud.40", "ControlMode_Write", "What the control signal sets", "Control mode", ControlMode),
    Datapoint("evcloud.50", "DDC_Sp_Rel", "Control signal from the building automation", "real", "percent"),
    _setting(
        "evcloud.60",
        "Vmax_Rel_Write",
        "Maximum flow setting, share of the nominal flow",
        "percent",
        "Maximum flow",
        "r:[25,100]",
    ),
    _setting(
        "evcloud.65",
        "Pmax_Rel_Write",
        "Maximum power setting, share of the nominal power",
        "percent",
        "Maximum power",
        "r:[5,100]",
    ),
    Datapoint("evcloud.70", "RelPos_Sp", "Valve position asked for by the controller", "real", "percent"),
    Datapoint("evcloud.80", "RelPos_Fb", "Valve Position", "real", "percent", label="Valve position"),
    Datapoint("evcloud.90", "AbsFlow_Fb_m3s", "Absolute Flow", "real", "m3/s", label="Flow"),
    Datapoint("evcloud.100", "RelFlow_Fb_Rel2Vmax", "Relative Flow in %", "real", "percent"),
    Datapoint("evcloud.110", "RelPower_Fb_Rel2Pmax", "Relative Power in %", "real", "percent"),
    Datapoint("evcloud.140", "AbsPower_Fb_W", "Absolute Power", "real", "W", label="Power"),
    Datapoint("evcloud.150", "T1_remote_K", "Temperature 1, remote", "real", "K", label="Temperature T1"),
    Datapoint(
        "evcloud.160", "T2_embeded_K", "Temperature 2, embedded in the valve", "real", "K", label="Temperature T2"
    ),
    Datapoint(
        "evcloud.170",
        "DeltaT_K",
        "Difference of the two water temperatures, without its sign",
        "real",
        "K",
        label="Delta T",
    ),
    Datapoint("evcloud.200", "Cooling_E_J", "Cooling Energy in J", "real", "J", label="Cooling counter"),
    Datapoint("evcloud.210", "Heating_E_J", "Heating Energy in J", "real", "J", label="Heating counter"),
    _choice(
        "evcloud.220",
        "DeltaT_Limitation_Write",
        "How the delta-T limit acts on the flow",
        "Delta T limitation",
        Limitation,
    ),
    _setting("evcloud.230", "SpDeltaT_K_Write", "Delta-T limit to keep", "K", "Delta T limit", "r:[1,60]"),
    _setting(
        "evcloud.240",
        "SpFlow_DeltaT_lmin_Write",
        "Flow below which the delta-T limit does not act",
        "l/min",
        "Delta T limit from flow",
        "r:[0,3000]",
    ),
    Datapoint("evcloud.250", "SpDeltaT_applied_K", "Delta-T limit in force, 0 while there is none", "real", "K"),
    _choice(
        "evcloud.260",
        "dT_Manager_Ste",
        "What the delta-T manager is doing",
        "Delta T manager",
        ManagerState,
        "r",
    ),
    Datapoint(
        "evcloud.270", "Glycol_Concentration_Rel", "Share of glycol in the water", "real", "percent", label="Glycol"
    ),
    Datapoint("evcloud.280", "Error_Status_Cloud", "Error bits of the device, 0 while there is none", "int"),
    Datapoint("evcloudplus.461", "Flow_Volume_total_m3", "Volume that has passed the flow sensor", "real", "m3"),
    Datapoint(
        "evcloudplus.470", "Active_dT_Manager_total_h", "Hours in which the delta-T manager limited", "real", "h"
    ),
    Datapoint("evcloudplus.480", "OperatingHours", "Hours under supply voltage", "int", "h"),
)

_WEAR = (  # of version 1.3 of the profile
    _choice("evcloud.290", "Sequence_Ste", "Whether the valve heats or cools", "Sequence", Sequence, "r"),
    _choice(
        "evcloud.300",
        "InstallationPosition_Write",
        "Pipe that the valve sits in",
        "Installation position",
        InstallationPosition,
    ),
    _choice("evcloud.310", "SpSource_Write", "Where the control signal comes from", "Signal source", SetpointSource),
    Datapoint("evcloudplus.462", "Flow_Volume_Heating_total_m3", "Volume that passed while heating", "real", "m3"),
    Datapoint("evcloudplus.463", "Flow_Volume_Cooling_total_m3", "Volume that passed while cooling", "real", "m3"),
    Datapoint(
        "evcloudplus.471", "Standby_dT_Manager_total_h", "Hours in which the delta-T manager waited", "real", "h"
    ),
    Datapoint("evcloudplus.472", "dT_Manager_TurnedOff_total_h", "Hours without delta-T manager", "real", "h"),
    Datapoint("evcloudplus.481", "Active_Time_h", "Hours in which the valve was open", "real", "h"),
    Datapoint("evcloudplus.482", "Full_Load_h", "Hours at a control signal of 100 percent", "real", "h"),
    Datapoint("evcloudplus.483", "Part_Load_h", "Hours at a control signal below 100 percent", "real", "h"),
    Datapoint("evcloudplus.490", "Act_Dir_Chngs_Counts", "Changes of direction of the actuator", "int"),
    Datapoint("evcloudplus.491", "Act_End_Hit_Counts", "Times that the actuator reached an end stop", "int"),
    Datapoint("evcloudplus.492", "Act_total_travel_fraction", "Travel of the actuator, 1 from end to end", "real"),
)
ENERGY_VALVE_WITH_WEAR = (*ENERGY_VALVE, *_WEAR)

ACTUATOR = (
    Datapoint("mpact.10", "RelPos_Sp", "Position asked for by the controller", "real", "percent"),
    Datapoint("mpact.20", "RelPos_Fb", "Position of the actuator", "real", "percent", label="Position"),
    _choice("mpact.30", "Override_Write", "Override Control", "Override", Override),
    Datapoint("mpact.40", "OperatingHours", "Hours under supply voltage", "int", "h"),
    Datapoint("mpact.50", "Cycles_total", "Full strokes since production", "real"),
)

GATEWAY = (
    Datapoint("mpgw.10", "Connected_Devices", "Number of devices on the bus", "int", label="Devices on the bus"),
    Datapoint("mpgw.20", "Board_Temperature_K", "Temperature of the circuit board", "real", "K"),
    Datapoint("mpgw.30", "OperatingHours", "Hours under supply voltage", "int", "h"),
    Datapoint("mpgw.40", "Bus_Supply_V", "Supply voltage of the bus", "real", "V"),
    Datapoint("mpgw.50", "Remote_Access", "Whether remote access is allowed", "bool", access="rw"),
)

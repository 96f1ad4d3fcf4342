"""The datapoints of Energy Valve 4, whose ids are names, and where their values come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from belimo_nb.demo.fleet.datapoints import Datapoint

_PATH = "application/EnergyValve4/Device"  # stands before the names in the second version of the profile

SOURCES: Mapping[str, str] = {
    "RemoteWaterTemperature": "evcloud.150",
    "FlowBodyWaterTemperature": "evcloud.160",
    "DifferentialWaterTemperature": "evcloud.170",
    "AbsoluteWaterFlow": "evcloud.90",
    "RelativeWaterFlow": "evcloud.100",
    "AbsolutePower": "evcloud.140",
    "RelativePower": "evcloud.110",
    "HeatingEnergyLifetime": "evcloud.210",
    "CoolingEnergyLifetime": "evcloud.200",
    "WaterFlowVolumeLifetime": "evcloudplus.461",
    "RelativeActuatorPosition": "evcloud.80",
    "RelativeActuatorPositionSetpoint": "evcloud.70",
    "NominalWaterFlow": "evcloud.20",
    "AppliedSetpoint": "evcloud.50",
    "GlycolConcentration": "evcloud.270",
    "SelectWaterControlMode": "evcloud.40",
    "SelectSetpointSource": "evcloud.310",
    "SetWaterDeviceInstallationPosition": "evcloud.300",
    "WaterDeviceDnSize": "evcloud.10",
    "MasterDeviceErrorStatus": "evcloud.280",
    "SetDifferentialWaterTemperature": "evcloud.230",
    "DifferentialWaterTemperatureSetpoint": "evcloud.250",
    "DifferentialWaterTemperatureControlStatus": "evcloud.260",
    "DifferentialTemperatureManagerActiveHours": "evcloudplus.470",
    "DifferentialTemperatureManagerStandbyHours": "evcloudplus.471",
    "DifferentialTemperatureManagerDisabledHours": "evcloudplus.472",
    "SetRelativeSetpoint": "evcloud.50",
}
"""Datapoint of Energy Valve 4 -> the datapoint of Energy Valve 3 that has the same value."""

_OWN = (
    *("AbsoluteHeatingPower", "AbsoluteCoolingPower", "AbsoluteActuatorPosition"),
    *("HeatingEnergy", "CoolingEnergy", "WaterFlowVolume"),  # since the user set them to 0
    *("HeatingEnergyMeterReading", "CoolingEnergyMeterReading", "AccumulatedVolumeSensorReading"),
    *("NominalPower", "SetMaximumPower", "SetMaximumWaterFlow", "SelectWaterMediumType"),
    "SetDifferentialTemperatureManagerMinimumWaterFlow",
)
_WHOLE = ("Select", "SetWaterDevice", "WaterDevice", "MasterDevice", "DifferentialWaterTemperatureControl")


def _datapoint(name: str) -> Datapoint:
    access = "rw" if name.startswith(("Set", "Select")) else "r"
    return Datapoint(name, name, None, "int" if name.startswith(_WHOLE) else "real", access=access)


ENERGY_VALVE_4_POINTS = tuple(_datapoint(name) for name in (*SOURCES, *_OWN))
PATH_POINTS = tuple(replace(point, name=f"{_PATH}/{point.name}") for point in ENERGY_VALVE_4_POINTS)

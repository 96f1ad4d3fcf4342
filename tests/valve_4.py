"""A dataprofile of Energy Valve 4, made by hand: ids that are names, no descriptions, no units."""

from __future__ import annotations

from typing import Any

NAMES = (
    "HeatingEnergyMeterReading", "HeatingEnergy", "HeatingEnergyLifetime", "CoolingEnergy", "CoolingEnergyLifetime",
    "CoolingEnergyMeterReading", "WaterFlowVolume", "WaterFlowVolumeLifetime", "AccumulatedVolumeSensorReading",
    "RemoteWaterTemperature", "FlowBodyWaterTemperature", "DifferentialWaterTemperature", "AbsoluteWaterFlow",
    "RelativeWaterFlow", "AbsolutePower", "AbsoluteHeatingPower", "AbsoluteCoolingPower", "RelativePower",
    "RelativeActuatorPosition", "RelativeActuatorPositionSetpoint", "AbsoluteActuatorPosition", "NominalWaterFlow",
    "SetMaximumWaterFlow", "NominalPower", "SetMaximumPower", "GlycolConcentration", "MasterDeviceErrorStatus",
    "SelectWaterControlMode", "DifferentialTemperatureManagerActiveHours",
)  # fmt: skip


def body(path: str = "", **units: str) -> dict[str, Any]:
    """The API's dataprofile object; `path` stands before each id, `units` are features of some datapoints."""
    points = [
        {"id": f"{path}{name}", "featureValues": {"default.unit": units[name]} if name in units else {}}
        for name in NAMES
    ]
    return {"id": "energyvalve4", "version": "0.9", "name": "device.energy-valve-4", "datapoints": points}

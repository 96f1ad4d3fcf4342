"""The devices of the second cloud, their dataprofiles, and their readings as plain functions of time."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

BEGIN = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
NOW = int(datetime(2021, 4, 15, 12, tzinfo=UTC).timestamp())
HEATING, FLOW, T1, T2, POWER, SETPOINT, POSITION, MODE, RESET = (f"pX4v.{number}" for number in range(1, 10))
VALVE = "Wq8LmZ3a/2.4"
GATEWAY = "Gk1/0.9"


def _point(identifier: str, name: str, basetype: str = "real", **features: str) -> dict[str, Any]:
    values = {"default.name": name, "default.access": "r", "default.basetype": basetype, "k1.mp_addr": "mp5"}
    values |= {f"default.{key}": value for key, value in features.items()}
    return {"id": identifier, "featureValues": values, "definedBy": "pX4v/0.1"}


_HEALTH = [
    _point("default.1", "/device/info/health/status", "text", description="Aggregated health status"),
    _point("default.2", "/device/info/health/description", "text", description="Description,\n\t\t\twrapped"),
]
PROFILES = {
    VALVE: [
        _point(MODE, "/hlk/mode", "text", description="Mode (cc/ccw)"),
        _point("pX4v.20", "/hlk/heating_energy_month", description="Heating energy of this month", unit="kWh"),
        _point(HEATING, "/hlk/heating_energy", description="Heating energy", unit="kWh"),
        _point(FLOW, "/hlk/flow", description="Absolute flow", unit="l/min"),
        _point(T1, "/hlk/temperature_1", unit="°C"),
        _point(T2, "/hlk/t2", description="Temperature 2,\n\t\t\tembedded", unit="°C"),
        _point(POWER, "/hlk/power", description="Absolute power", unit="kW"),
        _point(SETPOINT, "/hlk/position_setpoint", description="Valve position setpoint", unit="%", access="rw"),
        _point(POSITION, "/hlk/position", description="Valve position", unit="%"),
        _point(RESET, "/hlk/reset", "bool", description="Triggers reset of device", access="w"),
        _point("pX4v.21", "/hlk/info/status", "text"),
        *_HEALTH,
    ],
    GATEWAY: _HEALTH,
}


def power_kw(hour: int) -> float:
    """Heating power of a valve in an hour since 1970; its period of 37 hours makes every day differ."""
    return 1 + hour * hour % 37 / 8


_CYCLE = [0.0, *itertools.accumulate(power_kw(hour) for hour in range(37))]


def counter_kwh(time: float) -> float:
    """Reading of a valve's counter at a moment (epoch seconds)."""
    cycles, rest = divmod(int(time // 3600), 37)
    return cycles * _CYCLE[37] + _CYCLE[rest] + power_kw(rest) * (time % 3600) / 3600 - 1_424_000


def iso(time: float) -> str:
    """A moment as this cloud writes it, with milliseconds."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def epoch(text: str) -> float:
    """Epoch seconds of a moment as the API takes it: ISO 8601 or milliseconds."""
    return int(text) / 1000 if text.isdecimal() else datetime.fromisoformat(text).timestamp()


def value_at(identifier: str, time: float) -> Any:
    """What a datapoint reads at a moment (epoch seconds); None for one that never said anything."""
    hour = int(time // 3600) - (time % 3600 == 0)  # at a full hour, that of the hour which ends
    return {
        HEATING: counter_kwh(time),
        "pX4v.20": 12.5,
        FLOW: 20 * power_kw(hour),
        T1: 55.5,
        T2: 41.25,
        POWER: power_kw(hour),
        SETPOINT: 90,
        POSITION: 62.5,
        MODE: "CLOSE",
        RESET: True,
        "pX4v.21": "fine",
        "default.1": "OK",
    }.get(identifier)


def _device(number: int, name: str | None, profile: str | None, **fields: Any) -> dict[str, Any]:
    device: dict[str, Any] = {
        "id": f"d7Kx{number:02d}",
        "productionId": f"DEV_{number}",
        "displayName": name,
        "serialNumber": f"SN-{number:04d}-K",
        "deviceType": "9:acme",
        "purpose": "PRODUCTION",
        "runningSoftwareModules": {"csp": "2.15.10-0"},
        "health": {"state": "OK", "lastSeen": iso(NOW - 120), "onlineDays": 400},
        "projectName": "Schulhaus",
        "claimingProtectionActive": False,
        "somethingNew": {"from": ["a", "later", "version"]},
        "state": {
            "timestamp": iso(NOW),
            "datapoints": {key: {"value": value_at(key, NOW), "quality": 1} for key in (HEATING, FLOW, T1, POSITION)},
        },
    }
    if profile is not None:
        device["dataprofile"] = {
            "entityId": profile,
            "ref": f"/definitions/dataprofiles/{profile}",
            "displayName": f"acme/{profile}",
        }
    return {key: value for key, value in (device | fields).items() if value is not ...}


DEVICES = [
    *(_device(number, f"Heizkreis {number:02d}", VALVE) for number in range(1, 16)),
    _device(16, ..., VALVE),
    _device(17, "Ohne Profil", None),
    _device(18, "Profil leer", None, dataprofile=None, health={"state": "UNKNOWN"}, state=...),
    _device(19, "Nie gesehen", VALVE, health={"state": "WARNING", "onlineDays": 0, "description": "Flow too low"}),
    _device(20, "Gateway Öl", GATEWAY, health=..., state={"timestamp": iso(NOW), "datapoints": {}}),
    _device(21, "Lüftung West", VALVE, health={"state": "ERROR", "lastSeen": iso(NOW - 86400)}),
    _device(22, "Lüftung West", VALVE, serialNumber=..., projectName=None),
    _device(23, "Lüftung Ost", VALVE),
]

TIMELINE = [
    {"timestamp": iso(BEGIN + 86400 * day), "type": "METADATA_CHANGE", "details": {"values": {"metadata.1004": "B"}}}
    for day in (30, 4, 12)
] + [{"timestamp": iso(BEGIN + 86400 * 50), "type": "SOFTWARE_CHANGE"}]

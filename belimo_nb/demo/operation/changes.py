"""Settings, metadata and health of a device over time, and the timeline of events that records their changes."""

import bisect
from collections.abc import Mapping
from typing import Any

from belimo_nb.demo.fleet.building import Kind
from belimo_nb.demo.fleet.datapoints import (
    SOURCES,
    ControlMode,
    DeviceError,
    Limitation,
)
from belimo_nb.demo.fleet.faults import IMPROVEMENT, LOW_DELTA_T_LIMIT_K, FaultKind, first_spec, reported_errors, utc
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.fleet.plants import Plant
from belimo_nb.demo.fleet.profiles import DATAPOINTS, MP_ACTUATOR, MP_GATEWAY
from belimo_nb.demo.world.noise import fraction, hash64, uniform
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, HORIZON

Scalar = float | int | str | bool
Changes = list[tuple[int, Scalar]]

FLOW_SENSOR_ERROR = "Flow_sensor_error"
BUS_WARNING = "Bus_communication_disturbed"

_WRITABLE = frozenset(point.id for points in DATAPOINTS.values() for point in points if point.access == "rw")
_LOW_DELTA_T = first_spec(FaultKind.LOW_DELTA_T)
_FLOW_SENSOR = first_spec(FaultKind.FLOW_SENSOR)
_SETTING_CHANGES: Mapping[tuple[str, str], tuple[Scalar, Changes]] = {
    # (device name, datapoint): (first value, changes)
    (_LOW_DELTA_T.name, "evcloud.220"): (int(Limitation.DELTA_T), [(_LOW_DELTA_T.begin, int(Limitation.DISABLED))]),
    (_LOW_DELTA_T.name, "evcloud.230"): (LOW_DELTA_T_LIMIT_K, []),
    (_FLOW_SENSOR.name, "evcloud.280"): (0, [(_FLOW_SENSOR.begin, int(DeviceError.FLOW_SIGNAL))]),
    ("Energieventil Heizung 2.OG Nord-West", "evcloud.40"): (
        int(ControlMode.POSITION),
        [(utc("2017-09-14T13:10"), int(ControlMode.FLOW))],
    ),
    ("Energieventil Heizung 2.OG Nord-Ost", "evcloud.65"): (90.0, [(utc("2017-10-02T08:25"), 100.0)]),
    ("Lüftung LA01 Kühler", "evcloud.230"): (3.5, [(utc("2018-05-02T14:45"), 4.0)]),
}
_IMPROVED: Mapping[str, Scalar] = {"evcloud.220": int(Limitation.DELTA_T), "evcloud.230": IMPROVEMENT.limit_k}
_AUTO = 1  # what the override of a valve or an actuator says while there is none
_SOFTWARE = (utc("2017-06-20T03:00"), utc("2018-04-17T03:00"))
_WARNED_SHARE = 0.02  # of the devices beyond the default fleet
_AIR_SHARE = 0.05  # of them, those with air in the water for some days


def metadata(device: DemoDevice) -> dict[str, Scalar]:
    """Metadata values by datapoint id."""
    place = device.place
    return {
        "metadata.1001": device.name,
        "metadata.1002": place.project,
        "metadata.1003": place.organization,
        "metadata.1004": place.building,
        "metadata.1005": device.floor,
        "metadata.1006": device.name.split(" ", 1)[-1],
        "metadata.1007": place.street,
        "metadata.1008": place.zip,
        "metadata.1009": place.city,
        "metadata.1010": place.region,
        "metadata.1011": place.country,
        "metadata.1012": place.latitude,
        "metadata.1013": place.longitude,
    }


def _valve_settings(device: DemoDevice, plant: Plant) -> dict[str, Scalar]:
    air = plant.kind in {Kind.AIR_HEATER, Kind.AIR_COOLER}
    return {
        "evcloud.10": plant.dn,
        "evcloud.20": plant.nominal_flow_m3s,
        "evcloud.30": _AUTO,
        "evcloud.40": int(ControlMode.FLOW),
        "evcloud.60": round(plant.vmax_percent * device.scale, 1),
        "evcloud.65": 100.0,
        "evcloud.220": int(Limitation.DELTA_T if air else Limitation.DISABLED),
        "evcloud.230": round(plant.water.design_delta_t_k) / 2,
        "evcloud.240": float(round(0.3 * plant.max_flow_m3s * device.scale * 60000)),
        "evcloud.270": 0.0,
        "evcloud.280": 0,
        "evcloud.300": 2,  # in the return pipe
        "evcloud.310": 1,  # analog
        "NominalPower": plant.max_power_w * device.scale,
        "SetMaximumWaterFlow": round(plant.max_flow_m3s * device.scale, 7),
        "SelectWaterMediumType": 1,
        "SetDifferentialTemperatureManagerMinimumWaterFlow": round(0.3 * plant.max_flow_m3s * device.scale, 7),
    }


def value_at(points: Changes, time: int) -> Scalar:
    """What held at a time (epoch seconds) not before the first change."""
    return points[bisect.bisect_right(points, time, key=lambda point: point[0]) - 1][1]


def _applied_limit(mode: Changes, limit: Changes) -> Changes:
    times = sorted({time for time, _ in mode} | {time for time, _ in limit})
    return [(time, 0.0 if value_at(mode, time) == Limitation.DISABLED else value_at(limit, time)) for time in times]


def _warned_since(device: DemoDevice) -> int | None:
    if device.own_plant or fraction("warned", device.first_id) >= _WARNED_SHARE:
        return None
    return int(uniform(utc("2018-09-01"), utc("2018-11-30"), "warned since", device.first_id))


def _errors(device: DemoDevice) -> Changes:
    """Changes of the error bits of a valve beyond the default fleet, after a beginning without any."""
    if (time := _warned_since(device)) is not None:
        return [(time, int(DeviceError.MP2_NOT_ALIVE))]
    if device.own_plant or fraction("air", device.first_id) >= _AIR_SHARE:
        return []
    time = int(uniform(utc("2018-01-01"), utc("2018-11-01"), "air since", device.first_id))
    steps = (DeviceError.AIR_BUBBLES, DeviceError.AIR_BUBBLES | DeviceError.FLOW_NOT_REACHED, DeviceError(0))
    return [(time + 86400 * day, int(bits)) for day, bits in zip((0, 2, 9), steps, strict=True)]


def _health(device: DemoDevice, start: int) -> dict[str, Changes]:
    status: Changes = [(start, "OK")]
    note: Changes = [(start, "")]
    if device.name == _FLOW_SENSOR.name:
        status.append((_FLOW_SENSOR.begin, "ERROR"))
        note.append((_FLOW_SENSOR.begin, FLOW_SENSOR_ERROR))
    elif (time := _warned_since(device)) is not None:
        status.append((time, "WARN"))
        note.append((time, BUS_WARNING))
    return {"default.1": status, "default.2": note}


def changes(device: DemoDevice, plant: Plant | None, seed: int) -> dict[str, Changes]:
    """Datapoints that change rarely: id -> (epoch seconds, new value), ascending, the first at installation.

    Those of energy valves have the ids of Energy Valve 3, or of 4 where 3 has none, whatever their profile.
    A device that was never online has only its metadata, from the date of its production.
    """
    start = device.first_sample if device.registered else device.production_date
    values: dict[str, Changes] = {key: [(start, value)] for key, value in metadata(device).items()}
    if not device.registered:
        return values
    values |= _health(device, start)
    if plant is not None:
        for key, value in _valve_settings(device, plant).items():
            first, later = _SETTING_CHANGES.get((device.name, key), (value, []))
            if plant.name == IMPROVEMENT.name and key in _IMPROVED:
                later = [(IMPROVEMENT.begin, _IMPROVED[key])]
            values[key] = [(start, first), *later]
        values["evcloud.280"] += _errors(device)
        if plant.lifelike:
            for fault in reported_errors(device, seed):
                values["evcloud.280"] += [(fault.begin, int(fault.figures["bits"])), (fault.end or HORIZON, 0)]
        full_power = plant.max_power_w * device.scale / 100
        values["SetMaximumPower"] = [(time, full_power * float(percent)) for time, percent in values["evcloud.65"]]
        values["evcloud.250"] = _applied_limit(values["evcloud.220"], values["evcloud.230"])
    elif device.profile == MP_ACTUATOR:
        values["mpact.30"] = [(start, _AUTO)]
    elif device.profile == MP_GATEWAY:
        values["mpgw.50"] = [(start, True)]
    return values


def published(device: DemoDevice, values: dict[str, Changes]) -> dict[str, Changes]:
    """Those of the changes that the device's dataprofile has, by its ids, since the begin of its data scope."""
    if device.since > HISTORY_BEGIN:
        start = device.installed
        values = {
            key: [(start, value_at(points, start)), *(point for point in points if point[0] > start)]
            for key, points in values.items()
        }
    shared = {key: points for key, points in values.items() if key.startswith(("metadata.", "default."))}
    ids = [datapoint.id for datapoint in DATAPOINTS[device.profile]] if device.profile else []
    return shared | {id_: values[SOURCES.get(id_, id_)] for id_ in ids if SOURCES.get(id_, id_) in values}


def software_updates(device: DemoDevice) -> list[int]:
    """Times at which it came to a newer software (epoch seconds), the last ones of `_SOFTWARE`."""
    lag = hash64("software", device.first_id) % 86400
    return [time + lag for time in _SOFTWARE[hash64("updates", device.first_id) % len(_SOFTWARE) :]]


def timeline(device: DemoDevice, values: dict[str, Changes]) -> list[dict[str, Any]]:
    """Events of a device, ascending, from its changes: timestamp (epoch seconds), type, details."""
    start = values["metadata.1001"][0][0]
    first = {key: points[0][1] for key, points in values.items() if key.startswith("metadata")}
    events: list[tuple[int, str, dict[str, Any]]] = [
        (start, "OWNER_CHANGE", {}),
        (start, "METADATA_CHANGE", {"values": first}),
    ]
    if device.profile is not None:
        events.append((start, "DATAPROFILE_CHANGE", {"dataprofile": "/".join(device.profile)}))
        events += [(time, "SOFTWARE_CHANGE", {}) for time in software_updates(device) if time > start]
    for key, points in values.items():
        kind = "CONFIGURATION_CHANGE" if key in _WRITABLE else "DEVICE_DATAPOINT_CHANGE"
        events += [(time, kind, {"values": {key: value}}) for time, value in points[1:]]
    events.sort(key=lambda event: event[0])
    return [{"timestamp": time, "type": kind, "details": details} for time, kind, details in events]

"""A cloud of valves that say little: what has changed, and everything once a day, under names nobody described.

It stands on the second cloud, and what it measures is made by hand: each valve's power depends on the hour alone, so
the energy of any hours is their sum, and all else follows from the power. Energy Valves 4 whose ids are names, one of
them behind a path, with buckets missing or null; one of the other family with integers for words and for error bits; a
valve in stock; a device of a profile that nobody knows; a valve that changes hands and loses its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import valve_4
from second_cloud import SecondCloud
from second_fleet import NOW, epoch, iso

HOUR, DAY = 3600, 86400
BEGIN = int(epoch("2019-12-20T00:00:00Z"))
FULL_REPORT = 1 * HOUR  # of a UTC day: 02:00 in winter where these valves are
LIVE = NOW - 90  # of the latest values
SNAPSHOT = NOW - NOW % DAY  # 02:00 in April
HEAT = 4.13e6  # J a cubic meter of water carries for each K
KWH = 3.6e6
PATH = "application/EnergyValve4/water/"
MOVED = int(NOW - 37 * DAY - NOW % DAY)  # when a valve gets its new id
MODULO = 365

ERRORS, MANAGER, SEQUENCE, OVERRIDE = "evcloud.280", "evcloud.290", "evcloud.295", "evcloud.30"
AIR_AND_STALLED = 0b101000


def power_kw(hour: int) -> float:
    """Power of a valve of size 1 in an hour since 1970: by day and hour, most at noon, none at night and in summer."""
    day, of_day = divmod(hour, 24)
    off = 155 <= day % MODULO < 250 or not 5 <= of_day < 21
    return 0.0 if off else 4 + day % 7 + min(of_day - 5, 20 - of_day) / 4


_FIRST = BEGIN // HOUR
_SUMS = np.concatenate([[0.0], np.cumsum([power_kw(hour) for hour in range(_FIRST, NOW // HOUR + 48)])])


def energy_kwh(begin: float, end: float) -> float:
    """The energy of a valve of size 1 between two moments (epoch seconds); none before `BEGIN`."""
    return _counted(end) - _counted(begin)


def _counted(time: float) -> float:
    hour, rest = divmod(max(time - BEGIN, 0), HOUR)
    return float(_SUMS[int(hour)]) + power_kw(_FIRST + int(hour)) * rest / HOUR


@dataclass(frozen=True, eq=False)  # its identity is its hash, for the cache
class Valve:
    """One device.

    Attributes:
        id: Its id now.
        name: Its name.
        serial: Its serial number, for ever.
        profile: The key of its dataprofile.
        size: Its power is so many times `power_kw`.
        delta_t: Difference of its water temperatures while water flows, K.
        cools: Whether it cools instead.
        by_change: Whether it tells what has changed; else everything, always.
        null: Whether a bucket without a value comes as null instead of not at all; such a valve says nothing at night.
        path: What stands before its ids.
        begins: When its history begins, epoch seconds.
    """

    id: str
    name: str
    serial: str
    profile: str
    size: float = 1.0
    delta_t: float = 20.0
    cools: bool = False
    by_change: bool = True
    null: bool = False
    path: str = ""
    begins: int = BEGIN

    def reads(self, key: str, time: float) -> Any:
        """What a datapoint reads just before a moment (epoch seconds); None for one it does not have."""
        return _readings(self, time).get(key.removeprefix(self.path))

    def rows(self, key: str, begin: float, end: float, step: int) -> list[dict[str, Any]]:
        """The buckets that have a value, or all of them with null for none."""
        found = []
        for time in range(int(begin - begin % step), int(end), step):
            if not self.begins <= time or time + step > NOW:
                continue
            value = self.reads(key, time + step)
            full = (FULL_REPORT - time) % DAY < step
            told = value is not None and (not self.by_change or full or value != self.reads(key, time))
            if told or self.null:
                found.append({"timestamp": iso(time), "value": value if told else None})
        return found


@lru_cache(20_000)
def _readings(valve: Valve, time: float) -> Mapping[str, Any]:
    """All that a valve of any family reads just before a moment."""
    hour = int(-(-time // HOUR)) - 1
    kw = valve.size * power_kw(hour)
    kwh = valve.size * _counted(time)
    least = valve.size * 1000 / HEAT / valve.delta_t  # m3/s for each kW
    supply = (279.15 if valve.cools else 333.15) if kw else 313.15 + (0 if valve.null else hour % 5 / 10)
    back = supply + (1 if valve.cools else -1) * (valve.delta_t if kw else 2.0)
    position = 5 * power_kw(hour) if valve.size else 0.0
    heating, cooling = (0.0, kwh) if valve.cools else (kwh, 0.0)
    most = 14 * least
    return {
        "HeatingEnergyLifetime": (7_000 + heating) * KWH * bool(valve.size),
        "HeatingEnergy": heating * KWH / 2,  # emptied by someone, and so no measure of anything
        "HeatingEnergyMeterReading": 1.0,
        "CoolingEnergyLifetime": cooling * KWH,
        "WaterFlowVolumeLifetime": kwh * KWH / HEAT / valve.delta_t,
        "RemoteWaterTemperature": supply if valve.size else 0.0,
        "FlowBodyWaterTemperature": back if valve.size else 0.0,
        "DifferentialWaterTemperature": abs(supply - back) if valve.size else 0.0,
        "AbsoluteWaterFlow": kw * 1000 / HEAT / valve.delta_t,
        "AbsolutePower": kw * 1000,
        "AbsoluteHeatingPower": 0.0 if valve.cools else kw * 1000,
        "AbsoluteCoolingPower": kw * 1000 if valve.cools else 0.0,
        "RelativeActuatorPosition": position,
        "RelativeActuatorPositionSetpoint": position,
        "NominalWaterFlow": most,
        "SetMaximumWaterFlow": 0.9 * most,
        "GlycolConcentration": 0.0,
        "MasterDeviceErrorStatus": 4 if valve.path else 0,
        "SelectWaterControlMode": 2,
        "evcloud.20": most,
        "evcloud.80": position,
        "evcloud.90": kw * 1000 / HEAT / valve.delta_t,
        "evcloud.140": kw * 1000,
        "evcloud.150": supply,
        "evcloud.160": back,
        "evcloud.170": abs(supply - back),
        "evcloud.200": cooling * KWH,
        "evcloud.210": heating * KWH,
        "evcloudplus.461": kwh * KWH / HEAT / valve.delta_t,
        "evcloudplus.490": (time - BEGIN) // HOUR * 3,
        "evcloud.300": (time - BEGIN) // HOUR,
        ERRORS: AIR_AND_STALLED,
        MANAGER: 3,
        SEQUENCE: (2 if valve.cools else 3) if kw else 1,
        OVERRIDE: 1,
        "default.1": "OK",
        "zz.1": hour % 9,
    }


def _point(identifier: str, name: str, unit: str, access: str = "r", description: str = "") -> dict[str, Any]:
    features = {"default.name": name, "default.unit": unit, "default.access": access}
    return {"id": identifier, "featureValues": features | {"default.description": description}}


EV3 = "energyvalve3/1.2.2"
EV4, EV4_PATH, STRANGE = "energyvalve4/0.9", "energyvalve4/1.1", "zorp/7"
PROFILES = {
    EV4: valve_4.body()["datapoints"],
    EV4_PATH: valve_4.body(PATH)["datapoints"],
    EV3: [
        _point("evcloud.20", "V_nom_m3s", "m3/s"),
        _point("evcloud.80", "RelPos_Fb", "percent"),
        _point("evcloud.90", "AbsFlow_Fb_m3s", "m3/s"),
        _point("evcloud.140", "AbsPower_Fb_W", "W"),
        _point("evcloud.150", "T1_remote_K", "K"),
        _point("evcloud.160", "T2_embeded_K", "K"),
        _point("evcloud.170", "DeltaT_K", "K"),
        _point("evcloud.200", "Cooling_E_J", "J", description="Cooling Energy in J"),
        _point("evcloud.210", "Heating_E_J", "J", description="Heating Energy in J"),
        _point("evcloudplus.461", "Flow_Volume_total_m3", "m3"),
        _point("evcloudplus.490", "Act_Dir_Chngs_Counts", ""),
        _point("evcloud.300", "OperatingHours", "h"),
        _point(ERRORS, "Error_Status_Cloud", ""),
        _point(MANAGER, "dT_Manager_Ste", ""),
        _point(SEQUENCE, "Sequence_Ste", ""),
        _point(OVERRIDE, "Override_Write", "", "rw", "Override Control"),
        _point("default.1", "/device/info/health/status", ""),
    ],
    STRANGE: [_point("zz.1", "Blorb", "furlong")],
}

NORTH = Valve("q4a11", "Anbau Nord", "SQ-0001", EV4)
SOUTH = Valve("q4b22", "Anbau Süd", "SQ-0002", EV4_PATH, size=2, delta_t=3, null=True, path=PATH)
COLD = Valve("q3c33", "Serverraum", "SQ-0003", EV3, size=0.5, delta_t=6, cools=True, by_change=False)
STOCK = Valve("q4d44", "Lagerware", "SQ-0004", EV4, size=0)
STRANGER = Valve("qze55", "Fremdling", "SQ-0005", STRANGE)
MOVER = Valve("q4f66", "Umzug", "SQ-0006", EV4, size=3)
MOVED_IN = replace(MOVER, id="q4g77", begins=MOVED)
VALVES = (NORTH, SOUTH, COLD, STOCK, STRANGER, MOVER)


class QuietCloud(SecondCloud):
    """The second cloud with these valves; `transfer` makes one of them change hands.

    Attributes:
        told: How many values its histories have given.
    """

    profiles = PROFILES
    live = LIVE
    snapshot = SNAPSHOT
    stats: Mapping[str, Any] = {
        "totalDevices": len(VALVES),
        "connection": {"offline": 0, "online": len(VALVES)},
        "health": {"problem": 0, "ok": len(VALVES)},
        "transfer": {"incoming": 0, "outgoing": 1},
    }

    def __init__(self) -> None:
        super().__init__()
        self.told = 0
        self._valves = {valve.id: valve for valve in VALVES}
        self._list()

    def transfer(self) -> None:
        """The mover gets its new id; of the old one the cloud knows nothing any more."""
        del self._valves[MOVER.id]
        self._valves[MOVED_IN.id] = MOVED_IN
        self._list()

    def _list(self) -> None:
        self.devices = [
            {
                "id": valve.id,
                "displayName": valve.name,
                "serialNumber": valve.serial,
                "deviceType": "EV",
                "dataprofile": {
                    "entityId": valve.profile,
                    "ref": f"/definitions/dataprofiles/{valve.profile}",
                    "displayName": valve.profile,
                },
                "health": {"state": "OK", "lastSeen": iso(LIVE), "onlineDays": 400},
                "projectName": "Werkhof",
                "state": {"timestamp": iso(LIVE), "datapoints": self._values({"id": valve.id}, LIVE)},
            }
            for valve in self._valves.values()
        ]

    def values(self, device: Mapping[str, Any], time: float) -> dict[str, Any]:
        """What each datapoint of a valve's profile reads."""
        valve = self._valves[device["id"]]
        read = {point["id"]: valve.reads(point["id"], time) for point in PROFILES[valve.profile]}
        return {key: value for key, value in read.items() if value is not None}

    def events(self, device: Mapping[str, Any]) -> list[dict[str, Any]]:
        """One valve told its errors; the others nothing."""
        told = {ERRORS: AIR_AND_STALLED, SEQUENCE: 2}
        event = {"timestamp": "2021-01-20T10:00:00Z", "type": "DEVICE_DATAPOINT_CHANGE", "details": {"values": told}}
        return [event] if device["id"] == COLD.id else []

    def rows(self, device: Mapping[str, Any], key: str, begin: float, end: float, step: int) -> list[dict[str, Any]]:
        """The history of one datapoint."""
        found = self._valves[device["id"]].rows(key, begin, end, step)
        with self._lock:  # it answers several requests at a time
            self.told += sum(row["value"] is not None for row in found)
        return found

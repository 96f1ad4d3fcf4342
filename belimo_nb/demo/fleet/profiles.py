"""Dataprofiles of the demo cloud, as the API's definitions give them."""

from collections.abc import Iterable, Mapping
from typing import Any

from belimo_nb.demo.fleet.datapoints import (
    ACTUATOR,
    DEFAULT,
    ENERGY_VALVE,
    ENERGY_VALVE_4_POINTS,
    ENERGY_VALVE_WITH_WEAR,
    GATEWAY,
    METADATA,
    PATH_POINTS,
    Datapoint,
)

DataprofileKey = tuple[str, str]  # identifier and version of a dataprofile, e.g. ("energyvalve3", "1.2").
ENERGY_VALVE_3: DataprofileKey = ("energyvalve3", "1.2")
ENERGY_VALVE_VERSION_3: DataprofileKey = ("device.belimo.energy-valve-Version3", "1.11")
MP_ACTUATOR: DataprofileKey = ("mp-actuator", "1.4")
MP_GATEWAY: DataprofileKey = ("ip-gateway-mp", "2.1")

ENERGY_VALVE_3_WITH_WEAR: DataprofileKey = ("energyvalve3", "1.3")
ENERGY_VALVE_4: DataprofileKey = ("energyvalve4", "1.0")
ENERGY_VALVE_4_PATHS: DataprofileKey = ("energyvalve4", "1.1")

ENERGY_VALVES_3 = frozenset({ENERGY_VALVE_3, ENERGY_VALVE_VERSION_3, ENERGY_VALVE_3_WITH_WEAR})
ENERGY_VALVES_4 = frozenset({ENERGY_VALVE_4, ENERGY_VALVE_4_PATHS})
ENERGY_VALVES = ENERGY_VALVES_3 | ENERGY_VALVES_4

_SUBPROFILES = {  # subprofile: (version, name)
    "default": ("0.1", "belimo.device.default"),
    "metadata": ("0.3", "belimo.cloud.device.metadata"),
    "evcloud": ("1.2", "belimo.energy-valve.cloud"),
    "evcloudplus": ("1.1", "belimo.energy-valve.cloud-plus"),
    "energyvalve4": ("1.0", "belimo.energy-valve-4"),
    "mpact": ("0.4", "belimo.mp.actuator"),
    "mpgw": ("0.7", "belimo.mp.gateway"),
}

_ASPECTS: list[dict[str, Any]] = [
    {
        "id": "default",
        "version": "0.3",
        "ref": "default/0.3",
        "name": "default",
        "properties": {"date": "2016-12-02", "state": "final"},
        "features": [
            {"name": name, "optional": name not in {"access", "basetype", "name"}}
            for name in ("access", "basetype", "description", "format", "name", "restriction", "unit")
        ],
    },
    {
        "id": "bMg3Fgui",
        "version": "0.1",
        "ref": "bMg3Fgui/0.1",
        "name": "belimo.aspect.gui",
        "properties": {},
        "features": [{"name": "displayname", "optional": True}],
    },
]
_ASPECT_REFS = [aspect["ref"] for aspect in _ASPECTS]


def _subprofile_ref(name: str) -> str:
    return f"{name}/{_SUBPROFILES[name][0]}"


def _subprofile(name: str, datapoints: Iterable[Datapoint]) -> dict[str, Any]:
    version, title = _SUBPROFILES[name]
    return {
        "id": name,
        "version": version,
        "ref": _subprofile_ref(name),
        "name": title,
        "state": "LOCKED",
        "properties": {"description": f"Datapoints of {title}."},
        "supportedAspects": list(_ASPECT_REFS),
        "datapoints": [datapoint.id for datapoint in datapoints if datapoint.subprofile == name],
    }


def _dataprofile(key: DataprofileKey, name: str, datapoints: tuple[Datapoint, ...]) -> dict[str, Any]:
    id_, version = key
    everything = (*DEFAULT, *datapoints, *METADATA)
    used = dict.fromkeys(datapoint.subprofile for datapoint in everything)
    return {
        "id": id_,
        "version": version,
        "ref": f"{id_}/{version}",
        "name": name,
        "state": "PRODUCTIVE",
        "properties": {"description": f"What {name} says."},
        "aspects": [dict(aspect) for aspect in _ASPECTS],
        "subprofiles": [_subprofile(subprofile, everything) for subprofile in used],
        "datapoints": [
            {
                "id": datapoint.id,
                "featureValues": datapoint.feature_values,
                "definedBy": _subprofile_ref(datapoint.subprofile),
            }
            for datapoint in everything
        ],
        "subprofileRefs": [_subprofile_ref(subprofile) for subprofile in used],
        "aggregatedSupportedAspects": list(_ASPECT_REFS),
    }


DATAPOINTS: Mapping[DataprofileKey, tuple[Datapoint, ...]] = {
    ENERGY_VALVE_3: ENERGY_VALVE,
    ENERGY_VALVE_3_WITH_WEAR: ENERGY_VALVE_WITH_WEAR,
    ENERGY_VALVE_VERSION_3: ENERGY_VALVE,
    ENERGY_VALVE_4: ENERGY_VALVE_4_POINTS,
    ENERGY_VALVE_4_PATHS: PATH_POINTS,
    MP_ACTUATOR: ACTUATOR,
    MP_GATEWAY: GATEWAY,
}
"""Datapoints that a dataprofile adds to those that every device has (DEFAULT and METADATA)."""

PROFILES: Mapping[DataprofileKey, dict[str, Any]] = {
    key: _dataprofile(key, f"device.belimo.{key[0].removeprefix('device.belimo.')}", datapoints)
    for key, datapoints in DATAPOINTS.items()
}
"""(id, version) -> body of the API's dataprofile definition."""

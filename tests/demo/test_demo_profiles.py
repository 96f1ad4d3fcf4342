"""The demo dataprofiles say what the datapoints mean, in the API's field names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from belimo_nb.demo.fleet.profiles import ENERGY_VALVES_3, ENERGY_VALVES_4, MP_ACTUATOR, MP_GATEWAY, PROFILES
from belimo_nb.demo.operation.simulation import Simulation

KNOWN = {
    "evcloud.10": ("DN_Size", "mm"),
    "evcloud.30": ("Override_Write", None),
    "evcloud.80": ("RelPos_Fb", "percent"),
    "evcloud.100": ("RelFlow_Fb_Rel2Vmax", "percent"),
    "evcloud.140": ("AbsPower_Fb_W", "W"),
    "evcloud.150": ("T1_remote_K", "K"),
    "evcloud.200": ("Cooling_E_J", "J"),
    "evcloud.210": ("Heating_E_J", "J"),
    "evcloudplus.461": ("Flow_Volume_total_m3", "m3"),
}
WITHOUT_KNOWN_ID = {
    "T2_embeded_K",
    "DeltaT_K",
    "AbsFlow_Fb_m3s",
    "RelPower_Fb_Rel2Pmax",
    "RelPos_Sp",
    "DDC_Sp_Rel",
    "SpDeltaT_K_Write",
    "SpDeltaT_applied_K",
    "SpFlow_DeltaT_lmin_Write",
    "DeltaT_Limitation_Write",
    "dT_Manager_Ste",
    "Active_dT_Manager_total_h",
    "Glycol_Concentration_Rel",
    "Vmax_Rel_Write",
    "Pmax_Rel_Write",
    "ControlMode_Write",
    "OperatingHours",
    "Error_Status_Cloud",
}

OF_ENERGY_VALVE_4 = {
    *("RemoteWaterTemperature", "FlowBodyWaterTemperature", "DifferentialWaterTemperature", "AbsoluteWaterFlow"),
    *("RelativeWaterFlow", "AbsolutePower", "AbsoluteHeatingPower", "AbsoluteCoolingPower", "RelativePower"),
    *("HeatingEnergyLifetime", "CoolingEnergyLifetime", "WaterFlowVolumeLifetime", "HeatingEnergy", "CoolingEnergy"),
    *("WaterFlowVolume", "HeatingEnergyMeterReading", "CoolingEnergyMeterReading", "AccumulatedVolumeSensorReading"),
    *("RelativeActuatorPosition", "RelativeActuatorPositionSetpoint", "AbsoluteActuatorPosition", "NominalWaterFlow"),
    *("SetMaximumWaterFlow", "NominalPower", "SetMaximumPower", "SetRelativeSetpoint", "AppliedSetpoint"),
    *("GlycolConcentration", "SelectWaterMediumType", "SelectWaterControlMode", "SelectSetpointSource"),
    *("SetWaterDeviceInstallationPosition", "WaterDeviceDnSize", "MasterDeviceErrorStatus"),
    *("SetDifferentialWaterTemperature", "DifferentialWaterTemperatureSetpoint"),
    *("DifferentialWaterTemperatureControlStatus", "DifferentialTemperatureManagerActiveHours"),
    *("DifferentialTemperatureManagerStandbyHours", "DifferentialTemperatureManagerDisabledHours"),
    "SetDifferentialTemperatureManagerMinimumWaterFlow",
}

every_profile = pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile["ref"])
every_energy_valve = pytest.mark.parametrize("key", sorted(ENERGY_VALVES_3), ids="/".join)


def _features(profile: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {datapoint["id"]: datapoint["featureValues"] for datapoint in profile["datapoints"]}


def test_the_profiles_are_the_documented_ones() -> None:
    """Three of Energy Valve 3, two of Energy Valve 4, one for actuators and one for gateways."""
    assert {
        ("energyvalve3", "1.2"),
        ("energyvalve3", "1.3"),
        ("device.belimo.energy-valve-Version3", "1.11"),
    } == ENERGY_VALVES_3
    assert {("energyvalve4", "1.0"), ("energyvalve4", "1.1")} == ENERGY_VALVES_4
    assert set(PROFILES) == ENERGY_VALVES_3 | ENERGY_VALVES_4 | {MP_ACTUATOR, MP_GATEWAY}


@every_energy_valve
def test_two_descriptions_of_an_energy_valve_speak_of_energy(key: tuple[str, str]) -> None:
    """Searching the descriptions for "Energy" finds the two counters, cooling first."""
    features = _features(PROFILES[key])
    found = [(id_, values["default.description"]) for id_, values in features.items()]
    assert [item for item in found if "energy" in item[1].lower()] == [
        ("evcloud.200", "Cooling Energy in J"),
        ("evcloud.210", "Heating Energy in J"),
    ]


@pytest.mark.parametrize("key", [MP_ACTUATOR, MP_GATEWAY], ids="/".join)
def test_other_profiles_know_no_energy(key: tuple[str, str]) -> None:
    """Gateways and actuators have no datapoint about energy."""
    features = _features(PROFILES[key])
    assert not [values for values in features.values() if "energy" in values["default.description"].lower()]


@every_energy_valve
def test_energy_valves_have_the_known_datapoints(key: tuple[str, str]) -> None:
    """Ids, names and units of the vendor's family; every name without a known id is there, too."""
    features = _features(PROFILES[key])
    for id_, (name, unit) in KNOWN.items():
        assert features[id_]["default.name"] == name
        assert features[id_].get("default.unit") == unit
    assert {values["default.name"] for values in features.values()} >= WITHOUT_KNOWN_ID


@every_profile
def test_every_datapoint_is_defined(profile: dict[str, Any]) -> None:
    """Name, description, access and basetype are there and from the allowed sets; all values are texts."""
    for values in _features(profile).values():
        assert values["default.name"]
        assert values.get("default.description") or profile["id"] == "energyvalve4"
        assert values["default.access"] in {"r", "w", "rw"}
        assert values["default.basetype"] in {"int", "real", "text", "bool"}
        assert all(isinstance(value, str) for value in values.values())


@every_profile
def test_references_hold_together(profile: dict[str, Any]) -> None:
    """Every datapoint stands in the subprofile that defines it, and every aspect named is included."""
    assert profile["ref"] == f"{profile['id']}/{profile['version']}"
    subprofiles = {subprofile["ref"]: subprofile for subprofile in profile["subprofiles"]}
    aspects = {aspect["ref"] for aspect in profile["aspects"]}
    listed = []
    for subprofile in subprofiles.values():
        assert set(subprofile["supportedAspects"]) <= aspects
        listed += subprofile["datapoints"]
    assert sorted(listed) == sorted(_features(profile))
    for datapoint in profile["datapoints"]:
        assert datapoint["id"] in subprofiles[datapoint["definedBy"]]["datapoints"]


@every_profile
def test_every_device_has_health_and_metadata(profile: dict[str, Any]) -> None:
    """Health status, health description, name, project, building and place are in every profile."""
    wanted = {"default.1", "default.2"} | {f"metadata.{n}" for n in (1001, 1002, 1004, 1009, 1011, 1012, 1013)}
    assert wanted <= set(_features(profile))


@every_profile
def test_profiles_are_json(profile: dict[str, Any]) -> None:
    """A profile survives JSON unchanged."""
    assert json.loads(json.dumps(profile)) == profile


def test_ids_of_energy_valve_4_are_names() -> None:
    """Behind a path in the second version; neither has descriptions and units, and both have all the facts' names."""
    for key in ENERGY_VALVES_4:
        own = {id_: values for id_, values in _features(PROFILES[key]).items() if "." not in id_}
        assert set(own) >= OF_ENERGY_VALVE_4
        assert all(set(values) == {"default.name", "default.access", "default.basetype"} for values in own.values())
        assert {id_: values["default.name"].rpartition("/")[2] for id_, values in own.items()} == {
            id_: id_ for id_ in own
        }
        assert all(("/" in values["default.name"]) == (key[1] == "1.1") for values in own.values())


def test_choices_are_whole_numbers() -> None:
    """Override, control mode, delta-T limitation and manager state: no texts, and within what the profile allows."""
    (plain, *_) = (_features(PROFILES[key]) for key in sorted(ENERGY_VALVES_3, reverse=True))
    allowed = {
        id_: plain[id_]["default.restriction"] for id_ in ("evcloud.30", "evcloud.40", "evcloud.220", "evcloud.260")
    }
    assert {plain[id_]["default.basetype"] for id_ in allowed} == {"int"}
    simulation = Simulation()
    for device in simulation.devices:
        values = simulation.state(device, simulation.now)[1]
        for id_, text in allowed.items() if device.is_energy_valve else ():
            low, high = json.loads(text.removeprefix("r:"))
            assert type(values[id_]) is int
            assert low <= values[id_] <= high

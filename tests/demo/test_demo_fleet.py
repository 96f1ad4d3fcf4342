"""The demo fleet: the documented devices, in the documented order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from belimo_nb.demo.fleet.building import DEFAULT_FLEET, Kind, copied_entry
from belimo_nb.demo.fleet.faults import FAULT_SPECS
from belimo_nb.demo.fleet.fleet import fleet
from belimo_nb.demo.fleet.plants import NOMINAL_FLOW_M3S, plants
from belimo_nb.demo.fleet.profiles import ENERGY_VALVE_3, ENERGY_VALVE_VERSION_3

HEATING = [
    ("5a430aa2-1d46-4776-bfe1-a10b6c567230", "Energieventil Heizung 2.OG Sued-Ost"),
    ("3c563d80-48f0-4a7a-8701-65d65aefdd9c", "Energieventil Heizung 2.OG Nord-Ost"),
    ("3c6f7077-a147-4d25-865f-e72901d9de62", "Energieventil Heizung 2.OG Nord-West"),
    ("b69b0b32-03ca-4ec4-8850-2a1b474fbd83", "Energieventil Heizung 1.OG Sued-West"),
    ("0cc5b932-c7b0-4eab-87ae-153aec6a7f90", "Energieventil Heizung 2.OG Sued-West"),
]


def test_searching_for_heizung_finds_the_five_valves_in_order() -> None:
    """By production id, the five heating valves and no other device match, all of dataprofile energyvalve3/1.2."""
    devices = sorted(fleet(36, 1), key=lambda device: device.production_id)
    found = [device for device in devices if "heizung" in (device.name + device.serial_number).lower()]
    assert [(device.id, device.name) for device in found] == HEATING
    assert {device.profile for device in found} == {ENERGY_VALVE_3}


def test_the_default_fleet_is_mixed() -> None:
    """36 devices, 21 energy valves on two dataprofiles, gateways and actuators, all registered, in one building."""
    devices = fleet(36, 1)
    kinds = Counter(device.kind for device in devices)
    assert len(devices) == 36
    assert sum(device.is_energy_valve for device in devices) == 21
    assert {ENERGY_VALVE_3, ENERGY_VALVE_VERSION_3} < {device.profile for device in devices}
    assert set(kinds) == set(Kind)
    assert kinds[Kind.HEATING_ZONE] == 5
    assert kinds[Kind.CHANGE_OVER] == 2
    assert all(device.registered and device.profile for device in devices)
    assert len({(device.place.project, device.place.building, device.place.city) for device in devices}) == 1


def test_smaller_fleets_are_the_first_devices() -> None:
    """A fleet of any size begins with the devices of a smaller one."""
    assert fleet(50, 1)[:36] == fleet(36, 1)
    assert fleet(7, 1) == fleet(36, 1)[:7]


def test_identifiers_are_unique_and_in_order() -> None:
    """In 5,000 devices no id, serial or production id comes twice, and production ids ascend as texts."""
    devices = fleet(5000, 1)
    for values in ([getattr(d, field) for d in devices] for field in ("id", "serial_number", "production_id")):
        assert len(set(values)) == 5000
    assert [d.production_id for d in devices] == sorted(d.production_id for d in devices)


def test_larger_fleets_have_the_awkward_devices() -> None:
    """Beyond 36 there are devices never online and devices without a dataprofile, in several cities."""
    devices = fleet(200, 1)
    assert devices[36].registered is False
    assert devices[36].profile is None
    assert devices[37].registered is True
    assert devices[37].profile is None
    assert len({device.place.city for device in devices}) >= 3
    assert len({device.place.project for device in devices}) >= 3


def test_further_devices_copy_healthy_plants() -> None:
    """No plant with a fault of its own is copied; a late backlog belongs to the upload, not to the plant."""
    faulty = {item.name for item in FAULT_SPECS if item.fault != "late backlog"}
    assert not {copied_entry(extra)[1] for extra in range(100)} & faulty


def test_the_seed_leaves_the_named_valves_alone() -> None:
    """Another seed changes sizes of other plants, not those of the five heating valves, nor who is in the fleet."""
    one, two = plants(1), plants(2)
    names = [name for _, name in HEATING]
    assert [one[name] for name in names] == [two[name] for name in names]
    assert one["Lüftung LA01 Erhitzer"].size != two["Lüftung LA01 Erhitzer"].size
    assert fleet(36, 1) == fleet(36, 2)
    assert [replace(d, scale=1.0) for d in fleet(60, 1)] == [replace(d, scale=1.0) for d in fleet(60, 2)]


def test_valves_fit_their_plants() -> None:
    """Every energy valve has a plant, a size from the catalog, and a maximum flow setting of 25 to 100 %."""
    made = plants(1)
    for entry in DEFAULT_FLEET:
        assert (entry.name in made) == (entry.dn > 0)
        if entry.dn:
            plant = made[entry.name]
            assert entry.dn in NOMINAL_FLOW_M3S
            assert str(entry.dn) in entry.material_number
            assert 25 <= plant.vmax_percent <= 100
            needed = plant.water.design_flow_m3s(plant.design_power_w)
            assert plant.max_flow_m3s >= 0.99 * needed


def test_an_empty_fleet_is_refused() -> None:
    """A fleet has at least one device."""
    with pytest.raises(ValueError, match="at least 1 device, not 0"):
        fleet(0, 1)

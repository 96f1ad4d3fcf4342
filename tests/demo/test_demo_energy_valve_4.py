"""The demo's Energy Valves 4, and the wear that version 1.3 of the other family's profile tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from belimo_nb.demo.fleet.datapoints import DEFAULT, METADATA, SOURCES, DeviceError
from belimo_nb.demo.fleet.faults import utc
from belimo_nb.demo.fleet.fleet import DemoDevice, fleet
from belimo_nb.demo.fleet.profiles import DATAPOINTS, ENERGY_VALVE_3_WITH_WEAR, ENERGY_VALVES, ENERGY_VALVES_4
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.schedule import NOW

YEAR = (utc("2017-12-01"), NOW)


@pytest.fixture(scope="module")
def both() -> tuple[Simulation, Simulation]:
    """The default fleet as it is, and with Energy Valves 4 only."""
    return Simulation(), Simulation(ev4=1)


def _of_profile(simulation: Simulation, key: tuple[str, str]) -> list[DemoDevice]:
    return [device for device in simulation.devices if device.profile == key]


def test_a_fifth_of_the_further_valves_are_energy_valves_4() -> None:
    """None of the first 36 unless asked for; a share of all of them on demand; nothing else of a device changes."""
    further = [device for device in fleet(1000, 1)[36:] if device.is_energy_valve]
    assert not ENERGY_VALVES_4 & {device.profile for device in fleet(36, 1)}
    assert {device.profile for device in further} >= ENERGY_VALVES_4 | {ENERGY_VALVE_3_WITH_WEAR}
    assert sum(device.profile in ENERGY_VALVES_4 for device in further) / len(further) == pytest.approx(0.2, abs=0.05)
    asked = {share: fleet(36, 1, ev4=share) for share in (0, 0.5, 1)}
    assert asked[0] == fleet(36, 1)
    assert [sum(d.profile in ENERGY_VALVES_4 for d in asked[share]) for share in (0, 1)] == [0, 21]
    assert 5 < sum(device.profile in ENERGY_VALVES_4 for device in asked[0.5]) < 16
    assert [replace(device, profile=None) for device in asked[1]] == [replace(d, profile=None) for d in fleet(36, 1)]
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 1"):
            fleet(36, 1, ev4=share)


@pytest.mark.slow
def test_an_energy_valve_4_has_the_physics_of_its_plant(both: tuple[Simulation, Simulation]) -> None:
    """What has another name has the same samples; true energies are asked for by either name."""
    old, new = both
    for was, now in zip(old.devices, new.devices, strict=True):
        for name, source in SOURCES.items() if was.is_energy_valve else ():
            if source in ("evcloud.300", "evcloud.310", "evcloudplus.471", "evcloudplus.472"):
                continue
            for ours, theirs in zip(new.series(now, name), old.series(was, source), strict=True):
                assert np.array_equal(ours, theirs), (was.name, name)
        if was.is_energy_valve:
            true = old.true_energy(was, "evcloud.210", *YEAR)
            assert new.true_energy(now, "HeatingEnergyLifetime", *YEAR) == true
            assert new.true_energy(now, "evcloud.210", *YEAR) == true


@pytest.mark.slow
def test_states_and_series_of_every_profile_agree() -> None:
    """Each datapoint of the profile has a latest value, of its type, and it is the series' last one."""
    types = {"int": int, "real": float, "text": str, "bool": bool}
    simulation = Simulation(devices=80, reporting="5m")
    seen = set()
    for device in simulation.devices[36:]:
        if device.profile is None or device.profile in seen:
            continue
        seen.add(device.profile)
        _, values = simulation.state(device, NOW)
        assert set(values) == {point.id for point in (*DEFAULT, *METADATA, *DATAPOINTS[device.profile])}
        for point in DATAPOINTS[device.profile]:
            assert type(values[point.id]) is types[point.basetype], point
            assert simulation.series(device, point.id)[1][-1] == values[point.id], point
    assert seen >= ENERGY_VALVES


def test_its_power_knows_its_direction(both: tuple[Simulation, Simulation]) -> None:
    """Heating and cooling power add up to the power, and never both at once; a change-over valve has both."""
    _, simulation = both
    device = next(device for device in simulation.devices if device.name == "Umschaltventil EG Aula")
    names = ("AbsolutePower", "AbsoluteHeatingPower", "AbsoluteCoolingPower")
    power, heating, cooling = (simulation.series(device, name)[1] for name in names)
    assert np.array_equal(heating + cooling, power)
    assert not (heating * cooling).any()
    assert heating.any()
    assert cooling.any()


def test_its_counters_differ_where_they_were_emptied(both: tuple[Simulation, Simulation]) -> None:
    """The resettable one falls to 0 once; the certified one counts in MJ; all rise alike otherwise."""
    _, simulation = both
    device = next(device for device in simulation.devices if device.name == "Energieventil Heizung 2.OG Nord-West")
    names = ("HeatingEnergyLifetime", "HeatingEnergy", "HeatingEnergyMeterReading")
    lifetime, resettable, certified = (simulation.series(device, name)[1] for name in names)
    (emptied,) = np.flatnonzero(np.diff(resettable) < 0) + 1
    assert resettable[emptied] < 1e9 < resettable[emptied - 1]
    assert np.array_equal(np.diff(resettable[emptied:]), np.diff(lifetime[emptied:]))
    assert not (certified % 1e6).any()
    assert certified[-1] - certified[0] == pytest.approx(lifetime[-1] - lifetime[0], abs=2e6)
    assert (np.diff(lifetime) >= 0).all()


def test_its_settings_are_absolute(both: tuple[Simulation, Simulation]) -> None:
    """Maximum flow in m3/s and maximum power in W are the shares that an Energy Valve 3 tells."""
    old, new = both
    for was, now in zip(old.devices, new.devices, strict=True):
        if was.is_energy_valve:
            told, values = old.state(was, NOW)[1], new.state(now, NOW)[1]
            share = float(told["evcloud.60"]) / 100
            assert values["SetMaximumWaterFlow"] == pytest.approx(float(told["evcloud.20"]) * share, abs=1e-7)
            share = float(told["evcloud.65"]) / 100
            assert values["SetMaximumPower"] == pytest.approx(float(values["NominalPower"]) * share)
            assert values["AbsoluteActuatorPosition"] == pytest.approx(0.9 * float(told["evcloud.80"]), abs=0.01)


def test_hours_of_the_manager_fill_the_time(both: tuple[Simulation, Simulation]) -> None:
    """Active, standby and disabled hours add up to all hours, at each sample and one by one."""
    _, simulation = both
    kinds = ("Active", "Standby", "Disabled")
    for name in ("Energieventil Kälte 2.OG Süd", "Lüftung LA01 Kühler", "Energieventil Heizung 2.OG Nord-West"):
        device = next(device for device in simulation.devices if device.name == name)
        ids = [f"DifferentialTemperatureManager{kind}Hours" for kind in kinds]
        series = [simulation.series(device, id_)[1] for id_ in ids]
        assert np.allclose(sum(series), (np.arange(len(series[0])) + 1) / 12, atol=0.02)
        state = simulation.series(device, "DifferentialWaterTemperatureControlStatus")[1]
        for value, hours in zip((3, 2, 1), series, strict=True):
            assert hours[-1] == pytest.approx((state == value).sum() / 12, abs=0.01)
            assert (np.diff(hours) >= 0).all()


def test_wear_is_counted_from_the_positions() -> None:
    """Travel, turns and end stops are those of the position's samples; hours are those of the control signal."""
    simulation = Simulation(devices=120, reporting="5m")
    device = _of_profile(simulation, ENERGY_VALVE_3_WITH_WEAR)[0]
    stem, signal = (simulation.series(device, name)[1] for name in ("evcloud.80", "evcloud.50"))
    rises = {n: np.ptp(simulation.series(device, f"evcloudplus.{n}")[1]) for n in (481, 482, 483, 490, 491, 492)}
    moves = np.diff(stem)
    assert rises[492] == pytest.approx(np.abs(moves).sum() / 100, abs=0.002)
    moving = np.sign(moves[np.abs(moves) > 0.05])
    assert rises[490] == (moving[1:] != moving[:-1]).sum()
    assert rises[491] == ((np.abs(moves) > 0.05) & np.isin(stem[1:], (0, 100))).sum()
    assert rises[481] == pytest.approx((stem[1:] > 0).sum() / 12, abs=0.02)
    assert rises[482] + rises[483] == pytest.approx((signal[1:] > 0).sum() / 12, abs=0.02)
    volumes = [simulation.series(device, f"evcloudplus.{n}")[1] for n in (461, 462, 463)]
    total, heating, cooling = (values[-1] - values[0] for values in volumes)
    assert heating + cooling == pytest.approx(total, abs=0.01)


@pytest.mark.slow
def test_larger_fleets_tell_errors() -> None:
    """Some valves have had air in the water, those with a warning do not hear their bus; all bits are known ones."""
    simulation = Simulation(devices=1500)
    seen = set()
    for device in simulation.devices[36:]:
        if device.is_energy_valve:
            id_ = "MasterDeviceErrorStatus" if device.profile in ENERGY_VALVES_4 else "evcloud.280"
            bits = [DeviceError(int(value)) for value in simulation.series(device, id_)[1]]
            assert bits[0] == 0
            seen |= set(bits)
            if simulation.health(device)[0] == "WARNING":
                assert bits[-1] == DeviceError.MP2_NOT_ALIVE
    air = DeviceError.AIR_BUBBLES
    assert seen == {DeviceError(0), air, air | DeviceError.FLOW_NOT_REACHED, DeviceError.MP2_NOT_ALIVE}

"""Power, temperatures, flow, position and counters of the demo valves obey the physics that the docs state."""

from __future__ import annotations

import numpy as np
import pytest

from belimo_nb.demo.fleet.faults import utc
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.physics import (
    HEATING_RHO_C,
    WASTE_SLOPE,
    Demand,
    cool_to_ambient,
    flow_at_position,
    flow_for,
    position,
    pulse_below_minimum,
    rho_c,
    waste_flow_m3s,
)
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, HORIZON, native_days
from belimo_nb.demo.world.weather import weather

HEALTHY_ZONES = [f"Energieventil Heizung 2.OG {side}" for side in ("Sued-Ost", "Nord-Ost", "Nord-West")]
VALVES = [
    "Energieventil Heizung 2.OG Nord-West",
    "Energieventil Kälte 2.OG Süd",
    "Lüftung LA02 Erhitzer",
    "Lüftung LA03 Erhitzer",
    "Lüftung LA04 Erhitzer",
    "Umschaltventil EG Aula",
]


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """The default fleet, seen from the end of the horizon."""
    return Simulation(now=HORIZON)


def _named(simulation: Simulation, name: str) -> DemoDevice:
    return next(device for device in simulation.devices if device.name == name)


def test_heat_capacity_of_water() -> None:
    """The formula is within 0.1 % of IAPWS-IF97 at 0.6 MPa: 4203.7, 4129.4 and 4050.0 kJ/(m3 K) at 5, 50, 95 °C."""
    assert np.allclose(rho_c(np.array([5.0, 50.0, 95.0])), [4203.7e3, 4129.4e3, 4050.0e3], rtol=1e-3)


def test_position_and_flow_are_inverse() -> None:
    """Position of a flow and flow at a position undo each other; the ends are 0 and 1."""
    flow = np.linspace(0, 1, 11)
    assert np.allclose(flow_at_position(position(flow)), flow)
    assert position(np.array([0.0, 1.0])).tolist() == [0.0, pytest.approx(1.0)]


def test_required_flow_inverts_the_exchanger() -> None:
    """P = a V/(b + V) at the found flow is the asked power, up to the maximum flow."""
    n = 50
    power = np.linspace(0, 60e3, n)
    asked = Demand(power, np.full(n, 60.0), np.full(n, 21.0), np.zeros(n, dtype=bool), 5e-4)
    flow, lift, limiting = flow_for(asked, 5e-3)
    transferred = HEATING_RHO_C * 5e-4 * lift * flow / (5e-4 + flow)
    reached = flow < 5e-3
    assert reached.sum() > 40
    assert np.allclose(transferred[reached], power[reached])
    assert not limiting.any()


def test_a_delta_t_limit_caps_the_flow() -> None:
    """With a limit, delta-T never falls below it, and the steps where it acts are marked."""
    n = 50
    asked = Demand(
        np.linspace(0, 60e3, n), np.full(n, 60.0), np.full(n, 21.0), np.zeros(n, dtype=bool), 5e-4, limit_k=15.0
    )
    flow, lift, limiting = flow_for(asked, 5e-3)
    delta_t = lift * 5e-4 / (5e-4 + flow)
    assert delta_t.min() == pytest.approx(15.0)
    assert 0 < limiting.sum() < n


def test_the_waste_zone_begins_at_its_slope() -> None:
    """At V* the slope of P(V) is 15 % of that at the start."""
    flow = waste_flow_m3s(1.0)
    assert (1 / (1 + flow)) ** 2 == pytest.approx(WASTE_SLOPE)


def test_pulses_keep_the_mean_flow() -> None:
    """Below the least controllable flow the valve opens and closes, the mean stays."""
    asked = np.full(1200, 0.0025)
    given = pulse_below_minimum(asked, 1.0)
    assert set(given) == {0.0, 0.006}
    assert given.mean() == pytest.approx(0.0025, rel=0.01)
    assert pulse_below_minimum(np.array([0.5]), 1.0).tolist() == [0.5]


def test_sensors_settle_to_ambient_without_flow() -> None:
    """After the last flow a sensor falls exponentially to the room's temperature."""
    flowing = np.array([True] + [False] * 60)
    settled = cool_to_ambient(np.full(61, 60.0), flowing, np.full(61, 20.0), 1.0)
    assert settled[0] == 60.0
    assert settled[12] == pytest.approx(20 + 40 * np.exp(-1))
    assert (np.diff(settled) < 0).all()


@pytest.mark.parametrize("name", VALVES)
def test_power_follows_from_flow_and_temperatures(simulation: Simulation, name: str) -> None:
    """Published power equals rho c V delta-T of the published flow and temperatures within 1 %, at every step."""
    device = _named(simulation, name)
    series = {id_: simulation.series(device, f"evcloud.{id_}")[1] for id_ in (90, 140, 150, 160, 170)}
    delta_t = np.abs(series[150] - series[160])
    assert np.allclose(delta_t, series[170], atol=0.006)
    expected = rho_c(series[160] - 273.15) * series[90] * delta_t
    assert np.allclose(series[140], expected, rtol=0.01, atol=0.6)
    assert series[140].max() > 10e3


@pytest.mark.parametrize("name", VALVES)
def test_counters_integrate_power_and_flow(simulation: Simulation, name: str) -> None:
    """Both counters together rise by power times 300 s, the volume by flow times 300 s, at every step."""
    device = _named(simulation, name)
    heating, cooling, power, flow, volume = (
        simulation.series(device, id_)[1]
        for id_ in ("evcloud.210", "evcloud.200", "evcloud.140", "evcloud.90", "evcloudplus.461")
    )
    assert np.allclose(np.diff(heating) + np.diff(cooling), 300 * power[1:], atol=1.0)
    assert np.allclose(np.diff(volume), 300 * flow[1:], atol=0.0011)
    assert np.diff(heating).min() >= 0
    assert np.diff(cooling).min() >= 0
    assert max(heating[0], cooling[0]) > 1e10
    assert volume[0] > 100


def test_units_and_resolution_are_those_of_the_meter(simulation: Simulation) -> None:
    """Temperatures in K with two decimals, flow in m3/s, relative values against their maximum in percent."""
    device = _named(simulation, HEALTHY_ZONES[2])
    plant = simulation.plant(device)
    assert plant is not None
    kelvin = simulation.series(device, "evcloud.150")[1]
    assert 290 < kelvin.min() < kelvin.max() < 350
    assert np.array_equal(kelvin, np.round(kelvin, 2))
    flow = simulation.series(device, "evcloud.90")[1]
    relative = simulation.series(device, "evcloud.100")[1]
    assert np.allclose(relative, 100 * flow / plant.max_flow_m3s, atol=0.051)
    assert 0.9 * plant.max_flow_m3s < flow.max() < 1.02 * plant.max_flow_m3s
    stem = simulation.series(device, "evcloud.80")[1]
    assert 0 <= stem.min() < stem.max() <= 100
    assert (stem[flow > 0] > 1).all()


def test_change_over_never_heats_and_cools_in_the_same_day(simulation: Simulation) -> None:
    """A change-over valve uses both counters, one at a time."""
    device = _named(simulation, "Umschaltventil 1.OG Sitzungszimmer")
    day = native_days()
    heated, cooled = (
        np.bincount(day[1:], weights=np.diff(simulation.series(device, id_)[1])) > 0
        for id_ in ("evcloud.210", "evcloud.200")
    )
    assert heated.sum() > 300
    assert cooled.sum() > 100
    assert not (heated & cooled).any()


def _fit(energy: np.ndarray, temperature: np.ndarray) -> tuple[float, float, float, float]:
    """Least squares over a grid of balance points: Tb, b0, b1 and CV(RMSE)."""
    best = (np.inf, 0.0, 0.0, 0.0)
    for balance_point in np.arange(10.0, 22.0, 0.1):
        design = np.stack([np.ones_like(temperature), np.maximum(balance_point - temperature, 0)], axis=1)
        (base, slope), *_ = np.linalg.lstsq(design, energy, rcond=None)
        error = float(((energy - design @ (base, slope)) ** 2).sum())
        best = min(best, (error, balance_point, base, slope))
    error, balance_point, base, slope = best
    return balance_point, base, slope, np.sqrt(error / (len(energy) - 3)) / energy.mean()


@pytest.mark.parametrize("name", HEALTHY_ZONES)
@pytest.mark.parametrize(("begin", "end"), [("2016-12-02", "2018-12-01"), ("2017-12-01", "2018-12-01")])
def test_daily_energy_shows_the_known_signature(simulation: Simulation, name: str, begin: str, end: str) -> None:
    """A fit recovers heat loss within 5 % and balance point within 0.5 K, with the scatter of a real building."""
    device = _named(simulation, name)
    truth = simulation.signature(device)
    assert truth is not None
    power = simulation.series(device, "evcloud.140")[1]
    energy = np.bincount(native_days(), weights=power * 300 / 3.6e6)
    days = slice(*((utc(text) - HISTORY_BEGIN) // 86400 for text in (begin, end)))
    balance_point, base, slope, scatter = _fit(energy[days], weather().daily_mean_c[days])
    assert slope == pytest.approx(truth.slope_kwh_d_k, rel=0.05)
    assert balance_point == pytest.approx(truth.balance_point_c, abs=0.5)
    assert base == pytest.approx(truth.base_kwh_d, abs=10)
    assert 0.08 < scatter < 0.20

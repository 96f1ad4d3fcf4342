"""Heating and cooling loads of each plant, from weather, weekly schedule and noise."""

import numpy as np

from belimo_nb.demo.fleet.building import Kind
from belimo_nb.demo.fleet.plants import DESIGN_OUTDOOR_C, HEAT_RECOVERY, LATENT, MILD_OUTDOOR_C, ROOM_C, Plant, Water
from belimo_nb.demo.world.noise import FloatArray, autoregressive, upsample
from belimo_nb.demo.world.physics import BoolArray, Demand, drift
from belimo_nb.demo.world.schedule import PER_HOUR, SAMPLES, native_days, over_horizon, unit_mean, weekly
from belimo_nb.demo.world.weather import weather

CHANGE_OVER_C = 15.5
_FULL_LOAD = 1.03  # share of design power that a cooling zone's terminals take at most

_DAY_STEPS = 24 * PER_HOUR
_DAYS = SAMPLES // _DAY_STEPS

# Shares of the week's mean heat: a night setback, the morning boost after it, and a slow decline over the day.
_SETBACK = unit_mean(
    weekly(
        {
            "weekday": [
                (0, 0.4), (2, 0.5), (4.9, 0.55), (5.1, 1.5), (7, 1.4), (9, 1.15), (17, 1.1), (21.9, 1.0), (22.1, 0.2)
            ],
            "saturday": [(0, 0.4), (2, 0.5), (5.9, 0.55), (6.1, 1.45), (9, 1.1), (21.9, 0.95), (22.1, 0.2)],
        }
    )
)  # fmt: skip
_NO_SETBACK = unit_mean(weekly({"weekday": [(0, 1.0), (6, 1.02), (12, 0.99), (18, 1.0)]}))
_SUN = weekly({"weekday": [(7.5, 0.0), (9, 1.2), (12, 2.0), (15, 1.6), (18, 0.0)]})
# Base load, drawn as hot water: peaks in the morning, at noon and in the evening.
_HOT_WATER = unit_mean(weekly({"weekday": [(0, 0.4), (5, 0.4), (7, 1.8), (9, 1.0), (12, 1.5), (19, 1.3), (22, 0.6)]}))
_FAN = weekly(
    {
        "weekday": [(5.99, 0), (6, 1), (19, 1), (19.01, 0)],
        "saturday": [(7.99, 0), (8, 1), (13, 1), (13.01, 0)],
        "sunday": [(0, 0), (12, 0)],
    }
)
_OCCUPIED = weekly({"weekday": [(0, 0.25), (6, 0.3), (8, 0.9), (14, 1.25), (17, 1.15), (20, 0.4)],
                    "saturday": [(0, 0.25), (14, 0.55), (20, 0.3)]})  # fmt: skip


def _daily_noise(n: int, correlation: float, *name: object) -> FloatArray:
    return upsample(autoregressive(n + 1, correlation, *name), _DAY_STEPS)


def supply_temperature(water: Water, key: tuple[object, ...]) -> FloatArray:
    """Supply temperature in °C: straight between design and mild outdoor temperature, limited at both ends."""
    noise = 0.25 * drift(6, 0.85, *key, "supply")
    if water.supply_c == water.supply_mild_c:
        return water.supply_c + noise
    outdoor = weather().smooth_c
    # The heating curve; beyond the design temperature it goes on for a fifth of its rise.
    share = np.clip((MILD_OUTDOOR_C - outdoor) / (MILD_OUTDOOR_C - DESIGN_OUTDOOR_C), 0.0, 1.2)
    return water.supply_mild_c + (water.supply_c - water.supply_mild_c) * share + noise


def _solar_gain(seed: int) -> FloatArray:
    # A sky of the seed, not of the weather: all seeds share the weather, and a chance correlation of its sky with its
    # temperatures would bias the signatures of all of them alike.
    return np.clip(0.28 * _daily_noise(_DAYS, 0.45, "sky", seed), -0.5, 0.5) * over_horizon(_SUN)


def _kelvin_below(balance_point_c: float) -> FloatArray:
    """Kelvin below the balance point at native steps, shape (SAMPLES,).

    Scaled so that a local day's mean is exactly max(Tb - T, 0) of the day's mean temperature: the signature that a fit
    should find is then the plant's, also on days on which the temperature crosses the balance point.
    """
    day = native_days()
    excess = np.maximum(balance_point_c - weather().smooth_c, 0.0)
    mean = np.bincount(day, weights=excess) / np.bincount(day)
    wanted = np.maximum(balance_point_c - weather().daily_mean_c, 0.0)
    return excess * (wanted / np.maximum(mean, 1e-9))[day]


def zone_heat(plant: Plant, seed: int, key: tuple[object, ...]) -> FloatArray:
    """Heat of a zone in W.

    The expected energy of a local day is 24 h * (base + UA * max(Tb - T, 0)) with T the day's mean temperature:
    schedule, sun and noise have a mean of 1 or 0, and fade out towards the balance point.
    """
    excess = _kelvin_below(plant.balance_point_c)
    deviation = 0.6 * _daily_noise(_DAYS, 0.4, "building", seed, "days") + 0.6 * _daily_noise(_DAYS, 0.4, *key, "days")
    excess += np.clip(deviation, -2.7, 2.7) * np.minimum(excess / 3.0, 1.0)
    shape = over_horizon(_SETBACK if plant.setback else _NO_SETBACK)
    flicker = 0.02 * drift(6, 0.7, *key, "load")
    heat = plant.size * excess * shape * (1 - 0.12 * _solar_gain(seed) + flicker)
    return heat + plant.base_w * over_horizon(_HOT_WATER) if plant.base_w else heat


def _after_recovery() -> FloatArray:
    """Temperature in °C of the outdoor air behind the heat recovery of the air handling units."""
    outdoor = weather().native_c
    warm = np.maximum(outdoor - 24.0, 0.0)
    return np.where(outdoor < ROOM_C, outdoor + HEAT_RECOVERY * (ROOM_C - outdoor), outdoor - HEAT_RECOVERY * warm)


def _cooling_zone(plant: Plant, seed: int, key: tuple[object, ...]) -> FloatArray:
    conditions = weather()
    felt = 0.65 * conditions.smooth_c + 0.35 * conditions.native_c
    excess = np.maximum(
        felt + 1.0 * _solar_gain(seed) + 0.7 * _daily_noise(_DAYS, 0.5, *key, "days") - plant.balance_point_c, 0.0
    )
    open_season = np.clip((conditions.smooth_c - 10.0) / 3.0, 0.0, 1.0)
    heat = plant.size * excess * over_horizon(_OCCUPIED) * open_season * (1 + 0.03 * drift(6, 0.7, *key, "load"))
    return np.minimum(heat + plant.base_w * over_horizon(_HOT_WATER), _FULL_LOAD * plant.design_power_w)


def _warm_season() -> BoolArray:
    """When a change-over system cools: if the mean of the last seven days is above 15.5 °C."""
    mean = weather().daily_mean_c
    # The seven days before: a controller knows no others. Days before the history count as its first day.
    known = np.cumsum(np.concatenate([np.full(7, mean[0]), mean]))
    warm: BoolArray = ((known[7:] - known[:-7]) / 7 > CHANGE_OVER_C)[native_days()]
    return warm


def _change_over(plant: Plant, seed: int, key: tuple[object, ...], supply: FloatArray, sink: FloatArray) -> Demand:
    water = plant.water
    summer = plant.summer or water
    cooling = _warm_season()
    cold = (
        plant.size
        * 1.3
        * np.maximum(weather().smooth_c - 17.0 + 0.5 * _solar_gain(seed), 0.0)
        * over_horizon(_OCCUPIED)
    )
    return Demand(
        power_w=np.where(cooling, cold, zone_heat(plant, seed, key)),
        supply_c=np.where(cooling, supply_temperature(summer, key), supply),
        sink_c=np.where(cooling, sink + summer.sink_c - water.sink_c, sink),
        cooling=cooling,
        half_flow_m3s=water.half_flow_m3s(plant.design_power_w),
    )


def demand(plant: Plant, seed: int) -> Demand:
    """The demand of a plant over the horizon."""
    key = ("plant", plant.name, seed)
    water = plant.water
    supply = supply_temperature(water, key)
    sink = water.sink_c + 0.3 * drift(12, 0.9, *key, "sink")
    cooling = np.full(SAMPLES, water.supply_c < water.sink_c)
    half_flow = water.half_flow_m3s(plant.design_power_w)
    flicker = 1 + 0.02 * drift(6, 0.7, *key, "load")
    match plant.kind:
        case Kind.HEATING_ZONE:
            power = zone_heat(plant, seed, key)
        case Kind.COOLING_ZONE:
            power = _cooling_zone(plant, seed, key)
        case Kind.SERVER_ROOM:
            slow = 1 + 0.05 * _daily_noise(_DAYS, 0.9, *key, "days") + 0.004 * (weather().smooth_c - 10)
            power = plant.size * slow * (0.94 + 0.08 * over_horizon(_OCCUPIED)) * flicker
        case Kind.AIR_HEATER:
            sink = _after_recovery()
            season = np.clip((15.5 - weather().smooth_c) / 1.5, 0.0, 1.0)
            power = plant.size * np.maximum(plant.balance_point_c - sink, 0.0) * over_horizon(_FAN) * flicker * season
        case Kind.AIR_COOLER:
            sink = _after_recovery()
            rise = np.maximum(sink - plant.balance_point_c, 0.0) * np.clip((weather().smooth_c - 13) / 2, 0, 1)
            power = plant.size * LATENT * rise * over_horizon(_FAN) * flicker
        case _:
            return _change_over(plant, seed, key, supply, sink)
    return Demand(power, supply, sink, cooling, half_flow)

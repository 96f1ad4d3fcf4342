"""Simulate the record of an energy valve from its plant, planted faults included."""

from dataclasses import replace

import numpy as np

from belimo_nb.demo.fleet.faults import IMPROVEMENT, LOW_DELTA_T_LIMIT_K, FaultKind, specs_of
from belimo_nb.demo.fleet.plants import Plant
from belimo_nb.demo.operation import lifelike
from belimo_nb.demo.operation.loads import demand
from belimo_nb.demo.world.noise import FloatArray
from belimo_nb.demo.world.physics import (
    BoolArray,
    Demand,
    Record,
    drift,
    flow_at_position,
    flow_for,
    measure,
    metered_power,
    position,
    pulse_below_minimum,
)
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, SAMPLES, STEP
from belimo_nb.demo.world.weather import weather

UNREACHABLE_FROM = 0.4
"""Share of design power from which the low delta-T valve's air temperature setpoint cannot be reached."""

_LEAK_LIFT_K = 9.0  # supply minus sink temperature while only the leak flows
_PUMP_OFF_C = 15.5  # above this outdoor temperature the heating pump stands, and a leak shows no flow


def _limited(asked: Demand, begin: int, limit_k: float) -> Demand:
    limit = np.zeros(SAMPLES)
    limit[(begin - HISTORY_BEGIN) // STEP :] = limit_k
    return replace(asked, limit_k=limit)


def _ask_too_much(asked: Demand, plant: Plant, begin: int) -> Demand:
    episodes = drift(72, 0.5, "plant", plant.name, "set point") > 0.25
    beyond = episodes & (asked.power_w > UNREACHABLE_FROM * plant.design_power_w)
    power = np.where(beyond, 1e9, asked.power_w)  # more than any flow can give: the controller opens the valve fully
    limit = np.full(SAMPLES, LOW_DELTA_T_LIMIT_K)
    limit[(begin - HISTORY_BEGIN) // STEP :] = 0.0
    return replace(asked, power_w=power, limit_k=limit)


def _hunt(flow: FloatArray, plant: Plant, amplitude_percent: float, seed: int) -> FloatArray:
    # Two native steps of 300 s are one swing: the period of 600 s is the shortest that samples can show.
    beat = np.where(np.arange(SAMPLES) % 2, 0.5, -0.5) * amplitude_percent / 100
    beat *= 1 + 0.15 * drift(12, 0.8, "plant", plant.name, seed, "hunting")
    stem = position(flow / plant.nominal_flow_m3s)
    swinging = np.minimum(flow_at_position(np.maximum(stem + beat, 0.03)) * plant.nominal_flow_m3s, plant.max_flow_m3s)
    return np.where(flow > 0, swinging, 0.0)


def _leak(flow: FloatArray, lift: FloatArray, leak: float, plant: Plant, seed: int) -> tuple[FloatArray, BoolArray]:
    closed = flow <= 0
    leaking = closed & (weather().smooth_c < _PUMP_OFF_C)
    lift[leaking] = _LEAK_LIFT_K * (1 + 0.08 * drift(12, 0.9, "plant", plant.name, seed, "leak")[leaking])
    return np.where(leaking, leak, flow), closed


def simulate(plant: Plant, seed: int, *, improved: bool = True) -> Record:
    """The record of a plant's energy valve over the horizon (about 50 ms).

    Args:
        plant: what it supplies.
        seed: changes noise.
        improved: False for what would have been without `IMPROVEMENT`.
    """
    key = ("valve", plant.name, seed)
    asked = demand(plant, seed)
    if improved and plant.name == IMPROVEMENT.name:
        asked = _limited(asked, IMPROVEMENT.begin, IMPROVEMENT.limit_k)
    for fault in specs_of(plant.name, FaultKind.LOW_DELTA_T):
        asked = _ask_too_much(asked, plant, fault.begin)
    for fault in specs_of(plant.name, FaultKind.ALWAYS_LOW) if plant.lifelike else ():
        asked = replace(asked, half_flow_m3s=fault.figures["half_flow_share"] * asked.half_flow_m3s)
    flow, lift, limiting = flow_for(asked, plant.max_flow_m3s)
    if plant.lifelike:
        flow, lift = lifelike.operated(asked, plant, flow, lift)
    flow = pulse_below_minimum(flow, plant.max_flow_m3s)
    for fault in specs_of(plant.name, FaultKind.HUNTING):
        flow = _hunt(flow, plant, fault.figures["amplitude_percent"], seed)
    closed = flow <= 0
    for fault in specs_of(plant.name, FaultKind.LEAK):
        leak = fault.figures["leak_percent_of_nominal"] / 100 * plant.nominal_flow_m3s
        flow, closed = _leak(flow, lift, leak, plant, seed)
    record = measure(asked, flow, lift, limiting, closed, plant.nominal_flow_m3s, plant.max_flow_m3s, key)
    return lifelike.as_read(record, asked, plant, seed) if plant.lifelike else record


def swap_sensors(record: Record, first: int) -> Record:
    """The record of a meter whose temperature sensors are swapped from a sample on: heat counts as cooling."""
    t1, t2, power, cooling = (record.t1.copy(), record.t2.copy(), record.power.copy(), record.cooling.copy())
    t1[first:], t2[first:] = record.t2[first:], record.t1[first:]
    power[first:] = metered_power(record.flow[first:], t1[first:], t2[first:])
    cooling[first:] = ~record.cooling[first:]
    return replace(record, t1=t1, t2=t2, power=power, cooling=cooling)


def stop_flow_sensor(record: Record, first: int) -> Record:
    """The record of a meter whose flow sensor reads 0 from a sample on."""
    flow, power = record.flow.copy(), record.power.copy()
    flow[first:] = 0
    power[first:] = 0
    return replace(record, flow=flow, power=power)

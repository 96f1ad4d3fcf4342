"""Hydronic physics of an energy valve: heat exchanger, valve characteristic, sensors and meter.

Quasi-static and vectorized over native steps. Quantities are stored as whole multiples of the meter's resolution: sums
are exact, and published values do not depend on the last bits of floating-point functions, which differ by platform.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from belimo_nb.demo.world.noise import FloatArray, autoregressive, normal, upsample
from belimo_nb.demo.world.schedule import SAMPLES, STEP
from belimo_nb.demo.world.weather import weather

IntArray = npt.NDArray[np.integer]
BoolArray = npt.NDArray[np.bool_]

FLOW_UNITS = 10_000_000  # of stored flow in 1 m3/s
KELVIN_UNITS = 100  # of stored temperature in 1 K
PERCENT_UNITS = 10  # of stored position in 1 %
ZERO_C = 273.15

HEATING_RHO_C = 4.14e6
"""Volumetric heat capacity in J/(m3 K) with which the flow of heating valves is calculated (water of 42 °C)."""
COOLING_RHO_C = 4.19e6  # the same of cooling valves (water of 12 °C); the meter itself uses `rho_c` at its sensor

RANGEABILITY = 50.0  # slope of the equal-percentage characteristic at the open end over that at the closed end
WASTE_SLOPE = 0.15  # the waste zone begins where the slope of P(V) has fallen to this share of its start

_MIN_FLOW = 0.006  # share of the maximum flow below which the valve opens and closes instead of throttling
_BLOCK = 12  # steps in which it opens and closes once: an hour
_GOLDEN = (math.sqrt(5) - 1) / 2  # golden ratio: spreads the openings evenly over the hour in the long run


def rho_c(temperature_c: FloatArray) -> FloatArray:
    """Volumetric heat capacity of water in J/(m3 K), 5 to 95 °C, within 0.07 % of IAPWS-IF97 at 0.6 MPa."""
    return 1000 * (4208.2355 - temperature_c * (1.495846 + 0.0017769558 * temperature_c))


def position(flow_rel: FloatArray) -> FloatArray:
    """Position (0 to 1) of an equal-percentage valve for a flow relative to nominal: h = ln(1 + V (R - 1)) / ln R."""
    return np.log1p(flow_rel * (RANGEABILITY - 1)) / math.log(RANGEABILITY)


def flow_at_position(stem: FloatArray) -> FloatArray:
    """Flow relative to nominal at a position (0 to 1): the inverse of `position`."""
    return np.expm1(stem * math.log(RANGEABILITY)) / (RANGEABILITY - 1)


def waste_flow_m3s(half_flow_m3s: float) -> float:
    """Flow V* at which the slope of P = a V/(b + V) falls to 15 % of its start: b (1/sqrt(0.15) - 1)."""
    return half_flow_m3s * (1 / math.sqrt(WASTE_SLOPE) - 1)


@dataclass(frozen=True)
class Demand:
    """The load of a plant and the temperatures at its heat exchanger, at native steps.

    Attributes:
        power_w: heat to be transferred, 0 or more, shape (SAMPLES,).
        supply_c: supply temperature, shape (SAMPLES,).
        sink_c: temperature on the other side of the exchanger, shape (SAMPLES,).
        cooling: True where the water takes heat up, shape (SAMPLES,).
        half_flow_m3s: parameter b of P = a V/(b + V), number or shape (SAMPLES,).
        limit_k: delta-T limit in force, 0 while there is none, number or shape (SAMPLES,).
    """

    power_w: FloatArray
    supply_c: FloatArray
    sink_c: FloatArray
    cooling: BoolArray
    half_flow_m3s: FloatArray | float
    limit_k: FloatArray | float = 0.0


@dataclass(frozen=True)
class Record:
    """The meter's measurements over the horizon, in units of its resolution; every array has shape (SAMPLES,).

    Attributes:
        position: 0.1 %.
        demand: control signal, 0.1 %.
        flow: 1e-7 m3/s, mean of the step that ends with the sample.
        power: W, mean of the step that ends with the sample.
        t1: remote sensor, 0.01 K.
        t2: embedded sensor, 0.01 K.
        cooling: whether the power goes to the cooling counter.
        limiting: whether the delta-T manager limits.
        true_flow: true flow, whatever the sensors read.
        true_power: true power.
        true_cooling: whether the water truly took heat up.
        turns: how often the actuator turned round in the step, where samples do not show it; None: they do.
        stroke: travel from one such turn to the next, 0.1 %.
    """

    position: IntArray
    demand: IntArray
    flow: IntArray
    power: IntArray
    t1: IntArray
    t2: IntArray
    cooling: BoolArray
    limiting: BoolArray
    true_flow: IntArray
    true_power: IntArray
    true_cooling: BoolArray
    turns: IntArray | None = None
    stroke: int = 0


def metered_power(flow: IntArray, t1: IntArray, t2: IntArray) -> IntArray:
    """Power in W from stored flow and temperatures, as the meter computes it: rho c(T2) V |T1 - T2|.

    At T2 because the flow sensor sits in the valve, with the embedded temperature sensor.
    """
    heat = rho_c(t2 / KELVIN_UNITS - ZERO_C) * np.abs(t1.astype(np.int32) - t2)
    power: IntArray = np.rint(heat * flow / (FLOW_UNITS * KELVIN_UNITS)).astype(np.int32)
    return power


def pulse_below_minimum(flow: FloatArray, max_flow: float) -> FloatArray:
    """Flow of a valve that cannot throttle below 0.6 % of its maximum: there it opens once an hour."""
    least = _MIN_FLOW * max_flow
    opened = np.where(flow > _turns(len(flow)) * least, least, 0.0)
    return np.where(flow < least, opened, flow)


@functools.cache
def _turns(n: int) -> FloatArray:
    """The share of the least flow below which the valve stays shut in each of n steps, shape (n,)."""
    block, step = np.divmod(np.arange(n), _BLOCK)
    turns: FloatArray = ((step + 0.5) / _BLOCK + _GOLDEN * block) % 1.0
    return turns


def cool_to_ambient(values: FloatArray, flowing: BoolArray, ambient_c: FloatArray, hours: float) -> FloatArray:
    """Sensor temperature: the water's while it flows, then exponentially to ambient (time constant `hours`)."""
    index = np.arange(len(values))
    last = np.maximum.accumulate(np.where(flowing, index, 0))
    decay = np.exp(-(index - last) * (STEP / 3600 / hours))
    settled: FloatArray = ambient_c + (values[last] - ambient_c) * decay
    return settled


def drift(n_steps: int, correlation: float, *name: object) -> FloatArray:
    """Slow random drift at native steps: an AR(1) series of knots, n_steps apart, joined by straight lines."""
    knots = autoregressive(SAMPLES // n_steps + 1, correlation, *name)
    return upsample(knots, n_steps)


def flow_for(demand: Demand, max_flow: float) -> tuple[FloatArray, FloatArray, BoolArray]:
    """The flow that covers a demand, from P = a V/(b + V) with a = rho c b |supply - sink|.

    Returns:
        Flow in m3/s between 0 and the maximum (or the delta-T limit), |supply - sink| in K, and where the delta-T limit
        acts.
    """
    lift = np.abs(demand.supply_c - demand.sink_c)
    b = demand.half_flow_m3s
    capacity = np.where(demand.cooling, COOLING_RHO_C, HEATING_RHO_C) * (b * lift)
    need = np.minimum(demand.power_w, 0.999 * capacity)  # the full capacity would take an infinite flow
    flow = np.minimum(b * need / (capacity - need), max_flow)
    limit = np.asarray(demand.limit_k)
    if not limit.any():
        return flow, lift, np.zeros(len(flow), dtype=np.bool_)
    most = np.where(limit > 0, b * np.maximum(lift / np.maximum(limit, 0.1) - 1, 0.02), max_flow)
    limiting = flow > most
    return np.minimum(flow, most), lift, limiting


def measure(
    demand: Demand,
    flow: FloatArray,
    lift: FloatArray,
    limiting: BoolArray,
    closed: BoolArray,
    nominal_flow: float,
    max_flow: float,
    key: tuple[object, ...],
) -> Record:
    """The record of a flow: temperatures, position and power, with the sensors' noise and resolution."""
    b = demand.half_flow_m3s
    flowing = flow > 0
    delta = lift * (b / (b + flow))
    sign = np.where(demand.cooling, -1.0, 1.0)
    supply = demand.supply_c
    returned = supply - sign * delta
    ambient = 21.5 + 0.08 * weather().smooth_c + 0.3 * drift(12, 0.95, *key, "ambient")
    t1_c = cool_to_ambient(supply, flowing, ambient, 1.6) + 0.02 * normal(SAMPLES, *key, "t1")
    t2_c = cool_to_ambient(returned, flowing, ambient, 2.2) + 0.02 * normal(SAMPLES, *key, "t2")
    t1 = np.rint((t1_c + ZERO_C) * KELVIN_UNITS).astype(np.uint16)
    t2 = np.rint((t2_c + ZERO_C) * KELVIN_UNITS).astype(np.uint16)
    metered = np.rint(flow * (1 + 0.003 * normal(SAMPLES, *key, "flow")) * FLOW_UNITS).astype(np.int32)
    stem = position(flow / nominal_flow * (1 + 0.04 * drift(12, 0.8, *key, "pressure")))
    stem[closed] = 0.0
    power = metered_power(metered, t1, t2)
    cooling = demand.cooling
    return Record(
        position=np.rint(np.minimum(stem, 1.0) * 100 * PERCENT_UNITS).astype(np.uint16),
        demand=np.rint(np.where(closed, 0.0, flow / max_flow) * 1000).astype(np.uint16),
        flow=metered,
        power=power,
        t1=t1,
        t2=t2,
        cooling=cooling,
        limiting=limiting,
        true_flow=metered,
        true_power=power,
        true_cooling=cooling,
    )

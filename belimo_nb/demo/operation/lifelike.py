"""What real plants and meters do beyond the formulas: plants stop, valves cycle, meters round off and lag."""

from dataclasses import replace

import numpy as np

from belimo_nb.demo.fleet.faults import PLANT_STOPS, FaultKind, specs_of
from belimo_nb.demo.fleet.plants import Plant
from belimo_nb.demo.operation.reporting import Outage
from belimo_nb.demo.world.noise import FloatArray, fraction, hash64, normal, uniform
from belimo_nb.demo.world.physics import (
    COOLING_RHO_C,
    BoolArray,
    Demand,
    IntArray,
    Record,
    flow_for,
    metered_power,
)
from belimo_nb.demo.world.physics import position as stem
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, SAMPLES, STEP
from belimo_nb.demo.world.weather import weather

MISSING = (0.001, 0.09)  # share of the samples of one datapoint that are lost, one by one
SILENCES = tuple(HISTORY_BEGIN + 86400 * day + 3600 * hour for day, hour in ((380, 3), (517, 14), (698, 9)))
"""When no device of any building is heard: each time for 30 to 88 minutes, longer with each."""

_BACKLASH = (0.06, 0.07)  # of the stroke, between opening and closing
_CUT_OFF = (0.005, 0.014)  # of the nominal flow, below which the meter reads 0
_ZERO = (0.002, 0.03)  # of the nominal flow, which some meters read while the pump stands
_ZERO_SHARE = _LAG_SHARE = 0.35  # of the meters
_OVERSHOOT = 1.5  # flow of the first sample after a standstill over the usual
_STANDSTILL = 12  # steps
_CYCLE_S = 430.0  # shorter than two steps, so that no sample follows it
_CYCLE_FLOW = 0.5  # of the maximum flow, below which it opens and closes
_STANDS_C = (15.5, 10.0)  # outdoor temperature above which the boiler's pump stands, below which the chiller's does


def silences() -> tuple[Outage, ...]:
    """Samples that no device's cloud ever gets."""
    return tuple(Outage(begin, begin + 60 * minutes) for begin, minutes in zip(SILENCES, (30, 55, 88), strict=True))


def kept(device_id: str, datapoint_id: str) -> BoolArray:
    """Which samples of a datapoint are not lost one by one, shape (SAMPLES,)."""
    key = ("missing", device_id, datapoint_id)
    share = MISSING[0] + (MISSING[1] - MISSING[0]) * fraction(*key) ** 3  # of most datapoints few
    bits = np.random.PCG64(hash64(*key, "samples")).random_raw(SAMPLES)
    return np.asarray(bits >= np.uint64(int(share * 2**64)))


def operated(asked: Demand, plant: Plant, flow: FloatArray, lift: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Flow and lift of a valve that cycles, that stands at one flow whatever the load, or whose plant stops."""
    if specs_of(plant.name, FaultKind.CYCLING):
        most = _CYCLE_FLOW * plant.max_flow_m3s
        phase = np.arange(SAMPLES) * STEP / _CYCLE_S % 1.0
        flow = np.where(flow < most, np.where(phase * most < flow, most, 0.0), flow)
    for fault in specs_of(plant.name, FaultKind.CONSTANT_FLOW):
        flow = np.full(SAMPLES, fault.figures["flow_percent_of_maximum"] / 100 * plant.max_flow_m3s)
        half = asked.half_flow_m3s  # the water takes up what the load gives, so little of it that it warms hardly
        lift = np.minimum(asked.power_w / (COOLING_RHO_C * flow) * (half + flow) / half, lift)
    return np.where(_stopped(asked), 0.0, flow), lift


def _stopped(asked: Demand) -> BoolArray:
    stands = np.zeros(SAMPLES, dtype=np.bool_)
    for begin, end, cold in PLANT_STOPS:
        part = slice((begin - HISTORY_BEGIN) // STEP, (end - HISTORY_BEGIN) // STEP)
        stands[part] = asked.cooling[part] == cold
    return stands


def as_read(record: Record, asked: Demand, plant: Plant, seed: int) -> Record:
    """The record as a real meter reads it; what truly flowed stays."""
    key = ("lifelike", plant.name, seed)
    flow, t2 = record.flow.astype(np.float64), record.t2.copy()
    stands = flow <= 0
    since = np.arange(SAMPLES) - np.maximum.accumulate(np.where(stands, 0, np.arange(SAMPLES)))
    (starts,) = np.nonzero(~stands[1:] & (since[:-1] >= _STANDSTILL))
    flow[starts + 1] *= _OVERSHOOT  # and what stood in the coil comes back first
    t2[starts + 1] = t2[starts]
    if fraction(*key, "lag") < _LAG_SHARE:
        flow[1:] = flow[:-1].copy()
    nominal = plant.nominal_flow_m3s * 1e7
    flow[flow < uniform(*_CUT_OFF, *key, "cut-off") * nominal] = 0.0
    if fraction(*key, "zero") < _ZERO_SHARE:
        outdoor = weather().smooth_c
        rests = np.where(asked.cooling, outdoor < _STANDS_C[1], outdoor > _STANDS_C[0])
        zero = uniform(*_ZERO, *key, "offset") * nominal * (1 + 0.02 * normal(SAMPLES, *key, "zero noise"))
        flow = np.where(rests & stands, zero, flow)
    read = np.rint(flow).astype(np.int32)
    position = _with_backlash(record.position, uniform(*_BACKLASH, *key, "backlash"))
    position[_stopped(asked) & (asked.power_w > 0)] = 1000  # the controller asks in vain
    read_record = replace(record, flow=read, t2=t2, power=metered_power(read, record.t1, t2), position=position)
    return _counting_turns(read_record, asked, plant) if specs_of(plant.name, FaultKind.CYCLING) else read_record


def _counting_turns(record: Record, asked: Demand, plant: Plant) -> Record:
    """With the turns of an actuator that opens and closes between the samples."""
    most = _CYCLE_FLOW * plant.max_flow_m3s
    wanted, _, _ = flow_for(asked, plant.max_flow_m3s)
    cycles = (wanted > 0) & (wanted < most) & ~_stopped(asked)
    turns = np.diff(np.floor(np.cumsum(cycles * (2 * STEP / _CYCLE_S))), prepend=0.0).astype(np.int32)
    return replace(record, turns=turns, stroke=round(1000 * float(stem(np.array([most / plant.nominal_flow_m3s]))[0])))


def _with_backlash(position: IntArray, play: float) -> IntArray:
    """The position of the actuator: ahead of the stem's by half the play, in the direction of its last move."""
    moves = np.sign(np.diff(position.astype(np.int32), prepend=0))
    last = np.maximum.accumulate(np.where(moves != 0, np.arange(SAMPLES), 0))
    ahead = position + np.rint(moves[last] * play * 500).astype(np.int32)
    held: IntArray = np.where(position > 0, np.clip(ahead, 10, 1000), 0).astype(np.uint16)
    return held

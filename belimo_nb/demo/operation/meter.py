"""The datapoints that an energy valve publishes at every step, from the record of its plant."""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as SequenceOf
from typing import Any

import numpy as np

from belimo_nb.demo.fleet.datapoints import SOURCES, ManagerState, Sequence
from belimo_nb.demo.operation.reporting import Availability
from belimo_nb.demo.operation.totals import HOUR_PER_TOTAL, Register, Totals
from belimo_nb.demo.world.noise import FloatArray
from belimo_nb.demo.world.physics import FLOW_UNITS, KELVIN_UNITS, PERCENT_UNITS
from belimo_nb.demo.world.schedule import SAMPLES, STEP

COOLING_COUNTER = "evcloud.200"
HEATING_COUNTER = "evcloud.210"
VOLUME_COUNTER = "evcloudplus.461"
LIMITED_HOURS = "evcloudplus.470"
MANAGER_STATE = "evcloud.260"

_COUNTED = {  # datapoint: the running total that it shows
    COOLING_COUNTER: "cold",
    HEATING_COUNTER: "heat",
    VOLUME_COUNTER: "volume",
    LIMITED_HOURS: "limited",
    "CoolingEnergy": "cold",
    "HeatingEnergy": "heat",
    "WaterFlowVolume": "volume",
    "CoolingEnergyMeterReading": "cold",
    "HeatingEnergyMeterReading": "heat",
    "AccumulatedVolumeSensorReading": "volume",
    "evcloudplus.462": "heating_volume",
    "evcloudplus.463": "cooling_volume",
    "evcloudplus.481": "active",
    "evcloudplus.482": "full_load",
    "evcloudplus.483": "part_load",
    "evcloudplus.490": "reversals",
    "evcloudplus.491": "end_hits",
    "evcloudplus.492": "travel",
}
_STROKE_DEGREES = 0.9  # of the actuator in 1 % of position

Select = slice | int
_Steps = SequenceOf[tuple[int, float]]


class ValveMeter:
    """Datapoint values of an energy valve: of single samples and of the whole horizon.

    Args:
        totals: its record with running totals, shared by all devices that show the same plant.
        availability: its sample times.
        scale: size relative to the recorded plant: multiplies flow, power and their counters.
        max_flow_m3s: maximum flow setting, m3/s.
        max_power_w: maximum power settings as (first index, W), ascending.
        manager: settings of the delta-T manager as (first index, 1 enabled or 0 disabled), ascending.
        registers: how the counters read, by datapoint id.
        energized: epoch seconds since which operating hours count.
        ids: the datapoints of the device's profile.
    """

    def __init__(
        self,
        totals: Totals,
        availability: Availability,
        scale: float,
        max_flow_m3s: float,
        max_power_w: _Steps,
        manager: _Steps,
        registers: Mapping[str, Register],
        energized: int,
        ids: frozenset[str],
    ) -> None:
        self._totals = totals
        self._record = record = totals.record
        self._times = availability
        self._manager = manager
        self._registers = registers
        relative_flow = 100 * scale / FLOW_UNITS / max_flow_m3s
        self._instant: dict[str, Callable[[Select], Any]] = {
            "evcloud.50": lambda at: record.demand[at] / 10,
            "evcloud.70": lambda at: np.rint(record.position[at] / PERCENT_UNITS),
            "evcloud.80": lambda at: record.position[at] / PERCENT_UNITS,
            "evcloud.90": lambda at: np.rint(record.flow[at] * scale) / FLOW_UNITS,
            "evcloud.100": lambda at: np.round(record.flow[at] * relative_flow, 1),
            "evcloud.110": lambda at: np.round(record.power[at] * (100 * scale / _setting_at(max_power_w, at)), 1),
            "evcloud.140": lambda at: np.rint(record.power[at] * scale),
            "evcloud.150": lambda at: record.t1[at] / KELVIN_UNITS,
            "evcloud.160": lambda at: record.t2[at] / KELVIN_UNITS,
            "evcloud.170": self._delta_t,
            MANAGER_STATE: self._manager_state,
            "evcloudplus.480": lambda at: availability.hours_since(energized, at),
            "evcloud.290": self._sequence,
            "evcloudplus.471": lambda at: np.round(
                (self._steps(at, 1.0) - totals.limited.read(at)) * HOUR_PER_TOTAL, 2
            ),
            "evcloudplus.472": lambda at: np.round(self._steps(at, 0.0) * HOUR_PER_TOTAL, 2),
            "AbsoluteHeatingPower": lambda at: np.rint(record.power[at] * scale) * ~record.cooling[at],
            "AbsoluteCoolingPower": lambda at: np.rint(record.power[at] * scale) * record.cooling[at],
            "AbsoluteActuatorPosition": lambda at: np.round(record.position[at] / PERCENT_UNITS * _STROKE_DEGREES, 2),
        }
        self.datapoints = frozenset(
            id_ for id_ in ids if (source := SOURCES.get(id_, id_)) in self._instant or source in _COUNTED
        )
        self._true = {
            COOLING_COUNTER: totals.true_cold,
            HEATING_COUNTER: totals.true_heat,
            VOLUME_COUNTER: totals.true_volume,
        }

    def read(self, datapoint_id: str, at: Select) -> Any:
        """One sample, or for a slice all samples of the horizon."""
        source = SOURCES.get(datapoint_id, datapoint_id)
        if source in _COUNTED:
            return self._registers[source].read(getattr(self._totals, _COUNTED[source]), at)
        return self._instant[source](at)

    def true_total(self, datapoint_id: str, time: float) -> float:
        """Reading at a time of a counter without faults that began at 0, in the counter's unit.

        Raises:
            KeyError: the datapoint is no counter of energy or volume.
        """
        source = SOURCES.get(datapoint_id, datapoint_id)
        total = self._true[source]
        steps = min(max((time - self._times.first) / STEP, 0.0), SAMPLES - 1.0)
        index = int(steps)
        low = total.at(index)
        high = total.at(min(index + 1, SAMPLES - 1))
        return (low + (high - low) * (steps - index)) * self._registers[source].unit

    def _delta_t(self, at: Select) -> Any:
        return np.abs(np.subtract(self._record.t1[at], self._record.t2[at], dtype=np.int32)) / KELVIN_UNITS

    def _manager_state(self, at: Select) -> Any:
        state = np.where(self._record.limiting[at], ManagerState.LIMITING, ManagerState.STANDBY)
        return np.where(_setting_at(self._manager, at) > 0, state, ManagerState.DISABLED)

    def _sequence(self, at: Select) -> Any:
        running = np.where(self._record.cooling[at], Sequence.COOLING, Sequence.HEATING)
        return np.where(self._record.power[at] > 0, running, Sequence.NO_DEMAND)

    def _steps(self, at: Select, setting: float) -> Any:
        """Number of steps up to an index, or to each, with the delta-T manager on (1) or off (0)."""
        after = (at if isinstance(at, int) else np.arange(SAMPLES)) + 1
        ends = [*(first for first, _ in self._manager[1:]), SAMPLES]
        return (
            sum(
                np.clip(after - first, 0, end - first)
                for (first, value), end in zip(self._manager, ends, strict=True)
                if value == setting
            )
            + 0 * after
        )  # of the same shape even where there is none


def _setting_at(steps: _Steps, at: Select) -> FloatArray:
    """The setting in force at an index or, for a slice, at all samples."""
    if isinstance(at, int):
        return np.array(next(value for first, value in reversed(steps) if first <= at))
    setting = np.empty(SAMPLES)
    for first, value in steps:
        setting[first:] = value
    return setting

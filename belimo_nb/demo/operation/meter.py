"""The datapoints that an energy valve publishes at every step, from the record of its plant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from belimo_nb.demo.fleet.datapoints import ManagerState
from belimo_nb.demo.operation.availability import Availability
from belimo_nb.demo.operation.totals import Register, Totals
from belimo_nb.demo.world.noise import FloatArray
from belimo_nb.demo.world.physics import FLOW_UNITS, KELVIN_UNITS, PERCENT_UNITS
from belimo_nb.demo.world.schedule import SAMPLES, STEP

COOLING_COUNTER = "evcloud.200"
HEATING_COUNTER = "evcloud.210"
VOLUME_COUNTER = "evcloudplus.461"
LIMITED_HOURS = "evcloudplus.470"
MANAGER_STATE = "evcloud.260"

_Select = slice | int
_Steps = Sequence[tuple[int, float]]


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
    ) -> None:
        self._record = record = totals.record
        self._times = availability
        self._scale = scale
        self._max_power = max_power_w
        self._manager = manager
        self._registers = registers
        self._energized = energized
        relative_flow = 100 * scale / FLOW_UNITS / max_flow_m3s
        self._instant: dict[str, Callable[[_Select], Any]] = {
            "evcloud.50": lambda at: record.demand[at] / 10,
            "evcloud.70": lambda at: np.rint(record.position[at] / PERCENT_UNITS),
            "evcloud.80": lambda at: record.position[at] / PERCENT_UNITS,
            "evcloud.90": lambda at: np.rint(record.flow[at] * scale) / FLOW_UNITS,
            "evcloud.100": lambda at: np.round(record.flow[at] * relative_flow, 1),
            "evcloud.110": self._relative_power,
            "evcloud.140": lambda at: np.rint(record.power[at] * scale),
            "evcloud.150": lambda at: record.t1[at] / KELVIN_UNITS,
            "evcloud.160": lambda at: record.t2[at] / KELVIN_UNITS,
            "evcloud.170": self._delta_t,
            MANAGER_STATE: self._manager_state,
            "evcloudplus.480": self._operating_hours,
        }
        self._counted = {
            COOLING_COUNTER: totals.cold,
            HEATING_COUNTER: totals.heat,
            VOLUME_COUNTER: totals.volume,
            LIMITED_HOURS: totals.limited,
        }
        self._true = {
            COOLING_COUNTER: totals.true_cold,
            HEATING_COUNTER: totals.true_heat,
            VOLUME_COUNTER: totals.true_volume,
        }

    @property
    def datapoints(self) -> frozenset[str]:
        """Ids of the datapoints published at every step."""
        return frozenset(self._instant) | frozenset(self._counted)

    def value(self, datapoint_id: str, index: int) -> float:
        """One sample."""
        if datapoint_id in self._counted:
            return self._registers[datapoint_id].reading(self._counted[datapoint_id], index)
        return float(self._instant[datapoint_id](index))

    def values(self, datapoint_id: str) -> FloatArray:
        """All samples of the horizon, shape (SAMPLES,)."""
        if datapoint_id in self._counted:
            return self._registers[datapoint_id].readings(self._counted[datapoint_id])
        return np.asarray(self._instant[datapoint_id](slice(None)), dtype=np.float64)

    def true_total(self, datapoint_id: str, time: float) -> float:
        """Reading at a time of a counter without faults that began at 0, in the counter's unit.

        Raises:
            KeyError: the datapoint is no counter of energy or volume.
        """
        total = self._true[datapoint_id]
        steps = min(max((time - self._times.first) / STEP, 0.0), SAMPLES - 1.0)
        index = int(steps)
        low = total.at(index)
        high = total.at(min(index + 1, SAMPLES - 1))
        return (low + (high - low) * (steps - index)) * self._registers[datapoint_id].unit

    def _delta_t(self, at: _Select) -> Any:
        return np.abs(np.subtract(self._record.t1[at], self._record.t2[at], dtype=np.int32)) / KELVIN_UNITS

    def _relative_power(self, at: _Select) -> Any:
        return np.round(self._record.power[at] * (100 * self._scale / _setting_at(self._max_power, at)), 1)

    def _manager_state(self, at: _Select) -> Any:
        state = np.where(self._record.limiting[at], ManagerState.LIMITING, ManagerState.STANDBY)
        return np.where(_setting_at(self._manager, at) > 0, state, ManagerState.DISABLED)

    def _operating_hours(self, at: _Select) -> Any:
        index = at if isinstance(at, int) else np.arange(SAMPLES)
        return (self._times.first - self._energized + index * STEP) // 3600


def _setting_at(steps: _Steps, at: _Select) -> FloatArray:
    """The setting in force at an index or, for a slice, at all samples."""
    if isinstance(at, int):
        return np.array(next(value for first, value in reversed(steps) if first <= at))
    setting = np.empty(SAMPLES)
    for first, value in steps:
        setting[first:] = value
    return setting

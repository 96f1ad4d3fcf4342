"""Running totals behind the lifetime counters: exact integer sums, any single reading without summing the history."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from belimo_nb.demo.world.physics import FLOW_UNITS, BoolArray, IntArray, Record
from belimo_nb.demo.world.schedule import STEP

JOULE_PER_TOTAL = STEP
CUBIC_METER_PER_TOTAL = STEP / FLOW_UNITS
HOUR_PER_TOTAL = STEP / 3600

_CHUNK = 288  # samples between stored readings


class Total:
    """Running total of a record's column, with one stored reading a day."""

    def __init__(self, column: IntArray | BoolArray, where: BoolArray | None = None) -> None:
        self._column = column
        self._where = where
        daily = self._part(slice(None)).reshape(-1, _CHUNK).sum(axis=1, dtype=np.int64)
        self._readings = np.concatenate([[0], np.cumsum(daily)])

    def _part(self, part: slice) -> IntArray | BoolArray:
        column = self._column[part]
        return column if self._where is None else column * self._where[part]

    def at(self, index: int) -> int:
        """Sum of the samples up to and including an index (-1: none)."""
        chunk, rest = divmod(index + 1, _CHUNK)
        begin = chunk * _CHUNK
        return int(self._readings[chunk]) + int(self._part(slice(begin, begin + rest)).sum(dtype=np.int64))

    def all(self) -> npt.NDArray[np.int64]:
        """The running total at every sample, shape (SAMPLES,)."""
        return np.cumsum(self._part(slice(None)), dtype=np.int64)


class Totals:
    """The running totals of one record, metered and true."""

    def __init__(self, record: Record) -> None:
        self.record = record

    @cached_property
    def heat(self) -> Total:
        """Metered heating, in W times steps."""
        return Total(self.record.power, ~self.record.cooling)

    @cached_property
    def cold(self) -> Total:
        """Metered cooling, in W times steps."""
        return Total(self.record.power, self.record.cooling)

    @cached_property
    def volume(self) -> Total:
        """Metered volume, in flow units times steps."""
        return Total(self.record.flow)

    @cached_property
    def limited(self) -> Total:
        """Steps in which the delta-T manager limited."""
        return Total(self.record.limiting)

    @cached_property
    def true_heat(self) -> Total:
        """Heating that was really delivered, in W times steps."""
        return Total(self.record.true_power, ~self.record.true_cooling)

    @cached_property
    def true_cold(self) -> Total:
        """Cooling that was really delivered, in W times steps."""
        return Total(self.record.true_power, self.record.true_cooling)

    @cached_property
    def true_volume(self) -> Total:
        """Volume that really passed, in flow units times steps."""
        return Total(self.record.true_flow)


@dataclass(frozen=True)
class Register:
    """How a lifetime counter shows a running total.

    Attributes:
        start: reading before the first sample, in the counter's unit.
        unit: counter units per unit of the total.
        digits: decimals shown.
        reset: index of the first sample of a new meter that began at 0, if there is one.
        zeros: ranges of indices in which the counter reads 0.
    """

    start: float
    unit: float
    digits: int
    reset: int | None = None
    zeros: tuple[tuple[int, int], ...] = ()

    def reading(self, total: Total, index: int) -> float:
        """What the counter shows at one sample."""
        if any(begin <= index < end for begin, end in self.zeros):
            return 0.0
        if self.reset is not None and index >= self.reset:
            return float(np.round((total.at(index) - total.at(self.reset - 1)) * self.unit, self.digits))
        return float(np.round(self.start + total.at(index) * self.unit, self.digits))

    def readings(self, total: Total) -> npt.NDArray[np.float64]:
        """What the counter shows at every sample, shape (SAMPLES,)."""
        running = total.all()
        shown = self.start + running * self.unit
        if self.reset is not None:
            shown[self.reset :] = (running[self.reset :] - running[self.reset - 1]) * self.unit
        for begin, end in self.zeros:
            shown[begin:end] = 0.0
        return np.round(shown, self.digits)

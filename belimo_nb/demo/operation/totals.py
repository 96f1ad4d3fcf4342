"""Running totals behind the lifetime counters, as exact integer sums.

Integers, since a float sum depends on its order: one reading and a whole series would differ in the last digits.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from belimo_nb.demo.world.physics import FLOW_UNITS, BoolArray, IntArray, Record
from belimo_nb.demo.world.schedule import SAMPLES, STEP

JOULE_PER_TOTAL = STEP
CUBIC_METER_PER_TOTAL = STEP / FLOW_UNITS
HOUR_PER_TOTAL = STEP / 3600

_FULL = 1000  # of position and demand
_CHUNK = 288  # samples between stored sums: a day


class Total:
    """Running total of a record's column, with one stored sum a day."""

    def __init__(self, column: IntArray | BoolArray, where: BoolArray | None = None) -> None:
        self._column = column
        self._where = where

    @cached_property
    def _daily_sums(self) -> npt.NDArray[np.int64]:
        # So that a single reading adds up one day, not years: the list of devices shows one of every counter.
        daily = self._part(slice(None)).reshape(-1, _CHUNK).sum(axis=1, dtype=np.int64)
        return np.concatenate([[0], np.cumsum(daily)])

    def _part(self, part: slice) -> IntArray | BoolArray:
        column = self._column[part]
        return column if self._where is None else column * self._where[part]

    def at(self, index: int) -> int:
        """Sum of the samples up to and including an index (-1: none)."""
        chunk, rest = divmod(index + 1, _CHUNK)
        begin = chunk * _CHUNK
        return int(self._daily_sums[chunk]) + int(self._part(slice(begin, begin + rest)).sum(dtype=np.int64))

    def read(self, at: slice | int) -> Any:
        """The running total at an index, as `at`, or for a slice at every sample, shape (SAMPLES,)."""
        return self.at(at) if isinstance(at, int) else np.cumsum(self._part(slice(None)), dtype=np.int64)


class Totals:
    """The running totals of one record, as the meter counts them and as they truly were.

    Heat and cold are in W times steps, volume in flow units times steps, `limited` in steps.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.heat = Total(record.power, ~record.cooling)
        self.cold = Total(record.power, record.cooling)
        self.volume = Total(record.flow)
        self.limited = Total(record.limiting)
        self.heating_volume = Total(record.flow, ~record.cooling)
        self.cooling_volume = Total(record.flow, record.cooling)
        self.true_heat = Total(record.true_power, ~record.true_cooling)
        self.true_cold = Total(record.true_power, record.true_cooling)
        self.true_volume = Total(record.true_flow)

    @cached_property
    def active(self) -> Total:
        """Steps with an open valve."""
        return Total(self.record.position > 0)

    @cached_property
    def full_load(self) -> Total:
        """Steps with a control signal of 100 %."""
        return Total(self.record.demand >= _FULL)

    @cached_property
    def part_load(self) -> Total:
        """Steps with a control signal between 0 and 100 %."""
        return Total((self.record.demand > 0) & (self.record.demand < _FULL))

    @cached_property
    def travel(self) -> Total:
        """Travel of the actuator in units of the position."""
        turns = self.record.turns
        return Total(np.abs(self._strokes) if turns is None else turns * self.record.stroke)

    @cached_property
    def end_hits(self) -> Total:
        """Times that the actuator reached an end stop."""
        if self.record.turns is not None:
            return Total(np.diff(np.cumsum(self.record.turns) // 2, prepend=0))  # every other turn
        return Total((self._strokes != 0) & np.isin(self.record.position, (0, _FULL)))

    @cached_property
    def reversals(self) -> Total:
        """Changes of direction of the actuator."""
        if self.record.turns is not None:
            return Total(self.record.turns)
        (moves,) = np.nonzero(self._strokes)
        turned = np.zeros(len(self._strokes), dtype=np.bool_)
        turned[moves[1:]] = self._strokes[moves[1:]] * self._strokes[moves[:-1]] < 0
        return Total(turned)

    @property
    def _strokes(self) -> npt.NDArray[np.int32]:
        position = self.record.position.astype(np.int32)
        return np.diff(position, prepend=position[:1])


@dataclass(frozen=True)
class Register:
    """The display of a lifetime counter, which turns a running total into readings.

    Attributes:
        start: reading before the first sample, in the counter's unit.
        unit: counter units per unit of the total.
        digits: decimals shown; below 0: the reading goes in tens, hundreds ...
        reset: index of the first sample of a new meter that began at 0, if there is one.
        zeros: ranges of indices in which the counter reads 0.
    """

    start: float
    unit: float
    digits: int
    reset: int | None = None
    zeros: tuple[tuple[int, int], ...] = ()

    def read(self, total: Total, at: slice | int) -> Any:
        """The reading at an index, or for a slice at every sample, shape (SAMPLES,)."""
        running, index = total.read(at), at if isinstance(at, int) else np.arange(SAMPLES)
        shown = self.start + running * self.unit
        if self.reset is not None:
            anew = (running - total.at(self.reset - 1)) * self.unit
            shown = np.where(index >= self.reset, anew, shown)
        for begin, end in self.zeros:
            shown = np.where((index >= begin) & (index < end), 0.0, shown)
        return np.round(shown, self.digits)

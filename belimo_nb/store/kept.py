"""What is known of one device's history at one resolution: values and coverage, and how an answer changes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.api.history import typed
from belimo_nb.store.coverage import GRACE, Coverage, Span

__all__ = ["Kept"]

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Kept:
    """The kept history of one device, or the columns of it that were read.

    Attributes:
        device: The device's id.
        resolution: Length of a bucket, e.g. "1h".
        step: The same in seconds.
        times: Begins of the buckets that have a value, int64 seconds since 1970, ascending.
        columns: By datapoint, one value a row: float64 with NaN, or objects with None.
        coverage: By datapoint, what was asked for.
    """

    device: str
    resolution: str
    step: int
    times: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    columns: Mapping[str, Values] = field(default_factory=dict)
    coverage: Mapping[str, Coverage] = field(default_factory=dict)

    def frame(self, datapoints: Sequence[str], grid: pd.DatetimeIndex) -> pd.DataFrame:
        """The values on a grid of buckets, as `belimo_nb.api.history.fetch` gives them."""
        wanted = grid.as_unit("s").asi8
        rows = np.searchsorted(self.times, wanted)
        rows[rows == len(self.times)] = 0
        found = self.times[rows] == wanted if len(self.times) else np.zeros(len(wanted), bool)
        if any(values.dtype == object for key in datapoints if (values := self.columns.get(key)) is not None):
            return pd.DataFrame({key: self._column(key, rows, found, grid) for key in datapoints}, grid)
        # Numbers only, as is usual: one block, column by column, since there may be thousands of devices.
        block = np.full((len(grid), len(datapoints)), np.nan, order="F")
        whole = bool(found.all())
        for position, key in enumerate(datapoints):
            values = self.columns.get(key)
            if values is not None and len(values):
                block[:, position] = values[rows] if whole else np.where(found, values[rows], np.nan)
        return pd.DataFrame(block, grid, list(datapoints), copy=False)

    def _column(self, key: str, rows: Values, found: Values, grid: pd.DatetimeIndex) -> Values | pd.Series[Any]:
        values = self.columns.get(key)
        if values is None or not len(values):
            return np.full(len(grid), np.nan)
        if values.dtype == object:
            known = np.full(len(grid), None, object)
            known[found] = values[rows[found]]
            return typed(pd.Series(known, grid))
        return np.where(found, values[rows], np.nan)

    def answered(
        self, span: Span, answer: Mapping[str, pd.Series[Any]], asked: int, seen: int | None
    ) -> tuple[Kept, int]:
        """What is known after an answer, and how many values that were settled it has changed.

        A bucket is final if it ended `GRACE` before the device was last seen, and so did a later bucket that has a
        value: at the end of an outage the device is in touch, but its backlog may still be on its way.

        Args:
            span: What was asked for, whole buckets.
            answer: Values by their buckets' begins, for each datapoint that the cloud gave.
            asked: When, in seconds since 1970.
            seen: When the cloud had last been in touch with the device, or None.
        """
        fresh = {key: _array(values) for key, values in answer.items()}
        found = {key: pd.DatetimeIndex(values.index).as_unit("s").asi8 for key, values in answer.items()}
        times = np.unique(np.concatenate([self.times, *found.values()]))
        columns = {key: _spread(values, self.times, times) for key, values in self.columns.items()}
        changed = 0
        inside = (times >= span[0]) & (times < span[1])
        for key, values in fresh.items():
            after = _spread(values, found[key], times)
            before = columns.get(key)
            if before is not None:
                settled = _in_spans(times, self.coverage[key].settled(self.step)) & inside & ~pd.isna(before)
                changed += int((settled & ~_equal(before, after)).sum())
                before, after = (a.astype(object) if before.dtype != after.dtype else a for a in (before, after))
                after = np.where(inside, after, before)
            columns[key] = _tidy(after)
        alive = np.zeros(len(times), bool)
        for values in columns.values():
            alive |= ~pd.isna(values)
        times, columns = times[alive], {key: columns[key][alive] for key in sorted(columns)}
        early = times[times + self.step <= (0 if seen is None else seen - GRACE)]
        final_until = int(early[-1]) if len(early) else 0
        coverage = dict(self.coverage)
        for key in fresh:
            coverage[key] = coverage.get(key, Coverage()).answered(span, final_until, asked, seen)
        return (
            Kept(self.device, self.resolution, self.step, times, columns, {k: coverage[k] for k in sorted(coverage)}),
            changed,
        )


def _array(values: pd.Series[Any]) -> Values:
    return np.asarray(typed(values).to_numpy())


def _tidy(values: Values) -> Values:
    """Objects that are all numbers by now as floats, so that the same values are kept in the same way."""
    return np.asarray(typed(pd.Series(values, dtype=object)).to_numpy()) if values.dtype == object else values


def _spread(values: Values, times: npt.NDArray[np.int64], wider: npt.NDArray[np.int64]) -> Values:
    """Values at `times` as a column of `wider`, which holds them all."""
    spread = np.full(len(wider), None, object) if values.dtype == object else np.full(len(wider), np.nan)
    spread[np.searchsorted(wider, times)] = values
    return spread


def _in_spans(times: npt.NDArray[np.int64], spans: Iterable[Span]) -> npt.NDArray[np.bool_]:
    inside = np.zeros(len(times), bool)
    for begin, end in spans:
        inside[slice(*np.searchsorted(times, (begin, end)))] = True
    return inside


def _equal(before: Values, after: Values) -> npt.NDArray[np.bool_]:
    return np.asarray((before == after) | (pd.isna(before) & pd.isna(after)), bool)

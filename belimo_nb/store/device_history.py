"""The kept history of one device at one resolution: values, coverage, and how an answer is merged in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.api.history import parse_resolution, typed
from belimo_nb.store.coverage import GRACE, Coverage, Span, union

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class DeviceHistory:
    """The kept history of one device, or the columns of it that were read.

    Attributes:
        device: The device's id.
        resolution: Length of a bucket, e.g. "1h".
        step: The same in seconds.
        times: Begins of the buckets that have a value, int64 seconds since 1970, ascending.
        columns: By datapoint, one value a row: float64 with NaN, or objects with None.
        coverage: By datapoint, what was fetched.
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

    def coarser(self, resolution: str) -> DeviceHistory:
        """The last readings of longer buckets."""
        step = int(parse_resolution(resolution).total_seconds())
        if step == self.step:
            return self
        begins = self.times // step * step
        frame = pd.DataFrame(dict(self.columns), begins).groupby(level=0).last()
        columns = {str(key): values.to_numpy() for key, values in frame.items()}
        times = np.asarray(frame.index, np.int64)
        return replace(self, resolution=resolution, step=step, times=times, columns=columns)

    def joined(self, earlier: DeviceHistory) -> tuple[DeviceHistory, int]:
        """Join what is kept of the same device under an earlier id; gives the whole, to read alone, and the conflicts.

        Where both have a value, that of this id counts; a conflict is a value that differs.
        """
        times = np.union1d(self.times, earlier.times)
        conflicts = 0
        columns: dict[str, Values] = {}
        for key in {**self.columns, **earlier.columns}:
            ours, theirs = (
                _realigned(history.columns[key], history.times, times) if key in history.columns else None
                for history in (self, earlier)
            )
            if ours is None or theirs is None:
                columns[key] = ours if theirs is None else theirs  # type: ignore[assignment]  # one of them has it
                continue
            both = ~pd.isna(ours) & ~pd.isna(theirs)
            conflicts += int((both & ~_equal(ours, theirs)).sum())
            ours, theirs = (a.astype(object) if ours.dtype != theirs.dtype else a for a in (ours, theirs))
            columns[key] = _compact(np.where(pd.isna(ours), theirs, ours))
        coverage = dict(self.coverage)
        for key, known in earlier.coverage.items():
            own = coverage.get(key, Coverage())
            coverage[key] = replace(own, final=union([*own.final, *known.asked]))
        return replace(self, times=times, columns=columns, coverage=coverage), conflicts

    def merged(
        self, span: Span, answer: Mapping[str, pd.Series[Any]], asked: int, seen: int | None
    ) -> tuple[DeviceHistory, int]:
        """Merge an answer of the cloud in; gives the new history, and how many settled values it has changed.

        Args:
            span: What was asked for, whole buckets.
            answer: Values by their buckets' begins, for each datapoint that the cloud gave.
            asked: When, in seconds since 1970.
            seen: The device's last contact with the cloud at that time, or None.
        """
        fresh = {key: np.asarray(typed(values).to_numpy()) for key, values in answer.items()}
        found = {key: pd.DatetimeIndex(values.index).as_unit("s").asi8 for key, values in answer.items()}
        times = np.unique(np.concatenate([self.times, *found.values()]))
        columns = {key: _realigned(values, self.times, times) for key, values in self.columns.items()}
        changed = 0
        inside = (times >= span[0]) & (times < span[1])
        for key, values in fresh.items():
            after = _realigned(values, found[key], times)
            before = columns.get(key)
            if before is not None:
                settled = _in_spans(times, self.coverage[key].settled(self.step)) & inside & ~pd.isna(before)
                changed += int((settled & ~_equal(before, after)).sum())
                before, after = (a.astype(object) if before.dtype != after.dtype else a for a in (before, after))
                # Inside the span the answer counts even where it is empty: the cloud may take values back.
                after = np.where(inside, after, before)
            columns[key] = _compact(after)
        # The file has a row for each bucket with a value: an outage of months should cost nothing.
        alive = np.zeros(len(times), bool)
        for values in columns.values():
            alive |= ~pd.isna(values)
        times, columns = times[alive], {key: columns[key][alive] for key in sorted(columns)}
        # A bucket is final if it ended GRACE before the last contact, and a later bucket that old has a value. The
        # last contact alone will not do: after an outage the device is back while its backlog is still on its way.
        early = times[times + self.step <= (0 if seen is None else seen - GRACE)]
        final_until = int(early[-1]) if len(early) else 0
        coverage = dict(self.coverage)
        # Only for series that came: one that the cloud left out is not known to be empty, and is asked for again.
        for key in fresh:
            coverage[key] = coverage.get(key, Coverage()).updated(span, final_until, asked, seen)
        coverage = {key: coverage[key] for key in sorted(coverage)}
        return replace(self, times=times, columns=columns, coverage=coverage), changed


def _compact(values: Values) -> Values:
    """Floats instead of objects where all are numbers by now, so that the same values are kept in the same way."""
    return np.asarray(typed(pd.Series(values, dtype=object)).to_numpy()) if values.dtype == object else values


def _realigned(values: Values, times: npt.NDArray[np.int64], wider: npt.NDArray[np.int64]) -> Values:
    """Values at `times` as a column of `wider`, which holds them all; empty elsewhere."""
    column = np.full(len(wider), None, object) if values.dtype == object else np.full(len(wider), np.nan)
    column[np.searchsorted(wider, times)] = values
    return column


def _in_spans(times: npt.NDArray[np.int64], spans: Iterable[Span]) -> npt.NDArray[np.bool_]:
    inside = np.zeros(len(times), bool)
    for begin, end in spans:
        inside[slice(*np.searchsorted(times, (begin, end)))] = True
    return inside


def _equal(before: Values, after: Values) -> npt.NDArray[np.bool_]:
    return np.asarray((before == after) | (pd.isna(before) & pd.isna(after)), bool)

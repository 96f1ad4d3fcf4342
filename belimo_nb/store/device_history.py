"""The kept history of one device at one resolution: values, coverage, and how an answer is merged in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.api.history import parse_resolution, typed
from belimo_nb.quantities import column_index
from belimo_nb.store.coverage import DAILY, GRACE, Coverage, Span, union
from belimo_nb.store.meaning import Meaning, Units, guessed, noted, placed, sources, translated

Values = npt.NDArray[Any]

OFTEN = 0.9  # share of buckets with a value from which on a device is known to speak in each


class Differences(NamedTuple):
    """How an answer differs from what was kept.

    Attributes:
        changed: Settled values that it gives otherwise; the new ones count.
        lacked: Kept values that it does not have; they stay.
    """

    changed: int = 0
    lacked: int = 0


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
        meanings: What the datapoints mean, one after the other; empty: unknown, and taken for what they mean now.
    """

    device: str
    resolution: str
    step: int
    times: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    columns: Mapping[str, Values] = field(default_factory=dict)
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    meanings: tuple[Meaning, ...] = ()

    def noted(self, units: Units, seen: int | None) -> DeviceHistory:
        """The same, with what the datapoints mean at a device's last contact."""
        meanings = guessed(noted(self.meanings, units, seen or 0), self.times, self.columns, self.step)
        return replace(self, meanings=placed(meanings, self.times, self.columns, self.step))

    def translated(self, units: Units) -> DeviceHistory:
        """The columns of `units` as they mean them now, to read alone; see `belimo_nb.store.meaning.translated`."""
        columns = translated(units, self.meanings, self.times, self.columns)
        asked = {key: [self.coverage[k].asked for k in sources({key: units[key]}, self.meanings)] for key in units}
        coverage = {
            key: replace(own, final=union([*own.final, *(span for spans in asked[key] for span in spans)]))
            for key in units
            for own in [self.coverage.get(key, Coverage())]
        }
        return replace(self, columns={**self.columns, **columns}, coverage={**self.coverage, **coverage})

    def frame(self, datapoints: Sequence[str], grid: pd.DatetimeIndex) -> pd.DataFrame:
        """The values on a grid of buckets, as `belimo_nb.api.history.fetch` gives them."""
        wanted = grid.as_unit("s").asi8
        first = int(np.searchsorted(self.times, wanted[0])) if len(wanted) else 0
        there: Any = slice(first, first + len(wanted))
        found: Any = slice(None)
        if not np.array_equal(self.times[there], wanted):  # in most devices no bucket is lacking
            rows = np.searchsorted(self.times, wanted)
            rows[rows == len(self.times)] = 0
            found = self.times[rows] == wanted if len(self.times) else np.zeros(len(wanted), bool)
            there = rows[found]
        if any(values.dtype == object for key in datapoints if (values := self.columns.get(key)) is not None):
            return pd.DataFrame({key: self._column(key, there, found, grid) for key in datapoints}, grid)
        # Numbers only, as is usual: one block, column by column, since there may be thousands of devices.
        block = np.full((len(grid), len(datapoints)), np.nan, order="F")
        for position, key in enumerate(datapoints):
            values = self.columns.get(key)
            if values is not None and len(values):
                block[found, position] = values[there]
        return pd.DataFrame(block, grid, column_index(tuple(datapoints)), copy=False)

    def _column(self, key: str, there: Any, found: Any, grid: pd.DatetimeIndex) -> Values | pd.Series[Any]:
        values = self.columns.get(key)
        if values is None or not len(values):
            return np.full(len(grid), np.nan)
        known = np.full(len(grid), None, object) if values.dtype == object else np.full(len(grid), np.nan)
        known[found] = values[there]
        return typed(pd.Series(known, grid)) if values.dtype == object else known

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
        self,
        span: Span,
        answer: Mapping[str, pd.Series[Any]],
        asked: int,
        seen: int | None,
        left_out: Iterable[str] = (),
    ) -> tuple[DeviceHistory, Differences]:
        """Merge an answer of the cloud in: its values count, but what it lacks takes nothing away.

        Args:
            span: What was asked for, whole buckets.
            answer: Values by their buckets' begins, for each datapoint that the cloud gave.
            asked: When, in seconds since 1970.
            seen: The device's last contact with the cloud at that time, or None.
            left_out: Datapoints that were asked for, too, but did not come.

        Returns:
            The new history, and how the answer differs from what was kept.
        """
        fresh = {key: np.asarray(typed(values).to_numpy()) for key, values in answer.items()}
        found = {key: pd.DatetimeIndex(values.index).as_unit("s").asi8 for key, values in answer.items()}
        times = np.unique(np.concatenate([self.times, *found.values()]))
        columns = {key: _realigned(values, self.times, times) for key, values in self.columns.items()}
        inside = (times >= span[0]) & (times < span[1])
        coverage = dict(self.coverage)
        lacking = {key: inside & ~pd.isna(columns[key]) for key in left_out if key in columns}
        changed, known = 0, {}
        alive = np.unique(
            np.concatenate([found[key][~pd.isna(values)] for key, values in fresh.items()] or [times[:0]])
        )
        for key, values in fresh.items():
            after = _realigned(values, found[key], times)
            before = columns.get(key)
            known[key] = _told_of(times[~pd.isna(after)], alive, span, self.step, seen)
            if before is not None:
                absent = _absent(before, after, _in_spans(times, coverage[key].asked))
                lacking[key] = absent & inside & ~pd.isna(before)
                settled = _in_spans(times, coverage[key].settled(self.step)) & inside & ~pd.isna(before)
                changed += int((settled & ~absent & ~_equal(before, after)).sum())
                before, after = (a.astype(object) if before.dtype != after.dtype else a for a in (before, after))
                after = np.where(absent, before, after)
            columns[key] = _compact(after)
        # The file has a row for each bucket with a value: an outage of months should cost nothing.
        alive = np.zeros(len(times), bool)
        for values in columns.values():
            alive |= ~pd.isna(values)
        everywhere, times, columns = times, times[alive], {key: columns[key][alive] for key in sorted(columns)}
        # A bucket is final if it ended GRACE before the last contact, and a later bucket that old has a value. The
        # last contact alone will not do: after an outage the device is back while its backlog is still on its way.
        early = times[times + self.step <= (0 if seen is None else seen - GRACE)]
        final_until = int(early[-1]) if len(early) else 0
        # One span from the first bucket to the last, since a span for each hole would fill the file.
        begins = {key: everywhere[rows] for key, rows in lacking.items()}
        doubted = {key: ((int(at[0]), int(at[-1]) + self.step),) if len(at) else () for key, at in begins.items()}
        # A series that was left out is not known to be empty, and is asked for again.
        for key in fresh:
            coverage[key] = coverage.get(key, Coverage()).updated(
                span, final_until, asked, seen, known=known[key], doubted=doubted.get(key, ())
            )
        for key in doubted.keys() - fresh.keys():
            for piece in doubted[key]:
                coverage[key] = coverage[key].updated(piece, 0, asked, seen, doubted=(piece,))
        coverage = {key: coverage[key] for key in sorted(coverage)}
        told = Differences(changed, sum(int(rows.sum()) for rows in lacking.values()))
        return replace(self, times=times, columns=columns, coverage=coverage), told


def _absent(before: Values, after: Values, asked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where an answer has no value; where numbers were kept or asked for, what is no number is none either."""
    absent = np.asarray(pd.isna(after), bool)
    if after.dtype == object:
        kept = ~pd.isna(before)
        if before.dtype == object:
            kept &= np.array([isinstance(v, (int, float)) and not isinstance(v, bool) for v in before], bool)
        elif kept.any():
            kept |= asked
        absent |= kept & ~np.array([_is_number(v) for v in after], bool)
    return absent


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _told_of(
    times: npt.NDArray[np.int64], alive: npt.NDArray[np.int64], span: Span, step: int, seen: int | None
) -> Span:
    """The part of a span that an answer with values at some times tells of for certain; (0, 0) if there are none.

    `alive` are the times at which it has any value, of whatever datapoint.
    """
    if not len(times):
        return 0, 0
    # Where less than a day is empty at an edge, nothing may have changed there; more looks like a range that was cut.
    first, after = int(times[0]), int(times[-1]) + step
    end = min(span[1], seen or 0)
    first, after = span[0] if first - span[0] < DAILY else first, span[1] if end - after < DAILY else after
    # So does less if otherwise something comes in nearly every bucket. What is late is open anyway.
    begin, until = int(alive[0]), int(alive[-1]) + step
    if step * len(alive) > OFTEN * (until - begin):
        first = max(first, begin) if begin - span[0] > step else first
        after = min(after, until) if min(span[1], (seen or 0) - GRACE) - until > step else after
    return first, after


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

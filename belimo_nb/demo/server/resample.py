"""Resampling of native samples to one value a bucket, as the live cloud does it.

Buckets lie on multiples of the resolution since the epoch (UTC) and are stamped with their begin. Only samples in the
range count: a range that begins inside a bucket gets that bucket with the samples from there on, stamped with the
bucket's begin, before the range; likewise at its end. Buckets without samples are missing.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MAXIMUM_POINTS = 10_000
DEFAULT_POINTS = 100
SELECTORS = ("last", "first")
AGGREGATIONS = (*SELECTORS, "min", "max", "mean", "sum", "count", "median")

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_POINTS = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Grid:
    """Buckets of `step` seconds over the range from `begin` (inclusive) to `end` (exclusive), epoch seconds."""

    begin: int
    end: int
    step: int
    resolution: str

    @property
    def first(self) -> int:
        """Begin of the first bucket, epoch seconds."""
        return self.begin // self.step * self.step

    @property
    def size(self) -> int:
        """Number of buckets, those cut by the range included."""
        return _bucket_count(self.begin, self.end, self.step)


def _bucket_count(begin: int, end: int, step: int) -> int:
    return (end - 1) // step - begin // step + 1


def _in_words(seconds: int) -> str:
    for unit in ("d", "h", "m"):
        if seconds % _UNIT_SECONDS[unit] == 0:
            return f"{seconds // _UNIT_SECONDS[unit]}{unit}"
    return f"{seconds}s"


def make_grid(begin: int, end: int, resolution: str) -> Grid:
    """The buckets of a range.

    Args:
        begin: first second of the range (epoch seconds).
        end: first second after it.
        resolution: a duration (`90s`, `15m`, `1h`, `1d`, `1w`), or a number of points from 1 to 10,000. A number means
            the shortest buckets of whole seconds that are at most so many (at most two for one point).

    Raises:
        ValueError: the text is neither, or asks for more than 10,000 buckets.
    """
    if _POINTS.fullmatch(resolution):
        points = int(resolution)
        if not 1 <= points <= MAXIMUM_POINTS:
            raise ValueError(f"resolution must be from 1 to {MAXIMUM_POINTS} points, not {resolution}")
        step = max(1, -(-(end - begin) // points))
        if points > 1 and _bucket_count(begin, end, step) > points:
            # the range cuts a bucket at either end: one bucket fewer inside leaves room for both
            step = -(-(end - begin) // (points - 1))
        return Grid(begin, end, step, _in_words(step))
    match = _DURATION.fullmatch(resolution)
    step = int(match[1]) * _UNIT_SECONDS[match[2]] if match else 0
    if step == 0:
        raise ValueError(f"resolution must be a duration like 15m, 1h or 1d, or a number of points, not {resolution!r}")
    count = _bucket_count(begin, end, step)
    if count > MAXIMUM_POINTS:
        raise ValueError(
            f"resolution {resolution} would give {count} points for this range; at most {MAXIMUM_POINTS} are served"
        )
    return Grid(begin, end, step, resolution)


def _median(values: Array, starts: Array, counts: Array) -> Array:
    ordered = values[np.lexsort((values, np.repeat(np.arange(len(starts)), counts)))]
    middle: Array = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
    return middle


_REDUCERS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "last": lambda values, starts, counts: values[starts + counts - 1],
    "first": lambda values, starts, counts: values[starts],
    "min": lambda values, starts, counts: np.minimum.reduceat(values, starts),
    "max": lambda values, starts, counts: np.maximum.reduceat(values, starts),
    "sum": lambda values, starts, counts: np.add.reduceat(values, starts),
    "count": lambda values, starts, counts: counts,
    "mean": lambda values, starts, counts: np.add.reduceat(values, starts) / counts,
    "median": _median,
}


def is_numeric(values: Array) -> bool:
    """Whether values are numbers, not texts or switches."""
    return values.dtype.kind in "fiu"


def resample(times: Array, values: Array, grid: Grid, aggregation: str = "last") -> tuple[Array, Array]:
    """One value for each bucket that has samples.

    Args:
        times: int64 epoch seconds, ascending.
        values: as many values; texts and switches (object arrays) know `last` and `first` only.
        grid: the buckets.
        aggregation: one of `AGGREGATIONS`.

    Returns:
        Indices of the buckets (int64, 0 is the grid's first) and their values.
    """
    part = slice(*np.searchsorted(times, (grid.begin, grid.end)))
    times, values = times[part], values[part]
    if not len(times):
        return np.empty(0, np.int64), values
    buckets = (times - grid.first) // grid.step
    starts = np.concatenate(([0], np.flatnonzero(buckets[1:] != buckets[:-1]) + 1))
    counts = np.diff(starts, append=len(buckets))
    return buckets[starts], _REDUCERS[aggregation](values, starts, counts)

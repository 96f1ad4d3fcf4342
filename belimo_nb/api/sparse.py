"""Sparse history: values hold until the next one while the device lives, and the spacing of readings is measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

LEAD = pd.Timedelta(days=1)  # how far before a range values are looked for that hold at its begin: all come once a day
NEIGHBORS = 84  # gaps on either side that tell how long a device is usually silent: of hours, those of a week
USUAL_SHARE = 0.9  # share of them that is usual
BY_CHANGE = 0.05  # share of rows with some values but not all above which a device reports what has changed
# Such a device may well have nothing to say for a while, so rarer and longer silences are usual.
USUAL_SHARE_BY_CHANGE = 0.98
PATIENCE_BY_CHANGE = pd.Timedelta(hours=3)
PATIENCE = 2  # usual gaps for which a device counts as alive, if it does not report in every bucket
AT_LEAST = pd.Timedelta(hours=1)  # silence for which it does in any case, as between two readings of a counter
Values = npt.NDArray[Any]
SPACING = "spacing"  # key in a frame's `attrs`: how far apart its readings really are


def held(
    raw: pd.DataFrame,
    step: pd.Timedelta,
    seen: pd.Timestamp | None = None,
    *,
    counters: bool = False,
    rare: Collection[str] = (),
) -> pd.DataFrame:
    """As `held_columns`, of a frame on a grid of buckets; ``.attrs["spacing"]`` is how far apart readings are."""
    columns = {key: raw[key].to_numpy() for key in raw.columns}
    found, spacing = held_columns(columns, pd.DatetimeIndex(raw.index), step, seen, counters=counters, rare=rare)
    if any(found[key] is not values for key, values in columns.items()):
        raw = pd.DataFrame({key: raw[key] if found[key] is columns[key] else found[key] for key in found}, raw.index)
    raw.attrs.update({SPACING: spacing})
    return raw


def held_columns(
    columns: Mapping[str, Values],
    grid: pd.DatetimeIndex,
    step: pd.Timedelta,
    seen: pd.Timestamp | None = None,
    *,
    counters: bool = False,
    rare: Collection[str] = (),
) -> tuple[dict[str, Values], pd.Timedelta]:
    """Let values hold until the next one, while the device lives.

    Some devices report a datapoint when it has changed, and all of them once a day, so an empty bucket says that
    nothing changed. But only as long as the device lives: other datapoints came, or it was in contact. A device that
    sends nothing for longer than it usually does is silent, and after a silence nothing holds: what changed meanwhile
    is not known. How long is usual is measured from its own readings, around each gap.

    Args:
        columns: History by datapoint of one device, on a grid of buckets without holes; NaN or None where empty.
        grid: Begins of the buckets.
        step: Length of a bucket.
        seen: The last contact with the device, aware; None or NaT: unknown.
        counters: For lifetime counters: after an unusual silence of up to a day a value holds still, but only in
            buckets in which something else came. What passed in the silence, the readings around it tell.
        rare: Columns that may come by change alone whatever the device does with the others, such as its errors: they
            say nothing of how often it reports.

    Returns:
        The same with held values (columns without any are those given), and the usual time between two readings, at
        least `step`.
    """
    there = {key: pd.notna(values) if values.dtype == object else ~np.isnan(values) for key, values in columns.items()}
    gaps = [key for key, known in there.items() if not known.all()]
    if len(gaps) < len(columns) and all(key in rare and columns[key].dtype != object for key in gaps):
        return {**columns, **{key: _filled(columns[key], there[key]) for key in gaps}}, step  # as of most devices
    known = np.stack(list(there.values())) if there else np.empty((0, len(grid)), bool)
    usually = np.array([key not in rare for key in columns], dtype=bool)
    usually |= not known[usually].any()
    regular = known if usually.all() else known[usually]
    rows = np.flatnonzero(regular.any(axis=0))
    apart = np.diff(rows)
    usual = (
        1 if not len(apart) or 2 * int((apart == 1).sum()) > len(apart) else int(np.median(apart))
    )  # a median takes long
    spacing = usual * step
    if not len(rows):
        return dict(columns), spacing
    heard = rows if regular is known else np.flatnonzero(known.any(axis=0))
    last = -1 if seen is None or pd.isna(seen) else int(grid.searchsorted(seen, "right")) - 1
    alive = np.append(heard, last) if last > heard[-1] else heard
    partial = len(rows) - int(regular[regular.any(axis=1)].all(axis=0).sum())
    by_change = partial / len(rows) > BY_CHANGE
    if counters and not by_change:
        return dict(columns), spacing
    if len(alive) == len(grid):
        return {**columns, **{key: _filled(columns[key], there[key]) for key in gaps}}, spacing
    limits = _limits(np.diff(alive), USUAL_SHARE_BY_CHANGE if by_change else USUAL_SHARE)
    patience = LEAD if counters else PATIENCE_BY_CHANGE if by_change else AT_LEAST
    begins = _begins(alive, len(grid), np.maximum(limits, int(patience / step)))
    usual_begins = _begins(alive, len(grid), limits) if counters else begins
    spoken = np.zeros(len(grid), dtype=bool)
    spoken[alive] = True
    found = dict(columns)
    for key in gaps:
        # For each row, the row of the last value; it holds if life has not been interrupted since.
        place = np.maximum.accumulate(np.where(there[key], np.arange(len(grid)), -1))
        holds = (place >= begins) & ~there[key]
        if counters:
            holds &= (place >= usual_begins) | spoken
        if holds.any():
            found[key] = values = columns[key].copy()
            values[holds] = values[place[holds]]
    return found, spacing


def _filled(values: Values, known: npt.NDArray[np.bool_]) -> Values:
    """Each value held until the next one."""
    at = np.flatnonzero(known)
    if not len(at):
        return values
    return np.concatenate((values[: at[0]], np.repeat(values[at], np.diff(at, append=len(values)))))


def true_spacing(frame: pd.DataFrame, step: pd.Timedelta) -> pd.Timedelta:
    """How far apart the readings of a frame really are, see `held`; `step` where nothing is said of it."""
    measured: pd.Timedelta = frame.attrs.get(SPACING, step)
    return max(step, measured)


def _begins(alive: npt.NDArray[np.intp], count: int, limits: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """For each row the first row of the life it lies in; `count`, which no row reaches, inside a silence."""
    short = np.diff(alive) <= limits
    first = alive[np.concatenate([[True], ~short])]
    begins = first[np.maximum(np.searchsorted(first, np.arange(count), "right") - 1, 0)]
    begins[: alive[0]] = count
    begins[alive[-1] + 1 :] = count
    for before, after in zip(alive[:-1][~short], alive[1:][~short], strict=True):
        begins[before + 1 : after] = count
    return np.asarray(begins)


def _limits(gaps: npt.NDArray[np.intp], share: float) -> npt.NDArray[np.float64]:
    """For each gap, in rows, how long the device may be silent there."""
    if not (gaps > 1).any():
        return np.ones(len(gaps))
    around = np.pad(gaps.astype(float), NEIGHBORS, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * NEIGHBORS + 1)
    limits = np.ones(len(gaps))
    wide = np.flatnonzero(gaps > 1)
    near = np.sort(windows[wide], axis=1)  # NaN, beyond the ends, last
    rank = np.floor((np.isfinite(near).sum(axis=1) - 1) * share).astype(np.intp)
    usual = near[np.arange(len(wide)), rank]
    limits[wide] = np.where(usual > 1, PATIENCE * usual, 1.0)
    return limits

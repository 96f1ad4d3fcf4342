"""Outliers: axes that a few wild values do not flatten, and a mark and words for each of these."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from belimo_nb.display import number
from belimo_nb.display.numbers import plural
from belimo_nb.plots import style

FAR = 4.0  # times the span of the usual values: what lies further off than that flattens them
SHARE = 0.005  # of the values at each end that may be outliers, but at least one and, of 24 or more, three
ALONE = 1.5  # times the 99th percentile, above which a reading needs another beside it
MARK = "\u25c6"

Floats = npt.NDArray[np.float64]


def usual_range(values: Any, far: float = FAR) -> tuple[float, float]:
    """Least and greatest of the values without those that lie so far off that an axis would show nothing else.

    Zeros do not decide: a valve may be closed for most of the time. Without any value NaN.

    Args:
        values: Floats; NaN is unknown.
        far: How many times the span of the others an outlier is away from them.
    """
    floats = np.asarray(values, dtype=float).ravel()
    known = np.sort(floats[np.isfinite(floats)])
    if not len(known):
        return float("nan"), float("nan")
    body = known[known != 0]
    ends = max(1, min(3, len(body) // 6), int(SHARE * len(body)))
    if len(body) <= 2 * ends:
        return float(known[0]), float(known[-1])
    body = body[ends:-ends]
    reach = far * max(body[-1] - body[0], float(np.abs(body).max()))
    usual = known[(known >= body[0] - reach) & (known <= body[-1] + reach)]
    return float(usual[0]), float(usual[-1])


def highest(values: Any) -> tuple[int, int]:
    """Position of the highest of some samples that is borne out, and how many above it are not; -1, 0 without any.

    Beyond the usual range, or alone: twice both of its neighbors, and `ALONE` times the 99th percentile of what is not
    0. The first poll of a plant that starts reaches five times the usual power.

    Args:
        values: Floats in order of time; NaN is unknown.
    """
    floats = np.asarray(values, dtype=float).ravel()
    known = np.flatnonzero(np.isfinite(floats))
    if not len(known):
        return -1, 0
    found = floats[known]
    beside = np.pad(found, 1)
    moving = found[found > 0]
    usual = float(np.quantile(moving, 0.99)) if len(moving) else 0.0
    alone = (found > 2 * np.maximum(beside[:-2], beside[2:])) & (found > ALONE * usual)
    sound = ~alone & (found <= usual_range(found)[1])
    at = int(np.argmax(np.where(sound, found, -np.inf)))
    return int(known[at]), int((found > found[at]).sum())


def mark(ax: Axes, x: Any, y: Any) -> int:
    """Mark the points beyond a panel's axes at its edge; returns how many there are.

    Args:
        ax: The panel, with the limits that it keeps.
        x: Positions of the points.
        y: As many values; NaN is unknown.
    """
    at, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
    known = np.isfinite(at) & np.isfinite(values)
    out = known & ((at < left) | (at > right) | (values < low) | (values > high))
    if out.any():
        place = np.clip(at[out], left, right), np.clip(values[out], low, high)
        ax.plot(*place, "D", color=style.RED, markersize=4.5, clip_on=False, zorder=6)
    return int(out.sum())


def told(count: int, values: Any, unit: str) -> str:
    """A sentence of a caption on what `mark` has marked; empty if nothing is."""
    if not count:
        return ""
    floats = np.asarray(values, dtype=float).ravel()
    low, high = usual_range(floats)
    known = floats[np.isfinite(floats)]
    extreme = known.max() if known.max() - high >= low - known.min() else known.min()
    what = plural(count, "value lies", "values lie")
    return f" {what} beyond the axis, marked {MARK} at its edge: up to {number(float(extreme))} {unit}."


def label(words: str, count: int) -> str:
    """The label of an axis, with how many values lie beyond it, if any do."""
    return f"{words} ({MARK} {number(count)} beyond)" if count else words

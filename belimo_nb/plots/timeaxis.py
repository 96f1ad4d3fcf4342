"""Time on the x axis: local calendar, gaps that stay gaps, and long series drawn as bands."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.dates import date2num
from matplotlib.ticker import FixedFormatter, FixedLocator

from belimo_nb.calendar.moments import localized
from belimo_nb.display.numbers import MONTHS
from belimo_nb.errors import UsageError
from belimo_nb.plots.style import UNKNOWN, Span

POINTS = 1600  # more do not fit side by side into a panel
BUCKETS = 480
MANY = 93  # more bars stand without a line between them
GAP_FACTOR = 2.5  # a pause of so many steps is a gap
STEPS = (300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)  # seconds


class Band(NamedTuple):
    """A series reduced to what can be seen: positions in days, and the least, mean and greatest value around each."""

    x: np.ndarray
    low: np.ndarray
    mean: np.ndarray
    high: np.ndarray
    every: str


def zone_of(index: pd.Index[Any], what: str) -> str:
    """The index' IANA zone.

    Raises:
        UsageError: It has no zone, so nobody can say when anything was.
    """
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise UsageError(
            f'{what} needs times with a zone as index; convert them first, as with tz_convert("Europe/Zurich").'
        )
    return str(index.tz)


def positions(index: pd.DatetimeIndex) -> np.ndarray:
    """Positions on the axis: days since 1970 in UTC, so that a day of 25 hours is longer than one of 23."""
    naive = index.tz_convert("UTC").tz_localize(None).to_numpy()
    return np.asarray(date2num(naive), dtype=float)  # type: ignore[no-untyped-call]


def time_axis(ax: Axes, start: pd.Timestamp, end: pd.Timestamp) -> None:
    """Show the time from start to end (aware, in the site's zone) with ticks at local calendar edges."""
    first, last = start.tz_localize(None), end.tz_localize(None)
    days = (end - start) / pd.Timedelta(days=1)
    ticks, labels = _ticks(first, last, days)
    at = positions(localized(ticks, str(start.tz)))
    edges = positions(pd.DatetimeIndex([start, end]))
    ax.set_xlim(float(edges[0]), float(edges[1]))
    inside = (at >= edges[0] - 1e-9) & (at <= edges[1] - (edges[1] - edges[0]) * 0.012)
    ax.xaxis.set_major_locator(FixedLocator(at[inside].tolist()))
    ax.xaxis.set_major_formatter(FixedFormatter([text for text, keep in zip(labels, inside, strict=True) if keep]))


def _ticks(first: pd.Timestamp, last: pd.Timestamp, days: float) -> tuple[pd.DatetimeIndex, list[str]]:
    day = first.normalize()
    if days > 1100:
        ticks = pd.date_range(day.replace(month=1, day=1), last, freq="YS")
        return ticks, [str(tick.year) for tick in ticks]
    if days > 75:
        ticks = pd.date_range(day.replace(day=1), last, freq="MS")
        ticks = ticks[(ticks.month - 1) % 3 == 0] if days > 500 else ticks
        shown = [MONTHS[tick.month - 1] for tick in ticks]
        begins = [tick.month == 1 or i == 0 for i, tick in enumerate(ticks)]
    elif days > 3.1:
        ticks = pd.date_range(day, last, freq="D")
        ticks = ticks[ticks.day_of_week == 0] if days > 16 else ticks
        shown = [f"{tick.day} {MONTHS[tick.month - 1]}" for tick in ticks]
        begins = [i == 0 or tick.year != ticks[i - 1].year for i, tick in enumerate(ticks)]
    else:
        hours = 12 if days > 2.1 else 6 if days > 1.1 else 3
        ticks = pd.date_range(day, last, freq=f"{hours}h")
        midnight = [tick.hour == 0 for tick in ticks]
        shown = [f"{tick:%H:%M}" for tick in ticks]
        return ticks, [
            f"{text}\n{tick.day} {MONTHS[tick.month - 1]}" if new else text
            for text, tick, new in zip(shown, ticks, midnight, strict=True)
        ]
    return ticks, [
        f"{text}\n{tick.year}" if begin else text for text, tick, begin in zip(shown, ticks, begins, strict=True)
    ]


def extent(index: pd.DatetimeIndex, period: Span | None) -> tuple[pd.Timestamp, pd.Timestamp]:
    """What the axis shows: the period that was asked for, else what the index spans."""
    if period is not None:
        return period.start.tz_convert(index.tz), period.end.tz_convert(index.tz)
    start, end = index.min(), index.max()
    return start, end + step_of(index) if end > start else start + pd.Timedelta(hours=1)


def step_of(index: pd.DatetimeIndex) -> pd.Timedelta:
    """The usual time between two entries; an hour if there are not two."""
    if len(index) < 2:
        return pd.Timedelta(hours=1)
    return pd.Timedelta(np.median(np.diff(index.tz_convert("UTC").tz_localize(None).to_numpy())))


def band(series: pd.Series[float]) -> Band:
    """Reduce a series (aware index in the site's zone) to at most what a panel can show; gaps become NaN."""
    known = series.dropna()
    index = pd.DatetimeIndex(known.index)
    values = known.to_numpy(dtype=float)
    if len(known) <= POINTS:
        x = positions(index)
        wide = np.flatnonzero(np.diff(x) > GAP_FACTOR * step_of(pd.DatetimeIndex(series.index)) / pd.Timedelta(days=1))
        x, values = np.insert(x, wide + 1, x[wide]), np.insert(values, wide + 1, np.nan)
        return Band(x, values, values, values, "")
    span = (index[-1] - index[0]).total_seconds()
    step = next((step for step in STEPS if span / step <= BUCKETS), 86400)
    if step >= 43200:
        local = index.tz_localize(None).normalize()
        middle = positions(localized(local + pd.Timedelta(hours=12), str(index.tz)))
        every, width = "day", 1.0
    else:
        width = step / 86400
        middle = (np.floor(positions(index) / width + 1e-9) + 0.5) * width
        every = f"{step // 3600} h" if step >= 3600 else f"{step // 60} min"
    groups = pd.Series(values).groupby(middle)
    table = pd.DataFrame({"low": groups.min(), "mean": groups.mean(), "high": groups.max()})
    x = table.index.to_numpy(dtype=float)
    wide = np.flatnonzero(np.diff(x) > 1.5 * width)
    low, mean, high = (np.insert(table[name].to_numpy(), wide + 1, np.nan) for name in table)
    return Band(np.insert(x, wide + 1, x[wide]), low, mean, high, every)


def unknown_spans(
    known: pd.DatetimeIndex, start: pd.Timestamp, end: pd.Timestamp, step: pd.Timedelta, factor: float = GAP_FACTOR
) -> list[tuple[float, float]]:
    """Stretches without a known value that are wide enough to be seen, as positions on the axis.

    Args:
        known: When there is a value.
        start: Where the axis begins.
        end: Where it ends.
        step: The usual time between two values; each of them stands for so long.
        factor: Two values more than so many steps apart have a gap between them.
    """
    inside = known[(known >= start) & (known < end)]
    width = step / pd.Timedelta(days=1)
    first, last = positions(pd.DatetimeIndex([start, end]))
    edges = np.concatenate([[first - width], positions(inside), [last]])
    least = max(factor * width, width + (last - first) / 400)
    found = np.flatnonzero(np.diff(edges) > least)
    return list(zip((edges[found] + width).tolist(), edges[found + 1].tolist(), strict=True))


def day_bars(ax: Axes, left: np.ndarray, right: np.ndarray, kwh: np.ndarray, color: str) -> None:
    """Draw bars from edge to edge, as one artist: hundreds of single bars take ten times as long."""
    known = np.isfinite(kwh)
    left, right, top = left[known], right[known], kwh[known]
    zero = np.zeros_like(top)
    corners = np.stack([left, zero, left, top, right, top, right, zero], axis=1).reshape(-1, 4, 2)
    many = len(kwh) > MANY
    bars = PolyCollection(list(corners), facecolors=color, antialiaseds=not many, zorder=2)
    bars.set(edgecolor="none" if many else "white", linewidth=0 if many else 0.8)
    ax.add_collection(bars)


def hatch_unknown(ax: Axes, spans: list[tuple[float, float]]) -> None:
    """Mark stretches as unknown."""
    for begin, end in spans:
        ax.axvspan(begin, end, zorder=0, **UNKNOWN)

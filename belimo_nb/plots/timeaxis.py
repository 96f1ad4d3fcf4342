"""Time axes in local time, visible gaps, and long series downsampled to means and ranges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.dates import date2num
from matplotlib.ticker import FixedFormatter, FixedLocator

from belimo_nb.calendar.moments import localized
from belimo_nb.calendar.periods import Period
from belimo_nb.display.numbers import MONTHS
from belimo_nb.errors import UsageError
from belimo_nb.plots.style import TROUBLE_HATCH, UNKNOWN_HATCH, text_width

MAX_POINTS = 1600  # readings that are drawn as they are: about one for each pixel of a panel
MAX_BUCKETS = 480  # of a longer series
MAX_OUTLINED_BARS = 93  # more bars have no white line between them, which would hide them
GAP_STEPS = 2.5  # usual steps without a value that make a gap; one lost reading does not
BUCKET_SECONDS = (300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)  # seconds


DAY = pd.Timedelta(days=1)
# Distance of ticks for ranges longer than so many days.
HOUR_TICKS = ((2.1, "12h"), (1.1, "6h"), (0.5, "3h"), (0.15, "1h"), (0.05, "15min"), (-1, "5min"))
LineStyle = Literal["-", "--", ":", "-."]
Troubles = Sequence[tuple[pd.Timestamp, pd.Timestamp, *tuple[object, ...]]]  # start and end first, both aware
TROUBLE_WORDS = " Hatched in red: the device reported an error or a warning; what it measured then may be wrong."


class Downsampled(NamedTuple):
    """Downsampled series: bucket centers on the axis (days), minimum, mean and maximum; `bucket` is "" if unchanged."""

    x: np.ndarray
    low: np.ndarray
    mean: np.ndarray
    high: np.ndarray
    bucket: str


def zone_of(index: pd.Index[Any], what: str) -> str:
    """IANA zone of an index.

    Raises:
        UsageError: The index has no zone.
    """
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise UsageError(
            f'{what} needs times with a zone as index; convert them first, as with tz_convert("Europe/Zurich").'
        )
    return str(index.tz)


def positions(index: pd.DatetimeIndex) -> np.ndarray:
    """Positions on the axis: days since 1970 in UTC, so that a day of 25 hours is wider than one of 23."""
    naive = index.tz_convert("UTC").tz_localize(None).to_numpy()
    return np.asarray(date2num(naive), dtype=float)  # type: ignore[no-untyped-call]


def midnights(days: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """Edges of naive local days without holes: the midnight of each and the one after the last."""
    return localized(pd.DatetimeIndex([*days, days[-1] + DAY]), zone)


def next_midnights(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The local midnight after each moment; by the calendar, since a day may have 23 or 25 hours."""
    return localized(index.tz_localize(None).normalize() + DAY, str(index.tz))


def time_axis(ax: Axes, start: pd.Timestamp, end: pd.Timestamp) -> None:
    """Set the x axis from start to end (aware, in the site's zone) with ticks at local hours, days, months or years."""
    # Fixed ticks: the axis counts in UTC, so those of Matplotlib's locators would miss local midnights.
    first, last = start.tz_localize(None), end.tz_localize(None)
    days = (end - start) / DAY
    ticks, labels = _ticks(first, last, days)
    at = positions(localized(ticks, str(start.tz)))
    edges = positions(pd.DatetimeIndex([start, end]))
    ax.set_xlim(float(edges[0]), float(edges[1]))
    # A label centered on the right edge would run out of the figure.
    inside = np.flatnonzero((at >= edges[0] - 1e-9) & (at <= edges[1] - (edges[1] - edges[0]) * 0.012))
    needed = text_width([text for text, _ in labels]) + 10
    shown = inside[:: max(1, math.ceil(len(inside) * needed / ax.bbox.width))]
    # The second line says what changes with a tick, and with the first one what all have in common.
    below = [
        more if more != previous else ""
        for previous, (_, more) in zip(("", *(labels[i][1] for i in shown)), (labels[i] for i in shown), strict=False)
    ]
    ax.xaxis.set_major_locator(FixedLocator(at[shown].tolist()))
    words = [f"{labels[i][0]}\n{more}".rstrip("\n") for i, more in zip(shown, below, strict=True)]
    ax.xaxis.set_major_formatter(FixedFormatter(words))


def _ticks(first: pd.Timestamp, last: pd.Timestamp, days: float) -> tuple[pd.DatetimeIndex, list[tuple[str, str]]]:
    """Naive local ticks that suit a range, and the two lines of their labels, of which the second is often the same."""
    day = first.normalize()
    if days > 1100:
        ticks = pd.date_range(day.replace(month=1, day=1), last, freq="YS")
        return ticks, [(str(tick.year), "") for tick in ticks]
    if days > 75:
        ticks = pd.date_range(day.replace(day=1), last, freq="MS")
        ticks = ticks[(ticks.month - 1) % 3 == 0] if days > 500 else ticks
        return ticks, [(MONTHS[tick.month - 1], str(tick.year)) for tick in ticks]
    if days > 3.1:
        ticks = pd.date_range(day, last, freq="D")
        ticks = ticks[ticks.day_of_week == 0] if days > 16 else ticks
        return ticks, [(_day_and_month(tick), str(tick.year)) for tick in ticks]
    ticks = pd.date_range(day, last, freq=next(freq for least, freq in HOUR_TICKS if days > least))
    return ticks, [(f"{tick:%H:%M}", _day_and_month(tick)) for tick in ticks]


def _day_and_month(tick: pd.Timestamp) -> str:
    return f"{tick.day} {MONTHS[tick.month - 1]}"


def axis_range(index: pd.DatetimeIndex, period: Period | None) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start and end of the axis: those of the period, else of the index."""
    if period is not None:
        return period.start.tz_convert(index.tz), period.end.tz_convert(index.tz)
    start, end = index.min(), index.max()
    return start, end + usual_step(index) if end > start else start + pd.Timedelta(hours=1)


def usual_step(index: pd.DatetimeIndex) -> pd.Timedelta:
    """Median time between two entries; an hour if there are fewer than two."""
    if len(index) < 2:
        return pd.Timedelta(hours=1)
    return pd.Timedelta(np.median(np.diff(index.tz_convert("UTC").tz_localize(None).to_numpy())))


def downsample(series: pd.Series[float]) -> Downsampled:
    """Reduce a series (aware index in the site's zone) to what a panel can show; gaps become NaN."""
    known = series.dropna()
    index = pd.DatetimeIndex(known.index)
    values = known.to_numpy(dtype=float)
    if len(known) <= MAX_POINTS:
        x = positions(index)
        # The step of the whole index: that of the known values would hide a gap in a series with few of them.
        gaps = np.flatnonzero(np.diff(x) > GAP_STEPS * usual_step(pd.DatetimeIndex(series.index)) / DAY)
        x, values = np.insert(x, gaps + 1, x[gaps]), np.insert(values, gaps + 1, np.nan)
        return Downsampled(x, values, values, values, "")
    span = (index[-1] - index[0]).total_seconds()
    step = next((step for step in BUCKET_SECONDS if span / step <= MAX_BUCKETS), 86400)
    if step >= 43200:
        # Days by the local calendar: buckets of UTC hours would straddle local midnights.
        local = index.tz_localize(None).normalize()
        centers = positions(localized(local + pd.Timedelta(hours=12), str(index.tz)))
        bucket, width = "day", 1.0
    else:
        width = step / 86400
        # 1e-9: rounding must not move a reading on an edge into the bucket before.
        centers = (np.floor(positions(index) / width + 1e-9) + 0.5) * width
        bucket = f"{step // 3600} h" if step >= 3600 else f"{step // 60} min"
    groups = pd.Series(values).groupby(centers)
    table = pd.DataFrame({"low": groups.min(), "mean": groups.mean(), "high": groups.max()})
    x = table.index.to_numpy(dtype=float)
    gaps = np.flatnonzero(np.diff(x) > 1.5 * width)
    low, mean, high = (np.insert(table[name].to_numpy(), gaps + 1, np.nan) for name in table)
    return Downsampled(np.insert(x, gaps + 1, x[gaps]), low, mean, high, bucket)


def plot_series(ax: Axes, series: pd.Series[float], color: str, *, linestyle: LineStyle = "-") -> str:
    """Draw a series (aware index) as a line, with the range of its values where it is downsampled.

    Returns:
        Length of a bucket such as "15 min"; "" where the series is drawn as it is.
    """
    drawn = downsample(series)
    if drawn.bucket and linestyle == "-":
        ax.fill_between(drawn.x, drawn.low, drawn.high, color=color, alpha=0.2, linewidth=0)
    ax.plot(drawn.x, drawn.mean, color=color, linestyle=linestyle)
    # A line needs two points; a reading between two gaps gets a dot.
    known = np.isfinite(np.concatenate([[np.nan], drawn.mean, [np.nan]]))
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    ax.plot(drawn.x[alone], drawn.mean[alone], ".", color=color, markersize=5)
    return drawn.bucket


def unknown_spans(
    known: pd.DatetimeIndex, start: pd.Timestamp, end: pd.Timestamp, step: pd.Timedelta, factor: float = GAP_STEPS
) -> list[tuple[float, float]]:
    """Find stretches without a known value that are wide enough to be seen, as positions on the axis.

    Args:
        known: Times with a value, each of which holds for `step`.
        start: Start of the axis.
        end: End of the axis.
        step: Usual time between two values.
        factor: Steps between two values beyond which there is a gap.
    """
    inside = known[(known >= start) & (known < end)]
    width = step / DAY
    first, last = positions(pd.DatetimeIndex([start, end]))
    edges = np.concatenate([[first - width], positions(inside), [last]])
    least = max(factor * width, width + (last - first) / 400)
    found = np.flatnonzero(np.diff(edges) > least)
    return list(zip((edges[found] + width).tolist(), edges[found + 1].tolist(), strict=True))


def day_bars(ax: Axes, left: np.ndarray, right: np.ndarray, kwh: np.ndarray, color: str) -> None:
    """Draw bars from edge to edge as one artist; hundreds of single bars take ten times as long."""
    known = np.isfinite(kwh)
    left, right, top = left[known], right[known], kwh[known]
    zero = np.zeros_like(top)
    corners = np.stack([left, zero, left, top, right, top, right, zero], axis=1).reshape(-1, 4, 2)
    many = len(kwh) > MAX_OUTLINED_BARS
    bars = PolyCollection(list(corners), facecolors=color, antialiaseds=not many, zorder=2)
    bars.set(edgecolor="none" if many else "white", linewidth=0 if many else 0.8)
    ax.add_collection(bars)


def hatch_unknown(ax: Axes, spans: list[tuple[float, float]]) -> None:
    """Hatch stretches of the axis as unknown."""
    for begin, end in spans:
        ax.axvspan(begin, end, zorder=0, **UNKNOWN_HATCH)


def hatch_troubles(
    ax: Axes, troubles: Troubles, start: pd.Timestamp, end: pd.Timestamp, *, above: bool = False
) -> bool:
    """Hatch the times within a range in which the device reported an error; returns whether there are any.

    Args:
        ax: The panel.
        troubles: Start and end first in each.
        start: Begin of the range, aware, in the site's zone.
        end: Its end.
        above: Hatch above what is drawn, as of a heatmap that fills the panel.
    """
    look = TROUBLE_HATCH | ({"facecolor": "none", "zorder": 2} if above else {"zorder": 0.1})
    spans = [(max(begin, start), min(after, end)) for begin, after, *_ in troubles if begin < end and after > start]
    for begin, after in spans:
        left, right = positions(pd.DatetimeIndex([begin, after]).tz_convert(start.tz))
        ax.axvspan(left, right, **look)
    return bool(spans)

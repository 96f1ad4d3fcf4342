"""Figure of samples: panels on one time axis, one for each unit and one for each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from belimo_nb.calendar.periods import Period
from belimo_nb.display import Chart, number
from belimo_nb.explorer.points import Point
from belimo_nb.plots import style, timeaxis

PANEL_HEIGHT, TEXT_HEIGHT, WORD_HEIGHT = 130, 34, 15  # heights of panels, CSS pixels
COLORS = (style.BLUE, style.ORANGE, style.GREEN, style.RED, style.SKY, style.DARK)
QUANTITY_OF_UNIT = {"°C": "Temperature", "kW": "Power", "m³/h": "Flow", "kWh": "Energy", "m³": "Volume", "h": "Hours"}
UNITS_FROM_ZERO = ("kW", "m³/h", "%")
MAX_WORDS = 8


@dataclass(frozen=True, eq=False)
class Panel:
    """Datapoints that share a y axis: numbers of one unit, or one text."""

    points: tuple[Point, ...]

    @property
    def words(self) -> str:
        """Label of the y axis."""
        if len(self.points) == 1:
            return self.points[0].title
        unit = self.points[0].unit
        if all(point.quantity.startswith("position") for point in self.points):
            return "Position, %"
        return f"{QUANTITY_OF_UNIT[unit]}, {unit}" if unit in QUANTITY_OF_UNIT else unit or "Without a unit"


def draw(
    frame: pd.DataFrame, points: Sequence[Point], title: str, period: Period, resolution: str, source: str
) -> Chart:
    """Draw samples over time.

    Args:
        frame: Samples by datapoint id, as `last_readings` gives them.
        points: Datapoints to draw; columns of `frame`.
        title: Title: device and period.
        period: Range of the time axis.
        resolution: Length of a bucket.
        source: Name of the data source.
    """
    caption = f"Last reading of each bucket of {resolution}. Source: {source}."
    if not frame.notna().to_numpy().any():
        return style.no_data_figure(title, caption)
    panels = _panels(points)
    words = {panel: _frequent_texts(frame[panel.points[0].id]) for panel in panels if not panel.points[0].numeric}
    heights = [TEXT_HEIGHT + WORD_HEIGHT * len(words[panel]) if panel in words else PANEL_HEIGHT for panel in panels]
    step = timeaxis.usual_step(pd.DatetimeIndex(frame.index))
    bucket, hatched = "", False
    with rc_context(style.RC_PARAMS):
        fig, axes = style.new_figure(title, heights)
        for ax, panel in zip(axes, panels, strict=True):
            last = ax is axes[-1]
            values = frame[[point.id for point in panel.points]]
            known = pd.DatetimeIndex(values.dropna(how="all").index)
            spans = timeaxis.unknown_spans(known, period.start, period.end, step)
            timeaxis.hatch_unknown(ax, spans)
            handles: style.Legend = [style.unknown_legend()] if spans and not hatched else []
            hatched = hatched or bool(spans)
            if panel in words:
                _draw_texts(ax, values.iloc[:, 0], words[panel])
            else:
                lines, found = _draw_numbers(ax, panel, values)
                handles, bucket = lines + handles, found or bucket
            style.label_axes(ax, panel.words, x=f"Local time, {period.start.tz}" if last else "", handles=handles)
            timeaxis.time_axis(ax, period.start, period.end)
            ax.tick_params(labelbottom=last)
    if bucket:
        caption += f" Lines: mean of each {bucket}; bands: from its least to its greatest value."
    if hatched:
        caption += " Hatched areas: unknown."
    facts = "; ".join(_alt_text(point, frame[point.id]) for point in points)
    return Chart(fig, caption, f"{title}. {facts}.", style.RC_PARAMS)


def _panels(points: Sequence[Point]) -> list[Panel]:
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(f"unit {point.unit}" if point.numeric else f"text {point.id}", []).append(point)
    return [Panel(tuple(group)) for group in groups.values()]


def _draw_numbers(ax: Axes, panel: Panel, values: pd.DataFrame) -> tuple[style.Legend, str]:
    # Known quantities keep their color in every figure; the others get those that are left.
    taken = {point.color for point in panel.points if point.color}
    free = [color for color in COLORS if color not in taken]
    handles: style.Legend = []
    bucket, next_color = "", 0
    for point in panel.points:
        color = point.color
        if not color:
            color, next_color = (free or list(COLORS))[next_color % len(free or COLORS)], next_color + 1
        series = values[point.id]
        if series.notna().any():
            bucket = timeaxis.plot_series(ax, series, color) or bucket
            handles.append((Line2D([], [], color=color, linewidth=1.6), style.drawable(point.label, 36)))
    if panel.points[0].unit in UNITS_FROM_ZERO:
        ax.set_ylim(bottom=min(0.0, float(np.nanmin(np.append(values.to_numpy(dtype=float), 0.0)))))
    style.round_ticks(ax.yaxis, 4)
    return (handles if len(panel.points) > 1 else []), bucket


def _frequent_texts(values: pd.Series[Any]) -> list[str]:
    """Distinct texts, most frequent first; the rare ones are one entry."""
    counts = values.dropna().astype(str).value_counts()
    words = [str(word) for word in counts.index]
    return words if len(words) <= MAX_WORDS else [*words[: MAX_WORDS - 1], f"{len(words) - MAX_WORDS + 1} others"]


def _draw_texts(ax: Axes, values: pd.Series[Any], words: Sequence[str]) -> None:
    """Draw a text over time: a step for each bucket, on the row of its word."""
    places = {word: place for place, word in enumerate(words)}
    rows = np.array(
        [np.nan if value is None else places.get(str(value), len(words) - 1) for value in values], dtype=float
    )
    ax.step(timeaxis.positions(pd.DatetimeIndex(values.index)), rows, where="pre", color=style.BLUE, linewidth=2)
    ax.set_ylim(len(words) - 0.4, -0.6)
    ax.set_yticks(range(len(words)), [style.drawable(word or "(empty)", 40) for word in words])
    ax.tick_params(axis="y", direction="in", pad=-4)
    for tick in ax.get_yticklabels():
        tick.set(ha="left", va="bottom")


def _alt_text(point: Point, values: pd.Series[Any]) -> str:
    known = values.dropna()
    if known.empty:
        return f"{point.label}: unknown"
    if not point.numeric:
        return f"{point.label}: {', '.join(_frequent_texts(values)[:3])}"
    low, high, mean = (number(float(value), None, point.unit) for value in (known.min(), known.max(), known.mean()))
    return f"{point.label}: from {low} to {high}, on average {mean}"

"""Picture of curves: panels on one time axis, one for each unit, for energy, and for each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from belimo_nb.calendar.periods import Period
from belimo_nb.display import number
from belimo_nb.explorer.cost import View, spacing
from belimo_nb.explorer.samples import Curve
from belimo_nb.plots import outliers, style, timeaxis
from belimo_nb.plots.timeaxis import LineStyle

PANEL_HEIGHT, TEXT_HEIGHT, WORD_HEIGHT = 130, 34, 15  # heights of panels, CSS pixels
COLORS = (style.BLUE, style.ORANGE, style.GREEN, style.RED, style.SKY, style.DARK)
QUANTITY_OF_UNIT = {"°C": "Temperature", "kW": "Power", "m³/h": "Flow", "kWh": "Energy", "m³": "Volume", "h": "Hours"}
UNITS_FROM_ZERO = ("kW", "m³/h", "%")
MAX_WORDS = 8


@dataclass(frozen=True, eq=False)
class Panel:
    """Curves that share a y axis: numbers of one unit, energy of intervals, or one text."""

    curves: tuple[Curve, ...]

    @property
    def is_text(self) -> bool:
        """Whether its curve is a text."""
        return not self.curves[0].point.numeric

    @property
    def words(self) -> str:
        """Label of the y axis."""
        points = [curve.point for curve in self.curves]
        if self.curves[0].energy:
            return "Energy, kWh"
        if len({point.title for point in points}) == 1:
            return points[0].title
        unit = points[0].unit
        if all(point.quantity.startswith("position") for point in points):
            return "Position, %"
        return f"{QUANTITY_OF_UNIT[unit]}, {unit}" if unit in QUANTITY_OF_UNIT else unit or "Without a unit"

    def label(self, curve: Curve, *, several: bool) -> str:
        """Name of a curve in the legend."""
        if not several:
            return curve.label
        return curve.device if len({c.point.title for c in self.curves}) == 1 else f"{curve.device}, {curve.label}"


class Picture:
    """A figure of curves, of which any part of the time axis can be shown.

    Args:
        curves: What to draw.
        title: Title: devices and period.
        period: Range of the time axis.
        view: Readings, hours or days.
        source: Name of the data source.

    Attributes:
        chart: The figure with caption and alternative text.
        axes: Its panels, from top to bottom; none where there is nothing to draw.
    """

    def __init__(self, curves: Sequence[Curve], title: str, period: Period, view: View, source: str) -> None:
        self.axes: list[Axes] = []
        self._curves, self._view = curves, view
        self._several = len({curve.device for curve in curves}) > 1
        caption = f"{_reading(view, curves)} Source: {source}."
        if not any(curve.series.notna().any() for curve in curves):
            self.chart = style.no_data_figure(title, caption, "No data in this period")
            return
        self._panels = _panels(curves)
        self._styles = [_styles(panel, several=self._several) for panel in self._panels]
        self._texts = [_frequent_texts(panel.curves[0].series) if panel.is_text else [] for panel in self._panels]
        devices = list(dict.fromkeys(curve.device for curve in curves))
        short = dict(zip(devices, style.short_names(devices), strict=True))
        heights = [TEXT_HEIGHT + WORD_HEIGHT * len(texts) if texts else PANEL_HEIGHT for texts in self._texts]
        with rc_context(style.RC_PARAMS):
            fig, self.axes = style.new_figure(title, heights)
            for ax in self.axes[1:]:
                ax.sharex(self.axes[0])
            bucket, hatched, beyond = self._draw(period.start, period.end)
            for ax, panel, styles in zip(self.axes, self._panels, self._styles, strict=True):
                last = ax is self.axes[-1]
                labels = [panel.label(curve, several=self._several) for curve in panel.curves]
                names = [
                    style.drawable(label.replace(curve.device, short[curve.device]), 36)
                    for label, curve in zip(labels, panel.curves, strict=True)
                ]
                handles: style.Legend = [
                    (Line2D([], [], color=color, linestyle=line, linewidth=1.6), name)
                    for (color, line), name in zip(styles, names, strict=True)
                    if len(names) > 1
                ]
                if hatched and ax is self.axes[0]:
                    handles.append(style.unknown_legend())
                style.label_axes(ax, panel.words, x=f"Local time, {period.start.tz}" if last else "", handles=handles)
                ax.tick_params(labelbottom=last)
        if bucket:
            caption += f" Lines: mean of each {bucket}; bands: from its least to its greatest value."
        if hatched:
            caption += " Hatched areas: unknown."
        caption += beyond
        facts = "; ".join(_alt_text(curve, several=self._several) for curve in curves)
        self.chart = style.chart(fig, caption, f"{title}. {facts}.")

    def show(self, start: pd.Timestamp, end: pd.Timestamp) -> None:
        """Draw a part of the time axis anew: with ticks of its own, and as fine as the curves are there."""
        with rc_context(style.RC_PARAMS):
            for ax in self.axes:
                for artist in (*ax.lines, *ax.collections, *ax.patches):
                    artist.remove()
                ax.relim()
                ax.set_autoscaley_on(True)
            self._draw(start, end)

    def read(self, at: pd.Timestamp) -> str:
        """What the curves tell at a time, in words; the last reading before it, or the interval that it lies in."""
        said = []
        for curve in self._curves:
            # A reading stands at its bucket's end: it is the first at or after the time that tells of it.
            by = bool(self._view.freq)
            place = curve.series.index.searchsorted(at, side="right" if by else "left") - by
            value = curve.series.iloc[place] if 0 <= place < len(curve.series) else None
            unit = "kWh" if curve.energy else curve.point.unit
            text = value if isinstance(value, str) else number(value, None, unit)
            said.append(f"{curve.device + ' ' if self._several else ''}{curve.label}: {text}")
        return f"{at:%Y-%m-%d %H:%M}  " + "   ".join(said)

    def _draw(self, start: pd.Timestamp, end: pd.Timestamp) -> tuple[str, bool, str]:
        """Draw all panels; returns the length to which lines are reduced, whether any time is unknown, and outliers."""
        bucket, hatched, beyond = "", False, ""
        step = timeaxis.usual_step(pd.DatetimeIndex(self._curves[0].series.index))
        timeaxis.time_axis(self.axes[0], start, end)
        for ax, panel, styles, texts in zip(self.axes, self._panels, self._styles, self._texts, strict=True):
            # A little beyond both edges, so that lines run out of the panel.
            part = slice(start - 2 * step, end + 2 * step)
            shown = [
                replace(c, series=c.series.loc[part], spread=None if c.spread is None else c.spread.loc[part])
                for c in panel.curves
            ]
            known = shown[0].series.index[np.any([curve.series.notna() for curve in shown], axis=0)]
            spans = timeaxis.unknown_spans(pd.DatetimeIndex(known), start, end, step)
            timeaxis.hatch_unknown(ax, spans)
            hatched = hatched or bool(spans)
            if texts:
                _draw_texts(ax, shown[0].series, texts)
                continue
            for curve, (color, line) in zip(shown, styles, strict=True):
                if curve.series.notna().any():
                    bucket = _draw_curve(ax, curve, color, line) or bucket
            values = pd.concat([curve.series.astype(float) for curve in shown])
            low, high = outliers.usual_range(values)
            if high < values.max() or low > values.min():
                ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
            if panel.curves[0].point.unit in UNITS_FROM_ZERO or panel.curves[0].energy:
                ax.set_ylim(bottom=min(0.0, float(np.nan_to_num(low))))
            count = outliers.mark(ax, timeaxis.positions(pd.DatetimeIndex(values.index)), values)
            unit = "kWh" if panel.curves[0].energy else panel.curves[0].point.unit
            beyond += outliers.told(count, values, unit)
            style.round_ticks(ax.yaxis, 4)
        return bucket, hatched, beyond


def _reading(view: View, curves: Sequence[Curve]) -> str:
    """How to read the picture, in a sentence or two."""
    said = []
    if any(curve.spread is not None for curve in curves):
        reads = f"one every {spacing(view.reads)}"
        said.append(f"Lines: mean of each {view.each}; bands: from its least to its greatest reading ({reads}).")
    if any(curve.energy for curve in curves):
        said.append(f"Steps: energy of each {view.each}, from the counter.")
    if any(curve.spread is None and not curve.energy for curve in curves):
        said.append(f"As it stood at the end of each {view.each}." if view.freq else f"One reading every {view.each}.")
    return " ".join(said)


def _panels(curves: Sequence[Curve]) -> list[Panel]:
    groups: dict[str, list[Curve]] = {}
    for place, curve in enumerate(curves):
        point = curve.point
        key = "energy" if curve.energy else f"unit {point.unit}" if point.numeric else f"text {place}"
        groups.setdefault(key, []).append(curve)
    return [Panel(tuple(group)) for group in groups.values()]


def _styles(panel: Panel, *, several: bool) -> list[tuple[str, LineStyle]]:
    """Color and kind of line of each curve: known quantities keep their color, or each device has one."""
    if several:
        devices = list(dict.fromkeys(curve.device for curve in panel.curves))
        titles = list(dict.fromkeys(curve.point.title for curve in panel.curves))
        lines: tuple[LineStyle, ...] = ("-", "--", ":", "-.")
        return [
            (COLORS[devices.index(curve.device) % len(COLORS)], lines[titles.index(curve.point.title) % len(lines)])
            for curve in panel.curves
        ]
    taken = {curve.point.color for curve in panel.curves if curve.point.color}
    free = [color for color in COLORS if color not in taken] or list(COLORS)
    colors: list[tuple[str, LineStyle]] = []
    used = 0
    for curve in panel.curves:
        color = curve.point.color
        if not color:
            color, used = free[used % len(free)], used + 1
        colors.append((color, "-"))
    return colors


def _draw_curve(ax: Axes, curve: Curve, color: str, line: LineStyle) -> str:
    """Draw a line, or steps with their band; returns the length of a bucket that the line is reduced to, or ""."""
    if curve.spread is None and not curve.energy:
        return timeaxis.plot_series(ax, curve.series, color, linestyle=line)
    at = timeaxis.positions(pd.DatetimeIndex(curve.series.index))
    # Each interval up to the next one's begin; the last as long as the one before.
    limits = np.append(at, 2 * at[-1] - at[-2] if len(at) > 1 else at[-1] + 1)
    if curve.spread is not None:
        low, high = (np.append(part, part[-1]) for part in curve.spread.to_numpy(dtype=float).T)
        ax.fill_between(limits, low, high, step="post", color=color, alpha=0.2, linewidth=0)
    values = curve.series.to_numpy(dtype=float)
    ax.step(limits, np.append(values, values[-1]), where="post", color=color, linestyle=line)
    return ""


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
    ax.set_axisbelow(False)  # the words stand within the panel, on what is drawn
    for tick in ax.get_yticklabels():
        tick.set(ha="left", va="bottom", bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1})


def _alt_text(curve: Curve, *, several: bool) -> str:
    name = f"{curve.device}, {curve.label}" if several else curve.label
    known = curve.series.dropna()
    if known.empty:
        return f"{name}: unknown"
    if not curve.point.numeric:
        return f"{name}: {', '.join(_frequent_texts(curve.series)[:3])}"
    if curve.energy:
        return f"{name}: {number(float(known.sum()), None, 'kWh')} in all"
    spread = curve.series.to_frame() if curve.spread is None else curve.spread
    unit = curve.point.unit
    low, high, mean = (
        number(float(value), None, unit) for value in (spread.min().min(), spread.max().max(), known.mean())
    )
    return f"{name}: from {low} to {high}, on average {mean}"

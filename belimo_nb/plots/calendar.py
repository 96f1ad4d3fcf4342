"""Daily energy of many valves: the sum as bars, each valve as a row of a heatmap."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Patch

from belimo_nb.calendar.periods import Period
from belimo_nb.display import Chart, number
from belimo_nb.plots import outliers, style, timeaxis

MAX_ROWS = 40
ROW_HEIGHT = 15
PARTIAL_COLOR = "#cfe3f0"
# One hue from light to dark, for grayscale printing and any color vision.
HEATMAP_CMAP = LinearSegmentedColormap.from_list("energy", ["#eaf2f8", "#a9cfe6", "#56a0cf", "#0b68a6", "#08305a"])


def daily_calendar(
    kwh: pd.DataFrame, finding: str, *, what: str, title: str | None = None, period: Period | None = None
) -> Chart:
    """Draw daily kWh (local days by name): the sum on top, a heatmap row for each of the forty largest below."""
    zone = timeaxis.zone_of(kwh.index, "daily_energy")
    index = pd.DatetimeIndex(kwh.index)
    totals = kwh.sum(min_count=1).to_numpy(dtype=float)
    order = np.argsort(-np.nan_to_num(totals, nan=-1.0), kind="stable")
    drawn = order[:MAX_ROWS]
    short = style.short_names([str(name) for name in kwh.columns])
    names, left = style.beside_bars([short[i] for i in drawn])
    row_totals = ["unknown" if np.isnan(totals[i]) else number(round(totals[i])) for i in drawn]
    known = int(np.isfinite(totals).sum())
    sum_label = f"All {kwh.shape[1]}" if known == kwh.shape[1] else f"{known} of {kwh.shape[1]}"
    start, end = timeaxis.axis_range(index, period)
    left = max(style.LEFT, left)
    right = style.text_width(row_totals) + 20
    heights = [110, ROW_HEIGHT * len(names)]
    with rc_context(style.RC_PARAMS):
        fig, (above, below) = style.new_figure(title or f"{what}: {finding}", heights, left=left, right=right)
        edges = np.append(timeaxis.positions(index), timeaxis.positions(timeaxis.next_midnights(index[-1:])))
        handles, beyond = _draw_sums(above, edges, kwh, start, end)
        label = outliers.label(f"{sum_label} together, kWh per day", beyond)
        style.label_axes(above, label, handles=handles)
        style.round_ticks(above.yaxis, 3)
        values = kwh.iloc[:, drawn].to_numpy(dtype=float).T
        top = _draw_heatmap(below, edges, values, names, row_totals)
        color_bar(below, f"{number(top)} kWh", right, more=bool(np.nanmax(values) > top))
        rows = "Each" if len(names) == kwh.shape[1] else f"The first {MAX_ROWS}"
        style.label_axes(below, f"{rows}, by energy", x=f"Local day, {zone}")
        timeaxis.time_axis(above, start, end)
        timeaxis.time_axis(below, start, end)
        above.tick_params(labelbottom=False)
    caption = (
        f"{what} per local calendar day, above of all {kwh.shape[1]} together, below of each; at the right its kWh. "
        "Hatched: unknown, which is not zero."
    )
    caption += outliers.told(beyond, kwh.sum(axis=1, min_count=1), "kWh")
    rest = order[MAX_ROWS:]
    caption += f" Not drawn: {len(rest)} more with {number(round(np.nansum(totals[rest])))} kWh." if len(rest) else ""
    first = ", ".join(f"{kwh.columns[i]} {number(round(totals[i]))} kWh" for i in order[: min(5, known)])
    return style.chart(fig, caption, f"{what}, {finding}. Most by: {first}.")


def _draw_sums(
    ax: Axes, edges: np.ndarray, kwh: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
) -> tuple[style.Legend, int]:
    """Draw the daily sums, paler on days that lack a name with data on other days: such a sum is a lower bound.

    Returns:
        Entries of the legend, and how many sums lie beyond the axis.
    """
    handles: style.Legend = []
    sums = kwh.sum(axis=1, min_count=1)
    complete_days = kwh.dropna(axis=1, how="all").notna().all(axis=1)
    timeaxis.day_bars(ax, edges[:-1], edges[1:], sums.where(complete_days).to_numpy(dtype=float), style.SKY)
    part = sums.where(~complete_days)
    if part.notna().any():
        timeaxis.day_bars(ax, edges[:-1], edges[1:], part.to_numpy(dtype=float), PARTIAL_COLOR)
        handles.append((Patch(color=PARTIAL_COLOR), "some unknown: at least"))
    spans = timeaxis.unknown_spans(pd.DatetimeIndex(sums.dropna().index), start, end, timeaxis.DAY, 1.5)
    if spans:
        timeaxis.hatch_unknown(ax, spans)
        handles.append(style.unknown_legend())
    timeaxis.time_axis(ax, start, end)
    ax.set_ylim(0, outliers.usual_range(sums)[1] * 1.06 or 1.0)
    return handles, outliers.mark(ax, (edges[:-1] + edges[1:]) / 2, sums)


def _draw_heatmap(ax: Axes, edges: np.ndarray, values: np.ndarray, names: list[str], row_totals: list[str]) -> float:
    """Draw a heatmap row per name; returns the value of the darkest color."""
    top = outliers.usual_range(values)[1] or 1.0
    style.heatmap(ax, edges, values, HEATMAP_CMAP, top)
    ax.hlines(np.arange(1, len(names)), edges[0], edges[-1], color="white", linewidth=0.8)
    ax.set_yticks(np.arange(len(names)) + 0.5, names)
    for i, words in enumerate(row_totals):
        place = (1 + 8 / ax.bbox.width, i + 0.5)
        ax.text(*place, words, transform=ax.get_yaxis_transform(), va="center_baseline")
    return top


def color_bar(ax: Axes, amount: str, right: int, *, more: bool = False) -> None:
    """Draw a color scale above the right end of a panel.

    Args:
        ax: The panel.
        amount: What its end stands for.
        right: The figure's margin.
        more: Whether its end stands for more than that, too.
    """
    words = f"{amount} or more" if more else amount
    fig = ax.figure
    width, height = style.WIDTH, fig.bbox.height
    left = width - max(right, style.text_width([words]) + 8) - 100
    place = (left / width, ax.get_position().y1 + 11 / height, 90 / width, 8 / height)
    bar = fig.add_axes(place)
    bar.imshow(np.linspace(0, 1, 128)[None, :], aspect="auto", cmap=HEATMAP_CMAP)
    bar.set_axis_off()
    bar.text(-0.04, 0.5, "0", transform=bar.transAxes, ha="right", va="center", color=style.GRAY)
    bar.text(1.04, 0.5, words, transform=bar.transAxes, va="center", color=style.GRAY)

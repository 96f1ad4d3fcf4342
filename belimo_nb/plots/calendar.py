"""Energy of many valves by day: the total as bars, each valve as a row of colors."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Patch, Rectangle

from belimo_nb.display import Chart, date, number
from belimo_nb.plots.style import (
    BLUE,
    DPI,
    LEFT,
    SKY,
    SOFT,
    STYLE,
    UNKNOWN,
    WIDTH,
    Span,
    figure,
    label,
    numbers_axis,
    short_names,
    text_width,
    unknown_key,
)
from belimo_nb.plots.timeaxis import (
    day_bars,
    extent,
    hatch_unknown,
    localize,
    positions,
    time_axis,
    unknown_spans,
    zone_of,
)

ROWS = 40
FAINT = "#cfe3f0"
ROW_HEIGHT = 15
DAY = pd.Timedelta(days=1)
# One hue from light to dark: reads the same in greyscale and with any color vision.
SCALE = LinearSegmentedColormap.from_list("energy", ["#eaf2f8", "#a9cfe6", "#56a0cf", "#0b68a6", "#08305a"])


def daily_calendar(kwh: pd.DataFrame, *, what: str, title: str | None = None, period: Span | None = None) -> Chart:
    """Draw kWh by local day and name: the sum above, below it the names by energy, at most forty."""
    zone = zone_of(kwh.index, "daily_energy")
    index = pd.DatetimeIndex(kwh.index)
    totals = kwh.sum(min_count=1).sort_values(ascending=False, na_position="last", kind="stable")
    rows = kwh[totals.index[:ROWS]]
    names = short_names([str(name) for name in kwh.columns])
    shown = [dict(zip(kwh.columns, names, strict=True))[name] for name in rows.columns]
    sums, whole = kwh.sum(axis=1, min_count=1), kwh.dropna(axis=1, how="all").notna().all(axis=1)
    start, end = extent(index, period)
    with_data = f"{int(totals.notna().sum())} of {kwh.shape[1]}" if totals.isna().any() else f"All {kwh.shape[1]}"
    finding = f"{number(round(float(totals.sum())))} kWh in {number(int(sums.notna().sum()))} days, most on {date(sums.idxmax())}"
    ends = [number(round(totals[name])) if pd.notna(totals[name]) else "unknown" for name in rows.columns]
    left = max(LEFT, min(290, text_width(shown) + 16))
    right = text_width(ends) + 20
    with rc_context(STYLE):
        made, (above, below) = figure(
            title or f"{what}: {finding}", [110, ROW_HEIGHT * len(shown)], left=left, right=right
        )
        edges = np.append(positions(index), positions(localize(index[-1:].tz_localize(None).normalize() + DAY, zone)))
        handles = _sum_bars(above, edges, sums, whole, start, end)
        label(above, f"{with_data} together, kWh per day", handles=handles)
        numbers_axis(above.yaxis, 3)
        below.add_patch(Rectangle((0, 0), 1, 1, transform=below.transAxes, zorder=0, **UNKNOWN))  # type: ignore[arg-type]
        mesh = below.pcolormesh(
            edges, np.arange(len(shown) + 1), np.ma.masked_invalid(rows.to_numpy(dtype=float).T), cmap=SCALE, vmin=0,
            zorder=1, rasterized=True,
        )  # fmt: skip
        below.set_ylim(len(shown), 0)
        below.set_yticks(np.arange(len(shown)) + 0.5, shown)
        below.grid(visible=False)
        below.hlines(np.arange(1, len(shown)), *edges[[0, -1]], color="white", linewidth=0.8)
        for i, words in enumerate(ends):
            at = (1 + 8 / (WIDTH - left - right), i + 0.5)
            below.text(*at, words, transform=below.get_yaxis_transform(), va="center_baseline")
        _color_bar(below, mesh.norm.vmax or 0.0, right)
        label(
            below, f"{'Each' if len(shown) == kwh.shape[1] else f'The first {ROWS}'}, by energy", x=f"Local day, {zone}"
        )
        time_axis(above, start, end)
        time_axis(below, start, end)
        above.tick_params(labelbottom=False)
    caption = (
        f"{what} per local calendar day, above of all {kwh.shape[1]} together, below of each; at the right its kWh. "
        "Hatched: unknown, which is not zero."
    )
    rest = kwh.shape[1] - len(shown)
    caption += f" Not drawn: {rest} more with {number(round(float(totals.iloc[ROWS:].sum())))} kWh." if rest else ""
    first = ", ".join(f"{name} {number(round(totals[name]))} kWh" for name in totals.dropna().index[:5])
    return Chart(made, caption, f"{what}, {finding}. Most by: {first}.", STYLE)


def _sum_bars(
    ax: Axes, edges: np.ndarray, sums: pd.Series[float], whole: pd.Series[bool], start: pd.Timestamp, end: pd.Timestamp
) -> list[tuple[Artist, str]]:
    handles: list[tuple[Artist, str]] = []
    day_bars(ax, edges[:-1], edges[1:], sums.where(whole).to_numpy(dtype=float), SKY)
    part = sums.where(~whole)
    if part.notna().any():
        day_bars(ax, edges[:-1], edges[1:], part.to_numpy(dtype=float), FAINT)
        handles.append((Patch(color=FAINT), "some unknown: at least"))
    spans = unknown_spans(pd.DatetimeIndex(sums.dropna().index), start, end, DAY, 1.5)
    if spans:
        hatch_unknown(ax, spans)
        handles.append(unknown_key())
    ax.set_ylim(0, float(sums.max()) * 1.06 or 1.0)
    return handles


def _color_bar(ax: Axes, top: float, right: int) -> None:
    made = ax.get_figure(root=True)
    width, height = made.get_size_inches() * DPI  # type: ignore[union-attr]
    box = ax.get_position()
    y = box.y1 + 11 / height
    bar = made.add_axes(((width - right - 170) / width, y, 100 / width, 8 / height))  # type: ignore[union-attr]
    bar.imshow(np.linspace(0, 1, 128)[None, :], aspect="auto", cmap=SCALE)
    bar.set_axis_off()
    bar.text(-0.04, 0.5, "0", transform=bar.transAxes, ha="right", va="center", color=SOFT)
    bar.text(1.04, 0.5, f"{number(top)} kWh", transform=bar.transAxes, ha="left", va="center", color=SOFT)
    bar.patch.set_edgecolor(BLUE)

"""Energy of many valves by day: the total as bars, each valve as a row of colors."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Patch, Rectangle

from belimo_nb.calendar.moments import localized
from belimo_nb.display import Chart, date, number
from belimo_nb.plots import style, timeaxis

ROWS = 40
ROW_HEIGHT = 15
NAMES_WIDTH = 290  # CSS pixels at most
FAINT = "#cfe3f0"
DAY = pd.Timedelta(days=1)
# One hue from light to dark: reads the same in grayscale and with any color vision.
SCALE = LinearSegmentedColormap.from_list("energy", ["#eaf2f8", "#a9cfe6", "#56a0cf", "#0b68a6", "#08305a"])


def daily_calendar(
    kwh: pd.DataFrame, *, what: str, title: str | None = None, period: style.Span | None = None
) -> Chart:
    """Draw kWh by local day and name: the sum above, below it the names by energy, at most forty."""
    zone = timeaxis.zone_of(kwh.index, "daily_energy")
    index = pd.DatetimeIndex(kwh.index)
    sums, totals = kwh.sum(axis=1, min_count=1), kwh.sum(min_count=1).to_numpy(dtype=float)
    order = np.argsort(-np.nan_to_num(totals, nan=-1.0), kind="stable")
    drawn = order[:ROWS]
    short = style.short_names([str(name) for name in kwh.columns])
    names = [short[i] for i in drawn]
    ends = ["unknown" if np.isnan(totals[i]) else number(round(totals[i])) for i in drawn]
    known = int(np.isfinite(totals).sum())
    together = f"All {kwh.shape[1]}" if known == kwh.shape[1] else f"{known} of {kwh.shape[1]}"
    start, end = timeaxis.extent(index, period)
    finding = f"{number(round(float(sums.sum())))} kWh in {number(int(sums.notna().sum()))} days"
    finding += f", most on {date(index[int(sums.argmax())])}"
    left = max(style.LEFT, min(NAMES_WIDTH, style.text_width(names) + 16))
    right = style.text_width(ends) + 20
    heights = [110, ROW_HEIGHT * len(names)]
    with rc_context(style.STYLE):
        made, (above, below) = style.figure(title or f"{what}: {finding}", heights, left=left, right=right)
        following = localized(index[-1:].tz_localize(None).normalize() + DAY, zone)
        edges = np.append(timeaxis.positions(index), timeaxis.positions(following))
        style.label(above, f"{together} together, kWh per day", handles=_sums(above, edges, kwh, start, end))
        style.numbers_axis(above.yaxis, 3)
        top = _rows(below, edges, kwh.iloc[:, drawn].to_numpy(dtype=float).T, names, ends)
        color_bar(below, f"{number(top)} kWh", right)
        rows = "Each" if len(names) == kwh.shape[1] else f"The first {ROWS}"
        style.label(below, f"{rows}, by energy", x=f"Local day, {zone}")
        timeaxis.time_axis(above, start, end)
        timeaxis.time_axis(below, start, end)
        above.tick_params(labelbottom=False)
    caption = (
        f"{what} per local calendar day, above of all {kwh.shape[1]} together, below of each; at the right its kWh. "
        "Hatched: unknown, which is not zero."
    )
    rest = order[ROWS:]
    caption += f" Not drawn: {len(rest)} more with {number(round(np.nansum(totals[rest])))} kWh." if len(rest) else ""
    first = ", ".join(f"{kwh.columns[i]} {number(round(totals[i]))} kWh" for i in order[: min(5, known)])
    return Chart(made, caption, f"{what}, {finding}. Most by: {first}.", style.STYLE)


def _sums(
    ax: Axes, edges: np.ndarray, kwh: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
) -> list[tuple[Artist, str]]:
    """Draw the sum of each day, fainter where a name is missing that is known on other days."""
    handles: list[tuple[Artist, str]] = []
    sums = kwh.sum(axis=1, min_count=1)
    whole = kwh.dropna(axis=1, how="all").notna().all(axis=1)
    timeaxis.day_bars(ax, edges[:-1], edges[1:], sums.where(whole).to_numpy(dtype=float), style.SKY)
    part = sums.where(~whole)
    if part.notna().any():
        timeaxis.day_bars(ax, edges[:-1], edges[1:], part.to_numpy(dtype=float), FAINT)
        handles.append((Patch(color=FAINT), "some unknown: at least"))
    spans = timeaxis.unknown_spans(pd.DatetimeIndex(sums.dropna().index), start, end, DAY, 1.5)
    if spans:
        timeaxis.hatch_unknown(ax, spans)
        handles.append(style.unknown_key())
    ax.set_ylim(0, float(sums.max()) * 1.06 or 1.0)
    return handles


def _rows(ax: Axes, edges: np.ndarray, values: np.ndarray, names: list[str], ends: list[str]) -> float:
    """Draw a row of colors per name; the value of the darkest color."""
    top = float(np.nanmax(values)) or 1.0
    ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, zorder=0, **style.UNKNOWN))
    shown = np.ma.masked_invalid(values)
    ax.pcolormesh(edges, np.arange(len(names) + 1), shown, cmap=SCALE, vmin=0, vmax=top, zorder=1)
    ax.hlines(np.arange(1, len(names)), edges[0], edges[-1], color="white", linewidth=0.8)
    ax.set_ylim(len(names), 0)
    ax.set_yticks(np.arange(len(names)) + 0.5, names)
    ax.grid(visible=False)
    for i, words in enumerate(ends):
        place = (1 + 8 / ax.bbox.width, i + 0.5)
        ax.text(*place, words, transform=ax.get_yaxis_transform(), va="center_baseline")
    return top


def color_bar(ax: Axes, words: str, right: int) -> None:
    """Explain the colors above the right end of a panel; `words` name the darkest, `right` is the figure's margin."""
    made = ax.figure
    width, height = style.WIDTH, made.bbox.height
    place = ((width - right - 170) / width, ax.get_position().y1 + 11 / height, 100 / width, 8 / height)
    bar = made.add_axes(place)
    bar.imshow(np.linspace(0, 1, 128)[None, :], aspect="auto", cmap=SCALE)
    bar.set_axis_off()
    bar.text(-0.04, 0.5, "0", transform=bar.transAxes, ha="right", va="center", color=style.SOFT)
    bar.text(1.04, 0.5, words, transform=bar.transAxes, va="center", color=style.SOFT)

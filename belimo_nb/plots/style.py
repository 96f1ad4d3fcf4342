"""Common style of all figures: fonts, colors, sizes, texts and axes.

Nothing here touches pyplot or lasting global settings: each figure is drawn in an rc context of its own on top of
Matplotlib's defaults, so the same data give the same picture in any process, in any order, for any user.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import font_manager, rc_context, rcParamsDefault
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.patches import Patch, Rectangle
from matplotlib.textpath import TextToPath
from matplotlib.ticker import Formatter, MaxNLocator

from belimo_nb.display import Chart
from belimo_nb.display.numbers import number
from belimo_nb.energy.interval import TRACE

# Okabe and Ito's palette for all kinds of color vision; colors that share a panel also differ in lightness.
ORANGE, SKY, GREEN, BLUE, RED = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"
DARK, GRAY, AXIS, GRID, LIGHT_GRAY = "#1c2430", "#55616e", "#9aa5b1", "#dfe4e9", "#f1f3f5"
UNKNOWN_HATCH: dict[str, Any] = {"facecolor": LIGHT_GRAY, "edgecolor": "#b4bdc6", "hatch": "////", "linewidth": 0}
TROUBLE_HATCH: dict[str, Any] = {"facecolor": "#fbeee6", "edgecolor": "#dd9a74", "hatch": "\\\\\\\\", "linewidth": 0}

DPI = 100
# CSS pixels of every figure; a page shows it up to 800 pixels wide, and on a phone its words can still be read.
WIDTH = 640
LEFT, RIGHT, TOP, BOTTOM, GAP = 54, 12, 58, 56, 42  # margins and the space between panels, CSS pixels
EDGE = 4  # CSS pixels that stay free at the sides of a figure
NAMES_WIDTH = 230  # CSS pixels that names of valves may take at the left of their bars
MAX_TEXT_LENGTH = 44
FONT, FONT_SIZE, TITLE_SIZE = "DejaVu Sans", 9.0, 10.5  # comes with Matplotlib, so it is there on any machine
SMALL = 8.0  # of labels within a panel
LINE = 16  # CSS pixels from one line of text to the next

RC_PARAMS: dict[Any, Any] = {
    **{key: value for key, value in rcParamsDefault.items() if "backend" not in key and key != "interactive"},
    "axes.axisbelow": True,
    "axes.edgecolor": AXIS,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": GRAY,
    "axes.labelsize": FONT_SIZE,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.xmargin": 0,
    "figure.dpi": DPI,
    "font.family": [FONT],
    "font.size": FONT_SIZE,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.7,
    "legend.fontsize": FONT_SIZE,
    "legend.frameon": False,
    "legend.borderaxespad": 0,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.4,
    "lines.linewidth": 1.2,
    "lines.solid_joinstyle": "round",
    "text.color": DARK,
    "text.hinting": "none",  # not needed at twice the page's pixels, and text takes a third of the time without it
    "text.parse_math": False,  # names may contain a dollar sign
    "xtick.color": AXIS,
    "xtick.labelcolor": GRAY,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelcolor": GRAY,
    "ytick.labelsize": FONT_SIZE,
    "ytick.major.size": 0,
}


# One hue from light to dark, for grayscale printing and any color vision.
HEATMAP_CMAP = LinearSegmentedColormap.from_list("energy", ["#eaf2f8", "#a9cfe6", "#56a0cf", "#0b68a6", "#08305a"])

NO_ENERGY = "No readings of the energy counters in this period"
NOTHING_COUNTED = "0 kWh: the energy counters stood still in this period"
NO_HOURS = "No hour of this period has its energy measured"
Legend = list[tuple[Artist, str]]  # entries of a legend: artist and label
HOUR_TICKS = ([0, 6, 12, 18, 24], ["00:00", "06:00", "12:00", "18:00", "24:00"])


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont(FONT)).get_charmap())


def drawable(value: object, length: int = MAX_TEXT_LENGTH) -> str:
    """Make a text fit to be drawn: on one line, no glyph that the font lacks, too long ones shortened in the middle."""
    plain = re.sub(r"[ \t\n\r\f\v]+", " ", str(value)).strip(" ")  # no-break spaces stay
    # Matplotlib would warn of each missing glyph in the notebook; a box says the same.
    plain = "".join(char if ord(char) in _glyphs() else "\u25a1" for char in plain)
    if len(plain) <= length:
        return plain
    # In the middle, because names of valves often differ only at their end.
    return f"{plain[: (length - 1) // 2].rstrip()}…{plain[-(length // 2) :].lstrip()}"


def text_width(texts: Sequence[str], size: float = FONT_SIZE, weight: str = "normal") -> int:
    """Width of the widest text in CSS pixels."""
    measure, font = TextToPath(), FontProperties(family=[FONT], size=size, weight=weight)
    widths = [measure.get_text_width_height_descent(item, font, ismath=False)[0] for item in texts if item]
    return round(max(widths, default=0) * DPI / 72)


def wrapped(text: str, width: int, size: float = FONT_SIZE, weight: str = "normal") -> str:
    """Break a text into lines of a width in CSS pixels, at its spaces; a number stays beside its unit."""
    whole = drawable(text, 400)
    if text_width([whole], size, weight) <= width:  # as nearly always: measured once, and not word by word
        return whole
    lines = [""]
    for word in whole.split(" "):
        longer = f"{lines[-1]} {word}".strip(" ")
        if text_width([longer], size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(fitted(word, width, size, weight))
    return "\n".join(filter(None, lines))


def fitted(text: str, width: int, size: float = FONT_SIZE, weight: str = "normal") -> str:
    """Make a text fit to be drawn in a width in CSS pixels, shortened in its middle if it must be."""
    length = len(text)
    while text_width([shown := drawable(text, length)], size, weight) > width and length > 3:
        length = min(length - 1, int(length * width / text_width([shown], size, weight)) + 1)
    return shown


def beside_bars(names: Sequence[object]) -> tuple[list[str], int]:
    """Names as they fit beside their bars, and the left margin that they need, CSS pixels."""
    shown = [fitted(drawable(name), NAMES_WIDTH) for name in names]
    return shown, text_width(shown) + 16


def short_names(names: Sequence[str]) -> list[str]:
    """Strip the words that all names begin with: "2.OG Nord-West" instead of "Energieventil ... Nord-West"."""
    words = [name.split(" ") for name in names]
    common = 0
    if len(words) > 1:
        while all(len(item) > common + 1 for item in words) and len({item[common] for item in words}) == 1:
            common += 1
    return [drawable(" ".join(item[common:])) for item in words]


def new_figure(
    title: str, heights: Sequence[int], *, left: int = LEFT, right: int = RIGHT, top: int = TOP, bottom: int = BOTTOM
) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels below each other; call it and draw inside `rc_context(RC_PARAMS)`.

    Args:
        title: Title above all panels, on as many lines as it needs.
        heights: Height of each panel, CSS pixels.
        left: Left margin, CSS pixels.
        right: Right margin, CSS pixels.
        top: Top margin with a title of one line, CSS pixels.
        bottom: Bottom margin, CSS pixels.
    """
    # Fixed margins, not tight_layout: the time axes of figures below each other align.
    words = wrapped(drawable(title, 200), WIDTH - 6 - EDGE, TITLE_SIZE, "bold")
    top += round(1.35 * LINE) * words.count("\n")
    total = top + sum(heights) + GAP * (len(heights) - 1) + bottom
    fig = Figure(figsize=(WIDTH / DPI, total / DPI), dpi=DPI)
    FigureCanvasAgg(fig)
    fig.text(6 / WIDTH, 1 - 10 / total, words, fontsize=TITLE_SIZE, fontweight="bold", va="top")
    axes, edge = [], total - top
    for height in heights:
        box = (left / WIDTH, (edge - height) / total, (WIDTH - left - right) / WIDTH, height / total)
        axes.append(fig.add_axes(box))
        edge -= height + GAP
    return fig, axes


def label_axes(
    ax: Axes, words: str, *, x: str = "", below: int = 40, above: int = 7, handles: Legend | None = None
) -> None:
    """Label the axes, the y axis horizontally above its numbers, with the legend at the right, or above both.

    Args:
        ax: The panel.
        words: Quantity and unit of the y axis.
        x: Label of the x axis.
        below: Distance of `x` below the panel, CSS pixels.
        above: Distance of `words` above it.
        handles: Entries of the legend.
    """
    fig, height = ax.get_figure(root=True), ax.bbox.height
    assert fig is not None  # noqa: S101 - of an axes in a figure
    shown = wrapped(words, round(fig.bbox.width - ax.bbox.x0) - EDGE)
    label = ax.set_ylabel(shown, rotation=0, ha="left", va="bottom", labelpad=0)
    ax.yaxis.set_label_coords(0, 1 + above / height)
    rows = shown.count("\n")
    if x:
        ax.set_xlabel(x, ha="right", labelpad=2)
        ax.xaxis.set_label_coords(1, -below / height)
    if handles:
        artists, words_of = zip(*handles, strict=True)
        for columns in range(len(handles), 0, -1):
            place = (1, 1 + (above - 2) / height)
            legend = ax.legend(artists, words_of, loc="lower right", bbox_to_anchor=place, ncols=columns)
            box = legend.get_window_extent()
            if box.x0 >= EDGE:
                break
        if words and box.x0 < label.get_window_extent().x1 + 8:
            rows += 1
            legend.set_bbox_to_anchor((1, 1 + (above - 2 + LINE * rows) / height), ax.transAxes)
        rows = max(rows, rows - 1 + -(-len(handles) // columns))
    make_room(ax, LINE * rows)


def make_room(ax: Axes, height: int) -> None:
    """Make a figure higher, by so many CSS pixels above a panel; what lies below stays."""
    fig = ax.get_figure(root=True)
    if height <= 0 or fig is None:
        return
    old, bottom = fig.bbox.height, ax.get_position().y0
    new = old + height
    boxes = [(other, other.get_position().bounds) for other in fig.axes]
    fig.set_size_inches(WIDTH / DPI, new / DPI)
    for other, (left, low, width, high) in boxes:
        up = height if low > bottom + 1e-6 else 0
        other.set_position((left, (low * old + up) / new, width, high * old / new))
    for text in fig.texts:
        text.set_y(1 - (1 - text.get_position()[1]) * old / new)


def chart(fig: Figure, caption: str, alt: str) -> Chart:
    """Make a chart of a figure, with margins as wide as the numbers at its axes need."""
    with rc_context(RC_PARAMS):
        boxes = [box for ax in fig.axes for axis in (ax.xaxis, ax.yaxis) if (box := axis.get_tightbbox())]
        left = max(0.0, EDGE - min((box.x0 for box in boxes), default=EDGE))
        right = max(0.0, max((box.x1 for box in boxes), default=0.0) - WIDTH + EDGE)
        for ax in fig.axes if left or right else ():
            x, y, width, height = ax.get_position().bounds
            ax.set_position((x + left / WIDTH, y, width - (left + right) / WIDTH, height))
    return Chart(fig, caption, alt, RC_PARAMS)


def round_ticks(axis: Any, ticks: int = 5) -> None:
    """Set few round ticks with equal decimals and separated thousands."""
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(EqualDecimals())


class EqualDecimals(Formatter):
    """Tick labels that all have the decimals that the ticks' step needs."""

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Labels of all ticks."""
        step = float(np.min(np.diff(values))) if len(values) > 1 else 1.0
        digits = next((digits for digits in range(6) if abs(round(step, digits) - step) < 1e-9 + step * 1e-6), 6)
        return [number(value, digits) for value in values]

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Label of one tick."""
        return number(x)


def unknown_legend() -> tuple[Patch, str]:
    """Legend entry of hatched areas."""
    return Patch(**UNKNOWN_HATCH), "unknown"


def trouble_legend() -> tuple[Patch, str]:
    """Legend entry of the times in which a device reported an error."""
    return Patch(**TROUBLE_HATCH), "error or warning"


def hatch_panel(ax: Axes) -> None:
    """Hatch a whole panel as unknown, below what is drawn."""
    ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, zorder=0, **UNKNOWN_HATCH))


def heatmap(ax: Axes, edges: np.ndarray, values: np.ndarray, cmap: Colormap, top: float) -> None:
    """Draw a heatmap of rows from the top, colors from 0 to `top`; hatching shows through where values are NaN."""
    hatch_panel(ax)
    rows = np.arange(len(values) + 1)
    shown = np.ma.masked_invalid(values)
    ax.pcolormesh(edges, rows, shown, cmap=cmap, vmin=0, vmax=top, zorder=1, rasterized=True)
    ax.grid(visible=False)
    ax.set_ylim(len(values), 0)


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
    width, height = WIDTH, fig.bbox.height
    left = width - max(right, text_width([words]) + 8) - 100
    place = (left / width, ax.get_position().y1 + 11 / height, 90 / width, 8 / height)
    bar = fig.add_axes(place)
    bar.imshow(np.linspace(0, 1, 128)[None, :], aspect="auto", cmap=HEATMAP_CMAP)
    bar.set_axis_off()
    bar.text(-0.04, 0.5, "0", transform=bar.transAxes, ha="right", va="center", color=GRAY)
    bar.text(1.04, 0.5, words, transform=bar.transAxes, va="center", color=GRAY)


def worth_a_panel(sums: pd.Series[float]) -> list[str]:
    """Of the sums of heat and cold, by name, those to draw: unknown ones, and what is a thousandth of the greatest."""
    return [str(name) for name, kwh in sums.items() if not kwh < TRACE * sums.max()]


def why_nothing(values: pd.DataFrame | pd.Series[float], reason: str, unknown: str = NO_ENERGY) -> str:
    """Why there is nothing to draw of some energies: all are unknown, or all 0, for a `reason` or truly; else empty."""
    if not values.notna().to_numpy().any():
        return unknown
    return "" if (values > 0).to_numpy().any() else reason or NOTHING_COUNTED


def no_data_figure(title: str, caption: str, words: str, *, known: bool = False) -> Chart:
    """Chart that says why there is nothing to draw; hatched as unknown, unless it is `known` that all was 0."""
    shown = wrapped(words, WIDTH - 80)
    with rc_context(RC_PARAMS):
        fig, (ax,) = new_figure(title, [74 + LINE * (shown.count("\n") + 1)], left=RIGHT, top=36, bottom=RIGHT)
        ax.set_axis_off()
        if not (known or words == NOTHING_COUNTED):
            hatch_panel(ax)
        ax.text(
            0.5, 0.5, shown, transform=ax.transAxes, ha="center", va="center", color=GRAY,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 6},
        )  # fmt: skip
    return Chart(fig, caption, f"{title}: {words[:1].lower()}{words[1:]}.", RC_PARAMS)

"""The one look of all figures: fonts, colors, sizes and texts.

Nothing here touches pyplot or lasting global settings: each figure is drawn inside a style context of its own, on top
of Matplotlib's defaults, so the same data give the same picture in any process, in any order, for any user.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib import font_manager, rc_context, rcParamsDefault
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.patches import Patch, Rectangle
from matplotlib.textpath import TextToPath
from matplotlib.ticker import Formatter, MaxNLocator

from belimo_nb.display import Chart
from belimo_nb.display.numbers import number

# Okabe and Ito's palette: told apart with any kind of color vision; what meets in one panel differs in lightness, too.
ORANGE, SKY, GREEN, BLUE, RED = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"
INK, SOFT, EDGE, LINE, PALE = "#1c2430", "#55616e", "#9aa5b1", "#dfe4e9", "#f1f3f5"
UNKNOWN: dict[str, Any] = {"facecolor": PALE, "edgecolor": "#b4bdc6", "hatch": "////", "linewidth": 0}

DPI = 100
WIDTH = 800  # CSS pixels of every figure
LEFT, RIGHT, TOP, BOTTOM, GAP = 58, 12, 58, 46, 40  # margins and the space between panels, CSS pixels
NAME_LENGTH = 44
FONT, SIZE = "DejaVu Sans", 8.5  # comes with Matplotlib, so it is there on any machine

STYLE: dict[Any, Any] = {
    **{key: value for key, value in rcParamsDefault.items() if "backend" not in key and key != "interactive"},
    "axes.axisbelow": True,
    "axes.edgecolor": EDGE,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": SOFT,
    "axes.labelsize": SIZE,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.xmargin": 0,
    "figure.dpi": DPI,
    "font.family": [FONT],
    "font.size": SIZE,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.7,
    "legend.fontsize": SIZE,
    "legend.frameon": False,
    "legend.borderaxespad": 0,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.4,
    "lines.linewidth": 1.2,
    "lines.solid_joinstyle": "round",
    "text.color": INK,
    "text.hinting": "none",  # pictures have twice the page's pixels: letters need no help, and take a third of the time
    "text.parse_math": False,
    "xtick.color": EDGE,
    "xtick.labelcolor": SOFT,
    "xtick.labelsize": SIZE,
    "ytick.labelcolor": SOFT,
    "ytick.labelsize": SIZE,
    "ytick.major.size": 0,
}


class Span(Protocol):
    """A stretch of time with aware edges, such as `periods.Period`."""

    @property
    def start(self) -> pd.Timestamp:
        """The first moment."""

    @property
    def end(self) -> pd.Timestamp:
        """The first moment after it."""


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont(FONT)).get_charmap())


def text(value: object, length: int = NAME_LENGTH) -> str:
    """A text fit to be drawn: one line, no glyph that the font lacks, and its middle left out if it is too long."""
    plain = re.sub(r"[ \t\n\r\f\v]+", " ", str(value)).strip(" ")  # no-break spaces stay
    plain = "".join(char if ord(char) in _glyphs() else "\u25a1" for char in plain)
    if len(plain) <= length:
        return plain
    return f"{plain[: (length - 1) // 2].rstrip()}…{plain[-(length // 2) :].lstrip()}"


def text_width(texts: Sequence[str], size: float = SIZE) -> int:
    """Width of the widest text, in CSS pixels."""
    measure, font = TextToPath(), FontProperties(family=[FONT], size=size)
    widths = [measure.get_text_width_height_descent(item, font, ismath=False)[0] for item in texts if item]
    return round(max(widths, default=0) * DPI / 72)


def short_names(names: Sequence[str]) -> list[str]:
    """Names without the words that they all begin with: "2.OG Nord-West" instead of "Energieventil ... Nord-West"."""
    words = [name.split(" ") for name in names]
    common = 0
    if len(words) > 1:
        while all(len(item) > common + 1 for item in words) and len({item[common] for item in words}) == 1:
            common += 1
    return [text(" ".join(item[common:])) for item in words]


def figure(
    title: str, heights: Sequence[int], *, left: int = LEFT, right: int = RIGHT, top: int = TOP, bottom: int = BOTTOM
) -> tuple[Figure, list[Axes]]:
    """A titled figure with panels below each other; call it and draw inside `rc_context(STYLE)`.

    Args:
        title: What the figure says, above all panels.
        heights: Of each panel, CSS pixels.
        left: Left margin, CSS pixels.
        right: Right margin, CSS pixels.
        top: Above the first panel, the title included, CSS pixels.
        bottom: Below the last panel, CSS pixels.
    """
    total = top + sum(heights) + GAP * (len(heights) - 1) + bottom
    made = Figure(figsize=(WIDTH / DPI, total / DPI), dpi=DPI)
    FigureCanvasAgg(made)
    made.text(6 / WIDTH, 1 - 10 / total, text(title, 88), fontsize=10, fontweight="bold", va="top")
    axes, edge = [], total - top
    for height in heights:
        box = (left / WIDTH, (edge - height) / total, (WIDTH - left - right) / WIDTH, height / total)
        axes.append(made.add_axes(box))
        edge -= height + GAP
    return made, axes


def label(ax: Axes, words: str, *, x: str = "", below: int = 32, handles: Sequence[tuple[Artist, str]] = ()) -> None:
    """Name the axes: the y axis above its numbers, where it reads without turning the head; keys at the right.

    Args:
        ax: The panel.
        words: What the y axis shows, with its unit.
        x: What the x axis shows.
        below: How far below the panel `x` stands, CSS pixels.
        handles: The legend's entries.
    """
    height = ax.bbox.height
    ax.set_ylabel(words, rotation=0, ha="left", va="bottom", labelpad=0)
    ax.yaxis.set_label_coords(0, 1 + 7 / height)
    if x:
        ax.set_xlabel(x, ha="right", labelpad=2)
        ax.xaxis.set_label_coords(1, -below / height)
    if handles:
        artists, words_of = zip(*handles, strict=True)
        ax.legend(artists, words_of, loc="lower right", bbox_to_anchor=(1, 1 + 5 / height), ncols=len(handles))


def numbers_axis(axis: Any, ticks: int = 5) -> None:
    """Few round ticks, thousands separated."""
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(TickNumbers())


class TickNumbers(Formatter):
    """Numbers with as many decimals as the ticks' step needs, the same for all."""

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """The labels of all ticks."""
        step = float(np.min(np.diff(values))) if len(values) > 1 else 1.0
        digits = next((digits for digits in range(6) if abs(round(step, digits) - step) < 1e-9 + step * 1e-6), 6)
        return [number(value, digits) for value in values]

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The label of one tick."""
        return number(x)


def unknown_key() -> tuple[Patch, str]:
    """The legend's entry for hatched areas."""
    return Patch(**UNKNOWN), "unknown"


def empty(title: str, caption: str) -> Chart:
    """The figure for a question without data: it says so instead of showing nothing or zero."""
    with rc_context(STYLE):
        made, (ax,) = figure(title, [90], left=RIGHT, top=36, bottom=RIGHT)
        ax.set_axis_off()
        ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, **UNKNOWN))
        ax.text(
            0.5, 0.5, "No data in this period", transform=ax.transAxes, ha="center", va="center", color=SOFT,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 6},
        )  # fmt: skip
    return Chart(made, caption, f"{title}: no data in this period.", STYLE)

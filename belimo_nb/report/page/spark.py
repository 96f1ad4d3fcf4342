"""The course of a figure, the size of a word, in as few characters as will do: an index has a thousand of them.

`belimo_nb.plots.sparkline` draws finer ones for notebooks; importing it costs the command line matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from belimo_nb.display import DASH, number
from belimo_nb.display.base import esc

__all__ = ["sparkline"]

WIDTH, HEIGHT, PAD = 320, 80, 6
"""In units of the drawing, four to a pixel."""


def sparkline(values: Sequence[float], unit: str = "") -> str:
    """Draw a series as SVG in the color of the text around it; zero is at the bottom.

    Args:
        values: Evenly spaced, in order of time, some dozens; NaN leaves a gap in the line.
        unit: For the words that say the same.

    Returns:
        An SVG element of the class "spark"; a dash if nothing is known.
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return DASH
    low, high = min(0.0, *known), max(0.0, *known)
    step = (WIDTH - 2 * PAD) / max(1, len(values) - 1)
    scale = (HEIGHT - 2 * PAD) / ((high - low) or 1.0)
    points = [
        (round(PAD + place * step), round(HEIGHT - PAD - (value - low) * scale)) if math.isfinite(value) else None
        for place, value in enumerate(values)
    ]
    words = f"{number(min(known))} to {number(max(known), unit=unit)}"
    return (
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{esc(words)}">'
        f'<path d="{_path(points)}"/></svg>'
    )


def _path(points: Sequence[tuple[int, int] | None]) -> str:
    parts = []
    for before, point in pairwise([None, *points]):
        if point is None:
            continue
        if before is None:
            parts.append(f"M{point[0]} {point[1]}h0l")  # a point alone is a dot: lines have round ends
        else:
            parts.append(f"{point[0] - before[0]} {point[1] - before[1]} ".replace(" -", "-"))
    return "".join(parts).replace(" M", "M").replace("lM", "M").rstrip("l ")

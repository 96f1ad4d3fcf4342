"""Sparklines: a series the size of a word, for the cell of a table and for an index, which has a thousand of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from belimo_nb.display.base import esc
from belimo_nb.display.cells import Svg
from belimo_nb.display.numbers import DASH, number

POINTS = 55
CELL, SMALL = (440, 96, 10), (320, 80, 6)  # width, height and margin in units of the drawing, four to a pixel
LOOK = 'fill="none" stroke="currentColor" stroke-width="5.6" stroke-linecap="round" stroke-linejoin="round"'


def sparkline(series: pd.Series[float], unit: str = "", *, small: bool = False) -> Svg:
    """Draw a series as a small SVG picture in the color of the text around it; zero is at the bottom.

    Args:
        series: Numbers in order of time, evenly spaced; NaN is a gap in the line.
        unit: For its spoken description.
        small: In as few characters as will do, of the class "spark", whose look is in the page's style sheet.
    """
    values = series.to_numpy(dtype=float, na_value=np.nan)
    known = values[np.isfinite(values)]
    if not known.size:
        return Svg(DASH)
    spoken = esc(f"{number(known.min())} to {number(known.max(), unit=unit)}")
    if len(values) > POINTS:
        parts = np.array_split(values, POINTS)
        values = np.array([part[np.isfinite(part)].mean() if np.isfinite(part).any() else np.nan for part in parts])
    places = np.flatnonzero(np.isfinite(values))
    width, height, pad = SMALL if small else CELL
    low, high = min(0.0, values[places].min()), max(0.0, values[places].max())
    x = np.linspace(pad, width - pad, len(values))[places]
    y = height - pad - (values[places] - low) / ((high - low) or 1.0) * (height - 2 * pad)
    points = np.column_stack([x, y]).round().astype(int)
    path = "".join(map(_line, np.split(points, np.flatnonzero(np.diff(places) > 1) + 1)))
    box = f'viewBox="0 0 {width} {height}" role="img" aria-label="{spoken}"'
    if small:
        return Svg(f'<svg class="spark" {box}><path d="{path}"/></svg>')
    return Svg(
        f'<svg class="bnb-spark" width="{width // 4}" height="{height // 4}" {box}><path d="{path}" {LOOK}/>'
        f'<circle cx="{points[-1, 0]}" cy="{points[-1, 1]}" r="8" fill="currentColor"/></svg>'
    )


def _line(points: NDArray[np.int_]) -> str:
    steps = " ".join(f"{dx} {dy}" for dx, dy in np.diff(points, axis=0)).replace(" -", "-")
    return f"M{points[0, 0]} {points[0, 1]}h0" + (f"l{steps}" if steps else "")  # alone it is a dot: lines end round

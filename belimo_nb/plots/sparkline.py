"""Sparklines: a series the size of a word."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belimo_nb.display.base import esc
from belimo_nb.display.cells import Svg
from belimo_nb.display.numbers import DASH, number

WIDTH, HEIGHT, PAD = 110, 24, 2.5
POINTS = 55


def sparkline(series: pd.Series[float], unit: str = "") -> Svg:
    """Draw a series as a small SVG picture in the color of the text around it, for a table's cell.

    Args:
        series: Numbers in order of time, evenly spaced; NaN is a gap in the line.
        unit: For its spoken description.
    """
    values = series.to_numpy(dtype=float, na_value=np.nan)
    if not np.isfinite(values).any():
        return Svg(f'<span class="bnb-none">{DASH}</span>')
    if len(values) > POINTS:
        parts = np.array_split(values, POINTS)
        values = np.array([part[np.isfinite(part)].mean() if np.isfinite(part).any() else np.nan for part in parts])
    low, high = min(0.0, float(np.nanmin(values))), float(np.nanmax(values))
    x = PAD + np.arange(len(values)) / max(1, len(values) - 1) * (WIDTH - 2 * PAD)
    y = HEIGHT - PAD - (values - low) / ((high - low) or 1.0) * (HEIGHT - 2 * PAD)
    known = np.flatnonzero(np.isfinite(values))
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    path = "".join(
        "M" + "L".join(f"{x[i]:.1f} {y[i]:.1f}" for i in run) + ("h.1" if len(run) == 1 else "") for run in runs
    )
    spoken = f"least {number(float(series.min()))}, greatest {number(float(series.max()), unit=unit)}"
    last = known[-1]
    return Svg(
        f'<svg class="bnb-spark" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{esc(spoken)}"><path d="{path}" fill="none" stroke="currentColor" stroke-width="1.4" '
        f'stroke-linecap="round" stroke-linejoin="round"/><circle cx="{x[last]:.1f}" cy="{y[last]:.1f}" r="2" '
        f'fill="currentColor"/></svg>'
    )

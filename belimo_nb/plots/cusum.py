"""CUSUM: running sum of the energy beyond what the weather explains."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context

from belimo_nb.calendar.periods import Period
from belimo_nb.display import Chart, number
from belimo_nb.plots import style, timeaxis


def cusum(
    kwh: pd.Series[float],
    *,
    uncertainty_kwh: float = float("nan"),
    reason: str = "",
    period: Period | None = None,
    title: str | None = None,
) -> Chart:
    """Draw the running sum of measured minus expected energy.

    Args:
        kwh: By local day (aware), as `belimo_nb.heating.cusum` gives it.
        uncertainty_kwh: Half width of the confidence interval of the last value.
        reason: Why there is no CUSUM, "" where there is one.
        period: Range of the time axis.
        title: In place of the finding.
    """
    caption = "Measured minus expected energy, added up from day to day."
    if not kwh.notna().any():
        why = f"No data in this period: {reason or 'no day of it is known'}"
        return style.no_data_figure(title or "CUSUM", caption, why)
    zone = timeaxis.zone_of(kwh.index, "cusum")
    last = float(kwh.dropna().iloc[-1])
    plus, off = np.isfinite(uncertainty_kwh), f"{number(round(abs(last)))} kWh"
    if plus:
        off = f"{off} (± {number(round(uncertainty_kwh))})"
    word = "more" if last > 0 else "less"
    # A sum within its uncertainty is no finding, so the title does not name a direction.
    finding = title or f"CUSUM: {off} {word} than expected at the end"
    if not title and abs(last) <= uncertainty_kwh:
        finding = f"CUSUM: at the end as expected in this weather, within ± {number(round(uncertainty_kwh))} kWh"
    start, end = timeaxis.axis_range(pd.DatetimeIndex(kwh.index), period)
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [210])
        x, y = timeaxis.positions(pd.DatetimeIndex(kwh.index)), kwh.to_numpy(dtype=float)
        ax.fill_between(x, 0, y, where=y > 0, color=style.ORANGE, alpha=0.45, linewidth=0)
        ax.fill_between(x, 0, y, where=y <= 0, color=style.GREEN, alpha=0.35, linewidth=0)
        ax.axhline(0, color=style.AXIS, linewidth=0.9)
        ax.plot(x, y, color=style.DARK, linewidth=1.5)
        if np.isfinite(uncertainty_kwh):
            ax.errorbar([x[-1]], [last], [uncertainty_kwh], color=style.DARK, capsize=4, linewidth=1.2, zorder=5)
            # A wide bar does not flatten the line: it runs out of the panel, and the title tells how wide it is.
            top, low = max(float(np.nanmax(y)), 0), min(float(np.nanmin(y)), 0)
            room = 2 * (top - low) or uncertainty_kwh or 1.0
            top = max(top, min(last + uncertainty_kwh, top + room))
            low = min(low, max(last - uncertainty_kwh, low - room))
            ax.set_ylim(low - 0.08 * (top - low), top + 0.08 * (top - low))
        style.round_ticks(ax.yaxis)
        timeaxis.time_axis(ax, start, end)
        style.label_axes(ax, "kWh, above 0: more than expected", x=f"Local day, {zone}")
    caption += (
        " Level: as before in that weather; a slope that stays: the use has changed since; a step: a few unusual days."
    )
    caption += " Bar at the end: 90 % confidence of the sum." if plus else ""
    return style.chart(fig, caption, f"{finding}.")

"""The load duration curve: for how long the power was at least how high."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context

from belimo_nb.display import Chart, moment, number
from belimo_nb.heating import LoadFigures
from belimo_nb.plots import style

SHARES = (0.01, 0.1, 0.5)


def load_duration(kw: pd.Series[float], figures: LoadFigures, *, title: str | None = None) -> Chart:
    """Draw a load duration curve; the area below it is the energy.

    Args:
        kw: Power in falling order, index hours, as `belimo_nb.heating.load_duration` gives it.
        figures: Peak, base and use of the same load.
        title: Instead of the finding.
    """
    if not len(kw) or figures.peak_time is None:
        return style.empty(title or "Load duration", "For how long the power was at least how high.")
    finding = title or (
        f"Load duration: peak {number(figures.peak_kw)} kW, the energy of "
        f"{number(round(figures.full_load_hours))} hours at the peak"
    )
    hours, power = kw.index.to_numpy(dtype=float), kw.to_numpy(dtype=float)
    with rc_context(style.STYLE):
        made, (ax,) = style.figure(finding, [230])
        x, y = np.concatenate([[0.0], hours]), np.concatenate([power[:1], power])
        ax.fill_between(x, 0, y, step="pre", color=style.SKY, alpha=0.6, linewidth=0)
        ax.step(x, y, where="pre", color=style.BLUE, linewidth=1.4)
        for share in SHARES:
            at = min(int(share * len(power)), len(power) - 1)
            ax.plot([hours[at]], [power[at]], "o", color=style.INK, markersize=4)
            words = f"{number(power[at])} kW for {number(round(hours[at]))} h"
            ax.annotate(words, (hours[at], power[at]), (7, 4), textcoords="offset points")
        ax.set_ylim(0, figures.peak_kw * 1.08 or 1.0)
        ax.set_xlim(0, hours[-1])
        style.numbers_axis(ax.yaxis)
        style.numbers_axis(ax.xaxis, 9)
        style.label(ax, "Mean power of an hour, kW", x="Hours with at least this power", below=24)
    caption = (
        f"All {number(round(figures.known_hours))} hours whose energy is measured, the highest power first; the area "
        f"is the energy. Peak {moment(figures.peak_time)}; in 95 % of the time more than {number(figures.base_kw)} kW."
    )
    return Chart(made, caption, f"{finding}. {caption}", style.STYLE)

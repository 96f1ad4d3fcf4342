"""The carpet: mean power by local day and hour, a year at a glance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.patches import Rectangle

from belimo_nb.calendar.moments import localized
from belimo_nb.display import Chart, moment, number
from belimo_nb.heating import LoadFigures
from belimo_nb.plots import style, timeaxis
from belimo_nb.plots.calendar import SCALE, color_bar

HEIGHT = 230


def load_carpet(power_kw: pd.DataFrame, tz: str, *, title: str | None = None) -> Chart:
    """Draw mean power by day (along) and hour of the day (down).

    Args:
        power_kw: kW, index naive local days, columns 0 to 23, as `belimo_nb.heating.carpet` gives it.
        tz: IANA zone of the days.
        title: Instead of the finding.
    """
    values = power_kw.to_numpy(dtype=float)
    if not np.isfinite(values).any():
        return style.empty(title or "Carpet", "Mean power by local day and hour.")
    hours = power_kw.mean().round(3)
    busiest, quietest = int(str(hours.idxmax())), int(str(hours.idxmin()))
    finding = title or f"Day by day: on average most at {busiest}:00, least at {quietest}:00"
    days = pd.DatetimeIndex(power_kw.index)
    midnights = localized(pd.DatetimeIndex([*days, days[-1] + pd.Timedelta(days=1)]), tz)
    edges = timeaxis.positions(midnights)
    top = float(np.nanquantile(values, 0.995)) or 1.0
    with rc_context(style.STYLE):
        made, (ax,) = style.figure(finding, [HEIGHT])
        ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, zorder=0, **style.UNKNOWN))
        shown = np.ma.masked_invalid(values.T)
        ax.pcolormesh(edges, np.arange(25), shown, cmap=SCALE, vmin=0, vmax=top, zorder=1, rasterized=True)
        ax.grid(visible=False)
        ax.set_ylim(24, 0)
        ax.set_yticks([0, 6, 12, 18, 24], ["00:00", "06:00", "12:00", "18:00", "24:00"])
        timeaxis.time_axis(ax, midnights[0], midnights[-1])
        color_bar(ax, f"{number(top)} kW", style.RIGHT)
        style.label(ax, "Hour of the day; color: kW", x=f"Local day, {tz}")
    caption = (
        "Mean power of each hour, a day from top to bottom. The hour that comes twice in autumn is averaged, the one "
        "that spring skips is empty; hatched: unknown."
    )
    alt = f"{finding}. Means by hour, kW: " + ", ".join(f"{hour} {number(value)}" for hour, value in hours.items())
    return Chart(made, caption, f"{alt}.", style.STYLE)


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

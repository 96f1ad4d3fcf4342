"""The carpet: mean power by local day and hour, a year at a glance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.patches import Rectangle

from belimo_nb.display import Chart, number
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
    midnights = timeaxis.localize(pd.DatetimeIndex([*days, days[-1] + pd.Timedelta(days=1)]), tz)
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

"""Load: a carpet plot of hourly mean power, and the load duration curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context

from belimo_nb.display import Chart, moment, number
from belimo_nb.display.numbers import plural
from belimo_nb.heating import LoadFigures
from belimo_nb.plots import outliers, style, timeaxis

HEIGHT = 230
A_WEEK = 7  # days, of which fewer are no average
EVEN = 0.02  # of the highest hour: a load that differs by less from hour to hour has no daily course


def load_carpet(
    power_kw: pd.DataFrame,
    tz: str,
    *,
    what: str = "",
    title: str | None = None,
    troubles: timeaxis.Troubles = (),
    reason: str = "",
) -> Chart:
    """Draw a carpet plot: mean power by local day (x) and hour of the day (y).

    Args:
        power_kw: kW, index naive local days, columns 0 to 23, as `belimo_nb.heating.carpet` gives it.
        tz: IANA zone of the days.
        what: Of what, such as "Cooling".
        title: In place of the finding.
        troubles: Start and end (aware, first in each tuple) of each time in which the device reported an error.
        reason: Why nothing was measured where all is 0; empty: it was.
    """
    values = power_kw.to_numpy(dtype=float)
    if words := style.why_nothing(power_kw, reason, style.NO_HOURS):
        return style.no_data_figure(title or "Carpet", "Mean power by local day and hour.", words)
    # Rounded, because the last bits differ between machines and would decide between equal hours.
    hours = power_kw.mean().round(3)
    busiest, quietest = int(str(hours.idxmax())), int(str(hours.idxmin()))
    of = f"{what} day by day" if what else "Day by day"
    finding = title or f"{of}: on average most at {busiest}:00, least at {quietest}:00"
    if not title and np.isfinite(values).any(axis=1).sum() < A_WEEK:
        finding = of
    elif not title and hours.max() - hours.min() < EVEN * hours.max():
        finding = f"{of}: on average the same at every hour"
    days = pd.DatetimeIndex(power_kw.index)
    midnights = timeaxis.midnights(days, tz)
    # Scaled to the 99.5 % quantile: a single peak would make all other hours pale.
    top = float(np.nanquantile(values, 0.995)) or 1.0
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [HEIGHT])
        style.heatmap(ax, timeaxis.positions(midnights), values.T, style.HEATMAP_CMAP, top)
        failed = timeaxis.hatch_troubles(ax, troubles, midnights[0], midnights[-1], above=True)
        ax.set_yticks(*style.HOUR_TICKS)
        timeaxis.time_axis(ax, midnights[0], midnights[-1])
        style.color_bar(ax, f"{number(top)} kW", style.RIGHT, more=bool(np.nanmax(values) > top))
        style.label_axes(ax, "Hour of the day; color: kW", x=f"Local day, {tz}")
    caption = (
        "Mean power of each hour, a day from top to bottom. The hour that comes twice in autumn is averaged, the one "
        f"that spring skips is empty; hatched: unknown.{timeaxis.TROUBLE_WORDS if failed else ''}"
    )
    means = ", ".join(f"{hour} {number(value)}" for hour, value in hours.items())
    return style.chart(fig, caption, f"{finding}. Means by hour, kW: {means}.")


MARKED_SHARES = (0.01, 0.1, 0.5)  # of the hours, where the curve is labeled


def load_duration(kw: pd.Series[float], figures: LoadFigures, *, title: str | None = None) -> Chart:
    """Draw a load duration curve; the area below it is the energy.

    Args:
        kw: Power (kW) in falling order, index hours, as `belimo_nb.heating.load_duration` gives it.
        figures: Key figures of the same load.
        title: In place of the finding.
    """
    if not len(kw) or figures.peak_time is None:
        why = "No energy was used in this period" if len(kw) else style.NO_HOURS
        return style.no_data_figure(
            title or "Load duration", "For how long the power was at least how high.", why, known=bool(len(kw))
        )
    finding = title or (
        f"Load duration: peak {number(figures.peak_kw)} kW, the energy of "
        f"{plural(round(figures.full_load_hours), 'hour')} at the peak"
    )
    hours, power = kw.index.to_numpy(dtype=float), kw.to_numpy(dtype=float)
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [230])
        x, y = np.concatenate([[0.0], hours]), np.concatenate([power[:1], power])
        ax.fill_between(x, 0, y, step="pre", color=style.SKY, alpha=0.6, linewidth=0)
        ax.step(x, y, where="pre", color=style.BLUE, linewidth=1.4)
        ax.set_ylim(0, outliers.usual_range(power)[1] * 1.08 or 1.0)
        ax.set_xlim(0, hours[-1])
        beyond = outliers.mark(ax, (x[:-1] + x[1:]) / 2, power)
        lowest = np.inf
        for at in sorted({min(int(share * len(power)), len(power) - 1) for share in MARKED_SHARES}):
            ax.plot([hours[at]], [power[at]], "o", color=style.DARK, markersize=4)
            height = float(ax.transData.transform((0, power[at]))[1])
            # Labels of points that lie upon each other would cover each other.
            if lowest - height < style.LINE:
                continue
            lowest = height
            words = f"{number(power[at])} kW for {number(round(hours[at]))} h"
            side, offset = ("left", 7) if hours[at] <= 0.6 * hours[-1] else ("right", -7)
            ax.annotate(words, (hours[at], power[at]), (offset, 4), textcoords="offset points", ha=side)
        style.round_ticks(ax.yaxis)
        style.round_ticks(ax.xaxis, 9)
        label = outliers.label("Mean power of an hour, kW", beyond)
        style.label_axes(ax, label, x="Hours with at least this power", below=26)
    caption = (
        f"All {plural(round(figures.known_hours), 'hour')} whose energy is measured, the highest power first; the area "
        f"is the energy. Peak {moment(figures.peak_time)}; in 95 % of the time more than {number(figures.base_kw)} kW."
        + outliers.told(beyond, power, "kW")
    )
    return style.chart(fig, caption, f"{finding}. {caption}")

"""Energy by day, one row of bars per name: the seasons, the weeks, and the days that are unknown."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from belimo_nb.calendar.moments import localized
from belimo_nb.display import Chart, date, number
from belimo_nb.plots import style, timeaxis
from belimo_nb.plots.calendar import daily_calendar

MULTIPLES = 6  # so many rows of bars are still read; more become a calendar
MONTHLY_FROM = 62  # days from which a mean by month says something
DAY = pd.Timedelta(days=1)
LEGEND = 22  # CSS pixels below the axis


def daily_energy(
    kwh: pd.DataFrame | pd.Series[float],
    *,
    what: str = "Energy",
    title: str | None = None,
    period: style.Span | None = None,
) -> Chart:
    """Energy by local day: one row of bars per name, or a calendar of colors where there are more than six.

    Args:
        kwh: kWh by local day (aware index, local midnights) and name; NaN is unknown and shown hatched.
        what: What it is, such as "Heating energy".
        title: Instead of the finding.
        period: What the time axis shows; None for the span of the index.

    Raises:
        UsageError: The index has no time zone.
    """
    frame = kwh.to_frame(str(kwh.name or what)) if isinstance(kwh, pd.Series) else kwh
    zone = timeaxis.zone_of(frame.index, "daily_energy")
    known = frame.notna()
    if not known.to_numpy().any():
        return style.empty(title or f"{what} by day", f"{what} by local day.")
    if frame.shape[1] > MULTIPLES:
        return daily_calendar(frame, what=what, title=title, period=period)
    days = int(known.any(axis=1).sum())
    peak = frame.index[int(frame.sum(axis=1, min_count=1).argmax())]
    finding = f"{_kwh(frame.sum(axis=1, min_count=1))} in {number(days)} days, most on {date(pd.Timestamp(peak))}"
    start, end = timeaxis.extent(pd.DatetimeIndex(frame.index), period)
    single = frame.shape[1] == 1
    names = style.short_names([str(name) for name in frame.columns])
    bottom = style.BOTTOM + (0 if single else LEGEND)
    with rc_context(style.STYLE):
        made, axes = style.figure(title or f"{what}: {finding}", [210] if single else [96] * len(names), bottom=bottom)
        top = float(np.nanmax(frame.to_numpy(dtype=float))) * 1.06 or 1.0
        keys: dict[str, Artist] = {}
        for ax, name, (_, series) in zip(axes, names, frame.items(), strict=True):
            last = ax is axes[-1]
            handles = _days(ax, series, start, end)
            keys |= {words: artist for artist, words in handles}
            style.label(
                ax,
                "kWh per day" if single else f"{name}, kWh per day",
                x=f"Local day, {zone}" if last else "",
                handles=handles if single else (),
            )
            if not single:
                place = (1, 1 + 7 / ax.bbox.height)
                ax.annotate(_kwh(series), place, xycoords="axes fraction", ha="right", va="bottom")
            ax.set_ylim(0, top)
            style.numbers_axis(ax.yaxis, 5 if single else 3)
            timeaxis.time_axis(ax, start, end)
            ax.tick_params(labelbottom=last)
        if not single:
            corner = (style.LEFT / style.WIDTH, 6 / made.bbox.height)
            made.legend(list(keys.values()), list(keys), loc="lower left", ncols=len(keys), bbox_to_anchor=corner)
    caption = f"{what} per local calendar day."
    caption += " Dark steps: mean of the known days of a month." if "mean of the month" in keys else ""
    caption += " Hatched: unknown days, which are not zero." if "unknown" in keys else ""
    alt = f"{what}, {finding}. {'; '.join(_sentence(str(name), series) for name, series in frame.items())}."
    return Chart(made, caption, alt, style.STYLE)


def _days(ax: Axes, series: pd.Series[float], start: pd.Timestamp, end: pd.Timestamp) -> list[tuple[Artist, str]]:
    """Draw one series; its entries for the legend."""
    index = pd.DatetimeIndex(series.index)
    following = localized(index.tz_localize(None).normalize() + DAY, str(index.tz))
    left, right = timeaxis.positions(index), timeaxis.positions(following)
    values = series.to_numpy(dtype=float)
    known = np.isfinite(values)
    timeaxis.day_bars(ax, left, right, values, style.SKY)
    handles: list[tuple[Artist, str]] = [(Patch(color=style.SKY), "day")]
    if known.sum() >= MONTHLY_FROM:
        local = index.tz_localize(None)
        month = (local.year * 12 + local.month).to_numpy()
        for each in np.unique(month[known]):
            inside = known & (month == each)
            mean = values[inside].mean()
            ends = [left[inside][0], right[inside][-1]]
            ax.plot(ends, [mean, mean], color=style.INK, linewidth=1.6, solid_capstyle="butt")
        handles.append((Line2D([], [], color=style.INK, linewidth=1.6), "mean of the month"))
    spans = timeaxis.unknown_spans(index[known], start, end, DAY, 1.5)
    if spans:
        timeaxis.hatch_unknown(ax, spans)
        handles.append(style.unknown_key())
    return handles


def _kwh(series: pd.Series[float]) -> str:
    return f"{number(round(float(series.sum())))} kWh" if series.notna().any() else "unknown"


def _sentence(name: str, series: pd.Series[float]) -> str:
    if not series.notna().any():
        return f"{name}: unknown"
    gone = int(series.isna().sum())
    text = f"{name}: {_kwh(series)}, on average {number(float(series.mean()), 1)} kWh a day"
    return f"{text}, {gone} {'day' if gone == 1 else 'days'} unknown" if gone else text

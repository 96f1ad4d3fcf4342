"""Daily energy as bars, a panel per name, or of many names a row of a heatmap each, with unknown days."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from belimo_nb.calendar.periods import Period
from belimo_nb.display import Chart, date, number
from belimo_nb.display.numbers import plural
from belimo_nb.plots import outliers, style, timeaxis

MAX_PANELS = 6  # more names become a heatmap
MIN_DAYS_FOR_MEANS = 62  # days: monthly means need two months to compare
LEGEND_HEIGHT = 24  # CSS pixels below the axis
MAX_ROWS, ROW_HEIGHT = 40, 15  # of the heatmap, and CSS pixels of each
PARTIAL_COLOR = "#cfe3f0"


def daily_energy(
    kwh: pd.DataFrame | pd.Series[float],
    *,
    what: str = "Energy",
    title: str | None = None,
    period: Period | None = None,
    each: bool = False,
    troubles: timeaxis.Troubles = (),
    reason: str = "",
) -> Chart:
    """Draw energy by local day: a panel of bars per name, or a heatmap of more than six names.

    Args:
        kwh: kWh by local day (aware index, local midnights) and name; NaN is unknown and shown hatched.
        what: Name of the quantity, such as "Heating energy".
        title: In place of the finding.
        period: Range of the time axis; None: that of the index.
        each: Say the sum of each name, not of all together: of heat and cold, which are no sum. One that is nothing
            beside the other, no thousandth of it, is not drawn.
        troubles: Start and end (aware, first in each tuple) of each time in which the device reported an error.
        reason: Why nothing was measured where all is 0; empty: it was.

    Raises:
        UsageError: The index has no time zone.
    """
    frame = kwh.to_frame(str(kwh.name or what)) if isinstance(kwh, pd.Series) else kwh
    zone = timeaxis.zone_of(frame.index, "daily_energy")
    if words := style.why_nothing(frame, reason):
        return style.no_data_figure(title or f"{what} by day", f"{what} by local day.", words)
    sums = frame.sum(axis=1, min_count=1)
    peak = date(pd.Timestamp(frame.index[int(sums.argmax())]))
    known = int(sums.notna().sum())
    finding = f"{_kwh_text(sums)} in {plural(known, 'day')}"
    if known > 1 and float(sums.max()) > 0:
        finding = f"{finding}, most on {peak}"
    columns = len(frame.columns)
    if each and columns > 1:
        finding = ", ".join(f"{name} {_kwh_text(series)}" for name, series in frame.items())
        frame = frame[style.worth_a_panel(frame.sum(min_count=1))]
    if frame.shape[1] > MAX_PANELS:
        return _calendar(frame, finding, what=what, title=title, period=period)
    start, end = timeaxis.axis_range(pd.DatetimeIndex(frame.index), period)
    single, alone = frame.shape[1] == 1, columns == 1
    names = style.short_names([str(name) for name in frame.columns])
    bottom = style.BOTTOM + (0 if single else LEGEND_HEIGHT)
    with rc_context(style.RC_PARAMS):
        heights = [210] if single else [96] * len(names)
        fig, axes = style.new_figure(title or f"{what}: {finding}", heights, bottom=bottom)
        # One scale for all panels, so that their bars compare.
        top = outliers.usual_range(frame)[1] * 1.06 or 1.0
        beyond, failed = 0, False
        legend: dict[str, Artist] = {}
        for ax, name, (_, series) in zip(axes, names, frame.items(), strict=True):
            last = ax is axes[-1]
            timeaxis.time_axis(ax, start, end)
            ax.set_ylim(0, top)
            handles = _draw_days(ax, series, start, end)
            failed = timeaxis.hatch_troubles(ax, troubles, start, end)
            handles += [style.trouble_legend()] if failed else []
            legend |= {words: artist for artist, words in handles}
            midnights = pd.DatetimeIndex(series.index)
            middles = (timeaxis.positions(midnights) + timeaxis.positions(timeaxis.next_midnights(midnights))) / 2
            count = outliers.mark(ax, middles, series)
            beyond += count
            amount, room = _kwh_text(series), round(ax.bbox.width)
            if not alone:
                room -= style.text_width([amount, outliers.label(", kWh per day", count)]) * 2 + 8
                name = f"{style.fitted(name, room)}, kWh per day"
            style.label_axes(
                ax,
                outliers.label("kWh per day" if alone else name, count),
                x=f"Local day, {zone}" if last else "",
                handles=handles if single else None,
            )
            if not single:
                place = (1, 1 + 7 / ax.bbox.height)
                ax.annotate(amount, place, xycoords="axes fraction", ha="right", va="bottom")
            style.round_ticks(ax.yaxis, 5 if single else 3)
            ax.tick_params(labelbottom=last)
        if not single:
            corner = (style.LEFT / style.WIDTH, 6 / fig.bbox.height)
            fig.legend(list(legend.values()), list(legend), loc="lower left", ncols=len(legend), bbox_to_anchor=corner)
    caption = f"{what} per local calendar day."
    caption += " Steps: mean of the known days of a month." if "mean of the month" in legend else ""
    caption += " Hatched: unknown days, which are not zero." if "unknown" in legend else ""
    caption += timeaxis.TROUBLE_WORDS if failed else ""
    caption += outliers.told(beyond, frame, "kWh")
    alt = f"{what}, {finding}. {'; '.join(_alt_text(str(name), series) for name, series in frame.items())}."
    return style.chart(fig, caption, alt)


def _draw_days(ax: Axes, series: pd.Series[float], start: pd.Timestamp, end: pd.Timestamp) -> style.Legend:
    """Draw one series; returns its legend entries."""
    index = pd.DatetimeIndex(series.index)
    left, right = timeaxis.positions(index), timeaxis.positions(timeaxis.next_midnights(index))
    values = series.to_numpy(dtype=float)
    known = np.isfinite(values)
    timeaxis.day_bars(ax, left, right, values, style.SKY)
    handles: style.Legend = [(Patch(color=style.SKY), "day")]
    if known.sum() >= MIN_DAYS_FOR_MEANS:
        local = index.tz_localize(None)
        month = (local.year * 12 + local.month).to_numpy()
        for each in np.unique(month[known]):
            inside = known & (month == each)
            mean = values[inside].mean()
            ends = [left[inside][0], right[inside][-1]]
            ax.plot(ends, [mean, mean], color=style.DARK, linewidth=1.6, solid_capstyle="butt")
        handles.append((Line2D([], [], color=style.DARK, linewidth=1.6), "mean of the month"))
    spans = timeaxis.unknown_spans(index[known], start, end, timeaxis.DAY, 1.5)
    if spans:
        timeaxis.hatch_unknown(ax, spans)
        handles.append(style.unknown_legend())
    return handles


def _calendar(
    kwh: pd.DataFrame, finding: str, *, what: str, title: str | None = None, period: Period | None = None
) -> Chart:
    """Draw daily kWh (local days by name): the sum on top, a heatmap row for each of the forty largest below."""
    zone = timeaxis.zone_of(kwh.index, "daily_energy")
    index = pd.DatetimeIndex(kwh.index)
    totals = kwh.sum(min_count=1).to_numpy(dtype=float)
    order = np.argsort(-np.nan_to_num(totals, nan=-1.0), kind="stable")
    drawn = order[:MAX_ROWS]
    short = style.short_names([str(name) for name in kwh.columns])
    names, left = style.beside_bars([short[i] for i in drawn])
    row_totals = ["unknown" if np.isnan(totals[i]) else number(round(totals[i])) for i in drawn]
    known = int(np.isfinite(totals).sum())
    sum_label = f"All {kwh.shape[1]}" if known == kwh.shape[1] else f"{known} of {kwh.shape[1]}"
    start, end = timeaxis.axis_range(index, period)
    left = max(style.LEFT, left)
    right = style.text_width(row_totals) + 20
    heights = [110, ROW_HEIGHT * len(names)]
    with rc_context(style.RC_PARAMS):
        fig, (above, below) = style.new_figure(title or f"{what}: {finding}", heights, left=left, right=right)
        edges = np.append(timeaxis.positions(index), timeaxis.positions(timeaxis.next_midnights(index[-1:])))
        handles, beyond = _draw_sums(above, edges, kwh, start, end)
        label = outliers.label(f"{sum_label} together, kWh per day", beyond)
        style.label_axes(above, label, handles=handles)
        style.round_ticks(above.yaxis, 3)
        values = kwh.iloc[:, drawn].to_numpy(dtype=float).T
        top = _draw_rows(below, edges, values, names, row_totals)
        style.color_bar(below, f"{number(top)} kWh", right, more=bool(np.nanmax(values) > top))
        rows = "Each" if len(names) == kwh.shape[1] else f"The first {MAX_ROWS}"
        style.label_axes(below, f"{rows}, by energy", x=f"Local day, {zone}")
        timeaxis.time_axis(above, start, end)
        timeaxis.time_axis(below, start, end)
        above.tick_params(labelbottom=False)
    caption = (
        f"{what} per local calendar day, above of all {kwh.shape[1]} together, below of each; at the right its kWh. "
        "Hatched: unknown, which is not zero."
    )
    caption += outliers.told(beyond, kwh.sum(axis=1, min_count=1), "kWh")
    rest = order[MAX_ROWS:]
    caption += f" Not drawn: {len(rest)} more with {number(round(np.nansum(totals[rest])))} kWh." if len(rest) else ""
    first = ", ".join(f"{kwh.columns[i]} {number(round(totals[i]))} kWh" for i in order[: min(5, known)])
    return style.chart(fig, caption, f"{what}, {finding}. Most by: {first}.")


def _draw_sums(
    ax: Axes, edges: np.ndarray, kwh: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
) -> tuple[style.Legend, int]:
    """Draw the daily sums, paler on days that lack a name with data on other days: such a sum is a lower bound.

    Returns:
        Entries of the legend, and how many sums lie beyond the axis.
    """
    handles: style.Legend = []
    sums = kwh.sum(axis=1, min_count=1)
    complete_days = kwh.dropna(axis=1, how="all").notna().all(axis=1)
    timeaxis.day_bars(ax, edges[:-1], edges[1:], sums.where(complete_days).to_numpy(dtype=float), style.SKY)
    part = sums.where(~complete_days)
    if part.notna().any():
        timeaxis.day_bars(ax, edges[:-1], edges[1:], part.to_numpy(dtype=float), PARTIAL_COLOR)
        handles.append((Patch(color=PARTIAL_COLOR), "some unknown: at least"))
    spans = timeaxis.unknown_spans(pd.DatetimeIndex(sums.dropna().index), start, end, timeaxis.DAY, 1.5)
    if spans:
        timeaxis.hatch_unknown(ax, spans)
        handles.append(style.unknown_legend())
    timeaxis.time_axis(ax, start, end)
    ax.set_ylim(0, outliers.usual_range(sums)[1] * 1.06 or 1.0)
    return handles, outliers.mark(ax, (edges[:-1] + edges[1:]) / 2, sums)


def _draw_rows(ax: Axes, edges: np.ndarray, values: np.ndarray, names: list[str], row_totals: list[str]) -> float:
    """Draw a heatmap row per name; returns the value of the darkest color."""
    top = outliers.usual_range(values)[1] or 1.0
    style.heatmap(ax, edges, values, style.HEATMAP_CMAP, top)
    ax.hlines(np.arange(1, len(names)), edges[0], edges[-1], color="white", linewidth=0.8)
    ax.set_yticks(np.arange(len(names)) + 0.5, names)
    for i, words in enumerate(row_totals):
        place = (1 + 8 / ax.bbox.width, i + 0.5)
        ax.text(*place, words, transform=ax.get_yaxis_transform(), va="center_baseline")
    return top


def _kwh_text(series: pd.Series[float]) -> str:
    return f"{number(round(float(series.sum())))} kWh" if series.notna().any() else "unknown"


def _alt_text(name: str, series: pd.Series[float]) -> str:
    if not series.notna().any():
        return f"{name}: unknown"
    unknown = int(series.isna().sum())
    text = f"{name}: {_kwh_text(series)}, on average {number(float(series.mean()), 1)} kWh a day"
    return f"{text}, {plural(unknown, 'day')} unknown" if unknown else text

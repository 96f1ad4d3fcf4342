"""Time series of one valve: temperatures, flow, power and position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from belimo_nb.calendar.periods import Period
from belimo_nb.display import Chart, number, percent
from belimo_nb.display.numbers import capitalized, plural
from belimo_nb.errors import UsageError
from belimo_nb.hydronics.samples import HIGHEST_C, LOWEST_C
from belimo_nb.plots import outliers, style, timeaxis

MIN_FLOW_SHARE = 0.02  # of the maximum flow: below it both sensors show the temperature of the room
CLOSED_PCT = 1.0  # percent: at or below it a valve counts as closed


class Line(NamedTuple):
    """Column to draw as a line."""

    column: str
    name: str
    color: str
    dashed: bool = False


class Panel(NamedTuple):
    """Lines that share a y axis."""

    y_label: str
    height: int
    lines: tuple[Line, ...]
    zero: bool = False


def temperatures(
    frame: pd.DataFrame,
    *,
    title: str | None = None,
    period: Period | None = None,
    troubles: timeaxis.Troubles = (),
) -> Chart:
    """Draw the temperatures T1 and T2, the warmer one of the water red, and their difference below.

    Args:
        frame: Any of the columns `t1_c`, `t2_c` (°C) and `delta_t_k` (K); aware index in the site's zone; NaN is
            unknown. With `flow_m3h`, the title speaks of the water that flowed. A delta-T that was not read is
            that of T1 and T2; a temperature that no water has is left out, and told.
        title: In place of the finding.
        period: Range of the time axis; None: that of the index.
        troubles: Start and end (aware, first in each tuple) of each time in which the device reported an error.
    """
    frame, absurd = _of_water(frame)
    flowing = frame
    if "flow_m3h" in frame and (frame["flow_m3h"] > 0).any():
        flowing = frame[frame["flow_m3h"] > MIN_FLOW_SHARE * outliers.usual_range(frame["flow_m3h"])[1]]
    found = {name: float(flowing[name].median()) for name in ("t1_c", "t2_c", "delta_t_k") if name in flowing}
    if flowing is not frame:  # the water's; its delta-T is told once, by the counters, which see more than samples do
        flow = flowing["flow_m3h"]
        known = [name for name in found if name != "delta_t_k" and flowing[name].notna().any()]
        found = {name: float((flowing[name] * flow).sum() / flow[flowing[name].notna()].sum()) for name in known}
    # Of a valve that cools, T1 is mostly the colder one.
    cools = found.get("t1_c", math.nan) < found.get("t2_c", math.nan)
    warm, cold = (style.BLUE, style.RED) if cools else (style.RED, style.BLUE)
    panels = [
        Panel("Temperature, °C", 170, (Line("t1_c", "T1", warm), Line("t2_c", "T2", cold))),
        Panel("Delta-T, K", 110, (Line("delta_t_k", "Delta-T", style.DARK),)),
    ]
    middles = [
        f"{name} {number(found[column], 1, unit)}"
        for column, name, unit in (("t1_c", "T1", "°C"), ("t2_c", "T2", "°C"), ("delta_t_k", "Delta-T", "K"))
        if not math.isnan(found.get(column, math.nan))
    ]
    what = "Temperatures, medians of the samples" if flowing is frame else "Temperatures, weighted by flow"
    finding = f"{what}: {', '.join(middles)}" if middles else "Temperatures"
    return _draw(frame, panels, title or finding, "Temperatures", period, troubles, absurd)


def _of_water(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The temperatures that water can have, with their difference; and how many others there are, in words."""
    frame, told = frame.copy(), [""]
    for column, name in (("t1_c", "T1"), ("t2_c", "T2")):
        if column in frame:
            possible = frame[column].isna() | frame[column].between(LOWEST_C, HIGHEST_C)
            if count := int((~possible).sum()):
                read = plural(count, "reading")
                told.append(f"Left out: {read} of {name} outside {LOWEST_C:.0f} to {HIGHEST_C:.0f} °C.")
            frame[column] = frame[column].where(possible)
    if {"t1_c", "t2_c"} <= {*frame} and not frame.get("delta_t_k", pd.Series(dtype=float)).notna().any():
        frame["delta_t_k"] = (frame["t1_c"] - frame["t2_c"]).abs()
    return frame, " ".join(told)


def flow_and_power(
    frame: pd.DataFrame,
    *,
    title: str | None = None,
    period: Period | None = None,
    troubles: timeaxis.Troubles = (),
) -> Chart:
    """Draw flow and power over time.

    Args:
        frame: Any of the columns `flow_m3h` (m³/h) and `power_kw` (kW); aware index in the site's zone; NaN is unknown.
        title: In place of the finding.
        period: Range of the time axis; None: that of the index.
        troubles: As for `temperatures`.
    """
    panels = [
        Panel("Flow, m³/h", 130, (Line("flow_m3h", "flow", style.GREEN),), zero=True),
        Panel("Power, kW", 130, (Line("power_kw", "power", style.BLUE),), zero=True),
    ]
    finding, flow = "Flow and power", frame.get("flow_m3h", pd.Series(dtype=float)).dropna()
    if len(flow):
        share = float((flow > 0).mean())
        of_time = "less than 1 %" if 0 < share < 0.01 else percent(share, 0)
        finding = f"{finding}: water flowed in {of_time} of the time"
    return _draw(frame, panels, title or finding, "Flow and power", period, troubles)


def position(
    frame: pd.DataFrame,
    *,
    title: str | None = None,
    period: Period | None = None,
    troubles: timeaxis.Troubles = (),
) -> Chart:
    """Draw the valve's position, and its setpoint if known, over time.

    Args:
        frame: Column `position_pct` and, if known, `setpoint_pct` (%); aware index in the site's zone; NaN is unknown.
        title: In place of the finding.
        period: Range of the time axis; None: that of the index.
        troubles: As for `temperatures`.
    """
    lines = (Line("position_pct", "position", style.BLUE), Line("setpoint_pct", "setpoint", style.ORANGE, dashed=True))
    finding = "Valve position"
    if "position_pct" in frame and frame["position_pct"].notna().any():
        known = frame["position_pct"].dropna()
        if not (frame[frame.columns.intersection(["position_pct", "setpoint_pct"])] > CLOSED_PCT).any(axis=None):
            words = "The valve was closed throughout this period"
            return style.no_data_figure(title or finding, "Valve position over time.", words, known=True)
        closed = percent(float((known <= CLOSED_PCT).mean()), 0)
        finding = f"Valve position: {number(float(known.mean()), 0, '%')} on average, closed for {closed} of the time"
    panels = [Panel("Position, %", 170, lines, zero=True)]
    return _draw(frame, panels, title or finding, "Valve position", period, troubles)


def _draw(
    frame: pd.DataFrame,
    panels: Sequence[Panel],
    title: str,
    what: str,
    period: Period | None,
    troubles: timeaxis.Troubles,
    left_out: str = "",
) -> Chart:
    wanted = [line.column for panel in panels for line in panel.lines]
    zone = timeaxis.zone_of(frame.index, what)
    panels = [panel._replace(lines=tuple(line for line in panel.lines if line.column in frame)) for panel in panels]
    panels = [panel for panel in panels if panel.lines]
    if not panels:
        raise UsageError(
            f"{what} needs at least one of the columns {', '.join(wanted)}; there are {', '.join(map(str, frame))}."
        )
    data = frame[[line.column for panel in panels for line in panel.lines]].astype(float).sort_index()
    known = pd.DatetimeIndex(data.dropna(how="all").index)
    if not len(known):
        named = [line.name for panel in panels for line in panel.lines]
        why = f"No readings of {' or '.join(named)} in this period"
        return style.no_data_figure(what, f"{what} over time.", why)
    read = [panel for panel in panels if data[[line.column for line in panel.lines]].notna().any(axis=None)]
    unread = [line.name for panel in panels if panel not in read for line in panel.lines]
    if not data.fillna(0).to_numpy().any():
        words = f"{capitalized(' and '.join(line.name for panel in read for line in panel.lines))} read 0 throughout"
        return style.no_data_figure(what, f"{what} over time.", words, known=True)
    panels = read
    start, end = timeaxis.axis_range(pd.DatetimeIndex(data.index), period)
    bucket, beyond, failed = "", "", False
    with rc_context(style.RC_PARAMS):
        fig, axes = style.new_figure(title, [panel.height for panel in panels])
        for ax, panel in zip(axes, panels, strict=True):
            last = ax is axes[-1]
            series = [data[line.column] for line in panel.lines]
            handles, bucket = _draw_lines(ax, panel, series)
            known_times = pd.DatetimeIndex(data[[line.column for line in panel.lines]].dropna(how="all").index)
            spans = timeaxis.unknown_spans(known_times, start, end, timeaxis.usual_step(pd.DatetimeIndex(data.index)))
            timeaxis.hatch_unknown(ax, spans)
            failed = timeaxis.hatch_troubles(ax, troubles, start, end)
            handles = handles if len(handles) > 1 else []
            handles += [style.unknown_legend()] if spans and ax is axes[0] else []
            handles += [style.trouble_legend()] if failed and ax is axes[0] else []
            timeaxis.time_axis(ax, start, end)
            values, count = pd.concat(series), _limit(ax, series, zero=panel.zero)
            beyond += outliers.told(count, values, panel.y_label.split(", ")[1])
            words = outliers.label(panel.y_label, count)
            style.label_axes(ax, words, x=f"Local time, {zone}" if last else "", handles=handles)
            style.round_ticks(ax.yaxis, 4)
            ax.tick_params(labelbottom=last)
    caption = f"{what} over time."
    caption += f" Lines: mean of each {bucket}; bands: from its least to its greatest value." if bucket else ""
    caption += " Gaps and hatched areas: unknown."
    caption += left_out + (f" No readings of {' or '.join(unread)}." if unread else "")
    caption += timeaxis.TROUBLE_WORDS if failed else ""
    caption += beyond
    facts = [
        f"{line.name} from {number(float(data[line.column].min()), 1)} to {number(float(data[line.column].max()), 1)}, "
        f"on average {number(float(data[line.column].mean()), 1)} ({panel.y_label.split(', ')[1]})"
        for panel in panels
        for line in panel.lines
        if data[line.column].notna().any()
    ]
    return style.chart(fig, caption, f"{title}. {'; '.join(facts)}.")


def _limit(ax: Axes, series: Sequence[pd.Series[float]], *, zero: bool) -> int:
    """Set the y axis to what is usual, with zero where wanted, and mark what is beyond; returns how many are."""
    values = pd.concat(series)
    low, high = outliers.usual_range(values)
    if math.isnan(low):
        return 0
    low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
    room = 0.05 * (high - low) or 1.0
    ax.set_ylim(low - (0.0 if zero and low == 0 else room), high + room)
    return outliers.mark(ax, timeaxis.positions(pd.DatetimeIndex(values.index)), values)


def _draw_lines(ax: Axes, panel: Panel, series: Sequence[pd.Series[float]]) -> tuple[style.Legend, str]:
    handles: style.Legend = []
    bucket = ""
    for line, values in zip(panel.lines, series, strict=True):
        if not values.notna().any():
            continue
        bucket = timeaxis.plot_series(ax, values, line.color, linestyle="--" if line.dashed else "-") or bucket
        dashes: Literal["--", "-"] = "--" if line.dashed else "-"
        handles.append((Line2D([], [], color=line.color, linestyle=dashes, linewidth=1.6), line.name))
    return handles, bucket

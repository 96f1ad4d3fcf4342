"""Data availability: which hours of a year have readings, and in which the device reported an error."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from belimo_nb.calendar.moments import skipped
from belimo_nb.calendar.periods import Period
from belimo_nb.display import Chart, number
from belimo_nb.display.numbers import capitalized, plural
from belimo_nb.plots import style, timeaxis

HEIGHT = 150
HAS_DATA, IN_ERROR = 0, 1
COLORS = ListedColormap([style.SKY, style.RED])


def data_map(
    known: pd.Series[bool],
    troubles: timeaxis.Troubles = (),
    *,
    period: Period,
    title: str | None = None,
) -> Chart:
    """Draw which hours have data and in which the device reported an error, by local day (x) and hour of the day (y).

    Args:
        known: Whether a sample has any reading; aware index in the site's zone, the ends of buckets.
        troubles: Start and end (aware, first in each tuple) of each time in which the device reported an error.
        period: Range of the axis.
        title: In place of the finding.
    """
    zone = timeaxis.zone_of(known.index, "data_map")
    ends = pd.DatetimeIndex(known.index)
    # A bucket of several hours stands for all of them.
    width = max(1, int(timeaxis.usual_step(ends) / pd.Timedelta(hours=1)))
    ends = ends[known.to_numpy(dtype=bool)]
    ends = pd.DatetimeIndex(ends[:0].append([ends - pd.Timedelta(back, "h") for back in range(width)]))
    # A bucket's end on the hour still belongs to the hour before.
    local = (ends - pd.Timedelta(1, "ns")).tz_localize(None)
    first = period.start.tz_localize(None).normalize()
    days = pd.date_range(first, (period.end - pd.Timedelta(1, "ns")).tz_localize(None), freq="D")
    state = np.full((24, len(days)), np.nan)
    day = (local.normalize() - first).days.to_numpy()
    inside = (day >= 0) & (day < len(days))
    state[local.hour.to_numpy()[inside], day[inside]] = HAS_DATA
    # Real hours, not the 24 of a wall clock: a skipped hour must not count as missing.
    hours = pd.date_range(period.start.floor("h"), period.end, freq="h", inclusive="left")
    in_error = np.zeros(len(hours), bool)
    for begin, end, *_ in troubles:
        in_error |= np.asarray((hours + pd.Timedelta(1, "h") > begin) & (hours < end))
    naive = hours.tz_localize(None)
    day_of_hour = (naive.normalize() - first).days.to_numpy()
    covered = np.isfinite(state[naive.hour.to_numpy(), day_of_hour])
    missing, errors = int((~covered & ~in_error).sum()), int(in_error.sum())
    state[naive.hour.to_numpy()[in_error], day_of_hour[in_error]] = IN_ERROR
    _fill_skipped_hours(state, days, zone)
    finding = title or _finding(len(hours), missing, errors)
    handles: style.Legend = [(Patch(color=style.SKY), "data")]
    if errors:
        handles.append((Patch(color=style.RED), "error or warning"))
    if missing:
        handles.append(style.unknown_legend())
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [HEIGHT])
        style.heatmap(ax, timeaxis.positions(timeaxis.midnights(days, zone)), state, COLORS, IN_ERROR)
        ax.set_yticks(*style.HOUR_TICKS)
        timeaxis.time_axis(ax, period.start, period.end)
        style.label_axes(ax, "Hour of the day", x=f"Local day, {zone}", handles=handles)
    caption = (
        "Hours with readings, hours in which the device reported an error or a warning (from its events), and hatched: "
        "hours without any reading."
    )
    return style.chart(fig, caption, f"{finding}. {caption}")


def _fill_skipped_hours(state: np.ndarray, days: pd.DatetimeIndex, zone: str) -> None:
    """Give hours that a clock change skips the state of the hour before: no data are missing there."""
    wall_times = pd.DatetimeIndex(np.add.outer(days.to_numpy(), np.arange(24) * np.timedelta64(1, "h")).ravel())
    for at in np.flatnonzero(skipped(wall_times, zone)):
        day, hour = divmod(int(at), 24)
        state[hour, day] = state[hour - 1, day] if hour else state[23, max(day - 1, 0)]


def _finding(total: int, missing: int, errors: int) -> str:
    every = f"readings in every one of {plural(total, 'hour')}"
    gaps = f"no readings in {number(missing)} of {plural(total, 'hour')}" if missing else every
    return capitalized(f"{gaps}, an error or a warning in {number(errors)}" if errors else gaps)

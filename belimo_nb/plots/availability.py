"""Where there are data and where there are none, and when the device reported an error: a year, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch, Rectangle

from belimo_nb.calendar.moments import localized
from belimo_nb.display import Chart, number
from belimo_nb.plots import style, timeaxis

HEIGHT = 150
DATA, TROUBLE = 0, 1
COLORS = ListedColormap([style.SKY, style.RED])


def data_map(
    known: pd.Series[bool],
    troubles: Sequence[tuple[pd.Timestamp, pd.Timestamp, *tuple[object, ...]]] = (),
    *,
    period: style.Span,
    title: str | None = None,
) -> Chart:
    """Draw by local day (along) and hour (down) where there are data, and where the device reported an error.

    Args:
        known: Whether there is any reading, by sample, at the times the readings are valid for (ends of buckets);
            aware index in the site's zone.
        troubles: When the device was not well: begin and end (aware) of each stretch come first.
        period: What the axis shows.
        title: Instead of the finding.
    """
    zone = timeaxis.zone_of(known.index, "data_map")
    ends = pd.DatetimeIndex(known.index)
    # A bucket's end on the hour still belongs to the hour before.
    local = (ends - pd.Timedelta(1, "ns")).tz_localize(None)
    first = period.start.tz_localize(None).normalize()
    days = pd.date_range(first, (period.end - pd.Timedelta(1, "ns")).tz_localize(None), freq="D")
    state = np.full((24, len(days)), np.nan)
    day = (local.normalize() - first).days.to_numpy()
    inside = (day >= 0) & (day < len(days)) & known.to_numpy(dtype=bool)
    state[local.hour.to_numpy()[inside], day[inside]] = DATA
    hours = pd.date_range(period.start.floor("h"), period.end, freq="h", inclusive="left")
    bad = np.zeros(len(hours), bool)
    for begin, end, *_ in troubles:
        bad |= np.asarray((hours + pd.Timedelta(1, "h") > begin) & (hours < end))
    naive = hours.tz_localize(None)
    where = (naive.normalize() - first).days.to_numpy()
    covered = np.isfinite(state[naive.hour.to_numpy(), where])
    missing, wrong = int((~covered & ~bad).sum()), int(bad.sum())
    state[naive.hour.to_numpy()[bad], where[bad]] = TROUBLE
    _bridge(state, days, zone)
    finding = title or _finding(len(hours), missing, wrong)
    midnights = localized(pd.DatetimeIndex([*days, days[-1] + pd.Timedelta(days=1)]), zone)
    handles: list[tuple[Artist, str]] = [(Patch(color=style.SKY), "data")]
    if wrong:
        handles.append((Patch(color=style.RED), "error or warning"))
    if missing:
        handles.append(style.unknown_key())
    with rc_context(style.STYLE):
        made, (ax,) = style.figure(finding, [HEIGHT])
        ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, zorder=0, **style.UNKNOWN))
        edges = timeaxis.positions(midnights)
        shown = np.ma.masked_invalid(state)
        ax.pcolormesh(edges, np.arange(25), shown, cmap=COLORS, vmin=DATA, vmax=TROUBLE, zorder=1, rasterized=True)
        ax.grid(visible=False)
        ax.set_ylim(24, 0)
        ax.set_yticks([0, 6, 12, 18, 24], ["00:00", "06:00", "12:00", "18:00", "24:00"])
        timeaxis.time_axis(ax, period.start, period.end)
        style.label(ax, "Hour of the day", x=f"Local day, {zone}", handles=handles)
    caption = (
        "Hours with readings, hours in which the device reported an error or a warning (from its events), and hatched: "
        "hours without any reading."
    )
    return Chart(made, caption, f"{finding}. {caption}", style.STYLE)


def _bridge(state: np.ndarray, days: pd.DatetimeIndex, zone: str) -> None:
    """Give the hours that a clock change skips the state of the hour before: nothing is missing there."""
    walls = pd.DatetimeIndex(np.add.outer(days.to_numpy(), np.arange(24) * np.timedelta64(1, "h")).ravel())
    skipped = walls.tz_localize(zone, nonexistent="NaT", ambiguous=np.ones(len(walls), bool)).isna()
    for at in np.flatnonzero(skipped):
        day, hour = divmod(int(at), 24)
        state[hour, day] = state[hour - 1, day] if hour else state[23, max(day - 1, 0)]


def _finding(total: int, missing: int, wrong: int) -> str:
    if not missing and not wrong:
        return f"Readings in every one of {number(total)} hours, and no error reported"
    gaps = f"no readings in {number(missing)} of {number(total)} hours" if missing else "readings in every hour"
    error = f"an error or a warning in {number(wrong)}" if wrong else "no error reported"
    return f"{gaps[:1].upper()}{gaps[1:]}, {error}"

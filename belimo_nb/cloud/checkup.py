"""The checkup of one valve: its samples, two weeks of them in detail, and the verdicts of the checks."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from belimo_nb.api import measurements
from belimo_nb.api.health import METER, said_of_meter
from belimo_nb.api.history import MAX_BUCKETS, buckets, parse_resolution
from belimo_nb.api.profile import Profile
from belimo_nb.api.sparse import LEAD, held_columns, true_spacing
from belimo_nb.calendar.moments import nanoseconds
from belimo_nb.calendar.periods import Period
from belimo_nb.client.retries import own_error
from belimo_nb.cloud.needs import history_queries
from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.hydronics import Characteristic, Design, Samples, Verdict, busiest_window, judge
from belimo_nb.hydronics.checks.oversized import SIZING_DAYS
from belimo_nb.hydronics.checks.saturation import characteristics
from belimo_nb.hydronics.diagnose import verdict_table
from belimo_nb.quantities import MEASURED, plural
from belimo_nb.store.archive import HistoryQuery, span_of
from belimo_nb.store.device_history import DeviceHistory
from belimo_nb.store.disk import canonical_resolution
from belimo_nb.weather import outdoor_temperature

if TYPE_CHECKING:
    from belimo_nb.cloud.connection import Connection
    from belimo_nb.cloud.device import Device
    from belimo_nb.weather.source import Site

FINE_RESOLUTION = "5m"  # resolution of the samples in detail, as fine as the cloud has them
FILES_RESOLUTION = "15m"  # of the samples of the whole period, where they cost no request
LONG_CHECKS = ("oversized", "night setback")  # checks that a month may be too short for
MOST_SAMPLES = 250_000  # samples of one checkup: two years every 5 minutes, or 28 hourly ones


@dataclass(frozen=True)
class Checkup:
    """The samples, verdicts and curves of one valve.

    Attributes:
        samples: Measurements of the whole period, see `Device.measurements`.
        fine: The same every 5 minutes, of the window; None where there is none.
        window: The days in which the valve is most active, local midnights; None if it never is.
        design: Design values and settings of the valve.
        verdicts: One row a check, see `belimo_nb.hydronics.diagnose`.
        curves: How power depends on flow, when heating and when cooling.
    """

    samples: pd.DataFrame = field(repr=False)
    fine: pd.DataFrame | None = field(repr=False)
    window: tuple[pd.Timestamp, pd.Timestamp] | None
    design: Design
    verdicts: pd.DataFrame = field(repr=False)
    curves: Mapping[str, Characteristic] = field(repr=False)

    @property
    def measured(self) -> list[str]:
        """The columns of the samples that hold any value."""
        return [str(name) for name in self.samples.columns if self.samples[name].notna().any()]

    @property
    def mean_delta_t_k(self) -> float:
        """The flow-weighted mean delta-T, K; NaN where it is not known."""
        rows = self.verdicts[self.verdicts["check"] == "flow-weighted delta-T"]
        return float(rows["figure"].iloc[0])

    @property
    def busiest_day(self) -> pd.DataFrame:
        """The samples in detail of the local day in which the position moved most; without detail all samples."""
        if self.fine is None:
            return self.samples
        moved = self.fine["position_pct"].diff().abs()
        # A sample belongs to its bucket's end: that of midnight is the last of the day before.
        days = (pd.DatetimeIndex(self.fine.index) - pd.Timedelta(1, "ns")).tz_localize(None).normalize()
        by_day = moved.groupby(days).sum()
        return self.fine[days == by_day.idxmax()] if len(by_day) else self.fine

    @property
    def delta_t_k(self) -> pd.Series[Any]:
        """``|T1 - T2|`` of the samples while water flows, K; NaN elsewhere."""
        samples = Samples(self.samples, design=self.design)
        return pd.Series(samples.delta_t, samples.index).where(samples.active).reindex(self.samples.index)


def examine(
    connection: Connection, device: Device, period: Period, resolution: str, design_delta_t: float | None
) -> Checkup:
    """Fetch the samples of a device, through the store, and run the checks; see `Device.checkup`.

    Args:
        connection: With all that it knows of the device's site.
        device: What it does not measure is not judged.
        period: Of the samples.
        resolution: Of the samples of the whole period; of imported files at least every 15 minutes.
        design_delta_t: Design delta-T in K; None: unknown.

    Raises:
        UsageError: The range is too long for the resolution, or the design delta-T makes no sense.
    """
    from belimo_nb.cloud.outages import outages_around  # which reads neighbors as a survey does, by this module

    resolution = judged_at(connection, period, resolution)
    _check_cost(period.start, period.end, resolution)
    design, tz = device.design, str(period.start.tz)
    longest = _stored_longest(connection, device, period, resolution)
    known = None if longest is None else Period(longest.index[0], period.end)
    outdoor = None if known is None else outdoor_or_none(connection, known)
    outdoor = outdoor_or_none(connection, period) if outdoor is None else outdoor
    health = reported_errors(device, period, connection.now)
    quantities = tuple(device.profile.checked) if device.has_profile else MEASURED
    samples = device.measurements(quantities, period.start, period.end, resolution)
    coarse = samples_of(samples, parse_resolution(resolution), design)
    window = busiest_window_within(coarse, period)
    # Two weeks in detail fit into one request; a year would take a dozen.
    fine = None
    if window is not None and parse_resolution(resolution) > parse_resolution(FINE_RESOLUTION):
        fine = device.measurements(MEASURED, *window, FINE_RESOLUTION)
    verdicts = judge(
        coarse,
        None if fine is None else samples_of(fine, parse_resolution(FINE_RESOLUTION), design),
        design_delta_t=design_delta_t,
        tz=tz,
        outdoor=outdoor,
        until=min(period.end, connection.now),
        health=health,
        outages=outages_around(connection, device, period, coarse),
    )
    table = verdict_table(on_longest(verdicts, longest, tz, outdoor))
    return Checkup(samples, fine, window, design, table, characteristics(coarse))


def judged_at(connection: Connection, period: Period, resolution: str) -> str:
    """The resolution that checks look at: of imported files, which cost no request, every 15 minutes at least."""
    finer = parse_resolution(FILES_RESOLUTION)
    affordable = finer < parse_resolution(resolution) and (period.end - period.start) / finer <= MOST_SAMPLES
    return FILES_RESOLUTION if connection.settings.source_files and affordable else resolution


def reported_errors(device: Device, period: Period, now: pd.Timestamp) -> str:
    """What a device said of its meter in a period, from its events; where they cannot be had, from its health now."""
    try:
        return said_of_meter(device.events(), period.start, min(period.end, now))
    except (BelimoError, MemoryError) as error:
        own_error(error, device.name)
        return present_error(device.summary) if period.end >= now else ""


def present_error(row: pd.Series[Any]) -> str:
    """The cause of the present error of a device's meter, from its row of `Cloud.devices`; empty if there is none."""
    cause = str(row["note"] or "")
    return cause if row["health"] in ("WARNING", "ERROR") and METER.search(cause) else ""


def longest_samples(
    kept: DeviceHistory, query: HistoryQuery, profile: Profile, design: Design, period: Period, now: pd.Timestamp
) -> Samples | None:
    """The samples of all that the store holds up to a period's end, for the checks that a short one is too short for.

    None where the period is long enough (300 days), or the store holds no flow from before it.
    """
    located = profile.checked
    flow = kept.columns.get(str(located["flow"]))
    known = np.empty(0) if flow is None else kept.times[pd.notna(flow)]
    if not len(known) or known[0] >= period.start.timestamp() or is_long(period):
        return None
    begin = pd.Timestamp(int(known[0]), unit="s", tz="UTC")
    until = min(period.end, now.ceil("h"))
    return stored_samples(kept, query, profile, design, begin, until, str(period.start.tz), pd.Timedelta(0))


def stored_samples(
    kept: DeviceHistory,
    query: HistoryQuery,
    profile: Profile,
    design: Design,
    start: pd.Timestamp,
    end: pd.Timestamp,
    tz: str,
    lead: pd.Timedelta = LEAD,
) -> Samples:
    """The samples of a range from what is kept of a query, as `samples_of` gives those of `Device.measurements`.

    Without a table of them, since there may be thousands of valves. What is kept from before the range, by `lead`,
    tells which values hold when it begins.
    """
    step = parse_resolution(query.resolution)
    grid, first, ends = _rows(start, end, step, tz, lead)
    here = kept.columns.keys() & query.wanted.keys()
    located = {key: found for key, found in profile.checked.items() if found in here}
    raw, spacing = held_columns(kept.on(list(located.values()), grid), grid, step, query.seen.moment, rare=profile.told)
    rows = _spaced(ends, spacing, step)
    columns = measurements.converted(
        {key: values[first:][rows] for key, values in raw.items()}, profile, located, query.name
    )
    return Samples.of_columns(ends[rows], columns, spacing, design)


@functools.lru_cache(maxsize=16)  # the devices of a fleet share them
def _rows(
    start: pd.Timestamp, end: pd.Timestamp, step: pd.Timedelta, tz: str, lead: pd.Timedelta
) -> tuple[pd.DatetimeIndex, int, pd.DatetimeIndex]:
    """The buckets of a range and of `lead` before it, how many are before it, and the ends of the others."""
    grid = buckets(start - lead, end, step)
    first = int(grid.searchsorted(start))
    return grid, first, (grid[first:] + step).tz_convert(tz).rename("time")


def is_long(period: Period) -> bool:
    """Whether a period is long enough for every check."""
    return (period.end - period.start).days >= SIZING_DAYS


def on_longest(
    verdicts: Sequence[Verdict], longest: Samples | None, tz: str, outdoor: pd.Series[Any] | None = None
) -> list[Verdict]:
    """Verdicts, those that need a long history from the longest that there is, where that can be judged."""
    if longest is None:
        return list(verdicts)
    judged = {one.check: one for one in judge(longest, tz=tz, outdoor=outdoor, checks=LONG_CHECKS)}
    flow = longest.values("flow_m3h")
    days = np.isfinite(flow).sum() * longest.hours / 24
    last = longest.index[np.flatnonzero(np.isfinite(flow))[-1]]
    told = f" As of {last:%Y-%m-%d}, from the {plural(round(days), 'day')} that the store holds."
    return [
        replace(found, sentence=found.sentence + told)
        if (found := judged.get(one.check, one)) is not one and found.verdict != "cannot judge"
        else one
        for one in verdicts
    ]


def _stored_longest(connection: Connection, device: Device, period: Period, resolution: str) -> Samples | None:
    if is_long(period) or not device.has_profile:
        return None  # before the store is read: most reports are of a year
    archive, row = connection.archive, pd.DataFrame([device.summary])
    for step in dict.fromkeys((canonical_resolution(resolution), "1h")):
        for query in history_queries(connection, row, period.start, period.end, step):
            wanted = list(query.wanted)
            kept = archive.joined(archive.store.read(device.id, step, wanted), query, wanted)
            found = longest_samples(kept, query, device.profile, device.design, period, connection.now)
            if found is not None:
                return found
    return None


def samples_of(frame: pd.DataFrame, step: pd.Timedelta, design: Design) -> Samples:
    """The samples of a frame of `Device.measurements`, at the spacing that its readings really have.

    Args:
        frame: Measurements.
        step: The spacing that was asked for.
        design: What the valve is made and set for.
    """
    spacing = true_spacing(frame, step)
    return Samples(frame[_spaced(pd.DatetimeIndex(frame.index), spacing, step)], spacing, design)


def _spaced(index: pd.DatetimeIndex, spacing: pd.Timedelta, step: pd.Timedelta) -> Any:
    """Which rows lie at a spacing: a check must not take one reading that holds for an hour for twelve samples."""
    return nanoseconds(index) // 10**9 % int(spacing.total_seconds()) == 0 if spacing > step else slice(None)


def busiest_window_within(samples: Samples, period: Period) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The two busiest weeks of a period, for samples in detail; None if the valve never moves water."""
    found = busiest_window(samples, tz=str(period.start.tz))
    if found is None:
        return None
    start, end = max(found[0], period.start), min(found[1], period.end)
    return (start, end) if start < end else None


def fine_query(
    query: HistoryQuery, located: Mapping[str, str | None], window: tuple[pd.Timestamp, pd.Timestamp]
) -> HistoryQuery:
    """Turn any query about a device into that for samples in detail: its measured quantities every 5 minutes."""
    span = span_of(window[0] - LEAD, window[1], FINE_RESOLUTION)
    wanted = {identifier: span for key in MEASURED if (identifier := located[key]) is not None}
    return replace(query, resolution=FINE_RESOLUTION, wanted=wanted)


def outdoor_or_none(site: Site, period: Period) -> pd.Series[Any] | None:
    """The outdoor temperature of a period, or None if it cannot be had: the checks do without."""
    try:
        return outdoor_temperature(site, period.start, period.end)
    except BelimoError:
        return None


def _check_cost(start: pd.Timestamp, end: pd.Timestamp, resolution: str) -> None:
    step = parse_resolution(resolution)
    count = int((end - start) / step)
    if count > MOST_SAMPLES:
        raise UsageError(
            f"From {start:%Y-%m-%d} to {end:%Y-%m-%d} every {resolution} there are {plural(count, 'reading')} of each "
            f"quantity, in {-(-count // MAX_BUCKETS)} requests; use a coarser resolution, such as 1h, or a shorter "
            "range."
        )

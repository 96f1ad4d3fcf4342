"""The checkup of one valve: its samples, two weeks of them in detail, and the verdicts of the checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from belimo_nb import hydronics
from belimo_nb.api.history import MAX_BUCKETS, parse_resolution
from belimo_nb.api.sparse import LEAD, true_spacing
from belimo_nb.calendar.periods import Period
from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.hydronics import Characteristic, Design, Samples, busiest_window
from belimo_nb.hydronics.checks.saturation import characteristics
from belimo_nb.quantities import MEASURED
from belimo_nb.store.archive import HistoryQuery, span_of
from belimo_nb.weather import outdoor_temperature

if TYPE_CHECKING:
    from belimo_nb.weather.source import Site

FINE_RESOLUTION = "5m"  # resolution of the samples in detail, as fine as the cloud has them
MOST_SAMPLES = 250_000  # samples of one checkup: two years every 5 minutes, or 28 hourly ones


class Measure(Protocol):
    """A function that gives samples of a valve, as `Device.measurements`."""

    def __call__(  # noqa: D102 - as its class says
        self, quantities: Sequence[str], start: pd.Timestamp, end: pd.Timestamp, resolution: str
    ) -> pd.DataFrame: ...


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
        return pd.Series(samples.delta_t, self.samples.index).where(samples.active)


def examine(
    measure: Measure,
    design: Design,
    start: pd.Timestamp,
    end: pd.Timestamp,
    resolution: str = "1h",
    *,
    design_delta_t: float | None = None,
    outdoor: pd.Series[Any] | None = None,
    now: pd.Timestamp | None = None,
) -> Checkup:
    """Fetch the samples of a valve, through the store, and run the checks.

    Args:
        measure: Gives samples of the valve, as `Device.measurements`; what it does not measure is not judged.
        design: Design values and settings of the valve.
        start: Begin, aware.
        end: End, exclusive, aware.
        resolution: Of the samples of the whole period.
        design_delta_t: Design delta-T in K; None: unknown.
        outdoor: Hourly outdoor temperature, °C; None: unknown.
        now: The moment up to which there could be readings; None: unknown.

    Raises:
        UsageError: The range is too long for the resolution, or the design delta-T makes no sense.
    """
    _check_cost(start, end, resolution)
    samples = measure(MEASURED, start, end, resolution)
    coarse = samples_of(samples, parse_resolution(resolution), design)
    window = busiest_window_within(coarse, Period(start, end))
    # Two weeks in detail fit into one request; a year would take a dozen.
    fine = None
    if window is not None and parse_resolution(resolution) > parse_resolution(FINE_RESOLUTION):
        fine = measure(MEASURED, *window, FINE_RESOLUTION)
    verdicts = hydronics.diagnose(
        coarse,
        None if fine is None else samples_of(fine, parse_resolution(FINE_RESOLUTION), design),
        design_delta_t=design_delta_t,
        tz=str(start.tz),
        outdoor=outdoor,
        until=None if now is None else min(end, now),
    )
    return Checkup(samples, fine, window, design, verdicts, characteristics(coarse))


def samples_of(frame: pd.DataFrame, step: pd.Timedelta, design: Design) -> Samples:
    """The samples of a frame of `Device.measurements`, at the spacing that its readings really have.

    Args:
        frame: Measurements.
        step: The spacing that was asked for.
        design: What the valve is made and set for.
    """
    # A check must not take one reading that holds for an hour for twelve samples.
    spacing = true_spacing(frame, step)
    if spacing > step:
        seconds = pd.DatetimeIndex(frame.index).as_unit("s").asi8
        frame = frame[seconds % int(spacing.total_seconds()) == 0]
    return Samples(frame, spacing, design)


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
            f"From {start:%Y-%m-%d} to {end:%Y-%m-%d} every {resolution} there are {count:,} readings of each quantity,"
            f" in {-(-count // MAX_BUCKETS)} requests; use a coarser resolution, such as 1h, or a shorter range."
        )

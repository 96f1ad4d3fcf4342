"""One valve examined: its samples, two weeks of them in detail, and what the checks say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from belimo_nb import hydronics
from belimo_nb.api.history import MOST_BUCKETS, parse_resolution
from belimo_nb.calendar.periods import Period
from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.hydronics import Characteristic, Design, Samples, busiest_window
from belimo_nb.hydronics.checks.saturation import characteristics
from belimo_nb.quantities import MEASURED
from belimo_nb.store.archive import Question, span_of
from belimo_nb.weather import outdoor_temperature

if TYPE_CHECKING:
    from belimo_nb.weather.source import Site

__all__ = ["FINE", "Checkup", "examine", "fine_question", "outdoor_or_none", "window_of"]

FINE = "5m"
"""Spacing of the samples in detail: that of the cloud's own."""
MOST_SAMPLES = 250_000
"""Of one valve: two years every 5 minutes, or 28 hourly ones."""


class Measure(Protocol):
    """Gives samples of a valve, as `Device.measurements`."""

    def __call__(
        self, quantities: Sequence[str], start: pd.Timestamp, end: pd.Timestamp, resolution: str
    ) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Checkup:
    """What was found out about one valve.

    Attributes:
        samples: Measurements of the whole period, see `Device.measurements`.
        fine: The same every 5 minutes, of the window; None where there is none.
        window: The days in which the valve is most active, local midnights; None if it never is.
        design: What the valve is made and set for.
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
        """The columns of the samples that hold anything."""
        return [str(name) for name in self.samples.columns if self.samples[name].notna().any()]

    @property
    def mean_delta_t_k(self) -> float:
        """The flow-weighted mean delta-T, K; NaN where it is not known."""
        rows = self.verdicts[self.verdicts["check"] == "flow-weighted delta-T"]
        return float(rows["figure"].iloc[0])

    @property
    def busiest_day(self) -> pd.DataFrame:
        """The samples in detail of the local day in which the position moved most; without them all samples."""
        if self.fine is None:
            return self.samples
        moved = self.fine["position_pct"].diff().abs()
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
    """Fetch what the checks need, through the store, and run them.

    Args:
        measure: Gives samples of the valve, as `Device.measurements`; what it does not measure is not judged.
        design: What the valve is made and set for.
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
    made = Samples(samples, parse_resolution(resolution), design)
    window = window_of(made, Period(start, end))
    fine = None
    if window is not None and parse_resolution(resolution) > parse_resolution(FINE):
        fine = measure(MEASURED, *window, FINE)
    verdicts = hydronics.diagnose(
        made,
        None if fine is None else Samples(fine, parse_resolution(FINE), design),
        design_delta_t=design_delta_t,
        tz=str(start.tz),
        outdoor=outdoor,
        until=None if now is None else min(end, now),
    )
    return Checkup(samples, fine, window, design, verdicts, characteristics(made))


def window_of(samples: Samples, period: Period) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The two weeks of a period that are worth a closer look, within it; None if the valve never moves water."""
    found = busiest_window(samples, tz=str(period.start.tz))
    if found is None:
        return None
    start, end = max(found[0], period.start), min(found[1], period.end)
    return (start, end) if start < end else None


def fine_question(
    question: Question, located: Mapping[str, str | None], window: tuple[pd.Timestamp, pd.Timestamp]
) -> Question:
    """What to ask for a closer look at a device: its measured quantities every 5 minutes.

    Args:
        question: Any question about the device.
        located: The datapoint of each quantity.
        window: See `window_of`.
    """
    span = span_of(*window, FINE)
    wanted = {identifier: span for key in MEASURED if (identifier := located[key]) is not None}
    return replace(question, resolution=FINE, wanted=wanted)


def outdoor_or_none(site: Site, period: Period) -> pd.Series[Any] | None:
    """The outdoor temperature of a period, if it can be had: the checks can do without."""
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
            f" in {-(-count // MOST_BUCKETS)} requests; use a coarser resolution, such as 1h, or a shorter range."
        )

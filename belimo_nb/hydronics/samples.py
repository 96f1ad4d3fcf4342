"""The samples of one valve, made ready for the checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.calendar.moments import nanoseconds
from belimo_nb.errors import UsageError
from belimo_nb.hydronics.water import KWH_PER_KJ, volumetric_heat
from belimo_nb.quantities import MEASURED, QUANTITIES, TOLD

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Signs = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

ACTIVE_FLOW = 0.02  # share of the 99th percentile of flow above which a sample can be active
ACTIVE_POSITION_PCT = 5.0  # position above which a sample can be active
ACTIVE_HOURS = 24.0  # active hours below which no check on active samples is judged
WARM_WATER_C = 22.0
"""Mean of the two water temperatures above which a valve heats, below which it cools, where no counter tells.

Chilled water comes back below 20 °C, heating water above 24 °C even from a floor in spring; and unlike the sign of T1
minus T2, this does not turn when the sensors are swapped.
"""
COLD_C, HOT_C = 15.0, 30.0
"""Water below the one (either sensor) cools, above the other heats, whatever the counters say: swapped sensors count
on the wrong one.
"""
ONE_KIND = 0.02
"""Share of both counters' rises up to which the smaller is no change-over: idle water that warmed, at a start-up."""
IMPOSSIBLE = 5.0
"""Times the 99th percentile beyond which power is another device's reading, and a rise a counter that came back."""
MOST_FLOW = 3.0  # times the nominal flow, beyond which a flow is another device's reading
LOWEST_C, HIGHEST_C = -10.0, 130.0  # water outside is none: an open or a shorted sensor
COLUMNS = tuple(QUANTITIES[name].column for name in MEASURED)
OPTIONAL = tuple(QUANTITIES[name].column for name in TOLD)
"""What a device may tell besides: error bits, its actuator's counters (a stroke is 0 to 100 %), power by direction."""


@dataclass(frozen=True)
class Design:
    """What a valve is made and set for; NaN where unknown.

    Attributes:
        delta_t_k: Difference of the water temperatures at design power, K.
        nominal_flow_m3h: Nominal flow of the valve body, m3/h.
        max_flow_m3h: Maximum flow setting, m3/h.
        glycol_pct: Share of glycol in the water, percent.
        least_delta_t_k: Delta-T below which water comes back too little used, K; unknown: by the kind of water, see
            `belimo_nb.hydronics.checks.delta_t`. For district heating about 20 K.
    """

    delta_t_k: float = float("nan")
    nominal_flow_m3h: float = float("nan")
    max_flow_m3h: float = float("nan")
    glycol_pct: float = float("nan")
    least_delta_t_k: float = float("nan")


class Samples:
    """Measurements of one valve at a nominal spacing, as `Device.measurements` gives them; they are not to be changed.

    Args:
        frame: Index: aware times at which the readings are valid, ascending and distinct; columns among power_kw,
            flow_m3h, t1_c, t2_c, delta_t_k, position_pct, setpoint_pct, heating_kwh, cooling_kwh, volume_m3 (the last
            three are counter readings) and `OPTIONAL`. Columns that are missing are added, all NaN (but for optional
            ones); other columns are dropped, and rows without any value; infinite values become NaN.
        step: Nominal spacing; None: the most frequent one, or the median of polls that drift. Where empty rows lie
            between the readings, as of polls every 15 minutes on a grid of 5, theirs if that is wider.
        design: What the valve is made and set for.

    Raises:
        UsageError: The index is naive, not ascending, or not made of times; or a column holds no numbers.
    """

    def __init__(self, frame: pd.DataFrame, step: pd.Timedelta | None = None, design: Design | None = None) -> None:
        index = frame.index
        if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
            raise UsageError("The samples need an index of times with a time zone; localize them first.")
        columns = {column: _numbers(frame[column]) for column in (*COLUMNS, *OPTIONAL) if column in frame}
        self._set(index, columns, step, design or Design())

    @classmethod
    def of_columns(
        cls, index: pd.DatetimeIndex, columns: Mapping[str, Floats], step: pd.Timedelta, design: Design
    ) -> Samples:
        """The same of arrays, for thousands of valves; the index has a zone, and the arrays stay as they are."""
        made = cls.__new__(cls)
        made._set(index, columns, step, design)
        return made

    def _set(
        self, index: pd.DatetimeIndex, columns: Mapping[str, Floats], step: pd.Timedelta | None, design: Design
    ) -> None:
        if not (np.diff(nanoseconds(index)) > 0).all():
            raise UsageError("The times of the samples must be ascending and distinct; sort them and drop duplicates.")
        given = {
            column: _finite(columns[column]) if column in columns else np.full(len(index), np.nan)
            for column in (*COLUMNS, *(column for column in OPTIONAL if column in columns))
        }
        empty = _empty(given.values(), len(index))
        if empty.any() and not empty.all():
            index, given = index[~empty], {column: values[~empty] for column, values in given.items()}
            own = _spacing(index)
            step = own if step is None else max(step, own)
        self.index, self.design, self._given = index, design, given
        self.step = _spacing(index) if step is None else step
        self._columns = {**given, "flow_m3h": _credible_flow(given["flow_m3h"], design.nominal_flow_m3h)}

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All of it as a table, as it was given."""
        return pd.DataFrame(self._given, self.index)

    def __repr__(self) -> str:
        index = self.index
        said = f"{len(index)} every {self.step.total_seconds() / 60:g} min"
        if len(index):
            said = f"{said}, {index[0]:%Y-%m-%d %H:%M} to {index[-1]:%Y-%m-%d %H:%M}"
        return f"<Samples: {said}>"

    def __len__(self) -> int:
        return len(self.index)

    def values(self, column: str) -> Floats:
        """One column as an array, NaN where unknown."""
        return self._columns[column] if column in self._columns else np.full(len(self), np.nan)

    @property
    def columns(self) -> list[Floats]:
        """All columns as arrays, in the order of the frame."""
        return list(self._columns.values())

    def known(self, *columns: str) -> bool:
        """Whether each of these columns has any value."""
        return self._known.issuperset(columns)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(column for column, values in self._columns.items() if np.isfinite(values).any())

    @property
    def empty(self) -> bool:
        """Whether there is no value at all."""
        return not self._known

    def local(self, tz: str) -> pd.DatetimeIndex:
        """The local times in the **middle** of the samples' intervals: a mean over an interval belongs there."""
        index = self.index - self.step / 2
        return index.tz_convert(tz)

    @cached_property
    def hours(self) -> float:
        """Length of one sample's interval in hours."""
        return float(self.step / pd.Timedelta(hours=1))

    @cached_property
    def active(self) -> Flags:
        """Where water really flows: flow above 2 % of its 99th percentile, and position above 5 %.

        Where the position is not measured, by flow alone; where the flow is unknown, not active.
        """
        flow, position = self.values("flow_m3h"), self.values("position_pct")
        known = np.isfinite(flow)
        if not known.any():
            return np.zeros(len(flow), dtype=bool)
        flowing = np.where(known, flow, 0.0) > max(ACTIVE_FLOW * percentile(flow[known], 99), 0.0)
        return np.asarray(flowing & ~(position <= ACTIVE_POSITION_PCT))

    @property
    def active_hours(self) -> float:
        """Hours of active samples."""
        return float(self.active.sum()) * self.hours

    @cached_property
    def _temperatures(self) -> dict[str, Floats]:
        with np.errstate(invalid="ignore"):
            return {
                name: np.where(
                    (self.values(name) >= LOWEST_C) & (self.values(name) <= HIGHEST_C), self.values(name), np.nan
                )
                for name in ("t1_c", "t2_c")
            }

    def temperature(self, column: str) -> Floats:
        """T1 or T2 in °C; NaN where it is unknown or no water can be so cold or so hot."""
        return self._temperatures[column]

    @cached_property
    def ns(self) -> Ints:
        """The times, nanoseconds since 1970, UTC."""
        return nanoseconds(self.index)

    @cached_property
    def day(self) -> Ints:
        """The day of UTC of each sample, counted from the first one's."""
        days: Ints = self.ns // (86400 * 10**9)
        return np.asarray(days - days[0])

    @cached_property
    def by_water(self) -> Signs:
        """By temperature alone: 2 or -2 where it surely heats or cools, 1 or -1 where it seems to, 0 where unknown."""
        t1, t2 = self.temperature("t1_c"), self.temperature("t2_c")
        mean = (t1 + t2) / 2
        cold, hot = np.fmin(t1, t2) < COLD_C, np.fmax(t1, t2) > HOT_C
        seems = (mean > WARM_WATER_C).astype(np.int8) - (mean <= WARM_WATER_C)
        return np.where(hot & ~cold, 2, np.where(cold & ~hot, -2, seems)).astype(np.int8)

    def rise(self, column: str) -> float:
        """What a counter rose by, over all samples; 0 where it is unknown."""
        return float(_rises(self.values(column)).sum())

    @cached_property
    def rises(self) -> tuple[Floats, Floats]:
        """What the heating and the cooling counter rose by since their reading before, kWh, 0 where unknown."""
        return _rises(self.values("heating_kwh")), _rises(self.values("cooling_kwh"))

    @cached_property
    def by_counters(self) -> Signs:
        """By which lifetime counter rises: 1 where the valve heats, -1 where it cools, 0 where neither tells.

        Where one of them makes up nearly all of the period that holds throughout; a change-over valve goes by its days.
        """
        heat, cold = self.rises
        both = float(heat.sum() + cold.sum())
        for rise, kind in ((cold, 1), (heat, -1)):
            if both > 0 and float(rise.sum()) <= ONE_KIND * both:
                return np.full(len(heat), kind, dtype=np.int8)
        if not both > 0:
            return np.zeros(len(heat), dtype=np.int8)
        return np.sign(np.bincount(self.day, heat - cold)).astype(np.int8)[self.day]

    @cached_property
    def by_power(self) -> Signs:
        """By its power, where it tells that of heating and of cooling apart: 1, -1, or 0 where neither tells."""
        heat, cold = (np.nan_to_num(self.values(column)) for column in ("heating_kw", "cooling_kw"))
        return np.sign(heat - cold).astype(np.int8)

    @cached_property
    def _kind(self) -> Signs:
        """Above 0 where the valve heats, below 0 where it cools, 0 where that is unknown."""
        told = self.by_counters
        if self.known("heating_kw") or self.known("cooling_kw"):
            told = np.where(told != 0, told, self.by_power)
        water = self.by_water
        return np.where((np.abs(water) < 2) & (told != 0), told, water)

    @cached_property
    def heating(self) -> Flags:
        """Where the valve heats: by the water where that is sure, by its counters, else by the mean temperature."""
        return np.asarray(self._kind > 0)

    @cached_property
    def cooling(self) -> Flags:
        """Where the valve cools, by the same."""
        return np.asarray(self._kind < 0)

    @cached_property
    def delta_t(self) -> Floats:
        """``|T1 - T2|`` in K, from the temperatures; from the published difference where one of them is not given."""
        given = np.isfinite(self.values("t1_c") + self.values("t2_c"))
        own = np.abs(self.temperature("t1_c") - self.temperature("t2_c"))
        return np.where(given, own, np.abs(self.values("delta_t_k")))

    @cached_property
    def power(self) -> Floats:
        """Power in kW without its sign; where it is not published, that by direction, or from flow and temperatures.

        Other devices' readings are left out.
        """
        for power in (np.abs(self.values("power_kw")), np.fmax(self.values("heating_kw"), self.values("cooling_kw"))):
            if np.isfinite(power).any():
                running = power[power > 0]
                most = IMPOSSIBLE * percentile(running, 99) if len(running) else np.inf
                return np.where(power > most, np.nan, power) if np.nanmax(power) > most else power
        heat = volumetric_heat(self.values("t2_c"), self.design.glycol_pct) * KWH_PER_KJ
        return heat * self.values("flow_m3h") * self.delta_t

    @cached_property
    def modes(self) -> dict[str, Flags]:
        """Active samples by what the valve does: "heating", "cooling", or both for a change-over valve.

        A mode with less than `ACTIVE_HOURS` is left out, unless there is no other. With neither temperatures nor
        counters that rise: one, "".
        """
        heats, cools = self.active & self.heating, self.active & self.cooling
        if not heats.any() and not cools.any():
            return {"": self.active}
        both = sorted({"heating": heats, "cooling": cools}.items(), key=lambda item: -int(item[1].sum()))
        return {name: mask for i, (name, mask) in enumerate(both) if not i or mask.sum() * self.hours >= ACTIVE_HOURS}

    def part(self, mask: Flags | pd.Series[Any], step: pd.Timedelta | None = None) -> Samples:
        """Only the samples where `mask` is true; the step stays if no other is given."""
        rows = np.asarray(mask)
        columns = {column: values[rows] for column, values in self._given.items()}
        return Samples.of_columns(self.index[rows], columns, self.step if step is None else step, self.design)


def _numbers(column: pd.Series[Any]) -> Floats:
    try:
        return column.to_numpy(dtype=float, na_value=np.nan, copy=True)
    except (TypeError, ValueError):
        raise UsageError(
            f"The samples' column {column.name} holds values that are no numbers ({column.dtype}); convert it first."
        ) from None


def _finite(numbers: Floats) -> Floats:
    return np.where(np.isinf(numbers), np.nan, numbers) if np.isinf(numbers).any() else numbers


def _empty(columns: Iterable[Floats], count: int) -> Flags:
    """The rows without any value; columns are looked at as long as some row may be one."""
    empty = np.ones(count, dtype=bool)
    for column in columns:
        empty &= np.isnan(column)
        if not empty.any():
            break
    return empty


def _credible_flow(flow: Floats, nominal_m3h: float) -> Floats:
    """The flow, without what no valve of this size lets pass: a poll that held another device's reading."""
    known = flow[flow > 0]
    if not len(known) or known.max() <= MOST_FLOW * nominal_m3h:
        return flow
    # A nominal flow that half of the readings exceed is in a wrong unit.
    most = MOST_FLOW * (max(nominal_m3h, percentile(known, 50)) if nominal_m3h > 0 else percentile(known, 99))
    return np.where(flow > most, np.nan, flow) if known.max() > most else flow


def _rises(counter: Floats) -> Floats:
    """What a counter rose by since its reading before, 0 where it did not or came back from a dropout; shape (n,)."""
    rises = np.zeros(len(counter))
    known = np.flatnonzero(np.isfinite(counter))
    rise = np.maximum(np.diff(counter[known]), 0.0)
    if rise.any():
        rise[rise > IMPOSSIBLE * percentile(rise[rise > 0], 99)] = 0.0
        rises[known[1:]] = rise
    return rises


def _spacing(index: pd.DatetimeIndex) -> pd.Timedelta:
    """The most frequent spacing of the times, of equally frequent ones the least; the middle one of uneven polls."""
    if len(index) < 2:
        return pd.Timedelta(0)
    between = np.diff(index.asi8)
    spacings, counts = np.unique(between, return_counts=True)
    if 2 * counts.max() >= len(between):
        return pd.Timedelta(int(spacings[int(np.argmax(counts))]), unit=index.unit)
    middle = pd.Timedelta(int(np.median(between)), unit=index.unit)
    return middle.round("min") if middle >= pd.Timedelta(minutes=1) else middle


NO_SAMPLES = "There are no samples in the period."


def lacking(samples: Samples) -> str:
    """Why a check on active samples cannot judge, as a sentence; empty if nothing is lacking."""
    if samples.empty:
        return NO_SAMPLES
    if not samples.known("flow_m3h"):
        return "There are no readings of flow."
    if not samples.active.any():
        return "The flow reads 0 throughout the period."
    if samples.active_hours < ACTIVE_HOURS:
        return f"Water flowed for {samples.active_hours:.1f} h only; at least {ACTIVE_HOURS:.0f} h are needed."
    return ""


def percentile(values: npt.NDArray[np.float64], percent: float) -> float:
    """The same as `numpy.percentile` of one percentage, ten times as fast: NaN if any value is.

    Numpy looks for the last value, too, to find NaN, and that takes a sort of nearly everything.

    Args:
        values: One or more, shape (n,).
        percent: From 0 to 100.
    """
    if np.isnan(values.min()):
        return float("nan")
    place = percent / 100 * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    part = np.partition(values, (low, high))
    below, above, share = float(part[low]), float(part[high]), place - low
    step = above - below
    return below + step * share if share < 0.5 else above - step * (1 - share)

"""Did it work? Energy and water before and after a dated change, in the same weather."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.heating.comparison import HARDLY, LEAST_ALIKE, LEFT_OUT, guideline_14
from belimo_nb.heating.days import daily_series
from belimo_nb.heating.signature import LEVEL, MARGIN_K, OFF_DAYS, OFF_ERRORS, OFF_SHARE
from belimo_nb.hydronics.daily_water import LITTLE
from belimo_nb.hydronics.samples import Flags, Floats
from belimo_nb.quantities import plural

MONTHS = 12  # that are looked at on either side of a change, at most
LEAST_BEFORE, LEAST_AFTER = 30, 14  # days with the quantity, on either side
MANY_DAYS = 90  # that a fit with five bends and kinds of days needs; of fewer it bends once
BEYOND = "colder or warmer than any day before the change"
LAGS = 6  # days over which residuals are asked for their memory; of 7 days it is the week's
QUANTITIES = {
    "energy": ("kWh/d", "kwh", None, -1),
    "volume per kWh": ("l/kWh", "l_per_kwh", "kwh", -1),
    "delta-T": ("K", "delta_t_k", "m3", 1),
    "return temperature": ("°C", "return_c", "m3", 0),
}
"""Quantity: its unit, its column, what its days count by, and which sign of a change is good (0: by kind)."""


@dataclass(frozen=True)
class Effect:
    """What a change did to one quantity; made by `before_and_after`.

    Attributes:
        quantity: A key of `QUANTITIES`.
        unit: Of the three means.
        before: Mean before the change, weighted as `QUANTITIES` says.
        after: Mean after it.
        expected: What it would have been after it without the change, in the same weather.
        change: After against expected: a share of it, of temperatures in K.
        uncertainty: Half width of the confidence interval of the change.
        days_before: Number of days that tell what to expect.
        days_after: Number of days that are held against it.
        verdict: "better", "worse", "within chance", or "cannot be said".
        reason: Why nothing can be said; empty if something can.
        days: Of both sides: index naive day, columns temperature_c, value, after (bool).
    """

    quantity: str
    unit: str
    before: float = math.nan
    after: float = math.nan
    expected: float = math.nan
    change: float = math.nan
    uncertainty: float = math.nan
    days_before: int = 0
    days_after: int = 0
    verdict: str = "cannot be said"
    reason: str = ""
    days: pd.DataFrame = field(repr=False, default_factory=pd.DataFrame)

    @property
    def relative(self) -> bool:
        """Whether the change is a share; else it is in K."""
        return self.unit not in ("K", "°C")

    @property
    def changed(self) -> bool:
        """Whether the change is greater than its uncertainty."""
        return abs(self.change) > self.uncertainty


@dataclass(frozen=True)
class BeforeAfter:
    """A dated change and what it did; made by `before_and_after`.

    Attributes:
        changed: Local midnight of the day of the change, aware; None: there was none.
        effects: By quantity.
        left_out: Spells of days that tell nothing, columns from, to (aware), days and why.
        what: What was changed, in words.
        reason: Why nothing can be said at all; empty if something can.
        also: What else was changed in these months, in words.
    """

    changed: pd.Timestamp | None
    effects: dict[str, Effect] = field(default_factory=dict)
    left_out: pd.DataFrame = field(repr=False, default_factory=pd.DataFrame)
    what: str = ""
    reason: str = ""
    also: tuple[str, ...] = ()


def before_and_after(
    days: pd.DataFrame,
    temperature: pd.Series[float],
    changed: pd.Timestamp,
    kind: str = "heating",
    *,
    failed: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]] = (),
    level: float = LEVEL,
    what: str = "",
) -> BeforeAfter:
    """Hold the days after a change against those up to 12 months before it, in the same weather.

    Each quantity is fitted, on the days before, to the outdoor temperature: straight lines that bend at its sextiles,
    and shift and tilt on Saturdays and Sundays (after the time-of-week-and-temperature model of Mathieu et al. 2011).
    What it gives for the days after is what was to be expected. Volume per kWh is weighted by energy, delta-T and
    return temperature by volume: what all the water of the days gave.

    The uncertainty is that of ASHRAE Guideline 14, Annex B (see `belimo_nb.heating.comparison.compare`), or that of
    the fit for the weather after the change, if that is greater. Days count for fewer, the longer residuals remember:
    the highest of the memories over 1 to 6 days is taken, for what drifts over weeks is no news.

    Args:
        days: As `daily_water` gives them, of both sides.
        temperature: Mean outdoor temperature by local day, °C.
        changed: When it was changed, aware; that day is left out.
        kind: "heating" or "cooling": which return is a good one.
        failed: When the meter failed: begin, end (aware) and the cause; those days are left out.
        level: Confidence level.
        what: What was changed, in words.
    """
    index = pd.DatetimeIndex(days.index)
    day = changed.tz_convert(index.tz).normalize()
    first, end = day - pd.DateOffset(months=MONTHS), day + pd.DateOffset(months=MONTHS)
    days = days[(index >= first) & (index < end)]
    index = pd.DatetimeIndex(days.index)
    outdoor = daily_series(temperature, "temperature").reindex(index.tz_localize(None).normalize()).to_numpy()
    why = np.full(len(days), "", dtype=object)
    for begin, after, cause in failed:
        why[(index >= begin.tz_convert(index.tz).normalize()) & (index < after)] = f"the meter failed: {cause}"
    unknown = (days["kwh"].isna() | days["m3"].isna()).to_numpy()
    why[(why == "") & unknown] = "energy or volume not known in full"
    why[(why == "") & np.isnan(outdoor)] = "the outdoor temperature is unknown"
    why[index == day] = "the day of the change"
    frame = days.assign(
        temperature_c=outdoor, l_per_kwh=1000 * days["m3"] / days["kwh"].where(days["kwh"] > 0), after=index > day
    ).set_axis(index.tz_localize(None).normalize())
    _note_idle(frame, why)
    known = frame[why == ""]
    before = known.loc[~known["after"], "temperature_c"]
    if len(before):
        beyond = frame["after"] & ~frame["temperature_c"].between(before.min() - MARGIN_K, before.max() + MARGIN_K)
        why[beyond.to_numpy() & (why == "")] = BEYOND
    effects = {name: _effect(name, frame, why, kind, level) for name in QUANTITIES}
    return BeforeAfter(day, effects, _spells(index, why), what)


def _effect(name: str, frame: pd.DataFrame, why: npt.NDArray[np.object_], kind: str, level: float) -> Effect:
    unit, column, by, good = QUANTITIES[name]
    good = good or (-1 if kind == "heating" else 1)
    amount = np.ones(len(frame)) if by is None else frame[by].to_numpy(dtype=float)
    value, relative = frame[column].to_numpy(dtype=float), unit not in ("K", "°C")
    most = np.nanquantile(amount, 0.99) if np.isfinite(amount).any() else 0.0
    usable = np.isfinite(value) & (amount > LITTLE * most)
    after = frame["after"].to_numpy(dtype=bool)
    then, now, beyond = (usable & side for side in ((why == "") & ~after, (why == "") & after, after & (why == BEYOND)))
    for side, days, least in (("before", then, LEAST_BEFORE), ("after", now, LEAST_AFTER)):
        if days.sum() < least:
            tell = plural(days.sum(), f"day {side} the change tells", f"days {side} the change tell")
            return Effect(name, unit, reason=f"only {tell} it; {least} are needed")
    if amount[beyond].sum() > LEFT_OUT * amount[beyond | now].sum():
        return Effect(
            name,
            unit,
            reason=f"{plural(beyond.sum(), 'day was', 'days were')} colder or warmer than any before the change",
        )
    fit = _Fit.of(frame, then)
    total = value * amount
    parts, wholes = fit.expect(total), fit.expect(amount)
    usual, measured = (float(total[days].sum() / amount[days].sum()) for days in (then, now))
    expected = float(parts[now].sum() / wholes[now].sum())
    if relative and not expected > HARDLY * max(usual, measured):
        return Effect(name, unit, before=usual, after=measured, reason="next to nothing was to be expected")
    per = expected if relative else 1.0
    residual = total - parts - expected * (amount - wholes)
    change, uncertainty = (measured - expected) / per, fit.uncertainty(residual, now, level) / amount[now].mean() / per
    verdict = "within chance" if abs(change) <= uncertainty else "better" if change * good > 0 else "worse"
    shown = frame.loc[then | now, ["temperature_c", "after"]].assign(value=value[then | now])
    counts = int(then.sum()), int(now.sum())
    return Effect(name, unit, usual, measured, expected, change, uncertainty, *counts, verdict, "", shown)


@dataclass(frozen=True)
class _Fit:
    """Least squares on outdoor temperature and kind of day, for any amounts of the same days.

    Attributes:
        terms: Of all days, shape (n, p).
        used: Which days it is fitted on, shape (n,).
        inverse: Of the normal equations, shape (p, p).
        outdoor: Of all days, °C, shape (n,).
    """

    terms: Floats
    used: Flags
    inverse: Floats
    outdoor: Floats

    @classmethod
    def of(cls, frame: pd.DataFrame, used: Flags) -> _Fit:
        """Fit the days that are `used`; index naive day, column temperature_c."""
        outdoor = frame["temperature_c"].to_numpy(dtype=float)
        weekday = np.asarray(pd.DatetimeIndex(frame.index).day_of_week)
        many = used.sum() >= MANY_DAYS
        bends = np.quantile(outdoor[used], (1 / 6, 1 / 3, 0.5, 2 / 3, 5 / 6) if many else (0.5,))
        columns = [np.ones(len(outdoor)), outdoor, *(np.maximum(outdoor - bend, 0.0) for bend in bends)]
        for number in (5, 6) if many else ():
            columns += [(weekday == number) * 1.0, (weekday == number) * (outdoor - bends[len(bends) // 2])]
        terms = np.column_stack(columns)
        return cls(terms, used, np.linalg.pinv(terms[used].T @ terms[used]), outdoor)

    def expect(self, amounts: Floats) -> Floats:
        """What is to be expected on all days, of amounts that are known on the days used."""
        return np.asarray(self.terms @ (self.inverse @ (self.terms[self.used].T @ amounts[self.used])))

    def error(self, residual: Floats, days: Flags) -> float:
        """Root mean square error with n - p degrees of freedom.

        Of the days used that are as warm as `days`, where that is greater and there are enough of them.
        """
        lost = self.terms.shape[1]
        alike = self.used & (self.outdoor >= self.outdoor[days].min()) & (self.outdoor <= self.outdoor[days].max())
        groups = [self.used, alike] if alike.sum() >= LEAST_ALIKE else [self.used]
        return max(math.sqrt(float((residual[some] ** 2).sum()) / max(some.sum() - lost, 1)) for some in groups)

    def uncertainty(self, residual: Floats, days: Flags, level: float) -> float:
        """Half width of the confidence interval of the mean residual of `days`."""
        n, m, parameters = int(self.used.sum()), int(days.sum()), self.terms.shape[1]
        error, memory = self.error(residual, days), _memory(np.flatnonzero(self.used), residual[self.used])
        spread, independent, t = guideline_14(error, n, parameters, memory, m, level)
        mean = self.terms[days].mean(axis=0)
        line = float(mean @ self.inverse @ mean)
        return max(spread, t * error * math.sqrt(n / independent * (1 / m + line)))


def _memory(days: npt.NDArray[np.intp], residual: Floats) -> float:
    """Correlation of the residuals of neighboring days, from those 1 to 6 days apart; the highest of them."""
    series = np.full(days[-1] - days[0] + 1, np.nan)
    series[days - days[0]] = residual
    variance, found = float(np.nanmean(series**2)), 0.0
    for lag in range(1, LAGS + 1):
        pairs = series[lag:] * series[:-lag]
        if variance > 0 and np.isfinite(pairs).sum() >= 10:
            found = max(found, max(float(np.nanmean(pairs)) / variance, 0.0) ** (1 / lag))
    return min(found, 0.99)


def _note_idle(frame: pd.DataFrame, why: npt.NDArray[np.object_]) -> None:
    """Note days on end without energy, though some was due: the plant was off, or the meter failed."""
    kwh, used = frame["kwh"].to_numpy(dtype=float), (why == "") & ~frame["after"].to_numpy(dtype=bool)
    if used.sum() < LEAST_BEFORE:
        return
    idle = (why == "") & (kwh <= OFF_SHARE * float(np.nanmean(kwh[used])))
    fit = _Fit.of(frame, used)
    due = fit.expect(kwh) - kwh
    due = due > OFF_ERRORS * fit.error(due, used)
    for run in np.split(np.arange(len(kwh)), np.flatnonzero(np.diff(idle)) + 1):
        if len(run) >= OFF_DAYS and idle[run[0]] and due[run].mean() > 0.5:
            why[run] = "no energy for days on end, though some was due"


def _spells(index: pd.DatetimeIndex, why: npt.NDArray[np.object_]) -> pd.DataFrame:
    """Runs of days that were left out for one reason."""
    runs = np.split(np.arange(len(why)), np.flatnonzero(why[1:] != why[:-1]) + 1) if len(why) else []
    rows = [(index[run[0]], index[run[-1]], len(run), why[run[0]]) for run in runs if why[run[0]]]
    return pd.DataFrame(rows, columns=["from", "to", "days", "why"])

"""Energy of intervals from a lifetime counter.

The counter is the truth; power is only its shadow. What cannot be known is NaN with a reason, never 0 and never a
guess in silence. Pure: no network, no disk, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.errors import UsageError
from belimo_nb.intervals import Moment, edges

__all__ = ["COVERAGE_LIMIT", "JOULES_PER_KWH", "interval_energy", "power_limit"]

JOULES_PER_KWH = 3.6e6
COVERAGE_LIMIT = 0.9
"""Below it an interval is no basis for a comparison (CalTRACK's limit for a month)."""

GAP_STEPS = 2
GAP_AT_LEAST = 3600.0
"""Seconds; readings further apart than both `GAP_STEPS` nominal steps and this leave a gap."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def interval_energy(
    counter: pd.Series[Any],
    freq: str = "D",
    start: Moment = None,
    end: Moment = None,
    tz: str = "UTC",
    step: pd.Timedelta | str | None = None,
    p_max: float | None = None,
) -> pd.DataFrame:
    """Energy of calendar intervals from the readings of a lifetime counter.

    Inside a run of readings the counter is taken as linear between two of them; the energy of an interval is the
    difference of its two ends. A fall to zero that comes back to where the register was is a dropout, and its
    readings are ignored. Any other fall is a reset (the meter was replaced) and a rise faster than `p_max` is a jump:
    the energy between those two readings is unknown, and not counted.

    Args:
        counter: Joules, at the true times of the readings: a tz-aware DatetimeIndex in any order. NaN, negative
            and infinite readings are ignored; of equal times the last is kept.
        freq: Length of the intervals: "h", "D", "W", "MS", "YS" or a fixed one such as "15min". Days and longer
            begin at local midnight and have as many hours as the clock gives them.
        start: Where the first interval begins (default: the interval of the first reading).
        end: Where the last interval ends (default: the interval of the last reading). Neither needs to lie on an
            edge of the calendar: the intervals tile the range exactly.
        tz: IANA zone of the calendar.
        step: Nominal spacing of the readings, as a Timedelta or text; None: their median spacing.
        p_max: Highest possible power in W; None: no limit.

    Returns:
        DataFrame, index ``time`` (begin of the interval, in `tz`), columns ``kwh`` (float; NaN where unknown),
        ``coverage`` (share of the interval between readings that leave no gap, 0 to 1) and ``quality``:
        "measured"; "estimated split" (the total over a gap is measured, its split between intervals is not);
        "reset" or "jump" (kwh is a lower bound); "partial" (readings begin or end inside); "missing".

    Raises:
        UsageError: The readings have no time zone, are no numbers, or the range or frequency makes no sense.
    """
    times, values = _readings(counter)
    bounds = edges(start, end, freq, tz, times)
    index = pd.DatetimeIndex(bounds[:-1], name="time")
    if len(values) < 2:
        return _frame(index, np.full(len(index), np.nan), np.zeros(len(index)), np.full(len(index), "missing", object))
    keep, resets = _segments(times, values, p_max)
    at = _seconds(times)[keep]
    steps = _Steps.between(at, values[keep], resets[keep][1:], step, p_max)
    return _frame(index, *_intervals(_seconds(bounds), at, steps))


def power_limit(power: pd.Series[Any]) -> float | None:
    """The power no reading can pass, for `interval_energy`: 3 times the 99.9th percentile of what was measured.

    Args:
        power: W, NaN where unknown.

    Returns:
        W, or None if nothing above 0 was measured.
    """
    measured = power[np.isfinite(power) & (power > 0)]
    return 3.0 * float(measured.quantile(0.999)) if len(measured) else None


@dataclass(frozen=True)
class _Steps:
    """The pairs of neighboring readings."""

    energy: Floats  # J; 0 where unknown
    seconds: Floats
    reset: Bools
    jump: Bools
    gap: Bools

    @classmethod
    def between(
        cls, at: Floats, values: Floats, reset: Bools, step: pd.Timedelta | str | None, p_max: float | None
    ) -> _Steps:
        seconds = np.diff(at)
        energy = np.diff(values)
        jump = np.zeros(len(energy), bool) if p_max is None else (energy > p_max * seconds) & ~reset
        usual = float(np.median(seconds)) if step is None else _spacing(step)
        gap = seconds > max(GAP_STEPS * usual, GAP_AT_LEAST)
        return cls(np.where(reset | jump, 0.0, energy), seconds, reset, jump, gap)


def _spacing(step: pd.Timedelta | str) -> float:
    try:
        seconds = pd.Timedelta(step).total_seconds()
    except (ValueError, TypeError):
        seconds = 0.0
    if not seconds > 0:  # also where it is NaN
        raise UsageError(f"The step {step!r} is no length of time; write e.g. 15min or 1h.")
    return seconds


def _intervals(edge: Floats, at: Floats, steps: _Steps) -> tuple[Floats, Floats, npt.NDArray[np.object_]]:
    """Energy in kWh, coverage and quality between neighboring edges."""

    def within(amounts: Floats) -> Floats:
        """How much of what accrues between readings falls into each interval."""
        total = np.concatenate(([0.0], np.cumsum(amounts)))
        return np.diff(np.interp(edge, at, total))

    length = np.diff(edge)
    known = ~(steps.reset | steps.jump)
    covered = within(np.where(known & ~steps.gap, steps.seconds, 0.0))
    unknown = within(np.where(known, 0.0, steps.seconds))
    inside = (edge[:-1] >= at[0]) & (edge[1:] <= at[-1])
    touched = np.clip(np.minimum(edge[1:], at[-1]) - np.maximum(edge[:-1], at[0]), 0, None) > 0
    energy = within(steps.energy) / JOULES_PER_KWH
    # Nothing of the interval is known if it lies outside the readings, or wholly between two unconnected ones.
    energy[~inside | (unknown >= length * (1 - 1e-12))] = np.nan

    quality = np.full(len(length), "measured", object)
    quality[within(np.where(steps.gap & known, steps.seconds, 0.0)) > 0] = "estimated split"
    quality[within(np.where(steps.jump, steps.seconds, 0.0)) > 0] = "jump"
    quality[within(np.where(steps.reset, steps.seconds, 0.0)) > 0] = "reset"
    quality[~inside] = "partial"
    quality[~touched] = "missing"
    return energy, np.clip(covered / length, 0.0, 1.0), quality


def _frame(index: pd.DatetimeIndex, kwh: Floats, coverage: Floats, quality: npt.NDArray[np.object_]) -> pd.DataFrame:
    return pd.DataFrame({"kwh": kwh, "coverage": coverage, "quality": pd.Series(quality, index, dtype=str)}, index)


def _readings(counter: pd.Series[Any]) -> tuple[pd.DatetimeIndex, Floats]:
    """Times in UTC, strictly ascending, and readings in J, all usable."""
    if not isinstance(counter, pd.Series):
        raise UsageError(f"The counter is a {type(counter).__name__}; give a pandas Series of readings in J.")
    if not isinstance(counter.index, pd.DatetimeIndex) or counter.index.tz is None:
        raise UsageError("The readings' times have no time zone; use tz_localize on the index first.")
    try:
        values = counter.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise UsageError(
            f"The counter {counter.name!r} holds text where readings in J belong; convert it first."
        ) from None
    times = counter.index.tz_convert("UTC").as_unit("ns")
    good = np.isfinite(values) & (values >= 0) & times.notna()
    times, values = times[good], values[good]
    if not times.is_monotonic_increasing:
        order = np.argsort(times.asi8, kind="stable")
        times, values = times[order], values[order]
    if not times.is_unique:
        last = ~times.duplicated(keep="last")
        times, values = times[last], values[last]
    return times, values


def _seconds(times: pd.DatetimeIndex) -> Floats:
    return times.asi8 / 1e9


def _segments(times: pd.DatetimeIndex, values: Floats, p_max: float | None) -> tuple[Bools, Bools]:
    """Which readings to keep, and which of them are the first after a reset."""
    keep = np.ones(len(values), bool)
    resets = np.zeros(len(values), bool)
    at = _seconds(times)
    position = 1
    falls = np.flatnonzero(np.diff(values) < 0) + 1
    for fall in falls.tolist():
        if fall < position:
            continue  # inside a dropout that is already known
        back = _end_of_dropout(at, values, fall, p_max)
        if back is None:
            resets[fall] = True
            position = fall + 1
        else:
            keep[fall:back] = False
            position = back
    return keep, resets


def _end_of_dropout(at: Floats, values: Floats, fall: int, p_max: float | None) -> int | None:
    """The reading at which a dropout that begins at `fall` is over; None if it is a reset."""
    old, low = values[fall - 1], values[fall:]
    returned = low >= old
    if not returned.any():
        return len(values) if not low.any() else None
    back = fall + int(np.argmax(returned))
    constantly_zero = not values[fall:back].any()
    if p_max is None:
        return back if constantly_zero else None
    continues = values[back] <= old + p_max * (at[back] - at[fall - 1])
    from_low = values[back] - values[back - 1] <= p_max * (at[back] - at[back - 1])
    return back if continues and (constantly_zero or not from_low) else None

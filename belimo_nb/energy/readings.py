"""Readings of a lifetime counter, cleaned: what is no reading is left out, and where the register broke is marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.errors import UsageError

GAP_STEPS = 2
GAP_AT_LEAST = 3600.0
"""Seconds; readings further apart than both `GAP_STEPS` nominal steps and this leave a gap."""

NOT_A_TIME = pd.NaT.value
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3}

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Readings:
    """Usable readings in order of time, and the pairs of neighbors that are not simply connected.

    Attributes:
        ns: Times, nanoseconds since 1970, strictly ascending.
        joules: The counter.
        reset: Per pair: the register began anew between the two.
        jump: Per pair: a rise that no power could make.
        gap: Per pair: readings are missing between the two.
        first: Time of the first usable reading, dropouts included; None if there is none.
        last: The same of the last.
        dropouts: Begin and end of each dropout: the good readings around it.
        conflicts: Times for which two different readings came.
    """

    ns: Ints
    joules: Floats
    reset: Bools
    jump: Bools
    gap: Bools
    first: int | None
    last: int | None
    dropouts: tuple[tuple[int, int], ...]
    conflicts: Ints


def clean(counter: pd.Series[Any], step: pd.Timedelta | str | None = None, p_max: float | None = None) -> Readings:
    """Order the readings, drop what is none, and find dropouts, resets, jumps and gaps.

    A run of readings below the register is a dropout if it is constantly 0, or too far below to have risen from there
    by itself, and ends where the register may have come to meanwhile. Any other fall is a reset.

    Args:
        counter: Joules at aware times.
        step: Nominal spacing of the readings; None: their median spacing.
        p_max: Highest possible power in W; None: no limit.

    Raises:
        UsageError: The readings have no time zone or are no numbers, or `step` or `p_max` makes no sense.
    """
    if p_max is not None and not p_max > 0:
        raise UsageError(f"The highest possible power is {p_max!r} W; give one above 0, or None for no limit.")
    usual = None if step is None else _spacing(step)
    ns, joules, conflicts = _usable(counter)
    first, last = (int(ns[0]), int(ns[-1])) if len(ns) else (None, None)
    rises = np.diff(joules)
    dropouts: tuple[tuple[int, int], ...] = ()
    reset = np.zeros(len(rises), bool)
    if len(rises) and rises.min() < 0:
        keep, begins_anew, dropouts = _segments(ns, joules, rises, p_max)
        ns, joules = ns[keep], joules[keep]
        rises, reset = np.diff(joules), begins_anew[keep][1:]
    seconds = np.diff(ns) / 1e9
    jump = np.zeros(len(rises), bool) if p_max is None else (rises > p_max * seconds) & ~reset
    if usual is None:
        usual = float(np.median(seconds)) if len(seconds) else 0.0
    gap = seconds > max(GAP_STEPS * usual, GAP_AT_LEAST)
    return Readings(ns, joules, reset, jump, gap, first, last, dropouts, conflicts)


def power_limit(power: pd.Series[Any] | Floats) -> float | None:
    """The power no reading can pass, for `interval_energy`: 3 times the 99.9th percentile of what was measured.

    Args:
        power: W, NaN where unknown.

    Returns:
        W, or None if nothing above 0 was measured.
    """
    watts = np.asarray(power, dtype=float)
    measured = watts[np.isfinite(watts) & (watts > 0)]
    return 3.0 * float(np.quantile(measured, 0.999)) if len(measured) else None


def _spacing(step: pd.Timedelta | str) -> float:
    try:
        seconds = pd.Timedelta(step).total_seconds()
    except (ValueError, TypeError):
        seconds = math.nan
    if not seconds > 0:
        raise UsageError(f"The step {step!r} is no length of time; write e.g. 15min or 1h.")
    return seconds


def _usable(counter: pd.Series[Any]) -> tuple[Ints, Floats, Ints]:
    """Times strictly ascending, readings, and the times of conflicts."""
    if not isinstance(counter, pd.Series):
        raise UsageError(f"The counter is a {type(counter).__name__}; give a pandas Series of readings in J.")
    index = counter.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise UsageError(
            "The readings' times have no time zone; use tz_localize on the index, or pd.to_datetime(times, utc=True)."
        )
    try:
        joules = counter.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise UsageError(
            f"The counter {counter.name!r} holds text where readings in J belong; convert it first."
        ) from None
    raw = index.asi8
    ns = raw if index.unit == "ns" else np.where(raw == NOT_A_TIME, raw, raw * NANOSECONDS[index.unit])
    with np.errstate(invalid="ignore"):
        good = (joules >= 0) & (joules < np.inf) & (raw != NOT_A_TIME)
    if not good.all():
        ns, joules = ns[good], joules[good]
    steps = np.diff(ns)
    conflicts = ns[:0]
    if len(steps) and steps.min() <= 0:
        order = np.argsort(ns, kind="stable")
        ns, joules = ns[order], joules[order]
        same = np.diff(ns) == 0
        conflicts = np.unique(ns[1:][same & (np.diff(joules) != 0)])
        last = np.append(~same, True)
        ns, joules = ns[last], joules[last]
    return ns, joules, conflicts


def _segments(
    ns: Ints, joules: Floats, rises: Floats, p_max: float | None
) -> tuple[Bools, Bools, tuple[tuple[int, int], ...]]:
    """Which readings to keep, which of them are the first after a reset, and the dropouts."""
    keep = np.ones(len(joules), bool)
    resets = np.zeros(len(joules), bool)
    dropouts = []
    up = rises[rises > 0]
    least = float(up.min()) if len(up) else 0.0
    position = 1
    for fall in (np.flatnonzero(rises < 0) + 1).tolist():
        if fall < position:
            continue  # inside a dropout that is already known
        back = _end_of_dropout(ns, joules, fall, p_max, least)
        if back is None:
            resets[fall] = True
            position = fall + 1
        else:
            keep[fall:back] = False
            dropouts.append((int(ns[fall - 1]), int(ns[min(back, len(ns) - 1)])))
            position = back
    return keep, resets, tuple(dropouts)


def _end_of_dropout(ns: Ints, joules: Floats, fall: int, p_max: float | None, least: float) -> int | None:
    """The reading at which a dropout that begins at `fall` is over; None if it is a reset."""
    old = float(joules[fall - 1])
    back = _returns(joules, fall, old)
    low = joules[fall:back]
    zero = not low.any()
    # A fall by no more than the smallest rise is the register's rounding, not a new register.
    if old - low.min() <= least and not zero:
        return back
    if back == len(joules) or p_max is None:
        return back if zero else None
    new, watts = float(joules[back]), p_max / 1e9
    continues = new <= old + watts * float(ns[back] - ns[fall - 1])
    from_low = new - float(joules[back - 1]) <= watts * float(ns[back] - ns[back - 1])
    return back if continues and (zero or not from_low) else None


def _returns(joules: Floats, fall: int, old: float) -> int:
    """The first reading after `fall` that is not below `old`, else the number of readings."""
    width = 64
    while fall < len(joules):  # in growing windows: most dropouts are short, and there may be many
        found = joules[fall : fall + width] >= old
        if found.any():
            return fall + int(np.argmax(found))
        fall, width = fall + width, width * 2
    return len(joules)

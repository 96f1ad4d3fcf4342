"""Readings of a lifetime counter, cleaned: what is no reading is left out, and where the register broke is marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.energy.faults import CEILING, GAP_AT_LEAST, GAP_STEPS, Bools, Dropped, Floats, Ints, sound
from belimo_nb.errors import UsageError

NEIGHBORS = 24  # pairs on either side that tell the usual spacing, if none is given
WATER, GREATEST_DELTA_T = 4.19e6, 100.0  # J/(m3 K), and K
SMALLEST_FLOW, LARGEST_FLOW = 0.1, 162.0  # m3/h; below that of any valve, and that of a valve DN 150
NOT_A_TIME = pd.NaT.value
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3}


@dataclass(frozen=True)
class Readings:
    """Usable readings in order of time, and the pairs of neighbors that are not simply connected.

    Attributes:
        ns: Times, nanoseconds since 1970, strictly ascending.
        joules: The counter.
        reset: Per pair: the register began anew between the two.
        jump: Per pair: a rise that no power could make.
        gap: Per pair: readings are missing between the two, and the register moved.
        first: Time of the first usable reading, dropped ones included; None if there is none.
        last: The same of the last.
        dropped: Begin, end and kind of each run of readings that are none: the good readings around it.
        conflicts: Times for which two different readings came.
    """

    ns: Ints
    joules: Floats
    reset: Bools
    jump: Bools
    gap: Bools
    first: int | None
    last: int | None
    dropped: Dropped
    conflicts: Ints


def clean(counter: pd.Series[Any], step: pd.Timedelta | str | None = None, p_max: float | None = None) -> Readings:
    """Order the readings, drop what is none, and find resets, jumps and gaps.

    What is dropped and what breaks the register is decided by its neighbors in time alone, never by the range that was
    asked for; see `belimo_nb.energy.faults`.

    Args:
        counter: Joules at aware times.
        step: Nominal spacing of the readings; None: what is usual among their neighbors.
        p_max: Highest possible power in W; None: no limit but `faults.CEILING`.

    Raises:
        UsageError: The readings have no time zone or are no numbers, or `step` or `p_max` makes no sense.
    """
    if p_max is not None and not p_max > 0:
        raise UsageError(f"The highest possible power is {p_max!r} W; give one above 0, or None for no limit.")
    usual = None if step is None else _spacing(step)
    return clean_arrays(*_arrays(counter), usual, p_max)


def clean_arrays(ns: Ints, joules: Floats, usual: float | None, p_max: float | None = None) -> Readings:
    """As `clean`, of times in nanoseconds since 1970 (or NaT), with the nominal spacing in seconds."""
    ns, joules, conflicts = _ordered(ns, joules)
    first, last = (int(ns[0]), int(ns[-1])) if len(ns) else (None, None)
    found = sound(ns, joules, CEILING if p_max is None else p_max)
    seconds = np.diff(found.ns) / 1e9
    gap = found.frozen
    far = np.flatnonzero(seconds > GAP_AT_LEAST)
    # Where both readings are equal, the register stood still: nothing is missing between them.
    far = far[found.joules[far + 1] != found.joules[far]]
    gap[far] |= seconds[far] > GAP_STEPS * (_usual(seconds, far) if usual is None else usual)
    return Readings(found.ns, found.joules, found.reset, found.jump, gap, first, last, found.dropped, conflicts)


def design_limit(nominal_flow_m3h: float, joules: Floats | None = None, seconds: float = 3600.0) -> float:
    """The power that no valve of a size can pass, W: its nominal flow of water, cooled by 100 K.

    From what the valve is made for, not from what it did: a month has the same limit alone and within its year. The
    water of a building is at most 120 °C and comes back at 20 °C or more. Only where half of what a counter rose by is
    beyond it, the nominal flow is in another unit than its dataprofile says, and no rise is a jump for that.

    Args:
        nominal_flow_m3h: m3/h; where it is unknown, or that of no valve, the largest valve's counts.
        joules: Readings of an energy counter, J; NaN where unknown.
        seconds: Their spacing.
    """
    flow = nominal_flow_m3h if SMALLEST_FLOW <= nominal_flow_m3h < LARGEST_FLOW else LARGEST_FLOW
    limit = flow / 3600 * WATER * GREATEST_DELTA_T
    rises = np.empty(0) if joules is None else np.diff(joules)
    most_beyond = 2 * np.count_nonzero(rises > limit * seconds) > np.count_nonzero(rises > 0)
    return design_limit(LARGEST_FLOW) if most_beyond else limit


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


def _arrays(counter: pd.Series[Any]) -> tuple[Ints, Floats]:
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
    return raw if index.unit == "ns" else np.where(raw == NOT_A_TIME, raw, raw * NANOSECONDS[index.unit]), joules


def _ordered(ns: Ints, joules: Floats) -> tuple[Ints, Floats, Ints]:
    """Times strictly ascending, readings, and the times of conflicts."""
    with np.errstate(invalid="ignore"):
        good = (joules >= 0) & (joules < np.inf) & (ns != NOT_A_TIME)
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


def _usual(seconds: Floats, at: Ints) -> Floats:
    """The median spacing of the readings around some pairs: what is usual in a year says nothing of its July."""
    if not len(at):
        return seconds[at]
    around = np.pad(seconds, NEIGHBORS, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * NEIGHBORS + 1)
    found: Floats = np.nanmedian(windows[at], axis=1)
    return found

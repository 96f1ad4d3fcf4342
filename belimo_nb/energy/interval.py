"""Energy of calendar intervals from a lifetime counter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.calendar.intervals import edge_times, local_index
from belimo_nb.calendar.moments import Moment
from belimo_nb.energy.faults import GAP_AT_LEAST, GAP_STEPS, Bools, Floats, Ints
from belimo_nb.energy.readings import Readings, clean

JOULES_PER_KWH = 3.6e6
DAY = 86400.0  # s
COVERAGE_LIMIT = 0.9
"""Below it an interval is no basis for a comparison (CalTRACK's limit for a month)."""

MARKS = ("measured", "estimated split", "jump", "reset", "partial", "missing")
"""The qualities, the stronger mark the later."""

LOWER_BOUNDS = ("partial", "jump", "reset")
"""The qualities of energies of which more may have passed than is known."""

TRACE = 0.001
"""An energy of which another is a thousand times as much is nothing beside it, and none to divide by."""

_MARKS = pd.Series(MARKS, dtype=str).array
_MEASURED, _SPLIT, _JUMP, _RESET, _PARTIAL, _MISSING = range(len(MARKS))


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
    difference of its two ends. A fall that the neighbors undo (a dropout, a spike, a stale or early reading) is no
    energy: its readings are ignored. Any other fall is a reset (the meter was replaced) and a rise faster than `p_max`
    since the register last moved is a jump: the energy between those two readings is unknown, and not counted. All that
    is judged by neighbors in time, so an interval is the same in any range that reaches some days around it.

    Args:
        counter: Joules, at the true times of the readings: a tz-aware DatetimeIndex in any order. NaN, negative
            and infinite readings are ignored; of equal times the last is kept.
        freq: Length of the intervals: "h", "D", "W", "MS", "YS" or a fixed one such as "15min". Days and longer
            begin at local midnight and have as many hours as the clock gives them.
        start: Where the first interval begins (default: the interval of the first reading).
        end: Where the last interval ends (default: the interval of the last reading). Neither needs to lie on an
            edge of the calendar: the intervals tile the range exactly.
        tz: IANA zone of the calendar.
        step: Nominal spacing of the readings, as a Timedelta or text; None: what is usual among their neighbors.
        p_max: Highest possible power in W; None: unknown, so only what no pipe carries (1 GW) is a jump, and any rise
            above 1,000 kWh that is more than 20 times those around it.

    Returns:
        DataFrame, index ``time`` (begin of the interval, in `tz`), columns ``kwh`` (float; NaN where unknown),
        ``coverage`` (share of the interval between readings that leave no gap, 0 to 1; a register that stood still
        over a gap leaves none) and ``quality``, of that interval alone: "measured" (at both edges); "estimated split"
        (an edge lies in a gap, or of hours between readings further apart than two: the total is measured, but not its
        split); "reset" or "jump" (kwh is a lower bound,
        or NaN); "partial" (readings begin or end inside: kwh is what they tell, a lower bound); "missing".

    Raises:
        UsageError: The readings have no time zone, are no numbers, or the range, frequency or limit makes no sense.
    """
    readings = clean(counter, step, p_max)
    bounds = edge_times(start, end, freq, tz, readings.first, readings.last)
    index = local_index(bounds[:-1], tz)
    kwh, coverage, marks = intervals(bounds, readings)
    return pd.DataFrame({"kwh": kwh, "coverage": coverage, "quality": _MARKS.take(marks)}, index)


def intervals(bounds: Ints, readings: Readings) -> tuple[Floats, Floats, npt.NDArray[np.intp]]:
    """Energy in kWh, coverage, and position of the quality in `MARKS`, between neighboring edges."""
    count = max(len(bounds) - 1, 0)
    if len(readings.ns) < 2 or not count:
        return np.full(count, np.nan), np.zeros(count), np.full(count, _MISSING)
    # Relative to the first reading, seconds keep their nanoseconds in a float.
    at = (readings.ns - readings.ns[0]) / 1e9
    edge = (bounds - readings.ns[0]) / 1e9
    length = np.diff(edge)
    inside = (bounds[:-1] >= readings.ns[0]) & (bounds[1:] <= readings.ns[-1])
    between = np.diff(np.clip(edge, 0.0, at[-1]))
    marks = np.where(inside, _MEASURED, _PARTIAL)
    seconds = np.diff(at)

    def accrued(total: Floats) -> Floats:
        """How much of a running total falls into each interval."""
        return np.diff(np.interp(edge, at, total))

    def spent(pairs: Bools) -> Floats:
        """How much time of such pairs falls into each interval; exactly 0 where none does."""
        part: Floats = accrued(_running(np.where(pairs, seconds, 0.0)))
        part[part < 1e-9 * length] = 0.0
        return part

    unknown = readings.reset | readings.jump
    gap = readings.gap & ~unknown
    usual = float(np.median(length))
    if usual < DAY:  # within a day that is read once, nothing tells which hour used how much
        rough = seconds > max(GAP_STEPS * usual, GAP_AT_LEAST)
        gap = gap | (rough & ~unknown & (np.diff(readings.joules) != 0))
    covered = between
    if gap.any():
        covered = covered - spent(gap)
        # Of a gap within an interval the whole is measured; the split of one that an edge lies in is not.
        pair = np.searchsorted(readings.ns, bounds) - 1
        cut = gap[np.clip(pair, 0, len(gap) - 1)] & (readings.ns[np.minimum(pair + 1, len(gap))] != bounds)
        marks[inside & (cut[:-1] | cut[1:])] = _SPLIT
    if unknown.any():
        energy = accrued(_running(np.where(unknown, 0.0, np.diff(readings.joules))))
        lost = spent(unknown)
        covered = covered - lost
        nothing = lost >= between * (1 - 1e-9)  # wholly between two readings that nothing connects
        energy[nothing] = np.nan
        for pairs, mark in ((readings.jump, _JUMP), (readings.reset, _RESET)):
            marks[(inside | nothing) & (spent(pairs) > 0)] = mark
    else:
        energy = accrued(readings.joules - readings.joules[0])
    outside = between <= 0
    energy[outside], marks[outside] = np.nan, _MISSING
    return energy / JOULES_PER_KWH, np.clip(covered / length, 0.0, 1.0), marks


def _running(amounts: Floats) -> Floats:
    total = np.zeros(len(amounts) + 1)
    np.cumsum(amounts, out=total[1:])
    return total

"""Hunting: a position that turns round again and again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.hydronics.samples import ACTIVE_HOURS, Samples
from belimo_nb.hydronics.spells import Ints, moments, neighbors, too_coarse
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, cannot_judge, whole

CHECK = "hunting"
BAND_PCT = 5.0
"""Points by which the position must come back before it has turned round."""
WARN_PER_HOUR = 6.0
FAULT_PER_HOUR = 12.0
FAULT_SHARE = 0.75
"""Share of the reversals that a spacing can show at most, from which they are a fault.

Samples every 5 minutes show at most 12 reversals an hour, and a valve that turns round between any two of them still
misses some where its swing is small: the limit is 9 an hour there, not 12.
"""
COARSEST = pd.Timedelta(minutes=5)


def reversals(
    position_pct: npt.NDArray[np.float64], ns: Ints, step: pd.Timedelta, band_pct: float = BAND_PCT
) -> npt.NDArray[np.int64]:
    """Where the position turns round: its highs and lows from which it comes back by more than the band.

    Nothing is counted across a gap or an unknown position: there it begins anew.

    Args:
        position_pct: Percent, NaN where unknown, shape (n,).
        ns: Times, nanoseconds, ascending, shape (n,).
        step: Nominal spacing.
        band_pct: Points.

    Returns:
        Positions of the highs and lows in the arrays, ascending.
    """
    known = np.flatnonzero(np.isfinite(position_pct))
    anew = np.ones(len(known), dtype=bool)
    if len(known):
        anew[1:] = (np.diff(known) != 1) | ~neighbors(ns[known], step)
    turns: list[int] = []
    direction = low = high = 0
    lowest = highest = 0.0
    for at, value, first in zip(known.tolist(), position_pct[known].tolist(), anew.tolist(), strict=True):
        if first:
            direction, low, high, lowest, highest = 0, at, at, value, value
            continue
        if value > highest:
            high, highest = at, value
        if value < lowest:
            low, lowest = at, value
        if direction >= 0 and value < highest - band_pct:
            if direction:
                turns.append(high)
            direction, low, lowest = -1, at, value
        elif direction <= 0 and value > lowest + band_pct:
            if direction:
                turns.append(low)
            direction, high, highest = 1, at, value
    return np.array(turns, dtype=np.int64)


def hunting(samples: Samples) -> Verdict:
    """Reversals of the position beyond 5 points, per active hour; warn 6, fault 12 (9 on 5-minute data).

    Only highs and lows of active samples count, so that a valve that opens a little once an hour is not taken for a
    hunting one. What is faster than twice the spacing is not seen.

    Args:
        samples: Every 5 minutes or finer, else there is no verdict.
    """
    minutes = samples.hours * 60
    if reason := too_coarse(samples, COARSEST, "how often the valve turns round"):
        return cannot_judge(CHECK, reason)
    limit = min(FAULT_PER_HOUR, FAULT_SHARE * 60 / minutes)
    threshold = f"warn {WARN_PER_HOUR:g}/h, fault {limit:g}/h"
    position = samples.values("position_pct")
    if not np.isfinite(position).any():
        return cannot_judge(CHECK, "The position is not measured.", threshold)
    hours = float((samples.active & np.isfinite(position)).sum()) * samples.hours
    if hours < ACTIVE_HOURS:
        return cannot_judge(CHECK, f"Water flowed for only {hours:.0f} h; {ACTIVE_HOURS:.0f} h are needed.", threshold)
    turns = reversals(position, moments(samples), samples.step)
    rate = float(samples.active[turns].sum()) / hours
    said = f"In {whole(hours)} h with flow the position turned round {rate:.1f} times an hour by more than 5 points"
    if rate < WARN_PER_HOUR:
        return Verdict(CHECK, OK, rate, "1/h", threshold, f"{said}: it is steady.")
    return Verdict(
        CHECK,
        FAULT if rate >= limit else WARN,
        rate,
        "1/h",
        threshold,
        f"{said}: it hunts, which wears the actuator and unsettles the temperature.",
        "Calm the control loop that asks for the position (smaller gain, longer integral time); if that does not help, "
        "check whether the valve is too large and whether the pump's pressure swings.",
    )

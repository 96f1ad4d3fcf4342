"""T1 and T2 swapped: delta-T has the wrong sign."""

from __future__ import annotations

import math

import numpy as np

from belimo_nb.hydronics.checks.sensors import in_the_room
from belimo_nb.hydronics.samples import ACTIVE_HOURS, WARM_WATER_C, Flags, Ints, Samples, lacking
from belimo_nb.hydronics.spells import DAY_NS
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, cannot_judge

CHECK = "T1/T2 swapped"
FAULT_PCT = 95.0
THRESHOLD = "fault above 95 % of the last 48 active hours"
RECENT_HOURS = 48.0
LEAST_K = 0.5  # A smaller difference has no sign to rely on
UNDECIDED_K = 1.0
"""Water whose mean is nearer than that to the border of warm and cold neither heats nor cools for certain."""


def swapped(samples: Samples) -> Verdict:
    """Share of the last 48 active hours in which T1 - T2 has the wrong sign.

    T1 is the supply. Warm water heats and must come in warmer than it goes out, cold water cools; which of them it is,
    the mean of both temperatures says, whichever way the sensors are mounted. Only the last active hours count: a swap
    of last month must not hide behind a year that was right, nor one that was mended accuse the valve.

    The lifetime counters bear witness: the valve counts by its own sign, so swapped sensors count on the wrong counter,
    or on none. If the right one rises all the same, it is a warning, and both are told.

    Args:
        samples: At any spacing, with both temperatures.
    """
    t1, t2 = samples.temperature("t1_c"), samples.temperature("t2_c")
    if not np.isfinite(t1 + t2).any():
        return cannot_judge(CHECK, "T1 and T2 are not both measured.", THRESHOLD)
    if not samples.known("flow_m3h"):
        return cannot_judge(CHECK, lacking(samples), THRESHOLD)
    difference = t1 - t2
    with np.errstate(invalid="ignore"):
        decided = (np.abs(samples.by_water) == 2) | (np.abs((t1 + t2) / 2 - WARM_WATER_C) >= UNDECIDED_K)
        telling = np.flatnonzero(samples.active & decided & (np.abs(difference) >= LEAST_K))
    hours = len(telling) * samples.hours
    if hours < ACTIVE_HOURS:
        reason = f"Water flowed with a clear difference for only {hours:.0f} h; {ACTIVE_HOURS:.0f} h are needed."
        return cannot_judge(CHECK, reason, THRESHOLD)
    warm = samples.by_water[telling] > 0
    wrong = warm != (difference[telling] > 0)
    recent = wrong[-math.ceil(RECENT_HOURS / samples.hours) :]
    share = 100 * float(recent.mean())
    said = f"In the last {len(recent) * samples.hours:.0f} h with flow the sign of T1 - T2 was wrong in {share:.0f} %"
    if share <= FAULT_PCT:
        return Verdict(CHECK, OK, share, "%", THRESHOLD, f"{said}.")
    if in_the_room(samples):
        return cannot_judge(CHECK, f"{said}, but T1 shows the temperature of the room, not that of water.", THRESHOLD)
    first = _since(wrong, samples.ns[telling])
    if first:
        said = f"{said}, since {samples.index[telling[first]]:%Y-%m-%d}"
    right, mistaken = ("heating", "cooling") if warm[-1] else ("cooling", "heating")
    heat, cold = (float(rise[telling[-len(recent)] :].sum()) for rise in samples.rises)
    if (heat > cold) if warm[-1] else (cold > heat):
        said = f"{said}, but the {right} counter rises: one of the two is mistaken."
        advice = "Compare both sensors with a thermometer, and see which of them sits in the supply."
        return Verdict(CHECK, WARN, share, "%", THRESHOLD, said, advice)
    said = f"{said}: the sensors are swapped, and {right} may be counted as {mistaken}."
    advice = (
        "See that the remote sensor T1 sits in the supply and the valve with its sensor T2 in the return, and exchange "
        "them if not; correct the energy counted since."
    )
    return Verdict(CHECK, FAULT, share, "%", THRESHOLD, said, advice)


def _since(wrong: Flags, ns: Ints) -> int:
    """The first wrong sample after the last day on which most were right; 0 if there was none."""
    day = ns // DAY_NS
    starts = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    rightly = np.add.reduceat(~wrong, starts) * 2 > np.diff(starts, append=len(day))
    if not rightly.any():
        return 0
    last = int(np.flatnonzero(rightly)[-1])
    # The swap lies in that day's end or at the begin of the next.
    begin = int(starts[last])
    after = int(starts[last + 1]) if last + 1 < len(starts) else len(wrong)
    good = np.flatnonzero(~wrong[begin:after])
    return begin + int(good[-1]) + 1

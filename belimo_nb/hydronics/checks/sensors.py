"""Temperature sensors whose readings cannot be true."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from belimo_nb.hydronics.samples import ACTIVE_HOURS, HIGHEST_C, LOWEST_C, Floats, Samples
from belimo_nb.hydronics.spells import moments, neighbors
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, cannot_judge

__all__ = ["sensors"]

CHECK = "sensor range"

FASTEST_K_MIN = 20.0
JUMPS_UP_TO = pd.Timedelta(minutes=5)
FROZEN_HOURS = 24.0
FINE_K = 0.1
"""Resolution of a sensor above which equal readings are no sign of anything."""
STRAY = 2
"""Up to so many bad readings are a warning: a transmission that failed leaves as many."""
THRESHOLD = "fault outside -10 to 130 °C, jumps > 20 K/min, or frozen 24 h while water flows; 1 or 2 readings: warn"

NAMES = {"t1_c": "T1", "t2_c": "T2"}


class _Findings(NamedTuple):
    outside: int
    jumps: int
    frozen_hours: float


def sensors(samples: Samples) -> Verdict:
    """Hours whose readings of T1 or T2 cannot be true: out of range, after a jump, or frozen while water flows.

    Jumps are judged up to 5 minutes from reading to reading (there it takes 100 K), and only while water flows at both
    ends, since hot water that arrives in a cold pipe jumps rightly; on coarser data range and frost are judged alone.
    A sensor is frozen if its readings are equal to the last digit over at least 24 active hours; sensors that publish
    steps of more than 0.1 K are exempt.

    Args:
        samples: At any spacing.
    """
    known = [column for column in NAMES if np.isfinite(samples.values(column)).any()]
    if not known:
        return cannot_judge(CHECK, "Neither T1 nor T2 is measured.", THRESHOLD)
    found = {NAMES[column]: _findings(samples, samples.values(column)) for column in known}
    single = sum(item.outside + item.jumps for item in found.values())
    frozen = sum(item.frozen_hours for item in found.values())
    figure = single * samples.hours + frozen
    who = " and ".join(found)
    if not single and not frozen:
        limits = "" if samples.active_hours >= ACTIVE_HOURS else "; for frozen readings too little water flowed"
        return Verdict(CHECK, OK, 0.0, "h", THRESHOLD, f"The readings of {who} are credible{limits}.")
    said = "; ".join(part for name, item in found.items() if (part := _told(name, item)))
    advice = "Check the sensor's cable and connector, and compare it with a thermometer; replace it if it differs."
    if not frozen and single <= STRAY:
        return Verdict(CHECK, WARN, figure, "h", THRESHOLD, f"{said}: a stray reading.", advice)
    return Verdict(CHECK, FAULT, figure, "h", THRESHOLD, f"{said}: it cannot be relied on.", advice)


def _told(name: str, item: _Findings) -> str:
    parts = []
    if item.outside:
        parts.append(f"{item.outside} readings out of range")
    if item.jumps:
        parts.append(f"{item.jumps} jumps")
    if item.frozen_hours:
        parts.append(f"the same reading over {item.frozen_hours:.0f} h of flow")
    return f"{name} has {', '.join(parts)}" if parts else ""


def _findings(samples: Samples, values: Floats) -> _Findings:
    known = np.flatnonzero(np.isfinite(values))
    values, active = values[known], samples.active[known]
    outside = (values < LOWEST_C) | (values > HIGHEST_C)
    change = np.abs(np.diff(values))
    jumps = 0
    if samples.step <= JUMPS_UP_TO and len(known) > 1:
        ns = moments(samples)[known]
        fast = change > FASTEST_K_MIN * np.diff(ns) / 6e10
        fast &= active[1:] & active[:-1] & neighbors(ns, samples.step) & ~outside[1:] & ~outside[:-1]
        jumps = int(fast.sum())
    return _Findings(int(outside.sum()), jumps, _frozen(change, active.astype(float) * samples.hours))


def _frozen(change: Floats, active_hours: Floats) -> float:
    """Active hours in runs of equal readings that have at least 24 of them."""
    moving = change > 0
    if moving.any() and change[moving].min() > FINE_K:
        return 0.0
    runs = np.add.reduceat(active_hours, np.concatenate(([0], np.flatnonzero(moving) + 1)))
    return float(runs[runs >= FROZEN_HOURS].sum())

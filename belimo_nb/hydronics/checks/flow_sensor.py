"""A flow sensor that reads 0 while the water's temperatures follow the valve."""

from __future__ import annotations

import numpy as np

from belimo_nb.hydronics.plant import flowless, moves
from belimo_nb.hydronics.samples import Flags, Floats, Samples
from belimo_nb.hydronics.spells import HOUR_NS, moments

OPEN_PCT = 30.0
LEAST_HOURS = 2.0  # hours a day at that position or more, with flowing water in half of them, that make a day telling
LEAST_DAYS = 2
LEAST_TOTAL_HOURS = 24.0
FOLLOWS = 0.3
"""Correlation of the return's temperature with the position, from which it follows the valve, up or down.

Standing water beside a cold main or in the draft of a fan has temperatures of flowing water, too; but it does not care
for the valve.
"""
DAY_NS = 24 * HOUR_NS


def dead_hours(samples: Samples) -> float:
    """Hours with the valve open, on days without any flow, in which the temperatures show that water moves.

    0 if it is less than 24 h on two days, or if the return does not follow the valve.
    """
    position, t2 = samples.values("position_pct"), samples.temperature("t2_c")
    known = np.isfinite(position + samples.values("flow_m3h") + t2)
    if not known.any():
        return 0.0
    still = flowless(samples)
    day = moments(samples) // DAY_NS
    day -= day[0]

    def hours(flags: Flags) -> Floats:
        return np.asarray(np.bincount(day[flags], minlength=int(day[-1]) + 1) * samples.hours)

    opened = known & (position > OPEN_PCT)
    calls = hours(opened)
    dead = (hours(known & ~still) == 0) & (calls >= LEAST_HOURS) & (2 * hours(opened & moves(samples)) >= calls)
    total = float(calls[dead].sum())
    if dead.sum() < LEAST_DAYS or total < LEAST_TOTAL_HOURS:
        return 0.0
    these = known & dead[day]
    if not (np.ptp(position[these]) > 0 and np.ptp(t2[these]) > 0):
        return 0.0
    return total if abs(float(np.corrcoef(position[these], t2[these])[0, 1])) >= FOLLOWS else 0.0

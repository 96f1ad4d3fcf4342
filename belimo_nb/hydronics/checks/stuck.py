"""A valve that does not move though it is asked to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belimo_nb.hydronics.samples import Floats, Ints, Samples
from belimo_nb.hydronics.spells import DAY_NS, too_coarse
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, cannot_judge
from belimo_nb.quantities import plural

CHECK = "stuck"
COARSEST = pd.Timedelta(hours=6)
DAYS = 7
LEAST_DAYS = 5  # days of seven that must be known
MOVES_PCT = 1.0
ASKED_PCT = 10.0
THRESHOLD = "fault: moves < 1 point in 7 d while asked for > 10"


def stuck(samples: Samples) -> Verdict:
    """Days in spells of seven in which the position moves by less than 1 point and its setpoint by more than 10.

    A fault if it is so in the last seven days that asked for a movement, a warning if it was so before and the valve
    moves again. Only readings of which both are known count.

    Args:
        samples: Every six hours or finer, with position and setpoint.
    """
    position, setpoint = samples.values("position_pct"), samples.values("setpoint_pct")
    known = np.isfinite(position + setpoint)
    if not known.any():
        return cannot_judge(CHECK, "The position and its setpoint are not both measured.", THRESHOLD)
    if reason := too_coarse(samples, COARSEST, "whether the valve moves"):
        return cannot_judge(CHECK, reason, THRESHOLD)
    day = samples.ns // DAY_NS
    if not known.all():
        day, position, setpoint = day[known], position[known], setpoint[known]
    if day[-1] - day[0] + 1 < DAYS:
        return cannot_judge(CHECK, "Less than 7 days are known.", THRESHOLD)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(day)) + 1))
    at = day[starts] - day[0]
    present = np.zeros(int(at[-1]) + 1)
    present[at] = 1
    enough = np.add.reduce(_windows(present)) >= LEAST_DAYS
    moved, asked = _ranges(starts, at, position), _ranges(starts, at, setpoint)
    telling = enough & (asked > ASKED_PCT)
    if not telling.any():
        reason = "In no 7 days was the valve asked to move by more than 10 points."
        return cannot_judge(CHECK, reason, THRESHOLD)
    windows = np.flatnonzero(telling & (moved < MOVES_PCT))
    if not len(windows):
        return Verdict(CHECK, OK, 0.0, "d", THRESHOLD, "The position moved whenever its setpoint did.")
    days = np.unique((windows[:, None] + np.arange(DAYS)).ravel())
    first, last = (np.datetime64(int(day[0] + end), "D") for end in (days[0], days[-1]))
    span = f"between {first} and {last}"
    still = windows[-1] == np.flatnonzero(telling)[-1]
    said = f"On {plural(len(days), 'day')} {span} it did not move though its setpoint did"
    if still:
        advice = "Check the manual override, the coupling of actuator and valve, and the actuator's supply voltage."
        return Verdict(CHECK, FAULT, float(len(days)), "d", THRESHOLD, f"{said}: it is stuck.", advice)
    advice = "Find out what held it (override, jam, supply voltage); exercise the valve once a week if it rests long."
    return Verdict(CHECK, WARN, float(len(days)), "d", THRESHOLD, f"{said}; it moves again.", advice)


def _ranges(starts: Ints, at: Ints, values: Floats) -> Floats:
    """Range of the values in each seven days, by their first day.

    Args:
        starts: Position of the first value of each known day.
        at: The number of that day, from 0.
        values: All values.
    """
    high, low = np.full(int(at[-1]) + 1, -np.inf), np.full(int(at[-1]) + 1, np.inf)
    high[at], low[at] = np.maximum.reduceat(values, starts), np.minimum.reduceat(values, starts)
    spread: Floats = np.maximum.reduce(_windows(high)) - np.minimum.reduce(_windows(low))
    return spread


def _windows(days: Floats) -> list[Floats]:
    """The values of the first day of each seven, of the second, and so on."""
    return [days[i : len(days) - DAYS + 1 + i] for i in range(DAYS)]

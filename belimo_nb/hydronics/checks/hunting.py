"""Hunting and cycling: a valve that turns round, or opens and closes, again and again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from belimo_nb.hydronics.samples import ACTIVE_HOURS, ACTIVE_POSITION_PCT, Flags, Floats, Ints, Samples
from belimo_nb.hydronics.spells import DAY_NS, DRIFT, in_words, neighbors, spacing
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, cannot_judge, whole, worst
from belimo_nb.quantities import plural

CHECK = "hunting"
BAND_PCT = 5.0  # points by which the position must come back before it has turned round
WARN_PER_HOUR = 6.0
FAULT_PER_HOUR = 12.0
FAULT_SHARE = 0.75
"""Share of the reversals that a spacing can show at most, from which they are a fault.

Samples every 5 minutes show at most 12 reversals an hour, and a valve that turns round between any two of them still
misses some where its swing is small: the limit is 9 an hour there, not 12.
"""
FINE, COARSEST = pd.Timedelta(minutes=5.5), pd.Timedelta(minutes=20)
"""Readings up to so far apart show how often a valve turns round, and whether it does so again and again."""
HALF_HOURLY = DRIFT * pd.Timedelta(minutes=30)  # those show it only if it does
SWING_PCT = 10.0  # points of a swing that is no backlash (6 to 7 points on real valves)
SWING_FLOW = 0.5  # share of the median active flow that a swing of the flow must exceed
TURNS_A_DAY = 8
"""Turns that make a day one of cycling: there and back four times. A schedule makes two, a day's load two more."""
CYCLING_PCT = 15.0  # share of the days in operation that cycle, from which it is a warning; two days at least
LEAST_DAYS = 2
LITTLE_M3 = 10.0
WEAR = {"direction_changes": "direction changes", "strokes": "full strokes", "end_stops": "runs to an end stop"}
WEAR_DAYS, YEAR_DAYS = 7.0, 365.25  # days from which on wear is told, for a year
THRESHOLD = f"warn {WARN_PER_HOUR:g}/h or cycling on {CYCLING_PCT:g} % of the days, fault {{:g}}/h"


def reversals(position_pct: Floats, ns: Ints, step: pd.Timedelta, band_pct: float = BAND_PCT) -> Ints:
    """Where the position turns round: its highs and lows from which it comes back by more than the band.

    Nothing is counted across a gap: there it begins anew.

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
    anew[1:] = ~neighbors(ns[known], step)
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


def hunting(samples: Samples, period: Samples | None = None) -> Verdict:
    """Whether the valve is unsteady, from what there is: fine readings, polls, or the actuator's own counter.

    Readings up to 5 minutes apart give the reversals of the position beyond 5 points per active hour: warn 6, fault 12
    (9 on 5-minute data). Those up to 20 minutes apart do not show how often it turns round, but that it does: a day
    cycles if the position turns round by more than 10 points, or the flow by more than half of its median, 8 times or
    more. That is a warning from 15 % of the days in operation on, with the water that flowed in them, since a trickle
    that comes and goes wears the actuator and nothing else. What turns round even in readings half an hour apart does
    so, too, and so does a flow without a position; but those never show that it is steady. The counter of direction
    changes tells the rate at any spacing, but every touch counts: with that of travel, only if the mean swing is beyond
    5 points.

    The spacing is that of the readings themselves, not of their rows.

    Args:
        samples: Every 5 minutes or finer, if there are such.
        period: A longer period: its days are judged if its readings are up to 20 minutes apart, and its counter.
    """
    period = samples if period is None else period
    column = "position_pct" if samples.known("position_pct") or period.known("position_pct") else "flow_m3h"
    fine, long = (spacing(part, column) for part in (samples, period))
    limit = FAULT_PER_HOUR
    if pd.Timedelta(0) < fine <= FINE:
        limit = min(limit, FAULT_SHARE * pd.Timedelta(hours=1) / fine)
    threshold = THRESHOLD.format(limit)
    verdicts = []
    if pd.Timedelta(0) < fine <= FINE and column == "position_pct":
        verdicts.append(_rate(_read(samples, column, fine), threshold, limit))
    for part, spaced in ((period, long), (samples, fine)):
        if pd.Timedelta(0) < spaced <= HALF_HOURLY:
            found = _cycling(_read(part, column, spaced), threshold)
            if found.verdict == WARN or (spaced <= COARSEST and column == "position_pct"):
                verdicts.append(found)
                break
    if counted := _by_counter(period, threshold):
        verdicts.append(counted)
    found = worst(verdicts) if verdicts else cannot_judge(CHECK, _why_not(long, column), threshold)
    return replace(found, sentence=found.sentence + _wear(period))


def _read(samples: Samples, column: str, spaced: pd.Timedelta) -> Samples:
    """Only the rows with a reading of a column, and how far apart they are."""
    known = np.isfinite(samples.values(column))
    if known.all() and samples.step == spaced:
        return samples
    return samples.part(known, spaced)


def _why_not(spaced: pd.Timedelta, column: str) -> str:
    if spaced <= pd.Timedelta(0):
        return "Neither position nor flow is measured."
    if column != "position_pct":
        return "The position is not measured, and the flow alone does not show that the valve is steady."
    return (
        f"Readings every {in_words(spaced)} do not show how the valve moves; it takes one every {in_words(COARSEST)} "
        "or more often, or the actuator's counter of its turns."
    )


def _rate(samples: Samples, threshold: str, limit: float) -> Verdict:
    """By how often the position turns round an hour."""
    position, active = samples.values("position_pct"), samples.active
    hours = float(active.sum()) * samples.hours
    if hours < ACTIVE_HOURS:
        return cannot_judge(CHECK, f"Water flowed for only {hours:.0f} h; {ACTIVE_HOURS:.0f} h are needed.", threshold)
    rate = float(active[reversals(position, samples.ns, samples.step)].sum()) / hours
    said = f"In {whole(hours)} h with flow the position turned round {rate:.1f} times an hour by more than 5 points"
    return _told(rate, limit, said, threshold)


def _told(rate: float, limit: float, said: str, threshold: str) -> Verdict:
    if rate < WARN_PER_HOUR:
        return Verdict(CHECK, OK, rate, "1/h", threshold, f"{said}: it does not hunt.")
    said = f"{said}: it hunts, which wears the actuator and unsettles the temperature."
    return Verdict(CHECK, FAULT if rate >= limit else WARN, rate, "1/h", threshold, said, ADVICE)


ADVICE = (
    "Calm the control loop that asks for the position (smaller gain, longer integral time); if that does not help, "
    "check whether the valve is too large and whether the pump's pressure swings."
)


def _by_counter(samples: Samples, threshold: str) -> Verdict | None:
    """By the actuator's own counter of direction changes; None if it has none, or if it cannot tell."""
    hours = samples.active_hours
    changes = samples.rise("direction_changes")
    if not samples.known("direction_changes") or hours < ACTIVE_HOURS:
        return None
    rate = changes / hours
    said = f"By its own counter the actuator turned round {rate:.1f} times in each of {whole(hours)} h with flow"
    if samples.known("strokes") and changes:
        swing = 100 * samples.rise("strokes") / changes
        said = f"{said}, by {plural(round(swing), 'point')} on average"
        rate = rate if swing > BAND_PCT else 0.0
    return _told(rate, FAULT_PER_HOUR, said, threshold)


def _wear(samples: Samples) -> str:
    """What the actuator counted of its own moves, by year, as a sentence; empty if it counts none, or for too short."""
    parts = []
    for column, name in WEAR.items():
        (known,) = np.nonzero(np.isfinite(samples.values(column)))
        if len(known) and (days := float(np.ptp(samples.ns[known])) / DAY_NS) >= WEAR_DAYS:
            parts.append(f"{whole(samples.rise(column) * YEAR_DAYS / days)} {name}")
    return f" Wear by year, from the actuator's counters: {', '.join(parts)}." if parts else ""


def _cycling(samples: Samples, threshold: str) -> Verdict:
    """By the days on which it turns round again and again; needs no more than polls."""
    flow, active, day = samples.values("flow_m3h"), samples.active, samples.day
    days = int(day[-1]) + 1
    cycles = _turning_days(samples, "position_pct", SWING_PCT)
    if active.any():
        cycles |= _turning_days(samples, "flow_m3h", SWING_FLOW * float(np.median(flow[active])))
    operates = active if samples.known("flow_m3h") else samples.values("position_pct") > ACTIVE_POSITION_PCT
    runs = cycles | (np.bincount(day[operates], minlength=days) * samples.hours >= 1)
    if runs.sum() < LEAST_DAYS:
        reason = f"The valve was in operation on {plural(runs.sum(), 'day')} only; {LEAST_DAYS} are needed."
        return cannot_judge(CHECK, reason, threshold)
    share = 100 * float(cycles.sum() / runs.sum())
    said = (
        f"On {int(cycles.sum())} of {plural(runs.sum(), 'day')} in operation it turned round {TURNS_A_DAY} "
        f"times or more"
    )
    if share < CYCLING_PCT or cycles.sum() < LEAST_DAYS:
        return Verdict(CHECK, OK, share, "%", threshold, f"{said}: it is steady.")
    water = float(np.nansum(flow[cycles[day]])) * samples.hours
    if not active.any():
        meanwhile = "how much water flowed is not known"
    elif water < LITTLE_M3:
        meanwhile = f"{whole(water)} m³ flowed on these days, hardly any water"
    else:
        meanwhile = f"{whole(water)} m³ flowed on these days"
    said = f"{said}: it opens and closes again and again, which wears the actuator; {meanwhile}."
    return Verdict(CHECK, WARN, share, "%", threshold, said, ADVICE)


def _turning_days(samples: Samples, column: str, band: float) -> Flags:
    """The days, from the first on, on which the values turn round by more than the band again and again."""
    values, ns, day = samples.values(column), samples.ns, samples.day
    days = int(day[-1]) + 1
    known = np.isfinite(values)
    if not known.all():
        values, ns, day = values[known], ns[known], day[known]
    travel = np.bincount(day, np.abs(np.diff(values, prepend=values[:1])), days)
    candidates = travel > TURNS_A_DAY * band  # with less, so many turns cannot be
    looked = candidates[day]
    if not looked.any():
        return candidates
    # A turn between two readings is one, whether or not another one in between is missing.
    turns = reversals(values[looked], ns[looked], 2 * samples.step, band)
    return np.bincount(day[looked][turns], minlength=days) >= TURNS_A_DAY

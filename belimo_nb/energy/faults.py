"""What is wrong with the readings of a lifetime counter, judged by their neighbors in time alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

CEILING = 1e9  # W; where no limit is known: no pipe of a building carries the heat of a power station
GAP_STEPS = 2
GAP_AT_LEAST = 3600.0  # seconds; readings further apart than both `GAP_STEPS` nominal steps and this leave a gap
SHORT = 24  # readings; a run of so many wrong ones is told by its shape alone
RETURN = 4.0  # times any other rise of a long low run, above which its last is the way back to the old register
UNDONE = 150  # readings within which a rise as large as a fall, and `RETURN` times any other, undoes it
LEAP = 10.0  # times the greatest rise that follows, above which a first rise from 0 is the whole life of the meter
LEAP_WITNESSES, LEAP_READINGS = 6, 48  # rises, or readings of a register that stands still, that must follow to say so
FAR, LEAST_LEAP = 20.0, 3.6e9  # times any rise around, and J, above which a rise is no energy even without a limit
AROUND = 2 * 86400 * 10**9  # nanoseconds before and after a standstill that tell what is usual
CAUGHT_UP, WITNESSES = 2.0, 16  # times the greatest rise around, and the number of rises around that it takes to say so
LONGER = 2.0  # times the longest standstill around, above which one that goes over into a gap is a collector's
FITS = (0.5, 2.0)
"""Mean power of a standstill and the rise that ends it, over the mean around, if a collector has caught up."""

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Run = tuple[int, int, str]
Dropped = tuple[Run, ...]


class Sound(NamedTuple):
    """The readings that are left.

    Attributes:
        ns: Times, ascending.
        joules: The register, which never falls but at a reset.
        reset: Per pair of neighbors: the register began anew between the two.
        jump: Per pair: it rose more than is possible since it last moved.
        frozen: Per pair: between the two the register only seemed to stand still.
        dropped: Begin, end ("dropout", "spike" or "freeze" between them) of runs of readings that are none.
    """

    ns: Ints
    joules: Floats
    reset: Bools
    jump: Bools
    frozen: Bools
    dropped: Dropped


def sound(ns: Ints, joules: Floats, limit: float) -> Sound:
    """Leave out the readings that are none, and mark where the register broke.

    1. A fall that its neighbors undo is a run of bad readings, below the register (a dropout, a stale reading) or above
       it (a spike, an early reading): they are dropped. Any other fall is a reset: a new register.
    2. A register that begins with 0 and leaps is a dropout that the readings, or the new register, begin in.
    3. A rise that is too fast for its own time, but not for the time since the register last moved, is a collector's
       that froze: what it showed meanwhile is dropped. Too fast for that as well, it is a jump; so is one that is many
       times any around it, whatever the limit allows.

    Args:
        ns: Times in nanoseconds, ascending.
        joules: The counter, 0 or more.
        limit: Highest possible power, W.
    """
    anew, dropped = np.zeros(len(joules), bool), list[Run]()
    for mended in (_undo_falls, _leaps_from_zero):
        keep, found = mended(ns, joules, anew, limit)
        if found:
            ns, joules, anew, dropped = ns[keep], joules[keep], anew[keep], dropped + found
    reset, rises, seconds = anew[1:], np.diff(joules), np.diff(ns) / 1e9
    jump = (rises > limit * seconds) & ~reset
    frozen = np.zeros(len(rises), bool)
    if freezes := _freezes(ns, rises, seconds, reset, jump, limit):
        keep = np.ones(len(ns), bool)
        for first, pair in freezes:
            keep[first + 1 : pair + 1] = False
            jump[pair], frozen[pair] = False, True
            dropped.append((int(ns[first]), int(ns[pair + 1]), "freeze"))
        ns, joules = ns[keep], joules[keep]
        reset, jump, frozen = reset[keep[1:]], jump[keep[1:]], frozen[keep[1:]]
    rises = np.where(reset | jump, 0.0, np.diff(joules))
    if rises.max(initial=0.0) > LEAST_LEAP:
        jump[_leaps(ns, rises, limit)] = True
    return Sound(ns, joules, reset, jump, frozen, tuple(dropped))


def _undo_falls(ns: Ints, joules: Floats, anew: Bools, limit: float) -> tuple[Bools, list[Run]]:
    """Which readings to keep, and the runs that are dropped; marks in `anew` those that are the first after a reset."""
    keep, dropped, rises = np.ones(len(joules), bool), list[Run](), np.diff(joules)
    falls = np.flatnonzero(rises < 0) + 1
    if not len(falls):
        return keep, dropped
    stood = np.concatenate(([False], rises == 0))
    moved = ns[np.maximum.accumulate(np.where(stood, 0, np.arange(len(ns))))]  # per reading, since when it stood still
    segment = position = 0
    for fall in falls.tolist():
        if fall <= position:
            continue  # inside a run that is already dropped, or where it is over
        old = fall - 1
        back = _end_of_low_run(ns, joules, old, fall, limit * 1e-9, int(moved[old]))
        high = _high_run(joules, keep, fall, segment)
        if back is not None and high and joules[fall:back].any() and _likelier(ns, joules, fall, back, high):
            back = None
        if back is None and not high and old > segment and keep[old - 1]:
            old -= 1  # a spike, and a dropout right after it?
            back = _end_of_low_run(ns, joules, old, fall, limit * 1e-9, int(moved[old]))
            if back is not None and joules[min(back, len(joules) - 1)] >= joules[fall - 1]:
                back = None
        if back is not None:
            keep[old + 1 : back] = False
            dropped.append((int(ns[old]), int(ns[min(back, len(ns) - 1)]), "dropout"))
            position = back
        elif high:
            keep[high[1:]] = False
            dropped.append((int(ns[high[0]]), int(ns[fall]), "spike"))
        elif back := _undone(joules, fall):
            keep[fall:back] = False
            dropped.append((int(ns[fall - 1]), int(ns[back]), "dropout"))
            position = back
        else:
            anew[fall] = True
            segment = fall
    return keep, dropped


def _undone(joules: Floats, fall: int) -> int:
    """The reading at which one rise undoes a fall that the low run had made good by counting on; 0 if none does."""
    rises = np.diff(joules[fall : fall + UNDONE])
    if len(rises) < 2:
        return 0
    at, fell = int(np.argmax(rises)), joules[fall - 1] - joules[fall]
    most = RETURN * max(np.delete(rises, at).max(), 0.0)
    return fall + at + 1 if most < fell and most < rises[at] and fell <= rises[at] <= fell + most else 0


def _end_of_low_run(ns: Ints, joules: Floats, before: int, fall: int, watts: float, moved: int) -> int | None:
    """The reading at which a run that `fall` begins, below that `before`, is over; None if it is a new register."""
    old, count = float(joules[before]), len(joules)

    def reached(at: int) -> bool:
        return bool(joules[at] <= old + watts * (ns[at] - moved))

    back = _returns(joules, fall, old)
    while back < count - 1 and joules[back + 1] < joules[back]:
        again = _returns(joules, back + 1, old)
        borne_out = (again < count and joules[again] >= joules[back]) or not joules[fall:back].any()
        if borne_out and reached(back):
            break
        back = again  # a spike within the run
    low = joules[fall:back]
    low = low[low < old]
    if not low.any():
        return back  # of zeros, be it to the end
    if back == count or not reached(back):
        return None
    fell, rises = old - joules[fall], np.diff([*low, joules[back]])
    rise = rises.max()
    if 2 * rise < fell:
        return None  # it came back by itself, most of the way
    too_fast = joules[back] - joules[back - 1] > watts * (ns[back] - ns[back - 1])
    too_fast = too_fast or (len(rises) > SHORT and rise == rises[-1] > RETURN * rises[:-1].max())
    long = (too_fast or low.min() == low.max()) and rise <= 2 * fell
    after = joules[back : back + SHORT]
    long = long and bool(np.median(after[after > 0]) >= old)  # some bad high readings are no way back
    return back if long or back - fall <= SHORT else None


def _high_run(joules: Floats, keep: Bools, fall: int, segment: int) -> list[int]:
    """The reading that the register goes on from at `fall`, and those after it that stand out; empty if none do.

    They begin with the steepest of the last rises from a reading that `fall` is not below, if it is half of the fall.
    """
    run, at, found = list[int](), fall - 1, list[int]()
    steepest = (joules[fall - 1] - joules[fall]) / 2
    while at >= segment and len(run) <= SHORT:
        if keep[at]:
            if run and joules[at] <= joules[fall] and joules[run[-1]] - joules[at] >= steepest:
                steepest, found = joules[run[-1]] - joules[at], [*run, at]
            run.append(at)
        at -= 1
    return found[::-1]


def _likelier(ns: Ints, joules: Floats, fall: int, back: int, high: list[int]) -> bool:
    """Whether the run above the register is the bad one: the shorter one, or that without which it runs evenly."""
    if len(high) - 1 != back - fall:
        return len(high) - 1 < back - fall

    def steepest(*readings: int) -> float:
        at = list(readings)
        return float(np.max(np.diff(joules[at]) / np.diff(ns[at])))

    after = min(fall + 1, len(ns) - 1)
    return steepest(high[0], fall, after) < steepest(high[0], fall - 1, back)


def _returns(joules: Floats, fall: int, old: float) -> int:
    """The first reading from `fall` on that is not below `old`, else the number of readings."""
    width = 64
    while fall < len(joules):  # in growing windows: most dropouts are short, and there may be many
        found = joules[fall : fall + width] >= old
        if found.any():
            return fall + int(np.argmax(found))
        fall, width = fall + width, width * 2
    return len(joules)


def _leaps_from_zero(ns: Ints, joules: Floats, anew: Bools, limit: float) -> tuple[Bools, list[Run]]:
    """Which readings to keep: not the zeros that a register begins with, if it leaps from there. Mends `anew`."""
    keep, dropped = np.ones(len(joules), bool), list[Run]()
    if joules.all():
        return keep, dropped
    rises = np.diff(joules)
    for pair in np.flatnonzero((joules[:-1] == 0) & (rises > 0)).tolist():
        begin = pair
        while begin > 0 and joules[begin - 1] == 0 and not anew[begin]:
            begin -= 1
        rise, seconds = rises[pair], (ns[pair + 1] - ns[pair]) / 1e9
        after = rises[pair + 1 : pair + 1 + LEAP_READINGS]
        after = after[: int(np.argmax(after < 0))] if (after < 0).any() else after
        rates = after / (np.diff(ns[pair + 1 : pair + 2 + len(after)]) / 1e9)
        enough = len(after) >= LEAP_READINGS or np.count_nonzero(after) >= LEAP_WITNESSES
        most, fastest = after.max(initial=0.0), rates.max(initial=0.0)
        if rise > limit * seconds or (enough and rise > LEAP * most and rise > LEAP * fastest * seconds):
            keep[begin : pair + 1] = False
            anew[pair + 1] = anew[begin]
            dropped.append((int(ns[begin]), int(ns[pair + 1]), "dropout"))
    return keep, dropped


def _around(ns: Ints, rises: Floats, begin: Ints, end: Ints) -> tuple[Ints, Ints, Floats]:
    """Of the pairs that tell what is usual around readings `begin` to `end`: the first, the one after, the rise."""
    low = np.minimum(np.searchsorted(ns, ns[begin] - AROUND), np.maximum(begin - SHORT, 0))
    high = np.maximum(np.searchsorted(ns, ns[end] + AROUND) - 1, np.minimum(end + SHORT, len(ns) - 1))
    greatest = np.maximum.reduceat(np.append(rises, 0.0), np.column_stack((low, high)).ravel())[::2]
    return low, high, greatest


def _leaps(ns: Ints, rises: Floats, limit: float) -> list[int]:
    """The pairs whose rise is `FAR` times any around it, in amount and, since the register last moved, in mean power.

    A last reading has none after it that bears it out: a standstill before it explains no leap. Where nothing moves
    around, only a limit tells, if there is one.
    """
    at = np.flatnonzero(rises)
    beside = np.pad(rises, 1)
    told = np.flatnonzero((rises[at] > LEAST_LEAP) & (rises[at] > FAR * np.maximum(beside[at], beside[at + 2])))
    since = np.where(told > 0, at[told - 1] + 1, 0)
    since = np.where(at[told] + 1 == len(rises), at[told], since)
    lows, highs, greatest = _around(ns, rises, since, at[told] + 1)
    leaps = list[int]()
    for k in np.flatnonzero(rises[at[told]] == greatest).tolist():
        pair, begin, low, high = int(at[told[k]]), since[k], lows[k], highs[k]
        others = np.concatenate((rises[low:begin], rises[pair + 1 : high]))
        elapsed = ns[pair + 1] - ns[begin]
        span = ns[high] - ns[low] - elapsed
        enough = np.count_nonzero(others) > WITNESSES or span >= WITNESSES * (ns[pair + 1] - ns[pair])
        if enough and (limit >= CEILING or others.any()):
            usual = others.sum() / span * elapsed
            leaps += [pair] if rises[pair] > FAR * max(others.max(), usual) else []
    return leaps


def _freezes(
    ns: Ints, rises: Floats, seconds: Floats, reset: Bools, jump: Bools, limit: float
) -> list[tuple[int, int]]:
    """First reading of each standstill in which the register did move, and the pair in which a collector catches up.

    The rise is too fast for its own time but not for the standstill's, and the register goes on from there; or it is
    greater than twice any rise around, or readings are missing after a standstill longer than any around, and yet the
    standstill's mean is what is usual around. (A valve that opens in the morning is not.)
    """
    still = (rises == 0) & ~reset
    at = np.flatnonzero(still[:-1] & ~still[1:] & ~reset[1:]) + 1
    if not len(at):
        return []
    moves = np.flatnonzero(~still)
    order = np.searchsorted(moves, at)
    since = np.where(order > 0, moves[order - 1] + 1, 0)
    elapsed = (ns[at + 1] - ns[since]) / 1e9
    jumped = jump[at] & (rises[at] <= limit * elapsed) & (at + 1 < len(rises))
    following = rises[np.minimum(at + 1, len(rises) - 1)]
    late = (elapsed >= 3 * seconds[at]) & ((rises[at] > CAUGHT_UP * following) | (at + 1 == len(rises)))
    missing = seconds[at] > np.maximum(GAP_STEPS * seconds[at - 1], GAP_AT_LEAST)
    told = np.flatnonzero(jumped | (~jump[at] & (late | missing)))
    ends = np.zeros(len(at), bool)
    witness = ~jump & ~reset & (rises > 0)
    lows, highs, greatest = _around(ns, np.where(witness, rises, 0.0), since[told], at[told] + 1)
    count = np.concatenate(([0], np.cumsum(witness)))
    worth = (count[highs] - count[lows] > WITNESSES) & (missing[told] | (rises[at[told]] == greatest))
    for k in np.flatnonzero(worth | jumped[told]).tolist():
        i, pair, around = told[k], at[told[k]], np.arange(lows[k], highs[k])
        others = around[witness[around] & (around != pair)]
        span = seconds[around].sum() - elapsed[i]
        usual, mean = rises[others].sum() / max(span, 1e-9), rises[pair] / elapsed[i]
        if jumped[i]:
            enough = len(others) > WITNESSES or span >= WITNESSES * seconds[pair]
            ends[i] = mean <= FAR * usual or not enough
        elif FITS[0] * usual <= mean <= FITS[1] * usual:
            most = max(rises[others].max(), (rises[others] / seconds[others]).max() * seconds[pair])
            moved = around[witness[around]]
            stood = ns[moved[1:]] - ns[moved[:-1] + 1]
            longest = stood[moved[1:] != pair].max(initial=0)
            silent = missing[i] and seconds[pair] > GAP_STEPS * np.median(seconds[around])
            silent = silent and ns[pair] - ns[since[i]] > LONGER * longest
            ends[i] = silent or rises[pair] > CAUGHT_UP * most
    return list(zip(since[ends].tolist(), at[ends].tolist(), strict=True))

"""Sensors whose readings cannot be true, or of which the device says itself that they have failed."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from belimo_nb.hydronics.plant import RETURN_COLD_C, flowless, moves
from belimo_nb.hydronics.samples import ACTIVE_HOURS, Flags, Floats, Samples, percentile
from belimo_nb.hydronics.spells import neighbors, spells
from belimo_nb.hydronics.verdict import FAULT, OK, THOUSANDS, WARN, Verdict, cannot_judge
from belimo_nb.quantities import ABSOLUTE_ZERO_C, plural

CHECK = "sensor range"

FASTEST_K_MIN = 20.0
JUMPS_UP_TO = pd.Timedelta(minutes=5)
FROZEN_READINGS = 12
FROZEN_HOURS = 24.0
FINE_K = 0.09  # resolution of a sensor above which equal readings are no sign of anything
STRAY, STRAY_SHARE = 2, 0.001
"""Up to so many bad readings, or such a share of all, are stray: a transmission that failed, another device's poll."""
ZERO_HOURS = 24.0
ROOM_C = (15.0, 30.0)  # temperatures of rooms and plant rooms
SETTLED_K, APART_K = 1.5, 5.0
"""A sensor in the room shows the same with flow and without, up to the one, and is off the water by the other."""
ERRORS = {1: "T1", 2: "T2", 4: "the flow sensor"}  # bits of a device's error status, from the least
THRESHOLD = (
    "fault outside -10 to 130 °C, jumps > 20 K/min, frozen 24 h while water flows, at room temperature, or no flow "
    "while water moves; 0.1 % stray"
)
FLOW_ADVICE = "Check the flow sensor, its cable and the device's error messages; what passed meanwhile is not known."
ADVICE = "Check the sensor's cable and connector, and compare it with a thermometer; replace it if it differs."
OPEN_PCT = 30.0
LEAST_HOURS = 2.0  # hours a day at that position or more, with flowing water in half of them, that make a day telling
LEAST_DAYS = 2
LEAST_TOTAL_HOURS = 24.0
FOLLOWS, FOLLOWS_A_WEEK = 0.3, 0.2
"""Correlation of the return's temperature with the position, from which it follows the valve, up or down; of a week or
more, in which chance makes less of one.

Standing water beside a cold main or in the draft of a fan has temperatures of flowing water, too; but it does not care
for the valve.
"""

WITH_FLOW = 0.8
"""Correlation of T1 with the flow above which it is in the water; rooms follow the load, too, but not so closely."""

NAMES = {"t1_c": "T1", "t2_c": "T2"}


class _Findings(NamedTuple):
    outside: int
    jumps: int
    frozen_hours: float


def sensors(samples: Samples, health: str = "") -> Verdict:
    """Hours whose readings of T1, T2 or flow cannot be true.

    What the device says itself comes first: error bits that are set in its last readings, and its health. Then what its
    readings say: zeros in every channel for a day; a flow sensor that reads 0 for days while the temperatures show that
    water moves; a T1 that shows the room while cold or hot water flows; T1 or T2 out of range, after a jump, or frozen
    while water flows.

    Jumps are judged up to 5 minutes from reading to reading (there it takes 100 K), and only while water flows at both
    ends, since hot water that arrives in a cold pipe jumps rightly; on coarser data range and frost are judged alone.
    A sensor is frozen if its readings are equal to the last digit over at least 24 active hours; sensors that publish
    steps of 0.1 K or more are exempt: the water of a good plant stands as still. One or two bad readings, or 0.1 % of
    all, are told, and no more.

    Args:
        samples: At any spacing.
        health: What the device says of itself, such as "Flow_sensor_error"; empty: nothing, or unknown.
    """
    if claimed := _claimed(samples, health):
        claim, hours = claimed
        advice = FLOW_ADVICE if "flow" in claim.lower() else f"{ADVICE} Until then nothing is known."
        return Verdict(CHECK, FAULT, hours, "h", THRESHOLD, claim, advice)
    known = [column for column in NAMES if np.isfinite(samples.values(column)).any()]
    if not known:
        return cannot_judge(CHECK, "Neither T1 nor T2 is measured.", THRESHOLD)
    if dead := _zeros(samples) or _no_flow(samples) or in_the_room(samples):
        return dead
    found = {NAMES[column]: _findings(samples, column) for column in known}
    outside, jumps = (sum(counts) for counts in zip(*((i.outside, i.jumps) for i in found.values()), strict=True))
    single = outside + jumps
    frozen = sum(item.frozen_hours for item in found.values())
    figure = single * samples.hours + frozen
    who = " and ".join(found)
    if not single and not frozen:
        said = f"The readings of {who} are credible"
        if not samples.known("flow_m3h"):
            said = f"{said}; whether they are frozen only the flow would tell"
        elif samples.active_hours < ACTIVE_HOURS:
            said = f"{said}; for frozen readings too little water flowed"
        return Verdict(CHECK, OK, 0.0, "h", THRESHOLD, f"{said}.")
    said = "; ".join(part for name, item in found.items() if (part := _told(name, item)))
    if not frozen and jumps <= STRAY and outside <= max(STRAY, STRAY_SHARE * len(samples)):
        return Verdict(CHECK, OK, figure, "h", THRESHOLD, f"{said}: stray readings; the others are credible.")
    return Verdict(CHECK, FAULT, figure, "h", THRESHOLD, f"{said}: it cannot be relied on.", ADVICE)


def _claimed(samples: Samples, health: str) -> tuple[str, float] | None:
    """What the device says itself, as a sentence, and for how many hours it is known to; None if nothing."""
    bits = samples.values("error_bits")
    known = np.flatnonzero(np.isfinite(bits))
    there = bits[known].astype(np.int64) & sum(ERRORS)
    hours = float((there > 0).sum()) * samples.hours
    if any(word in health.lower() for word in ("sensor", "flow")):
        return f"The device says of itself: {health}.", hours or float("nan")
    names = " and ".join(name for bit, name in ERRORS.items() if len(there) and there[-1] & bit)
    return (f"The device reports an error of {names}.", hours) if names else None


def _zeros(samples: Samples) -> Verdict | None:
    """Exactly 0 in every channel for a day or more: nothing is measured."""
    channels = [samples.values(name) for name in ("t1_c", "t2_c", "flow_m3h", "power_kw") if samples.known(name)]
    if len(channels) < 3:  # 0 °C alone may be true
        return None
    # Of a cloud that tells kelvins, 0 is the absolute zero.
    zero = np.logical_and.reduce([(values == 0) | (values == ABSOLUTE_ZERO_C) for values in channels])
    begins, afters = spells(zero, samples.ns, samples.step)
    hours = (afters - begins) * samples.hours
    if not (hours >= ZERO_HOURS).any():
        return None
    always = bool(np.all(zero | ~np.isfinite(np.sum(channels, axis=0))))
    lasted = float(hours[hours >= ZERO_HOURS].sum())
    said = f"T1, T2 and every other channel read exactly 0 for {lasted:.0f} h: nothing is measured"
    if always:
        advice = "If the valve is installed, check its supply voltage and its sensors' cables; in stock it is no fault."
        return Verdict(CHECK, WARN, lasted, "h", THRESHOLD, f"{said}, or it is not installed yet.", advice)
    advice = "Check the device's supply voltage, its sensors' cables and the gateway in between."
    return Verdict(CHECK, FAULT, lasted, "h", THRESHOLD, f"{said}.", advice)


def _no_flow(samples: Samples) -> Verdict | None:
    """A flow sensor that reads 0 while the temperatures follow the valve."""
    hours = dead_hours(samples)
    if not hours:
        return None
    said = (
        f"In {hours:.0f} h with the valve open the flow reads 0 all day, while the water keeps its temperature and T2 "
        "follows the valve: the flow sensor has failed, and no energy is counted."
    )
    return Verdict(CHECK, FAULT, hours, "h", THRESHOLD, said, FLOW_ADVICE)


def dead_hours(samples: Samples) -> float:
    """Hours with the valve open, on days without any flow, in which the temperatures show that water moves.

    0 if it is less than 24 h on two days, or if the return does not follow the valve.
    """
    position, t2 = samples.values("position_pct"), samples.temperature("t2_c")
    known = np.isfinite(position + samples.values("flow_m3h") + t2)
    if not known.any():
        return 0.0
    still = flowless(samples)
    day = samples.day

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
    least = FOLLOWS if dead.sum() < 7 else FOLLOWS_A_WEEK
    return total if abs(float(np.corrcoef(position[these], t2[these])[0, 1])) >= least else 0.0


def _follows_flow(flow: Floats, t1: Floats) -> bool:
    """Whether T1 rises and falls with the flow, as a return does, as cool as the room as it may be."""
    return bool(np.ptp(flow) and np.ptp(t1) and abs(np.corrcoef(flow, t1)[0, 1]) > WITH_FLOW)


def in_the_room(samples: Samples) -> Verdict | None:
    """A T1 that shows the room's temperature while cold or hot water flows, ever or in its last 24 h."""
    t1, t2 = samples.temperature("t1_c"), samples.temperature("t2_c")
    flows = samples.active & np.isfinite(t1 + t2)
    rests = ~samples.active & np.isfinite(t1)
    if min(flows.sum(), rests.sum()) * samples.hours < ACTIVE_HOURS:
        return None
    lately = int(np.flatnonzero(flows)[-math.ceil(ACTIVE_HOURS / samples.hours)])
    return _in_the_room(samples, t1, t2, flows, rests, 0) or _in_the_room(samples, t1, t2, flows, rests, lately)


def _in_the_room(samples: Samples, t1: Floats, t2: Floats, flows: Flags, rests: Flags, first: int) -> Verdict | None:
    flows, rests = flows[first:], rests[first:]
    t1, t2, flow = t1[first:], t2[first:], samples.values("flow_m3h")[first:]
    if rests.sum() * samples.hours < ACTIVE_HOURS:
        return None
    low, middle, high = (percentile(t1[flows], share) for share in (5, 50, 95))
    water, idle = percentile(t2[flows], 50), percentile(t1[rests], 50)
    inside = ROOM_C[0] <= low and high <= ROOM_C[1]
    off = water < min(RETURN_COLD_C, middle - APART_K) or water > max(ROOM_C[1], middle + APART_K)
    if not (inside and off and abs(middle - idle) <= SETTLED_K) or _follows_flow(flow[flows], t1[flows]):
        return None
    hours = float(flows.sum()) * samples.hours
    since = f"Since {samples.index[first]:%Y-%m-%d} " if first else ""
    said = (
        f"{since}T1 shows {middle:.0f} °C with flow and without, while water of {water:.0f} °C flows: it is not in the "
        "pipe."
    )
    advice = "Look where the remote sensor T1 sits: it belongs into the supply pipe, not beside it."
    return Verdict(CHECK, FAULT, hours, "h", THRESHOLD, said, advice)


def _told(name: str, item: _Findings) -> str:
    parts = []
    if item.outside:
        parts.append(plural(item.outside, "reading out of range", "readings out of range", THOUSANDS))
    if item.jumps:
        parts.append(plural(item.jumps, "jump"))
    if item.frozen_hours:
        parts.append(f"the same reading over {item.frozen_hours:.0f} h of flow")
    return f"{name} has {', '.join(parts)}" if parts else ""


def _findings(samples: Samples, column: str) -> _Findings:
    known = np.flatnonzero(np.isfinite(samples.values(column)))
    values, active = samples.values(column)[known], samples.active[known]
    outside = np.isnan(samples.temperature(column)[known])
    change = np.abs(np.diff(values))
    jumps = 0
    if samples.step <= JUMPS_UP_TO and len(known) > 1:
        ns = samples.ns[known]
        fast = change > FASTEST_K_MIN * np.diff(ns) / 6e10
        fast &= active[1:] & active[:-1] & neighbors(ns, samples.step) & ~outside[1:] & ~outside[:-1]
        jumps = int(fast.sum())
    # What is out of range is counted as that alone, also where it stands still.
    return _Findings(int(outside.sum()), jumps, _frozen(change, (active & ~outside).astype(float) * samples.hours))


def _frozen(change: Floats, active_hours: Floats) -> float:
    """Active hours in runs of equal readings that have at least 24 of them, and 12 readings: one a day is no run."""
    moving = change > 0
    if moving.any() and change[moving].min() > FINE_K:
        return 0.0
    edges = np.concatenate(([0], np.flatnonzero(moving) + 1, [len(active_hours)]))
    frozen = 0.0
    for k in np.flatnonzero(np.diff(edges) >= FROZEN_READINGS).tolist():
        run = active_hours[edges[k] : edges[k + 1]]
        if run.sum() >= FROZEN_HOURS and np.count_nonzero(run) >= FROZEN_READINGS:
            frozen += float(run.sum())
    return frozen

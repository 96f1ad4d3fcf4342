"""Heating and cooling at the same time, in one device or in one zone."""

from __future__ import annotations

import math

import numpy as np

from belimo_nb.hydronics.samples import ACTIVE_HOURS, IMPOSSIBLE, Floats, Ints, Samples, percentile
from belimo_nb.hydronics.spells import HOUR_NS, HOURLY, too_coarse
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge, whole

CHECK = "heating and cooling together"
WARN_PCT, WARN_HOURS = 5.0, 6
THRESHOLD = "warn 5 % of the hours that heat or cool, and 6 h"
TRICKLE = 0.01
"""Share of the 99th percentile of a counter's hourly rises up to which a rise is noise about a difference of 0 K."""


def together(samples: Samples) -> Verdict:
    """Share of the hours in which both counters of a device rise, of those in which one of them does.

    A season's change-over is a matter of hours, and swapped sensors count everything on the wrong counter, but on one:
    neither comes near the limit.

    Args:
        samples: Every hour or finer, with both counters.
    """
    if reason := _lacking(samples, "heating_kwh", "heating") or _lacking(samples, "cooling_kwh", "cooling"):
        return cannot_judge(CHECK, reason, THRESHOLD)
    _, (heat, cold) = _rises(samples, "heating_kwh", "cooling_kwh")
    most = max(_usual(heat), _usual(cold))
    return _verdict(_real(heat, most), _real(cold, most), "The device")


def zone_together(heating: Samples, cooling: Samples) -> Verdict:
    """The same for the two valves that heat and cool one zone.

    The waste is what cancelled out, heat and cold, hour by hour: an upper bound, since within an hour the one may
    follow the other. Where a cooler dries the air and a heater warms it again, that is meant.

    Args:
        heating: The valve that heats, every hour or finer.
        cooling: The valve that cools, likewise; hours that only one of them knows are left out.
    """
    if reason := _lacking(heating, "heating_kwh", "heating") or _lacking(cooling, "cooling_kwh", "cooling"):
        return cannot_judge(CHECK, reason, THRESHOLD)
    hours, (heat,) = _rises(heating, "heating_kwh")
    others, (cold,) = _rises(cooling, "cooling_kwh")
    _, left, right = np.intersect1d(hours, others, assume_unique=True, return_indices=True)
    heat, cold = heat[left], cold[right]
    heat, cold = _real(heat, _usual(heat)), _real(cold, _usual(cold))
    return _verdict(heat, cold, "The zone", 2 * float(np.nansum(np.minimum(heat, cold))))


def _lacking(samples: Samples, column: str, kind: str) -> str:
    if not np.isfinite(samples.values(column)).any():
        return f"There are no readings of the {kind} counter."
    return too_coarse(samples, HOURLY, "single hours")


def _rises(samples: Samples, *columns: str) -> tuple[Ints, list[Floats]]:
    """Hours (since 1970, of UTC) and the counters' rises in each.

    Hours without readings of all counters at both ends are left out, and those in which one of them falls.
    """
    counters = [samples.values(column) for column in columns]
    ends = -(-samples.ns // HOUR_NS)
    known = np.isfinite(np.sum(counters, axis=0))
    if not known.all():
        ends, counters = ends[known], [counter[known] for counter in counters]
    last = np.flatnonzero(np.diff(ends, append=np.iinfo(np.int64).max))
    if len(last) < len(ends):
        ends, counters = ends[last], [counter[last] for counter in counters]
    rises = [np.diff(counter) for counter in counters]
    good = (np.diff(ends) == 1) & (np.min(rises, axis=0) >= 0)
    return ends[1:][good], [rise[good] for rise in rises]


def _usual(rise: Floats) -> float:
    """The 99th percentile of the rises above 0; 0 if there are none."""
    rising = rise[rise > 0]
    return percentile(rising, 99) if len(rising) else 0.0


def _real(rise: Floats, most: float) -> Floats:
    """The rises that are energy: 0 for a trickle, NaN for a counter that came back."""
    return np.where(rise > IMPOSSIBLE * most, np.nan, np.where(rise > TRICKLE * most, rise, 0.0))


def _verdict(heat: Floats, cold: Floats, who: str, waste_kwh: float = math.nan) -> Verdict:
    hours = int(((heat > 0) | (cold > 0)).sum())
    if hours < ACTIVE_HOURS:
        reason = f"{who} is seen to heat or cool in only {hours} h; {ACTIVE_HOURS:.0f} h are needed."
        return cannot_judge(CHECK, reason, THRESHOLD)
    both = int(((heat > 0) & (cold > 0)).sum())
    share = 100 * both / hours
    said = f"{who} heated and cooled in the same hour in {whole(both)} of {whole(hours)} h"
    if share < WARN_PCT or both < WARN_HOURS:
        return Verdict(CHECK, OK, share, "%", THRESHOLD, f"{said}.", waste_kwh=waste_kwh)
    said = f"{said}: the one works against the other."
    advice = (
        "Set the heating and the cooling setpoints further apart, and check that the valve of the side that should "
        "rest closes tightly."
    )
    return Verdict(CHECK, WARN, share, "%", THRESHOLD, said, advice, waste_kwh=waste_kwh)

"""Meter consistency: whether the energy counters count what power says."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belimo_nb.energy import JOULES_PER_KWH, interval_energy, power_limit
from belimo_nb.hydronics.samples import ACTIVE_HOURS, Floats, Samples
from belimo_nb.hydronics.spells import HOUR_NS, moments, neighbors, too_coarse
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, cannot_judge

CHECK = "meter consistency"
LIMITS = ((pd.Timedelta(minutes=1), 1.0), (pd.Timedelta(minutes=15), 3.0))
"""Percent by which the median day may differ, for readings up to so far apart."""
FAULT_FACTOR = 3.0
LEAST_DAYS = 7
LEAST_SHARE = 0.1
"""Share of the 95th percentile of daily energy below which a day is all rounding."""
COVERED = 0.99

DAY_NS = 24 * HOUR_NS


def meter(samples: Samples) -> Verdict:
    """Difference of the integral of power and the rise of both counters, in percent of the latter, of the median day.

    Power is a reading of a moment: between two readings it is taken as linear, and days in the middle are judged, not
    single ones, since an air heater's day strays by 3 % at 15 minutes. Days of UTC with a gap, a reset, a dropout or
    hardly any energy are left out. A warning from the limit on, a fault from three times the limit on.

    Args:
        samples: Every 15 minutes or finer, with power and a counter.
    """
    limit = next((percent for step, percent in LIMITS if pd.Timedelta(0) < samples.step <= step), None)
    if limit is None:
        return cannot_judge(CHECK, too_coarse(samples, LIMITS[-1][0], "how power went between them"))
    threshold = f"warn {limit:g} %, fault {FAULT_FACTOR * limit:g} % on the median day"
    # A counter that reads 0 all the time has dropped out, or never counted.
    columns = [name for name in ("heating_kwh", "cooling_kwh") if (samples.values(name) > 0).any()]
    power = np.abs(samples.values("power_kw"))
    for column, flows in (("heating_kwh", samples.heating), ("cooling_kwh", samples.cooling)):
        if columns and column not in columns and (samples.active & flows).any():
            kind = column.split("_")[0]
            return cannot_judge(CHECK, f"There are no readings of the {kind} counter above 0.", threshold)
    if not columns or not np.isfinite(power).any():
        return cannot_judge(CHECK, "Power and an energy counter are not both measured.", threshold)
    if samples.active_hours < ACTIVE_HOURS:
        reason = f"Water flowed for only {samples.active_hours:.0f} h; {ACTIVE_HOURS:.0f} h are needed."
        return cannot_judge(CHECK, reason, threshold)
    first, summed = _integral(samples, power)
    counted = _counted(samples, columns, first, len(summed))
    good = np.isfinite(summed) & np.isfinite(counted)
    if good.any():
        good &= np.maximum(summed, counted) > LEAST_SHARE * np.percentile(np.fmax(summed[good], counted[good]), 95)
    days = int(good.sum())
    if days < LEAST_DAYS:
        reason = f"Only {days} days are known without a gap; {LEAST_DAYS} are needed."
        return cannot_judge(CHECK, reason, threshold)
    summed, counted = summed[good], counted[good]
    error = 100 * (counted - summed) / np.maximum(summed, counted)
    figure = float(np.median(np.abs(error)))
    side = "more" if np.median(error) > 0 else "less"
    if figure < limit:
        said = f"On the median of {days} days the counters and the sum of power differ by {figure:.1f} %."
        return Verdict(CHECK, OK, figure, "%", threshold, said)
    return Verdict(
        CHECK,
        FAULT if figure >= FAULT_FACTOR * limit else WARN,
        figure,
        "%",
        threshold,
        f"On the median of {days} days the counters rose by {figure:.1f} % {side} than the sum of power: one of "
        "the two is wrong.",
        "Compare the counters with the heat meter or with flow and temperatures; check units and scaling of power, and "
        "whether the counters stand still.",
    )


def _integral(samples: Samples, power_kw: Floats) -> tuple[int, Floats]:
    """Begin (nanoseconds) of the first day of UTC, and the integral of power of each day in kWh; NaN with a gap."""
    ns = moments(samples)
    seconds = np.diff(ns) / 1e9
    mean = (power_kw[1:] + power_kw[:-1]) / 2
    whole = np.isfinite(mean) & neighbors(ns, samples.step)
    first = int(ns[0]) // DAY_NS * DAY_NS
    edges = np.arange(first, int(ns[-1]) + DAY_NS, DAY_NS, dtype=np.int64)
    at, edge = (ns - first) / 1e9, (edges - first) / 1e9

    def by_day(amounts: Floats) -> Floats:
        running = np.concatenate(([0.0], np.cumsum(amounts)))
        return np.diff(np.interp(edge, at, running))

    energy = by_day(np.where(whole, mean * seconds / 3600, 0.0))
    covered = by_day(np.where(whole, seconds, 0.0))
    return first, np.where(covered >= COVERED * 86400, energy, np.nan)


def _counted(samples: Samples, columns: list[str], first: int, days: int) -> Floats:
    """Rise of the counters in each day of UTC in kWh; NaN where it is not simply measured."""
    watts = 1e3 * samples.frame["power_kw"].abs()
    begin = pd.Timestamp(first, tz="UTC")
    total = np.zeros(days)
    for column in columns:
        joules = samples.frame[column] * JOULES_PER_KWH
        joules = joules.where(joules > 0)  # a dropout that the samples begin in is not seen as one
        end = begin + pd.Timedelta(days=days)
        found = interval_energy(joules, "D", begin, end, "UTC", samples.step, power_limit(watts))
        total += np.where(found["quality"] == "measured", found["kwh"], np.nan)
    return total

"""Meter consistency: whether the energy counters count what power says."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from belimo_nb.hydronics.counted import rho_c
from belimo_nb.hydronics.samples import ACTIVE_HOURS, Floats, Samples, lacking, percentile
from belimo_nb.hydronics.spells import DAY_NS, DRIFT, HOUR_NS, neighbors, too_coarse
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, cannot_judge
from belimo_nb.quantities import plural

CHECK = "meter consistency"
LIMITS = ((pd.Timedelta(minutes=1), 1.0), (pd.Timedelta(minutes=15), 3.0))
"""Percent by which the sums may differ at least, for readings up to so far apart."""
ERRORS = 3.0  # sampling errors of the sum of power by which the sums may differ, if that is more
FAULT_FACTOR = 3.0
LEAST_DAYS = 7
WORST = 0.1  # share of the days, those that differ most, that is left out: a wrong day is no wrong meter
BLIND_PCT = 10.0  # A sampling error that leaves room for more than this says nothing of the meter
TIMES_HIGHEST = 3.0  # A counter that rises faster than so many times the 99.9th percentile of power has jumped
FOREIGN, FOREIGN_PCT, USUAL, CLEAR_K = 0.5, 2.5, 0.1, 1.0
"""Share by which the power of a reading may differ from what flow and temperatures, 1 K apart or more, make of it;
percent of the readings in which it may differ by more (1.5 where a valve hunts faster than its channels are read), if
in half of them it differs by the third at most (8 % where half of the water is glycol and nothing says so).
"""
ROUNDED = 0.1  # share of the 99th percentile of power up to which a difference is one of rounding, or of a moment
OTHER_UNIT, ALIKE = 2.5, 2.0  # times: power against flow and temperatures; its 90th percentile against the 10th
FAHRENHEIT, EXACTLY = 5 / 9, 0.03  # power over what °F taken for °C make of it, and how near it must be for that
THRESHOLD = (
    "warn {0:g} % or 3 times the sampling error, fault 3 times that; warn 2.5 % of the readings off by half, "
    "fault all of them 2.5 times, or 5/9 as of °F"
)


def meter(samples: Samples) -> Verdict:
    """Whether the energy counters count what power says, and whether some readings of power are another device's."""
    counted, (power, made) = _by_counters(samples), _power_and_made(samples)
    times = _times(power, made)
    if counted.verdict != FAULT and times != 1.0:
        shown = f"{times:.2g}" if times < 10 else f"{times:,.0f}"
        said = (
            f"In nearly all readings power is what flow and temperatures make of it, but for a factor of {shown}: one "
            "of them is in another unit than the dataprofile says."
        )
        advice = "Compare a reading of power and flow with the device's own display; ask the vendor for the units."
        return Verdict(CHECK, FAULT, times, "", THRESHOLD.format(LIMITS[-1][1]), said, advice)
    foreign = _foreign(power, made) if counted.threshold and counted.verdict not in (WARN, FAULT) else 0.0
    if not foreign >= FOREIGN_PCT:
        return counted
    said = (
        f"In {foreign:.0f} % of the readings power is off by more than half from what flow and temperatures make of "
        "it, and in the others it is not: some seem to be another device's."
    )
    advice = "Check at the gateway which device's readings come under this one's name."
    return Verdict(CHECK, WARN, foreign, "%", counted.threshold, said, advice)


def _foreign(power: Floats, made: Floats) -> float:
    """Percent of the readings whose power is not that of their flow and temperatures; NaN if too few are known.

    0 if that holds for most: then power has another unit, or is measured in another way.
    """
    if not len(power):
        return math.nan
    off = np.abs(power / made - 1)
    apart = off * made > ROUNDED * percentile(power, 99)
    return 100 * float((apart & (off > FOREIGN)).mean()) if percentile(off, 50) <= USUAL else 0.0


def _times(power: Floats, made: Floats) -> float:
    """How many times power is what flow and temperatures make of it, where nearly all readings say so; else 1."""
    if not len(power):
        return 1.0
    low, times, high = (percentile(power / made, percent) for percent in (10, 50, 90))
    other = max(times, 1 / times) >= OTHER_UNIT or abs(times / FAHRENHEIT - 1) <= EXACTLY
    return times if other and high <= ALIKE * low else 1.0


def _power_and_made(samples: Samples) -> tuple[Floats, Floats]:
    """Power, and what flow and temperatures make of it, kW, of the readings that tell both well; empty if too few."""
    power, delta = np.abs(samples.values("power_kw")), np.abs(samples.temperature("t1_c") - samples.temperature("t2_c"))
    made = rho_c(samples) * samples.values("flow_m3h") * delta
    known = samples.active & (delta >= CLEAR_K) & (power > 0) & (made > 0)
    if known.sum() * samples.hours < ACTIVE_HOURS:
        known[:] = False
    return power[known], made[known]


def _by_counters(samples: Samples) -> Verdict:
    """Difference of the integral of power and the rise of both counters over the period, in percent of the larger.

    Power is a reading of a moment: between two readings it is taken as linear. Of a load that goes on and off between
    them a day may be anything, so the whole period is judged, and against the sampling error of this very load: how
    much the days' integrals change when every second reading is left out. What lies between readings of which power or
    a counter is unknown, resets and jumps are left out on both sides; so is the worst tenth of the days.

    Args:
        samples: Every 15 minutes or finer, with power and a counter.
    """
    limit = next((percent for step, percent in LIMITS if pd.Timedelta(0) < samples.step <= DRIFT * step), None)
    if limit is None:
        return cannot_judge(CHECK, too_coarse(samples, LIMITS[-1][0], "how power went between them"))
    threshold = THRESHOLD.format(limit)
    # A counter that reads 0 all the time has dropped out, or never counted.
    columns = [name for name in ("heating_kwh", "cooling_kwh") if (samples.values(name) > 0).any()]
    power = np.abs(samples.values("power_kw"))
    for column, flows in (("heating_kwh", samples.heating), ("cooling_kwh", samples.cooling)):
        if columns and column not in columns and (samples.active & flows).any():
            kind = column.split("_")[0]
            return cannot_judge(CHECK, f"There are no readings of the {kind} counter above 0.", threshold)
    if not columns or not np.isfinite(power).any():
        return cannot_judge(CHECK, "Power and an energy counter are not both measured.", threshold)
    if reason := lacking(samples):
        return cannot_judge(CHECK, reason, threshold)
    days = _days(samples, power, columns)
    if days.shape[1] < LEAST_DAYS:
        reason = (
            f"Power and counters are known on only {plural(days.shape[1], 'day')} with energy; {LEAST_DAYS} are needed."
        )
        return cannot_judge(CHECK, reason, threshold)
    off = np.abs(days[1] - days[0])
    days = days[:, np.argsort(off)[: days.shape[1] - int(WORST * days.shape[1])]]
    summed, counted, _ = days.sum(axis=1)
    larger = max(summed, counted)
    figure = 100 * abs(counted - summed) / larger
    error = 100 * float(np.sqrt((days[2] ** 2).sum())) / larger
    allowed = max(limit, ERRORS * error)
    said = f"Over {plural(days.shape[1], 'day')} the counters and the sum of power differ by {figure:.1f} %"
    if figure < allowed > BLIND_PCT:
        reason = f"{said}; the load comes and goes so fast that the readings alone may explain {allowed:.0f} %."
        return cannot_judge(CHECK, reason, threshold)
    if figure < allowed:
        if figure >= limit:
            said = f"{said}, no more than the readings of such a load explain ({allowed:.1f} %)"
        return Verdict(CHECK, OK, figure, "%", threshold, f"{said}.")
    side, verdict = "more" if counted > summed else "less", FAULT if figure >= FAULT_FACTOR * allowed else WARN
    said = (
        f"Over {plural(days.shape[1], 'day')} the counters rose by {figure:.1f} % {side} than the sum of power: one of "
        "the two is wrong."
    )
    advice = (
        "Compare the counters with the heat meter or with flow and temperatures; check units and scaling of power, and "
        "whether the counters stand still."
    )
    return Verdict(CHECK, verdict, figure, "%", threshold, said, advice)


def _days(samples: Samples, power_kw: Floats, columns: list[str]) -> Floats:
    """By day of UTC with energy, kWh: the integral of power, the counters' rise, and the integral's sampling error."""
    ns = samples.ns
    hours = np.diff(ns) / HOUR_NS
    mean = (power_kw[1:] + power_kw[:-1]) / 2
    most = TIMES_HIGHEST * float(np.nanpercentile(power_kw, 99.9))
    rise = np.zeros(len(hours))
    for column in columns:
        counter = np.where(samples.values(column) > 0, samples.values(column), np.nan)  # zeros are a dropout
        rise += np.where((step := np.diff(counter)) >= 0, step, np.nan)
    good = np.isfinite(mean + rise) & neighbors(ns, samples.step) & (rise <= most * hours)
    summed, counted = np.where(good, mean * hours, 0.0), np.where(good, rise, 0.0)
    # Without every second reading: the trapezoid over two spans less that over each.
    wide = good[1:] & good[:-1] & (np.arange(len(good) - 1) % 2 == 0)
    without = (power_kw[2:] + power_kw[:-2]) / 2 * (hours[1:] + hours[:-1]) - summed[1:] - summed[:-1]
    day = ns[1:] // DAY_NS
    day -= day[0]
    sums, rises, errors = (
        np.bincount(part, amounts)
        for part, amounts in ((day, summed), (day, counted), (day[:-1], np.where(wide, without, 0.0)))
    )
    # Spans beside a missing value belong to no pair: those that do stand for them, too.
    stands_for = math.sqrt(good.sum() / max(1, 2 * wide.sum()))
    errors = np.pad(stands_for * errors, (0, len(sums) - len(errors)))
    return np.array([sums, rises, errors])[:, np.maximum(sums, rises) > 0]

"""No flow with the valve open: no pump, a blocked pipe, or a flow sensor that has failed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.heating.days import daily_means, is_daily
from belimo_nb.hydronics.samples import FLOW_SHARE, Flags, Samples, nominal_flow
from belimo_nb.hydronics.spells import HOUR_NS, HOURLY, Ints, moments, spells, too_coarse
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge, whole

CHECK = "no flow with the valve open"
OPEN_PCT = 50.0
LEAST_HOURS = 1.0
OPEN_HOURS = 24.0
WARN_PCT = 1.0
THRESHOLD = "warn 1 % of the hours open by more than 50 %, in spells of 1 h"
WARM_C, COLD_C = 30.0, 16.0
"""The warmer or the colder sensor beyond these, and `LEAST_K` between the two: a boiler or a chiller supplies water.

A warm plant room warms both sensors alike.
"""
LEAST_K = 2.0
RETURN_WARM_C, RETURN_COLD_C = 26.0, 19.0
"""Both sensors beyond these: water passes the valve. Without flow the return settles to the temperature of the room."""
PUMP_RESTS_AFTER = 7 * 24 * HOUR_NS
"""Without flow for so long, a pump may rest for the season as well as have failed."""
HEATING_LIMIT_C = 12.0


def open_valve(samples: Samples, outdoor_c: pd.Series[Any] | None = None) -> Verdict:
    """Share of the hours open by more than 50 % in which no water flows (up to 1 % of nominal), in spells of 1 h.

    Only hours count in which the pump must run, for heating and cooling valves alike: warm (30 °C) or cold (16 °C)
    water is supplied, or water flowed within the last seven days, or, for a valve that heats, the day's mean
    outdoor temperature is up to 12 °C. So a heating valve that stands open in summer is no fault. After a week without
    flow at room temperature an outage and the end of the season look alike, unless the weather is given.

    Args:
        samples: Every hour or finer.
        outdoor_c: °C at aware times, hourly or daily means; None: unknown.
    """
    hours = samples.hours
    if reason := too_coarse(samples, HOURLY, "how long the valve was open"):
        return cannot_judge(CHECK, reason, THRESHOLD)
    position, flow = samples.values("position_pct"), samples.values("flow_m3h")
    opened = np.isfinite(flow) & (position > OPEN_PCT)
    if not opened.any():
        measured = np.isfinite(flow).any() and np.isfinite(position).any()
        reason = "The valve was never open by more than 50 %." if measured else "Flow and position are not both known."
        return cannot_judge(CHECK, reason, THRESHOLD)
    nominal, _ = nominal_flow(samples)
    still = ~(flow > (0.0 if math.isnan(nominal) else FLOW_SHARE * nominal))
    ns = moments(samples)
    supplied = _supplied(samples)
    season = opened & (~still | supplied)
    rest = opened & ~season
    if rest.any():
        season |= rest & (_flowed(~still & np.isfinite(flow), ns) | _cold_days(samples, ns, outdoor_c))
    open_hours = float(season.sum()) * hours
    if open_hours < OPEN_HOURS:
        reason = f"The valve was open by more than 50 % for only {open_hours:.0f} h while the pump ran for certain."
        return cannot_judge(CHECK, reason, THRESHOLD)
    dry = season & still
    begins, afters = spells(dry, ns, samples.step, max(1, math.ceil(LEAST_HOURS / hours - 1e-9)))
    lasted = float((afters - begins).sum()) * hours
    share = 100 * lasted / open_hours
    said = f"In {whole(lasted)} of {whole(open_hours)} h with the valve open by more than 50 % no water flowed"
    if not lasted:
        said = f"In {whole(open_hours)} h with the valve open by more than 50 % there was no hour without flow"
    if share < WARN_PCT:
        return Verdict(CHECK, OK, share, "%", THRESHOLD, f"{said}.")
    index = samples.frame.index
    when = f", first on {index[begins[0]]:%Y-%m-%d}, last on {index[afters[-1] - 1]:%Y-%m-%d}"
    if (supplied & _passes(samples))[dry].mean() > 1 / 2:
        meaning = "though the water kept its temperature: the flow sensor seems to have failed, and nothing is counted"
        advice = "Check the flow sensor and the device's error messages; until it is replaced its counters stand still."
    else:
        meaning = "and the return took the temperature of the room: nothing passes"
        advice = "Check the shut-off valves, the strainer and the pump, and whether air is in the pipe."
    return Verdict(CHECK, WARN, share, "%", THRESHOLD, f"{said}{when}, {meaning}.", advice)


def _supplied(samples: Samples) -> Flags:
    """Where a boiler or a chiller supplies water."""
    t1, t2 = samples.values("t1_c"), samples.values("t2_c")
    beyond = (np.fmax(t1, t2) > WARM_C) | (np.fmin(t1, t2) < COLD_C)
    return np.asarray(beyond & (np.abs(t1 - t2) >= LEAST_K))


def _passes(samples: Samples) -> Flags:
    """Where the temperatures of both sensors are those of flowing water."""
    t1, t2 = samples.values("t1_c"), samples.values("t2_c")
    return np.asarray((np.minimum(t1, t2) > RETURN_WARM_C) | (np.maximum(t1, t2) < RETURN_COLD_C))


def _flowed(flowing: Flags, ns: Ints) -> Flags:
    """Where water has flowed not long ago."""
    last = np.maximum.accumulate(np.where(flowing, np.arange(len(ns)), -1))
    return np.asarray((last >= 0) & (ns - ns[np.maximum(last, 0)] <= PUMP_RESTS_AFTER))


def _cold_days(samples: Samples, ns: Ints, outdoor_c: pd.Series[Any] | None) -> Flags:
    """Where a valve that heats has a heating day."""
    heats = (samples.active & samples.heating).any()
    if outdoor_c is None or not heats or not len(outdoor_c):
        return np.zeros(len(ns), dtype=bool)
    index = pd.DatetimeIndex(outdoor_c.index)
    days = outdoor_c if is_daily(index) else daily_means(outdoor_c, str(index.tz))
    begins = pd.DatetimeIndex(days.index).as_unit("ns").asi8
    at = np.searchsorted(begins, ns, "left") - 1  # a reading at midnight belongs to the day that ends there
    inside = (at >= 0) & (ns - begins[np.maximum(at, 0)] <= 25 * HOUR_NS)
    return np.asarray(inside & (days.to_numpy(dtype=float)[np.maximum(at, 0)] <= HEATING_LIMIT_C))

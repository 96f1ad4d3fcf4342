"""No flow with the valve open: no pump, a blocked pipe, or a flow sensor that has failed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.heating.days import daily_means, is_daily
from belimo_nb.hydronics.plant import OPEN_PCT, flowless, in_spans, long_spells, moves, supplied
from belimo_nb.hydronics.samples import Flags, Floats, Ints, Samples
from belimo_nb.hydronics.spells import HOUR_NS, HOURLY, too_coarse
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge, whole

CHECK = "no flow with the valve open"
OPEN_HOURS = 24.0
WARN_PCT, WARN_HOURS = 1.0, 6.0
"""Share of the open hours, and hours, from which it is a warning: one afternoon's pump stop is none."""
LEAST_HOURS = 2.0  # hours open on a day without any flow: so long no flow lags
SENSOR_HOURS = 24.0  # hours in which the temperatures show that water moves, from which the flow sensor is in doubt
THRESHOLD = "warn 1 % of the hours open by more than 50 %, in spells of 1 h, and 6 h"
PUMP_RESTS_AFTER = 7 * 24 * HOUR_NS  # without flow for so long, a pump may rest for the season as well as have failed
HEATING_LIMIT_C = 12.0
MILD_C, COOL_C = 15.0, 10.0
"""Mean of a day above which the pump of a heating plant may rest, and below which that of a cooling plant may."""


def open_valve(
    samples: Samples, outdoor_c: pd.Series[Any] | None = None, outages: pd.DataFrame | None = None
) -> Verdict:
    """Share of the hours open by more than 50 % in which no water flows (up to 1 % of nominal), in spells of 1 h.

    Only hours count in which the pump must run, for heating and cooling valves alike: warm (30 °C) or cold (16 °C)
    water is supplied, or water flowed within the last seven days, or, for a valve that heats, the day's mean
    outdoor temperature is up to 12 °C. So a heating valve that stands open in summer is no fault, nor, with the weather
    given, on any day above 15 °C, nor a cooling valve on a day below 10 °C. After a week without flow at room
    temperature an outage and the end of the season look alike, unless the weather is given. When the whole building
    lacks water it is the plant's trouble: those hours are left out, and told. A single reading counts nothing, since
    flow lags the position, but on days on which no flow comes at all.

    Args:
        samples: Every hour or finer.
        outdoor_c: °C at aware times, hourly or daily means; None: unknown.
        outages: Of the building, see `plant_outages`; None: unknown.
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
    still = flowless(samples)
    ns = samples.ns
    plant = opened & still & in_spans(ns, outages)
    opened &= ~plant
    season = opened & (~still | supplied(samples))
    rest = opened & ~season
    if rest.any():
        needed, needless = _seasons(samples, ns, outdoor_c)
        season |= rest & (_flowed(~still & np.isfinite(flow), ns) | needed) & ~needless
    open_hours = float(season.sum()) * hours
    if open_hours < OPEN_HOURS:
        reason = f"The valve was open by more than 50 % for only {open_hours:.0f} h while the pump ran for certain."
        return cannot_judge(CHECK, reason, THRESHOLD)
    dry = season & still
    counted = _in_days_without(dry, still, samples)
    for begin, after in zip(*long_spells(dry, samples), strict=True):
        counted[begin:after] = True
    lasted = float(counted.sum()) * hours
    share = 100 * lasted / open_hours
    said = f"In {whole(lasted)} of {whole(open_hours)} h with the valve open by more than 50 % no water flowed"
    if not lasted:
        said = f"In {whole(open_hours)} h with the valve open by more than 50 % there was no hour without flow"
    if plant.any():
        said = f"{said} ({whole(float(plant.sum()) * hours)} h in which the whole building lacked water left out)"
    if share < WARN_PCT or lasted < WARN_HOURS:
        return Verdict(CHECK, OK, share, "%", THRESHOLD, f"{said}.")
    first, last = samples.index[np.flatnonzero(counted)[[0, -1]]]
    when = f"first on {first:%Y-%m-%d}, last on {last:%Y-%m-%d}"
    moving = moves(samples)[dry]
    if moving.mean() > 1 / 2 and moving.sum() * hours >= SENSOR_HOURS:
        meaning = "though the water kept its temperature: the flow sensor seems to have failed, and nothing is counted"
        advice = "Check the flow sensor and the device's error messages; until it is replaced its counters stand still."
    else:
        meaning = "and the return took the temperature of the room: nothing passes"
        advice = "Check the shut-off valves, the strainer and the pump, and whether air is in the pipe."
    return Verdict(CHECK, WARN, share, "%", THRESHOLD, f"{said}, {when}, {meaning}.", advice)


def _in_days_without(dry: Flags, still: Flags, samples: Samples) -> Flags:
    """Where the valve is open without flow on a day on which that lasts for 2 h or more, and nothing flows at all."""
    day = samples.day
    flows = np.bincount(day[~still], minlength=int(day[-1]) + 1) > 0
    dry_hours = np.bincount(day[dry], minlength=len(flows)) * samples.hours
    return np.asarray(dry & (~flows & (dry_hours >= LEAST_HOURS))[day])


def _flowed(flowing: Flags, ns: Ints) -> Flags:
    """Where water has flowed not long ago."""
    last = np.maximum.accumulate(np.where(flowing, np.arange(len(ns)), -1))
    return np.asarray((last >= 0) & (ns - ns[np.maximum(last, 0)] <= PUMP_RESTS_AFTER))


def _seasons(samples: Samples, ns: Ints, outdoor_c: pd.Series[Any] | None) -> tuple[Flags, Flags]:
    """Where the weather surely needs the plant of this valve, and where it surely does not."""
    unknown = np.zeros(len(ns), dtype=bool)
    if outdoor_c is None or not len(outdoor_c):
        return unknown, unknown
    outdoor = _of_the_day(outdoor_c, ns)
    heats, cools = ((samples.active & kind).any() for kind in (samples.heating, samples.cooling))
    needed = outdoor <= HEATING_LIMIT_C if heats else unknown
    needless = outdoor > MILD_C if heats and not cools else outdoor < COOL_C if cools and not heats else unknown
    return np.asarray(needed), np.asarray(needless)


def _of_the_day(outdoor_c: pd.Series[Any], ns: Ints) -> Floats:
    """Mean outdoor temperature of the day of each moment, °C; NaN where unknown."""
    index = pd.DatetimeIndex(outdoor_c.index)
    days = outdoor_c if is_daily(index) else daily_means(outdoor_c, str(index.tz))
    begins = pd.DatetimeIndex(days.index).as_unit("ns").asi8
    at = np.searchsorted(begins, ns, "left") - 1  # a reading at midnight belongs to the day that ends there
    inside = (at >= 0) & (ns - begins[np.maximum(at, 0)] <= 25 * HOUR_NS)
    return np.where(inside, days.to_numpy(dtype=float)[np.maximum(at, 0)], np.nan)

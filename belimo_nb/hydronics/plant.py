"""Water that moves, and plants without any: what temperatures and neighbors tell where a flow reading does not."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from belimo_nb.hydronics.samples import Flags, Ints, Samples, percentile
from belimo_nb.hydronics.spells import HOUR_NS, spells

OPEN_PCT = 50.0
WARM_C, COLD_C = 30.0, 16.0
"""The warmer or the colder sensor beyond these, and `LEAST_K` between the two: a boiler or a chiller supplies water.

A warm plant room warms both sensors alike.
"""
LEAST_K = 2.0
RETURN_WARM_C, RETURN_COLD_C = 26.0, 19.0
"""Both sensors beyond these: water passes the valve. Without flow the return settles to the temperature of the room."""
SPELL_HOURS = 1.0  # time from the first to the last reading of a spell; a single one may be a meter that lags
NEIGHBORS = 3
"""Valves that must lack water at the same time, and at least half of those that are open: then it is the plant's."""
GRID_NS = HOUR_NS // 4
FLOW_SHARE = 0.01  # share of the nominal flow up to which no water flows: the noise and the zero of a flow sensor


def nominal_flow(samples: Samples) -> tuple[float, str]:
    """Nominal flow in m3/h and where it is from, in words.

    From the design; where that is unknown the 99th percentile of the flow while there is any. NaN without either.
    """
    known = samples.design.nominal_flow_m3h
    if math.isfinite(known) and known > 0:
        return known, f"the nominal flow of {known:.3g} m³/h"
    flow = samples.values("flow_m3h")
    flow = flow[flow > 0]
    if not len(flow):
        return math.nan, ""
    shown = percentile(flow, 99)
    return shown, f"{shown:.3g} m³/h (99th percentile of its flow, for want of the nominal flow)"


def flowless(samples: Samples) -> Flags:
    """Where no water flows: up to 1 % of the nominal flow, or unknown."""
    nominal, _ = nominal_flow(samples)
    least = 0.0 if math.isnan(nominal) else FLOW_SHARE * nominal
    return np.asarray(~(samples.values("flow_m3h") > least))


def supplied(samples: Samples) -> Flags:
    """Where a boiler or a chiller supplies water; also where a broken sensor leaves nothing but the valve's call."""
    t1, t2 = samples.temperature("t1_c"), samples.temperature("t2_c")
    beyond = (np.fmax(t1, t2) > WARM_C) | (np.fmin(t1, t2) < COLD_C)
    broken = np.isnan(t1 + t2) & np.isfinite(samples.values("t1_c") + samples.values("t2_c"))
    return np.asarray((beyond & (np.abs(t1 - t2) >= LEAST_K)) | broken)


def moves(samples: Samples) -> Flags:
    """Where water is supplied and both temperatures are those of flowing water."""
    t1, t2 = samples.temperature("t1_c"), samples.temperature("t2_c")
    warm = samples.heating & (np.minimum(t1, t2) > RETURN_WARM_C)
    return np.asarray(supplied(samples) & (warm | (samples.cooling & (np.maximum(t1, t2) < RETURN_COLD_C))))


def long_spells(flags: Flags, samples: Samples, hours: float = SPELL_HOURS) -> tuple[Ints, Ints]:
    """Spells of at least so many hours and two readings: the first position of each, and the one after its last."""
    least = max(2, math.ceil(hours / samples.hours - 1e-9) + 1)
    return spells(flags, samples.ns, samples.step, least)


def lacks_water(samples: Samples) -> Flags:
    """Where the valve is open by more than 50 % and no water flows, in spells of an hour or more."""
    known = np.isfinite(samples.values("flow_m3h")) & (samples.values("position_pct") > OPEN_PCT)
    lacks = np.zeros(len(samples), dtype=bool)
    for begin, after in zip(*long_spells(known & flowless(samples), samples), strict=True):
        lacks[begin:after] = True
    return lacks


def plant_outages(valves: Iterable[Samples], least: int = NEIGHBORS) -> pd.DataFrame:
    """When the valves of one building, or riser, lacked water at the same time: the plant's trouble, not theirs.

    Args:
        valves: Of one building, every hour or finer.
        least: Valves open by more than 50 % without flow for an hour or more, and at least half of those that are open.

    Returns:
        DataFrame, one row an outage, columns begin and end (UTC, to a quarter of an hour) and valves (the most that
        lacked water at once). For `diagnose`, and to be told once for the building.
    """
    opened: dict[int, int] = {}
    dry: dict[int, int] = {}
    for samples in valves:
        position, flow = samples.values("position_pct"), samples.values("flow_m3h")
        known = np.isfinite(flow) & (position > OPEN_PCT)
        if not known.any():
            continue
        ns = samples.ns
        width = max(1, round(samples.step.as_unit("ns").value / GRID_NS))
        for counts, flags in ((opened, known), (dry, lacks_water(samples))):
            ends = ns[flags] // GRID_NS
            for quarter in np.unique(ends[:, None] - np.arange(width)).tolist():
                counts[quarter] = counts.get(quarter, 0) + 1
    quarters = np.array(sorted(q for q, n in dry.items() if n >= least and 2 * n >= opened[q]), dtype=np.int64)
    starts = np.flatnonzero(np.diff(quarters, prepend=-2) > 2)  # polls drift: a quarter may hold none
    rows = [
        (run[0] * GRID_NS, (run[-1] + 1) * GRID_NS, max(dry[q] for q in run.tolist()))
        for run in np.split(quarters, starts[1:])
        if len(run)
    ]
    frame = pd.DataFrame(rows, columns=["begin", "end", "valves"])
    return frame.assign(**{name: pd.to_datetime(frame[name], utc=True) for name in ("begin", "end")})


def in_spans(ns: Ints, spans: pd.DataFrame | None) -> Flags:
    """Which moments lie within any of the spans (columns begin and end)."""
    inside = np.zeros(len(ns), dtype=bool)
    if spans is not None:
        edges = (pd.DatetimeIndex(spans[name]).as_unit("ns").asi8 for name in ("begin", "end"))
        for begin, end in zip(*edges, strict=True):
            inside |= (ns >= begin) & (ns <= end)
    return inside

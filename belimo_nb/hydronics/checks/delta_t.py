"""Delta-T: the flow-weighted mean, and how much water comes back with too little of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from belimo_nb.hydronics.counted import Passage, passage, since_mode
from belimo_nb.hydronics.samples import ACTIVE_HOURS, Flags, Samples, lacking
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, cannot_judge, worst
from belimo_nb.hydronics.water import GLYCOL_LOSS

MEAN = "flow-weighted delta-T"
LOW = "low delta-T"

LOW_SHARE = 0.7
"""Delta-T is low below this share of its design."""
LOW_WARN_PCT = 30.0
LOW_FAULT_PCT = 60.0
LOAD = 0.5
"""A design that is not known is looked for at this load or more: power over its 98th percentile.

Power, not flow: a valve with low delta-T has its highest flows just there.
"""
LOAD_PERCENTILE = 98
DESIGN_PERCENTILE = 75
HOT_WATER_DELTA_T_K = 11.0
"""Design of a hot-water plant of which nothing else is known (PNNL's guide to re-tuning commercial buildings)."""


def mean_delta_t(samples: Samples, mode: str | None = None, passed: Passage | None = None) -> float:
    """Flow-weighted mean delta-T in K: energy over density, specific heat and volume; NaN where it is not known.

    From the lifetime counters; if there are none, from power and flow of the samples.

    Args:
        samples: At any spacing.
        mode: "heating" or "cooling" of a change-over valve; None: all water.
        passed: `passage(samples)`, if it is already made.
    """
    passed = passage(samples) if passed is None else passed
    # Heat depends on temperature by 1 in 2,000 a kelvin: where it is not known, its mean does.
    heat = np.where(np.isfinite(passed.rho_c), passed.rho_c, _mean(passed.rho_c))
    known = np.isfinite(passed.energy_kwh) & np.isfinite(passed.volume_m3)
    if mode is not None:
        known &= since_mode(samples, mode)
    carried = float((heat[known] * passed.volume_m3[known]).sum())
    return float(passed.energy_kwh[known].sum()) / carried if carried > 0 else math.nan


def flow_weighted_delta_t(samples: Samples, passed: Passage | None = None) -> Verdict:
    """The flow-weighted mean delta-T as a row of the table of verdicts: a figure, no fault by itself."""
    passed = passage(samples) if passed is None else passed
    reason = lacking(samples)
    if not reason and not (samples.known("t1_c") or samples.known("t2_c")):
        reason = "There are no water temperatures, so nothing is known of the water's heat capacity."
    means = {} if reason else {mode: mean_delta_t(samples, mode, passed) for mode in samples.modes}
    means = {mode: mean for mode, mean in means.items() if math.isfinite(mean)}
    if not means:
        return cannot_judge(MEAN, reason or "Neither counters nor power and flow say how much passed.")
    source = "the counters of energy and volume" if passed.metered else "power and flow, for want of counters"
    parts = " and ".join(f"{mean:.1f} K{f' when {mode}' if len(means) > 1 else ''}" for mode, mean in means.items())
    sentence = f"Each liter gave or took {parts} on average, by {source}.{_glycol(samples)}"
    return Verdict(MEAN, OK, next(iter(means.values())), "K", sentence=sentence)


def low_delta_t(samples: Samples, *, warn_pct: float = LOW_WARN_PCT, fault_pct: float = LOW_FAULT_PCT) -> Verdict:
    """Share of the active volume with a delta-T below 0.7 of its design.

    A design that is not known is taken as the 75th percentile of the valve's own delta-T at half load or more. So a
    valve whose delta-T was always low is only found with its design given.
    """
    threshold = f"warn {warn_pct:.0f} %, fault {fault_pct:.0f} % of the volume"
    reason = lacking(samples)
    if not reason and not np.isfinite(samples.delta_t).any():
        reason = "There are no readings of both temperatures or of delta-T."
    if reason:
        return cannot_judge(LOW, reason, threshold)
    return worst([_low(samples, mode, mask, threshold, warn_pct, fault_pct) for mode, mask in samples.modes.items()])


class _Design(NamedTuple):
    kelvin: float
    origin: str


def _low(samples: Samples, mode: str, mask: Flags, threshold: str, warn_pct: float, fault_pct: float) -> Verdict:
    flow, delta = samples.values("flow_m3h"), samples.delta_t
    known = mask & np.isfinite(delta)
    hours = float(known.sum()) * samples.hours
    if hours < ACTIVE_HOURS:
        reason = f"Delta-T is known in {hours:.1f} active hours only; at least {ACTIVE_HOURS:.0f} are needed."
        return cannot_judge(LOW, reason, threshold)
    design = _design(samples, mode, known)
    if design is None:
        reason = f"The design delta-T is not known, and fewer than {ACTIVE_HOURS:.0f} h at half load or more show it."
        return cannot_judge(LOW, reason, threshold)
    limit = LOW_SHARE * design.kelvin
    share = 100 * float(flow[known & (delta < limit)].sum() / flow[known].sum())
    verdict = FAULT if share >= fault_pct else WARN if share >= warn_pct else OK
    when = f" when {mode}" if len(samples.modes) > 1 else ""
    sentence = (
        f"{share:.0f} % of the water{when} came back with less than {limit:.1f} K, "
        f"{100 * LOW_SHARE:.0f} % of {design.origin} of {design.kelvin:.1f} K."
    )
    advice = (
        ""
        if verdict == OK
        else "Switch the valve's delta-T limit on, then look for the cause: a fouled or too small coil, a supply air "
        "or room setpoint that cannot be reached, a bypass or mixing circuit behind the valve."
    )
    return Verdict(LOW, verdict, share, "%", threshold, sentence, advice)


def _design(samples: Samples, mode: str, known: Flags) -> _Design | None:
    given = samples.design.delta_t_k
    if given > 0 and len(samples.modes) == 1:  # of a change-over valve it is not said for which season it is
        return _Design(given, "the design")
    power = np.where(known, samples.power, np.nan)
    loaded = np.isfinite(power)
    if loaded.any():
        loaded &= power >= LOAD * float(np.percentile(power[loaded], LOAD_PERCENTILE))
    if loaded.sum() * samples.hours >= ACTIVE_HOURS:
        own = float(np.percentile(samples.delta_t[loaded], DESIGN_PERCENTILE))
        return _Design(own, "its own delta-T at high load (the design is not known)")
    return (
        _Design(HOT_WATER_DELTA_T_K, "a usual hot-water design (its own is not known)") if mode == "heating" else None
    )


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _glycol(samples: Samples) -> str:
    share = samples.design.glycol_pct
    if not share > 0:
        return ""
    less = 100 * GLYCOL_LOSS * share
    return (
        f" With {share:.0f} % of glycol in it, the water is taken to carry {less:.0f} % less heat, right to about 1 %."
    )

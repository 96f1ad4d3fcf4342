"""Delta-T: the flow-weighted mean, and how much water comes back with too little of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from belimo_nb.hydronics.counted import Passage, passage, since_mode
from belimo_nb.hydronics.samples import ACTIVE_HOURS, Flags, Samples, lacking, percentile
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, between, cannot_judge, whole, worst
from belimo_nb.hydronics.water import GLYCOL_LOSS

MEAN = "flow-weighted delta-T"
LOW = "low delta-T"
MEAN_SOURCES = ("the counters of energy and volume", "power and flow, for want of counters of both energy and volume")

LOW_SHARE = 0.7  # delta-T is low below this share of its design
LOW_WARN_PCT = 30.0
LOW_FAULT_PCT = 60.0
LOAD = 0.5
"""A design that is not known is looked for at this load or more: power over its 98th percentile.

Power, not flow: a valve with low delta-T has its highest flows just there.
"""
LOAD_PERCENTILE = 98
DESIGN_PERCENTILE = 75
CHILLED_K, HOT_K = 4.0, 8.0
"""Delta-T below which water is little used whatever the valve's own level is: 0.7 of the usual smallest designs.

Chilled water is made for 6 K at least (6/12 °C), hot water for 11 K (PNNL's guide to re-tuning commercial buildings);
district heating is for `Design.least_delta_t_k`, since the valve does not say that it is one.
"""
LOW_TEMPERATURE_C = 45.0
"""Supply up to which hot water has the floor of chilled water: a floor or a heat pump is made for 5 to 8 K."""
GOOD = 1.45
"""Times the floor, what is no low delta-T, however good the valve's own better hours are.

For chilled water that is 5.8 K, 0.7 of what ASHRAE 90.1 asks of a coil (15 °F).
"""
MATTERS_M3 = 10.0  # water with low delta-T below which there is nothing to gain
STEADY = 0.1  # span of the flow over its median (10th to 90th percentile) below which it does not follow any load
FULLY_OPEN_PCT = 95.0


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
    known &= ~_broken(samples)  # what a meter makes of an open sensor is no energy
    if mode is not None:
        known &= since_mode(samples, mode)
    carried = float((heat[known] * passed.volume_m3[known]).sum())
    return float(passed.energy_kwh[known].sum()) / carried if carried > 0 else math.nan


def _broken(samples: Samples) -> Flags:
    """Where T1 or T2 is read, and no water can be so cold or so hot."""
    return np.asarray(
        np.logical_or.reduce(
            [np.isfinite(samples.values(key)) & ~np.isfinite(samples.temperature(key)) for key in ("t1_c", "t2_c")]
        )
    )


def flow_weighted_delta_t(samples: Samples, passed: Passage | None = None) -> Verdict:
    """The flow-weighted mean delta-T as a row of the table of verdicts: a figure, no fault by itself."""
    passed = passage(samples) if passed is None else passed
    reason = lacking(samples)
    if not reason and not (samples.known("t1_c") or samples.known("t2_c")):
        reason = "There are no water temperatures, so nothing is known of the water's heat capacity."
    means = {} if reason else {mode: mean_delta_t(samples, mode, passed) for mode in samples.modes}
    means = {mode: mean for mode, mean in means.items() if math.isfinite(mean)}
    open_sensor = any(samples.known(of) and not np.isfinite(samples.temperature(of)).any() for of in ("t1_c", "t2_c"))
    if not reason and (open_sensor or (not means and _broken(samples).any())):
        means, reason = {}, "A temperature out of range leaves neither counters nor power to tell what the water gave."
    if not means:
        return cannot_judge(MEAN, reason or "Neither counters nor power and flow say how much passed.")
    source = MEAN_SOURCES[0 if passed.metered else 1]
    several = len(means) > 1
    parts = " and ".join(f"{mean:.1f} K when {mode}" if several else f"{mean:.1f} K" for mode, mean in means.items())
    sentence = f"Each liter gave or took {parts} on average, by {source}.{_glycol(samples)}"
    return Verdict(MEAN, OK, next(iter(means.values())), "K", sentence=sentence)


def low_delta_t(samples: Samples, *, warn_pct: float = LOW_WARN_PCT, fault_pct: float = LOW_FAULT_PCT) -> Verdict:
    """Share of the active volume with a delta-T below 0.7 of its design, and at least below an absolute floor.

    A design that is not known is taken as the 75th percentile of the valve's own delta-T at half load or more; but
    1.45 times the floor is good whatever those were. The floor (4 K for chilled, 8 K for hot water,
    `Design.least_delta_t_k` if given) finds the valve whose delta-T was always low. Less than 10 m3 of such water do
    not matter. Waste: the water in excess of what the limit at least, and the design at most, would have taken.
    """
    threshold = f"warn {warn_pct:.0f} %, fault {fault_pct:.0f} % of the volume"
    reason = lacking(samples)
    if not reason and not np.isfinite(samples.delta_t).any():
        reason = "There are no readings of both temperatures or of delta-T."
    if reason:
        return cannot_judge(LOW, reason, threshold)
    return worst([_low(samples, mode, mask, threshold, warn_pct, fault_pct) for mode, mask in samples.modes.items()])


class _Limit(NamedTuple):
    kelvin: float
    design_k: float
    origin: str


def _low(samples: Samples, mode: str, mask: Flags, threshold: str, warn_pct: float, fault_pct: float) -> Verdict:
    known = mask & np.isfinite(samples.delta_t)
    hours = float(known.sum()) * samples.hours
    if hours < ACTIVE_HOURS:
        reason = f"Delta-T is known in {hours:.1f} active hours only; at least {ACTIVE_HOURS:.0f} are needed."
        return cannot_judge(LOW, reason, threshold)
    limit = _limit(samples, mode, known)
    if limit is None:
        reason = f"The design delta-T is not known, and fewer than {ACTIVE_HOURS:.0f} h at half load or more show it."
        return cannot_judge(LOW, reason, threshold)
    flow, delta = samples.values("flow_m3h")[known], samples.delta_t[known]
    low = delta < limit.kelvin
    passed, total = (float(water.sum()) * samples.hours for water in (flow[low], flow))
    share = 100 * passed / total
    least, most = (
        float((flow[low] * np.maximum(1 - delta[low] / kelvin, 0)).sum()) * samples.hours
        for kelvin in (limit.kelvin, limit.design_k)
    )
    season = f"when {mode}"
    water = f"the water {season}" if len(samples.modes) > 1 else "the water"
    sentence = (
        f"{share:.0f} % of {water} ({whole(passed)} of {whole(total)} m³) came back with less than "
        f"{limit.kelvin:.1f} K, {limit.origin}"
    )
    verdict = FAULT if share >= fault_pct else WARN if share >= warn_pct else OK
    if verdict != OK and passed < MATTERS_M3:
        verdict, sentence = OK, f"{sentence}: too little water to matter"
    if verdict == OK:
        return Verdict(LOW, OK, share, "%", threshold, f"{sentence}.", waste_m3=most, waste_m3_low=least)
    still = _stands(samples, known)
    advice = (
        "Look for a manual override, a fixed flow or position setpoint, or a controller that calls for full flow all "
        "the time, and let the flow follow the load."
        if still
        else "Look for the cause: a fouled or too small coil, a supply air or room setpoint that cannot be reached, a "
        "bypass or mixing circuit behind the valve; until then a delta-T limit saves water, if its check advises one."
    )
    needless = f"{between(least, most)} m³ need not have flowed"
    sentence = f"{sentence}; {needless}; {still}." if still else f"{sentence}; {needless}."
    return Verdict(LOW, verdict, share, "%", threshold, sentence, advice, most, waste_m3_low=least)


def _limit(samples: Samples, mode: str, known: Flags) -> _Limit | None:
    """Below which delta-T water is little used, the design that it comes from, and both in words."""
    floor = _floor(samples, mode, known)
    given = samples.design.delta_t_k
    if given > 0 and len(samples.modes) == 1:  # of a change-over valve it is not said for which season it is
        design, origin = given, "the design"
    else:
        power = np.where(known, samples.power, np.nan)
        loaded = np.isfinite(power)
        if loaded.any():
            loaded &= power >= LOAD * percentile(power[loaded], LOAD_PERCENTILE)
        design, origin = math.nan, "its own delta-T at high load (the design is not known)"
        if loaded.sum() * samples.hours >= ACTIVE_HOURS:
            design = percentile(samples.delta_t[loaded], DESIGN_PERCENTILE)
        if LOW_SHARE * design > GOOD * floor:
            most = GOOD * floor / LOW_SHARE
            origin = f"the {most:.1f} K of a good coil (at high load this one gave {design:.1f} K)"
            return _Limit(GOOD * floor, most, f"{100 * LOW_SHARE:.0f} % of {origin}")
    if LOW_SHARE * design >= floor or (math.isnan(floor) and design > 0):
        return _Limit(LOW_SHARE * design, design, f"{100 * LOW_SHARE:.0f} % of {origin} of {design:.1f} K")
    if math.isnan(floor):
        return None
    water = "hot" if mode == "heating" else "chilled"
    return _Limit(floor, floor / LOW_SHARE, f"the least that {water} water should give")


def _floor(samples: Samples, mode: str, known: Flags) -> float:
    """The least delta-T that water of this kind should give, K; NaN where the kind is not known."""
    if samples.design.least_delta_t_k > 0:
        return samples.design.least_delta_t_k
    if mode != "heating":
        return CHILLED_K if mode else math.nan
    supply = _mean(np.fmax(samples.temperature("t1_c"), samples.temperature("t2_c"))[known])
    return CHILLED_K if supply <= LOW_TEMPERATURE_C else HOT_K


def _stands(samples: Samples, known: Flags) -> str:
    """That the flow stands still whatever the load, in words; empty if it follows."""
    flow, position = samples.values("flow_m3h")[known], samples.values("position_pct")[known]
    low, middle, high = np.percentile(flow, [10, 50, 90])
    if high - low <= STEADY * middle:
        return f"the flow stood at {middle:.2f} m³/h whatever the load"
    share = float((position >= FULLY_OPEN_PCT).mean())
    return f"the valve was fully open in {100 * share:.0f} % of that time" if share > 1 - STEADY else ""


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

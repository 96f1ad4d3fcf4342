"""The delta-T limit: which one suits the exchanger, and what it would save."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from belimo_nb.errors import UsageError
from belimo_nb.hydronics.checks.saturation import characteristics
from belimo_nb.hydronics.counted import rho_c
from belimo_nb.hydronics.exchanger import Characteristic, supply_span, supply_temperature
from belimo_nb.hydronics.samples import Flags, Samples, lacking
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge, whole, worst

CHECK = "delta-T limit"
LIMIT_STEP_K = 0.5
LIMIT_FLOW = 1.3
"""Highest flow over V* from which a limit is advised."""
LIMIT_SUPPLY_SPAN_K = 10.0
"""Span of the supply temperature (5th to 95th percentile) from which no one limit suits."""
PUMP_EXPONENTS = (1, 3)
THRESHOLD = f"highest flow {LIMIT_FLOW} times V*"


@dataclass(frozen=True)
class Savings:
    """What a delta-T limit would at most have saved over the samples.

    Attributes:
        limit_k: The limit, K.
        volume_m3: Water that would not have flowed.
        share: The same as a share of the active volume.
        pump_low: Share of this valve's pump energy that would not have been spent, if it is in proportion to flow.
        pump_high: The same if it is in proportion to the third power of flow.
    """

    limit_k: float
    volume_m3: float
    share: float
    pump_low: float
    pump_high: float


def advised_limit(samples: Samples, mask: Flags, curve: Characteristic) -> tuple[float, str]:
    """The delta-T limit that keeps the flow below V*, in K to 0.5 K, or NaN; and why there is none, a sentence.

    It is the delta-T at V*: P* / (rho cp V*).
    """
    if curve.reason:
        return math.nan, curve.reason
    if not curve.max_flow_m3h > LIMIT_FLOW * curve.waste_flow_m3h:
        return math.nan, ""
    span = supply_span(supply_temperature(samples)[mask])
    if not span < LIMIT_SUPPLY_SPAN_K:
        return math.nan, f"The supply temperature spans {span:.0f} K, so no single limit suits."
    heat = rho_c(samples)[mask]
    kelvin = curve.waste_power_kw / (float(np.nanmedian(heat)) * curve.waste_flow_m3h)
    advised = LIMIT_STEP_K * round(kelvin / LIMIT_STEP_K)
    if not advised >= LIMIT_STEP_K:
        return math.nan, f"Power and flow would mean a limit of {kelvin:.2f} K, which no valve can keep."
    return advised, ""


def limit_savings(samples: Samples, limit_k: float, mask: Flags | None = None) -> Savings:
    """What a delta-T limit would have saved: the sum of max(0, V - P / (rho cp limit)) over the active samples.

    An upper bound: with less flow the exchanger gives a little less power, and the controller asks for it later.

    Args:
        samples: At any spacing.
        limit_k: The limit, K.
        mask: Which samples count; None: all active ones.

    Raises:
        UsageError: The limit is not above 0 K.
    """
    if not limit_k > 0:
        raise UsageError(f"A delta-T limit of {limit_k} K makes no sense; give one above 0 K.")
    mask = samples.active if mask is None else mask
    flow, needed = samples.values("flow_m3h")[mask], (samples.power / (rho_c(samples) * limit_k))[mask]
    known = np.isfinite(needed)
    flow, limited = flow[known], np.minimum(flow, needed)[known]
    volume = float(flow.sum())
    if not volume:
        return Savings(limit_k, math.nan, math.nan, math.nan, math.nan)
    low, high = (1 - float((limited**n).sum() / (flow**n).sum()) for n in PUMP_EXPONENTS)
    return Savings(limit_k, float((flow - limited).sum()) * samples.hours, low, low, high)


def delta_t_limit(samples: Samples, curves: Mapping[str, Characteristic] | None = None) -> Verdict:
    """Whether a delta-T limit is worth setting, which, and what it would save at most.

    Args:
        samples: At any spacing.
        curves: `characteristics(samples)`, if they are already made.
    """
    reason = lacking(samples)
    if not reason and not (samples.known("t1_c", "t2_c")):
        reason = "There are no readings of both temperatures."
    if reason:
        return cannot_judge(CHECK, reason, THRESHOLD)
    curves = characteristics(samples) if curves is None else curves
    return worst(_judged(samples, mode, mask, curves[mode]) for mode, mask in samples.modes.items())


def _judged(samples: Samples, mode: str, mask: Flags, curve: Characteristic) -> Verdict:
    when = f" when {mode}" if len(samples.modes) > 1 else ""
    kelvin, reason = advised_limit(samples, mask, curve)
    if reason:
        return cannot_judge(CHECK, reason, THRESHOLD)
    if math.isnan(kelvin):
        sentence = f"No limit is needed{when}: the flow does not go far into the waste zone."
        return Verdict(CHECK, OK, threshold=THRESHOLD, sentence=sentence)
    saved = limit_savings(samples, kelvin, mask)
    sentence = (
        f"A limit of {kelvin:.1f} K{when} would have saved up to {whole(saved.volume_m3)} m³ of water "
        f"({100 * saved.share:.0f} %) and {100 * saved.pump_low:.0f} to {100 * saved.pump_high:.0f} % of this valve's "
        "part of the pump energy; that is an upper bound."
    )
    advice = (
        f"Set the delta-T limit to {kelvin:.1f} K and switch it on; watch for a week that rooms and air stay right."
    )
    return Verdict(CHECK, WARN, kelvin, "K", THRESHOLD, sentence, advice)

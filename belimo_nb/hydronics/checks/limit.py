"""The delta-T limit: which one suits the exchanger, and what it would save."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from belimo_nb.errors import UsageError
from belimo_nb.hydronics.checks.saturation import characteristics
from belimo_nb.hydronics.counted import rho_c
from belimo_nb.hydronics.exchanger import CUT_PCT, Characteristic, supply_span, supply_temperature
from belimo_nb.hydronics.samples import Flags, Samples, lacking
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge, whole, worst

CHECK = "delta-T limit"
LIMIT_STEP_K = 0.5
LIMIT_FLOW = 1.3  # highest flow over that of the limit, from which a limit is advised
WORTH_SHARE, WORTH_M3 = 0.05, 10.0  # water that a limit must save to be worth setting: a share of what flowed, and m3
LIMIT_SUPPLY_SPAN_K = 10.0  # span of the supply temperature (5th to 95th percentile) from which no one limit suits
PUMP_EXPONENTS = (1, 3)
THRESHOLD = f"highest flow {LIMIT_FLOW} times that of the limit, which cuts up to {CUT_PCT:g} %"


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


@dataclass(frozen=True)
class Advice:
    """A delta-T limit that suits an exchanger.

    Attributes:
        limit_k: The limit, K to 0.5 K; NaN if there is none.
        cut: Share of the heat or cold of the samples above the power that the limit leaves.
        power_kw: That power.
        reason: Why there is no limit, a sentence; empty if there is one, or if none is needed.
    """

    limit_k: float = math.nan
    cut: float = math.nan
    power_kw: float = math.nan
    reason: str = ""


def advised_limit(samples: Samples, mask: Flags, curve: Characteristic) -> Advice:
    """The highest delta-T limit that takes no power away that matters.

    With it the flow stays at V* or above, gives all but a tenth of what the top tenth of flow gives, and hours of more
    power than that make up at most 5 % of the heat or cold.
    """
    if curve.reason:
        return Advice(reason=curve.reason)
    if not curve.max_flow_m3h > LIMIT_FLOW * curve.waste_flow_m3h:
        return Advice()
    span = supply_span(supply_temperature(samples)[mask])
    if not span < LIMIT_SUPPLY_SPAN_K:
        return Advice(reason=f"The supply temperature spans {span:.0f} K, so no single limit suits.")
    heat = float(np.nanmedian(rho_c(samples)[mask]))
    flow = curve.enough_flow_m3h
    while flow * LIMIT_FLOW < curve.max_flow_m3h:
        left, cut = curve.cut(flow, samples.power[mask])
        limit = LIMIT_STEP_K * math.floor(left / (heat * flow) / LIMIT_STEP_K + 0.5)
        if limit >= LIMIT_STEP_K and cut <= CUT_PCT / 100:
            return Advice(limit, cut, left)
        flow *= 1.02
    return Advice(reason="The highest flows still bring power that a limit would take away, so none is advised.")


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
    several, season = len(samples.modes) > 1, f"when {mode}"
    advised = advised_limit(samples, mask, curve)
    kelvin = advised.limit_k
    if advised.reason:
        return cannot_judge(CHECK, advised.reason, THRESHOLD)
    if math.isnan(kelvin):
        needed = f"needed {season}" if several else "needed"
        sentence = f"No limit is {needed}: the flow does not go far into the waste zone."
        return Verdict(CHECK, OK, threshold=THRESHOLD, sentence=sentence)
    saved = limit_savings(samples, kelvin, mask)
    if saved.share < WORTH_SHARE or saved.volume_m3 < WORTH_M3:
        limit = f"A limit {season}" if several else "A limit"
        sentence = f"{limit} would have saved {whole(saved.volume_m3)} m³ of water at most: it is not worth it."
        return Verdict(CHECK, OK, threshold=THRESHOLD, sentence=sentence, waste_m3=saved.volume_m3)
    amount = "heat" if mode == "heating" else "cold"
    limit = f"{kelvin:.1f} K {season}" if several else f"{kelvin:.1f} K"
    sentence = (
        f"A limit of {limit} would have saved up to {whole(saved.volume_m3)} m³ of water "
        f"({100 * saved.share:.0f} %) and {100 * saved.pump_low:.0f} to {100 * saved.pump_high:.0f} % of this valve's "
        f"part of the pump energy, an upper bound; it leaves {advised.power_kw:.0f} kW and would have cut "
        f"{100 * advised.cut:.1f} % of the {amount}."
    )
    advice = (
        f"Set the delta-T limit to {kelvin:.1f} K and switch it on; watch for a week that rooms and air stay right."
    )
    return Verdict(CHECK, WARN, kelvin, "K", THRESHOLD, sentence, advice, saved.volume_m3)

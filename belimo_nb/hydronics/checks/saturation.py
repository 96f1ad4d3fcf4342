"""The waste zone: water beyond the flow from which an exchanger gives hardly any more power."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from belimo_nb.hydronics.exchanger import CUT_PCT, Characteristic, characteristic
from belimo_nb.hydronics.samples import Flags, Floats, Samples, lacking
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, between, cannot_judge, worst

CHECK = "waste zone"
WASTE_WARN_PCT = 10.0  # percent of the volume that passes while the flow is above V*
EXCESS_PCT = 5.0  # percent of the volume in excess of V* below which there is nothing to gain
USELESS = 0.8
"""Power that the water above V* brings beyond P*, over what it would bring in proportion, up to which it is waste."""


def characteristics(samples: Samples) -> dict[str, Characteristic]:
    """The exchanger's characteristic in each mode of `Samples.modes`."""
    return {mode: characteristic(samples, mask) for mode, mask in samples.modes.items()}


def saturation(
    samples: Samples, curves: Mapping[str, Characteristic] | None = None, *, warn_pct: float = WASTE_WARN_PCT
) -> Verdict:
    """Share of the volume that passes in the waste zone, and the volume in excess of V*.

    The zone begins at V*, where the slope of P = a V / (b + V) has fallen to 15 % of its start (the idea is that of US
    patent 9,631,831). The figure is the share of water that passed while the flow was above V*. The waste is what
    passed in excess of V*: V* itself would have flowed anyhow; at least it is what passed in excess of the flow that
    gives nearly all that the top tenth of flow gives. It is no waste if it is less than 5 % of the volume, or if the
    readings above V* do give more power, whatever the curve says.

    Args:
        samples: At any spacing.
        curves: `characteristics(samples)`, if they are already made.
        warn_pct: Share from which it is a warning.
    """
    threshold = f"warn {warn_pct:.0f} % of the volume"
    reason = lacking(samples)
    if reason:
        return cannot_judge(CHECK, reason, threshold)
    curves = characteristics(samples) if curves is None else curves
    return worst(
        _judged(samples, mode, mask, curves[mode], threshold, warn_pct) for mode, mask in samples.modes.items()
    )


def _judged(
    samples: Samples, mode: str, mask: Flags, curve: Characteristic, threshold: str, warn_pct: float
) -> Verdict:
    season = f"when {mode}"
    water, flowing = ("the water", "flow") if len(samples.modes) == 1 else (f"the water {season}", f"flow {season}")
    if curve.reason:
        return cannot_judge(CHECK, curve.reason, threshold)
    flow = samples.values("flow_m3h")[mask]
    above = flow > curve.waste_flow_m3h
    share = 100 * float(flow[above].sum() / flow.sum())
    if math.isinf(curve.waste_flow_m3h):
        sentence = (
            f"Power rises in proportion to {flowing}, up to {curve.max_flow_m3h:.2f} m³/h: no waste zone is seen."
        )
        return Verdict(CHECK, OK, share, "%", threshold, sentence, waste_m3=0.0)
    if not above.any():
        sentence = f"The {flowing} stayed below {curve.waste_flow_m3h:.2f} m³/h, where the waste zone begins."
        return Verdict(CHECK, OK, 0.0, "%", threshold, sentence, waste_m3=0.0)
    excess, least = (
        float(np.maximum(flow - limit, 0.0).sum()) * samples.hours
        for limit in (curve.waste_flow_m3h, curve.enough_flow_m3h)
    )
    sentence = (
        f"{share:.0f} % of {water} passed above {curve.waste_flow_m3h:.2f} m³/h, where more flow brings hardly "
        f"any more power; {between(least, excess)} m³ were in excess."
    )
    useful = _useful(flow[above], samples.power[mask][above], curve)
    verdict = OK if share < warn_pct or excess < EXCESS_PCT / 100 * flow.sum() * samples.hours else WARN
    if verdict == WARN and useful >= USELESS:
        verdict = OK
        sentence = (
            f"{share:.0f} % of {water} passed above {curve.waste_flow_m3h:.2f} m³/h, but the readings there "
            f"show that it brings {100 * useful:.0f} % of the power that it would in proportion."
        )
    if verdict == OK:
        return Verdict(CHECK, OK, share, "%", threshold, sentence, waste_m3=excess, waste_m3_low=least)
    enough = curve.enough_flow_m3h
    cut = 100 * curve.cut(enough, samples.power[mask])[1] if enough < curve.max_flow_m3h else math.inf
    advice = (
        f"Limit the flow to {enough:.2f} m³/h (maximum flow setting), which would have cut {cut:.1f} % of the energy; "
        "then find out why the controller asks for more than the exchanger can give."
        if cut <= CUT_PCT
        else "Find out why the controller asks for more than the exchanger can give: a fouled or too small coil, too "
        "little or too warm air, a setpoint that cannot be reached."
    )
    return Verdict(CHECK, WARN, share, "%", threshold, sentence, advice, excess, waste_m3_low=least)


def _useful(flow: Floats, power: Floats, curve: Characteristic) -> float:
    """What more the water above V* brings, over what it would in proportion; 0 where that is unknown.

    The lesser of what all of it brings and what is usual: a second level of load, now and then, says nothing of the
    flow on other days.
    """
    known = np.isfinite(power)
    if not known.any():
        return 0.0
    return min(
        (float(of(power[known])) / curve.waste_power_kw - 1) / (float(of(flow[known])) / curve.waste_flow_m3h - 1)
        for of in (np.mean, np.median)
    )

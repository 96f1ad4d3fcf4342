"""The waste zone: water beyond the flow from which an exchanger gives hardly any more power."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from belimo_nb.hydronics.exchanger import Characteristic, characteristic
from belimo_nb.hydronics.samples import Flags, Samples, lacking
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge, whole, worst

CHECK = "waste zone"
WASTE_WARN_PCT = 10.0
"""Percent of the volume that passes while the flow is above V*."""


def characteristics(samples: Samples) -> dict[str, Characteristic]:
    """The exchanger's characteristic in each mode of `Samples.modes`."""
    return {mode: characteristic(samples, mask) for mode, mask in samples.modes.items()}


def saturation(
    samples: Samples, curves: Mapping[str, Characteristic] | None = None, *, warn_pct: float = WASTE_WARN_PCT
) -> Verdict:
    """Share of the volume that passes in the waste zone, and the volume in excess of V*.

    The zone begins at V*, where the slope of P = a V / (b + V) has fallen to 15 % of its start (the idea is that of US
    patent 9,631,831). The figure is the share of water that passed while the flow was above V*. The waste is what
    passed in excess of V*: V* itself would have flowed anyhow.

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
    when = f" when {mode}" if len(samples.modes) > 1 else ""
    if curve.reason:
        return cannot_judge(CHECK, curve.reason, threshold)
    flow = samples.values("flow_m3h")[mask]
    above = flow > curve.waste_flow_m3h
    share = 100 * float(flow[above].sum() / flow.sum())
    if math.isinf(curve.waste_flow_m3h):
        sentence = (
            f"Power rises in proportion to flow{when}, up to {curve.max_flow_m3h:.2f} m³/h: no waste zone is seen."
        )
        return Verdict(CHECK, OK, share, "%", threshold, sentence, waste_m3=0.0)
    if not above.any():
        sentence = f"The flow{when} stayed below {curve.waste_flow_m3h:.2f} m³/h, where the waste zone begins."
        return Verdict(CHECK, OK, 0.0, "%", threshold, sentence, waste_m3=0.0)
    waste = float(np.maximum(flow - curve.waste_flow_m3h, 0.0)[above].sum()) * samples.hours
    sentence = (
        f"{share:.0f} % of the water{when} passed above {curve.waste_flow_m3h:.2f} m³/h, where more flow brings hardly "
        f"any more power; {whole(waste)} m³ were in excess of that."
    )
    if share < warn_pct:
        return Verdict(CHECK, OK, share, "%", threshold, sentence, waste_m3=waste)
    advice = (
        f"Limit the flow to {curve.waste_flow_m3h:.2f} m³/h (maximum flow setting), or set a delta-T limit; then find "
        "out why the controller asks for more than the exchanger can give."
    )
    return Verdict(CHECK, WARN, share, "%", threshold, sentence, advice, waste)

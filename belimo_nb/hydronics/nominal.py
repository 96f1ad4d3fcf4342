"""The nominal flow of a valve, from its design or from what it has shown."""

from __future__ import annotations

import math

import numpy as np

from belimo_nb.hydronics.samples import Samples

__all__ = ["FLOW_SHARE", "nominal_flow"]

FLOW_SHARE = 0.01
"""Share of the nominal flow up to which no water flows: the noise and the zero of a flow sensor."""


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
        return math.nan, "an unknown nominal flow"
    shown = float(np.percentile(flow, 99))
    return shown, f"{shown:.3g} m³/h (99th percentile of its flow, for want of the nominal flow)"

"""What a valve is made and set for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Design:
    """What a valve is made and set for; NaN where unknown.

    Attributes:
        delta_t_k: Difference of the water temperatures at design power, K.
        nominal_flow_m3h: Nominal flow of the valve body, m3/h.
        max_flow_m3h: Maximum flow setting, m3/h.
        glycol_pct: Share of glycol in the water, percent.
        least_delta_t_k: Delta-T below which water comes back too little used, K; unknown: by the kind of water, see
            `belimo_nb.hydronics.checks.delta_t`. For district heating about 20 K.
    """

    delta_t_k: float = float("nan")
    nominal_flow_m3h: float = float("nan")
    max_flow_m3h: float = float("nan")
    glycol_pct: float = float("nan")
    least_delta_t_k: float = float("nan")

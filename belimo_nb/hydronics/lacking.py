"""What samples lack to be judged."""

from __future__ import annotations

from belimo_nb.hydronics.samples import ACTIVE_HOURS, Samples

__all__ = ["NO_SAMPLES", "lacking"]

NO_SAMPLES = "There are no samples in the period."

_WORDS = {
    "power_kw": "power",
    "flow_m3h": "flow",
    "t1_c": "temperature T1",
    "t2_c": "temperature T2",
    "delta_t_k": "delta-T",
    "position_pct": "position",
    "setpoint_pct": "position setpoint",
    "heating_kwh": "heating counter",
    "cooling_kwh": "cooling counter",
    "volume_m3": "volume counter",
}


def lacking(samples: Samples, *columns: str) -> str:
    """Why a check on active samples cannot judge, as a sentence; empty if nothing is lacking.

    Args:
        samples: To be judged.
        columns: What the check needs besides flow.
    """
    if samples.empty:
        return NO_SAMPLES
    missing = [_WORDS[column] for column in ("flow_m3h", *columns) if not samples.known(column)]
    if missing:
        return f"There are no readings of {' and '.join(missing)}."
    if not samples.active.any():
        return "No water flowed in the period."
    if samples.active_hours < ACTIVE_HOURS:
        return f"Water flowed for {samples.active_hours:.1f} h only; at least {ACTIVE_HOURS:.0f} h are needed."
    return ""

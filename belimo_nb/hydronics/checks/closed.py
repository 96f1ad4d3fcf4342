"""Flow with the valve closed: a valve that leaks."""

from __future__ import annotations

import math

import numpy as np

from belimo_nb.hydronics.checks.sensors import dead_hours
from belimo_nb.hydronics.plant import FLOW_SHARE, long_spells, moves, nominal_flow, supplied
from belimo_nb.hydronics.samples import Flags, Samples
from belimo_nb.hydronics.spells import HOURLY, too_coarse
from belimo_nb.hydronics.verdict import FAULT, OK, Verdict, cannot_judge, whole

CHECK = "flow with the valve closed"
CLOSED_PCT = 1.0
LEAST_HOURS = 0.25
FAULT_HOURS = 1.0
CLOSED_HOURS = 24.0  # hours with the valve closed below which nothing is known of its tightness
THRESHOLD = "fault 1 h/d"
ZERO_SHARE, ZERO_STANDS, ZERO_SPREAD = 0.03, 0.95, 0.1
"""A flow of up to such a share of nominal, in such a share of the closed hours, that varies by so little (10th to 90th
percentile over the median), is the meter's zero.
"""


def closed(samples: Samples) -> Verdict:
    """Hours a day in which water flows (more than 1 % of nominal) through a closed valve (position up to 1 %).

    Only spells count that last 15 minutes from the first reading to the last, at least two readings: a single one may
    be a valve that closed a moment ago, since published flow is a mean of minutes. So an hourly series is judged by
    two neighboring readings; of the time between them nothing is known, but as samples they give the right share of
    hours over weeks. Nor do hours count in which nothing is supplied: with the pump off a flow is the meter's zero. So
    is a small one that stands whatever happens, unless the temperatures show that water moves. Waste is the water that
    flowed in these spells and the heat or cold it carried, by flow and power.

    Args:
        samples: Every hour or finer.
    """
    hours = samples.hours
    if reason := too_coarse(samples, HOURLY, "how long the valve was closed"):
        return cannot_judge(CHECK, reason, THRESHOLD)
    position, flow = samples.values("position_pct"), samples.values("flow_m3h")
    known = np.isfinite(position) & np.isfinite(flow)
    if not known.any():
        return cannot_judge(CHECK, "The position and the flow are not both measured.", THRESHOLD)
    shut = known & (position <= CLOSED_PCT)
    shut_hours = float(shut.sum()) * hours
    if shut_hours < CLOSED_HOURS:
        reason = f"The valve was closed for only {shut_hours:.0f} h; {CLOSED_HOURS:.0f} h are needed."
        return cannot_judge(CHECK, reason, THRESHOLD)
    if not (flow > 0).any() and dead_hours(samples):
        return cannot_judge(
            CHECK, "The flow sensor has failed, so it does not show whether the valve closes.", THRESHOLD
        )
    nominal, source = nominal_flow(samples)
    leaking = shut & (flow > FLOW_SHARE * nominal)
    if _is_zero(samples, shut, leaking, nominal):
        middle = float(np.median(flow[leaking]))
        said = (
            f"With the valve closed the flow stands at {middle:.3g} m³/h, {100 * middle / nominal:.1f} % of {source}, "
            "whatever happens: that is the meter's zero, no leak."
        )
        return Verdict(CHECK, OK, 0.0, "h/d", THRESHOLD, said, waste_m3=0.0, waste_kwh=0.0)
    leaking &= supplied(samples) | np.isnan(samples.temperature("t1_c") + samples.temperature("t2_c"))
    begins, afters = long_spells(leaking, samples, LEAST_HOURS)
    lasted = float((afters - begins).sum()) * hours
    figure = lasted / (float(known.sum()) * hours / 24)
    if not lasted:
        said = f"In {whole(shut_hours)} h with the valve closed no water flowed."
        if (flow[shut] > 0).any():
            said = (
                f"In {whole(shut_hours)} h with the valve closed, while water was supplied, never more than 1 % of "
                f"{source} flowed for 15 minutes."
            )
        return Verdict(CHECK, OK, 0.0, "h/d", THRESHOLD, said, waste_m3=0.0, waste_kwh=0.0)
    spell = np.zeros(len(samples) + 1, dtype=np.int64)
    spell[begins] += 1
    spell[afters] -= 1
    inside = np.cumsum(spell[:-1]) > 0
    volume = float(flow[inside].sum()) * hours
    power = np.abs(samples.values("power_kw")[inside])
    # Where power is unknown for a while, the rest of the spells stands for it.
    energy = float(np.nanmean(power)) * lasted if np.isfinite(power).any() else math.nan
    passed = f"{whole(volume)} m³" if math.isnan(energy) else f"{whole(volume)} m³ with {whole(energy)} kWh"
    said = (
        f"In {whole(lasted)} of {whole(shut_hours)} h with the valve closed more than 1 % of {source} flowed, "
        f"{passed} in all"
    )
    if figure <= FAULT_HOURS:
        return Verdict(CHECK, OK, figure, "h/d", THRESHOLD, f"{said}: little.", "", volume, energy)
    advice = (
        "Let the actuator adapt its stroke again and check the valve's seat for dirt; if the flow goes on with the "
        "shut-off valve closed, the flow sensor has a wrong zero."
    )
    waste = (volume, energy, volume, energy)
    return Verdict(CHECK, FAULT, figure, "h/d", THRESHOLD, f"{said}: it does not close.", advice, *waste)


def _is_zero(samples: Samples, shut: Flags, flows: Flags, nominal: float) -> bool:
    """Whether what flows with the valve closed is the zero of the meter: small, always there, always the same."""
    if not flows.any() or flows.sum() < ZERO_STANDS * shut.sum() or moves(samples)[flows].mean() > 1 / 2:
        return False
    low, middle, high = np.percentile(samples.values("flow_m3h")[flows], [10, 50, 90])
    return bool(middle <= ZERO_SHARE * nominal and high - low <= ZERO_SPREAD * middle)

"""Whether a valve is too large for its plant."""

from __future__ import annotations

import math

import numpy as np

from belimo_nb.hydronics.samples import Samples, lacking, percentile
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge
from belimo_nb.quantities import plural

CHECK = "oversized"
OVERSIZED_PCT = 50.0  # 99th percentile of flow over the maximum flow setting, below which a valve is oversized
SIZING_DAYS = 300.0
"""Days with samples from which it is judged like that: the coldest and the hottest weeks decide on sizes."""
FAR_PCT, HALF_OPEN_PCT = 35.0, 50.0
"""In less time a valve is oversized that cycles, or whose coil has all the water that it can use, if its flow stays
below the one and its position below the other.
"""
LEAST_DAYS = 14.0
STANDS, PLAY = 3.0, 15.0
"""Points of its stroke within which a valve stands, and such as are hardly more than twice the play of 6 to 7 points
that real valves and actuators have.
"""
VARIES = 1.5  # flow (95th over 5th percentile) that shows that it is no base load all the time


def oversized(
    samples: Samples,
    *,
    warn_pct: float = OVERSIZED_PCT,
    least_days: float = SIZING_DAYS,
    cycles: bool = False,
    used_up: bool = False,
) -> Verdict:
    """99th percentile of the active flow against the maximum flow setting.

    In less than a year the highest load may not have come; but a valve that works in the first part of its stroke, far
    below its maximum, for weeks, is a warning "as far as these weeks show" if it cycles there, if more water would
    bring hardly any more power even so, or if it does all its work within its own play: a steady flow may be a base
    load out of season, but a coil that is used up is used up in any. Else a part of a year says nothing.

    Args:
        samples: At any spacing; `Samples.design` says the maximum flow.
        warn_pct: Percent below which it is a warning.
        least_days: Days with samples below which only a valve that is far too large is told.
        cycles: Whether it does, as its own check says.
        used_up: Whether more water brings hardly any more power, as the check of the waste zone says: `warn_pct` holds.
    """
    threshold = f"warn below {warn_pct:.0f} % of the maximum flow"
    reason, most = lacking(samples), samples.design.max_flow_m3h
    days = float(np.isfinite(samples.values("flow_m3h")).sum()) * samples.hours / 24
    if not reason and not most > 0:
        reason = "The maximum flow setting is not known."
    if reason:
        return cannot_judge(CHECK, reason, threshold)
    trickle, usual, high = (percentile(samples.values("flow_m3h")[samples.active], at) for at in (5, 95, 99))
    share = 100 * high / most
    sentence = (
        f"In 99 of 100 active hours the flow was at most {high:.2f} m³/h, {share:.0f} % of the {most:.2f} m³/h set"
    )
    if days < least_days:
        position = samples.values("position_pct")[samples.active]
        position = position[np.isfinite(position)]
        least, opened = (percentile(position, at) if len(position) else math.nan for at in (5, 99))
        shows, far = "", FAR_PCT
        if cycles:
            shows = "it cycles there"
        elif used_up:
            shows, far = "more water brings hardly any more power even there", warn_pct
        elif STANDS < opened - least < PLAY and usual >= VARIES * trickle:
            shows = f"it works within {opened - least:.0f} points of its stroke, hardly more than its play"
        if days < LEAST_DAYS or share >= far or not opened < HALF_OPEN_PCT or not shows:
            seen = plural(round(days), "day with samples does", "days with samples do")
            reason = f"{seen} not show the highest load; at least {least_days:.0f} are needed."
            return cannot_judge(CHECK, reason, threshold)
        sentence = f"{sentence} and the position at most {opened:.0f} %, as far as these {days:.0f} days show; {shows}"
    sentence = f"{sentence}."
    if share >= warn_pct:
        return Verdict(CHECK, OK, share, "%", threshold, sentence)
    advice = (
        "First mend what the check of the waste zone says; when the valve is replaced, choose a smaller one."
        if used_up
        else f"Lower the maximum flow setting to about {1.1 * high:.1f} m³/h, if that is the design flow, too; when "
        "the valve is replaced, choose a smaller one. It controls better, and the circuit is easier to balance."
    )
    return Verdict(CHECK, WARN, share, "%", threshold, sentence, advice)

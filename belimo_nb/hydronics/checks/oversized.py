"""Whether a valve is too large for its plant."""

from __future__ import annotations

import numpy as np

from belimo_nb.hydronics.samples import Samples, lacking
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge

CHECK = "oversized"
OVERSIZED_PCT = 50.0
"""99th percentile of flow over the maximum flow setting, below which a valve is oversized."""
SIZING_DAYS = 300.0
"""Days with samples that are needed: the coldest and the hottest weeks decide on sizes."""


def oversized(samples: Samples, *, warn_pct: float = OVERSIZED_PCT, least_days: float = SIZING_DAYS) -> Verdict:
    """99th percentile of the active flow against the maximum flow setting.

    Args:
        samples: At any spacing; `Samples.design` says the maximum flow.
        warn_pct: Percent below which it is a warning.
        least_days: Days with samples below which it is not judged.
    """
    threshold = f"warn below {warn_pct:.0f} % of the maximum flow"
    reason, most = lacking(samples), samples.design.max_flow_m3h
    days = float(np.isfinite(samples.values("flow_m3h")).sum()) * samples.hours / 24
    if not reason and not most > 0:
        reason = "The maximum flow setting is not known."
    if not reason and days < least_days:
        reason = f"{days:.0f} days with samples do not show the highest load; at least {least_days:.0f} are needed."
    if reason:
        return cannot_judge(CHECK, reason, threshold)
    high = float(np.percentile(samples.values("flow_m3h")[samples.active], 99))
    share = 100 * high / most
    sentence = (
        f"In 99 of 100 active hours the flow was at most {high:.2f} m³/h, {share:.0f} % of the {most:.2f} m³/h set."
    )
    if share >= warn_pct:
        return Verdict(CHECK, OK, share, "%", threshold, sentence)
    advice = (
        f"Lower the maximum flow setting to about {1.1 * high:.1f} m³/h, if that is the design flow, too; when the "
        "valve is replaced, choose a smaller one. It controls better, and the circuit is easier to balance."
    )
    return Verdict(CHECK, WARN, share, "%", threshold, sentence, advice)

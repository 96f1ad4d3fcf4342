"""A device of which nothing is heard."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belimo_nb.hydronics.samples import NO_SAMPLES, Floats, Samples
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge
from belimo_nb.quantities import plural

CHECK = "silent"
SILENT_HOURS = 24.0  # A device reports everything once a day at least
ADVICE = "Check the device's supply voltage, its network and the gateway; what it counts meanwhile is not lost."
THRESHOLD = "warn 24 h without a reading"


def silent(samples: Samples, until: pd.Timestamp | None = None) -> Verdict:
    """Hours from the last reading to the moment until which there could be some.

    Args:
        samples: At any spacing.
        until: Now, or the end of the period if that is earlier; None: unknown.
    """
    if until is None:
        return cannot_judge(CHECK, "It is not known until when there could be readings.", THRESHOLD)
    if samples.empty:
        return cannot_judge(CHECK, NO_SAMPLES, THRESHOLD)
    back = min(_back(column) for column in samples.columns)
    last = samples.index[-1 - back]
    hours = max(0.0, (until - last) / pd.Timedelta(hours=1))
    if hours <= SILENT_HOURS + samples.hours:
        return Verdict(CHECK, OK, hours, "h", THRESHOLD, f"The last reading is of {last:%Y-%m-%d %H:%M}.")
    lasts = f"{hours:.0f} h" if hours < 2 * SILENT_HOURS else f"{plural(round(hours / 24), 'day')}"
    said = f"Silent since {last:%Y-%m-%d %H:%M}: nothing is known of the last {lasts}."
    return Verdict(CHECK, WARN, hours, "h", THRESHOLD, said, ADVICE)


def _back(values: Floats) -> int:
    """How many samples before the last one there is a value; all if there is none."""
    if np.isfinite(values[-1]):
        return 0
    (known,) = np.nonzero(np.isfinite(values))
    return len(values) - 1 - int(known[-1]) if len(known) else len(values)

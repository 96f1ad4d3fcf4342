"""Which days to look at closely: where a valve is most active."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.calendar.moments import localized
from belimo_nb.errors import UsageError
from belimo_nb.hydronics.samples import Samples
from belimo_nb.quantities import plural

WINDOW_DAYS = 14
DAY = 86400
NEARLY = 0.9
"""A later window with at least this share of the most active hours goes before an earlier one: it is more recent."""


def busiest_window(
    samples: Samples | pd.DataFrame, days: int = WINDOW_DAYS, tz: str | None = None
) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The days for which finer samples are worth fetching: in winter for a heating valve, in summer for cooling.

    Args:
        samples: At any spacing, such as an hour, of a longer period.
        days: How many local days.
        tz: IANA zone of the days; None: that of the samples' index.

    Returns:
        Begin and end (exclusive), both local midnights; the latest such window among those whose active hours come
        near the most. None if the valve is never active.

    Raises:
        UsageError: `days` is below 1.
    """
    if days < 1:
        raise UsageError(f"A window of {plural(days, 'day')} makes no sense; give 1 or more.")
    samples = samples if isinstance(samples, Samples) else Samples(samples)
    if not samples.active.any():
        return None
    zone: Any = tz or samples.index.tz
    # The wall clock's days, counted from 1970: no calendar is needed to add hours up by day.
    second = samples.local(zone).tz_localize(None).as_unit("s").asi8
    day = second // DAY
    hours = np.bincount((day - day[0])[samples.active], minlength=int(day[-1] - day[0]) + 1)
    step = samples.step.total_seconds()
    late, early = second[0] % DAY > step, second[-1] % DAY < DAY - step
    first = int(late and len(hours) > days)  # a day that the samples begin or end in is no full one
    last = len(hours) - int(early and len(hours) - first > days)
    width = min(days, last - first)
    total = np.convolve(hours[first:last], np.ones(width, dtype=np.int64), "valid")
    first += int(np.flatnonzero(total >= NEARLY * total.max())[-1])
    begin = pd.Timestamp(0, unit="s") + pd.Timedelta(days=int(day[0]) + first)
    edges = pd.DatetimeIndex([begin, begin + pd.Timedelta(days=days)])
    start, end = localized(edges, zone)
    return start, end

"""Interval energy of a device-year beside the bare pandas way, which counts days wrongly.

The bare way (tz_convert, resample, last, diff) knows no resets, dropouts or gaps, and takes the last reading of a day
for the one at its end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from belimo_nb.energy import interval_energy
from benchmarks.timing import median_ms

ZONE = "Europe/Zurich"


def figures() -> Iterator[str]:
    """The measured lines."""
    times = pd.date_range("2018-01-01", "2019-01-01", freq="h", tz="UTC")
    counter = pd.Series(np.cumsum(np.random.default_rng(1).uniform(0, 1e8, len(times))), times)
    ours = median_ms(lambda: interval_energy(counter, "D", tz=ZONE, step=pd.Timedelta("1h"), p_max=1e6), 51)
    bare = median_ms(lambda: counter.tz_convert(ZONE).resample("D").last().diff(), 51)
    yield f"ours {ours:.2f} ms, bare pandas {bare:.2f} ms: {ours / bare:.1f} times (medians of 51)"

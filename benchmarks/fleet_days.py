"""Device-years of hourly readings summed to local days: time and memory for 10,000, from a sample of 1,000.

The readings are made in the process; reading them from disk is not part of it.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from belimo_nb.energy import interval_energy

DEVICES = 1000


def figures() -> Iterator[str]:
    """The measured lines."""
    times = pd.date_range("2018-01-01", "2019-01-01", freq="h", tz="UTC")
    draw = np.random.default_rng(1)
    spent, total = 0.0, 0.0
    for _ in range(DEVICES):
        counter = pd.Series(np.cumsum(draw.uniform(0, 1e8, len(times))), times)
        counter.iloc[draw.integers(0, len(times), 20)] = np.nan
        begin = time.perf_counter()
        days = interval_energy(counter, "D", "2018-01-02", "2018-12-31", "Europe/Zurich", "1h", 1e6)
        spent += time.perf_counter() - begin
        total += float(days["kwh"].sum())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield f"{spent / DEVICES * 1e3:.2f} ms each, {spent / DEVICES * 10_000:.1f} s for 10,000; peak {peak:.0f} MB"

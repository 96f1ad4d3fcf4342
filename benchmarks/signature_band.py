"""The energy signature: speed of a fit and its band, and how often the 90 % band covers the truth in 500 years.

The years have the demo building's weather and the known signature of one of its zones; the days scatter around it as
those of the demo building do, each year with other noise. The band is asked at each degree from -5 to 12 °C.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from belimo_nb.demo.simulation import Simulation
from belimo_nb.heating import daily_means, fit_signature
from benchmarks.timing import median_ms

YEARS = 500
SCATTER, MEMORY = 0.12, 0.55
"""Of a day around its signature, and how much of it the next day keeps: what the demo building's fits leave over."""


def figures() -> Iterator[str]:
    """The measured lines."""
    outdoor = _weather()
    truth = next(
        found for found in (Simulation().signature(device) for device in Simulation().devices) if found is not None
    )
    curve = truth.base_kwh_d + truth.slope_kwh_d_k * np.maximum(truth.balance_point_c - outdoor, 0.0)
    used = _year(curve, 0)
    yield f"fit of a year: {median_ms(lambda: fit_signature(used, outdoor), 21):.1f} ms (median of 21)"
    yield f"fit and bootstrap band: {median_ms(lambda: fit_signature(used, outdoor).band(), 7):.0f} ms (median of 7)"
    at = np.arange(-5.0, 13.0)
    expected = truth.base_kwh_d + truth.slope_kwh_d_k * np.maximum(truth.balance_point_c - at, 0.0)
    inside = np.zeros((YEARS, len(at)), bool)
    for seed in range(YEARS):
        band = fit_signature(_year(curve, seed), outdoor).band()
        low, high = (np.interp(at, band.index, band[side]) for side in ("low", "high"))
        inside[seed] = (low <= expected) & (expected <= high)
    shares = zip(at[::3], inside.mean(axis=0)[::3], strict=True)
    by_temperature = ", ".join(f"{t:.0f} °C {share:.0%}" for t, share in shares)
    yield f"90 % band covers the truth in {inside.mean():.1%} of {YEARS} years ({by_temperature})"


def _weather() -> pd.Series:
    begin, end = (int(pd.Timestamp(day, tz="Europe/Zurich").timestamp()) for day in ("2017-12-01", "2018-12-01"))
    times, values = Simulation().outdoor_temperature(begin, end)
    return daily_means(pd.Series(values, pd.to_datetime(times, unit="s", utc=True)), "Europe/Zurich")


def _year(curve: pd.Series, seed: int) -> pd.Series:
    """A year of the zone: scatter in proportion to the load, with a memory from day to day."""
    draw = np.random.default_rng(seed).normal(size=len(curve) + 50)
    noise = np.zeros(len(draw))
    for i in range(1, len(draw)):
        noise[i] = MEMORY * noise[i - 1] + np.sqrt(1 - MEMORY**2) * draw[i]
    return curve * (1 + SCATTER * noise[50:])

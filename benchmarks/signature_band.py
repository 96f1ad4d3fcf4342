"""The energy signature: speed of a fit and its band, and how well both know the truth in 500 years.

The years are those of the demo building's five heating zones under 100 seeds that nothing was tuned on: other noise and
other people each time, the same weather. The band is asked at each degree from -5 to 12 °C.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.energy import interval_energy
from belimo_nb.heating import daily_means, fit_signature
from benchmarks.timing import median_ms

ZONE = "Europe/Zurich"
START, END = (pd.Timestamp(day, tz=ZONE) for day in ("2017-12-01", "2018-12-01"))
SEEDS = range(1001, 1101)
HEATING = "evcloud.210"


def figures() -> Iterator[str]:
    """The measured lines."""
    outdoor = _weather()
    at = np.arange(-5.0, 13.0)
    inside, slopes, balances = [], [], []
    for simulation in map(_simulation, SEEDS):
        for device in simulation.devices:
            truth = simulation.signature(device)
            if truth is None:
                continue
            used = _days(simulation, device)
            found = fit_signature(used, outdoor)
            band = found.band()
            expected = truth.base_kwh_d + truth.slope_kwh_d_k * np.maximum(truth.balance_point_c - at, 0.0)
            low, high = (np.interp(at, band.index, band[side]) for side in ("low", "high"))
            inside.append((low <= expected) & (expected <= high))
            slopes.append(abs(found.slope_kwh_d_k / truth.slope_kwh_d_k - 1))
            balances.append(abs(found.balance_point_c - truth.balance_point_c))
    yield f"fit of a year: {median_ms(lambda: fit_signature(used, outdoor), 21):.1f} ms (median of 21)"
    yield f"fit and bootstrap band: {median_ms(lambda: fit_signature(used, outdoor).band(), 7):.0f} ms (median of 7)"
    covered = np.array(inside)
    shares = zip(at[::3], covered.mean(axis=0)[::3], strict=True)
    by_temperature = ", ".join(f"{t:.0f} °C {share:.0%}" for t, share in shares)
    yield f"90 % band covers the truth in {covered.mean():.1%} of {len(covered)} years ({by_temperature})"
    yield f"heat loss coefficient: at most {max(slopes):.1%} off; balance point: at most {max(balances):.2f} K off"


def _simulation(seed: int) -> Simulation:
    return Simulation(seed=seed)


def _weather() -> pd.Series:
    times, values = Simulation().outdoor_temperature(int(START.timestamp()), int(END.timestamp()))
    return daily_means(pd.Series(values, pd.to_datetime(times, unit="s", utc=True)), ZONE)


def _days(simulation: Simulation, device: DemoDevice) -> pd.Series:
    """The kWh of the days that are plainly measured."""
    times, joules = simulation.series(device, HEATING)
    counter = pd.Series(joules, pd.to_datetime(times, unit="s", utc=True))
    days = interval_energy(counter, "D", START, END, ZONE, "5min")
    return days["kwh"].where(days["quality"] == "measured")

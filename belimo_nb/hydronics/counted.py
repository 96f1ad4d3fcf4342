"""What passed through a valve between its samples: energy and volume from the counters, else from power and flow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from belimo_nb.energy.faults import GAP_AT_LEAST, GAP_STEPS
from belimo_nb.energy.readings import clean_arrays
from belimo_nb.hydronics.samples import Flags, Floats, Samples, percentile
from belimo_nb.hydronics.water import KWH_PER_KJ, volumetric_heat

LEAST_COUNTED = 0.5  # energy of the counters over that of power, below which they do not count what the valve does
_TIMES_HIGHEST = 3.0  # a counter that rises faster than 3 times the 99.9th percentile of its rate has jumped


@dataclass(frozen=True)
class Passage:
    """Energy and volume that passed since the sample before; one value a sample.

    Attributes:
        energy_kwh: Heat or cold, 0 or more; NaN where unknown.
        volume_m3: Water, 0 or more; NaN where unknown.
        rho_c: Density times specific heat at the flow sensor, kWh/(m3 K); NaN where unknown.
        metered: Whether both come from the counters; else they are power and flow of the sample times its step.
        gap: Where samples are missing before this one: what passed is known, but not when.
    """

    energy_kwh: Floats
    volume_m3: Floats
    rho_c: Floats
    metered: bool
    gap: Flags

    @cached_property
    def delta_t(self) -> Floats:
        """Mean delta-T of the water that passed since the sample before, K; NaN where none did."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.volume_m3 > 0, self.energy_kwh / (self.rho_c * self.volume_m3), np.nan)


def rho_c(samples: Samples) -> Floats:
    """Density times specific heat of the water, kWh/(m3 K), per sample, at T2; at T1 where T2 is unknown."""
    t1, t2 = samples.temperature("t1_c"), samples.temperature("t2_c")
    return KWH_PER_KJ * volumetric_heat(np.where(np.isfinite(t2), t2, t1), samples.design.glycol_pct)


def since_mode(samples: Samples, mode: str) -> Flags:
    """Per sample, whether what passed since the sample before passed in a mode of `Samples.modes`.

    A valve without change-over has one mode, at all times. Else that of the last active sample counts.
    """
    if len(samples.modes) == 1:
        return np.ones(len(samples), dtype=bool)
    active = np.logical_or.reduce(list(samples.modes.values()))
    position = np.where(active, np.arange(len(samples)), -1)
    last = np.maximum.accumulate(position)
    return samples.modes[mode][np.where(last < 0, int(np.argmax(active)), last)]


def passage(samples: Samples) -> Passage:
    """What passed between the samples of a valve.

    From the lifetime counters, cleaned as `belimo_nb.energy` does: zeros of a dropout are skipped, and nothing is
    counted across a reset or a jump. Where a valve has no energy counter or no volume counter, or they show less than
    half of what power does (a valve that heats, of which only the cooling counter is known), from power and flow.
    """
    if samples.known("volume_m3") and samples.step > pd.Timedelta(0):
        energies = [column for column in ("heating_kwh", "cooling_kwh") if samples.known(column)]
        counted = _counted(samples, energies)
        known = np.isfinite(counted.energy_kwh) & np.isfinite(samples.power) & ~counted.gap
        least = LEAST_COUNTED * float(samples.power[known].sum()) * samples.hours
        if energies and float(counted.energy_kwh[known].sum()) >= least:
            return counted
    energy, volume = samples.power * samples.hours, np.abs(samples.values("flow_m3h")) * samples.hours
    return Passage(energy, volume, rho_c(samples), False, np.zeros(len(samples), dtype=bool))


def _counted(samples: Samples, energies: list[str]) -> Passage:
    limits = {"volume_m3": _most(samples.values("flow_m3h"))} | dict.fromkeys(energies, _most(samples.power))
    good = np.ones(len(samples), dtype=bool)
    breaks = np.zeros(len(samples), dtype=np.int64)
    ns = samples.ns
    for column, limit in limits.items():
        shown = samples.values(column)
        if not np.ptp(shown) and shown[0] >= 0:  # it stands still, and every reading is known
            continue
        readings = clean_arrays(ns, shown, samples.step.total_seconds(), limit)
        broken = readings.reset | readings.jump
        if len(readings.ns) == len(samples) and not broken.any():
            continue
        kept = np.zeros(len(samples), dtype=bool)
        at = np.searchsorted(ns, readings.ns)
        kept[at] = True
        good &= kept
        breaks[at[1:][broken]] += 1
    at = np.flatnonzero(good)
    whole = np.diff(np.cumsum(breaks)[at]) == 0
    far = np.diff(ns[at]) / 1e9 > max(GAP_STEPS * samples.step.total_seconds(), GAP_AT_LEAST)

    def passed(columns: list[str]) -> Floats:
        rise = np.full(len(samples), np.nan)
        total = sum((samples.values(column)[at] for column in columns), np.zeros(len(at)))
        rise[at[1:]] = np.where(whole, np.diff(total), np.nan)
        return rise

    gap = np.zeros(len(samples), dtype=bool)
    gap[at[1:]] = far
    return Passage(passed(energies), passed(["volume_m3"]), rho_c(samples), True, gap)


def _most(rate: Floats) -> float | None:
    """The highest possible rise a second, from rates an hour; None if none is known."""
    running = np.abs(rate[np.isfinite(rate) & (rate != 0)])
    return _TIMES_HIGHEST * percentile(running, 99.9) / 3600 if len(running) else None

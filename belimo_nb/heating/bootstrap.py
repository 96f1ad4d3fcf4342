"""How sure a signature is: refits to weeks drawn anew from its days."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from belimo_nb.heating.fit import Floats, Grid, fit_grid, fit_line
from belimo_nb.heating.student import t_quantile

__all__ = ["Bootstrap"]

REPLICATES = 500
BLOCK_DAYS = 7


@dataclass(frozen=True)
class Bootstrap:
    """Refits to resampled weeks.

    Attributes:
        parameters: Balance point (2P: NaN), base load (2P: energy at 0 °C) and slope of each refit, shape (3, b).
        cold_days: Days that decide on the slope.
        autocorrelation: Of the residuals of neighboring days.
    """

    parameters: Floats
    cold_days: int
    autocorrelation: float

    @classmethod
    def of(
        cls, temperature: Floats, kwh: Floats, balance_point: bool, cold_days: int, autocorrelation: float
    ) -> Bootstrap:
        """Draw blocks of neighboring days, which are alike, and fit the model to each draw."""
        n = len(kwh)
        # The same draws every time, for reports that can be repeated.
        draw = np.random.default_rng(20181201)
        starts = draw.integers(0, n, (REPLICATES, -(-n // BLOCK_DAYS)))
        taken = (starts[:, :, None] + np.arange(BLOCK_DAYS)).reshape(REPLICATES, -1)[:, :n] % n
        rows = np.repeat(np.arange(REPLICATES), n)
        weights = np.bincount(rows * n + taken.ravel(), minlength=REPLICATES * n).reshape(REPLICATES, n).astype(float)
        if balance_point:
            fit = fit_grid(Grid.over(temperature), kwh, weights)
            found = (fit.balance, fit.base, fit.slope)
        else:
            found = (np.full(REPLICATES, np.nan), *fit_line(temperature, kwh, weights))
        return cls(np.array(found), cold_days, autocorrelation)

    def widening(self, level: float) -> float:
        """What the spread of the refits lacks, as a factor.

        Memory beyond a block: days whose residuals correlate with r ** k after k days have (1 + r)/(1 - r) times the
        variance of independent ones, and blocks of L days show only 1 + 2 sum (1 - k/L) r ** k of it. And the small
        number of blocks that decide on the slope, those of cold days: as for a mean of so few.
        """
        r = min(max(self.autocorrelation, 0.0), 0.9)
        k = np.arange(1, BLOCK_DAYS)
        memory = (1 + r) / (1 - r) / (1 + 2 * float(((1 - k / BLOCK_DAYS) * r**k).sum()))
        blocks = max(self.cold_days / BLOCK_DAYS, 5.0)
        tail = t_quantile((1 + level) / 2, blocks - 2) / NormalDist().inv_cdf((1 + level) / 2)
        return float(np.sqrt(memory * blocks / (blocks - 2)) * tail)

"""Weighted least squares of the signature's models, for many sets of weights at a time."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt


def t_quantile(p: float, freedom: float) -> float:
    """Quantile of Student's t distribution: Abramowitz and Stegun 26.7.5, good to 0.1 % from 5 degrees on."""
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom ** (i + 1) for i, term in enumerate(terms))


STEP_K = 0.1

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Candidates for the balance point, and how far each day is below each of them.

    Attributes:
        balance: °C, ascending, shape (c,).
        below: K, shape (n, c).
    """

    balance: Floats
    below: Floats

    @classmethod
    def over(cls, temperature: Floats) -> Grid:
        """Candidates every 0.1 K between the lowest and the highest temperature."""
        low, high = np.ceil(temperature.min() / STEP_K), np.floor(temperature.max() / STEP_K)
        balance = np.arange(low, high + 1) * STEP_K
        return cls(balance, np.maximum(balance - temperature[:, None], 0.0))


@dataclass(frozen=True)
class Fit:
    """The best candidate for each set of weights, shape (b,) each.

    Attributes:
        balance: Balance point, °C.
        base: Base load, kWh/d, not below 0.
        slope: kWh/(d K); NaN if none of the candidates has one above 0.
        free_base: The base load at that balance point if it may be below 0.
    """

    balance: Floats
    base: Floats
    slope: Floats
    free_base: Floats


def fit_grid(grid: Grid, kwh: Floats, weights: Floats) -> Fit:
    """Least squares of base + slope * below over all candidates, base >= 0, for each row of weights (b, n)."""
    n, x = weights.sum(axis=1)[:, None], grid.below
    sx, sxx, sxy = weights @ x, weights @ (x * x), (weights * kwh) @ x
    sy, syy = (weights @ kwh)[:, None], (weights @ (kwh * kwh))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
        free = (sy - slope * sx) / n
        base = np.maximum(free, 0.0)
        slope = np.where(free < 0, sxy / sxx, slope)
        error = syy - 2 * base * sy - 2 * slope * sxy + n * base**2 + 2 * base * slope * sx + slope**2 * sxx
    error = np.where((slope > 0) & np.isfinite(error), error, np.inf)
    rows, best = np.arange(len(weights)), np.argmin(error, axis=1)
    found = np.isfinite(error[rows, best])
    return Fit(grid.balance[best], base[rows, best], np.where(found, slope[rows, best], np.nan), free[rows, best])


def fit_line(temperature: Floats, kwh: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Least squares of at_zero - slope * T for each row of weights (b, n): at_zero and slope, shape (b,) each."""
    n, sx, sy = weights.sum(axis=1), weights @ temperature, weights @ kwh
    sxx, sxy = weights @ (temperature * temperature), weights @ (temperature * kwh)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    return (sy - rise * sx) / n, -rise


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

"""Weighted least squares of the signature's models, for many sets of weights at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Fit", "Floats", "Grid", "fit_grid", "fit_line"]

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
    return Fit(
        grid.balance[best],
        base[rows, best],
        np.where(found, slope[rows, best], np.nan),
        free[rows, best],
    )


def fit_line(temperature: Floats, kwh: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Least squares of at_zero - slope * T for each row of weights (b, n): at_zero and slope, shape (b,) each."""
    n, sx, sy = weights.sum(axis=1), weights @ temperature, weights @ kwh
    sxx, sxy = weights @ (temperature * temperature), weights @ (temperature * kwh)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    return (sy - rise * sx) / n, -rise

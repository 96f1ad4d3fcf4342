"""Change-over valves, which heat in winter and cool in summer: their seasons, and a model of their whole year."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from belimo_nb.heating.fit import Grid
from belimo_nb.heating.signature import LEAST_DAYS, LEAST_R2, OFF_SHARE, Signature, fit_signature

FIGURES = (
    "heating_balance_c", "cooling_balance_c", "heating_slope_kwh_d_k", "cooling_slope_kwh_d_k", "base_kwh_d", "r2",
    "cv_rmse",
)  # fmt: skip
PAUSE_DAYS = 14
"""A season goes on after a pause of up to so many days."""


@dataclass(frozen=True, eq=False)
class ChangeOver:
    """The whole year of a change-over valve; made by `fit_change_over`.

    ``5P``: heat and cold of a day together are base + heating slope * max(heating balance point - T, 0) + cooling slope
    * max(T - cooling balance point, 0). The sum is the model's alone: heat and cold are told apart everywhere else.

    Attributes:
        model: "5P"; None where one of the ends, or the whole, cannot be told.
        reason: Why it is not "5P"; empty if it is.
        heating_balance_c: Outdoor temperature below which it heats, °C.
        cooling_balance_c: Outdoor temperature above which it cools, °C.
        heating_slope_kwh_d_k: kWh/(d K), of heat.
        cooling_slope_kwh_d_k: kWh/(d K), of cold.
        base_kwh_d: Base load of either, kWh/d.
        r2: Coefficient of determination.
        cv_rmse: As in `Signature`, with n - 5 degrees of freedom.
        n_days: Days with both energies and a temperature.
        both_days: Days on which it heated and cooled.
        heating: Signature of its heat alone.
        cooling: Signature of its cold alone.
    """

    model: Literal["5P"] | None
    reason: str
    heating_balance_c: float
    cooling_balance_c: float
    heating_slope_kwh_d_k: float
    cooling_slope_kwh_d_k: float
    base_kwh_d: float
    r2: float
    cv_rmse: float
    n_days: int
    both_days: int
    heating: Signature = field(repr=False)
    cooling: Signature = field(repr=False)


def fit_change_over(
    heating_kwh: pd.Series[Any], cooling_kwh: pd.Series[Any], temperature: pd.Series[Any]
) -> ChangeOver:
    """Fit the five-parameter model to a valve's daily heat and cold, by least squares over all pairs of balance points.

    Refused, with the reason, if the signature of its heat or of its cold has no balance point (see `fit_signature`), if
    no pair leaves 10 days on either side, or if the temperature explains less than 30 % of the energy. Days on which
    the heating or the cooling was off are left out.

    Args:
        heating_kwh: kWh of heat by local day; NaN for days not known in full.
        cooling_kwh: The same of cold.
        temperature: Mean outdoor temperature by local day, °C.

    Raises:
        UsageError: One of them is no daily series of numbers.
    """
    heating, cooling = fit_signature(heating_kwh, temperature), fit_signature(cooling_kwh, temperature, kind="cooling")
    days = heating.days.join(cooling.days["kwh"].rename("cold"), how="inner")
    used = days[["kwh", "cold"]] > OFF_SHARE * days[["kwh", "cold"]].mean()
    both = int(used.all(axis=1).sum())
    ends = [f"its {one.kind} has no balance point: {one.reason}" for one in (heating, cooling) if not one.bent]
    reason, figures = "; ".join(ends), dict.fromkeys(FIGURES, np.nan)
    if not reason:
        reason, figures = _fit(days["temperature_c"].to_numpy(), (days["kwh"] + days["cold"]).to_numpy())
    return ChangeOver(
        None if reason else "5P", reason, n_days=len(days), both_days=both, heating=heating, cooling=cooling, **figures
    )


def _fit(temperature: np.ndarray[Any, Any], kwh: np.ndarray[Any, Any]) -> tuple[str, dict[str, float]]:
    """Why there is no model, and its figures by name."""
    nothing, n = dict.fromkeys(FIGURES, np.nan), len(kwh)
    balance = Grid.over(temperature).balance
    below = np.maximum(balance - temperature[:, None], 0.0)
    above = np.maximum(temperature[:, None] - balance, 0.0)
    # A day is on one side alone, so the two slopes meet only in the base: no equations of three unknowns to solve.
    (h, hh, hy), (c, cc, cy) = ((x.sum(0), (x * x).sum(0), kwh @ x) for x in (below, above))
    with np.errstate(divide="ignore", invalid="ignore"):
        base = (kwh.sum() - (h * hy / hh)[:, None] - c * cy / cc) / (n - (h * h / hh)[:, None] - c * c / cc)
        base = np.maximum(base, 0.0)
        heat, cold = (hy / hh)[:, None] - base * (h / hh)[:, None], cy / cc - base * c / cc
        error = (
            (kwh @ kwh) - 2 * base * kwh.sum() - 2 * heat * hy[:, None] - 2 * cold * cy + n * base**2
            + 2 * base * (heat * h[:, None] + cold * c) + heat**2 * hh[:, None] + cold**2 * cc
        )  # fmt: skip
    enough = ((below > 0).sum(0) >= LEAST_DAYS)[:, None] & ((above > 0).sum(0) >= LEAST_DAYS)
    good = enough & (balance[:, None] <= balance) & (heat > 0) & (cold > 0) & np.isfinite(error)
    if not good.any():
        return f"no two balance points leave {LEAST_DAYS} days that heat and {LEAST_DAYS} that cool", nothing
    i, j = np.unravel_index(np.argmin(np.where(good, error, np.inf)), error.shape)
    left = float(error[i, j])
    r2 = 1 - left / float(((kwh - kwh.mean()) ** 2).sum())
    if r2 < LEAST_R2:
        return f"the outdoor temperature explains only {100 * r2:.0f} % of the daily energy", nothing
    spread = float(np.sqrt(max(left, 0.0) / (n - 5)) / kwh.mean())
    found = (balance[i], balance[j], heat[i, j], cold[i, j], base[i, j], r2, spread)
    return "", dict(zip(FIGURES, map(float, found), strict=True))


def seasons(kwh: pd.Series[Any]) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """The seasons in which a valve used energy of a kind: first and last day of each.

    A day counts with more than 2 % of the mean day that has any; pauses of up to 14 days do not end a season.

    Args:
        kwh: By local day, every day; NaN where unknown.
    """
    used = np.flatnonzero((kwh > OFF_SHARE * kwh[kwh > 0].mean()).to_numpy())
    runs = np.split(used, np.flatnonzero(np.diff(used) > PAUSE_DAYS + 1) + 1) if len(used) else []
    return [(pd.Timestamp(kwh.index[run[0]]), pd.Timestamp(kwh.index[run[-1]])) for run in runs]

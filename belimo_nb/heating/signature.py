"""The energy signature of a building: daily energy against the outdoor temperature of the day."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.errors import UsageError
from belimo_nb.heating.days import daily_means, daily_series, is_daily
from belimo_nb.heating.fit import Bootstrap, Floats, Grid, fit_grid, fit_line

LEAST_DAYS = 10  # on each side of the balance point
LEAST_SPAN_K = 10.0
LEAST_R2 = 0.3  # below it the outdoor temperature explains too little of the energy for a signature
NEGATIVE_BASE = 0.05
"""A base load so far below 0, as a share of the mean day, is noise about 0; further below the model is wrong."""
LEVEL = 0.9
MARGIN_K = 2.0  # how far beyond the temperatures of its days a signature still says what is expected
HEATING_LIMIT_C = 18.0  # on a colder day a heating that is on uses heat, or might
OFF_SHARE, OFF_DAYS, OFF_MISSED, OFF_ERRORS = 0.02, 5, 3, 2.0
"""A heating is off that uses at most this share of its mean day, for so many days on end, on so many of which more than
so many times the root mean square error was due: a weekend among mild days is none."""


@dataclass(frozen=True, eq=False)
class Signature:
    """A fitted energy signature; made by `fit_signature`.

    ``3P``: E = base + slope * max(balance point - T, 0). ``2P``: E = at_zero - slope * T, without a balance point.

    Attributes:
        model: "3P", "2P", or None where the data bear neither.
        reason: Why it is not "3P"; empty if it is.
        balance_point_c: °C; NaN unless "3P".
        base_kwh_d: Base load, kWh/d; NaN unless "3P".
        slope_kwh_d_k: kWh/(d K); NaN without a model. Times 1000/24 it is about the heat loss coefficient in W/K.
        r2: Coefficient of determination.
        cv_rmse: Root mean square of the residuals over the mean day, with n - p degrees of freedom (p: 3 or 2).
        n_days: Number of days with both values.
        at_zero_kwh_d: Energy of a day at 0 °C, kWh/d.
        autocorrelation: Of the residuals of neighboring days.
        days: The days, naive index ``time``, columns temperature_c and kwh.
        off_days: Days that were left out because the heating was off though it was cold enough.
    """

    model: Literal["3P", "2P"] | None
    reason: str
    balance_point_c: float
    base_kwh_d: float
    slope_kwh_d_k: float
    r2: float
    cv_rmse: float
    n_days: int
    at_zero_kwh_d: float = float("nan")
    autocorrelation: float = float("nan")
    days: pd.DataFrame = field(repr=False, default_factory=pd.DataFrame)
    off_days: int = 0

    @property
    def heat_loss_w_k(self) -> float:
        """The slope as a heat loss coefficient, W/K."""
        return self.slope_kwh_d_k * 1000 / 24

    @property
    def parameters(self) -> int:
        """Number of fitted parameters."""
        return {"3P": 3, "2P": 2, None: 0}[self.model]

    @property
    def range_c(self) -> tuple[float, float]:
        """Lowest and highest daily temperature that it was fitted on."""
        temperature = self.days["temperature_c"]
        return float(temperature.min()), float(temperature.max())

    def predict(self, temperature: pd.Series[Any]) -> pd.Series[Any]:
        """Expected kWh of days from their mean outdoor temperatures, never below 0.

        The curve is not stretched: more than 2 K beyond the temperatures that it was fitted on it is NaN, as it is
        without a model.

        Args:
            temperature: °C by day, any index.
        """
        values = temperature.to_numpy(dtype=float)
        if self.model is None:
            return pd.Series(np.nan, temperature.index, name="kwh")
        low, high = self.range_c
        inside = (values >= low - MARGIN_K) & (values <= high + MARGIN_K)
        return pd.Series(np.where(inside, self._curve(values), np.nan), temperature.index, name="kwh")

    def off(self, days: pd.DataFrame) -> pd.Series[bool]:
        """On which days the heating was off: no heat for days on end, though this signature expects some.

        Args:
            days: Columns temperature_c and kwh, known on all of its days.
        """
        temperature, kwh = (days[name].to_numpy(dtype=float) for name in ("temperature_c", "kwh"))
        idle = _idle(kwh, self.days["kwh"].to_numpy(dtype=float))
        error = self.cv_rmse * float(self.days["kwh"].mean())
        missed = idle & (temperature < HEATING_LIMIT_C) & (self._curve(temperature) - kwh > OFF_ERRORS * error)
        off = np.zeros(len(days), bool)
        for run in np.split(np.arange(len(days)), np.flatnonzero(np.diff(idle)) + 1):
            off[run] = len(run) >= OFF_DAYS and missed[run].sum() >= OFF_MISSED
        return pd.Series(off & idle & (temperature < HEATING_LIMIT_C), days.index)

    def band(self, level: float = LEVEL) -> pd.DataFrame:
        """Confidence band of the curve, pointwise, from a bootstrap of whole weeks.

        Returns:
            DataFrame, index ``temperature_c`` over the fitted range, columns kwh (the curve), low, high: what the
            expected day at that temperature lies between, not a single day.
        """
        low, high = self.range_c if self.n_days else (0.0, 0.0)
        at = np.linspace(low, high, 61)
        frame = pd.DataFrame({"kwh": self._curve(at)}, pd.Index(at, name="temperature_c"))
        if self.model is None:
            return frame.assign(low=np.nan, high=np.nan)
        drawn = self._bootstrap
        balance, base, slope = drawn.parameters
        if self.model == "3P":
            curves = base[:, None] + slope[:, None] * np.maximum(balance[:, None] - at, 0.0)
        else:
            curves = np.maximum(base[:, None] - slope[:, None] * at, 0.0)
        edges = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
        middle = frame["kwh"].to_numpy()
        low_edge, high_edge = middle + (edges - middle) * drawn.widening(level)
        return frame.assign(low=low_edge, high=high_edge)

    def intervals(self, level: float = LEVEL) -> pd.DataFrame:
        """Confidence intervals of the parameters: index by name, columns value, low, high."""
        names = ["balance_point_c", "base_kwh_d", "slope_kwh_d_k"]
        values = [getattr(self, name) for name in names]
        frame = pd.DataFrame({"value": values, "low": np.nan, "high": np.nan}, pd.Index(names, name="parameter"))
        if self.model is not None:
            drawn = self._bootstrap
            edges = np.quantile(drawn.parameters, [(1 - level) / 2, (1 + level) / 2], axis=1)
            frame[["low", "high"]] = (values + (edges - values) * drawn.widening(level)).T
        return frame.where(frame["value"].notna(), np.nan)

    @cached_property
    def _bootstrap(self) -> Bootstrap:
        cold = self.n_days if self.model == "2P" else int((self.days["temperature_c"] < self.balance_point_c).sum())
        temperature, kwh = (self.days[name].to_numpy() for name in ("temperature_c", "kwh"))
        return Bootstrap.of(temperature, kwh, self.model == "3P", cold, self.autocorrelation)

    def _curve(self, at: Floats) -> Floats:
        if self.model == "3P":
            return self.base_kwh_d + self.slope_kwh_d_k * np.maximum(self.balance_point_c - at, 0.0)
        return np.maximum(self.at_zero_kwh_d - self.slope_kwh_d_k * at, 0.0)


def fit_signature(energy_kwh: pd.Series[Any], temperature: pd.Series[Any], *, leave_out_off: bool = True) -> Signature:
    """Fit the three-parameter heating model to daily energies, by least squares over a grid of balance points.

    Refused, with the reason, if the balance point sits at the edge of the temperatures, fewer than 10 days lie on one
    side of it, the temperatures span less than 10 K, the base load is below 0, or the temperature explains less than
    30 % of the energy. Then a line is tried (``2P``), and refused in turn if it cannot be had either.

    Args:
        energy_kwh: kWh by local day; NaN for days that are not known in full (see `complete_days`).
        temperature: Mean outdoor temperature by local day, °C; hourly at aware times will do if the days of
            `energy_kwh` have a zone.
        leave_out_off: Leave out days under 18 °C on which the heating was off (no heat for 5 days or longer, though
            the other days say that some was due): a building that is not heated from May to September loses as much
            in spring as in autumn. Their number is told as ``off_days``.

    Raises:
        UsageError: The one or the other is no daily series of numbers.
    """
    energy = daily_series(energy_kwh, "energy")
    outdoor = daily_series(_by_day(temperature, energy_kwh), "temperature")
    days = pd.DataFrame({"temperature_c": outdoor, "kwh": energy}).rename_axis("time").dropna()
    days = days.loc[np.isfinite(days.to_numpy()).all(axis=1)]
    idle = _idle(days["kwh"].to_numpy(), days["kwh"].to_numpy()) & (days["temperature_c"] < HEATING_LIMIT_C).to_numpy()
    if leave_out_off and idle.any():
        heated = _fitted(days[~idle])
        off = heated.off(days) if heated.model else pd.Series(data=False, index=days.index)
        if off.any() and (found := _fitted(days[~off])).model:
            return replace(found, off_days=int(off.sum()))
    return _fitted(days)


def _idle(kwh: Floats, typical: Floats) -> npt.NDArray[np.bool_]:
    """Which days have no heat to speak of, held against the mean of days that have some."""
    heated = typical[typical > 0]
    return kwh <= OFF_SHARE * (float(heated.mean()) if len(heated) else 0.0)


def _by_day(temperature: pd.Series[Any], energy: pd.Series[Any]) -> pd.Series[Any]:
    index = getattr(temperature, "index", None)
    if not isinstance(index, pd.DatetimeIndex) or is_daily(index):
        return temperature
    zone = getattr(energy.index, "tz", None)
    if index.tz is None or zone is None:
        raise UsageError("Hourly temperatures and days of energy need times with a zone; use tz_localize first.")
    return daily_means(temperature, str(zone))


def _fitted(days: pd.DataFrame) -> Signature:
    temperature, kwh = (days[name].to_numpy() for name in ("temperature_c", "kwh"))
    refusal = _too_little(temperature, kwh)
    if refusal:
        return _none(refusal, days)
    grid = Grid.over(temperature)
    fit = fit_grid(grid, kwh, np.ones((1, len(kwh))))
    balance, base, slope = float(fit.balance[0]), float(fit.base[0]), float(fit.slope[0])
    reason = _refusal(grid, temperature, kwh, balance, float(fit.free_base[0]), slope)
    if not reason:
        expected = base + slope * np.maximum(balance - temperature, 0.0)
        figures = _quality(kwh, expected, days.index, 3)
        if figures["r2"] >= LEAST_R2:
            at_zero = base + slope * max(balance, 0.0)
            return Signature("3P", "", balance, base, slope, **figures, at_zero_kwh_d=at_zero, days=days)
        reason = f"the outdoor temperature explains only {100 * figures['r2']:.0f} % of the daily energy"
    at_zero_line, line_slope = (float(found[0]) for found in fit_line(temperature, kwh, np.ones((1, len(kwh)))))
    figures = _quality(kwh, at_zero_line - line_slope * temperature, days.index, 2)
    if line_slope > 0 and figures["r2"] >= LEAST_R2:
        nan = float("nan")
        return Signature("2P", reason, nan, nan, line_slope, **figures, at_zero_kwh_d=at_zero_line, days=days)
    return _none(reason, days)


def _too_little(temperature: Floats, kwh: Floats) -> str:
    if len(kwh) < 2 * LEAST_DAYS:
        return f"only {len(kwh)} days with energy and temperature; {2 * LEAST_DAYS} are needed"
    span = float(np.ptp(temperature))
    if span < LEAST_SPAN_K:
        return f"the days' temperatures span only {span:.1f} K; {LEAST_SPAN_K:g} K are needed"
    if not np.ptp(kwh) > 0:
        return "every day has the same energy, so none of it depends on the weather"
    return ""


def _refusal(grid: Grid, temperature: Floats, kwh: Floats, balance: float, base: float, slope: float) -> str:
    """Why the three parameters do not describe the data; empty if they do."""
    if not slope > 0:
        return "the energy does not fall as it gets warmer"
    warmer, colder = int((temperature >= balance).sum()), int((temperature < balance).sum())
    if balance <= grid.balance[0] or balance >= grid.balance[-1]:
        return f"no balance point shows between {grid.balance[0]:.1f} and {grid.balance[-1]:.1f} °C"
    if min(warmer, colder) < LEAST_DAYS:
        side = "warmer" if warmer < colder else "colder"
        return f"only {min(warmer, colder)} days are {side} than {balance:.1f} °C; {LEAST_DAYS} are needed"
    if base < -NEGATIVE_BASE * float(kwh.mean()):
        return f"the base load comes out below zero ({base:.0f} kWh/d)"
    return ""


def _quality(kwh: Floats, expected: Floats, index: pd.Index[Any], parameters: int) -> dict[str, Any]:
    residual = kwh - expected
    squares, total = float(residual @ residual), float(((kwh - kwh.mean()) ** 2).sum())
    mean = float(kwh.mean())
    root = float(np.sqrt(squares / (len(kwh) - parameters)))
    next_day = np.diff(pd.DatetimeIndex(index).as_unit("ns").asi8) == 86_400_000_000_000
    pairs = float((residual[:-1] * residual[1:])[next_day].mean()) if next_day.any() else 0.0
    spread = squares / len(kwh)
    return {
        "r2": 1 - squares / total,
        "cv_rmse": root / mean if mean > 0 else float("nan"),
        "n_days": len(kwh),
        "autocorrelation": pairs / spread if spread > 0 else 0.0,
    }


def _none(reason: str, days: pd.DataFrame) -> Signature:
    nan = float("nan")
    return Signature(None, reason, nan, nan, nan, nan, nan, len(days), days=days)

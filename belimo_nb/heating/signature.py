"""The energy signature of a building: daily heat or cold against the outdoor temperature of the day.

And the load at a design outdoor temperature that follows from it, which contracted power is held against.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.energy.counter import Kind
from belimo_nb.errors import UsageError
from belimo_nb.heating.days import daily_means, daily_series, is_daily
from belimo_nb.heating.fit import Bootstrap, Floats, Grid, fit_grid, fit_line
from belimo_nb.quantities import plural

LEAST_DAYS = 10  # on each side of the balance point
LEAST_SPAN_K = 10.0
LEAST_R2 = 0.3  # below it the outdoor temperature explains too little of the energy for a signature
NEGATIVE_BASE = 0.05
"""A base load so far below 0, as a share of the mean day, is noise about 0; further below the model is wrong."""
LEVEL = 0.9
MARGIN_K = 2.0  # how far beyond the temperatures of its days a signature still says what is expected
LIMIT_C = 18.0  # on a colder day a heating that is on uses heat, or might; on a warmer one a cooling cold
SIDE: Mapping[Kind, float] = {"heating": 1.0, "cooling": -1.0}  # of the balance point on which energy is used
BENT: Mapping[Kind, Literal["3P", "3PC"]] = {"heating": "3P", "cooling": "3PC"}
OFF_SHARE, OFF_DAYS, OFF_MISSED, OFF_ERRORS = 0.02, 5, 3, 2.0
"""A heating (or cooling) is off that uses at most this share of its mean day, for so many days on end, on so many of
which more than so many times the root mean square error was due: a weekend among mild days is none."""


@dataclass(frozen=True, eq=False)
class Signature:
    """A fitted energy signature; made by `fit_signature`.

    ``3P``: E = base + slope * max(balance point - T, 0). ``3PC``, of cooling: base + slope * max(T - balance point, 0).
    ``2P``, without a balance point: E = at_zero - slope * T (of cooling + slope * T).

    Attributes:
        model: "3P", "3PC", "2P", or None where the data bear none of them.
        reason: Why it has no balance point; empty if it has.
        balance_point_c: °C; NaN unless "3P" or "3PC".
        base_kwh_d: Base load, kWh/d; NaN unless "3P" or "3PC".
        slope_kwh_d_k: kWh/(d K); NaN without a model. Times 1000/24 it is about the heat loss coefficient in W/K.
        r2: Coefficient of determination.
        cv_rmse: Root mean square of the residuals over the mean day, with n - p degrees of freedom (p: 3 or 2).
        n_days: Number of days with both values.
        at_zero_kwh_d: Energy of a day at 0 °C, kWh/d.
        autocorrelation: Of the residuals of neighboring days.
        days: The days, naive index ``time``, columns temperature_c and kwh.
        off_days: Days that were left out because the heating was off though it was cold enough (cooling: warm enough).
        kind: "heating" or "cooling".
    """

    model: Literal["3P", "3PC", "2P"] | None
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
    kind: Kind = "heating"

    @property
    def heat_loss_w_k(self) -> float:
        """The slope as a heat loss coefficient (cooling: of what comes in), W/K."""
        return self.slope_kwh_d_k * 1000 / 24

    @property
    def parameters(self) -> int:
        """Number of fitted parameters."""
        return {"3P": 3, "3PC": 3, "2P": 2, None: 0}[self.model]

    @property
    def bent(self) -> bool:
        """Whether it has a balance point."""
        return self.model in BENT.values()

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
        """On which days the heating (cooling) was off: none of it for days on end, though this signature expects some.

        Args:
            days: Columns temperature_c and kwh, known on all of its days.
        """
        temperature, kwh = (days[name].to_numpy(dtype=float) for name in ("temperature_c", "kwh"))
        idle = _idle(kwh, self.days["kwh"].to_numpy(dtype=float))
        error = self.cv_rmse * float(self.days["kwh"].mean())
        due = _in_season(temperature, self.kind)
        missed = idle & due & (self._curve(temperature) - kwh > OFF_ERRORS * error)
        off = np.zeros(len(days), bool)
        for run in np.split(np.arange(len(days)), np.flatnonzero(np.diff(idle)) + 1):
            off[run] = len(run) >= OFF_DAYS and missed[run].sum() >= OFF_MISSED
        return pd.Series(off & idle & due, days.index)

    def band(self, level: float = LEVEL, at: npt.ArrayLike | None = None) -> pd.DataFrame:
        """Confidence band of the curve, pointwise, from a bootstrap of whole weeks.

        Args:
            level: Confidence level.
            at: Outdoor temperatures, °C, also beyond those that it was fitted on; None: over these.

        Returns:
            DataFrame, index ``temperature_c``, columns kwh (the curve), low, high: what the
            expected day at that temperature lies between, not a single day.
        """
        low, high = self.range_c if self.n_days else (0.0, 0.0)
        at = np.linspace(low, high, 61) if at is None else np.asarray(at, dtype=float)
        frame = pd.DataFrame({"kwh": self._curve(at)}, pd.Index(at, name="temperature_c"))
        if self.model is None:
            return frame.assign(low=np.nan, high=np.nan)
        drawn = self._bootstrap
        balance, base, slope = drawn.parameters
        if self.model == "2P":
            curves = np.maximum(base[:, None] - slope[:, None] * SIDE[self.kind] * at, 0.0)
        else:
            curves = base[:, None] + slope[:, None] * np.maximum(SIDE[self.kind] * (balance[:, None] - at), 0.0)
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
        side = SIDE[self.kind]
        mirrored, kwh = side * self.days["temperature_c"].to_numpy(), self.days["kwh"].to_numpy()
        deciding = int((mirrored < side * self.balance_point_c).sum()) if self.bent else self.n_days
        drawn = Bootstrap.of(mirrored, kwh, self.bent, deciding, self.autocorrelation)
        return replace(drawn, parameters=drawn.parameters * np.array([[side], [1.0], [1.0]]))

    def _curve(self, at: Floats) -> Floats:
        side = SIDE[self.kind]
        if self.model == "2P":
            return np.maximum(self.at_zero_kwh_d - self.slope_kwh_d_k * side * at, 0.0)
        return self.base_kwh_d + self.slope_kwh_d_k * np.maximum(side * (self.balance_point_c - at), 0.0)


def fit_signature(
    energy_kwh: pd.Series[Any], temperature: pd.Series[Any], *, kind: Kind = "heating", leave_out_off: bool = True
) -> Signature:
    """Fit the three-parameter model to daily energies, by least squares over a grid of balance points.

    Refused, with the reason, if the balance point sits at the edge of the temperatures, fewer than 10 days lie on one
    side of it, the temperatures span less than 10 K, the base load is below 0, or the temperature explains less than
    30 % of the energy. Then a line is tried (``2P``), and refused in turn if it cannot be had either.

    Args:
        energy_kwh: kWh by local day; NaN for days that are not known in full (see `complete_days`).
        temperature: Mean outdoor temperature by local day, °C; hourly at aware times will do if the days of
            `energy_kwh` have a zone.
        kind: "heating", whose energy falls as it gets warmer, or "cooling", whose energy rises (``3PC``).
        leave_out_off: Leave out days under 18 °C on which the heating was off (no heat for 5 days or longer, though
            the other days say that some was due): a building that is not heated from May to September loses as much
            in spring as in autumn. Their number is told as ``off_days``. Of cooling, days above 18 °C.

    Raises:
        UsageError: The one or the other is no daily series of numbers, or the kind is none.
    """
    if kind not in SIDE:
        raise UsageError(f"The kind of energy is {kind!r}; use heating or cooling.")
    energy = daily_series(energy_kwh, "energy")
    outdoor = daily_series(_by_day(temperature, energy_kwh), "temperature")
    days = pd.DataFrame({"temperature_c": outdoor, "kwh": energy}).rename_axis("time").dropna()
    days = days.loc[np.isfinite(days.to_numpy()).all(axis=1)]
    idle = _idle(days["kwh"].to_numpy(), days["kwh"].to_numpy()) & _in_season(days["temperature_c"].to_numpy(), kind)
    if leave_out_off and idle.any():
        used = _fitted(days[~idle], kind)
        off = used.off(days) if used.model else pd.Series(data=False, index=days.index)
        if off.any() and (found := _fitted(days[~off], kind)).model:
            return replace(found, off_days=int(off.sum()))
    return _fitted(days, kind)


def _in_season(temperature: Floats, kind: Kind) -> npt.NDArray[np.bool_]:
    """On which days a heating that is on might use heat, or a cooling cold."""
    return SIDE[kind] * temperature < SIDE[kind] * LIMIT_C


def _idle(kwh: Floats, typical: Floats) -> npt.NDArray[np.bool_]:
    """Which days have no energy to speak of, held against the mean of days that have some."""
    used = typical[typical > 0]
    return kwh <= OFF_SHARE * (float(used.mean()) if len(used) else 0.0)


def _by_day(temperature: pd.Series[Any], energy: pd.Series[Any]) -> pd.Series[Any]:
    index = getattr(temperature, "index", None)
    if not isinstance(index, pd.DatetimeIndex) or is_daily(index):
        return temperature
    zone = getattr(energy.index, "tz", None)
    if index.tz is None or zone is None:
        raise UsageError("Hourly temperatures and days of energy need times with a zone; use tz_localize first.")
    return daily_means(temperature, str(zone))


def _fitted(days: pd.DataFrame, kind: Kind) -> Signature:
    temperature, kwh = (days[name].to_numpy() for name in ("temperature_c", "kwh"))
    refusal = _too_little(temperature, kwh)
    if refusal:
        return _none(refusal, days, kind)
    # Cooling is heating in a mirror: what rises with the temperature falls with the temperature turned round.
    side, mirrored = SIDE[kind], SIDE[kind] * temperature
    fit = fit_grid(grid := Grid.over(mirrored), kwh, np.ones((1, len(kwh))))
    turned, base, slope = float(fit.balance[0]), float(fit.base[0]), float(fit.slope[0])
    reason = _refusal(grid, temperature, kwh, turned, float(fit.free_base[0]), slope, kind)
    if not reason:
        expected = base + slope * np.maximum(turned - mirrored, 0.0)
        figures = _quality(kwh, expected, days.index, 3)
        if figures["r2"] >= LEAST_R2:
            figures |= {"at_zero_kwh_d": base + slope * max(turned, 0.0), "days": days, "kind": kind}
            return Signature(BENT[kind], "", side * turned, base, slope, **figures)
        reason = f"the outdoor temperature explains only {100 * figures['r2']:.0f} % of the daily energy"
    at_zero_line, line_slope = (float(found[0]) for found in fit_line(mirrored, kwh, np.ones((1, len(kwh)))))
    figures = _quality(kwh, at_zero_line - line_slope * mirrored, days.index, 2)
    if line_slope > 0 and figures["r2"] >= LEAST_R2:
        figures |= {"at_zero_kwh_d": at_zero_line, "days": days, "kind": kind}
        return Signature("2P", reason, float("nan"), float("nan"), line_slope, **figures)
    return _none(reason, days, kind)


def _too_little(temperature: Floats, kwh: Floats) -> str:
    if len(kwh) < 2 * LEAST_DAYS:
        some = f"only {plural(len(kwh), 'day')} with" if len(kwh) else "no day has both"
        return f"{some} energy and temperature; {2 * LEAST_DAYS} are needed"
    span = float(np.ptp(temperature))
    if span < LEAST_SPAN_K:
        return f"the days' temperatures span only {span:.1f} K; {LEAST_SPAN_K:g} K are needed"
    if not np.ptp(kwh) > 0:
        return "every day has the same energy, so none of it depends on the weather"
    return ""


def _refusal(grid: Grid, temperature: Floats, kwh: Floats, turned: float, base: float, slope: float, kind: Kind) -> str:
    """Why the three parameters do not describe the data; empty if they do."""
    if not slope > 0:
        fall, rise = "the energy does not fall as it gets warmer", "the energy does not rise as it gets warmer"
        return fall if kind == "heating" else rise
    balance = SIDE[kind] * turned
    warmer, colder = int((temperature >= balance).sum()), int((temperature < balance).sum())
    if turned <= grid.balance[0] or turned >= grid.balance[-1]:
        low, high = sorted(SIDE[kind] * grid.balance[[0, -1]])
        return f"no balance point shows between {low:.1f} and {high:.1f} °C"
    if min(warmer, colder) < LEAST_DAYS:
        side = "warmer" if warmer < colder else "colder"
        return (
            f"only {plural(min(warmer, colder), 'day is', 'days are')} {side} than {balance:.1f} °C; "
            f"{LEAST_DAYS} are needed"
        )
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


def _none(reason: str, days: pd.DataFrame, kind: Kind) -> Signature:
    nan = float("nan")
    return Signature(None, reason, nan, nan, nan, nan, nan, len(days), days=days, kind=kind)


@dataclass(frozen=True)
class DesignLoad:
    """A load at an outdoor temperature; made by `design_load`.

    Attributes:
        outdoor_c: The outdoor temperature.
        kw: The load; NaN without a signature.
        low: Lower edge of its confidence band, kW.
        high: Upper edge.
        beyond_k: How far the temperature lies beyond those that the signature was fitted on, K; 0 within them.
        reason: Why there is none; empty if there is one.
    """

    outdoor_c: float
    kw: float = math.nan
    low: float = math.nan
    high: float = math.nan
    beyond_k: float = 0.0
    reason: str = ""


def design_load(signature: Signature, outdoor_c: float, hours: float = 24.0, level: float = LEVEL) -> DesignLoad:
    """The load at an outdoor temperature, extended in a straight line beyond those that were measured.

    Args:
        signature: Of daily energies, or of the energy of each day's highest hour.
        outdoor_c: Mean outdoor temperature of the day, °C.
        hours: How many hours the signature's energies are of: 24 for days.
        level: Confidence level of the band: where the expected load lies, not that of a single day.
    """
    if signature.model is None:
        return DesignLoad(outdoor_c, reason=signature.reason)
    low, high = signature.range_c
    beyond = max(low - outdoor_c, outdoor_c - high, 0.0)
    found = signature.band(level, at=[outdoor_c]).iloc[0] / hours
    return DesignLoad(outdoor_c, float(found["kwh"]), max(float(found["low"]), 0.0), float(found["high"]), beyond)


def daily_peaks(hours_kwh: pd.Series[float]) -> pd.Series[float]:
    """The energy of the highest hour of each local day, kWh; NaN where fewer than 23 of its hours are known.

    Args:
        hours_kwh: By hour, aware; NaN where not plainly measured.
    """
    days = hours_kwh.groupby(pd.DatetimeIndex(hours_kwh.index).normalize())
    return days.max().where(days.count() >= 23).rename("kwh")

"""Two periods compared: as they are, and as they would be in the same weather."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.heating.days import daily_series
from belimo_nb.heating.fit import t_quantile
from belimo_nb.heating.signature import LEVEL, Signature, fit_signature


@dataclass(frozen=True)
class Comparison:
    """What changed between a baseline and a reporting period; made by `compare`.

    Attributes:
        raw_change: Measured over baseline minus 1, over the calendar days that both know; NaN if not comparable.
        corrected_change: Measured over expected minus 1: the change that the weather does not explain.
        uncertainty: Half width of its confidence interval, as a share of the expected energy.
        measured_kwh: Of the days that are compared with what was expected.
        expected_kwh: What the baseline's signature gives in the reporting period's weather, on the same days.
        avoided_kwh: Avoided energy: expected minus measured.
        coverage: Share of the reporting period's days with energy and temperature.
        baseline_coverage: The same of the baseline.
        extrapolated_days: Days outside the temperatures of the baseline, for which the line is extended.
        level: Confidence level.
        reason: Why there is no corrected change; empty if there is one.
        raw_reason: Why there is no raw change; empty if there is one.
        signature: Of the baseline.
    """

    raw_change: float
    corrected_change: float
    uncertainty: float
    measured_kwh: float
    expected_kwh: float
    avoided_kwh: float
    coverage: float
    baseline_coverage: float
    extrapolated_days: int
    level: float
    reason: str
    raw_reason: str
    signature: Signature = field(repr=False)

    @property
    def significant(self) -> bool:
        """Whether the corrected change is greater than its uncertainty."""
        return abs(self.corrected_change) > self.uncertainty


def compare(
    energy_kwh: pd.Series[Any],
    temperature: pd.Series[Any],
    baseline_kwh: pd.Series[Any],
    baseline_temperature: pd.Series[Any],
    level: float = LEVEL,
) -> Comparison:
    """Compare a reporting period with a baseline, raw and corrected for weather.

    The uncertainty is that of ASHRAE Guideline 14, Annex B, for a regression on the outdoor temperature:
    1.26 t CV sqrt((n/n')(1 + 2/n')/m) of the expected energy, with n days in the baseline, m in the reporting period,
    n' = n (1 - r)/(1 + r) for residuals of neighboring days that correlate with r, t of Student's distribution.

    Args:
        energy_kwh: kWh by local day of the reporting period, every day of it; NaN for days not known in full.
        temperature: Mean outdoor temperature by local day, °C.
        baseline_kwh: The same of the baseline.
        baseline_temperature: The same of the baseline.
        level: Confidence level.

    Raises:
        UsageError: An argument is no daily series of numbers.
    """
    now, then = daily_series(energy_kwh, "energy"), daily_series(baseline_kwh, "energy of the baseline")
    outdoor = daily_series(temperature, "temperature").reindex(now.index)
    before = daily_series(baseline_temperature, "temperature of the baseline").reindex(then.index)
    signature = fit_signature(then, before)
    expected = signature.predict(outdoor)
    usable = now.notna() & outdoor.notna()
    coverage = float(usable.mean()) if len(usable) else 0.0
    past = float((then.notna() & before.notna()).mean()) if len(then) else 0.0
    raw, raw_reason = _raw(now, then)
    reason = _reason(signature, coverage, past, now.notna()) if outdoor.notna().any() else "the weather is unknown"
    days = int(usable.sum())
    low, high = signature.range_c if signature.n_days else (math.nan, math.nan)
    outside = int(((outdoor < low) | (outdoor > high))[usable].sum())
    nan = math.nan
    if reason:
        return Comparison(raw, nan, nan, nan, nan, nan, coverage, past, outside, level, reason, raw_reason, signature)
    measured, due = float(now[usable].sum()), float(expected[usable].sum())
    return Comparison(
        raw_change=raw,
        corrected_change=measured / due - 1,
        uncertainty=_uncertainty(signature, days, level),
        measured_kwh=measured,
        expected_kwh=due,
        avoided_kwh=due - measured,
        coverage=coverage,
        baseline_coverage=past,
        extrapolated_days=outside,
        level=level,
        reason="",
        raw_reason=raw_reason,
        signature=signature,
    )


def _raw(now: pd.Series[Any], then: pd.Series[Any]) -> tuple[float, str]:
    """The change over the days of the calendar that both periods know."""
    if not len(now) or not len(then):
        return math.nan, "one of the periods is empty"
    years = round((now.index[0] - then.index[0]).days / 365.2425)
    # A day that the other year does not have (29 February) is compared with nothing.
    moved = pd.DatetimeIndex(then.index) + pd.DateOffset(years=years)
    past = pd.Series(then.to_numpy(), moved)
    past = past[~past.index.duplicated()].reindex(now.index)
    both = now.notna() & past.notna()
    if both.mean() < COVERAGE_LIMIT:
        return math.nan, f"only {100 * both.mean():.0f} % of the days are known in both periods"
    base = float(past[both].sum())
    if not base > 0:
        return math.nan, "the baseline has no energy"
    return float(now[both].sum()) / base - 1, ""


def _reason(signature: Signature, coverage: float, past: float, known: pd.Series[Any]) -> str:
    if signature.model is None:
        return f"the period before has no energy signature: {signature.reason}"
    if coverage < COVERAGE_LIMIT:
        lack = "energy and temperature" if known.mean() >= COVERAGE_LIMIT else "energy"
        return f"only {100 * coverage:.0f} % of the days have {lack}"
    if past < COVERAGE_LIMIT:
        return f"only {100 * past:.0f} % of the days before have energy and temperature"
    return ""


def _uncertainty(signature: Signature, m: int, level: float) -> float:
    n = signature.n_days
    r = min(max(signature.autocorrelation, 0.0), 0.99)
    independent = max(n * (1 - r) / (1 + r), signature.parameters + 1.0)
    t = t_quantile((1 + level) / 2, independent - signature.parameters)
    spread = math.sqrt(n / independent * (1 + 2 / independent) / m)
    return 1.26 * t * signature.cv_rmse * spread

"""Two periods compared: as they are, and as they would be in the same weather."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.energy.counter import Kind
from belimo_nb.energy.interval import TRACE
from belimo_nb.heating.days import daily_series, same_days
from belimo_nb.heating.fit import t_quantile
from belimo_nb.heating.signature import LEVEL, Signature, fit_signature
from belimo_nb.quantities import plural

LEFT_OUT = 0.1
"""Of the days, or of the energy: where more lies beyond the baseline's temperatures, nothing is said of the change."""
HARDLY = 0.05  # an expectation below this share of the baseline's mean day, or of what was measured, divides nothing
LEAST_ALIKE = 20  # days that are as warm as the reporting period's, for a scatter of their own
AMOUNT: Mapping[Kind, str] = {"heating": "heat", "cooling": "cold"}  # what is used of each kind


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
        extrapolated_days: Days outside the temperatures of the baseline, by however little.
        level: Confidence level.
        reason: Why there is no corrected change; empty if there is one.
        raw_reason: Why there is no raw change; empty if there is one.
        signature: Of the baseline.
        left_out_days: Days more than 2 K outside of them: not compared, since the baseline says nothing of them.
        off_days: Days not compared because the heating was off, as it was in the baseline (see `fit_signature`).
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
    left_out_days: int = 0
    off_days: int = 0

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
    kind: Kind = "heating",
) -> Comparison:
    """Compare a reporting period with a baseline, raw and corrected for weather.

    The uncertainty is that of ASHRAE Guideline 14, Annex B, for a regression on the outdoor temperature:
    1.26 t CV sqrt((n/n')(1 + 2/n')/m) of the expected energy, with n days in the baseline, m in the reporting period,
    n' = n (1 - r)/(1 + r) for residuals of neighboring days that correlate with r, t of Student's distribution. The CV
    of a year is too small for its mild months, so where the baseline's days as warm as the reporting period's have a
    greater one, that is taken: with it an unchanged building shows a change in 1 month of 12, not in 4.

    The baseline is not stretched: days more than 2 K beyond its temperatures are left out. Where more than a tenth of
    the days or of the energy would be, or hardly any energy was to be expected, there is no corrected change.

    Args:
        energy_kwh: kWh by local day of the reporting period, every day of it; NaN for days not known in full.
        temperature: Mean outdoor temperature by local day, °C.
        baseline_kwh: The same of the baseline. It may be longer than the reporting period, such as the 12 months
            before a month; the raw change is over the days of the calendar that both have.
        baseline_temperature: The same of the baseline.
        level: Confidence level.
        kind: "heating" or "cooling": which signature is held against the weather.

    Raises:
        UsageError: An argument is no daily series of numbers.
    """
    now, then = daily_series(energy_kwh, "energy"), daily_series(baseline_kwh, "energy of the baseline")
    outdoor = daily_series(temperature, "temperature").reindex(now.index)
    before = daily_series(baseline_temperature, "temperature of the baseline").reindex(then.index)
    known = now.notna().astype(float)
    raw = raw_change(now.to_frame("all"), then.to_frame("all"))
    return compare_shares(now, known, outdoor, then, then.notna().astype(float), before, raw, level, kind)


def compare_shares(
    now: pd.Series[Any],
    known: pd.Series[Any],
    outdoor: pd.Series[Any],
    then: pd.Series[Any],
    known_then: pd.Series[Any],
    before: pd.Series[Any],
    raw: tuple[float, str],
    level: float = LEVEL,
    kind: Kind = "heating",
) -> Comparison:
    """As `compare`, of a sum of which a part is known on each day.

    Args:
        now: kWh by naive day: of the part that is known.
        known: Which part of the whole that is, 0 to 1.
        outdoor: Mean outdoor temperature, °C.
        then: kWh of the whole by day of the baseline; NaN where unknown.
        known_then: As `known`.
        before: As `outdoor`.
        raw: What `raw_change` gives.
        level: Confidence level.
        kind: "heating" or "cooling".
    """
    signature = fit_signature(then, before, kind=kind)
    expected = signature.predict(outdoor) * known
    usable = now.notna() & outdoor.notna()
    off = pd.Series(data=False, index=now.index)
    if signature.off_days:
        off[usable] = signature.off(pd.DataFrame({"temperature_c": outdoor, "kwh": now})[usable])
    told = usable & expected.notna() & ~off
    beyond = usable & expected.isna() if signature.model else ~usable & usable
    coverage, past = (
        float(part.where(mean.notna(), 0.0).mean()) if len(part) else 0.0
        for part, mean in ((known, outdoor), (known_then, before))
    )
    measured, due, days = float(now[told].sum()), float(expected[told].sum()), float(known[told].sum())
    typical = days * float(signature.days["kwh"].mean()) if signature.n_days else 0.0
    all_kwh = float(now[usable].sum())
    reason = "" if outdoor.notna().any() else "the weather is unknown" if len(now) else "the period has no whole day"
    reason = reason or _reason(signature, coverage, past, float(known.mean()) if len(known) else 0.0)
    low, high = signature.range_c if signature.n_days else (math.nan, math.nan)
    outside = int(((outdoor < low) | (outdoor > high))[usable].sum())
    if not reason and (
        beyond.sum() > LEFT_OUT * usable.sum() or float(now[beyond].sum()) > LEFT_OUT * max(all_kwh, 0.0)
    ):
        share = 100 * float(now[beyond].sum()) / all_kwh if all_kwh > 0 else 0.0
        reason = (
            f"{beyond.sum()} of {plural(usable.sum(), 'day')}, with {share:.0f} % of the energy, were colder or warmer "
            f"than any of the period before ({low:.1f} to {high:.1f} °C)"
        )
    if not reason and not measured > TRACE * due:
        reason = f"hardly any {AMOUNT[kind]} was counted ({measured:.0f} kWh for {due:.0f}): off, or failing meters"
    if not reason and not due > HARDLY * max(typical, measured):
        reason = f"hardly any {AMOUNT[kind]} was to be expected ({due:.0f} kWh in {plural(told.sum(), 'day')})"
    nan = math.nan
    return Comparison(
        raw_change=raw[0],
        corrected_change=nan if reason else measured / due - 1,
        uncertainty=nan if reason else _uncertainty(signature, outdoor[told], days, level),
        measured_kwh=nan if reason else measured,
        expected_kwh=nan if reason else due,
        avoided_kwh=nan if reason else due - measured,
        coverage=coverage,
        baseline_coverage=past,
        extrapolated_days=outside,
        level=level,
        reason=reason,
        raw_reason=raw[1],
        signature=signature,
        left_out_days=int(beyond.sum()),
        off_days=int(off.sum()),
    )


def raw_change(now: pd.DataFrame, then: pd.DataFrame) -> tuple[float, str]:
    """The change over the days of the calendar that both periods know, valve by valve, and why there is none.

    Args:
        now: kWh by naive day and valve; NaN where unknown.
        then: The same of the other period, which may be longer.
    """
    if not now.size or not then.size:
        return math.nan, "one of the periods has no whole day"
    past = same_days(then, pd.DatetimeIndex(now.index))
    if not past.index.isin(now.index).any():
        return math.nan, "the periods have no day of the calendar in common"
    past = past.reindex(now.index)
    both = now.notna() & past.notna()
    share = float(both.to_numpy().mean())
    if share < COVERAGE_LIMIT:
        some = f"only {100 * share:.0f} % of the days are" if share else "no day is"
        return math.nan, f"{some} known in both periods"
    base, used = float(past.where(both).sum().sum()), float(now.where(both).sum().sum())
    if not divides(base, used, float(then.sum().sum())):
        some = f"hardly any energy ({base:.0f} kWh)" if base > 0 else "no energy"
        return math.nan, f"the period before used {some}"
    if not used > TRACE * base:
        return math.nan, f"hardly any energy was counted ({used:.0f} kWh for {base:.0f}): off, or failing meters"
    return used / base - 1, ""


def divides(base: float, used: float, whole: float) -> bool:
    """Whether a change from one energy to another is one to give: not from a trace of the other, or of a period."""
    return base > TRACE * max(used, whole, 0.0)


def _reason(signature: Signature, coverage: float, past: float, known: float) -> str:
    if signature.model is None:
        return f"the period before has no energy signature: {signature.reason}"
    if coverage < COVERAGE_LIMIT:
        lack = "energy and temperature" if known >= COVERAGE_LIMIT else "energy"
        return f"only {100 * coverage:.0f} % of the days have {lack}"
    if past < COVERAGE_LIMIT:
        return f"only {100 * past:.0f} % of the days before have energy and temperature"
    return ""


def _uncertainty(signature: Signature, outdoor: pd.Series[Any], m: float, level: float) -> float:
    cv, n = max(signature.cv_rmse, _cv_between(signature, outdoor)), signature.n_days
    return guideline_14(cv, n, signature.parameters, signature.autocorrelation, m, level)[0]


def guideline_14(
    error: float, n: float, parameters: int, autocorrelation: float, m: float, level: float
) -> tuple[float, float, float]:
    """Uncertainty of a mean over `m` days held against a regression: ASHRAE Guideline 14, Annex B (see `compare`).

    Args:
        error: Root mean square error of the regression, or that as a share (CV): the result is in the same unit.
        n: Number of days in it.
        parameters: Number of its parameters.
        autocorrelation: Of the residuals of neighboring days.
        m: Number of days that are held against it.
        level: Confidence level.

    Returns:
        Half width of the confidence interval; number of independent days n' in the regression; Student's t.
    """
    r = min(max(autocorrelation, 0.0), 0.99)
    independent = max(n * (1 - r) / (1 + r), parameters + 1.0)
    t = t_quantile((1 + level) / 2, independent - parameters)
    return 1.26 * t * error * math.sqrt(n / independent * (1 + 2 / independent) / m), independent, t


def _cv_between(signature: Signature, outdoor: pd.Series[Any]) -> float:
    """CV(RMSE) of the baseline's days that are as warm as those of the reporting period; 0 if they are too few."""
    temperature = signature.days["temperature_c"]
    days = signature.days[temperature.between(outdoor.min(), outdoor.max())]
    if len(days) < LEAST_ALIKE:
        return 0.0
    residual = days["kwh"] - signature.predict(days["temperature_c"])
    return math.sqrt(float((residual**2).sum()) / (len(days) - signature.parameters)) / max(days["kwh"].mean(), 1e-9)

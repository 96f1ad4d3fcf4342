"""The heating report's beginning: title block and key figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from belimo_nb.display import Header, KeyFigure, KeyFigures, header, key_figures, number
from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.heating import Study, co2_kg, cost, degree_days, per_area
from belimo_nb.summary.parts import count_of, daily_trend, energy_figure, incomplete, part
from belimo_nb.summary.quality import completeness

if TYPE_CHECKING:
    from belimo_nb.calendar.periods import Period
    from belimo_nb.cloud.cloud import Cloud

__all__ = ["before_name", "heating_figures", "heating_header", "signed_percent"]


def heating_header(cloud: Cloud, search: str, period: Period, compared: Period, days: pd.DataFrame) -> Header:
    """The title block of the heating report."""
    count = len(part(days, "kwh").columns)
    facts = {
        "Period": period.label,
        "Compared with": compared.label,
        "Valves": f"{count} that count heating energy" + (f", named {search!r}" if search else ""),
        "Time zone": cloud.timezone,
    }
    return header(
        "Heating energy", subtitle=period.label, facts=facts, completeness=completeness(days), source=cloud.source
    )


def before_name(period: Period, compared: Period) -> str:
    """What the other period is called in figures."""
    return "year before" if compared == period.year_before else compared.label


def heating_figures(
    study: Study,
    months: pd.DataFrame,
    *,
    area_m2: float | str | None = None,
    price_per_kwh: float | str | None = None,
    currency: str = "",
    co2_g_per_kwh: float | str | None = None,
) -> KeyFigures:
    """What was used, what changed and why, what it cost, and how much of it is known.

    Args:
        study: The two periods.
        months: `Counters.energy` of the reporting period by month, for kWh per m2.
        area_m2: Energy reference area; None or blank: not given.
        price_per_kwh: Price of a kWh; None or blank: not given.
        currency: Of the price.
        co2_g_per_kwh: Carbon dioxide per kWh, g; None or blank: not given.

    Raises:
        UsageError: An area, price or factor makes no sense.
    """
    kwh = part(study.days, "kwh")
    unknown = int(incomplete(study.days).sum())
    energy = energy_figure("Heating energy", kwh, unknown=unknown)
    total = float(energy.value) if isinstance(energy.value, (int, float)) else math.nan
    least = "at least; " if unknown else ""
    figures = [energy, _raw(study), _corrected(study), _weather(study)]
    if price_per_kwh not in (None, ""):
        paid = cost(total, price_per_kwh)
        note = f"{least}at {price_per_kwh} {currency} per kWh".replace("  ", " ")
        figures.append(KeyFigure("Cost", paid, currency, note, digits=0))
    if co2_g_per_kwh not in (None, ""):
        tons = co2_kg(total, co2_g_per_kwh) / 1000
        figures.append(KeyFigure("CO₂", tons, "t", f"{least}at {co2_g_per_kwh} g per kWh", digits=1))
    if area_m2 not in (None, ""):
        sums = part(months, "kwh").sum(axis=1, skipna=False)
        value = per_area(sums.where(~incomplete(months)), area_m2)
        reason = "needs 12 full months, all of them known"
        note = f"reference area {number(float(area_m2 or 0))}\u00a0m²" if not math.isnan(value) else reason
        figures.append(KeyFigure("Per area and year", None if math.isnan(value) else value, "kWh/m²", note, digits=1))
    below = int((part(study.days, "coverage").mean() < COVERAGE_LIMIT).sum())
    share = completeness(study.days)
    note = f"of the period; {number(len(kwh.columns))} valves, {count_of(below, 'below 90 %')}"
    status = "good" if share >= 0.99 else "warn" if share >= COVERAGE_LIMIT else "problem"
    figures.append(KeyFigure("Completeness", 100 * share, "%", note, digits=1, status=status))
    return key_figures(*figures, trend=daily_trend(kwh))


def signed_percent(share: float, digits: int = 1) -> str:
    """A change in percent with its sign; a dash where unknown."""
    text = number(100 * share, digits, "%")
    return f"+{text}" if share > 0 and text.strip("0.,\u00a0%") else text


def _raw(study: Study) -> KeyFigure:
    found = study.together
    some = len(study.comparable) < len(study.names)
    valves = f"; {len(study.comparable)} of {len(study.names)} valves" if some else ""
    if math.isnan(found.raw_change):
        return KeyFigure("Change, as measured", None, "%", f"not comparable: {found.raw_reason}")
    return KeyFigure("Change, as measured", signed_percent(found.raw_change), "", f"same days, any weather{valves}")


def _corrected(study: Study) -> KeyFigure:
    found = study.together
    label = "Change, weather-corrected"
    if math.isnan(found.corrected_change):
        return KeyFigure(label, None, "%", f"cannot be said: {found.reason}")
    words = "" if found.significant else "; no change can be told from chance"
    note = f"± {number(100 * found.uncertainty, 1)} points, 90 % confidence{words}"
    status = "neutral" if not found.significant else "good" if found.corrected_change < 0 else "warn"
    if study.silent:
        note, status = f"{note}; {len(study.silent)} of the valves counted nothing, see below", "warn"
    return KeyFigure(label, signed_percent(found.corrected_change), "", note, status=status)


def _weather(study: Study) -> KeyFigure:
    """Degree days of both periods."""
    now, then = (degree_days(means, "HGT20/12") for means in (study.outdoor, study.outdoor_before))
    label = "Degree days HGT20/12"
    if not now.notna().any():
        return KeyFigure(label, None, "Kd", "the weather is unknown")
    lost = int(now.isna().sum())
    note = f"at least; {lost} days unknown" if lost else ""
    if not lost and then.notna().all() and len(then) and float(then.sum()) > 0:
        note = f"{signed_percent(float(now.sum() / then.sum()) - 1)} against before: {number(round(then.sum()))} Kd"
    return KeyFigure(label, float(now.sum()), "Kd", note, digits=0)

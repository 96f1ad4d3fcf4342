"""The beginning of a heating or a cooling report: title block and key figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from belimo_nb.calendar.periods import Period, baseline
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.cloud.several import reported_meter_errors
from belimo_nb.display import Header, KeyFigure, KeyFigures, header, key_figures, number
from belimo_nb.display.numbers import percent, plural, signed
from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.energy.counter import Counters, Kind
from belimo_nb.errors import UsageError
from belimo_nb.heating import Study, co2_kg, cost, degree_days, per_area
from belimo_nb.heating.comparison import AMOUNT
from belimo_nb.heating.days import daily_series, same_days
from belimo_nb.quantities import amount
from belimo_nb.summary.parts import (
    OFF_OR_FAILING,
    column_group,
    completeness,
    count_of,
    daily_trend,
    energy_figure,
    incomplete,
)
from belimo_nb.weather import temperature_or_reason

LEAST_KD = 10.0  # degree days below which they are too few to divide by
WARMEST_BASE = 40.0  # °C; a base above it was meant in °F
DEGREE_DAYS: Mapping[Kind, str] = {"heating": "HGT20/12", "cooling": "CDD18"}


def energy_study(
    cloud: Cloud,
    valves: pd.DataFrame,
    counters: Counters,
    period: Period,
    compared: Period,
    weather: str = "",
    kind: Kind = "heating",
) -> tuple[Study, pd.Series[float], str]:
    """The two periods of a heating or cooling report, with their weather and what the devices say of their meters.

    Args:
        cloud: Where the valves are.
        valves: A frame of `Cloud.heating_valves` or `Cloud.cooling_valves`.
        counters: Theirs, over both periods.
        period: What the report covers.
        compared: What it is compared with.
        weather: Where the weather comes from, if not from where the settings say.
        kind: "heating" or "cooling": which energy the counters count.

    Returns:
        The study; the hourly outdoor temperature of both periods; why there is none, or "".
    """
    outdoor, unknown = temperature_or_reason(cloud, compared.start, period.end, weather)
    errors = reported_meter_errors(cloud.connection, valves, compared.start, period.end)
    days, before = (counters.energy("D", span.start, span.end) for span in (period, compared))
    return Study(days, before, outdoor, cloud.timezone, errors, kind), outdoor, unknown


def energy_header(
    cloud: Cloud, search: str, period: Period, compared: Period, days: pd.DataFrame, kind: Kind = "heating"
) -> Header:
    """The title block of a heating or cooling report."""
    count = len(column_group(days, "kwh").columns)
    beside = period.beside(compared)
    two = f"{beside.label} as measured; for the weather, {compared.label}"
    count_it = f"{count} that count {kind} energy"
    facts = {
        "Period": period.label,
        "Compared with": beside.label if beside == compared else two,
        "Valves": f"{count_it}, named {search!r}" if search else count_it,
        "Time zone": cloud.timezone,
    }
    return header(
        kind_energy(kind), subtitle=period.label, facts=facts, completeness=completeness(days), source=cloud.source
    )


def before_name(period: Period, compared: Period) -> str:
    """What the other period is called in figures."""
    if compared == period.year_before:
        return "year before"
    return "12 months before" if compared == baseline(period) else compared.label


def kind_energy(kind: str) -> str:
    """What a kind of energy is called: "Heating energy", "Cooling energy"."""
    return f"{kind.capitalize()} energy"


def energy_name(study: Study) -> str:
    """What figures of all valves together show: without valves whose meters failed, if there are any."""
    some, amount = study.failing and study.sound, AMOUNT[study.kind].capitalize()
    return f"{amount} of {len(study.sound)} of {plural(len(study.names), 'valve')}" if some else kind_energy(study.kind)


def energy_figures(
    study: Study,
    months: pd.DataFrame,
    *,
    cdd_base: float | str | None = None,
    area_m2: float | str | None = None,
    price_per_kwh: float | str | None = None,
    currency: str = "",
    co2_g_per_kwh: float | str | None = None,
) -> KeyFigures:
    """What was used, what changed and why, what it cost, and how much of it is known.

    Args:
        study: The two periods.
        months: `Counters.energy` of the reporting period by month, for kWh per m2.
        cdd_base: Base of the cooling degree days, °C, above 0 and at most 40; None or blank: 18.
        area_m2: Energy reference area; None or blank: not given.
        price_per_kwh: Price of a kWh; None or blank: not given.
        currency: Of the price.
        co2_g_per_kwh: Carbon dioxide per kWh, g; None or blank: not given.

    Raises:
        UsageError: An area, price, factor or base makes no sense.
    """
    kwh, failed = column_group(study.days, "kwh"), len(study.silent)
    unknown = int(incomplete(study.only_sound(study.days)).sum())
    energy = energy_figure(kind_energy(study.kind), kwh, unknown=unknown)
    total = float(energy.value) if isinstance(energy.value, (int, float)) else math.nan
    if total == 0 and not failed:
        energy = replace(energy, note=f"{energy.note}; {OFF_OR_FAILING}")
    left_out = f"{failed} of {plural(len(study.names), 'valve')} in part or not at all: off, or a failing meter"
    if failed and energy.value is None:
        energy = replace(energy, note=left_out)
    elif failed:
        more = energy.note if unknown else f"at least; {energy.note}"
        energy = replace(energy, note=f"{more}; {left_out}")
        counted = float(column_group(study.counted, "kwh").sum().sum())
        if round(counted) != round(total):  # the overview has no weather to tell which meters failed
            words = f"{energy.note}; all meters counted {number(counted, 0)}\u00a0kWh"
            energy = replace(energy, label=f"{energy.label}, sound meters", note=words)
    least = "at least; " if unknown or failed else ""
    degrees = DEGREE_DAYS[study.kind] if cdd_base in (None, "") else _cooling_degrees(cdd_base)
    figures = [energy, _raw(study), _corrected(study), _weather(study, degrees)]
    if not isinstance(currency, str):
        raise UsageError(f"The currency is {currency!r}; give letters such as CHF, or leave it out.")
    if price_per_kwh not in (None, ""):
        paid = cost(total, price_per_kwh)
        note = f"{least}at {price_per_kwh} {currency} per kWh".replace("  ", " ")
        figures.append(KeyFigure("Cost", paid, currency, note, digits=0))
    if co2_g_per_kwh not in (None, ""):
        tons = co2_kg(total, co2_g_per_kwh) / 1000
        figures.append(KeyFigure("CO₂", tons, "t", f"{least}at {co2_g_per_kwh} g per kWh", digits=1))
    if area_m2 not in (None, ""):
        sums = column_group(months, "kwh").sum(axis=1, skipna=False)
        area = per_area(sums.where(~incomplete(months)), area_m2)
        value = math.nan if failed else area
        reason = "a valve was off, or its meter failed" if failed else "needs 12 full months, all of them known"
        note = f"reference area {number(float(area_m2 or 0))}\u00a0m²" if not math.isnan(value) else reason
        figures.append(KeyFigure("Per area and year", None if math.isnan(value) else value, "kWh/m²", note, digits=1))
    below = int((column_group(study.counted, "coverage").mean() < COVERAGE_LIMIT).sum())
    share = completeness(study.counted)
    note = f"of the readings; {plural(len(kwh.columns), 'valve')}, {count_of(below, 'below 90 %')}"
    status = "good" if share >= 0.99 else "warn" if share >= COVERAGE_LIMIT else "problem"
    shown = math.floor(round(1000 * share, 6)) / 10 if share == share else share  # cut, as in the title block
    figures.append(KeyFigure("Completeness", shown, "%", note, digits=1, status=status))
    return key_figures(*figures, trend=daily_trend(kwh))


def _cooling_degrees(base: object) -> str:
    """The kind of degree days by what a user gives as their base."""
    celsius = amount(base, "base of the cooling degree days (cdd_base, °C)")
    if celsius > WARMEST_BASE:
        fahrenheit = (celsius - 32) / 1.8
        raise UsageError(
            f"The base of the cooling degree days (cdd_base) is {base!r} °C, above which no day's mean lies; "
            f"{celsius:g} °F would be {fahrenheit:.1f}."
        )
    return f"CDD{celsius:g}"


def _raw(study: Study) -> KeyFigure:
    found = study.together
    if math.isnan(found.raw_change):
        return KeyFigure("Change, as measured", None, "%", f"not comparable: {_why_not(study, found.raw_reason)}")
    note = _joined("same days, any weather", _compared(study, study.known_share))
    return KeyFigure("Change, as measured", signed(100 * found.raw_change, 1, "%"), "", note)


def _corrected(study: Study) -> KeyFigure:
    found = study.together
    label = "Change, weather-corrected"
    if math.isnan(found.corrected_change):
        return KeyFigure(label, None, "%", f"cannot be said: {_why_not(study, found.reason)}")
    chance = "" if found.significant else "no change can be told from chance"
    points = f"± {number(100 * found.uncertainty, 1)} points, 90 % confidence"
    note = _joined(points, chance, _compared(study, found.coverage))
    status = "neutral" if not found.significant else "good" if found.corrected_change < 0 else "warn"
    return KeyFigure(label, signed(100 * found.corrected_change, 1, "%"), "", note, status=status)


def _why_not(study: Study, reason: str) -> str:
    if study.comparable:
        return reason
    return _joined(
        "no valve is known on 90 % of the days of both periods",
        "some are left out: off, or a failing meter" if study.failing else "",
    )


def _compared(study: Study, share: float) -> str:
    """Of how many valves a comparison is, and which share of their days, where that is not all."""
    count, of = len(study.comparable), len(study.names)
    if share < 1 - 1e-9:
        return f"{count} of {plural(of, 'valve')}, {percent(share)} of their days"
    return f"{count} of {plural(of, 'valve')}" if count < of else ""


def _joined(*remarks: str) -> str:
    return "; ".join(filter(None, remarks))


def _weather(study: Study, kind: str) -> KeyFigure:
    """Degree days of the period, and the change against the same days of the other, where both know them."""
    now, then = (
        degree_days(daily_series(means, "temperature"), kind) for means in (study.outdoor, study.outdoor_before)
    )
    label = f"Degree days {kind}"
    if not now.notna().any():
        return KeyFigure(label, None, "Kd", "the weather is unknown" if len(now) else "the period has no whole day")
    lost = int(now.isna().sum())
    if lost:
        return KeyFigure(label, float(now.sum()), "Kd", f"at least; {plural(lost, 'day')} unknown", digits=0)
    past = same_days(then, pd.DatetimeIndex(now.index)).reindex(now.index).dropna()
    base, same = float(past.sum()), float(now[past.index].sum())
    if len(past) < COVERAGE_LIMIT * len(now):
        note = "not compared: the other period lacks these days, or their weather"
    elif base < LEAST_KD:
        note = f"{number(round(base))} Kd before"
    else:
        note = f"{signed(100 * (same / base - 1), 1, '%')} against before: {number(round(base))} Kd"
        if len(past) < len(now):
            note = f"{note} on the {plural(len(past), 'day')} that both have"
    return KeyFigure(label, float(now.sum()), "Kd", note, digits=0)

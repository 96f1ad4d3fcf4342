"""Energy, volume and water temperatures of a valve by local day, from its counters and samples."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from belimo_nb.energy import JOULES_PER_KWH, design_limit, interval_energy
from belimo_nb.energy.counter import Kind
from belimo_nb.heating.days import complete_days, daily_series
from belimo_nb.hydronics.water import KWH_PER_KJ, volumetric_heat

COLUMNS = ("kwh", "m3", "delta_t_k", "supply_c", "return_c")
LITTLE = 0.01  # share of the 99th percentile of the days' volume below which a day's water says nothing
OTHER_KIND = 0.02  # share of the other kind of energy above which a day of a change-over valve is of neither
BIN_K, BIN_DAYS = 2.0, 3  # width of a step of outdoor temperature, and days that it needs
MOST_FLOW = 3.0  # times the nominal flow: more is a jump of the volume counter


def daily_water(
    samples: pd.DataFrame,
    kind: Kind,
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    nominal_flow_m3h: float = math.nan,
    glycol_pct: float = math.nan,
) -> pd.DataFrame:
    """Energy, volume, delta-T and water temperatures by local day.

    Energy and volume are differences of the lifetime counters, known on at least 90 % of a day. Delta-T is energy over
    rho cp and volume. Temperatures are means of the samples while water flows, weighted by what the volume counter
    rose by. The return is the sensor that is the colder one on the whole (of cooling: the warmer), wherever it sits.

    Args:
        samples: As `Device.measurements` gives them, hourly or finer, of some days around the range, too; columns
            heating_kwh, cooling_kwh, volume_m3, flow_m3h, t1_c, t2_c.
        kind: "heating" or "cooling": on other days a change-over valve has no volume of it.
        start: First local midnight, aware.
        end: Last one, exclusive.
        nominal_flow_m3h: Nominal flow; NaN: unknown.
        glycol_pct: Share of glycol in percent; NaN counts as none.

    Returns:
        DataFrame, index ``time`` (local midnights), columns kwh, m3, delta_t_k, supply_c, return_c; NaN where unknown
        and, but for kwh and m3, on days with hardly any water.
    """
    zone = str(start.tz)

    def plural(column: str, per_unit: float, limit: float | None) -> pd.DataFrame:
        return interval_energy(samples[column] * per_unit, "D", start, end, zone, None, limit)

    power = design_limit(nominal_flow_m3h)
    by_kind = {one: complete_days(plural(f"{one}_kwh", JOULES_PER_KWH, power)) for one in ("heating", "cooling")}
    energy, other = by_kind.pop(kind), next(iter(by_kind.values())).fillna(0.0)
    most = 1000 * MOST_FLOW * nominal_flow_m3h if nominal_flow_m3h > 0 else None  # as if a m3 were a kWh
    volume = complete_days(plural("volume_m3", JOULES_PER_KWH, most))
    counted = bool(volume.notna().any())  # without a counter of volume not even 0 is known
    none = np.where((energy <= OTHER_KIND * other) & counted, 0.0, np.nan)
    volume = volume.where(other <= OTHER_KIND * energy, none)
    enough = volume > LITTLE * volume.quantile(0.99)
    rise = samples["volume_m3"].diff().clip(lower=0.0).where(samples["flow_m3h"] > 0, 0.0)
    # A reading belongs to its interval's end: that of midnight is the last of the day before.
    day = (pd.DatetimeIndex(samples.index) - pd.Timedelta(1, "ns")).tz_convert(zone).normalize()
    means = {}
    for sensor in ("t1_c", "t2_c"):
        weight = rise.where(samples[sensor].notna(), 0.0)
        sums = pd.DataFrame({"water": weight, "heat": weight * samples[sensor].fillna(0.0)}).groupby(day).sum()
        means[sensor] = (sums["heat"] / sums["water"].where(sums["water"] > 0)).reindex(energy.index).where(enough)
    embedded = means["t2_c"]
    apart = float(((means["t1_c"] - embedded) * volume).sum())  # above 0: T1 is the warmer one
    first, second = ("t1_c", "t2_c") if (apart > 0) == (kind == "heating") else ("t2_c", "t1_c")
    heat = volumetric_heat(embedded.to_numpy(dtype=float), glycol_pct) * KWH_PER_KJ
    found = [energy, volume, energy / (heat * volume.where(enough)), means[first], means[second]]
    return pd.DataFrame(dict(zip(COLUMNS, found, strict=True))).rename_axis("time")


def together(valves: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Several valves as one, on the days on which each of them is known; temperatures are weighted by volume.

    Args:
        valves: Days by name, as `daily_water` gives them.
    """
    energy, volume = (pd.DataFrame({name: days[column] for name, days in valves.items()}) for column in ("kwh", "m3"))
    known = (energy.notna() & volume.notna()).all(axis=1)

    def mean(column: str) -> pd.Series[float]:
        values = pd.DataFrame({name: days[column] for name, days in valves.items()})
        water = volume.where(values.notna(), 0.0)
        return ((values * water).sum(axis=1) / water.sum(axis=1).where(lambda sums: sums > 0)).where(known)

    found = [energy.sum(axis=1).where(known), volume.sum(axis=1).where(known), *(mean(name) for name in COLUMNS[2:])]
    return pd.DataFrame(dict(zip(COLUMNS, found, strict=True)))


def ranked(valves: Mapping[str, pd.DataFrame], kind: Kind) -> pd.DataFrame:
    """Valves by their flow-weighted return temperature, the worst first.

    Args:
        valves: Days by name, as `daily_water` gives them.
        kind: "heating": the warmest return first; "cooling": the coldest.

    Returns:
        DataFrame, index ``valve``, columns m3, kwh, share (of all water), delta_t_k, supply_c, return_c (means weighted
        by volume, over the days that are known) and moves_k: the return of all, minus what it would be without this
        valve.
    """
    rows = {}
    for name, days in valves.items():
        told = days[days["return_c"].notna() & days["delta_t_k"].notna() & (days["m3"] > 0)]
        passed = float(told["m3"].sum())
        means = {column: float((told[column] * told["m3"]).sum()) / passed for column in COLUMNS[2:]} if passed else {}
        rows[name] = {"m3": days["m3"].sum(min_count=1), "kwh": days["kwh"].sum(min_count=1), **means}
    found = pd.DataFrame(rows.values(), pd.Index(list(rows), name="valve"), ["m3", "kwh", *COLUMNS[2:]], dtype=float)
    water = found["m3"].where(found["return_c"].notna(), 0.0)
    heat, total = float((found["return_c"] * water).sum()), float(water.sum())
    rest = (total - water).where(lambda left: left > 0)
    without = (heat - (found["return_c"] * water).fillna(0.0)) / rest
    found.insert(2, "share", water / total if total > 0 else np.nan)
    found["moves_k"] = (heat / total if total > 0 else np.nan) - without.where(found["return_c"].notna())
    return found.sort_values("return_c", ascending=kind == "cooling", na_position="last", kind="stable")


def water_signature(days: pd.DataFrame, temperature: pd.Series[float]) -> pd.DataFrame:
    """Supply and return over the outdoor temperature: means weighted by volume, in steps of 2 K.

    Args:
        days: As `daily_water` gives them.
        temperature: Mean outdoor temperature by local day, °C.

    Returns:
        DataFrame, index ``outdoor_c`` (middle of the step), columns supply_c, return_c, days; steps of fewer than 3
        days are left out.
    """
    told = days.dropna(subset=["supply_c", "return_c"])
    outdoor = daily_series(temperature, "temperature").reindex(pd.DatetimeIndex(told.index).tz_localize(None))
    middle = np.floor(outdoor.to_numpy(dtype=float) / BIN_K) * BIN_K + BIN_K / 2
    sums = pd.DataFrame({"m3": told["m3"], "days": 1.0})
    for column in ("supply_c", "return_c"):
        sums[column] = told[column] * told["m3"]
    found = sums.groupby(pd.Index(middle, name="outdoor_c")).sum()
    for column in ("supply_c", "return_c"):
        found[column] /= found["m3"]
    return found.loc[found["days"] >= BIN_DAYS, ["supply_c", "return_c", "days"]]

"""Energy, volume and water temperatures of a valve by local day, from its counters and samples."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from belimo_nb.energy import JOULES_PER_KWH, design_limit, interval_energy
from belimo_nb.energy.counter import Kind
from belimo_nb.heating.days import complete_days
from belimo_nb.hydronics.water import KWH_PER_KJ, volumetric_heat

COLUMNS = ("kwh", "m3", "delta_t_k", "supply_c", "return_c")
LITTLE = 0.01  # share of the 99th percentile of the days' volume below which a day's water says nothing
OTHER_KIND = 0.02  # share of the other kind of energy above which a day of a change-over valve is of neither
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

    def counted(column: str, per_unit: float, limit: float | None) -> pd.DataFrame:
        return interval_energy(samples[column] * per_unit, "D", start, end, zone, None, limit)

    power = design_limit(nominal_flow_m3h)
    by_kind = {one: complete_days(counted(f"{one}_kwh", JOULES_PER_KWH, power)) for one in ("heating", "cooling")}
    energy, other = by_kind.pop(kind), next(iter(by_kind.values())).fillna(0.0)
    most = 1000 * MOST_FLOW * nominal_flow_m3h if nominal_flow_m3h > 0 else None  # as if a m3 were a kWh
    volume = complete_days(counted("volume_m3", JOULES_PER_KWH, most))
    volume = volume.where(other <= OTHER_KIND * energy, np.where(energy <= OTHER_KIND * other, 0.0, np.nan))
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


def together(valves: dict[str, pd.DataFrame]) -> pd.DataFrame:
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

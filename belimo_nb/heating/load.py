"""The shape of the load: its duration, its peak, its base, and when in the day it falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.errors import UsageError
from belimo_nb.heating.days import numbers
from belimo_nb.heating.fit import Floats

BASE_SHARE = 0.05


@dataclass(frozen=True)
class LoadFigures:
    """The load in a few numbers; NaN (None) where nothing is known.

    Attributes:
        energy_kwh: Sum of what is known.
        known_hours: Hours with a known mean power.
        peak_kw: Highest mean power of an interval.
        peak_time: Begin of that interval, aware; None if nothing was used.
        mean_kw: Mean power.
        base_kw: The power that is passed in 95 % of the time.
        load_factor: Mean over peak.
        full_load_hours: Hours at the peak that give the same energy.
    """

    energy_kwh: float
    known_hours: float
    peak_kw: float
    peak_time: pd.Timestamp | None
    mean_kw: float
    base_kw: float
    load_factor: float
    full_load_hours: float


def load_figures(kwh: pd.Series[Any]) -> LoadFigures:
    """Peak, base and use of a load, from energies of hours or quarters of an hour: counter differences, not samples.

    Args:
        kwh: kWh of hours, or of shorter intervals of one length, aware index at their begins; NaN where unknown. Where
            the clock or the range cuts one, it is as long as it is, and no peak if it is shorter than the others.
    """
    hours, power = _power(kwh)
    good = ~np.isnan(power)
    known = power[good]
    if not len(known):
        nan = float("nan")
        return LoadFigures(nan, 0.0, nan, None, nan, nan, nan, nan)
    energy, time = float((known * hours[good]).sum()), float(hours[good].sum())
    whole = good & (hours >= np.median(hours[good]) * (1 - 1e-9))
    at = int(np.argmax(np.where(whole, power, -1.0)))
    peak, mean = float(power[at]), energy / time
    nothing = float("nan")
    return LoadFigures(
        energy_kwh=energy,
        known_hours=time,
        peak_kw=peak,
        peak_time=pd.Timestamp(kwh.index[at]) if peak > 0 else None,
        mean_kw=mean,
        base_kw=float(np.quantile(known, BASE_SHARE)),
        load_factor=mean / peak if peak > 0 else nothing,
        full_load_hours=energy / peak if peak > 0 else nothing,
    )


def load_duration(kwh: pd.Series[Any]) -> pd.Series[Any]:
    """The load duration curve: power in falling order; its area is the known energy.

    Args:
        kwh: As for `load_figures`.

    Returns:
        Series ``kw``, index ``hours``: for so many hours (this interval included) the power was at least that.
    """
    hours, power = _power(kwh)
    order = np.argsort(-power, kind="stable")[: np.count_nonzero(~np.isnan(power))]
    return pd.Series(power[order], pd.Index(np.cumsum(hours[order]), name="hours"), name="kw")


def carpet(kwh: pd.Series[Any]) -> pd.DataFrame:
    """Mean power by local day and hour.

    Args:
        kwh: As for `load_figures`, its index in the site's zone.

    Returns:
        DataFrame in kW, index ``day`` (naive local days, none left out), columns 0 to 23: the local hour. The hour
        that comes twice in autumn is averaged, the one that spring skips is NaN.
    """
    _, power = _power(kwh)
    local = pd.DatetimeIndex(kwh.index).tz_localize(None)
    day, hour = local.normalize(), local.hour
    found = pd.Series(power).groupby([day, hour]).mean().unstack()  # noqa: PD010 - of two keys, not of columns
    days = pd.date_range(day.min(), day.max(), freq="D", name="day") if len(day) else day.rename("day")
    return found.reindex(index=days, columns=pd.RangeIndex(24, name="hour"))


def _power(kwh: pd.Series[Any]) -> tuple[Floats, Floats]:
    """Lengths of the intervals in hours, and their mean power in kW."""
    values = numbers(kwh, "energy")
    index = kwh.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise UsageError("The energies' times have no time zone; use interval_energy with a tz.")
    if len(index) < 2:
        return np.ones(len(index)), values
    steps = np.diff(index.as_unit("ns").asi8) / 3.6e12
    usual = float(np.median(steps[1:] if len(steps) > 1 else steps))  # the first may be cut by the range
    if usual <= 0 or usual > 1:
        raise UsageError(f"The intervals are {usual:g} hours long; give hours or shorter ones.")
    # A step of several lengths is one interval, and others that were left out.
    hours = np.append(np.where((steps > 0) & (steps < 2 * usual), steps, usual), usual)
    return hours, values / hours

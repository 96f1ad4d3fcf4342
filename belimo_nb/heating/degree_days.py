"""Degree days: how cold it was, or how warm, as one number a day."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.errors import UsageError
from belimo_nb.heating.days import daily_means, daily_series, is_daily

KIND = re.compile(r"(?:(HGT|GTZ)\s*(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)|([HC])DD\s*(-?\d+(?:\.\d+)?))", re.IGNORECASE)


def degree_days(
    temperature: pd.Series[Any], kind: str = "HGT20/12", tz: str = "UTC", below: bool | None = None
) -> pd.Series[Any]:
    """Degree days from outdoor temperature. Sum first and round last: rounded months sum to something else.

    - ``HGT20/12`` (SIA 381/3): 20 - Tm on days with Tm <= 12. The city of Zurich reads the limit as "below".
    - ``GTZ20/15`` (VDI 3807): 20 - Tm on days with Tm < 15.
    - ``HDD18`` or any other base b: max(b - Tm, 0).
    - ``CDD18`` or any other base b, for cooling: max(Tm - b, 0); 18 and 22 are usual.

    Tm is the mean of a local day. Degree days from hourly differences are about 3 % higher: never compare the two.

    Args:
        temperature: °C, hourly at aware times, or daily means (one value a day, aware or naive days).
        kind: See above; room and limit may be other numbers, too.
        tz: IANA zone of the days, for hourly temperatures; daily ones are taken as they are.
        below: Whether a day must be below the limit (True) or may lie on it (False); None: as `kind` defines it.

    Returns:
        Series in Kd by day, NaN where the day has no mean (fewer than 80 % of its hours are known).

    Raises:
        UsageError: The kind is none, or the temperatures are no numbers or have no times.
    """
    match = KIND.fullmatch(str(kind).strip())
    if not match:
        raise UsageError(f"{kind!r} is no kind of degree days; use HGT20/12, GTZ20/15, HDD18 or CDD18 (with any base).")
    index = getattr(temperature, "index", None)
    if isinstance(index, pd.DatetimeIndex) and not is_daily(index):
        if index.tz is None:
            raise UsageError("Hourly temperatures need times with a zone; use tz_localize on the index first.")
        means = daily_means(temperature, tz)
    else:
        daily_series(temperature, "temperature")
        means = temperature.astype(float)
    values = means.to_numpy(dtype=float)
    name, room, limit, side, base = match.groups()
    if name is None:
        below_base = float(base) - values
        found = np.maximum(below_base if side.upper() == "H" else -below_base, 0.0)
    else:
        strict = (name.upper() == "GTZ") if below is None else below
        cold = values < float(limit) if strict else values <= float(limit)
        found = np.where(cold, float(room) - values, 0.0)
    return pd.Series(np.where(np.isnan(values), np.nan, found), means.index, name=str(kind))

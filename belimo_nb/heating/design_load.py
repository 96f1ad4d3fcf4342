"""The load at a design outdoor temperature, from a signature: what contracted power is held against."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from belimo_nb.heating.signature import LEVEL, Signature


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

"""Energy as money, as carbon dioxide, and per floor area."""

from __future__ import annotations

from typing import Any

import pandas as pd

from belimo_nb.quantities import amount


def cost(kwh: float, price_per_kwh: float | str | None) -> float:
    """What energy costs, in the currency of the price.

    Raises:
        UsageError: The price is no number, or below 0.
    """
    return kwh * amount(price_per_kwh, "price per kWh", least=0.0)


def co2_kg(kwh: float, g_per_kwh: float | str | None) -> float:
    """The carbon dioxide that energy stands for, in kg.

    Raises:
        UsageError: The factor is no number, or below 0.
    """
    return kwh * amount(g_per_kwh, "CO2 factor in g/kWh", least=0.0) / 1000


def per_area(months_kwh: pd.Series[Any], area_m2: float | str | None) -> float:
    """Energy per floor area, kWh/m2 a year: only for 12 full months; say which reference area it is.

    Args:
        months_kwh: kWh by month; NaN where not known in full.
        area_m2: Energy reference area.

    Returns:
        kWh/m2; NaN unless exactly 12 months are known.

    Raises:
        UsageError: The area is no number above 0.
    """
    area = amount(area_m2, "area in m2", least=None)
    known = len(months_kwh) == 12 and bool(months_kwh.notna().all())
    return float(months_kwh.sum()) / area if known else float("nan")

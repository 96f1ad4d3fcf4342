"""What is left when the weather is explained: a slope in its running sum is a change of behavior."""

from __future__ import annotations

from typing import Any

import pandas as pd

from belimo_nb.heating.days import daily_series
from belimo_nb.heating.signature import Signature

__all__ = ["cusum"]


def cusum(energy_kwh: pd.Series[Any], temperature: pd.Series[Any], signature: Signature) -> pd.Series[Any]:
    """Running sum of measured minus expected energy.

    Args:
        energy_kwh: kWh by local day; NaN where unknown.
        temperature: Mean outdoor temperature by local day, °C.
        signature: What is expected, as a rule that of the period before.

    Returns:
        Series in kWh by day (the index of `energy_kwh`): it falls while less is used than expected, and stands still
        on days that are unknown; all NaN without a model.
    """
    measured = daily_series(energy_kwh, "energy")
    outdoor = daily_series(temperature, "temperature").reindex(measured.index)
    left = measured - signature.predict(outdoor)
    running = left.fillna(0.0).cumsum() if left.notna().any() else left
    return running.set_axis(energy_kwh.index.sort_values()).rename("kwh")

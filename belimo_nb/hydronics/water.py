"""How much heat water carries."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["KWH_PER_KJ", "volumetric_heat"]

KWH_PER_KJ = 1 / 3600

Values = TypeVar("Values", float, npt.NDArray[np.float64])


def volumetric_heat(temperature_c: Values) -> Values:
    """Density times specific heat of pure water, kJ/(m3 K), at the flow sensor's temperature.

    A quadratic through IAPWS-IF97 at 0.6 MPa, within 0.07 % of it from 5 to 95 °C. Glycol lowers it: 30 % propylene
    glycol by 4 to 6 %.

    Args:
        temperature_c: °C, 5 to 95.
    """
    return 4208.2355 - 1.495846 * temperature_c - 0.0017769558 * temperature_c**2

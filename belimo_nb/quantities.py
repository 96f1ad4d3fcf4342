"""The quantities and settings of a valve: how to find each in a dataprofile, and its units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

Values = TypeVar("Values", float, "pd.Series[Any]", "npt.NDArray[np.float64]")


@dataclass(frozen=True)
class Dimension:
    """A physical dimension and the units it may come in.

    Attributes:
        unit: The unit that outputs show.
        scale: For each unit, what one of it is in `unit`.
        offset: For units whose zero differs, what to add after scaling.
    """

    unit: str
    scale: Mapping[str, float]
    offset: Mapping[str, float] | None = None

    def convert(self, value: Values, unit: str) -> Values:
        """Convert `value` from `unit` to the unit that outputs show; KeyError for an unknown unit."""
        return value * self.scale[unit] + (self.offset or {}).get(unit, 0.0)


ENERGY = Dimension(
    "kWh", {"J": 1 / 3.6e6, "kJ": 1 / 3.6e3, "MJ": 1 / 3.6, "GJ": 1e3 / 3.6, "Wh": 1e-3, "kWh": 1.0, "MWh": 1e3}
)
POWER = Dimension("kW", {"W": 1e-3, "kW": 1.0, "MW": 1e3})
FLOW = Dimension(
    "m3/h",
    {
        "m3/s": 3600.0,
        "m³/s": 3600.0,
        "l/s": 3.6,
        "l/min": 0.06,
        "l/h": 1e-3,
        "m3/h": 1.0,
        "m³/h": 1.0,
        "gpm": 0.2271247,
    },
)
VOLUME = Dimension("m3", {"m3": 1.0, "m³": 1.0, "l": 1e-3})
TEMPERATURE = Dimension("°C", {"K": 1.0, "°C": 1.0, "C": 1.0, "degC": 1.0, "°F": 5 / 9}, {"K": -273.15, "°F": -160 / 9})
# Apart from TEMPERATURE: a difference of 5 °C is 5 K, not 278.15 K.
DIFFERENCE = Dimension("K", {"K": 1.0, "°C": 1.0, "C": 1.0, "degC": 1.0, "°F": 5 / 9})
SHARE = Dimension("%", {"percent": 1.0, "%": 1.0, "1": 100.0})


@dataclass(frozen=True)
class Quantity:
    """A quantity that a valve measures, or a setting of it.

    Attributes:
        column: The column that holds it, unit included.
        dimension: Its units.
        names: Datapoint names that mean it, in order of preference.
        words: Words that a description of it contains, for dataprofiles with other names.
    """

    column: str
    dimension: Dimension
    names: tuple[str, ...]
    words: tuple[str, ...]


QUANTITIES: dict[str, Quantity] = {
    "heating_energy": Quantity("heating_kwh", ENERGY, ("Heating_E_J",), ("heating", "energy")),
    "cooling_energy": Quantity("cooling_kwh", ENERGY, ("Cooling_E_J",), ("cooling", "energy")),
    "volume": Quantity("volume_m3", VOLUME, ("Flow_Volume_total_m3",), ("volume", "total")),
    "power": Quantity("power_kw", POWER, ("AbsPower_Fb_W",), ("absolute", "power")),
    "flow": Quantity("flow_m3h", FLOW, ("AbsFlow_Fb_m3s",), ("absolute", "flow")),
    "t1": Quantity("t1_c", TEMPERATURE, ("T1_remote_K",), ("temperature 1",)),
    # The vendor spells it with one d; a later profile may not.
    "t2": Quantity("t2_c", TEMPERATURE, ("T2_embeded_K", "T2_embedded_K"), ("temperature 2",)),
    "delta_t": Quantity("delta_t_k", DIFFERENCE, ("DeltaT_K",), ("delta", "temperature")),
    "position": Quantity("position_pct", SHARE, ("RelPos_Fb",), ("valve position",)),
    "position_setpoint": Quantity("setpoint_pct", SHARE, ("RelPos_Sp",), ("position setpoint",)),
}

SETTINGS: dict[str, Quantity] = {
    "nominal_flow": Quantity("nominal_flow_m3h", FLOW, ("V_nom_m3s",), ("nominal", "flow")),
    "max_flow": Quantity("max_flow_pct", SHARE, ("Vmax_Rel_Write",), ("maximum", "flow", "setting")),
    "glycol": Quantity("glycol_pct", SHARE, ("Glycol_Concentration_Rel",), ("glycol",)),
}
"""Design values and settings of a valve; they seldom change, so the latest value is taken."""

COUNTERS = ("heating_energy", "cooling_energy", "t1")
"""Lifetime counters, and a temperature: it seldom stands still, and so tells that a device lives whose counter does."""

MEASURED = (
    "t1", "t2", "delta_t", "flow", "power", "position", "position_setpoint", "volume", "heating_energy",
    "cooling_energy",
)  # fmt: skip
"""Quantities that a valve's report draws and its checks need."""

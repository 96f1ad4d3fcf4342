"""The datapoints of a device as they are offered and drawn: the quantities that people ask for first, then the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from belimo_nb.api.profile import Profile
from belimo_nb.plots import style
from belimo_nb.quantities import ENERGY, FLOW, POWER, QUANTITIES, SHARE, TEMPERATURE, VOLUME, Dimension

__all__ = ["Point", "points_of", "usual"]

FIRST = {
    "power": ("Power", style.BLUE),
    "flow": ("Flow", style.GREEN),
    "t1": ("T1", style.RED),
    "t2": ("T2", style.BLUE),
    "delta_t": ("Delta-T", style.DARK),
    "position": ("Position", style.BLUE),
    "position_setpoint": ("Position setpoint", style.ORANGE),
    "heating_energy": ("Heating energy, counter", style.RED),
    "cooling_energy": ("Cooling energy, counter", style.SKY),
    "volume": ("Volume, counter", style.GREEN),
}
USUAL = (("power", "flow", "t1", "t2"), ("position", "position_setpoint"))
FEW = 4
UNITS = {"m3/h": "m³/h", "m3": "m³", "percent": "%"}
STATIC = "metadata."  # what the owner wrote about the device: offered last


@dataclass(frozen=True)
class Point:
    """A datapoint.

    Attributes:
        id: Its id.
        name: Its name in the dataprofile.
        label: What it is called here.
        unit: The unit it is shown in, "" for none.
        numeric: False for texts.
        quantity: The quantity of `belimo_nb.quantities` that it measures, or "".
        color: The color that it always has, or "".
        source_unit: The unit that the cloud gives it in.
        dimension: How to convert it; None to leave it as it is.
    """

    id: str
    name: str
    label: str
    unit: str
    numeric: bool
    quantity: str
    color: str
    source_unit: str
    dimension: Dimension | None

    @property
    def title(self) -> str:
        """Label and unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    def convert(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """The cloud's values as they are shown: floats in `unit`, or texts with None where there is none."""
        if not self.numeric:
            return values.astype(object).where(values.notna(), None)
        numbers = pd.to_numeric(values.map(_plain), errors="coerce").astype(float)
        return numbers if self.dimension is None else self.dimension.convert(numbers, self.source_unit)


def points_of(profile: Profile) -> list[Point]:
    """All datapoints that can be read: known quantities, other numbers, texts, and what describes the device."""
    located = {profile.locate(quantity): quantity for quantity in reversed(FIRST)}
    order = list(FIRST)
    found = []
    for identifier, row in profile.datapoints.iterrows():
        if row["access"] == "w":
            continue
        found.append(_point(str(identifier), row, located.get(str(identifier), "")))

    def rank(point: Point) -> tuple[bool, int, bool]:
        place = order.index(point.quantity) if point.quantity else len(order)
        return point.id.startswith(STATIC), place, not point.numeric

    return sorted(found, key=rank)


def usual(points: Sequence[Point]) -> tuple[str, ...]:
    """Ids of what is shown before anyone has chosen: power, flow and temperatures, else what there is of that kind."""
    by_quantity = {point.quantity: point.id for point in points if point.quantity}
    for wanted in USUAL:
        if found := tuple(by_quantity[quantity] for quantity in wanted if quantity in by_quantity):
            return found
    numbers = tuple(point.id for point in points if point.numeric and not point.id.startswith(STATIC))
    return numbers[:FEW] or tuple(point.id for point in points[:1])


def _point(identifier: str, row: pd.Series[Any], quantity: str) -> Point:
    name, unit = str(row["name"]), str(row["unit"])
    label, color = FIRST.get(quantity, (str(row["description"]) or name or identifier, ""))
    dimension = QUANTITIES[quantity].dimension if quantity else _dimension(unit, f"{name} {row['description']}")
    shown = unit if dimension is None else dimension.unit
    numeric = str(row["type"]) != "text"
    return Point(identifier, name, label, UNITS.get(shown, shown), numeric, quantity, color, unit, dimension)


def _dimension(unit: str, words: str) -> Dimension | None:
    """How people read a number whose meaning only its unit and description tell."""
    for dimension in (ENERGY, POWER, FLOW, VOLUME):
        if unit in dimension.scale:
            return dimension
    if unit in SHARE.scale and unit != "1":
        return SHARE
    plain = words.casefold()
    if unit in TEMPERATURE.scale and "temperature" in plain and not any(w in plain for w in ("delta", "difference")):
        return TEMPERATURE
    return None


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, bool) else value

"""Datapoints of a device as the explorer offers and draws them: known quantities first, then the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from belimo_nb.api.profile import Profile
from belimo_nb.plots import style
from belimo_nb.quantities import ENERGY, FLOW, POWER, QUANTITIES, SHARE, TEMPERATURE, VOLUME, Dimension

KNOWN_QUANTITIES = {
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
DEFAULT_QUANTITIES = (("power", "flow", "t1", "t2"), ("position", "position_setpoint"))
DEFAULT_COUNT = 4
SHOWN_UNITS = {"m3/h": "m³/h", "m3": "m³", "percent": "%"}
METADATA_PREFIX = "metadata."  # of datapoints with what the owner wrote about the device: offered last


@dataclass(frozen=True)
class Point:
    """A datapoint as shown.

    Attributes:
        id: Datapoint id.
        name: Name in the dataprofile.
        label: Name in the explorer.
        unit: Shown unit, "" for none.
        numeric: False for texts.
        quantity: Key in `belimo_nb.quantities`, or "".
        color: Fixed color, or "".
        source_unit: Unit of the cloud's values.
        dimension: Conversion to `unit`; None to leave values as they are.
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
        """Convert the cloud's values to floats in `unit`, or to texts with None where there is none."""
        if not self.numeric:
            return values.astype(object).where(values.notna(), None)
        numbers = pd.to_numeric(values.map(lambda v: float(v) if isinstance(v, bool) else v), errors="coerce").astype(
            float
        )
        return numbers if self.dimension is None else self.dimension.convert(numbers, self.source_unit)


def points_of(profile: Profile) -> list[Point]:
    """List the readable datapoints: known quantities, other numbers, texts, and metadata."""
    quantity_of = {profile.locate(quantity): quantity for quantity in reversed(KNOWN_QUANTITIES)}
    order = list(KNOWN_QUANTITIES)
    readable = profile.datapoints[profile.datapoints["access"] != "w"]
    found = [_point(str(key), row, quantity_of.get(str(key), "")) for key, row in readable.iterrows()]

    def rank(point: Point) -> tuple[bool, int, bool]:
        place = order.index(point.quantity) if point.quantity else len(order)
        return point.id.startswith(METADATA_PREFIX), place, not point.numeric

    return sorted(found, key=rank)


def default_datapoints(points: Sequence[Point]) -> tuple[str, ...]:
    """Ids of the datapoints shown by default: power, flow and temperatures, else positions, else the first numbers."""
    by_quantity = {point.quantity: point.id for point in points if point.quantity}
    for wanted in DEFAULT_QUANTITIES:
        if found := tuple(by_quantity[quantity] for quantity in wanted if quantity in by_quantity):
            return found
    numbers = tuple(point.id for point in points if point.numeric and not point.id.startswith(METADATA_PREFIX))
    return numbers[:DEFAULT_COUNT] or tuple(point.id for point in points[:1])


def counterparts_of(points: Sequence[Point], others: Sequence[Point]) -> tuple[list[Point], list[Point]]:
    """Find the same datapoints in another device's: by quantity, else by name and unit.

    Returns:
        The counterparts that there are, and the points without one.
    """
    found: list[Point] = []
    without = []
    for point in points:
        same = [other for other in others if point.quantity and other.quantity == point.quantity]
        same += [other for other in others if (other.name, other.title) == (point.name, point.title)]
        if same:
            found.append(same[0])
        else:
            without.append(point)
    return found, without


def _point(identifier: str, row: pd.Series[Any], quantity: str) -> Point:
    name, unit = str(row["name"]), str(row["unit"])
    label, color = KNOWN_QUANTITIES.get(quantity, (str(row["description"]) or name or identifier, ""))
    dimension = QUANTITIES[quantity].dimension if quantity else _dimension(unit, f"{name} {row['description']}")
    shown = unit if dimension is None else dimension.unit
    numeric = str(row["type"]) != "text"
    return Point(identifier, name, label, SHOWN_UNITS.get(shown, shown), numeric, quantity, color, unit, dimension)


def _dimension(unit: str, words: str) -> Dimension | None:
    """Dimension of an unknown quantity by its unit and description; None to leave its values as they are."""
    for dimension in (ENERGY, POWER, FLOW, VOLUME):
        if dimension.knows(unit):
            return dimension
    if SHARE.knows(unit) and unit != "1":
        return SHARE
    # K is a temperature or a difference, which convert differently: only the description tells.
    plain = words.casefold()
    if TEMPERATURE.knows(unit) and "temperature" in plain and not any(w in plain for w in ("delta", "difference")):
        return TEMPERATURE
    return None

"""Where the weather is: latitude and longitude."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from belimo_nb.errors import UsageError

__all__ = ["Place", "place_of"]

LATITUDE, LONGITUDE = "metadata.1012", "metadata.1013"


@dataclass(frozen=True)
class Place:
    """A place on earth, in degrees; north and east are positive.

    Raises:
        UsageError: There is no such place.
    """

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        for name, most in (("latitude", 90), ("longitude", 180)):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and -most <= value <= most):
                raise UsageError(f"The {name} is {value!r}; give degrees between -{most} and {most}.")


def place_of(records: Mapping[str, Mapping[str, Any]]) -> Place | None:
    """The place that most devices' metadata give, or None; weather hardly differs within a site.

    Args:
        records: Latest values by device, as datapoint id to value.
    """
    found: dict[Place, int] = {}
    for values in records.values():
        try:
            place = Place(round(float(values[LATITUDE]), 2), round(float(values[LONGITUDE]), 2))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if place != Place(0.0, 0.0):  # what was never set
            found[place] = found.get(place, 0) + 1
    return max(found, key=lambda place: found[place]) if found else None

"""Dataprofiles: names, units and meaning of a device type's datapoints."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from belimo_nb.errors import AnswerError, UnknownDatapoint
from belimo_nb.quantities import QUANTITIES, SETTINGS, Quantity

COLUMNS = ("name", "description", "unit", "access", "type")


class Profile:
    """The datapoints of a device type in one version.

    Args:
        body: The API's dataprofile object.

    Attributes:
        ref: ``id/version``.
        name: The vendor's name for it.
        datapoints: DataFrame, index ``id``, text columns name, description, unit, access (r, w, rw) and
            type (int, real, text, bool); "" where the profile does not say.

    Raises:
        AnswerError: The body is no dataprofile.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.ref = str(body.get("ref") or f"{body.get('id')}/{body.get('version')}")
        self.name = str(body.get("name") or self.ref)
        points = body.get("datapoints")
        if not isinstance(points, list) or not all(isinstance(p, dict) and "id" in p for p in points):
            raise AnswerError(f"The dataprofile {self.ref} lists no datapoints; ask the vendor about this profile.")
        unique: dict[str, Mapping[str, Any]] = {}
        for point in points:
            unique.setdefault(str(point["id"]), point)  # an id that comes twice would break every look-up
        found = [point.get("featureValues") for point in unique.values()]
        features = [values if isinstance(values, dict) else {} for values in found]
        self.datapoints = pd.DataFrame(
            {
                "name": [_text(f, "default.name") for f in features],
                "description": [_text(f, "default.description") for f in features],
                "unit": [_text(f, "default.unit") for f in features],
                "access": [_text(f, "default.access") for f in features],
                "type": [_text(f, "default.basetype") for f in features],
            },
            index=pd.Index(list(unique), name="id", dtype=object),
            columns=list(COLUMNS),
            dtype=object,
        )
        self._units: dict[str, str] = dict(zip(self.datapoints.index, self.datapoints["unit"], strict=True))
        self._quantities = {key: self._locate(quantity) for key, quantity in (QUANTITIES | SETTINGS).items()}

    def __repr__(self) -> str:
        return f"<Profile {self.ref} {self.name!r}, {len(self.datapoints)} datapoints>"

    def find(self, text: str) -> pd.DataFrame:
        """The rows of `datapoints` whose id, name or description contains `text`, whatever its case."""
        wanted = text.casefold()
        frame = self.datapoints
        rows = [
            any(wanted in cell.casefold() for cell in (identifier, name, description))
            for identifier, name, description in zip(frame.index, frame["name"], frame["description"], strict=True)
        ]
        return frame[rows]

    def resolve(self, key: str) -> str:
        """Find the id of the datapoint with `key` as its id, name or description.

        Raises:
            UnknownDatapoint: None or several fit; the message lists near matches.
        """
        frame = self.datapoints
        key = str(key)
        if key in frame.index:
            return key
        wanted = key.strip().casefold()
        for column in ("name", "description"):
            found = frame.index[[wanted in (cell.casefold(), _leaf(cell)) for cell in frame[column]]]
            if len(found) == 1:
                return str(found[0])
            if len(found) > 1:
                raise UnknownDatapoint(f"{key!r} names {len(found)} datapoints: {', '.join(found)}; give the id.")
        raise UnknownDatapoint(f"The dataprofile {self.ref} has no datapoint {key!r}; {self._near(wanted)}.")

    def locate(self, quantity: str) -> str | None:
        """The id of the datapoint that holds a quantity or setting of `belimo_nb.quantities`, or None."""
        return self._quantities[quantity]

    def unit(self, datapoint_id: str) -> str:
        """The unit of a datapoint, "" if it has none."""
        return self._units[datapoint_id]

    def _locate(self, quantity: Quantity) -> str | None:
        frame = self.datapoints
        # Only with a unit that can be converted: a number in an unknown unit is worse than none.
        usable = [unit in quantity.dimension.scale for unit in frame["unit"]]
        for name in quantity.names:
            for identifier, cell, good in zip(frame.index, frame["name"], usable, strict=True):
                if good and _leaf(cell) == name.casefold():
                    return str(identifier)
        found: dict[str, str] = {}
        for identifier, name, description, good in zip(
            frame.index, frame["name"], frame["description"], usable, strict=True
        ):
            for text in (description.casefold(), _leaf(name).replace("_", " ")):
                if good and all(word in text for word in quantity.words):
                    found.setdefault(str(identifier), text)
        # The shortest text has the fewest other words: "Heating energy", not "Heating energy of the last month".
        return min(found, key=lambda identifier: len(found[identifier]), default=None)

    def _near(self, wanted: str) -> str:
        frame = self.datapoints
        names = {cell.casefold(): cell for column in ("name", "description") for cell in frame[column] if cell}
        names |= {str(identifier).casefold(): str(identifier) for identifier in frame.index}
        near = difflib.get_close_matches(wanted, names, n=4, cutoff=0.5)
        near += [name for name in names if wanted and wanted in name and name not in near]
        if not near:
            return "datapoints lists what there is"
        return f"near matches: {', '.join(repr(names[name]) for name in near[:4])}"


def _text(features: Mapping[str, Any], key: str) -> str:
    # Some descriptions of the live cloud are wrapped over indented lines.
    return " ".join(str(features.get(key) or "").split())


def _leaf(name: str) -> str:
    """The last part of a name such as ``/hlk/temp_setpoint``, in lower case."""
    return name.rsplit("/", 1)[-1].casefold()

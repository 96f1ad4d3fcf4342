"""Dataprofiles: names, units and meaning of a device type's datapoints."""

from __future__ import annotations

import difflib
import functools
import re
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

from belimo_nb.api.search import folded
from belimo_nb.errors import AnswerError, UnknownDatapoint, printable
from belimo_nb.quantities import (
    AMBIGUOUS,
    CHECKED,
    DIMENSIONS,
    ENERGY,
    MEASURED,
    OTHER_MEANING,
    PERIODS,
    QUANTITIES,
    SETTINGS,
    TOLD,
    VOLUME,
    Dimension,
    Quantity,
    label,
    plural,
    spelled,
)

COLUMNS = {"name": "name", "description": "description", "unit": "unit", "access": "access", "type": "basetype"}
"""Columns of `Profile.datapoints`, and the features they come from."""
KNOWN = QUANTITIES | SETTINGS
NAMES = frozenset(name.casefold() for known in KNOWN.values() for name in (*known.names, *known.names_4))


class UnitWarning(UserWarning):
    """A dataprofile gives a quantity in a unit that cannot be used; its values are unknown."""


def completed(kept: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A dataprofile's object, with the datapoints and units that only an earlier answer on the same version had."""

    def unit(point: Mapping[str, Any]) -> object:
        features = point.get("featureValues")
        return features.get("default.unit") if isinstance(features, dict) else None

    before = {str(point["id"]): point for point in kept["datapoints"]}
    points = {str(point["id"]): point for point in new["datapoints"]}
    points |= {key: old for key, old in before.items() if key not in points or (unit(old) and not unit(points[key]))}
    return {**new, "datapoints": list(points.values())}


class Profile:
    """The datapoints of a device type in one version.

    Args:
        body: The API's dataprofile object.

    Attributes:
        ref: ``id/version``.
        name: The vendor's name for it.
        datapoints: DataFrame, index ``id``, text columns name, description, unit, access (r, w, rw) and
            type (int, real, text, bool); "" where the profile does not say.
        refused: For each quantity or setting whose datapoint gives no unit that can be used, a sentence that says so.

    Raises:
        AnswerError: The body is no dataprofile.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.ref = str(body.get("ref") or f"{body.get('id')}/{body.get('version')}")
        self.name = str(body.get("name") or self.ref)
        unique = self.points(body)
        found = [point.get("featureValues") for point in unique.values()]
        features = [values if isinstance(values, dict) else {} for values in found]
        self.datapoints = pd.DataFrame(
            {name: [_text(f, f"default.{key}") for f in features] for name, key in COLUMNS.items()},
            index=pd.Index(list(unique), name="id", dtype=object),
            columns=list(COLUMNS),
            dtype=object,
        )
        self._units: dict[str, str] = dict(zip(self.datapoints.index, self.datapoints["unit"], strict=True))
        self._leaves: dict[str, list[str]] = {}
        for identifier, name in zip(self.datapoints.index, self.datapoints["name"], strict=True):
            for leaf in dict.fromkeys((_leaf(name), _leaf(identifier))):
                self._leaves.setdefault(leaf, []).append(identifier)
        self._default_units()
        located = {key: self._found(quantity) for key, quantity in KNOWN.items()}
        self.refused = {
            key: reason
            for key, identifier in located.items()
            if identifier is not None and (reason := self._reason(key, identifier))
        }
        self._quantities = {key: None if key in self.refused else identifier for key, identifier in located.items()}

    @staticmethod
    def points(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """The objects of a dataprofile's datapoints by id, each id once.

        Raises:
            AnswerError: The body is no dataprofile.
        """
        points = body.get("datapoints")
        if not isinstance(points, list) or not all(isinstance(p, dict) and "id" in p for p in points):
            ref = body.get("ref") or f"{body.get('id')}/{body.get('version')}"
            raise AnswerError(f"The dataprofile {ref} lists no datapoints; ask the vendor about this profile.")
        found: dict[str, Mapping[str, Any]] = {}
        for point in points:
            found.setdefault(str(point["id"]), point)  # an id that comes twice would break every look-up
        return found

    @staticmethod
    def check_is(ref: str, body: Mapping[str, Any], what: str) -> None:
        """Check that a body is the dataprofile at the path `ref`, as far as it says which one it is.

        Raises:
            AnswerError: It is another one.
        """
        *_, identifier, version = ("", *ref.strip("/").split("/"))
        whole = f"{identifier}/{version}"
        named = {"id": (identifier, whole), "version": (version,), "ref": (whole, ref)}
        for key, wanted in {"id": (identifier,)}.items() if version == "last" else named.items():
            found = body.get(key)
            # A cloud may name a version in short: 1.2 for 1.2.2.
            short = key != "id" and any(each.startswith(f"{found}.") for each in wanted)
            if found is not None and str(found) not in wanted and not short:
                raise AnswerError(
                    f"Asked for {what}, the cloud answered with the {key} {str(found)[:60]!r}; nothing of it is used: "
                    "ask again later."
                )

    def __repr__(self) -> str:
        return printable(f"<Profile {self.ref} {self.name!r}, {plural(len(self.datapoints), 'datapoint')}>")

    def find(self, text: str) -> pd.DataFrame:
        """The rows of `datapoints` whose id, name or description contains `text`, whatever its case or umlauts."""
        wanted = folded(text)
        frame = self.datapoints
        rows = [
            any(wanted in folded(cell) for cell in (identifier, name, description))
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
        wanted = folded(key.strip())
        for texts in (frame["name"], frame.index, frame["description"]):
            found = frame.index[[wanted in (folded(text), folded(_leaf(text))) for text in texts]]
            if len(found) == 1:
                return str(found[0])
            if len(found) > 1:
                raise UnknownDatapoint(
                    f"{key!r} names {plural(len(found), 'datapoint')}: {', '.join(found)}; give the id."
                )
        raise UnknownDatapoint(f"The dataprofile {self.ref} has no datapoint {key!r}; {self._near(wanted)}.")

    def locate(self, quantity: str) -> str | None:
        """The id of the datapoint that holds a quantity or setting of `belimo_nb.quantities`, or None."""
        return self._quantities[quantity]

    @functools.cached_property
    def checked(self) -> dict[str, str | None]:
        """The datapoint of each quantity that checks look at: all of `MEASURED`, and what else the profile has."""
        located = {key: self.locate(key) for key in CHECKED}
        return {key: found for key, found in located.items() if found is not None or key in MEASURED}

    @functools.cached_property
    def told(self) -> frozenset[str]:
        """The ids of what a valve tells besides its measurements, and perhaps only when it has changed."""
        return frozenset(found for key, found in self.checked.items() if key in TOLD and found is not None)

    def unit(self, datapoint_id: str) -> str:
        """The unit of a datapoint, "" if it has none; where a profile of Energy Valve 4 names none, that of the SI."""
        return self._units[datapoint_id]

    @functools.cached_property
    def units(self) -> dict[str, tuple[str, str]]:
        """What each datapoint means: the quantity of `belimo_nb.quantities` that it holds ("": none), and its unit."""
        held = {identifier: key for key, identifier in reversed(self._quantities.items()) if identifier is not None}
        return {key: (held.get(key, ""), unit) for key, unit in self._units.items()}

    def describes(self, quantity: str) -> bool:
        """Whether it has a datapoint for a quantity, be its unit usable or not."""
        return self._quantities[quantity] is not None or quantity in self.refused

    def warn_refused(self, keys: Iterable[str]) -> None:
        """Warn of those of the quantities `keys` whose datapoint gives no unit that can be used."""
        for key in keys:
            if key in self.refused:
                warnings.warn(self.refused[key], UnitWarning, stacklevel=3)

    @property
    def lacking(self) -> list[str]:
        """The quantities that a valve's report needs and the profile does not describe, in words."""
        return [label(key) for key in MEASURED if not self.describes(key)]

    def _found(self, quantity: Quantity) -> str | None:
        """The datapoint that means a quantity, whatever its unit."""
        # A unit that does not fit is no reason to take another datapoint, which means something else.
        for name in (*quantity.names, *quantity.names_4):
            for identifier in self._leaves.get(name.casefold(), ()):
                counts = quantity.dimension in (ENERGY, VOLUME)
                if not (counts and PERIODS & _words(str(self.datapoints.loc[identifier, "description"]))):
                    return identifier
        return self._described(quantity) if quantity.words else None

    def _described(self, quantity: Quantity) -> str | None:
        """The datapoint whose description or name has the words of a quantity, and the fewest others."""
        other_meaning = OTHER_MEANING - set(" ".join(quantity.words).split())
        twins = [other.dimension for other in KNOWN.values() if other.words == quantity.words and other is not quantity]
        found: dict[str, int] = {}
        for identifier, name, description, unit, _, kind in self.datapoints.itertuples(name=None):
            leaf = _apart(name.rsplit("/", 1)[-1])
            other = _leaf(name) in NAMES or other_meaning & (_words(leaf) | _words(description))
            if other or kind in ("text", "bool") or any(dimension.knows(unit) for dimension in twins):
                continue
            for text in (_apart(description), leaf):
                if all(f" {word} " in f" {text} " for word in quantity.words):
                    found.setdefault(identifier, len(text))
        return min(found, key=lambda identifier: found[identifier], default=None)

    def _default_units(self) -> None:
        """Give the datapoints of Energy Valve 4 the units of the SI, where the profile names none for any of them."""
        ours = {
            identifier: quantity.dimension.si
            for quantity in KNOWN.values()
            for name in quantity.names_4
            for identifier in self._leaves.get(name.casefold(), ())
        }
        if not any(self._units[identifier] for identifier in ours):
            self._units |= ours
            self.datapoints["unit"] = [self._units[identifier] for identifier in self.datapoints.index]

    def _reason(self, key: str, identifier: str) -> str:
        """Why a quantity cannot be read from its datapoint; empty if it can."""
        unit, dimension = self._units[identifier], KNOWN[key].dimension
        if dimension.knows(unit):
            return ""
        other: Dimension | None = next((each for each in DIMENSIONS if each.knows(unit)), None)
        if not unit:
            said = "without a unit"
        elif spelled(unit) in AMBIGUOUS:
            said = f"in {unit!r}, which may be a thousand or a million Btu"
        elif other is not None:
            said = f"in {unit!r}, a unit of {other.name}"
        else:
            said = f"in {unit!r}, an unknown unit"
        name = str(self.datapoints.loc[identifier, "name"])
        named = f"{identifier} ({name})" if name and name != identifier else identifier
        return (
            f"The dataprofile {self.ref} gives {label(key)}, datapoint {named}, {said}; it is left out: ask the vendor "
            "for the unit."
        )

    def _near(self, wanted: str) -> str:
        """The end of a sentence: datapoints of such a quantity, a like name or a like word, or some that there are."""
        frame = self.datapoints
        names = {folded(cell): str(cell) for column in ("name", "description") for cell in frame[column] if cell}
        names |= {folded(identifier): str(identifier) for identifier in frame.index}
        by_word: dict[str, list[str]] = {}
        for name in names:
            for word in _apart(names[name]).split():
                by_word.setdefault(folded(word), []).append(name)
        held = {
            _apart(text): key
            for key in self._quantities
            for text in (key, label(key), (QUANTITIES | SETTINGS)[key].column)
        }
        meant = [self._quantities[held[text]] for text in difflib.get_close_matches(_apart(wanted), held, cutoff=0.8)]
        near = [folded(frame.loc[found, "name"] or found) for found in meant if found is not None]
        near += difflib.get_close_matches(wanted, names, n=4, cutoff=0.6)
        near += [name for name in names if wanted and wanted in name]
        for word in _apart(wanted).split():
            near += [
                name for like in difflib.get_close_matches(word, by_word, n=2, cutoff=0.85) for name in by_word[like]
            ]
        if near:
            return f"near matches: {', '.join(repr(names[name]) for name in list(dict.fromkeys(near))[:4])}"
        some = [found for found in self._quantities.values() if found is not None] or list(map(str, frame.index))
        such = ", ".join(repr(str(frame.loc[found, "name"]) or found) for found in dict.fromkeys(some[:4]))
        return f"it has {such} and others, which `datapoints` lists" if some else "it has none at all"


def _text(features: Mapping[str, Any], key: str) -> str:
    # Some descriptions of the live cloud are wrapped over indented lines.
    return " ".join(str(features.get(key) or "").split())


def _leaf(name: str) -> str:
    """The last part of a name such as ``/hlk/temp_setpoint``, in lower case."""
    return name.rsplit("/", 1)[-1].casefold()


@lru_cache(maxsize=4096)  # each quantity looks at the names of all datapoints
def _apart(text: str) -> str:
    """The words of a text in lower case, between blanks; a name such as ``HeatingEnergy`` has two."""
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text))).casefold()


def _words(text: str) -> set[str]:
    return set(_apart(text).split())

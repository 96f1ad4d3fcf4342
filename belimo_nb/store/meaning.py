"""What kept readings mean: each part of a history is explained by the dataprofile that was in force."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.api.history import typed
from belimo_nb.quantities import DIMENSIONS, QUANTITIES, SETTINGS, TEMPERATURE, plural
from belimo_nb.store.coverage import second

Units = Mapping[str, tuple[str, str]]
"""By datapoint: its quantity of `belimo_nb.quantities` ("" for none), and its unit."""


@dataclass(frozen=True)
class Meaning:
    """What datapoints mean, for as long as a device's dataprofile stays.

    Attributes:
        units: By datapoint, as far as they were asked for.
        first: The device's last contact when it was first found, seconds since 1970.
        last: The same when it was last found.
        begin: From when on readings mean this, seconds since 1970; of the first of a history all before it, too.
    """

    units: Units = field(hash=False)
    first: int
    last: int
    begin: int

    def agrees(self, units: Units) -> bool:
        """Whether no datapoint means something else in `units`, and no quantity is in another datapoint."""
        where = {quantity: key for key, (quantity, _) in self.units.items() if quantity}
        return all(
            self.units.get(key, meant) == meant and where.get(meant[0], key) == key for key, meant in units.items()
        )

    def to_json(self) -> dict[str, Any]:
        """As plain lists and objects."""
        units = {key: list(meant) for key, meant in self.units.items()}
        return {"units": units, "first": self.first, "last": self.last, "begin": self.begin}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Meaning:
        """From `to_json`; KeyError, TypeError, AttributeError or ValueError for anything else."""
        units = {str(key): (str(quantity), str(unit)) for key, (quantity, unit) in body["units"].items()}
        return cls(units, *(second(body[key]) for key in ("first", "last", "begin")))


def noted(meanings: Sequence[Meaning], units: Units, seen: int) -> tuple[Meaning, ...]:
    """The meanings of a history with that of an answer, given with the device's last contact."""
    if not units:
        return tuple(meanings)
    if meanings and meanings[-1].agrees(units):
        last = meanings[-1]
        return (*meanings[:-1], replace(last, units={**last.units, **units}, last=max(last.last, seen)))
    return (*meanings, Meaning(dict(units), seen, seen, seen))


def placed(
    meanings: Sequence[Meaning], times: npt.NDArray[np.int64], columns: Mapping[str, npt.NDArray[Any]], step: int
) -> tuple[Meaning, ...]:
    """The meanings, each begun where the readings show it.

    Between the last contact under one dataprofile and the first under the next, only the readings tell when it changed:
    there a counter in J becomes one in kWh. The moment is the one at which they jump least, over all datapoints.

    Args:
        meanings: In their order.
        times: Begins of buckets, ascending, seconds since 1970.
        columns: Values by datapoint.
        step: Seconds of a bucket.
    """
    found = list(meanings[:1])
    for before, after in itertools.pairwise(meanings):
        low, high = np.searchsorted(times, (before.last - step + 1, after.first))
        high = max(low, high)
        cost = np.zeros(high - low + 1)
        for key, (quantity, unit) in after.units.items():
            old = before.units.get(key, ("", ""))
            if key in columns and old[0] == quantity and old[1] != unit:
                cost += _jumps(columns[key], _converted(columns[key], quantity, old[1], unit), low, high)
        rows = np.append(times[low:high], after.first)
        found.append(replace(after, begin=int(rows[np.argmin(cost)]) if cost.any() else after.first))
    return tuple(found)


def _jumps(new: npt.NDArray[Any], old: npt.NDArray[np.float64], low: int, high: int) -> npt.NDArray[np.float64]:
    """How much more than at best a column jumps if its meaning changes before each row from `low` to `high`."""
    ours = pd.to_numeric(pd.Series(new, dtype=object), errors="coerce").to_numpy(dtype=float)
    known = np.flatnonzero(np.isfinite(ours))
    edges = np.searchsorted(known, (low, high))
    rows = known[max(edges[0] - 1, 0) : edges[1] + 1]  # with a neighbor on either side
    if len(rows) < 2:
        return np.zeros(high - low + 1)
    both = np.array([old[rows], ours[rows]])
    within = np.abs(np.diff(both))
    across = np.concatenate([[0.0], np.abs(both[1, 1:] - both[0, :-1]), [0.0]])
    left, right = np.cumsum(within[0]), np.cumsum(within[1][::-1])[::-1]
    # For a change before the i-th of the rows: the old ones before it, the step over it, the new ones behind.
    total = across + np.concatenate([[0.0, 0.0], left]) + np.concatenate([right, [0.0, 0.0]])
    places = np.searchsorted(rows, np.arange(low, high + 1))
    if not np.isfinite(total).all():
        return np.zeros(high - low + 1)  # units that cannot be converted tell nothing
    # By their ratio to the least: a counter that jumps by a million tells more than a flow that comes and goes.
    least = 1e-12 * float(total.max()) + 1e-300
    total = np.log((total + least) / (total.min() + least))
    return np.asarray(total[places])


def translated(
    wanted: Units, meanings: Sequence[Meaning], times: npt.NDArray[np.int64], columns: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """Columns as the present dataprofile means them: units converted, and readings of other ids brought in.

    Args:
        wanted: What the columns should mean.
        meanings: In their order.
        times: Begins of buckets, ascending, seconds since 1970.
        columns: Values by datapoint, of `wanted` and of `sources`.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    for key, (quantity, unit) in wanted.items():
        told = any(key in meaning.units for meaning in meanings)
        parts = np.full(len(times), np.nan) if told or key not in columns else columns[key]
        for place, meaning in reversed(list(enumerate(meanings))):
            for source in (
                name for name in meaning.units if name in columns and _is_same(meaning, name, key, quantity)
            ):
                later = [m.begin for m in meanings[place + 1 :] if source in m.units]
                earlier = any(source in m.units for m in meanings[:place])
                rows = (times < min(later, default=2**62)) & (times >= (meaning.begin if earlier else -(2**62)))
                old = meaning.units[source][1]
                values = columns[source]
                if old == unit and values.dtype == object:
                    parts = parts.astype(object)
                else:
                    values = _converted(values, quantity, old, unit)
                    if old != unit and (lost := int((pd.isna(values) & ~pd.isna(columns[source]) & rows).sum())):
                        of = plural(lost, f"kept reading of {source} is", f"kept readings of {source} are")
                        warnings.warn(
                            f"{of} in {old!r}, which cannot be converted to {unit!r}; taken for unknown.",
                            stacklevel=2,
                        )
                parts = np.where(rows & pd.isna(parts) & ~pd.isna(values), values, parts)
        found[key] = np.asarray(typed(pd.Series(parts)).to_numpy())
    return found


def sources(wanted: Units, meanings: Sequence[Meaning]) -> list[str]:
    """The datapoints of a history that hold what is wanted under another id or in another unit; empty if none does."""
    held = {
        source: meant
        for meaning in meanings
        for key, (quantity, _) in wanted.items()
        for source, meant in meaning.units.items()
        if _is_same(meaning, source, key, quantity) or source == key
    }
    changed = any(
        not _is_same(meaning, key, key, wanted[key][0]) or meaning.units[key][1] != wanted[key][1]
        for meaning in meanings
        for key in wanted
        if key in meaning.units
    )
    return list(held) if changed or held.keys() - wanted.keys() else []


def _is_same(meaning: Meaning, source: str, key: str, quantity: str) -> bool:
    """Whether a datapoint of a meaning holds a quantity, or without one is the same datapoint."""
    meant = meaning.units[source][0]
    return meant == quantity if quantity else source == key and not meant


def _converted(values: npt.NDArray[Any], quantity: str, old: str, new: str) -> npt.NDArray[np.float64]:
    """Numbers in another unit; NaN where the units are of no common dimension."""
    numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(dtype=float)
    if old == new:
        return numbers
    if known := (QUANTITIES | SETTINGS).get(quantity):
        dimensions = [known.dimension]
    else:
        # 5 K may be a temperature or a difference.
        dimensions = [each for each in DIMENSIONS if each is not TEMPERATURE]
    for dimension in dimensions:
        if dimension.knows(old) and dimension.knows(new):
            zero, one = dimension.convert(np.array([0.0, 1.0]), new)
            return np.asarray((dimension.convert(numbers, old) - zero) / (one - zero))
    return np.full(len(numbers), np.nan)

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
from belimo_nb.quantities import DIMENSIONS, ENERGY, QUANTITIES, SETTINGS, TEMPERATURE, VOLUME, plural, spelled
from belimo_nb.store.coverage import second

KNOWN = QUANTITIES | SETTINGS
LEAP = 30.0  # factor by which no counter rises from one reading to the next, and no building's load changes for good
AS_BEFORE = 0.02  # by which a counter may have risen while nobody read it

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


def guessed(
    meanings: tuple[Meaning, ...], times: npt.NDArray[np.int64], columns: Mapping[str, npt.NDArray[Any]], step: int
) -> tuple[Meaning, ...]:
    """The meanings, and one before them where a counter leaps by what two units differ in, and counts on as fast.

    Who reads a history for the first time after its dataprofile has changed is not told what it was before.
    """
    for key, (quantity, unit) in meanings[0].units.items() if meanings else ():
        dimension = KNOWN[quantity].dimension if quantity in KNOWN else None
        if dimension not in (ENERGY, VOLUME) or key not in columns or not dimension.knows(unit):
            continue
        rows = np.flatnonzero((numbers := _converted(columns[key], quantity, unit, unit)) > 0)
        rows = rows[times[rows] < meanings[1].begin] if len(meanings) > 1 else rows
        values = numbers[rows]
        leaps = np.flatnonzero(np.abs(np.diff(np.log(values))) > np.log(LEAP))
        if len(leaps) != 1:
            continue
        at = int(leaps[0]) + 1
        speeds = [np.diff(part)[np.diff(part) > 0] for part in (values[:at], values[at:])]
        if not all(map(len, speeds)):
            continue
        ratio, faster = values[at] / values[at - 1], np.median(speeds[1]) / np.median(speeds[0])
        factors = {other: scale / dimension.scale[spelled(unit)] for other, scale in dimension.scale.items()}
        other = min(factors, key=lambda name: abs(np.log(ratio / factors[name])))
        if abs(ratio / factors[other] - 1) < AS_BEFORE and 1 / LEAP < faster / factors[other] < LEAP:
            last = int(times[rows[at - 1]]) + step
            since = f"{pd.Timestamp(last, unit='s', tz='UTC'):%Y-%m-%d %H:%M}Z"
            warnings.warn(
                f"{key} leaps at {since} by what {other} and {unit} differ in, and counts on as before; what was "
                f"before is read in {other}.",
                stacklevel=2,
            )
            return (Meaning({key: (quantity, other)}, last, last, last), *meanings)
    return meanings


def placed(
    meanings: Sequence[Meaning], times: npt.NDArray[np.int64], columns: Mapping[str, npt.NDArray[Any]], step: int
) -> tuple[Meaning, ...]:
    """The meanings, each begun where the readings show it.

    Between the last contact under one dataprofile and the first under the next, only the readings tell when it changed:
    there a counter in J becomes one in kWh. The moment is the one at which all are most like those that are known to
    mean the one or the other, over all datapoints.

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
        for key, new in after.units.items():
            old = before.units.get(key, new)
            if key in columns and old != new:
                cost += _strangeness(key, (old, new), (before, after), columns, (low, high))
        rows = np.append(times[low:high], after.first)
        found.append(replace(after, begin=int(rows[np.argmin(cost)]) if cost.any() else after.first))
    return tuple(found)


def _strangeness(
    key: str,
    meant: tuple[tuple[str, str], tuple[str, str]],
    meanings: tuple[Meaning, Meaning],
    columns: Mapping[str, npt.NDArray[Any]],
    between: tuple[int, int],
) -> npt.NDArray[np.float64]:
    """How strange a column is if its meaning changes before each of the rows `between`: logarithms, summed up."""
    low, high = between
    parts = []
    for number, (quantity, unit) in enumerate(meant):
        known = [
            _magnitudes(columns[name][rows], quantity, meaning.units[name][1], unit)
            for meaning, rows in zip(meanings, (slice(low), slice(high, None)), strict=True)
            for name in meaning.units
            if name in columns and _is_same(meaning, name, key, quantity)
        ]
        # By size, not by the step to the neighbor: a flow comes and goes.
        usual = np.concatenate([some[np.isfinite(some)] for some in known])
        ours = _magnitudes(columns[key][low:high], quantity, unit, unit)
        there = ours[np.isfinite(ours)]
        if not len(usual):  # then only the first is known to be old, and the last to be new
            usual = there[:1] if number == 0 else there[-1:]
        parts.append(np.nan_to_num(np.abs(ours - (np.median(usual) if len(usual) else 0.0)), posinf=0.0))
    old, new = parts
    return np.asarray(np.append(0.0, np.cumsum(old)) + np.append(np.cumsum(new[::-1])[::-1], 0.0))


def _magnitudes(values: npt.NDArray[Any], quantity: str, old: str, new: str) -> npt.NDArray[np.float64]:
    """The logarithms of numbers in another unit; of 0, and what is unknown, none that is finite."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.abs(_converted(values, quantity, old, new))))


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
    if known := KNOWN.get(quantity):
        dimensions = [known.dimension]
    else:
        # 5 K may be a temperature or a difference.
        dimensions = [each for each in DIMENSIONS if each is not TEMPERATURE]
    for dimension in dimensions:
        if dimension.knows(old) and dimension.knows(new):
            zero, one = dimension.convert(np.array([0.0, 1.0]), new)
            return np.asarray((dimension.convert(numbers, old) - zero) / (one - zero))
    return np.full(len(numbers), np.nan)

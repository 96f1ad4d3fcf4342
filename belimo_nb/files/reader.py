"""Read a file by its mapping: quantities of devices in display units, at true times in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.api.history import MAX_VALUE
from belimo_nb.errors import UsageError
from belimo_nb.files import data_log, times
from belimo_nb.files.mapping import CELL, KNOWN, OWN_OFFSET, Column, FileMapping
from belimo_nb.files.table import MAX_COLUMNS, check_bounds, chunks, column_names
from belimo_nb.quantities import listed, plural

MAX_VALUES = 50_000_000  # of one file: 400 MB
DIGITS = 6  # decimals kept: what the conversion of units adds is noise, and would look like a conflict

BAD = r"null|fault|down|disabled|stale|offline|\bbad\b"  # statuses of rows that say nothing
BETWEEN = "\x1f"  # between a name and a serial number

Numbers = npt.NDArray[np.float64]


@dataclass
class DeviceReadings:
    """The readings of one device in a file.

    Attributes:
        name: As the file names it; "" if it does not.
        serial: Its serial number, "" if the file does not say.
        frame: Index: seconds since 1970, ascending; columns: keys of `belimo_nb.quantities`, in display units.
    """

    name: str
    serial: str
    frame: pd.DataFrame


@dataclass
class FileReadings:
    """What a file holds.

    Attributes:
        devices: By device.
        remarks: Sentences on what was left out.
    """

    devices: list[DeviceReadings] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class _Parts:
    """What was read so far, by device and columns, with times as the file writes them."""

    def __init__(self, path: Path, mapping: FileMapping) -> None:
        self.path, self.mapping = path, mapping
        self.found: dict[str, dict[tuple[str, ...], list[tuple[times.Seconds, Numbers]]]] = {}
        self.cells = self.timeless = self.distrusted = 0
        # By column: values, those that are no numbers, those of them without a digit, the first.
        self.wrong: dict[str, tuple[int, int, int, str]] = {}

    def add(self, device: str, quantities: tuple[str, ...], moments: times.Seconds, block: Numbers) -> None:
        """Add rows of a device: times, and a column a quantity."""
        known = moments != times.NO_TIME
        self.timeless += int((~known).sum())
        self.cells += block.size
        if len(self.found) > MAX_COLUMNS or self.cells > MAX_VALUES:
            raise UsageError(
                f"{self.path.name} has more than {MAX_VALUES:,} values or {MAX_COLUMNS:,} devices; split it."
            )
        self.found.setdefault(device, {}).setdefault(quantities, []).append((moments[known], block[known]))

    def numbers(self, column: pd.Series[Any], name: str, quantity: str, unit: str) -> Numbers:
        """A column in the unit that outputs show; NaN for what is no number, which is counted.

        A cell may say its own unit, such as "21.5 °C".
        """
        count, bad, words, first = self.wrong.get(name, (0, 0, 0, ""))
        dimension = KNOWN[quantity].dimension
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            values = dimension.convert(_bounded(column.to_numpy(dtype=float, na_value=np.nan)), unit)
        else:
            texts = column.astype("object").where(column.notna(), "").astype(str)
            values = dimension.convert(self._plain(texts), unit)
            cells = texts[np.isnan(values) & (texts != "").to_numpy()].str.extract(f"^{CELL.pattern}$")
            for own in filter(dimension.knows, cells[1].dropna().unique()):
                rows = cells.index[cells[1] == own]
                values[texts.index.get_indexer(rows)] = dimension.convert(self._plain(cells.loc[rows, 0]), own)
            lost = texts[np.isnan(values) & (texts != "").to_numpy()]
            bad, first = bad + len(lost), first or (lost.iloc[0] if len(lost) else "")
            words += int((~lost.str.contains(r"\d", regex=True)).sum())
        self.wrong[name] = (count + int(column.notna().sum()), bad, words, first)
        return np.round(values, DIGITS)

    def _plain(self, texts: pd.Series[Any]) -> Numbers:
        """The numbers that texts are, as the mapping says how they are written; NaN for what is none."""
        sign, between = re.escape(self.mapping.decimal), re.escape(self.mapping.thousands)
        if self.mapping.thousands == " ":  # or one that does not break the line
            texts = texts.str.replace(r"[\u00a0\u202f]", " ", regex=True)
        if between:  # only where thousands are: 12,5 is no 125
            grouped = texts.str.fullmatch(rf"[+-]?\d{{1,3}}(?:{between}\d{{3}})+(?:{sign}\d*)?")
            texts = texts.where(~grouped, texts.str.replace(self.mapping.thousands, "", regex=False))
        if self.mapping.decimal == ",":
            texts = texts.where(~texts.str.contains(".", regex=False), "x").str.replace(",", ".", regex=False)
        return _bounded(pd.to_numeric(texts, errors="coerce").to_numpy(dtype=float))

    def finished(self) -> FileReadings:
        """The readings by device, at times in UTC."""
        remarks, devices = [], []
        for name, (count, bad, words, first) in self.wrong.items():
            if 2 * (bad - words) > count - words:  # words such as "offline" are no values that were misread
                raise UsageError(
                    f"{self.path.name}: {bad:,} of {plural(count, 'value')} of {name!r} are no numbers, as "
                    f"{first[:40]!r}; the decimal sign is said to be {self.mapping.decimal!r}: correct the mapping."
                )
            if bad:
                remarks.append(
                    f"{bad:,} of {plural(count, 'value')} of {name!r} are no numbers ({first[:40]!r}): unknown."
                )
        if self.timeless:
            remarks.append(f"{plural(self.timeless, 'row without a time is', 'rows without a time are')} left out.")
        if self.distrusted:
            rows = plural(self.distrusted, "row is", "rows are")
            remarks.append(f"{rows} left out, by {self.mapping.status!r}.")
        twice = 0
        zone = OWN_OFFSET if "%Z" in self.mapping.format else self.mapping.zone
        for device in list(self.found):
            frames: list[pd.DataFrame] = []
            for quantities, parts in self.found.pop(device).items():
                local = np.concatenate([each[0] for each in parts])
                moments = times.to_utc(local, zone, self.mapping.doubled, self.path.name)
                frame = pd.DataFrame(np.concatenate([each[1] for each in parts]), moments, list(quantities))
                tidied, conflicts = tidy(frame)
                frames, twice = [*frames, tidied], twice + conflicts
            frame = frames[0] if len(frames) == 1 else pd.concat(frames, axis=1).sort_index()
            name, _, serial = device.partition(BETWEEN)
            name, serial = ("", name) if self.mapping.serial and not self.mapping.device else (name, serial)
            if len(frame):
                devices.append(DeviceReadings(name, serial, frame))
        if twice:
            remarks.append(
                f"{plural(twice, 'time comes', 'times come')} twice with different values; the last in the file counts."
            )
        if not devices:
            raise UsageError(f"{self.path.name} holds no reading of what the mapping names; check its columns.")
        return FileReadings(sorted(devices, key=lambda each: (each.name, each.serial)), remarks)


def _bounded(values: Numbers) -> Numbers:
    return np.where(np.abs(values) <= MAX_VALUE, values, np.nan)


def tidy(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Readings in the order of time, each time once, and how many times had two values of a quantity."""
    frame = frame[frame.notna().any(axis=1)]
    if frame.index.is_monotonic_increasing and frame.index.is_unique:
        return frame, 0
    repeated = frame[frame.index.duplicated(keep=False)].groupby(level=0)
    conflicts = int((repeated.max() > repeated.min()).any(axis=1).sum()) if len(frame) else 0
    return frame.groupby(level=0).last(), conflicts


def read(path: Path, mapping: FileMapping) -> FileReadings:
    """Read a whole file.

    Raises:
        UsageError: A time or a number is not written as the mapping says, or the file holds nothing of it.
    """
    check_bounds(path)
    if mapping.layout == "data log":
        raw, remarks = data_log.read(path, mapping.encoding)
        frame, _ = tidy(raw)
        if frame.empty:
            raise UsageError(f"{path.name} is a data log without a reading.")
        return FileReadings([DeviceReadings("", "", frame.round(DIGITS))], remarks)
    parts = _Parts(path, mapping)
    names = column_names(path, mapping)
    time = [_index(names, name, path) for name in mapping.time]
    labels = [_index(names, name, path) for name in (mapping.device, mapping.serial) if name]
    if not time:
        raise UsageError(f'The mapping of {path.name} names no column of times; write [time] time = "...".')
    (_read_long if mapping.layout == "long" else _read_wide)(parts, names, time, labels)
    return parts.finished()


def _read_wide(parts: _Parts, names: list[str], time: list[int], labels: list[int]) -> None:
    path, mapping = parts.path, parts.mapping
    by_device: dict[str, dict[str, int]] = {}
    for index, name in enumerate(names):
        if (target := target_of(name, mapping)) is not None and index not in (*time, *labels):
            device, column = target
            its = by_device.setdefault(device, {})
            if column.quantity in its:
                raise UsageError(
                    f"{path.name} has {column.quantity} in the columns {names[its[column.quantity]]!r} and {name!r}; "
                    "leave one of them out of the mapping."
                )
            its[column.quantity] = index
    wanted = [index for its in list(by_device.values()) for index in list(its.values())]
    if not wanted:
        raise UsageError(f"{path.name} has none of the mapping's columns; it has {_some(names)}.")
    units = {index: target[1].unit for index in wanted if (target := target_of(names[index], mapping))}
    for part in _rows(parts, names, [*time, *labels], wanted):
        moments = times.parse([part[i] for i in time], mapping.format, mapping.zone, path.name)
        for device, its in by_device.items():
            block = np.column_stack([parts.numbers(part[i], names[i], key, units[i]) for key, i in its.items()])
            for label, rows in _by_label(part, labels):
                parts.add(device or label, tuple(its), moments[rows], block[rows])


def _read_long(parts: _Parts, names: list[str], time: list[int], labels: list[int]) -> None:
    path, mapping = parts.path, parts.mapping
    point, value = (_index(names, name, path) for name in (mapping.name_column, mapping.value_column))
    targets: dict[str, tuple[str, Column] | None] = {}
    for part in _rows(parts, names, [*time, *labels, point], [value]):
        moments = times.parse([part[i] for i in time], mapping.format, mapping.zone, path.name)
        for label, those in _by_label(part, labels):
            for name, rows in _by_label(part.iloc[those], [point]):
                if name not in targets:
                    targets[name] = target_of(name, mapping)
                    if len(targets) > MAX_COLUMNS:
                        raise UsageError(f"{path.name} has more than {MAX_COLUMNS:,} names; split it.")
                if (target := targets[name]) is None:
                    continue
                device, column = target
                its = those[rows]
                values = parts.numbers(part[value].iloc[its], name, column.quantity, column.unit)
                parts.add(device or label, (column.quantity,), moments[its], values[:, None])
    if targets and not any(targets.values()):
        raise UsageError(f"{path.name} has none of the mapping's names; it has {_some(list(targets))}.")


def _rows(parts: _Parts, names: list[str], texts: list[int], values: list[int]) -> Iterator[pd.DataFrame]:
    """The rows of a file, a part at a time, without those that its column of states does not trust."""
    path, mapping = parts.path, parts.mapping
    status = [_index(names, mapping.status, path)] if mapping.status else []
    for part in chunks(path, mapping, [*texts, *values, *status], [*texts, *status], len(names)):
        if status:
            bad = part[status[0]].str.contains(BAD, case=False, regex=True, na=False).to_numpy(dtype=bool)
            parts.distrusted += int(bad.sum())
            part = part[~bad].reset_index(drop=True)
        yield part


def target_of(name: str, mapping: FileMapping) -> tuple[str, Column] | None:
    """The device, or nothing, and the meaning that the mapping gives to a column or a name; None if it gives none."""
    if name in mapping.columns:
        return mapping.columns[name].device, mapping.columns[name]
    place = name.find(mapping.split) if mapping.split else -1
    while place >= 0:  # from the left: the longest name that the mapping has
        if place > 0 and (key := name[place + 1 :]) in mapping.columns:
            return name[:place], mapping.columns[key]
        place = name.find(mapping.split, place + 1)
    return None


def _by_label(part: pd.DataFrame, labels: Sequence[int]) -> Iterator[tuple[str, npt.NDArray[np.intp]]]:
    """The row numbers of each label, which is the text of one column or two; all of them if there is no such column."""
    if not labels:
        yield "", np.arange(len(part))
        return
    text = part[labels[0]].fillna("")
    for more in labels[1:]:
        text = text + BETWEEN + part[more].fillna("")
    for label, rows in text.groupby(text, sort=False).indices.items():
        if str(label).strip(BETWEEN + " "):
            yield str(label), np.asarray(rows)


def _index(names: list[str], name: str, path: Path) -> int:
    if names.count(name) != 1:
        how = "no" if name not in names else "more than one"
        raise UsageError(f"{path.name} has {how} column {name!r}; its columns are {_some(names)}.")
    return names.index(name)


def _some(names: Sequence[str]) -> str:
    return listed([repr(name[:40]) for name in names], 8)

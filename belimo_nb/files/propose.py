"""Propose a mapping for a file: what can be told from its names and first lines, and what must be asked."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from belimo_nb.errors import UsageError
from belimo_nb.files import data_log, times
from belimo_nb.files import names as words
from belimo_nb.files.mapping import CELL, KNOWN, OWN_OFFSET, UNSURE, Column, FileMapping
from belimo_nb.files.names import by_name, rank_of, recognize, without_unit
from belimo_nb.files.reader import target_of
from belimo_nb.files.table import MAX_COLUMNS, check_bounds, chunks, column_names, first_lines

HEAD, HEAD_CELLS = 2000, 500_000  # lines and fields that are looked at, at most
SPLITS = ("_", ".", "/", ":", "|", "-", " ")
STARTS_ROW = re.compile(r"\s*[+-]?\d|.*(\d{4}|\d:\d\d)")  # a cell of a row of values, which has a time at least
MORE_NAMES = 3  # lines with more of the columns' names, such as their units
MOST_ASKED = 50  # columns of which nothing is known that are asked about


@dataclass(frozen=True)
class Proposal:
    """What is known of a file.

    Attributes:
        mapping: How to read it; "?" where that is not known.
        kind: What it is, in words.
        doubts: Questions about what has a "?".
        head: The first rows, by the columns' names.
        unused: Columns or names that nothing is known of.
    """

    mapping: FileMapping
    kind: str
    doubts: list[str]
    head: pd.DataFrame
    unused: list[str]


def propose(path: Path, timezone: str = "") -> Proposal:
    """Find out how a file is to be read.

    Args:
        path: The file.
        timezone: The zone of times that do not say theirs; "" to ask.

    Raises:
        UsageError: It is no table, or has no times.
    """
    check_bounds(path)
    encoding = _encoding(path)
    lines = first_lines(path, encoding)
    if data_log.is_data_log(lines):
        mapping = FileMapping(layout="data log", encoding=encoding, header=2, time=("Timestamp - UTC",), zone="UTC")
        return Proposal(mapping, "the data log of a valve", [], pd.DataFrame(), [])
    separator, header, more = _table(lines, path.name)
    mapping = FileMapping(separator=separator, encoding=encoding, header=header + more, header_lines=1 + more)
    names = column_names(path, mapping)
    head = head_of(path, mapping, names)
    plain = {name: _plain(name) for name in names}

    def first(known: Sequence[str]) -> str:
        return next((name for wish in known for name in names if plain[name] == wish), "")

    time = _time_columns(names, plain, head)
    if not time:
        shown = ", ".join(repr(name[:40]) for name in names[:8])
        raise UsageError(f"{path.name} has no column of times among {shown}; name it in a mapping ([time] time).")
    head = head[head[time[0]].str.contains(r"\d", regex=True, na=False)]  # without lines of totals
    point, value, serial, device = (
        first(words.POINT_COLUMNS),
        first(words.VALUE_COLUMNS),
        first(words.SERIAL_COLUMNS),
        first(words.DEVICE_COLUMNS),
    )
    status = first([plain[name] for name in names if plain[name] in words.STATUS_COLUMNS and names.count(name) == 1])
    mapping = replace(mapping, time=time, device=device, serial=serial, status=status)
    kind, found = "a table, a column a quantity", [n for n in names if n and n not in (*time, device, serial, status)]
    if point and value:
        mapping = replace(mapping, layout="long", name_column=point, value_column=value)
        told = _units_of(path, mapping, names, first(words.UNIT_COLUMNS))
        kind, found = "a trend, a line a value", list(told)
    si = "dataprofileid" in plain.values()
    if si:
        kind = "a table of the vendor's cloud"
    elif separator == ";" and "timestamp" in list(plain.values()) and any(by_name(name) for name in found):
        kind, si = "the cloud's download", True
    asked = [n for n in found if n not in head or head[n].dropna().str.fullmatch(f" *{CELL.pattern} *").mean() > 0.5]
    mapping, unused = _with_columns(mapping, found, asked[:MOST_ASKED], si=si)
    if mapping.layout == "long":
        mapping = _with_units(mapping, told)
    mapping = replace(mapping, columns={name: _by_cells(head, name, mapping) for name in mapping.columns})
    decimal, thousands = _numbers(mapping, head)
    mapping = replace(mapping, decimal=decimal, thousands=thousands)
    mapping = _with_times(path, mapping, names, head, timezone)
    return Proposal(mapping, kind, doubts(path.name, mapping, head), head, unused)


def by_mapping(path: Path, mapping: FileMapping, said: str) -> Proposal:
    """What is known of a file by a mapping of the user's, which may have a "?" left; `said` is its name."""
    check_bounds(path)
    if mapping.layout == "data log":
        return Proposal(mapping, f"a data log by {said}", [], pd.DataFrame(), [])
    names = column_names(path, mapping)
    head = head_of(path, mapping, names)
    return Proposal(mapping, f"by {said}", doubts(path.name, mapping, head), head, [])


def doubts(what: str, mapping: FileMapping, head: pd.DataFrame) -> list[str]:
    """Questions about what a mapping has "?" for, with what was seen in the first rows of the file `what`."""
    found = []
    seen = " ".join(_example(head, name) for name in mapping.time)
    if mapping.format == UNSURE:
        forms = " or ".join(repr(form) for form in times.forms(seen)) or "a form of Python's strptime"
        found.append(f"{what}: how is the time {seen!r} to be read, {forms}? Write format in [time] of a mapping.")
    elif mapping.zone == UNSURE:
        found.append(
            f"{what}: whose clock shows the times such as {seen!r}? Say --timezone Europe/Zurich or the like, UTC, or "
            "+01:00 (winter time all year)."
        )
    if mapping.decimal == UNSURE:
        cells = [cell for column in _number_columns(mapping, head) for cell in head[column].dropna()]
        cell = next((cell for cell in cells if re.search("[.,]", cell)), "?")
        found.append(
            f"{what}: is the sign in {cell!r} a decimal sign or between thousands? Write decimal and thousands in a "
            "mapping."
        )
    asked: dict[str, list[str]] = {"quantity": [], "unit": []}
    for name, column in mapping.columns.items():
        example = _example(head, name, mapping)
        if column.quantity == UNSURE:
            asked["quantity"].append(f"{name!r}{example and f' (such as {example})'}")
        elif column.unit == UNSURE:
            asked["unit"].append(f"{name!r} ({column.quantity}{example and f', such as {example}'})")
    if each := "; ".join(asked["quantity"]):
        found.append(
            f"{what}: which quantity is {each}: heating_energy, cooling_energy, t1 ...? Write it in a mapping."
        )
    if each := "; ".join(asked["unit"]):
        found.append(f'{what}: in which unit is {each}? Write it in a mapping, e.g. unit = "kWh".')
    return found


def head_of(path: Path, mapping: FileMapping, names: Sequence[str]) -> pd.DataFrame:
    """The first rows of a file as text, by the columns' names."""
    every = range(len(names))
    part = next(chunks(path, mapping, every, every, len(names), min(HEAD, 10 + HEAD_CELLS // len(names))), None)
    if part is None or part.empty:
        raise UsageError(f"{path.name} has no rows below the names of its columns.")
    frame = part[list(every)].set_axis(list(names), axis="columns")
    return frame.loc[:, ~frame.columns.duplicated()]


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        block = stream.read(1 << 20)
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(block)  # which forgives a sign that the block's end cuts
    except UnicodeDecodeError:
        return "cp1252"  # what is no UTF-8 comes from Windows in Europe
    else:
        return "utf-8-sig"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", re.sub(r"[\[(].*", "", name)).casefold()


def _table(lines: Sequence[str], what: str) -> tuple[str, int, int]:
    """The separator, the number of the line with the names, and how many lines below go on with them.

    Names are the line with the most lines of its width below.
    """
    best: tuple[int, int, str] = (0, 0, "")
    for separator in ";\t,|":
        try:
            rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
        except csv.Error:
            continue
        for number, row in enumerate(rows):
            if _is_names(row):
                # Twice as much as lines of nearly its width, such as those that end with a separator.
                widths = [len(other) - len(row) for other in rows[number + 1 :] if len(other) > 1]
                like = sum((abs(width) <= 1) + (width == 0) for width in widths)
                best = max(best, (like, -number, separator))
    if not best[2]:
        start = (lines or [""])[0][:60]
        raise UsageError(f"{what} has no line of names above rows of values (it begins with {start!r}); is it CSV?")
    below = list(csv.reader(lines, delimiter=best[2], skipinitialspace=True))[1 - best[1] :]
    more = next((number for number, row in enumerate(below) if any(map(STARTS_ROW.match, row))), 0)
    return best[2], 1 - best[1], more if more <= MORE_NAMES else 0


def _is_names(row: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in row if cell.strip()]
    numbers = any(re.fullmatch(r"[+-]?[\d.,:' /TZ-]+", cell) for cell in filled)
    # Meters' numbers may be names, but only beside a time's.
    return len(filled) > 1 and (not numbers or any(_plain(cell) in words.TIME_COLUMNS for cell in filled))


def _time_columns(names: Sequence[str], plain: dict[str, str], head: pd.DataFrame) -> tuple[str, ...]:
    """The column of times, or those of dates and clock times."""
    found = [
        name
        for wish in words.TIME_COLUMNS
        for name in names
        if re.sub(r"(utc|gmt)\d*|local|lokal", "", plain[name]) in (wish, f"{wish}s")
    ]
    clocks = [
        name for name in found if head[name].dropna().str.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?(\s?[AaPp][Mm])?").all()
    ]
    dates = [name for name in found if name not in clocks]
    if not dates:
        return ()
    bare = not head[dates[0]].dropna().str.contains(r"[T ]|^\d{9,}", regex=True).any()
    return (dates[0], clocks[0]) if clocks and bare else (dates[0],)


def _with_columns(
    mapping: FileMapping, found: Sequence[str], asked: Sequence[str], *, si: bool
) -> tuple[FileMapping, list[str]]:
    """The mapping with what names mean, and the names that mean nothing known; `si`: of the vendor's cloud.

    Where no name is known, the user is asked about those of `asked`.
    """
    columns: dict[str, Column] = {}
    if not any(by_name(name) for name in found):
        for split in SPLITS:
            pieces = [(name.split(split), at) for name in found for at in range(name.count(split), 0, -1)]
            keys = {split.join(parts[at:]) for parts, at in pieces if split.join(parts[:at])}
            columns = {key: column for key in sorted(keys) if (column := by_name(key))}
            if columns:
                mapping = replace(mapping, split=split)
                break
    columns = columns or {name: column for name in found if (column := recognize(name))}
    columns = columns or {name: Column(UNSURE, without_unit(name)[1] or UNSURE) for name in asked}
    if si:
        columns = {
            name: replace(column, unit=KNOWN[column.quantity].dimension.si)
            if column.unit == UNSURE and by_name(name)
            else column
            for name, column in columns.items()
        }
    mapping = replace(mapping, columns=_unique(columns))
    return mapping, [name for name in found if target_of(name, mapping) is None]


def _units_of(path: Path, mapping: FileMapping, names: Sequence[str], unit: str) -> dict[str, set[str]]:
    """The names in the whole file, each with what a column of units has for it ("" for none)."""
    wanted = [list(names).index(name) for name in (mapping.name_column, unit) if name]
    found: dict[str, set[str]] = {}
    for part in chunks(path, mapping, wanted, wanted, len(names)):
        for name, *said in part[wanted].dropna(subset=wanted[:1]).drop_duplicates().itertuples(index=False):
            found.setdefault(name.strip(), set()).update(text.strip() for text in said if isinstance(text, str))
        if len(found) > MAX_COLUMNS:
            raise UsageError(f"{path.name} has more than {MAX_COLUMNS:,} names; split it.")
    return found


def _with_units(mapping: FileMapping, units_of: dict[str, set[str]]) -> FileMapping:
    """The mapping with the unit of each name, where it is one in the whole file."""
    units: dict[str, set[str]] = {}
    for name, said in units_of.items():
        if said and (target := target_of(name, mapping)):
            key = next(key for key, column in mapping.columns.items() if column is target[1])
            units.setdefault(key, set()).update(said)
    told = {key: next(iter(those)) for key, those in units.items() if len(those) == 1}
    return replace(
        mapping,
        columns={
            key: replace(column, unit=told[key])
            if column.unit == UNSURE and key in told and _measures(column.quantity, told[key])
            else column
            for key, column in mapping.columns.items()
        },
    )


def _by_cells(head: pd.DataFrame, name: str, mapping: FileMapping) -> Column:
    """What a column or name holds, with the unit that stands in its cells if it is not known from elsewhere."""
    column = mapping.columns[name]
    texts = _cells(head, name, mapping) if column.unit == UNSURE else ()
    own = [match[2] or "" for text in texts if (match := CELL.fullmatch(str(text).strip()))]
    return replace(column, unit=own[0]) if own and all(_measures(column.quantity, unit) for unit in own) else column


def _measures(quantity: str, unit: str) -> bool:
    return quantity in KNOWN and KNOWN[quantity].dimension.knows(unit)


def _unique(columns: dict[str, Column]) -> dict[str, Column]:
    """One column of each quantity: the first by the vendor's names; which one it is of others, is to be asked."""
    kept: dict[str, Column] = {}
    for quantity in dict.fromkeys(column.quantity for column in columns.values()):
        its = {name: column for name, column in columns.items() if column.quantity == quantity}
        ranks = {name: rank for name in its if (rank := rank_of(name, quantity)) is not None}
        if ranks:
            best = min(ranks, key=lambda name: ranks[name])
            kept[best] = its[best]
        else:
            kept |= its if len(its) == 1 else {name: replace(column, quantity=UNSURE) for name, column in its.items()}
    return kept


def _number_columns(mapping: FileMapping, head: pd.DataFrame) -> list[str]:
    if mapping.layout == "long":
        return [mapping.value_column] if mapping.value_column in head else []
    return [str(name) for name in head.columns if target_of(str(name), mapping)]


def _numbers(mapping: FileMapping, head: pd.DataFrame) -> tuple[str, str]:
    """The decimal sign and that between thousands."""
    cells = [cell.strip() for name in _number_columns(mapping, head) for cell in head[name].dropna()]
    cells = [re.sub(r"\s", " ", match[1]) for cell in cells if (match := CELL.fullmatch(cell))]
    commas, dots = ([cell for cell in cells if sign in cell] for sign in ",.")
    thousands = next((sign for sign in "' " if any(sign in cell for cell in cells)), "")
    both = [cell for cell in commas if "." in cell]
    if both:
        last = {"," if cell.rfind(",") > cell.rfind(".") else "." for cell in both}
        sign = last.pop()
        return (UNSURE, "") if last else (sign, "." if sign == "," else ",")
    if commas and dots:
        return UNSURE, ""
    for sign, some in ((",", commas), (".", dots)):
        if some:
            grouped = all(re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}(\{sign}\d{{3}})+", cell) for cell in some)
            return (UNSURE, "") if grouped else (sign, thousands)
    return ".", thousands


def _with_times(
    path: Path, mapping: FileMapping, names: Sequence[str], head: pd.DataFrame, timezone: str
) -> FileMapping:
    """The mapping with the form and the zone of its times."""
    seen = " ".join(_example(head, name) for name in mapping.time)
    forms = times.forms(seen)
    if len(forms) > 1:  # days above 12 tell, wherever in the file they are
        texts = pd.Series(list(_texts(path, mapping, names, *mapping.time)), dtype=object)
        texts = texts[texts.str.contains(r"\d", regex=True)]
        forms = [form for form in forms if pd.to_datetime(texts, format=form, errors="coerce").notna().all()]
    form = forms[0] if len(forms) == 1 else UNSURE
    named = re.search(r"(?:\b|_)(?:utc|gmt)([+-]\d{1,2}(?::?\d{2})?)?\b", " ".join(mapping.time).casefold())
    if form.startswith("epoch") or named:
        zone = (named and named[1]) or "UTC"
    elif "%Z" in form:  # where a name is another's, too, the user says whose
        every = _texts(path, mapping, names, *mapping.time)
        own = {text.rpartition(" ")[2] for text in every if re.search(r"\d", text)}
        zone = timezone or (OWN_OFFSET if own <= set(times.ZONES) else UNSURE)
    elif "%z" in form or times.OFFSET.fullmatch(seen):
        zone = OWN_OFFSET
    else:
        zone = timezone or UNSURE
    return replace(mapping, format=form, zone=zone)


def _texts(path: Path, mapping: FileMapping, names: Sequence[str], *columns: str) -> dict[str, None]:
    """The different texts of a column, or of two together, in the whole file."""
    wanted = [list(names).index(name) for name in columns]
    found: dict[str, None] = {}
    for part in chunks(path, mapping, wanted, wanted, len(names)):
        texts = part[wanted[0]]
        for more in wanted[1:]:
            texts = texts.str.strip() + " " + part[more].str.strip()
        found |= dict.fromkeys(texts.dropna().str.strip().unique())
    return found


def _example(head: pd.DataFrame, name: str, mapping: FileMapping | None = None) -> str:
    """The first text of a column; in long files the first value of a name."""
    texts = _cells(head, name, mapping)
    return str(texts.iloc[0]).strip()[:40] if len(texts) else ""


def _cells(head: pd.DataFrame, name: str, mapping: FileMapping | None) -> pd.Series[str]:
    """The texts of a column; in long files the values of a name."""
    ends = f"{mapping.split}{name}" if mapping and mapping.split else ""
    if mapping is not None and mapping.layout == "long" and mapping.name_column in head:
        own = [str(text) == name or bool(ends and str(text).endswith(ends)) for text in head[mapping.name_column]]
        return head[mapping.value_column][own].dropna()
    column = next((c for c in head if c == name or (ends and str(c).endswith(ends))), None)
    return pd.Series(dtype=str) if column is None else head[column].dropna()

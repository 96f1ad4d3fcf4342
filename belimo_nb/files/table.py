"""Tables of text files: their first lines, their columns' names, and their rows, a part at a time."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from belimo_nb.errors import UsageError
from belimo_nb.files.mapping import FileMapping
from belimo_nb.quantities import plural

MAX_BYTES = 2_000_000_000
MAX_LINE = 1_000_000  # bytes of a line
MAX_COLUMNS = 20_000
CHUNK_CELLS = 2_000_000


def check_bounds(path: Path) -> None:
    """Look through a file for what would take all memory, and for bytes that are no text.

    Raises:
        UsageError: It cannot be read, is too large, no text, or has a line that is too long.
    """
    what = path.name
    try:
        with path.open("rb") as stream:
            start = stream.read(2)
            wide = start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
            length = total = 0
            while block := stream.read(1 << 20):
                total += len(block)
                if b"\0" in block and not wide:
                    kind = "a workbook; save its sheet" if start == b"PK" else "no text file; export it"
                    raise UsageError(f"{what} is {kind} as CSV.")
                first, *others = block.split(b"\n")
                length = max([length + len(first), *map(len, others[:-1])])
                if max(length, len(others[-1]) if others else 0) > MAX_LINE:
                    raise UsageError(f"{what} has a line of more than {MAX_LINE:,} bytes; is it a table?")
                if total > MAX_BYTES:
                    raise UsageError(f"{what} has more than {MAX_BYTES / 1e9:g} GB; split it.")
                length = len(others[-1]) if others else length
    except OSError as error:
        raise UsageError(f"{what} cannot be read ({error.strerror}); check the path.") from None


def first_lines(path: Path, encoding: str, most: int = 60) -> list[str]:
    """The first lines of a file.

    Raises:
        UsageError: It cannot be read in this encoding.
    """
    lines: list[str] = []
    try:
        with path.open(encoding=encoding, newline=None) as stream:
            while len(lines) < most and (line := stream.readline(MAX_LINE)):
                lines.append(line.rstrip("\r\n"))
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read ({error.strerror}); check the path.") from None
    except (UnicodeError, LookupError):
        raise UsageError(f"{path.name} is no text in {encoding!r}; name its encoding in a mapping.") from None
    return lines


def column_names(path: Path, mapping: FileMapping) -> list[str]:
    """The names of a file's columns.

    Raises:
        UsageError: There is no such line, too many names, or one of them twice.
    """
    lines = first_lines(path, mapping.encoding, mapping.header)
    if len(lines) < mapping.header:
        raise UsageError(f"{path.name} has no line {mapping.header} with the names of columns.")
    above = lines[-max(mapping.header_lines, 1) :]
    try:
        rows = [next(csv.reader([line], delimiter=mapping.separator), []) for line in above]
        names = joined_names(rows) if len(rows) > 1 else [name.strip() for name in rows[0]]
    except csv.Error as error:
        raise UsageError(f"{path.name} has a line of names that cannot be read ({error}).") from None
    if len(names) > MAX_COLUMNS:
        raise UsageError(f"{path.name} has {plural(len(names), 'column')}, more than {MAX_COLUMNS:,}; split it.")
    return names


def joined_names(rows: Sequence[Sequence[str]]) -> list[str]:
    """Names that go over several lines; a cell that was merged with those right of it names them all."""
    names = [""] * max(map(len, rows))
    for number, row in enumerate(rows, 1):
        cell = ""
        for at in range(len(names)):
            own = row[at].strip() if at < len(row) else ""
            cell = own if own or number == len(rows) else cell
            names[at] = f"{names[at]} {cell}".strip()
    return names


class _Renamed(io.TextIOBase):
    """The rows of a file below a line of column numbers, which tells pandas the width of the table."""

    def __init__(self, stream: TextIO, mapping: FileMapping, width: int) -> None:
        self._stream = stream
        for _ in range(mapping.header):
            stream.readline()
        self._first = mapping.separator.join(map(str, range(width))) + "\n"

    def read(self, size: int | None = -1) -> str:
        first, self._first = self._first, ""
        return first or self._stream.read(-1 if size is None else size)


def chunks(
    path: Path, mapping: FileMapping, wanted: Sequence[int], texts: Sequence[int], width: int, most: int | None = None
) -> Iterator[pd.DataFrame]:
    """Parts of a table: the wanted columns by their numbers, those of `texts` as text, NaN where missing.

    Lines that are shorter than the names are filled with missing values, longer ones refused.

    Raises:
        UsageError: It is no such table.
    """
    # One column more than there are names, for lines that end with a separator.
    options: dict[str, Any] = {
        "sep": mapping.separator,
        "usecols": [*wanted, width],
        "index_col": False,
        "dtype": {str(number): str for number in [*texts, width]},
        "na_values": list(mapping.missing),
        "keep_default_na": False,
        "decimal": mapping.decimal if mapping.decimal == "," else ".",
        "skipinitialspace": True,
        "low_memory": False,
        "nrows": most,
        "chunksize": max(500, CHUNK_CELLS // (len(wanted) + 1)),
    }
    try:
        with (
            path.open(encoding=mapping.encoding) as stream,
            pd.read_csv(_Renamed(stream, mapping, width + 1), **options) as parts,
        ):
            for part in parts:
                part.columns = [int(name) for name in part.columns]
                more = part[width].dropna()
                if len(more):
                    raise UsageError(
                        f"{path.name} has a line with more fields than names, one of them {more.iloc[0][:40]!r}; is "
                        f"{mapping.separator!r} the separator, and the decimal sign another?"
                    )
                yield part
    except (UnicodeError, LookupError):
        raise UsageError(f"{path.name} is no text in {mapping.encoding!r}; name its encoding in a mapping.") from None
    except (ValueError, OverflowError, OSError) as error:
        if isinstance(error, UsageError):
            raise
        if "Calling read(nbytes) on source failed" in str(error):  # all that pandas says of a Ctrl-C while we read
            raise KeyboardInterrupt from None
        reason = " ".join(str(error).split())[:120].rstrip(".")
        raise UsageError(f"{path.name} is no table with {mapping.separator!r} between fields ({reason}).") from None

"""The tables of a report as files: CSV, CSV for a spreadsheet with decimal commas, or one workbook."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from belimo_nb.display.table import FORMULA_STARTS
from belimo_nb.errors import UsageError

LONGEST_NAME, LONGEST_TEXT = 31, 32_767  # characters that a sheet's name and a cell may have
WIDTHS = (9, 60)  # of a column, in characters: at least and at most
MEASURED_ROWS = 500  # of which a column's width is taken
BYTE_ORDER_MARK = "\ufeff"  # tells Excel that it is UTF-8

Cell = str | float | datetime | None


def can_write_workbooks() -> bool:
    """Whether the package that writes them is installed."""
    return find_spec("xlsxwriter") is not None


def check(kind: str) -> None:
    """Say at once if tables of a kind cannot be written here.

    Raises:
        UsageError: The package that writes workbooks is not installed.
    """
    if kind == "xlsx" and not can_write_workbooks():
        raise UsageError(
            "Workbooks need the package XlsxWriter: pip install xlsxwriter; or use --tables csv-semicolon, "
            "which a spreadsheet opens with a double click."
        )


def semicolons(table: Mapping[str, Any]) -> str:
    """A table as CSV with semicolons, decimal commas and local times, as Excel reads it where a comma is decimal."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    head, *rows = csv.reader(io.StringIO(table["csv"], newline=""))
    writer.writerow(head)
    kinds = _kinds(table, len(head))
    for row in rows:
        writer.writerow([_with_comma(cell, kind) for cell, (kind, _) in zip(row, kinds, strict=True)])
    return BYTE_ORDER_MARK + text.getvalue()


def workbook(tables: Mapping[str, Mapping[str, Any]], title: str, made_at: datetime) -> bytes:
    """Tables as one .xlsx file, a sheet for each: numbers and dates as such, a frozen head, columns wide enough.

    Spreadsheets know no time zones: times are local ones.

    Args:
        tables: By name, as `display.Table.data` gives them.
        title: Of the report.
        made_at: When it was made.
    """
    check("xlsx")
    import xlsxwriter

    stream = io.BytesIO()
    as_given = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    book = xlsxwriter.Workbook(stream, as_given)
    book.set_properties({"title": title, "created": made_at.replace(tzinfo=None), "comments": "Made by belimo-nb"})
    formats: dict[tuple[str, bool], Any] = {}

    def look(pattern: str, bold: bool) -> Any:
        if (pattern, bold) not in formats:
            formats[pattern, bold] = book.add_format({"num_format": pattern, "bold": bold, "valign": "top"})
        return formats[pattern, bold]

    head_look = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "bottom"})
    used: set[str] = set()
    for name, table in tables.items():
        sheet = book.add_worksheet(_sheet_name(name, used))
        head, *rows = csv.reader(io.StringIO(table["csv"], newline=""))
        kinds = _kinds(table, len(head))
        for column, (text, (kind, _)) in enumerate(zip(head, kinds, strict=True)):
            sheet.write_string(0, column, f"{text} (local time)" if kind == "time" else text, head_look)
        for row, cells in enumerate(rows, start=1):
            last = bool(table.get("total")) and row == len(rows)
            for column, (text, (kind, digits)) in enumerate(zip(cells, kinds, strict=True)):
                value = _value(text, kind)
                shown = look(_pattern(value, kind, digits), last)
                if isinstance(value, datetime):
                    sheet.write_datetime(row, column, value, shown)
                elif isinstance(value, float):
                    sheet.write_number(row, column, value, shown)
                elif value is not None:
                    sheet.write_string(row, column, value[:LONGEST_TEXT], shown)
        for column, width in enumerate(_widths(head, rows, kinds)):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, 1)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
    book.close()
    return stream.getvalue()


def _kinds(table: Mapping[str, Any], count: int) -> Sequence[tuple[str, int | None]]:
    """What the columns of a table are; those of tables of an earlier version are text."""
    return table.get("kinds") or [("text", None)] * count


def _value(text: str, kind: str) -> Cell:
    """A cell of the CSV as what it is; the name of a total among dates stays a text, and nothing is None."""
    if not text:
        return None
    if kind in ("date", "time"):
        with suppress(ValueError):
            return datetime.fromisoformat(text).replace(tzinfo=None)
    if kind in ("number", "percent"):
        with suppress(ValueError):
            number = float(text)
            return number if abs(number) < float("inf") else text
    # In a workbook no text is taken for a formula, so the apostrophe that keeps it from that is not needed.
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def _pattern(value: Cell, kind: str, digits: int | None) -> str:
    if isinstance(value, datetime):
        return "yyyy-mm-dd hh:mm" if kind == "time" else "yyyy-mm-dd"
    if not isinstance(value, float):
        return "@" if isinstance(value, str) else "General"
    if kind == "percent":
        return "0.0%"
    return "General" if digits is None else "#,##0" + f".{'0' * digits}" * bool(digits)


def _with_comma(text: str, kind: str) -> str:
    value = _value(text, kind)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}" if kind == "time" else f"{value:%Y-%m-%d}"
    return text.replace(".", ",") if isinstance(value, float) else text


def _widths(
    head: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[tuple[str, int | None]]
) -> Iterator[float]:
    for column, (kind, digits) in enumerate(kinds):
        texts = [_value(row[column], kind) for row in rows[:MEASURED_ROWS]]
        longest = max((_length(value, kind, digits) for value in texts), default=0)
        word = max((len(part) for part in head[column].split()), default=0)
        yield min(max(longest + 2, word + 2, WIDTHS[0]), WIDTHS[1])


def _length(value: Cell, kind: str, digits: int | None) -> int:
    if isinstance(value, datetime):
        return 16 if kind == "time" else 10
    if isinstance(value, float):
        return len(f"{value:,.{digits or 0}f}") + (0 if digits is not None else 3)
    return len(value or "")


def _sheet_name(name: str, used: set[str]) -> str:
    """A name that no other sheet has, whatever its case."""
    found, number = name[:LONGEST_NAME], 2
    while found.lower() in used:
        found, number = f"{name[: LONGEST_NAME - 4]}-{number}", number + 1
    used.add(found.lower())
    return found

"""Tables: HTML for screen, phone and paper, plain text, and CSV for spreadsheets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pandas as pd

from belimo_nb.display.base import Displayed, esc
from belimo_nb.display.cells import Column, Format, Svg, column
from belimo_nb.display.numbers import DASH, FLOAT_FORMAT, THIN_SPACE, number, plural

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Characters with which a spreadsheet formula may begin; East Asian editions also accept the full-width ones."""
TERMINAL_WIDTH = 40
WIDE_COLUMNS = 8  # more columns are printed smaller
VERY_WIDE_COLUMNS = 13  # more are printed smaller still
SHORT_LABEL = 12  # characters of a column's name that stay on one line


@dataclass(frozen=True, repr=False, eq=False)
class Table(Displayed):
    """A table; made by `table`."""

    kind: ClassVar[str] = "table"

    frame: pd.DataFrame
    name: str
    caption: str
    columns: tuple[Column, ...]
    row_headers: int  # of `columns`, those of the index, which come first
    shown: int  # rows, without the total
    below: frozenset[int] = frozenset()  # positions of the columns whose texts stand below their row
    total: pd.DataFrame | None = None  # one row like those of the frame, shown below them
    hidden: frozenset[int] = frozenset()  # positions of the columns that only the CSV has

    def data(self) -> dict[str, Any]:
        """Name, caption, rows, `csv` (the complete frame, unrounded), what the columns are, whether it has a total."""
        kinds = [[item.kind, item.digits] for item in self.columns if item.css != "g"]
        about = {"name": self.name, "caption": self.caption, "rows": len(self.frame)}
        return {**about, "csv": self.csv(), "kinds": kinds, "total": self.total is not None}

    def csv(self) -> str:
        """The complete frame as CSV: UTF-8 text, 14 digits, ISO 8601 times, pictures left out; a total comes last.

        Texts that a spreadsheet would take for a formula get an apostrophe before them: names come from outside.
        """
        frame = self.frame.reset_index(allow_duplicates=True) if self.row_headers else self.frame
        frame = frame if self.total is None else _below(frame, self.total)
        # By position, since names may repeat.
        kept = [position for position, item in enumerate(self.columns) if item.css != "g"]
        plain = {position: frame.iloc[:, position].map(_csv_cell) for position in kept}
        names = [_csv_cell(str(frame.columns[position])) for position in kept]
        return pd.DataFrame(plain).to_csv(index=False, header=names, lineterminator="\n", float_format=FLOAT_FORMAT)

    @property
    def remark(self) -> str:
        """How many rows are shown, if not all are."""
        total = len(self.frame)
        return f"{number(self.shown)} of {plural(total, 'row')} shown." if self.shown < total else ""

    def html(self) -> str:
        """A table in a box that scrolls when it is too wide; of one without rows what its caption says of that."""
        if not self.columns or (self.caption and not self.columns[0].html):
            return (
                f'<div class="bnb bnb-tab"><p id="table-{esc(self.name)}">{esc(self.caption or "No rows")}.</p></div>'
            )
        beside, below = self._split()
        heads = "".join(_head(item) for item in beside)
        lines = zip(*(_cells(item, header=i < self.row_headers) for i, item in enumerate(beside)), strict=True)
        rows = list(lines)
        sentences = _sentence_rows(below, len(beside)) or [""] * len(rows)
        body = "".join(map(_row, rows[: self.shown], sentences))
        foot = "".join(f"<tfoot>{_row(cells, '')}</tfoot>" for cells in rows[self.shown :])
        if not self.shown:
            body = f'<tr><td colspan="{max(1, len(beside))}">No rows.</td></tr>'
        caption = f"<caption>{esc(self.caption)}</caption>" if self.caption else ""
        remark = f'<p class="bnb-rem">{esc(self.remark)}</p>' if self.remark else ""
        label = esc(self.caption or self.name)
        wide, very_wide = len(beside) > WIDE_COLUMNS, len(beside) > VERY_WIDE_COLUMNS
        css = "bnb bnb-tab" + " bnb-wide" * wide + " bnb-vast" * very_wide
        return (
            f'<div class="{css}"><div class="bnb-scroll" role="region" aria-label="{label}" tabindex="0">'
            f'<table id="table-{esc(self.name)}">{caption}<thead><tr>{heads}</tr></thead>'
            f"<tbody>{body}</tbody>{foot}</table></div>{remark}</div>"
        )

    def _split(self) -> tuple[list[Column], list[Column]]:
        """Columns that stand side by side, and those whose texts stand below their rows."""
        unlike = self.below | self.hidden
        # A column that is blank in all rows only takes room.
        blank = {i for i, item in enumerate(self.columns) if item.html and not any(item.html)}
        beside = [item for i, item in enumerate(self.columns) if i not in unlike | blank]
        return beside, [self.columns[i] for i in sorted(self.below)]

    def text(self) -> str:
        """Aligned columns, long texts shortened; sentences below their rows."""
        beside, below = self._split()
        head = [f"{item.label} {item.unit}".strip() for item in beside]
        cells = [[_shortened(text) for text in item.text] for item in beside]
        widths = [max(map(len, [name, *texts])) for name, texts in zip(head, cells, strict=True)]
        lines = [[*head], *(list(line) for line in zip(*cells, strict=True))]
        numeric = [item.css == "n" for item in beside]
        body = [
            "  ".join(
                text.rjust(width) if right else text.ljust(width)
                for text, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in lines
        ]
        for row in range(self.shown if below else 0):
            labeled = [(item.label, item.text[row]) for item in below if _has_text(item.text[row])]
            texts = [f"{label}: {text}".removeprefix(": ") for label, text in labeled]
            body[1 + row] = "\n    ".join([body[1 + row], *texts])
        return "\n".join(part for part in (self.caption, *body, self.remark) if part).replace(THIN_SPACE, " ")


def table(
    frame: pd.DataFrame,
    name: str,
    caption: str = "",
    *,
    formats: Mapping[str, Format] | None = None,
    labels: Mapping[str, str | tuple[str, str]] | None = None,
    below: Collection[str] = (),
    limit: int | None = None,
    total: Mapping[str, Any] | None = None,
    hidden: Collection[str] = (),
) -> Table:
    """Make a table of a frame; a report writes the complete frame as a CSV file beside the page.

    Args:
        frame: Any frame; its index is shown unless it is an unnamed RangeIndex. A suffix such as `_kwh`
            of a column's name becomes the unit in its header; times are shown in the column's own zone.
        name: Short name, for the CSV file.
        caption: What the table shows, above it.
        formats: Column name to a number of decimals; "+0" or "+1" for changes with so many; "change" for one given as
            a share; "text", "number", "percent" (of a share 0 to 1), "status", "date" or "time"; or a function from
            value to text. Other columns are formatted by their values.
        labels: Column name to header text, in place of the name's words; or to a text and what stands below it.
        below: Columns of sentences to set below their row after their label: beside it a phone would cut them off.
        limit: Rows to show at most; the CSV has all.
        total: A last row that sums up the others, by column name, blank where it has nothing to sum up; only for frames
            whose index is not shown.
        hidden: Columns that only the CSV has: what would be too wide to be read.
    """
    formats, labels = formats or {}, labels or {}
    counted = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    row_headers = 0 if counted else frame.index.nlevels
    flat = frame.set_axis([_flat_name(name) for name in frame.columns], axis=1)
    if row_headers:
        flat.index = flat.index.set_names([str(level or "") for level in flat.index.names])
    head = flat if limit is None else flat.head(limit)
    named = [(str(level), head.index.get_level_values(i).to_series()) for i, level in enumerate(head.index.names)]
    last = None if total is None else pd.DataFrame([total]).reindex(columns=flat.columns)
    rows = head if last is None else _below(head, last)
    named = named[:row_headers] + [(str(key), rows.iloc[:, i]) for i, key in enumerate(flat.columns)]
    columns = tuple(_labeled(column(key, values, formats.get(key)), labels.get(key)) for key, values in named)
    for (key, _), item in zip(named, columns, strict=True):
        if total is not None and key not in total:  # what a total does not have is not unknown
            item.html[-1] = item.text[-1] = ""
    unlike, unseen = (frozenset(i for i, (key, _) in enumerate(named) if key in some) for some in (below, hidden))
    return Table(flat, name, caption, columns, row_headers, len(head), unlike, last, unseen)


def _labeled(item: Column, label: str | tuple[str, str] | None) -> Column:
    """A column under another name, with what stands below it in place of its unit."""
    if label is None:
        return item
    return replace(item, label=label) if isinstance(label, str) else replace(item, label=label[0], unit=label[1])


def _below(frame: pd.DataFrame, last: pd.DataFrame) -> pd.DataFrame:
    """A frame with one more row; its columns keep their types where that row has nothing, or the same."""
    joined = {}
    for position, name in enumerate(frame.columns):
        values, value = frame.iloc[:, position], last.iloc[0, position]
        kind = object if isinstance(value, str) else values.dtype
        joined[name] = pd.Series([*values, value], dtype=kind)
    return pd.DataFrame(joined)


def cell_text(text: str) -> str:
    """Make a text safe for a CSV cell: no spreadsheet takes it for a formula or for the end of a row."""
    # csv does not quote a lone carriage return, which would begin a row, where all newlines are its own kind.
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{whole}" if text.startswith(FORMULA_STARTS) else whole


def _shortened(text: str) -> str:
    """Shorten a text to the width of a terminal column."""
    return text if len(text) <= TERMINAL_WIDTH else text[: TERMINAL_WIDTH - 1] + "…"


def _flat_name(name: object) -> str:
    return " ".join(str(part) for part in name if str(part)) if isinstance(name, tuple) else str(name)


def _head(item: Column) -> str:
    unit = f' <span class="bnb-u">{esc(item.unit)}</span>' if item.unit else ""
    # Short labels stay on one line, which would widen the columns of long ones.
    css = f"{item.css} k".strip() if len(item.label) <= SHORT_LABEL else item.css
    css = f' class="{css}"' if css else ""
    return f'<th scope="col"{css}>{esc(item.label)}{unit}</th>'


def _cells(item: Column, *, header: bool) -> list[str]:
    css = f' class="{item.css}"' if item.css else ""
    start, end = (f'<th scope="row"{css}>', "</th>") if header else (f"<td{css}>", "</td>")
    return [f"{start}{cell}{end}" for cell in item.html]


def _row(cells: tuple[str, ...], below: str) -> str:
    """HTML of a row and of the row of sentences below it, if any."""
    # A class rather than :has() in the style sheet, which doubles the time that long tables take to open.
    begin = '<tr class="bnb-over">' if below else "<tr>"
    return f"{begin}{''.join(cells)}</tr>{below}"


def _sentence_rows(columns: list[Column], span: int) -> list[str]:
    """HTML of the row of sentences below each row; "" where a row has none."""
    rows = []
    for texts in zip(*(item.html for item in columns), strict=True):
        lines = [
            f"<p>{f'<b>{esc(item.label)}</b> ' if item.label else ''}{text}</p>"
            for item, text in zip(columns, texts, strict=True)
            if _has_text(text)
        ]
        row = f'<tr class="bnb-below"><td colspan="{span}"><div>{"".join(lines)}</div></td></tr>'
        rows.append(row if lines else "")
    return rows


def _has_text(text: str) -> bool:
    return text not in ("", DASH)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, Svg):
        return ""
    if isinstance(value, str):
        return cell_text(value)
    return value.isoformat() if isinstance(value, pd.Timestamp) else value

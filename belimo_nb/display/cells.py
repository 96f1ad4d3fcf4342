"""Formatting of table columns: cell texts, HTML and CSS classes by the kind of data."""

from __future__ import annotations

import datetime as dt
from collections import UserString
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.display.base import esc
from belimo_nb.display.numbers import DASH, column_digits, is_missing, label_and_unit, moment, number, percent, signed
from belimo_nb.errors import UsageError

DEVICE_COLUMNS = frozenset({"device", "name", "valve", "what"})  # hold names of devices, which link to their pages
LONG_TEXT, SENTENCE_TEXT = 22, 80  # characters from which a column is kept wide enough to be read

Format = int | str | Callable[[Any], str]

# Status words of the cloud, of checks, of data quality and of jobs, by severity; any other word is neutral.
STATUS_LEVELS: Mapping[str, str] = {
    **dict.fromkeys(("ok", "online", "good", "measured"), "good"),
    **dict.fromkeys(("warn", "warning", "partial", "estimated split", "silent", "offline"), "warn"),
    **dict.fromkeys(("error", "fault", "problem", "failed", "reset", "jump"), "problem"),
}


class Svg(UserString):
    """SVG picture drawn by this package (a sparkline): the only cell content that is not escaped.

    Not a `str`, because pandas may store those as plain text, which would then be escaped.
    """


@dataclass(frozen=True)
class Column:
    """A formatted column.

    Attributes:
        label: Header text.
        unit: Unit shown in the header, "" for none.
        css: CSS class of the cells: "n" number, "t" time, "s" status, "g" picture, "w" long text, "w x" sentences,
            "" short text.
        html: Cells as HTML.
        text: Cells as plain text.
        kind: What the cells are to a spreadsheet: "number", "percent", "date", "time" or "text".
        digits: Decimals of its numbers; None for those that they have.
    """

    label: str
    unit: str
    css: str
    html: list[str]
    text: list[str]
    kind: str = "text"
    digits: int | None = None


def column(name: str, values: pd.Series[Any], fmt: Format | None = None) -> Column:
    """Format one column.

    Args:
        name: Column name; a suffix such as `_kwh` becomes the unit in the header.
        values: The cells.
        fmt: A number of decimals; "+0", "+1" for changes with so many; "change" for one given as a share; "text",
            "number", "percent" (of a share 0 to 1), "status", "date" or "time"; a function from value to text; None:
            guessed from the values.

    Raises:
        UsageError: The format is unknown.
    """
    words, unit = label_and_unit(name)
    cell_format = fmt if fmt is not None else _guessed_format(values)
    css, texts = "", [DASH if is_missing(value) else str(value) for value in values] if cell_format == "text" else []
    if cell_format == "picture":
        pictures = ["" if is_missing(value) else str(value) for value in values]
        return Column(words, unit, "g", pictures, [""] * len(pictures))
    kind, digits = _spreadsheet_kind(values), cell_format if isinstance(cell_format, int) else None
    if callable(cell_format):
        texts = [DASH if is_missing(value) else cell_format(value) for value in values]
        css = "n" if pd.api.types.is_numeric_dtype(values.dtype) else ""
    elif cell_format == "percent":
        css, unit, texts, kind = "n", "", [percent(value) for value in values], "percent"
    elif cell_format == "change":
        css, unit, texts, kind = "n", "", [signed(100 * value, 1, "%") for value in values], "percent"
    elif cell_format in ("+0", "+1"):
        css, digits = "n", int(str(cell_format))
        texts = [signed(value, digits) for value in values]
    elif cell_format in ("date", "time"):
        css, kind, texts = "t", str(cell_format), [_time_text(value, clock=cell_format == "time") for value in values]
        unit = str(zone) if cell_format == "time" and (zone := getattr(values.dtype, "tz", None)) else unit
    elif cell_format == "flag":
        texts = [DASH if is_missing(value) else "yes" if value else "no" for value in values]
    elif cell_format == "status":
        return Column(words, unit, "s", [_status_html(value) for value in values], [str(value) for value in values])
    elif cell_format == "number" or isinstance(cell_format, int):
        css, texts = "n", _number_texts(values, cell_format if isinstance(cell_format, int) else None, unit)
    elif cell_format != "text":
        raise UsageError(
            f'No format "{cell_format}" for column "{name}"; use a number of decimals, text, number, percent, status, '
            "date, time or a function."
        )
    longest = max(map(len, texts), default=0)
    css = css or ("w x" if longest > SENTENCE_TEXT else "w" if longest > LONG_TEXT else "")
    html = [esc(text) for text in texts]
    if name in DEVICE_COLUMNS:  # marked: the pages that there are to link to are known when a run is published
        html = [text if text == DASH else f"<span data-page>{text}</span>" for text in html]
    return Column(words, unit, css, html, texts, kind, digits)


def _spreadsheet_kind(values: pd.Series[Any]) -> str:
    """What the cells of a column are; by its first one where they are mixed, as a total below dates is."""
    first = next((value for value in values if not is_missing(value)), None)
    if isinstance(first, dt.date):
        times = [value for value in values if isinstance(value, dt.datetime) and not is_missing(value)]
        return "time" if any(value.time() != dt.time() for value in times) else "date"
    return "number" if pd.api.types.is_numeric_dtype(values.dtype) and not isinstance(first, bool) else "text"


def _guessed_format(values: pd.Series[Any]) -> str:
    if pd.api.types.is_bool_dtype(values.dtype):
        return "flag"
    if isinstance(values.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(values.dtype):
        # Local midnights only: a column of days, whose clock time would be noise.
        local = values.dt.tz_localize(None).dropna()
        return "date" if bool((local == local.dt.normalize()).all()) else "time"
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    first = next((value for value in values if not is_missing(value)), None)
    if isinstance(first, Svg):
        return "picture"
    if isinstance(first, bool | np.bool_):
        return "flag"
    return "number" if isinstance(first, float | int | np.number) else "text"


def _number_texts(values: pd.Series[Any], digits: int | None, unit: str) -> list[str]:
    if pd.api.types.is_object_dtype(values.dtype):  # numbers among texts: no common decimals
        return [str(value) if isinstance(value, str) else number(value, digits) for value in values]
    floats = values.to_numpy(dtype=float, na_value=np.nan)
    shown = column_digits(floats, unit) if digits is None else digits
    return [number(value, shown) for value in floats]


def _time_text(value: Any, *, clock: bool) -> str:
    if is_missing(value):
        return DASH
    if clock:
        return moment(pd.Timestamp(value))
    return value.strftime("%Y-%m-%d") if isinstance(value, dt.date) else str(value)


def status_level(text: str) -> str:
    """The level of a status word, such as "good"; a number behind it in brackets does not matter."""
    return STATUS_LEVELS.get(text.lower().partition(" (")[0], "neutral")


def _status_html(value: Any) -> str:
    return DASH if is_missing(value) else f'<span class="bnb-st bnb-{status_level(str(value))}">{esc(value)}</span>'

"""How the cells of a table look: one column at a time, by what it holds."""

from __future__ import annotations

import datetime as dt
from collections import UserString
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.display.base import esc
from belimo_nb.display.numbers import DASH, column_digits, is_missing, label_and_unit, moment, number, percent
from belimo_nb.errors import UsageError

__all__ = ["Column", "Format", "Svg", "column"]

LONG, SENTENCE = 22, 80  # characters from which a column is kept wide enough to be read

Format = int | str | Callable[[Any], str]

# Words of the cloud, of verdicts and of jobs, by how alarming they are.
STATUS: Mapping[str, str] = {
    **dict.fromkeys(("ok", "online", "good", "measured"), "good"),
    **dict.fromkeys(("warn", "warning", "partial", "estimated split"), "warn"),
    **dict.fromkeys(("error", "fault", "problem", "failed", "offline", "reset", "jump"), "problem"),
}


class Svg(UserString):
    """A small picture that this package drew (a sparkline): the one text that a table does not escape.

    No `str`: pandas stores those in a way that forgets what they were.
    """


@dataclass(frozen=True)
class Column:
    """A column, ready to show.

    Attributes:
        label: What its header says.
        unit: What the header says beside it.
        css: Class of its cells: "n" number, "t" time, "s" status, "g" picture, "w" long text, "w x" sentences,
            "" short text.
        html: Its cells as HTML.
        text: Its cells as plain text.
    """

    label: str
    unit: str
    css: str
    html: list[str]
    text: list[str]


def column(name: str, values: pd.Series[Any], form: Format | None = None, label: str | None = None) -> Column:
    """Format one column.

    Args:
        name: Its name; an ending such as `_kwh` becomes the unit in the header.
        values: What it holds.
        form: A number of decimals; "text", "number", "percent" (of a share 0 to 1), "status", "date" or "time"; a
            function from value to text; None: by what it holds.
        label: What the header says instead of the name's words.

    Raises:
        UsageError: There is no such format.
    """
    words, unit = label_and_unit(name)
    words = words if label is None else label
    kind = form if form is not None else _kind(values)
    css, texts = "", [DASH if is_missing(value) else str(value) for value in values] if kind == "text" else []
    if kind == "picture":
        pictures = ["" if is_missing(value) else str(value) for value in values]
        return Column(words, unit, "g", pictures, [""] * len(pictures))
    if callable(kind):
        texts = [DASH if is_missing(value) else kind(value) for value in values]
        css = "n" if pd.api.types.is_numeric_dtype(values.dtype) else ""
    elif kind == "percent":
        css, unit, texts = "n", "", [percent(value) for value in values]
    elif kind in ("date", "time"):
        css, texts = "t", [_time(value, clock=kind == "time") for value in values]
        unit = str(zone) if kind == "time" and (zone := getattr(values.dtype, "tz", None)) else unit
    elif kind == "flag":
        texts = [DASH if is_missing(value) else "yes" if value else "no" for value in values]
    elif kind == "status":
        return Column(words, unit, "s", [_status(value) for value in values], [str(value) for value in values])
    elif kind == "number" or isinstance(kind, int):
        css, texts = "n", _numbers(values, kind if isinstance(kind, int) else None, unit)
    elif kind != "text":
        raise UsageError(
            f'No format "{kind}" for column "{name}"; use a number of decimals, text, number, percent, status, date, '
            "time or a function."
        )
    longest = max(map(len, texts), default=0)
    css = css or ("w x" if longest > SENTENCE else "w" if longest > LONG else "")
    return Column(words, unit, css, [esc(text) for text in texts], texts)


def _kind(values: pd.Series[Any]) -> str:
    if pd.api.types.is_bool_dtype(values.dtype):
        return "flag"
    if isinstance(values.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(values.dtype):
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


def _numbers(values: pd.Series[Any], digits: int | None, unit: str) -> list[str]:
    if pd.api.types.is_object_dtype(values.dtype):  # numbers among texts: each for itself
        return [str(value) if isinstance(value, str) else number(value, digits) for value in values]
    floats = values.to_numpy(dtype=float, na_value=np.nan)
    shown = column_digits(floats, unit) if digits is None else digits
    return [number(value, shown) for value in floats]


def _time(value: Any, *, clock: bool) -> str:
    if is_missing(value):
        return DASH
    if clock:
        return moment(pd.Timestamp(value))
    return value.strftime("%Y-%m-%d") if isinstance(value, dt.date) else str(value)


def _status(value: Any) -> str:
    if is_missing(value):
        return DASH
    return f'<span class="bnb-st bnb-{STATUS.get(str(value).lower(), "neutral")}">{esc(value)}</span>'

"""Formatting of numbers, dates and units for people.

Thousands are separated by a narrow no-break space, which no locale reads as a decimal mark.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from belimo_nb import quantities

DASH = "–"
FLOAT_FORMAT = "%.14g"
"""Format of floats in data files: a joule of 10 GWh in kWh, without the last bits, which differ between machines."""
THIN_SPACE = "\u202f"
NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"
MOST_PERCENT = 900  # a change that people can picture
TENFOLD = f">{NO_BREAK_SPACE}10×"  # one beyond it
SMALLEST_SHOWN = 1e-6
SNAKE_CASE = re.compile(r"[a-z][a-z0-9_]*")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Suffixes of column names that carry a unit; `kwh_d_k` must precede `k`, and so on: the first match counts.
UNIT_OF_SUFFIX = {
    "kwh_d_k": "kWh/(d K)",
    "kwh_d": "kWh/d",
    "kwh": "kWh",
    "mwh": "MWh",
    "kw": "kW",
    "w": "W",
    "j": "J",
    "c": "°C",
    "k": "K",
    "kd": "Kd",
    "m3h": "m³/h",
    "m3": "m³",
    "m2": "m²",
    "lmin": "l/min",
    "pct": "%",
    "h": "h",
    "d": "d",
    "s": "s",
}
ONE_DIGIT_UNITS = {"°C", "K", "%"}
SPELLINGS = {"id": "ID", "co2": "CO₂", "t1": "T1", "t2": "T2", "delta t": "Delta-T", "dn": "DN"}


def is_missing(value: object) -> bool:
    """Whether a value is None, NaN, NaT, pandas' NA or infinite."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float | np.floating) and not math.isfinite(value)


def known(value: float | None) -> float | None:
    """Convert to float; None if missing."""
    return None if value is None or is_missing(value) else float(value)


def number(value: float | None, digits: int | None = None, unit: str = "") -> str:
    """Format a number for people.

    Args:
        value: The number; unknown if `is_missing`.
        digits: Decimals; None takes three significant digits (two below 1), none for whole numbers, at most one for
            °C, K and %.
        unit: Unit, appended after a no-break space.

    Returns:
        Such as "12 346 kWh" with a narrow no-break space between thousands, or "–" (without a unit) when unknown.
    """
    if value is None or is_missing(value):
        return DASH
    if digits is None:
        digits = default_digits(value, unit)
    text = f"{value:,.{digits}f}".replace(",", THIN_SPACE)
    if text.startswith("-"):  # a true minus sign; what rounds to zero has none
        text = text[1:] if not text.strip("-0.") else MINUS + text[1:]
    return f"{text}{NO_BREAK_SPACE}{unit}" if unit else text


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun, as `belimo_nb.quantities.plural` gives it, with the narrow blank of numbers."""
    return quantities.plural(count, one, many, THIN_SPACE)


def default_digits(value: float, unit: str = "") -> int:
    """Decimals for a number: three significant digits, none for whole numbers, at most one for °C, K and %."""
    digits = 0 if float(value).is_integer() else _significant_decimals(abs(float(value)))
    return min(1, digits) if unit in ONE_DIGIT_UNITS else digits


def _significant_decimals(magnitude: float) -> int:
    if magnitude < SMALLEST_SHOWN:
        return 0
    # Rounded to three digits first: 9.996 shows as 10.0, with one decimal less.
    exponent = math.floor(math.log10(float(f"{magnitude:.2e}")))
    return max(0, 2 - exponent) if exponent >= 0 else 1 - exponent


def column_digits(values: Sequence[float] | np.ndarray, unit: str = "") -> int:
    """Decimals for all numbers of a column, so that their decimal points align.

    Args:
        values: Floats; non-finite ones are ignored.
        unit: °C, K and % get at most one decimal.
    """
    floats = np.asarray(values, dtype=float)
    magnitudes = np.abs(floats[np.isfinite(floats)])
    if not magnitudes.size or bool(np.all(magnitudes == np.round(magnitudes))):
        return 0
    # By the 90 % quantile, so that neither tiny values nor a single huge one decide.
    digits = min(3, _significant_decimals(float(np.quantile(magnitudes, 0.9))))
    return min(1, digits) if unit in ONE_DIGIT_UNITS else digits


def percent(share: float | None, digits: int = 1) -> str:
    """Format a share (0 to 1) as a percentage; truncated, so that only a complete whole shows as "100 %"."""
    if share is None or is_missing(share):
        return DASH
    scale = 10**digits
    # The inner rounding keeps 0.29 * 100 = 28.999999999999996 from being truncated to 28.9.
    shown = math.floor(round(share * 100 * scale, 6)) / scale
    return number(shown, 0 if shown == round(shown) else digits, "%")


def signed(value: float | None, digits: int = 0, unit: str = "") -> str:
    """Format a change, with its sign; a dash where unknown; more than tenfold in % is only that, from next to none."""
    if unit == "%" and value is not None and value > MOST_PERCENT:
        return TENFOLD
    text = number(value, digits, unit)
    return f"+{text}" if text.strip(f"0.,{THIN_SPACE}{NO_BREAK_SPACE}{unit}") and (value or 0) > 0 else text


def date(day: dt.date | pd.Timestamp | None) -> str:
    """Format a day as "1 Nov 2018", so that nobody swaps day and month."""
    if day is None or is_missing(day):
        return DASH
    return f"{day.day}{NO_BREAK_SPACE}{MONTHS[day.month - 1]}{NO_BREAK_SPACE}{day.year}"


def moment(time: pd.Timestamp | None) -> str:
    """Format a moment to the minute in its own zone: "2018-11-20 14:05"."""
    return DASH if time is None or is_missing(time) else time.strftime("%Y-%m-%d %H:%M")


def label_and_unit(column: str) -> tuple[str, str]:
    """Split a column name into label and unit: `power_kw` gives ("Power", "kW"); `Any text` stays as it is."""
    if not SNAKE_CASE.fullmatch(column):
        return column, ""
    if len(column) > 1 and column in UNIT_OF_SUFFIX:
        return UNIT_OF_SUFFIX[column], ""
    for suffix, unit in UNIT_OF_SUFFIX.items():
        stem = column.removesuffix(f"_{suffix}")
        if stem != column and stem:
            return _capitalized_words(stem), unit
    return _capitalized_words(column), ""


def _capitalized_words(name: str) -> str:
    text = name.replace("_", " ").strip()
    return SPELLINGS.get(text) or capitalized(text)


def capitalized(text: str) -> str:
    """Capitalize the first letter; `str.capitalize` would also lower the others."""
    return text[:1].upper() + text[1:]

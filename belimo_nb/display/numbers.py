"""Numbers, dates and units as people read them, in one place.

Thousands are separated by a narrow no-break space, which is neither a decimal comma nor a decimal point anywhere.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = [
    "DASH",
    "column_digits",
    "date",
    "default_digits",
    "is_missing",
    "known",
    "label_and_unit",
    "moment",
    "number",
    "percent",
]

DASH = "–"
PLAIN = "%.12g"
"""How data hold a float: all that a meter can know, without the last bits, which differ between machines."""
THIN = "\u202f"
NO_BREAK = "\u00a0"
MINUS = "\u2212"
SMALLEST = 1e-6
SNAKE_CASE = re.compile(r"[a-z][a-z0-9_]*")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Name endings that carry a unit, longest match first where one contains another.
UNITS = {
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
WORDS = {"id": "ID", "co2": "CO₂", "t1": "T1", "t2": "T2", "delta t": "Delta-T", "dn": "DN"}


def is_missing(value: object) -> bool:
    """True for None, NaN, NaT, pandas' NA and infinities: whatever is no value."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float | np.floating) and not math.isfinite(value)


def known(value: float | None) -> float | None:
    """The number as a float, or None if it is unknown."""
    return None if value is None or is_missing(value) else float(value)


def number(value: float | None, digits: int | None = None, unit: str = "") -> str:
    """Write a number for people.

    Args:
        value: The number; None, NaN and infinities are unknown.
        digits: Decimals; None takes three significant digits (two below 1), none for whole numbers, at most one for
            °C, K and %.
        unit: Its unit, appended after a no-break space.

    Returns:
        Such as "12 346 kWh" with a narrow no-break space between thousands, or "–" (without a unit) when unknown.
    """
    if value is None or is_missing(value):
        return DASH
    if digits is None:
        digits = default_digits(value, unit)
    text = f"{value:,.{digits}f}".replace(",", THIN)
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.") else MINUS + text[1:]
    return f"{text}{NO_BREAK}{unit}" if unit else text


def default_digits(value: float, unit: str = "") -> int:
    """Decimals that suit a number: three significant digits, none for whole numbers, at most one for °C, K and %."""
    digits = 0 if float(value).is_integer() else _digits(abs(float(value)))
    return min(1, digits) if unit in ONE_DIGIT_UNITS else digits


def _digits(size: float) -> int:
    if size < SMALLEST:
        return 0
    exponent = math.floor(math.log10(float(f"{size:.2e}")))
    return max(0, 2 - exponent) if exponent >= 0 else 1 - exponent


def column_digits(values: Sequence[float] | np.ndarray, unit: str = "") -> int:
    """Decimals that suit a whole column, so that its decimal points stand below each other.

    Args:
        values: Floats; what is not finite does not count.
        unit: Temperatures and percentages get at most one decimal.
    """
    floats = np.asarray(values, dtype=float)
    sizes = np.abs(floats[np.isfinite(floats)])
    if not sizes.size or bool(np.all(sizes == np.round(sizes))):
        return 0
    digits = min(3, _digits(float(np.quantile(sizes, 0.9))))
    return min(1, digits) if unit in ONE_DIGIT_UNITS else digits


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share from 0 to 1 as a percentage; cut, not rounded, so that only the whole is "100 %"."""
    if share is None or is_missing(share):
        return DASH
    scale = 10**digits
    shown = math.floor(round(share * 100 * scale, 6)) / scale
    return number(shown, 0 if shown == round(shown) else digits, "%")


def date(day: dt.date | pd.Timestamp | None) -> str:
    """Write a day so that no reader swaps day and month: "1 Nov 2018"."""
    if day is None or is_missing(day):
        return DASH
    return f"{day.day}{NO_BREAK}{MONTHS[day.month - 1]}{NO_BREAK}{day.year}"


def moment(time: pd.Timestamp | None) -> str:
    """Write a moment in its own zone, to the minute: "2018-11-20 14:05"."""
    return DASH if time is None or is_missing(time) else time.strftime("%Y-%m-%d %H:%M")


def label_and_unit(column: str) -> tuple[str, str]:
    """Split a column's name into words and a unit: `power_kw` is ("Power", "kW"), `Any text` stays as it is."""
    if not SNAKE_CASE.fullmatch(column):
        return column, ""
    if len(column) > 1 and column in UNITS:
        return UNITS[column], ""
    for ending, unit in UNITS.items():
        stem = column.removesuffix(f"_{ending}")
        if stem != column and stem:
            return _words(stem), unit
    return _words(column), ""


def _words(name: str) -> str:
    text = name.replace("_", " ").strip()
    return WORDS.get(text) or text[:1].upper() + text[1:]

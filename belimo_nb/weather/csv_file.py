"""Outdoor temperature from a CSV file."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import zone_name
from belimo_nb.errors import UsageError
from belimo_nb.quantities import plural
from belimo_nb.weather.file_times import is_clock, is_date, parse_times

TIMES = (
    "time",
    "datetime",
    "date",
    "timestamp",
    "zeit",
    "datum",
    "date_time",
    "date/time",
    "zeitstempel",
    "uhrzeit",
    "hour",
)
TEMPERATURES = ("temperature_c", "temperature_2m", "temperature", "t_c", "temp", "temperatur", "outdoor_c", "t2m")
MIN_TEMPERATURE_C, MAX_TEMPERATURE_C = -60.0, 60.0
HOUR = pd.Timedelta(hours=1)
ZEROS = pd.Timedelta(hours=48)  # A thermometer that reads exactly 0.0 for so long measures no weather


def read_csv(path: str | os.PathLike[str], tz: str = "UTC") -> pd.Series[Any]:
    """Read hourly outdoor temperatures.

    The file has one line of names, then one line an hour: a time (see `belimo_nb.weather.file_times.parse_times`; local
    time of `tz` unless it or its column's name says otherwise) and a temperature in °C. Fields are separated by commas,
    semicolons or tabs; the columns are recognized by name (time, datetime, timestamp ..., or one of dates and one of
    clock times; temperature_c, temperature_2m, temperature, temp ..., a unit in brackets may follow), others are
    ignored. Empty fields are unknown hours, and so are days of nothing but 0.0. Lines before the names that have fewer
    fields are skipped, as in the files that Open-Meteo offers.

    Args:
        path: The file, UTF-8.
        tz: IANA zone of times that do not say theirs.

    Returns:
        Series ``temperature_c``, index ``time``: every full hour from the first to the last, UTC; NaN where unknown.
        ``.attrs["remark"]`` says what a reader should know: hours taken for unknown though the file has a value, or a
        clock that does not change.

    Raises:
        UsageError: The file cannot be read, its columns are not found, its times cannot be read in one way, or its
            values are no temperatures in °C.
    """
    zone_name(tz)
    name = Path(path).name
    frame = _frame(Path(path))
    temperature = _column(frame, TEMPERATURES, name, "temperature")
    unit = temperature[temperature.find("(") + 1 : temperature.rfind(")")].strip() if "(" in temperature else ""
    if unit and unit not in ("°C", "C", "degC", "celsius"):
        raise UsageError(f"The weather file {name} gives temperatures in {unit}; convert them to °C.")
    texts, zone = _moments(frame, name)
    times, remark = parse_times(texts, f"The weather file {name}", tz, zone)
    found = hourly_means(times, _temperatures(frame[temperature], name), f"The weather file {name}")
    if remark:
        found.attrs["remark"] = " ".join(filter(None, (remark, found.attrs.get("remark"))))
    return found


def hourly_means(times: pd.DatetimeIndex, values: pd.Series[Any], what: str) -> pd.Series[Any]:
    """Means of full hours on a grid without holes; `values` in °C at aware `times`.

    Raises:
        UsageError: Nothing is known, or a value is no outdoor temperature in °C.
    """
    found = pd.Series(
        values.to_numpy(dtype=float), times.tz_convert("UTC").as_unit("ns"), name="temperature_c"
    ).dropna()
    if found.empty:
        raise UsageError(f"{what} has no temperature; give one with values.")
    strange = found[(found < MIN_TEMPERATURE_C) | (found > MAX_TEMPERATURE_C)]
    if len(strange):
        raise UsageError(
            f"{what} has {strange.iloc[0]:g} at {strange.index[0]:%Y-%m-%d %H:%M} UTC, which is no outdoor temperature "
            "in °C; convert its unit or leave the field empty."
        )
    means = found.groupby(pd.DatetimeIndex(found.index).floor("h")).mean()
    grid = pd.date_range(means.index[0], means.index[-1], freq="h", name="time")
    return without_zeros(means, what).reindex(grid)


def without_zeros(values: pd.Series[Any], what: str) -> pd.Series[Any]:
    """Temperatures, unknown where they are exactly 0.0 without a break for two days or longer.

    Such a thermometer measures nothing; ``.attrs["remark"]`` then says so.

    Args:
        values: °C by hour, aware.
        what: What to call their source.
    """
    zero, times = (values == 0).to_numpy(), pd.DatetimeIndex(values.index)
    found = np.zeros(len(values), bool)
    for run in np.split(np.arange(len(values)), np.flatnonzero(np.diff(zero.astype(int))) + 1):
        if len(run) and zero[run[0]]:
            found[run] = times[run[-1]] - times[run[0]] >= ZEROS - HOUR
    kept = values.mask(found)
    if found.any():
        kept.attrs["remark"] = (
            f"{what} reads exactly 0.0 for days, {plural(found.sum(), 'hour')} from "
            f"{times[found][0]:%Y-%m-%d %H:%M} UTC on; "
            "that is no weather, so they are unknown."
        )
    return kept


def _frame(path: Path) -> pd.DataFrame:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"The weather file {path} cannot be read ({error.strerror}); check the path.") from None
    except UnicodeDecodeError:
        raise UsageError(f"The weather file {path.name} is no UTF-8 text; save it as CSV (UTF-8).") from None
    separator = max(",;\t", key=lambda mark: sum(line.count(mark) for line in lines[:50]))
    try:
        rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    except csv.Error as error:  # a quotation mark that never ends
        raise UsageError(f"The weather file {path.name} cannot be read ({error}); save it as CSV anew.") from None
    table = [[field.strip() for field in row] for row in rows if any(field.strip() for field in row)]
    for at, fields in enumerate(table):
        if len(fields) > 1 and any(_plain(field) in TIMES for field in fields):
            filled = [row + [""] * (len(fields) - len(row)) for row in table[at + 1 :]]
            frame = pd.DataFrame([row[: len(fields)] for row in filled], columns=fields, dtype=object)
            return frame.loc[:, ~frame.columns.duplicated()]
    first = ", ".join(repr(field) for field in table[0][:5]) if table else "nothing"
    raise UsageError(f"The weather file {path.name} has no column of times (it begins with {first}); name it 'time'.")


def _plain(column: str) -> str:
    return column.split("(")[0].strip().casefold().replace(" ", "_")


def _column(frame: pd.DataFrame, names: tuple[str, ...], file: str, what: str) -> str:
    for name in names:
        for column in frame.columns:
            if _plain(str(column)) == name:
                return str(column)
    found = ", ".join(repr(str(column)) for column in frame.columns)
    raise UsageError(f"The weather file {file} has no column of the {what} among {found}; name it {names[0]!r}.")


def _moments(frame: pd.DataFrame, file: str) -> tuple[pd.Series[Any], str]:
    """The texts of the times, those of separate columns put together, and the zone that their name gives ("" if none).

    Raises:
        UsageError: There is no column of times, or none with their dates.
    """
    columns = [str(column) for name in TIMES for column in frame.columns if _plain(str(column)) == name]
    clocks = [column for column in columns if is_clock(frame[column])]
    dates = [column for column in columns if column not in clocks]
    if not columns or not dates:
        if clocks:
            raise UsageError(f"The weather file {file} has clock times ({clocks[0]!r}) without dates; add their dates.")
        _column(frame, TIMES, file, "time")
    dates.sort(key=lambda column: is_date(pd.Series(frame[column])))  # a column with both is better than one of dates
    texts, named = pd.Series(frame[dates[0]]), dates[0]
    if clocks and is_date(texts):
        texts, named = texts.where(texts == "", texts + " " + frame[clocks[0]]), f"{dates[0]} {clocks[0]}"
    return texts, named[named.find("(") + 1 : named.rfind(")")].strip() if "(" in named else ""


def _temperatures(column: pd.Series[Any], file: str) -> pd.Series[Any]:
    blank = column.str.strip().str.casefold().isin(["", "nan", "null", "none", "-", "na"])
    numbers = pd.to_numeric(column.where(~blank, np.nan), errors="coerce")
    wrong = numbers.isna() & ~blank
    if wrong.any():
        bad = column[wrong].iloc[0]
        raise UsageError(
            f"The weather file {file} has the temperature {bad!r}; write numbers with a decimal point, e.g. -3.5."
        )
    return numbers

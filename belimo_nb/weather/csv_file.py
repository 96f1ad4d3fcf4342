"""Reader of CSV files with hourly outdoor temperatures."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import zone_name
from belimo_nb.errors import UsageError

TIME_COLUMNS = ("time", "datetime", "date", "timestamp", "zeit", "datum")
CELSIUS_COLUMNS = ("temperature_c", "temperature_2m", "temperature", "t_c", "temp", "temperatur", "outdoor_c", "t2m")
MIN_TEMPERATURE_C, MAX_TEMPERATURE_C = -60.0, 60.0


def read_csv(path: str | os.PathLike[str], tz: str = "UTC") -> pd.Series[Any]:
    """Read hourly outdoor temperatures from a CSV file.

    The file has a header line, then a line an hour: a time (ISO 8601; local time of `tz` unless it has an offset) and a
    temperature in °C. Fields are separated by commas, semicolons or tabs; columns are recognized by name (time,
    datetime, timestamp ...; temperature_c, temperature_2m, temperature, temp ..., maybe with a unit in brackets).
    Others are ignored. Empty fields are unknown hours. Lines before the header are skipped, as in Open-Meteo's files.

    Args:
        path: The file, UTF-8.
        tz: IANA zone of times without an offset.

    Returns:
        Series ``temperature_c``, index ``time``: every full hour from the first to the last, UTC; NaN where unknown.

    Raises:
        UsageError: The file cannot be read, lacks a column, or its values are no temperatures in °C.
    """
    zone_name(tz)
    name = Path(path).name
    frame = _read_frame(Path(path))
    time = _column(frame, TIME_COLUMNS, name, "time")
    temperature = _column(frame, CELSIUS_COLUMNS, name, "temperature")
    unit = temperature[temperature.find("(") + 1 : temperature.rfind(")")].strip() if "(" in temperature else ""
    if unit and unit not in ("°C", "C", "degC", "celsius"):
        raise UsageError(f"The weather file {name} gives temperatures in {unit}; convert them to °C.")
    times, values = _parsed_times(frame[time], name, tz), _parsed_temperatures(frame[temperature], name)
    return hourly_means(times, values, f"The weather file {name}")


def hourly_means(times: pd.DatetimeIndex, values: pd.Series[Any], what: str) -> pd.Series[Any]:
    """Hourly means on a complete grid, NaN where unknown; `values` in °C at aware `times`.

    Raises:
        UsageError: All values are NaN, or one is no outdoor temperature in °C.
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
    # Reindexed, so that missing hours are NaN, which the reports count.
    grid = pd.date_range(means.index[0], means.index[-1], freq="h", name="time")
    return means.reindex(grid)


def _read_frame(path: Path) -> pd.DataFrame:
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
        if len(fields) > 1 and any(_normalized_name(field) in TIME_COLUMNS for field in fields):
            filled = [row + [""] * (len(fields) - len(row)) for row in table[at + 1 :]]
            frame = pd.DataFrame([row[: len(fields)] for row in filled], columns=fields, dtype=object)
            return frame.loc[:, ~frame.columns.duplicated()]
    first = ", ".join(repr(field) for field in table[0][:5]) if table else "nothing"
    raise UsageError(f"The weather file {path.name} has no column of times (it begins with {first}); name it 'time'.")


def _normalized_name(column: str) -> str:
    return column.split("(")[0].strip().casefold().replace(" ", "_")


def _column(frame: pd.DataFrame, names: tuple[str, ...], file: str, what: str) -> str:
    for name in names:
        for column in frame.columns:
            if _normalized_name(str(column)) == name:
                return str(column)
    found = ", ".join(repr(str(column)) for column in frame.columns)
    raise UsageError(f"The weather file {file} has no column of the {what} among {found}; name it {names[0]!r}.")


def _parsed_times(column: pd.Series[Any], file: str, tz: str) -> pd.DatetimeIndex:
    try:
        parsed = [pd.Timestamp(text).as_unit("ns") for text in column]
        if any(pd.isna(moment) for moment in parsed):  # an empty field
            raise ValueError
        naive = [moment.tz is None for moment in parsed]
        if any(naive) and not all(naive):
            raise UsageError(f"The weather file {file} has times with and without an offset; use one form.")
        if all(naive):
            local = pd.DatetimeIndex(parsed)
            # The hour that comes twice in autumn: a time is the first, its repetition the second of them.
            return local.tz_localize(tz, nonexistent="shift_forward", ambiguous=~local.duplicated())
        return pd.DatetimeIndex([moment.tz_convert("UTC") for moment in parsed])
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        bad = next((text for text in column if not _is_time(text)), column.iloc[0] if len(column) else "")
        raise UsageError(f"The weather file {file} has the time {bad!r}; write e.g. 2018-11-03T06:00.") from None


def _is_time(text: str) -> bool:
    try:
        return not pd.isna(pd.Timestamp(text).as_unit("ns"))
    except ValueError:
        return False


def _parsed_temperatures(column: pd.Series[Any], file: str) -> pd.Series[Any]:
    blank = column.str.strip().str.casefold().isin(["", "nan", "null", "none", "-", "na"])
    numbers = pd.to_numeric(column.where(~blank, np.nan), errors="coerce")
    wrong = numbers.isna() & ~blank
    if wrong.any():
        bad = column[wrong].iloc[0]
        raise UsageError(
            f"The weather file {file} has the temperature {bad!r}; write numbers with a decimal point, e.g. -3.5."
        )
    return numbers

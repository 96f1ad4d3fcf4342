"""Mappings: which column of a file is which quantity, in which unit, and how its times and numbers are written."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from belimo_nb.errors import UsageError
from belimo_nb.quantities import QUANTITIES, SETTINGS

KNOWN = QUANTITIES | SETTINGS
UNSURE = "?"  # what a proposal could not tell
LAYOUTS = ("wide", "long", "data log")
OWN_OFFSET = "offset"  # the zone of times that each say theirs
MISSING = ("", "-", "--", "---", "NA", "#N/A", "N/A", "nan", "NaN", "NULL", "null", "None")
CELL = re.compile(
    r"([+-]?\d[\d.,' \u00a0\u202f]*?(?:[eE][+-]?\d+)?)\s*([^\d\s.,'][^;]{0,11})?"
)  # a number and its unit
SITE = ("project", "city", "country", "latitude", "longitude")


@dataclass(frozen=True)
class Column:
    """What a column, or in long files a name, holds.

    Attributes:
        quantity: Key of `belimo_nb.quantities`; "?" if it is not known yet.
        unit: Its unit; "?" if it is not known yet.
        device: The device that it is of, where the columns of a file belong to several; "" for the file's.
    """

    quantity: str
    unit: str
    device: str = ""


@dataclass(frozen=True)
class FileMapping:
    """How a file is to be read.

    Attributes:
        layout: "wide" (a column a quantity), "long" (a line a value) or "data log" (the vendor's, which says the rest).
        separator: Sign between fields.
        encoding: Of the text.
        header: Number of the line with the columns' names, the last if they go over several; what stands before is
            skipped.
        header_lines: Over how many lines the names go, such as a second line with the units.
        decimal: Decimal sign; "?" if it is not known yet.
        thousands: Sign between thousands, or "".
        missing: Texts that mean no value.
        name_column: In long files, the column of the names.
        value_column: In long files, the column of the values.
        status: The column that says whether a row can be trusted, such as {ok}, {fault}, Good or Bad; or "".
        time: The column of times, or those of dates and of clock times.
        format: "iso", "epoch s", "epoch ms", "excel" (days since 1900), or as Python's strptime has it.
        zone: IANA zone, "UTC", a fixed offset such as "+01:00", or "offset" where each time says its own.
        doubled: Which hour is meant ("first" or "second") where the file has one of the two of a clock change.
        device: The column that names the device; "" for one device a file, or `split`.
        serial: The column of its serial number, or "".
        split: The sign in columns' names (in long files, in names) before which the device's name stands, or "".
        columns: By column, or in long files by name (without the device's).
        devices: By device as the file names it: name, serial, and settings such as nominal_flow = "1.2 m3/h".
        site: project, city, country, latitude, longitude.
    """

    layout: str = "wide"
    separator: str = ","
    encoding: str = "utf-8-sig"
    header: int = 1
    header_lines: int = 1
    decimal: str = "."
    thousands: str = ""
    missing: tuple[str, ...] = MISSING
    name_column: str = ""
    value_column: str = ""
    status: str = ""
    time: tuple[str, ...] = ()
    format: str = "iso"
    zone: str = UNSURE
    doubled: str = ""
    device: str = ""
    serial: str = ""
    split: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)
    devices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    site: Mapping[str, Any] = field(default_factory=dict)


FIELDS = {
    "file": (
        "layout", "separator", "encoding", "header", "header_lines", "decimal", "thousands", "missing", "name_column",
        "value_column", "status",
    ),
    "time": ("time", "format", "zone", "doubled"),
    "device": ("device", "serial", "split"),
}  # fmt: skip
"""The tables of a mapping, and the fields of `FileMapping` that each holds."""


def load(path: Path) -> FileMapping:
    """Read a mapping.

    Raises:
        UsageError: It is no TOML, has what is not known, or a value that makes no sense.
    """
    what = f"The mapping {path.name}"
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{what} cannot be read ({error.strerror}); check the path.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{what} is no TOML ({error}); `belimo-nb import --propose FILE` writes one.") from None
    found: dict[str, Any] = {}
    plain = FileMapping()
    tables = {*FIELDS, "columns", "devices", "site"}
    for name, table in body.items():
        if name not in tables or not isinstance(table, dict):
            raise UsageError(f"{what} has {name!r}, which is no table of it; these are {', '.join(sorted(tables))}.")
        for key, value in table.items() if name in FIELDS else ():
            if key not in FIELDS[name]:
                raise UsageError(f"{what} has {key!r} in [{name}]; there are only {', '.join(FIELDS[name])}.")
            wanted = getattr(plain, key)
            value = [value] if key == "time" and isinstance(value, str) else value
            texts = isinstance(wanted, tuple) and isinstance(value, list) and all(isinstance(v, str) for v in value)
            if not texts and type(value) is not type(wanted):
                raise UsageError(f"{what} has {key} = {value!r} in [{name}]; write e.g. {key} = {_toml(wanted)}.")
            found[key] = tuple(value) if texts else value
    found["columns"] = {key: _column(key, value, what) for key, value in body.get("columns", {}).items()}
    found["devices"] = {key: _device(key, value, what) for key, value in body.get("devices", {}).items()}
    found["site"] = body.get("site", {})
    for key, value in found["site"].items():
        degrees = type(value) in (int, float) and abs(value) <= 180
        if not (degrees if key in SITE[3:] else key in SITE and isinstance(value, str)):
            raise UsageError(f"{what} has {key} = {value!r} in [site]; there are only {', '.join(SITE)} (in degrees).")
    return checked(replace(plain, **found), what)


def checked(mapping: FileMapping, what: str) -> FileMapping:
    """The mapping, if its values make sense together; `what` names it in the error."""
    choices = {
        "layout": (mapping.layout in LAYOUTS, 'write "wide", "long" or "data log"'),
        "separator": (len(mapping.separator) == 1, 'write one sign, e.g. ";"'),
        "header": (1 <= mapping.header <= 1000, "write the number of the line with the names, 1 to 1000"),
        "decimal": (mapping.decimal in (".", ",", UNSURE), 'write "." or ","'),
        "thousands": (mapping.thousands in ("", ".", ",", "'", " "), "write one sign or none"),
        "doubled": (mapping.doubled in ("", "first", "second"), 'write "first" or "second"'),
        "split": (len(mapping.split) <= 1, 'write one sign, e.g. "_"'),
        "time": (len(mapping.time) <= 2, "give the column of times, or those of dates and clock times"),
    }
    for key, (good, advice) in choices.items():
        if not good:
            raise UsageError(f"{what} has {key} = {getattr(mapping, key)!r}; {advice}.")
    if mapping.thousands and mapping.thousands == mapping.decimal:
        raise UsageError(
            f"{what} has {mapping.decimal!r} as decimal sign and between thousands; it can be one of them."
        )
    return mapping


def _column(name: str, body: Any, what: str) -> Column:
    texts = isinstance(body, dict) and all(isinstance(value, str) for value in body.values())
    known = texts and set(body) <= {"quantity", "unit", "device"} and body.get("quantity") in (*KNOWN, UNSURE)
    if not known:
        raise UsageError(
            f"{what} has {body!r} for the column {name!r}; write e.g. "
            f'{{quantity = "heating_energy", unit = "MWh"}}, with one of the quantities {", ".join(KNOWN)}.'
        )
    quantity, unit = body["quantity"], body.get("unit", "")
    if quantity != UNSURE and unit != UNSURE and not KNOWN[quantity].dimension.knows(unit):
        raise UsageError(
            f"{what} gives {quantity} in {unit!r}, which is no unit of {KNOWN[quantity].dimension.name}; write e.g. "
            f"{KNOWN[quantity].dimension.unit!r}."
        )
    return Column(quantity, unit, body.get("device", ""))


def _device(name: str, body: Any, what: str) -> dict[str, str]:
    good = isinstance(body, dict) and all(isinstance(value, str) for value in body.values())
    strange = sorted(set(body) - {"name", "serial", *SETTINGS}) if good else []
    if not good or strange:
        raise UsageError(
            f"{what} has {body if not good else strange[0]!r} for the device {name!r}; there are only the texts name, "
            f"serial, {', '.join(SETTINGS)}."
        )
    for key in set(body) & set(SETTINGS):
        setting(key, body[key], what)
    return dict(body)


def setting(key: str, text: str, what: str) -> float:
    """A setting such as "1.2 m3/h" in the unit that outputs show."""
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(\S.*)", text)
    if match is None or not SETTINGS[key].dimension.knows(match[2]):
        raise UsageError(f"{what} has {key} = {text!r}; write a number and its unit, e.g. 1.2 m3/h or 80 %.")
    return SETTINGS[key].dimension.convert(float(match[1]), match[2])


def dumps(mapping: FileMapping, remarks: str) -> str:
    """The mapping as TOML, below some lines of remarks."""
    # Of a remark only what cannot end its line.
    lines = [f"# {line}" for line in re.sub(r"[^\n -~\u00a0-\ud7ff]", " ", remarks).split("\n")]
    plain = FileMapping()
    for name, keys in FIELDS.items():
        values = {key: getattr(mapping, key) for key in keys}
        shown = {
            k: v for k, v in values.items() if v != getattr(plain, k) or k in ("layout", "separator", "format", "zone")
        }
        if shown:
            lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in shown.items())]
    lines += ["", "[columns]"] if mapping.columns else []
    for name, column in mapping.columns.items():
        lines.append(f"{_toml(name)} = {{quantity = {_toml(column.quantity)}, unit = {_toml(column.unit)}}}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    # A text of JSON is one of TOML, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

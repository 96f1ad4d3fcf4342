"""Parsing and checking single settings: flags, zones, moments, folders."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from belimo_nb.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "BELIMO_"
TRUE = ("1", "true", "yes", "on")
FIRST_YEAR, LAST_YEAR = 1970, 2200
FALSE = ("0", "false", "no", "off")


def flag(name: str, text: str) -> bool | None:
    """Parse a yes or no; None for a blank text. `name` is the setting's, for the message, as everywhere here."""
    if not text:
        return None
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    meaning = {
        "demo": "set it to 1 for the demo cloud or 0 for your own account",
        "offline": "set it to 1 to answer from the store alone or 0 to ask the cloud",
    }
    raise SettingsError(f"{PREFIX}{name.upper()} is {text!r}; {meaning[name]}.")


def zone(text: str) -> str:
    """Check the IANA name of a time zone."""
    try:
        ZoneInfo(text)
    except Exception:  # noqa: BLE001 - zoneinfo raises several kinds for odd keys, all with the same meaning
        raise SettingsError(
            f"BELIMO_TIMEZONE is {text!r}, which is no IANA time zone; write e.g. Europe/Zurich."
        ) from None
    return text


def _number(text: str) -> float | None:
    """A number from 0 to a million; None for any other text, "nan" and "inf" as well."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 <= found < 1e6 else None


def rate(text: str) -> float:
    """Parse the requests a second; 0 for no limit."""
    found = _number(text)
    if found is None:
        raise SettingsError(
            f"BELIMO_RATE is {text!r}; write the requests a second as a number, e.g. 2, or 0 for no limit."
        )
    return found


def price(name: str, text: str | None) -> float | None:
    """Parse a price of 1 kWh; None where it is not set."""
    if text is None:
        return None
    found = _number(text)
    if found is None:
        raise SettingsError(f"{PREFIX}{name.upper()} is {text!r}; write the price of 1 kWh as a number, e.g. 0.12.")
    return found


def currency(text: str) -> str:
    """Check the name of the prices' currency: letters, or its sign."""
    if not re.fullmatch(r"[^\W\d_]{1,5}\.?|[$€£¥₹]", text):
        raise SettingsError(f"BELIMO_CURRENCY is {text!r}; give letters such as CHF, or leave it out.")
    return text


def weather(text: str | None) -> str | None:
    """Check the source of the weather; a file's path is made absolute."""
    # Absolute, since reports are made in working folders of their own.
    if text is not None and "://" in text and "@" in text:
        raise SettingsError("BELIMO_WEATHER contains a user name or password, which outputs would show; leave it out.")
    if text is None or text == "open-meteo" or "://" in text:
        return text
    return str(_path("weather", text))


def moment(name: str, text: str | None, tz: str) -> pd.Timestamp | None:
    """Parse a moment to UTC; a text without an offset is local time in `tz`."""
    if text is None:
        return None
    # Imported late: `belimo-nb --help` reads settings, and must not wait for pandas.
    import pandas as pd

    try:
        found = pd.Timestamp(text)
        if pd.isna(found) or not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError
        return found.tz_localize(tz).tz_convert("UTC") if found.tz is None else found.tz_convert("UTC")
    except (ValueError, OverflowError):
        raise SettingsError(
            f"{PREFIX}{name.upper()} is {text!r}, which is no date from {FIRST_YEAR} to {LAST_YEAR}; write e.g. "
            "2018-12-01T00:00:00Z."
        ) from None


def source_files(text: str | None) -> str | None:
    """Check the name of imported files, which becomes that of a folder."""
    if text is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", text):
        raise SettingsError(
            f"BELIMO_SOURCE_FILES is {text!r}; a name has letters (A to Z), digits, dots, - and _, 60 at most."
        )
    return text


def data_dir(text: str | None) -> Path:
    """Parse the folder for the store and the caches; by default the system's place for a user's data."""
    if text is not None:
        return _path("data_dir", text)
    found = home_folder("data")
    if found is None:
        raise SettingsError("This user has no home folder, so set BELIMO_DATA_DIR to a folder for what is kept.")
    return found


def home_folder(kind: str) -> Path | None:
    """This system's folder for a user's "data", "cache" or "config", or None where the user's home is not known."""
    import platformdirs

    try:
        found = Path(getattr(platformdirs, f"user_{kind}_dir")("belimo-nb", appauthor=False))
    except RuntimeError:
        return None
    return found if found.is_absolute() else None  # from a ~ that nobody knows


def _path(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise SettingsError(
            f"{PREFIX}{name.upper()} is {text!r}, whose home folder is unknown; write the whole path."
        ) from None

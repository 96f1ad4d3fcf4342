"""Outdoor temperature from an archive in Open-Meteo's format; no key is needed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import requests

from belimo_nb.client import http, responses
from belimo_nb.client.retries import with_retries
from belimo_nb.errors import AnswerError, ApiError, UsageError
from belimo_nb.weather.csv_file import COLDEST, WARMEST

__all__ = ["OPEN_METEO", "Place", "place_of", "read_archive"]

OPEN_METEO = "https://archive-api.open-meteo.com/v1/archive"
VARIABLE = "temperature_2m"


def read_archive(url: str, place: Place, first: dt.date, last: dt.date) -> pd.Series[Any]:
    """Ask an archive for the hourly outdoor temperature of whole UTC days.

    Args:
        url: Its address; https, or http on this machine.
        place: Where.
        first: First day.
        last: Last day, inclusive.

    Returns:
        Series ``temperature_c``, index ``time``: every hour of the days, UTC; NaN where the archive has none (yet).

    Raises:
        CloudError: The archive refuses, fails, cannot be reached, or answers something else.
    """
    what = f"the weather of {first} to {last}"
    query = {
        "latitude": f"{place.latitude:.4f}",
        "longitude": f"{place.longitude:.4f}",
        "start_date": first.isoformat(),
        "end_date": last.isoformat(),
        "hourly": VARIABLE,
        "timezone": "GMT",
    }
    with http.new_session(url) as session:
        body = with_retries(lambda: _ask(session, url, query, what))
    return _series(body, first, last, what)


def _ask(session: requests.Session, url: str, query: dict[str, str], what: str) -> dict[str, Any]:
    try:
        response = session.get(http.as_https(url), params=query, timeout=http.TIMEOUT)
    except requests.RequestException as error:
        raise responses.unreachable(error, url) from None
    problem = responses.refusal(response, what)
    if isinstance(problem, ApiError):
        said = _reason(response)
        raise ApiError(
            f"The weather archive refused {what} ({response.status_code}{': ' + said if said else ''}); check "
            "BELIMO_WEATHER, the place and the period.",
            status_code=response.status_code,
        )
    if problem is not None:
        raise problem
    return responses.json_object(response, what, "BELIMO_WEATHER")


def _reason(response: requests.Response) -> str:
    try:
        return " ".join(str(response.json()["reason"]).split())[:120].rstrip(".")
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _series(body: dict[str, Any], first: dt.date, last: dt.date, what: str) -> pd.Series[Any]:
    try:
        unit = body["hourly_units"][VARIABLE]
        stamps = body["hourly"]["time"]
        if any(isinstance(stamp, int | float) for stamp in stamps):
            raise TypeError  # a number is no time here, though pandas would take it for one
        times = pd.DatetimeIndex(pd.to_datetime(stamps, format="ISO8601", utc=True)).as_unit("ns")
        values = [None if value is None else float(value) for value in body["hourly"][VARIABLE]]
        found = pd.Series(values, times, dtype=float)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise AnswerError(f"The weather archive gave {what} in another format; check BELIMO_WEATHER.") from None
    if unit not in ("°C", "C") or body.get("utc_offset_seconds", 0) != 0:
        raise AnswerError(f"The weather archive gave {what} in {unit}, not in °C of UTC hours; check BELIMO_WEATHER.")
    if ((found < COLDEST) | (found > WARMEST)).any():
        raise AnswerError(f"The weather archive gave {what} with impossible temperatures; check BELIMO_WEATHER.")
    begin, end = pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1)
    grid = pd.date_range(begin, end, freq="h", inclusive="left", name="time")
    return found[~found.index.duplicated(keep="last")].reindex(grid).rename("temperature_c")


def address(text: str) -> str:
    """The address that the setting stands for.

    Raises:
        UsageError: It is neither `open-meteo` nor a web address that may be asked.
    """
    url = OPEN_METEO if text == "open-meteo" else text
    if not url.startswith("https://") and http.as_https(url) == url:
        raise UsageError(f"The weather source {text!r} is asked over plain http; use https, open-meteo or a CSV file.")
    return url


LATITUDE, LONGITUDE = "metadata.1012", "metadata.1013"


@dataclass(frozen=True)
class Place:
    """A place on earth, in degrees; north and east are positive.

    Raises:
        UsageError: There is no such place.
    """

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        for name, most in (("latitude", 90), ("longitude", 180)):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and -most <= value <= most):
                raise UsageError(f"The {name} is {value!r}; give degrees between -{most} and {most}.")


def place_of(records: Mapping[str, Mapping[str, Any]]) -> Place | None:
    """The place that most devices' metadata give, or None; weather hardly differs within a site.

    Args:
        records: Latest values by device, as datapoint id to value.
    """
    found: dict[Place, int] = {}
    for values in records.values():
        try:
            place = Place(round(float(values[LATITUDE]), 2), round(float(values[LONGITUDE]), 2))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if place != Place(0.0, 0.0):  # what was never set
            found[place] = found.get(place, 0) + 1
    return max(found, key=lambda place: found[place]) if found else None

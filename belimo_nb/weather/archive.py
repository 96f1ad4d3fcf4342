"""Client of a weather archive in Open-Meteo's format; no key is needed."""

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
from belimo_nb.weather.csv_file import MAX_TEMPERATURE_C, MIN_TEMPERATURE_C

OPEN_METEO = "https://archive-api.open-meteo.com/v1/archive"
VARIABLE = "temperature_2m"
OF_THE_PLACE = 1.0  # degrees by which the answer's place may differ: an archive has a grid


def read_archive(url: str, place: Place, first: dt.date, last: dt.date) -> pd.Series[Any]:
    """Fetch the hourly outdoor temperature of whole UTC days from an archive.

    Args:
        url: Address of the archive; https, or http on this machine.
        place: Place of the site.
        first: First day.
        last: Last day, inclusive.

    Returns:
        Series ``temperature_c``, index ``time``: every hour of the days, UTC; NaN where the archive has none (yet).

    Raises:
        CloudError: The archive refuses, fails, cannot be reached, or gives another format.
    """
    what = f"the weather of {first} to {last}"
    query = {
        "latitude": f"{place.latitude:.4f}",
        "longitude": f"{place.longitude:.4f}",
        "start_date": first.isoformat(),
        "end_date": last.isoformat(),
        "hourly": VARIABLE,
        "timezone": "GMT",  # local times of clock changes would be ambiguous
    }
    with http.new_session(url) as session:
        body = with_retries(lambda: _get(session, url, query, what))
    for name, asked in (("latitude", place.latitude), ("longitude", place.longitude)):
        found = body.get(name)
        if isinstance(found, int | float) and abs((found - asked + 180) % 360 - 180) > OF_THE_PLACE:
            raise AnswerError(
                f"Asked for {what} at the {name} {asked:.2f}, the weather archive answered with {found:.2f}; check "
                "BELIMO_WEATHER."
            )
    return _hourly_series(body, first, last, what)


def _get(session: requests.Session, url: str, query: dict[str, str], what: str) -> dict[str, Any]:
    try:
        response = session.get(http.as_https(url), params=query, timeout=http.TIMEOUT)
    except requests.RequestException as error:
        raise responses.unreachable(error, url) from None
    problem = responses.refusal(response, what)
    if isinstance(problem, ApiError):
        reason = responses.reason(response)
        raise ApiError(
            f"The weather archive refused {what} ({response.status_code}{': ' + reason if reason else ''}); check "
            "BELIMO_WEATHER, the place and the period.",
            status_code=response.status_code,
        )
    if problem is not None:
        raise problem
    return responses.json_object(response, what, "BELIMO_WEATHER")


def _hourly_series(body: dict[str, Any], first: dt.date, last: dt.date, what: str) -> pd.Series[Any]:
    try:
        unit = body["hourly_units"][VARIABLE]
        stamps = body["hourly"]["time"]
        if any(isinstance(stamp, int | float) for stamp in stamps):
            raise TypeError  # pandas would take a number for a time
        times = pd.DatetimeIndex(pd.to_datetime(stamps, format="ISO8601", utc=True)).as_unit("ns")
        if any(isinstance(value, bool) for value in body["hourly"][VARIABLE]):
            raise TypeError
        values = [None if value is None else float(value) for value in body["hourly"][VARIABLE]]
        found = pd.Series(values, times, dtype=float)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise AnswerError(f"The weather archive gave {what} in another format; check BELIMO_WEATHER.") from None
    if unit not in ("°C", "C") or body.get("utc_offset_seconds", 0) != 0:
        raise AnswerError(f"The weather archive gave {what} in {unit}, not in °C of UTC hours; check BELIMO_WEATHER.")
    if ((found < MIN_TEMPERATURE_C) | (found > MAX_TEMPERATURE_C)).any():
        raise AnswerError(f"The weather archive gave {what} with impossible temperatures; check BELIMO_WEATHER.")
    # A grid of all hours, so that hours which the archive lacks are NaN and not just absent.
    begin, end = pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1)
    grid = pd.date_range(begin, end, freq="h", inclusive="left", name="time")
    if len(found) and not found.index.isin(grid).any():
        raise AnswerError(f"The weather archive gave {what} at none of the hours asked for; check BELIMO_WEATHER.")
    return found[~found.index.duplicated(keep="last")].reindex(grid).rename("temperature_c")


def archive_url(text: str) -> str:
    """Address of the archive that a setting names.

    Raises:
        UsageError: It is neither `open-meteo` nor an allowed web address.
    """
    url = OPEN_METEO if text == "open-meteo" else text
    if not url.startswith("https://") and http.as_https(url) == url:
        raise UsageError(f"The weather source {text!r} is asked over plain http; use https, open-meteo or a CSV file.")
    return url


LATITUDE, LONGITUDE = "metadata.1012", "metadata.1013"


@dataclass(frozen=True)
class Place:
    """Geographic coordinates in degrees, north and east positive.

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
    """Most frequent place in the devices' metadata, or None; weather hardly differs within a site.

    Args:
        records: Latest values by device, as datapoint id to value.
    """
    found: dict[Place, int] = {}
    for values in records.values():
        try:
            # 0.01° is about a kilometer: devices of a site become one place, and one file of the cache.
            place = Place(round(float(values[LATITUDE]), 2), round(float(values[LONGITUDE]), 2))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if place != Place(0.0, 0.0):  # never set
            found[place] = found.get(place, 0) + 1
    return max(found, key=lambda place: found[place]) if found else None

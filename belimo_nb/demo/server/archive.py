"""Outdoor temperature in the format of Open-Meteo's archive API: `/v1/archive`.

The demo's weather is the same everywhere; the place asked for is only repeated in the answer. Hours before the demo's
history and after its now are null, as Open-Meteo's are that it does not know.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from belimo_nb.demo.server.account import Account
from belimo_nb.demo.server.query import Query, bad_parameter

_FIRST_DAY = date(1940, 1, 1)
_ELEVATION = 411.0
_VARIABLE = "temperature_2m"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def archive(account: Account, query: Query) -> dict[str, Any]:
    """Hourly temperature of whole UTC days, `start_date` to `end_date` inclusive, in °C."""
    latitude, longitude = query.number("latitude", -90, 90), query.number("longitude", -180, 180)
    today = datetime.fromtimestamp(account.now, UTC).date()
    first = _day(query, "start_date", today)
    last = _day(query, "end_date", today)
    if last < first:
        raise bad_parameter("end_date", f"end_date {last} is before start_date {first}")
    if query.names("hourly") != [_VARIABLE]:
        raise bad_parameter("hourly", f"hourly must be {_VARIABLE}: this archive has no other variable")
    zone = query.choice("timezone", ("GMT", "UTC"), "GMT")
    begin, end = _epoch(first), _epoch(last + timedelta(days=1))
    times, values = account.simulation.outdoor_temperature(begin, end)
    known = times <= account.now
    readings = dict(zip(times[known].tolist(), np.round(values[known], 1).tolist(), strict=True))
    hours = range(begin, end, 3600)
    return {
        "latitude": latitude,
        "longitude": longitude,
        "generationtime_ms": 0.5,
        "utc_offset_seconds": 0,
        "timezone": zone,
        "timezone_abbreviation": zone,
        "elevation": _ELEVATION,
        "hourly_units": {"time": "iso8601", _VARIABLE: "°C"},
        "hourly": {
            "time": np.datetime_as_string(np.array(hours, "datetime64[s]"), unit="m").tolist(),
            _VARIABLE: [readings.get(hour) for hour in hours],
        },
    }


def _day(query: Query, name: str, today: date) -> date:
    text = query.text(name) or ""
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise bad_parameter(name, f"{name} must be a date like 2018-11-01, not {text!r}")
    if not _FIRST_DAY <= day <= today:
        raise bad_parameter(name, f"{name} {day} is out of range: from {_FIRST_DAY} to {today}")
    return day


def _epoch(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

"""Weather from anywhere: hourly temperatures, or a `BelimoError`, never another exception."""

from __future__ import annotations

import datetime as dt
import json
from unittest import mock

import pandas as pd
import requests
from fuzzing import bytes_like, inputs, scalars, spoiled, survives, texts, values
from hypothesis import given
from hypothesis import strategies as st

from belimo_nb.weather.archive import LATITUDE, LONGITUDE, Place, place_of, read_archive
from belimo_nb.weather.csv_file import read_csv
from belimo_nb.weather.source import WeatherCache

DAY = dt.date(2018, 11, 1)
ANSWER = {
    "latitude": 47.4,
    "longitude": 8.5,
    "utc_offset_seconds": 0,
    "hourly_units": {"time": "iso8601", "temperature_2m": "°C"},
    "hourly": {"time": [f"2018-11-01T{hour:02d}:00" for hour in range(24)], "temperature_2m": [4.5] * 24},
}
CSV = "time;temperature_2m (°C)\n2018-10-28T01:00;4.5\n2018-10-28T02:00;-3\n2018-10-28T02:00;\n".encode()
KEPT = b"time,temperature_c\n2018-11-01T00:00Z,4.5\n2018-11-01T01:00Z,-3\n"

names = st.sampled_from(["time", "Datum", "timestamp", "temperature_2m (°C)", "temp (°F)", "T_C", "", '"time"', "rain"])
fields = st.one_of(
    st.sampled_from(
        ["2018-11-01T00:00", "2018-11-01T00:00Z", "2018-03-25T02:30", "1.11.2018 00:00", "-3.5", "3,5", "NaN", "1e400"]
    ),
    texts,
    st.integers().map(str),
    st.datetimes().map(str),
    st.floats().map(str),
)


@st.composite
def tables(draw):
    """Something like a CSV file."""
    separator = draw(st.sampled_from(",;\t"))
    rows = [draw(st.lists(names, min_size=1, max_size=3)), *draw(st.lists(st.lists(fields, max_size=3), max_size=5))]
    return draw(st.sampled_from(["\n", "\r\n"])).join(separator.join(row) for row in rows).encode(errors="replace")


@inputs(800)
@given(
    content=tables() | bytes_like(CSV), tz=st.sampled_from(["UTC", "Europe/Zurich", "Australia/Lord_Howe", "nowhere"])
)
def test_csv_files(isolated, content, tz):
    """Of any bytes, with any fields, in any zone: every hour once."""
    file = isolated / "weather.csv"
    file.write_bytes(content)
    found = survives(read_csv, file, tz)
    if found is not None:
        assert found.index.is_unique
        assert found.dropna().between(-60, 60).all()


@inputs(500)
@given(body=spoiled(ANSWER, most=4) | values, status=st.sampled_from([200, 200, 200, 400, 404]))
def test_archives(body, status):
    """Every hour of the day that was asked for."""
    response = requests.Response()
    response._content, response.status_code, response.url = (
        json.dumps(body).encode(),
        status,
        "https://weather.invalid/",
    )
    with mock.patch("requests.Session.get", return_value=response), mock.patch("belimo_nb.client.retries.pause"):
        found = survives(read_archive, "https://weather.invalid/", Place(47.4, 8.5), DAY, DAY)
    assert found is None or len(found) == 24


@inputs(300)
@given(content=bytes_like(KEPT) | tables())
def test_kept_weather(isolated, content):
    """A file that cannot be read is as good as none, and is replaced."""
    file = isolated / "kept.csv"
    file.write_bytes(content)
    kept = WeatherCache(isolated, file)
    found = survives(kept.read)
    assert str(found.index.tz) == "UTC"
    hour = pd.Series([1.5], pd.DatetimeIndex(["2018-11-01T05:00Z"]), name="temperature_c")
    assert survives(kept.add, hour, counted=False)[hour.index[0]] == 1.5


@inputs(500)
@given(latitude=scalars | values, longitude=scalars | values)
def test_places(latitude, longitude):
    """From arguments and from what devices say."""
    survives(Place, latitude, longitude)
    survives(place_of, {"a": {LATITUDE: latitude, LONGITUDE: longitude}}, counted=False)

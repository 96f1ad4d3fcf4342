"""The demo cloud's weather archive, in Open-Meteo's format."""

import pytest
import requests

WEATHER = {"latitude": 47.4, "longitude": 8.5, "hourly": "temperature_2m"}


def weather(api, **query):
    """The archive's answer, asked without a token."""
    return requests.get(api.environment["BELIMO_WEATHER"], params={**WEATHER, **query}, timeout=60)


def test_weather_has_every_hour_of_the_days_asked_for(api):
    """Open-Meteo's fields; days inclusive; hours that are not known are null."""
    body = weather(api, start_date="2018-11-30", end_date="2018-12-01").json()
    assert (body["latitude"], body["longitude"], body["timezone"], body["utc_offset_seconds"]) == (47.4, 8.5, "GMT", 0)
    assert body["hourly_units"] == {"time": "iso8601", "temperature_2m": "°C"}
    times, values = body["hourly"]["time"], body["hourly"]["temperature_2m"]
    assert (times[0], times[-1], len(times)) == ("2018-11-30T00:00", "2018-12-01T23:00", 48)
    assert all(isinstance(value, float) for value in values[:25])
    assert values[25:] == [None] * 23
    assert (
        weather(api, start_date="2016-11-30", end_date="2016-11-30").json()["hourly"]["temperature_2m"] == [None] * 24
    )
    assert weather(api, start_date="2018-11-30", end_date="2018-11-30", timezone="UTC").json()["timezone"] == "UTC"


@pytest.mark.parametrize(
    "query",
    [
        {"latitude": None},
        {"latitude": "91"},
        {"longitude": "east"},
        {"longitude": "nan"},
        {"start_date": None},
        {"start_date": "01.11.2018"},
        {"start_date": "20181101"},
        {"start_date": "2018-02-30"},
        {"start_date": "1900-01-01"},
        {"end_date": "2018-12-02"},
        {"end_date": "2018-10-31"},
        {"hourly": "temperature_2m,rain"},
        {"hourly": None},
        {"timezone": "Europe/Zurich"},
    ],
)
def test_bad_questions_about_the_weather_are_refused_as_open_meteo_does(api, query):
    """400 with `error` and a `reason` that names the parameter."""
    answer = weather(api, **{"start_date": "2018-11-01", "end_date": "2018-11-30", **query})
    assert answer.status_code == 400
    assert answer.json()["error"] is True
    assert next(iter(query)) in answer.json()["reason"]

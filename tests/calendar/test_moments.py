"""Moments: what people write, in zones with odd clocks."""

import datetime as dt

import pandas as pd
import pytest

from belimo_nb.calendar.moments import local_midnight, localized, parse_time
from belimo_nb.errors import UsageError

ZURICH = "Europe/Zurich"


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2018-11-03", "2018-11-02T23:00Z"),
        ("2018-07-03", "2018-07-02T22:00Z"),
        (" 2018-11-03 ", "2018-11-02T23:00Z"),
        ("2018-11-03T06:00", "2018-11-03T05:00Z"),
        ("2018-11-03 06:00:30", "2018-11-03T05:00:30Z"),
        ("2018-11-03T06:00Z", "2018-11-03T06:00Z"),
        ("2018-11-03T06:00:00.250+02:00", "2018-11-03T04:00:00.250Z"),
        (dt.date(2018, 11, 3), "2018-11-02T23:00Z"),
        (dt.datetime(2018, 11, 3, 6, tzinfo=dt.UTC), "2018-11-03T06:00Z"),
        (pd.Timestamp("2018-11-03T06:00"), "2018-11-03T05:00Z"),
    ],
)
def test_parse_time(text, utc):
    """Dates are local midnights, times local unless they say otherwise; the result is in the site's zone."""
    moment = parse_time(text, ZURICH, "start")
    assert moment == pd.Timestamp(utc)
    assert str(moment.tz) == ZURICH


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "now", "2018", "11/03/2018", "2018-13-01", "2018-02-30", "2018-11-03T25:00", 2018, None, pd.NaT],
)
def test_parse_time_refuses(text):
    """What is no ISO date is refused with the value, its name and examples."""
    with pytest.raises(UsageError, match="start") as caught:
        parse_time(text, ZURICH, "start")
    assert "2018-11-03" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_clock_changes():
    """A skipped time moves to the next that exists; of a doubled hour the first is taken."""
    assert parse_time("2018-03-25T02:30", ZURICH) == pd.Timestamp("2018-03-25T01:00Z")
    assert parse_time("2018-10-28T02:30", ZURICH) == pd.Timestamp("2018-10-28T00:30Z")
    # Santiago's clock skipped midnight on 2018-08-12, Havana's doubled it on 2018-11-04.
    assert parse_time("2018-08-12", "America/Santiago") == pd.Timestamp("2018-08-12T04:00Z")
    assert parse_time("2018-11-04", "America/Havana") == pd.Timestamp("2018-11-04T04:00Z")
    assert local_midnight(2018, 10, 7, "Australia/Lord_Howe") == pd.Timestamp("2018-10-06T13:30Z")


def test_local_times_that_the_clock_skips_or_doubles():
    """One time or many: the next that exists, the first of two; the second where it is asked for."""
    naive = pd.DatetimeIndex(["2018-03-25 02:30", "2018-10-28 02:30"])
    first, second = (["2018-03-25T01:00Z", f"2018-10-28T{hour}:30Z"] for hour in ("00", "01"))
    assert localized(naive, "Europe/Zurich").equals(pd.DatetimeIndex(first).tz_convert("Europe/Zurich"))
    assert [localized(moment, "Europe/Zurich") for moment in naive] == [pd.Timestamp(text) for text in first]
    asked = localized(naive, "Europe/Zurich", ~naive.isin(naive))
    assert list(asked) == [pd.Timestamp(text) for text in second]

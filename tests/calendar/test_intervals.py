"""Edges of intervals: local midnights, whatever the clock does."""

import itertools
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import ZONES

from belimo_nb.calendar.intervals import CALENDAR, edges, fixed_length, quarter_hour_zone, zone_name
from belimo_nb.errors import UsageError

NOTHING = pd.DatetimeIndex([], tz="UTC")


def hours(bounds):
    """Lengths of the intervals in hours."""
    return [(after - before) / pd.Timedelta(hours=1) for before, after in itertools.pairwise(bounds)]


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Zurich", "2018-03-25", 23),
        ("Europe/Zurich", "2018-10-28", 25),
        ("Europe/Zurich", "2018-06-01", 24),
        ("America/New_York", "2018-03-11", 23),
        ("America/New_York", "2018-11-04", 25),
        ("America/Santiago", "2018-08-12", 23),
        ("America/Santiago", "2018-05-12", 25),
        ("Australia/Lord_Howe", "2018-10-07", 23.5),
        ("Australia/Lord_Howe", "2018-04-01", 24.5),
        ("Asia/Kolkata", "2018-03-25", 24),
        ("UTC", "2018-03-25", 24),
    ],
)
def test_days_of_odd_length(zone, day, length):
    """Days have as many hours as their clock gives them; the days around them have 24."""
    start = pd.Timestamp(day) - pd.Timedelta(days=1)
    bounds = edges(str(start.date()), str((start + pd.Timedelta(days=3)).date()), "D", zone, NOTHING)
    assert hours(bounds) == [24, length, 24]


def test_a_midnight_that_is_skipped():
    """In Santiago the clock skips midnight itself: the day begins with its first moment."""
    bounds = edges("2018-08-11", "2018-08-13", "D", "America/Santiago", NOTHING)
    assert [moment.isoformat() for moment in bounds] == [
        "2018-08-11T00:00:00-04:00",
        "2018-08-12T01:00:00-03:00",
        "2018-08-13T00:00:00-03:00",
    ]


def test_a_midnight_that_comes_twice():
    """In Havana midnight comes twice: the day begins with the first."""
    bounds = edges("2018-11-03", "2018-11-05", "D", "America/Havana", NOTHING)
    assert hours(bounds) == [24, 25]


def test_a_day_that_is_skipped():
    """Samoa had no 30 December 2011: there is no interval for it."""
    bounds = edges("2011-12-29", "2012-01-01", "D", "Pacific/Apia", NOTHING)
    assert [moment.day for moment in bounds] == [29, 31, 1]
    assert hours(bounds) == [24, 24]


@given(
    zone=st.sampled_from(ZONES),
    begin=st.integers(1_200_000_000, 1_700_000_000),
    length=st.integers(1, 86400 * 800),
    freq=st.sampled_from(sorted(CALENDAR)),
)
def test_intervals_tile_the_range(zone, begin, length, freq):
    """Intervals begin at the start, end at the end, leave nothing out, and between them lie local midnights."""
    start = pd.Timestamp(begin, unit="s", tz=zone)
    end = start + pd.Timedelta(seconds=length)
    bounds = edges(start, end, freq, zone, NOTHING)
    assert bounds[0] == start
    assert bounds[-1] == end
    assert bounds.is_monotonic_increasing
    assert bounds.is_unique
    for moment in bounds[1:-1]:
        before = moment - pd.Timedelta(1, "ns")
        assert moment.date() != before.date()
        if freq[0] in "MQY":
            assert moment.day == 1
        if freq[0] == "Y":
            assert moment.month == 1
        if freq == "W":
            assert moment.day_name() == "Monday"


@pytest.mark.slow
@given(zone=st.sampled_from(ZONES), begin=st.integers(1_200_000_000, 1_700_000_000), days=st.integers(1, 500))
def test_every_local_day_is_there(zone, begin, days):
    """Each local date of the range has exactly one interval (against Python's own time zones)."""
    start = pd.Timestamp(begin, unit="s", tz=zone).floor("s")
    end = start + pd.Timedelta(days=days)
    bounds = edges(start, end, "D", zone, NOTHING)
    found = [moment.date() for moment in bounds[:-1]]
    seconds = range(begin, begin + days * 86400, 1800)
    expected = sorted(
        {pd.Timestamp(s, unit="s", tz="UTC").to_pydatetime().astimezone(ZoneInfo(zone)).date() for s in seconds}
    )
    assert found == expected


@given(zone=st.sampled_from(ZONES), begin=st.integers(1_200_000_000, 1_700_000_000), days=st.integers(1, 900))
def test_intervals_nest(zone, begin, days):
    """Edges of years are edges of quarters, those are edges of months, and those of days."""
    start = pd.Timestamp(begin, unit="s", tz=zone)
    end = start + pd.Timedelta(days=days)
    years, quarters, months, all_days = (
        set(edges(start, end, freq, zone, NOTHING)) for freq in ("YS", "QS", "MS", "D")
    )
    assert years <= quarters <= months <= all_days
    assert set(edges(start, end, "W", zone, NOTHING)) <= all_days


@given(
    zone=st.sampled_from(ZONES),
    first=st.integers(1_200_000_000, 1_700_000_000),
    length=st.integers(0, 86400 * 400),
    freq=st.sampled_from(["h", "15min", "D", "W", "MS", "YS"]),
)
def test_without_a_range_whole_intervals_hold_the_readings(zone, first, length, freq):
    """Without start and end, the first interval holds the first reading and the last one the last."""
    times = pd.DatetimeIndex(pd.to_datetime([first, first + length], unit="s", utc=True))
    bounds = edges(None, None, freq, zone, times)
    assert len(bounds) >= 2
    assert bounds[0] <= times[0] < bounds[1]
    assert bounds[-2] < times[1] <= bounds[-1] or length == 0
    assert bounds.equals(edges(bounds[0], bounds[-1], freq, zone, NOTHING))


def test_dates_are_local():
    """Dates and times without a zone are local, those with one are what they say."""
    bounds = edges("2018-11-03", "2018-11-04T00:00Z", "D", "Europe/Zurich", NOTHING)
    assert [str(moment.tz_convert("UTC").time()) for moment in bounds] == ["23:00:00", "23:00:00", "00:00:00"]
    assert {str(bounds.tz)} == {"Europe/Zurich"}


def test_no_readings_and_no_range():
    """Nothing to go by gives no intervals."""
    assert len(edges(None, None, "D", "UTC", NOTHING)) == 0
    assert len(edges("2018-01-01", None, "D", "UTC", NOTHING)) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("2018-01-02", "2018-01-01", "D", "UTC"), "which is not before its end"),
        (("2018-01-01", "2018-01-01", "D", "UTC"), "which is not before its end"),
        (("2018-01-01", "2018-01-02", "D", "Mars/Base"), "'Mars/Base' is no IANA time zone"),
        (("2018-01-01", "2018-01-02", "X", "UTC"), "'X' is no interval"),
        (("then", "2018-01-02", "D", "UTC"), "'then' is no date"),
        (("2018-01-01", "2019-01-01", "1s", "UTC"), "too short"),
        (("2018-01-01", "2018-01-02", "1ns", "UTC"), "too short"),
    ],
)
def test_ranges_that_cannot_be(arguments, words):
    """What cannot be is refused with the value."""
    with pytest.raises(UsageError) as caught:
        edges(*arguments, NOTHING)
    assert words in str(caught.value)


@pytest.mark.parametrize(("freq", "seconds"), [("h", 3600), ("15min", 900), ("24h", 86400), ("D", None), ("MS", None)])
def test_fixed_length(freq, seconds):
    """Hours and minutes have a length; days and months have that of the calendar."""
    length = fixed_length(freq)
    assert length == (None if seconds is None else pd.Timedelta(seconds=seconds))


@pytest.mark.parametrize("freq", ["", "2D", "7D", "-1h", "0h", "B", "2MS", "fortnight", None])
def test_frequencies_that_are_none(freq):
    """Two days are no fixed length, and neither is nonsense."""
    with pytest.raises(UsageError, match="is no interval; use h, D, W, MS, YS"):
        fixed_length(freq)


@pytest.mark.parametrize(
    ("zone", "odd"),
    [
        ("Europe/Zurich", False),
        ("America/Santiago", False),
        ("Asia/Kolkata", True),
        ("Asia/Kathmandu", True),
        ("Australia/Lord_Howe", True),
        ("UTC", False),
    ],
)
def test_zones_between_full_hours(zone, odd):
    """Zones whose days begin between full hours of UTC at any time of the year need finer readings."""
    assert quarter_hour_zone(zone, pd.Timestamp("2018-01-01", tz=zone), pd.Timestamp("2019-01-01", tz=zone)) is odd


@pytest.mark.parametrize("zone", ["", "Zurich", "Europe/Paris ", "+25:99"])
def test_zones_that_are_none(zone):
    """What is no zone is refused with the value."""
    with pytest.raises(UsageError, match="is no IANA time zone"):
        zone_name(zone)


@pytest.mark.parametrize(
    "zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "Australia/Lord_Howe", *ZONES]
)
def test_hours_are_those_of_the_local_clock(zone):
    """Every edge of an hour is a moment at which the local clock shows one or skips it; no hour is missing."""
    bounds = edges("2018-01-01", "2019-01-01", "h", zone, NOTHING)
    changes = [moment for moment in bounds if moment.minute]
    skipped = {"Australia/Lord_Howe": ["2018-10-07T02:30:00+11:00"]}.get(zone, [])
    assert [moment.isoformat() for moment in changes] == skipped
    lengths = pd.Series(hours(bounds))
    odd = {"Australia/Lord_Howe": [1.5, 0.5]}.get(zone, [])
    assert lengths[lengths != 1].tolist() == odd
    assert lengths.sum() == 365 * 24
    counts = pd.Series(1, bounds[:-1]).groupby(bounds[:-1].date).sum()
    whole = {"UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"}
    assert sorted(counts[counts != 24]) == ([] if zone in whole else [23, 25])


def test_lengths_of_a_clock_at_half_past():
    """Quarters, half and two hours follow the local clock as well, in ranges that begin anywhere."""
    for freq, minutes in (("15min", {0, 15, 30, 45}), ("30min", {0, 30}), ("2h", {0})):
        bounds = edges("2018-11-20T12:10", "2018-11-23T00:00", freq, "Asia/Kathmandu", NOTHING)
        assert {moment.minute for moment in bounds[1:]} == minutes
        assert bounds[0].minute == 10
        assert (bounds[1] - bounds[0]) < pd.Timedelta(freq)

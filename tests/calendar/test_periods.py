"""Periods: what people write, in zones with odd clocks."""

import pandas as pd
import pytest

from belimo_nb.calendar.periods import Period, baseline, resolve
from belimo_nb.errors import UsageError

ZURICH = "Europe/Zurich"
NOW = pd.Timestamp("2018-12-01T00:00:00Z")


def at(text, tz=ZURICH):
    """An aware timestamp from local text."""
    return pd.Timestamp(text, tz=tz)


@pytest.mark.parametrize(
    ("period", "start", "end", "label", "days"),
    [
        ("2018", "2018-01-01", "2019-01-01", "2018", 365),
        ("2018-11", "2018-11-01", "2018-12-01", "November 2018", 30),
        ("2017-12", "2017-12-01", "2018-01-01", "December 2017", 31),
        ("last-month", "2018-11-01", "2018-12-01", "November 2018", 30),
        ("last-1-month", "2018-11-01", "2018-12-01", "November 2018", 30),
        ("LAST-MONTH ", "2018-11-01", "2018-12-01", "November 2018", 30),
        ("last-12-months", "2017-12-01", "2018-12-01", "December 2017 to November 2018", 365),
        ("last-1-day", "2018-11-30", "2018-12-01", "2018-11-30", 1),
        ("last-35-days", "2018-10-27", "2018-12-01", "2018-10-27 to 2018-11-30", 35),
    ],
)
def test_named_periods(period, start, end, label, days):
    """Each form of a period gives local midnights, a name for people and its days, clock changes or not."""
    found = resolve(period=period, now=NOW, tz=ZURICH)
    assert (found.start, found.end) == (at(start), at(end))
    assert (found.label, found.days) == (label, days)
    assert str(found.start.tz) == ZURICH


def test_now_is_local():
    """At 00:30 on 1 December in Zurich, New York still has November: its last month is October."""
    now = pd.Timestamp("2018-11-30T23:30Z")
    assert resolve(period="last-month", now=now, tz=ZURICH).label == "November 2018"
    assert resolve(period="last-month", now=now, tz="America/New_York").label == "October 2018"


@pytest.mark.parametrize(
    ("now", "tz", "label", "start", "end"),
    [
        ("2019-01-01T03:15+01:00", ZURICH, "December 2018", "2018-12-01T00:00+01:00", "2019-01-01T00:00+01:00"),
        ("2018-12-31T23:59:59+01:00", ZURICH, "November 2018", "2018-11-01T00:00+01:00", "2018-12-01T00:00+01:00"),
        ("2019-01-01T00:00+01:00", ZURICH, "December 2018", "2018-12-01T00:00+01:00", "2019-01-01T00:00+01:00"),
        ("2018-12-31T11:00Z", "Pacific/Auckland", "December 2018", "2018-12-01T00:00+13:00", "2019-01-01T00:00+13:00"),
        ("2018-12-31T10:59Z", "Pacific/Auckland", "November 2018", "2018-11-01T00:00+13:00", "2018-12-01T00:00+13:00"),
        ("2019-01-01T04:00Z", "America/New_York", "November 2018", "2018-11-01T00:00-04:00", "2018-12-01T00:00-05:00"),
        ("2018-04-01T02:00Z", ZURICH, "March 2018", "2018-03-01T00:00+01:00", "2018-04-01T00:00+02:00"),
        ("2018-11-01T05:00Z", ZURICH, "October 2018", "2018-10-01T00:00+02:00", "2018-11-01T00:00+01:00"),
        ("2020-03-31T12:00Z", "UTC", "February 2020", "2020-02-01T00:00Z", "2020-03-01T00:00Z"),
    ],
)
def test_last_month(now, tz, label, start, end):
    """It turns at local midnight of the first, over the year's end and over clock changes."""
    found = resolve(period="last-month", now=pd.Timestamp(now), tz=tz)
    assert found.label == label
    assert (found.start, found.end) == (pd.Timestamp(start), pd.Timestamp(end))


def test_nothing_given():
    """The default is the last 12 full months; blank text counts as not given."""
    expected = Period(at("2017-12-01"), at("2018-12-01"))
    assert resolve(now=NOW, tz=ZURICH) == expected
    assert resolve("", " ", period="", now=NOW, tz=ZURICH) == expected


def test_start_and_end():
    """Start alone reaches to now, end alone back 12 months, both stand as given."""
    assert resolve("2018-11-03", "2018-11-21", now=NOW, tz=ZURICH).label == "2018-11-03 to 2018-11-20"
    assert resolve("2018-11-03", now=NOW, tz=ZURICH).end == NOW
    assert resolve(end="2018-11-21", now=NOW, tz=ZURICH) == Period(at("2017-11-21"), at("2018-11-21"))
    both = resolve("2018-11-03T06:00", "2018-11-04T18:30", now=NOW, tz=ZURICH)
    assert both.label == "2018-11-03 06:00 to 2018-11-04 18:30"
    assert both.days == 2


def test_days_over_clock_changes():
    """October has 31 days and 745 hours in Zurich; a skipped midnight still begins its day."""
    october = resolve(period="2018-10", now=NOW, tz=ZURICH)
    assert october.days == 31
    assert october.end - october.start == pd.Timedelta(hours=745)
    santiago = resolve("2018-08-12", "2018-08-13", now=NOW, tz="America/Santiago")
    assert (santiago.label, santiago.days) == ("2018-08-12", 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"start": "2018-11-20", "end": "2018-11-03"}, "2018-11-20.*not before.*2018-11-03"),
        ({"start": "2018-11-03", "end": "2018-11-03"}, "not before"),
        ({"start": "2018-11-03", "period": "2018"}, "Both a period"),
        ({"start": "2019-01-01"}, "in the future"),
        ({"start": "2019-01-01", "end": "2019-02-01"}, "January 2019 lies in the future"),
        ({"period": "2019"}, "2019 lies in the future"),
        ({"period": "2018-13"}, "2018-13.*last-month"),
        ({"period": "last-0-days"}, "last-0-days"),
        ({"period": "9999"}, "9999 is out of reach"),
        ({"period": "0000-01"}, "cannot be read"),
        ({"start": "3.11.2018"}, "start '3.11.2018' is no date"),
        ({"end": "soon"}, "end 'soon' is no date"),
    ],
)
def test_refusals(arguments, words):
    """Senseless periods are refused in one sentence that names the value."""
    with pytest.raises(UsageError, match=words) as caught:
        resolve(**arguments, now=NOW, tz=ZURICH)
    assert "\n" not in str(caught.value)


def test_period_needs_zones():
    """A period's edges are aware: a naive one is refused."""
    with pytest.raises(UsageError, match="no time zone"):
        Period(pd.Timestamp("2018-11-03"), pd.Timestamp("2018-11-04"))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("", "2016-12-01", "2017-12-01"),
        (None, "2016-12-01", "2017-12-01"),
        ("2016", "2016-01-01", "2017-01-01"),
        ("2016-11", "2016-11-01", "2016-12-01"),
        ("2015-12-01", "2015-12-01", "2016-12-01"),
        ("2017-01-01", "2017-01-01", "2018-01-01"),
        ("2017-01-15", "2017-01-15", "2018-01-15"),
    ],
)
def test_baseline(text, start, end):
    """What a period is compared with: the year before, a named period, or as long from a day on."""
    zone = "Europe/Zurich"
    period = Period(pd.Timestamp("2017-12-01", tz=zone), pd.Timestamp("2018-12-01", tz=zone))
    found = baseline(period, text)
    assert (found.start, found.end) == (pd.Timestamp(start, tz=zone), pd.Timestamp(end, tz=zone))


def test_baseline_that_cannot_be_read():
    """Nonsense is refused with the value."""
    zone = "Europe/Zurich"
    period = Period(pd.Timestamp("2017-12-01", tz=zone), pd.Timestamp("2018-12-01", tz=zone))
    with pytest.raises(UsageError, match="'before'"):
        baseline(period, "before")


@pytest.mark.parametrize("text", ["2018", "2017-12-01", "2018-06-01"])
def test_baseline_that_comes_later(text):
    """What a period is compared with begins before it."""
    zone = "Europe/Zurich"
    period = Period(pd.Timestamp("2017-12-01", tz=zone), pd.Timestamp("2018-12-01", tz=zone))
    with pytest.raises(UsageError, match="does not begin before"):
        baseline(period, text)


@pytest.mark.parametrize(
    ("period", "compare", "weather", "beside"),
    [
        ("2018-11", "", ("2017-11-01", "2018-11-01"), ("2017-11-01", "2017-12-01")),
        ("2018-02", "", ("2017-02-01", "2018-02-01"), ("2017-02-01", "2017-03-01")),
        ("2016-02", "", ("2015-02-01", "2016-02-01"), ("2015-02-01", "2015-03-01")),
        ("2017", "", ("2016-01-01", "2017-01-01"), ("2016-01-01", "2017-01-01")),
        ("2018-07", "2017", ("2017-01-01", "2018-01-01"), ("2017-07-01", "2017-08-01")),
        ("2018-07", "2016", ("2016-01-01", "2017-01-01"), ("2016-07-01", "2016-08-01")),
        ("2018-05", "2017-12", ("2017-12-01", "2018-01-01"), ("2017-12-01", "2018-01-01")),
    ],
)
def test_what_lies_beside(period, compare, weather, beside):
    """A month is held against the weather of the 12 months before it, and laid beside the same month before."""
    asked = resolve(period=period, now=NOW, tz=ZURICH)
    compared = baseline(asked, compare)
    assert (compared.start, compared.end) == tuple(map(at, weather))
    found = asked.beside(compared)
    assert (found.start, found.end) == tuple(map(at, beside))


def test_baseline_of_a_part_day():
    """The 12 months before a range that begins at noon end with the day before it."""
    found = baseline(Period(at("2018-11-20T12:00"), at("2018-11-23")))
    assert (found.start, found.end) == (at("2017-11-20"), at("2018-11-20"))

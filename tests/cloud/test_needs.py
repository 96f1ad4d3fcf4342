"""What reports ask of the store: whole buckets of the right datapoints, and no more than there can be."""

from types import SimpleNamespace

import pandas as pd
import pytest

from belimo_nb.cloud.needs import history_queries
from belimo_nb.store.archive import LastContact

HOUR, DAY = 3600, 86400
NOW = pd.Timestamp("2018-12-01T00:20Z")
LOCATED = {"heating_energy": "heat", "cooling_energy": "cool", "power": "power", "t1": "t1", "flow": "flow"}


def at(text):
    """A moment, in seconds since 1970."""
    return int(pd.Timestamp(text).timestamp())


@pytest.fixture
def ask():
    """A function that gives the questions about two valves, by device and resolution."""
    valves = pd.DataFrame(
        {"name": ["One", "Two"], "last_seen": [pd.Timestamp("2018-11-30T23:59:59.5Z"), pd.NaT]}, index=["d1", "d2"]
    )

    def made(start, end, *rest, zone="Europe/Zurich", **options):
        profile = SimpleNamespace(locate=LOCATED.get, units={})
        listed = SimpleNamespace(asked=7, known=lambda: {key: {} for key in valves.index}, earlier_ids=lambda _: ())
        connection = SimpleNamespace(now=NOW, timezone=zone, device_list=listed, profile_of=lambda _: profile)
        found = history_queries(connection, valves, pd.Timestamp(start), pd.Timestamp(end), *rest, **options)
        return {(question.device, question.resolution): question for question in found}

    return made


def test_whom_is_asked_about(ask):
    """Each valve has its question, with its name and its last contact as of the list."""
    found = ask("2018-11-01T00:00Z", "2018-11-02T00:00Z")
    assert list(found) == [("d1", "1h"), ("d2", "1h")]
    assert (found["d1", "1h"].name, found["d2", "1h"].name) == ("One", "Two")
    assert found["d1", "1h"].seen == LastContact(at("2018-11-30T23:59:59Z"), 7)
    assert found["d2", "1h"].seen == LastContact(None, 7)


def test_what_is_asked_for(ask):
    """Counters are asked for from the bucket before, since a reading belongs to its bucket's end, and days around."""
    question = ask("2018-11-01T00:00Z", "2018-11-02T00:00Z", "60m")["d1", "1h"]
    span = at("2018-11-01T00:00Z"), at("2018-11-02T00:00Z")
    early = span[0] - 7 * DAY - HOUR, span[1] + 5 * DAY
    held = span[0] - DAY, span[1]  # what holds at the begin is looked for a day before
    assert question.wanted == {"heat": early, "cool": early, "power": held, "t1": early, "flow": held}


def test_everything_that_is_drawn(ask, monkeypatch):
    """What a valve's report draws and checks is asked for."""
    drawn = [
        "t1",
        "t2",
        "delta_t",
        "flow",
        "power",
        "position",
        "position_setpoint",
        "volume",
        "heating_energy",
        "cooling_energy",
    ]
    monkeypatch.setattr("test_needs.LOCATED", {name: name for name in drawn})
    assert set(ask("2018-11-01T00:00Z", "2018-11-02T00:00Z")["d1", "1h"].wanted) == set(drawn)


def test_no_more_than_is_wanted(ask):
    """What a report does not draw is not asked for; counters always are."""
    question = ask("2018-11-01T00:00Z", "2018-11-02T00:00Z", measured=["flow"])["d1", "1h"]
    assert list(question.wanted) == ["heat", "cool", "t1", "flow"]


def test_counters_of_a_longer_range(ask):
    """The counters of the year before come by the hour, what is drawn at its own resolution."""
    found = ask("2018-11-01T00:00Z", "2018-11-02T00:00Z", "15m", counters_from=pd.Timestamp("2017-11-01T00:00Z"))
    span = at("2018-10-31T00:00Z"), at("2018-11-02T00:00Z")
    counted = at("2017-10-24T23:00Z"), span[1] + 5 * DAY
    assert found["d1", "1h"].wanted == {"heat": counted, "cool": counted, "t1": counted}
    assert found["d1", "15m"].wanted == dict.fromkeys(("heat", "cool", "power", "t1", "flow"), span)


def test_counters_where_days_begin_at_half_past(ask):
    """Where local days begin between full hours the counters come by the quarter of an hour."""
    found = ask(
        "2018-11-01T00:00Z",
        "2018-11-02T00:00Z",
        counters_from=pd.Timestamp("2018-10-01T00:00Z"),
        zone="Asia/Kolkata",
    )
    assert found["d1", "15m"].wanted["heat"] == (at("2018-09-23T23:45Z"), at("2018-11-07T00:00Z"))
    assert found["d1", "1h"].wanted["flow"] == (at("2018-10-31T00:00Z"), at("2018-11-02T00:00Z"))


def test_one_resolution_for_both(ask):
    """Where counters and the rest share a resolution, the wider range of a datapoint is asked for."""
    found = ask("2018-11-01T00:00Z", "2018-11-02T00:00Z", counters_from=pd.Timestamp("2018-10-01T00:00Z"))
    assert list(found) == [("d1", "1h"), ("d2", "1h")]
    wanted = found["d1", "1h"].wanted
    assert wanted["heat"] == (at("2018-09-23T23:00Z"), at("2018-11-07T00:00Z"))
    assert wanted["flow"] == (at("2018-10-31T00:00Z"), at("2018-11-02T00:00Z"))


def test_the_future_is_not_asked_for(ask):
    """Of what lies in the future only the bucket under way is asked for, and the one after it as its witness."""
    until = at("2018-12-01T02:00Z")
    found = ask("2018-11-30T00:00Z", "2019-01-01T00:00Z")
    assert {span[1] for span in found["d1", "1h"].wanted.values()} == {until}
    split = ask("2018-11-30T00:00Z", "2019-01-01T00:00Z", "15m", counters_from=pd.Timestamp("2018-11-01T00:00Z"))
    assert {span[1] for span in split["d1", "1h"].wanted.values()} == {until}


def test_a_valve_that_measures_nothing(ask, monkeypatch):
    """A valve whose dataprofile has none of it is not asked about."""
    monkeypatch.setattr("test_needs.LOCATED", {})
    assert ask("2018-11-01T00:00Z", "2018-11-02T00:00Z") == {}

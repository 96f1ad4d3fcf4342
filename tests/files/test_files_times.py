"""The times of data files: clock changes, forms and zones, each understood or asked about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from belimo_nb.errors import UsageError
from belimo_nb.files.times import NO_TIME, parse, to_utc

ZONE = "Europe/Zurich"


def local(start, end, zone=ZONE, step="15min"):
    """Moments, and the seconds that a clock in the zone shows at them."""
    index = pd.date_range(start, end, freq=step, tz="UTC")
    return index.as_unit("s").asi8, index.tz_convert(zone).tz_localize(None).as_unit("s").asi8


@pytest.mark.parametrize(
    "zone", [ZONE, "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC", "+05:30"]
)
@pytest.mark.parametrize("turned", [False, True])
def test_both_clock_changes(zone, turned):
    """A year of quarter hours, the newest first or last, is what it was."""
    tz = "Asia/Kolkata" if zone == "+05:30" else zone
    true, shown = local("2018-01-01", "2019-01-01", tz)
    order = slice(None, None, -1 if turned else 1)
    assert (to_utc(shown[order], zone, "", "x") == true[order]).all()


@pytest.mark.parametrize("step", ["15min", "1h"])
def test_winter_time_all_year_is_asked(step):
    """Times that clocks in the zone never show, or show only once, are not theirs."""
    _, shown = local("2018-03-01", "2018-12-01", "Etc/GMT-1", step)
    with pytest.raises(UsageError, match=r"2018-03-25 02:00, which clocks in Europe/Zurich skip; whose is it\? Say"):
        to_utc(shown, ZONE, "", "x")
    with pytest.raises(
        UsageError, match=r"2018-10-28 02:00 once, which clocks in Europe/Zurich show twice: is its clock"
    ):
        to_utc(shown[shown > shown[-1] - 90 * 86400], ZONE, "", "x")
    first, second = (to_utc(shown[shown > shown[-1] - 90 * 86400], ZONE, which, "x") for which in ("first", "second"))
    assert (second - first).sum() == 3600 * ((second != first).sum())
    assert (second != first).any()


def test_gaps_around_the_change():
    """After the clock has fallen back the second hour is meant, whatever is missing of the first."""
    true, shown = local("2018-10-27 20:00", "2018-10-28 04:00")
    keep = np.ones(len(true), bool)
    keep[[17, 18, 22]] = False
    assert (to_utc(shown[keep], ZONE, "", "x") == true[keep]).all()


def test_daily_readings_ask_nothing():
    """One reading a day at 02:30 is right to the hour either way."""
    shown = pd.date_range("2018-10-01 02:30", "2018-11-30 02:30", freq="D").as_unit("s").asi8
    assert len(to_utc(shown, ZONE, "", "x")) == 61


def test_out_of_order():
    """Where the file is not in the order of time, it cannot be told which of two equal times is the first."""
    _, shown = local("2018-10-27", "2018-10-29")
    shown = np.concatenate([shown[60:], shown[:60]])
    with pytest.raises(UsageError, match="twice, when clocks in Europe/Zurich change, and its times are not in order"):
        to_utc(shown, ZONE, "", "x")


@pytest.mark.parametrize(
    ("text", "form", "zone", "expected"),
    [
        ("2018-11-03T06:00:00Z", "iso", "offset", "2018-11-03T06:00"),
        ("2018-11-03 06:00+01:00", "iso", "offset", "2018-11-03T05:00"),
        ("2018-11-03", "iso", "UTC", "2018-11-03T00:00"),
        ("03.11.2018 24:00", "%d.%m.%Y %H:%M", "UTC", "2018-11-04T00:00"),
        ("11/03/2018 12:05 AM", "%m/%d/%Y %I:%M %p", "UTC", "2018-11-03T00:05"),
        ("1541224800", "epoch s", "UTC", "2018-11-03T06:00"),
        ("1541224800000", "epoch ms", "UTC", "2018-11-03T06:00"),
    ],
)
def test_forms(text, form, zone, expected):
    """Each form is read; an empty field is no time."""
    found = parse([pd.Series([text, None, text], dtype=object)], form, zone, "x")
    assert found.tolist()[1] == NO_TIME
    assert (found[[0, 2]].astype("datetime64[s]") == np.datetime64(expected)).all()


@pytest.mark.parametrize(
    ("text", "form", "zone", "told"),
    [
        ("2018-13-03 06:00", "iso", "UTC", "'2018-13-03 06:00', which is not written like the others"),
        ("03.11.2018", "%d.%m.%Y %H:%M", "UTC", "is not of the form"),
        ("2018-11-03 06:00+01:00", "iso", ZONE, "with an offset, though a zone is said"),
        ("2018-11-03 06:00", "iso", "offset", "without an offset, unlike others"),
        ("1e300", "epoch s", "UTC", "'1e300', which is not of the form"),
        ("x", "%Q", "UTC", "cannot be read|is not of the form"),
    ],
)
def test_strange_times(text, form, zone, told):
    """What is not written as said is told, with the time."""
    with pytest.raises(UsageError, match=told):
        parse([pd.Series([text], dtype=object)], form, zone, "x")


@pytest.mark.parametrize(("moment", "told"), [("1970-01-02", "before there were"), ("2100-01-01", "in the future")])
def test_lost_clocks(moment, told):
    """A meter that has lost its clock, or day and month that are swapped, are told."""
    with pytest.raises(UsageError, match=told):
        to_utc(np.array([pd.Timestamp(moment).value // 10**9]), "UTC", "", "x")


@pytest.mark.parametrize("zone", ["Zurich", "../../etc/passwd", "", "+99:00", "\0"])
def test_strange_zones(zone):
    """What is no zone is told."""
    with pytest.raises(UsageError, match=r"is not known; write e\.g\. Europe/Zurich"):
        to_utc(np.array([1541224800]), zone, "", "x")

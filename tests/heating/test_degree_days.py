"""Degree days and daily means: the published definitions, and what has no mean."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from belimo_nb.errors import UsageError
from belimo_nb.heating import daily_means, degree_days

ZURICH = "Europe/Zurich"


def days(*values):
    """Daily means."""
    return pd.Series(values, pd.date_range("2018-01-01", periods=len(values)), dtype=float)


def test_a_published_day():
    """A day of 5.6 °C has 14.4 Kd (SIA 381/3; the example of the city of Zurich)."""
    assert degree_days(days(5.6)).tolist() == pytest.approx([14.4])


@pytest.mark.parametrize(
    ("kind", "below", "expected"),
    [
        ("HGT20/12", None, [8, 8.5, 0, 0]),
        ("HGT20/12", True, [0, 8.5, 0, 0]),
        ("GTZ20/15", None, [8, 8.5, 0, 7]),
        ("GTZ20/15", False, [8, 8.5, 5, 7]),
        ("HDD15", None, [3, 3.5, 0, 2]),
        ("HDD 12.5", None, [0.5, 1, 0, 0]),
        ("hgt19/10", None, [0, 0, 0, 0]),
    ],
)
def test_limits(kind, below, expected):
    """On the limit a day counts for SIA's degree days, not for VDI's; either reading can be had."""
    assert degree_days(days(12, 11.5, 15, 13), kind, below=below).tolist() == pytest.approx(expected)


@given(st.lists(st.integers(-300, 350), min_size=1, max_size=400))
def test_identity(tenths):
    """HGT20/12 is the sum of max(12 - Tm, 0) plus 8 for each heating day."""
    means = days(*(value / 10 for value in tenths))
    expected = np.maximum(12 - means, 0).sum() + 8 * (means <= 12).sum()
    assert degree_days(means).sum() == pytest.approx(expected, abs=1e-6)


@given(zone=st.sampled_from([ZURICH, "America/Santiago", "Australia/Lord_Howe", "UTC"]), seed=st.integers(0, 999))
def test_hours_and_their_means_give_the_same(zone, seed):
    """Hourly temperatures give what their daily means give, day by day, months sum to the year without rounding."""
    hours = pd.date_range("2018-01-01", "2019-01-01", freq="h", tz=zone, inclusive="left")
    outdoor = pd.Series(np.random.default_rng(seed).normal(9, 8, len(hours)), hours)
    found = degree_days(outdoor, tz=zone)
    assert len(found) == 365
    local = hours.tz_localize(None).normalize()
    plain = outdoor.groupby(local).mean()
    np.testing.assert_allclose(found, np.where(plain <= 12, 20 - plain, 0), atol=1e-9)
    by_month = found.groupby(found.index.tz_localize(None).to_period("M")).sum()
    assert by_month.sum() == pytest.approx(found.sum())


def test_days_that_lack_hours():
    """19 of 24 hours are below 80 %: no mean, and no degree days; 20 hours are enough."""
    hours = pd.date_range("2018-11-01", periods=72, freq="h", tz=ZURICH)
    outdoor = pd.Series(4.0, hours)
    outdoor.iloc[:5] = np.nan
    outdoor.iloc[24:28] = np.nan
    means = daily_means(outdoor, ZURICH)
    assert means.isna().tolist() == [True, False, False]
    assert np.isnan(degree_days(outdoor, tz=ZURICH).iloc[0])
    assert degree_days(outdoor, tz=ZURICH).sum() == pytest.approx(32)


def test_short_and_long_days():
    """The 23 and the 25 hours of the clock changes are whole days."""
    hours = pd.date_range("2018-10-27T22:00Z", periods=25, freq="h")
    assert daily_means(pd.Series(np.arange(25.0), hours), ZURICH).tolist() == [12.0]
    hours = pd.date_range("2018-03-24T23:00Z", periods=23, freq="h")
    assert daily_means(pd.Series(np.arange(23.0), hours), ZURICH).tolist() == [11.0]


def test_holes_in_the_index_count_as_unknown():
    """Hours that are not in the series at all are as unknown as NaN."""
    hours = pd.date_range("2018-11-01", periods=72, freq="h", tz=ZURICH)
    outdoor = pd.Series(4.0, hours).drop(hours[24:30])
    assert daily_means(outdoor, ZURICH).isna().tolist() == [False, True, False]


@pytest.mark.parametrize("kind", ["", "HGT", "HGT20", "GTZ20-15", "HDD", None, 18])
def test_kinds_that_are_none(kind):
    """A kind that is none is refused with what there is."""
    with pytest.raises(UsageError, match="no kind of degree days") as caught:
        degree_days(days(1.0), kind)
    assert repr(kind) in str(caught.value)


@pytest.mark.parametrize(
    ("temperature", "words"),
    [
        ([1.0], "is a list"),
        (pd.Series(["cold"], pd.date_range("2018-01-01", periods=1)), "holds text"),
        (pd.Series(1.0, pd.date_range("2018-01-01", periods=48, freq="h")), "times with a zone"),
        (pd.Series([1.0, 2.0]), "int64 as index"),
    ],
)
def test_temperatures_that_are_none(temperature, words):
    """What is no series of temperatures by time is refused."""
    with pytest.raises(UsageError, match=words):
        degree_days(temperature)


def test_means_need_times():
    """Temperatures without a zone are refused; none at all have no means."""
    hours = pd.date_range("2018-01-01", periods=48, freq="h")
    with pytest.raises(UsageError, match="no time zone; use tz_localize"):
        daily_means(pd.Series(5.0, hours), ZURICH)
    found = daily_means(pd.Series([], pd.DatetimeIndex([], tz="UTC"), dtype=float), ZURICH)
    assert found.empty
    assert str(found.index.tz) == ZURICH


def test_indexes_of_days():
    """Days may be periods; what is no time is refused with what it is."""
    expected = degree_days(days(5.6, 7.0))
    periods = pd.Series([5.6, 7.0], pd.period_range("2018-01-01", periods=2, freq="D"))
    assert degree_days(periods).tolist() == expected.tolist()
    with pytest.raises(UsageError, match="has int64 as index; give one of days"):
        degree_days(pd.Series([5.6, 7.0], [1, 2]))

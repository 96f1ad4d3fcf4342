"""The shape of the load, and energy as money, carbon dioxide and per area."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from belimo_nb.energy import interval_energy
from belimo_nb.errors import UsageError
from belimo_nb.heating import carpet, co2_kg, cost, load_duration, load_figures, per_area

ZURICH = "Europe/Zurich"


def hours(values, start="2018-01-01", freq="h"):
    """Energies of intervals."""
    return pd.Series(np.asarray(values, dtype=float), pd.date_range(start, periods=len(values), freq=freq, tz=ZURICH))


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=300), st.sampled_from(["h", "15min"]))
def test_the_area_of_the_duration_curve_is_the_energy(values, freq):
    """Power times time below the curve is the energy; it falls, and begins with the peak."""
    kwh = hours(values, freq=freq)
    curve = load_duration(kwh)
    area = (curve.to_numpy() * np.diff([0, *curve.index])).sum()
    assert area == pytest.approx(kwh.sum(), abs=1e-6)
    assert (np.diff(curve) <= 0).all()
    found = load_figures(kwh)
    assert curve.iloc[0] == found.peak_kw
    assert found.energy_kwh == pytest.approx(kwh.sum())


def test_figures():
    """Mean, peak, base, load factor and full-load hours of a known load."""
    found = load_figures(hours([2.0] * 90 + [12.0] * 10))
    assert (found.peak_kw, found.mean_kw, found.base_kw) == (12, pytest.approx(3), 2)
    assert found.load_factor == pytest.approx(0.25)
    assert found.full_load_hours == pytest.approx(25)
    assert found.peak_time == pd.Timestamp("2018-01-04T18:00", tz=ZURICH)
    assert found.known_hours == 100


def test_a_quarter_of_an_hour_has_its_own_peak():
    """A peak of 15 minutes is a mean power over them."""
    found = load_figures(hours([1, 1, 3, 1], freq="15min"))
    assert found.peak_kw == 12
    assert found.full_load_hours == pytest.approx(0.5)


def test_unknown_hours_are_left_out():
    """NaN is neither 0 nor a peak; nothing known at all is NaN."""
    found = load_figures(hours([np.nan, 4, np.nan, 2]))
    assert (found.known_hours, found.mean_kw) == (2, 3)
    assert len(load_duration(hours([np.nan, 4, np.nan, 2]))) == 2
    nothing = load_figures(hours([np.nan, np.nan]))
    assert np.isnan([nothing.peak_kw, nothing.mean_kw, nothing.load_factor, nothing.energy_kwh]).all()
    assert nothing.peak_time is None
    assert load_figures(hours([0, 0])).peak_time is None


def test_carpet_of_the_clock_changes():
    """The autumn hour that comes twice is averaged, the spring hour is empty."""
    times = pd.date_range("2018-10-27T22:00Z", periods=25, freq="h").tz_convert(ZURICH)
    autumn = carpet(pd.Series(np.arange(25.0), times))
    assert autumn.shape == (1, 24)
    assert autumn.iloc[0, 2] == pytest.approx(2.5)
    assert autumn.iloc[0, 3] == 4
    times = pd.date_range("2018-03-24T23:00Z", periods=23, freq="h").tz_convert(ZURICH)
    spring = carpet(pd.Series(np.arange(23.0), times))
    assert np.isnan(spring.iloc[0, 2])
    assert spring.iloc[0, 3] == 2


def test_carpet_has_every_day():
    """Days without values are rows of NaN; quarters of an hour are averaged to the hour's power."""
    kwh = hours(np.ones(24 * 4 * 4), freq="15min").drop(
        pd.date_range("2018-01-02", periods=96, freq="15min", tz=ZURICH)
    )
    found = carpet(kwh)
    assert len(found) == 4
    assert found.iloc[1].isna().all()
    assert (found.iloc[[0, 2, 3]] == 4).all(axis=None)


@pytest.mark.parametrize("call", [load_figures, load_duration, carpet])
@pytest.mark.parametrize(
    ("kwh", "words"),
    [
        ([1.0], "is a list"),
        (pd.Series([1.0, 2.0], pd.date_range("2018-01-01", periods=2, freq="h")), "no time zone"),
        (pd.Series([1.0, 2.0], pd.date_range("2018-01-01", periods=2, tz="UTC")), "24 hours long"),
        (pd.Series(["a", "b"], pd.date_range("2018-01-01", periods=2, freq="h", tz="UTC")), "holds text"),
    ],
)
def test_energies_that_are_none(call, kwh, words):
    """What is no series of hourly energies is refused."""
    with pytest.raises(UsageError, match=words):
        call(kwh)


def test_amounts():
    """Price and factor times energy; per area only for 12 known months."""
    assert cost(1000, 0.12) == pytest.approx(120)
    assert cost(1000, "0.12") == pytest.approx(120)
    assert co2_kg(1000, 200) == pytest.approx(200)
    year = pd.Series(100.0, range(12))
    assert per_area(year, 10) == pytest.approx(120)
    assert np.isnan(per_area(year[:11], 10))
    assert np.isnan(per_area(year.where(year.index != 4), 10))


@pytest.mark.parametrize("value", [0, -5, "big", None, float("nan"), float("inf")])
def test_an_area_that_is_none(value):
    """An area of 0 and the like is refused with the value."""
    with pytest.raises(UsageError, match="The area in m2 is") as caught:
        per_area(pd.Series(100.0, range(12)), value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("call", [cost, co2_kg])
@pytest.mark.parametrize("value", [-0.1, "much", float("nan")])
def test_prices_that_are_none(call, value):
    """A price or factor below 0, or that is no number, is refused with the value."""
    with pytest.raises(UsageError, match="0 or more") as caught:
        call(1.0, value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", ZURICH])
def test_a_constant_load_in_any_zone(zone):
    """10 kW all year are 10 kW in each hour, be it cut by the clock or by the range; the carpet has no hole but one."""
    times = pd.date_range("2017-12-30", "2019-01-03", freq="15min", tz="UTC")
    counter = pd.Series(np.arange(len(times)) * 2.5 * 3.6e6, times)
    kwh = interval_energy(counter, "h", "2018-01-01T12:30", "2019-01-01", zone)["kwh"]
    found = load_figures(kwh)
    assert (found.peak_kw, found.base_kw, found.mean_kw) == pytest.approx((10, 10, 10))
    assert found.known_hours == pytest.approx(365 * 24 - 12.5)
    assert found.full_load_hours == pytest.approx(365 * 24 - 12.5)
    curve = load_duration(kwh)
    assert curve.index[-1] == pytest.approx(365 * 24 - 12.5)
    assert curve.to_numpy() == pytest.approx(np.full(len(curve), 10))
    power = carpet(kwh)
    assert power.shape == (365, 24)
    assert np.nanmax(power) == pytest.approx(10)
    holes = int(power.iloc[1:].isna().sum().sum())
    assert holes == (1 if zone == ZURICH else 0)

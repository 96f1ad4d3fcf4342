"""The energy signature: what it recovers, what it refuses and why, and how sure it is."""

import numpy as np
import pandas as pd
import pytest

from belimo_nb.errors import UsageError
from belimo_nb.heating import Signature, cusum, fit_signature

DAYS = pd.date_range("2017-12-01", "2018-11-30", tz="Europe/Zurich")
TRUTH = {"balance": 15.4, "base": 40.0, "slope": 93.6}


def weather(days=DAYS, seed=1):
    """Daily means like Zurich's."""
    wave = 10 - 10 * np.cos((days.day_of_year - 15) / 365 * 2 * np.pi)
    swings = np.convolve(np.random.default_rng(seed).normal(0, 6, len(days) + 9), np.full(10, 10**-0.5), "valid")
    return pd.Series(wave + swings * 0.6, days)


def energy(outdoor, scatter=0.1, seed=1, balance=15.4, base=40.0, slope=93.6):
    """What a building with a known signature uses, with a scatter in proportion to the load."""
    load = slope * np.maximum(balance - outdoor, 0)
    return base + load * (1 + scatter * np.random.default_rng(seed).normal(size=len(outdoor)))


def test_without_scatter_it_is_exact():
    """A building that follows its signature gives it back, to the grid of 0.1 K."""
    outdoor = weather()
    found = fit_signature(energy(outdoor, 0), outdoor)
    assert (found.model, found.reason, found.n_days) == ("3P", "", 365)
    assert found.balance_point_c == pytest.approx(15.4)
    assert found.base_kwh_d == pytest.approx(40)
    assert found.slope_kwh_d_k == pytest.approx(93.6)
    assert found.heat_loss_w_k == pytest.approx(3900)
    assert found.r2 == pytest.approx(1)
    assert found.cv_rmse == pytest.approx(0, abs=1e-6)
    assert found.at_zero_kwh_d == pytest.approx(40 + 93.6 * 15.4)


@pytest.mark.parametrize("seed", range(5))
def test_with_scatter_it_is_near(seed):
    """Within 5 % and 0.5 K of the truth, which lies inside its confidence intervals' reach."""
    outdoor = weather(seed=seed)
    found = fit_signature(energy(outdoor, seed=seed + 100), outdoor)
    assert found.model == "3P"
    assert found.balance_point_c == pytest.approx(TRUTH["balance"], abs=0.5)
    assert found.slope_kwh_d_k == pytest.approx(TRUTH["slope"], rel=0.05)
    intervals = found.intervals()
    assert (intervals["low"] <= intervals["value"]).all()
    assert (intervals["value"] <= intervals["high"]).all()


def test_figures_of_quality():
    """R2 and CV(RMSE) are those of the residuals, the latter with n - 3 degrees of freedom."""
    outdoor = weather()
    used = energy(outdoor)
    found = fit_signature(used, outdoor)
    residual = (used - found.predict(outdoor)).to_numpy()
    assert found.cv_rmse == pytest.approx(np.sqrt((residual**2).sum() / (365 - 3)) / used.mean())
    assert found.r2 == pytest.approx(1 - (residual**2).sum() / ((used - used.mean()) ** 2).sum())
    assert found.autocorrelation == pytest.approx(np.corrcoef(residual[:-1], residual[1:])[0, 1], abs=0.01)


def test_it_is_the_least_squares():
    """No other balance point of the grid, with its own best line, leaves smaller squares."""
    outdoor = weather()
    used = energy(outdoor)
    found = fit_signature(used, outdoor)
    best = ((used - found.predict(outdoor)) ** 2).sum()
    for balance in np.arange(10, 20, 0.1):
        below = np.column_stack([np.ones(365), np.maximum(balance - outdoor, 0)])
        line, *_ = np.linalg.lstsq(below, used, rcond=None)
        assert ((used - below @ line) ** 2).sum() >= best * (1 - 1e-9)


def test_a_base_load_of_nothing():
    """Where the true base load is 0 the fit's is 0 or little above, never below."""
    outdoor = weather()
    for seed in range(6):
        found = fit_signature(energy(outdoor, seed=seed + 100, base=0.0), outdoor)
        assert found.model == "3P"
        assert 0 <= found.base_kwh_d < 20


@pytest.mark.parametrize(
    ("days", "make", "model", "reason"),
    [
        (slice("2018-01-01", "2018-02-28"), energy, {"2P", None}, "balance point shows|warmer than|span only"),
        (slice("2018-11-01", "2018-11-08"), energy, {None}, "only 8 days"),
        (slice("2018-07-01", "2018-08-10"), energy, {None}, ""),
        (slice(None), lambda t: 0 * t + 50, {None}, "same energy"),
        (
            slice(None),
            lambda t: pd.Series(np.random.default_rng(3).normal(50, 8, len(t)), t.index),
            {None},
            "explains only|no balance point|colder|warmer",
        ),
        (slice(None), lambda t: 20 * np.maximum(t - 16, 0) + 3, {None}, "does not fall|below zero|balance|colder"),
        (
            slice(None),
            lambda t: np.where(t < 14, 50 * (14 - t) + 30, np.minimum(-30.0 * 9, 0)) + 0 * t,
            {"2P", None},
            "below zero|explains",
        ),
    ],
    ids=["winter only", "8 days", "summer only", "flat", "hot water", "cooling", "base below 0"],
)
def test_refusals(days, make, model, reason):
    """What the data do not bear is refused, in words."""
    outdoor = weather()[days]
    used = make(outdoor)
    found = fit_signature(used, outdoor)
    assert found.model in model
    assert pd.Series([found.reason]).str.contains(reason).all(), found.reason
    assert found.reason
    assert np.isnan(found.balance_point_c)
    if found.model is None:
        assert np.isnan([found.slope_kwh_d_k, found.base_kwh_d, found.r2]).all()
        assert found.predict(outdoor).isna().all()
        assert found.band()[["low", "high"]].isna().all(axis=None)


def test_winter_falls_back_to_a_line():
    """A winter long enough has a slope, though no balance point."""
    winter = weather()["2017-12-01":"2018-03-31"]
    winter = winter[winter < 12]
    found = fit_signature(energy(winter, 0.05), winter)
    assert found.model == "2P"
    assert found.reason
    assert found.slope_kwh_d_k == pytest.approx(93.6, rel=0.05)
    assert found.at_zero_kwh_d == pytest.approx(40 + 93.6 * 15.4, rel=0.05)
    band = found.band()
    assert (band["low"] < band["kwh"]).all()
    assert (band["kwh"] < band["high"]).all()


def test_too_narrow_a_range():
    """Temperatures that span less than 10 K are refused with their span."""
    outdoor = pd.Series(np.linspace(5, 14.4, 60), DAYS[:60])
    assert "span only 9.4 K" in fit_signature(energy(outdoor), outdoor).reason


def test_unknown_days_are_left_out():
    """Days without energy or temperature are not counted; days of only one of the two do no harm."""
    outdoor, used = weather(), energy(weather())
    used.iloc[10:30] = np.nan
    holes = outdoor.copy()
    holes.iloc[100:105] = np.nan
    found = fit_signature(used, holes.iloc[:-7])
    assert found.n_days == 365 - 20 - 5 - 7


def test_hourly_temperatures_will_do():
    """Hourly temperatures are averaged over the days of the energy's zone."""
    outdoor = weather()
    hours = pd.date_range(DAYS[0], DAYS[-1] + pd.Timedelta(days=1), freq="h", inclusive="left")
    hourly = outdoor.reindex(hours.tz_convert(DAYS.tz), method="ffill")
    found = fit_signature(energy(outdoor, 0), hourly.tz_convert("UTC"))
    assert found.n_days == 365
    assert found.balance_point_c == pytest.approx(15.4)


def test_the_band():
    """It contains the curve, is the same every time, and is wider for a higher level of confidence."""
    outdoor = weather()
    found = fit_signature(energy(outdoor), outdoor)
    band = found.band()
    assert (band["low"] <= band["kwh"]).all()
    assert (band["kwh"] <= band["high"]).all()
    pd.testing.assert_frame_equal(band, fit_signature(energy(outdoor), outdoor).band())
    wide = found.band(0.99)
    assert ((wide["high"] - wide["low"]).mean()) > (band["high"] - band["low"]).mean()


@pytest.mark.parametrize(
    ("used", "outdoor", "words"),
    [
        ([1.0], pd.Series(dtype=float), "energy is a list"),
        (pd.Series(["a"], DAYS[:1]), pd.Series([1.0], DAYS[:1]), "energy holds text"),
        (pd.Series([1.0], DAYS[:1]), pd.Series(["a"], DAYS[:1]), "temperature holds text"),
        (pd.Series([1.0, 2.0]), pd.Series([1.0], DAYS[:1]), "energy has int64 as index"),
        (pd.Series([1.0, 2.0], DAYS[[0, 0]]), pd.Series([1.0], DAYS[:1]), "several values a day"),
        (
            pd.Series([1.0], DAYS[:1]),
            pd.Series(1.0, pd.date_range("2018-01-01", periods=48, freq="h")),
            "times with a zone",
        ),
    ],
)
def test_input_that_is_none(used, outdoor, words):
    """What is no daily series is refused, saying which of the two."""
    with pytest.raises(UsageError, match=words):
        fit_signature(used, outdoor)


def test_nothing_at_all():
    """Empty series are no error: there is no signature, and it says why."""
    nothing = pd.Series(dtype=float, index=DAYS[:0])
    found = fit_signature(nothing, nothing)
    assert isinstance(found, Signature)
    assert found.reason.startswith("no day has both energy")


def test_cusum():
    """The running sum is that of measured minus expected; an unknown day stands still; the end is the whole."""
    outdoor, used = weather(), energy(weather(), 0)
    signature = fit_signature(used, outdoor)
    changed = used.copy()
    changed.iloc[200:] += 10
    changed.iloc[250] = np.nan
    running = cusum(changed, outdoor, signature)
    assert running.iloc[199] == pytest.approx(0, abs=1e-3)
    assert running.iloc[-1] == pytest.approx(10 * 164, abs=1e-3)
    assert running.iloc[250] == pytest.approx(running.iloc[249])
    assert (running.index == used.index).all()
    assert cusum(changed, outdoor, fit_signature(used[:5], outdoor)).isna().all()


@pytest.mark.parametrize(("first", "last", "too_high"), [("04-15", "10-15", 0.15), ("04-01", "10-31", 0.25)])
@pytest.mark.parametrize("base", [0.0, 40.0])
def test_a_heating_season(first, last, too_high, base):
    """A heating that is off in spring is told and left out: the loss comes out right, far too high with those days."""
    outdoor = weather(seed=3)
    off = (outdoor.index >= f"2018-{first}") & (outdoor.index < pd.Timestamp(f"2018-{last}", tz=outdoor.index.tz))
    used = energy(outdoor, 0.1, 7, base=base).where(~off, 0.0)
    found = fit_signature(used, outdoor)
    assert found.slope_kwh_d_k == pytest.approx(TRUTH["slope"], rel=0.03)
    assert found.off_days == (off & (outdoor < 18)).sum()
    assert found.n_days == 365 - found.off_days
    kept = fit_signature(used, outdoor, leave_out_off=False)
    assert kept.slope_kwh_d_k > TRUTH["slope"] * (1 + too_high)
    assert kept.off_days == 0


@pytest.mark.parametrize("base", [0.0, 40.0])
def test_days_that_need_no_heat_are_not_off(base):
    """Mild days without heat, and quiet weekends, are how a building behaves: none is left out."""
    outdoor = weather(seed=5)
    used = energy(outdoor, 0.1, 9, base=base)
    assert fit_signature(used, outdoor).off_days == 0
    weekends = used.where(used.index.day_of_week < 5, 0.0)
    assert fit_signature(weekends, outdoor).off_days == 0

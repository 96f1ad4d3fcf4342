"""Cooling: degree days above a base, the signature that rises, change-over valves, and what is no cold at all."""

import numpy as np
import pandas as pd
import pytest

from belimo_nb import summary
from belimo_nb.errors import UsageError
from belimo_nb.heating import Study, compare, degree_days, fit_change_over, fit_signature, seasons

ZURICH = "Europe/Zurich"
DAYS = pd.date_range("2017-12-01", "2018-11-30", tz=ZURICH)
K = np.arange(365)


def wobble(seed):
    """Scatter between -0.5 and 0.5, the same everywhere."""
    return np.modf(np.abs(np.sin((K + seed) * 12.9898) * 43758.5453))[0] - 0.5


OUTDOOR = pd.Series(11 - 11 * np.cos(2 * np.pi * (K - 20) / 365) + 9 * wobble(1), DAYS)
ABOVE, BELOW = np.maximum(OUTDOOR - 13.37, 0), np.maximum(9.9 - OUTDOOR, 0)
COLD = 180 + 95 * ABOVE * (0.75 + 0.5 * (K % 7 < 5)) * (1 + 0.5 * wobble(400)) + 60 * wobble(900)
HEAT = 420 * BELOW * (1 + 0.3 * wobble(1300)) + 20 + 10 * wobble(1700)


def test_cooling_degree_days():
    """Max(Tm - b, 0) of any base; a day without a mean is unknown; the kind may be written in small letters."""
    means = pd.Series([17.0, 18.0, 25.5, np.nan], pd.date_range("2018-07-01", periods=4))
    assert degree_days(means, "CDD18").fillna(-1).tolist() == [0, 0, 7.5, -1]
    assert degree_days(means, "cdd 22.5").fillna(-1).tolist() == [0, 0, 3, -1]
    assert degree_days(means, "CDD-5").iloc[0] == 22
    with pytest.raises(UsageError, match="CDD18"):
        degree_days(means, "CDD")


def test_against_another_implementation():
    """What scipy 1.17.1's curve_fit finds for the same days, with a balance point between the steps of our grid."""
    found = fit_signature(COLD, OUTDOOR, kind="cooling")
    assert (found.model, found.kind, found.reason) == ("3PC", "cooling", "")
    assert found.balance_point_c == pytest.approx(13.4314, abs=0.1)
    assert found.slope_kwh_d_k == pytest.approx(107.9437, rel=0.005)
    assert found.base_kwh_d == pytest.approx(180.1096, rel=0.005)
    assert found.r2 == pytest.approx(0.920254, abs=1e-4)
    assert found.cv_rmse == pytest.approx(0.254745, abs=1e-4)
    edges = found.intervals()
    assert (edges["low"] <= edges["value"]).all()
    assert (edges["value"] <= edges["high"]).all()
    band = found.band()
    assert (band["low"] <= band["kwh"]).all()
    assert (band["kwh"] <= band["high"]).all()
    assert band["kwh"].is_monotonic_increasing


def test_it_is_heating_in_a_mirror():
    """With the temperatures turned round it is the heating signature, to the last digit, band and quality included."""
    cooling = fit_signature(COLD, OUTDOOR, kind="cooling")
    mirror = fit_signature(COLD, -OUTDOOR, leave_out_off=False)
    assert cooling.balance_point_c == -mirror.balance_point_c
    for name in ("base_kwh_d", "slope_kwh_d_k", "r2", "cv_rmse", "n_days", "at_zero_kwh_d"):
        assert getattr(cooling, name) == pytest.approx(getattr(mirror, name), rel=1e-12), name
    one, other = cooling.intervals(), mirror.intervals()
    np.testing.assert_allclose(one.loc["balance_point_c"], -other.loc["balance_point_c", ["value", "high", "low"]])
    np.testing.assert_allclose(one.iloc[1:], other.iloc[1:])


@pytest.mark.parametrize(
    ("days", "cold", "words"),
    [
        (OUTDOOR < 12, COLD, "no balance point|explains only|does not rise"),
        (K < 8, COLD, "only 8 days"),
        (K >= 0, HEAT, "does not rise as it gets warmer|below zero|no balance point|colder|warmer"),
        (K >= 0, COLD * 0 + 50, "same energy"),
        (K >= 0, 640 + 30 * wobble(7) + 0 * OUTDOOR, "explains only|no balance point|colder|warmer|does not rise"),
        (OUTDOOR.between(10, 19), COLD, "span only"),
    ],
    ids=["winter alone", "8 days", "heating", "flat", "server room", "too narrow"],
)
def test_refusals(days, cold, words):
    """What the data do not bear is refused, with the reason of cooling, and nothing is said of what to expect."""
    found = fit_signature(cold[days], OUTDOOR[days], kind="cooling")
    assert found.model in (None, "2P")
    assert pd.Series([found.reason]).str.contains(words).all(), found.reason
    assert found.model or found.predict(OUTDOOR).isna().all()


def test_a_summer_falls_back_to_a_line():
    """A summer alone has a slope that rises, though no balance point; it says nothing of winter."""
    summer = OUTDOOR > 13.5
    found = fit_signature(COLD[summer], OUTDOOR[summer], kind="cooling")
    assert found.model == "2P"
    assert found.slope_kwh_d_k == pytest.approx(108, rel=0.15)
    assert found.predict(pd.Series([5.0, 20.0])).isna().tolist() == [True, False]


def test_days_on_which_the_cooling_was_off():
    """A plant that is off for a warm fortnight does not bend the line; the days are counted."""
    cold = 95 * ABOVE
    off = cold.copy()
    off.iloc[190:204] = 0.0
    found = fit_signature(off, OUTDOOR, kind="cooling")
    assert found.off_days >= 10
    assert found.slope_kwh_d_k == pytest.approx(95, rel=0.02)
    assert fit_signature(off, OUTDOOR, kind="cooling", leave_out_off=False).slope_kwh_d_k < 92


def test_unknown_kind():
    """A kind of energy is heating or cooling."""
    with pytest.raises(UsageError, match="'cold'"):
        fit_signature(COLD, OUTDOOR, kind="cold")


def test_comparison_in_the_same_weather():
    """A tenth less cold in a warmer year: as measured more, in the same weather a tenth less; cold is what was due."""
    warmer = OUTDOOR + 2
    more = 60 + 100 * np.maximum(warmer - 13.37, 0) * (1 + 0.2 * wobble(5))
    earlier = DAYS - pd.DateOffset(years=1)
    before = 60 + 100 * ABOVE * (1 + 0.2 * wobble(5))
    found = compare(0.9 * more, warmer, before.set_axis(earlier), OUTDOOR.set_axis(earlier), kind="cooling")
    assert found.raw_change > 0.15
    assert found.corrected_change == pytest.approx(-0.1, abs=0.02)
    idle = compare(0 * COLD[:31], OUTDOOR[:31] - 10, 100 * ABOVE, OUTDOOR - 10, kind="cooling")
    assert "hardly any cold" in idle.reason


def test_the_whole_year_of_a_change_over_valve():
    """What scipy 1.17.1's least_squares finds for the five parameters of the same days."""
    found = fit_change_over(HEAT, COLD, OUTDOOR)
    assert (found.model, found.reason, found.n_days) == ("5P", "", 365)
    assert found.heating_balance_c == pytest.approx(9.9891, abs=0.1)
    assert found.cooling_balance_c == pytest.approx(13.4073, abs=0.1)
    assert found.heating_slope_kwh_d_k == pytest.approx(410.9935, rel=0.005)
    assert found.cooling_slope_kwh_d_k == pytest.approx(107.9392, rel=0.005)
    assert found.base_kwh_d == pytest.approx(198.0741, rel=0.01)
    assert found.r2 == pytest.approx(0.981427, abs=1e-4)
    assert (found.heating.model, found.cooling.model) == ("3P", "3PC")


@pytest.mark.parametrize(
    ("heat", "cold", "words"),
    [
        (HEAT, COLD.where(OUTDOOR < 12), "its cooling has no balance point"),
        (HEAT.where(OUTDOOR > 12), COLD, "its heating has no balance point"),
        (0 * HEAT, 0 * COLD, "its heating has no balance point.*; its cooling has no balance point"),
    ],
)
def test_a_year_of_which_an_end_is_not_known(heat, cold, words):
    """Without both ends there is no whole-year model, but the reason, and the end that is known."""
    found = fit_change_over(heat, cold, OUTDOOR)
    assert found.model is None
    assert pd.Series([found.reason]).str.contains(words).all(), found.reason
    assert np.isnan([found.heating_balance_c, found.base_kwh_d, found.r2]).all()


def test_seasons():
    """A season goes on after a fortnight's pause, not after a longer one; traces and unknown days are none."""
    kwh = pd.Series(0.0, DAYS)
    kwh.iloc[10:40] = 50
    kwh.iloc[54:60] = 50
    kwh.iloc[100] = 0.5
    kwh.iloc[200:210] = 50
    kwh.iloc[205] = np.nan
    found = [(DAYS.get_loc(first), DAYS.get_loc(last)) for first, last in seasons(kwh)]
    assert found == [(10, 59), (200, 209)]
    assert seasons(kwh * 0) == []


def energy(**valves):
    """Two years of days as `Counters.energy` gives them, the first of them the year before."""
    kwh = pd.DataFrame({name: np.asarray(values, dtype=float) for name, values in valves.items()}, DAYS)
    marks = {"kwh": kwh, "coverage": kwh.notna().astype(float), "quality": kwh.notna().map({True: "measured"}.get)}
    now = pd.concat(marks, axis=1)
    return now, now.set_axis(DAYS - pd.DateOffset(years=1))


HOURS = pd.date_range("2016-12-01", "2018-12-01", freq="h", tz=ZURICH, inclusive="left")
TWICE = pd.Series(np.repeat(np.concatenate([OUTDOOR, OUTDOOR]), 24)[: len(HOURS)], HOURS)


def test_a_heater_that_counts_cold_is_in_no_sum():
    """Swapped sensors count heat as cold: it is named, and neither headline nor comparison has it."""
    now, before = energy(A=100 * ABOVE, B=50 * ABOVE + 30, Heater=80 * BELOW)
    study = Study(now, before, TWICE, ZURICH, kind="cooling")
    assert list(study.failing) == ["Heater"]
    assert study.sound == ["A", "B"]
    assert study.days["kwh"]["Heater"].isna().all()
    assert study.together.corrected_change == pytest.approx(0, abs=0.01)
    said = summary.limits(study, TWICE).message
    assert "Heater counts cold when it is cold outside; its temperature sensors may be swapped" in said
    heating = Study(*energy(A=80 * BELOW, B=50 * BELOW, Cooler=100 * np.maximum(OUTDOOR - 17, 0)), TWICE, ZURICH)
    assert list(heating.failing) == ["Cooler"]
    assert "Cooler counts heat when it is warm outside" in summary.limits(heating, TWICE).message


def test_a_valve_that_stands_still_in_summer_fails():
    """A week and more of warm days without cold while others cool is a meter that fails, or is off."""
    still = 50 * ABOVE
    still.iloc[200:230] = 0
    study = Study(*energy(A=100 * ABOVE, B=70 * ABOVE, C=still), TWICE, ZURICH, kind="cooling")
    assert list(study.failing) == ["C"]
    assert "C counted nothing on the warm days of" in summary.limits(study, TWICE).message


def test_a_sensor_error_in_winter_costs_no_cold():
    """What a device reports of its meter matters while energy is due: in July, not in January."""
    now, before = energy(A=100 * ABOVE, B=50 * ABOVE)
    told = {"A": [(DAYS[30], DAYS[60], "Flow_sensor_error")], "B": [(DAYS[225], DAYS[235], "Flow_sensor_error")]}
    study = Study(now, before, TWICE, ZURICH, told, "cooling")
    assert list(study.failing) == ["B"]
    assert list(Study(*energy(A=80 * BELOW, B=50 * BELOW), TWICE, ZURICH, told).failing) == ["A"]


@pytest.mark.parametrize(("base", "told"), [(18, "CDD18"), ("21.5", "CDD21.5"), (22.0, "CDD22"), ("", "CDD18")])
def test_bases_of_cooling_degree_days(base, told):
    """Any base that a day can be warmer than, given as a number or as text."""
    now, before = energy(A=100 * ABOVE)
    figures = summary.energy_figures(Study(now, before, TWICE, ZURICH, kind="cooling"), now, cdd_base=base).data()
    assert f"Degree days {told}" in [figure["label"] for figure in figures["figures"]]


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (0, r"\(cdd_base, °C\) is 0; give a number above 0"),
        (-4, "is -4; give a number above 0"),
        ("18,5", "is '18,5'; give a number above 0"),
        (True, "is True; give"),
        (65, "above which no day's mean lies; 65 °F would be 18.3"),
        (1e9, "above which no day's mean lies"),
    ],
)
def test_bases_that_are_none(base, words):
    """One sentence with the value, also for a base that was meant in degrees Fahrenheit."""
    now, before = energy(A=100 * ABOVE)
    with pytest.raises(UsageError, match=words):
        summary.energy_figures(Study(now, before, TWICE, ZURICH, kind="cooling"), now, cdd_base=base)

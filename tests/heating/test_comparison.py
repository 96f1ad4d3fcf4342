"""Periods compared: the weather is taken out, the uncertainty is told, and what is not comparable is said to be so."""

import numpy as np
import pandas as pd
import pytest
from test_signature import energy, weather

from belimo_nb.heating import Study, compare
from belimo_nb.heating.days import same_days
from belimo_nb.heating.fit import t_quantile

ZURICH = "Europe/Zurich"
BEFORE = pd.date_range("2016-12-01", "2017-11-30", tz=ZURICH)
NOW = pd.date_range("2017-12-01", "2018-11-30", tz=ZURICH)


@pytest.mark.parametrize(
    ("p", "freedom", "expected"),
    # Table of Student's t distribution, e.g. NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
    [(0.95, 5, 2.015), (0.95, 10, 1.812), (0.95, 30, 1.697), (0.975, 10, 2.228), (0.95, 100, 1.660), (0.9, 20, 1.325)],
)
def test_students_t(p, freedom, expected):
    """Quantiles as in the tables."""
    assert t_quantile(p, freedom) == pytest.approx(expected, abs=2e-3)


def two_years(factor=1.0, scatter=0.1):
    """Two years of different weather; the building of the second uses `factor` times as much."""
    before, now = weather(BEFORE, 1), weather(NOW, 2) - 1.5
    return energy(now, scatter, 5) * factor, now, energy(before, scatter, 4), before


def test_the_weather_is_taken_out():
    """A colder year of the same building has a raw change, but no corrected one."""
    found = compare(*two_years(scatter=0))
    assert found.raw_change > 0.08
    assert found.corrected_change == pytest.approx(0, abs=0.002)
    assert found.avoided_kwh == pytest.approx(found.expected_kwh - found.measured_kwh)
    assert found.reason == found.raw_reason == ""
    assert (found.coverage, found.baseline_coverage) == (1, 1)


def test_a_saving_is_found():
    """A building that uses 20 % less shows 20 % less, beyond its uncertainty."""
    found = compare(*two_years(0.8))
    assert found.corrected_change == pytest.approx(-0.2, abs=0.03)
    assert found.significant
    same = compare(*two_years(1.0))
    assert abs(same.corrected_change) < 0.03


def test_uncertainty_by_hand():
    """ASHRAE Guideline 14's formula with the signature's own figures."""
    found = compare(*two_years())
    signature = found.signature
    r = max(signature.autocorrelation, 0)
    n = signature.n_days * (1 - r) / (1 + r)
    expected = 1.26 * t_quantile(0.95, n - 3) * signature.cv_rmse * np.sqrt(365 / n * (1 + 2 / n) / 365)
    assert found.uncertainty == pytest.approx(expected)
    assert 0.001 < found.uncertainty < 0.05


@pytest.mark.slow
def test_uncertainty_covers_the_truth():
    """Of buildings that did not change, about 90 % lie within their uncertainty."""
    outcomes = []
    for seed in range(60):
        before, now = weather(BEFORE, seed), weather(NOW, seed + 1000)
        found = compare(energy(now, 0.1, seed + 500), now, energy(before, 0.1, seed + 5000), before)
        outcomes.append(abs(found.corrected_change) <= found.uncertainty)
    assert np.mean(outcomes) >= 0.8


@pytest.mark.parametrize(
    ("change", "reason", "raw"),
    [
        (lambda e, t, b, u: (e.where(e.index.month != 1), t, b, u), "only 92 %|^$", False),
        (lambda e, t, b, u: (e.where(e.index.month > 2), t, b, u), "only 8. % of the days have energy", True),
        (lambda e, t, b, u: (e, t.where(t.index.month > 2), b, u), "only 8. % of the days have energy and temp", False),
        (lambda e, t, b, u: (e, t, b.where(b.index.month > 3), u), "of the days before|signature", True),
        (lambda e, t, b, u: (e, t * np.nan, b, u * np.nan), "the weather is unknown", False),
        (lambda e, t, b, u: (e, t, b * 0 + 5.0, u), "no energy signature: every day has the same", False),
    ],
)
def test_not_comparable(change, reason, raw):
    """Below 90 % of the days, without weather or without a signature there is no corrected change, but a reason."""
    found = compare(*change(*two_years()))
    assert pd.Series([found.reason]).str.contains(reason).all(), found.reason
    assert np.isnan(found.corrected_change) == bool(found.reason)
    assert np.isnan(found.raw_change) == raw
    assert bool(found.raw_reason) == raw


def test_days_beyond_the_baseline():
    """Days colder than any before are counted; those far beyond take no part, on either side."""
    used, now, then, before = two_years()
    now.iloc[40:43] = before.min() - 3
    used.iloc[40:43] = 0.0
    found = compare(used, now, then, before)
    assert found.extrapolated_days == ((now < before.min()) | (now > before.max())).sum() >= 3
    assert found.left_out_days == 3
    assert found.corrected_change == pytest.approx(0, abs=0.03)


def monthly(outdoor, level=1.0):
    """What a building without scatter uses."""
    return energy(outdoor, 0.0) * level


def test_a_winters_line_says_nothing_of_may():
    """Against a winter there is no corrected change of a warm month, whatever its line would give, but a reason."""
    before, now = weather(BEFORE, 1), weather(NOW, 2)
    winter, may = before["2016-12":"2017-02"], now["2018-05"]
    found = compare(monthly(may), may, monthly(winter), winter)
    assert np.isnan([found.corrected_change, found.uncertainty, found.expected_kwh, found.avoided_kwh]).all()
    assert "colder or warmer than any of the period before" in found.reason
    assert found.left_out_days > 3


def test_much_energy_on_few_days_beyond():
    """Two of thirty days, but a quarter of the energy, lie beyond the baseline: nothing is said."""
    before = weather(BEFORE, 1)
    mild = pd.Series(14.0 + np.arange(30) % 3 / 10, NOW[:30])
    mild.iloc[:2] = before.min() - 9
    found = compare(monthly(mild), mild, monthly(before), before)
    assert found.left_out_days == 2
    assert "2 of 30 days" in found.reason


@pytest.mark.parametrize("seed", range(3))
def test_expectations_are_never_negative(seed):
    """A straight line fitted to a winter is cut at 0, and is NaN beyond the temperatures that it was fitted on."""
    winter = weather(BEFORE, seed)["2016-12":"2017-02"]
    falling = pd.Series(np.maximum(30.0 * (8 - winter), 1.0), winter.index)
    expected = compare(falling, winter, falling, winter).signature.predict(pd.Series(np.arange(-30.0, 40.0)))
    known = expected.dropna()
    assert (known >= 0).all()
    assert known.index.min() - 30 >= winter.min() - 2
    assert known.index.max() - 30 <= winter.max() + 2


@pytest.mark.parametrize("base", [0.0, 1e-9, 0.5])
def test_next_to_nothing_divides_nothing(base):
    """In a summer month hardly any heat is to be expected: no change in percent, and the reason why."""
    before, now = weather(BEFORE, 1), weather(NOW, 2)
    july = pd.Series(20.0 + np.arange(31) % 4, NOW[NOW.month == 7])
    found = compare(pd.Series(3.0, july.index), july, energy(before, 0, base=base), before)
    assert np.isnan(found.corrected_change)
    assert "hardly any heat was to be expected" in found.reason
    raw = compare(pd.Series(3.0, july.index), july, energy(before, 0, base=base) * 0, before)
    assert np.isnan(raw.raw_change)
    assert "used no energy" in raw.raw_reason
    assert now.notna().all()


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_against_the_twelve_before(month):
    """A building that did not change shows no change in any month that needs heat, and a reason in the others."""
    outdoor = pd.concat([weather(BEFORE, 1), weather(NOW, 2)])
    used = energy(outdoor, 0.1, 7)
    inside = (outdoor.index >= "2017-12-01") & (outdoor.index.month == month)
    first = outdoor.index[inside][0]
    then = (outdoor.index < first) & (outdoor.index >= first - pd.DateOffset(years=1))
    found = compare(used[inside], outdoor[inside], used[then], outdoor[then])
    if found.reason:
        assert "hardly any heat" in found.reason
    else:
        assert abs(found.corrected_change) < max(found.uncertainty, 0.08)
    same = used[then & (outdoor.index.month == month)]
    assert found.raw_change == pytest.approx(used[inside].sum() / same.sum() - 1), "the same month a year before"


def test_mild_months_are_less_certain():
    """Where the scatter does not shrink with the load, a mild month's change is the less certain."""
    outdoor = pd.concat([weather(BEFORE, 1), weather(NOW, 2)])
    used = energy(outdoor, 0.0) + np.random.default_rng(1).normal(0, 60, len(outdoor))
    then = slice("2016-12-01", "2017-11-30")
    june, january = (
        compare(used[m], outdoor[m], used[then], outdoor[then]).uncertainty for m in ("2018-06", "2018-01")
    )
    assert june > 1.5 * january


@pytest.mark.parametrize(
    ("now", "then", "days"),
    [
        (("2020-02-01", "2020-02-29"), ("2019-02-01", "2020-01-31"), 28),
        (("2021-02-01", "2021-02-28"), ("2020-02-01", "2020-02-29"), 28),
        (("2018-11-01", "2018-11-30"), ("2016-01-01", "2016-12-31"), 30),
        (("2018-11-01", "2018-11-30"), ("2017-11-01", "2018-10-31"), 30),
        (("2018-01-01", "2018-12-31"), ("2016-02-01", "2017-01-31"), 334),
    ],
)
def test_same_days_of_unequal_periods(now, then, days):
    """Of periods of unequal length those days are compared that both have, wherever they begin."""
    index, past = (pd.date_range(*edges) for edges in (now, then))
    found = same_days(pd.Series(1.0, past), index)
    assert found.index.isin(index).sum() == days
    raw = compare(pd.Series(3.0, index), pd.Series(5.0, index), pd.Series(2.0, past), pd.Series(5.0, past))
    assert raw.raw_change == pytest.approx(0.5)


def test_no_day_in_common():
    """May and December have no day in common: said, not "0 % known"."""
    may, december = pd.date_range("2018-05-01", "2018-05-31"), pd.date_range("2017-12-01", "2017-12-31")
    found = compare(*(pd.Series(1.0, index) for index in (may, may, december, december)))
    assert found.raw_reason == "the periods have no day of the calendar in common"


def test_leap_day_is_compared_with_nothing():
    """A 29 February has no partner in the year before, and costs nothing else."""
    leap = pd.date_range("2016-01-01", "2016-12-31")
    usual = pd.date_range("2015-01-01", "2015-12-31")
    found = compare(pd.Series(2.0, leap), pd.Series(5.0, leap), pd.Series(1.0, usual), pd.Series(5.0, usual))
    assert found.raw_change == pytest.approx(1.0)


def frame(**valves):
    """Energy by day and valve, all measured."""
    parts = {"kwh": {}, "coverage": {}, "quality": {}}
    for name, kwh in valves.items():
        parts["kwh"][name] = kwh
        parts["coverage"][name] = kwh.notna().astype(float)
        parts["quality"][name] = kwh.notna().map({True: "measured", False: "missing"})
    return pd.concat({part: pd.DataFrame(columns) for part, columns in parts.items()}, axis=1)


def hourly(*means):
    """Hourly temperatures with these daily means."""
    days = pd.concat(means)
    hours = pd.date_range(days.index[0], days.index[-1] + pd.DateOffset(days=1), freq="h", inclusive="left")
    return days.reindex(hours, method="ffill")


def test_study_sums_what_is_comparable():
    """A valve that is unknown for months is left out of the whole, on both sides, and named as such by its absence."""
    used, now, then, before = two_years(0.9)
    gone = used.where(used.index.month > 4)
    study = Study(frame(A=used, B=gone), frame(A=then, B=then), hourly(before, now), ZURICH)
    assert study.comparable == ["A"]
    assert study.together.corrected_change == pytest.approx(study.valves["A"].corrected_change)
    assert study.signature.n_days == 365
    assert study.residuals.iloc[-1] == pytest.approx(-study.together.avoided_kwh)
    assert study.valves["B"].reason
    assert study.silent == {}


def test_study_hears_silence():
    """A valve that counts nothing in the cold is named, with the days and what was to be expected."""
    used, now, then, before = two_years()
    dead = used.where(used.index < "2018-10-20", 0.0)
    study = Study(frame(A=used, B=dead), frame(A=then, B=then), hourly(before, now), ZURICH)
    ((name, (first, last, due)),) = study.silent.items()
    assert name == "B"
    assert first >= pd.Timestamp("2018-10-20", tz=ZURICH)
    assert last <= NOW[-1]
    assert due == pytest.approx(used["2018-10-20":].sum(), rel=0.3)


def test_study_without_weather():
    """Without weather the raw change stays, the corrected one is unsayable, the residuals are unknown."""
    used, now, then, before = two_years()
    study = Study(frame(A=used), frame(A=then), hourly(before, now) * np.nan, ZURICH)
    assert not np.isnan(study.together.raw_change)
    assert study.together.reason == "the weather is unknown"
    assert study.residuals.isna().all()
    assert study.silent == {}
    assert study.signature.model is None


def test_study_without_comparable_valves():
    """Nothing comparable is no error."""
    used, now, then, before = two_years()
    study = Study(frame(A=used * np.nan), frame(A=then), hourly(before, now), ZURICH)
    assert study.comparable == []
    assert np.isnan(study.together.raw_change)
    assert study.signature.model is None


def test_gaps_of_single_valves_do_not_void_the_fleet():
    """Twelve valves, each unknown in another month's first days: all are compared, over what is known of each."""
    used, now, then, before = two_years(0.9)
    names = [f"V{i:02d}" for i in range(12)]
    sizes = dict(zip(names, np.linspace(0.2, 3, 12), strict=True))

    def holes(kwh, i):
        return kwh.where(~((kwh.index.month == i + 1) & (kwh.index.day < 28)))

    study = Study(
        frame(**{name: holes(used * size, i) for i, (name, size) in enumerate(sizes.items())}),
        frame(**{name: holes(then * size, i) for i, (name, size) in enumerate(sizes.items())}),
        hourly(before, now),
        ZURICH,
    )
    whole = compare(used, now, then, before)
    assert study.comparable == names
    assert study.together.reason == study.together.raw_reason == ""
    assert study.together.corrected_change == pytest.approx(whole.corrected_change, abs=0.005)
    assert 0.9 < study.together.coverage < 0.95
    assert study.residuals.iloc[-1] == pytest.approx(-study.together.avoided_kwh)
    assert study.signature.heat_loss_w_k == pytest.approx(
        sum(sizes.values()) * study.signature_of("V00").heat_loss_w_k / sizes["V00"], rel=0.05
    )


@pytest.mark.parametrize(("cut", "raw"), [(0, False), (364, True)])
def test_a_range_that_begins_within_a_day(cut, raw):
    """The part of a day takes no part in the comparison; a range without a whole day says so."""
    used, now, then, before = two_years(0.9)
    part = frame(A=used.iloc[cut:])
    part.index = pd.DatetimeIndex([part.index[0] + pd.Timedelta(hours=12), *part.index[1:]])
    study = Study(part, frame(A=then), hourly(before, now), ZURICH)
    assert study.failing == {}
    assert len(study.outdoor) == len(study.residuals) == 365 - cut - 1
    assert np.isnan(study.together.raw_change) == raw
    if raw:
        assert study.together.reason == "the period has no whole day"
    else:
        assert study.together.corrected_change == pytest.approx(-0.1, abs=0.03)


def test_nothing_is_no_change_of_100_percent():
    """What counted (almost) nothing where much was before was off, or its meter fails: no change, but a reason."""
    energy_now, outdoor, before, earlier = two_years()
    found = compare(energy_now * 1e-6, outdoor, before, earlier)
    assert np.isnan([found.raw_change, found.corrected_change]).all()
    assert "off, or failing meters" in found.raw_reason
    assert "off, or failing meters" in found.reason


def test_a_trace_of_a_year_divides_nothing():
    """A month's change is in no percent where its counterpart is a trace of the twelve months it lies in."""
    energy_now, outdoor, before, earlier = two_years()
    july = energy_now.index.month == 7
    small = before.where(before.index.month != 7, 0.07)
    found = compare(energy_now[july] * 0 + 2.6, outdoor[july], small, earlier)
    assert np.isnan(found.raw_change)
    assert found.raw_reason == "the period before used hardly any energy (2 kWh)"

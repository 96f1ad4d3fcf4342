"""Periods compared: the weather is taken out, the uncertainty is told, and what is not comparable is said to be so."""

import numpy as np
import pandas as pd
import pytest
from test_signature import energy, weather

from belimo_nb.heating import Study, compare
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
    """Days colder than any before are counted: there the line is extended."""
    used, now, then, before = two_years()
    now.iloc[40:43] = before.min() - 3
    found = compare(used, now, then, before)
    assert found.extrapolated_days == ((now < before.min()) | (now > before.max())).sum() >= 3


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

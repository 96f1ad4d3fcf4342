"""The load of a design day: within the days measured, beyond them, and of the highest hours."""

import numpy as np
import pandas as pd
import pytest

from belimo_nb.heating import daily_peaks, design_load, fit_signature

INDEX = pd.date_range("2018-01-01", periods=365, tz="Europe/Zurich")
TEMPERATURE = pd.Series(10 - 12 * np.cos(2 * np.pi * np.arange(365) / 365), INDEX)
NOISE = pd.Series(np.random.default_rng(1).normal(0, 0.05, 365), INDEX)


def signature(kind="heating"):
    """24 kWh a day for each kelvin below (of cooling: above) 15 °C: 1 kW/K."""
    side = 1 if kind == "heating" else -1
    return fit_signature(24 * np.maximum(side * (15 - TEMPERATURE), 0) * (1 + NOISE), TEMPERATURE, kind=kind)


@pytest.mark.parametrize(("at", "kw", "beyond"), [(0.0, 15, 0.0), (-8.0, 23, 6.0)])
def test_load_of_a_day(at, kw, beyond):
    """15 kW at 0 °C; at -8 °C 23 kW, 6 K beyond the coldest day, with a wider band around it."""
    found = design_load(signature(), at)
    assert found.kw == pytest.approx(kw, rel=0.02)
    assert found.low < found.kw < found.high
    assert found.beyond_k == pytest.approx(beyond, abs=0.01)
    assert found.reason == ""
    near = design_load(signature(), 0.0)
    assert found.high - found.low >= near.high - near.low


def test_load_of_a_warm_day():
    """Of cooling the load rises with the temperature: 15 kW at 30 °C, 8 K beyond the warmest day."""
    found = design_load(signature("cooling"), 30.0)
    assert found.kw == pytest.approx(15, rel=0.05)
    assert found.beyond_k == pytest.approx(8, abs=0.01)


def test_no_signature_no_load():
    """Without a signature there is the reason, and no figure."""
    found = design_load(fit_signature(pd.Series(5.0, INDEX), TEMPERATURE), -8.0)
    assert np.isnan(found.kw)
    assert found.reason == "every day has the same energy, so none of it depends on the weather"


def test_highest_hours():
    """The highest hour of each day; a day that lacks two hours has none, one that the clock cuts to 23 has."""
    hours = pd.date_range("2018-03-24", "2018-03-28", freq="h", tz="Europe/Zurich", inclusive="left")
    kwh = pd.Series(np.where(hours.hour == 7, 9.0, 1.0), hours)
    kwh["2018-03-27T03:00":"2018-03-27T04:00"] = np.nan
    assert daily_peaks(kwh).tolist() == pytest.approx([9, 9, 9, np.nan], nan_ok=True)

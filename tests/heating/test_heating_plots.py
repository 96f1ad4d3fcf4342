"""The figures of the heating report: what they say in words is what the data say; nothing unknown looks like zero."""

import re

import numpy as np
import pandas as pd
import pytest
from test_signature import energy, weather

from belimo_nb import plots
from belimo_nb.display import Chart
from belimo_nb.heating import carpet, cusum, fit_signature, load_duration, load_figures

ZURICH = "Europe/Zurich"
PNG = b"\x89PNG"


def hours():
    """A year of hourly energies with a night, a winter and a lost week."""
    times = pd.date_range("2017-12-01", "2018-12-01", freq="h", tz=ZURICH, inclusive="left")
    kwh = pd.Series(30 + 20 * np.cos(times.day_of_year / 58) + 10 * (times.hour > 5), times)
    kwh["2018-02-01":"2018-02-07"] = np.nan
    return kwh


def charts():
    """Each figure with data."""
    outdoor, used = weather(), energy(weather())
    now = fit_signature(used, outdoor)
    before = fit_signature(used * 1.2, outdoor)
    kwh = hours()
    return {
        "signature": plots.energy_signature(now, before),
        "carpet": plots.load_carpet(carpet(kwh), ZURICH),
        "duration": plots.load_duration(load_duration(kwh), load_figures(kwh)),
        "cusum": plots.cusum(cusum(used, outdoor, before), uncertainty_kwh=5000.0),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["signature", "carpet", "duration", "cusum"])
def test_each_is_a_chart(name):
    """A picture with a caption, a text for those who do not see it, and the same bytes every time."""
    chart = charts()[name]
    assert isinstance(chart, Chart)
    assert chart.png().startswith(PNG)
    assert chart.png() == charts()[name].png()
    assert chart.caption.endswith((".", ")"))
    assert len(chart.alt) > 40


def test_what_they_say():
    """Titles carry the finding."""
    found = {name: chart.alt for name, chart in charts().items()}
    slope = fit_signature(energy(weather()), weather()).slope_kwh_d_k
    assert f"this period: {slope:.1f} kWh a day" in found["signature"]
    assert "kWh a day for each kelvin colder than 15." in found["signature"]
    assert "peak 60" in found["duration"]
    assert re.search(r"least at [0-5]:00", found["carpet"])
    assert "less than expected" in found["cusum"]


def test_nothing_to_draw():
    """Without data each of them says so, and why where it is known."""
    nothing = pd.Series(dtype=float, index=pd.DatetimeIndex([], tz=ZURICH))
    refused = fit_signature(nothing, nothing)
    kwh = hours() * np.nan
    for chart in (
        plots.energy_signature(refused),
        plots.load_carpet(carpet(kwh), ZURICH),
        plots.load_duration(load_duration(kwh), load_figures(kwh)),
        plots.cusum(pd.Series(np.nan, weather().index), reason="no weather"),
    ):
        assert "this period" in chart.alt
        assert ": no " in chart.alt
    assert "no weather" in plots.cusum(pd.Series(np.nan, weather().index), reason="no weather").alt


def test_a_refused_signature_shows_its_days():
    """Days without a model are drawn, and the caption says why there is no line."""
    outdoor = weather()["2018-07-01":"2018-08-10"]
    refused = fit_signature(energy(outdoor), outdoor)
    chart = plots.energy_signature(refused)
    assert refused.reason in chart.caption
    assert chart.png().startswith(PNG)


def test_a_line_without_a_balance_point():
    """A winter's line says that it has no balance point."""
    winter = weather()["2017-12-01":"2018-03-31"]
    winter = winter[winter < 12]
    assert "no balance point" in plots.energy_signature(fit_signature(energy(winter, 0.05), winter)).alt


def test_months_of_any_year_before():
    """Months are matched by calendar, however many years lie between, and the other period is called by its name."""
    index = pd.date_range("2018-01-01", periods=3, freq="MS", tz=ZURICH)
    now, then = pd.Series([10.0, 20.0, 30.0], index), pd.Series([10.0, 10.0, 10.0], index - pd.DateOffset(years=2))
    chart = plots.monthly_energy(now, then, before="2016")
    assert "+100" in chart.alt
    assert "(2016 10)" in chart.alt
    assert "year before" not in chart.alt + chart.caption

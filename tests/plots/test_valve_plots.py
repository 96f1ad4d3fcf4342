"""Figures of one valve: where its data are, how its water comes back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from belimo_nb import plots
from belimo_nb.errors import UsageError
from belimo_nb.hydronics import Characteristic
from belimo_nb.plots import outliers

ZURICH = "Europe/Zurich"


def period(start: str, end: str, tz: str = ZURICH) -> SimpleNamespace:
    """A span of local days."""
    return SimpleNamespace(start=pd.Timestamp(start, tz=tz), end=pd.Timestamp(end, tz=tz))


def hourly(span: SimpleNamespace) -> pd.Series:
    """A reading at each hour's end."""
    ends = pd.date_range(span.start, span.end, freq="h", inclusive="right")
    return pd.Series(True, ends)


def cells(chart) -> np.ndarray:
    """What the map's cells hold, hours down, days along; NaN where there are none."""
    (mesh,) = chart.figure.axes[0].collections
    return np.ma.filled(mesh.get_array().astype(float), np.nan)


@pytest.mark.parametrize("tz", [ZURICH, "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
def test_a_year_without_a_hole(tz):
    """Every hour of a whole year is data in any zone, the hours that clock changes skip included."""
    span = period("2018-01-01", "2019-01-01", tz)
    ends = pd.date_range(span.start, span.end, freq="30min", inclusive="right")
    chart = plots.data_map(pd.Series(True, ends), period=span)
    assert np.isfinite(cells(chart)).all()
    assert chart.figure.texts[0].get_text().startswith("Readings in every one of")


def test_missing_hours_and_errors_are_counted():
    """The title counts the hours without readings and those with an error; both stand where they were."""
    span = period("2018-11-01", "2018-11-08")
    known = hourly(span)
    known[(known.index > "2018-11-03T06:00+01:00") & (known.index <= "2018-11-03T10:00+01:00")] = False
    trouble = (pd.Timestamp("2018-11-05T17:50+01:00"), pd.Timestamp("2018-11-05T20:00+01:00"))
    chart = plots.data_map(known, [trouble], period=span)
    assert chart.figure.texts[0].get_text() == "No readings in 4 of 168 hours, an error or a warning in 3"
    shown = cells(chart)
    assert np.argwhere(np.isnan(shown)).tolist() == [[6, 2], [7, 2], [8, 2], [9, 2]]
    assert np.argwhere(shown == 1).tolist() == [[17, 4], [18, 4], [19, 4]]


def test_the_hour_that_comes_twice():
    """A trouble in only one of the two hours from 2 to 3 in autumn shows in that row."""
    span = period("2018-10-27", "2018-10-30")
    trouble = (pd.Timestamp("2018-10-28T02:10+01:00"), pd.Timestamp("2018-10-28T02:20+01:00"))
    chart = plots.data_map(hourly(span), [trouble], period=span)
    assert np.argwhere(cells(chart) == 1).tolist() == [[2, 1]]


def test_no_readings_at_all():
    """Without a single reading every hour is unknown, and the title says so."""
    span = period("2018-11-01", "2018-11-03")
    chart = plots.data_map(hourly(span) & False, period=span)
    assert "No readings in 48 of 48 hours" in chart.figure.texts[0].get_text()
    assert np.isnan(cells(chart)).all()


def test_the_map_needs_a_zone():
    """Times without a zone are refused."""
    known = pd.Series(True, pd.date_range("2018-11-01", periods=4, freq="h"))
    with pytest.raises(UsageError, match="zone"):
        plots.data_map(known, period=period("2018-11-01", "2018-11-02"))


def test_delta_t_is_weighted_by_flow():
    """Three parts of the water at 4 K and one at 12 K: 6 K on average, 75 % below the limit."""
    delta, flow = pd.Series([4.0, 12.0, 50.0, np.nan]), pd.Series([3.0, 1.0, 0.0, 9.0])
    chart = plots.delta_t_distribution(delta, flow, limit_k=7.0)
    assert " ".join(chart.figure.texts[0].get_text().split()) == (
        "Delta-T: 6.0 K on average of the water, 75 % of it below 7.0 K"
    )
    assert "Delta-T: 6.5 K" in plots.delta_t_distribution(delta, flow, mean_k=6.5).alt
    heights = [bar.get_height() for bar in chart.figure.axes[0].patches]
    assert sum(heights) == pytest.approx(100)


def test_delta_t_of_one_value_and_of_none():
    """A single delta-T has a bar; without flow there is nothing to draw, and it is said."""
    chart = plots.delta_t_distribution(pd.Series([5.0, 5.0]), pd.Series([1.0, 2.0]))
    assert sum(bar.get_height() for bar in chart.figure.axes[0].patches) == pytest.approx(100)
    nothing = plots.delta_t_distribution(pd.Series([5.0]), pd.Series([0.0]))
    assert "Delta-T by volume" in nothing.alt


def test_temperatures_that_no_water_has_are_told_not_drawn() -> None:
    """An open sensor does not flatten the other one's line; a difference that was not read is that of T1 and T2."""
    index = pd.date_range("2018-03-01", periods=96, freq="h", tz="Europe/Zurich")
    frame = pd.DataFrame({"t1_c": 537.7, "t2_c": 17 + np.sin(np.arange(96)), "delta_t_k": np.nan}, index)
    opened = plots.temperatures(frame)
    assert "Left out: 96 readings of T1 outside -10 to 130 °C." in opened.caption
    assert "No readings of Delta-T." in opened.caption
    (axes,) = opened.figure.axes
    assert axes.get_ylim()[1] < 25
    sound = plots.temperatures(frame.assign(t1_c=7.0))
    assert len(sound.figure.axes) == 2
    assert "Delta-T 10." in sound.alt.replace("\u00a0", " ")
    assert "left out" not in sound.caption


def test_a_power_of_0_has_no_axis_below_0() -> None:
    """A line at 0 lies on the axis."""
    index = pd.date_range("2018-03-01", periods=96, freq="h", tz="Europe/Zurich")
    _, power = plots.flow_and_power(pd.DataFrame({"flow_m3h": 1.0, "power_kw": 0.0}, index)).figure.axes
    assert power.get_ylim()[0] == 0


def test_delta_t_beyond_the_axis() -> None:
    """The caption names the side, and how far."""
    delta = pd.Series([10.0] * 500 + [30.0])
    told = plots.delta_t_distribution(delta, pd.Series([1.0] * 501)).caption.replace("\u00a0", " ")
    assert "Beyond the axis: 0.2 % of the water, up to 30.0 K." in told


@pytest.mark.parametrize(("factors", "drawn"), [((0.8, 1.0, 1.1), True), ((0.4, 2.5, 0.8), False)])
def test_a_characteristic_that_jumps_is_no_line(factors, drawn) -> None:
    """Where each flow has come with another supply temperature the caption says so, in place of a zigzag."""
    flow = pd.Series(np.linspace(0.1, 6, 400))
    path = tuple(zip((1.0, 3.0, 6.0), factors, strict=True))
    curve = Characteristic(a_kw=100, b_m3h=5, waste_flow_m3h=9, waste_power_kw=60, max_flow_m3h=6, path=path)
    chart = plots.power_against_flow(flow, 100 * flow / (5 + flow), curves={"cooling": curve})
    assert ("to be drawn as one line" in chart.caption) is not drawn


def test_the_highest_reading_is_one_that_is_borne_out():
    """A start's spike and another device's value count as none; a valve that cycles, or a short rise, does."""
    power = np.tile([0.0, 20.0, 22.0, 30.0], 100)
    assert outliers.highest(power) == (3, 0)
    power[[40, 101]] = 150.0, 1e8
    assert outliers.highest(power) == (3, 2)
    power[200:202] = 90.0
    assert outliers.highest(power) == (200, 2), "two beside each other bear each other out"
    assert outliers.highest(np.tile([0.0, np.nan, 30.0], 50)) == (2, 0)
    assert outliers.highest([np.nan]) == (-1, 0)

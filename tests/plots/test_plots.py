"""Figures: the finding in words, units on the axes, local time, and the unknown shown as unknown."""

from __future__ import annotations

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.dates import num2date
from matplotlib.patches import Rectangle

from belimo_nb import plots
from belimo_nb.calendar.moments import localized
from belimo_nb.display import Chart
from belimo_nb.display.cells import Svg
from belimo_nb.errors import UsageError
from belimo_nb.hydronics import Characteristic
from belimo_nb.plots import style, timeaxis

ZURICH = "Europe/Zurich"
THIN_SPACE = "\u202f"
AWKWARD = ["$a$ 🔥 Größe", "_hidden", "two\nlines\t", "x" * 300, "<b>&", "نص"]


def days(start: str, end: str, tz: str = ZURICH) -> pd.DatetimeIndex:
    """Local midnights, end exclusive."""
    naive = pd.date_range(start, end, freq="D", inclusive="left")
    return localized(naive, tz)


def ramp(index: pd.DatetimeIndex, scale: float = 1.0) -> pd.Series:
    """1, 2, 3, ... times a scale."""
    return pd.Series(np.arange(1.0, len(index) + 1) * scale, index=index)


def hatched(ax) -> list[tuple[float, float]]:
    """Begin and end of the areas marked as unknown."""
    spans = [
        patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_hatch() and patch.get_zorder() == 0
    ]
    return [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in spans]


def bars(ax) -> np.ndarray:
    """Left, right and height of the daily bars."""
    collection = next(item for item in ax.collections if isinstance(item, PolyCollection))
    corners = np.array([path.vertices[:4] for path in collection.get_paths()])
    return np.stack([corners[:, 0, 0], corners[:, 2, 0], corners[:, 1, 1]], axis=1)


def local(position: float) -> pd.Timestamp:
    """A position on the axis as local time."""
    return pd.Timestamp(num2date(position)).tz_convert(ZURICH).round("s")


@pytest.fixture
def samples() -> pd.DataFrame:
    """Two weeks of 15-minute samples."""
    index = pd.date_range("2018-03-20", "2018-04-03", freq="15min", tz=ZURICH, inclusive="left")
    wave = np.sin(np.arange(len(index)) / 96 * 2 * np.pi)
    flow = 2 + wave
    return pd.DataFrame(
        {
            "t1_c": 50 + wave,
            "t2_c": 40 - wave,
            "delta_t_k": 10 + 2 * wave,
            "flow_m3h": flow,
            "power_kw": flow * 11.47,
            "position_pct": 50 + 50 * wave,
            "setpoint_pct": 52 + 48 * wave,
        },
        index=index,
    )


def all_charts(samples: pd.DataFrame) -> dict[str, Chart]:
    """One of each figure."""
    year = days("2017-12-01", "2018-12-01")
    two = pd.DataFrame({"Ventil A": ramp(year), "Ventil B": ramp(year, 2)})
    many = pd.DataFrame({f"Ventil {i}": ramp(year, i) for i in range(8)})
    months = two.groupby(pd.Grouper(freq="MS")).sum()
    before = months.set_axis(months.index - pd.DateOffset(years=1))
    return {
        "daily": plots.daily_energy(two["Ventil A"], what="Heating energy"),
        "multiples": plots.daily_energy(two),
        "calendar": plots.daily_energy(many),
        "monthly": plots.monthly_energy(months, before),
        "ranking": plots.energy_ranking(many.sum()),
        "power": plots.latest_power(many.iloc[-1]),
        "temperatures": plots.temperatures(samples),
        "flow": plots.flow_and_power(samples),
        "position": plots.position(samples),
        "exchange": plots.power_against_flow(samples["flow_m3h"], samples["power_kw"]),
        "fleet": plots.fleet_health({"connection": {"online": 35, "offline": 1}, "health": {"ok": 35, "problem": 1}}),
    }


def test_every_figure_speaks(samples):
    """Each figure has a title, a caption, a description with figures, and is 640 pixels wide."""
    for name, chart in all_charts(samples).items():
        title = chart.figure.texts[0].get_text()
        assert len(title) > 10, name
        assert chart.caption.endswith("."), name
        assert any(char.isdigit() for char in chart.alt), name
        assert chart.size[0] == 640, name


def test_axes_name_their_units(samples):
    """Every axis of the figures with axes says what it shows, in which unit; times say their zone."""
    charts = all_charts(samples)
    labels = {name: [axes.get_ylabel() for axes in chart.figure.axes] for name, chart in charts.items()}
    assert labels["daily"] == ["kWh per day"]
    assert labels["multiples"] == ["A, kWh per day", "B, kWh per day"]
    assert labels["monthly"] == ["kWh per month"]
    assert labels["temperatures"] == ["Temperature, °C", "Delta-T, K"]
    assert labels["flow"] == ["Flow, m³/h", "Power, kW"]
    assert labels["position"] == ["Position, %"]
    assert labels["exchange"] == ["Power, kW"]
    assert charts["exchange"].figure.axes[0].get_xlabel() == "Flow, m³/h"
    assert charts["power"].figure.axes[0].get_xlabel() == "kW"
    for name in ("daily", "multiples", "temperatures", "flow", "position"):
        assert charts[name].figure.axes[-1].get_xlabel().endswith(ZURICH), name


def test_no_lasting_settings_and_no_pyplot(samples):
    """Drawing changes no setting and leaves nothing in pyplot; foreign settings do not change a figure."""
    from matplotlib import pyplot

    before, open_before = dict(mpl.rcParams), pyplot.get_fignums()
    picture = plots.position(samples).png()
    assert dict(mpl.rcParams) == before
    assert pyplot.get_fignums() == open_before
    with mpl.rc_context({"font.size": 22, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert plots.position(samples).png() == picture


def test_unknown_days_are_hatched_and_never_zero():
    """A day without a value has no bar and is hatched over its whole local day; a day of 0 kWh is known."""
    index = days("2018-10-20", "2018-11-10")
    kwh = ramp(index)
    kwh.iloc[[5, 8, 9]] = np.nan
    kwh.iloc[12] = 0.0
    chart = plots.daily_energy(kwh)
    (axes,) = chart.figure.axes
    assert len(bars(axes)) == len(index) - 3
    assert [(local(begin), local(end)) for begin, end in hatched(axes)] == [
        (index[5], index[6]),
        (index[8], index[10]),
    ]
    assert "3 days unknown" in chart.alt
    assert "unknown" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_days_are_local_and_as_long_as_they_are():
    """The day of the autumn clock change is 25 hours wide, that of spring 23."""
    for day, hours in (("2018-10-28", 25), ("2018-03-25", 23)):
        around = days(
            str(pd.Timestamp(day).date() - pd.Timedelta(days=2)), str(pd.Timestamp(day) + pd.Timedelta(days=3))
        )
        widths = bars(plots.daily_energy(ramp(around)).figure.axes[0])[:, :2]
        assert np.round(np.diff(widths[2])[0] * 24, 6) == hours


@pytest.mark.parametrize("tz", ["America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
def test_any_zone(tz):
    """Zones that skip midnight or shift by half an hour draw as any other."""
    index = days("2018-07-01", "2018-10-01", tz)
    chart = plots.daily_energy(ramp(index))
    assert chart.figure.axes[0].get_xlabel() == f"Local day, {tz}"
    assert len(bars(chart.figure.axes[0])) == len(index)


def test_ticks_stand_at_local_midnights():
    """The axis' months begin at local midnight, summer or winter, and years are named where they begin."""
    index = days("2017-12-01", "2018-12-01")
    (axes,) = plots.daily_energy(ramp(index)).figure.axes
    ticks = [local(tick) for tick in axes.get_xticks()]
    assert len(ticks) == 12
    assert all(tick.day == 1 and tick.hour == 0 for tick in ticks)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[:3] == ["Dec\n2017", "Jan\n2018", "Feb"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2014-01-01", "2018-01-01", ["2014", "2015", "2016", "2017"]),
        ("2016-12-01", "2018-12-01", ["Jan\n2017", "Apr", "Jul", "Oct", "Jan\n2018", "Apr", "Jul", "Oct"]),
        ("2018-11-01", "2018-12-01", ["5 Nov\n2018", "12 Nov", "19 Nov", "26 Nov"]),
        ("2018-10-26", "2018-10-30", ["26 Oct\n2018", "27 Oct", "28 Oct", "29 Oct"]),
        ("2018-11-03", "2018-11-04", ["00:00\n3 Nov", *(f"{hour:02d}:00" for hour in range(3, 24, 3))]),
        (
            "2018-11-03",
            "2018-11-05",
            ["00:00\n3 Nov", "06:00", "12:00", "18:00", "00:00\n4 Nov", "06:00", "12:00", "18:00"],
        ),
    ],
)
def test_ticks_suit_the_span(start, end, expected):
    """Years, quarters, weeks, days or hours, as the span asks for."""
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    timeaxis.time_axis(axes, pd.Timestamp(start, tz=ZURICH), pd.Timestamp(end, tz=ZURICH))
    assert [label.get_text() for label in axes.get_xticklabels()] == expected


def test_the_period_asked_for_is_shown():
    """What the period has but the data lack is on the axis, hatched: before the first and after the last day."""
    index = days("2018-11-05", "2018-11-20")
    period = SimpleNamespace(start=pd.Timestamp("2018-11-01", tz=ZURICH), end=pd.Timestamp("2018-12-01", tz=ZURICH))
    (axes,) = plots.daily_energy(ramp(index), period=period).figure.axes
    assert [local(edge) for edge in axes.get_xlim()] == [period.start, period.end]
    assert [(local(begin), local(end)) for begin, end in hatched(axes)] == [
        (period.start, index[0]),
        (pd.Timestamp("2018-11-20", tz=ZURICH), period.end),
    ]


def test_daily_energy_names_total_and_peak():
    """Title and description carry the sum, the number of known days and the highest day."""
    index = days("2018-11-01", "2018-12-01")
    kwh = pd.Series(1000.0, index=index)
    kwh.iloc[13] = 2000.0
    kwh.iloc[0] = np.nan
    chart = plots.daily_energy(kwh, what="Heating energy")
    assert chart.alt.startswith(f"Heating energy, 30{THIN_SPACE}000 kWh in 29 days, most on 14\u00a0Nov\u00a02018.")
    assert chart.figure.texts[0].get_text().startswith(f"Heating energy: 30{THIN_SPACE}000 kWh in 29 days")


def test_many_valves_become_a_calendar():
    """Above six: a row of colors each, the sum above it; unknown cells are masked, incomplete sums are fainter."""
    index = days("2018-11-01", "2018-12-01")
    frame = pd.DataFrame({f"Ventil {i}": ramp(index, i + 1) for i in range(7)})
    frame.iloc[3, 2] = np.nan
    frame["dark"] = np.nan
    chart = plots.daily_energy(frame)
    above, below = chart.figure.axes[:2]
    names = [label.get_text() for label in below.get_yticklabels()]
    assert (names[0], names[-1]) == ("Ventil 6", "dark")
    cells = next(item for item in below.collections if hasattr(item, "get_coordinates")).get_array()
    assert cells.mask.sum() == 1 + len(index)
    assert above.get_ylabel() == "7 of 8 together, kWh per day"
    faint = [item for item in above.collections if isinstance(item, PolyCollection)][1]
    assert len(faint.get_paths()) == 1
    assert "Ventil 6" in chart.alt


def test_a_calendar_has_an_end():
    """Of hundreds of valves the first forty are drawn, and the rest is counted, also with equal names."""
    index = days("2018-11-01", "2018-11-04")
    frame = pd.DataFrame(np.ones((3, 300)), index=index, columns=["same"] * 300)
    chart = plots.daily_energy(frame)
    assert len(chart.figure.axes[1].get_yticklabels()) == 40
    assert "Not drawn: 260 more with 780 kWh." in chart.caption


@pytest.fixture
def months() -> pd.DatetimeIndex:
    """The months of 2018."""
    return pd.date_range("2018-01-01", periods=12, freq="MS", tz=ZURICH)


def test_months_are_compared_with_the_same_months(months):
    """The year before is matched by calendar, whatever its order or extent."""
    now = pd.DataFrame({"a": 110.0, "b": 110.0}, index=months)
    before = pd.DataFrame({"b": 100.0, "a": 100.0}, index=months[[5, 4, 3]] - pd.DateOffset(years=1))
    chart = plots.monthly_energy(now, before)
    assert f"2{THIN_SPACE}640 kWh, +10\u00a0% against the year before in 3 of 12 months" in chart.alt
    assert "Apr 2018 220 kWh (year before 200)" in chart.alt
    assert "Jan 2018 220 kWh;" in chart.alt
    notes = [text.get_text() for text in chart.figure.axes[0].texts]
    assert notes == ["+10\u00a0%"] * 3


def test_incomplete_months_are_compared_with_nothing(months):
    """A month with an unknown valve is a lower bound; one without any value is unknown, not zero."""
    now = pd.DataFrame({"a": 100.0, "b": 100.0}, index=months)
    now.iloc[2, 0] = np.nan
    now.iloc[7] = np.nan
    before = pd.DataFrame({"a": 100.0, "b": 100.0}, index=months - pd.DateOffset(years=1))
    before.iloc[9, 1] = np.nan
    chart = plots.monthly_energy(now, before)
    assert "±0" not in chart.alt
    assert "0\u00a0% against the year before in 9 of 12 months" in chart.alt
    assert "Mar 2018 100 kWh or more (year before 200)" in chart.alt
    assert "Aug 2018 unknown (year before 200)" in chart.alt
    (axes,) = chart.figure.axes
    assert len(hatched(axes)) == 1
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["year before", "this period", "incomplete: at least", "unknown"]


def test_different_valves_are_not_compared(months):
    """If a valve is in one of the two years only, no change is claimed."""
    now = pd.DataFrame({"a": 100.0, "b": 100.0}, index=months)
    before = pd.DataFrame({"a": 100.0}, index=months - pd.DateOffset(years=1))
    assert "against" not in plots.monthly_energy(now, before).alt


def test_ranking_orders_and_keeps_the_unknown():
    """The greatest first, equal names apart, the unknown last and as such; the rest is counted."""
    kwh = pd.Series([10.0, np.nan, 70.0, 20.0], index=["same", "dark", "top", "same"])
    chart = plots.energy_ranking(kwh, what="Heating energy")
    (axes,) = chart.figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["top", "same", "same", "dark"]
    assert "kWh and share of all: top 70 70\u00a0%; same 20 20\u00a0%; same 10 10\u00a0%; dark unknown." in chart.alt
    assert "Unknown, hatched: 1 of 4." in chart.caption
    assert "Not drawn: 2 more." in plots.energy_ranking(kwh, limit=2).caption


def test_latest_power_counts_what_runs():
    """The sum, and how many valves are in use."""
    chart = plots.latest_power(pd.Series({"a": 12.3, "b": 0.0, "c": np.nan}))
    assert chart.alt.startswith("Latest power: 12.3 kW in total, 1 of 3 valves in use.")


def test_long_series_keep_their_extremes():
    """A year of 15-minute samples is drawn as bands by day; the least and greatest values are still there."""
    index = pd.date_range("2017-12-01", "2018-12-01", freq="15min", tz=ZURICH, inclusive="left")
    values = pd.Series(20.0, index=index)
    values.iloc[1000], values.iloc[2000] = 99.0, -5.0
    drawn = timeaxis.downsample(values)
    assert drawn.bucket == "day"
    assert len(drawn.x) == 365
    assert (drawn.low <= drawn.mean).all()
    assert (drawn.mean <= drawn.high).all()
    assert drawn.high.max() == 99.0
    assert drawn.low.min() == -5.0
    assert [local(x).hour for x in drawn.x[[0, 200]]] == [12, 12]


@pytest.mark.parametrize(("length", "every"), [("30D", "2 h"), ("10D", "30 min"), ("400D", "day")])
def test_bands_suit_the_span(length, every):
    """Buckets are as wide as the panel needs, at most some hundreds."""
    index = pd.date_range("2018-01-01", periods=pd.Timedelta(length) // pd.Timedelta("5min"), freq="5min", tz=ZURICH)
    drawn = timeaxis.downsample(pd.Series(np.arange(len(index), dtype=float), index=index))
    assert drawn.bucket == every
    assert len(drawn.x) <= 500


@pytest.mark.parametrize("freq", ["15min", "1min"])
def test_gaps_stay_gaps(freq):
    """No line is drawn across rows that are missing or NaN, in short and in long series; the gap is hatched."""
    index = pd.date_range("2018-11-01", "2018-11-06", freq=freq, tz=ZURICH, inclusive="left")
    frame = pd.DataFrame({"position_pct": 50.0}, index=index)
    begin, end = pd.Timestamp("2018-11-03", tz=ZURICH), pd.Timestamp("2018-11-04", tz=ZURICH)
    missing = frame[(index < begin) | (index >= end)]
    empty = frame.copy()
    empty.loc[(index >= begin) & (index < end)] = np.nan
    for given in (missing, empty):
        (axes,) = plots.position(given).figure.axes
        (x, y) = axes.lines[0].get_data()
        assert np.isnan(y).sum() == 1
        assert x[int(np.flatnonzero(np.isnan(y))[0]) + 1] - x[int(np.flatnonzero(np.isnan(y))[0]) - 1] > 0.9
        assert [(local(a), local(b)) for a, b in hatched(axes)] == [(begin, end)]


def test_a_lonely_sample_is_seen():
    """One value between two gaps has no line, so it gets a dot."""
    index = pd.date_range("2018-11-01", periods=100, freq="1h", tz=ZURICH)
    frame = pd.DataFrame({"position_pct": np.nan}, index=index)
    frame.iloc[:10] = 10.0
    frame.iloc[50] = 80.0
    dots = plots.position(frame).figure.axes[0].lines[1]
    assert list(dots.get_ydata()) == [80.0]


def test_samples_draw_what_there_is(samples):
    """Missing columns are left out; none at all is an error that names them."""
    assert len(plots.temperatures(samples[["t1_c"]]).figure.axes) == 1
    assert "setpoint" not in plots.position(samples[["position_pct"]]).alt
    with pytest.raises(UsageError, match=r"Flow and power.*flow_m3h, power_kw.*t1_c"):
        plots.flow_and_power(samples[["t1_c"]])


def test_temperatures_of_the_water_agree_with_each_other():
    """A trickle of hours that carry little heat does not make the middle; delta-T is told by the checks alone."""
    index = pd.date_range("2018-03-01", periods=90, freq="h", tz="UTC")
    trickle = np.arange(90) % 3 > 0
    frame = pd.DataFrame(
        {"t1_c": 60.0, "t2_c": np.where(trickle, 52.0, 38.0), "flow_m3h": np.where(trickle, 0.1, 2.0)}, index
    )
    told = plots.temperatures(frame).alt.replace("\u00a0", " ")
    assert "weighted by flow: T1 60.0 °C, T2 39.3 °C." in told


def test_position_tells_how_long_it_was_closed(samples):
    """The share of closed samples is in the title and the description."""
    samples["position_pct"] = np.where(np.arange(len(samples)) % 4 == 0, 0.0, 40.0)
    assert "30\u00a0% on average, closed for 25\u00a0% of the time" in plots.position(samples).alt


def test_exchange_speaks_of_the_flow(samples):
    """Many samples become a density, standing water does not count; without a curve only the flow is said."""
    flow = pd.Series(np.tile([0.0, 1.0, 2.0, 4.0], 1000))
    chart = plots.power_against_flow(flow, flow * 11.47)
    assert "the stronger the color, the more samples" in chart.caption
    assert f"3{THIN_SPACE}000 samples" in chart.alt
    assert "up to 4 m³/h" in chart.alt
    assert "power from \u221245.9 to 0 kW" in plots.power_against_flow(flow, -flow * 11.47).alt


def test_exchange_marks_the_waste_zone():
    """A fitted curve is drawn over the samples; from its V* on, the waste zone is shaded, and the title says where."""
    flow = pd.Series(np.linspace(0.1, 12, 600))
    curve = Characteristic(a_kw=100.0, b_m3h=3.0, waste_flow_m3h=4.7, waste_power_kw=61.0, max_flow_m3h=12.0)
    chart = plots.power_against_flow(flow, 100 * flow / (3 + flow), curves={"cooling": curve})
    assert "the waste zone begins at 4.70 m³/h" in chart.alt
    rare = pd.concat([pd.Series(np.linspace(0.1, 4, 600)), pd.Series([12.0])], ignore_index=True)
    told = plots.power_against_flow(rare, 100 * rare / (3 + rare), curves={"cooling": curve}).alt
    assert "no waste zone up to 3." in told, "one reading of a start-up is none"
    (ax,) = chart.figure.axes
    drawn = ax.lines[-1]
    np.testing.assert_allclose(drawn.get_ydata(), 100 * drawn.get_xdata() / (3 + drawn.get_xdata()))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["exchanger", "waste zone"]
    low = plots.power_against_flow(flow / 4, 100 * flow / (3 + flow), curves={"cooling": curve})
    assert "no waste zone" in low.alt
    refused = plots.power_against_flow(flow, flow, curves={"cooling": Characteristic(reason="Too little.")})
    assert "waste" not in refused.alt


def test_a_few_moments_after_a_start_up_neither_stretch_the_axes_nor_make_a_waste_zone():
    """Title, shading and caption agree: a bend that 99 % of the samples do not reach was not seen."""
    flow = pd.Series([*np.linspace(1, 10, 1200), 33.0, 36.0, 38.0])
    curve = Characteristic(a_kw=200.0, b_m3h=20.0, waste_flow_m3h=31.0, waste_power_kw=121.0, max_flow_m3h=10.0)
    chart = plots.power_against_flow(flow, 200 * flow / (20 + flow), curves={"cooling": curve})
    (ax,) = chart.figure.axes
    assert "no waste zone up to" in chart.alt
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["exchanger"]
    assert "no bend is seen" in chart.caption
    assert "3 beyond the axes, up to 38 m³/h" in chart.caption
    assert ax.get_xlim()[1] < 30


def test_where_all_is_0_no_empty_axes_are_drawn():
    """Energy, flow and power that stood at 0, and a valve that stayed closed, are a sentence each."""
    days = pd.date_range("2018-03-01", "2018-05-01", freq="D", tz="UTC", inclusive="left")
    months = pd.DataFrame({"heating": [0.0, 0.0], "cooling": [0.0, 0.0]}, days[days.day == 1])
    nothing = pd.DataFrame(0.0, days, ["heating", "cooling"])
    still = pd.DataFrame({"flow_m3h": 0.0, "power_kw": 0.0, "position_pct": 0.2}, days)
    for chart in (
        plots.monthly_energy(months, each=True),
        plots.daily_energy(nothing, each=True),
        plots.load_carpet(pd.DataFrame(0.0, days.tz_localize(None), range(24)), "UTC"),
        plots.flow_and_power(still),
        plots.position(still),
    ):
        assert not any(ax.axison for ax in chart.figure.axes), chart.alt
        assert not any(ax.patches for ax in chart.figure.axes), "hatched is what is unknown"
    assert "stood still" in plots.monthly_energy(months).alt
    last_year = months.set_axis(months.index - pd.DateOffset(years=1)) + 5
    assert plots.monthly_energy(months, last_year).figure.axes[0].axison, "what there was a year before is shown"
    asked = plots.position(still.assign(setpoint_pct=60.0))
    assert "closed for 100" in asked.alt, "a valve that is asked to open and does not is shown"


def test_a_change_from_next_to_nothing_is_not_given_in_percent():
    """More than tenfold is said so; two bars too low to be seen have no change above them."""
    months = pd.date_range("2018-03-01", periods=3, freq="MS", tz="UTC")
    now, past = (
        pd.Series([3700.0, 4000.0, 0.0], months),
        pd.Series([100.0, 2000.0, 20.0], months - pd.DateOffset(years=1)),
    )
    (ax,) = plots.monthly_energy(now, past).figure.axes
    assert [text.get_text().replace("\u00a0", " ") for text in ax.texts] == ["> 10×", "+100 %"]


def test_heat_of_a_valve_that_cools_is_no_bar():
    """Each valve stands once in a ranking of heat and cold, unless it has both."""
    kwh = pd.DataFrame({"heat": [0.0, 5.0, 0.0], "cold": [9.0, 4.0, 0.0]}, ["cools", "both", "idle"])
    chart = plots.energy_ranking(kwh)
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()].count("cools") == 1
    assert "cools 0 heat" not in chart.alt
    noise = plots.energy_ranking(pd.DataFrame({"heat": [1.0, np.nan], "cold": [9000.0, 4000.0]}, ["A", "B"]))
    assert "1 kWh of heat" in noise.alt, "told in the title"
    assert "1 heat" not in noise.alt.split("kWh of heat")[1], "and no bar of 100 %"


def test_a_load_without_a_course_has_no_busiest_hour():
    """Hours that differ by less than 2 % are the same; a reading a day shows no hour at all."""
    power = pd.DataFrame(50.0, pd.date_range("2018-03-01", periods=20), range(24))
    power[2] += 0.4
    assert "most" not in plots.load_carpet((power + np.arange(24)).head(6), "UTC").alt, "six days are no average"
    assert "the same at every hour" in plots.load_carpet(power, "UTC").alt
    power[2] += 4
    assert "most at 2:00" in plots.load_carpet(power, "UTC").alt


def test_fleet_takes_the_clouds_own_statistics():
    """The statistics as the API gives them: totals and empty questions are left out, bad states come last."""
    chart = plots.fleet_health(
        {
            "totalDevices": 36,
            "connection": {"offline": 1, "online": 35},
            "health": {"problem": 1, "ok": 35},
            "transfer": {"incoming": 0, "outgoing": 0},
        }
    )
    assert chart.alt == "36 devices: 1 offline, 1 problem. connection: 35 online, 1 offline. health: 35 ok, 1 problem."
    assert plots.fleet_health({"ok": 3}).alt.startswith("3 devices: all well.")
    with pytest.raises(UsageError, match="negative"):
        plots.fleet_health({"ok": -1})


def test_one_device_of_thousands_shows():
    """A single bad device is still some pixels wide."""
    (axes,) = plots.fleet_health({"ok": 4999, "problem": 1}).figure.axes
    assert axes.patches[-1].get_width() * axes.bbox.width >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", AWKWARD)
def test_any_name_can_be_drawn(name):
    """Dollars, emoji, line breaks, leading underscores and long names are drawn as text, without a warning."""
    index = days("2018-11-01", "2018-11-10")
    frame = pd.DataFrame({name: ramp(index), "other": ramp(index)})
    for chart in (
        plots.daily_energy(frame),
        plots.energy_ranking(frame.sum()),
        plots.fleet_health({name: {name: 2}}),
    ):
        assert chart.png().startswith(b"\x89PNG")
    assert name in plots.energy_ranking(frame.sum()).alt


def test_short_names_drop_what_all_share():
    """Common first words go, but never a whole name."""
    names = ["Energieventil Heizung 2.OG Nord", "Energieventil Heizung 2.OG West", "Energieventil Heizung 1.OG"]
    assert style.short_names(names) == ["2.OG Nord", "2.OG West", "1.OG"]
    assert style.short_names(["Heizung", "Heizung Nord"]) == ["Heizung", "Heizung Nord"]
    assert style.short_names(["Only one"]) == ["Only one"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda frame: plots.daily_energy(frame),
        lambda frame: plots.daily_energy(frame.iloc[:0]),
        lambda frame: plots.monthly_energy(frame),
        lambda frame: plots.energy_ranking(frame["position_pct"]),
        lambda frame: plots.latest_power(frame["position_pct"].iloc[:0]),
        lambda frame: plots.position(frame),
        lambda frame: plots.temperatures(frame.rename(columns={"position_pct": "t1_c"}).iloc[:0]),
        lambda frame: plots.power_against_flow(frame["position_pct"], frame["position_pct"]),
        lambda frame: plots.fleet_health({}),
    ],
)
def test_no_data_is_said(draw):
    """Without a single value a figure says so, instead of failing or showing zeros."""
    frame = pd.DataFrame({"position_pct": np.nan}, index=days("2018-11-01", "2018-11-05"))
    chart = draw(frame)
    (words,) = [text.get_text() for text in chart.figure.axes[0].texts]
    assert re.match(r"No (readings of .+|data) in this period|There is no device|No valve tells its power", words)
    assert chart.alt.endswith(f": n{words[1:]}." if words.startswith("No") else ": there is no device.")
    assert chart.png().startswith(b"\x89PNG")


@pytest.mark.parametrize("draw", [plots.daily_energy, plots.monthly_energy, plots.temperatures])
def test_times_need_a_zone(draw):
    """Naive times are refused with a next step."""
    frame = pd.DataFrame({"t1_c": [1.0, 2.0]}, index=pd.date_range("2018-11-01", periods=2))
    with pytest.raises(UsageError, match=r"tz_convert\(.Europe/Zurich"):
        draw(frame)


def test_sparkline_is_a_small_picture_with_words():
    """Valid SVG in the text's color, a gap where values are unknown, and its figures as a label."""
    series = pd.Series([1.0, 2.0, np.nan, 4.0, 3.0])
    shown = plots.sparkline(series, "kW")
    assert isinstance(shown, Svg)
    picture = ElementTree.fromstring(str(shown))  # noqa: S314  (our own)
    assert picture.attrib["aria-label"] == "1 to 4\u00a0kW"
    assert picture.attrib["role"] == "img"
    path = next(child for child in picture if child.tag.endswith("path"))
    assert path.attrib["d"].count("M") == 2
    assert path.attrib["stroke"] == "currentColor"
    assert len(plots.sparkline(pd.Series(np.arange(10_000.0)))) < 1500
    assert "svg" not in plots.sparkline(pd.Series([np.nan, np.nan]))


def test_heat_and_cold_have_a_panel_each():
    """Of both kinds each has its bars, its sum and its change; of one kind it is the chart as ever."""
    index = pd.date_range("2018-01-01", periods=3, freq="MS", tz="Europe/Zurich")
    kwh = pd.DataFrame({"heating": [30.0, 20, 10], "cooling": [0.0, 5, 15]}, index)
    before = (kwh * 2).set_axis(index - pd.DateOffset(years=1))
    chart = plots.monthly_energy(kwh, before, each=True)
    assert len(chart.figure.axes) == 2
    assert "Heating energy by month, 60 kWh, −50 % against the year before" in chart.alt.replace("\u00a0", " ")
    assert "Cooling energy by month, 20 kWh" in chart.alt.replace("\u00a0", " ")
    assert "80" not in chart.alt, "no sum of both"
    one = plots.monthly_energy(kwh[["heating"]], before[["heating"]], each=True, what="Heating energy")
    assert len(one.figure.axes) == 1
    days = kwh.set_axis(pd.date_range("2018-01-01", periods=3, tz="Europe/Zurich"))
    said = plots.daily_energy(days, each=True).alt.replace("\u00a0", " ")
    assert "heating 60 kWh, cooling 20 kWh" in said


def test_idle_heat_of_a_valve_that_cools_has_no_panel():
    """What is nothing beside the other kind is told as a sum; a counter that a failed sensor left at 0 is unknown."""
    index = pd.date_range("2018-01-01", periods=3, freq="MS", tz="Europe/Zurich")
    kwh = pd.DataFrame({"heating": [0.0, 0.02, 0.0], "cooling": [8000.0, 5000, 900]}, index)
    days = kwh.set_axis(pd.date_range("2018-01-01", periods=3, tz="Europe/Zurich"))
    for chart in (plots.monthly_energy(kwh, each=True), plots.daily_energy(days, each=True)):
        (axes,) = chart.figure.axes
        assert "cooling" in axes.get_ylabel().lower()
        assert "eating" in chart.alt
    for draw in (plots.monthly_energy, plots.daily_energy):
        assert draw(kwh * 0, each=True, reason="It failed").alt.endswith("it failed.")
    assert "0 kWh" in plots.monthly_energy(kwh * 0, each=True).alt.replace("\u00a0", " "), "measured"
    assert len(plots.monthly_energy(kwh * np.nan, each=True, reason="It failed").figure.axes) == 1


def test_a_ranking_of_heat_and_cold():
    """Bars of each kind with their share of their own sum; a valve of both has two, one of nothing is unknown."""
    kwh = pd.DataFrame({"heat": [75.0, 25, np.nan, np.nan], "cold": [np.nan, 10, 30, np.nan]}, list("ABCD"))
    chart = plots.energy_ranking(kwh)
    said = chart.alt.replace("\u00a0", " ")
    for words in ("A 75 heat 75 %", "C 30 cold 75 %", "B 25 heat 25 %", "B 10 cold 25 %", "D unknown"):
        assert words in said
    assert "100 kWh of heat; 40 kWh of cold" in said
    assert "140" not in said
    power = plots.latest_power(kwh).alt.replace("\u00a0", " ")
    assert "100 kW of heat and 40 kW of cold in total" in power

"""Every chart with everything it may be given: no text is cut off or covered, and no outlier flattens an axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_hex
from matplotlib.text import Text

from belimo_nb import heating, plots
from belimo_nb.calendar.periods import Period
from belimo_nb.display import Chart
from belimo_nb.explorer.cost import View
from belimo_nb.explorer.figure import Picture
from belimo_nb.explorer.points import Point
from belimo_nb.explorer.samples import Curve
from belimo_nb.hydronics import Characteristic
from belimo_nb.hydronics.daily_water import ranked
from belimo_nb.hydronics.effect import BeforeAfter, before_and_after
from belimo_nb.plots import outliers, style

ZURICH = "Europe/Zurich"
START, END = pd.Timestamp("2018-01-01", tz=ZURICH), pd.Timestamp("2019-01-01", tz=ZURICH)
PERIOD = SimpleNamespace(start=START, end=END)
HOURS = pd.date_range(START, END, freq="h", inclusive="left")
DAYS = pd.date_range(START, END, freq="D", inclusive="left")
WEATHER = pd.Series(10 - 12 * np.cos(2 * np.pi * np.arange(365) / 365) + np.sin(np.arange(365)), DAYS)
TROUBLES = [(DAYS[100], DAYS[130])]
LONG = "Lüftungsgerät Größenklasse WWWW MMMM Übergangsbüro Nr. {:04d} Süd"
EXCESS = 1e6
"""How many times the usual an outlier is."""

SIGNS = {"heating": 1, "cooling": -1}
CASES = [("heating", "good"), ("cooling", "good"), ("heating", "outlier"), ("cooling", "outlier")]
CASES += [("heating", how) for how in ("empty", "one", "unknown", "zeros")]


@cache
def valve(kind: str) -> pd.DataFrame:
    """A year of hourly samples of a valve that heats, or of one that cools."""
    outdoor = WEATHER.reindex(HOURS, method="ffill").to_numpy()
    load = np.clip(1.2 - outdoor / 16 if kind == "heating" else outdoor / 16 - 0.7, 0.0, None)
    load = load * (1 + 0.3 * np.sin(np.arange(len(HOURS)) / 24 * 2 * np.pi))
    flow, delta = 2 * load, np.where(load > 0, 18 / (1 + load), 0)
    supply = np.where(load > 0, 60.0 if kind == "heating" else 7.0, 22.0)
    frame = {"t1_c": supply, "t2_c": supply - SIGNS[kind] * delta, "delta_t_k": delta, "flow_m3h": flow}
    frame |= {"power_kw": flow * delta * 1.15, "position_pct": 60 * load, "setpoint_pct": 61 * load}
    return pd.DataFrame(frame, HOURS)


def broken(frame: pd.DataFrame, how: str) -> pd.DataFrame:
    """What there is in place of good values."""
    if how in ("empty", "one"):
        return frame.iloc[: int(how == "one")]
    if how in ("unknown", "zeros"):
        return frame * (np.nan if how == "unknown" else 0.0)
    frame = frame.copy()
    if how == "outlier":
        # At the left edge the mark of a winter's day stands above the numbers of the axis.
        at = int(np.argmax(frame.iloc[:, -1].to_numpy()[20:])) + 20
        frame.iloc[at] = frame.iloc[at] * EXCESS + EXCESS
    return frame


def fleet(count: int, how: str) -> pd.DataFrame:
    """Daily energy of many valves; of an outlier one day of the first one."""
    base = np.clip(15 - WEATHER.to_numpy(), 0, None)[:, None] * (1 + np.arange(count) % 17)[None, :]
    frame = pd.DataFrame(base, DAYS, [LONG.format(i) for i in range(count)])
    if how == "outlier":
        frame.iloc[40, 0] *= EXCESS
    return frame if how == "outlier" else broken(frame, how)


def a_year_before(frame: pd.DataFrame) -> pd.DataFrame:
    """The same, a year before."""
    return frame.set_axis(frame.index - pd.DateOffset(years=1))


def of_a_valve(kind: str, how: str) -> Iterator[tuple[str, Callable[[], Chart]]]:
    """The charts of one valve."""
    samples = broken(valve(kind), how)
    span = {"period": None if how == "one" else PERIOD, "troubles": TROUBLES if how == "good" else ()}
    yield "temperatures", partial(plots.temperatures, samples, **span)
    yield "flow and power", partial(plots.flow_and_power, samples, **span)
    yield "position", partial(plots.position, samples, **span)
    flow, power = samples["flow_m3h"], samples["power_kw"]
    curve = Characteristic(a_kw=40.0, b_m3h=1.0, waste_flow_m3h=1.9, waste_power_kw=26, max_flow_m3h=3)
    yield "power", partial(plots.power_against_flow, flow, SIGNS[kind] * power)
    yield "power, one curve", partial(plots.power_against_flow, flow, power, curves={kind: curve})
    yield "power, two curves", partial(plots.power_against_flow, flow, power, curves=dict.fromkeys(SIGNS, curve))
    yield "delta-T", partial(plots.delta_t_distribution, samples["delta_t_k"], flow, limit_k=9.0)
    yield "carpet", partial(plots.load_carpet, heating.carpet(power), ZURICH, what=kind)
    yield "duration", partial(plots.load_duration, heating.load_duration(power), heating.load_figures(power))
    daily = broken(valve(kind)[["power_kw"]].resample("D").sum(), how)["power_kw"]
    yield "daily", partial(plots.daily_energy, daily, what="Heating energy", **span)
    yield "cusum", partial(plots.cusum, (daily - daily.mean()).cumsum(), uncertainty_kwh=1e6, period=PERIOD)
    fit = heating.fit_signature(daily, WEATHER, kind=kind)
    yield "signature", partial(plots.energy_signature, fit, fit)


def of_a_fleet(kind: str, how: str) -> Iterator[tuple[str, Callable[[], Chart]]]:
    """The charts of several valves."""
    for count in (2, 7, 5000) if kind == "heating" and how in ("good", "outlier") else (7,):
        energy = fleet(count, how)
        monthly = energy.resample("MS").sum(min_count=1)
        pair = monthly.iloc[:, :2].set_axis(["heating", "cooling"], axis=1)
        sums = energy.sum(min_count=1)
        yield f"daily of {count}", partial(plots.daily_energy, energy, what="Heating energy", period=PERIOD)
        if count == 5000:
            yield f"ranking of {count}", partial(plots.energy_ranking, sums, what="Heating energy")
            continue
        yield f"monthly of {count}", partial(plots.monthly_energy, monthly, a_year_before(monthly * 0.7))
        yield f"monthly, each of {count}", partial(plots.monthly_energy, pair, a_year_before(pair), each=True)
        yield f"ranking of {count}", partial(plots.energy_ranking, sums, what="Heating energy")
        yield f"latest power of {count}", partial(plots.latest_power, pd.DataFrame({"heat": sums, "cold": sums / 3}))
    daily = valve(kind)["power_kw"].resample("D").sum()
    days = pd.DataFrame({"kwh": daily, "m3": daily / 12, "delta_t_k": 10.0, "supply_c": 60.0, "return_c": 50.0})
    if kind == "cooling":
        days[["supply_c", "return_c"]] = 7.0, 17.0
    days += np.random.default_rng(1).normal(0, 0.5, days.shape)
    valves = {LONG.format(i): broken(days + i, how if i == 0 or how != "outlier" else "good") for i in range(25)}
    if how in ("good", "outlier"):
        yield "returns", partial(plots.return_ranking, ranked(valves, kind))
        yield "water", partial(plots.water_temperatures, valves, WEATHER)
        effect = before_and_after(valves[LONG.format(0)], WEATHER, DAYS[200], kind)
        yield "effect", partial(plots.before_and_after, effect, "return temperature")


def others() -> Iterator[tuple[str, Callable[[], Chart]]]:
    """Charts of other things, and the axes of all lengths of time."""
    reason = "no setting was changed in the period, and no day of a change is given " * 3
    yield "no effect", partial(plots.before_and_after, BeforeAfter(DAYS[200], reason=reason))
    yield "no cusum", partial(plots.cusum, pd.Series(dtype=float), reason="the weather is unknown")
    yield "fleet", partial(plots.fleet_health, {"connection": {"online": 5000, "offline": 1}, "x": {"ok": 9}})
    states = {LONG.format(i): i + 1 for i in range(9)}
    yield "fleet, long names", partial(plots.fleet_health, {"Zustand der Verbindung in Worten " * 2: states})
    known = pd.Series(True, HOURS)
    for words, has in (("all", known), ("nothing", known & False), ("one", known[:1])):
        yield f"map, {words}", partial(plots.data_map, has, TROUBLES, period=PERIOD)
    power = pd.Series(range(300), pd.date_range(START, periods=300, freq="h"))
    points = [Point(name, name, name, "kW", True, "", "", "kW", None) for name in ("Power of the valve", "Setpoint")]
    curves = [Curve(LONG.format(i), point, power + i) for i in range(5) for point in points]
    curves.append(Curve(LONG.format(0), replace(points[0], numeric=False), (power // 99).astype(str) * 20))
    period = Period(START, power.index[-1])
    yield "explorer", lambda: Picture(curves, " and ".join({c.device for c in curves}), period, View("1h"), "x").chart
    for length in ("20min", "3h", "11h", "25h", "3D", "9D", "16D", "31D", "75D", "80D", "499D", "600D", "3000D"):
        times = pd.date_range("2016-11-05 10:05", periods=300, freq=pd.Timedelta(length) / 300, tz=ZURICH)
        yield f"time of {length}", partial(plots.position, pd.DataFrame({"position_pct": range(300)}, times))


def drawn_texts(chart: Chart, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, np.ndarray]]:
    """What is written in a chart, with left, bottom, right and top in pixels."""
    found: list[tuple[str, np.ndarray]] = []
    draw = Text.draw

    def noted(self: Text, renderer: object) -> None:
        draw(self, renderer)
        if self.get_visible() and self.get_text().strip():
            found.append((self.get_text(), Text.get_window_extent(self, renderer).extents))

    with monkeypatch.context() as patched, rc_context(style.RC_PARAMS):  # as `Chart.png` draws
        patched.setattr(Text, "draw", noted)
        chart.figure.canvas.draw()
    return found


def common(a: np.ndarray, b: np.ndarray) -> float:
    """By how many pixels two boxes lie over each other, in the direction in which they do so less; below 0 if not."""
    return float(np.min(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])))


def faults(chart: Chart, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is cut off or covered in a chart, in words."""
    size = chart.figure.bbox.extents
    texts = drawn_texts(chart, monkeypatch)
    found = [
        f"cut off: {words!r}" for words, box in texts if (box[:2] < -0.5).any() or (box[2:] > size[2:] + 0.5).any()
    ]
    pairs = combinations(texts, 2)
    found += [f"{one!r} and {other!r} cover each other" for (one, a), (other, b) in pairs if common(a, b) > 1]
    legends = [legend.get_window_extent().extents for ax in chart.figure.axes if (legend := ax.get_legend())]
    panels = [ax.bbox.extents for ax in chart.figure.axes]
    return found + ["a legend covers a panel" for box in legends for panel in panels if common(box, panel) > 1]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "how"), CASES)
def test_nothing_is_cut_off_or_covered(kind, how, monkeypatch):
    """All text lies within the picture and on no other text, no legend on a panel; what lies beyond an axis is told."""
    drawn = [*of_a_valve(kind, how), *of_a_fleet(kind, how)]
    for name, draw in drawn:
        chart = draw()
        assert faults(chart, monkeypatch) == [], name
        empty = [text.get_text() for text in chart.figure.axes[0].texts if not chart.figure.axes[0].axison]
        if how in ("empty", "unknown"):
            assert empty or "No line" in chart.caption, name
        # Sums of two valves have no usual value, and a running sum has a step.
        if how == "outlier" and name not in ("carpet", "cusum", "ranking of 2", "latest power of 2", "delta-T"):
            wild = "of 5000" in name and "ranking" not in name and "power" not in name
            assert outliers.MARK in chart.caption or wild, name
            for ax in chart.figure.axes:
                if not wild and not name.startswith(("ranking", "latest")):
                    assert max(map(abs, ax.get_ylim())) < EXCESS, name


@pytest.mark.slow
def test_other_charts_are_whole(monkeypatch):
    """Fleets by state, maps, refusals and time axes of minutes to years: no text cut off or covered."""
    for name, draw in others():
        assert faults(draw(), monkeypatch) == [], name


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (np.nan, np.nan)),
        ([5.0], (5, 5)),
        ([5.0, 1e9], (5, 1e9)),
        ([0.0] * 99 + [7.0], (0, 7)),
        ([10.0, 11, 12, 1e7], (10, 12)),
        ([20.0] * 50 + [-4e4], (20, 20)),
        ([*range(1, 101)], (1, 100)),
        ([0.0] * 8000 + [1.0, 2, 3] * 100 + [1e6] * 2, (0, 3)),
        ([*np.linspace(5, 9, 40), *[1e5] * 20], (5, 1e5)),
    ],
)
def test_usual_ranges(values, expected):
    """Few values far off do not count; many do, so do single ones among zeros, and two alone decide nothing."""
    np.testing.assert_equal(outliers.usual_range(values), expected)


def test_outliers_are_counted():
    """A reading a million times too high is marked at the edge, counted in the label and told in the caption."""
    chart = plots.flow_and_power(broken(valve("heating"), "outlier"))
    axes = chart.figure.axes[0]
    assert axes.get_ylabel() == f"Flow, m³/h ({outliers.MARK} 1 beyond)"
    assert axes.get_ylim()[1] < 5
    assert "1 value lies beyond the axis" in chart.caption
    ((marked,),) = [line.get_ydata() for line in axes.lines if line.get_marker() == "D"]
    assert marked == axes.get_ylim()[1]
    assert outliers.MARK not in plots.flow_and_power(valve("heating")).caption


def test_a_valve_that_cools_is_drawn_as_one():
    """Cold is blue, also where it is T1 or the supply; rays are those of cold water, and below 0 for negative power."""
    looks = {"heating": (style.RED, style.BLUE), "cooling": (style.BLUE, style.RED)}
    for kind, colors in looks.items():
        axes = plots.temperatures(valve(kind)).figure.axes[0]
        assert [to_hex(line.get_color()) for line in axes.get_legend().get_lines()] == [one.lower() for one in colors]
    flow, power = valve("cooling")["flow_m3h"], valve("cooling")["power_kw"]
    chart = plots.power_against_flow(flow, -power)
    assert "Cooling power against flow" in chart.alt
    assert "water of 10 °C" in chart.caption
    assert "10 K" in [text.get_text() for text in chart.figure.axes[0].texts]
    assert all(line.get_ydata()[-1] < 0 for line in chart.figure.axes[0].lines)
    curve = Characteristic(a_kw=40.0, b_m3h=1.0, waste_flow_m3h=1.9, waste_power_kw=26, max_flow_m3h=3)
    assert "little more cold" in plots.power_against_flow(flow, power, curves={"cooling": curve}).caption
    assert "little more heat" in plots.power_against_flow(flow, power, curves={"heating": curve}).caption


def test_times_of_trouble_are_hatched():
    """While the device reports an error, what it measures is hatched, and a month with such a time is not compared."""
    daily = valve("heating")["power_kw"].resample("D").sum()
    begin, end = (date.tz_convert("UTC").timestamp() / 86400 for date in TROUBLES[0])
    charts = [plots.temperatures, plots.flow_and_power, plots.position]
    made = [draw(valve("heating"), period=PERIOD, troubles=TROUBLES) for draw in charts]
    made += [plots.daily_energy(daily, troubles=TROUBLES)]
    made += [plots.load_carpet(heating.carpet(valve("heating")["power_kw"]), ZURICH, troubles=TROUBLES)]
    for chart in made:
        spans = [patch for ax in chart.figure.axes for patch in ax.patches if patch.get_hatch() == "\\\\\\\\"]
        assert spans
        assert all((span.get_x(), span.get_x() + span.get_width()) == pytest.approx((begin, end)) for span in spans)
        assert "reported an error" in chart.caption
    months = daily.resample("MS").sum()
    chart = plots.monthly_energy(months, a_year_before(months), troubles=TROUBLES)
    assert "in 10 of 12 months" in chart.alt
    assert "May 2018" in chart.alt
    assert f"{round(months.iloc[4])} kWh or more" in chart.alt.replace("\u202f", "")

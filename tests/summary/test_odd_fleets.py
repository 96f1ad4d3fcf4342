"""Fleets that are not like the demo building: what their pages say is true, by raw readings made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import belimo_nb as bn
from belimo_nb import summary
from belimo_nb.cli import cli
from belimo_nb.energy.counter import Kind
from belimo_nb.errors import NoDataError
from belimo_nb.heating import load_figures

ZONE = "Europe/Zurich"


def day_times(start: str, end: str, step: str = "h") -> pd.DatetimeIndex:
    """Times of readings between two local days."""
    edges = [pd.Timestamp(day, tz=ZONE).tz_convert("UTC") for day in (start, end)]
    return pd.date_range(*edges, freq=step)


def seasonal(times: pd.DatetimeIndex, kind: str = "heating") -> np.ndarray[Any, Any]:
    """A counter, kWh, of a load that follows the season."""
    warmth = -np.cos((times.day_of_year - 15) / 365.25 * 2 * np.pi)
    load = np.clip(1 - 2 * warmth if kind == "heating" else 2 * warmth - 1, 0, None) * 10
    hours = np.diff(times.as_unit("ns").asi8) / 3.6e12
    return np.concatenate(([0.0], np.cumsum(load[:-1] * hours)))


def imported(tmp_path: Path, **valves: pd.DataFrame) -> bn.Cloud:
    """Valves from files of their own, connected to."""
    for name, frame in valves.items():
        path = tmp_path / f"{name}.csv"
        frame.to_csv(path, index_label="time", date_format="%Y-%m-%dT%H:%M:%SZ")
        named = ("import", "--name", name, "--serial", name, "--timezone", "UTC", str(path))
        result = CliRunner().invoke(cli, named)
        assert result.exit_code == 0, result.output
    return bn.connect(files="files", timezone=ZONE)


def told(figures: Any) -> dict[str, dict[str, Any]]:
    """Key figures by label; of energy of sound meters, too."""
    return {one["label"]: one for one in figures.data()["figures"]}


def report(cloud: bn.Cloud, kind: Kind, *span: str) -> tuple[dict[str, dict[str, Any]], Any, Any]:
    """Key figures, months and hours of an energy report without weather."""
    period = cloud.period(*span)
    compared = cloud.compared(period, "")
    valves = cloud.heating_valves() if kind == "heating" else cloud.cooling_valves()
    counters = cloud.counters(valves, kind, compared.start, period.end)
    study, *_ = summary.energy_study(cloud, valves, counters, period, compared, kind=kind)
    months = counters.energy("MS", period.start, period.end)
    hours = counters.energy("h", period.start, period.end)
    return told(summary.energy_figures(study, months)), months["kwh"], hours


def overview(cloud: bn.Cloud, *span: str) -> dict[str, dict[str, Any]]:
    """Key figures of the overview."""
    devices, period = cloud.devices(), cloud.period(*span)
    return told(summary.fleet_figures(devices, cloud.latest(devices), cloud.survey(devices, period.start, period.end)))


def test_a_fleet_whose_every_meter_is_dead(tmp_path: Path) -> None:
    """No 0 kWh and no -100 %, on no page, though no weather tells how cold it was."""
    times = day_times("2016-12-01", "2018-12-31")
    dead = seasonal(times)
    dead[times >= "2017-12-31"] = dead[times < "2017-12-31"][-1]
    cloud = imported(tmp_path, A=pd.DataFrame({"Heating energy (kWh)": dead + 500}, times))
    found, *_ = report(cloud, "heating", "2018-01-01", "2018-12-31")
    assert found["Heating energy"]["value"] is None
    assert found["Heating energy"]["note"] == "1 of 1 valve in part or not at all: off, or a failing meter"
    assert found["Change, as measured"]["value"] is None
    shown = overview(cloud, "2018-01-01", "2018-12-31")["Heating energy"]
    assert shown["value"] is None
    assert shown["note"].endswith("from 1 valve; nothing was counted: off, or failing meters")
    valve, period = cloud.device("A"), cloud.period("2018-01-01", "2018-12-31")
    days = valve.counters(period.start, period.end).energy("D", period.start, period.end)
    page = summary.device_figures(valve, days, valve.checkup(period.start, period.end), ZONE)
    assert told(page)["Heating energy"]["value"] is None
    assert "it counted nothing: off, or a failing meter" in told(page)["Heating energy"]["note"]
    assert page.data()["record"]["energy"]["heating"]["kwh"] is None
    assert set(page.data()["trend"]["values"]) == {None}


def test_a_fleet_that_only_cools(tmp_path: Path) -> None:
    """A trace of heat on its counters is no heating energy: no figure, and no report of it."""
    times = day_times("2017-12-01", "2018-12-31")
    cold = seasonal(times, "cooling")
    frame = pd.DataFrame({"Heating energy (kWh)": np.where(times > "2018-04-01", 3.0, 0), "Cooling energy (kWh)": cold})
    cloud = imported(tmp_path, A=frame.set_index(times))
    with pytest.raises(NoDataError, match="heating energy"):
        cloud.heating_valves()
    shown = overview(cloud, "2018-01-01", "2018-12-31")
    assert "Heating energy" not in shown
    assert shown["Cooling energy"]["value"] == pytest.approx(
        report(cloud, "cooling", "2018-01-01", "2018-12-31")[1].sum().sum(), rel=0.01
    )
    assert "Cooling power now" in shown


def test_meters_that_are_read_once_a_month_or_a_day(tmp_path: Path) -> None:
    """Months are the same on all pages and by hand; no hour's peak is made of a month's or a day's mean."""
    times = day_times("2016-12-01", "2019-02-20")
    whole = pd.Series(seasonal(times), times)
    third = whole[(times.tz_convert(ZONE).day == 3) & (times.tz_convert(ZONE).hour == 9)]
    midnight = whole[times.tz_convert(ZONE).hour == 0]
    frames = {name: pd.DataFrame({"Heating energy (kWh)": one}) for name, one in (("M", third), ("D", midnight))}
    cloud = imported(tmp_path, **frames)
    found, months, hours = report(cloud, "heating", "2018-01-01", "2019-01-01")
    edges = pd.date_range("2018-01-01", "2019-01-01", freq="MS", tz=ZONE)
    for name, one in (("M", third), ("D", midnight)):
        by_hand = np.diff(np.interp(edges.as_unit("ns").asi8, one.index.as_unit("ns").asi8, one))
        np.testing.assert_allclose(months[name], by_hand, atol=0.2)
    assert overview(cloud, "2018-01-01", "2019-01-01")["Heating energy"]["value"] == pytest.approx(
        found["Heating energy"]["value"]
    )
    assert np.isnan(load_figures(summary.joint_load(hours)).peak_kw)
    assert hours["coverage"].loc["2018-01-10":"2018-01-20"].eq(0).all(axis=None), "which hour used it is not known"


def test_a_counter_below_zero(tmp_path: Path) -> None:
    """It counts backwards, or is read wrongly: told, not left out."""
    times = day_times("2018-01-01", "2018-03-01")
    cloud = imported(tmp_path, A=pd.DataFrame({"Heating energy (kWh)": -5000 - seasonal(times)}, times))
    valve, period = cloud.device("A"), cloud.period("2018-01-02", "2018-03-01")
    days = valve.counters(period.start, period.end).energy("D", period.start, period.end)
    shown = told(summary.device_figures(valve, days, valve.checkup(period.start, period.end), ZONE))["Heating energy"]
    assert shown["value"] is None
    assert shown["note"] == "its counter reads less than 0: it counts backwards, or is read wrongly"


def test_a_leap_year_is_told(tmp_path: Path) -> None:
    """29 days of February stand beside 28, and the caption says so; the headline has the same days of both."""
    times = day_times("2019-01-01", "2020-03-10")
    cloud = imported(tmp_path, A=pd.DataFrame({"Heating energy (kWh)": 24.0 * np.arange(len(times)) / 24}, times))
    counters = cloud.counters(cloud.heating_valves(), "heating", "2019-02-01", "2020-03-01")
    month, past = (counters.energy("MS", f"{year}-02-01", f"{year}-03-01") for year in (2020, 2019))
    made = summary.monthly_table(month, past)
    assert made.frame["Change kWh"].tolist() == [pytest.approx(24)]
    assert "one February has a day more than the other" in made.caption
    assert report(cloud, "heating", "2020-02-01", "2020-03-01")[0]["Change, as measured"]["value"] == "0.0\u00a0%"


def test_a_meter_that_counts_in_mwh(tmp_path: Path) -> None:
    """The hour in which a MWh is full had no 1,000 kW: it has no peak, and makes none of all; its months are known."""
    times = day_times("2018-01-01", "2018-03-02")
    kwh = seasonal(times)
    frames = {
        name: pd.DataFrame({"Heating energy (kWh)": one}) for name, one in (("M", kwh // 1000 * 1000), ("W", kwh))
    }
    cloud = imported(tmp_path, **{name: frame.set_index(times) for name, frame in frames.items()})
    _, months, hours = report(cloud, "heating", "2018-01-01", "2018-03-01")
    assert months["M"].sum() == pytest.approx(months["W"].sum(), abs=1000)
    table = summary.load_table(hours)
    peaks = table.frame.set_index("valve")["peak_kw"]
    assert np.isnan(peaks["M"])
    assert peaks["W"] == pytest.approx(30, rel=0.01)
    assert peaks["1 of 2 valves together"] == peaks["W"]
    assert "together: without M, measured in fewer than 90 % of the hours" in table.caption

"""Key figures and tables say what the frames say, and nothing more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from belimo_nb import summary
from belimo_nb.counter import Counter, Counters

ZONE = "Europe/Zurich"
START = pd.Timestamp("2018-01-01", tz=ZONE)
END = pd.Timestamp("2018-03-01", tz=ZONE)


def counter(name: str, kwh_per_hour: float, lost: tuple[str, str] | None = None) -> Counter:
    """A counter that rises evenly over two years; `lost`: a range without readings."""
    times = pd.date_range(START - pd.DateOffset(years=1), END, freq="h").tz_convert("UTC")
    readings = pd.Series(np.arange(len(times)) * kwh_per_hour * 3.6e6, times)
    if lost:
        readings[lost[0] : lost[1]] = np.nan
    return Counter(name, "heating", readings, pd.Timedelta("1h"), None, times[0], END, ZONE)


def counters(*found: Counter, **failures: str) -> Counters:
    """Several of them over the range."""
    return Counters({c.device: c for c in found}, failures, START, END, ZONE)


def figures(shown: object) -> dict[str, dict[str, object]]:
    """Key figures by label."""
    return {figure["label"]: figure for figure in shown.data()["figures"]}


def test_heating_figures() -> None:
    """The sum, the change, the highest day and the completeness of two even counters."""
    both = counters(counter("A", 2.0), counter("B", 1.0))
    months, before = both.energy("MS"), both.energy("MS", START - pd.DateOffset(years=1), END - pd.DateOffset(years=1))
    shown = figures(summary.heating_figures(both.energy("D"), months, before))
    assert shown["Heating energy"]["value"] == pytest.approx(59 * 24 * 3)
    assert shown["Against the year before"]["value"] == pytest.approx(0, abs=1e-9)
    assert shown["Highest day"]["value"] == pytest.approx(72)
    assert summary.completeness(both.energy("D")) == pytest.approx(1)
    assert shown["Valves"]["value"] == 2


def test_failed_counter_is_not_zero() -> None:
    """A valve that could not be fetched makes the sum a lower bound and the month unknown, and counts as incomplete."""
    some = counters(counter("A", 2.0), B="No answer.")
    days, months = some.energy("D"), some.energy("MS")
    shown = figures(summary.heating_figures(days, months, months))
    assert "at least" in shown["Heating energy"]["note"]
    assert shown["Valves"] | {"note": "", "value": 2, "digits": None} == shown["Valves"] | {"note": "", "digits": None}
    assert summary.completeness(days) == pytest.approx(0.5)
    assert np.isnan(summary.monthly_table(months, months).frame["Sum"]).all()


def test_change_needs_both_years() -> None:
    """Months below the limit of coverage in either year are left out of the comparison, and that is said."""
    gap = counters(counter("A", 2.0, lost=("2018-01-05", "2018-01-25")))
    months = gap.energy("MS")
    before = gap.energy("MS", START - pd.DateOffset(years=1), END - pd.DateOffset(years=1))
    change = figures(summary.heating_figures(gap.energy("D"), months, before))["Against the year before"]
    assert change["value"] == pytest.approx(0, abs=1e-9)
    assert "50%" in change["note"]
    nothing = counters(A="No answer.").energy("MS")
    unknown = figures(summary.heating_figures(gap.energy("D"), nothing, before))["Against the year before"]
    assert unknown["value"] is None
    assert unknown["note"]


def test_data_quality_lists_runs_of_days() -> None:
    """A gap is one row with its days, coverage, energy and meaning; a flawless period says so."""
    gap = counters(counter("A", 1.0, lost=("2018-01-05", "2018-01-25")))
    table = summary.data_quality(gap.energy("D"))
    (row,) = table.frame.to_dict("records")
    assert row["what"] == "A"
    assert (f"{row['from']:%Y-%m-%d}", f"{row['to']:%Y-%m-%d}", row["days"]) == ("2018-01-05", "2018-01-26", 22)
    assert row["kwh"] == pytest.approx(22 * 24)
    assert row["quality"] == "estimated split"
    assert row["meaning"]
    good = summary.data_quality(counters(counter("A", 1.0)).energy("D"))
    assert len(good.frame) == 0
    assert "without a gap" in good.caption


def fleet() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three devices: fine, offline, and with an error."""
    ids = pd.Index(["a", "b", "c"], name="id")
    devices = pd.DataFrame(
        {
            "name": ["Fine", "Gone", "Broken"],
            "serial": ["1", "2", "3"],
            "type": "valve",
            "profile": "p/1",
            "health": ["OK", "OK", "ERROR"],
            "note": [None, None, "Flow_sensor_error"],
            "last_seen": pd.to_datetime(["2018-01-01", None, "2018-01-01"], utc=True),
            "online": [True, False, True],
            "project": None,
            "city": None,
            "country": None,
        },
        ids,
    )
    nan = float("nan")
    values = {
        "power_kw": [2.0, nan, 1.5],
        "flow_m3h": nan,
        "t1_c": nan,
        "t2_c": nan,
        "delta_t_k": nan,
        "position_pct": nan,
    }
    return devices, pd.DataFrame({"name": devices["name"], **values}, ids)


def test_fleet_figures() -> None:
    """Counts, and sums over the valves that say something; no valve says its flow, so there is none."""
    shown = figures(summary.fleet_figures(*fleet()))
    assert (shown["Devices"]["value"], shown["Online"]["value"], shown["With a problem"]["value"]) == (3, 2, 1)
    assert shown["Power now"]["value"] == 3.5
    assert "2 valves" in shown["Power now"]["note"]
    assert shown["Flow now"]["value"] is None


def test_conditions_add_up() -> None:
    """Each device is in one state: a device that is offline is not counted by its last health, too."""
    devices, _ = fleet()
    assert summary.conditions(devices) == {"OK": 1, "offline": 1, "ERROR": 1}


def test_problems_come_first() -> None:
    """Errors before what is only offline; a healthy fleet says that it is one."""
    devices, _ = fleet()
    assert summary.problems(devices, ZONE).frame["name"].to_list() == ["Broken", "Gone"]
    assert "No device has a problem" in summary.problems(devices.iloc[:1], ZONE).caption


def test_device_report_of_the_demo_valve(cloud: object) -> None:
    """Header, figures, state and events of a real answer."""
    valve = cloud.device("2.OG Nord-West")
    period = cloud.period("2018-11-01", "2018-12-01")
    days = valve.counters(period.start, period.end).energy("D")
    samples = valve.measurements(["power", "flow", "delta_t"], period.start, period.end)
    header = summary.device_header(cloud, valve, period, days)
    assert header.title == valve.name
    assert header.completeness == pytest.approx(1)
    shown = figures(summary.device_figures(valve, days, samples, cloud.timezone))
    assert shown["Energy"]["value"] == pytest.approx(float(days["kwh"]["heating"].sum()))
    assert "heating" in shown["Energy"]["note"]
    assert shown["Highest power"]["value"] == pytest.approx(float(samples["power_kw"].max()))
    assert shown["Delta-T, flow-weighted"]["value"] > 5
    state = summary.state_table(valve).frame
    assert state["setting"].to_list() == sorted(state["setting"], reverse=True), "settings come first"
    assert len(summary.events(valve.timeline()).frame) >= 2

"""Key figures and tables say what the frames say, and nothing more."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belimo_nb import display, summary
from belimo_nb.api.profile import Profile
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.survey import Survey
from belimo_nb.cloud.survey_valve import Surveyed
from belimo_nb.energy.counter import Counter, Counters
from belimo_nb.errors import NoDataError, UsageError
from belimo_nb.heating import Study
from belimo_nb.hydronics import CHECKS, Verdict, cost_kwh
from belimo_nb.hydronics.worth import Prices

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


def study(found: Counters, outdoor: pd.Series | None = None) -> Study:
    """Two periods of counters, with or without weather."""
    hours = pd.date_range(START - pd.DateOffset(years=1), END, freq="h")
    temperature = pd.Series(np.nan, hours) if outdoor is None else outdoor
    year = pd.DateOffset(years=1)
    return Study(found.energy("D"), found.energy("D", START - year, END - year), temperature, ZONE)


def test_heating_figures() -> None:
    """The sum, the change and the completeness of two even counters; without weather no correction, and why."""
    both = counters(counter("A", 2.0), counter("B", 1.0))
    shown = figures(summary.heating_figures(study(both), both.energy("MS")))
    assert shown["Heating energy"]["value"] == pytest.approx(59 * 24 * 3)
    assert shown["Change, as measured"]["value"].replace("\u00a0", " ") == "0.0 %"
    assert shown["Change, weather-corrected"]["value"] is None
    assert "the weather is unknown" in shown["Change, weather-corrected"]["note"]
    assert shown["Completeness"]["value"] == pytest.approx(100)
    assert not {"Cost", "CO₂", "Per area and year"} & set(shown)


def test_cost_carbon_and_area() -> None:
    """With a price, a factor and an area: money, carbon dioxide, and per area only for 12 known months."""
    one = counters(counter("A", 2.0))
    wanted = {"area_m2": 100, "price_per_kwh": 0.5, "currency": "CHF", "co2_g_per_kwh": 200}
    shown = figures(summary.heating_figures(study(one), one.energy("MS"), **wanted))
    kwh = 59 * 24 * 2
    assert (shown["Cost"]["value"], shown["Cost"]["unit"]) == (pytest.approx(kwh / 2), "CHF")
    assert shown["CO₂"]["value"] == pytest.approx(kwh * 200 / 1e6)
    assert shown["Per area and year"]["value"] is None
    assert "12 full months" in shown["Per area and year"]["note"]
    months = one.energy("MS", START - pd.DateOffset(years=1), START)
    assert figures(summary.heating_figures(study(one), months, **wanted))["Per area and year"][
        "value"
    ] == pytest.approx(8760 * 2 / 100)
    blank = figures(summary.heating_figures(study(one), months, area_m2="", price_per_kwh="", co2_g_per_kwh=""))
    assert not {"Cost", "CO₂", "Per area and year"} & set(blank)
    with pytest.raises(UsageError, match="area"):
        summary.heating_figures(study(one), months, area_m2=0)


def test_failed_counter_is_not_zero() -> None:
    """A valve that could not be fetched makes the sum a lower bound and the month unknown, and is not compared."""
    some = counters(counter("A", 2.0), B="No answer.")
    days, months = some.energy("D"), some.energy("MS")
    shown = figures(summary.heating_figures(study(some), months))
    assert "at least" in shown["Heating energy"]["note"]
    assert "1 of 2 valves" in shown["Change, as measured"]["note"]
    assert summary.completeness(days) == pytest.approx(0.5)
    assert np.isnan(summary.monthly_table(months, months).frame["Sum"]).all()
    assert "Not comparable" in summary.limits(study(some), study(some).outdoor).message
    assert "missing" in set(summary.statement_table(some, START, END).frame["quality"])


def test_change_needs_both_years() -> None:
    """Too many unknown days in either year, and there is no change, but a reason."""
    gap = counters(counter("A", 2.0, lost=("2018-01-05", "2018-01-25")))
    change = figures(summary.heating_figures(study(gap), gap.energy("MS")))["Change, as measured"]
    assert change["value"] is None
    assert "not comparable" in change["note"]
    (row,) = summary.valve_table(study(gap)).frame.to_dict("records")
    assert row["remark"].startswith("Cannot be said")
    assert np.isnan(row["corrected"])


def test_limits_say_what_is_unsayable() -> None:
    """Why there is no weather, hours that it lacks, and nothing where all can be said."""
    one = study(counters(counter("A", 2.0)))
    assert summary.limits(one, one.outdoor, "No answer.").message.endswith("No answer.")
    hours = pd.date_range(START - pd.DateOffset(years=1), END, freq="h")
    outdoor = pd.Series(5 + 9 * np.sin(np.arange(len(hours)) / 700), hours)
    outdoor.iloc[100:110] = np.nan
    found = summary.limits(study(counters(counter("A", 2.0)), outdoor), outdoor).message
    assert "lacks 10 of" in found
    assert "80 % of theirs: 1" in found
    assert "No weather-corrected change" in found


def test_signature_table_says_why_not() -> None:
    """A load that does not depend on the weather has no signature, and the table says so."""
    hours = pd.date_range(START - pd.DateOffset(years=1), END, freq="h")
    outdoor = pd.Series(5 + 9 * np.sin(np.arange(len(hours)) / 100), hours)
    rows = summary.signature_table(study(counters(counter("A", 2.0)), outdoor)).frame
    assert rows["valve"].tolist() == ["All comparable valves", "A"]
    assert rows["model"].str.contains("same energy|explains only|does not fall|balance point").all()


def test_load_and_statement_tables() -> None:
    """Peaks of the hours, and statements whose kWh are closing minus opening."""
    both = counters(counter("A", 2.0), counter("B", 1.0))
    rows = summary.load_table(both.energy("h")).frame
    assert rows["peak_kw"].tolist() == pytest.approx([3, 2, 1])
    assert rows["load_factor"].tolist() == pytest.approx([1, 1, 1])
    frame = summary.statement_table(both, START, END).frame
    assert len(frame) == 4
    np.testing.assert_allclose(frame["closing_kwh"] - frame["opening_kwh"], frame["kwh"])


def test_peaks_of_a_quarter_of_an_hour() -> None:
    """A load that comes in single quarters has a peak four times that of its hours; the table has both."""
    quarters = pd.date_range(START, END + pd.Timedelta(1, "h"), freq="15min")
    joules = np.cumsum(np.where(np.arange(len(quarters)) % 4 == 0, 3.6e6, 0.0))
    readings = pd.Series(joules, quarters)
    step = pd.Timedelta(15, "min")
    one = Counters({"A": Counter("A", "heating", readings, step, None, START, END, ZONE)}, {}, START, END, ZONE)
    (row,) = summary.load_table(one.energy("h"), one.energy("15min")).frame.iloc[1:].to_dict("records")
    assert (row["peak_kw"], row["short_peak_kw"]) == (pytest.approx(1), pytest.approx(4))
    assert row["short_peak"].minute == 45, "the counter rises in the last quarter of an hour"


@pytest.mark.parametrize("minutes", [0, 30, "15", None])
def test_peaks_over_another_time(minutes: object) -> None:
    """Peaks are means of 15 or 60 minutes; anything else is refused before a request."""
    with pytest.raises(UsageError, match="15 or 60"):
        summary.quarter_hours(None, None, None, minutes)


def test_incidents_of_the_range() -> None:
    """A gap inside the range is listed with what it means; outside of it nothing happened."""
    gap = counters(counter("A", 1.0, lost=("2018-01-05", "2018-01-25")))
    (row,) = summary.incident_table(gap.incidents(), START, END).frame.to_dict("records")
    assert (row["valve"], row["what"], row["counted"]) == ("A", "gap", "yes")
    made = summary.incident_table(gap.incidents(), START, END)
    assert made.caption.endswith("Gap: no readings; the total is measured, when it was used is not")
    assert made.html().count("the total is measured") == 2, "in the caption and its label, not in each row"
    assert "Nothing happened" in summary.incident_table(gap.incidents(), END, END + pd.Timedelta("1D")).caption


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
    times = pd.to_datetime(["2018-02-28T22:58Z", "2018-02-20T08:00Z", "2018-02-28T22:59Z"], utc=True)
    return devices, pd.DataFrame({"name": devices["name"], "time": times, **values}, ids)


def surveyed() -> Survey:
    """A survey of three valves: one wastes water, one has a fault, one has no readings."""
    devices, _ = fleet()
    period = Period(START, END)
    waste = Verdict("waste zone", "warn", 40.0, "%", recommendation="Limit the flow.", waste_m3=120.0)
    leak = Verdict("flow with the valve closed", "fault", 3.0, "h/d", recommendation="Clean the seat.", waste_kwh=50.0)
    days = np.full(59, 2.0)
    valves = {
        "a": Surveyed({"heating": 118.0}, 1.0, days, [waste, Verdict("stuck", "ok")]),
        "b": Surveyed({"cooling": 59.0}, 0.5, days / 2, [leak, Verdict("hunting", "cannot judge")]),
        "c": Surveyed(requests=2, reason="The store holds no readings of it for this period."),
    }
    return Survey(period, devices, valves, lacking=1, failures={"Broken": "The cloud refuses."})


def test_fleet_figures() -> None:
    """Counts, energies, findings, and sums over the valves that say something; no valve says its flow, so none."""
    shown = figures(summary.fleet_figures(*fleet(), surveyed()))
    assert (shown["Devices"]["value"], shown["Online"]["value"], shown["With a problem"]["value"]) == (3, 2, 1)
    assert (shown["Heating energy"]["value"], shown["Cooling energy"]["value"]) == (118, 59)
    assert shown["Valves to look at"]["value"] == 3
    assert shown["Valves to look at"]["note"] == "1 with a fault, 1 with a problem, 1 with a warning, of 3"
    assert shown["Heating power now"]["value"] == 2, "one heats, one says nothing, of one nobody knows what it does"
    note = shown["Heating power now"]["note"].replace("\u00a0", " ")
    assert note == "sum of 1 valve, as of 2018-02-28 23:58; 1 more, whether they heat or cool is unknown"
    assert "Cooling power now" not in shown
    assert shown["Flow now"]["value"] is None


def test_large_sums_are_in_mwh() -> None:
    """Ten million kWh and more are given in MWh, and so named."""
    devices, latest = fleet()
    large = Survey(Period(START, END), devices, {key: Surveyed({"heating": 5e6}, 1.0) for key in "abc"})
    shown = figures(summary.fleet_figures(devices, latest, large))["Heating energy"]
    assert (shown["value"], shown["unit"]) == (15000, "MWh")


def test_look_first() -> None:
    """What costs most first, with what to do; the note says what was not seen, and the tables add up."""
    survey = surveyed()
    first = summary.first_table(survey).frame
    assert first["name"].tolist() == ["Gone", "Fine", "Broken"]
    assert first["advice"].tolist() == ["Clean the seat.", "Limit the flow.", ""]
    assert first[["heating_kwh", "cooling_kwh"]].sum().tolist() == [118, 59], "heat and cold apart"
    told = summary.survey_note(survey).message
    assert "2 of 3 energy valves are examined" in told
    assert "readings of 1 of them" in told
    assert "Broken: The cloud refuses." in told
    devices, latest = fleet()
    (place,) = summary.place_table(survey, devices).frame.to_dict("records")
    assert (place["devices"], place["offline"], place["faults"], place["warnings"]) == (3, 1, 2, 1)
    assert (place["heating_kwh"], place["cooling_kwh"], place["waste_m3"]) == (118, 59, 120)
    assert np.isnan(place["heat_waste_kwh"]), "what the cooling valve wastes is cold"
    assert place["cold_waste_kwh"] == 50
    table = summary.fleet_table(devices, latest, survey, ZONE).frame
    assert table["name"].tolist() == ["Gone", "Broken", "Fine"], "by severity, then by cost"
    assert table["status"].tolist() == ["fault", "problem", "warn"]
    assert table["by_day"].notna().all()
    energy = summary.valve_energy(survey)
    assert energy["heat"].dropna().to_dict() == {"Fine": 118}
    assert energy["cold"].dropna().to_dict() == {"Gone": 59}


def test_what_findings_cost() -> None:
    """With prices the dearest finding of each valve and their sum; what has no price, or cannot be told, is unknown."""
    plain = summary.first_table(surveyed())
    assert "cost_high" not in plain.frame
    assert "a year" not in summary.first_table(surveyed(), prices=Prices()).caption
    found = summary.first_table(surveyed(), prices=Prices(cold=2.0, currency="EUR"))
    costs = found.frame.set_index("name")[["cost_low", "cost_high"]]
    days = (END - START).days
    assert costs.loc["Gone", "cost_high"] == pytest.approx(50 * 2 * 365.25 / days)
    assert costs.loc["Fine"].isna().all()
    assert f"up to EUR {costs.loc['Gone', 'cost_high']:.0f} a year in all" in found.caption
    assert found.caption.endswith("the dearest finding of each")


def test_nobody_is_not_well() -> None:
    """Where a search finds no device, that is said and what to do; where it finds no energy valve, nothing is green."""
    devices, latest = fleet()
    with pytest.raises(
        NoDataError, match=r"^No device has 'Quatsch' in its name or serial number; `belimo-nb devices`"
    ):
        summary.fleet_header(SimpleNamespace(), devices.iloc[:0], Period(START, END), "Quatsch")
    survey = Survey(Period(START, END), devices, {})
    figure = figures(summary.fleet_figures(devices, latest, survey))["Valves to look at"]
    assert (figure["value"], figure["status"]) == (None, "neutral")
    assert summary.first_table(survey).caption.startswith("There is no energy valve among these devices")


def test_where_to_look_first() -> None:
    """Failed sensors on top, then by what is wasted, absolute: a large valve's warning before a small one's fault."""
    devices, _ = fleet()
    small = Verdict("low delta-T", "fault", 90.0, "%", waste_m3=20.0, waste_m3_low=10.0)
    large = Verdict("low delta-T", "warn", 31.0, "%", waste_m3=2500.0, waste_m3_low=600.0)
    dead = Verdict("sensor range", "fault", 900.0, "h")
    free = Verdict("stuck", "fault", 9.0, "d")
    found = {"a": [small, Verdict("stuck", "ok")], "b": [large], "c": [free, dead]}
    survey = Survey(Period(START, END), devices, {key: Surveyed(verdicts=item) for key, item in found.items()})
    table = survey.table()
    assert table.index.tolist() == ["c", "b", "a"]
    assert table["findings"].iloc[0] == "sensor range, stuck"
    assert table.loc["b", ["waste_m3_low", "waste_m3"]].tolist() == [600, 2500]
    costless = Survey(Period(START, END), devices, {"a": Surveyed(verdicts=[free]), "b": Surveyed(verdicts=[small])})
    assert costless.table().index.tolist() == ["b", "a"]
    assert cost_kwh([small, large, dead]) == pytest.approx((18, 250))
    assert cost_kwh([dead]) == (0, 0)


def test_a_healthy_fleet_says_so() -> None:
    """Without findings, the table of what to look at first says that there are none."""
    devices = fleet()[0].assign(health="OK", note=None, online=True)
    passed = [Verdict(check, "ok") for check in CHECKS]
    valves = {key: Surveyed({}, 1.0, verdicts=passed) for key in "abc"}
    fine = Survey(Period(START, END), devices, valves)
    found = summary.first_table(fine)
    assert len(found.frame) == 0
    assert found.caption == "No check found a fault or gave a warning"
    assert summary.survey_note(fine).level == "info"
    assert figures(summary.fleet_figures(*fleet(), fine))["Valves to look at"]["status"] == "good"
    blank = Survey(Period(START, END), devices, valves | {"a": Surveyed({}, 1.0, verdicts=passed[:2])})
    assert summary.first_table(blank).caption == "No check found a fault or gave a warning; 1 could not be judged"
    figure = figures(summary.fleet_figures(*fleet(), blank))["Valves to look at"]
    assert figure["status"] == "neutral", "what is not judged is not green"


def test_a_valve_has_one_status_on_the_overview_and_on_the_index() -> None:
    """Silent valves, offline ones and those that report a problem are counted as such and stand in the first table."""
    devices = fleet()[0].assign(health=["OK", "OK", "WARNING"], online=[True, False, True])
    quiet = Verdict("silent", "warn", 30.0, "h", sentence="Silent since May.")
    passed = [Verdict(check, "ok") for check in CHECKS]
    survey = Survey(
        Period(START, END), devices, {"a": Surveyed(verdicts=[quiet]), **dict.fromkeys("bc", Surveyed(verdicts=passed))}
    )
    figure = figures(summary.fleet_figures(devices, fleet()[1], survey))["Valves to look at"]
    assert (figure["value"], figure["note"]) == (3, "1 with a warning, 1 silent, 1 offline, of 3")
    assert summary.first_table(survey).frame["status"].tolist() == ["silent", "warn", "offline"]
    (place,) = summary.place_table(survey, devices).frame.to_dict("records")
    assert (place["faults"], place["warnings"], place["silent"]) == (0, 1, 2)


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
    checkup = valve.checkup(period.start, period.end)
    samples = checkup.samples
    header = summary.device_header(cloud, valve, period, days)
    assert header.title == valve.name
    assert header.completeness == pytest.approx(1)
    shown = figures(summary.device_figures(valve, days, checkup, cloud.timezone))
    assert shown["Heating energy"]["value"] == pytest.approx(float(days["kwh"]["heating"].sum()))
    assert "Cooling energy" not in shown
    assert shown["Highest power"]["value"] == pytest.approx(float(samples["power_kw"].max()))
    assert shown["Delta-T, flow-weighted"]["value"] > 5
    assert (shown["Checks"]["value"], shown["Checks"]["status"]) == ("ok (14 of 16)", "good")
    table = summary.verdict_table(checkup)
    assert len(table.frame) == len(CHECKS)
    assert table.frame["verdict"].tolist() == sorted(table.frame["verdict"], key=["ok", "cannot judge"].index)
    figure = next(column for column in table.columns if column.label == "Figure").text
    known = checkup.verdicts.set_index("verdict")["figure"].notna()
    assert set(figure[-2:]) == {display.DASH}, "of what cannot be judged nothing is known"
    assert display.DASH not in figure[:-2]
    assert figure.count("none") == int((~known["ok"]).sum()), "ok without a figure is not unknown"
    assert "every 5 minutes" in summary.checkup_note(valve, checkup).message
    state = summary.state_table(valve).frame
    assert state["setting"].to_list() == sorted(state["setting"], reverse=True), "settings come first"
    assert len(summary.events(valve.timeline()).frame) >= 2


def test_what_befell_many_meters_is_said_once() -> None:
    """Eight meters that stood still on the same days are one sentence; days of many counters are one row, CSV aside."""
    fine = {name: lambda kwh, times: kwh for name in "ABCEFGHIJKLM"}
    dead = {f"D{i}": lambda kwh, times: np.where(times < pd.Timestamp("2018-01-20", tz=ZONE), kwh, 0) for i in range(8)}
    one = study(winters(**fine, **dead))
    text = summary.limits(one, one.outdoor, "None is set.").message
    assert text.count("counted nothing from") == 1
    assert text.startswith("D0, D1, ")
    assert "these 8 valves." in text
    made = summary.data_quality(one.days)
    row = next(i for i, quality in enumerate(made.frame["quality"]) if quality == "meter failed")
    assert made.frame["what"][row].split("; ") == list(dead)
    assert made.columns[0].text[row] == "D0, D1, D2 and 5 more"


def test_power_now_is_of_the_valves_that_are_online() -> None:
    """What a valve said before it fell silent is in no sum, and in no bar."""
    devices, latest = fleet()
    latest.loc["b", ["power_kw", "flow_m3h"]] = 99.0, 9.0
    latest.loc["a", "flow_m3h"] = 0.5
    shown = figures(summary.fleet_figures(devices, latest, surveyed()))
    assert all((one["value"] or 0) < 9 for name, one in shown.items() if name.endswith(" now"))
    assert summary.valve_power(latest, surveyed()).loc["Gone"].isna().all()


def test_nothing_is_unsayable() -> None:
    """Where the weather is known and explains the load, nothing is left to be said."""
    hours = pd.date_range(START - pd.DateOffset(years=1), END, freq="h")
    outdoor = pd.Series(hours.day_of_year % 19 - 4.0, hours)
    rises = np.clip(15 - outdoor.to_numpy(), 0, None) * 3.6e6
    readings = pd.Series(np.cumsum(rises), hours.tz_convert("UTC"))
    valve = Counter("A", "heating", readings, pd.Timedelta("1h"), None, readings.index[0], END, ZONE)
    found = summary.limits(study(counters(valve), outdoor), outdoor)
    assert found.message == "Everything that this report asks can be answered from the data."
    outdoor.iloc[100] = np.nan
    lacking = summary.limits(study(counters(valve), outdoor), outdoor)
    assert "The weather lacks 1 of" in lacking.message
    assert "every day has a mean" in lacking.message


def test_the_title_of_the_overview() -> None:
    """It names the first three projects and counts the rest, and says what the devices were searched by."""
    cloud = SimpleNamespace(
        now=END, timezone=ZONE, source="demo", settings=SimpleNamespace(username="someone@example.com")
    )
    period = Period(START, END)
    for projects, search, told in (
        ([None, None], "", {}),
        (["B", "A"], "", {"Projects": "A, B"}),
        (["E", "D", "C", "B", "A"], "north", {"Projects": "A, B, C and 2 more", "Devices named": "north"}),
    ):
        devices = pd.DataFrame({"project": pd.Series(projects, dtype=object)})
        text = str(summary.fleet_header(cloud, devices, period, search).data())
        for name in ("Projects", "Devices named"):
            assert (name in text) is (name in told)
            assert told.get(name, "") in text


class Valve:
    """A valve with a profile and a state, as `state_table` asks for them."""

    has_profile = True
    timezone = ZONE
    summary = pd.Series({"health": "UNKNOWN"})

    def __init__(self, **values: object) -> None:
        points = {
            "Error_Status_Cloud": "", "Sequence_Ste": "", "Act_Dir_Chngs_Counts": "", "Full_Load_h": "h",
            "OperatingHours": "h", "Heating_E_J": "J", "T1_remote_K": "K", "SpDeltaT_K_Write": "K", "V_nom_m3s": "m3/s",
            "SpFlow_DeltaT_lmin_Write": "l/min", "RelPos_Fb": "percent", "Flow_Volume_total_m3": "m3",
        }  # fmt: skip
        names = {f"e.{n}": (name, unit) for n, (name, unit) in enumerate(points.items())}
        features = {
            key: {"default.name": name, "default.unit": unit, "default.access": "r"}
            for key, (name, unit) in names.items()
        }
        body = [{"id": key, "featureValues": each} for key, each in features.items()]
        self.profile = Profile({"id": "a", "version": "1", "datapoints": body})
        self.datapoints = self.profile.datapoints
        known = {key: values[name] for key, (name, _) in names.items() if name in values}
        self._state = pd.DataFrame({"value": pd.Series(known, dtype=object), "unit": "", "description": ""})
        self._state.attrs["time"] = pd.Timestamp("2018-11-30T23:56:15Z")

    def state(self) -> pd.DataFrame:
        """The values now."""
        return self._state


def test_state_in_words() -> None:
    """Error bits and states are words, wear has a figure by year of operation, and the caption says as of when."""
    valve = Valve(
        Error_Status_Cloud=2049, Sequence_Ste=3, Act_Dir_Chngs_Counts=20_000, Full_Load_h=50, OperatingHours=17_532
    )
    found = summary.state_table(valve)
    rows = found.frame.set_index("datapoint")
    assert rows["value"]["Error_Status_Cloud"] == "freeze warning, T1 error (2049)"
    assert rows["value"]["Sequence_Ste"] == "heating (3)"
    years = rows["a_year"].str.replace("\u202f", " ").to_dict()
    assert (years["Act_Dir_Chngs_Counts"], years["Full_Load_h"], years["OperatingHours"]) == ("10 000", "25", "")
    assert found.caption.replace("\u00a0", " ") == "State and settings as of 2018-12-01 00:56, Europe/Zurich"
    assert "a_year" not in summary.state_table(Valve(Act_Dir_Chngs_Counts=20_000)).frame, "hours are not known"


@pytest.mark.parametrize("search", [3, 3.5, True, 0])
def test_a_search_that_is_no_text(cloud: Any, search: Any) -> None:
    """A number, as papermill makes one of `-p search 3`, is refused in one sentence by every list that searches."""
    for ask in (cloud.devices, cloud.energy_valves, cloud.heating_valves, cloud.cooling_valves):
        with pytest.raises(UsageError, match=f"The search is {search}, which is no text"):
            ask(search)


def test_state_in_usual_units() -> None:
    """What the cloud gives in J, kelvins and m3/s also stands in kWh, °C and m³/h; a difference stays in kelvins."""
    values = {
        "Heating_E_J": 7.2e9, "T1_remote_K": 337.9, "SpDeltaT_K_Write": 10, "V_nom_m3s": 0.0018,
        "SpFlow_DeltaT_lmin_Write": 18, "RelPos_Fb": 77.9, "Flow_Volume_total_m3": 26_461, "OperatingHours": 9,
    }  # fmt: skip
    rows = summary.state_table(Valve(**values)).frame.set_index("datapoint")["in_usual_units"]
    shown = {name: text.replace("\u202f", " ").replace("\u00a0", " ") for name, text in rows.items() if text}
    assert shown == {
        "Heating_E_J": "2 000 kWh", "T1_remote_K": "64.8 °C", "V_nom_m3s": "6.48 m³/h",
        "SpFlow_DeltaT_lmin_Write": "1.08 m³/h",
    }  # fmt: skip


def test_events_in_words() -> None:
    """An event of a datapoint has its name and its meaning where the valve is given."""
    timeline = pd.DataFrame(
        {"time": [START], "type": ["DEVICE_DATAPOINT_CHANGE"], "details": [{"values": {"e.0": 4, "x.9": 1}}]}
    )
    assert (
        summary.events(timeline, Valve()).frame["details"][0] == "Error_Status_Cloud = flow signal faulty (4), x.9 = 1"
    )
    assert summary.events(timeline).frame["details"][0] == "e.0 = 4, x.9 = 1"
    assert "No events are known" in summary.events(timeline.iloc[:0], Valve()).caption, "such as of imported files"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wanted.toml", "deltat_limitation_write = 1"),
        ("wanted.csv", "setting,value\nDeltaT_Limitation_Write,1\n"),
        ("wanted.csv", "setting;value\nDeltaT_Limitation_Write;1\n"),
    ],
)
def test_settings_drift(cloud: Any, tmp_path: Path, name: str, text: str) -> None:
    """The demo's ventilation valves, and one zone since May, limit delta-T; a file of wanted settings says the same."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    devices = cloud.devices()
    usual = summary.drift_table(cloud, devices)
    found = summary.drift_table(cloud, devices, str(path))
    assert len(usual.frame) == len(found.frame) == 8
    assert usual.caption.startswith("8 settings of 21 energy valves differ from what most valves have")
    assert {str(value) for value in found.frame["value"]} == {"2"}
    assert set(found.frame["device"]) == set(usual.frame["device"])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("wanted.csv", "Vmax,80\n", "names the setting 'Vmax', which no valve has; there are .*Vmax_Rel_Write"),
        ("wanted.csv", "Vmax_Rel_Write\n", "cannot be read"),
        ("wanted.toml", "= 80", "cannot be read"),
        ("none.csv", None, "cannot be read"),
    ],
)
def test_wanted_settings_that_make_no_sense(cloud: Any, tmp_path: Path, name: str, text: str | None, said: str) -> None:
    """One sentence with the file and what is wrong with it."""
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as caught:
        summary.drift_table(cloud, cloud.devices("Heizung"), str(path))
    assert str(path) in str(caught.value)


def winters(**valves) -> Counters:
    """Counters over two winters; each value is a function of the hour's energy in kWh and its time."""
    times = pd.date_range(START - pd.DateOffset(years=1), END, freq="h")
    level = 3 + 2 * np.cos(np.arange(len(times)) / 8760 * 2 * np.pi)
    made = {}
    for name, change in valves.items():
        readings = pd.Series(np.cumsum(change(level.copy(), times)) * 3.6e6, times.tz_convert("UTC"))
        made[name] = Counter(name, "heating", readings, pd.Timedelta("1h"), None, times[0], END, ZONE)
    return Counters(made, {}, START, END, ZONE)


def test_failing_meters_on_the_page() -> None:
    """A meter that stood still is named, makes the energy a lower bound, and is in no change; one count everywhere."""
    found = winters(
        A=lambda kwh, times: kwh,
        B=lambda kwh, times: 2 * kwh,
        C=lambda kwh, times: np.where(times < pd.Timestamp("2018-01-20", tz=ZONE), kwh, 0.0),
    )
    one = study(found)
    shown = figures(summary.heating_figures(one, found.energy("MS"), area_m2=100))
    assert (
        "at least; in 59 days; 1 of 3 valves in part or not at all: off, or a failing meter"
        in shown["Heating energy"]["note"]
    )
    assert shown["Heating energy"]["value"] == pytest.approx(float(found.energy("D")["kwh"].sum().sum()))
    assert "2 of 3 valves" in shown["Change, as measured"]["note"]
    change = shown["Change, as measured"]["value"].replace("\u00a0", " ")
    assert change == "0.0 %", "the others did not change"
    assert shown["Per area and year"]["note"] == "a valve was off, or its meter failed"
    text = summary.limits(one, one.outdoor, "None is set.").message
    assert "C counted nothing from 2018-01-20 to 2018-02-28" in text
    assert "Left out of the comparison, since what they would have counted is unknown, not saved: C." in text
    months = summary.monthly_table(found.energy("MS"), found.energy("MS"), left_out=one.failing)
    assert "2 of 3 valves whose meters did not fail" in months.caption
    energy = found.energy("MS")["kwh"]
    assert months.frame["Sum"].tolist() == pytest.approx((energy["A"] + energy["B"]).tolist())
    assert summary.energy_name(one) == "Heat of 2 of 3 valves"
    rows = summary.valve_table(one).frame.set_index("valve")
    assert rows.loc["C", "remark"].startswith("Off, or a failing meter. ")
    shown_share = shown["Completeness"]["value"] / 100
    assert shown_share == pytest.approx(summary.completeness(one.counted), abs=0.001), "of readings, as on other pages"
    assert "meter failed" in set(summary.data_quality(one.days).frame["quality"])


def test_a_fleet_of_dead_meters_has_not_saved_all_its_heat() -> None:
    """Where every meter stood still for the whole winter, energy and change are unknown, each with that reason."""
    hours = pd.date_range(START - pd.DateOffset(years=1), END, freq="h")
    outdoor = pd.Series(4 + 8 * np.sin(np.arange(len(hours)) / 60), hours)
    found = winters(**dict.fromkeys("AB", lambda kwh, times: np.where(times < START, 15 - outdoor, 0.0)))
    one = study(found, outdoor)
    shown = figures(summary.heating_figures(one, found.energy("MS")))
    for name in ("Heating energy", "Change, as measured", "Change, weather-corrected"):
        assert shown[name]["value"] is None
        assert "off, or a failing meter" in shown[name]["note"]
    assert summary.valve_table(one).frame[["kwh", "raw", "corrected"]].isna().all(axis=None)
    months = summary.monthly_table(found.energy("MS"), found.energy("MS"), left_out=one.failing)
    assert months.frame["Sum"].isna().all()


def test_a_small_valve_that_is_closed_is_no_failing_meter() -> None:
    """What would not have moved the sum by a thousandth is no word worth, and stays the 0 that was measured."""
    off = {"C": lambda kwh, times: np.where(times < pd.Timestamp("2018-01-20", tz=ZONE), kwh / 1000, 0.0)}
    one = study(winters(A=lambda kwh, times: kwh, B=lambda kwh, times: 2 * kwh, **off))
    assert not one.failing
    assert one.days["kwh"]["C"].notna().all()


def test_a_valve_that_came_later_does_not_void_the_load() -> None:
    """Together are those that were there; name, row and caption say how many, and who is left out."""
    came = counter("C", 0.1, ("2017-01-01", "2018-02-01"))
    hours = counters(counter("A", 2.0), counter("B", 1.0), came).energy("h")
    load = summary.joint_load(hours)
    assert load.name == "2 of 3 valves"
    assert load.to_numpy() == pytest.approx(3)
    shown = summary.load_table(hours, hours)
    assert shown.frame["valve"].tolist() == ["2 of 3 valves together", "A", "B", "C"]
    assert "together: without C, measured in fewer than 90 % of the hours" in shown.caption
    whole = counters(counter("A", 2.0), counter("B", 1.0)).energy("h")
    assert summary.load_table(whole).frame["valve"][0] == "All valves together"


def test_what_all_valves_lack_is_said_once() -> None:
    """Without weather there is one sentence, and no table of dashes."""
    one = study(counters(counter("A", 2.0), counter("B", 1.0)))
    assert "the outdoor temperature is not known" in summary.signature_table(one).message
    assert "weather" in summary.design_load_table(one, summary.joint_load(one.counted)).message
    valves = summary.valve_table(one)
    assert valves.caption.endswith("Cannot be said: the weather is unknown")
    assert "remark" not in valves.frame


def test_degree_days_of_unequal_periods() -> None:
    """Degree days are compared on the days that both periods have, or not at all, and the note says which."""
    hours = pd.date_range("2015-01-01", "2016-03-01", freq="h", tz=ZONE)
    cold = pd.Series(5.0, hours)
    index = pd.date_range("2016-02-01", "2016-02-29", tz=ZONE)

    def note(then: pd.DatetimeIndex, outdoor: pd.Series = cold) -> dict[str, object]:
        parts = {}
        for name, days in (("now", index), ("then", then)):
            kwh = pd.DataFrame({"A": 1.0}, days)
            marks = {"kwh": kwh, "coverage": kwh, "quality": kwh.astype(object).replace(1.0, "measured")}
            parts[name] = pd.concat(marks, axis=1)
        one = Study(parts["now"], parts["then"], outdoor, ZONE)
        return figures(summary.heating_figures(one, parts["now"]))["Degree days HGT20/12"]

    february = note(pd.date_range("2015-02-01", "2015-02-28", tz=ZONE))
    assert february["value"] == pytest.approx(29 * 15)
    assert february["note"].replace("\u00a0", " ") == "0.0 % against before: 420 Kd on the 28 days that both have"
    year = note(pd.date_range("2015-02-01", "2016-01-31", tz=ZONE))
    assert "0.0" in year["note"]
    assert "not compared" in note(pd.date_range("2015-06-01", "2015-06-30", tz=ZONE))["note"]
    warm = cold.where(cold.index > "2016-01-01", 25.0)
    assert note(pd.date_range("2015-02-01", "2015-02-28", tz=ZONE), warm)["note"] == "0 Kd before"


def test_remarks_on_the_weather_are_told() -> None:
    """What a weather file's reader has found is on the page."""
    one = study(counters(counter("A", 2.0)))
    outdoor = one.outdoor.copy()
    outdoor.attrs["remark"] = "The weather file w.csv reads exactly 0.0 for days."
    assert "exactly 0.0 for days" in summary.limits(one, outdoor).message

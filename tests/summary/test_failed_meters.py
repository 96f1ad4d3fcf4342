"""A meter that stood at 0 while one of its sensors had failed has measured nothing: no headline says 0."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import belimo_nb as bn
from belimo_nb import summary
from belimo_nb.cli import cli
from belimo_nb.hydronics.checks.sensors import CHECK as SENSORS
from belimo_nb.report.jobs import plan

SPAN = ("2018-05-01", "2018-05-22")


def log(failed: str) -> pd.DataFrame:
    """Three weeks of a cooling valve that follows its load, every quarter of an hour; a sensor has failed, or none."""
    times = pd.date_range(*SPAN, freq="15min", tz="UTC", inclusive="left")
    load = 50 + 45 * np.sin(2 * np.pi * np.arange(len(times)) / 20)
    flow, t1, t2 = 0.04 * load, 6 + 0.1 * np.sin(np.arange(len(times))), 12 - 0.05 * (load - 50)
    if failed == "flow":
        flow = 0 * load
    if failed == "T1":
        t1 = np.full(len(times), 537.7)
    power = np.where(t1 < t2, 1.16 * flow * (t2 - t1), 0.0)
    return pd.DataFrame(
        {
            "time": times.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Flow (m3/h)": flow.round(4),
            "T1 (°C)": t1.round(2),
            "T2 (°C)": t2.round(2),
            "Position (%)": load.round(1),
            "Power (kW)": power.round(4),
            "Heating energy (kWh)": 50.0,
            "Cooling energy (kWh)": (1000 + np.cumsum(power) / 4).round(3),
        }
    )


@pytest.fixture
def imported(tmp_path: Path) -> bn.Cloud:
    """Two meters with a failed sensor, and a sound one."""
    for failed in ("flow", "T1", "none"):
        path = tmp_path / f"{failed}.csv"
        log(failed).to_csv(path, index=False)
        named = ("import", "--name", failed, "--serial", failed, "--timezone", "UTC", "--into", "plant", str(path))
        result = CliRunner().invoke(cli, named)
        assert result.exit_code == 0, result.output
    return bn.connect(files="plant", timezone="UTC")


def shown(cloud: bn.Cloud, name: str) -> dict[str, Any]:
    """The key figures of a device's page, by label, and what its record keeps for later runs."""
    valve, period = cloud.device(name), cloud.period(*SPAN)
    days = valve.counters(*SPAN).energy("D", period.start, period.end)
    data = summary.device_figures(valve, days, valve.checkup(*SPAN), "UTC").data()
    return {one["label"]: one for one in data["figures"]} | {"record": data["record"]["energy"], "trend": data["trend"]}


@pytest.mark.parametrize("failed", ["flow", "T1"])
def test_no_headline_says_0(imported: bn.Cloud, failed: str) -> None:
    """Energy, peaks and delta-T are unknown, with the reason; page, record and overview agree."""
    found = shown(imported, failed)
    assert found["Checks"]["value"] == "fault"
    for kind in ("heating", "cooling"):
        figure = found[f"{kind.capitalize()} energy"]
        assert figure["value"] is None
        assert "a sensor has failed" in figure["note"]
        assert found["record"][kind]["kwh"] is None
    assert found["Highest power"]["value"] is None
    assert found["Delta-T, flow-weighted"]["value"] is None
    assert not any(value == 0 for value in found["trend"]["values"]), "no line at 0 on the index"
    assert "from the counters" not in found["Delta-T, flow-weighted"]["note"]
    table = imported.survey(None, *SPAN).table().set_index("name")
    assert table.loc[failed, ["heating_kwh", "cooling_kwh"]].isna().all()
    assert imported.survey(None, *SPAN).daily()[imported.device(failed).id].isna().all(), "no line at 0 beside it"


def test_a_sound_meter_may_say_0(imported: bn.Cloud) -> None:
    """What was measured stays: cold as counted, no heat, and by what its delta-T is known."""
    found = shown(imported, "none")
    assert found["Heating energy"]["value"] == 0
    assert found["Cooling energy"]["value"] > 3000
    assert found["Highest power"]["value"] > 10
    assert found["Delta-T, flow-weighted"]["note"].endswith(
        "by power and flow, for want of counters of both energy and volume"
    )


def test_a_single_moment_is_no_peak(imported: bn.Cloud) -> None:
    """Of quarter-hourly moments the highest mean of an hour counts, by the counter where its hours are given."""
    valve, period = imported.device("none"), imported.period(*SPAN)
    days, checkup = valve.counters(*SPAN).energy("D", period.start, period.end), valve.checkup(*SPAN)
    usual = float(checkup.samples["power_kw"].max())
    checkup.samples.iloc[500, checkup.samples.columns.get_indexer(["power_kw", "flow_m3h"])] *= 6
    hours = summary.measured_hours(valve.counters(*SPAN).energy("h", period.start))[["cooling"]]
    late = hours.copy()
    late.iloc[300] = 9 * usual  # what a counter catches up with after a pause, more than any moment had
    for given, most in ((None, 3 * usual), (hours, usual * 1.01), (late, usual * 1.01)):
        data = summary.device_figures(valve, days, checkup, "UTC", given).data()
        found = {one["label"]: one for one in data["figures"]}
        assert 0 < found["Highest power"]["value"] <= most
        assert found["Highest power"]["note"].startswith("mean of the hour from 2018-05-")
        assert found["Highest flow"]["value"] < 3 * 4


@pytest.mark.parametrize("name", ["flow", "none"])
def test_files_are_judged_by_all_of_their_readings(imported: bn.Cloud, name: str) -> None:
    """They cost no request, so an hour's last reading does not stand for the others; page and overview judge alike."""
    valve = imported.device(name)
    checkup = valve.checkup(*SPAN)
    assert len(checkup.samples) == 21 * 96
    survey = imported.survey(None, *SPAN).valves[valve.id]
    assert {one.check: one.verdict for one in survey.verdicts} == dict(
        checkup.verdicts[["check", "verdict"]].to_numpy()
    )
    assert dict(checkup.verdicts[["check", "verdict"]].to_numpy())["hunting"] == "warn", "hours do not show it"


def test_what_was_counted_before_a_sensor_failed_is_at_least_that(imported: bn.Cloud) -> None:
    """A sum that a failed sensor cut off is no plain one."""
    valve, period = imported.device("none"), imported.period(*SPAN)
    days, checkup = valve.counters(*SPAN).energy("D", period.start, period.end), valve.checkup(*SPAN)
    broken = checkup.verdicts.assign(
        verdict=checkup.verdicts["verdict"].mask(checkup.verdicts["check"] == SENSORS, "fault")
    )
    data = summary.device_figures(valve, days, replace(checkup, verdicts=broken), "UTC").data()
    note = {one["label"]: one["note"] for one in data["figures"]}["Cooling energy"]
    assert note == "at least; a sensor has failed, see the checks"


def test_a_meter_without_a_counter_has_a_page_of_its_own(tmp_path: Path) -> None:
    """Flow and temperatures can be judged; energy is unknown, with the reason, and in no report of energy."""
    log("none").drop(columns=["Heating energy (kWh)", "Cooling energy (kWh)"]).to_csv(tmp_path / "bare.csv")
    log("none").to_csv(tmp_path / "whole.csv")
    for name in ("bare", "whole"):
        named = ("import", "--name", name, "--serial", name, "--timezone", "UTC", str(tmp_path / f"{name}.csv"))
        assert CliRunner().invoke(cli, named).exit_code == 0
    cloud = bn.connect(files="files", timezone="UTC")
    period = cloud.period(*SPAN)
    jobs = plan(cloud, period)
    assert [job.title for job in jobs if job.notebook == "device"] == ["bare", "whole"]
    assert list(cloud.cooling_valves()["name"]) == ["whole"]
    found = shown(cloud, "bare")
    assert found["Energy"]["value"] is None
    assert found["Energy"]["note"] == "it has no counter of energy that counts; power alone is no meter"
    assert found["Highest flow"]["value"] == shown(cloud, "whole")["Highest flow"]["value"]
    survey = cloud.survey(None, *SPAN)
    assert np.isnan(survey.table().set_index("name").loc["bare", "cooling_kwh"])

"""The whole command line and all notebooks on valves that say little: every number against the truth behind them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from quiet_cloud import (
    COLD,
    LIVE,
    MOVED_IN,
    MOVER,
    NORTH,
    PATH,
    SNAPSHOT,
    SOUTH,
    STOCK,
    VALVES,
    QuietCloud,
    energy_kwh,
    power_kw,
)

import belimo_nb as bn
from belimo_nb.cli import cli

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("quiet cloud")]  # one worker makes the reports of all tests

ZURICH = "Europe/Zurich"
SPAN = ("2021-01-01", "2021-03-01")
MONTHS = "2021-01_2021-02"  # the folder of that span
METERED = (NORTH, SOUTH, COLD, MOVER)
HEATING, COOLING = (NORTH, SOUTH, MOVER), (COLD,)
MOVE = ("2021-02-01", "2021-04-01")


def truth(valve: Any, first: str, after: str, freq: str) -> pd.Series[float]:
    """The energy of a valve by local interval, kWh."""
    edges = pd.date_range(first, after, freq=freq, tz=ZURICH)
    seconds = [edge.timestamp() for edge in edges]
    return pd.Series([valve.size * energy_kwh(*pair) for pair in itertools.pairwise(seconds)], edges[:-1])


@dataclass
class Ran:
    """What the commands printed, by their words, what they wrote, and how many requests were made till each ended.

    Also the days of the heating valves over all that was fetched, the values that the cloud gave to `sync`, and the
    requests before one of the valves changed hands.
    """

    folder: Path
    cloud: QuietCloud
    said: dict[str, str] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    days: pd.DataFrame = field(default_factory=pd.DataFrame)
    told: int = 0
    before_transfer: int = 0

    def run(self, *words: str) -> None:
        """Run a command; it must succeed."""
        result = CliRunner().invoke(cli, list(words))
        assert result.exit_code == 0, (words, result.output, result.exception)
        self.said[" ".join(words)] = result.output
        self.requests[" ".join(words)] = len(self.cloud.requests)

    def table(self, name: str, out: str = "reports") -> pd.DataFrame:
        """A table that a report wrote."""
        return pd.read_csv(self.folder / out / MONTHS / f"{name}.csv")

    def of(self, valve: Any, name: str) -> pd.DataFrame:
        """A table of a valve's report."""
        (path,) = (self.folder / "reports" / MONTHS / "devices").glob(f"*-{valve.id}-{name}.csv")
        return pd.read_csv(path)

    def text(self, valve: Any) -> str:
        """What a valve's report says, without its markup."""
        (path,) = (self.folder / "reports" / MONTHS / "devices").glob(f"*-{valve.id}.html")
        return re.sub(r"<[^>]*>|\s+", " ", path.read_text(encoding="utf-8"))

    def reports(self, out: str = "reports") -> dict[str, dict[str, Any]]:
        """The entries of `reports.json` by title, with their key figures by label."""
        entries = json.loads((self.folder / out / "reports.json").read_text(encoding="utf-8"))["reports"]
        figures = [{figure["label"]: figure for figure in entry["key_figures"]} for entry in entries]
        return {entry["title"]: entry | {"figures": found} for entry, found in zip(entries, figures, strict=True)}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """All commands once, on a store of their own: online, offline, and after a valve has changed hands."""
    folder = tmp_path_factory.mktemp("quiet")
    with pytest.MonkeyPatch.context() as patch, QuietCloud() as cloud:
        for name in [name for name in os.environ if name.startswith("BELIMO_")]:
            patch.delenv(name)
        for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(name, str(folder / name.lower()))
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        patch.chdir(folder)
        ran = Ran(folder, cloud)
        ran.run("login")
        ran.run("devices")
        ran.run("devices", "--json")
        ran.run("sync", "--from", "2020-01-01", "--to", SPAN[1])
        ran.told = cloud.told
        ran.run("report", "--from", SPAN[0], "--to", SPAN[1])
        ran.run("store", "info")
        ran.run("--offline", "report", "overview", "heating_energy", "--from", SPAN[0], "--to", SPAN[1], "--out", "off")
        with contextlib.closing(bn.connect()) as client:
            ran.days = client.counters([v.id for v in HEATING], "heating", "2020-01-01", SPAN[1]).energy("D")
        ran.before_transfer = len(cloud.requests)
        cloud.transfer()
        ran.run("devices", "--search", MOVER.name)
        ran.run("report", "device", "--device", MOVER.serial, "--from", MOVE[0], "--to", MOVE[1], "--out", "moved")
        yield ran


REPORT = f"report --from {SPAN[0]} --to {SPAN[1]}"


@pytest.mark.parametrize("command", ["login", "devices"])
def test_what_is_recognized(ran: Ran, command: str) -> None:
    """Both families are counted as energy valves, by profile, and the profile that nobody knows is named."""
    said = ran.said[command]
    assert (
        "5 of 6 are energy valves: 3 with energyvalve4/0.9, 1 with energyvalve4/1.1, 1 with energyvalve3/1.2.2." in said
    )
    assert "Dataprofiles of which no quantity is known: 1 with zorp/7." in said
    assert re.findall(r"The dataprofile .*", said) == [
        "The dataprofile energyvalve3/1.2.2 describes no position setpoint."
    ]


def test_the_list(ran: Ran) -> None:
    """Each device with its id, serial number and the time of its last contact."""
    rows = json.loads(ran.said["devices --json"].split("\n6 devices")[0])
    assert [(row["id"], row["name"], row["serial"]) for row in rows] == [(v.id, v.name, v.serial) for v in VALVES]
    assert {pd.Timestamp(row["last_seen"]).timestamp() for row in rows} == {LIVE}


@pytest.mark.parametrize("kind", ["heating", "cooling"])
def test_months_of_energy(ran: Ran, kind: str) -> None:
    """The months of each valve and their sum, this year's and last year's, to the last digit that is written."""
    found = ran.table(f"{kind}-energy-monthly").set_index("Month")
    counting = HEATING if kind == "heating" else COOLING
    months = found.drop(index="Total")
    assert found.loc["Total", "Sum"] == pytest.approx(months["Sum"].sum(), rel=1e-11)
    assert found.loc["Total", "Change kWh"] == pytest.approx(
        months["Sum"].sum() - months["Year before"].sum(), rel=1e-9
    )
    for valve in counting:
        assert months[valve.name].tolist() == pytest.approx(truth(valve, *SPAN, "MS").tolist(), rel=1e-11)
    assert months["Sum"].tolist() == pytest.approx(sum(truth(v, *SPAN, "MS") for v in counting).tolist(), rel=1e-11)
    before = sum(truth(valve, "2020-01-01", "2020-03-01", "MS") for valve in counting)
    assert months["Year before"].tolist() == pytest.approx(before.tolist(), rel=1e-11)


def test_statement(ran: Ran) -> None:
    """Opening and closing readings are the counter's on the local edges of the months."""
    found = ran.table("heating-energy-statement")
    for valve in HEATING:
        rows = found[found["valve"] == valve.name]
        edges = [edge.timestamp() for edge in pd.date_range(*SPAN, freq="MS", tz=ZURICH)]
        key = f"{valve.path}HeatingEnergyLifetime"
        read = [valve.reads(key, edge) / 3.6e6 for edge in edges]
        assert rows["opening_kwh"].tolist() == pytest.approx(read[:-1], rel=1e-11)
        assert rows["closing_kwh"].tolist() == pytest.approx(read[1:], rel=1e-11)


def test_key_figures(ran: Ran) -> None:
    """Energy of the period, days of the trend, highest power and flow and the delta-T of each valve."""
    found = ran.reports()
    assert {entry["status"] for entry in found.values()} == {"ok"}
    first = int(pd.Timestamp(SPAN[0], tz="UTC").timestamp()) // 3600
    peak = max(range(first, first + 59 * 24), key=power_kw)
    most, since = power_kw(peak), pd.Timestamp(peak * 3600, unit="s", tz="UTC").tz_convert(ZURICH)
    for valve in METERED:
        entry = found[valve.name]
        kind = "Cooling" if valve is COLD else "Heating"
        assert entry["figures"][f"{kind} energy"]["value"] == pytest.approx(truth(valve, *SPAN, "D").sum(), rel=1e-11)
        assert entry["figures"]["Highest power"]["value"] == pytest.approx(valve.size * most)
        assert entry["figures"]["Highest power"]["note"] == f"mean of the hour from {since:%Y-%m-%d %H:%M}"
        flow = valve.size * most * 3.6e6 / 4.13e6 / valve.delta_t
        assert entry["figures"]["Highest flow"]["value"] == pytest.approx(flow)
        # By the water's true heat, which depends on its temperature; by the truth it does not.
        assert entry["figures"]["Delta-T, flow-weighted"]["value"] == pytest.approx(valve.delta_t, rel=0.02)
    heat = sum(truth(valve, *SPAN, "D").sum() for valve in HEATING)
    assert found["Heating energy"]["figures"]["Heating energy"]["value"] == pytest.approx(heat, rel=1e-11)
    figures = found["Overview"]["figures"]
    assert figures["Heating energy"]["value"] * {"kWh": 1, "MWh": 1000}[figures["Heating energy"]["unit"]] == (
        pytest.approx(heat, rel=1e-11)
    )
    assert figures["Cooling energy"]["value"] == pytest.approx(truth(COLD, *SPAN, "D").sum(), rel=1e-11)
    assert figures["Cooling energy"]["note"].endswith("from 1 valve")


def test_change_against_the_year_before(ran: Ran) -> None:
    """As measured on the same days of the calendar; without weather no more is said, and nothing of a share of days."""
    figures = ran.reports()["Heating energy"]["figures"]
    now = sum(truth(valve, *SPAN, "D") for valve in HEATING)
    then = sum(truth(valve, "2020-01-01", "2020-03-01", "D") for valve in HEATING)
    same = then[~((then.index.month == 2) & (then.index.day == 29))]
    assert figures["Change, as measured"]["value"] == f"{100 * (now.sum() / same.sum() - 1):+.1f} %".translate(
        str.maketrans("- ", "\u2212\u00a0")
    )
    assert figures["Change, as measured"]["note"] == "same days, any weather"
    assert figures["Change, weather-corrected"]["value"] is None


def test_latest_values(ran: Ran) -> None:
    """The overview has the present, not last night's snapshot, in display units and with its time."""
    found = ran.table("overview-devices").set_index("name")
    assert power_kw(SNAPSHOT // 3600) == 0 != power_kw(int(LIVE) // 3600)
    for valve in METERED:
        row = found.loc[valve.name]
        kw = valve.size * power_kw(int(LIVE) // 3600)
        assert row["power_kw"] == pytest.approx(kw)
        assert row["flow_m3h"] == pytest.approx(kw * 3.6e6 / 4.13e6 / valve.delta_t)
        t1 = 6 if valve.cools else 60
        t2 = t1 + valve.delta_t * (1 if valve.cools else -1)
        assert row[["t1_c", "t2_c", "delta_t_k"]].tolist() == pytest.approx([t1, t2, valve.delta_t])
        assert row["position_pct"] == pytest.approx(5 * power_kw(int(LIVE) // 3600))
        kinds = ("cooling_kwh", "heating_kwh") if valve.cools else ("heating_kwh", "cooling_kwh")
        assert row[kinds[0]] == pytest.approx(truth(valve, *SPAN, "D").sum(), rel=1e-11)
        assert np.isnan(row[kinds[1]])
    assert set(map(pd.Timestamp, found["as_of"])) == {pd.Timestamp(LIVE, unit="s", tz="UTC")}
    assert (
        found.loc[["Fremdling"], ["power_kw", "flow_m3h", "t1_c", "heating_kwh", "cooling_kwh"]].isna().all(axis=None)
    )
    figures = ran.reports()["Overview"]["figures"]
    now = power_kw(int(LIVE) // 3600)
    assert figures["Heating power now"]["value"] == pytest.approx(sum(v.size for v in HEATING) * now)
    assert figures["Cooling power now"]["value"] == pytest.approx(COLD.size * now)
    assert figures["Heating power now"]["note"].startswith("sum of 3 valves, as of 2021-04-15 13:58")


def test_state(ran: Ran) -> None:
    """Names without their path, values of now with their time, integers and error bits in words."""
    found = ran.of(SOUTH, "state").set_index("datapoint")["value"]
    assert not found.index.str.contains(PATH).any()
    assert found["RemoteWaterTemperature"] == "333.1"  # 333.15 K
    assert found["FlowBodyWaterTemperature"] == "330.1"
    lifetime = SOUTH.reads(f"{PATH}HeatingEnergyLifetime", LIVE)
    assert found["HeatingEnergyLifetime"] == f"{lifetime:,.0f}".replace(",", "\u202f")
    assert "State and settings as of 2021-04-15 13:58, Europe/Zurich" in ran.text(SOUTH)
    found = ran.of(COLD, "state").set_index("datapoint")["value"]
    assert found["Error_Status_Cloud"] == "air bubbles, actuator stalled (40)"
    assert found["dT_Manager_Ste"] == "delta-T selected, active (3)"
    assert found["Sequence_Ste"] == "cooling (2)"
    assert found["Override_Write"] == "probably automatic (1)"
    (event,) = ran.of(COLD, "events").itertuples()
    assert pd.Timestamp(event.time) == pd.Timestamp("2021-01-20T10:00Z")
    assert event.details == "Error_Status_Cloud = air bubbles, actuator stalled (40), Sequence_Ste = cooling (2)"


def test_a_valve_in_stock(ran: Ran) -> None:
    """Zeros for ever: no temperature, no fault, and no energy that it counted."""
    row = ran.table("overview-devices").set_index("name").loc[STOCK.name]
    assert row[["t1_c", "t2_c"]].isna().all()
    assert row["status"] == "warn"
    found = ran.of(STOCK, "verdicts").set_index("check")
    assert set(found["verdict"]) <= {"ok", "warn", "cannot judge"}
    assert "not installed yet" in found.loc["Sensor range", "meaning"]
    energy = ran.reports()[STOCK.name]["figures"]["Energy"]
    assert (energy["value"], energy["note"]) == (None, "its counters stand at 0: it has never counted any")


def test_what_was_fetched(ran: Ran) -> None:
    """`sync` says how many values came, nulls not among them, with how many requests."""
    said = next(text for words, text in ran.said.items() if words.startswith("sync"))
    assert f"Fetched {ran.told:,} values with 10 requests for 5 energy valves" in said


def test_offline_and_store(ran: Ran) -> None:
    """Offline without a request the same numbers; the store lists the five valves, and no gap."""
    offline = next(count for words, count in ran.requests.items() if words.startswith("--offline"))
    assert offline == ran.requests["store info"] == ran.requests[REPORT]
    for name in ("heating-energy-monthly", "heating-energy-statement", "heating-energy-valves", "overview-devices"):
        pd.testing.assert_frame_equal(ran.table(name, "off"), ran.table(name))
    lines = [line.split() for line in ran.said["store info"].splitlines() if " 1h " in line]
    assert len(lines) == 5
    assert all("none" in line for line in lines)


def test_days_of_more_than_a_year(ran: Ran) -> None:
    """Each local day, those of 23 and 25 hours and those without heat, is measured, and exact."""
    for valve in HEATING:
        expected = truth(valve, "2020-01-01", SPAN[1], "D")
        assert ran.days["kwh"][valve.name].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert (truth(NORTH, "2020-06-10", "2020-08-20", "D") == 0).all()
    assert (ran.days["coverage"] == 1).all(axis=None)
    assert (ran.days["quality"] == "measured").all(axis=None)


def test_completeness(ran: Ran) -> None:
    """Buckets that are empty because nothing changed are no gaps."""
    found = ran.reports()
    assert {valve.name: found[valve.name]["completeness"] for valve in METERED} == dict.fromkeys(
        [valve.name for valve in METERED], 1.0
    )
    assert found["Heating energy"]["completeness"] == 1
    assert ran.table("heating-energy-data-quality").empty
    assert ran.table("heating-energy-incidents").empty
    load = ran.table("heating-energy-load").set_index("valve")
    days = pd.date_range(*SPAN, freq="D", tz=ZURICH)
    assert set(load["measured_h"]) == {24 * (len(days) - 1)}
    first = int(days[0].timestamp()) // 3600
    most = max(power_kw(hour) for hour in range(first, first + 59 * 24))
    for valve in HEATING:
        assert load.loc[valve.name, "peak_kw"] == pytest.approx(valve.size * most)
        assert load.loc[valve.name, "base_kw"] == 0


def test_verdicts(ran: Ran) -> None:
    """The valve whose water gives 3 K is at fault for that; else valves say of themselves what is wrong, or nothing."""
    wrong = {
        SOUTH: {"Low delta-T": "fault", "Reported errors": "warn"},  # a bit that nobody has named
        COLD: {"Reported errors": "fault"},
    }
    for valve in METERED:
        found = ran.of(valve, "verdicts").set_index("check")
        said = found[found["verdict"].isin(["warn", "fault"])]
        assert said["verdict"].to_dict() == wrong.get(valve, {}), said["meaning"].tolist()
        judged = [
            "Flow-weighted delta-T",
            "Heating and cooling together",
            "Sensor range",
            "Silent",
            "Meter consistency",
        ]
        assert set(found.loc[judged, "verdict"]) == {"ok"}
        hours = sum(power_kw(int(pd.Timestamp(SPAN[0], tz=ZURICH).timestamp()) // 3600 + h) > 0 for h in range(59 * 24))
        assert f"in 0 of {hours} h" in found.loc["Heating and cooling together", "meaning"]
    meaning = {valve: ran.of(valve, "verdicts").set_index("check")["meaning"] for valve in wrong}
    assert "100 % of the water" in meaning[SOUTH]["Low delta-T"]
    since = "since 2021-01-01 01:00 or before"
    assert meaning[SOUTH]["Reported errors"] == f"The device reports bit 2, unknown to us, {since}."
    stalled = f"The device reports actuator stalled {since}, air bubbles {since}."
    assert meaning[COLD]["Reported errors"] == stalled
    status = ran.table("overview-devices").set_index("name")["status"]
    assert {valve.name: status[valve.name].split(" ")[0] for valve in METERED} == {
        valve.name: "fault" if valve in wrong else "ok" for valve in METERED
    }
    first = ran.table("overview-look-first")
    assert dict(zip(first["name"], first["findings"], strict=True)) == {
        SOUTH.name: "low delta-T, reported errors",
        COLD.name: "reported errors",
        STOCK.name: "sensor range",
    }


def test_a_valve_that_changed_hands(ran: Ran) -> None:
    """Its energy is that of both ids together, its gap is told, and nobody asks for the id that is gone."""
    assert MOVED_IN.id in ran.said[f"devices --search {MOVER.name}"]
    asked = {request.path for request in ran.cloud.requests[ran.before_transfer :]}
    assert any(MOVED_IN.id in path for path in asked)
    assert not any(MOVER.id in path for path in asked)
    (entry,) = ran.reports("moved").values()
    assert entry["figures"]["Heating energy"]["value"] == pytest.approx(truth(MOVER, *MOVE, "D").sum(), rel=1e-11)
    # Fetched up to 6 March, 00:00 UTC; the new id's first reading is that of its first full report, 9 March, 02:00.
    assert entry["completeness"] == pytest.approx(1 - 74 / 24 / 59)
    page = re.sub(r"<[^>]*>|\s+", " ", (ran.folder / "moved" / entry["files"]["html"]).read_text(encoding="utf-8"))
    assert "before 2021-03-09 that of its id before it changed hands" in page
    (row,) = pd.read_csv(ran.folder / "moved" / entry["files"]["csv:data-quality"]).itertuples()
    assert (row.days, row.quality) == (4, "estimated split")

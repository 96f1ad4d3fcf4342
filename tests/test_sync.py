"""Filling the store for whole fleets: interrupted, twice at once, with failures, and what it costs."""

import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl

import pandas as pd
import pytest
from click.testing import CliRunner

import belimo_nb as bn
from belimo_nb import patience, settings, summary
from belimo_nb.cli import cli
from belimo_nb.demo import DemoCloud
from belimo_nb.errors import NoDataError, StoreError
from belimo_nb.report.fetch import fetch_plan
from belimo_nb.report.jobs import plan
from belimo_nb.store import Store, needs, sync
from belimo_nb.store.inventory import entries
from belimo_nb.store.spans import minus

RANGE = ("--from", "2018-11-01", "--to", "2018-12-01")
SYNC = [sys.executable, "-m", "belimo_nb", "sync"]
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and permissions")


@pytest.fixture
def server(monkeypatch):
    """A demo cloud of the test's own, which the environment points at."""
    with DemoCloud() as demo:
        for name, value in demo.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(patience, "pause", lambda _: None)
        yield demo


def asked(server):
    """The questions about history that were answered."""
    return [(r.path, r.query) for r in server.requests if r.path.endswith("/timeseries") and r.status == 200]


def run(*arguments):
    """A command, in this process."""
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def content(folder):
    """What the store's files hold, byte for byte, whatever its place."""
    return {path.name: path.read_bytes() for path in Path(folder).rglob("*.parquet")}


def test_one_request_for_each_valve(server):
    """A year at 1h costs one request for each energy valve; a second time none; a day later one each, of few points."""
    assert "with 21 requests for 21 energy valves" in run("sync")
    assert len(asked(server)) == len({path for path, _ in asked(server)}) == 21
    assert run("sync").startswith("Nothing to fetch")
    assert len(asked(server)) == 21


def test_a_day_later(server, monkeypatch):
    """A day later only the grace and the day are asked for, with one request each."""
    run("sync", *RANGE)
    server.simulation.now += 86400
    monkeypatch.setenv("BELIMO_NOW", "2018-12-02T00:00:00Z")
    server.requests.clear()
    run("sync", "--from", "2018-11-01", "--to", "2018-12-02")
    paths = [path for path, _ in asked(server)]
    assert len(paths) == len(set(paths)) == 21
    lengths = sorted(after - begin for begin, after in (span(dict(parse_qsl(query))) for _, query in asked(server)))
    assert lengths[-2] <= (3 * 24 + 2) * 3600  # the last is that of a device offline for longer


def start(folder, *options):
    """A sync in a process of its own."""
    environment = {**os.environ, "BELIMO_DATA_DIR": str(folder)}
    return subprocess.Popen([*SYNC, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process):
    """Wait for it; it must end well."""
    _, errors = process.communicate()
    assert (process.returncode, errors) == (0, b"")


def known(folder):
    """The spans that a store's files cover, by device."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BELIMO_DATA_DIR", str(folder))
        return {entry.device: entry.asked for entry in entries(Store(settings.load()))}


def span(query):
    """What a question about history asks for, in seconds since 1970."""
    return tuple(int(pd.Timestamp(query[key]).timestamp()) for key in ("from", "to"))


@posix
@pytest.mark.slow
def test_killed_and_resumed(server, tmp_path):
    """Killed 20 times at random moments and resumed: the store is as if never, nothing written was lost."""
    options = ("--resolution", "15m", "--from", "2018-02-01", "--to", "2018-12-01")
    finish(start(tmp_path / "whole", *options))
    needed = sorted(asked(server))
    server.latency = 0.3
    dice = random.Random(3)
    before, killed = {}, 0
    for _ in range(20):
        server.requests.clear()
        victim = start(tmp_path / "killed", *options)
        while not asked(server) and victim.poll() is None:
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 0.45))
        victim.kill()
        victim.communicate()
        killed += victim.returncode != 0
        for path, query in asked(server):
            assert minus([span(dict(parse_qsl(query)))], before.get(path.split("/")[4], ()))
        before = known(tmp_path / "killed")
    assert killed > 10
    server.latency = 0.0
    server.requests.clear()
    finish(start(tmp_path / "killed", *options))
    assert set(asked(server)) <= set(needed)
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert [path.name for path in tmp_path.rglob("*.tmp")] == []


@pytest.mark.slow
def test_two_at_once(server, tmp_path):
    """Two syncs at once on one store: both succeed, nothing is asked twice, the content is that of one."""
    finish(start(tmp_path / "one", *RANGE))
    single = sorted(asked(server))
    server.requests.clear()
    server.latency = 0.05
    for process in [start(tmp_path / "both", *RANGE) for _ in range(2)]:
        finish(process)
    assert sorted(asked(server)) == single
    assert content(tmp_path / "both") == content(tmp_path / "one")


def test_one_that_fails(server):
    """A device that fails costs the others nothing; it is named, with the reason, and the next sync has only it."""
    device = "3c6f7077-a147-4d25-865f-e72901d9de62"
    server.faults = (f"server-error@/api/v3/devices/{device}/data",)
    result = CliRunner().invoke(cli, ["sync", *RANGE])
    assert result.exit_code == 1
    assert result.stderr.startswith("Failed: Energieventil Heizung 2.OG Nord-West: ")
    assert result.stderr.count("\n") == 1
    assert "with 20 requests; 1 device failed for 21 energy valves" in result.stdout
    server.faults = ()
    assert "with 1 request for 21" in run("sync", *RANGE)


def test_none_can_be_reached(server):
    """When device after device cannot be reached, the sync ends with one sentence and status 3."""
    server.faults = ("drop-connection@/api/v3/devices/",)
    result = CliRunner().invoke(cli, ["sync", *RANGE])
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_faults_that_pass(server, tmp_path, monkeypatch):
    """With failures, refusals and cut-off answers in between, what is kept is the same."""
    run("sync", *RANGE)
    clean = content(settings.load().data_dir)
    monkeypatch.setattr(patience, "ATTEMPTS", 20)
    monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / "faults"))
    server.faults = (
        "server-error=5@/api/v3/devices/",
        "truncated-json=7@/api/v3/devices/",
        "drop-body=6",
        "unavailable=9",
    )
    run("sync", *RANGE)
    assert content(tmp_path / "faults") == clean


def test_a_dry_run_asks_nothing(server):
    """A dry run says what it would cost, with the time that the rate makes of it, and asks for no history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BELIMO_RATE", "2")
        output = run("sync", "--dry-run", "--resolution", "15m", "--from", "2016-12-01", "--to", "2018-12-01")
    assert re.match(r"168 requests, at most [\d,]+ values, about 83 s at 2 requests a second for 21 ", output)
    assert asked(server) == []


def test_interrupted(server):
    """Whoever stops it keeps what has come."""
    cloud = bn.connect()
    questions = needs.questions(cloud, cloud.energy_valves(), *(pd.Timestamp(f"2018-{m}-01T00:00Z") for m in (11, 12)))
    planned = sync.plan(cloud.archive, questions, cloud.stamp, 0)

    def stop(name, error):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync.run(cloud.archive, planned, cloud.stamp, on_device=stop)
    rest = sync.plan(cloud.archive, questions, cloud.stamp, 0)
    assert planned.requests - rest.requests == len(asked(server)) >= 1
    assert rest.requests > 0
    cloud.close()


def test_reports_read_the_store(server):
    """After the fetching for reports, the device and heating notebooks' questions need no request for history."""
    cloud = bn.connect()
    period = cloud.period("2018-11-01", "2018-12-01")
    jobs = plan(cloud, period, search="2.OG Nord-")
    planned = fetch_plan(cloud, jobs, period, {})
    assert planned.devices == 2
    sync.run(cloud.archive, planned, cloud.stamp)
    server.requests.clear()
    for name in ("2.OG Nord-West", "2.OG Nord-Ost"):
        valve = cloud.device(name)
        valve.counters(period.year_before.start, period.end)
        valve.measurements(needs.MEASURED, period.start, period.end)
        valve.measurements(needs.MEASURED, period.start, period.end, "1h")
    cloud.counters(cloud.heating_valves("2.OG Nord-"), "heating", period.year_before.start, period.end)
    assert len(asked(server)) == 2  # the quarter hours, which no report asks for by itself
    cloud.close()


def test_reports_with_peaks_of_a_quarter_of_an_hour(server):
    """With `peak_minutes` of 15, the fetching for reports brings the quarters of an hour, and only then."""
    cloud = bn.connect()
    period = cloud.period("2018-11-01", "2018-12-01")
    jobs = plan(cloud, period, search="2.OG Nord-", parameters={"peak_minutes": 15})
    sync.run(cloud.archive, fetch_plan(cloud, jobs, period, {"peak_minutes": 15}), cloud.stamp)
    server.requests.clear()
    valves = cloud.heating_valves("2.OG Nord-")
    quarters = summary.quarter_hours(cloud, valves, period, 15)
    assert len(quarters) == 30 * 96
    assert not asked(server)
    hours = cloud.counters(valves, "heating", period.start, period.end).energy("h")
    rows = summary.load_table(hours, quarters).frame
    assert (rows["short_peak_kw"] >= rows["peak_kw"]).all()
    assert summary.quarter_hours(cloud, valves, period, 60) is None
    cloud.close()


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(server, tmp_path, monkeypatch):
    """A store that cannot be written to is told before a request is spent."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    monkeypatch.setenv("BELIMO_DATA_DIR", str(folder))
    result = CliRunner().invoke(cli, ["sync", *RANGE])
    assert result.exit_code == StoreError.exit_status
    assert "BELIMO_DATA_DIR" in result.stderr
    assert asked(server) == []


def test_offline(server):
    """Offline, sync is refused; devices and readings come from the store, with the time that they are of."""
    run("sync", *RANGE)
    online = bn.connect().device("2.OG Nord-West").energy("heating", "2018-11-01", "2018-12-01")
    server.requests.clear()
    refused = CliRunner().invoke(cli, ["--offline", "sync", *RANGE])
    assert (refused.exit_code, refused.stdout) == (2, "")
    listed = CliRunner().invoke(cli, ["--offline", "devices", "--search", "2.og nord"])
    assert listed.exit_code == 0
    assert "offline, as of 2018-12-01 01:00" in listed.stderr
    assert "3 devices match" in listed.stderr
    cloud = bn.connect(offline=True)
    again = cloud.device("2.OG Nord-West").energy("heating", "2018-11-01", "2018-12-01")
    pd.testing.assert_frame_equal(again, online)
    assert cloud.source == "demo data, seed 1, offline, as of 2018-12-01 01:00"
    with pytest.raises(NoDataError, match="does not hold"):
        cloud.user()
    with pytest.warns(UserWarning, match="does not hold the timeline of .*No events are shown"):
        assert cloud.device("2.OG Nord-West").timeline().empty
    with pytest.raises(NoDataError, match="mean"):
        cloud.device("2.OG Nord-West").history("Heating_E_J", "2018-11-01", "2018-12-01", aggregation="mean")
    assert len(server.requests) == 0

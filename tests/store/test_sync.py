"""Filling the store for whole fleets: interrupted, twice at once, with failures, and what it costs."""

import contextlib
import json
import os
import random
import re
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qsl

import pandas as pd
import pytest
from click.testing import CliRunner
from history_model import BEGIN, DAY, ModelDevice
from locks_places import ROOM, put
from prepared import BEFORE, CAN_FORK, program

import belimo_nb as bn
from belimo_nb import settings, summary
from belimo_nb.cli import cli
from belimo_nb.client import retries
from belimo_nb.cloud import needs
from belimo_nb.errors import NoDataError, ServerError, SignInError, StoreError
from belimo_nb.report.fetch import fetch_plan
from belimo_nb.report.jobs import plan
from belimo_nb.store import Store, sync
from belimo_nb.store import coverage as plan_module
from belimo_nb.store.archive import Archive, HistoryQuery, LastContact
from belimo_nb.store.coverage import difference
from belimo_nb.store.inventory import entries

RANGE = ("--from", "2018-11-01", "--to", "2018-12-01")
AMPLE = 10**9
KILLS = int(os.environ.get("BELIMO_KILLS") or 6)
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and permissions")


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


@pytest.mark.slow
def test_one_request_for_each_valve(server):
    """A year at 1h costs one request for each energy valve; a second time none; a day later one each, of few points."""
    assert "with 21 requests for 21 energy valves" in run("sync")
    assert len(asked(server)) == len({path for path, _ in asked(server)}) == 21
    assert run("sync").startswith("Nothing to fetch")
    assert len(asked(server)) == 21


@pytest.mark.slow
def test_a_day_later(server, monkeypatch):
    """A day later only the grace, the day and the bucket under way are asked for, with one request each."""
    run("sync", *RANGE)
    server.simulation.now += 86400
    monkeypatch.setenv("BELIMO_NOW", "2018-12-02T00:00:00Z")
    server.requests.clear()
    run("sync", "--from", "2018-11-01", "--to", "2018-12-02")
    paths = [path for path, _ in asked(server)]
    assert len(paths) == len(set(paths)) == 21
    lengths = sorted(after - begin for begin, after in (span(dict(parse_qsl(query))) for _, query in asked(server)))
    assert lengths[-2] <= (3 * 24 + 3) * 3600  # the last is that of a device offline for longer


def start(folder, *options, room=None):
    """A sync in a process of its own; with `room` in small pieces, of which no file takes more bytes than that."""
    environment = {**os.environ, "BELIMO_DATA_DIR": str(folder)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if room is not None:
        environment |= {BEFORE: "locks_places:in_small_pieces", ROOM: str(room)}
    return subprocess.Popen([*program(), "sync", *options], env=environment, **pipes)


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


@pytest.mark.skipif(not CAN_FORK, reason="changes constants of a program that is forked")
@pytest.mark.slow
@pytest.mark.xdist_group("killed")  # groups begin first, and these take long
def test_killed_and_resumed(server, tmp_path):
    """Killed 20 times at random moments, now and then on a full disk: the store is as if never, nothing was lost."""
    options = ("--resolution", "15m", "--from", "2018-11-01", "--to", "2018-12-01")
    finish(start(tmp_path / "whole", *options, room=AMPLE))
    needed = sorted(asked(server))
    server.latency = 0.3
    dice = random.Random(3)
    before, killed, full = {}, 0, 0
    for _ in range(KILLS):
        server.requests.clear()
        room = dice.choice((AMPLE, AMPLE, 9_000))
        victim = start(tmp_path / "killed", *options, room=room)
        while not asked(server) and victim.poll() is None:
            time.sleep(0.01)
        pause = dice.uniform(0, 0.45)
        with contextlib.suppress(subprocess.TimeoutExpired):
            victim.wait(pause if room == AMPLE else 300)
        victim.kill()
        _, errors = victim.communicate()
        killed += victim.returncode != 0
        full += b"File too large" in errors
        assert errors.count(b"\n") <= 1
        for path, query in asked(server):
            assert difference([span(dict(parse_qsl(query)))], before.get(path.split("/")[4], ()))
        after = known(tmp_path / "killed")
        assert all(not difference(spans, after[key]) for key, spans in before.items())
        before = after
    assert killed > KILLS / 2
    assert full
    server.latency = 0.0
    server.requests.clear()
    finish(start(tmp_path / "killed", *options, room=AMPLE))
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


def readings(folder):
    """How many values a store's files hold."""
    return sum(
        int(pd.read_parquet(path).drop(columns="time").notna().sum().sum()) for path in folder.rglob("*.parquet")
    )


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["series-empty", "series-cut"])
def test_answers_that_lack_what_is_kept(fault, server):
    """Asked again, a cloud that has nothing any more takes nothing away; it is told, and the next sync asks again."""
    folder = settings.load().data_dir
    options = ("--search", "2.OG Nord-West", *RANGE)
    run("sync", *options)
    whole, kept = content(folder), readings(folder)
    server.faults = (fault,)
    again = CliRunner().invoke(cli, ["sync", *options, "--refresh"])
    assert again.exit_code == 0
    assert readings(folder) == kept
    assert re.search(r"lacks [\d,]+ values that are kept; what is kept stays", again.stderr)
    assert re.search(r"; [\d,]+ kept values that the cloud lacks stay for 1 energy valve", again.stdout)
    told = json.loads(run("sync", *options, "--json"))
    assert (told["devices"], told["requests"], told["changed"]) == (1, 1, {})
    assert told["lacking"]["Energieventil Heizung 2.OG Nord-West"] > 0
    server.faults = ()
    assert "with 1 request" in run("sync", *options)
    assert run("sync", *options).startswith("Nothing to fetch")
    assert content(folder) == whole


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["series-empty", "series-cut"])
def test_first_answers_that_are_cut(fault, server):
    """Of a first answer with nothing, or with the last day of a year, the rest is asked for again, and then whole."""
    options = ("--search", "2.OG Nord-West", "--period", "last-12-months")
    server.faults = (fault,)
    run("sync", *options)
    server.faults = ()
    assert "with 1 request" in run("sync", *options)
    assert run("sync", *options).startswith("Nothing to fetch")
    found = content(settings.load().data_dir)
    run("store", "clear", "--yes")
    run("sync", *options)
    assert content(settings.load().data_dir) == found


@pytest.mark.slow
def test_a_dataprofile_that_first_came_in_part(server):
    """Half of a dataprofile is believed for one run: the next asks again, since the device reports what it lacks."""
    options = ("--search", "2.OG Nord-West", *RANGE)
    server.faults = ("partial-profile",)
    run("sync", *options)
    server.faults = ()
    assert "with 1 request" in run("sync", *options)
    assert run("sync", *options).startswith("Nothing to fetch")
    assert sum("/dataprofiles/" in request.path for request in server.requests) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Asked for the dataprofile")
def test_a_dataprofile_that_is_another(server):
    """Valves whose dataprofile calls itself another are named with the reason; the others are fetched."""
    server.faults = ("other-profile@/api/v3/definitions/dataprofiles/device.belimo",)
    result = CliRunner().invoke(cli, ["sync", *RANGE])
    named = [line for line in result.stderr.splitlines() if line.startswith("Failed: ")]
    assert result.exit_code == 1
    assert all("the id 'another'" in line for line in named)
    assert len(named) + len(list(settings.load().data_dir.rglob("*.parquet"))) == 21
    assert f"{len(named)} devices failed" in result.stdout
    single = CliRunner().invoke(cli, ["sync", *RANGE, "--device", named[0].split(": ")[1]])
    assert (single.exit_code, single.stderr.count("Error: Asked for the dataprofile")) == (1, 1)


@pytest.mark.slow
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


@pytest.mark.slow
def test_faults_that_pass(server, tmp_path, monkeypatch):
    """With failures, refusals and cut-off answers in between, what is kept is the same."""
    run("sync", *RANGE)
    clean = content(settings.load().data_dir)
    monkeypatch.setattr(retries, "MAX_TRIES", 20)
    monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / "faults"))
    server.faults = (
        "server-error=5@/api/v3/devices/",
        "truncated-json=7@/api/v3/devices/",
        "drop-body=6",
        "unavailable=9",
    )
    run("sync", *RANGE)
    assert content(tmp_path / "faults") == clean


@pytest.mark.slow
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
    edges = [pd.Timestamp(f"2018-{month}-01T00:00Z") for month in (11, 12)]
    questions = needs.history_queries(cloud.connection, cloud.energy_valves(), *edges)
    planned = sync.plan(cloud.connection.archive, questions, cloud.connection.now_s, 0)

    def stop(name, error):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync.run(cloud.connection.archive, planned, cloud.connection.now_s, on_device=stop)
    rest = sync.plan(cloud.connection.archive, questions, cloud.connection.now_s, 0)
    assert planned.requests - rest.requests == len(asked(server)) >= 1
    assert rest.requests > 0
    cloud.close()


@pytest.mark.slow
def test_reports_read_the_store(server):
    """After the fetching for reports, the device and heating notebooks' questions need no request for history."""
    cloud = bn.connect()
    period = cloud.period("2018-11-01", "2018-12-01")
    jobs = plan(cloud, period, search="2.OG Nord-")
    planned = fetch_plan(cloud, jobs, period, {})
    assert planned.devices == 2
    sync.run(cloud.connection.archive, planned, cloud.connection.now_s)
    server.requests.clear()
    for name in ("2.OG Nord-West", "2.OG Nord-Ost"):
        valve = cloud.device(name)
        valve.counters(period.year_before.start, period.end)
        valve.measurements(needs.CHECKED, period.start, period.end)
        valve.measurements(needs.CHECKED, period.start, period.end, "1h")
    cloud.counters(cloud.heating_valves("2.OG Nord-"), "heating", period.year_before.start, period.end)
    assert len(asked(server)) == 2  # the quarter hours, which no report asks for by itself
    cloud.close()


@pytest.mark.slow
def test_reports_with_peaks_of_a_quarter_of_an_hour(server):
    """With `peak_minutes` of 15, the fetching for reports brings the quarters of an hour, and only then."""
    cloud = bn.connect()
    period = cloud.period("2018-11-01", "2018-12-01")
    jobs = plan(cloud, period, search="2.OG Nord-", parameters={"peak_minutes": 15})
    sync.run(cloud.connection.archive, fetch_plan(cloud, jobs, period, {"peak_minutes": 15}), cloud.connection.now_s)
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


@pytest.mark.slow
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


class Fleet:
    """A fleet of model devices that answer without a server."""

    def __init__(self, folder, count=3):
        names = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
        self.device = ModelDevice()
        self.device.now = BEGIN + 10 * DAY
        self.store = Store(settings.load(api_url="https://cloud.example/api/v3", data_dir=str(folder), **names))
        self.archive = Archive(self.get, self.store)
        self.error = None
        wanted = dict.fromkeys(("number", "text"), (BEGIN, BEGIN + 5 * DAY))
        seen = LastContact(self.device.now, self.device.now)
        self.questions = [HistoryQuery(f"d{i}", f"Valve {i}", seen, "1h", wanted) for i in range(count)]

    def get(self, path, query, what):
        """One answer of the API, or the error that is set."""
        if self.error is not None:
            self.device.asked.append(path)
            raise self.error
        return self.device.get(path, query, what)

    def plan(self, rate=0.0, **options):
        """What a sync of all would do."""
        return sync.plan(self.archive, self.questions, self.device.now, rate, **options)

    def run(self, **options):
        """Do it."""
        return sync.run(self.archive, self.plan(), self.device.now, **options)


@pytest.fixture
def fleet(tmp_path):
    """Three devices and an empty store."""
    return Fleet(tmp_path)


def test_what_a_plan_says(fleet):
    """Requests, devices and values of a plan; the rate makes the time, the first second's requests apart."""
    planned = fleet.plan(2.0)
    assert (planned.requests, planned.devices, planned.points) == (3, 3, 3 * 2 * 121)
    assert [question.device for question, _ in planned.pending] == ["d0", "d1", "d2"]
    for rate, seconds in ((0.0, 0.0), (0.5, 4.0), (1.0, 2.0), (2.0, 0.5), (2.9, 1 / 2.9), (5.0, 0.0)):
        assert fleet.plan(rate).seconds == pytest.approx(seconds)
    fleet.run()
    assert (fleet.plan().requests, fleet.plan().devices, fleet.plan().points) == (0, 3, 0)
    assert fleet.plan(refresh=True).requests == 3


def test_what_a_run_tells(fleet):
    """Each answer is told with its values, each device with its name, and the outcome has their sums."""
    answers, devices = [], []
    outcome = fleet.run(on_answer=answers.append, on_device=lambda *told: devices.append(told))
    assert answers == [2 * 121] * 3
    assert sorted(devices) == [("Valve 0", None), ("Valve 1", None), ("Valve 2", None)]
    assert (outcome.requests, outcome.points, outcome.changed) == (3, 3 * 2 * 121, 0)
    assert (outcome.failures, outcome.lacking) == ({}, {})
    value = fleet.device.value
    fleet.device.value = lambda key, bucket, step: f"{value(key, bucket, step)}!" if key == "text" else None
    again = sync.run(fleet.archive, fleet.plan(refresh=True), fleet.device.now, refresh=True)
    assert (again.changed, again.lacked) == (3 * 121, 3 * 121)
    fleet.device.get = lambda path, query, what: {"series": []}
    empty = sync.run(fleet.archive, fleet.plan(refresh=True), fleet.device.now, refresh=True)
    assert empty.lacking == {f"Valve {i}": ["number", "text"] for i in range(3)}


def test_what_befalls_all_ends_a_run(fleet):
    """Refused credentials are an error at once: nobody else's history would come either."""
    fleet.error = SignInError("The credentials are refused.")
    with pytest.raises(SignInError):
        fleet.run()
    assert len(fleet.device.asked) <= 3


def test_a_device_that_fails_is_named(fleet):
    """Whatever else goes wrong is told of the device, and it is not the last word of the run."""
    fleet.error = ServerError("The cloud failed.")
    told = {}
    outcome = fleet.run(on_device=told.__setitem__)
    assert told == outcome.failures == dict.fromkeys(("Valve 0", "Valve 1", "Valve 2"), "The cloud failed.")
    assert outcome.requests == 0


REFUSED_TOKEN = SignInError("The cloud refuses the token it has just issued (401).", status_code=401)
REFUSED_TOKEN.of_path = True


@pytest.mark.parametrize(
    ("error", "told"),
    [(REFUSED_TOKEN, "(401)"), (MemoryError(), "not enough memory for Valve 1")],
    ids=["401", "memory"],
)
def test_one_device_costs_no_other(error, told, fleet):
    """A token refused for one device, or too little memory for it, costs that one; met by all, it ends the run."""
    get = fleet.get

    def fail(path, query, what):
        if "/d1/" in path:
            raise error
        return get(path, query, what)

    fleet.archive._get = fail
    outcome = fleet.run()
    assert list(outcome.failures) == ["Valve 1"]
    assert told in outcome.failures["Valve 1"]
    assert outcome.requests == 2
    fleet.archive._get = fleet.get
    assert [query.device for query, _ in fleet.plan().pending] == ["d1"]


def test_a_token_that_every_device_refuses(fleet):
    """Where device after device refuses the token, it is the account's trouble, and ends the run."""
    fleet.error = REFUSED_TOKEN
    with pytest.raises(SignInError, match=r"\(401\)"):
        fleet.run()


@posix
@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
@pytest.mark.parametrize("name", ["d1.parquet", ".d1.lock"])
def test_something_else_in_a_files_place(name, kind, fleet):
    """What is no file where a device's history or its lock should be costs that device alone, and is named."""
    put(kind, fleet.store.folder / "1h" / name)
    outcome = fleet.run()
    assert list(outcome.failures) == ["Valve 1"]
    assert fleet.store.read("d0", "1h").coverage
    assert fleet.store.read("d2", "1h").coverage


@pytest.mark.filterwarnings("ignore:Waiting for process")
def test_a_device_that_another_writes(fleet, monkeypatch):
    """A device whose lock another process never gives back is named with who has it; the others are fetched."""
    for limit in ("NOTICE", "LONGEST"):
        monkeypatch.setattr(f"belimo_nb.system.locks.{limit}", 0.1)
    with fleet.store.lock("d1", "1h"):
        outcome = fleet.run()
    assert list(outcome.failures) == ["Valve 1"]
    assert re.search(rf"d1\.parquet is being written by process {os.getpid()} on ", outcome.failures["Valve 1"])
    assert fleet.store.read("d2", "1h").coverage


def test_a_store_that_fails_meanwhile(fleet, monkeypatch):
    """When answers can be kept no longer, the run ends with the reason."""

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("belimo_nb.system.files.os.fsync", full)
    with pytest.raises(StoreError, match=r"1h \(No space left on device\); make room"):
        fleet.run()


def test_a_store_that_takes_nothing(fleet):
    """A store that cannot be written to is told before a request is spent, and not at all where none is needed."""
    planned = fleet.plan()
    fleet.store.folder.parent.mkdir(parents=True)
    fleet.store.folder.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"\((File exists|Not a directory)\).*BELIMO_DATA_DIR"):
        sync.run(fleet.archive, planned, fleet.device.now)
    assert fleet.device.asked == []
    nothing = sync.Plan([], [], 0, 0.0)
    assert sync.run(fleet.archive, nothing, fleet.device.now) == sync.SyncResult()


def test_stopped_between_two_requests(tmp_path, monkeypatch):
    """Whoever stops a run waits for the requests under way, not for all that was planned."""
    monkeypatch.setattr(plan_module, "MAX_BUCKETS", 12)
    fleet = Fleet(tmp_path, 40)
    planned = fleet.plan()

    def stop(values):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync.run(fleet.archive, planned, fleet.device.now, on_answer=stop)
    assert 1 <= len(fleet.device.asked) < planned.requests / 2
    assert fleet.plan().requests < planned.requests  # what came is kept

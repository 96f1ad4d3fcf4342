"""The output folder: one run at a time, and readers who see one whole run at every moment, whatever is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output import exchange, reports_json
from belimo_nb.report.output import folder as folder_module
from belimo_nb.report.output.folder import claim, unfinished
from belimo_nb.report.page import index

OLD, NEW = ("a", "b", "gone"), ("a", "b", "fresh")
FOREIGN = ("notes.txt", "devices/mine.html")


def facts(name: str) -> reports_json.RunFacts:
    """What a run called so was about."""
    return reports_json.RunFacts(name, "November 2018", "demo", "UTC", "1.0", datetime(2018, 12, 1, tzinfo=UTC), 1.0)


def results(devices) -> list[Result]:
    """The results of a run with these devices; the first has a table, too."""
    return [
        Result(
            Job("device", device, f"devices/{device}", {}),
            "ok",
            1.0,
            files={"html": f"devices/{device}.html", "ipynb": f"devices/{device}.ipynb"}
            | ({"csv:t": "devices/a-t.csv"} if device == "a" else {}),
            made_at=datetime(2018, 12, 1, tzinfo=UTC),
        )
        for device in devices
    ]


def make(out: Path, name: str, devices) -> None:
    """A run: every file says its name."""
    with claim(out) as folder:
        folder.begin(facts(name))
        found = results(devices)
        names = {path for result in found for path in result.files.values()}
        for path in names:
            (folder.staging / path).parent.mkdir(parents=True, exist_ok=True)
            (folder.staging / path).write_text(name)
        folder.publish(index.page(found, facts(name)), reports_json.document(found, facts(name)), keep=names)


def seen(out: Path) -> set[str]:
    """The runs that a reader sees: of the index, of its pages, of reports.json and of its pages; each page is there."""
    html = (out / "index.html").read_text(encoding="utf-8")
    body = json.loads((out / "reports.json").read_text(encoding="utf-8"))
    links = {unquote(link) for link in re.findall(r'<a (?:[^>]* )?href="([^"#]+)"', html)}
    assert len(links) >= 7, "notebooks, pages, the table and reports.json"
    found = set()
    for link in links:
        text = (out / link).read_text(encoding="utf-8")
        found.add(json.loads(text)["title"] if link.endswith("reports.json") else text)
    assert found == set(re.findall("<h1>(.*)</h1>", html)), "pages of another run than the index"
    listed = {(out / name).read_text() for item in body["reports"] for name in item["files"].values()}
    assert listed == {body["title"]}, "files of another run than reports.json"
    return found


class Crash(BaseException):
    """What a kill -9 does: nothing runs after it."""


@pytest.fixture
def out(tmp_path) -> Path:
    """An output folder that holds an old run, and files of somebody else."""
    out = tmp_path / "out"
    make(out, "old", OLD)
    for name in FOREIGN:
        (out / name).write_text("foreign")
    return out


def files(out: Path) -> set[str]:
    """All files that readers can see."""
    return {
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() and ".belimo-nb" not in path.parts
    }


def test_a_new_run_takes_the_place_of_the_old_one(out):
    """Pages keep their addresses, what is gone is gone, other files stay, nothing of the exchange is left."""
    assert seen(out) == {"old"}
    make(out, "new", NEW)
    assert seen(out) == {"new"}
    ours = {path for result in results(NEW) for path in result.files.values()}
    assert files(out) == ours | {"index.html", "reports.json", *FOREIGN}
    assert [path.name for path in (out / ".belimo-nb").iterdir()] == ["lock"]


@pytest.mark.slow
def test_killed_at_any_moment(out, monkeypatch):
    """Killed before any step of the exchange: readers see one whole run, and the next run puts all in order."""
    steps = {"left": -1}

    def step() -> None:
        if steps["left"] == 0:
            raise Crash
        steps["left"] -= 1

    def crashing(function):
        def run(*arguments, **named):
            step()
            return function(*arguments, **named)

        return run

    for place, name in (
        (exchange, "_link"),
        (exchange, "_move"),
        (exchange, "_exchange"),
        (exchange, "write_text"),
        (exchange.shutil, "rmtree"),
        (Path, "unlink"),
    ):
        monkeypatch.setattr(place, name, crashing(getattr(place, name)))
    crashes, sights = 0, []
    while True:
        steps["left"] = crashes
        try:
            make(out, "new", NEW)
        except Crash:
            crashes += 1
        else:
            break
        finally:
            steps["left"] = -1
        sights.append(seen(out))
        with claim(out) as folder:
            assert not (out / exchange.ASIDE).exists()
            assert folder.earlier.reports.keys() in ({f"devices/{d}" for d in OLD}, {f"devices/{d}" for d in NEW})
        make(out, "old", OLD)
        assert seen(out) == {"old"}
    assert crashes > 20
    assert sights[0] == {"old"}
    assert sights[-1] == {"new"}
    assert seen(out) == {"new"}
    assert {name for name in files(out) if (out / name).read_text() == "foreign"} == set(FOREIGN)


def test_readers_never_see_a_mixture(out, monkeypatch):
    """At every step of the exchange, whoever reads the index finds one run, and the addresses of old pages answer."""
    sights = []

    def watched(function):
        def run(*arguments, **named):
            sights.append(seen(out))
            assert (out / "devices" / "a.html").read_text() in ("old", "new")
            return function(*arguments, **named)

        return run

    for name in ("_link", "_move", "_exchange"):
        monkeypatch.setattr(exchange, name, watched(getattr(exchange, name)))
    make(out, "new", NEW)
    assert len(sights) > 10
    assert set().union(*sights) == {"old"}
    assert seen(out) == {"new"}


def test_the_old_index_reloads_itself(out, monkeypatch):
    """Whoever gets the old run's index while pages are exchanged gets the new one without a click."""
    shown = []
    move = exchange._move
    monkeypatch.setattr(exchange, "_move", lambda *a: (shown.append((out / "index.html").read_text()), move(*a)))
    make(out, "new", NEW)
    assert shown
    assert all('<meta http-equiv="refresh" content="5">' in html for html in shown)
    assert "refresh" not in (out / "index.html").read_text()


def test_a_disk_without_links(out, monkeypatch):
    """Where a file cannot have two names, the old run is copied aside."""

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    make(out, "new", NEW)
    assert seen(out) == {"new"}


def test_files_that_others_hold_open(out, monkeypatch):
    """Windows refuses to replace a file that is being read: it is tried again, then told, then done by the next run."""
    monkeypatch.setattr(exchange, "PAUSE", 0.0)
    replace, refusals = Path.replace, iter([True] * 3)

    def held(path: Path, target: Path) -> Path:
        if Path(target).name == "b.html" and next(refusals, False):
            raise PermissionError(13, "Permission denied")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", held)
    make(out, "new", NEW)
    assert seen(out) == {"new"}
    refusals = iter([True] * exchange.TRIES)
    with pytest.raises(BelimoError, match=r"b\.html cannot be replaced \(Permission denied\); close it.*--resume"):
        make(out, "third", OLD)
    assert seen(out) == {"new"}
    with claim(out):
        assert seen(out) == {"third"}


def test_a_full_disk(out, monkeypatch):
    """It is told in a sentence, readers keep the old run, and with room the next run succeeds."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(exchange, "_link", full)
        with pytest.raises(BelimoError, match=r"cannot be put into .* \(No space left on device\).*--resume"):
            make(out, "new", NEW)
    assert seen(out) == {"old"}
    make(out, "new", NEW)
    assert seen(out) == {"new"}


def test_ctrl_c_while_pages_are_exchanged(out, monkeypatch):
    """The exchange, a matter of moments, is finished first."""
    move, times = exchange._move, iter([True])

    def interrupted(*arguments):
        if next(times, False):
            raise KeyboardInterrupt
        return move(*arguments)

    monkeypatch.setattr(exchange, "_move", interrupted)
    make(out, "new", NEW)
    assert seen(out) == {"new"}


def test_pages_that_somebody_has_deleted(out):
    """An old run that is not whole any more is no obstacle."""
    (out / "devices" / "b.html").unlink()
    (out / "index.html").unlink()
    make(out, "new", NEW)
    assert seen(out) == {"new"}


def test_reports_json_cannot_delete_elsewhere(out):
    """Paths in a reports.json that someone has written by hand lead to no deletion outside the folder."""
    (out.parent / "precious.txt").write_text("mine")
    body = json.loads((out / "reports.json").read_text())
    body["reports"][2]["files"]["html"] = "../precious.txt"
    (out / "reports.json").write_text(json.dumps(body))
    make(out, "new", NEW)
    assert (out.parent / "precious.txt").read_text() == "mine"


def test_one_run_at_a_time(out, monkeypatch):
    """A second run is told who has the folder and since when; when the first is done, it may begin."""
    monkeypatch.setattr(folder_module, "LOCK_TIMEOUT", 0.05)
    words = rf"'{re.escape(str(out))}' is in use by another run \(process {os.getpid()} on .*, since 20\d\d-.*T.*\)"
    with claim(out), pytest.raises(UsageError, match=words + "; wait until it is done, or choose another with --out"):
        claim(out).__enter__()
    with claim(out) as folder:
        assert folder.path == out


def test_the_holder_need_not_be_known(out, monkeypatch):
    """Between the lock and its note a second run is refused just as well."""
    monkeypatch.setattr(folder_module, "LOCK_TIMEOUT", 0.05)
    with claim(out):
        (out / ".belimo-nb" / "run.json").write_text("{")
        with pytest.raises(UsageError, match="is in use by another run; wait"):
            claim(out).__enter__()


def test_two_folders_do_not_hinder_each_other(tmp_path):
    """The lock is the folder's."""
    with claim(tmp_path / "one") as one, claim(tmp_path / "two") as two:
        assert one.path != two.path


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="has no kill -9")
def test_killed_holders_do_not_block(out):
    """After a kill -9 the folder is free, though the note of who had it is still there."""
    code = (
        "import pathlib, sys; from belimo_nb.report.output.folder import claim\n"
        "with claim(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    held = subprocess.Popen([sys.executable, "-c", code, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert held.stdout.readline().strip() == b"held"
        held.kill()
        held.wait(60)
        note = json.loads((out / ".belimo-nb" / "run.json").read_text())
        assert note["pid"] == held.pid
        make(out, "new", NEW)
        assert seen(out) == {"new"}
        assert not (out / ".belimo-nb" / "run.json").exists()
    finally:
        held.kill()
        held.communicate()


def test_what_a_killed_run_had_made(out):
    """Finished reports of a killed run are found by the next one that goes on, and thrown away by any other."""
    entry = {"slug": "devices/a", "files": {"html": "devices/a.html"}}
    with claim(out) as folder:
        folder.begin(facts("killed"))
        (folder.staging / "devices").mkdir()
        (folder.staging / "devices" / "a.html").write_text("killed")
        folder.note(entry)
        folder.note({"slug": "devices/b", "files": {"html": "devices/b.html"}})
        with (out / ".belimo-nb" / "results.jsonl").open("a") as notes:
            notes.write('{"slug": "devi')
    assert unfinished(out).period == "November 2018"
    with claim(out) as folder:
        assert folder.begin(facts("next"), resume=True) == {"devices/a": entry}
    with claim(out) as folder:
        assert folder.begin(facts("next"), resume=True) == {"devices/a": entry}, "killed again"
        assert folder.begin(facts("other")) == {}
        assert not list(folder.staging.iterdir())
    assert seen(out) == {"old"}


def test_a_web_server_beside_it(out):
    """Whatever page a reader finds under a link of the index, while that index stands, is of the index's run."""
    stop = threading.Event()
    trouble, loads = [], []

    def read() -> None:
        while not stop.is_set():
            html = (out / "index.html").read_text()
            name = re.findall("<h1>(.*)</h1>", html)[0]
            for link in re.findall(r'<a (?:[^>]* )?href="(devices[^"]+|belimo-nb-before/devices[^"]+)"', html):
                try:
                    page = (out / link).read_text()
                except FileNotFoundError:
                    page = "missing"
                if page != name and (out / "index.html").read_text() == html:
                    trouble.append((name, link, page))
            loads.append(name)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(10):
            make(out, f"run {turn}", OLD)
    finally:
        stop.set()
        reader.join()
    assert loads
    assert trouble == []


@pytest.mark.parametrize("name", ["index.html", "reports.json", "belimo-nb-before"])
def test_a_folder_of_others(tmp_path, name):
    """A folder that holds such a file of someone else's is refused before anything is made, and stays as it is."""
    out = tmp_path / "new"
    out.mkdir()
    (out / name).write_text('{"schema": "mine", "reports": []}')
    with pytest.raises(UsageError, match=f"'{name}', which no run of belimo-nb has made"), claim(out):
        pytest.fail("it was to be refused")
    assert (out / name).read_text() == '{"schema": "mine", "reports": []}'


def test_a_link_that_leads_to_itself(tmp_path):
    """It is told as any folder that cannot be written to."""
    out = tmp_path / "loop"
    out.symlink_to(out.name)
    with pytest.raises(UsageError, match="cannot be written to"), claim(out):
        pytest.fail("it was to be refused")


def test_files_of_others_stay(out):
    """A page that someone has put in the place of one of ours is not written over; the run before stays."""
    make(out, "one", OLD)
    (out / "devices" / "fresh.html").write_text("mine")
    with pytest.raises(UsageError, match=r"'devices/fresh\.html', which no run of belimo-nb has made"):
        make(out, "two", NEW)
    assert (out / "devices" / "fresh.html").read_text() == "mine"
    assert seen(out) == {"one"}
    (out / "devices" / "fresh.html").unlink()
    make(out, "two", NEW)
    assert seen(out) == {"two"}


@pytest.mark.skipif(sys.platform != "linux", reason="looks at descriptors in /proc")
def test_on_the_disk_before_anything_old_goes(out, monkeypatch):
    """Pages and the plan are flushed to the disk, and the folders with their names, before old files are deleted."""
    make(out, "one", OLD)
    done = []
    fsync, unlink = os.fsync, Path.unlink

    def flush(descriptor):
        done.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def remove(path, **options):
        done.append(f"gone {path}")
        unlink(path, **options)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "unlink", remove)
    make(out, "two", NEW)
    flushed = {os.path.relpath(path, out) for path in done[: done.index(f"gone {out / 'devices/gone.html'}")]}
    staging = ".belimo-nb/next/devices"
    assert {f"{staging}/fresh.html", staging, ".belimo-nb", "devices", "."} <= flushed

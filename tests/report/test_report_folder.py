"""The output folder: one run at a time, and readers who see one whole run at every moment, whatever is killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from locks_places import put
from made_runs import MADE_AT, NOVEMBER, facts, month, period

from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output import exchange
from belimo_nb.report.output import folder as folder_module
from belimo_nb.report.output.folder import claim, runs, unfinished_as_of

OLD, NEW = ("a", "b", "gone"), ("a", "b", "fresh")
FOREIGN = ("notes.txt", "2018-11/devices/mine.html")


def results(devices) -> list[Result]:
    """The results of a run with these devices; the first has a table, too."""
    return [
        Result(
            Job("device", device, f"devices/{device}", {}),
            "ok",
            1.0,
            files={"html": f"devices/{device}.html", "ipynb": f"devices/{device}.ipynb"}
            | ({"csv:t": "devices/a-t.csv"} if device == "a" else {}),
            key_figures=[],
            made_at=MADE_AT,
        )
        for device in devices
    ]


def make(out: Path, name: str, devices=OLD, span=NOVEMBER, **more) -> None:
    """A run over the whole fleet: every file says its name."""
    told = facts(name, span, whole=True, made_at=datetime.now(UTC))
    with claim(out) as folder:
        folder.begin(told)
        found = results(devices)
        for path in {path for result in found for path in result.files.values()}:
            (folder.staging / path).parent.mkdir(parents=True, exist_ok=True)
            (folder.staging / path).write_text(name)
        folder.publish(told, found, **more)


@pytest.mark.skipif(os.name == "nt", reason="pipes have other names there")
@pytest.mark.parametrize("name", ["results.jsonl", "lock"])
def test_notes_that_are_a_pipe(tmp_path, name):
    """Something else in the place of a run's notes, or of its lock, is not waited for."""
    make(tmp_path, "before")
    (tmp_path / ".belimo-nb" / name).unlink(missing_ok=True)
    put("pipe", tmp_path / ".belimo-nb" / name)
    with contextlib.suppress(UsageError, BelimoError):
        make(tmp_path, "after")
    assert (tmp_path / "2018-11" / "devices" / "b.html").read_text() in ("before", "after")


def links(index: Path) -> set[Path]:
    """Where the links of an index lead to; each is there."""
    found = {index.parent / unquote(link) for link in re.findall(r'<a (?:[^>]* )?href="([^"#]+)"', index.read_text())}
    assert all(path.is_file() for path in found), [path for path in found if not path.is_file()]
    return found


def seen(out: Path, name: str = "2018-11") -> str:
    """The run that a reader finds in a folder: one and the same in its index, in reports.json, and in its pages."""
    title = re.findall("<h1>(.*)</h1>", (out / name / "index.html").read_text())[0]
    pages = [path for path in links(out / name / "index.html") if path.parent.name == "devices"]
    assert len(pages) == 7
    assert {path.read_text() for path in pages} == {title}, "pages of another run than the index"
    body = json.loads((out / name / "reports.json").read_text())
    listed = {(out / name / path).read_text() for item in body["reports"] for path in item["files"].values()}
    assert listed == {body["title"]} == {title}, "files of another run than reports.json"
    # The index on top: every link leads somewhere, and where it shows figures, they are of the pages that it links.
    told = {path.read_text() for path in links(out / "index.html") if path.parent.name == "devices"}
    assert told <= {re.findall("<h1>(.*)</h1>", (out / "index.html").read_text())[0]}
    return title


class Crash(BaseException):
    """What a kill -9 does: nothing runs after it."""


def crashing(monkeypatch, places, before) -> None:
    """Have functions, given as pairs of an object and a name, call something before they do their work."""

    def wrapped(function):
        def run(*arguments, **named):
            before()
            return function(*arguments, **named)

        return run

    for place, name in places:
        monkeypatch.setattr(place, name, wrapped(getattr(place, name)))


STEPS = (
    (folder_module, "_link"), (folder_module, "write_text"), (folder_module, "put_in_place"),
    (folder_module, "_remove"), (exchange, "_exchange"),
    (shutil, "rmtree"), (Path, "rename"), (Path, "unlink"), (Path, "rmdir"),
)  # fmt: skip


@pytest.fixture
def out(tmp_path) -> Path:
    """An output folder that holds an old run, and files of somebody else."""
    out = tmp_path / "out"
    make(out, "old", OLD)
    for name in FOREIGN:
        (out / name).write_text("foreign")
    return out


def files(out: Path) -> set[str]:
    """All files that readers can see, but for the work lists."""
    found = (path.relative_to(out) for path in out.rglob("*") if path.is_file() and path.stem != "work-list")
    return {path.as_posix() for path in found if ".belimo-nb" not in path.parts}


def test_a_new_run_takes_the_place_of_the_old_one(out):
    """Over the same period: no address vanishes, other files stay, nothing of the exchange is left."""
    assert seen(out) == "old"
    make(out, "new", NEW)
    assert seen(out) == "new"
    ours = {f"2018-11/{path}" for result in results({*OLD, *NEW}) for path in result.files.values()}
    tops = {"index.html", "reports.json"}
    assert files(out) == ours | tops | {f"2018-11/{name}" for name in tops} | set(FOREIGN)
    assert (out / "2018-11" / "devices" / "gone.html").read_text() == "old"
    assert [path.name for path in (out / ".belimo-nb").iterdir()] == ["lock"]


def test_a_table_that_is_no_more(out):
    """Of a report that is made anew, a table that it does not have any more goes; its page is the new one."""
    make(out, "new", ("b",))
    assert (out / "2018-11" / "devices" / "a-t.csv").exists()
    body = json.loads((out / "2018-11" / "reports.json").read_text())
    body["reports"][0]["files"]["csv:t"] = "devices/b-t.csv"
    (out / "2018-11" / "reports.json").write_text(json.dumps(body))
    (out / "2018-11" / "devices" / "b-t.csv").write_text("old")
    make(out, "newer", ("b",))
    assert not (out / "2018-11" / "devices" / "b-t.csv").exists()


def test_each_period_has_its_folder(out):
    """The index on top shows the newest run and lists all; so does its reports.json."""
    make(out, "later", NEW, month("2018-12"))
    assert (seen(out, "2018-11"), seen(out, "2018-12")) == ("old", "later")
    html = (out / "index.html").read_text()
    assert "<h1>later</h1>" in html
    assert '<a href="2018-12/devices/fresh.html">' in html
    assert html.index('<a href="2018-12/index.html">') < html.index('<a href="2018-11/index.html">')
    body = json.loads((out / "reports.json").read_text())
    assert [run["folder"] for run in body["runs"]] == ["2018-12", "2018-11"]
    assert all((out / name).read_text() == "later" for item in body["reports"] for name in item["files"].values())


def test_only_the_newest_are_kept(out):
    """With `keep`, older runs go with all that they made; other files in their folders stay."""
    for name in ("2018-08", "2018-09", "2018-10"):
        make(out, name, span=month(name))
    make(out, "last", span=month("2018-12"), keep=2)
    assert list(runs(out)) == ["2018-12", "2018-10"]
    assert not (out / "2018-08").exists()
    assert files(out) >= set(FOREIGN)
    assert not [name for name in files(out) if name.startswith("2018-11") and name not in FOREIGN]
    links(out / "index.html")


def test_what_is_not_ours_outlives_old_runs(out, tmp_path):
    """With `keep`, a run that a link leads to elsewhere stays, and so does an index that another has put."""
    for name in ("2018-08", "2018-09"):
        make(out, name, span=month(name))
    (out / "2018-08").rename(tmp_path / "archive")
    (out / "2018-08").symlink_to(tmp_path / "archive")
    (out / "2018-09" / "index.html").write_text("mine")
    archived = {path: path.read_bytes() for path in (tmp_path / "archive").rglob("*") if path.is_file()}
    make(out, "last", span=month("2018-12"), keep=1)
    assert {path: path.read_bytes() for path in archived} == archived
    assert list(runs(out)) == ["2018-12", "2018-08"]
    assert [path for path in files(out) if path.startswith("2018-09")] == ["2018-09/index.html"]
    assert (out / "2018-09" / "index.html").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize("one_step", [True, False])
def test_killed_at_any_moment(out, monkeypatch, one_step):
    """Killed before any step: the folder holds whole runs, the index is true, and the next run puts all in order."""
    left, crashes, sights, away = [-1], 0, [], 0

    def step() -> None:
        left[0] -= 1
        if left[0] == -1:
            raise Crash

    crashing(monkeypatch, STEPS, step)
    if not one_step:
        monkeypatch.setattr(exchange, "_exchange", lambda *_: False)
    make(out, "older", OLD, month("2018-10"))
    prepared = out.with_name("prepared")
    shutil.copytree(out, prepared)
    while True:
        left[0] = crashes
        try:
            make(out, "new", NEW, keep=1)
        except Crash:
            crashes += 1
        else:
            break
        finally:
            left[0] = -1
        if one_step or (out / "2018-11").exists():
            sights.append(seen(out))
        else:
            away += 1  # between two steps that are one elsewhere
        with claim(out):
            assert seen(out) in ("old", "new")
        shutil.rmtree(out)
        shutil.copytree(prepared, out)
    assert crashes > 20
    assert away <= 2 - 2 * one_step
    assert (sights[0], sights[-1], seen(out)) == ("old", "new", "new")
    assert list(runs(out)) == ["2018-11"]
    assert {name for name in files(out) if (out / name).read_text() == "foreign"} == set(FOREIGN)


def test_readers_never_see_a_mixture(out, monkeypatch):
    """At every step whoever reads an index finds pages of the same run, and the addresses of old pages answer."""
    sights = []
    crashing(monkeypatch, STEPS, lambda: sights.append((seen(out), (out / "2018-11/devices/gone.html").read_text())))
    make(out, "new", NEW)
    assert len(sights) > 10
    assert set(sights) == {("old", "old"), ("new", "old")}


def test_a_disk_without_links(out, monkeypatch):
    """Where a file cannot have two names, what stays is copied."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    make(out, "new", NEW)
    assert seen(out) == "new"
    assert {name for name in files(out) if (out / name).read_text() == "foreign"} == set(FOREIGN)


def test_files_that_others_hold_open(out, monkeypatch):
    """Windows refuses to move a folder one of whose files is being read: it is tried again, then told in a sentence."""
    monkeypatch.setattr(exchange, "PAUSE", 0.0)
    monkeypatch.setattr(exchange, "_exchange", lambda *_: False)
    rename, refusals = Path.rename, iter([True] * 3)

    def held(path: Path, target: Path) -> Path:
        if path.name == "2018-11" and next(refusals, False):
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", held)
    make(out, "new", NEW)
    assert seen(out) == "new"
    refusals = iter([True] * exchange.TRIES)
    with pytest.raises(BelimoError, match=r"2018-11 cannot be replaced \(Permission denied\); close its.*--resume"):
        make(out, "third", NEW)
    assert seen(out) == "new"
    with claim(out) as folder:
        found = folder.begin(facts("third"), resume=True)
        assert seen(out) == "new"
        assert found == {}, "of another basis"


def test_a_full_disk(out, monkeypatch):
    """It is told in a sentence, readers keep the old run, and with room the next run succeeds."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "_link", full)
        with pytest.raises(BelimoError, match=r"cannot be put into .* \(No space left on device\).*--resume"):
            make(out, "new", NEW)
    assert seen(out) == "old"
    make(out, "new", NEW)
    assert seen(out) == "new"


def test_pages_that_somebody_has_deleted(out):
    """A run that is not whole any more is no obstacle, and is not listed without its index."""
    (out / "2018-11" / "devices" / "b.html").unlink()
    (out / "2018-11" / "index.html").unlink()
    make(out, "later", NEW, month("2018-12"))
    assert list(runs(out)) == ["2018-12"]
    make(out, "new", NEW)
    assert seen(out) == "new"


def test_pages_of_an_earlier_version_stay(tmp_path):
    """What lies above the folders of the runs, where versions before 0.2 put it, keeps its address."""
    (tmp_path / "devices").mkdir()
    for name in ("devices/a.html", "overview.html"):
        (tmp_path / name).write_text("0.1")
    earlier = {"schema": 1, "reports": [{"slug": "overview"}], "period": "", "source": "", "made_at": ""}
    (tmp_path / "reports.json").write_text(json.dumps(earlier))
    make(tmp_path, "new")
    assert (tmp_path / "devices" / "a.html").read_text() == "0.1"
    assert seen(tmp_path) == "new"


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
        (out / ".belimo-nb" / "lock").write_text("{")
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
        note = json.loads((out / ".belimo-nb" / "lock").read_text())
        assert note["pid"] == held.pid
        make(out, "new", NEW)
        assert seen(out) == "new"
    finally:
        held.kill()
        held.communicate()


def test_what_a_killed_run_had_made(out):
    """Finished reports of a killed run are found by the next one that goes on, and thrown away by any other."""
    told = facts("killed", as_of=MADE_AT)
    done, lost = results("ab")
    with claim(out) as folder:
        folder.begin(told)
        (folder.staging / "devices").mkdir()
        for name in done.files.values():
            (folder.staging / name).write_text("killed")
        folder.note(done)
        folder.note(lost)
        with (out / ".belimo-nb" / "results.jsonl").open("a") as notes:
            notes.write('{"slug": "devi')
    assert unfinished_as_of(out, NOVEMBER, "demo") == MADE_AT
    assert unfinished_as_of(out, NOVEMBER, "another") is None
    kept = {"devices/a": replace(done, kept=True)}
    later = replace(told, made_at=MADE_AT + timedelta(hours=1))
    with claim(out) as folder:
        assert folder.begin(later, resume=True) == kept
    with claim(out) as folder:
        assert folder.begin(later, resume=True) == kept, "killed again"
        assert folder.begin(replace(later, version="2"), resume=True) == {}, "by another version"
        assert not list(folder.staging.iterdir())
    assert seen(out) == "old"


def test_a_web_server_beside_it(out):
    """Whatever page a reader finds under a link of an index, while that index stands, is of the index's run."""
    stop = threading.Event()
    trouble, loads = [], []

    def read() -> None:
        while not stop.is_set():
            for index in (out / "index.html", out / "2018-11" / "index.html"):
                html = index.read_text()
                name = re.findall("<h1>(.*)</h1>", html)[0]
                for link in re.findall(r'<a (?:[^>]* )?href="([^"]*devices[^"]+)"', html):
                    try:
                        page = (index.parent / link).read_text()
                    except FileNotFoundError:
                        page = "missing"
                    if page != name and index.read_text() == html:
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


@pytest.mark.parametrize("name", ["index.html", "reports.json"])
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


@pytest.mark.parametrize(
    "name",
    [
        "index.html", "2018-11/index.html", "2018-11/devices/fresh.html", "2018-11/devices/fresh.ipynb", "2018-12",
        "2018-12/index.html", "2018-12/reports.json", "2018-12/work-list.csv", "2018-12/work-list.xlsx",
        "2018-12/devices",
    ],
)  # fmt: skip
def test_files_of_others_stay(out, name):
    """What someone has put in the place of a file or folder of ours is not written over; the run before stays."""
    tops = {"index.html", "reports.json"}  # made anew of what is there, but not in the place of another's
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).unlink(missing_ok=True)
    (out / name).write_text("mine")
    there = {path: (out / path).read_text() for path in files(out) - tops}
    with pytest.raises(UsageError, match=f"'{re.escape(name)}', which no run of belimo-nb has made"):
        make(out, "two", NEW, month("2018-12" if "2018-12" in name else "2018-11"))
    assert {path: (out / path).read_text() for path in files(out) - tops} == there
    assert (out / name).read_text() == "mine"
    (out / name).unlink()
    make(out, "two", NEW)
    assert seen(out) == "two"


def test_what_is_no_plain_file_stays(out):
    """A link, a pipe, or a file that may only be read, put beside reports, is there after the next run."""
    place = out / "2018-11"
    (place / "link").symlink_to("nowhere")
    (place / "mine.txt").write_text("mine")
    (place / "mine.txt").chmod(0o400)
    if hasattr(os, "mkfifo"):
        os.mkfifo(place / "pipe")
    make(out, "two", NEW)
    assert {"link", "mine.txt", *["pipe"] * hasattr(os, "mkfifo")} <= {path.name for path in place.iterdir()}
    assert (place / "mine.txt").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at descriptors in /proc")
def test_a_month_is_compared_with_one_before_it(out):
    """Made anew in a zone further west it is not compared with itself; an older one has none to compare with."""
    shutil.rmtree(out, ignore_errors=True)
    for name, span in (
        ("September", month("2018-09")),
        ("November", NOVEMBER),
        ("west", period("2018-11-01", "2018-12-01", "America/New_York")),
        ("older", month("2018-08")),
    ):
        make(out, name, span=span)
    compared = {name: json.loads((out / name / "reports.json").read_text())["compared"] for name in runs(out)}
    assert compared == {"2018-08": "", "2018-09": "", "2018-11": "September 2018"}


@pytest.mark.parametrize("one_step", [True, False])
def test_on_the_disk_before_anything_old_goes(out, monkeypatch, one_step):
    """Pages and folders are flushed before they are put in their place, and that is before the old ones are deleted."""
    make(out, "older", OLD, month("2018-10"))
    done = []
    fsync, exchanged, rename, rmtree, unlink = os.fsync, exchange._exchange, Path.rename, shutil.rmtree, Path.unlink

    def noted(event, path):
        done.append((event, os.path.relpath(path, out)))

    def flush(descriptor):
        noted("flushed", Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def swap(made, place):
        noted("moved", place)
        return one_step and exchanged(made, place)

    def move(path, target):
        noted("moved", path)
        return rename(path, target)

    def remove_all(path, **options):
        noted("gone", path)
        rmtree(path, **options)

    def remove(path, **options):
        noted("gone", path)
        unlink(path, **options)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(exchange, "_exchange", swap)
    monkeypatch.setattr(Path, "rename", move)
    monkeypatch.setattr(shutil, "rmtree", remove_all)
    monkeypatch.setattr(Path, "unlink", remove)
    make(out, "two", NEW, keep=1)
    staging = ".belimo-nb/next"
    first = done.index(("moved", "2018-11"))
    moves = [number for number, (event, _) in enumerate(done) if event == "moved"]
    last = moves[-1]
    replaced = done.index(("gone", staging if one_step else ".belimo-nb/before"), last)
    removed = done.index(("gone", "2018-10/index.html"))
    assert len(moves) == (1 if one_step else 3)

    def flushed(start, stop):
        return {path for event, path in done[start:stop] if event == "flushed"}

    pages = {f"{staging}/devices/fresh.html", f"{staging}/index.html", f"{staging}/reports.json"}
    assert {*pages, f"{staging}/devices", staging} <= flushed(0, first)
    assert {".", ".belimo-nb"} <= flushed(last, replaced)
    # The index on top no longer tells of the oldest run when that goes; its drafts have names that nobody can guess.
    assert "." in flushed(replaced, removed)
    assert not [path for event, path in done[:removed] if event == "gone" and path.startswith("2018-")]

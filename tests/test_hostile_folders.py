"""Folders in bad hands: links that lead elsewhere, names that climb, files that lie. We stay inside."""

from __future__ import annotations

import datetime as dt
import json
import os
import pickle
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from made_runs import NOVEMBER, month

import belimo_nb
from belimo_nb import settings
from belimo_nb.cli import cli
from belimo_nb.errors import BelimoError, StoreError, UsageError
from belimo_nb.explorer.choice import Choice, choice_path, load_choice, save_choice
from belimo_nb.report.jobs import Job, distinct_slugs, slugify
from belimo_nb.report.page.report_files import write_report
from belimo_nb.report.run import run
from belimo_nb.report.workers.processes import ChildProcesses
from belimo_nb.store import Store, inventory, parquet
from belimo_nb.store.coverage import Coverage
from belimo_nb.store.device_history import DeviceHistory
from belimo_nb.store.documents import DocumentStore
from belimo_nb.system.files import is_inside, write_text
from belimo_nb.weather.source import WeatherCache

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")

MADE = dt.datetime(2018, 12, 1, tzinfo=dt.UTC)
DEVICE = "d7Kx01"
KEPT = DeviceHistory(DEVICE, "1h", 3600, np.array([0, 3600]), {"a.1": np.array([1.0, 2.0])}, {"a.1": Coverage()})


@pytest.fixture
def outside(tmp_path) -> Path:
    """A folder of someone else's, with a file in it that must stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine", encoding="utf-8")
    return folder


@pytest.fixture
def untouched(outside):
    """Afterwards the folder outside is as it was, times included."""

    def state():
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in outside.iterdir()}

    before = state()
    yield outside
    assert state() == before


@pytest.fixture
def found(tmp_path, second):
    """Settings whose data folder is empty."""
    return settings.load(data_dir=tmp_path / "data")


def link(path: Path, target: Path) -> None:
    """A symbolic link in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def test_inside(tmp_path, outside):
    """A path is inside if its folder is, links followed, and it is no link itself."""
    root = tmp_path / "root"
    link(root / "away", outside)
    link(root / "file", outside / "mine.txt")
    assert is_inside(root / "x", root)
    assert is_inside(root / "not" / "there" / "x", root)
    assert is_inside(root / "a" / ".." / "x", root)
    for path in (root / ".." / "x", root / "away" / "x", root / "file", root / "..", outside / "x", tmp_path / "rootx"):
        assert not is_inside(path, root), path
    link(tmp_path / "other name", root)
    assert is_inside(tmp_path / "other name" / "x", root)
    assert is_inside(root / "x", tmp_path / "other name")


def test_writing_inside(tmp_path, untouched):
    """With a folder to stay in, a link is refused and its target stays; without one it is followed, as for `.env`."""
    link(tmp_path / "root" / "file", untouched / "mine.txt")
    link(tmp_path / "root" / "new", untouched / "new.txt")
    for name in ("file", "new", "../outside/new.txt"):
        with pytest.raises(OSError, match="leads out of"):
            write_text(tmp_path / "root" / name, "x", inside=tmp_path / "root")
    write_text(tmp_path / "root" / "good", "x", inside=tmp_path / "root")
    assert (tmp_path / "root" / "good").read_text() == "x"


PLACES = {
    "the whole history": lambda store: store.folder.parents[1],
    "a cloud": lambda store: store.folder,
    "a resolution": lambda store: store.folder / "1h",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_folders_of_the_store(found, untouched, place):
    """Where a folder of the store leads elsewhere, nothing is written, read, listed as good, set aside or deleted."""
    store = Store(found)
    good = untouched / store.path(DEVICE, "1h").relative_to(place(store))
    good.parent.mkdir(parents=True, exist_ok=True)
    good.write_bytes(parquet.dump(KEPT))
    link(place(store), untouched)
    before = good.read_bytes()
    with pytest.raises(StoreError, match="leads out of"):
        store.write(KEPT)
    with pytest.raises(StoreError, match="leads out of"), store.lock(DEVICE, "1h"):
        pytest.fail("it was locked")
    with pytest.raises(StoreError, match="leads out of"):
        store.read(DEVICE, "1h")
    assert store.coverage(DEVICE, "1h") == {}
    assert all(entry.damage and "leads out of" in entry.damage for entry in inventory.entries(store))
    inventory.clear(store)
    assert good.read_bytes() == before
    assert [path for path in good.parent.iterdir() if path.name not in (good.name, "mine.txt")] == []
    good.unlink()
    for folder in good.parents:
        if folder == untouched:
            break
        folder.rmdir()


@pytest.mark.parametrize("name", [f"{DEVICE}.parquet", f".{DEVICE}.lock"])
def test_files_of_the_store(found, untouched, name):
    """A file of the store, or its lock, that is a link to a file elsewhere leaves that file as it is."""
    store = Store(found)
    link(store.folder / "1h" / name, untouched / "mine.txt")
    with pytest.raises(StoreError, match="leads out of"), store.lock(DEVICE, "1h"):
        store.write(KEPT)
    inventory.clear(store)


def test_the_command_line_tells(found, untouched, monkeypatch):
    """`store verify` and `sync` say in a sentence that a folder leads elsewhere."""
    monkeypatch.setenv("BELIMO_DATA_DIR", str(found.data_dir))
    store = Store(found)
    link(store.folder / "1h" / "x.parquet", untouched / "mine.txt")
    result = CliRunner().invoke(cli, ["store", "verify"])
    assert result.exit_code == 1
    assert "leads out of" in result.stderr
    (store.folder / "1h" / "x.parquet").unlink()
    (store.folder / "1h").rmdir()
    link(store.folder / "1h", untouched)
    result = CliRunner().invoke(cli, ["sync", "--device", "Heizkreis 01", "--period", "2021-03"])
    assert result.exit_code == 1
    assert re.search(r"Failed: Heizkreis 01: .*leads out of.*BELIMO_DATA_DIR", result.stderr)


CLIMBING = ["..", ".", "/", "../..", "/etc/passwd", "a\0b", "~root", "C:\\x"]


@hypothesis_settings(max_examples=300)
@given(device=st.text(max_size=300) | st.sampled_from(CLIMBING))
def test_ids_of_devices(device):
    """Whatever a cloud calls a device, its file lies in the folder of its resolution."""
    store = Store.__new__(Store)
    store.folder = Path("/data/history/v1/cloud")
    path = store.path(device, "1h")
    assert path.parent == store.folder / "1h"
    assert Path(os.path.normpath(path)) == path
    assert re.fullmatch(r"[A-Za-z0-9%_-][A-Za-z0-9._%-]*\.parquet", path.name)
    (slug,) = distinct_slugs([(device, device)])
    assert re.fullmatch(r"[a-z0-9-]+", slug)


def test_kept_answers(found, untouched):
    """Kept lists, profiles and timelines are not read or written through links."""
    answers = DocumentStore(found)
    answers.write("devices", 5, [{"id": "x"}])
    (file,) = answers.folder.iterdir()
    file.rename(found.data_dir / "elsewhere.json")
    link(file, found.data_dir / "elsewhere.json")
    assert answers.read("devices") is None
    file.unlink()
    link(file, untouched / "mine.txt")
    answers.write("devices", 6, [{"id": "y"}])
    assert file.is_symlink()


def test_kept_weather(tmp_path, untouched):
    """Kept weather is not read or written through a folder that leads elsewhere."""
    hours = pd.date_range("2018-11-01", periods=3, freq="h", tz="UTC")
    temperature = pd.Series([1.0, 2.0, 3.0], hours, name="temperature_c")
    link(tmp_path / "data" / "weather", untouched)
    kept = WeatherCache(tmp_path / "data", tmp_path / "data" / "weather" / "w.csv")
    with pytest.raises(OSError, match="leads out of"):
        kept.add(temperature)
    assert kept.read().empty


def test_kept_choice(found, untouched):
    """The explorer's last choice is not written through a link."""
    place = choice_path(found)
    link(place, untouched / "mine.txt")
    save_choice(found, Choice(DEVICE))
    assert load_choice(found) is None


def test_lying_files(found):
    """A pickle that calls itself a history, and a file of another device, are set aside; nothing in them is run."""

    class Trap:
        def __reduce__(self):
            return (Path.write_text, (found.data_dir / "ran", "x"))

    store = Store(found)
    for content in (pickle.dumps(Trap()), parquet.dump(DeviceHistory("another", "1h", 3600))):
        path = store.path(DEVICE, "1h")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        with pytest.warns(UserWarning, match="is set aside"):
            assert not len(store.read(DEVICE, "1h").times)
    assert not (found.data_dir / "ran").exists()
    assert len(inventory.damaged_files(store)) == 2


def test_no_code_from_files():
    """The package runs nothing that it reads: pickles only between its own processes, through a pipe of theirs."""
    pattern = re.compile(
        r"pickle\.loads?\(|read_pickle|allow_pickle\s*=\s*True|yaml\.(unsafe_)?load\(|\beval\(|os\.system|shell\s*=\s*True"
        r"|\bexec\((?!\x22\x22\))|joblib|marshal\.load|shelve\."
    )
    package = Path(belimo_nb.__file__).parent
    found = [
        (path.relative_to(package).as_posix(), match[0])
        for path in sorted(package.rglob("*.py"))
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == [("cloud/survey_valve.py", "pickle.load(")] * 3


def notebook():
    """A notebook with one table."""
    data = {"application/vnd.belimo-nb+json": {"kind": "table", "name": "../../x", "csv": "a\n1\n"}}
    output = nbformat.v4.new_output("display_data", data=data)
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])


JOB = Job("device", "North", "devices/north-1", {})


def test_names_of_tables(tmp_path):
    """A table's name is a part of a file's name, not of a path."""
    files = write_report(notebook(), JOB, tmp_path, made_at=MADE, version="1", failed=False)
    assert files["csv:x"] == "devices/north-1-x.csv"
    assert slugify("../../etc/passwd") == "etc-passwd"


@pytest.mark.parametrize("name", ["devices", "devices/north-1.html", "devices/north-1-x.csv"])
def test_output_folder(tmp_path, untouched, name):
    """A report is not written through a link that lies in the output folder."""
    link(tmp_path / "out" / name, untouched if name == "devices" else untouched / "mine.txt")
    with pytest.raises(OSError, match="leads out of"):
        write_report(notebook(), JOB, tmp_path / "out", made_at=MADE, version="1", failed=False)


def test_old_tables_elsewhere(tmp_path, outside):
    """Tables of an earlier run are removed in the output folder only."""
    (outside / "north-1-old.csv").write_text("mine")
    link(tmp_path / "out" / "devices", outside)
    with pytest.raises(OSError, match="leads out of"):
        write_report(notebook(), JOB, tmp_path / "out", made_at=MADE, version="1", failed=False)
    assert (outside / "north-1-old.csv").read_text() == "mine"


@pytest.mark.parametrize("name", ["index.html", "reports.json", "2018-11", ".belimo-nb"])
def test_places_of_a_run(tmp_path, untouched, name, found):
    """Nothing of a run is written through a link in its output folder; the run says so in a sentence."""
    link(tmp_path / "out" / name, untouched / "mine.txt" if "." in name[1:] else untouched)
    with ChildProcesses(1, time_limit=5) as workers, pytest.raises(UsageError, match=r"leads out of.*--out"):
        run([], workers, settings=found, period=NOVEMBER, out=tmp_path / "out")


def test_a_run_in_bad_hands(tmp_path, outside, found):
    """Paths in a `reports.json` that someone has put into the folder, and links in it, reach no file outside it."""
    with ChildProcesses(1, time_limit=5) as workers:
        for span in (NOVEMBER, month("2018-10")):
            run([], workers, settings=found, period=span, out=tmp_path / "out")
        body = json.loads((tmp_path / "out" / "2018-11" / "reports.json").read_text())
        entry = {"notebook": "device", "title": "x", "slug": "x", "parameters": {}, "status": "ok", "seconds": 1}
        entry |= {"error": None, "key_figures": [], "completeness": None, "trend": None, "made_at": None, "kept": False}
        body["reports"] = [entry | {"files": {"html": "../../outside/mine.txt", "ipynb": "away/mine.txt"}}]
        (tmp_path / "out" / "2018-11" / "reports.json").write_text(json.dumps(body))
        link(tmp_path / "out" / "2018-11" / "away", outside)
        with pytest.raises(BelimoError, match="leads out of"):
            run([], workers, settings=found, period=month("2018-09"), out=tmp_path / "out", keep=1)
    assert (outside / "mine.txt").read_text() == "mine"


def test_an_output_folder_that_is_a_link(tmp_path, outside, found):
    """The output folder itself may be a link: whoever runs the command has named it."""
    link(tmp_path / "out", outside)
    with ChildProcesses(1, time_limit=5) as workers:
        run([], workers, settings=found, period=NOVEMBER, out=tmp_path / "out")
    assert (outside / "index.html").exists()


@pytest.mark.parametrize("name", [".env", "device.ipynb"])
@pytest.mark.parametrize("target", ["mine.txt", "new.txt"])
def test_notebook_folder(tmp_path, untouched, name, target):
    """`init` writes nothing through a link in the folder, whether its target is there or not."""
    link(tmp_path / "folder" / name, untouched / target)
    CliRunner().invoke(cli, ["init", str(tmp_path / "folder")])
    assert (tmp_path / "folder" / name).is_symlink()

"""Every fault against every command and notebook: the right result, or a sentence; never half a result as if whole."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import prepared
import pytest
from click.testing import CliRunner
from fault_matrix import (
    COLUMNS,
    NO_WEATHER,
    NOTEBOOKS,
    OFFLINE,
    ONE_BY_ONE,
    PARTLY,
    REFUSED,
    RIGHT,
    ROWS,
    TOLD,
    UNKNOWN,
    VANISHING,
    VANISHING_COLD,
    table,
)
from tally import count
from test_bad_input import check_sentence

import belimo_nb as bn
from belimo_nb import settings, summary
from belimo_nb.cli import cli
from belimo_nb.client import http, retries
from belimo_nb.cloud import several
from belimo_nb.demo import DemoCloud
from belimo_nb.demo.server.trouble import FAULTS
from belimo_nb.errors import BelimoError
from belimo_nb.report import notebooks
from belimo_nb.store import Store, sync
from belimo_nb.store.coverage import Coverage, OpenSpan
from belimo_nb.store.inventory import entries

SEARCH, VALVE = "Heizung 2.OG Nord", "Heizung 2.OG Nord-West"
SPAN = ("2018-11-28", "2018-11-30")
SEARCH_COLD, SPAN_COLD = "Kälte 2.OG", ("2018-07-10", "2018-07-12")
# What a column gives without a fault is made once, by one worker.
CELLS = [
    pytest.param(row, column, id=f"{row.what}-{column}", marks=pytest.mark.xdist_group(f"faults of {column}"))
    for column in COLUMNS
    for row in ROWS
]
PERIOD = ("--from", SPAN[0], "--to", SPAN[1])
TRIED, FAILED = "faults tried on commands and notebooks", "faults that were not survived"


@dataclass
class Seen:
    """What came of a command or of a notebook's calls.

    Attributes:
        status: Exit status; of calls the one that the error stands for.
        tables: What can be compared, by name.
        sentences: What was said.
        lost: What is named as lost.
    """

    status: int = 0
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def overview(cloud):
    """What the overview's cells ask for."""
    devices = cloud.devices(SEARCH)
    latest = cloud.latest(devices)
    period = cloud.period(*SPAN)
    found = cloud.survey(devices, period.start, period.end)
    summary.fleet_table(devices, latest, found, cloud.timezone)
    days = summary.valve_energy(found)
    tables = {"devices": devices, "latest": latest, "survey": found.table(), "energy": pd.DataFrame(days)}
    return Seen(tables=tables, lost=[f"{name}: {why}" for name, why in found.failures.items()])


def device(cloud):
    """What the device notebook's cells ask for."""
    valve = cloud.device(VALVE)
    period = cloud.period(*SPAN)
    counters = valve.counters(period.start, period.end)
    checkup = valve.checkup(period.start, period.end)
    heating = valve.energy("heating", period.start, period.end, "h")
    return Seen(
        tables={
            "days": counters.energy("D", period.start),
            "hours": heating,
            "history samples": checkup.samples,
            "verdicts": pd.DataFrame(checkup.verdicts),
            "state": valve.state(),
            "timeline": valve.timeline(period.start, period.end),
        }
    )


def energy_of_a_kind(cloud, kind, valves, span):
    """What the cells of the heating and of the cooling notebook ask for."""
    period = cloud.period(*span)
    counters = cloud.counters(valves, kind, period.start, period.end)
    outdoor, _ = bn.weather.temperature_or_reason(cloud, period.start, period.end, "")
    tables = {
        "days": counters.energy("D"),
        "hours": counters.energy("h"),
        "statement": counters.statement("D"),
        "incidents": counters.incidents(),
        "outdoor": outdoor.to_frame(),
    }
    return Seen(tables=tables, lost=[f"{name}: {why}" for name, why in counters.failures.items()])


def heating_energy(cloud):
    """What the heating notebook's cells ask for."""
    return energy_of_a_kind(cloud, "heating", cloud.heating_valves(SEARCH), SPAN)


def cooling_energy(cloud):
    """What the cooling notebook's cells ask for."""
    return energy_of_a_kind(cloud, "cooling", cloud.cooling_valves(SEARCH_COLD), SPAN_COLD)


CALLS = dict(zip(NOTEBOOKS, (overview, device, heating_energy, cooling_energy), strict=True))


def kept():
    """The values of the store, by device, up to the end of the period: counters are read some days longer."""
    store = Store(settings.load())
    found = {}
    for path in sorted(store.folder.rglob("*.parquet")):
        frame = store.read(path.stem, path.parent.name)
        plain = {key: [None if isinstance(v, bool) else v for v in values] for key, values in frame.columns.items()}
        columns = {key: pd.to_numeric(pd.Series(values), errors="coerce") for key, values in plain.items()}
        times = pd.to_datetime(frame.times, unit="s", utc=True)
        values = pd.DataFrame({k: c.to_numpy(float) for k, c in columns.items()}, times)
        found[f"history {path.stem}"] = values[times < pd.Timestamp(SPAN[1], tz="UTC")]
    return found


def command(*arguments):
    """A command as people run it, but in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        result = CliRunner().invoke(cli, arguments)
    assert "Traceback" not in result.output
    assert "fault of belimo-nb" not in result.output
    return result


def told(result):
    """A command's outcome: its errors, its failures and its warnings as sentences."""
    lines = result.stderr.splitlines()
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    lost = [line.removeprefix("Failed: ") for line in lines if line.startswith("Failed: ")]
    return Seen(result.exit_code, {}, errors, lost)


def printed(*arguments):
    """A command that prints what it has to say."""
    result = command(*arguments)
    found = told(result)
    if found.status:
        assert not result.stdout
    else:
        found.tables = {"printed": pd.DataFrame({"line": result.stdout.splitlines()})}
    return found


def age_store():
    """Let all that is kept have been asked for long ago, so that it is asked for again."""
    store = Store(settings.load())
    for entry in entries(store):
        kept = store.read(entry.device, entry.resolution)
        asked = {key: known.asked for key, known in kept.coverage.items()}
        old = {key: Coverage((), tuple(OpenSpan(*span, 0, None) for span in spans)) for key, spans in asked.items()}
        store.write(replace(kept, coverage=old))


def run_login():
    """`belimo-nb login`."""
    found = printed("login")
    found.tables = {name: frame[:2] for name, frame in found.tables.items()}  # below are the settings
    return found


def run_sync():
    """`belimo-nb sync`; what counts is what is in the store."""
    found = told(command("sync", "--search", SEARCH, *PERIOD))
    found.tables = kept()
    return found


def run_store():
    """`belimo-nb store verify`, after a sync that may have failed."""
    command("sync", "--search", SEARCH, *PERIOD)
    found = printed("store", "verify")
    found.tables = {}
    assert command("store", "info").exit_code == 0
    return found


def without_charts(folder):
    """The device notebook without its charts, which take most of its time, and with a cell that keeps its tables."""
    notebook = nbformat.read(notebooks.notebook("device"), as_version=4)
    chart = re.compile(r"^(plots\.|bn\.explore)", re.MULTILINE)
    notebook.cells = [cell for cell in notebook.cells if not chart.search(cell.source)]
    keep = f"""import pandas as pd
frames = {{"days": days, "history samples": samples, "verdicts": pd.DataFrame(checkup.verdicts)}}
pd.to_pickle(frames, {str(folder)!r} + "/" + valve.name + ".pickle")"""
    notebook.cells.append(nbformat.v4.new_code_cell(keep))
    path = folder / "_notebooks" / "device.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)


def run_report(folder, search):
    """`belimo-nb report` in processes of its own; what counts is the status, what is said, and the reports' tables."""
    folder.mkdir()
    without_charts(folder)
    out = folder / "reports"
    words = ("report", "device", "--search", search, *PERIOD, "--out", str(out), "--jobs", "1")
    wanted = {"package": str(folder), "timeout": http.TIMEOUT, "answer": http.MAX_ANSWER_SECONDS}
    environment = {**os.environ, prepared.BEFORE: "fault_matrix:one_by_one", ONE_BY_ONE: json.dumps(wanted)}
    ran = subprocess.run([*prepared.program(), *words], capture_output=True, text=True, env=environment)
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "fault of belimo-nb" not in ran.stderr
    lines = ran.stderr.splitlines()
    found = Seen(ran.returncode, {}, [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")])
    if (out / "reports.json").exists():
        for report in json.loads((out / "reports.json").read_text(encoding="utf-8"))["reports"]:
            if report["error"]:
                found.lost.append(f"{report['title']}: {report['error']}")
            tables = {kind: name for kind, name in report["files"].items() if kind.startswith("csv:")}
            found.tables |= {f"{report['slug']} {kind}": pd.read_csv(out / name) for kind, name in tables.items()}
    for path in folder.glob("*.pickle"):
        found.tables |= {f"{path.stem} {name}": frame for name, frame in pd.read_pickle(path).items()}  # noqa: S301
    return found


def called(calls, cloud):
    """The outcome of a notebook's calls."""
    with warnings.catch_warnings(record=True) as caught, contextlib.closing(cloud):
        warnings.simplefilter("always")
        try:
            found = calls(cloud)
        except BelimoError as error:
            return Seen(error.exit_status, sentences=[str(error)])
    for warning in caught:
        assert issubclass(warning.category, UserWarning), warning.message
    found.status = 1 if found.lost else 0
    return found


def outcome_of(column, folder, search):
    """Run a column; the report makes its files in a new folder, of the devices searched for."""
    if column in CALLS:
        return called(CALLS[column], bn.connect())
    runs = {
        "login": run_login,
        "devices": lambda: printed("devices"),
        "sync": run_sync,
        "store": run_store,
        "report": lambda: run_report(folder, search),
    }
    return runs[column]()


@pytest.fixture(scope="module")
def server():
    """A demo cloud whose faults the tests of this module set."""
    with DemoCloud() as demo:
        yield demo


@pytest.fixture(scope="module")
def faultless():
    """Outcomes without a fault, by column and devices."""
    return {}


@pytest.fixture
def waits(server, monkeypatch):
    """The environment points at the cloud, one request at a time, so that the same ones are hit; waits take no time."""
    waited = []
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(retries, "pause", waited.append)
    monkeypatch.setattr(sync, "WORKERS", 1)
    monkeypatch.setattr(several, "MAX_IN_FLIGHT", 1)
    yield waited
    server.faults = []


def same(frame, other, ignoring=()):
    """Whether two tables are the same, but for some columns."""
    frame, other = (f.drop(columns=[c for c in ignoring if c in f]) for f in (frame, other))
    try:
        pd.testing.assert_frame_equal(frame, other, check_dtype=False, check_freq=False)
    except AssertionError:
        return False
    return True


def nothing_invented(frame, whole):
    """Each value is that of the whole table, or the last one before, which holds while the device lives, or unknown."""
    for column in frame.columns:
        assert column in whole
        if frame[column].dtype == float:
            values = frame[column].dropna()
            held = values[(values == values.shift()) | values.shift().isna()].index  # the first may be from before
            plain = values.drop(held)
            np.testing.assert_allclose(plain, whole[column].reindex(plain.index), rtol=1e-12)


def measured_alike(frame, whole):
    """Where energy is said to be measured it is what it should be."""
    wide = isinstance(frame.columns, pd.MultiIndex)
    for name in set(frame["kwh"].columns) if wide else {None}:
        mine, true = (f.xs(name, axis=1, level=1) if wide else f for f in (frame, whole))
        plain = mine["quality"] == "measured"
        np.testing.assert_allclose(mine["kwh"][plain], true["kwh"][plain], rtol=0.05)


def check(found, expected, whole, words):
    """The outcome is what the matrix says."""
    if expected == REFUSED:
        assert found.status == 3
        (sentence,) = found.sentences
        check_sentence(sentence, [words])
        assert found.tables == {}
        return
    assert found.sentences == []
    if expected == PARTLY:
        assert found.status == 1
        assert found.lost
        for line in found.lost:
            check_sentence(line.split(": ", 1)[1], [words])
        assert found.tables or len(found.lost) > 1
        for name, frame in found.tables.items():
            if "history" in name or "csv:" in name:  # of other devices
                assert same(frame, whole.tables[name]), name
        return
    assert (found.status, found.lost) == (0, [])
    assert found.tables.keys() == whole.tables.keys()
    if expected == OFFLINE:
        for name, frame in found.tables.items():
            mine, true = (f.replace(r" (yes|no ) ", " ", regex=True) for f in (frame, whole.tables[name]))
            # Who counts as offline has another status, and another place in what to look at first.
            assert same(mine.sort_index(), true.sort_index(), ignoring=["online", "status", "sentence"]), name
        return
    if expected == RIGHT:
        assert [name for name, frame in found.tables.items() if not same(frame, whole.tables[name])] == []
        return
    if expected == NO_WEATHER:
        for name, frame in found.tables.items():
            if "verdicts" in name:
                changed = (frame != whole.tables[name])["verdict"]
                assert (frame["verdict"][changed] == "cannot judge").all(), name
            else:
                assert frame.isna().all(axis=None) if name == "outdoor" else same(frame, whole.tables[name]), name
        return
    if expected == TOLD:
        for name, frame in found.tables.items():
            faults = [table.astype(str).eq("fault").sum(axis=None) for table in (frame, whole.tables[name])]
            if "verdicts" in name or name == "survey":
                assert faults[0] > faults[1], name
            elif name.split(" ")[-1] in ("days", "hours", "energy", "csv:days"):
                assert same(frame, whole.tables[name]), name
        return
    assert expected == UNKNOWN
    if any(name.startswith("history") or name.endswith("samples") for name in found.tables):
        assert not all(same(frame, whole.tables[name]) for name, frame in found.tables.items()), "nothing was lost"
    for name, frame in found.tables.items():
        kind = name.split(" ")[-1]
        if name.startswith("history") or kind == "samples":
            nothing_invented(frame, whole.tables[name])
        elif kind == "days":
            measured_alike(frame, whole.tables[name])


@pytest.mark.slow
@pytest.mark.parametrize(("row", "column"), CELLS)
def test_matrix(row, column, server, faultless, waits, isolated, monkeypatch, tmp_path):
    """The right result, or a sentence and its status; no trace, no endless wait."""
    if column == "report" and not prepared.CAN_FORK:
        pytest.skip("the command's processes are changed as they are forked")
    expected = row.expected(column)
    search = SEARCH if expected == PARTLY else VALVE  # a second device where it is to come to no harm
    if (column, search) not in faultless or row.kept:
        monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / "faultless"))
        faultless[column, search] = outcome_of(column, tmp_path / "without", search)
        for path in isolated.rglob("token-*.json"):
            path.unlink()  # what follows signs in itself, whether or not this came before
    if row.kept:
        age_store()
    else:
        monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / "faulty"))
    if row.limits is not None:
        monkeypatch.setattr(http, "TIMEOUT", (5, row.limits[0]))
        monkeypatch.setattr(http, "MAX_ANSWER_SECONDS", row.limits[1])
    for name, value in row.settings.items():
        monkeypatch.setenv(name, value)
    mine = VANISHING_COLD if column == "cooling_energy" else VANISHING
    server.faults = [text.replace(VANISHING, mine) for text in row.faults]
    good = False
    try:
        found = outcome_of(column, tmp_path / "with", search)
        check(found, expected, faultless[column, search], row.words)
        assert max(waits, default=0) <= retries.MAX_WAIT
        good = True
    finally:
        count(TRIED)
        count(FAILED, int(not good))


def test_the_matrix_has_every_fault():
    """Whatever the demo cloud can do is tried."""
    assert {text.partition("=")[0].partition(":")[0].partition("@")[0] for row in ROWS for text in row.faults} == set(
        FAULTS
    )


def test_the_docs_have_the_matrix():
    """The table in the docs is the one that is tried."""
    page = Path(__file__).parents[1] / "docs" / "faults.md"
    assert table() in page.read_text(encoding="utf-8")

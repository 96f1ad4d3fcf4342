"""Every fault against every command and notebook: the right result, or a sentence; never half a result as if whole."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from fault_matrix import (
    COLUMNS,
    NOTEBOOKS,
    OFFLINE,
    PARTLY,
    REFUSED,
    RIGHT,
    ROWS,
    UNKNOWN,
    table,
)
from tally import count
from test_bad_input import check_sentence

import belimo_nb as bn
from belimo_nb import settings, summary
from belimo_nb.cli import cli
from belimo_nb.client import http, retries
from belimo_nb.cloud import several
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.demo import DemoCloud
from belimo_nb.demo.server.trouble import FAULTS
from belimo_nb.errors import BelimoError
from belimo_nb.report import run as report_run
from belimo_nb.report.engine import engines
from belimo_nb.report.jobs import Result
from belimo_nb.store import Store, sync
from belimo_nb.store.coverage import Coverage, OpenSpan
from belimo_nb.store.inventory import entries

SEARCH, VALVE = "Heizung 2.OG Nord", "Heizung 2.OG Nord-West"
SPAN = ("2018-11-28", "2018-11-30")
# One worker runs the real command: what it gives without a fault is made once.
CELLS = [
    pytest.param(
        *(row, column),
        id=f"{row.what}-{column}",
        marks=[pytest.mark.xdist_group("real command")] * (row.real and column == "report"),
    )
    for row in ROWS
    for column in COLUMNS
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


def device(cloud, key=VALVE):
    """What the device notebook's cells ask for."""
    valve = cloud.device(key)
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


def heating_energy(cloud):
    """What the heating notebook's cells ask for."""
    period = cloud.period(*SPAN)
    valves = cloud.heating_valves(SEARCH)
    counters = cloud.counters(valves, "heating", period.start, period.end)
    outdoor, _ = bn.weather.temperature_or_reason(cloud, period.start, period.end, "")
    tables = {
        "days": counters.energy("D"),
        "hours": counters.energy("h"),
        "statement": counters.statement("D"),
        "incidents": counters.incidents(),
        "outdoor": outdoor.to_frame(),
    }
    return Seen(tables=tables, lost=[f"{name}: {why}" for name, why in counters.failures.items()])


CALLS = dict(zip(NOTEBOOKS, (overview, device, heating_energy), strict=True))


def kept():
    """The values of the store, by device, up to the end of the period: counters are read some days longer."""
    store = Store(settings.load())
    found = {}
    for path in sorted(store.folder.rglob("*.parquet")):
        frame = store.read(path.stem, path.parent.name)
        columns = {key: pd.to_numeric(pd.Series(values), errors="coerce") for key, values in frame.columns.items()}
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


class Checked:
    """Workers that nobody has to ask for anything."""

    def check(self, connection, folder):
        """All is well."""


def run_real_report():
    """`belimo-nb report` itself; what counts is the status, what is said, and the tables of the reports."""
    out = settings.load().data_dir / "reports"
    words = ("report", "device", "heating_energy", "--search", SEARCH, *PERIOD, "--out", str(out), "--jobs", "2")
    ran = subprocess.run([sys.executable, "-m", "belimo_nb", *words], capture_output=True, text=True)
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
    return found


def run_report(monkeypatch):
    """`belimo-nb report`, but in this process: the notebooks' calls are made with the settings that it hands on."""
    made = Seen()

    def run(jobs, workers, *, settings, on_result, out, **_):
        results = []
        for job in jobs:
            key = {"key": job.parameters["device"]} if job.notebook == "device" else {}
            found = called(functools.partial(CALLS[job.notebook], **key), Cloud(settings))
            error = (found.lost + found.sentences or [None])[0]
            made.tables |= {f"{job.slug} {name}": frame for name, frame in found.tables.items()}
            results.append(Result(job, "ok" if error is None else "failed", 0.0, error=error or ""))
            on_result(results[-1])
        return report_run.Outcome(results, Path("index.html"), 0.0, stopped=False)

    monkeypatch.setattr(report_run, "run", run)
    monkeypatch.setattr(engines, "worker_pool", lambda *_, **__: contextlib.nullcontext(Checked()))
    found = told(command("report", "device", "--search", SEARCH, *PERIOD, "--out", "reports"))  # another column heats
    found.tables = made.tables
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


def outcome_of(column, monkeypatch, *, real=False):
    """Run a column."""
    if column == "report" and real:
        return run_real_report()
    if column in CALLS:
        return called(CALLS[column], bn.connect())
    runs = {"login": run_login, "devices": lambda: printed("devices"), "sync": run_sync, "store": run_store}
    return runs[column]() if column in runs else run_report(monkeypatch)


@pytest.fixture(scope="module")
def server():
    """A demo cloud whose faults the tests of this module set."""
    with DemoCloud() as demo:
        yield demo


@pytest.fixture(scope="module")
def faultless():
    """Outcomes without a fault, by column."""
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
        for name, frame in found.tables.items():
            if name.startswith("history"):
                assert same(frame, whole.tables[name])
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
    assert expected == UNKNOWN
    for name, frame in found.tables.items():
        kind = name.split(" ")[-1]
        if name.startswith("history") or kind == "samples":
            assert not same(frame, whole.tables[name]), "nothing was lost"
            nothing_invented(frame, whole.tables[name])
        elif kind == "days":
            measured_alike(frame, whole.tables[name])


@pytest.mark.slow
@pytest.mark.parametrize(("row", "column"), CELLS)
def test_matrix(row, column, server, faultless, waits, isolated, monkeypatch, tmp_path):
    """The right result, or a sentence and its status; no trace, no endless wait."""
    real = row.real and column == "report"
    if (column, real) not in faultless or row.kept:
        monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / "faultless"))
        with monkeypatch.context() as patch:
            faultless[column, real] = outcome_of(column, patch, real=real)
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
    server.faults = row.faults
    good = False
    try:
        found = outcome_of(column, monkeypatch, real=real)
        check(found, row.expected(column), faultless[column, real], row.words)
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

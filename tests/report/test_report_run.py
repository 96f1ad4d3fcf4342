"""Whole runs: real reports from the demo cloud, and every way in which a report can fail."""

import gzip
import json
import re
import signal
import zipfile
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from click.testing import CliRunner
from made_runs import NOVEMBER

import belimo_nb
from belimo_nb import settings
from belimo_nb.cli import cli
from belimo_nb.cli.shared import sigterm_as_interrupt
from belimo_nb.errors import UsageError
from belimo_nb.report.engine.engines import FORK, KERNEL, worker_pool
from belimo_nb.report.run import run
from belimo_nb.report.workers import processes as pools
from belimo_nb.report.workers.processes import CAN_FORK, ChildProcesses

GOOD = "import os\nprint(os.environ['BELIMO_RATE'], os.environ['BELIMO_API_URL'], os.environ['BELIMO_PASSWORD'])"
TROUBLE = {
    "good": GOOD,
    "failing": "print('before')\n1/0",
    "crashing": "import os\nos._exit(3)",
}
HANGING = {"hanging": "import time\ntime.sleep(600)"}
KILLED = "Its process was killed; most often the system does this when memory runs out: try fewer --jobs."
DIED = "Its kernel ended unexpectedly: a library crashed, or memory ran out."
ERRORS = {"failing": "ZeroDivisionError: division by zero"}
CRASHES = {
    FORK: {"crashing": "Its process ended unexpectedly with status 3.", "killing": KILLED},
    KERNEL: {"crashing": DIED, "killing": KILLED},
}
"""How the engines tell of crashes, the first time; after the second they add `TWICE`."""
TWICE = " It was tried twice."


@pytest.fixture
def run_november(tmp_path):
    """Runs reports of November into `out`, with the settings of an account that no one asks."""
    connection = settings.load(
        client_id="id",
        client_secret="the-secret-of-the-client",
        username="me@example.org",
        password="the-password-of-mine",
        api_url="http://127.0.0.1:9/api/v3",
        rate="3",
    )
    return partial(run, settings=connection, period=NOVEMBER, out=tmp_path / "out")


def links(page):
    """The relative links of an HTML file, as paths."""
    hrefs = re.findall(r'href="([^"#:]+)"', page.read_text(encoding="utf-8"))
    return [page.parent / unquote(href) for href in hrefs]


@pytest.mark.slow
def test_real_reports(demo_environment):
    """From the command line: overview, heating energy, two valves; all links work, nothing private is in the files."""
    arguments = ["report", "--search", "2.OG Nord-", "--period", "2018-11", "--out", "out", "--jobs", "2"]
    result = CliRunner().invoke(cli, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    out = Path("out").resolve()
    first, last = result.stdout.splitlines()
    assert last == str(out / "index.html")
    assert re.fullmatch(r"4 reports made in \d+ s \(demo data, seed 1, November 2018\)\.", first)

    pages = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.html"))
    assert pages == [
        "2018-11/devices/energieventil-heizung-2-og-nord-ost-3c563d80.html",
        "2018-11/devices/energieventil-heizung-2-og-nord-west-3c6f7077.html",
        "2018-11/heating-energy.html",
        "2018-11/index.html",
        "2018-11/overview.html",
        "index.html",
    ]
    targets = {path.resolve() for name in pages for path in links(out / name)}
    assert {out / name for name in pages} <= targets
    assert all(path.is_file() for path in targets)

    machine = json.loads((out / "reports.json").read_text(encoding="utf-8"))
    assert [report["status"] for report in machine["reports"]] == ["ok"] * 4
    assert all(report["key_figures"] for report in machine["reports"])
    heating = next(report for report in machine["reports"] if report["slug"] == "heating-energy")
    assert heating["parameters"] == {"search": "2.OG Nord-", "start": "2018-11-01", "end": "2018-12-01"}
    assert any(kind.startswith("csv:") for kind in heating["files"])
    private = [
        demo_environment["BELIMO_CLIENT_SECRET"],
        demo_environment["BELIMO_PASSWORD"],
        str(Path(belimo_nb.__file__).parents[1]),
        str(Path.home()),
        "/tmp/",  # noqa: S108 - searched for, not used
    ]
    for path in (path for path in out.rglob("*.*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                content = b"".join(book.read(name) for name in book.namelist())
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        assert [word for word in private if word in text] == []
        assert not path.name.endswith(".tmp")


@pytest.mark.slow
def test_pages_are_light(demo_environment):
    """A year of the hunting valve, which draws most, is a page of under 700 kB; for others see test_notebooks.py."""
    words = ["device", "--device", "Lüftung LA04 Erhitzer", "--period", "last-12-months", "--out", "out"]
    result = CliRunner().invoke(cli, ["report", *words])
    assert (result.exit_code, result.stderr) == (0, "")
    (device,) = Path("out").glob("*/devices/*.html")
    assert device.stat().st_size < 700_000


@pytest.fixture(params=[pytest.param(FORK, marks=pytest.mark.skipif(not CAN_FORK, reason="cannot fork")), KERNEL])
def engine(request):
    """Each engine."""
    return request.param


@pytest.mark.slow
def test_trouble(engine, jobs, run_november, tmp_path):
    """Reports that fail, crash or are killed are told; what they left is kept, and the good ones are made."""
    killed = "os.getpid()" if engine == FORK else "os.getppid()"
    sources = TROUBLE | {"killing": f"import os, signal\nos.kill({killed}, signal.SIGKILL)", "last": "1"}
    crashes = CRASHES[engine]
    errors = ERRORS | {name: error + TWICE for name, error in crashes.items()}
    planned = jobs(sources)
    told, retried = [], []
    out = tmp_path / "out"
    with worker_pool(3, time_limit=600, engine=engine) as workers:
        outcome = run_november(planned, workers, on_result=told.append, on_retry=retried.append)
    assert [result.job for result in outcome.results] == planned
    assert sorted(result.job.notebook for result in told) == sorted(sources)
    assert {result.job.notebook: result.error for result in retried} == crashes
    assert {result.job.notebook: result.error for result in outcome.results} == {"good": None, "last": None, **errors}
    assert not outcome.stopped

    files = {result.job.notebook: result.files for result in outcome.results}
    assert files["good"] == {"html": "devices/good-1.html", "ipynb": "devices/good-1.ipynb"}
    place = out / NOVEMBER.name
    printed = nbformat.read(place / files["good"]["ipynb"], as_version=4).cells[-1].outputs[0].text
    # Three workers share the account's 3 requests a second; what a notebook shows of a secret is masked.
    assert printed == "1.0 http://127.0.0.1:9/api/v3 ********\n"
    failed = nbformat.read(place / files["failing"]["ipynb"], as_version=4)
    assert [o.output_type for cell in failed.cells for o in cell.get("outputs", [])] == ["stream", "error"]
    if engine == KERNEL:
        notebook = nbformat.read(place / files["crashing"]["ipynb"], as_version=4)
        assert crashes["crashing"] in notebook.cells[0].source
    assert files["killing"] == {}

    page = outcome.index.read_text(encoding="utf-8")
    assert all(error in page for error in errors.values())
    machine = json.loads((out / "reports.json").read_text(encoding="utf-8"))
    statuses = {report["slug"]: report["status"] for report in machine["reports"]}
    assert statuses == {f"devices/{name}-1": "failed" if name in errors else "ok" for name in sources}


@pytest.mark.slow
def test_hanging(engine, jobs, run_november, tmp_path):
    """A report that hangs is stopped at its time limit and not tried again; its page and its notebook say so."""
    retried = []
    with worker_pool(1, time_limit=4, engine=engine) as workers:
        outcome = run_november(jobs(HANGING), workers, on_retry=retried.append)
    (result,) = outcome.results
    assert result.error == "Stopped: it took longer than the time limit of 4 s."
    assert result.error in outcome.index.read_text(encoding="utf-8")
    notebook = nbformat.read(tmp_path / "out" / NOVEMBER.name / result.files["ipynb"], as_version=4)
    assert result.error in notebook.cells[0].source
    assert retried == []


@pytest.mark.slow
def test_second_try(engine, jobs, run_november, tmp_path):
    """A report that crashes once is told, tried again, and made."""
    died = tmp_path / "died"
    source = f"import os, pathlib\nseen = pathlib.Path({str(died)!r})\nif not seen.exists():\n    seen.touch()\n"
    retried = []
    with worker_pool(1, time_limit=600, engine=engine) as workers:
        outcome = run_november(jobs({"crashing": f"{source}    os._exit(3)\n1"}), workers, on_retry=retried.append)
    assert [result.error for result in retried] == [CRASHES[engine]["crashing"]]
    assert [result.status for result in outcome.results] == ["ok"]


@pytest.mark.slow
def test_deaf_to_the_time_limit(engine, jobs, run_november, tmp_path, monkeypatch):
    """A report that lets no one interrupt it is killed soon after its time limit, and not tried again."""
    monkeypatch.setattr(pools, "GRACE_PERIOD", 1.0)
    deaf = "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\ntime.sleep(600)"
    retried = []
    with worker_pool(1, time_limit=6, engine=engine) as workers:
        outcome = run_november(jobs({"deaf": deaf}), workers, on_retry=retried.append)
    assert [result.error for result in outcome.results] == ["Stopped: it took longer than the time limit of 6 s."]
    assert retried == []


@pytest.mark.slow
def test_failures_set_the_exit_status(engine, jobs, demo_environment, monkeypatch):
    """Failed and crashed reports are told on standard error, counted, and make the exit status 1."""
    planned = jobs({"good": "1", "failing": "raise KeyError('x')", "crashing": "import os\nos._exit(3)"})
    monkeypatch.setattr("belimo_nb.report.jobs.plan", lambda *_, **__: planned)
    result = CliRunner().invoke(cli, ["report", "--out", "out", "--engine", engine])
    assert result.exit_code == 1
    crash = CRASHES[engine]["crashing"]
    assert sorted(result.stderr.splitlines()) == [
        f"Failed: Crashing: {crash}{TWICE}",
        "Failed: Failing: KeyError: 'x'",
        f"Trying again: Crashing: {crash}",
    ]
    assert re.match(r"1 of 3 reports made in .*; 2 failed\.\n", result.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="needs signals")
def test_interrupted(engine, jobs, run_november, tmp_path):
    """A run that is told to end stops at once; its index says what was made and what was not."""
    planned = jobs({"first": "1", "second": "import time\ntime.sleep(600)", "third": "1"})
    with sigterm_as_interrupt(), worker_pool(2, time_limit=600, engine=engine) as workers:
        outcome = run_november(planned, workers, on_result=lambda _: signal.raise_signal(signal.SIGTERM))
    assert outcome.stopped
    first, second, third = outcome.results
    assert first.status == "ok"
    assert (second.status, second.error) == ("failed", "Stopped before it was finished.")
    assert third.status == "failed"
    assert "Stopped before" in outcome.index.read_text(encoding="utf-8")


def test_output_folder_that_is_none(jobs, run_november, tmp_path):
    """An output folder that cannot be made is refused before anything runs."""
    (tmp_path / "file").write_text("mine")
    with (
        ChildProcesses(1, time_limit=60) as workers,
        pytest.raises(UsageError, match=r"file.*cannot be written to.*--out"),
    ):
        run_november(jobs({"good": "1"}), workers, out=tmp_path / "file")


def test_no_forking(monkeypatch):
    """Where there is no forking, asking for it is refused in one sentence."""
    monkeypatch.setattr("belimo_nb.report.engine.engines.CAN_FORK", False)
    result = CliRunner().invoke(cli, ["report", "--engine", "fork"])
    assert result.exit_code == 2
    assert (
        result.stderr == "Error: The engine fork works on Linux only; use --engine kernel, or leave the option out.\n"
    )

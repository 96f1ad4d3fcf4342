"""Reports made on a Dask cluster: the same as here, whatever becomes of a worker, and no secret in its logs."""

import json
import os
import re
import signal
import socket
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from dask_cluster import DaskCluster
from made_runs import NOVEMBER

from belimo_nb import settings
from belimo_nb._version import __version__
from belimo_nb.cli import cli
from belimo_nb.cli.shared import sigterm_as_interrupt
from belimo_nb.errors import UsageError
from belimo_nb.report.cluster import dask_cluster
from belimo_nb.report.cluster import dask_cluster as clusters
from belimo_nb.report.cluster.dask_cluster import Cluster
from belimo_nb.report.cluster.dask_task import RemoteCall, run_on_worker
from belimo_nb.report.engine.engines import select_engine, worker_pool
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.folder import claim
from belimo_nb.report.run import run
from belimo_nb.report.workers.processes import CAN_FORK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("dask"),
    pytest.mark.skipif(not CAN_FORK, reason="workers kill children by ways of Linux here"),
]
SECRETS = ("the-secret-of-the-client", "the-password-of-mine")
BLIND = "import genericpath, os, pathlib\nold = os.path.isfile\n"
BLIND += "genericpath.isfile = os.path.isfile = lambda path: not str(path).endswith('.probe') and old(path)\n"
BLIND += "pathlib.Path.is_file = lambda self: os.path.isfile(self)\n"
"""A worker that does not see the folders of others."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A scheduler with two workers, for tests that leave them as they are."""
    with DaskCluster(tmp_path_factory.mktemp("dask") / "cluster") as cluster:
        cluster.worker()
        cluster.worker()
        yield cluster


@pytest.fixture
def own(tmp_path):
    """A scheduler of the test's own, without workers."""
    with DaskCluster(tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def connection(tmp_path):
    """Settings of an account that no one asks."""
    return settings.load(
        client_id="id",
        client_secret=SECRETS[0],
        username="me@example.org",
        password=SECRETS[1],
        api_url="http://127.0.0.1:9/api/v3",
        rate="3",
        data_dir=tmp_path / "data",
    )


def made(planned, workers, connection, out, **more):
    """A run, as the command makes one."""
    with claim(out) as folder:
        workers.check(connection, folder)
        return run(planned, workers, settings=connection, period=NOVEMBER, out=folder, **more)


def connected(address, time_limit=120):
    """A cluster's face."""
    return Cluster(address, time_limit=time_limit, engine=select_engine())


def contents(out):
    """Every page of a run without its time, and of every notebook the cells."""
    found = {}
    for result in reports_json.read(out / reports_json.NAME).results:
        notebook = nbformat.read(out / result.files["ipynb"], as_version=4)
        cells = [(cell.cell_type, cell.source, cell.get("outputs")) for cell in notebook.cells]
        page = (out / result.files["html"]).read_text(encoding="utf-8")
        found[result.job.slug] = cells, re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?", "then", page)
    return found


def test_a_worker_is_killed(own, connection, jobs, tmp_path):
    """With -9, on the way: every report is made, once, with the same content as here; no log has a secret."""
    died = tmp_path / "died"
    sources = {f"job{number}": f"print({number}, __import__('os').environ['BELIMO_RATE'])" for number in range(8)}
    sources["job2"] = (
        f"import os, pathlib, psutil\nseen = pathlib.Path({str(died)!r})\nif not seen.exists():\n"
        "    worker = psutil.Process().parent().parent()\n    seen.write_text(str(worker.pid))\n    worker.kill()\n"
        "    __import__('time').sleep(600)\nprint(os.environ['BELIMO_RATE'])"
    )
    planned = jobs(sources)
    two = [own.worker(from_nothing=True), own.worker(from_nothing=True)]
    told, retried = [], []
    with connected(own.address) as workers:
        assert workers.max_workers == 2
        outcome = made(planned, workers, connection, tmp_path / "there", on_result=told.append, on_retry=retried.append)
    assert int(died.read_text()) in [process.pid for process in two]
    assert sorted(process.poll() is None for process in two) == [False, True]
    assert [(result.status, result.error) for result in outcome.results] == [("ok", None)] * len(planned)
    assert sorted(result.job.notebook for result in told) == sorted(sources)
    assert retried == []

    with worker_pool(2, time_limit=120, engine=select_engine()) as workers:
        made(planned, workers, connection, tmp_path / "here")
    there, here = contents(tmp_path / "there"), contents(tmp_path / "here")
    assert len(there) == len(planned)
    assert there == here
    assert there["devices/job1-1"][0][-1][-1][0]["text"] == "1 1.5\n"  # two workers share 3 requests a second
    assert [word for word in SECRETS if word in own.log] == []
    assert not list((tmp_path / "data").glob(".*.probe"))


def test_secrets_in_no_log(shared, connection):
    """A task that Dask itself sees fail is told in the worker's log by a name and a text without what it was given."""
    import distributed

    task = {"environment": connection.environment()}
    call = RemoteCall("run", __version__, print, (task,), task, 60.0, select_engine(), probes=7)
    assert not any(word in text for word in SECRETS for text in (repr(call), str(call), f"{call!r:}"))
    with distributed.Client(shared.address, set_as_default=False) as client:
        future = client.submit(run_on_worker, call, pure=False)
        assert isinstance(future.exception(timeout=60), TypeError)
        assert re.fullmatch(r"run_on_worker-[0-9a-f-]{36}", future.key)
        stories = str(
            client.run_on_scheduler(lambda dask_scheduler: [str(t.run_spec) for t in dask_scheduler.tasks.values()])
        )
        assert "run_on_worker" in stories
    log = shared.log
    assert future.key in log
    assert "Compute Failed" in log
    assert [word for word in SECRETS if word in log + stories] == []


def test_crashes_and_hangs_there(shared, connection, jobs, tmp_path):
    """A report that crashes costs its own process and is tried twice; one that takes too long is stopped."""
    with connected(shared.address) as workers:
        outcome = made(jobs({"crashing": "import os\nos._exit(3)", "good": "1"}), workers, connection, tmp_path / "out")
    assert [result.error for result in outcome.results] == [
        "Its process ended unexpectedly with status 3. It was tried twice.",
        None,
    ]
    with connected(shared.address, time_limit=3) as workers:
        outcome = made(jobs({"hanging": "import time\ntime.sleep(600)"}), workers, connection, tmp_path / "out")
    assert [result.error for result in outcome.results] == ["Stopped: it took longer than the time limit of 3 s."]
    assert all(process.poll() is None for process in shared.processes)


def test_interrupted(shared, connection, jobs, tmp_path):
    """A run that is told to end kills what runs, cancels what waits, and says so in its index."""
    pid = tmp_path / "pid"
    hanging = f"import os, time, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(pid)!r}).exists():\n    time.sleep(0.05)"
    planned = jobs({"hanging": hanging, "first": wait, "third": "import time\ntime.sleep(600)", "fourth": "1"})
    with sigterm_as_interrupt(), connected(shared.address) as workers:
        outcome = made(
            planned, workers, connection, tmp_path / "out", on_result=lambda _: signal.raise_signal(signal.SIGTERM)
        )
    assert outcome.stopped
    assert [result.status for result in outcome.results] == ["failed", "ok", "failed", "failed"]
    assert outcome.results[0].error == "Stopped before it was finished."
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    with connected(shared.address) as workers:
        again = made(jobs({"good": "1"}), workers, connection, tmp_path / "out")
    assert [result.status for result in again.results] == ["ok"]


def test_another_version(own):
    """A worker of another version, or without any, is refused by one sentence that names it."""
    fake = "import importlib.metadata as m\nold = m.version\n"
    fake += "m.version = lambda name: old(name) if name != 'belimo-nb' else {}\n"
    own.worker(fake.format("'9.9.9'"))
    with pytest.raises(UsageError, match=rf"The worker tcp://\S+ has belimo-nb 9\.9\.9, this is {__version__}; inst"):
        connected(own.address)
    own.processes[-1].kill()
    own.processes[-1].wait()
    own.worker(fake.format("old('no-such-package')"))
    result = CliRunner().invoke(cli, ["--demo", "report", "--scheduler", own.address])
    assert result.exit_code == 2
    assert re.fullmatch(r"Error: The worker tcp://\S+ has no belimo-nb; install version .*\.\n", result.stderr)


def test_a_folder_that_is_not_shared(own, connection, tmp_path):
    """A worker that sees another disk is named before anything runs."""
    own.worker(BLIND)
    with (
        connected(own.address) as workers,
        claim(tmp_path / "out") as folder,
        pytest.raises(UsageError, match=r"The worker tcp://\S+ does not see the store '.*data'.*BELIMO_DATA_DIR"),
    ):
        workers.check(connection, folder)


def test_a_worker_that_comes_late(own, connection, jobs, tmp_path):
    """One that sees another disk is told once and makes nothing; the others make everything."""
    own.worker()
    planned = jobs({f"job{number}": "1" for number in range(6)})
    with connected(own.address) as workers, claim(tmp_path / "out") as folder:
        workers.check(connection, folder)
        own.worker(BLIND)
        with pytest.warns(
            clusters.ClusterWarning, match=r"The worker tcp://\S+ makes no reports: it does not see"
        ) as said:
            outcome = run(planned, workers, settings=connection, period=NOVEMBER, out=folder)
    assert len(said) == 1
    assert [result.error for result in outcome.results] == [None] * 6


def test_the_demo_cloud_elsewhere(shared, connection, tmp_path, monkeypatch):
    """A cloud that answers on this host only is not asked of workers on others."""
    monkeypatch.setattr(dask_cluster.socket, "gethostname", Host("another"))
    with (
        connected(shared.address) as workers,
        claim(tmp_path / "out") as folder,
    ):
        with pytest.raises(UsageError, match=r"answers on this host only, but the worker tcp://\S+ runs on "):
            workers.check(connection, folder)
        workers.check(replace(connection, offline=True), folder)


class Host:
    """The name of a host, here; elsewhere the true one."""

    def __init__(self, name):
        self.name = name

    def __call__(self):
        return self.name

    def __reduce__(self):
        return "gethostname"

    __module__ = "socket"
    __qualname__ = "gethostname"


def test_no_scheduler():
    """One that cannot be reached is one sentence and exit status 3."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner().invoke(cli, ["--demo", "report", "--scheduler", address])
    assert result.exit_code == 3
    sentence = (
        f"Error: The scheduler at {address} cannot be reached; start one (dask scheduler), or check the address.\n"
    )
    assert result.stderr == sentence


def test_no_worker(own, monkeypatch):
    """A scheduler without workers is one sentence and exit status 3."""
    monkeypatch.setattr(dask_cluster, "WORKER_TIMEOUT", 0.2)
    result = CliRunner().invoke(cli, ["--demo", "report", "--scheduler", own.address])
    assert result.exit_code == 3
    address = own.address
    assert result.stderr == f"Error: The scheduler at {address} has no worker; start some: dask worker {address}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scheduler", "nonsense://x"], r"Error: 'nonsense://x' is no scheduler's address.*\n"),
        (["--scheduler", "tcp://127.0.0.1:1", "--jobs", "2"], r"Error: With --scheduler .*omit --jobs\.\n"),
    ],
)
def test_wrong_use(arguments, sentence):
    """What makes no sense is one sentence and exit status 2."""
    result = CliRunner().invoke(cli, ["--demo", "report", *arguments])
    assert result.exit_code == 2
    assert re.fullmatch(sentence, result.stderr)


def test_the_workers_die(own, connection, jobs, tmp_path, monkeypatch):
    """When no worker is left for long, the reports that are missing say so, and the run ends."""
    monkeypatch.setattr(clusters, "NO_WORKER_TIMEOUT", 3.0)
    monkeypatch.setattr(clusters, "POLL_INTERVAL", 0.2)
    worker = own.worker(from_nothing=True)
    source = "import psutil, time\npsutil.Process().parent().parent().kill()\ntime.sleep(600)"
    with connected(own.address) as workers:
        outcome = made(jobs({"deadly": source}), workers, connection, tmp_path / "out")
    assert worker.wait(60) == -signal.SIGKILL
    assert [result.error for result in outcome.results] == [
        f"There has been no worker of use at {own.address} for 3 s."
    ]
    body = json.loads(Path(tmp_path / "out" / "reports.json").read_text(encoding="utf-8"))
    assert [item["status"] for item in body["reports"]] == ["failed"]

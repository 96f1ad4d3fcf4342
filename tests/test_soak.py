"""A fifth of all requests fails, tokens end all the time: nothing is lost, and nothing is asked for in vain."""

from __future__ import annotations

import contextlib
import json
import threading

import pytest
from click.testing import CliRunner
from tally import count

import belimo_nb as bn
from belimo_nb.cli import cli
from belimo_nb.client import retries
from belimo_nb.demo import DemoCloud
from belimo_nb.demo.server import api, tokens
from belimo_nb.report.engine import engines
from belimo_nb.store import sync

PERIOD = ("--from", "2018-11-26", "--to", "2018-12-01")
MIX = tuple(
    f"{name}=0.032"
    for name in (
        *("server-error", "bad-gateway", "unavailable", "too-many-requests"),
        *("drop-connection", "drop-body", "truncated-json"),
    )
)
"""Together they hit a fifth of all requests."""
THREADS, ROUNDS, REQUESTS = 8, 12, 3


def run(*arguments):
    """A command that must end well."""
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output


def made(folder):
    """What a sync and a run of reports have left: the store byte for byte, the tables, and the key figures."""
    store = {path.name: path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}
    tables = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.csv"))}
    reports = json.loads((folder / "reports" / "reports.json").read_text(encoding="utf-8"))["reports"]
    return store, tables, [(report["slug"], report["status"], report["key_figures"]) for report in reports]


@pytest.mark.slow
def test_a_fifth_of_the_requests_fails(monkeypatch, tmp_path):
    """20 devices are synced and reported: store, tables and figures are those of a cloud without failures."""
    monkeypatch.setattr(retries, "pause", lambda _: None)
    monkeypatch.setattr(sync, "WORKERS", 1)  # the same requests are hit in every run
    found = []
    with (
        DemoCloud(devices=20) as server,
        engines.worker_pool(1, time_limit=600, engine=engines.select_engine()) as workers,
    ):
        monkeypatch.setattr(engines, "worker_pool", lambda *_, **__: contextlib.nullcontext(workers))
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        for number, faults in enumerate(((), MIX)):
            folder = tmp_path / str(number)
            monkeypatch.setenv("BELIMO_DATA_DIR", str(folder / "data"))
            server.faults = faults
            run("sync", *PERIOD)
            run("report", "overview", "heating_energy", *PERIOD, "--jobs", "1", "--out", str(folder / "reports"))
            found.append(made(folder))
        failed = sum(request.status >= 400 or request.status == 0 for request in server.requests)
    assert found[0] == found[1]
    store, tables, reports = found[0]
    assert (len(store), len(reports)) == (15, 2)
    assert len(tables) > 5
    assert failed >= 5
    count("requests that failed in the soak", failed)


@pytest.mark.slow
def test_threads_share_tokens_that_end_all_the_time(clock, monkeypatch):
    """Eight threads on one `Cloud`, a token that lives a second: each ends once, and costs one token request.

    In every other round the cloud ends the token before its time, so that all threads are refused at once.
    """
    for module in (tokens, api):
        monkeypatch.setattr(module, "time", clock)
    with DemoCloud(token_lifetime=1) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        rounds = iter(range(ROUNDS))

        def move_on():
            """Between two rounds no request is under way."""
            if next(rounds) % 2:
                server.tokens.expire_all()
            else:
                clock.now += 0.6

        together, answers = threading.Barrier(THREADS, move_on), []

        def work(cloud):
            for _ in range(ROUNDS):
                together.wait()
                answers.extend(cloud.user()["id"] for _ in range(REQUESTS))

        with contextlib.closing(bn.connect()) as cloud:
            threads = [threading.Thread(target=work, args=(cloud,)) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        asked = [request.status for request in server.requests if request.path == "/oauth/token"]
        given = [request.status for request in server.requests if request.path.endswith("/user")]
    assert len(set(answers)) == 1
    assert len(answers) == given.count(200) == THREADS * ROUNDS * REQUESTS
    assert asked == [200] * ROUNDS  # the sign-in, and a refresh each time that a token has ended
    assert set(given) == {200, 401}
    assert given.count(401) <= THREADS * ROUNDS / 2

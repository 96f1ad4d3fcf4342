"""Which reports of earlier runs over a period stay: what an interrupted run had made, and what a run is not about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from made_runs import NOVEMBER, Here, month

from belimo_nb import settings
from belimo_nb.report import run as run_module
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output.folder import OutputFolder, unfinished_as_of

JOBS = [
    Job("overview", "Overview", "overview", {}),
    Job("device", "North", "devices/north-1", {"device": "1"}),
    Job("device", "South", "devices/south-2", {"device": "2"}),
]
AS_OF = datetime(2018, 12, 1, tzinfo=UTC)


@pytest.fixture
def go(tmp_path, monkeypatch):
    """A function that makes a run without notebooks; it gives the workers and the outcome."""

    def rendered(task):
        bad = task.job.title in broken
        files = {"html": f"{task.job.slug}.html", "ipynb": f"{task.job.slug}.ipynb"}
        for name in files.values():
            path = task.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{task.job.title} of {period[0]}")
        return Result(
            task.job,
            "failed" if bad else "ok",
            1.5,
            "It broke." if bad else None,
            [{"label": "Energy", "value": 1.0, "unit": "kWh", "note": "", "digits": None, "status": "neutral"}],
            0.5,
            files,
            made_at=task.made_at,
        )

    broken, period = set(), [""]
    monkeypatch.setattr(run_module, "render", rendered)
    connection = settings.load(
        client_id="id", client_secret="s", username="u", password="p", api_url="http://127.0.0.1:9/api/v3"
    )

    def run(jobs=JOBS, *, interrupt_at=None, fail=(), span=NOVEMBER, as_of=AS_OF, **more):
        workers = Here(interrupt_at=interrupt_at)
        broken.clear()
        broken.update(fail)
        period[0] = span.label
        told = replace(connection, **more.pop("told", {}))
        outcome = run_module.run(jobs, workers, settings=told, period=span, out=tmp_path / "out", as_of=as_of, **more)
        return workers.made, outcome

    run.out = tmp_path / "out"
    return run


def body(go, name="2018-11") -> dict:
    """The reports.json of a period."""
    return json.loads((go.out / name / "reports.json").read_text())


@pytest.mark.parametrize("resume", [True, False])
def test_a_whole_run_is_made_anew(go, resume):
    """There is nothing to go on with: all is made again, whether it was asked for or not."""
    go()
    made, outcome = go(resume=resume)
    assert len(made) == 3
    assert outcome.kept == []


def test_failed_reports_are_tried_again(go):
    """Going on with a run makes what failed, keeps the rest with the time of its making, and counts it as made."""
    _, outcome = go(fail={"North"})
    assert [result.job.title for result in outcome.failed] == ["North"]
    first = body(go)
    made, outcome = go(resume=True)
    assert made == ["devices/north-1"]
    second = body(go)
    assert second["counts"] == {"ok": 3, "failed": 0, "kept": 2}
    assert [item["made_at"] for item in second["reports"]] == [
        first["made_at"], second["made_at"], first["made_at"]
    ]  # fmt: skip
    assert "1 made, 2 kept from an earlier run" in outcome.index.read_text()
    assert go(resume=True)[0] == [job.slug for job in JOBS], "now it is whole"


@pytest.mark.parametrize(
    "change",
    [{"span": month("2018-10")}, {"as_of": datetime(2018, 12, 2, tzinfo=UTC)}, {"source_label": "another"}],
)
def test_a_run_on_another_basis(go, change):
    """Another period, list of devices or source is another run: nothing is kept."""
    go(fail={"North"})
    assert len(go(resume=True, **change)[0]) == 3


@pytest.mark.parametrize(("origin", "made"), [("demo cloud", 1), ("environment", 3)])
def test_weather_of_another_address(go, origin, made):
    """Other weather is another basis, but that of the demo cloud has another port in each process."""
    for port in (7, 8):
        told = {"weather": f"http://127.0.0.1:{port}/v1/archive", "origins": {"weather": origin}}
        found, _ = go(resume=True, told=told, fail={"North"})
    assert len(found) == made


def test_other_parameters(go):
    """A report with other parameters is made."""
    go(fail={"North"})
    jobs = [JOBS[0], *(replace(job, parameters={**job.parameters, "resolution": "15m"}) for job in JOBS[1:])]
    assert go(jobs, resume=True)[0] == ["devices/north-1", "devices/south-2"]


def test_missing_files(go):
    """A report one of whose files is gone is made again."""
    go(fail={"North"})
    (go.out / "2018-11" / "devices" / "south-2.ipynb").unlink()
    assert go(resume=True)[0] == ["devices/north-1", "devices/south-2"]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"schema": 1, "reports": [{"slug": "overview"}], "period": "", "source": ""}']
)
def test_strange_reports_json(go, text):
    """What cannot be understood is not kept."""
    go(fail={"North"})
    (go.out / "2018-11" / "reports.json").write_text(text)
    assert len(go(resume=True)[0]) == 3


def test_interrupted_and_gone_on_with(go):
    """After Ctrl-C the index tells what was made and what was not; going on makes the rest."""
    made, outcome = go(interrupt_at=2)
    assert outcome.stopped
    assert [result.status for result in outcome.results] == ["ok", "ok", "failed"]
    assert body(go)["interrupted"]
    html = outcome.index.read_text()
    assert "1 not made: the run was interrupted" in html
    assert "Stopped before it was finished." in html
    assert (go.out / "2018-11" / "devices" / "north-1.html").is_file()
    made, outcome = go(resume=True)
    assert made == ["devices/south-2"]
    assert [result.status for result in outcome.results] == ["ok"] * 3
    assert not body(go)["interrupted"]


def test_killed_and_gone_on_with(go, monkeypatch):
    """What a killed run had finished is kept by the next one that goes on, though no reader has seen it."""

    class Killed(BaseException):
        """A kill -9."""

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(OutputFolder, "publish", die)
        with pytest.raises(Killed):
            go(fail={"South"})
    assert not (go.out / "index.html").exists()
    assert unfinished_as_of(go.out, NOVEMBER, "127.0.0.1:9") == AS_OF
    made, outcome = go(resume=True)
    assert made == ["devices/south-2"]
    assert all((go.out / "2018-11" / name).is_file() for it in outcome.results for name in it.files.values())
    assert body(go)["counts"] == {"ok": 3, "failed": 0, "kept": 2}


def test_devices_that_are_gone(go):
    """A run about the whole fleet lists no device that is no more; the address of its page of this period stays."""
    go()
    go(jobs=JOBS[:2], whole=True)
    assert [item["slug"] for item in body(go)["reports"]] == ["overview", "devices/north-1"]
    assert (go.out / "2018-11" / "devices" / "south-2.html").is_file()


def test_a_run_about_a_few(go):
    """A narrowed run over the same period keeps the other reports, and says when they were made."""
    go()
    made_at = body(go)["made_at"]
    _, outcome = go(jobs=JOBS[1:2])
    found = {item["slug"]: (item["kept"], item["made_at"] == made_at) for item in body(go)["reports"]}
    assert found == {"devices/north-1": (False, False), "overview": (True, True), "devices/south-2": (True, True)}
    assert "1 made, 2 kept from an earlier run" in outcome.index.read_text()


def test_another_source(go):
    """Reports from another source are not mixed in; their addresses stay."""
    go()
    go(jobs=JOBS[1:2], source_label="another")
    assert [item["slug"] for item in body(go)["reports"]] == ["devices/north-1"]
    assert (go.out / "2018-11" / "devices" / "south-2.html").is_file()


def test_a_device_without_a_page_links_its_earlier_one(go):
    """Where a run leaves nothing of a report, as when it is interrupted, the page before of the period is linked."""
    go()
    _, outcome = go(interrupt_at=1, whole=True)
    assert (go.out / "2018-11" / "devices" / "north-1.html").read_text() == "North of November 2018"
    assert outcome.index.read_text().count("Earlier report</a>") == 2
    assert body(go)["counts"] == {"ok": 1, "failed": 2, "kept": 0}

"""Which reports of earlier runs stay: those that would come out the same, and those that a run is not about."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from belimo_nb import settings
from belimo_nb.report import run as run_module
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.folder import unfinished

JOBS = [
    Job("overview", "Overview", "overview", {}),
    Job("device", "North", "devices/north-1", {"device": "1"}),
    Job("device", "South", "devices/south-2", {"device": "2"}),
]
AS_OF = datetime(2018, 12, 1, tzinfo=UTC)


class Here:
    """Workers that do a job when it is submitted; the index of one to be interrupted at may be given."""

    max_workers, time_limit, engine = 2, 60.0, "kernel"

    def __init__(self, interrupt_at: int | None = None):
        self.made = []
        self.interrupt_at = interrupt_at

    def submit(self, function, task):
        """Do it now."""
        if len(self.made) == self.interrupt_at:
            raise KeyboardInterrupt
        future = Future()
        future.set_result(function(task))
        self.made.append(task.job.slug)
        return future

    def stop(self):
        """Nothing is under way."""


class Prints:
    """Fingerprints as a test wants them."""

    def __init__(self, **data):
        self.data = {"overview": "o", "devices/north-1": "n", "devices/south-2": "s"} | data
        self.timelines = {"1": "quiet", "2": "quiet"}
        self.asked = []

    def of(self, job):
        """What was put there; a list is taken one by one."""
        found = self.data[job.slug]
        return found.pop(0) if isinstance(found, list) else found

    def events(self, job, *, ask):
        """The device's events."""
        if ask:
            self.asked.append(job.slug)
        return self.timelines.get(job.parameters.get("device"), "")


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

    def run(jobs=JOBS, prints=None, *, interrupt_at=None, fail=(), label="November 2018", **more):
        workers = Here(interrupt_at)
        broken.clear()
        broken.update(fail)
        period[0] = label
        outcome = run_module.run(
            jobs,
            workers,
            settings=connection,
            period_label=label,
            out=tmp_path / "out",
            fingerprints=prints,
            as_of=AS_OF,
            **more,
        )
        return workers.made, outcome

    run.out = tmp_path / "out"
    return run


def body(go) -> dict:
    """reports.json."""
    return json.loads((go.out / "reports.json").read_text())


def test_nothing_changed(go):
    """Reports that would come out the same are not made again, count like made ones, and keep the time of making."""
    go(prints=Prints())
    first = body(go)
    made, outcome = go(prints=Prints(), resume=True)
    assert made == []
    assert [result.kept for result in outcome.results] == [True] * 3
    second = body(go)
    assert second["counts"] == {"ok": 3, "failed": 0, "kept": 3}
    assert [item["made_at"] for item in second["reports"]] == [first["made_at"]] * 3
    for item, before in zip(second["reports"], first["reports"], strict=True):
        assert {**item, "kept": False} == before
        assert (go.out / item["files"]["html"]).read_text() == f"{item['title']} of November 2018"
    assert "3 kept from an earlier run" in outcome.index.read_text()


def test_without_resume_all_is_made(go):
    """Keeping is asked for."""
    go(prints=Prints())
    made, _ = go(prints=Prints())
    assert len(made) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"devices/north-1": "other data"},
        {"devices/north-1": None},
        {"devices/north-1": "n-quiet"},
    ],
)
def test_changed_data(go, change):
    """A report whose data have changed, or cannot be told, is made again; the others are kept."""
    go(prints=Prints())
    made, outcome = go(prints=Prints(**change), resume=True)
    assert made == ["devices/north-1"]
    assert [result.kept for result in outcome.results] == [True, False, True]


def test_new_events(go):
    """Events are asked for only where all else is the same, and a new one makes the report anew."""
    go(prints=Prints())
    prints = Prints(**{"devices/south-2": "other"})
    prints.timelines["1"] = "software change"
    made, _ = go(prints=prints, resume=True)
    assert made == ["devices/north-1", "devices/south-2"]
    assert prints.asked == ["overview", "devices/north-1"]


def test_events_that_cannot_be_had(go):
    """Without an answer nothing is kept."""
    go(prints=Prints())
    prints = Prints()
    prints.timelines["1"] = None
    assert go(prints=prints, resume=True)[0] == ["devices/north-1"]


def test_data_that_change_meanwhile(go):
    """A report whose data changed while it was made has no fingerprint: the next run makes it again."""
    go(prints=Prints(**{"devices/north-1": ["n", "changed"]}))
    assert body(go)["reports"][1]["fingerprint"] is None
    assert go(prints=Prints(**{"devices/north-1": "changed"}), resume=True)[0] == ["devices/north-1"]


def test_failed_reports_are_tried_again(go):
    """Only what was made is kept, whatever the fingerprint says."""
    _, outcome = go(prints=Prints(), fail={"North"})
    assert [result.job.title for result in outcome.failed] == ["North"]
    assert go(prints=Prints(), resume=True)[0] == ["devices/north-1"]
    assert body(go)["counts"] == {"ok": 3, "failed": 0, "kept": 2}


def test_missing_files(go):
    """A report one of whose files is gone is made again."""
    go(prints=Prints())
    (go.out / "devices" / "north-1.ipynb").unlink()
    assert go(prints=Prints(), resume=True)[0] == ["devices/north-1"]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"schema": 1, "reports": [{"slug": "overview"}], "period": "", "source": ""}']
)
def test_strange_reports_json(go, text):
    """What cannot be understood is not kept."""
    go(prints=Prints())
    (go.out / "reports.json").write_text(text)
    assert len(go(prints=Prints(), resume=True)[0]) == 3


def test_interrupted_and_gone_on_with(go):
    """After Ctrl-C the index tells what was made and what was not; going on makes the rest."""
    made, outcome = go(prints=Prints(), interrupt_at=2)
    assert outcome.stopped
    assert [result.status for result in outcome.results] == ["ok", "ok", "failed"]
    assert body(go)["interrupted"]
    html = outcome.index.read_text()
    assert "1 not made: the run was interrupted" in html
    assert "Stopped before it was finished." in html
    assert (go.out / "devices" / "north-1.html").is_file()
    made, outcome = go(prints=Prints(), resume=True)
    assert made == ["devices/south-2"]
    assert [result.status for result in outcome.results] == ["ok"] * 3


def test_killed_and_gone_on_with(go, monkeypatch):
    """What a killed run had finished is kept by the next one that goes on, though no reader has seen it."""

    class Killed(BaseException):
        """A kill -9."""

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "_publish", die)
        with pytest.raises(Killed):
            go(prints=Prints(**{"devices/south-2": None}))
    assert not (go.out / "index.html").exists()
    found = unfinished(go.out)
    assert (found.period, found.as_of) == ("November 2018", AS_OF)
    made, outcome = go(prints=Prints(), resume=True)
    assert made == ["devices/south-2"]
    assert all((go.out / name).is_file() for result in outcome.results for name in result.files.values())
    assert body(go)["counts"] == {"ok": 3, "failed": 0, "kept": 2}
    assert go(prints=Prints(), resume=True)[0] == []


def test_devices_that_are_gone(go):
    """A run about the whole fleet takes away the pages of devices that are no more; addresses of others stay."""
    go()
    (go.out / "devices" / "notes.html").write_text("mine")
    go(jobs=JOBS[:2], whole=True, label="December 2018")
    assert not (go.out / "devices" / "south-2.html").exists()
    assert not (go.out / "devices" / "south-2.ipynb").exists()
    assert (go.out / "devices" / "notes.html").read_text() == "mine"
    assert body(go)["others"] == []


def test_a_run_about_a_few(go):
    """A narrowed run leaves other pages where they are, and says that they are not part of it, and of when they are."""
    go()
    _, outcome = go(jobs=JOBS[1:2], label="December 2018")
    assert (go.out / "devices" / "south-2.html").read_text() == "South of November 2018"
    _, south = body(go)["others"]
    assert (south["slug"], south["period"]) == ("devices/south-2", "November 2018")
    assert set(south) == {"notebook", "title", "slug", "period", "made_at", "files"}
    html = outcome.index.read_text()
    assert html.index('href="devices/north-1.html"') < html.index("Not part of this run") < html.index("South")
    go(jobs=JOBS[1:2], label="January 2019")
    assert [item["period"] for item in body(go)["others"]] == ["November 2018", "November 2018"]
    go(whole=True, label="February 2019")
    assert body(go)["others"] == []


def test_other_kinds_of_reports_stay(go):
    """A run of overviews alone, though about the whole fleet, takes away no device's page."""
    go()
    go(jobs=JOBS[:1], whole=True)
    assert (go.out / "devices" / "south-2.html").is_file()
    assert [item["slug"] for item in body(go)["others"]] == ["devices/north-1", "devices/south-2"]


def test_a_device_without_a_page_links_its_earlier_one(go):
    """Where a run leaves nothing of a report, as when it is interrupted, the earlier page stays and is told apart."""
    go(label="October 2018")
    _, outcome = go(interrupt_at=1, whole=True)
    assert (go.out / "devices" / "north-1.html").read_text() == "North of October 2018"
    html = outcome.index.read_text()
    assert html.count("Earlier report</a>") == 2
    assert "Not part of this run" not in html


def test_entries_of_an_earlier_schema(go):
    """An entry that lacks fields leaves no page behind and breaks nothing."""
    go()
    text = body(go)
    text["reports"] = [{"slug": "devices/south-2", "status": "ok", "files": {"html": "devices/south-2.html"}}]
    (go.out / "reports.json").write_text(json.dumps(text))
    go(jobs=JOBS[1:2])
    (south,) = body(go)["others"]
    assert (south["title"], south["made_at"]) == (None, None)


def test_results_survive_the_way_through_json():
    """What is kept is what was made, in every field."""
    job = JOBS[1]
    made = Result(job, "ok", 1.0, None, [{"label": "x", "value": None}], 0.5, {"html": "a.html"}, made_at=AS_OF)
    found = json.loads(json.dumps(reports_json.entry(made)))
    assert reports_json.result_of(job, found) == replace(made, kept=True)

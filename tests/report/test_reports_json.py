"""reports.json: all of a run for programs, read back by the next run, and never trusted further than that."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_runs import MADE_AT, facts

from belimo_nb.cloud.condition import Condition
from belimo_nb.display import KeyFigure
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.reports_json import Run

EVIL = "Ventil \"Süd & Größe\" <script>alert('1')</script> 🔥 ../"
FACTS = facts("Energy valves", source="demo data, seed 1", made_at=MADE_AT, seconds=3723.4567, as_of=MADE_AT)
GOOD = Result(
    job=Job("device", EVIL, "devices/sued-1", {"start": pd.Timestamp("2018-11-01", tz="Europe/Zurich"), "x": math.inf}),
    status="ok",
    seconds=1.25,
    key_figures=[KeyFigure("Energy", 12345.6, "kWh").data(), KeyFigure("Peak", math.nan, "kW").data()],
    completeness=0.98,
    files={"html": "devices/sued-1.html", "csv:months": "devices/sued-1-months.csv"},
    trend={"label": "Energy by day", "unit": "kWh", "values": [1.0, None]},
    condition=Condition("ok", "No finding.", 12).data(),
    made_at=MADE_AT,
)
BAD = Result(Job("device", "Nord", "devices/nord-2", {}), "failed", 2.0, "No readings in <2018>.", made_at=MADE_AT)


def written(tmp_path: Path, text: str) -> Path:
    """A file with this text."""
    path = tmp_path / reports_json.NAME
    path.write_text(text, encoding="utf-8")
    return path


def test_programs_get_all_of_it():
    """Raw numbers, null for unknown, aware times in ISO 8601, names letter by letter, no NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    body = json.loads(
        reports_json.document(Run.of(FACTS, [GOOD, BAD, replace(GOOD, kept=True)]), {"2018-11": FACTS}),
        parse_constant=refuse,
    )
    assert body["schema"] == 1
    assert body["counts"] == {"ok": 2, "failed": 1, "kept": 1}
    assert (body["period"], body["made_at"], body["as_of"]) == (
        "November 2018",
        "2018-12-01T09:30:00+00:00",
        "2018-12-01T09:30:00+00:00",
    )
    assert (body["start"], body["end"]) == ("2018-11-01T00:00:00+01:00", "2018-12-01T00:00:00+01:00")
    assert (body["seconds"], body["interrupted"], body["whole"]) == (3723.457, False, False)
    assert [(run["folder"], run["period"]) for run in body["runs"]] == [("2018-11", "November 2018")]
    first, second = body["reports"][:2]
    assert first["title"] == EVIL
    assert [figure["value"] for figure in first["key_figures"]] == [12345.6, None]
    assert first["parameters"] == {"start": "2018-11-01 00:00:00+01:00", "x": None}
    assert first["trend"]["values"] == [1.0, None]
    assert (first["condition"]["status"], first["condition"]["judged"], first["condition"]["checks"]) == ("ok", 12, 16)
    assert second["condition"] is None
    assert (second["status"], second["error"], second["files"]) == ("failed", "No readings in <2018>.", {})


def test_later_runs_read_it_back(tmp_path):
    """A run is what it was: its facts, to the millisecond, and its results, in every field, wherever it lies."""
    run = Run.of(
        replace(FACTS, stopped=True, whole=True),
        [replace(GOOD, job=replace(GOOD.job, parameters={})), replace(BAD, key_figures=[])],
    )
    found = reports_json.read(written(tmp_path, reports_json.document(run)))
    assert found == replace(run, facts=replace(run.facts, seconds=3723.457))
    assert found.below("2018-11").results[0].files["html"] == "2018-11/devices/sued-1.html"


@pytest.mark.parametrize("strange", [None, "ok", {"status": "ok"}, {**Condition("ok", "", 1).data(), "judged": "1"}])
def test_a_strange_condition_is_none(tmp_path, strange):
    """A condition of another version, or that someone has edited, is not shown."""
    body = json.loads(reports_json.document(Run.of(FACTS, [GOOD])))
    body["reports"][0]["condition"] = strange
    assert reports_json.read(written(tmp_path, json.dumps(body))).results[0].condition is None


@pytest.mark.parametrize(
    ("results", "stopped", "complete"), [([GOOD], False, True), ([GOOD, BAD], False, False), ([GOOD], True, False)]
)
def test_whether_a_run_was_complete(tmp_path, results, stopped, complete):
    """A run is complete if all its reports were made and no one interrupted it."""
    text = reports_json.document(Run.of(replace(FACTS, stopped=stopped), results))
    assert reports_json.read(written(tmp_path, text)).complete == complete


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2, "reports": []}', '{"schema": 1}', '{"schema": 1'])
def test_strange_files_are_no_run(tmp_path, text):
    """What is cut off, of another schema or something else is not taken for a run."""
    assert reports_json.read(written(tmp_path, text)) is None
    assert reports_json.read(tmp_path / "nothing.json") is None


@pytest.mark.parametrize(
    "name", ["../x.html", "/etc/passwd", "a/../../x", "C:\\x", "c:/x", "a\\..\\x", ".belimo-nb/lock", "", ".", 7, None]
)
def test_files_elsewhere_are_not_ours(name):
    """Paths that lead out of the output folder, or into its private part, are left out: files are deleted by them."""
    assert reports_json.files_of({"files": {"html": name, "ipynb": "a.ipynb"}}) == {"ipynb": "a.ipynb"}
    assert reports_json.files_of({"files": name}) == {}


def test_every_field_is_documented():
    """docs/reports-json.md has a row for each field, of the run, a report and a condition, and for no other."""
    text = (Path(__file__).parents[2] / "docs" / "reports-json.md").read_text(encoding="utf-8")
    parts = re.split("## A report|## A device's condition", text)
    run, report, condition = (set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) for part in parts)
    body = json.loads(reports_json.document(Run.of(FACTS, [GOOD])))
    assert run == set(body)
    assert report == set(body["reports"][0])
    assert condition == set(body["reports"][0]["condition"])

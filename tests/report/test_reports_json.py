"""reports.json: all of a run for programs, read back by the next run, and never trusted further than that."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from belimo_nb.cloud.condition import Condition
from belimo_nb.display import KeyFigure
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output import reports_json

EVIL = "Ventil \"Süd & Größe\" <script>alert('1')</script> 🔥 ../"
MADE_AT = datetime(2018, 12, 1, 9, 30, tzinfo=UTC)
FACTS = reports_json.RunFacts(
    title="Energy valves",
    period_label="November 2018",
    source="demo data, seed 1",
    timezone="Europe/Zurich",
    version="1.2.3",
    made_at=MADE_AT,
    seconds=3723.4567,
    as_of=MADE_AT,
)
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
    fingerprint="abc-def",
)
BAD = Result(Job("device", "Nord", "devices/nord-2", {}), "failed", 2.0, "No readings in <2018>.", made_at=MADE_AT)
OTHER = {"slug": "devices/old", "files": {"html": "devices/old.html"}}


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
        reports_json.document([GOOD, BAD, replace(GOOD, kept=True)], FACTS, [OTHER]), parse_constant=refuse
    )
    assert body["schema"] == 1
    assert body["counts"] == {"ok": 2, "failed": 1, "kept": 1}
    assert (body["period"], body["made_at"], body["as_of"]) == (
        "November 2018",
        "2018-12-01T09:30:00+00:00",
        "2018-12-01T09:30:00+00:00",
    )
    assert (body["seconds"], body["interrupted"], body["others"]) == (3723.457, False, [OTHER])
    first, second = body["reports"][:2]
    assert first["title"] == EVIL
    assert [figure["value"] for figure in first["key_figures"]] == [12345.6, None]
    assert first["parameters"] == {"start": "2018-11-01 00:00:00+01:00", "x": None}
    assert first["trend"]["values"] == [1.0, None]
    assert (first["condition"]["status"], first["condition"]["judged"], first["condition"]["checks"]) == ("ok", 12, 16)
    assert second["condition"] is None
    assert (second["status"], second["error"], second["files"]) == ("failed", "No readings in <2018>.", {})


def test_the_next_run_reads_it_back(tmp_path):
    """An entry becomes the result that it was made of, marked as kept."""
    found = reports_json.read(written(tmp_path, reports_json.document([GOOD, BAD], FACTS, [OTHER])))
    assert reports_json.result_of(GOOD.job, found.reports["devices/sued-1"]) == replace(GOOD, kept=True)
    assert found.files == {*GOOD.files.values(), "devices/old.html"}
    assert (found.period, found.source, found.as_of) == ("November 2018", "demo data, seed 1", MADE_AT)


@pytest.mark.parametrize("strange", [None, "ok", {"status": "ok"}, {**Condition("ok", "", 1).data(), "judged": "1"}])
def test_a_strange_condition_is_none(tmp_path, strange):
    """A condition of another version, or that someone has edited, is not shown."""
    body = json.loads(reports_json.document([GOOD], FACTS))
    body["reports"][0]["condition"] = strange
    found = reports_json.read(written(tmp_path, json.dumps(body)))
    assert reports_json.result_of(GOOD.job, found.reports["devices/sued-1"]).condition is None


@pytest.mark.parametrize(
    ("results", "stopped", "complete"), [([GOOD], False, True), ([GOOD, BAD], False, False), ([GOOD], True, False)]
)
def test_whether_a_run_was_complete(tmp_path, results, stopped, complete):
    """A run is complete if all its reports were made and no one interrupted it."""
    text = reports_json.document(results, replace(FACTS, stopped=stopped))
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
    body = json.loads(reports_json.document([GOOD], FACTS))
    assert run == set(body)
    assert report == set(body["reports"][0])
    assert condition == set(body["reports"][0]["condition"])

"""From executed notebooks to files: what is taken out, what is read out, what is written."""

import dataclasses
import datetime as dt
import functools
import gzip
import json
import os
import sys
from pathlib import Path
from urllib.parse import quote_plus

import nbformat
import pytest

import belimo_nb
from belimo_nb.report.jobs import Job
from belimo_nb.report.page.report_files import (
    beside_figures,
    completeness,
    key_figures,
    mask_secrets,
    remove_private,
    write_report,
)

MIME = "application/vnd.belimo-nb+json"
PACKAGE = str(Path(belimo_nb.__file__).resolve().parent.parent)
MADE_AT = dt.datetime(2018, 12, 1, tzinfo=dt.UTC)
JOB = Job("device", "North", "devices/north-3c6f7077", {"device": "3c6f7077"})


def shown(kind, **data):
    """The output of a cell that shows one of our display objects."""
    bundle = {MIME: {"kind": kind, **data}, "text/plain": kind, "text/html": f"<p>{kind}</p>"}
    return nbformat.v4.new_output("display_data", data=bundle)


def notebook_of(*outputs, source="x = 1"):
    """A notebook of one executed cell with these outputs."""
    cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=list(outputs))
    return nbformat.v4.new_notebook(cells=[cell])


def table(name, csv):
    """A table as a cell shows it."""
    return shown("table", name=name, csv=csv, caption="", columns=[], rows=[])


def test_key_figures_and_completeness():
    """The first key figures and the header's completeness are read; without them there is nothing, and no error."""
    first = [{"label": "Energy", "value": 1.5, "unit": "kWh", "note": "", "digits": None, "status": "neutral"}]
    header = shown("header", title="North", subtitle="", facts={}, completeness=0.98, source="demo")
    notebook = notebook_of(
        header, shown("key-figures", figures=first), shown("key-figures", figures=[{"label": "Other"}])
    )
    assert key_figures(notebook) == first
    assert type(key_figures(notebook)[0]) is dict
    assert completeness(notebook) == 0.98
    assert key_figures(notebook_of()) == []
    assert completeness(notebook_of()) is None


def test_trend_and_condition():
    """The course and the condition that the first key figures carry; without one there is none."""
    course = {"label": "Energy by day", "unit": "kWh", "values": [1.0, None]}
    assert beside_figures(notebook_of(shown("key-figures", figures=[], trend=course)), "trend") == course
    assert beside_figures(notebook_of(shown("key-figures", figures=[])), "condition") is None
    assert beside_figures(notebook_of(), "trend") is None


def test_tidy_takes_out_paths():
    """The machine's folders appear neither in papermill's records nor in errors and warnings."""
    folder = Path("/tmp/belimo-nb-x/1")  # noqa: S108 - a name, no file
    error = nbformat.v4.new_output(
        "error",
        ename="KeyError",
        evalue="'x'",
        traceback=[f"File {PACKAGE}/belimo_nb/cloud.py:12", f"File {sys.prefix}/lib/pandas/core.py", f"{folder}/a.py"],
    )
    stream = nbformat.v4.new_output("stream", name="stderr", text=f"{os.environ['HOME']}/notes.py:1: UserWarning")
    notebook = notebook_of(error, stream)
    notebook.metadata["papermill"] = {
        "input_path": f"{PACKAGE}/notebooks/device.ipynb",
        "output_path": f"{folder}/executed.ipynb",
        "parameters": {"device": "north"},
        "version": "2.6.0",
    }
    clean = remove_private(notebook, name="device", secrets=[], folder=folder)
    text = nbformat.writes(clean)
    for place in (PACKAGE, sys.prefix, str(folder), os.environ["HOME"]):
        assert place not in text
    assert clean.metadata["papermill"] == {
        "input_path": "device.ipynb",
        "parameters": {"device": "north"},
        "version": "2.6.0",
    }
    assert clean.cells[0].outputs[0].traceback[0] == "File belimo_nb/cloud.py:12"
    assert "output_path" in notebook.metadata["papermill"]


def test_tidy_masks_secrets():
    """A credential in an output or a cell is masked, whatever its characters; short ones do not garble words."""
    secret = 'pa"ss\\wörd-1'
    stream = nbformat.v4.new_output("stream", name="stdout", text=f"sent {secret} and demo, or {quote_plus(secret)}")
    clean = remove_private(
        notebook_of(stream, source=f"p = {secret!r}"), name="device", secrets=[secret, "demo"], folder=Path("/x")
    )
    assert clean.cells[0].outputs[0].text == "sent ******** and demo, or ********"
    assert "rd-1" not in nbformat.writes(clean)


def test_errors_keep_secrets():
    """The sentence of an error, which index, reports.json and log repeat, holds no credential in any spelling."""
    secret = 'pa"ss\\wörd-1'
    text = mask_secrets(f"No: {secret}, {secret!r}, {quote_plus(secret)}, demo", [secret, "demo"])
    assert text == "No: ********, '********', ********, demo"


def test_publish(tmp_path):
    """A report is a page, its notebook and its tables; names are safe and distinct; nothing else is left around."""
    notebook = notebook_of(table("Daily energy", "day,kwh\n2018-11-01,1.5\n"), table("daily-energy", "a\n1\n"))
    files = write_report(notebook, JOB, tmp_path, made_at=MADE_AT, version="1.0", failed=False)
    assert files == {
        "html": "devices/north-3c6f7077.html",
        "ipynb": "devices/north-3c6f7077.ipynb",
        "csv:daily-energy": "devices/north-3c6f7077-daily-energy.csv",
        "csv:daily-energy-2": "devices/north-3c6f7077-daily-energy-2.csv",
    }
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")) == sorted(files.values())
    assert (tmp_path / files["csv:daily-energy"]).read_text() == "day,kwh\n2018-11-01,1.5\n"
    assert nbformat.read(tmp_path / files["ipynb"], as_version=4) == notebook
    assert "North" in (tmp_path / files["html"]).read_text(encoding="utf-8")


def test_notebooks_are_kept_as_wanted(tmp_path):
    """Compressed, the same notebook is the same file; or there is none."""
    packed, notebook = [], notebook_of()
    for _ in range(2):
        files = write_report(
            notebook, JOB, tmp_path, made_at=MADE_AT, version="1.0", failed=False, notebooks="compressed"
        )
        packed.append((tmp_path / files["ipynb"]).read_bytes())
    assert files["ipynb"] == "devices/north-3c6f7077.ipynb.gz"
    assert packed[0] == packed[1]
    assert nbformat.reads(gzip.decompress(packed[0]).decode(), as_version=4) == notebook
    files = write_report(notebook, JOB, tmp_path, made_at=MADE_AT, version="1.0", failed=False, notebooks="none")
    assert list(files) == ["html"]


@pytest.mark.skipif(os.name == "nt", reason="has no such permissions")
def test_published_files_can_be_served(tmp_path):
    """Files have the permissions of any new file here, so that a web server can read them."""
    plain = tmp_path / "plain"
    plain.touch()
    files = write_report(notebook_of(), JOB, tmp_path, made_at=MADE_AT, version="1.0", failed=False)
    assert {(tmp_path / name).stat().st_mode for name in files.values()} == {plain.stat().st_mode}


def test_reports_whose_names_begin_alike(tmp_path):
    """A report removes tables of its own alone, not those of another whose name begins like its own."""
    write = functools.partial(write_report, made_at=MADE_AT, version="1.0", failed=False)
    longer = dataclasses.replace(JOB, slug=f"{JOB.slug}-annex")
    files = write(notebook_of(table("daily", "a\n")), longer, tmp_path)
    files |= write(notebook_of(table("hours", "a\n")), JOB, tmp_path)
    assert all((tmp_path / name).is_file() for name in files.values())


def test_publish_again(tmp_path):
    """A later run replaces what it makes and removes the tables it does not make; a failed one has no tables."""
    write_report(notebook_of(table("old", "a\n")), JOB, tmp_path, made_at=MADE_AT, version="1.0", failed=False)
    other = tmp_path / "devices" / "south-0cc5b932-old.csv"
    other.write_text("mine")
    error = nbformat.v4.new_output("error", ename="KeyError", evalue="'x'", traceback=["KeyError: 'x'"])
    files = write_report(
        notebook_of(table("new", "a\n"), error), JOB, tmp_path, made_at=MADE_AT, version="1.0", failed=True
    )
    assert sorted(files) == ["html", "ipynb"]
    assert list((tmp_path / "devices").glob("*.csv")) == [other]
    assert "KeyError" in json.dumps(nbformat.read(tmp_path / files["ipynb"], as_version=4))

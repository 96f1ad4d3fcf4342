"""The notebooks: thin, complete, in agreement with their stored outputs, and at home in any folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nbformat import read

from belimo_nb.report.engine import engines
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.render import Task, render

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
EACH = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
MOST_LINES = 10


def cells(path: Path, kind: str = "code") -> list[dict[str, Any]]:
    """The cells of a kind of a stored notebook."""
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    """A cell's text."""
    return "".join(cell["source"])


def is_parameters(cell: dict[str, Any]) -> bool:
    """Whether papermill puts parameters behind this cell."""
    return "parameters" in cell["metadata"].get("tags", [])


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A program of this environment."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_there_are_four() -> None:
    """The cooling energy, the device, the heating energy and the overview."""
    assert [path.stem for path in NOTEBOOKS] == ["cooling_energy", "device", "heating_energy", "overview"]


def test_cooling_is_heating_with_another_kind() -> None:
    """Cell by cell the cooling notebook calls what the heating notebook calls, with "cooling" where that has "heating".

    Only its parameters differ, in what cold costs and in the base of its degree days, which the figures are given.
    """
    heating, cooling = (
        json.loads(path.read_text(encoding="utf-8"))["cells"]
        for path in sorted((p for p in NOTEBOOKS if p.stem.endswith("_energy")), key=lambda p: p.stem, reverse=True)
    )
    assert [cell["cell_type"] for cell in cooling] == [cell["cell_type"] for cell in heating]
    assert [cell["id"] for cell in cooling] == [cell["id"].replace("heating", "cooling") for cell in heating]
    own = {"cooling-01", "cooling-03"}
    for ours, theirs in zip(cooling, heating, strict=True):
        if ours["cell_type"] == "code" and ours["id"] not in own:
            expected = source(theirs).replace("heating", "cooling").replace("bn.cooling.", "bn.heating.")
            assert source(ours) == expected, ours["id"]
        elif ours["cell_type"] == "markdown":
            assert source(ours).count("#") == source(theirs).count("#"), "the same headings, in other words"
    names = [[line.partition(" = ")[0] for line in source(cell).splitlines()] for cell in (heating[1], cooling[1])]
    assert [name.removeprefix("cold_") for name in names[1] if name != "cdd_base"] == names[0]
    figures = source(cooling[3]).replace("cold_", "").replace(', "cdd_base": cdd_base', "").splitlines()
    assert {line for line in source(heating[3]).splitlines() if "amounts =" not in line} <= set(figures)


@EACH
def test_first_comes_what_it_answers(path: Path) -> None:
    """A notebook begins with a title and a paragraph on what it answers."""
    first = source(json.loads(path.read_text(encoding="utf-8"))["cells"][0])
    assert re.match(r"# .+\n\n.+", first)


@EACH
def test_parameters_are_explained(path: Path) -> None:
    """One cell holds the parameters, one on a line, each with a comment; many stand below what they are for."""
    (cell,) = [cell for cell in cells(path) if is_parameters(cell)]
    for line in source(cell).splitlines():
        assert re.fullmatch(r"[a-z0-9_]+ = \S.*  # .+|# [A-Z].+|", line), line
        assert not re.match(r"(client|secret|user|password|token)", line)


@EACH
def test_cells_are_short(path: Path) -> None:
    """Logic lives in the package: no definitions, loops or conditions, few lines, no absolute paths, no prints."""
    for cell in cells(path):
        text = source(cell)
        assert len(text.splitlines()) <= MOST_LINES or is_parameters(cell), text
        assert not re.search(r"^\s*(def|class|for|while|if|try|with|print)\b", text, re.MULTILINE), text
        assert not re.search(r"[\"'](/|[A-Z]:\\)", text), text
        assert not text.rstrip().endswith(";"), "nbval runs cells without history, so a semicolon silences nothing"


@EACH
def test_outputs_are_stored(path: Path) -> None:
    """Each cell that ends with an object stores how it looks; none stores an error, a message or a place on a disk."""
    for cell in cells(path):
        if is_parameters(cell):
            continue
        kinds = [output["output_type"] for output in cell["outputs"]]
        if "no-report" in cell["metadata"].get("tags", []):
            assert kinds == [], "what is for a person alone stores nothing"
            continue
        assert kinds == ["execute_result"], source(cell)
        shown = json.dumps(cell["outputs"])
        assert not re.search(r"/(home|root|tmp|work|Users)/|127\.0\.0\.1:", shown)


def reports(paths: list[Path], folder: Path, environment: dict[str, str], **parameters: str) -> list[Result]:
    """Run notebooks as reports do; `report/test_report_engines.py` holds that cells give the same in a kernel."""
    engine = engines.select_engine()
    given = (folder, environment, 300.0, datetime(2018, 12, 1, tzinfo=UTC), "1.0", engine)
    tasks = [Task(Job(path.stem, path.stem, path.stem, parameters), path, *given) for path in paths]
    with engines.worker_pool(1, time_limit=300, engine=engine) as workers:
        return [future.result() for future in [workers.submit(render, task) for task in tasks]]


@pytest.mark.slow
def test_stored_outputs_are_what_they_give(demo_environment: dict[str, str], tmp_path: Path) -> None:
    """Run anew on the demo cloud, every output but the pictures equals the stored one; no page is heavy.

    That of the device notebook is held by nbval, in a kernel.
    """
    paths = [path for path in NOTEBOOKS if path.stem != "device"]
    results = reports(paths, tmp_path, demo_environment)
    assert [result.error for result in results] == [None] * len(paths)
    assert [path.stem for path in tmp_path.glob("*.html") if path.stat().st_size >= 1_500_000] == []
    for path in paths:
        made, stored = (read(each, as_version=4) for each in (tmp_path / path.name, path))
        ours = [cell for cell in made.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
        for cell, kept in zip(ours, stored.cells, strict=True):
            assert cell.source == kept.source
            assert without_pictures(cell) == without_pictures(kept), f"{path.stem}: {cell.source}"


def without_pictures(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """The outputs of a cell, without its number."""
    return [
        {key: value for key, value in output.items() if key not in ("data", "execution_count")}
        | {kind: data for kind, data in output.get("data", {}).items() if not kind.startswith("image/")}
        for output in cell.get("outputs", ())
    ]


@pytest.mark.slow
def test_nbval_agrees(demo_environment: dict[str, str]) -> None:
    """Under nbval the device notebook, whose explorer needs a person, passes in a kernel of its own."""
    (device,) = (path for path in NOTEBOOKS if path.stem == "device")
    options = ("--nbval", "-q", "-p", "no:cacheprovider", "-o", "addopts=")
    done = run("pytest", *options, str(device), cwd=Path.cwd())
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert f"{len(cells(device))} passed" in done.stdout


PAPERMILL = 'papermill notebooks/device.ipynb out.ipynb -p device "2.OG Nord-West" -p start 2018-11-01'
"""As the README has it."""


@pytest.mark.slow
def test_papermill_runs_it(demo_environment: dict[str, str], tmp_path: Path) -> None:
    """Plain papermill, as the README shows it, with a part of a name and a start."""
    shutil.copytree(NOTEBOOKS[0].parent, tmp_path / "notebooks")
    done = run(*shlex.split(PAPERMILL), cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    text = (tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert "Energieventil Heizung 2.OG Nord-West" in text
    assert "2018-11-01 to" in text


@pytest.mark.slow
def test_unknown_device_is_one_sentence(demo_environment: dict[str, str], tmp_path: Path) -> None:
    """A wrong name fails the run with the package's sentence, not with a trace through the package."""
    device = [path for path in NOTEBOOKS if path.stem == "device"]
    (result,) = reports(device, tmp_path, demo_environment, device="2.OG Nordwest")
    assert result.error
    made = cells(tmp_path / "device.ipynb")
    errors = [output for cell in made for output in cell["outputs"] if output["output_type"] == "error"]
    (error,) = errors
    assert error["ename"] == "UnknownDevice"
    assert "2.OG Nord-West" in error["evalue"]
    assert len("".join(error["traceback"]).splitlines()) == 1

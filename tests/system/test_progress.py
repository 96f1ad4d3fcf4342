"""Progress shows where somebody looks, and nowhere else."""

from __future__ import annotations

import io
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from belimo_nb.system import progress

WORK = """
import time
from belimo_nb.system import progress
progress.NOTEBOOK_DELAY = 0.1
with progress.bar(3, "device", "Reading") as bar:
    for _ in range(3):
        time.sleep(0.2)
        bar.update()
"""


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar says how far it is, and is gone in the end."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.bar(2, "device", "Reading") as bar:
        bar.update()
        bar.refresh()
        assert "1/2" in terminal.getvalue()
    assert terminal.getvalue().split("\r")[-1].strip() == ""


def test_asked_to_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even on a terminal it can be told to keep still."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.bar(2, "device", "Reading", shown=False) as bar:
        bar.update(2)
    assert terminal.getvalue() == ""


def test_in_a_pipe() -> None:
    """A cron job's mail holds no bars."""
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    assert done.stderr == done.stdout == ""


@pytest.mark.slow
def test_in_a_notebook() -> None:
    """In a notebook work that takes longer than a moment shows a bar; what is over at once shows none."""
    cells = [nbformat.v4.new_code_cell(source) for source in (WORK, WORK.replace("0.1", "600"))]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook).execute()
    shown = ["".join(output.get("text", "") for output in cell["outputs"]) for cell in notebook["cells"]]
    assert "2/3" in shown[0]
    assert shown[1] == ""

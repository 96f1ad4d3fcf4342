"""Running one notebook with papermill: on a kernel of its own, or on a shell in this process."""

from __future__ import annotations

import html
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from belimo_nb import errors
from belimo_nb.report.engine.engines import FORK
from belimo_nb.report.engine.environment import cell_environment

__all__ = ["Executed", "execute"]

START_TRIES = 2
STARTS_FAIL_WITH = "Kernel died before replying"
OURS = frozenset(errors.__all__)
LONGEST_ERROR = 500
OVERTIME = "Stopped: it took longer than the time limit of {:g} s."
MARK = "papermill-error-cell-tag"
CELL_FILE = re.compile(r"\S*ipykernel_\d+[\\/]\d+\.py")
"""What warnings call a cell: the name of a file that never was, with the number of a process in it."""


@dataclass(frozen=True)
class Executed:
    """How the execution of a notebook ended.

    Attributes:
        notebook: The executed notebook; one that failed says so at its top.
        error: Why it failed, in one sentence, or None.
        crashed: True if what ran it died, which may go better another time.
    """

    notebook: NotebookNode
    error: str | None
    crashed: bool = False


def execute(
    path: Path,
    parameters: Mapping[str, Any],
    *,
    folder: Path,
    environment: Mapping[str, str],
    time_limit: float,
    engine: str,
) -> Executed:
    """Run a notebook to its end or its first error.

    Args:
        path: The notebook; it stays as it is.
        parameters: What to inject after its cell tagged ``parameters``.
        folder: A private, empty folder with a short path.
        environment: The ``BELIMO_*`` settings for its cells.
        time_limit: Seconds it may take.
        engine: "fork" to run it in this process, which must have been made for it; "kernel" for a process of its own.
    """
    deadline = time.monotonic() + time_limit
    executed = folder / "executed.ipynb"
    surroundings = cell_environment(folder, environment)
    arguments = _here if engine == FORK else _on_kernel
    error, crashed = None, False
    for attempt in range(1, START_TRIES + 1):
        try:
            papermill.execute_notebook(
                _literal(path),
                _literal(executed),
                dict(parameters),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                **arguments(deadline, folder, surroundings, executed),
            )
        except PapermillExecutionError as failure:
            error = failure.evalue if failure.ename in OURS else f"{failure.ename}: {failure.evalue}"
        except CellTimeoutError:
            error = OVERTIME.format(time_limit)
        except DeadKernelError:
            error, crashed = "Its kernel ended unexpectedly: a library crashed, or memory ran out.", True
        except RuntimeError as failure:
            # A port that was free a moment ago can be taken by the time the kernel binds it.
            if attempt < START_TRIES and str(failure).startswith(STARTS_FAIL_WITH):
                continue
            late = time.monotonic() >= deadline
            error = OVERTIME.format(time_limit) if late else f"Its kernel did not start: {failure}"
        break
    source = executed if executed.exists() else path
    notebook = nbformat.reads(source.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    _even_out(notebook)
    if error is not None:
        error = _one_line(error)
        _mark(notebook, error)
    return Executed(notebook, error, crashed)


def _on_kernel(deadline: float, folder: Path, surroundings: Mapping[str, str], _: Path) -> dict[str, Any]:
    """What papermill and nbclient are told for a kernel of its own."""
    from belimo_nb.report.engine.kernel import PrivateKernel, configuration

    return {
        "start_timeout": max(1, math.ceil(deadline - time.monotonic())),
        # From here on: for nbclient.
        "kernel_manager_class": PrivateKernel,
        "config": configuration(folder, surroundings),
        "timeout_func": lambda _: max(1, math.ceil(deadline - time.monotonic())),
        "shutdown_kernel": "immediate",
        "store_widget_state": False,
        "record_timing": False,  # papermill notes it, too
    }


def _here(deadline: float, _: Path, surroundings: Mapping[str, str], executed: Path) -> dict[str, Any]:
    """What papermill and our engine are told to run it in this process."""
    from belimo_nb.report.engine.shell import ENGINE

    return {
        "engine_name": ENGINE,
        "request_save_on_cell_execute": False,  # twice a cell, and nobody looks at it meanwhile
        "deadline": deadline,
        "environment": surroundings,
        "keep": str(executed),
    }


def _even_out(notebook: NotebookNode) -> None:
    """Take out of the outputs what the clock and the process decided.

    A kernel sends what a cell prints in pieces, cut by time; warnings name a file that has the process's number in it.
    """
    for cell in notebook.cells:
        outputs: list[NotebookNode] = []
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = CELL_FILE.sub("cell", output.text)
                if outputs and outputs[-1].output_type == "stream" and outputs[-1].name == output.name:
                    outputs[-1].text += output.text
                    continue
            outputs.append(output)
        if outputs:
            cell.outputs = outputs


def _mark(notebook: NotebookNode, error: str) -> None:
    """Say at the top of a notebook why it ends early, unless papermill did, as it does for errors in cells."""
    if not any(MARK in cell.metadata.get("tags", []) for cell in notebook.cells):
        text = f"**This report is not complete.** {html.escape(error, quote=False)}"  # may quote names from outside
        cell = nbformat.v4.new_markdown_cell(text, metadata={"tags": [MARK]})  # type: ignore[no-untyped-call]
        notebook.cells.insert(0, cell)


def _literal(path: Path) -> str:
    """A path for papermill, which fills in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _one_line(text: str) -> str:
    line = " ".join(text.split()).removesuffix(":")
    return line if len(line) <= LONGEST_ERROR else f"{line[: LONGEST_ERROR - 1]}…"

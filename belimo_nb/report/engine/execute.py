"""Run one notebook with papermill: on a kernel of its own, or on a shell in this process."""

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
from belimo_nb.report.engine.engines import FORK, cell_environment

START_TRIES = 2
START_FAILURE = "Kernel died before replying"
OWN_ERRORS = frozenset(errors.__all__)
MAX_ERROR_LENGTH = 500
TIMEOUT_ERROR = "Stopped: it took longer than the time limit of {:g} s."
ERROR_TAG = "papermill-error-cell-tag"
CELL_FILE_NAME = re.compile(r"\S*ipykernel_\d+[\\/]\d+\.py")
"""The made-up file name that warnings give a cell; it has the process's id in it, which differs from run to run."""


@dataclass(frozen=True)
class Executed:
    """How the execution of a notebook ended.

    Attributes:
        notebook: The executed notebook; one that failed says so at its top.
        error: Why it failed, in one sentence, or None.
        crashed: True if its kernel or process died, so that another try may succeed.
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
        engine: "fork" to run it in this process, which must serve no other notebook; "kernel" for a kernel of its own.
    """
    deadline = time.monotonic() + time_limit
    executed = folder / "executed.ipynb"
    variables = cell_environment(folder, environment)
    arguments = _in_process_arguments if engine == FORK else _kernel_arguments
    error, crashed = None, False
    for attempt in range(1, START_TRIES + 1):
        try:
            papermill.execute_notebook(
                _escape_braces(path),
                _escape_braces(executed),
                dict(parameters),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                **arguments(deadline, folder, variables, executed),
            )
        except PapermillExecutionError as failure:
            error = failure.evalue if failure.ename in OWN_ERRORS else f"{failure.ename}: {failure.evalue}"
        except CellTimeoutError:
            error = TIMEOUT_ERROR.format(time_limit)
        except DeadKernelError:
            error, crashed = "Its kernel ended unexpectedly: a library crashed, or memory ran out.", True
        except RuntimeError as failure:
            # A port that was free a moment ago can be taken by the time the kernel binds it.
            if attempt < START_TRIES and str(failure).startswith(START_FAILURE):
                continue
            late = time.monotonic() >= deadline
            error = TIMEOUT_ERROR.format(time_limit) if late else f"Its kernel did not start: {failure}"
        break
    source = executed if executed.exists() else path  # nothing was executed: the page still says why
    notebook = nbformat.reads(source.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    _normalize_outputs(notebook)
    if error is not None:
        line = " ".join(error.split()).removesuffix(":")
        error = line if len(line) <= MAX_ERROR_LENGTH else f"{line[: MAX_ERROR_LENGTH - 1]}…"
        _insert_error_cell(notebook, error)
    return Executed(notebook, error, crashed)


def _kernel_arguments(deadline: float, folder: Path, variables: Mapping[str, str], _: Path) -> dict[str, Any]:
    """Arguments for papermill and nbclient to run a notebook on a kernel of its own."""
    from traitlets.config import Config

    from belimo_nb.report.engine.kernel import PrivateKernel

    return {
        "start_timeout": max(1, math.ceil(deadline - time.monotonic())),
        # What follows is passed on to nbclient.
        "kernel_manager_class": PrivateKernel,
        "config": Config({"PrivateKernel": {"folder": str(folder), "environment": dict(variables)}}),
        "timeout_func": lambda _: max(1, math.ceil(deadline - time.monotonic())),
        "shutdown_kernel": "immediate",
        "store_widget_state": False,
        "record_timing": False,  # papermill records it already
    }


def _in_process_arguments(deadline: float, _: Path, variables: Mapping[str, str], executed: Path) -> dict[str, Any]:
    """Arguments for papermill and `ShellEngine` to run a notebook in this process."""
    from belimo_nb.report.engine.shell import ENGINE

    return {
        "engine_name": ENGINE,
        "request_save_on_cell_execute": False,  # it would write the file twice for each cell
        "deadline": deadline,
        "environment": variables,
        "partial_result": str(executed),
    }


def _normalize_outputs(notebook: NotebookNode) -> None:
    """Make outputs the same in every run: join the pieces of a stream, which time cuts, and drop process ids."""
    for cell in notebook.cells:
        outputs: list[NotebookNode] = []
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = CELL_FILE_NAME.sub("cell", output.text)
                if outputs and outputs[-1].output_type == "stream" and outputs[-1].name == output.name:
                    outputs[-1].text += output.text
                    continue
            outputs.append(output)
        if outputs:
            cell.outputs = outputs


def _insert_error_cell(notebook: NotebookNode, error: str) -> None:
    """Insert the error at the top of a notebook, unless papermill did so, as it does for errors in cells."""
    if not any(ERROR_TAG in cell.metadata.get("tags", []) for cell in notebook.cells):
        text = f"**This report is not complete.** {html.escape(error, quote=False)}"  # may quote names from outside
        cell = nbformat.v4.new_markdown_cell(text, metadata={"tags": [ERROR_TAG]})  # type: ignore[no-untyped-call]
        notebook.cells.insert(0, cell)


def _escape_braces(path: Path) -> str:
    """A path for papermill, which treats braces as placeholders."""
    return str(path).replace("{", "{{").replace("}", "}}")

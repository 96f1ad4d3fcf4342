"""Running one notebook with papermill, on a kernel of its own."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from belimo_nb import errors
from belimo_nb.report.kernel import PrivateKernel, configuration

__all__ = ["execute"]

START_TRIES = 2
STARTS_FAIL_WITH = "Kernel died before replying"
OURS = frozenset(errors.__all__)
LONGEST_ERROR = 500
OVERTIME = "Stopped: it took longer than the time limit of {:g} s."
MARK = "papermill-error-cell-tag"


def execute(
    path: Path, parameters: Mapping[str, Any], *, folder: Path, environment: Mapping[str, str], time_limit: float
) -> tuple[NotebookNode, str | None]:
    """Run a notebook to its end or its first error.

    Args:
        path: The notebook; it stays as it is.
        parameters: What to inject after its cell tagged ``parameters``.
        folder: A private, empty folder with a short path.
        environment: The ``BELIMO_*`` settings for its kernel.
        time_limit: Seconds it may take.

    Returns:
        The executed notebook, and why it failed in one sentence, or None. A notebook that failed says so at its top.
    """
    deadline = time.monotonic() + time_limit
    executed = folder / "executed.ipynb"
    error: str | None = None
    for attempt in range(1, START_TRIES + 1):
        try:
            papermill.execute_notebook(
                _literal(path),
                _literal(executed),
                dict(parameters),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                start_timeout=max(1, math.ceil(deadline - time.monotonic())),
                # From here on: for nbclient.
                kernel_manager_class=PrivateKernel,
                config=configuration(folder, environment),
                timeout_func=lambda _: max(1, math.ceil(deadline - time.monotonic())),
                shutdown_kernel="immediate",
                store_widget_state=False,
            )
        except PapermillExecutionError as failure:
            error = failure.evalue if failure.ename in OURS else f"{failure.ename}: {failure.evalue}"
        except CellTimeoutError:
            error = OVERTIME.format(time_limit)
        except DeadKernelError:
            error = "Its kernel ended unexpectedly: a library crashed, or memory ran out."
        except RuntimeError as failure:
            # A port that was free a moment ago can be taken by the time the kernel binds it.
            if attempt < START_TRIES and str(failure).startswith(STARTS_FAIL_WITH):
                continue
            late = time.monotonic() >= deadline
            error = OVERTIME.format(time_limit) if late else f"Its kernel did not start: {failure}"
        break
    source = executed if executed.exists() else path
    notebook = nbformat.reads(source.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    if error is not None:
        error = _one_line(error)
        _mark(notebook, error)
    return notebook, error


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

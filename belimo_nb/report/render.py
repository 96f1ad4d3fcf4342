"""Make one report, from its job to its files; this runs on a worker."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from belimo_nb.report.jobs import Job, Result

SECRETS = ("BELIMO_CLIENT_SECRET", "BELIMO_PASSWORD")


@dataclass(frozen=True)
class Task:
    """Everything that a worker needs to make one report; it can be pickled.

    Attributes:
        job: The report.
        notebook: Path of its notebook.
        out: The folder for its files, absolute; readers do not look into it.
        environment: The settings as ``BELIMO_*`` variables, secrets included.
        time_limit: Seconds it may take.
        made_at: When the run began, aware.
        version: The version of belimo_nb.
        engine: How to run the notebook, see `engines`.
        notebooks: How the executed notebook is kept: compressed, plain or none.
        tables: How its tables are written, "csv", "csv-semicolon" or "xlsx".
    """

    job: Job
    notebook: Path
    out: Path
    environment: Mapping[str, str] = field(repr=False)
    time_limit: float
    made_at: datetime
    version: str
    engine: str
    notebooks: str = "plain"
    tables: str = "csv"


def render(task: Task) -> Result:
    """Make a report: execute its notebook, write its page, its notebook and its tables.

    A failing cell makes a failed result, with the executed notebook kept. Nothing is raised for what a notebook does.
    """
    # Imported by the worker, not by the command: papermill alone takes more than a second.
    from belimo_nb.client.auth import TOKENS_USED
    from belimo_nb.report.engine.execute import execute
    from belimo_nb.report.page.report_files import (
        beside_figures,
        completeness,
        key_figures,
        mask_secrets,
        remove_private,
        write_report,
    )

    began = time.monotonic()
    # A short name: the kernel's sockets are in this folder, and the path of a Unix socket has 103 bytes at most.
    with tempfile.TemporaryDirectory(prefix="nb-") as name:
        folder = Path(name)
        executed = execute(
            task.notebook,
            task.job.parameters,
            folder=folder,
            environment={**task.environment, TOKENS_USED: str(folder / "tokens")},
            time_limit=task.time_limit,
            engine=task.engine,
        )
        secrets = [task.environment[key] for key in SECRETS if key in task.environment]
        with contextlib.suppress(FileNotFoundError):  # it has used none
            secrets += (folder / "tokens").read_text(encoding="utf-8").splitlines()
        error = None if executed.error is None else mask_secrets(executed.error, secrets)
        notebook = remove_private(executed.notebook, name=task.notebook.stem, secrets=secrets, folder=folder)
    failed = error is not None
    files = write_report(
        notebook,
        task.job,
        task.out,
        made_at=task.made_at,
        version=task.version,
        failed=failed,
        notebooks=task.notebooks,
        tables=task.tables,
    )
    return Result(
        job=task.job,
        status="failed" if error else "ok",
        seconds=time.monotonic() - began,
        error=error,
        key_figures=key_figures(notebook),
        completeness=completeness(notebook),
        files=files,
        trend=beside_figures(notebook, "trend"),
        condition=beside_figures(notebook, "condition"),
        record=beside_figures(notebook, "record"),
        made_at=task.made_at,
        crashed=executed.crashed,
    )

"""Making one report, from its job to its files: what a worker does."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from belimo_nb.report.jobs import Job, Result

__all__ = ["Task", "render"]

SECRETS = ("BELIMO_CLIENT_SECRET", "BELIMO_PASSWORD")


@dataclass(frozen=True)
class Task:
    """Everything that a worker must know to make one report; it can be pickled.

    Attributes:
        job: The report.
        notebook: Path of its notebook.
        out: Where its files go, absolute: a folder that no reader sees yet.
        environment: The settings as ``BELIMO_*`` variables, secrets included.
        time_limit: Seconds it may take.
        made_at: When the run began, aware.
        version: The version of belimo_nb.
        engine: How to run the notebook, see `engines`.
    """

    job: Job
    notebook: Path
    out: Path
    environment: Mapping[str, str] = field(repr=False)
    time_limit: float
    made_at: datetime
    version: str
    engine: str


def render(task: Task) -> Result:
    """Make a report: execute its notebook, write its page, its notebook and its tables.

    A failing cell makes a failed result, with the executed notebook kept. Nothing is raised for what a notebook does.
    """
    from belimo_nb.report.engine.execute import execute
    from belimo_nb.report.page.report_files import completeness, key_figures, masked, publish, tidy, trend

    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nb-") as name:
        folder = Path(name)
        executed = execute(
            task.notebook,
            task.job.parameters,
            folder=folder,
            environment=task.environment,
            time_limit=task.time_limit,
            engine=task.engine,
        )
        secrets = [task.environment[key] for key in SECRETS if key in task.environment]
        error = None if executed.error is None else masked(executed.error, secrets)
        notebook = tidy(executed.notebook, name=task.notebook.stem, secrets=secrets, folder=folder)
    files = publish(notebook, task.job, task.out, made_at=task.made_at, version=task.version, failed=error is not None)
    return Result(
        job=task.job,
        status="failed" if error else "ok",
        seconds=time.monotonic() - began,
        error=error,
        key_figures=key_figures(notebook),
        completeness=completeness(notebook),
        files=files,
        trend=trend(notebook),
        made_at=task.made_at,
        crashed=executed.crashed,
    )

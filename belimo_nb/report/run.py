"""A whole run: the jobs side by side, each result as it comes, and at the end all of it at once to the readers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from belimo_nb import notebook_files
from belimo_nb._version import __version__
from belimo_nb.report import index, machine
from belimo_nb.report.folder import OutputFolder, claim
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.keeping import Keeper, others
from belimo_nb.report.render import Task, render
from belimo_nb.report.workers import ChildProcesses, JobFailed

if TYPE_CHECKING:
    from belimo_nb.report.fingerprint import Fingerprints
    from belimo_nb.settings import Settings

__all__ = ["Outcome", "run"]

PAUSE = 0.5
STOPPED = "Stopped before it was finished."


@dataclass(frozen=True)
class Outcome:
    """What a run made.

    Attributes:
        results: One for each job, in the jobs' order.
        index: Path of the index page.
        seconds: How long it took.
        stopped: True if it was interrupted; what was not finished counts as failed.
    """

    results: Sequence[Result]
    index: Path
    seconds: float
    stopped: bool

    @property
    def failed(self) -> list[Result]:
        """The results that are no report."""
        return [result for result in self.results if result.status != "ok"]

    @property
    def kept(self) -> list[Result]:
        """The results that an earlier run made."""
        return [result for result in self.results if result.kept]


def run(
    jobs: Sequence[Job],
    workers: ChildProcesses,
    *,
    settings: Settings,
    period_label: str,
    out: Path | OutputFolder,
    title: str = "Energy valve reports",
    source_label: str | None = None,
    on_result: Callable[[Result], None] = lambda _: None,
    fingerprints: Fingerprints | None = None,
    resume: bool = False,
    whole: bool = False,
    as_of: datetime | None = None,
) -> Outcome:
    """Make the reports of some jobs and their index.

    A report that fails, crashes or hangs is a failed result; the others go on. Readers of the output folder see the
    run before until all is made. When interrupted (Ctrl-C) the run ends at once, and the index says what was made and
    what was not.

    Args:
        jobs: What to make, see `jobs.plan`.
        workers: Who makes them.
        settings: The connection; for the demo cloud, that of a server which this process runs for all workers.
        period_label: What the index calls the period.
        out: Output folder.
        title: What the index calls the whole.
        source_label: What the index calls the source of the data; by default as the settings do.
        on_result: Called for each result, as it comes.
        fingerprints: What the reports are made of; None: unknown, so that no later run can keep them.
        resume: Keep reports of earlier runs whose fingerprint is the same.
        whole: The jobs are all that there are of their notebooks: reports of other devices go.
        as_of: When the list of devices was asked for, aware.

    Raises:
        UsageError: The output folder cannot be made or written to, or another run writes to it.
    """
    with contextlib.ExitStack() as stack:
        folder = out if isinstance(out, OutputFolder) else stack.enter_context(claim(out))
        made_at, began = datetime.now(ZoneInfo(settings.timezone)), time.monotonic()
        source = source_label or settings.source
        facts = machine.RunFacts(title, period_label, source, settings.timezone, __version__, made_at, 0.0, as_of)
        keeper = Keeper(folder, fingerprints, facts, resume=resume)
        environment = _environment(settings, min(workers.max_workers, len(jobs)))
        done: dict[Job, Result] = {}
        stopped = False
        futures: dict[Future[Result], Job] = {}

        def settle(job: Job, result: Result) -> None:
            done[job] = result
            on_result(result)

        try:
            for job in jobs:
                if kept := keeper.kept(job):
                    settle(job, kept)
                    continue
                notebook = notebook_files.notebook(job.notebook)
                task = Task(job, notebook, folder.staging, environment, workers.time_limit, made_at, __version__)
                futures[workers.submit(render, task)] = job
            pending = set(futures)
            while pending:
                # The pause lets Ctrl-C through where a wait without end would not (Windows).
                finished, pending = wait(pending, timeout=PAUSE, return_when=FIRST_COMPLETED)
                for future in finished:
                    job = futures[future]
                    settle(job, keeper.made(_result(future, job)))
        except KeyboardInterrupt:
            stopped = True
            workers.stop()
            for future, job in futures.items():
                if job not in done:
                    done[job] = keeper.made(_result(future, job))
        results = [done.get(job) or Result(job, "failed", 0.0, STOPPED) for job in jobs]
        seconds = time.monotonic() - began
        path = _publish(folder, results, replace(facts, seconds=seconds, stopped=stopped), whole=whole)
        return Outcome(results, path, seconds, stopped)


def _publish(folder: OutputFolder, results: Sequence[Result], facts: machine.RunFacts, *, whole: bool) -> Path:
    """Let readers see the results."""
    left: list[Mapping[str, Any]] = others(folder, results, whole=whole)
    names = {name for result in results for name in result.files.values()}
    names |= {name for item in left for name in machine.files_of(item).values()}
    return folder.publish(
        index.page(results, facts, left),
        machine.document(results, facts, left),
        keep=names,
    )


def _environment(settings: Settings, workers: int) -> dict[str, str]:
    """The settings for each of several workers, which share the account's rate limit."""
    environment = settings.environment()
    if settings.rate > 0:
        environment["BELIMO_RATE"] = repr(settings.rate / max(1, workers))
    return environment


def _result(future: Future[Result], job: Job) -> Result:
    try:
        return future.result(timeout=0)
    except CancelledError:
        return Result(job, "failed", 0.0, STOPPED)
    except JobFailed as error:
        return Result(job, "failed", error.seconds, str(error))

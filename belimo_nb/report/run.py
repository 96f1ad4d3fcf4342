"""A whole run: the jobs side by side, each result as it comes, the index at the end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from belimo_nb import notebook_files
from belimo_nb._version import __version__
from belimo_nb.errors import UsageError
from belimo_nb.report import index
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.render import Task, render
from belimo_nb.report.workers import ChildProcesses, JobFailed

if TYPE_CHECKING:
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


def run(
    jobs: Sequence[Job],
    workers: ChildProcesses,
    *,
    settings: Settings,
    period_label: str,
    out: Path,
    title: str = "Energy valve reports",
    source_label: str | None = None,
    on_result: Callable[[Result], None] = lambda _: None,
) -> Outcome:
    """Make the reports of some jobs and their index.

    A report that fails, crashes or hangs is a failed result; the others go on. When interrupted (Ctrl-C) the run ends
    at once, and the index says what was made and what was not.

    Args:
        jobs: What to make, see `jobs.plan`.
        workers: Who makes them.
        settings: The connection; for the demo cloud, that of a server which this process runs for all workers.
        period_label: What the index calls the period.
        out: Output folder.
        title: What the index calls the whole.
        source_label: What the index calls the source of the data; by default as the settings do.
        on_result: Called for each result, as it comes.

    Raises:
        UsageError: The output folder cannot be made or written to.
    """
    target = _writable(out)
    made_at, began = datetime.now(ZoneInfo(settings.timezone)), time.monotonic()
    environment = _environment(settings, min(workers.max_workers, len(jobs)))
    done: dict[Job, Result] = {}
    stopped = False
    futures: dict[Future[Result], Job] = {}
    try:
        for job in jobs:
            source = notebook_files.notebook(job.notebook)
            task = Task(job, source, target, environment, workers.time_limit, made_at, __version__)
            futures[workers.submit(render, task)] = job
        pending = set(futures)
        while pending:
            # The pause lets Ctrl-C through where a wait without end would not (Windows).
            finished, pending = wait(pending, timeout=PAUSE, return_when=FIRST_COMPLETED)
            for future in finished:
                job = futures[future]
                done[job] = _result(future, job)
                on_result(done[job])
    except KeyboardInterrupt:
        stopped = True
        workers.stop()
        for future, job in futures.items():
            done.setdefault(job, _result(future, job))
    results = [done.get(job) or Result(job, "failed", 0.0, STOPPED) for job in jobs]
    seconds = time.monotonic() - began
    facts = index.RunFacts(
        title=title,
        period_label=period_label,
        source=source_label or settings.source,
        timezone=settings.timezone,
        version=__version__,
        made_at=made_at,
        seconds=seconds,
    )
    try:
        written = index.write(target, results, facts)
    except OSError as error:
        raise _unwritable(out, error) from None
    return Outcome(results, written, seconds, stopped)


def _writable(out: Path) -> Path:
    """The output folder, made if need be, as an absolute path."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".{secrets.token_hex(8)}.tmp"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise _unwritable(out, error) from None
    return out.resolve()


def _unwritable(out: Path, error: OSError) -> UsageError:
    return UsageError(
        f"The output folder {str(out)!r} cannot be written to ({error.strerror}); choose another with --out."
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

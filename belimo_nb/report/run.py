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

from belimo_nb._version import __version__
from belimo_nb.report import notebooks
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.folder import OutputFolder, claim
from belimo_nb.report.page import index
from belimo_nb.report.render import Task, render
from belimo_nb.report.resume import Keeper, others
from belimo_nb.report.workers.processes import JobFailed, Workers

if TYPE_CHECKING:
    from belimo_nb.report.fingerprint import Fingerprints
    from belimo_nb.settings import Settings

__all__ = ["Outcome", "run"]

PAUSE = 0.5
STOPPED = "Stopped before it was finished."
TWICE = "It was tried twice."


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
    workers: Workers,
    *,
    settings: Settings,
    period_label: str,
    out: Path | OutputFolder,
    title: str = "Energy valve reports",
    source_label: str | None = None,
    on_result: Callable[[Result], None] = lambda _: None,
    on_retry: Callable[[Result], None] = lambda _: None,
    fingerprints: Fingerprints | None = None,
    resume: bool = False,
    whole: bool = False,
    as_of: datetime | None = None,
) -> Outcome:
    """Make the reports of some jobs and their index.

    A report that fails or hangs is a failed result; one whose process or kernel dies is tried once more. The others go
    on. Readers of the output folder see the run before until all is made. When interrupted (Ctrl-C) the run ends at
    once, and the index says what was made and what was not.

    Args:
        jobs: What to make, see `jobs.plan`.
        workers: Who makes them.
        settings: The connection; for the demo cloud, that of a server which this process runs for all workers.
        period_label: What the index calls the period.
        out: Output folder.
        title: What the index calls the whole.
        source_label: What the index calls the source of the data; by default as the settings do.
        on_result: Called for each result, as it comes.
        on_retry: Called with the result of a report that crashed and is tried once more.
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
        facts = reports_json.RunFacts(title, period_label, source, settings.timezone, __version__, made_at, 0.0, as_of)
        keeper = Keeper(folder, fingerprints, facts, resume=resume)
        environment = _environment(settings, min(workers.max_workers, len(jobs)))
        done: dict[Job, Result] = {}

        def settle(result: Result) -> None:
            done[result.job] = result
            on_result(result)

        def task(job: Job) -> Task:
            source = notebooks.notebook(job.notebook)
            limit, engine = workers.time_limit, workers.engine
            return Task(job, source, folder.staging, environment, limit, made_at, __version__, engine)

        round_ = _Round(workers, lambda result: settle(keeper.made(result)), on_retry)
        stopped = False
        try:
            for job in jobs:
                if kept := keeper.kept(job):
                    settle(kept)
                else:
                    round_.submit(task(job))
            round_.finish()
        except KeyboardInterrupt:
            stopped = True
            workers.stop()
            for result in round_.rest():
                done.setdefault(result.job, keeper.made(result))
        results = [done.get(job) or Result(job, "failed", 0.0, STOPPED) for job in jobs]
        seconds = time.monotonic() - began
        path = _publish(folder, results, replace(facts, seconds=seconds, stopped=stopped), whole=whole)
        return Outcome(results, path, seconds, stopped)


class _Round:
    """The reports under way; one that crashes is tried once more."""

    def __init__(
        self, workers: Workers, on_result: Callable[[Result], None], on_retry: Callable[[Result], None]
    ) -> None:
        self._workers, self._on_result, self._on_retry = workers, on_result, on_retry
        self._futures: dict[Future[Result], Task] = {}
        self._again: set[Job] = set()
        self._settled: set[Job] = set()

    def submit(self, task: Task) -> None:
        """Have a report made."""
        self._futures[self._workers.submit(render, task)] = task

    def finish(self) -> None:
        """Return when all are made, or cannot be."""
        seen: set[Future[Result]] = set()
        while pending := set(self._futures) - seen:
            # The pause lets Ctrl-C through where a wait without end would not (Windows).
            finished, _ = wait(pending, timeout=PAUSE, return_when=FIRST_COMPLETED)
            for future in finished:
                seen.add(future)
                self._settle(_result(future, self._futures[future].job), self._futures[future])

    def rest(self) -> list[Result]:
        """After a stop: what became of those that are not settled."""
        latest = {task.job: future for future, task in self._futures.items()}  # of two tries the second
        return [_result(future, job) for job, future in latest.items() if job not in self._settled]

    def _settle(self, result: Result, task: Task) -> None:
        if result.crashed and task.job not in self._again:
            self._again.add(task.job)
            self._on_retry(result)
            self.submit(task)
            return
        self._settled.add(task.job)
        self._on_result(replace(result, error=f"{result.error} {TWICE}") if result.crashed else result)


def _publish(folder: OutputFolder, results: Sequence[Result], facts: reports_json.RunFacts, *, whole: bool) -> Path:
    """Let readers see the results."""
    left: list[Mapping[str, Any]] = others(folder, results, whole=whole)
    names = {name for result in results for name in result.files.values()}
    names |= {name for item in left for name in reports_json.files_of(item).values()}
    return folder.publish(
        index.page(results, facts, left),
        reports_json.document(results, facts, left),
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
        return Result(job, "failed", error.seconds, str(error), crashed=error.crashed)

"""Make the reports of a run side by side, and publish them all at once; go on with one that was interrupted."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from belimo_nb._version import __version__
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.hydronics.worth import Prices
from belimo_nb.report import notebooks
from belimo_nb.report.jobs import STOPPED, Job, Result
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.folder import INDEX, OutputFolder, claim, unfinished_as_of
from belimo_nb.report.render import Task, render
from belimo_nb.report.workers.processes import JobFailed, Workers
from belimo_nb.settings import Settings
from belimo_nb.store.documents import DocumentStore

POLL_INTERVAL = 0.5
TRIED_TWICE = "It was tried twice."


@dataclass(frozen=True)
class Outcome:
    """The results of a run.

    Attributes:
        results: One for each job, in the jobs' order.
        index: Path of the index page.
        seconds: How long it took.
        stopped: True if it was interrupted; what was not finished counts as failed.
        run: The run as it is published, compared with the one before.
    """

    results: Sequence[Result]
    index: Path
    seconds: float
    stopped: bool
    run: reports_json.Run | None = None

    @property
    def failed(self) -> list[Result]:
        """The results of reports that failed."""
        return [result for result in self.results if result.status != "ok"]

    @property
    def kept(self) -> list[Result]:
        """The results kept from an earlier run."""
        return [result for result in self.results if result.kept]


def run(
    jobs: Sequence[Job],
    workers: Workers,
    *,
    settings: Settings,
    period: Period,
    out: Path | OutputFolder,
    title: str = "Energy valve reports",
    source_label: str | None = None,
    on_result: Callable[[Result], None] = lambda _: None,
    on_retry: Callable[[Result], None] = lambda _: None,
    resume: bool = False,
    whole: bool = False,
    as_of: datetime | None = None,
    keep: int | None = None,
    year: bool = False,
    notebooks_as: str = "plain",
    tables: str = "csv",
) -> Outcome:
    """Make the reports of some jobs and their index.

    A report that fails or hangs is a failed result; one whose process or kernel dies is tried once more. The others go
    on. Readers of the output folder see the run before until all is made. When interrupted (Ctrl-C) the run ends at
    once, and the index says what was made and what was not.

    Args:
        jobs: What to make, see `jobs.plan`.
        workers: What makes the reports.
        settings: The connection; for the demo cloud, to the server that this process runs for all workers.
        period: The period; the reports appear in a folder of its name.
        out: Output folder.
        title: The title of the index.
        source_label: The source of the data, as the index shows it; by default that of the settings.
        on_result: Called with each result as it comes.
        on_retry: Called with the result of a report that crashed and is tried once more.
        resume: Go on with a run over the same period that was interrupted, or whose reports failed in part.
        whole: True if these are all jobs of their notebooks; devices that are not among them are gone.
        as_of: When the list of devices was fetched, aware.
        keep: Keep only so many of the newest runs.
        year: Compare with the run over the same days a year before instead of the last one before.
        notebooks_as: How executed notebooks are kept: compressed, plain or none.
        tables: How the reports' tables are written, "csv", "csv-semicolon" or "xlsx".

    Raises:
        UsageError: The output folder cannot be made or written to, or another run writes to it.
    """
    with contextlib.ExitStack() as stack:
        folder = out if isinstance(out, OutputFolder) else stack.enter_context(claim(out))
        folder.check_free(period.name, [f"{job.slug}.html" for job in jobs])  # before an hour of work
        made_at, began = datetime.now(ZoneInfo(settings.timezone)), time.monotonic()
        source = source_label or settings.source
        own_weather = settings.origins.get("weather") == "demo cloud"  # at another port each time
        depends = (None if own_weather else settings.weather, settings.prices, notebooks_as, tables)
        options = hashlib.sha256(repr(depends).encode()).hexdigest()[:12]
        facts = reports_json.RunFacts(
            title, period, source, settings.timezone, __version__, made_at, 0.0, as_of, whole=whole, options=options
        )
        kept = folder.begin(facts, resume=resume)
        environment = _worker_environment(settings, min(workers.max_workers, len(jobs)))
        done: dict[Job, Result] = {}

        def settle(result: Result) -> None:
            done[result.job] = result
            if result.status == "ok" and not result.kept:
                folder.note(result)
            on_result(result)

        def task(job: Job) -> Task:
            source = notebooks.notebook(job.notebook)
            limit, engine = workers.time_limit, workers.engine
            forms = {"notebooks": notebooks_as, "tables": tables}
            return Task(job, source, folder.staging, environment, limit, made_at, __version__, engine, **forms)

        batch = _Batch(workers, settle, on_retry)
        stopped = False
        try:
            for job in jobs:
                found = kept.get(job.slug)
                if found is not None and found.job.parameters == reports_json.json_value(job.parameters):
                    settle(replace(found, job=job))
                else:
                    batch.submit(task(job))
            batch.finish()
        except KeyboardInterrupt:  # publish what is done: an hour of reports should not be lost with the last one
            stopped = True
            workers.stop()
            for result in batch.unsettled():
                done.setdefault(result.job, result)
        results = [done.get(job) or Result(job, "failed", 0.0, STOPPED) for job in jobs]
        seconds = time.monotonic() - began
        told = replace(facts, seconds=seconds, stopped=stopped)
        published = folder.publish(told, results, _prices(settings, jobs), keep=keep, year=year)
        return Outcome(results, folder.path / INDEX, seconds, stopped, published)


class _Batch:
    """The reports in progress; one that crashes is tried once more."""

    def __init__(
        self, workers: Workers, on_result: Callable[[Result], None], on_retry: Callable[[Result], None]
    ) -> None:
        self._workers, self._on_result, self._on_retry = workers, on_result, on_retry
        self._futures: dict[Future[Result], Task] = {}
        self._again: set[Job] = set()
        self._settled: set[Job] = set()

    def submit(self, task: Task) -> None:
        """Have a worker make a report."""
        self._futures[self._workers.submit(render, task)] = task

    def finish(self) -> None:
        """Wait until all reports are made or have failed."""
        seen: set[Future[Result]] = set()
        while pending := set(self._futures) - seen:
            # With a timeout, since on Windows Ctrl-C does not interrupt a wait without one.
            finished, _ = wait(pending, timeout=POLL_INTERVAL, return_when=FIRST_COMPLETED)
            for future in finished:
                seen.add(future)
                self._settle(_result(future, self._futures[future].job), self._futures[future])

    def unsettled(self) -> list[Result]:
        """The results of reports that had none yet when the workers were stopped."""
        latest = {task.job: future for future, task in self._futures.items()}  # of two tries the second
        return [_result(future, job) for job, future in latest.items() if job not in self._settled]

    def _settle(self, result: Result, task: Task) -> None:
        # A crash is tried again, for memory may be there the second time; an error in a cell would only come again.
        if result.crashed and task.job not in self._again:
            self._again.add(task.job)
            self._on_retry(result)
            self.submit(task)
            return
        self._settled.add(task.job)
        self._on_result(replace(result, error=f"{result.error} {TRIED_TWICE}") if result.crashed else result)


def _prices(settings: Settings, jobs: Sequence[Job]) -> Prices:
    """What energy costs: as the reports have it, from their parameters or the settings."""
    given = {name: value for job in jobs for name, value in job.parameters.items() if value not in (None, "")}
    found = {
        name: given.get(f"price_{name}", getattr(settings.prices, name)) for name in ("heat", "cold", "electricity")
    }
    return Prices(**found, currency=str(given.get("currency", settings.currency)))


def _worker_environment(settings: Settings, workers: int) -> dict[str, str]:
    """The settings of each worker as variables; the workers share the account's rate limit."""
    environment = settings.environment()
    if settings.rate > 0:  # the workers do not know of each other, so each gets its share
        environment["BELIMO_RATE"] = repr(settings.rate / max(1, workers))
    return environment


def _result(future: Future[Result], job: Job) -> Result:
    try:
        return future.result(timeout=0)
    except CancelledError:
        return Result(job, "failed", 0.0, STOPPED)
    except JobFailed as error:
        return Result(job, "failed", error.seconds, str(error), crashed=error.crashed)


MAX_AGE = timedelta(hours=24)
"""For how long an unfinished run can be continued; later a run begins anew, with the devices as they are then."""


def continue_unfinished(cloud: Cloud, period: Period, out: Path) -> Cloud:
    """The cloud as an unfinished run before saw it, if that run had the same period and source; else as it is.

    Devices send new values all the time, so each report would come out a little different now and none could be kept.
    A run that is continued takes what was fetched since its list of devices for current.
    """
    found = unfinished_as_of(out, period, cloud.source)
    if found is None or cloud.settings.offline:
        return cloud
    as_of = pd.Timestamp(found).tz_convert("UTC")
    # Only with the very list of devices that the run before had: another command may have fetched a newer one.
    listed = DocumentStore(cloud.settings).read("devices")
    there = listed is not None and listed.asked == int(as_of.timestamp())
    young = timedelta(0) <= cloud.now - as_of <= MAX_AGE
    return Cloud(replace(cloud.settings, fresh_since=as_of)) if there and young else cloud


def device_list_time(cloud: Cloud) -> datetime | None:
    """When the list of devices was fetched, in the site's zone; None if it was not."""
    asked = cloud.connection.device_list.asked
    return datetime.fromtimestamp(asked, ZoneInfo(cloud.timezone)) if asked else None

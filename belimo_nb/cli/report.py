"""`belimo-nb report`: make HTML reports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from belimo_nb.cli.log import RunLog
from belimo_nb.cli.shared import (
    INTERRUPTED,
    GlobalOptions,
    device_options,
    pass_options,
    period_options,
    sigterm_as_interrupt,
)
from belimo_nb.errors import UsageError, printable
from belimo_nb.quantities import plural
from belimo_nb.report.notebooks import NOTEBOOKS

if TYPE_CHECKING:
    from belimo_nb.report.fetch import Fetched
    from belimo_nb.report.jobs import Result
    from belimo_nb.report.output.upload import Upload
    from belimo_nb.report.run import Outcome
    from belimo_nb.report.workers.processes import Workers

TIME_LIMIT_MINUTES, LONGEST_LIMIT_MINUTES = 30.0, 10_000.0
NEW_FAULTS = 4  # exit status
TABLES = ("csv", "csv-semicolon", "xlsx")


EPILOG = """\b
Examples:
  belimo-nb report
  belimo-nb report heating_energy --period 2018-11 --out november
  belimo-nb report device --device "2.OG Nord-West" --from 2018-11-01 --to 2018-11-15
  belimo-nb report cooling_energy --period 2018 --tables xlsx
  belimo-nb report --period last-month --out reports --log-file reports.log --quiet
"""


@click.command(epilog=EPILOG)
@click.argument("notebooks", nargs=-1, type=click.Choice(NOTEBOOKS), metavar=f"[{'|'.join(NOTEBOOKS)}]...")
@device_options
@period_options
@click.option(
    "-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter of the notebooks; repeatable."
)
@click.option(
    "--out",
    default="reports",
    show_default=True,
    metavar="DIR",
    help="Output folder, or a URL such as s3://bucket/reports, to which the reports are uploaded when all are made.",
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Reports at a time. Default: one for each core.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=TIME_LIMIT_MINUTES,
    show_default=True,
    metavar="MINUTES",
    help="Give up on a report after this time.",
)
@click.option(
    "--tables",
    type=click.Choice(TABLES),
    default=TABLES[0],
    show_default=True,
    help="The tables beside each report: CSV, CSV with semicolons and decimal commas, or a workbook (extra xlsx).",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted, or in which reports failed.")
@click.option(
    "--keep", type=click.IntRange(min=1), metavar="N", help="Keep the N newest runs, delete the others. Default: all."
)
@click.option(
    "--compare-with",
    type=click.Choice(("run-before", "year-before")),
    default="run-before",
    show_default=True,
    help="What counts as news: what changed since the run before, or since the same days a year before.",
)
@click.option(
    "--digest",
    "digests",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Write what is new and what is worth a visit to FILE: .html, .txt, or .eml, a mail to send; repeatable.",
)
@click.option("--address", metavar="URL", help="Where readers find the output folder, for the links of the digest.")
@click.option(
    "--exit-on",
    type=click.Choice(("new-faults",)),
    help="End with status 4 if a fault, an error that a device reports, or a silent device is new.",
)
@click.option(
    "--notebooks",
    "notebooks_as",
    type=click.Choice(("compressed", "plain", "none")),
    default="compressed",
    show_default=True,
    help="How the executed notebooks are kept beside the pages: .ipynb.gz, .ipynb, or not at all.",
)
@click.option(
    "--log-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Append a line an event to FILE.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but failures.")
@click.option(
    "--engine",
    type=click.Choice(("fork", "kernel")),
    help="How notebooks are run: forked from a prepared process (fast, Linux), or each on a Jupyter kernel. "
    "Default: the faster one that works here.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Make the reports on the workers of this Dask scheduler, such as tcp://10.0.0.5:8786; see docs/cluster.md.",
)
@pass_options
def report(
    options: GlobalOptions,
    notebooks: tuple[str, ...],
    search: str | None,
    devices: tuple[str, ...],
    start: str | None,
    end: str | None,
    period: str | None,
    parameters: tuple[tuple[str, str], ...],
    out: str,
    jobs: int | None,
    time_limit: float,
    tables: str,
    resume: bool,
    keep: int | None,
    compare_with: str,
    digests: tuple[Path, ...],
    address: str | None,
    exit_on: str | None,
    notebooks_as: str,
    log_file: Path | None,
    quiet: bool,
    engine: str | None,
    scheduler: str | None,
) -> None:
    """Make HTML reports and an index of them.

    Default: the overview, the heating and the cooling energy of all valves (what of it the fleet has), and one report
    for each energy valve, over the last 12 full months. The last line printed is the path of the index. Reports that
    fail are listed; the others are made. Whoever reads the output folder meanwhile sees the run before, until all is
    made.
    """
    if not 0 < time_limit <= LONGEST_LIMIT_MINUTES:  # also refuses "nan"
        raise UsageError(f"--time-limit is {time_limit:g} min; give one up to {LONGEST_LIMIT_MINUTES:g}.")
    with (
        sigterm_as_interrupt(),
        RunLog(log_file, quiet=quiet) as log,
        # First of all: the process that reports are forked from imports while this one imports, plans and fetches.
        _workers(scheduler, jobs, time_limit=time_limit * 60, engine=engine) as workers,
    ):
        from belimo_nb._version import __version__
        from belimo_nb.report import digest
        from belimo_nb.report.fetch import fetch
        from belimo_nb.report.jobs import KINDS, plan, typed_value, with_energy
        from belimo_nb.report.output.folder import claim
        from belimo_nb.report.output.upload import Upload, is_url
        from belimo_nb.report.page.tables import check
        from belimo_nb.report.run import continue_unfinished, device_list_time, run

        check(tables)
        for path in digests:
            digest.check(path, Path(out).absolute())
        cloud = options.connect()
        log.hide(cloud.settings.client_secret, cloud.settings.password)
        span = cloud.period(start, end, period)
        upload = Upload(out, cloud.settings.data_dir) if is_url(out) else None
        place = Path(out).absolute() if upload is None else upload.path
        into = place if upload is None else upload.url
        log.log("start", f"belimo-nb {__version__}, {span.label}, {cloud.source}, into {into}")
        log.begin(f"Reports of {span.label} from {cloud.source}, into {into}")
        if upload is not None:
            upload.check()
        if resume:  # before the devices are listed: a run that is continued takes the list of the one before
            cloud = continue_unfinished(cloud, span, place)
        extra = {name: typed_value(value) for name, value in parameters}
        planned = plan(cloud, span, notebooks=notebooks, search=search, devices=devices, parameters=extra)
        planned = with_energy(cloud, planned)
        log.log("plan", f"reports to make: {len(planned)}, devices as of {device_list_time(cloud)}")
        # Both checks come before fetching, which may take an hour: is the folder in use, can every worker write to it?
        with claim(place) as folder:
            workers.check(cloud.settings, folder)
            fetched = fetch(cloud, planned, span, extra, shown=not quiet)
            _print_fetched(fetched, log)
            planned = with_energy(cloud, planned)  # of valves that read 0 their history now tells whether they count
            for name in (set(notebooks) & KINDS.keys()) - {job.notebook for job in planned}:
                log.note(f"No device has counted {KINDS[name]} energy, so there is no report of it.")
            with Progress(len(planned), log) as progress:
                outcome = run(
                    planned,
                    workers,
                    settings=fetched.settings,
                    source_label=cloud.source,
                    period=span,
                    out=folder,
                    on_result=progress,
                    on_retry=progress.retry,
                    resume=resume,
                    whole=not (search or devices),  # else devices that it leaves out are not gone
                    as_of=device_list_time(cloud),
                    keep=keep,
                    year=compare_with == "year-before",
                    notebooks_as=notebooks_as,
                    tables=tables,
                )
            if upload is not None and not outcome.stopped:  # under the lock: another run would change the files
                upload.send()
        print_outcome(outcome, f"{cloud.source}, {span.label}", log, upload)
        if outcome.stopped:
            sys.exit(INTERRUPTED)
        if outcome.run is not None:
            for path in digests:
                digest.write(path, outcome.run, address or (None if upload is None else upload.url), place)
            if exit_on and any(item.bad for item in outcome.run.changes):
                sys.exit(NEW_FAULTS)
        if outcome.failed:
            sys.exit(1)


def _workers(scheduler: str | None, jobs: int | None, *, time_limit: float, engine: str | None) -> Workers:
    """The workers that make the reports: child processes, or a Dask cluster."""
    from belimo_nb.report.engine.engines import select_engine, worker_pool
    from belimo_nb.system.cores import cores

    if scheduler is None:
        return worker_pool(jobs or cores(), time_limit=time_limit, engine=select_engine(engine))
    from belimo_nb.report.cluster.dask_cluster import Cluster

    if jobs is not None:
        raise UsageError("With --scheduler the workers' threads say how many reports are made at a time; omit --jobs.")
    return Cluster(scheduler, time_limit=time_limit, engine=select_engine(engine))


def _print_fetched(fetched: Fetched, log: RunLog) -> None:
    for outcome in fetched.outcomes:
        for name, reason in outcome.failures.items():
            log.log("failed", f"fetching {name}: {reason}")
        log.log("fetched", f"{plural(outcome.points, 'value')} with {plural(outcome.requests, 'request')}")
    for remark in fetched.remarks:
        log.note(remark)


class Progress:
    """A progress bar on a terminal; elsewhere only failures are printed, as they come."""

    def __init__(self, total: int, log: RunLog) -> None:
        from belimo_nb.system.progress import bar

        self._log = log
        self._bar: Any = bar(total, "report", "Making reports", shown=not log.quiet)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, result: Result) -> None:
        """Count a report that was made, kept, or has failed, and log it."""
        job = result.job
        if result.status != "ok":
            self._bar.write(printable(f"Failed: {job.title}: {result.error}"), file=sys.stderr)
            self._log.log("failed", f"{job.slug} in {result.seconds:.1f} s, {job.title}: {result.error}")
        elif result.kept:
            self._log.log("kept", f"{job.slug} as made at {result.made_at:%Y-%m-%dT%H:%M:%S%z}, {job.title}")
        else:
            self._log.log("made", f"{job.slug} in {result.seconds:.1f} s, {job.title}")
        self._bar.update()

    def retry(self, result: Result) -> None:
        """Print and log that a report is tried once more."""
        self._bar.write(printable(f"Trying again: {result.job.title}: {result.error}"), file=sys.stderr)
        self._log.log("again", f"{result.job.slug}, {result.job.title}: {result.error}")


def print_outcome(outcome: Outcome, what: str, log: RunLog, upload: Upload | None) -> None:
    """Print what was made of `what`, a source and a period. The last line is the index, for scripts to read."""
    total, failed, kept = len(outcome.results), len(outcome.failed), len(outcome.kept)
    made = total - failed - kept
    every, took = plural(total, "report"), f"in {outcome.seconds:.0f} s ({what})"
    said = f"{every} made {took}" if made == total else f"{made} of {every} made {took}"
    if kept:
        said = f"{every}: {made} made, {kept} kept from an earlier run, {took}"
    if failed:
        said = f"{said}; {failed} not finished or failed" if outcome.stopped else f"{said}; {failed} failed"
    log.summary = f"{made} made, {kept} kept, {failed} failed in {outcome.seconds:.0f} s"
    log.say(f"Interrupted: {said}." if outcome.stopped else f"{said}.")
    if upload is not None and outcome.stopped:
        log.note(f"Nothing was uploaded to {upload.url}; run the same again with --resume.")
    log.say(str(outcome.index) if upload is None or outcome.stopped else upload.index)

"""`belimo-nb report`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from belimo_nb.cli.shared import (
    INTERRUPTED,
    Connection,
    device_options,
    pass_connection,
    period_options,
    printable,
    stoppable,
)
from belimo_nb.cli.syncing import fill, tell_failures
from belimo_nb.errors import StoreError
from belimo_nb.notebook_files import NOTEBOOKS

if TYPE_CHECKING:
    from belimo_nb.cloud import Cloud
    from belimo_nb.periods import Period
    from belimo_nb.report.jobs import Job, Result
    from belimo_nb.report.run import Outcome
    from belimo_nb.settings import Settings

TIME_LIMIT_MINUTES = 30.0


EPILOG = """\b
Examples:
  belimo-nb report
  belimo-nb report heating_energy --period 2018-11 --out november
  belimo-nb report device --device "2.OG Nord-West" --from 2018-11-01 --to 2018-11-15
"""


@click.command(epilog=EPILOG)
@click.argument("notebooks", nargs=-1, type=click.Choice(NOTEBOOKS), metavar=f"[{'|'.join(NOTEBOOKS)}]...")
@device_options
@period_options
@click.option(
    "-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter of the notebooks; repeatable."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default="reports", show_default=True, metavar="DIR", help="Output folder."
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
@pass_connection
def report(
    connection: Connection,
    notebooks: tuple[str, ...],
    search: str | None,
    devices: tuple[str, ...],
    start: str | None,
    end: str | None,
    period: str | None,
    parameters: tuple[tuple[str, str], ...],
    out: Path,
    jobs: int | None,
    time_limit: float,
) -> None:
    """Make HTML reports and an index of them.

    Default: the overview, the heating energy of all valves, and one report for each energy valve, over the last 12
    full months. The last line printed is the path of the index. Reports that fail are listed; the others are made.
    """
    from belimo_nb.report.jobs import plan, typed_value
    from belimo_nb.report.render import MODULES
    from belimo_nb.report.run import run
    from belimo_nb.report.workers import ChildProcesses, cores

    with stoppable(), ChildProcesses(jobs or cores(), time_limit=time_limit * 60, preload=MODULES) as workers:
        cloud = connection.connect()
        span = cloud.period(start, end, period)
        extra = {name: typed_value(value) for name, value in parameters}
        planned = plan(cloud, span, notebooks=notebooks, search=search, devices=devices, parameters=extra)
        settings = _fetch(cloud, planned, span, extra)
        with _Progress(len(planned)) as progress:
            outcome = run(
                planned,
                workers,
                settings=settings,
                source_label=cloud.source,
                period_label=span.label,
                out=out,
                on_result=progress,
            )
    _tell(outcome, f"{cloud.source}, {span.label}")
    if outcome.stopped:
        sys.exit(INTERRUPTED)
    if outcome.failed:
        sys.exit(1)


def _fetch(cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any]) -> Settings:
    """Fetch what the reports need, all at once, and give the settings with which they take it from the store.

    What cannot be fetched or kept fails no more than the reports that need it: they ask once more and say why.
    """
    import pandas as pd

    from belimo_nb.report.fetch import closer_plan, fetch_plan

    if cloud.settings.offline:
        return cloud.settings
    planned = fetch_plan(cloud, jobs, period, parameters)
    since = pd.Timestamp(cloud.listed, unit="s", tz="UTC")
    try:
        for following in (planned, None):
            outcome = fill(cloud, following or closer_plan(cloud, jobs, period, parameters))
            outcome.failures.clear()
            tell_failures(outcome)
    except StoreError as error:
        click.echo(printable(f"Warning: {error}"), err=True)
        return cloud.settings
    return replace(cloud.settings, fresh_since=since)


class _Progress:
    """A progress bar on a terminal; elsewhere only failures are told, as they come."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        self._bar: Any = tqdm(total=total, unit="report", disable=not sys.stderr.isatty(), leave=False)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, result: Result) -> None:
        if result.status != "ok":
            self._bar.write(printable(f"Failed: {result.job.title}: {result.error}"), file=sys.stderr)
        self._bar.update()


def _tell(outcome: Outcome, what: str) -> None:
    total, failed = len(outcome.results), len(outcome.failed)
    made = f"{total} report{'s' * (total != 1)}" if not failed else f"{total - failed} of {total} reports"
    ending = f"; {failed} {'not finished or ' * outcome.stopped}failed" if failed else ""
    click.echo(f"{'Interrupted: ' * outcome.stopped}{made} made in {outcome.seconds:.0f} s ({what}){ending}.")
    click.echo(outcome.index)

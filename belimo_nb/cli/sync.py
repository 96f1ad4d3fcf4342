"""`belimo-nb sync`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from belimo_nb.cli.shared import Connection, device_options, pass_connection, period_options, printable, stoppable

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.store.sync import Outcome, Plan

EPILOG = """\b
Examples:
  belimo-nb sync --period last-12-months
  belimo-nb sync --search Heizung --from 2018-11-01 --to 2018-12-01 --dry-run
"""


@click.command(epilog=EPILOG)
@device_options
@period_options
@click.option(
    "--resolution", default="1h", show_default=True, metavar="LENGTH", help="Length of a bucket: 15m, 1h, 1d."
)
@click.option("--dry-run", is_flag=True, help="Only say how many requests it would take.")
@click.option("--refresh", is_flag=True, help="Ask again for everything, whatever is kept.")
@pass_connection
def sync(
    connection: Connection,
    search: str | None,
    devices: tuple[str, ...],
    start: str | None,
    end: str | None,
    period: str | None,
    resolution: str,
    dry_run: bool,
    refresh: bool,
) -> None:
    """Fetch the history of energy valves into the store: only what is not there yet, or can still have changed.

    Energy counters, power, flow, temperatures and positions are kept. Interrupt it at any time: what has come is kept,
    and the next sync goes on from there.
    """
    from belimo_nb.api.history import parse_resolution
    from belimo_nb.cloud.needs import questions
    from belimo_nb.cloud.selection import energy_valves
    from belimo_nb.store.sync import plan

    parse_resolution(resolution)
    cloud = connection.connect()
    span = cloud.period(start, end, period)
    cloud.online("sync")
    valves = energy_valves(cloud, search, devices)
    asked = questions(cloud, valves, span.start, span.end, resolution)
    planned = plan(cloud.archive, asked, cloud.stamp, cloud.settings.rate, refresh=refresh)
    about = f"{planned.devices} energy valve{'s' * (planned.devices != 1)}, {span.label} ({cloud.source})"
    if dry_run:
        click.echo(f"{_expected(planned)} for {about}.")
        return
    with stoppable():
        outcome = fill(cloud, planned, refresh=refresh)
    tell_failures(outcome)
    click.echo(f"{_done(planned, outcome)} for {about}.")
    if outcome.failures:
        sys.exit(1)


def _expected(planned: Plan) -> str:
    if not planned.requests:
        return "Nothing to fetch"
    time = f", about {_duration(planned.seconds)} at {planned.rate:g} requests a second" if planned.rate else ""
    return f"{_count(planned.requests, 'request')}, at most {planned.points:,} values{time}"


def _done(planned: Plan, outcome: Outcome) -> str:
    if not planned.requests:
        return "Nothing to fetch"
    failed = f"; {_count(len(outcome.failures), 'device')} failed" if outcome.failures else ""
    return f"Fetched {outcome.points:,} values with {_count(outcome.requests, 'request')}{failed}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def fill(cloud: Cloud, planned: Plan, *, refresh: bool = False, quiet: bool = False) -> Outcome:
    """Do what is planned, with a progress bar on a terminal unless `quiet`."""
    from belimo_nb.store.sync import run
    from belimo_nb.system.progress import bar

    progress = bar(planned.requests, "request", "Fetching history", shown=not quiet)
    devices, points = 0, 0

    def on_answer(values: int) -> None:
        nonlocal points
        points += values
        progress.update()

    def on_device(_: str, __: str | None) -> None:
        nonlocal devices
        devices += 1
        progress.set_postfix_str(f"{devices} of {len(planned.open)} devices, {points:,} values")

    with progress:
        return run(cloud.archive, planned, cloud.stamp, refresh=refresh, on_answer=on_answer, on_device=on_device)


def tell_failures(outcome: Outcome) -> None:
    """Say on standard error what is not as it should be."""
    for name, reason in outcome.failures.items():
        click.echo(printable(f"Failed: {name}: {reason}"), err=True)
    for remark in remarks(outcome):
        click.echo(printable(remark), err=True)


def remarks(outcome: Outcome) -> list[str]:
    """What a sync has noticed, beside failures: a sentence each."""
    found = [
        f"Warning: The cloud's history of {name} lacks {', '.join(datapoints)}."
        for name, datapoints in outcome.lacking.items()
    ]
    if outcome.changed:
        were = "value that was settled has" if outcome.changed == 1 else "values that were settled have"
        found.append(f"Note: {outcome.changed:,} {were} changed in the cloud; the new ones are kept.")
    return found

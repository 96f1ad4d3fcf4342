"""`belimo-nb sync`: fetch history into the store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from belimo_nb.cli.shared import (
    GlobalOptions,
    device_options,
    pass_options,
    period_options,
    sigterm_as_interrupt,
)
from belimo_nb.cli.streams import output_json
from belimo_nb.errors import printable
from belimo_nb.quantities import plural

if TYPE_CHECKING:
    from belimo_nb.store.sync import Plan, SyncResult

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
@click.option("--refresh", is_flag=True, help="Ask again for everything, whatever is kept; nothing kept is lost.")
@click.option("--json", "as_json", is_flag=True, help="Say what came as JSON.")
@pass_options
def sync(
    options: GlobalOptions,
    search: str | None,
    devices: tuple[str, ...],
    start: str | None,
    end: str | None,
    period: str | None,
    resolution: str,
    dry_run: bool,
    refresh: bool,
    as_json: bool,
) -> None:
    """Fetch the history of energy valves into the store: only what is not there yet, or can still have changed.

    Energy counters, power, flow, temperatures and positions are kept. Interrupt it at any time: what has come is kept,
    and the next sync goes on from there.
    """
    from belimo_nb.api.history import parse_resolution
    from belimo_nb.cloud.needs import history_queries
    from belimo_nb.cloud.selection import energy_valves
    from belimo_nb.store.sync import plan, run_with_progress

    parse_resolution(resolution)  # first: a typing error should cost no request
    cloud = options.connect()
    connection = cloud.connection
    span = cloud.period(start, end, period)
    connection.check_online("sync")
    valves = energy_valves(cloud, search, devices)
    asked = history_queries(connection, valves, span.start, span.end, resolution)
    planned = plan(connection.archive, asked, connection.now_s, cloud.settings.rate, refresh=refresh)
    about = f"{plural(planned.devices, 'energy valve')}, {span.label} ({cloud.source})"
    if dry_run and as_json:
        output_json({"devices": planned.devices, "requests": planned.requests, "values": planned.points})
        return
    if dry_run:
        click.echo(f"{_dry_run_text(planned)} for {about}.")
        return
    with sigterm_as_interrupt():
        outcome = run_with_progress(connection.archive, planned, connection.now_s, refresh=refresh)
    outcome.failures |= valves.attrs.get("unreadable", {})
    print_failures(outcome)
    if as_json:
        output_json(_as_json(planned, outcome))
    else:
        click.echo(f"{_outcome_text(planned, outcome)} for {about}.")
    if outcome.failures:
        sys.exit(1)


def _dry_run_text(planned: Plan) -> str:
    if not planned.requests:
        return "Nothing to fetch"
    told = [plural(planned.requests, "request"), f"at most {plural(planned.points, 'value')}"]
    told += [f"about {_duration(planned.seconds)} at {planned.rate:g} requests a second"] if planned.rate else []
    return ", ".join(told)


def _outcome_text(planned: Plan, outcome: SyncResult) -> str:
    if not planned.requests:
        return "Nothing to fetch"
    told = [f"Fetched {plural(outcome.points, 'value')} with {plural(outcome.requests, 'request')}"]
    told += [f"{plural(len(outcome.failures), 'device')} failed"] if outcome.failures else []
    lacked = plural(outcome.lacked, "kept value that the cloud lacks stays", "kept values that the cloud lacks stay")
    return "; ".join([*told, *([lacked] if outcome.lacked else [])])


def _as_json(planned: Plan, outcome: SyncResult) -> dict[str, object]:
    return {
        "devices": planned.devices,
        "requests": outcome.requests,
        "values": outcome.points,
        "changed": {name: told.changed for name, told in outcome.differences.items() if told.changed},
        "lacking": {name: told.lacked for name, told in outcome.differences.items() if told.lacked},
        "left_out": outcome.lacking,
        "failures": outcome.failures,
    }


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def print_failures(outcome: SyncResult) -> None:
    """Print failures and remarks on standard error."""
    from belimo_nb.store.sync import remarks

    for name, reason in outcome.failures.items():
        click.echo(printable(f"Failed: {name}: {reason}"), err=True)
    for remark in remarks(outcome):
        click.echo(printable(remark), err=True)

"""`belimo-nb sync`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from belimo_nb.cli.shared import Connection, device_options, pass_connection, period_options
from belimo_nb.errors import BelimoError, ConnectionFailed, SignInError

if TYPE_CHECKING:
    import pandas as pd

    from belimo_nb.cloud import Cloud
    from belimo_nb.periods import Period

COUNTERS = ("heating_energy", "cooling_energy")


@click.command(epilog="Example: belimo-nb sync --search Heizung --from 2018-11-01 --to 2018-12-01")
@device_options
@period_options
@click.option(
    "--resolution", default="1h", show_default=True, metavar="LENGTH", help="Length of a bucket: 15m, 1h, 1d."
)
@pass_connection
def sync(
    connection: Connection,
    search: str | None,
    devices: tuple[str, ...],
    start: str | None,
    end: str | None,
    period: str | None,
    resolution: str,
) -> None:
    """Fetch the history of the energy counters of all energy valves.

    This version shows what there is and that it can be had, but does not keep it: reports fetch for themselves.
    """
    from tqdm import tqdm

    from belimo_nb.history import parse_resolution
    from belimo_nb.selection import energy_valves

    parse_resolution(resolution)
    cloud = connection.connect()
    span = cloud.period(start, end, period)
    valves = energy_valves(cloud, search, devices)
    failures: list[str] = []
    readings = 0
    names = {str(device_id): str(name) for device_id, name in valves["name"].items()}
    for device_id, name in tqdm(names.items(), unit="device", disable=not sys.stderr.isatty(), leave=False):
        try:
            readings += int(_fetch(cloud, device_id, span, resolution).notna().sum().sum())
        except (ConnectionFailed, SignInError):
            raise  # the next device would fare no better
        except BelimoError as error:
            failures.append(f"{name}: {error}")
    for failure in failures:
        click.echo(f"Failed: {failure}", err=True)
    click.echo(
        f"Fetched {readings:,} readings of {len(valves) - len(failures)} of {len(valves)} energy valves, {span.label} "
        f"({cloud.source})."
    )
    click.echo("This version does not keep them: each report fetches what it needs.")
    if failures:
        sys.exit(1)


def _fetch(cloud: Cloud, device_id: str, span: Period, resolution: str) -> pd.DataFrame:
    """The counters of one device."""
    device = cloud.device(device_id)
    located = [device.profile.locate(counter) for counter in COUNTERS]
    return device.history([datapoint for datapoint in located if datapoint], span.start, span.end, resolution)

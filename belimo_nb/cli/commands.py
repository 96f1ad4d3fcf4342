"""All commands of `belimo-nb`, as one group with the options that stand before the command."""

from __future__ import annotations

from pathlib import Path

import click

from belimo_nb._version import __version__
from belimo_nb.cli.check_cloud import check_cloud
from belimo_nb.cli.demo import demo
from belimo_nb.cli.devices import devices
from belimo_nb.cli.files import export, import_files
from belimo_nb.cli.init import init
from belimo_nb.cli.login import login
from belimo_nb.cli.report import report
from belimo_nb.cli.shared import Commands, GlobalOptions
from belimo_nb.cli.store import store
from belimo_nb.cli.sync import sync

EPILOG = """\b
Exit status: 0 all well, 1 some reports failed or check-cloud found what would make
numbers wrong, 2 wrong use or settings, 3 the cloud refused or could not be
reached, 4 new faults (report --exit-on), 130 interrupted.
"""


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the settings from this file instead of the nearest .env.",
)
@click.option("--demo", "use_demo", is_flag=True, help="Use the demo cloud, whatever the settings say.")
@click.option("--offline", is_flag=True, help="Answer from the store alone, without a request.")
@click.option("--files", metavar="NAME", help="Use the files imported into NAME instead of a cloud.")
@click.version_option(__version__, prog_name="belimo-nb")
@click.pass_context
def cli(context: click.Context, env_file: Path | None, use_demo: bool, offline: bool, files: str | None) -> None:
    """Reports on Belimo Energy Valves: heating energy, fleets and single valves.

    Without any credentials set, everything runs on the demo cloud. For your own devices, set BELIMO_CLIENT_ID,
    BELIMO_CLIENT_SECRET, BELIMO_USERNAME and BELIMO_PASSWORD in .env or the environment: `belimo-nb login` helps.
    """
    context.obj = GlobalOptions(env_file, True if use_demo else None, True if offline else None, files)


for command in (login, check_cloud, devices, sync, import_files, export, store, report, demo, init):
    cli.add_command(command)

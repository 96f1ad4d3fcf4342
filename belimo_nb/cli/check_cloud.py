"""`belimo-nb check-cloud`: whether this cloud and account are as the package assumes."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from belimo_nb.cli.shared import GlobalOptions, output_table, pass_options
from belimo_nb.cli.streams import json_text, output_json
from belimo_nb.errors import printable
from belimo_nb.quantities import plural

if TYPE_CHECKING:
    from belimo_nb.cloud.assumptions import Line


@click.command("check-cloud", epilog='Example: belimo-nb check-cloud --device "Heizung 2.OG Nord-Ost"')
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="KEY",
    help="An energy valve: id, serial number, name or a unique part of it; at most two. Default: the first one online.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write what was found to this file, without names, ids, serial numbers, secrets or addresses.",
)
@pass_options
@click.pass_context
def check_cloud(
    context: click.Context, options: GlobalOptions, devices: tuple[str, ...], as_json: bool, out: Path | None
) -> None:
    """Find out whether this cloud is as belimo-nb assumes, with at most 20 requests.

    What is assumed stands beside what was seen on one of your own valves. The exit status is 1 if a difference would
    make numbers wrong; a sentence says which.
    """
    from belimo_nb.cloud.check_cloud import check_cloud as check
    from belimo_nb.errors import UsageError
    from belimo_nb.system.files import write_text

    if out is not None and os.path.lexists(out) and not _is_ours(out):
        raise UsageError(f"{str(out)!r} is there already and no result of check-cloud; choose another file.")
    cloud = options.connect()
    found = check(cloud.connection, devices)
    if as_json:
        output_json(found.to_json())
    else:
        _print(found.lines, found.names)
    if out is not None:
        try:
            write_text(out, json_text(found.to_json()) + "\n")
        except OSError as error:
            raise UsageError(f"{str(out)!r} cannot be written ({error.strerror}); choose another file.") from None
    for line in found.wrong:
        click.echo(printable(f"Wrong ({line.about}): {line.so_what}"), err=True)
    click.echo(f"{plural(found.requests, 'request')} ({cloud.source}).", err=True)
    context.exit(1 if found.wrong else 0)


def _is_ours(path: Path) -> bool:
    try:
        return path.is_file() and "belimo_nb" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _print(lines: Sequence[Line], names: Sequence[str]) -> None:
    """Print the table; on a terminal with its sentences folded into columns."""
    for number, name in enumerate(names, 1):
        click.echo(printable(f"Valve {number}: {name}"))
    width = max(20, (shutil.get_terminal_size().columns - 38) // 3) if sys.stdout.isatty() else 10_000
    rows = []
    for line in lines:
        about = f"{line.about} ({line.valve})" if line.valve and len(names) > 1 else line.about
        cells = [[about], [line.status], *(textwrap.wrap(t, width) for t in (line.assumed, line.seen, line.so_what))]
        rows += [list(row) for row in itertools.zip_longest(*cells, fillvalue="")]
    output_table(("", "", "assumed", "seen", "so what"), rows, keep=5)

"""`belimo-nb store`: look after the kept history."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from belimo_nb.cli.shared import GlobalOptions, output_table, pass_options
from belimo_nb.cli.streams import output_json
from belimo_nb.errors import StoreError, UsageError, printable
from belimo_nb.quantities import listed, plural
from belimo_nb.system.files import check_inside

if TYPE_CHECKING:
    from belimo_nb.settings import Settings
    from belimo_nb.store.coverage import Spans
    from belimo_nb.store.inventory import Entry


source_option = click.option("--source", metavar="NAME", help="The files imported into NAME instead of the cloud.")


@click.group(epilog="Example: belimo-nb store info")
def store() -> None:
    """Look after the history that is kept on this machine."""


@store.command(epilog="Example: belimo-nb store info --json")
@click.option("--json", "as_json", is_flag=True, help="As JSON, times in UTC.")
@source_option
@pass_options
def info(options: GlobalOptions, as_json: bool, source: str | None) -> None:
    """Show where the store is, its size, and for each device the range that is kept and the gaps in it."""
    from belimo_nb.store import Store
    from belimo_nb.store.inventory import damaged_files, entries, imported

    settings = options.settings(source)
    kept = Store(settings)
    found = list(entries(kept))
    names = _names(settings)
    if as_json:
        output_json([_as_json(entry, names) for entry in found])
    elif found:
        header = ("device", "resolution", "from", "to", "gaps", "final", "values of", "size", "as of")
        output_table(header, [_row(entry, names) for entry in found], keep=5)
    aside = damaged_files(kept)
    told = [plural(len(found), "file"), f"{sum(entry.bytes for entry in found) / 1e6:.1f} MB"]
    told += [f"{len(aside)} set aside as damaged"] if aside else []
    click.echo(f"{', '.join(told)}, in {kept.folder}.", err=True)
    if not kept.imported and (others := imported(kept)):
        click.echo(f"Imported files are kept apart (--source): {', '.join(others)}.", err=True)


@store.command(epilog="Example: belimo-nb store verify")
@source_option
@pass_options
def verify(options: GlobalOptions, source: str | None) -> None:
    """Read every file to its end and check it. Exit status 1 if one is damaged: the next sync sets it aside."""
    from belimo_nb.store import Store
    from belimo_nb.store.inventory import entries
    from belimo_nb.store.inventory import verify as check

    kept = Store(options.settings(source))
    found = list(entries(kept))
    bad = [(entry, damage) for entry in found if (damage := check(kept, entry)) is not None]
    for entry, damage in bad:
        click.echo(printable(f"Damaged: {entry.path} {damage}."), err=True)
    click.echo(f"{plural(len(found), 'file')} checked, {len(bad)} damaged.")
    if bad:
        sys.exit(1)


@store.command(epilog="Example: belimo-nb store clear --yes")
@click.option("--yes", is_flag=True, help="Do not ask.")
@source_option
@pass_options
def clear(options: GlobalOptions, yes: bool, source: str | None) -> None:
    """Delete the kept history of this cloud, damaged files included, and what is known of its devices.

    So are the explorer's choices and the outdoor temperatures. All of it can be fetched again. With --source, delete
    what was imported, the list of its devices included.
    """
    from belimo_nb.store import Store
    from belimo_nb.store.documents import DocumentStore
    from belimo_nb.store.inventory import clear as delete
    from belimo_nb.store.inventory import entries

    settings = options.settings(source)
    kept = Store(settings)
    count = len(list(entries(kept)))
    if not yes:
        try:
            click.confirm(f"Delete {plural(count, 'file')} in {kept.folder}?", abort=True, err=True)
        except click.Abort as abort:
            if isinstance(abort.__context__, EOFError):
                raise UsageError("Nobody is there to say yes, so nothing is deleted; give --yes.") from None
            raise
    if kept.imported:
        DocumentStore(settings).clear()  # first: without its list nothing is left that would be taken for a source
    deleted = delete(kept)
    if not kept.imported:
        _clear_others(settings)
    click.echo(f"{plural(deleted, 'file')} deleted.")


def _clear_others(settings: Settings) -> None:
    """Delete what is known of this cloud's devices by all accounts, chosen in the explorer, and of the weather."""
    from belimo_nb.explorer.choice import choice_path
    from belimo_nb.store.documents import DocumentStore

    weather = settings.data_dir / "weather"
    for folder in (DocumentStore(settings).folder.parent, choice_path(settings).parent, weather):
        try:
            if os.path.lexists(folder):
                check_inside(folder, settings.data_dir)
                shutil.rmtree(folder)
        except OSError as error:
            raise StoreError(f"{folder} cannot be deleted ({error.strerror}); check its permissions.") from None


def _names(settings: Settings) -> dict[str, str]:
    """The devices' names in the list that was fetched last, by id."""
    from belimo_nb.api.devices import name_of
    from belimo_nb.store.documents import DocumentStore

    listed = DocumentStore(settings).read("devices")
    return {str(record["id"]): name_of(record) for record in listed.body} if listed else {}


def _row(entry: Entry, names: dict[str, str]) -> tuple[str, ...]:
    name = names.get(entry.device, entry.device)
    if entry.damage is not None:
        return name, entry.resolution, "damaged", "", "", "", "", f"{entry.bytes / 1e3:.0f} kB", ""
    edges = (_time(entry.asked[0][0]), _time(entry.asked[-1][1])) if entry.asked else ("", "")
    return (
        name,
        entry.resolution,
        *edges,
        _gaps(entry.gaps),
        f"{entry.final:.1%}",
        plural(entry.datapoints, "datapoint"),
        f"{entry.bytes / 1e3:.0f} kB",
        "" if entry.fetched is None else _time(entry.fetched),
    )


def _gaps(gaps: Spans) -> str:
    return listed([f"{_time(begin)} to {_time(end)}" for begin, end in gaps], 2) or "none"


def _as_json(entry: Entry, names: dict[str, str]) -> dict[str, object]:
    return {
        "device": entry.device,
        "name": names.get(entry.device),
        "resolution": entry.resolution,
        "path": str(entry.path),
        "bytes": entry.bytes,
        "rows": entry.rows,
        "datapoints": entry.datapoints,
        "ranges": [[_time(begin), _time(end)] for begin, end in entry.asked],
        "final": entry.final,
        "as_of": None if entry.fetched is None else _time(entry.fetched),
        "damage": entry.damage,
    }


def _time(moment: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%MZ}"

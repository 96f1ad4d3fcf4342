"""`belimo-nb import` and `belimo-nb export`: data files of valves and meters, into the store and out of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from belimo_nb.cli.shared import (
    GlobalOptions,
    device_options,
    output_table,
    pass_options,
    period_options,
    sigterm_as_interrupt,
)
from belimo_nb.cli.streams import output_as_utf8
from belimo_nb.errors import UsageError, printable
from belimo_nb.quantities import listed, plural

if TYPE_CHECKING:
    from belimo_nb.files.mapping import FileMapping
    from belimo_nb.files.propose import Proposal
    from belimo_nb.files.reader import FileReadings

EPILOG = """\b
Examples:
  belimo-nb import --dry-run log.csv
  belimo-nb import --propose meters.csv > meters.toml
  belimo-nb import --mapping meters.toml --into plant meters-2018.csv
"""
FILE = click.Path(path_type=Path)


@click.command("import", epilog=EPILOG)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@click.option("--mapping", "mapping_file", type=FILE, help="How the files are to be read, as --propose writes it.")
@click.option("--propose", is_flag=True, help="Print a mapping for the first file, to be edited, and import nothing.")
@click.option("--dry-run", is_flag=True, help="Show how the files would be understood, and import nothing.")
@click.option("--name", default="", help="Name of the device, for a file of one; default: the file's name.")
@click.option("--serial", default="", help="Its serial number: files with the same one are of the same device.")
@click.option(
    "--timezone", default="", metavar="ZONE", help="Of times that do not say theirs: Europe/Zurich, UTC, +01:00."
)
@click.option("--into", metavar="NAME", help="Name to keep them under. Default: BELIMO_SOURCE_FILES, or files.")
@pass_options
def import_files(
    options: GlobalOptions,
    files: tuple[Path, ...],
    mapping_file: Path | None,
    propose: bool,
    dry_run: bool,
    name: str,
    serial: str,
    timezone: str,
    into: str | None,
) -> None:
    """Import data files of valves and heat meters, to be used like the devices of a cloud.

    The vendor's data log, the cloud's download, trends of building management systems and exports of belimo-nb are
    recognized; any other CSV is read by a mapping. What a file does not say, such as a unit or a time zone, is asked
    for. Files may overlap, and be imported again: what is kept already counts.
    """
    from belimo_nb.files import fill, mapping, reader, times
    from belimo_nb.settings import chosen_files

    if timezone:
        times.zone_of(timezone)
    if propose or dry_run:
        for path in files[: 1 if propose else None]:
            known = _understood(path, mapping_file, timezone)
            if propose:
                output_as_utf8()
                click.echo(mapping.dumps(known.mapping, _remarks(path, known)), nl=False)
            else:
                _show(path, known, reader.read(path, _tried(known)))
        return
    settings = options.settings(into or options.files or chosen_files(options.env_file) or "files")
    with sigterm_as_interrupt(), fill.Import(settings) as filling:
        for number, path in enumerate(files):
            known = _understood(path, mapping_file, timezone)
            if known.doubts:
                left = len(files) - number
                raise UsageError(" ".join(known.doubts) + (f" {left} files are not imported." if left > 1 else ""))
            found = reader.read(path, known.mapping)
            if (name or serial) and len(found.devices) > 1:
                raise UsageError(
                    f"{path.name} holds {plural(len(found.devices), 'device')}; name them in a mapping ([devices])."
                )
            added = filling.add(found, known.mapping, path.name, name, serial)
            who = next(iter(added)) if len(added) == 1 else plural(len(added), "device")
            click.echo(printable(f"{path.name}: {known.kind}; {plural(sum(added.values()), 'new value')} of {who}."))
            notes = [f"Note: {path.name}: {remark}" for remark in [*found.remarks, *_notes(known)]]
            notes += [
                f"Warning: {path.name}: {plural(count, f'value of {device} differs', f'values of {device} differ')} "
                "from those imported before, which are kept; to have the new ones, clear first: belimo-nb store clear "
                f"--source {settings.source_files}"
                for device, count in filling.conflicts.items()
            ]
            for note in notes:
                click.echo(printable(note), err=True)
    click.echo(f"Show them with: belimo-nb --files {settings.source_files} report", err=True)


def _understood(path: Path, mapping_file: Path | None, timezone: str) -> Proposal:
    """How a file is to be read: by the mapping, or as it seems."""
    from belimo_nb.files import propose
    from belimo_nb.files.mapping import UNSURE, load

    if mapping_file is None:
        return propose.propose(path, timezone)
    mapping = load(mapping_file)
    if timezone and mapping.zone == UNSURE:
        mapping = replace(mapping, zone=timezone)
    return propose.by_mapping(path, mapping, mapping_file.name)


def _tried(known: Proposal) -> FileMapping:
    """The mapping with units in the place of doubts, to show the first rows; where these cannot be read, the doubts."""
    from belimo_nb.files.mapping import KNOWN, UNSURE, Column

    columns = {
        name: Column(column.quantity, KNOWN[column.quantity].dimension.unit) if column.unit == UNSURE else column
        for name, column in known.mapping.columns.items()
        if column.quantity != UNSURE
    }
    if UNSURE in (known.mapping.format, known.mapping.decimal) or (known.mapping.columns and not columns):
        raise UsageError(" ".join(known.doubts))
    return replace(known.mapping, columns=columns)


def _notes(known: Proposal) -> list[str]:
    """Sentences on what is not known of a file, and what is not used."""
    names = [name[:40] for name in known.unused]
    return [*known.doubts, *([f"Not used: {listed(names, 12)}."] if names else [])]


def _remarks(path: Path, known: Proposal) -> str:
    """What stands above a proposed mapping: what the file is, its first rows, and questions."""
    rows = [list(known.head.columns), *known.head.head(3).fillna("").to_numpy().tolist()]
    lines = ["  ".join(str(cell)[:24] for cell in row[:20]) for row in rows]
    first = (
        f"For {path.name}: {known.kind}. Answer what has a ?, then: belimo-nb import --mapping THIS FILE {path.name}"
    )
    return "\n".join([first, *lines, *_notes(known)])


def _show(path: Path, known: Proposal, found: FileReadings) -> None:
    """Print how a file is understood: devices, first rows, ranges and units, doubts."""
    import pandas as pd

    from belimo_nb.files.mapping import KNOWN, UNSURE
    from belimo_nb.quantities import label

    unsure = {column.quantity for column in known.mapping.columns.values() if column.unit == UNSURE}
    clock = "on a clock that is not known" if known.mapping.zone == UNSURE else "UTC"
    click.echo(printable(f"{path.name}: {known.kind}; {plural(len(found.devices), 'device')}"))
    for device in found.devices[:3]:
        frame = device.frame
        moments = pd.to_datetime(frame.index, unit="s").strftime("%Y-%m-%d %H:%M:%S")
        click.echo(
            "\n" + printable(f"{device.name or '(named as you say, or like the file)'} {device.serial}".rstrip())
        )
        click.echo(f"{plural(len(frame), 'time')} from {moments[0]} to {moments[-1]}, {clock}")
        rows: list[tuple[str, Any]] = [
            (moment, row[1:]) for moment, row in zip(moments, frame.head(3).itertuples(), strict=False)
        ]
        rows += [("min", frame.min()), ("max", frame.max())]
        units = [UNSURE if key in unsure else KNOWN[key].dimension.unit for key in frame.columns]
        cells = [(name, *(f"{value:.10g}" for value in values)) for name, values in rows]
        output_table(("", *(label(str(key)) for key in frame.columns)), [("", *units), *cells], keep=4)
    if len(found.devices) > 3:
        click.echo("\n" + printable(f"and {', '.join(each.name or each.serial for each in found.devices[3:40])}"))
    notes = [*_notes(known), *found.remarks]
    click.echo("\n" + "\n".join(printable(note) for note in notes or ["No doubts."]))


@click.command(epilog='Example: belimo-nb export --device "Heizung 2.OG Nord-Ost" --period 2018-11 --out north.csv')
@device_options
@period_options
@click.option("--resolution", default="1h", show_default=True, metavar="LENGTH", help="Length of a bucket: 5m, 1h, 1d.")
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file: .csv, or .parquet."
)
@pass_options
def export(
    options: GlobalOptions,
    search: str | None,
    devices: tuple[str, ...],
    start: str | None,
    end: str | None,
    period: str | None,
    resolution: str,
    out: Path,
) -> None:
    """Write the history of energy valves to one file: a line for each device and time, columns named with their units.

    Times are local, with their offset, and the ends of buckets; a value is the last reading of its bucket. What the
    store lacks is fetched, unless --offline is set. `belimo-nb import` reads the file.
    """
    from belimo_nb.cloud.selection import energy_valves
    from belimo_nb.files.export import export as write

    cloud = options.connect()
    span = cloud.period(start, end, period)
    valves = energy_valves(cloud, search, devices)
    with sigterm_as_interrupt():
        rows = write(cloud, [str(key) for key in valves.index], span, resolution, out)
    click.echo(
        printable(f"{plural(rows, 'row')} of {plural(len(valves), 'device')}, {span.label} ({cloud.source}): {out}")
    )

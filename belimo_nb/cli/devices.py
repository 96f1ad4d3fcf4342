"""`belimo-nb devices`: list the devices of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from belimo_nb.cli.shared import GlobalOptions, output_table, pass_options
from belimo_nb.cli.streams import output_json
from belimo_nb.errors import printable
from belimo_nb.quantities import plural

if TYPE_CHECKING:
    import pandas as pd

    from belimo_nb.cloud.cloud import Cloud

COLUMNS = ("name", "serial", "health", "online", "last seen", "project", "city", "note", "type", "profile", "id")
ESSENTIAL = 5  # the first columns, which a narrow terminal shows too


@click.command(epilog="Example: belimo-nb devices --search Heizung")
@click.option("--search", metavar="TEXT", help="Only devices with TEXT in their name or serial number.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: a list of objects, times in ISO 8601, null if unknown."
)
@pass_options
def devices(options: GlobalOptions, search: str | None, as_json: bool) -> None:
    """List the devices that the account sees."""
    cloud = options.connect()
    frame = cloud.devices(search)
    if as_json:
        output_json(_records(frame))
        return
    if not frame.empty:
        output_table(COLUMNS, [_row(record, cloud.timezone) for record in _records(frame)], keep=ESSENTIAL)
    found = (
        plural(len(frame), f"device matches {search!r}", f"devices match {search!r}")
        if search
        else plural(len(frame), "device")
    )
    click.echo(f"{found} ({cloud.source}; times in {cloud.timezone}).", err=True)
    for sentence in recognized(cloud, frame):
        click.echo(printable(sentence), err=True)


def recognized(cloud: Cloud, devices: pd.DataFrame) -> list[str]:
    """Sentences on what is recognized of some devices, rows of `Cloud.devices`."""
    from belimo_nb.cloud.assumptions import recognized_profiles

    def named(rows: pd.DataFrame) -> str:
        return ", ".join(f"{count} with {name}" for name, count in rows["devices"].items())

    profiles = recognized_profiles(cloud.connection, devices)
    valves = profiles[profiles["energy_valve"]]
    count, of = int(valves["devices"].sum()), len(devices)
    told = plural(count, f"of {of} is an energy valve", f"of {of} are energy valves")
    sentences = [f"{told}: {named(valves)}." if count else f"{told}."]
    strangers = profiles[profiles["known"] == 0]
    if len(strangers):
        sentences.append(f"Dataprofiles of which no quantity is known: {named(strangers)}.")
    for name, row in valves.iterrows():
        lacking = (
            f"The dataprofile {name} describes no {row['lacking'].replace(', ', ', no ')}." if row["lacking"] else ""
        )
        sentences += [sentence for sentence in (lacking, row["refused"]) if sentence]
    return sentences


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dicts of plain JSON types."""
    import pandas as pd

    from belimo_nb.calendar.moments import to_api

    def plain(value: Any) -> Any:
        if pd.isna(value):
            return None
        return to_api(value) if isinstance(value, pd.Timestamp) else value

    rows = frame.astype(object).reset_index().to_dict("records")
    return [{str(name): plain(value) for name, value in row.items()} for row in rows]


def _row(record: dict[str, Any], timezone: str) -> list[str]:
    import pandas as pd

    seen = record["last_seen"]
    shown = {
        **{name: "" if value is None else str(value) for name, value in record.items()},
        "online": "yes" if record["online"] else "no",
        "last seen": "never" if seen is None else f"{pd.Timestamp(seen).tz_convert(timezone):%Y-%m-%d %H:%M}",
    }
    return [shown[column] for column in COLUMNS]

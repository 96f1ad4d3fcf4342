"""`belimo-nb login`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from belimo_nb.cli.shared import Connection, output_table, pass_connection, printable
from belimo_nb.settings.secret import Secret

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud

QUESTIONS = {
    "client_id": "Client id (32 characters)",
    "client_secret": "Client secret (64 characters)",
    "username": "User name (e-mail address)",
    "password": "Password",
}


@click.command(epilog="Example: belimo-nb login")
@pass_connection
def login(connection: Connection) -> None:
    """Sign in; say who you are, what you see and where each setting came from.

    On a terminal it asks for what is missing and offers to write it to .env. Nothing else ever asks.
    """
    answers = _ask(connection) if sys.stdin.isatty() and sys.stdout.isatty() else {}
    cloud = connection.connect(**answers)
    cloud.sign_in()  # a token kept from before would hide that the password has changed
    _tell(cloud)
    if answers:
        path = connection.env_file or Path(".env")
        if click.confirm(f"Write what you typed to {path}, readable by you alone?", default=False):
            from belimo_nb.cli.envfile import update

            update(path, {f"BELIMO_{name.upper()}": value for name, value in answers.items()})
            click.echo(f"Written to {path}. Keep it out of version control.")


def _ask(connection: Connection) -> dict[str, str]:
    """The credentials that are set nowhere, from the terminal."""
    from belimo_nb.settings import SECRETS, missing_credentials

    missing = [] if connection.demo else missing_credentials(connection.env_file)
    answers = {}
    if missing:
        click.echo("Some credentials are not set; type them (Ctrl-C to leave, --demo for the demo cloud).")
    for name in missing:
        secret = name in SECRETS
        typed = click.prompt(QUESTIONS[name] + (" (not shown)" if secret else ""), hide_input=secret)
        answers[name] = Secret(typed) if secret else typed
    return answers


def _tell(cloud: Cloud) -> None:
    user, stats = cloud.user(), cloud.stats()
    name = " ".join(str(user[key]) for key in ("firstName", "lastName") if user.get(key))
    address = str(user.get("email") or cloud.settings.username)
    click.echo(f"Signed in to {cloud.source} as {printable(f'{name} ({address})' if name else address)}.")
    connection, health = stats.get("connection", {}), stats.get("health", {})
    transfer = stats.get("transfer", {})
    sees = (
        f"The account sees {stats.get('totalDevices')} devices: {connection.get('online')} online, "
        f"{connection.get('offline')} offline; health: {health.get('ok')} ok, {health.get('problem')} with a problem; "
        f"transfers: {transfer.get('incoming')} incoming, {transfer.get('outgoing')} outgoing."
    )
    click.echo(printable(sees))
    click.echo()
    table = cloud.settings.table()
    rows = [[str(setting), str(row["value"]), str(row["from"])] for setting, row in table.iterrows()]
    output_table(("setting", "value", "from"), rows, keep=3)

"""`belimo-nb login`: sign in and show the settings."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from belimo_nb.cli.devices import recognized
from belimo_nb.cli.shared import GlobalOptions, output_table, pass_options
from belimo_nb.errors import SettingsError, printable
from belimo_nb.quantities import plural
from belimo_nb.settings.secret import Secret
from belimo_nb.system.files import write_text

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud

QUESTIONS = {
    "client_id": "Client id (32 characters)",
    "client_secret": "Client secret (64 characters)",
    "username": "User name (e-mail address)",
    "password": "Password",
}


@click.command(epilog="Example: belimo-nb login")
@click.option(
    "--trust",
    is_flag=True,
    help="Confirm once that credentials and addresses that come from different places belong together.",
)
@pass_options
def login(options: GlobalOptions, trust: bool) -> None:
    """Sign in; say who you are, what you see and where each setting came from.

    On a terminal it asks for what is missing and offers to write it to .env. Nothing else ever asks.
    """
    from belimo_nb.settings import load

    answers = _ask(options) if sys.stdin.isatty() and sys.stdout.isatty() else {}
    if trust:
        load(options.env_file, demo=options.demo, trust=True, **answers)
    cloud = options.connect(**answers)
    cloud.sign_in()  # a token from before would hide that the password has changed
    _print_account(cloud)
    if answers:
        path = options.env_file or Path(".env")
        if click.confirm(f"Write what you typed to {path}, readable by you alone?", default=False):
            update(path, {f"BELIMO_{name.upper()}": value for name, value in answers.items()})
            click.echo(f"Written to {path}. Keep it out of version control.")
    if not cloud.settings.source.startswith("demo data"):
        click.echo(
            "Before you trust the first numbers: `belimo-nb check-cloud` tells whether this cloud is as assumed."
        )


def _ask(options: GlobalOptions) -> dict[str, str]:
    """Ask on the terminal for the credentials that are set nowhere."""
    from belimo_nb.settings import SECRETS, missing_credentials

    missing = [] if options.demo else missing_credentials(options.env_file)
    answers = {}
    if missing:
        click.echo("Some credentials are not set; type them (Ctrl-C to leave, --demo for the demo cloud).")
    for name in missing:
        secret = name in SECRETS
        asked = f"{QUESTIONS[name]} (not shown)" if secret else QUESTIONS[name]
        typed = click.prompt(asked, hide_input=secret)
        answers[name] = Secret(typed) if secret else typed
    return answers


def _print_account(cloud: Cloud) -> None:
    # All of it before anything is printed: half an account would look like a whole one.
    user, stats = cloud.user(), cloud.stats()
    known = recognized(cloud, cloud.devices())
    name = " ".join(str(user[key]) for key in ("firstName", "lastName") if user.get(key))
    address = str(user.get("email") or cloud.settings.username)
    click.echo(f"Signed in to {cloud.source} as {printable(f'{name} ({address})' if name else address)}.")
    connection, health = stats.get("connection", {}), stats.get("health", {})
    transfer = stats.get("transfer", {})
    sees = (
        f"The account sees {plural(int(stats.get('totalDevices') or 0), 'device')}: {connection.get('online')} online, "
        f"{connection.get('offline')} offline; health: {health.get('ok')} ok, {health.get('problem')} with a problem; "
        f"transfers: {transfer.get('incoming')} incoming, {transfer.get('outgoing')} outgoing."
    )
    click.echo(printable(sees))
    for sentence in known:
        click.echo(printable(sentence))
    click.echo()
    table = cloud.settings.table()
    rows = [[str(setting), str(row["value"]), str(row["from"])] for setting, row in table.iterrows()]
    output_table(("setting", "value", "from"), rows, keep=3)


PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
"""What is written without quotes: some programs that read such files take quotes for a part of the value."""


def update(path: Path, values: Mapping[str, str]) -> None:
    """Set some variables of a `.env` file; its other settings and comments stay, and only the owner may read it.

    Args:
        path: The file; made if need be.
        values: Names and values; a name that the file has already gets its new value in place.

    Raises:
        SettingsError: The file cannot be read or written.
    """
    from dotenv import set_key

    try:
        # `set_key` gives what it writes the mode of the file that is there, so that is made private first.
        write_text(path, path.read_text(encoding="utf-8-sig") if path.exists() else "", private=True)
        for name, value in values.items():
            set_key(path.resolve(), name, value, quote_mode="never" if PLAIN.fullmatch(value) else "always")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {str(path)!r} cannot be written ({error}); choose another.") from None

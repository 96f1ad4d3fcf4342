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
from belimo_nb.errors import SettingsError, SignInError, printable
from belimo_nb.quantities import plural
from belimo_nb.settings.secret import Secret
from belimo_nb.system.files import write_text

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud

QUESTIONS = {
    "client_id": ("Client id", 32),
    "client_secret": ("Client secret", 64),
    "username": ("User name (e-mail address)", None),
    "password": ("Password", None),
}
"""What is asked for, and how many characters it has where the usual cloud gives it out."""

PAIRS = {"client_secret": "client_id", "password": "username"}
TRIES = 3  # sign-ins that a dialog tries


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

    dialog = sys.stdin.isatty() and sys.stdout.isatty()
    answers = _ask_missing(options) if dialog else {}
    if trust:
        load(options.env_file, demo=options.demo, trust=True, **answers)
    refused: list[str] = []
    while True:
        cloud = options.connect(**answers)
        try:
            cloud.sign_in()  # a token from before would hide that the password has changed
            break
        except SignInError as error:
            # What was typed here can be typed again; the other half of the pair only when that has not helped.
            if error.setting not in answers or len(refused) == TRIES - 1:
                raise
            click.echo(str(error), err=True)
            again = [PAIRS[error.setting]] * (error.setting in refused) + [error.setting]
            answers |= {name: _ask(name, cloud.settings.token_url) for name in again if name in answers}
            refused.append(error.setting)
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


def _ask_missing(options: GlobalOptions) -> dict[str, str]:
    """Ask on the terminal for the credentials that are set nowhere."""
    from belimo_nb.settings import missing_credentials, token_address

    missing = [] if options.demo else missing_credentials(options.env_file)
    if missing:
        click.echo("Some credentials are not set; type them (Ctrl-C to leave, --demo for the demo cloud).")
    return {name: _ask(name, token_address(options.env_file)) for name in missing}


def _ask(name: str, token_url: str) -> str:
    """Ask for a credential until it is as long as it should be, or is typed twice as it is; secrets are not shown."""
    from belimo_nb.settings import DEFAULTS, SECRETS

    question, length = QUESTIONS[name]
    secret = name in SECRETS
    expected = length if token_url == DEFAULTS["token_url"] else None
    about = ", ".join([f"{expected} characters"] * (expected is not None) + ["not shown"] * secret)
    before = ""
    while True:
        typed = click.prompt(f"{question} ({about})" if about else question, hide_input=secret)
        # A terminal may mark what is pasted.
        typed = re.sub(r"\x1b\[20[01]~", "", typed).strip()
        typed = Secret(typed) if secret else typed
        fault = _fault(name, typed, expected)
        if secret and not fault:
            click.echo(f"  {len(typed)} characters received.")
        if not fault or typed == before:
            return typed
        before = typed
        click.echo(f"  {fault}; paste it again, or the same once more if it is right.")


def _fault(name: str, typed: str, expected: int | None) -> str:
    """What a credential that was typed cannot be; "" if it is well."""
    if any(letter.isspace() or not letter.isprintable() for letter in typed) and name != "password":
        return "It holds a blank or a character that does not show"
    if expected is not None and len(typed) != expected:
        return f"Its length is {len(typed)} instead of {expected}"
    return ""


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

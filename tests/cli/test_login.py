"""The dialog of `belimo-nb login`: it shows that something came, and asks again only for what was wrong."""

import click.testing
import pytest
from click.testing import CliRunner

from belimo_nb import settings
from belimo_nb.cli import cli

NAMES = ("CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD")


@pytest.fixture
def account(second, monkeypatch):
    """The second cloud's credentials, which are set nowhere, and a terminal."""
    found = {name: second.environment()[f"BELIMO_{name}"] for name in NAMES}
    for name in NAMES:
        monkeypatch.delenv(f"BELIMO_{name}")
    monkeypatch.setattr(click.testing._NamedTextIOWrapper, "isatty", lambda _: True, raising=False)
    return found


def dialog(*typed):
    """What comes of these answers; no secret is shown."""
    result = CliRunner().invoke(cli, ["login"], input="".join(f"{line}\n" for line in typed))
    assert "fault of belimo-nb" not in result.output
    return result


def test_a_refused_secret_is_asked_for_again(account):
    """Alone; when that does not help, with the client id; what was right is never asked for twice."""
    identifier, secret, user, password = account.values()
    result = dialog(identifier, "wrong-secret", user, password, secret, "n")
    assert result.exit_code == 0, result.output
    asked = [
        result.output.count(f"{question}") for question in ("Client id", "Client secret (", "User name", "Password (")
    ]
    assert asked == [1, 2, 1, 1]
    assert f"{len(secret)} characters received" in result.output
    assert secret not in result.output
    assert password not in result.output
    result = dialog("wrong-id", secret, user, password, secret, identifier, secret, "n")
    assert result.exit_code == 0, result.output
    assert result.output.count("Client id") == 2
    assert result.output.count("Password (") == 1


def test_a_refused_password_is_asked_for_again(account):
    """Up to three sign-ins; then the sentence of the error and its status."""
    identifier, secret, user, password = account.values()
    result = dialog(identifier, secret, user, "old-password", password, "n")
    assert result.exit_code == 0, result.output
    assert result.output.count("Client secret (") == 1
    result = dialog(identifier, secret, user, *["old-password", "old-password", user, "old-password"])
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert "BELIMO_PASSWORD" in result.stderr


def test_lengths(account, second, monkeypatch):
    """On the usual cloud a client id has 32 characters and a secret 64; what is typed twice is believed."""
    monkeypatch.setitem(settings.DEFAULTS, "token_url", second.environment()["BELIMO_TOKEN_URL"])
    identifier, secret, user, password = account.values()
    assert (len(identifier), len(secret)) != (32, 64)
    pasted = f"\x1b[200~{identifier}\x1b[201~"
    result = dialog("I", pasted, identifier, secret[:-1], secret, secret, user, password, "n")
    assert result.exit_code == 0, result.output
    assert "Its length is 1 instead of 32" in result.output
    assert f"Its length is {len(secret) - 1} instead of 64" in result.output
    assert secret[:-1] not in result.output

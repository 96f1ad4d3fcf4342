"""Where credentials may go: to addresses from the same place, or to what was confirmed once."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from dotenv import dotenv_values
from locks_places import put

from belimo_nb import settings
from belimo_nb.cli import cli
from belimo_nb.errors import SettingsError
from belimo_nb.settings import origins
from belimo_nb.settings.secret import Secret, masked

CREDENTIALS = {name: f"{name}-of-anna" for name in settings.CREDENTIALS}
ADDRESSES = {"api_url": "https://api.example.org/v3", "token_url": "https://id.example.org/token"}
posix = pytest.mark.skipif(os.name == "nt", reason="has no such owners and permissions")


def write(values, path=".env"):
    """A settings file."""
    Path(path).write_text("".join(f"BELIMO_{name.upper()}={value}\n" for name, value in values.items()))
    Path(path).chmod(0o600)


def export(monkeypatch, values):
    """The same in the environment."""
    for name, value in values.items():
        monkeypatch.setenv(f"BELIMO_{name.upper()}", value)


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_from_a_file_that_was_only_found(monkeypatch, name):
    """A `.env` of the working folder gets no password of the environment sent to its address; both are named."""
    export(monkeypatch, CREDENTIALS)
    write({name: ADDRESSES[name]})
    with pytest.raises(SettingsError) as caught:
        settings.load()
    for words in (
        "comes from the environment",
        f"BELIMO_{name.upper()} ({ADDRESSES[name]})",
        str(Path(".env").resolve()),
    ):
        assert words in str(caught.value)
    assert "-of-anna" not in str(caught.value)
    with pytest.raises(SettingsError):
        settings.load(password="typed", client_secret="typed")  # as `login` asks for them


@pytest.mark.parametrize("secret", ["password", "client_secret"])
def test_one_secret_from_elsewhere(monkeypatch, secret):
    """One of the secrets is enough."""
    write(CREDENTIALS | ADDRESSES)
    export(monkeypatch, {secret: "mine-alone"})
    with pytest.raises(SettingsError, match=f"BELIMO_{secret.upper()} comes from the environment"):
        settings.load()


def test_what_belongs_together(monkeypatch):
    """All from one file, addresses from the environment or an argument, the usual addresses, a file that was named."""
    write(CREDENTIALS | ADDRESSES)
    assert settings.load().api_url == ADDRESSES["api_url"]
    write(CREDENTIALS)
    assert settings.load(**ADDRESSES).token_url == ADDRESSES["token_url"]
    export(monkeypatch, ADDRESSES)
    settings.load()
    write({"timezone": "Europe/London"})
    export(monkeypatch, CREDENTIALS)
    settings.load()
    for name in ADDRESSES:
        monkeypatch.delenv(f"BELIMO_{name.upper()}")
    write(ADDRESSES, "mine.env")
    assert settings.load("mine.env").api_url == ADDRESSES["api_url"]


def test_confirmed_once(monkeypatch):
    """`login --trust` confirms it for good; another address needs to be confirmed anew."""
    export(monkeypatch, CREDENTIALS)
    write(ADDRESSES)
    result = CliRunner().invoke(cli, ["login"])
    assert result.exit_code == 2
    assert "login --trust" in result.stderr
    settings.load(trust=True)
    settings.load()
    write(ADDRESSES | {"api_url": "https://other.example.org"})
    with pytest.raises(SettingsError, match=r"other\.example\.org"):
        settings.load()


@posix
@pytest.mark.parametrize(("mode", "words"), [(0o602, "others can write to"), (0o622, "others can write to")])
def test_a_file_that_others_can_write_to(mode, words):
    """Whoever can change the addresses could have the password sent to theirs."""
    write(CREDENTIALS | ADDRESSES)
    Path(".env").chmod(mode)
    with pytest.raises(SettingsError, match=words):
        settings.load()
    with pytest.raises(SettingsError, match=words):
        settings.load(".env")
    settings.load(trust=True)
    settings.load()


@posix
def test_a_file_of_another_user(monkeypatch):
    """So could its owner."""
    write(CREDENTIALS | ADDRESSES)
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    if mine == 0:
        os.chown(".env", 4242, 4242)
    with pytest.raises(SettingsError, match="which belongs to another user"):
        settings.load()


def test_settings_that_are_no_text(monkeypatch):
    """Bytes of another encoding in the environment are told by the setting's name, and not shown."""
    export(monkeypatch, CREDENTIALS | {"password": "pass\udce4word"})
    with pytest.raises(SettingsError, match="BELIMO_PASSWORD is no text") as caught:
        settings.load()
    assert "word;" not in str(caught.value)
    odd, secret = Secret("pass\udce4word"), Secret("hunter-2-zug")
    assert masked(f"{secret} and {odd}") == "******** and ********"  # while one is in use, others are masked
    assert dotenv_values(".env") == {}


@posix
@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_a_file_of_confirmations_that_is_none(monkeypatch, kind):
    """Something else in its place confirms nothing, and is not waited for."""
    put(kind, origins._file())
    assert origins._confirmed() == []


@posix
def test_an_env_file_that_is_a_pipe():
    """A pipe that nobody writes to is not waited for."""
    put("pipe", Path(".env"))
    with pytest.raises(SettingsError, match=r"'\.env' is no regular file"):
        settings.load()

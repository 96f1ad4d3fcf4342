"""Secrets stay out of representations, out of stack traces with local variables, and out of every log."""

from __future__ import annotations

import copy
import http.client
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from IPython.core.ultratb import VerboseTB
from second_cloud import CLIENT_SECRET, DROP, PASSWORD, TOKEN, cut, page_of_html, says, truncated

import belimo_nb as bn
from belimo_nb import settings
from belimo_nb.client import retries
from belimo_nb.client.auth import Authenticator
from belimo_nb.errors import BelimoError, SettingsError
from belimo_nb.report.jobs import Job
from belimo_nb.report.render import Task
from belimo_nb.settings.secret import MASK, Secret, without_trace

SECRETS = (PASSWORD, CLIENT_SECRET, "access-1", "access-2", "refresh-1", "refresh-2")


def told(failure: BaseException) -> str:
    """All that printers of traces make of an error and its chain: Python's with locals, and IPython's verbose one.

    Less the frames of these tests, which know the secrets.
    """
    shown, chain, seen = [], [failure], set()
    while chain:
        error = chain.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        chain += [error.__cause__, error.__context__]  # even those that are not to be shown
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        error = error.with_traceback(trace)
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        shown += [*whole.format(), repr(error), repr(error.__dict__), repr(error.args)]
    shown += VerboseTB().structured_traceback(type(failure), failure, failure.__traceback__)
    return "\n".join(shown)


def told_of(call) -> str:
    """What printers make of the error that a call raises."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - Ctrl-C is one of the cases
        return told(error)
    pytest.fail("it raised nothing")


def assert_silent(text: str) -> None:
    """No secret in it, in any of the forms in which one travels."""
    for secret in SECRETS:
        for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], requests.compat.quote_plus(secret)):
            assert form not in text


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    """Waits between tries take no time."""
    monkeypatch.setattr(retries, "pause", lambda _: None)


def test_secret():
    """It shows as asterisks wherever it is, and is the text for whoever uses it."""
    secret = Secret("pa ss")
    assert repr(secret) == repr([secret])[1:-1] == f"{secret!r}" == repr(MASK)
    assert (secret, str(secret), f"{secret}", hash(secret)) == ("pa ss", "pa ss", "pa ss", hash("pa ss"))
    assert json.dumps({"a": secret}) == '{"a": "pa ss"}'
    for twin in (pickle.loads(pickle.dumps(secret)), copy.deepcopy(secret)):  # noqa: S301 - made here
        assert (type(twin), twin) == (Secret, "pa ss")


def test_without_trace():
    """A value is passed on; an error keeps its type and words, and loses the frames and errors that led to it."""
    assert without_trace(lambda: 5) == 5

    def sign_in():
        known_only_here = PASSWORD
        try:
            raise KeyError(known_only_here)
        except KeyError:
            raise OSError("it failed") from None

    text = told_of(lambda: without_trace(sign_in))
    assert "OSError: it failed" in text
    assert "in without_trace" in text
    assert "known_only_here" not in text
    assert_silent(text)


TROUBLES = {
    "refused": says({"error": "invalid_grant", "error_description": PASSWORD}, 403),
    "quoted": says({"error": f"not {PASSWORD}"}, 403),
    "page": page_of_html(),
    "missing page": page_of_html(404),
    "failing": says({}, 500),
    "limited": says({}, 429),
    "dropped": DROP,
    "cut": cut,
    "truncated": truncated,
    "list": says(["x"]),
    "redirect": says({}, 302, Location="https://elsewhere.example/"),
    "senseless": says({"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": "soon"}),
    "no token": says({"refresh_token": "refresh-1"}),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_errors_of_the_sign_in(second, trouble):
    """However a sign-in fails, its error shows our own frames with their variables, and no secret."""
    second.always(TOKEN, trouble)
    text = told_of(lambda: Authenticator(settings.load()).access_token())
    assert "in access_token" in text
    assert "refused = None" in text  # variables are printed
    assert_silent(text)
    assert_silent(told_of(lambda: Authenticator(settings.load()).sign_in()))


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_errors_of_a_refresh(second, trouble):
    """The same while a token is renewed."""
    authenticator = Authenticator(settings.load())
    first = authenticator.access_token()
    second.always(TOKEN, trouble)
    assert_silent(told_of(lambda: authenticator.access_token(refused=first)))


ANYWHERE = ("page", "missing page", "failing", "limited", "dropped", "cut", "truncated", "list", "redirect")


@pytest.mark.slow
@pytest.mark.parametrize(
    "trouble",
    [
        *(TROUBLES[name] for name in ANYWHERE),
        says({"message": "access-1-of-anna is not good for this"}, 403),
        says({}, 401),
    ],
)
def test_errors_of_the_api(second, trouble):
    """The same for requests that carry the token."""
    client = bn.connect()
    client.stats()
    second.always("/devices", trouble)
    text = told_of(client.devices)
    client.close()
    assert "what = " in text  # variables are printed
    assert_silent(text)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, RecursionError, MemoryError])
@pytest.mark.parametrize("place", ["sign-in", "request"])
def test_errors_of_the_libraries(second, monkeypatch, place, kind):
    """Ctrl-C and faults deep in a library, where tokens are plain text: none of its frames is shown."""
    client = bn.connect()
    if place == "request":
        client.stats()

    def fail(self, *_, **__):
        raise kind("here")

    # The last frames above know the headers and the body of the request.
    monkeypatch.setattr(http.client.HTTPConnection, "endheaders", fail)
    text = told_of(client.devices)
    monkeypatch.undo()
    client.close()
    assert kind.__name__ in text
    assert_silent(text)


@pytest.mark.parametrize(
    "wrong",
    [{"timezone": "Mars"}, {"rate": "fast"}, {"now": "soon"}, {"api_url": "http://x.example"}, {"colour": "red"}],
)
@pytest.mark.parametrize("place", ["environment", "file", "argument"])
def test_errors_of_the_settings(second, monkeypatch, place, wrong):
    """Settings that make no sense show no secret that was read beside them, wherever it came from."""
    credentials = {name: second.environment()[f"BELIMO_{name.upper()}"] for name in settings.CREDENTIALS}
    for name in credentials if place != "environment" else ():
        monkeypatch.delenv(f"BELIMO_{name.upper()}")
    if place == "file":
        lines = [f"BELIMO_{name.upper()}='{value}'\n" for name, value in credentials.items()]
        Path(".env").write_text("".join(lines), encoding="utf-8")
    given = credentials if place == "argument" else {}
    with pytest.raises(SettingsError) as caught:
        settings.load(**given, **wrong)
    text = told(caught.value)
    assert_silent(text)
    if "colour" not in wrong:
        assert MASK in text  # it was among the variables that were printed


@pytest.mark.parametrize("text", ["https://me:hunter2@weather.example/v1", "http://me@127.0.0.1/v1"])
def test_credentials_in_an_address_of_the_weather(second, text):
    """An address with a password is refused without showing it: outputs and folders are named after it."""
    with pytest.raises(SettingsError, match="BELIMO_WEATHER contains a user name or password") as caught:
        settings.load(weather=text)
    assert "hunter2" not in str(caught.value)


def representations(thing: object) -> str:
    """What a notebook, a terminal and a debugger show of an object and of what it holds."""
    shown = [repr(thing), str(thing)]
    for name in ("_repr_html_", "_repr_mimebundle_", "_repr_pretty_"):
        method = getattr(type(thing), name, None)
        if method is not None and name != "_repr_pretty_":
            shown.append(repr(method(thing)))
    return "\n".join([*shown, *map(repr, getattr(thing, "__dict__", {}).values())])


def test_representations(second):
    """No object that a user or a debugger meets shows a secret, nor do the objects that it holds."""
    client = bn.connect()
    client.devices()
    found = client.settings
    job = Job("device", "North", "devices/north", {})
    task = Task(
        job, Path("n.ipynb"), Path("out"), found.environment(), 5.0, datetime(2018, 12, 1, tzinfo=UTC), "1", "kernel"
    )
    things = [
        client,
        found,
        found.environment(),
        found.table(),
        bn.show_settings(),
        client.connection._transport,
        client.connection._answers,
        client.connection.archive,
        client.connection.archive.store,
        client.device("d7Kx01"),
        task,
        {"task": task, "settings": [found]},
    ]
    shown = "\n".join(representations(thing) for thing in things)
    authenticator = repr(client.connection._authenticator)
    client.close()
    assert MASK in shown
    assert_silent(shown + authenticator)


def test_logs_of_a_whole_session(second, caplog, capfd):
    """With every logger of the process at DEBUG, a session with a refresh and a refusal logs no secret."""
    names = ["", *logging.root.manager.loggerDict]
    assert {"urllib3.connectionpool", "requests_oauthlib.oauth2_session", "oauthlib"} <= set(names)
    for name in names:
        caplog.set_level(logging.DEBUG, logger=name)
    client = bn.connect()
    client.devices()
    second.revoke()
    client.device("d7Kx01").history("heating_energy", "2021-03-01", "2021-03-02")
    second.revoke(refresh_tokens=True)
    second.next(TOKEN, *[says({"error": "invalid_grant", "error_description": PASSWORD}, 403)] * 2)
    with pytest.raises(BelimoError):
        client.stats()
    client.close()
    heard = "\n".join(f"{record.getMessage()} {record.__dict__} {record.exc_text}" for record in caplog.records)
    assert "/devices" in heard
    assert_silent(heard + "".join(capfd.readouterr()))


def test_logs_of_the_demo_cloud(caplog, monkeypatch):
    """The demo cloud's own tokens, which its library would log, stay out of the log of the same process."""
    from belimo_nb.demo import DemoCloud

    with DemoCloud() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        for name in ["", *logging.root.manager.loggerDict]:
            caplog.set_level(logging.DEBUG, logger=name)
        authenticator = Authenticator(settings.load())
        first = authenticator.access_token()
        second = authenticator.access_token(refused=first)
        refresh = str(authenticator._token["refresh_token"])
        heard = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
        assert "/oauth/token" in heard
        known = [*map(str, (first, second)), refresh, server.environment()["BELIMO_CLIENT_SECRET"]]
        assert [text for text in (*known, server.environment()["BELIMO_PASSWORD"]) if text in heard] == []


@pytest.mark.slow
def test_a_trace_of_the_command_line(second, capfd):
    """With BELIMO_DEBUG=1 the command line shows a trace, and no secret in it."""
    second.always("/devices", truncated)
    environment = {**second.environment(), "BELIMO_DEBUG": "1", "PYTHONFAULTHANDLER": "1"}
    command = [
        sys.executable,
        "-c",
        "from belimo_nb import cli\nfrom belimo_nb.client import retries\nretries.pause = lambda _: None\ncli.main()",
    ]
    done = subprocess.run(
        [*command, "devices"], env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 3
    assert "Traceback" in done.stderr
    assert_silent(done.stdout + done.stderr)

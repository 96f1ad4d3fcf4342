"""Certificates: a server that cannot prove who it is hears nothing from us, and no switch changes that."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import threading
from collections.abc import Iterator
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

import belimo_nb
import belimo_nb as bn
from belimo_nb import settings
from belimo_nb.client import http as client_http
from belimo_nb.client import responses, retries
from belimo_nb.errors import ApiError, ConnectionFailed
from belimo_nb.weather.archive import Place, read_archive

CERTIFICATES = Path(__file__).parent / "certificates"
BAD = ("self-signed", "expired", "other-host")
PACKAGE = Path(belimo_nb.__file__).parent
SWITCHES = {
    "REQUESTS_CA_BUNDLE": "",
    "CURL_CA_BUNDLE": "",
    "PYTHONHTTPSVERIFY": "0",
    "OAUTHLIB_INSECURE_TRANSPORT": "1",
    "BELIMO_VERIFY": "0",
    "BELIMO_INSECURE": "1",
    "GIT_SSL_NO_VERIFY": "1",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
}


@contextlib.contextmanager
def server(certificate: str) -> Iterator[tuple[str, list[str]]]:
    """An https server of this machine with a certificate of ours; gives its address and the requests it hears."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Note it, and know nothing."""
            heard.append(f"{self.command} {self.path} {self.headers}")
            self.send_error(404)

        do_POST = do_GET  # noqa: N815 - http.server asks for this name

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Nothing: clients hang up on it, as they should."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{certificate}.pem", CERTIFICATES / "key.pem")
    made = Server(("127.0.0.1", 0), Handler)
    # The handshake in the handler's thread, where a client that hangs up harms no one.
    made.socket = context.wrap_socket(made.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"https://localhost:{made.server_port}", heard
    finally:
        made.shutdown()
        made.server_close()


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    """No request is tried again here, so waits are a mistake."""
    monkeypatch.setattr(retries, "pause", lambda _: pytest.fail("it tried again"))


def test_the_server_works():
    """Who trusts its certificate gets answers: what fails below fails for the certificate."""
    context = ssl.create_default_context(cafile=CERTIFICATES / "self-signed.pem")
    with server("self-signed") as (url, heard):
        connection = http.client.HTTPSConnection(url.removeprefix("https://"), context=context, timeout=30)
        connection.request("GET", "/x")
        assert connection.getresponse().status == 404
        connection.close()
    assert len(heard) == 1


@pytest.mark.parametrize("certificate", BAD)
@pytest.mark.parametrize("part", ["token", "api", "weather"])
def test_bad_certificates_stop_everything(second, monkeypatch, part, certificate):
    """Sign-in, API and weather archive: one sentence, no retry, and the server hears no request at all."""
    with server(certificate) as (url, heard):
        if part == "weather":
            when = (settings.load(now="2018-12-01").now).date()
            with pytest.raises(ConnectionFailed) as caught:
                read_archive(url, Place(47.0, 8.0), when, when)
        else:
            monkeypatch.setenv("BELIMO_TOKEN_URL" if part == "token" else "BELIMO_API_URL", url)
            client = bn.connect()
            with pytest.raises(ConnectionFailed) as caught:
                client.stats()
            client.close()
        assert heard == []
    host = url.removeprefix("https://")
    assert str(caught.value).startswith(f"The certificate of {host} is not trusted, so nothing was sent; ")
    assert not caught.value.retryable


@pytest.mark.parametrize("certificate", ["expired", "other-host"])
def test_an_issuer_that_is_trusted(monkeypatch, certificate):
    """Even where the issuer is trusted, an expired certificate and one of another host are refused."""
    with server("self-signed") as (url, heard), server(certificate) as (bad, unheard):
        for place, expected in ((url, ApiError), (bad, ConnectionFailed)):
            name = "self-signed" if place == url else certificate
            monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(CERTIFICATES / f"{name}.pem"))
            with client_http.new_session(place) as session:
                try:
                    answer = session.get(f"{place}/x", timeout=30)
                    outcome = responses.refusal(answer, "it")
                except requests.RequestException as error:
                    outcome = responses.unreachable(error, place)
            assert type(outcome) is expected, outcome
    assert len(heard) == 1
    assert unheard == []


def test_no_switch_in_the_environment(second, monkeypatch):
    """Nothing that other programs take for "do not check" makes us send anything."""
    for name, value in SWITCHES.items():
        monkeypatch.setenv(name, value)
    with server("self-signed") as (url, heard):
        monkeypatch.setenv("BELIMO_TOKEN_URL", url)
        client = bn.connect()
        with pytest.raises(ConnectionFailed, match="is not trusted"):
            client.stats()
        client.close()
        assert heard == []


def test_no_switch_in_the_settings():
    """There is no setting that sounds like one, and no line of the package that turns the check off."""
    names = {field.name for field in fields(settings.Settings)}
    assert not [name for name in names if re.search("verif|insecure|tls|ssl|cert|trust", name)]
    switch = re.compile(
        r"verify\s*=\s*(False|None|0)|CERT_NONE|check_hostname\s*=\s*False|_create_unverified|disable_warnings"
        r"|assert_hostname\s*=\s*False|allow_http|INSECURE_TRANSPORT\"\]\s*="
    )
    found = [
        f"{path.relative_to(PACKAGE)}: {match[0]}"
        for path in PACKAGE.rglob("*.py")
        if (match := switch.search(path.read_text(encoding="utf-8")))
    ]
    assert found == []
    assert switch.search("session.verify = False")

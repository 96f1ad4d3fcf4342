"""Proxies and certificates of a company's network: one sentence each, and none is tried for long."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
import requests
from test_bad_input import check_sentence

from belimo_nb import settings
from belimo_nb.client import http, responses, retries
from belimo_nb.client.auth import Authenticator
from belimo_nb.errors import ConnectionFailed, SettingsError

CERTIFICATE = Path(__file__).parent / "certificates" / "self-signed.pem"
KEY = CERTIFICATE.with_name("key.pem")
NAMES = ("HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """No proxy of this machine's reaches a test; what is waited between tries is counted."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    found = []
    monkeypatch.setattr(retries, "pause", found.append)
    return found


@contextlib.contextmanager
def proxy(answer, tls=False):
    """A proxy that says the same to everyone; gives its port and what it hears."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, KEY)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, contextlib.suppress(OSError):
                        told = context.wrap_socket(connection, server_side=True) if tls else connection
                        heard.append(told.recv(4096))
                        told.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield str(listening.getsockname()[1]), heard
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def failure():
    """What comes of a sign-in at a host that does not exist."""
    made = settings.load(
        client_id="a", client_secret="b", username="c", password="d", token_url="https://cloud.invalid/x"
    )
    begun = time.monotonic()
    with pytest.raises((ConnectionFailed, SettingsError)) as caught:
        Authenticator(made).sign_in()
    assert time.monotonic() - begun < 20  # on a busy machine
    assert "geheim" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("socks5://127.0.0.1:1080", "pip install pysocks"),
        ("socks5h://rosa:geheim@127.0.0.1:1080", "pip install pysocks"),
        ("http://", "'http://'"),
        ("http://proxy:port", "http://host:port"),
        ("http://proxy:99999", "http://host:port"),
        ("ftp://proxy:21", "http://host:port"),
        ("gopher://rosa:geheim@proxy:21", "not shown"),
        ("http://a b:80", "http://host:port"),
        ("http://[::1", "http://host:port"),
        ("http:\\\\proxy:80", "http://host:port"),
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_addresses_of_proxies(monkeypatch, waits, name, address, words):
    """What is none, and SOCKS without its package, is told at once by the variable's name, no password with it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv(name, address)
    error = failure()
    assert type(error) is SettingsError
    check_sentence(str(error), [name, words])
    assert waits == []


@pytest.mark.parametrize(
    ("answer", "words", "tries"),
    [
        (b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", "a user name and", 1),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "does not lead there (403)", 1),
        (b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n", "does not lead there (502)", retries.MAX_TRIES_PROXY),
    ],
)
def test_proxies_that_refuse(monkeypatch, waits, answer, words, tries):
    """What the proxy says, and what to do; it is asked again only if that can help, and not often."""
    with proxy(answer) as (port, heard):
        monkeypatch.setenv("HTTPS_PROXY", f"http://rosa:geheim@127.0.0.1:{port}")
        error = failure()
    check_sentence(str(error), ["The proxy for cloud.invalid", "HTTPS_PROXY", words])
    assert (len(heard), len(waits)) == (tries, tries - 1)


def test_proxies_that_are_not_there(monkeypatch, waits):
    """A name that nobody knows is told at once; a port where nobody listens after two more tries."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    check_sentence(str(failure()), ["cannot be found", "HTTPS_PROXY"])
    assert waits == []
    with socket.socket() as taken:  # and nobody else can listen
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{taken.getsockname()[1]}")
        check_sentence(str(failure()), ["cannot be reached", "HTTPS_PROXY"])
    assert len(waits) == retries.MAX_TRIES_PROXY - 1


@pytest.mark.parametrize(("tls", "words"), [(False, "does not speak https"), (True, "certificate of the proxy")])
def test_https_to_the_proxy(monkeypatch, waits, tls, words):
    """One that speaks plain http, and one whose certificate nobody knows."""
    with proxy(b"HTTP/1.1 400 No\r\n\r\n", tls) as (port, _):
        monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{port}")
        check_sentence(str(failure()), [words, "HTTPS_PROXY"])
    assert waits == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("made", "words"),
    [
        (None, "No such file"),
        (b"", "no certificates as text (PEM)"),
        (b"hello", "no certificates as text (PEM)"),
        ("key", "no certificates as text (PEM)"),
        ("binary", "openssl x509 -inform der"),
        ("folder", "a folder without certificates"),
    ],
)
def test_certificates_that_are_none(monkeypatch, waits, tmp_path, name, made, words):
    """Told at once, with the variable, the path and what to do."""
    path = tmp_path / "company.pem"
    if made == "folder":
        path.mkdir()
        (path / "company.crt").write_bytes(CERTIFICATE.read_bytes())
    elif made is not None:
        pem = CERTIFICATE.read_text().partition("-----BEGIN CERT")
        binary = ssl.PEM_cert_to_DER_cert(pem[1] + pem[2])
        path.write_bytes({"key": KEY.read_bytes(), "binary": binary}.get(made, made))
    monkeypatch.setenv(name, str(path))
    error = failure()
    assert type(error) is SettingsError
    check_sentence(str(error), [f"{name} is {str(path)!r}", words])
    assert waits == []


@pytest.mark.parametrize("folder", [False, True])
def test_certificates_that_are_some(monkeypatch, tmp_path, folder):
    """A file of them, and a folder as OpenSSL wants it, stop nobody."""
    path = CERTIFICATE
    if folder:
        (tmp_path / "0123abcd.0").write_bytes(CERTIFICATE.read_bytes())
        path = tmp_path
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with http.new_session("https://cloud.invalid") as session, pytest.raises(requests.ConnectionError) as caught:
        session.get("https://cloud.invalid/x", timeout=5)
    assert "No host named" in str(responses.unreachable(caught.value, "https://cloud.invalid"))

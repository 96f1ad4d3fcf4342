"""HTTP: https only, no redirects, and failures as sentences."""

import contextlib
import json
import socket
import ssl
import sys
import threading
import time
import tracemalloc
import zlib
from types import SimpleNamespace

import pytest
import requests
from second_cloud import CHUNKED, HANG, HANG_IN_BODY, SLOW_PHASES, TOKEN, Answer, SecondCloud, says

import belimo_nb as bn
from belimo_nb.client import http, responses, retries
from belimo_nb.demo import DemoCloud
from belimo_nb.errors import (
    AnswerError,
    ApiError,
    ConnectionFailed,
    SettingsError,
    TimedOut,
)

URL = "https://cloud.example.org/api/v3"


def test_plain_http_is_refused():
    """A session asks no other host over plain http, not even one made for this machine."""
    for made_for in (URL, "http://127.0.0.1:8000"):
        with http.new_session(made_for) as session, pytest.raises(SettingsError, match="over plain http"):
            session.get("http://cloud.example.org/api?secret=1", timeout=1)


def test_the_exception_for_this_machine_is_narrow():
    """Plain http goes to one address of this machine, port included, and nowhere else."""
    with http.new_session("http://127.0.0.1:8080/api") as session:
        plain = type(session.get_adapter("https://127.0.0.1:8080/api"))
        for url in ("https://127.0.0.1:80801/", "https://127.0.0.1:8081/", "https://127.0.0.1/", URL):
            assert type(session.get_adapter(url)) is not plain
    assert http.as_https("http://127.0.0.1:8080/api") == "https://127.0.0.1:8080/api"
    assert http.as_https("http://cloud.example.org") == "http://cloud.example.org"
    assert http.as_https(URL) == URL


def test_sessions_keep_their_manners(monkeypatch, tmp_path):
    """Sessions say who they are, verify certificates, and take no credentials from `.netrc` for signed requests."""
    from belimo_nb.client.transport import _Bearer

    netrc = tmp_path / "netrc"
    netrc.write_text("machine cloud.example.org login anna password secret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with http.new_session(URL) as session:
        assert session.headers["User-Agent"].startswith("belimo-nb/")
        assert session.verify is True
        prepared = session.prepare_request(requests.Request("GET", URL, auth=_Bearer("abc")))
    assert prepared.headers["Authorization"] == "Bearer abc"


def test_redirects_are_not_followed():
    """A redirect is an error, and the other server hears nothing of the request."""
    with SecondCloud() as here, SecondCloud() as there, http.new_session(here.api_url) as session:
        here.next("/user", says({}, 302, Location=there.api_url + "/user"))
        with pytest.raises(requests.TooManyRedirects) as caught:
            session.get(http.as_https(here.api_url) + "/user", headers={"Authorization": "Bearer abc"}, timeout=5)
        assert len(here.requests) == 1
        assert there.requests == []
    error = responses.unreachable(caught.value, here.api_url)
    assert isinstance(error, ApiError)
    assert error.status_code == 302
    assert not error.retryable


def unanswered(url):
    """What becomes of asking an address that gives no good answer."""
    with http.new_session(url) as session, pytest.raises(requests.RequestException) as caught:
        session.get(http.as_https(url), timeout=http.TIMEOUT)
    return responses.unreachable(caught.value, url)


def test_a_host_that_refuses():
    """A closed port is told as such, and as something that may pass."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = unanswered(f"http://127.0.0.1:{port}/api")
    assert type(error) is ConnectionFailed
    assert str(error) == f"127.0.0.1:{port} refuses connections; check the address, or try again later."
    assert error.retryable


def test_a_host_that_is_unknown():
    """A name that no one knows is told with the name."""
    error = unanswered("https://cloud.invalid/api")
    assert type(error) is ConnectionFailed
    assert "No host named 'cloud.invalid'" in str(error)


@pytest.mark.parametrize("answer", [HANG, HANG_IN_BODY])
def test_a_host_that_hangs(monkeypatch, answer):
    """No answer in time is told with the time, whether nothing came or only a part."""
    monkeypatch.setattr(http, "TIMEOUT", (5, 0.05))
    with SecondCloud() as cloud:
        cloud.next("/user", answer)
        error = unanswered(cloud.api_url + "/user")
    assert type(error) is TimedOut
    assert "within 0.05 seconds" in str(error)
    assert error.retryable


def test_a_host_without_https():
    """A server that speaks no https is told apart from one whose certificate is bad."""
    with SecondCloud() as cloud:
        error = unanswered(cloud.api_url.replace("http", "https"))
    assert type(error) is ConnectionFailed
    assert "does not speak https" in str(error)
    assert not error.retryable
    bad = requests.exceptions.SSLError(ssl.SSLCertVerificationError(1, "certificate verify failed"))
    assert "certificate of cloud.example.org is not trusted" in str(responses.unreachable(bad, URL))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.exceptions.ProxyError("no"), "The proxy for"),
        (requests.exceptions.ConnectTimeout("no"), "within 10 seconds"),
        (requests.exceptions.ReadTimeout("no"), "within 60 seconds"),
        (requests.exceptions.ChunkedEncodingError("no"), "broke off"),
        (requests.exceptions.ConnectionError("no"), "failed (ConnectionError)"),
    ],
)
def test_other_failures(error, words):
    """Each way to get no answer has its own words, names the host, and may pass."""
    told = responses.unreachable(error, URL)
    assert words in str(told)
    assert "cloud.example.org" in str(told)
    assert told.retryable


def test_an_answer_has_an_end(monkeypatch):
    """A body that comes byte by byte, each in time, is given up in the end, with a sentence; one in time is read."""
    monkeypatch.setattr(http, "MAX_ANSWER_SECONDS", 0.2)
    with DemoCloud(faults=["slow-body:0.1"]) as server, http.new_session(server.url) as session:
        with pytest.raises(requests.RequestException) as caught:
            session.get(http.as_https(server.url) + "/api/v3/api-info", timeout=60)
        error = responses.unreachable(caught.value, server.url)
        monkeypatch.setattr(http, "MAX_ANSWER_SECONDS", 600)
        server.faults = ["slow-body:0.01"]
        assert session.get(http.as_https(server.url) + "/api/v3/api-info", timeout=60).json() == {"version": "3.5.0"}
    assert type(error) is TimedOut
    assert "did not come to the end of its answer within" in str(error)


@pytest.fixture
def hurried(monkeypatch):
    """Exchanges have a seventh of a second, and are not tried again."""
    monkeypatch.setattr(http, "MAX_ANSWER_SECONDS", 0.15)
    monkeypatch.setattr(retries, "MAX_TRIES_TIMEOUT", 1)


@pytest.mark.parametrize("path", ["/user", TOKEN])
@pytest.mark.parametrize("phase", SLOW_PHASES)
def test_every_phase_has_an_end(second, hurried, phase, path):
    """Whatever part of an answer trickles in for ever, at the API or at the sign-in, it is given up in time."""
    second.always(path, SLOW_PHASES[phase])
    began = time.monotonic()
    with contextlib.closing(bn.connect()) as cloud, pytest.raises(TimedOut, match=r"within 0\.15 seconds"):
        cloud.connection.get("/user")
    assert time.monotonic() - began < 20  # on a busy machine


def test_an_end_leaves_the_next_answer_alone(second, hurried, monkeypatch):
    """After an exchange that was cut, the next one of the same session gets its own answer."""
    with contextlib.closing(bn.connect()) as cloud:
        monkeypatch.setattr(http, "MAX_ANSWER_SECONDS", 600)
        cloud.connection.get("/user")
        second.next("/user", SLOW_PHASES["trailers"], SLOW_PHASES["body with a length"])
        monkeypatch.setattr(http, "MAX_ANSWER_SECONDS", 0.15)
        for number in (2, 3):
            with pytest.raises(TimedOut):
                cloud.connection.get("/user")
            second.heard("/user", number)
        monkeypatch.setattr(http, "MAX_ANSWER_SECONDS", 600)
        assert cloud.connection.get("/user")["email"]


class Socks(socket.socket):
    """Stands in for the package of SOCKS proxies: it waits for the longest greeting that one may give."""

    def set_proxy(self, _, host, port, *__):
        """Where it is."""
        self.proxy = (host, port)

    def connect(self, _):
        """Through it."""
        super().connect(self.proxy)
        for _ in range(262):
            if not self.recv(1):
                raise ConnectionResetError


@pytest.mark.parametrize(
    ("proxy", "begin", "endless"),
    [
        ("", b"\x16\x03\x03\x40\x00\x02", b"\0"),
        ("http://", b"HTTP/1.1 200 OK\r\n", b"X: x\r\n"),
        ("socks5h://", b"", b"\5"),
        ("socks5h://", b"\5" * 262 + b"\x16\x03\x03\x40\x00\x02", b"\0"),
    ],
)
def test_a_proxy_and_tls_have_an_end(hurried, monkeypatch, proxy, begin, endless):
    """A proxy, or a server's greeting before TLS, that comes byte by byte is given up, too."""
    kinds = {f"PROXY_TYPE_SOCKS{kind}": kind for kind in (4, 5)}
    monkeypatch.setitem(sys.modules, "socks", SimpleNamespace(socksocket=Socks, **kinds, ProxyError=OSError))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    monkeypatch.setattr(http, "TIMEOUT", (0.5, 60))
    if proxy.startswith("socks"):
        from urllib3.contrib.socks import SOCKSProxyManager

        monkeypatch.setattr("requests.adapters.SOCKSProxyManager", SOCKSProxyManager)
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(begin)
                while not stop.wait(0.02):
                    connection.sendall(endless)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy + address)
        began = time.monotonic()
        error = unanswered("https://cloud.invalid/" if proxy else f"https://{address}/")
        assert time.monotonic() - began < 20  # on a busy machine
        stop.set()
        thread.join()
    assert type(error) is TimedOut


ROWS = json.dumps({"email": "x", "more": "ü" * 3000}).encode()


def packed(body, times=1, wbits=31):
    """A body packed by gzip (31) or zlib (15), so many times."""
    for _ in range(times):
        packer = zlib.compressobj(wbits=wbits)
        body = packer.compress(body) + packer.flush()
    return body


def named(body, kind):
    """An answer packed as its header says."""
    return Answer(200, body, {"Content-Type": "application/json", "Content-Encoding": kind})


@pytest.mark.parametrize("path", ["/user", TOKEN])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (says({"email": "x" * 30_000}), "more than"),
        (Answer(body=CHUNKED, endless=b"1000\r\n" + b" " * 4096 + b"\r\n", act="drip"), "more than"),
        (named(packed(b"0" * 100_000), "gzip"), "more than"),
        (named(packed(b"0" * 100_000, wbits=15), "deflate"), "more than"),
        (named(packed(b"") * 1500, "gzip"), "more than"),
        (named(packed(ROWS, 3), "gzip, gzip, gzip"), "packed as 'gzip, gzip, gzip'"),
        (named(packed(ROWS), "br"), "packed as 'br'"),
        (named(packed(ROWS), "gzip\x1b[31m, x"), "packed as"),
        (says([[]] * 2000), "more than 1,000 values"),
        (says({"email": {str(n): n for n in range(1200)}}), "more than 1,000 values"),
        (Answer(body='{"email": "\N{THERMOMETER}'.encode() + b"x" * 20_000 + b'"}'), "more than"),
    ],
)
def test_every_answer_has_a_size(second, monkeypatch, answer, words, path):
    """What is longer than any good answer, as it comes, unpacked or as values, is refused with a sentence, once."""
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 24_000)
    monkeypatch.setattr(responses, "MAX_ANSWER_VALUES", 1000)
    second.always(path, answer)
    with contextlib.closing(bn.connect()) as cloud, pytest.raises(AnswerError, match=words) as caught:
        cloud.connection.get("/user")
    assert str(caught.value).isprintable()
    assert str(caught.value).endswith(".")
    assert not caught.value.retryable
    assert len(second.asked(path)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        named(packed(ROWS), "gzip"),
        named(packed(ROWS), "X-GZIP"),
        named(packed(ROWS, wbits=15), "deflate"),
        named(packed(ROWS[:10]) + packed(ROWS[10:]), "gzip"),
        named(ROWS, "identity"),
        named(b"\xef\xbb\xbf" + ROWS, ""),
    ],
)
def test_packed_answers(second, answer):
    """An answer may be packed once, in one piece or in several."""
    second.next("/user", answer)
    with contextlib.closing(bn.connect()) as cloud:
        assert cloud.connection.get("/user") == json.loads(ROWS)


@pytest.mark.parametrize("answer", [named(b"no gzip" * 50_000, "gzip"), named(ROWS, "br")])
def test_a_bad_answer_leaves_no_connection(second, monkeypatch, answer):
    """An answer that is given up before its end closes its connection at once, even while the error is kept."""
    made, connect = [], http._Watched._new_conn
    monkeypatch.setattr(http._Watched, "_new_conn", lambda self: made.append(connect(self)) or made[-1])
    second.next("/user", answer)
    with pytest.raises(requests.RequestException) as caught, http.new_session(second.api_url) as session:
        session.get(http.as_https(f"{second.api_url}/user"))
    assert [connection.fileno() for connection in made] == [-1], caught.value


def test_an_unpacked_answer_takes_little_memory(second):
    """A small answer that would become a large one is given up as soon as it is too long."""
    second.next("/user", named(packed(b"0" * 100_000_000), "gzip"))
    with contextlib.closing(bn.connect()) as cloud:
        cloud.connection.sign_in()
        tracemalloc.start()
        try:
            with pytest.raises(AnswerError, match="more than 32 MB"):
                cloud.connection.get("/user")
            assert tracemalloc.get_traced_memory()[1] < 100e6
        finally:
            tracemalloc.stop()

"""HTTP: https only, no redirects, and failures as sentences."""

import socket
import ssl

import pytest
import requests
from second_cloud import HANG, HANG_IN_BODY, SecondCloud, says

from belimo_nb.client import http, responses
from belimo_nb.demo import DemoCloud
from belimo_nb.errors import (
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
    assert http.secure("http://127.0.0.1:8080/api") == "https://127.0.0.1:8080/api"
    assert http.secure("http://cloud.example.org") == "http://cloud.example.org"
    assert http.secure(URL) == URL


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
            session.get(http.secure(here.api_url) + "/user", headers={"Authorization": "Bearer abc"}, timeout=5)
        assert len(here.requests) == 1
        assert there.requests == []
    error = responses.unreachable(caught.value, here.api_url)
    assert isinstance(error, ApiError)
    assert error.status_code == 302
    assert not error.retryable


def unanswered(url):
    """What becomes of asking an address that gives no good answer."""
    with http.new_session(url) as session, pytest.raises(requests.RequestException) as caught:
        session.get(http.secure(url), timeout=http.TIMEOUT)
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
        (requests.exceptions.ProxyError("no"), "HTTPS_PROXY"),
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
    monkeypatch.setattr(http, "LONGEST", 0.2)
    with DemoCloud(faults=["slow-body:0.1"]) as server, http.new_session(server.url) as session:
        with pytest.raises(requests.RequestException) as caught:
            session.get(http.secure(server.url) + "/api/v3/api-info", timeout=60)
        error = responses.unreachable(caught.value, server.url)
        monkeypatch.setattr(http, "LONGEST", 600)
        server.faults = ["slow-body:0.01"]
        assert session.get(http.secure(server.url) + "/api/v3/api-info", timeout=60).json() == {"version": "3.5.0"}
    assert type(error) is TimedOut
    assert "did not come to the end of its answer within" in str(error)

"""Requests to the API: paced, patient, signed in once for all threads, and checked."""

import contextlib
import dataclasses
import logging
import threading

import pytest
import requests
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from second_cloud import (
    CLIENT_SECRET,
    DROP,
    HANG,
    HANG_IN_BODY,
    PASSWORD,
    SecondCloud,
    cut,
    page_of_html,
    says,
    truncated,
)

import belimo_nb as bn
from belimo_nb import settings
from belimo_nb.client import http, retries
from belimo_nb.client.auth import Authenticator
from belimo_nb.client.transport import MAX_IN_FLIGHT, RateLimit, Transport
from belimo_nb.errors import (
    AnswerError,
    ApiError,
    CloudError,
    ConnectionFailed,
    RateLimited,
    ServerError,
    SettingsError,
    SignInError,
    TimedOut,
    UsageError,
)


@pytest.fixture
def transport(second):
    """A transport to the second cloud."""
    found = settings.load()
    with contextlib.closing(Transport(found, Authenticator(found))) as made:
        yield made


def test_get(transport, second):
    """A path and a query come back as the API's object; the token travels in its header only."""
    body = transport.get("/devices", {"limit": 5, "search": "Lüftung & Co"})
    assert body["paging"]["total"] == 0
    (request,) = second.asked("/devices")
    assert request.query == {"limit": "5", "search": "Lüftung & Co"}
    assert request.headers["Authorization"] == "Bearer access-1-of-anna"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"].startswith("belimo-nb/")


def test_a_revoked_token_is_renewed_once(transport, second):
    """A token that ends early costs one refresh and one more try, unseen."""
    transport.get("/user")
    second.revoke()
    assert transport.get("/user")["id"] == "u1"
    assert second.grants == ["password", "refresh_token"]
    assert len(second.asked("/user")) == 3


def test_a_revoked_refresh_token(transport, second):
    """When the refresh token is revoked as well, the password signs in anew."""
    transport.get("/user")
    second.revoke(refresh_tokens=True)
    assert transport.get("/user")["id"] == "u1"
    assert second.grants == ["password", "refresh_token", "password"]


def test_a_token_refused_twice(transport, second):
    """A cloud that refuses the token it has just issued is told so at once, not asked for ever."""
    second.always("/user", says({"error": "invalid_token"}, 401))
    with pytest.raises(SignInError, match="refuses the token it has just issued") as caught:
        transport.get("/user", what="the account")
    assert caught.value.status_code == 401
    assert "the account" in str(caught.value)
    assert len(second.asked("/user")) == 2
    assert len(second.grants) == 2


def test_threads_renew_a_revoked_token_once(transport, second):
    """Eight threads whose token is revoked under them all get their answers, for exactly one renewal."""
    transport.get("/user")
    second.revoke()
    together, results = threading.Barrier(8), []

    def work():
        together.wait()
        results.extend(transport.get("/user")["id"] for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["u1"] * 24
    assert second.grants == ["password", "refresh_token"]


def test_no_more_in_flight_than_allowed(transport, monkeypatch):
    """However many threads ask, the cloud never has more than five requests of ours at a time."""
    busy, most, arrived, lock, go = 0, 0, 0, threading.Lock(), threading.Event()

    class Counted:
        """The places of the transport, which tell when the last thread has come to them."""

        places = transport._slots

        def __enter__(self):
            nonlocal arrived
            with lock:
                arrived += 1
                if arrived == 12:
                    go.set()
            self.places.acquire()

        def __exit__(self, *_):
            self.places.release()

    def ask(*_, **__):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        go.wait(timeout=10)
        with lock:
            busy -= 1
        raise requests.exceptions.InvalidHeader("enough")

    transport.get("/user")
    monkeypatch.setattr(transport, "_slots", Counted())
    monkeypatch.setattr(transport._session, "get", ask)
    monkeypatch.setattr(retries, "MAX_TRIES", 1)
    failures = []

    def work():
        try:
            transport.get("/user")
        except CloudError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == MAX_IN_FLIGHT == 5
    assert arrived == len(failures) == 12


@pytest.mark.parametrize("trouble", [says({}, 500), says({}, 502), says({}, 503), DROP, cut, truncated, says({}, 429)])
def test_passing_trouble(transport, second, waits, trouble):
    """Passing trouble is waited out, unseen."""
    second.next("/user", trouble, trouble)
    assert transport.get("/user")["id"] == "u1"
    assert len(waits) == 2
    assert second.grants == ["password"]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(transport, second, waits, status):
    """`Retry-After` is waited for as long as asked."""
    second.next("/user", says({}, status, Retry_After="7"), says({}, status, Retry_After="11"))
    transport.get("/user")
    assert 7 <= waits[0] < 8
    assert 11 <= waits[1] < 12


@pytest.mark.parametrize(
    ("trouble", "kind", "asked"),
    [
        (says({}, 500), ServerError, 6),
        (says({}, 429), RateLimited, 8),
        (says({}, 429, Retry_After="9999"), RateLimited, 1),
        (DROP, ConnectionFailed, 6),
        (cut, ConnectionFailed, 6),
        (truncated, AnswerError, 6),
        (says(["a list"]), AnswerError, 1),
        (page_of_html(), AnswerError, 1),
        (page_of_html(404), ApiError, 1),
        (says({"message": "Bad request."}, 400), ApiError, 1),
        (says({"message": "No."}, 403), ApiError, 1),
        (says({}, 302, Location="https://elsewhere.example/"), ApiError, 1),
    ],
)
def test_lasting_trouble(transport, second, waits, trouble, kind, asked):
    """Trouble that stays is told, after as many tries as make sense, in one sentence about what was asked."""
    transport.get("/devices/stats")
    second.always("/user", trouble)
    with pytest.raises(kind) as caught:
        transport.get("/user", what="the account")
    assert type(caught.value) is kind
    assert len(second.asked("/user")) == asked
    assert len(waits) == asked - 1
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert "access-1" not in message
    assert second.grants == ["password"]


@pytest.mark.parametrize("status", [200, 204])
def test_empty_bodies(transport, second, waits, status):
    """An answer without a body is no data, however good its status."""
    second.always("/user", dataclasses.replace(says({}, status), body=b""))
    with pytest.raises(AnswerError, match="0 bytes"):
        transport.get("/user")


@pytest.mark.parametrize("answer", [HANG, HANG_IN_BODY])
def test_a_cloud_that_hangs(transport, second, waits, monkeypatch, answer):
    """A cloud that does not answer is given up after two timeouts, with or without a token to renew."""
    transport.get("/devices/stats")
    monkeypatch.setattr(http, "TIMEOUT", (5, 0.05))
    second.always("/user", answer)
    with pytest.raises(TimedOut):
        transport.get("/user")
    assert len(second.heard("/user", 2)) == 2


def test_a_sign_in_that_hangs(transport, second, waits, monkeypatch):
    """A sign-in that hangs is given up after two timeouts as well: patience is not multiplied by patience."""
    monkeypatch.setattr(http, "TIMEOUT", (5, 0.05))
    second.always("/auth/token", HANG)
    with pytest.raises(TimedOut):
        transport.get("/user")
    assert len(second.heard("/auth/token", 2)) == 2
    assert second.asked("/user") == []


def test_a_sign_in_that_is_refused(transport, second, waits):
    """A refused connection at sign-in fails after some seconds of patience in all."""
    second.always("/auth/token", DROP)
    with pytest.raises(ConnectionFailed):
        transport.get("/user")
    assert len(second.grants) == 6
    assert sum(waits) <= 15.5


def test_the_token_stays_at_home(transport, second):
    """A redirect does not take the token to another server, and plain http to another host is never spoken."""
    with SecondCloud() as thief:
        second.next("/user", says({}, 307, Location=thief.api_url + "/user"))
        with pytest.raises(ApiError, match="redirects"):
            transport.get("/user")
        assert thief.requests == []
    reckless = dataclasses.replace(settings.load(), api_url="http://cloud.example.org/api")
    with (
        contextlib.closing(Transport(reckless, Authenticator(settings.load()))) as made,
        pytest.raises(SettingsError, match=r"http://cloud\.example\.org is asked over plain http"),
    ):
        made.get("/user")


@pytest.mark.parametrize("path", ["https://elsewhere.example/x", "definitions/dataprofiles/x", ""])
def test_paths_that_are_none(transport, second, path):
    """A path that an answer gave and that is none of the API's is not followed."""
    with pytest.raises(AnswerError, match="no path of its API"):
        transport.get(path)
    assert second.requests == []


def test_representation(transport):
    """A transport shows where it leads, and no secret."""
    transport.get("/user")
    assert repr(transport).startswith("<Transport to http://127.0.0.1:")
    assert "access" not in repr(transport)


def test_logs_do_not_tell_the_token(transport, second, caplog):
    """At DEBUG no log has the token or a secret, not even when the token is renewed."""
    caplog.set_level(logging.DEBUG)
    transport.get("/user")
    second.revoke()
    transport.get("/devices", {"search": "x"})
    assert any("/user" in record.getMessage() for record in caplog.records)  # urllib3 does talk
    heard = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    for secret in (PASSWORD, CLIENT_SECRET, "access-1", "access-2", "refresh-1"):
        assert secret not in heard


def test_secrets_are_not_in_errors(transport, second, waits):
    """No failure on the way shows a secret, in its words or in what led to it."""
    second.next("/user", says({"message": "no"}, 400), page_of_html(), *[truncated] * 6, *[DROP] * 6)
    for _ in range(4):
        with pytest.raises(CloudError) as caught:
            transport.get("/user")
        told = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__dict__}"
        for secret in (PASSWORD, CLIENT_SECRET, "access-1"):
            assert secret not in told


@hypothesis_settings(max_examples=50)
@given(
    rate=st.one_of(st.integers(1, 20).map(float), st.floats(0.1, 20)),
    pauses=st.lists(st.floats(0, 2), min_size=2, max_size=60),
)
def test_rate_limit(rate, pauses):
    """In no second do more calls begin than the rate allows, and none waits for longer than it must."""
    now, begun = 0.0, []

    def sleep(seconds):
        nonlocal now
        assert seconds >= 0
        now += seconds

    limit = RateLimit(rate, clock=lambda: now, sleep=sleep)
    burst, window = max(1, int(rate)), max(1.0, 1 / rate)
    for pause in pauses:
        now += pause
        arrived = now
        limit.wait()
        free = begun[-burst] + window if len(begun) >= burst else arrived
        assert now == pytest.approx(max(arrived, free))
        begun.append(now)
    within_a_second = [sum(first <= other < first + 0.999 for other in begun) for first in begun]
    assert max(within_a_second) <= burst


def test_no_rate_limit():
    """A rate of 0 lets everything pass at once."""
    limit = RateLimit(0, clock=lambda: 0.0, sleep=lambda _: pytest.fail("it waited"))
    for _ in range(100):
        limit.wait()


def test_rate_limit_over_threads():
    """Threads that ask at the same moment are spread over the seconds, none lost."""
    waited, lock = [], threading.Lock()

    def sleep(seconds):
        with lock:
            waited.append(seconds)

    limit = RateLimit(2, clock=lambda: 100.0, sleep=sleep)
    threads = [threading.Thread(target=limit.wait) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waited) == [1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(
    "path", ["/devices/../user", "/devices/./x", "/devices/..", "/a?b", "/a#b", "/a\\b", "/a\n", "/\ud800"]
)
def test_paths_that_lead_elsewhere(second, path):
    """An id or a reference that would change the path, or that no request can hold, is asked for nowhere."""
    with pytest.raises(AnswerError, match="no path of its API") as caught:
        bn.connect().connection.get(path)
    assert str(caught.value).isprintable()
    assert second.requests == []


def test_a_query_that_is_no_text(second):
    """Half a character in what a user searches for is told as such."""
    with pytest.raises(UsageError, match="is no text"):
        bn.connect().connection.get("/devices", {"search": "\ud83d"})

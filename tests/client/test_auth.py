"""Sign-in: one token for all threads and runs, renewed in time, kept in private, never shown."""

import base64
import contextlib
import dataclasses
import html
import json
import logging
import os
import stat
import subprocess
import sys
import threading
import time
import types
from pathlib import Path
from urllib.parse import quote, quote_plus

import platformdirs
import pytest
from locks_places import put
from second_cloud import CLIENT_SECRET, DROP, PASSWORD, TOKEN, USERNAME, SecondCloud, cut, page_of_html, says, truncated

from belimo_nb import settings
from belimo_nb.client import auth
from belimo_nb.client.auth import Authenticator
from belimo_nb.client.token_file import STALE
from belimo_nb.errors import (
    AnswerError,
    ApiError,
    BelimoError,
    ConnectionFailed,
    RateLimited,
    ServerError,
    SettingsError,
    SignInError,
)

POSIX = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


def new():
    """An authenticator as a new process would make it."""
    return Authenticator(settings.load())


def token_file():
    """The one file of tokens."""
    (path,) = Path(platformdirs.user_cache_dir("belimo-nb", appauthor=False)).iterdir()
    return path


def test_password_sign_in(second):
    """The first token comes by the password grant, everything in the body, special characters intact."""
    assert new().access_token() == "access-1-of-anna"
    (request,) = second.asked(TOKEN)
    assert request.method == "POST"
    assert request.query == {}
    assert "Authorization" not in request.headers
    assert request.form == {
        "grant_type": "password",
        "username": USERNAME,
        "password": PASSWORD,
        "client_id": second.environment()["BELIMO_CLIENT_ID"],
        "client_secret": CLIENT_SECRET,
        "audience": second.environment()["BELIMO_AUDIENCE"],
        "scope": "public.read offline_access read:dataprofile",
    }


def test_oauthlib_is_not_relaxed(second):
    """Loopback without https works with oauthlib's process-wide switch untouched."""
    new().access_token()
    assert "OAUTHLIB_INSECURE_TRANSPORT" not in os.environ


def test_the_token_is_asked_for_once(second):
    """One sign-in serves as long as the token lives."""
    authenticator = new()
    assert {authenticator.access_token() for _ in range(5)} == {"access-1-of-anna"}
    assert second.grants == ["password"]


@pytest.mark.slow
def test_the_token_is_kept_for_the_next_run(second):
    """A second run, even in another process, signs in without a request."""
    new().access_token()
    assert new().access_token() == "access-1-of-anna"
    imports = "from belimo_nb import settings; from belimo_nb.client import auth"
    script = f"{imports}; print(auth.Authenticator(settings.load()).access_token())"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "access-1-of-anna"
    assert second.grants == ["password"]


@POSIX
def test_the_file_is_private(second):
    """The token lies in a file of mode 0600 in a folder of mode 0700; the password lies nowhere."""
    before = os.umask(0)
    try:
        new().access_token()
    finally:
        os.umask(before)
    path = token_file()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    kept = path.read_text(encoding="utf-8")
    assert set(json.loads(kept)) == {"access_token", "refresh_token", "renew_at"}
    assert PASSWORD not in kept
    assert CLIENT_SECRET not in kept
    assert USERNAME not in path.name


@POSIX
def test_the_file_is_private_from_the_start(second, monkeypatch):
    """At no moment is there a file that others can read: it is created 0600 and then put in place at once."""
    modes = []
    real = Path.replace

    def spy(self, target):
        modes.append(stat.S_IMODE(self.stat().st_mode))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", spy)
    new().access_token()
    assert modes == [0o600]


@POSIX
def test_a_folder_that_others_can_use(second):
    """A folder that was there before, open to others, is closed: they could put a token of theirs into it."""
    folder = Path(platformdirs.user_cache_dir("belimo-nb", appauthor=False))
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    new().access_token()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@POSIX
def test_a_file_that_others_can_read(second):
    """A token that others may have read is refused, not used."""
    new().access_token()
    token_file().chmod(0o644)
    with pytest.raises(SettingsError, match="can be read by other users"):
        new().access_token()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"access_token": 5}', '{"access_token": "x", "renew_at": "y"}', "\x00\xff"]
)
def test_a_file_that_is_spoilt(second, content):
    """A file that makes no sense costs a sign-in, nothing else, and is replaced."""
    new().access_token()
    token_file().write_text(content, encoding="latin-1")
    assert new().access_token() == "access-2-of-anna"
    assert json.loads(token_file().read_text(encoding="utf-8"))["access_token"] == "access-2-of-anna"


def test_a_folder_that_cannot_be_written(second, isolated):
    """Where nothing can be kept, the sign-in works all the same."""
    (isolated / "file").write_text("", encoding="utf-8")
    authenticator = Authenticator(settings.load(), isolated / "file" / "folder")
    assert authenticator.access_token() == "access-1-of-anna"


def test_each_account_has_its_own_file(second, monkeypatch):
    """The token of one user, client or address is never used for another."""
    new().access_token()
    (second_name,) = second.grants
    monkeypatch.setenv("BELIMO_USERNAME", "berta@example.org")
    with pytest.raises(SignInError):
        new().access_token()
    assert second.grants == [second_name, "password"]


@POSIX
def test_old_files_are_removed(second):
    """Tokens that have outlived any password are thrown away."""
    new().access_token()
    old, recent = token_file().with_name("token-0.json"), token_file().with_name("token-1.json")
    now = time.time()
    for path, age in ((old, STALE + 60), (recent, STALE - 3600)):
        path.write_text("{}", encoding="utf-8")
        os.utime(path, (now - age, now - age))
    authenticator = new()
    authenticator.access_token(refused="access-1-of-anna")
    assert not old.exists()
    assert recent.exists()


def test_renewed_ahead_of_its_end(second, clock):
    """A token of 120 s is renewed after 60 s, by its refresh token, which changes each time."""
    authenticator = new()
    authenticator.access_token()
    clock.now += 59
    assert authenticator.access_token() == "access-1-of-anna"
    clock.now += 2
    assert authenticator.access_token() == "access-2-of-anna"
    clock.now += 61
    assert authenticator.access_token() == "access-3-of-anna"
    assert second.grants == ["password", "refresh_token", "refresh_token"]
    tokens = [request.form.get("refresh_token") for request in second.asked(TOKEN)]
    assert tokens == [None, "refresh-1-of-anna", "refresh-2-of-anna"]
    assert PASSWORD not in str(second.asked(TOKEN)[1:])
    assert "refresh-3-of-anna" in token_file().read_text(encoding="utf-8")


def test_tokens_of_a_short_life(second, clock):
    """Tokens that live no longer than our margin are used for half their life, not renewed for every request."""
    second.token_lifetime = 20
    authenticator = new()
    assert {authenticator.access_token() for _ in range(3)} == {"access-1-of-anna"}
    clock.now += 11
    assert authenticator.access_token() == "access-2-of-anna"


def test_tokens_that_do_not_say_how_long_they_live(second, clock):
    """Without `expires_in` a token is taken to live an hour."""
    second.token_lifetime = None
    authenticator = new()
    authenticator.access_token()
    clock.now += 3500
    assert authenticator.access_token() == "access-1-of-anna"
    clock.now += 100
    assert authenticator.access_token() == "access-2-of-anna"


def test_an_answer_without_refresh_token_keeps_the_old(second, clock):
    """A server that does not rotate refresh tokens leaves out the field: the old one stays good."""
    second.always(
        TOKEN, lambda _, answer: says({k: v for k, v in answer.json.items() if k != "refresh_token" or "-1-" in v})
    )
    authenticator = new()
    authenticator.access_token()
    clock.now += 61
    authenticator.access_token()
    assert "refresh-1-of-anna" in token_file().read_text(encoding="utf-8")


def test_renewed_by_another_process(second, clock):
    """A token that another process has just renewed is taken over without a request."""
    mine, other = new(), new()
    mine.access_token()
    other.access_token()
    clock.now += 61
    assert other.access_token() == "access-2-of-anna"
    assert mine.access_token() == "access-2-of-anna"
    assert second.grants == ["password", "refresh_token"]


def test_signing_in_anew(second, monkeypatch):
    """A sign-in by demand asks the cloud, whatever token is kept: credentials that went bad do not look good."""
    new().access_token()
    authenticator = new()
    authenticator.sign_in()
    assert authenticator.access_token() == "access-2-of-anna"
    assert new().access_token() == "access-2-of-anna"
    monkeypatch.setenv("BELIMO_PASSWORD", "changed meanwhile")
    with pytest.raises(SignInError):
        new().sign_in()
    assert second.grants == ["password"] * 3


def test_a_refused_token_is_renewed_once(second):
    """A token that the cloud refuses is renewed; who asks with the refused one again gets the new one."""
    authenticator = new()
    first = authenticator.access_token()
    assert authenticator.access_token(refused=first) == "access-2-of-anna"
    assert authenticator.access_token(refused=first) == "access-2-of-anna"
    assert second.grants == ["password", "refresh_token"]


def test_a_refused_refresh_token_leads_to_the_password(second):
    """When the refresh token has ended, too, the password signs in anew."""
    authenticator = new()
    first = authenticator.access_token()
    second.revoke(refresh_tokens=True)
    assert authenticator.access_token(refused=first) == "access-2-of-anna"
    assert second.grants == ["password", "refresh_token", "password"]


@pytest.mark.parametrize("refusal", [says({"message": "Not found"}, 404), page_of_html(404), says([], 200)])
def test_any_refusal_of_a_refresh_leads_to_the_password(second, refusal):
    """A refresh that is refused without the standard's words is refused as well."""
    authenticator = new()
    first = authenticator.access_token()
    second.next(TOKEN, refusal)
    assert authenticator.access_token(refused=first) == "access-2-of-anna"


def test_a_refresh_that_fails_for_now_is_no_refusal(second, waits):
    """While the server is down the refresh token is kept, and the password is not sent again."""
    authenticator = new()
    first = authenticator.access_token()
    second.next(TOKEN, *[says({}, 500)] * 6)
    with pytest.raises(ServerError):
        authenticator.access_token(refused=first)
    assert authenticator.access_token(refused=first) == "access-2-of-anna"
    assert second.grants == ["password"] + ["refresh_token"] * 7


@pytest.mark.parametrize(
    "trouble",
    [
        says({}, 500),
        says({}, 503, Retry_After="3"),
        says({}, 429, Retry_After="3"),
        DROP,
        cut,
        truncated,
        says("", 502),
    ],
)
def test_passing_trouble(second, waits, trouble):
    """Passing trouble at the token endpoint is waited out."""
    second.next(TOKEN, trouble, trouble)
    assert new().access_token().startswith("access-")
    assert len(second.grants) == 3
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("trouble", "kind", "words"),
    [
        (says({"error": "temporarily_unavailable"}, 503), ServerError, "503"),
        (says({}, 429), RateLimited, "fewer requests"),
        (DROP, ConnectionFailed, "127.0.0.1"),
        (page_of_html(), AnswerError, "a web page instead of a token; check BELIMO_TOKEN_URL"),
        (page_of_html(404), AnswerError, "check BELIMO_TOKEN_URL"),
        (says({"message": "Not found"}, 404), AnswerError, "BELIMO_TOKEN_URL is the token endpoint"),
        (says({"token_type": "Bearer"}), AnswerError, "BELIMO_TOKEN_URL is the token endpoint"),
        (says({"access_token": ""}), AnswerError, "makes no sense"),
        (says({"access_token": 5}), AnswerError, "makes no sense"),
        (says({"access_token": "x", "expires_in": "soon"}), AnswerError, "makes no sense"),
        (says({"access_token": "x", "expires_in": -5}), AnswerError, "makes no sense"),
        (says({"access_token": "x", "expires_in": [1]}), AnswerError, "makes no sense"),
        (says(["x"]), AnswerError, "a JSON list"),
        (says({}, 302, Location="/elsewhere"), ApiError, "redirects"),
        (says({"error": "invalid_client"}, 401), SignInError, "check BELIMO_CLIENT_ID and BELIMO_CLIENT_SECRET"),
        (says({"error": "invalid_grant"}, 403), SignInError, "check BELIMO_USERNAME and BELIMO_PASSWORD"),
        (says({"error": "invalid_scope"}, 400), SignInError, "check BELIMO_SCOPE"),
        (says({"error": "access_denied"}, 403), SignInError, "BELIMO_AUDIENCE"),
        (says({"error": "mfa_required"}, 403), SignInError, "mfa_required"),
    ],
)
def test_lasting_trouble(second, waits, trouble, kind, words):
    """Trouble that stays is told as its own kind of error, in one sentence without a secret."""
    second.always(TOKEN, trouble)
    with pytest.raises(kind) as caught:
        new().access_token()
    message = str(caught.value)
    assert words in message
    assert message.endswith(".")
    assert "\n" not in message
    assert PASSWORD not in message
    assert CLIENT_SECRET not in message
    if kind is SignInError:
        assert caught.value.status_code == trouble.status
        assert len(second.grants) == 1
        assert "from the " in message  # where the value at fault was set


def test_fewer_scopes_than_asked(second):
    """A token for fewer scopes than asked is good for those."""
    second.next(TOKEN, lambda _, answer: says({**answer.json, "scope": "public.read"}))
    assert new().access_token() == "access-1-of-anna"


def test_a_redirected_sign_in(second):
    """The password does not travel to where the token endpoint points."""
    with SecondCloud() as thief:
        second.next(TOKEN, says({}, 307, Location=thief.token_url), says({}, 302, Location=thief.token_url))
        for _ in range(2):
            with pytest.raises(ApiError, match="redirects"):
                new().access_token()
        assert thief.requests == []


def test_plain_http_for_another_host(second, monkeypatch):
    """A session refuses to sign in over plain http elsewhere, even with oauthlib's switch and made-up settings."""
    reckless = dataclasses.replace(settings.load(), token_url="http://id.example.org/oauth/token")
    with pytest.raises(SettingsError, match="https"):
        Authenticator(reckless).access_token()
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with pytest.raises(SettingsError, match="https"):
        Authenticator(reckless).access_token()


def in_threads(count, call):
    """What `count` threads get that make the same call at the same time: values and errors."""
    barrier, results = threading.Barrier(count), []

    def work():
        barrier.wait()
        try:
            results.append(call())
        except BelimoError as error:
            results.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_threads_share_one_renewal(second):
    """Eight threads whose token is refused at once renew it once."""
    authenticator = new()
    first = authenticator.access_token()
    assert in_threads(8, lambda: authenticator.access_token(refused=first)) == ["access-2-of-anna"] * 8
    assert second.grants == ["password", "refresh_token"]


def test_threads_share_one_failure(second, waits):
    """Threads that waited for a sign-in that failed do not repeat it one after the other."""
    authenticator = new()
    arrived = threading.Semaphore(0)
    real = auth.time.monotonic

    def monotonic():
        arrived.release()
        return real()

    def refuse(_, answer):
        for _ in range(8):  # answer when all eight have asked for the token
            arrived.acquire(timeout=10)
        return says({"error": "invalid_grant"}, 403)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "time", types.SimpleNamespace(time=auth.time.time, monotonic=monotonic))
        second.next(TOKEN, refuse)
        found = in_threads(8, authenticator.access_token)
    assert [type(error) for error in found] == [SignInError] * 8
    assert len({id(error) for error in found}) == 8  # each thread has its own to raise
    assert second.grants == ["password"]
    assert authenticator.access_token().startswith("access-")  # a later call tries again


def test_representation(second):
    """An authenticator shows the account and its state, and no secret."""
    authenticator = new()
    assert "not signed in" in repr(authenticator)
    authenticator.access_token()
    assert repr(authenticator).endswith("signed in>")
    for secret in (PASSWORD, CLIENT_SECRET, "access-1", "refresh-1"):
        assert secret not in repr(authenticator)


def test_logs_do_not_tell_secrets(second, waits, caplog):
    """At DEBUG, with every library talking, no log has a secret: not at sign-in, at refresh or at a refusal."""
    caplog.set_level(logging.DEBUG)
    for name in ("oauthlib", "requests_oauthlib", "requests_oauthlib.oauth2_session", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    authenticator = new()
    first = authenticator.access_token()
    authenticator.access_token(refused=first)
    second.revoke(refresh_tokens=True)
    authenticator.access_token(refused="access-2-of-anna")
    second.next(TOKEN, *[says({"error": "invalid_grant"}, 403)] * 2)
    with contextlib.suppress(SignInError):
        authenticator.access_token(refused="access-3-of-anna")
    assert any(record.name.startswith("urllib3") for record in caplog.records)  # the libraries do talk
    heard = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    for secret in (PASSWORD, CLIENT_SECRET, "access-1", "access-2", "access-3", "refresh-1", "refresh-2"):
        assert secret not in heard


def test_others_may_log_their_own_sign_in(caplog):
    """Our discretion is for our own sign-in: another user of the library in the same process logs as before."""
    logger = logging.getLogger("requests_oauthlib.oauth2_session")
    caplog.set_level(logging.DEBUG, logger=logger.name)
    logger.debug("someone else's")
    assert "someone else's" in caplog.text


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
@pytest.mark.parametrize("token", ["a\nb", "a\rX: y", "a b", "ä", "\ud83d", "\x1b[31m", "a\0", "x" * 20_000, {"a": 1}])
def test_tokens_that_no_header_holds(second, caplog, token, name):
    """Such a token is refused before a library gets it: it is in no message and no log, and is not kept."""
    caplog.set_level(logging.DEBUG)
    second.always(TOKEN, lambda _, answer: says({**answer.json, name: token}))
    with pytest.raises(AnswerError, match="a token that makes no sense") as caught:
        new().access_token()
    assert str(token) not in str(caught.value)
    assert str(token) not in caplog.text
    assert not list(Path(platformdirs.user_cache_dir("belimo-nb", appauthor=False)).glob("token-*"))


def test_a_kept_token_that_no_header_holds(second):
    """A token file that an earlier version wrote so is not used, and costs a sign-in."""
    new().access_token()
    kept = json.loads(token_file().read_text(encoding="utf-8"))
    token_file().write_text(json.dumps(kept | {"access_token": "a\nb"}), encoding="utf-8")
    assert new().access_token() == "access-2-of-anna"


def test_a_token_belongs_to_both_addresses(second, monkeypatch):
    """A token that was issued for one API is not sent to another."""
    new().access_token()
    monkeypatch.setenv("BELIMO_API_URL", "https://other.invalid/api")
    assert new().access_token() == "access-2-of-anna"


def test_a_reason_with_secrets(second, monkeypatch):
    """A server's words are told without control characters and without any secret that is in use."""
    said = f"no \x1b[31m{PASSWORD} {CLIENT_SECRET}\ud83d"
    second.always(TOKEN, says({"error": said}, 403))
    with pytest.raises(SignInError) as caught:
        new().access_token()
    assert str(caught.value).isprintable()
    assert PASSWORD not in str(caught.value)
    assert CLIENT_SECRET[:20] not in str(caught.value)


@pytest.mark.parametrize(
    "form",
    [
        " ".join,
        lambda words: json.dumps("  ".join(words))[1:-1],
        lambda words: quote("  ".join(words)),
        lambda words: quote("  ".join(words), safe="").lower(),
        lambda words: quote_plus("  ".join(words)),
        lambda words: html.escape("  ".join(words)),
        lambda words: base64.b64encode("  ".join(words).encode()).decode(),
    ],
)
def test_a_reason_with_the_password_in_another_form(second, monkeypatch, form):
    """Escaped for HTML, JSON or a URL, encoded, or with its blanks put together, it is as secret."""
    words = ("pä/ss&", "wÖrd+zwei")
    monkeypatch.setenv("BELIMO_PASSWORD", "  ".join(words))
    second.always(TOKEN, says({"error": f"no {form(words)}"}, 403))
    with pytest.raises(SignInError, match=r"\(no \*{8}=*\)"):
        new().access_token()


@pytest.mark.skipif(os.name == "nt", reason="pipes have other names there")
@pytest.mark.parametrize("kind", ["pipe", "folder", "socket"])
def test_a_token_file_that_is_none(second, kind):
    """Something else in the file's place is not waited for: it only costs a sign-in."""
    new().access_token()
    (place,) = Path.home().rglob("token-*.json")
    place.unlink()
    put(kind, place)
    assert new().access_token()
    assert second.grants == ["password", "password"]

"""What comes back over the wire: refusals as sentences, and bodies that must be JSON."""

import email.utils
import types
from datetime import UTC, datetime

import pytest
import requests

from belimo_nb.client import responses
from belimo_nb.errors import AnswerError, ApiError, RateLimited, ServerError

URL = "https://cloud.example.org/api/v3"


def response(status=200, body=b"{}", **headers):
    """An answer from `URL`."""
    made = requests.Response()
    made.status_code, made.url, made._content = status, URL, body
    made.headers.update({"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()})
    return made


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, ApiError, False),
        (403, ApiError, False),
        (404, ApiError, False),
        (304, ApiError, False),
        (429, RateLimited, True),
        (500, ServerError, True),
        (503, ServerError, True),
    ],
)
def test_refusals(status, kind, retryable):
    """Each status is its kind of error, with the status, what was asked, and what to do next."""
    error = responses.refusal(response(status, b'{"message": "Not\\n now."}'), "the account")
    assert type(error) is kind
    assert (error.status_code, error.retryable) == (status, retryable)
    assert "cloud.example.org" in str(error)
    assert "the account" in str(error)
    assert str(status) in str(error)
    assert "; " in str(error)
    assert "\n" not in str(error)
    assert str(error).endswith(".")


@pytest.mark.parametrize("status", [200, 204])
def test_no_refusal(status):
    """Good answers are no errors."""
    assert responses.refusal(response(status), "the account") is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "x", "error_description": "The reason."}', "400: The reason)"),
        (b'{"message": "Bad from.", "error": 5}', "400: Bad from)"),
        (b'{"error": {"code": 1}}', "(400)"),
        (b'["no"]', "(400)"),
        (b"<html>", "(400)"),
        (b'{"message": "' + b"x" * 5000 + b'"}', "x" * 100 + ")"),
    ],
)
def test_what_the_server_said(body, said):
    """The server's own reason is repeated, on one line and not at any length."""
    assert said in str(responses.refusal(response(400, body), "it"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("0", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        (email.utils.format_datetime(datetime(2018, 12, 1, 0, 0, 30, tzinfo=UTC), usegmt=True), 30),
        (email.utils.format_datetime(datetime(2018, 11, 1, tzinfo=UTC), usegmt=True), 0),
    ],
)
def test_retry_after(monkeypatch, text, seconds):
    """`Retry-After` is read as a number of seconds or as a date, and nonsense is passed over."""
    clock = types.SimpleNamespace(time=datetime(2018, 12, 1, tzinfo=UTC).timestamp)
    monkeypatch.setattr(responses, "time", clock)
    assert responses.refusal(response(429, Retry_After=text), "it").retry_after == seconds


@pytest.mark.parametrize(
    ("body", "kind", "words", "retryable"),
    [
        (b"<html>", "text/html;charset=UTF-8", "a web page instead of the account; check BELIMO_API_URL", False),
        (b"", "application/json", "0 bytes (application/json) that are no JSON", True),
        (b'{"data": [1, 2', "application/json", "14 bytes (application/json) that are no JSON", True),
        (b"\xff\xfe\x00", "application/json", "no JSON", True),
        (b"<html>", "application/json", "no JSON", True),
        (b"[]", "application/json", "a JSON list instead of an object", False),
        (b"null", "application/json", "a JSON null instead of an object", False),
    ],
)
def test_bodies_that_are_no_object(body, kind, words, retryable):
    """Anything but a JSON object is an error that says what came instead."""
    with pytest.raises(AnswerError) as caught:
        responses.json_object(response(200, body, Content_Type=kind), "the account")
    assert words in str(caught.value)
    assert caught.value.retryable is retryable


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/problem+json"])
def test_a_wrong_content_type(kind):
    """JSON is JSON, whatever it is called."""
    assert responses.json_object(response(200, b'{"a": 1}', Content_Type=kind), "it") == {"a": 1}


@pytest.mark.parametrize("ahead", [-86400, 0, 86400])
def test_a_date_to_come_again_is_one_of_the_clouds_clock(ahead):
    """However wrong the clock of either side is, the wait is what the cloud meant."""
    now = datetime(2018, 12, 1, tzinfo=UTC).timestamp() + ahead
    dates = {"Date": email.utils.formatdate(now, usegmt=True), "Retry_After": email.utils.formatdate(now + 7)}
    assert responses.refusal(response(429, **dates), "it").retry_after == 7


def test_json_is_utf_8_whatever_it_calls_itself():
    """Plain text would be Latin-1 to requests, and Zürich something else."""
    made = response(body='{"city": "Zürich"}'.encode(), Content_Type="text/plain")
    made.encoding = "ISO-8859-1"
    assert responses.json_object(made, "it") == {"city": "Zürich"}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (rb'{"name": "a\ud83d"}', {"name": "a�"}),
        (rb'{"a\uDE00b": ["\ud83d\ude00", {"x": "\udfff\ud800"}]}', {"a�b": ["😀", {"x": "��"}]}),
        (rb'{"name": "\\ud83d"}', {"name": "\\ud83d"}),
    ],
)
def test_halves_of_characters(body, found):
    """A half becomes the sign for what cannot be shown, since no file and no request can hold it; pairs stay."""
    assert responses.json_object(response(200, body), "it") == found


def test_a_half_in_raw_bytes():
    """Bytes that are no UTF-8 are no JSON."""
    with pytest.raises(AnswerError, match="no JSON"):
        responses.json_object(response(200, b'{"name": "\xed\xa0\xbd"}'), "it")

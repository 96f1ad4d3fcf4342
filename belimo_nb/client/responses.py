"""Checks of HTTP answers, and failures as our errors."""

from __future__ import annotations

import email.utils
import functools
import json
import re
import socket
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

import requests

from belimo_nb.client import http
from belimo_nb.client.surroundings import proxy_setting
from belimo_nb.errors import (
    AnswerError,
    ApiError,
    CloudError,
    ConnectionFailed,
    RateLimited,
    ServerError,
    TimedOut,
    whole_letters,
)
from belimo_nb.quantities import plural
from belimo_nb.settings.secret import MASK, masked

MAX_ANSWER_VALUES = 1_000_000  # values of an answer's JSON; the largest of a good cloud has 600,000
TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

HINTS = {403: "check BELIMO_SCOPE and what this account may see", 404: "check BELIMO_API_URL and the id"}


def unreachable(error: requests.RequestException, url: str) -> CloudError:
    """The error for a request that got no answer, told apart by its cause."""
    host = urlsplit(url).netloc
    causes = tuple(_causes(error))
    because_of = functools.partial(_is_among, causes)
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return ApiError(
            f"{host} redirects requests, and redirects are not followed; check BELIMO_API_URL and BELIMO_TOKEN_URL.",
            status_code=error.response.status_code if error.response is not None else None,
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return _proxy_failed(causes, host)
    if isinstance(error, requests.exceptions.SSLError) and not because_of(ssl.SSLCertVerificationError):
        return ConnectionFailed(f"{host} does not speak https as it should; check the address.")
    if isinstance(error, requests.exceptions.SSLError):
        return ConnectionFailed(
            f"The certificate of {host} is not trusted, so nothing was sent; check the address, the clock of this "
            "machine, and whether a proxy stands in between, whose certificates REQUESTS_CA_BUNDLE has to name."
        )
    if isinstance(error, http.AnswerTooSlow):
        limit = f"{http.MAX_ANSWER_SECONDS:g} seconds"
        return TimedOut(
            f"{host} did not come to the end of its answer within {limit}; try again later.", retryable=True
        )
    if isinstance(error, http.AnswerTooLarge):
        return AnswerError(
            f"{host} gave {error}; nothing of it is used: check the address, or report it to the vendor."
        )
    # A body that stops coming is a ConnectionError to requests, with the timeout among its causes.
    if isinstance(error, requests.exceptions.Timeout) or because_of(TimeoutError):
        waited = http.TIMEOUT[0] if isinstance(error, requests.exceptions.ConnectTimeout) else http.TIMEOUT[1]
        return TimedOut(
            f"{host} did not answer within {waited:g} seconds; try again later, or check the address.", retryable=True
        )
    if isinstance(error, requests.exceptions.ContentDecodingError):
        sentence = (
            f"{host} gave an answer that cannot be unpacked; try again, or ask who runs the network whether a proxy "
            "changes it."
        )
    elif isinstance(error, requests.exceptions.ChunkedEncodingError):
        sentence = f"The connection to {host} broke off in the middle of an answer; try again."
    elif because_of(socket.gaierror):
        sentence = f"No host named {urlsplit(url).hostname!r} can be found; check the address and the network."
    elif because_of(ConnectionRefusedError):
        sentence = f"{host} refuses connections; check the address, or try again later."
    else:
        sentence = f"The connection to {host} failed ({type(error).__name__}); try again."
    return ConnectionFailed(sentence, retryable=True)


def _proxy_failed(causes: Sequence[BaseException], host: str) -> ConnectionFailed:
    """The error for a proxy that does not lead to the host."""
    setting = proxy_setting()
    status = next((found[1] for cause in causes if (found := TUNNEL.search(str(cause)))), "")
    wrong = True
    if status == "407":
        sentence = (
            f"The proxy for {host} asks for a user name and password, or refuses those it got (407); write them in "
            f"{setting} as http://name:password@host:port."
        )
    elif status:
        sentence = f"The proxy for {host} does not lead there ({status}); check {setting}, or ask who runs the network."
        wrong = status.startswith("4")
    elif _is_among(causes, ssl.SSLCertVerificationError):
        sentence = (
            f"The certificate of the proxy for {host} is not trusted, so nothing was sent; name its certificates in "
            f"REQUESTS_CA_BUNDLE, or check {setting}."
        )
    elif _is_among(causes, ssl.SSLError):
        sentence = f"The proxy for {host} does not speak https; write its address in {setting} as http://host:port."
    elif _is_among(causes, socket.gaierror):
        sentence = f"The proxy for {host} cannot be found; check the host that {setting} names, and the network."
    else:
        sentence = f"The proxy for {host} cannot be reached; check host and port that {setting} names, or try again."
        wrong = False
    failed = ConnectionFailed(sentence, retryable=not wrong)
    failed.of_proxy = True
    return failed


def _is_among(causes: Sequence[BaseException], kind: type[BaseException]) -> bool:
    return any(isinstance(cause, kind) for cause in causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it."""
    # requests and urllib3 keep causes in four places: the two of Python, `reason`, and their arguments.
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def refusal(response: requests.Response, what: str) -> CloudError | None:
    """The error for an HTTP status, or None if it is good; `what` was asked for, in words."""
    status = response.status_code
    host = urlsplit(response.url).netloc
    if 200 <= status < 300:
        return None
    if status == 429:
        return RateLimited(
            f"{host} asks for fewer requests (429) and did not give {what}; lower BELIMO_RATE, or try again later.",
            status_code=status,
            retry_after=_retry_after(response),
            retryable=True,
        )
    if status >= 500:
        return ServerError(
            f"{host} failed on its side ({status}) and did not give {what}; try again later.",
            status_code=status,
            retry_after=_retry_after(response),
            retryable=True,
        )
    said = reason(response)
    hint = HINTS.get(status, "check what was asked for")
    told = f"{status}: {said}" if said else str(status)
    return ApiError(f"{host} refused to give {what} ({told}); {hint}.", status_code=status)


class _TooMuch(ValueError):
    """JSON that would take more memory than any good answer needs."""


def _json(response: requests.Response) -> Any:
    # JSON is UTF-8; requests would read it as Latin-1 where the server calls it text.
    text = response.content.decode("utf-8-sig")
    # Three bytes of JSON can become an object of seventy, and one emoji makes four bytes of each letter.
    if sum(map(text.count, "[{,")) > MAX_ANSWER_VALUES or sys.getsizeof(text) > 2 * http.MAX_ANSWER_BYTES:
        raise _TooMuch
    return whole_letters(json.loads(text)) if SURROGATE.search(text) else json.loads(text)


def reason(response: requests.Response) -> str:
    """The server's own reason for a refusal, on one line; "" without one."""
    try:
        body = _json(response)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    words = [body.get(key) for key in ("error_description", "message", "reason", "error")]
    said = next((word for word in words if isinstance(word, str) and word), "")
    sent = response.request.headers.get("Authorization", "") if response.request is not None else ""
    if sent:
        said = said.replace(str(sent).rpartition(" ")[2], MASK)  # a server may quote the token
    return masked(" ".join(said.split()))[:100].rstrip(".")


def _retry_after(response: requests.Response) -> float | None:
    """``Retry-After`` in seconds, which may be a number or a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    # A date is by the cloud's clock, which the answer's Date tells: that of this machine may be a day off.
    moment, now = _date(text), _date(response.headers.get("Date", ""))
    return None if moment is None else max(0.0, moment - (time.time() if now is None else now))


def _date(text: str) -> float | None:
    """Parse a header's date to seconds since 1970; None if it is none."""
    try:
        found = email.utils.parsedate_to_datetime(text)
        # "-0000" says nothing of a zone: HTTP's dates are UTC, whatever this machine's zone is.
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).timestamp()
    except (ValueError, OverflowError):
        return None


def json_object(response: requests.Response, what: str, setting: str = "BELIMO_API_URL") -> dict[str, Any]:
    """Parse the answer's body, which must be a JSON object; `what` and `setting` are for messages.

    Raises:
        AnswerError: It is HTML, cut off, empty, or something else.
    """
    host = urlsplit(response.url).netloc
    kind = response.headers.get("Content-Type", "no type").split(";")[0]
    wrong = functools.partial(AnswerError, status_code=response.status_code)
    try:
        body = _json(response)
    except _TooMuch:
        raise wrong(
            f"{host} gave more than {MAX_ANSWER_VALUES:,} values for {what}, which none should have; nothing of it is "
            f"used: check {setting}, or ask the vendor."
        ) from None
    except (ValueError, RecursionError):  # the latter: lists within lists within lists
        if "html" in kind:
            raise wrong(f"{host} gave a web page instead of {what}; check {setting}.") from None
        raise wrong(
            f"{host} gave {plural(len(response.content), 'byte')} ({kind}) that are no JSON instead of {what}; "
            "try again.",
            retryable=True,
        ) from None
    if not isinstance(body, dict):
        found = "null" if body is None else type(body).__name__
        raise wrong(f"{host} gave a JSON {found} instead of an object for {what}; check {setting}.")
    return body

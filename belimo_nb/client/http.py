"""HTTP sessions for the sign-in, the API and the weather: https only, no redirects, an end to every wait."""

from __future__ import annotations

import io
import time
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from belimo_nb._version import __version__
from belimo_nb.errors import SettingsError
from belimo_nb.settings.addresses import is_loopback

TIMEOUT = (10.0, 60.0)  # seconds to wait for a connection, and for the next byte of an answer

# requests' own timeout begins anew with each byte, so an answer that trickles in would keep us for days.
MAX_ANSWER_SECONDS = 300.0  # seconds that a whole answer may take
CHUNK_BYTES = 65_536  # bytes of an answer to read at a time


def as_https(url: str) -> str:
    """Rewrite a plain http address of this machine as https; `new_session` sends it as http again."""
    # oauthlib accepts nothing else, see `_LoopbackAdapter`.
    return "https" + url.removeprefix("http") if url.startswith("http://") and is_loopback(url) else url


class AnswerTooSlow(requests.exceptions.ReadTimeout):
    """The answer did not end within `MAX_ANSWER_SECONDS`."""


class _Adapter(HTTPAdapter):
    """Reads the whole answer within `MAX_ANSWER_SECONDS`."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        until = time.monotonic() + MAX_ANSWER_SECONDS
        response = super().send(request, *args, **kwargs)
        response.raw = urllib3.HTTPResponse(
            body=io.BytesIO(_read_all(response.raw, until)),
            headers=response.raw.headers,
            status=response.raw.status,
            reason=response.raw.reason,
            preload_content=False,
        )
        return response


def _read_all(raw: urllib3.HTTPResponse, until: float) -> bytes:
    """Read the body, still compressed; fails with the errors of requests."""
    pieces = []
    try:
        while piece := raw.read1(CHUNK_BYTES, decode_content=False):
            pieces.append(piece)
            if time.monotonic() > until:
                raw.close()
                raise AnswerTooSlow
    except urllib3.exceptions.ProtocolError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from None
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.exceptions.ConnectionError(error) from None
    except urllib3.exceptions.SSLError as error:
        raise requests.exceptions.SSLError(error) from None
    return b"".join(pieces)


class _LoopbackAdapter(_Adapter):
    """Sends https addresses of this machine as plain http."""

    # oauthlib refuses plain http unless OAUTHLIB_INSECURE_TRANSPORT turns its check off for the whole process, and so
    # for every host. This adapter is mounted on one address of one session instead (decision 2).

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = "http" + (request.url or "").removeprefix("https")
        return super().send(request, *args, **kwargs)


class _RefusePlainHttp(HTTPAdapter):
    # Addresses are checked when settings are read; this holds even where a library builds an address of its own.
    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        raise SettingsError(f"{_origin(request.url or '')} is asked over plain http; use an https address.")


def new_session(url: str, session: requests.Session | None = None) -> requests.Session:
    """A session (or `session`, set up the same) with https only, except to `url` if it is http on this machine."""
    session = requests.Session() if session is None else session
    session.headers["User-Agent"] = f"belimo-nb/{__version__}"
    session.headers["Accept"] = "application/json"
    session.max_redirects = 0  # a redirect would carry the password, which opens a building's heating, anywhere
    session.mount("http://", _RefusePlainHttp())
    session.mount("https://", _Adapter(pool_maxsize=16))  # above the 5 requests in flight
    if is_loopback(url):
        session.trust_env = False  # a proxy cannot reach this machine's own servers
        if url.startswith("http://"):
            session.mount(f"https://{urlsplit(url).netloc}/", _LoopbackAdapter(pool_maxsize=16))
    return session


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else url

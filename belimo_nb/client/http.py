"""HTTP sessions as the sign-in, the API and the weather need them.

What travels here opens a building's heating, so a session speaks https only, except to this very machine; it follows
no redirects and takes no credentials from `.netrc`.
"""

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

__all__ = ["LONGEST", "TIMEOUT", "TooLong", "new_session", "secure"]

TIMEOUT = (10.0, 60.0)
"""Seconds to wait for a connection, and for the next byte of an answer."""

LONGEST = 300.0
"""Seconds that an answer may take in all: one that comes byte by byte would keep us for days."""

PIECE = 65_536
"""Bytes of an answer to read at a time, at most."""


def secure(url: str) -> str:
    """The address as https, for libraries that accept nothing else; `new_session` sends loopback ones as http."""
    return "https" + url.removeprefix("http") if url.startswith("http://") and is_loopback(url) else url


class TooLong(requests.exceptions.ReadTimeout):
    """The answer came, but slower than anyone can wait for."""


class _Adapter(HTTPAdapter):
    """Reads the whole answer in a time that has an end; a timeout of requests begins anew with each byte."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        until = time.monotonic() + LONGEST
        response = super().send(request, *args, **kwargs)
        response.raw = urllib3.HTTPResponse(
            body=io.BytesIO(_whole(response.raw, until)),
            headers=response.raw.headers,
            status=response.raw.status,
            reason=response.raw.reason,
            preload_content=False,
        )
        return response


def _whole(raw: urllib3.HTTPResponse, until: float) -> bytes:
    """The body as it came, still packed; what fails is told as requests tells it."""
    pieces = []
    try:
        while piece := raw.read1(PIECE, decode_content=False):
            pieces.append(piece)
            if time.monotonic() > until:
                raw.close()
                raise TooLong
    except urllib3.exceptions.ProtocolError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from None
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.exceptions.ConnectionError(error) from None
    except urllib3.exceptions.SSLError as error:
        raise requests.exceptions.SSLError(error) from None
    return b"".join(pieces)


class _LoopbackAdapter(_Adapter):
    """Sends to this machine in plain http what the caller had to name https.

    oauthlib refuses plain http unless a switch in the environment turns its check off for the whole process, and so
    for every host. This adapter is mounted on one address of one session instead.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = "http" + (request.url or "").removeprefix("https")
        return super().send(request, *args, **kwargs)


class _NoPlainHttp(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        raise SettingsError(f"{_place(request.url or '')} is asked over plain http; use an https address.")


def new_session(url: str, session: requests.Session | None = None) -> requests.Session:
    """A session fit for one host (or `session`, made so): https only, but http where `url` is http on this machine."""
    session = requests.Session() if session is None else session
    session.headers["User-Agent"] = f"belimo-nb/{__version__}"
    session.headers["Accept"] = "application/json"
    session.max_redirects = 0  # a redirected sign-in would carry the password to wherever it is sent
    session.mount("http://", _NoPlainHttp())
    session.mount("https://", _Adapter(pool_maxsize=16))
    if is_loopback(url):
        session.trust_env = False  # a proxy cannot reach this machine's own servers
        if url.startswith("http://"):
            session.mount(f"https://{urlsplit(url).netloc}/", _LoopbackAdapter(pool_maxsize=16))
    return session


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else url

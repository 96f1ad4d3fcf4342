"""The base class of all handlers: loopback check, request log, faults, errors as JSON; and the token endpoint."""

import asyncio
import contextlib
import functools
import gzip
import socket
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from belimo_nb.demo.server.encode import json_bytes
from belimo_nb.demo.server.query import ApiError
from belimo_nb.demo.server.spoil import apply_body_faults
from belimo_nb.demo.server.trouble import InjectedFault

if TYPE_CHECKING:
    from belimo_nb.demo.cloud import DemoCloud

_PIECES = 10
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_HTML = (
    b"<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Not the answer you wanted</h1></body></html>"
)
_REFUSALS = {  # fault: status, code and message of the error that comes instead of the answer
    "not-found": (404, "not_found", "it is not there any more"),
    "no-retry-after": (429, "too_many_requests", "too many requests"),
    "too-many-requests": (429, "too_many_requests", "too many requests"),
    "unavailable": (503, "service_unavailable", "the service is unavailable for a moment"),
    "server-error": (500, "internal_server_error", "something went wrong"),
}
_LATER = ("too-many-requests", "unavailable")  # those of them with a Retry-After


class Handler(RequestHandler):
    """Base class of the demo cloud's handlers."""

    allowed = "GET"

    def initialize(self, cloud: "DemoCloud", **options: Any) -> None:
        """Log the request; take the arguments of the route."""
        self.cloud = cloud
        self.faults: dict[str, InjectedFault] = {}
        self.entry = cloud.requests.add(str(self.request.method), self.request.path, self.request.query)

    def prepare(self) -> None:
        """Refuse host names other than the loopback's: a web page could reach the demo by a name of its own."""
        host = self.request.host.rsplit(":", 1)[0] if not self.request.host.endswith("]") else self.request.host
        if host.lower() not in _LOOPBACK:
            message = f"this demo answers on the loopback only, not as {self.request.host!r}"
            self.refuse(ApiError(403, "forbidden", message))

    def set_default_headers(self) -> None:
        """Set the name of the server."""
        self.set_header("Server", "belimo-nb-demo")

    def compute_etag(self) -> None:
        """Send no ETag, as the live cloud does."""

    async def apply_faults(self) -> bool:
        """Wait for the latency, then apply the faults that replace the answer; False if one did."""
        await asyncio.sleep(self.cloud.latency)
        self.faults = self.cloud.injector.hits(self.request.path)
        if fault := self.faults.get("slow"):
            await asyncio.sleep(fault.seconds)
        if "drop-connection" in self.faults:
            await self.drop_connection(b"")
        elif refusal := next((name for name in _REFUSALS if name in self.faults), None):
            error, seconds = _REFUSALS[refusal], self.faults[refusal].seconds
            self.refuse(retry_later(*error, seconds) if refusal in _LATER else ApiError(*error))
        elif "bad-gateway" in self.faults:
            self.reply(_HTML, 502, {"Content-Type": "text/html"})
        else:
            return True
        return False

    async def send_body(self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a body, changed by the faults that hit this request."""
        body = apply_body_faults(body, self.faults)
        if "drop-body" in self.faults:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            await self.drop_connection(head.encode() + body[: len(body) // 2])
        elif "html" in self.faults:
            self.reply(_HTML, 200, {"Content-Type": "text/html"})
        elif found := next((_SPOILED[name] for name in _SPOILED if name in self.faults), None):
            self.reply(found[0](body), status, {**(headers or {}), **found[1]})
        elif fault := self.faults.get("slow-headers"):
            await self.send_endlessly(_OK, fault.seconds)
        elif fault := self.faults.get("slow-trailers"):
            chunk = b"%x\r\n%s\r\n0\r\n" % (len(body), body)
            await self.send_endlessly(_OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunk, fault.seconds)
        elif fault := self.faults.get("slow-body"):
            await self.send_slowly(body, status, headers or {}, fault.seconds)
        else:
            self.reply(body, status, headers)

    async def send_slowly(self, body: bytes, status: int, headers: Mapping[str, str], seconds: float) -> None:
        """Send a body in ten pieces, with a pause before each."""
        self.entry.status = status
        self.set_status(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.set_header(name, value)
        length = len(body) // _PIECES + 1
        with contextlib.suppress(StreamClosedError):
            await self.flush()
            for begin in range(0, len(body), length):
                await asyncio.sleep(seconds)
                self.write(body[begin : begin + length])
                await self.flush()
            await self.finish()

    async def drop_connection(self, begun: bytes) -> None:
        """Send some bytes and close the connection."""
        stream = self.detach()
        with contextlib.suppress(StreamClosedError, OSError):
            await stream.write(begun)
            # a process forked meanwhile has the socket too: close alone would leave the client waiting
            stream.socket.shutdown(socket.SHUT_RDWR)
        stream.close()

    async def send_endlessly(self, begun: bytes, seconds: float) -> None:
        """Send some bytes, and then lines of a header until the client has had enough."""
        stream = self.detach()
        with contextlib.suppress(StreamClosedError, OSError):
            await stream.write(begun)
            while True:
                await asyncio.sleep(seconds)
                await stream.write(b"X-More: more\r\n")

    def reply(self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer. Its status is logged first: a client that reads the log then finds it there."""
        self.entry.status = status
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.set_header(name, value)
        if fault := self.faults.get("clock-skew"):
            self.set_clock(time.time() + fault.seconds)
        self.finish(body)

    def set_clock(self, now: float) -> None:
        """Date the answer, and turn a Retry-After into a date."""
        self.set_header("Date", formatdate(now, usegmt=True))
        if seconds := self._headers.get("Retry-After"):
            self.set_header("Retry-After", formatdate(now + float(seconds), usegmt=True))

    def refuse(self, error: ApiError) -> None:
        """Send an error as the answer."""
        self.reply(self.error_body(error), error.status, error.headers)

    def error_body(self, error: ApiError) -> bytes:
        """The body of an error."""
        return json_bytes(error.body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send Tornado's own errors, and bugs of the server, in the shape of the others."""
        allow = {"Allow": self.allowed} if status_code == 405 else {}
        phrase = HTTPStatus(status_code).phrase
        message = f"{self.request.method} {self.request.path}: {phrase.lower()}"
        self.refuse(ApiError(status_code, phrase.lower().replace(" ", "_"), message, headers=allow))


def retry_later(status: int, code: str, message: str, seconds: float) -> ApiError:
    """An error with a Retry-After of at least one second."""
    return ApiError(status, code, message, headers={"Retry-After": str(max(1, round(seconds)))})


class NotFound(Handler):
    """Handler of all other paths."""

    def prepare(self) -> None:
        """Answer 404, whatever the method."""
        super().prepare()
        if not self._finished:
            raise HTTPError(404)


class TokenHandler(Handler):
    """The token endpoint."""

    allowed = "POST"

    async def post(self) -> None:
        """Issue or refresh a token."""
        if not await self.apply_faults():
            return
        fault = self.faults.get("expired-token")
        if "refresh-refused" in self.faults:
            self.cloud.tokens.revoke_refresh(self.get_body_argument("refresh_token", ""))
        headers, body, status = self.cloud.authorization.answer(
            str(self.request.uri),
            self.request.body.decode(errors="replace"),
            dict(self.request.headers),
            max(1, round(fault.seconds)) if fault else self.cloud.token_lifetime,
        )
        await self.send_body(body, status, headers)


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 100_000_000, 1)


_GZIP = {"Content-Encoding": "gzip"}
_SPOILED: dict[str, tuple[Callable[[bytes], bytes], dict[str, str]]] = {  # fault: what becomes of a body and headers
    "empty-body": (lambda _: b"", {}),
    "truncated-json": (lambda body: body[: len(body) // 2], {}),
    "wrong-type": (bytes, {"Content-Type": "text/plain"}),
    "broken-gzip": (lambda body: b"\x1f\x8b\x08" + body, _GZIP),
    "bomb": (lambda _: _bomb(), _GZIP),
    "gzip-twice": (lambda body: gzip.compress(gzip.compress(body)), {"Content-Encoding": "gzip, gzip"}),
    "strange-token": (lambda body: body.replace(b'"access_token": "', b'"access_token": "a\\n'), {}),
}

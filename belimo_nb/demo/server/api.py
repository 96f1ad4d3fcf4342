"""GET: answers computed on a pool of threads, most of them for signed-in clients only."""

import asyncio
import contextlib
import gzip
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tornado.iostream import StreamClosedError

from belimo_nb.demo.server.encode import json_bytes
from belimo_nb.demo.server.handler import Cloud, Handler, later
from belimo_nb.demo.server.query import ApiError, Query
from belimo_nb.demo.server.spoil import of_known_version
from belimo_nb.demo.server.traffic import MAXIMUM_IN_FLIGHT

Result = TypeVar("Result")

_WORTH_ZIPPING = 1_000


class AnswerHandler(Handler):
    """GET: one of the answers, computed on the pool so that a long one holds up nobody else.

    A `quick` one is computed at once: it does not queue behind the long ones.
    """

    def initialize(self, cloud: Cloud, **options: Any) -> None:
        """Take the `answer`, a function of account, query and the parts of the path, and whether it is `quick`."""
        super().initialize(cloud)
        self.answer: Callable[..., Any] = options["answer"]
        self.quick: bool = options.get("quick", False)

    async def get(self, *path: str) -> None:
        """Answer, or say why not."""
        if not await self.strike():
            return
        try:
            await self.respond(Query(self.request.query), path)
        except ApiError as error:
            self.refuse(error)

    async def respond(self, query: Query, path: tuple[str, ...]) -> None:
        """Compute the answer and send it."""
        # a fault is for the text: half of a gzip stream would tell nobody that the JSON is cut
        zips = "gzip" in self.request.headers.get("Accept-Encoding", "") and not self.faults

        if self.cloud.trouble.knows("changed-profile"):
            path = tuple(map(of_known_version, path))

        def work() -> tuple[bytes, dict[str, str]]:
            return _pack(self.answer(self.cloud.account, query, *path), zips)

        body, headers = work() if self.quick else await self.on_pool(work)
        await self.deliver(body, 200, headers)

    async def on_pool(self, work: Callable[[], Result]) -> Result:
        """The result of some work done on the pool."""
        return await asyncio.get_running_loop().run_in_executor(self.cloud.pool, work)


def _pack(answer: Any, zips: bool) -> tuple[bytes, dict[str, str]]:
    """An answer's body, compressed if the client reads that and it pays, and the headers that say so."""
    body = answer if isinstance(answer, bytes) else json_bytes(answer)
    if not zips or len(body) < _WORTH_ZIPPING:
        return body, {}
    # level 1: on the loopback a better one costs more time than it saves
    return gzip.compress(body, 1, mtime=0), {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}


class ArchiveHandler(AnswerHandler):
    """The weather archive, with Open-Meteo's shape of errors and without a token."""

    def error_body(self, error: ApiError) -> bytes:
        """Open-Meteo's."""
        return json_bytes({"error": True, "reason": error.body["message"]})


class ApiHandler(AnswerHandler):
    """An answer for signed-in clients only: token, scope, rate."""

    def initialize(self, cloud: Cloud, **options: Any) -> None:
        """Take the `scope` too that the token needs: `public.read` if not said."""
        super().initialize(cloud, **options)
        self.scope: str = options.get("scope", "public.read")

    async def respond(self, query: Query, path: tuple[str, ...]) -> None:
        """Check who asks and how often; then send the answer."""
        token, limit = self.token(), self.cloud.limit
        if rate := self.cloud.rate:
            if limit.in_flight(token) >= MAXIMUM_IN_FLIGHT:
                raise later(429, "too_many_requests", f"more than {MAXIMUM_IN_FLIGHT} requests in flight", 1)
            if wait := limit.refusal(token, rate):
                raise later(429, "too_many_requests", f"more than {rate:g} requests a second", wait)
        limit.enter(token)
        try:
            await self.send_answer(query, path)
        finally:
            limit.leave(token)

    async def send_answer(self, query: Query, path: tuple[str, ...]) -> None:
        """Compute the answer and send it: this client may have it."""
        await super().respond(query, path)

    def token(self) -> str:
        """The request's access token, if it is good for this answer; otherwise 401 or 403 as in RFC 6750."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise _bearer_error(401, "invalid_token", "the request has no access token")
        if "stale-token" in self.faults:
            self.cloud.tokens.expire(token)
        if "revoked-token" in self.faults:
            self.cloud.tokens.revoke(token)
        grant = self.cloud.tokens.access(token)
        if grant is None:
            raise _bearer_error(401, "invalid_token", "the access token is unknown or was revoked")
        if grant.expires <= time.monotonic():
            raise _bearer_error(401, "invalid_token", "the access token has expired")
        if self.scope not in grant.scopes:
            raise _bearer_error(403, "insufficient_scope", f"the access token lacks the scope {self.scope}")
        return token


def _bearer_error(status: int, code: str, message: str) -> ApiError:
    challenge = f'Bearer error="{code}", error_description="{message}"'
    error = ApiError(status, code, message, headers={"WWW-Authenticate": challenge})
    error.body["error_description"] = message
    return error


class DownloadHandler(ApiHandler):
    """CSV, sent piece by piece as it is written."""

    async def send_answer(self, query: Query, path: tuple[str, ...]) -> None:
        """Send the chunks as they come; a fault needs the whole body."""
        chunks: Iterator[bytes] = await self.on_pool(lambda: self.answer(self.cloud.account, query, *path))
        headers = {
            "Content-Type": "text/csv;charset=UTF-8",
            "Content-Disposition": f'attachment; filename="{path[0]}.csv"',
        }
        if self.faults:
            await self.deliver(await self.on_pool(lambda: b"".join(chunks)), 200, headers)
            return
        self.entry.status = 200
        for name, value in headers.items():
            self.set_header(name, value)
        with contextlib.suppress(StreamClosedError):
            while chunk := await self.on_pool(lambda: next(chunks, b"")):
                self.write(chunk)
                await self.flush()

"""Handlers of GET requests: answers from a pool of threads, most of them for signed-in clients only."""

import asyncio
import contextlib
import gzip
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from tornado.iostream import StreamClosedError

from belimo_nb.demo.server.encode import json_bytes
from belimo_nb.demo.server.handler import Handler, retry_later
from belimo_nb.demo.server.query import ApiError, Query
from belimo_nb.demo.server.spoil import published_version
from belimo_nb.demo.server.traffic import MAXIMUM_IN_FLIGHT

if TYPE_CHECKING:
    from belimo_nb.demo.cloud import DemoCloud

Result = TypeVar("Result")

_WORTH_ZIPPING = 1_000


class AnswerHandler(Handler):
    """Handler of one kind of answer.

    It is computed on a pool of threads, since a year of history would block the server's event loop for long. A `quick`
    one is computed at once, and so does not queue behind long ones.
    """

    def initialize(self, cloud: "DemoCloud", **options: Any) -> None:
        """Take the `answer`, a function of account, query and the parts of the path, and whether it is `quick`."""
        super().initialize(cloud)
        self.answer: Callable[..., Any] = options["answer"]
        self.quick: bool = options.get("quick", False)

    async def get(self, *path: str) -> None:
        """Answer, or refuse with a reason."""
        if not await self.apply_faults():
            return
        try:
            query = self.request.query
            if "search-ignored" in self.faults:
                query = re.sub("(^|&)search=[^&]*", "", query)
            await self.respond(Query(query), path)
        except ApiError as error:
            self.refuse(error)

    async def respond(self, query: Query, path: tuple[str, ...]) -> None:
        """Compute the answer and send it."""
        # faults act on the plain text: half of a gzip stream would fail in another way than half of the JSON
        zips = "gzip" in self.request.headers.get("Accept-Encoding", "") and not self.faults

        if self.cloud.injector.is_active("changed-profile"):
            path = tuple(map(published_version, path))

        def work() -> tuple[bytes, dict[str, str]]:
            return _encode(self.answer(self.cloud.account, query, *path), zips)

        body, headers = work() if self.quick else await self.on_pool(work)
        await self.send_body(body, 200, headers)

    async def on_pool(self, work: Callable[[], Result]) -> Result:
        """Run a function on the pool of threads and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self.cloud.pool, work)


def _encode(answer: Any, zips: bool) -> tuple[bytes, dict[str, str]]:
    """An answer's body, compressed if `zips` and if it is long enough, and its headers."""
    body = answer if isinstance(answer, bytes) else json_bytes(answer)
    if not zips or len(body) < _WORTH_ZIPPING:
        return body, {}
    # level 1: on the loopback a better one costs more time than it saves; mtime 0: the same answer in the same bytes
    return gzip.compress(body, 1, mtime=0), {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}


class ArchiveHandler(AnswerHandler):
    """The weather archive, with Open-Meteo's shape of errors and without a token."""

    def error_body(self, error: ApiError) -> bytes:
        """The shape of Open-Meteo's errors."""
        return json_bytes({"error": True, "reason": error.body["message"]})


class ApiHandler(AnswerHandler):
    """Handler that checks token, scope and rate before it answers."""

    def initialize(self, cloud: "DemoCloud", **options: Any) -> None:
        """Take the `scope` too that the token needs: `public.read` if not said."""
        super().initialize(cloud, **options)
        self.scope: str = options.get("scope", "public.read")

    async def respond(self, query: Query, path: tuple[str, ...]) -> None:
        """Check the token and the rate; then send the answer."""
        token, limit = self.token(), self.cloud.limit
        if rate := self.cloud.rate:
            if limit.in_flight(token) >= MAXIMUM_IN_FLIGHT:
                raise retry_later(429, "too_many_requests", f"more than {MAXIMUM_IN_FLIGHT} requests in flight", 1)
            if wait := limit.refusal(token, rate):
                raise retry_later(429, "too_many_requests", f"more than {rate:g} requests a second", wait)
        limit.enter(token)
        try:
            await self.send_answer(query, path)
        finally:
            limit.leave(token)

    async def send_answer(self, query: Query, path: tuple[str, ...]) -> None:
        """Compute the answer and send it, once the checks have passed."""
        await super().respond(query, path)

    def token(self) -> str:
        """The request's access token if it is valid for this answer; otherwise 401 or 403 as in RFC 6750."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise _bearer_error(401, "invalid_token", "the request has no access token")
        if "stale-token" in self.faults:
            self.cloud.tokens.expire(token)
        if "revoked-token" in self.faults:
            self.cloud.tokens.revoke(token)
        grant = self.cloud.tokens.access(token)
        if grant is None or "refused-token" in self.faults:
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
    """Handler of CSV downloads, sent in chunks: a whole one may be too large for memory."""

    async def send_answer(self, query: Query, path: tuple[str, ...]) -> None:
        """Send each chunk as soon as it is made; only a fault needs the whole body."""
        chunks: Iterator[bytes] = await self.on_pool(lambda: self.answer(self.cloud.account, query, *path))
        headers = {
            "Content-Type": "text/csv;charset=UTF-8",
            "Content-Disposition": f'attachment; filename="{path[0]}.csv"',
        }
        if self.faults:
            await self.send_body(await self.on_pool(lambda: b"".join(chunks)), 200, headers)
            return
        self.entry.status = 200
        for name, value in headers.items():
            self.set_header(name, value)
        with contextlib.suppress(StreamClosedError):
            while chunk := await self.on_pool(lambda: next(chunks, b"")):
                self.write(chunk)
                await self.flush()

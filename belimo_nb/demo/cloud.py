"""`DemoCloud`: start and stop the demo cloud, and change its clock, its rate limit and its faults."""

import asyncio
import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from socket import create_server, socket
from types import TracebackType

from tornado.httpserver import HTTPServer

from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.server import routes
from belimo_nb.demo.server.account import Account
from belimo_nb.demo.server.oauth import AUDIENCE, CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME, AuthorizationServer
from belimo_nb.demo.server.query import iso, parse_instant
from belimo_nb.demo.server.tokens import TokenStore
from belimo_nb.demo.server.traffic import RateLimit, RequestLog
from belimo_nb.demo.server.trouble import FaultInjector
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, HORIZON, NOW

_HOST = "127.0.0.1"  # no other interface: the credentials of the demo are public
_FLEET = 36
_TIMEZONE = "Europe/Zurich"
_THREADS = 4
_BACKLOG = 128
_MAXIMUM_FORM_BYTES = 100_000  # sign-in forms are the only bodies that clients send


class DemoCloud:
    """A server with the live cloud's paths, fields, limits and errors, on a port of the loopback.

    Deterministic: the same request gets the same bytes, in any process. Its clock stands still, so a test or a
    documented figure stays true on any day.

    Args:
        devices: number of devices.
        seed: seed of the fleet and its past.
        now: its time, ISO-8601 or epoch seconds (UTC); from 2016-12-01 to 2019-12-01.
        rate: requests per second that it allows each token, with at most 5 in flight; None: no limit.
        faults: faults to inject, see `belimo_nb.demo.server.trouble`.
        port: its port; 0: a free one.
        latency: seconds that every answer takes longer.
        token_lifetime: seconds an access token lives.
        ev4: share of its energy valves that are Energy Valves 4, 0 to 1; None: a fifth of those beyond the first 36.
        reporting: when its devices send their samples: "5m", "15m", "1h", "1d", or "change" (what has changed, and
            everything once a day); None: every 5 minutes, but for some of those beyond the first 36.
        transfers: how many of its energy valves, the first ones, change hands in 2018; None: some of those beyond the
            first 36.
        lifelike: whether plants and meters have the troubles of real ones: they stop, cycle, lag, lose single values.

    Attributes:
        simulation: the source of its answers; `simulation.now` may be moved.
        requests: the log of its requests; `requests.count("/api/v3/devices")`.
        rate: as the argument; like `latency` and `faults` it may be changed while the cloud runs.

    Raises:
        ValueError: an argument out of its range, an unknown fault, a `now` that is no time.
    """

    def __init__(
        self,
        devices: int = _FLEET,
        seed: int = 1,
        now: str | int | None = None,
        rate: float | None = None,
        faults: Sequence[str] = (),
        port: int = 0,
        latency: float = 0.0,
        token_lifetime: int = 86_400,
        ev4: float | None = None,
        reporting: str | None = None,
        transfers: int | None = None,
        lifelike: bool = False,
    ) -> None:
        if rate is not None and not rate > 0:
            raise ValueError(f"rate must be a number of requests per second above 0, not {rate}")
        self.rate = rate
        self.latency = latency
        self.token_lifetime = token_lifetime
        self.injector = FaultInjector(faults)
        self.simulation = Simulation(devices, seed, _parse_now(now), ev4, reporting, transfers, lifelike)
        unusual = {
            f"{devices} devices": devices != _FLEET,
            f"Energy Valve 4: {ev4 or 0:.0%}": ev4 is not None,
            f"reports: {reporting}": reporting is not None,
            f"transfers: {transfers}": transfers is not None,
            "lifelike": lifelike,
        }
        self.source = ", ".join([f"demo data, seed {seed}", *(text for text, is_so in unusual.items() if is_so)])
        self.account = Account(self.simulation)
        self.tokens = TokenStore()
        self.authorization = AuthorizationServer(self.tokens)
        self.requests = RequestLog()
        self.limit = RateLimit()
        self.pool: Executor
        self._wanted_port = port
        self._listener: socket
        self._port = 0
        self._owner = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopped: asyncio.Event

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults in force. Setting them, even to the same, restarts their counts of requests."""
        return self.injector.texts

    @faults.setter
    def faults(self, faults: Sequence[str]) -> None:
        self.injector = FaultInjector(faults)

    @property
    def url(self) -> str:
        """Its address: `http://127.0.0.1:PORT`."""
        if not self._port:
            raise RuntimeError("the demo cloud is not running: start() it first")
        return f"http://{_HOST}:{self._port}"

    def environment(self) -> dict[str, str]:
        """The settings that point a client at it; `BELIMO_NOW` makes the client's clock stand still, too."""
        return {
            "BELIMO_CLIENT_ID": CLIENT_ID,
            "BELIMO_CLIENT_SECRET": CLIENT_SECRET,
            "BELIMO_USERNAME": USERNAME,
            "BELIMO_PASSWORD": PASSWORD,
            "BELIMO_API_URL": self.url + routes.API,
            "BELIMO_TOKEN_URL": self.url + routes.TOKEN,
            "BELIMO_AUDIENCE": AUDIENCE,
            "BELIMO_TIMEZONE": _TIMEZONE,
            "BELIMO_RATE": f"{self.rate or 0:g}",
            "BELIMO_WEATHER": self.url + routes.ARCHIVE,
            "BELIMO_NOW": iso(self.simulation.now * 1000),
            "BELIMO_SOURCE": self.source,
        }

    def start(self) -> "DemoCloud":
        """Serve in a thread of its own; returns itself once connections are accepted.

        Raises:
            OSError: the port is taken.
        """
        if self._thread is not None:
            return self
        self._listener = create_server((_HOST, self._wanted_port), backlog=_BACKLOG)
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]
        self._owner = os.getpid()  # a forked child has the object, but not the thread that serves
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="belimo-demo-cloud", daemon=True)
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self._thread, self._port = None, 0
            self._listener.close()
            raise
        _running.add(self)
        return self

    def stop(self) -> None:
        """Stop serving and free the port. In a forked child the parent's server goes on."""
        thread, self._thread = self._thread, None
        if thread is None or self._owner != os.getpid():
            return
        self._loop.call_soon_threadsafe(self._stopped.set)
        thread.join()
        _running.discard(self)
        self._port = 0

    def serve(self) -> None:
        """Serve in the foreground until interrupted (Ctrl-C); the first lines printed are the `.env` lines for it."""
        with self, contextlib.suppress(KeyboardInterrupt):
            sys.stdout.write("".join(f"{name}={_quote(value)}\n" for name, value in self.environment().items()))
            sys.stdout.flush()
            threading.Event().wait()

    def __enter__(self) -> "DemoCloud":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        place = self.url if self._port else "not running"
        return f"<DemoCloud {place}, {self.source}>"

    def _run(self, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)  # raised by start(), which waits for it

    async def _serve(self, ready: Future[None]) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        with ThreadPoolExecutor(_THREADS, "belimo-demo-answer") as self.pool:
            http = HTTPServer(routes.application(self), max_body_size=_MAXIMUM_FORM_BYTES)
            http.add_socket(self._listener)
            ready.set_result(None)
            await self._stopped.wait()
            http.stop()
            await http.close_all_connections()  # clients keep idle connections open


_running: "weakref.WeakSet[DemoCloud]" = weakref.WeakSet()


def _after_fork() -> None:
    for cloud in _running:
        cloud._listener.close()  # the child's copy, so that the port closes with the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _parse_now(now: str | int | None) -> int:
    if isinstance(now, str):
        try:
            now = parse_instant(now) // 1000
        except (ValueError, OverflowError):
            raise ValueError(f"now must be an ISO-8601 time like 2018-12-01T00:00:00Z, not {now!r}") from None
    seconds = NOW if now is None else now
    if not HISTORY_BEGIN <= seconds <= HORIZON:
        raise ValueError(f"now must be from {iso(HISTORY_BEGIN * 1000)} to {iso(HORIZON * 1000)}, not {now}")
    return seconds


def _quote(value: str) -> str:
    return f'"{value}"' if " " in value else value

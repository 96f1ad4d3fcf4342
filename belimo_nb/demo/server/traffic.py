"""The log of the demo cloud's requests, and the limit on their rate."""

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

MAXIMUM_IN_FLIGHT = 5
_KEPT_REQUESTS = 100_000


@dataclass
class Request:
    """A logged request. Its `status` is 0 until it is answered, and stays 0 if the connection was dropped."""

    method: str
    path: str
    query: str
    time: float
    status: int = 0


class RequestLog:
    """The last 100,000 requests, oldest first. May be read from any thread while the server runs."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=_KEPT_REQUESTS)
        self._lock = threading.Lock()

    def add(self, method: str, path: str, query: str) -> Request:
        """Add a request that has just arrived."""
        request = Request(method, path, query, time.time())
        with self._lock:
            self._requests.append(request)
        return request

    def __iter__(self) -> Iterator[Request]:
        with self._lock:
            return iter(list(self._requests))

    def __len__(self) -> int:
        return len(self._requests)

    def count(self, prefix: str = "") -> int:
        """Number of requests whose path begins with `prefix`."""
        return sum(request.path.startswith(prefix) for request in self)

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._requests.clear()


class RateLimit:
    """A token bucket for each access token, and a limit on its requests in flight.

    The bucket holds one request more than a second's worth (at least two), so that a client that keeps the rate to the
    millisecond is not refused for the jitter of its network.
    """

    def __init__(self) -> None:
        self._levels: dict[str, tuple[float, float]] = {}
        self._in_flight: dict[str, int] = {}

    def refusal(self, key: str, rate: float) -> int | None:
        """Whole seconds to wait if a request of this token is too early; otherwise None, and it is counted."""
        now, depth = time.monotonic(), 1 + max(1.0, rate)
        level, since = self._levels.get(key, (depth, now))
        level = min(depth, level + (now - since) * rate)
        self._levels[key] = (level - 1 if level >= 1 else level, now)
        return None if level >= 1 else math.ceil((1 - level) / rate)

    def in_flight(self, key: str) -> int:
        """Number of requests of this token that are being answered."""
        return self._in_flight.get(key, 0)

    def enter(self, key: str) -> None:
        """Count a request of this token as in flight."""
        self._in_flight[key] = self.in_flight(key) + 1

    def leave(self, key: str) -> None:
        """Count a request of this token as answered."""
        self._in_flight[key] -= 1
        if not self._in_flight[key]:
            del self._in_flight[key]

"""Requests to the API: signed in, within the rate limit, retried, and checked."""

from __future__ import annotations

import functools
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.auth import AuthBase

from belimo_nb.client import http, responses
from belimo_nb.client.auth import Authenticator
from belimo_nb.client.retries import with_retries
from belimo_nb.errors import SURROGATES, AnswerError, NoDataError, SignInError, UsageError
from belimo_nb.quantities import plural
from belimo_nb.settings import Settings
from belimo_nb.settings.secret import without_trace

MAX_IN_FLIGHT = 5  # requests at a time that the cloud accepts from one account

NO_PATH = re.compile(r"[\x00-\x1f\x7f?#\\\ud800-\udfff]|/\.{1,2}(/|$)")  # it leads elsewhere, or cannot be sent


class RateLimit:
    """Lets at most `rate` calls begin in a second, over all threads.

    In any window of one second at most ``int(rate)`` calls begin; for rates below 1, one in any ``1/rate`` seconds; 0
    is no limit.
    """

    def __init__(
        self, rate: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        # A sliding window, not an average: a server that counts by the second never sees more, wherever its seconds
        # begin.
        self._burst = max(1, int(rate))
        self._window = max(1.0, self._burst / rate) if rate else 0.0
        self._begun: deque[float] = deque(maxlen=self._burst)
        self._lock = threading.Lock()
        self._clock, self._sleep = clock, sleep

    def wait(self) -> None:
        """Wait until the next call may begin."""
        if not self._window:
            return
        with self._lock:
            now = self._clock()
            begin = now if len(self._begun) < self._burst else max(now, self._begun[0] + self._window)
            self._begun.append(begin)
        # Outside the lock, with the place taken: others can queue up meanwhile.
        if begin > now:
            self._sleep(begin - now)


@dataclass
class Traffic:
    """The requests sent to the API so far, and what its answers said of limits.

    Attributes:
        most: Requests to send at most, tries again included; None: any number.
        sent: Requests sent.
        later: Answers that asked to come back later (429, 503).
        limits: Numbers in headers about rate limits, by the header's name in lower case.
    """

    most: int | None = None
    sent: int = 0
    later: int = 0
    limits: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Count a request about to be sent; raises `NoDataError` for one too many."""
        if self.most is not None and self.sent >= self.most:
            raise NoDataError(f"This may take {plural(self.most, 'request')}, and no more are left.")
        self.sent += 1

    def enter(self, response: requests.Response) -> None:
        """Note what an answer says of limits."""
        self.later += response.status_code in (429, 503)
        for name, text in response.headers.items():
            if "ratelimit" in name.lower().replace("-", "") and text.strip().isdecimal():
                self.limits[name.lower()] = float(text)


class _Bearer(AuthBase):
    """Adds the access token to a request."""

    # An auth object instead of a header: without one, requests would take credentials for the host from `.netrc`.

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Transport:
    """Gets JSON from the API; safe to share between threads."""

    def __init__(self, settings: Settings, authenticator: Authenticator) -> None:
        self._base = settings.api_url
        self._authenticator = authenticator
        self._session = http.new_session(settings.api_url)
        self._rate = RateLimit(settings.rate)
        self._slots = threading.BoundedSemaphore(MAX_IN_FLIGHT)
        self.traffic = Traffic()

    def __repr__(self) -> str:
        return f"<Transport to {self._base}>"

    def get(self, path: str, params: Mapping[str, str | int] | None = None, what: str | None = None) -> dict[str, Any]:
        """The JSON object at `path`.

        Args:
            path: Below the API's base address, beginning with a slash.
            params: The query.
            what: What is asked for, in words, for messages; by default the path.

        Raises:
            SignInError: The credentials, or a token just issued, are refused.
            CloudError: No good answer came, in spite of retries.
        """
        # Paths come from the cloud's own answers, too: a whole address there would get the token.
        if not path.startswith("/") or NO_PATH.search(path):
            raise AnswerError(
                f"The cloud refers to {path[:200]!r}, which is no path of its API; report this to the vendor."
            )
        if any(isinstance(text, str) and SURROGATES.search(text) for text in (params or {}).values()):
            raise UsageError(f"What is asked for of {what or path} is no text; write it anew.")
        what = what or path
        refused = None
        # Twice: a token may be revoked, or this machine's clock wrong, so a 401 renews it once before it is believed.
        for _ in range(2):
            token = self._authenticator.access_token(refused)
            body = with_retries(functools.partial(self._ask, path, params or {}, what, token))
            if body is not None:
                return body
            refused = token
        refusal = SignInError(
            f"The cloud refuses the token it has just issued (401) and did not give {what}; check BELIMO_AUDIENCE and "
            "that BELIMO_API_URL and BELIMO_TOKEN_URL belong together.",
            status_code=401,
        )
        refusal.of_path = True
        raise refusal

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _ask(self, path: str, params: Mapping[str, str | int], what: str, token: str) -> dict[str, Any] | None:
        """Send one request; None if the token is refused."""
        # The slot first: a call that waits for one must not have used up its place in the rate.
        with self._slots:
            self._rate.wait()
            self.traffic.begin()
            try:
                response = without_trace(
                    lambda: self._session.get(
                        http.as_https(self._base) + path, params=dict(params), auth=_Bearer(token), timeout=http.TIMEOUT
                    )
                )
            except requests.RequestException as error:
                raise responses.unreachable(error, self._base) from None
        self.traffic.enter(response)
        if response.status_code == 401:
            return None
        problem = responses.refusal(response, what)
        if problem is not None:
            raise problem
        return responses.json_object(response, what)

"""Requests to the API: paced, patient, signed in, and checked."""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.auth import AuthBase

from belimo_nb.client import http, responses
from belimo_nb.client.auth import Authenticator
from belimo_nb.client.retries import patiently
from belimo_nb.errors import AnswerError, SignInError
from belimo_nb.settings import Settings
from belimo_nb.settings.secret import without_trace

__all__ = ["RateLimit", "Transport"]

IN_FLIGHT = 5
"""Requests at a time that the cloud accepts from one account."""


class RateLimit:
    """Lets at most `rate` calls a second begin, over all threads.

    In any window of one second at most ``int(rate)`` calls begin (for rates below 1: one call in any ``1/rate``
    seconds), so that no server that counts by the second sees more.

    Args:
        rate: Calls a second; 0 for no limit.
        clock: Seconds that only go forward.
        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._burst = max(1, int(rate))
        self._window = max(1.0, self._burst / rate) if rate else 0.0
        self._begun: deque[float] = deque(maxlen=self._burst)
        self._lock = threading.Lock()
        self._clock, self._sleep = clock, sleep

    def wait(self) -> None:
        """Return when the next call may begin."""
        if not self._window:
            return
        with self._lock:
            now = self._clock()
            begin = now if len(self._begun) < self._burst else max(now, self._begun[0] + self._window)
            self._begun.append(begin)
        if begin > now:
            self._sleep(begin - now)


class _Bearer(AuthBase):
    """Adds the access token; as an auth object it also keeps requests from looking into `.netrc`."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Transport:
    """Gets JSON from the API; safe to share between threads.

    Args:
        settings: Addresses and the rate.
        authenticator: Gives the access tokens.
    """

    def __init__(self, settings: Settings, authenticator: Authenticator) -> None:
        self._base = settings.api_url
        self._authenticator = authenticator
        self._session = http.new_session(settings.api_url)
        self._rate = RateLimit(settings.rate)
        self._places = threading.BoundedSemaphore(IN_FLIGHT)

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
        if not path.startswith("/"):
            raise AnswerError(f"The cloud refers to {path!r}, which is no path of its API; report this to the vendor.")
        what = what or path
        refused = None
        for _ in range(2):
            token = self._authenticator.access_token(refused)
            body = patiently(functools.partial(self._ask, path, params or {}, what, token))
            if body is not None:
                return body
            refused = token
        raise SignInError(
            f"The cloud refuses the token it has just issued (401) and did not give {what}; check BELIMO_AUDIENCE and "
            "that BELIMO_API_URL and BELIMO_TOKEN_URL belong together.",
            status_code=401,
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _ask(self, path: str, params: Mapping[str, str | int], what: str, token: str) -> dict[str, Any] | None:
        """One request; None if the token is refused: revoked before its end, or this machine's clock is wrong."""
        with self._places:
            self._rate.wait()
            try:
                response = without_trace(
                    lambda: self._session.get(
                        http.secure(self._base) + path, params=dict(params), auth=_Bearer(token), timeout=http.TIMEOUT
                    )
                )
            except requests.RequestException as error:
                raise responses.unreachable(error, self._base) from None
        if response.status_code == 401:
            return None
        problem = responses.refusal(response, what)
        if problem is not None:
            raise problem
        return responses.json_object(response, what)

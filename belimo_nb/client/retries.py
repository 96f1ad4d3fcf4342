"""Patience: how often and how far apart a request is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from belimo_nb.errors import CloudError, RateLimited, ServerError, TimedOut

__all__ = ["HOPELESS", "patiently", "pause"]

HOPELESS = 5
"""Devices that cannot be reached, after which no other is tried: it is the cloud, not they."""

T = TypeVar("T")

ATTEMPTS = 6
"""Where a fifth of all requests fails, one in 16,000 fails six times; four times, one in 600: one in many a run."""

ATTEMPTS_TIMEOUT = 2
ATTEMPTS_LIMITED = 8
LONGEST_WAIT = 120.0
"""Seconds; a ``Retry-After`` beyond it is told instead of waited for."""


def pause(seconds: float) -> None:
    """Wait between two tries."""
    time.sleep(seconds)


def patiently(call: Callable[[], T]) -> T:
    """Call until it succeeds, as often and as far apart as its failures make sensible.

    429 and 503 wait as long as ``Retry-After`` says; other passing failures wait a random, growing time.

    Raises:
        CloudError: The last failure, when it will not pass or patience is at its end.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        stop=_enough,
        wait=_wait,
        sleep=lambda seconds: pause(seconds),
        reraise=True,
    )
    return retrying(call)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, CloudError) and error.retryable and (error.retry_after or 0) <= LONGEST_WAIT


def _enough(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited) or (isinstance(error, ServerError) and error.retry_after):
        return state.attempt_number >= ATTEMPTS_LIMITED
    if isinstance(error, TimedOut):
        return state.attempt_number >= ATTEMPTS_TIMEOUT
    return state.attempt_number >= ATTEMPTS


_backoff = tenacity.wait_random_exponential(multiplier=0.5, max=20)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, CloudError) else None
    # Jitter on top: many clients that were told the same time should not come back at the same moment.
    return _backoff(state) if asked is None else asked + 0.25 * _backoff(state)

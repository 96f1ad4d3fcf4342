"""Retries: how often and how far apart a failed request is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from belimo_nb.errors import (
    BelimoError,
    CloudError,
    ConnectionFailed,
    RateLimited,
    ServerError,
    SignInError,
    TimedOut,
    UsageError,
)

MAX_UNREACHABLE = 5
"""Devices in a row that cannot be reached, after which no other is tried: the cloud is down, not they."""

T = TypeVar("T")


def is_of_all(error: BaseException) -> bool:
    """Whether an error that several devices in a row meet is the cloud's, not theirs."""
    return isinstance(error, ConnectionFailed) or (isinstance(error, SignInError) and error.of_path)


def own_error(error: BaseException, name: str) -> BelimoError:
    """The error that costs one device alone, as a `BelimoError`.

    Raises:
        BaseException: Every other device would meet it, too: refused credentials, a wrong argument, a fault of ours.
    """
    if isinstance(error, MemoryError):
        return BelimoError(f"There was not enough memory for {name}; close other programs, or ask for a shorter range.")
    general = isinstance(error, UsageError) or (isinstance(error, SignInError) and not error.of_path)
    if general or not isinstance(error, BelimoError):
        raise error
    return error


MAX_TRIES = 6
"""Enough where a fifth of all requests fails: one in 16,000 fails six times, but one in 600 fails four times."""

# A timeout has already cost a minute; a 429 says when to come back, and passes.
MAX_TRIES_TIMEOUT = 2
MAX_TRIES_PROXY = 3  # a wrong address is likelier than one that is back in a minute
MAX_TRIES_RATE_LIMITED = 8
MAX_WAIT = 120.0
"""Seconds; for a longer ``Retry-After`` the error is raised at once, since nobody waits that long unasked."""


def pause(seconds: float) -> None:
    """Wait between two tries."""
    # Looked up anew for each wait, so that tests can replace it.
    time.sleep(seconds)


def with_retries(call: Callable[[], T]) -> T:
    """Call until it succeeds or its failure will not pass.

    429 and 503 wait as long as ``Retry-After`` says; other passing failures wait a random, growing time.

    Raises:
        CloudError: The last failure, when it will not pass or patience is at its end.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_should_retry),
        stop=_should_stop,
        wait=_wait,
        sleep=lambda seconds: pause(seconds),
        reraise=True,
    )
    return retrying(call)


def _should_retry(error: BaseException) -> bool:
    return isinstance(error, CloudError) and error.retryable and (error.retry_after or 0) <= MAX_WAIT


def _should_stop(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited) or (isinstance(error, ServerError) and error.retry_after):
        return state.attempt_number >= MAX_TRIES_RATE_LIMITED
    if isinstance(error, TimedOut):
        return state.attempt_number >= MAX_TRIES_TIMEOUT
    if isinstance(error, ConnectionFailed) and error.of_proxy:
        return state.attempt_number >= MAX_TRIES_PROXY
    return state.attempt_number >= MAX_TRIES


_backoff = tenacity.wait_random_exponential(multiplier=0.5, max=20)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, CloudError) else None
    # Jitter on top: many clients that were told the same time should not come back at the same moment.
    return _backoff(state) if asked is None else asked + 0.25 * _backoff(state)

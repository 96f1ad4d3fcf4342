"""Patience: each failure in its measure."""

import pytest

from belimo_nb.client.retries import with_retries
from belimo_nb.errors import (
    AnswerError,
    ApiError,
    CloudError,
    ConnectionFailed,
    RateLimited,
    ServerError,
    TimedOut,
)


class Failing:
    """Something to call that fails as it is told, then succeeds."""

    def __init__(self, *errors, forever=False):
        self.errors, self.forever, self.calls = list(errors), forever, 0

    def __call__(self):
        self.calls += 1
        if self.forever:
            raise self.errors[0]
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_patience_with_a_passing_failure(waits):
    """A passing failure is tried again, further apart each time."""
    call = Failing(*[ServerError("Oh.", retryable=True)] * 3)
    assert with_retries(call) == "done"
    assert call.calls == 4
    assert all(0 <= wait <= bound for wait, bound in zip(waits, (0.5, 1, 2), strict=True))


@pytest.mark.parametrize(
    ("error", "calls", "longest"),
    [
        (ConnectionFailed("Refused.", retryable=True), 6, 15.5),
        (TimedOut("Hangs.", retryable=True), 2, 0.5),
        (ServerError("500.", retryable=True), 6, 15.5),
        (AnswerError("Cut.", retryable=True), 6, 15.5),
        (RateLimited("429.", retryable=True), 8, 60),
        (ApiError("404."), 1, 0),
        (AnswerError("HTML."), 1, 0),
    ],
)
def test_patience_ends(waits, error, calls, longest):
    """Patience has a measure for each failure: tries, and seconds between them in all."""
    call = Failing(error, forever=True)
    with pytest.raises(CloudError) as caught:
        with_retries(call)
    assert caught.value is error
    assert call.calls == calls
    assert sum(waits) <= longest


@pytest.mark.parametrize("kind", [RateLimited, ServerError])
def test_patience_as_long_as_asked(waits, kind):
    """`Retry-After` is waited for, and a little more, so that not all come back at once."""
    call = Failing(*[kind("Later.", retry_after=30, retryable=True)] * 7)
    assert with_retries(call) == "done"
    assert len(waits) == 7
    assert all(30 <= wait <= 35 for wait in waits)
    assert len(set(waits)) > 1


def test_patience_not_for_ever(waits):
    """A `Retry-After` of an hour is told, not waited for."""
    call = Failing(RateLimited("Later.", retry_after=3600, retryable=True), forever=True)
    with pytest.raises(RateLimited):
        with_retries(call)
    assert (call.calls, waits) == (1, [])


def test_other_errors_pass_through(waits):
    """Patience is for the cloud's failures; a mistake of ours is not repeated."""
    call = Failing(KeyError("ours"), forever=True)
    with pytest.raises(KeyError):
        with_retries(call)
    assert call.calls == 1

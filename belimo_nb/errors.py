"""The errors that belimo_nb raises, as one tree.

::

    BelimoError
    ├── SettingsError        settings missing or wrong            exit status 2
    ├── UsageError           an argument is wrong (a ValueError)  exit status 2
    │   ├── UnknownDevice
    │   ├── AmbiguousDevice
    │   └── UnknownDatapoint
    ├── CloudError           the cloud refused or is out of reach exit status 3
    │   ├── SignInError      credentials refused
    │   ├── ConnectionFailed no answer at all
    │   │   └── TimedOut     none in time
    │   ├── RateLimited      429
    │   ├── ServerError      5xx
    │   ├── ApiError         any other refusal (400, 403, 404 ...)
    │   └── AnswerError      an answer that cannot be understood
    ├── NoDataError          nothing to compute with              exit status 1
    └── StoreError           the store cannot be read or written  exit status 1

Each message is one sentence that says what happened, with the value at fault, and what to do next. Branch on the
fields, never on the text.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

__all__ = [
    "AmbiguousDevice",
    "AnswerError",
    "ApiError",
    "BelimoError",
    "CloudError",
    "ConnectionFailed",
    "NoDataError",
    "RateLimited",
    "ServerError",
    "SettingsError",
    "SignInError",
    "StoreError",
    "TimedOut",
    "UnknownDatapoint",
    "UnknownDevice",
    "UsageError",
]


NUMBER_SPACES = "\u00a0\u202f"  # spaces that keep a number and its unit together
SURROGATES = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    """A text without control characters, which could drive a terminal, and without halves of characters."""
    text = SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)
    return "".join(c if c.isprintable() or c in NUMBER_SPACES else " " for c in text)


def whole_letters(body: Any) -> Any:
    """JSON with a replacement character for each half of a character, which no file and no request can hold."""
    if isinstance(body, str):
        return SURROGATES.sub("\N{REPLACEMENT CHARACTER}", body)
    if isinstance(body, list):
        return [whole_letters(item) for item in body]
    if isinstance(body, dict):
        return {whole_letters(key): whole_letters(item) for key, item in body.items()}
    return body


class BelimoError(Exception):
    """Base of all errors of belimo_nb; whatever a message quotes, it is printable.

    Attributes:
        status_code: The HTTP status that led to it, or None.
        retry_after: Seconds after which the cloud wants to be asked again, or None.
        retryable: True if the same request may succeed later without a change.
        exit_status: What the command line exits with.
    """

    exit_status: ClassVar[int] = 1

    def __init__(
        self, message: str, *, status_code: int | None = None, retry_after: float | None = None, retryable: bool = False
    ) -> None:
        super().__init__(printable(message))
        self.status_code = status_code
        self.retry_after = retry_after
        self.retryable = retryable

    def _render_traceback_(self) -> list[str]:
        """The text that IPython shows instead of a stack trace."""
        # The sentence says what to do; dozens of frames of libraries above it would hide it.
        return [f"{type(self).__name__}: {self}"]


class SettingsError(BelimoError):
    """A setting is missing, unreadable or makes no sense."""

    exit_status = 2


class UsageError(BelimoError, ValueError):
    """An argument cannot be used."""

    exit_status = 2


class UnknownDevice(UsageError):
    """No device has this id, serial number or name; the message lists near matches."""


class AmbiguousDevice(UsageError):
    """Several devices fit the name; the message lists them."""


class UnknownDatapoint(UsageError):
    """The device has no such datapoint; the message lists near matches."""


class CloudError(BelimoError):
    """The cloud refused, failed or could not be reached."""

    exit_status = 3


class SignInError(CloudError):
    """The credentials were refused.

    Attributes:
        of_path: True if a path of the API refuses a token just issued: others may take it.
        setting: The setting that is probably wrong, such as "password"; "" if the cloud does not tell.
    """

    of_path: bool = False
    setting: str = ""


class ConnectionFailed(CloudError):
    """The host is unknown, refuses connections, hangs, or its certificate is not trusted.

    Attributes:
        of_proxy: True if that is so of a proxy on the way.
    """

    of_proxy: bool = False


class TimedOut(ConnectionFailed):
    """The host does not answer in time, even when asked again."""


class RateLimited(CloudError):
    """The cloud asks to slow down (429), even after waiting as it asked."""


class ServerError(CloudError):
    """The cloud failed on its side (5xx), even after several tries."""


class ApiError(CloudError):
    """The cloud refused this request (400, 403, 404 and the like)."""


class AnswerError(CloudError):
    """The answer is not what the API describes: HTML, cut-off JSON, pages that do not add up."""


class NoDataError(BelimoError):
    """There is nothing to compute with: no readings in the range, or no such counter."""


class StoreError(BelimoError):
    """The store of kept history cannot be read or written: permissions, or a full disk.

    Attributes:
        of_file: True if it is about one file; others can be kept.
    """

    of_file: bool = False

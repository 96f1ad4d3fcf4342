"""Secrets that show in no representation and in no stack trace.

A trace may be printed with the local variables of every frame (IPython's verbose mode, error collectors, debuggers).
So our own variables hold secrets as `Secret`, and the frames of libraries, which hold them as plain text, are cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

MASK = "********"

T = TypeVar("T")


class Secret(str):
    """A text whose representation is asterisks, also inside lists, mappings and data classes.

    What is made from it (by ``strip``, ``format``, ``str``) is an ordinary text: make it a secret again.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


def without_trace(call: Callable[[], T]) -> T:
    """Call, and cut the frames of the call and the errors behind it off what it raises."""
    try:
        return call()
    except BaseException as error:  # noqa: BLE001 - Ctrl-C shows frames, too; all are raised again, below
        failure = error
    # Not in the handler: what is raised there would have the error, and so its frames, as its context.
    failure.__cause__ = failure.__context__ = None
    try:
        raise failure.with_traceback(None)
    finally:
        del failure  # its trace leads to this frame

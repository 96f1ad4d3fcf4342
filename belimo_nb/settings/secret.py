"""Secrets that show in no representation and in no stack trace.

A trace may be printed with the local variables of every frame (IPython's verbose mode, error collectors, debuggers).
So our own variables hold secrets as `Secret`, and the frames of libraries, which hold them as plain text, are cut off.
"""

from __future__ import annotations

import base64
import html
import json
import re
import weakref
from collections.abc import Callable, Iterable
from typing import TypeVar
from urllib.parse import quote, quote_plus

MASK = "********"
SHORTEST = 8  # shorter secrets occur in ordinary words and numbers; masking them would garble the text

T = TypeVar("T")


class Secret(str):
    """A text whose representation is asterisks, also inside lists, mappings and data classes.

    What is made from it (by ``strip``, ``format``, ``str``) is an ordinary text: make it a secret again.
    """

    __slots__ = ("__weakref__",)

    def __new__(cls, text: str) -> Secret:
        """Remember it, for `masked`, as long as it is in use."""
        made = super().__new__(cls, text)
        _in_use[id(made)] = made
        return made

    def __repr__(self) -> str:
        return repr(MASK)


_in_use: weakref.WeakValueDictionary[int, Secret] = weakref.WeakValueDictionary()


def masked(text: str) -> str:
    """A text of a library, or of anyone, with the secrets that are in use masked."""
    for form in spellings([found for reference in _in_use.valuerefs() if (found := reference()) is not None]):
        text = text.replace(form, MASK)
    return text


def spellings(secrets: Iterable[str]) -> list[str]:
    """The secrets as they may be written (plain, escaped, in HTML, JSON, base64 or a URL), the longest first."""
    found = {form for secret in map(str, secrets) if len(secret) >= SHORTEST for form in _forms(secret)}
    return sorted(found, key=lambda form: (-len(form), form))  # a part masked first would leave the rest of the whole


def _forms(secret: str) -> set[str]:
    whole = secret.encode(errors="replace")
    in_url = (quote(whole), quote(whole, safe=""), quote_plus(whole))
    found = {
        secret,
        str.__repr__(secret)[1:-1],
        json.dumps(secret)[1:-1],
        html.escape(secret),
        *in_url,
        *(re.sub("%..", lambda match: match[0].lower(), form) for form in in_url),
        base64.b64encode(whole).decode().rstrip("="),
    }
    return found | {" ".join(form.split()) for form in found}  # as messages are brought on one line


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

"""Strange inputs for parsers, and the one rule for all of them: a result, or a `BelimoError` of one sentence."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tally import count

from belimo_nb.errors import BelimoError

INPUTS = "strange inputs given to parsers"
FAILURES = "strange inputs given to parsers that raised something else than a BelimoError"

TEXTS = [
    "",
    " ",
    "0",
    "-1",
    "1e308",
    "NaN",
    "nan",
    "inf",
    "null",
    "true",
    "\x00",
    "\ud800",
    "=1+1",
    "<b>",
    "../..",
    "%s",
    "🌡",
    "2018-12-01",
    "2018-02-30T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2018-12-01T00:00:00+99:00",
    "2018-10-28T02:30:00",
    "1543622400000",
    "now",
    "1 day",
    "evcloud.210",
]
NUMBERS = [0, -1, 1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"), 1e-320]

texts = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(), max_size=12))
numbers = st.one_of(st.sampled_from(NUMBERS), st.integers(), st.floats())
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)
"""All that JSON can say, and NaN and infinity, which Python reads as well."""


def inputs(number: int) -> settings:
    """So many inputs with the profile `thorough`, with others a share of them; the same in every run."""
    some = max(20, number * settings.default.max_examples // settings.get_profile("thorough").max_examples)
    # Inputs that share a test's folder overwrite what the one before has left there.
    return settings(max_examples=some, suppress_health_check=list(HealthCheck))


def survives(call: Callable[..., Any], *given: Any, counted: bool = True, **options: Any) -> Any:
    """The call's result, or None after a `BelimoError`; any other exception is a failure, a warning to the user is not.

    A further call with the same input is not `counted` again.
    """
    count(INPUTS, int(counted))
    count(FAILURES, 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return call(*given, **options)
    except BelimoError as error:
        sentence = str(error)
        assert sentence.endswith(".")
        assert len(sentence) > 20
        return None
    except BaseException:
        count(FAILURES)
        raise


@st.composite
def spoiled(draw: st.DrawFn, good: Any, most: int = 3) -> Any:
    """A copy of something good in which a few parts are replaced, left out, doubled or added."""
    body = copy.deepcopy(good)
    for _ in range(draw(st.integers(0, most))):
        place = _place(draw, body)
        if place is None:
            return draw(values)
        parent, key = place
        match draw(st.sampled_from(["replace", "replace", "replace", "remove", "double", "add"])):
            case "remove":
                del parent[key]
            case "double" if isinstance(parent, list):
                parent.insert(key, copy.deepcopy(parent[key]))
            case "add" if isinstance(parent, dict):
                parent[draw(texts)] = draw(values)
            case _:
                parent[key] = draw(values)
    return body


def _place(draw: st.DrawFn, body: Any) -> tuple[Any, Any] | None:
    """A part of a document, as what it is in and where; None for the whole of it."""
    parent, key, inside = None, None, body
    while isinstance(inside, dict | list) and inside and draw(st.integers(0, 4)):
        keys = sorted(inside, key=str) if isinstance(inside, dict) else range(len(inside))
        parent, key = inside, draw(st.sampled_from(keys))
        inside = parent[key]
    return None if parent is None else (parent, key)


def bytes_like(good: bytes) -> st.SearchStrategy[bytes]:
    """Anything at all, or something good that is cut, or has some bytes changed, or others added."""
    place = st.integers(0, max(len(good) - 1, 0))

    def change(spots: list[tuple[int, int]]) -> bytes:
        found = bytearray(good)
        for at, byte in spots:
            found[at] = byte
        return bytes(found)

    return st.one_of(
        st.binary(max_size=200),
        place.map(lambda at: good[:at]),
        st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=4).map(change),
        st.tuples(place, st.binary(min_size=1, max_size=8)).map(lambda cut: good[: cut[0]] + cut[1] + good[cut[0] :]),
    )

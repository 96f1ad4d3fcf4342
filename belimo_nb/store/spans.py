"""Sets of moments as spans: sorted, apart from each other, each of [begin, end) in whole seconds since 1970."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Span", "Spans", "minus", "overlap", "union"]

Span = tuple[int, int]
Spans = tuple[Span, ...]


def union(spans: Iterable[Span]) -> Spans:
    """All moments that lie in at least one of the spans, which may come in any order and overlap."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def minus(spans: Iterable[Span], without: Iterable[Span]) -> Spans:
    """The moments of `spans` that lie in none of `without`."""
    rest: list[Span] = []
    holes = union(without)
    for begin, end in union(spans):
        at = begin
        for first, after in holes:
            if after <= at:
                continue
            if first >= end:
                break
            if first > at:
                rest.append((at, first))
            at = after
        if at < end:
            rest.append((at, end))
    return tuple(rest)


def overlap(spans: Iterable[Span], other: Iterable[Span]) -> Spans:
    """The moments that lie in both."""
    spans = union(spans)
    return minus(spans, minus(spans, other))

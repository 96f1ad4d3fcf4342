"""What of a datapoint's history has been asked for, and which of the answers can still change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["GRACE", "Coverage", "Open", "Span", "Spans", "minus", "overlap", "union"]


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


LATEST = 9_223_372_036
"""Seconds since 1970 that nanoseconds in 64 bits reach."""

GRACE = 48 * 3600
"""Seconds that a device may be late with its samples while it is in touch with the cloud."""


@dataclass(frozen=True, order=True)
class Open:
    """A span whose answer may still change.

    Attributes:
        begin: First moment, seconds since 1970.
        end: First moment after it.
        asked: When the cloud was asked.
        seen: When the cloud had last been in touch with the device by then; None if never.
    """

    begin: int
    end: int
    asked: int
    seen: int | None


@dataclass(frozen=True)
class Coverage:
    """What is known of one datapoint at one resolution.

    Attributes:
        final: Spans that need never be asked for again.
        open: Spans that were asked for and may still change, none of them final, sorted, apart.
    """

    final: Spans = ()
    open: tuple[Open, ...] = ()

    @property
    def asked(self) -> Spans:
        """All spans that were ever asked for."""
        return union([*self.final, *((o.begin, o.end) for o in self.open)])

    def missing(self, wanted: Iterable[Span], current: Callable[[Open], bool]) -> Spans:
        """What of `wanted` must be asked for, where `current` says of an open span if its answer still holds."""
        return minus(wanted, [*self.final, *((o.begin, o.end) for o in self.open if current(o))])

    def settled(self, step: int) -> Spans:
        """Where a value that was given should stay as it is: buckets that were complete when asked for."""
        return union([*self.final, *((o.begin, min(o.end, (o.seen or 0) // step * step)) for o in self.open)])

    def answered(self, span: Span, final_until: int, asked: int, seen: int | None) -> Coverage:
        """The coverage after an answer for `span`, of which what lies before `final_until` is final."""
        final = union([*self.final, (span[0], min(span[1], final_until))])
        pieces = [Open(*left, o.asked, o.seen) for o in self.open for left in minus([(o.begin, o.end)], [span, *final])]
        pieces += [Open(*left, asked, seen) for left in minus([span], final)]
        return Coverage(final, _joined(pieces))

    def to_json(self) -> dict[str, Any]:
        """As plain lists."""
        return {
            "final": [list(span) for span in self.final],
            "open": [[o.begin, o.end, o.asked, o.seen] for o in self.open],
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Coverage:
        """From `to_json`; anything else is a KeyError, TypeError or ValueError."""
        final = tuple((_moment(begin), _moment(end)) for begin, end in body["final"])
        pieces = (
            Open(_moment(b), _moment(e), _moment(a), None if s is None else _moment(s)) for b, e, a, s in body["open"]
        )
        return cls(final, tuple(pieces))


def _moment(value: Any) -> int:
    if type(value) is not int or abs(value) > LATEST:
        raise ValueError
    return value


def _joined(pieces: Iterable[Open]) -> tuple[Open, ...]:
    """Sorted, and pieces that touch and know the same as one."""
    found: list[Open] = []
    for piece in sorted(pieces, key=lambda p: (p.begin, p.end)):
        last = found[-1] if found else None
        if last and (last.end, last.asked, last.seen) == (piece.begin, piece.asked, piece.seen):
            found[-1] = Open(last.begin, piece.end, piece.asked, piece.seen)
        else:
            found.append(piece)
    return tuple(found)

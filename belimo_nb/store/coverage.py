"""Coverage: which spans of history were fetched, which can still change, and the fewest requests for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from belimo_nb.api.history import MAX_BUCKETS

Span = tuple[int, int]  # begin and exclusive end, seconds since 1970
Spans = tuple[Span, ...]  # sorted, apart and none empty, as `union`, `difference` and `intersection` give them


def union(spans: Iterable[Span]) -> Spans:
    """Merge spans, which may come in any order and overlap."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def difference(spans: Iterable[Span], without: Iterable[Span]) -> Spans:
    """The parts of `spans` that lie in none of `without`."""
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


def intersection(spans: Iterable[Span], other: Iterable[Span]) -> Spans:
    """The parts that lie in both."""
    spans = union(spans)
    return difference(spans, difference(spans, other))


LATEST = 9_223_372_036  # latest second since 1970 that 64-bit nanoseconds hold

# Devices send their samples in batches, and after an outage a backlog: being in touch now does not mean that all up
# to now has arrived.
GRACE = 48 * 3600  # seconds that samples may come late while the device is in touch with the cloud
DAILY = 24 * 3600  # seconds in which every datapoint that lives comes at least once
AGREED = 1800  # seconds after which a second answer that has nothing either is believed to be no trouble of the cloud
DOUBTED = -1  # stands for the last contact where an answer may have been cut: whatever the device says, ask again


@dataclass(frozen=True, order=True)
class OpenSpan:
    """A fetched span whose values may still change.

    Attributes:
        begin: Begin, seconds since 1970.
        end: Exclusive end.
        asked: When it was fetched.
        seen: The device's last contact with the cloud at that time; None if never; `DOUBTED`.
    """

    begin: int
    end: int
    asked: int
    seen: int | None

    @property
    def span(self) -> Span:
        """Begin and end."""
        return self.begin, self.end


@dataclass(frozen=True)
class Coverage:
    """The fetched spans of one datapoint at one resolution.

    Attributes:
        final: Spans that need never be fetched again.
        open: Spans that were fetched and may still change, none of them final, sorted, apart.
    """

    final: Spans = ()
    open: tuple[OpenSpan, ...] = ()

    @property
    def asked(self) -> Spans:
        """All spans that were ever fetched."""
        return union([*self.final, *(piece.span for piece in self.open)])

    def missing(self, wanted: Iterable[Span], current: Callable[[OpenSpan], bool]) -> Spans:
        """The parts of `wanted` to fetch; `current` says whether an open span need not be fetched again."""
        return difference(wanted, [*self.final, *(piece.span for piece in self.open if current(piece))])

    def settled(self, step: int) -> Spans:
        """The spans whose values should not change any more: buckets of `step` seconds, complete when fetched."""
        # The bucket of the last contact was still filling up; a change in it is no surprise.
        until = ((o, o.asked if o.seen == DOUBTED else o.seen or 0) for o in self.open)
        return union([*self.final, *((o.begin, min(o.end, moment // step * step)) for o, moment in until)])

    def updated(
        self,
        span: Span,
        final_until: int,
        asked: int,
        seen: int | None,
        *,
        known: Span | None = None,
        doubted: Spans = (),
    ) -> Coverage:
        """The coverage after `span` was fetched.

        Args:
            span: What was asked for.
            final_until: Up to when what came can be final.
            asked: When.
            seen: The device's last contact at that time.
            known: What the answer tells of for certain: around its values. What lies before and behind is doubted,
                unless an earlier answer had nothing there either. None: all of `span`.
            doubted: Where the answer lacked what is kept; it is final no more.
        """
        agreed = [o.span for o in self.open if o.asked + AGREED <= asked]
        sure = difference(intersection([span], [span if known is None else known, *agreed]), doubted)
        final = difference([*self.final, *intersection(sure, [(span[0], final_until)])], doubted)
        pieces = [OpenSpan(*rest, o.asked, o.seen) for o in self.open for rest in difference([o.span], [span, *final])]
        pieces += [OpenSpan(*rest, asked, seen) for rest in difference(sure, final)]
        pieces += [OpenSpan(*rest, asked, DOUBTED) for rest in difference([span], [*sure, *final])]
        return Coverage(final, _joined(pieces))

    def to_json(self) -> dict[str, Any]:
        """As plain lists."""
        return {
            "final": [list(span) for span in self.final],
            "open": [[o.begin, o.end, o.asked, o.seen] for o in self.open],
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Coverage:
        """From `to_json`; KeyError, TypeError or ValueError for anything else."""
        final = tuple((second(begin), second(end)) for begin, end in body["final"])
        pieces = ((second(b), second(e), second(a), None if s is None else second(s)) for b, e, a, s in body["open"])
        return cls(final, tuple(OpenSpan(*piece) for piece in pieces))


def second(value: Any) -> int:
    """A moment in seconds since 1970; ValueError for anything else."""
    # `type`, not `isinstance`: a bool is an int, too. Beyond LATEST pandas would raise where no one expects it.
    if type(value) is not int or abs(value) > LATEST:
        raise ValueError
    return value


def _joined(pieces: Iterable[OpenSpan]) -> tuple[OpenSpan, ...]:
    """Sort, and merge pieces that touch and were fetched at the same time with the same last contact."""
    # Without it every window of a long range would leave a piece of its own in the file for good.
    found: list[OpenSpan] = []
    for piece in sorted(pieces, key=lambda p: p.span):
        last = found[-1] if found else None
        if last and (last.end, last.asked, last.seen) == (piece.begin, piece.asked, piece.seen):
            found[-1] = OpenSpan(last.begin, piece.end, piece.asked, piece.seen)
        else:
            found.append(piece)
    return tuple(found)


@dataclass(frozen=True)
class Window:
    """One request.

    Attributes:
        begin: First bucket's begin, seconds since 1970.
        end: Last bucket's end.
        datapoints: Ids to fetch.
        step: Seconds of a bucket.
    """

    begin: int
    end: int
    datapoints: tuple[str, ...]
    step: int

    @property
    def span(self) -> Span:
        """Begin and end."""
        return self.begin, self.end

    @property
    def points(self) -> int:
        """Values that the answer has at most."""
        return (self.end - self.begin) // self.step * len(self.datapoints)


def windows(missing: Mapping[str, Iterable[Span]], step: int, most: int | None = None) -> list[Window]:
    """The fewest requests for the missing spans, newest first.

    A request takes any number of datapoints, so only the moments count at which at least one is missing. Windows of
    the greatest length, each begun at the first such moment not covered yet, are the fewest that cover them. What lies
    between two gaps is fetched again where that saves a request. `most` is the number of buckets of a window.
    """
    by_datapoint: dict[str, Spans] = {key: union(spans) for key, spans in missing.items()}
    length = (MAX_BUCKETS if most is None else most) * step
    found: list[Window] = []
    covered: int | None = None
    for begin, end in union(span for spans in by_datapoint.values() for span in spans):
        at = begin if covered is None else max(begin, covered)
        while at < end:
            limit = at + length
            parts = {key: intersection(spans, [(at, limit)]) for key, spans in by_datapoint.items()}
            # Cut to the last missing moment: buckets behind it would be transferred for nothing.
            last = max(part[-1][1] for part in parts.values() if part)
            found.append(Window(at, last, tuple(key for key, part in parts.items() if part), step))
            at = covered = limit
    # Newest first: a later value is what makes the older ones final (see `DeviceHistory.merged`).
    return found[::-1]

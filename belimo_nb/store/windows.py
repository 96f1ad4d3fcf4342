"""Windows: the fewest requests that fetch what is missing of one device at one resolution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from belimo_nb.api.history import MAX_BUCKETS
from belimo_nb.store.coverage import Span, Spans, intersection, union


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

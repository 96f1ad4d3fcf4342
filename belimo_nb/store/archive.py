"""History through the store: what is kept and still holds is not asked for again."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from belimo_nb.api import history
from belimo_nb.api.paging import Get
from belimo_nb.errors import NoDataError, StoreError
from belimo_nb.store.coverage import GRACE, Coverage, Open, Span, Spans, minus
from belimo_nb.store.disk import Store, StoreWarning, canonical
from belimo_nb.store.kept import Kept
from belimo_nb.store.windows import Window, windows

__all__ = ["Archive", "Filled", "Question", "Seen", "span_of"]

FRESH = 300
"""Seconds for which an answer that may still change is taken as it is: the cloud itself trails by as much."""


@dataclass(frozen=True)
class Seen:
    """What the list of devices says about a device's last contact.

    Attributes:
        at: The last contact, seconds since 1970; None: never.
        listed: When the list was asked for.
    """

    at: int | None
    listed: int


@dataclass(frozen=True)
class Question:
    """What is wanted of one device at one resolution.

    Attributes:
        device: Its id.
        name: What messages call it.
        seen: Its last contact.
        resolution: Length of a bucket.
        wanted: For each datapoint, the span of whole buckets.
    """

    device: str
    name: str
    seen: Seen
    resolution: str
    wanted: Mapping[str, Span] = field(hash=False)


@dataclass(frozen=True)
class Filled:
    """What a question has cost, and what came of it.

    Attributes:
        kept: All that is known of the device now.
        requests: Requests made.
        points: Values received.
        changed: Values that should not have changed any more, but did.
        lacking: Datapoints that the cloud left out.
        unkept: Why the answers could not be kept, or None.
    """

    kept: Kept
    requests: int = 0
    points: int = 0
    changed: int = 0
    lacking: frozenset[str] = frozenset()
    unkept: StoreError | None = None


class Archive:
    """Answers questions about history from the store, and asks the cloud for the rest.

    Args:
        get: Asks the API.
        store: Where answers are kept.
        offline: Answer from the store alone.
        since: Take answers of that moment and later for current (seconds since 1970); None: of the last minutes.
    """

    def __init__(self, get: Get, store: Store, *, offline: bool = False, since: int | None = None) -> None:
        self._get = get
        self.store = store
        self.offline = offline
        self._since = since

    def reader(self) -> Archive:
        """The same without a connection: it can be sent to another process, to read and to plan."""
        return Archive(_no_requests, self.store, offline=self.offline, since=self._since)

    def frame(
        self, question: Question, datapoints: Sequence[str], start: pd.Timestamp, end: pd.Timestamp, now: int
    ) -> pd.DataFrame:
        """The frame that `belimo_nb.api.history.fetch` gives.

        Raises:
            NoDataError: Offline, and nothing of it was ever fetched.
            CloudError: The cloud refuses or fails; what it gave before is kept.
        """
        grid = history.checked_buckets(start, end, question.resolution)
        kept = self.store.read(question.device, question.resolution, datapoints)
        if self.offline:
            self._check(kept, question)
        elif self.plan(kept.coverage, question, now):
            filled = self.fill(question, now)
            kept = filled.kept
            history.tell_lacking(question.device, filled.lacking)
            if filled.unkept is not None:
                warnings.warn(str(filled.unkept), StoreWarning, stacklevel=3)
        return kept.frame(datapoints, grid)

    def plan(
        self, known: Mapping[str, Coverage], question: Question, now: int, *, refresh: bool = False
    ) -> list[Window]:
        """The requests that a question needs beyond what is known, newest first."""
        missing: dict[str, Spans] = {}
        for key, span in question.wanted.items():
            coverage = Coverage() if refresh else known.get(key, Coverage())
            missing[key] = coverage.missing([span], lambda piece: self._holds(piece, question.seen, now))
        found = windows(missing, int(history.parse_resolution(question.resolution).total_seconds()))
        return [self._with_witness(found[0], question.seen), *found[1:]] if found else []

    @staticmethod
    def _with_witness(window: Window, seen: Seen) -> Window:
        """The window and, if it costs no request, a bucket more: a value in it makes all before it final."""
        room = window.end - window.begin < history.MOST_BUCKETS * window.step
        late = seen.at is not None and window.end + window.step <= seen.at - GRACE
        return replace(window, end=window.end + window.step) if room and late else window

    def fill(
        self,
        question: Question,
        now: int,
        *,
        refresh: bool = False,
        on_answer: Callable[[int], None] = lambda _: None,
    ) -> Filled:
        """Ask for what is missing, newest first, and keep each answer as it comes.

        The lock is held from the plan to the last answer: another process that wants the same waits, and then finds
        it. A store that takes no more costs no answers: they are given, with the reason in ``unkept``.

        Args:
            question: What is wanted.
            now: The time, seconds since 1970.
            refresh: Ask for all of it, whatever is kept.
            on_answer: Called with the number of values once an answer is kept; what it raises ends the filling.

        Raises:
            CloudError: The cloud refuses or fails; what it gave before is kept.
        """
        with self._locked(question) as refused:
            kept = self.store.read(question.device, question.resolution)
            filled = Filled(kept, unkept=refused)
            for window in self.plan(kept.coverage, question, now, refresh=refresh):
                points = filled.points
                filled = self._ask(question, window, filled, now)
                on_answer(filled.points - points)
        return filled

    def _ask(self, question: Question, window: Window, filled: Filled, now: int) -> Filled:
        first, after = (pd.Timestamp(moment, unit="s", tz="UTC") for moment in window.span)
        answer = history.ask(
            self._get, question.device, window.datapoints, first, after, question.resolution, history.KEPT_AGGREGATION
        )
        kept, changed = filled.kept.answered(window.span, answer, now, question.seen.at)
        unkept = filled.unkept
        if unkept is None:
            try:
                self.store.write(kept)
            except StoreError as error:
                unkept = error
        return Filled(
            kept,
            filled.requests + 1,
            filled.points + sum(len(values) for values in answer.values()),
            filled.changed + changed,
            filled.lacking | (set(window.datapoints) - set(answer)),
            unkept,
        )

    @contextlib.contextmanager
    def _locked(self, question: Question) -> Iterator[StoreError | None]:
        with contextlib.ExitStack() as stack:
            refused = None
            try:
                stack.enter_context(self.store.lock(question.device, question.resolution))
            except StoreError as error:
                refused = error
            yield refused

    def _holds(self, piece: Open, seen: Seen, now: int) -> bool:
        """Whether an answer that may change can still be taken as it is."""
        since = now - FRESH if self._since is None else self._since
        if piece.asked > now + FRESH:
            return False  # a clock was wrong, then or now
        if piece.asked >= since:
            return True
        # What was asked holds while the device sends nothing, and the list says until when that was so.
        return seen.at == piece.seen and seen.listed >= max(piece.asked, since)

    def _check(self, kept: Kept, question: Question) -> None:
        """Offline: say what was never fetched."""
        lacking = {
            key: left
            for key, span in question.wanted.items()
            if (left := minus([span], kept.coverage.get(key, Coverage()).asked))
        }
        whole = [key for key, left in lacking.items() if left == (question.wanted[key],)]
        advice = "fetch it with `belimo-nb sync` while online"
        if len(whole) == len(question.wanted):
            raise NoDataError(
                f"The store holds no history of {question.name} at {question.resolution} for this range; {advice}."
            )
        if lacking:
            parts = sorted({span for left in lacking.values() for span in left})
            days = ", ".join(f"{_day(begin)} to {_day(end)}" for begin, end in parts[:3])
            warnings.warn(
                f"The store lacks {', '.join(sorted(lacking))} of {question.name} at {question.resolution}, "
                f"{days}; shown as unknown: {advice}.",
                StoreWarning,
                stacklevel=4,
            )


def _no_requests(path: str, params: object = None, what: str | None = None) -> dict[str, Any]:
    raise NoDataError(f"Here only the store is read; {what or path} is not asked for.")


def span_of(start: pd.Timestamp, end: pd.Timestamp, resolution: str) -> Span:
    """The buckets that a range touches, as one span."""
    step = int(history.parse_resolution(canonical(resolution)).total_seconds())
    first, after = start.as_unit("ns").value, end.as_unit("ns").value
    return first // (step * 10**9) * step, -(-after // (step * 10**9)) * step


def _day(moment: int) -> str:
    return f"{pd.Timestamp(moment, unit='s', tz='UTC'):%Y-%m-%d %H:%M}Z"

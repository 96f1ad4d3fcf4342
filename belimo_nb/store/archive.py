"""History through the store: what is kept and still current is not fetched again."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from belimo_nb.api import history
from belimo_nb.api.paging import Get
from belimo_nb.errors import NoDataError, StoreError
from belimo_nb.quantities import plural
from belimo_nb.store.coverage import DOUBTED, GRACE, Coverage, OpenSpan, Span, Spans, Window, difference, windows
from belimo_nb.store.device_history import DeviceHistory, Differences
from belimo_nb.store.disk import Store, StoreWarning, canonical_resolution
from belimo_nb.store.meaning import Units, sources

NOTHING = pd.Series([], pd.DatetimeIndex([], tz="UTC"), dtype=object)
FRESH = 300  # seconds for which an answer that may still change counts as current: the cloud itself trails by as much


@dataclass(frozen=True)
class LastContact:
    """A device's last contact with the cloud, by the list of devices.

    Attributes:
        at: The last contact, seconds since 1970; None: never.
        listed: When the list was fetched.
    """

    at: int | None
    listed: int

    @property
    def moment(self) -> pd.Timestamp | None:
        """The last contact, UTC; None: never."""
        return None if self.at is None else pd.Timestamp(self.at, unit="s", tz="UTC")

    def until(self, now: int) -> LastContact:
        """The same, at `now` at the latest: a contact in the future is a clock that is wrong, here or there."""
        return self if self.at is None else replace(self, at=min(self.at, now))


@dataclass(frozen=True)
class HistoryQuery:
    """The history that is wanted of one device at one resolution.

    Attributes:
        device: Its id.
        name: Its name in messages.
        seen: Its last contact.
        resolution: Length of a bucket.
        wanted: For each datapoint, the span of whole buckets.
        earlier: Ids that it had before it changed hands, the latest first: what is kept under them is its history, too.
        units: What its datapoints mean by its present dataprofile; empty: unknown.
    """

    device: str
    name: str
    seen: LastContact
    resolution: str
    wanted: Mapping[str, Span] = field(hash=False)
    earlier: tuple[str, ...] = ()
    units: Units = field(default_factory=dict, hash=False)

    def units_of(self, kept: DeviceHistory) -> Units:
        """Those of `units` that it asks for, or that a history has already: another request may find them changed."""
        held = kept.meanings[-1].units if kept.meanings else {}
        quantities = {quantity for quantity, _ in held.values() if quantity}
        return {
            key: meant
            for key, meant in self.units.items()
            if key in self.wanted or key in held or meant[0] in quantities
        }


@dataclass(frozen=True)
class FillResult:
    """The history after a query was answered, and the requests that it took.

    Attributes:
        kept: All that is known of the device now.
        requests: Requests made.
        points: Values received.
        changed: Values that should not have changed any more, but did.
        lacked: Kept values that answers did not have; they stay.
        lacking: Datapoints that the cloud left out.
        write_error: Why the answers could not be kept, or None.
    """

    kept: DeviceHistory
    requests: int = 0
    points: int = 0
    changed: int = 0
    lacked: int = 0
    lacking: frozenset[str] = frozenset()
    write_error: StoreError | None = None


class Archive:
    """Answers history queries from the store, and asks the cloud for the rest unless `offline`.

    Answers count as current from `since` on (seconds since 1970), by default those of the last minutes.
    """

    def __init__(self, get: Get, store: Store, *, offline: bool = False, since: int | None = None) -> None:
        self._get = get
        self.store = store
        self.offline = offline
        self._since = since

    def reader(self) -> Archive:
        """The archive without its connection, which another process can be sent, to read and to plan."""
        return Archive(_no_requests, self.store, offline=self.offline, since=self._since)

    def frame(
        self, query: HistoryQuery, datapoints: Sequence[str], start: pd.Timestamp, end: pd.Timestamp, now: int
    ) -> pd.DataFrame:
        """Read a range as `belimo_nb.api.history.fetch` does, from the store where it will do.

        Raises:
            NoDataError: Offline, and nothing of it was ever fetched.
            CloudError: The cloud refuses or fails; what it gave before is kept.
        """
        grid = history.checked_buckets(start, end, query.resolution)
        kept = self.store.read(query.device, query.resolution, datapoints)
        if self.offline:
            kept = self.joined(kept, query, datapoints)
            self._check_fetched(kept, query)
            return kept.frame(datapoints, grid)
        if self.plan(kept.coverage, query, now):
            filled = self.fill(query, now)
            kept = filled.kept
            history.warn_missing_series(query.device, filled.lacking)
            for sentence in differences_text(query.name, Differences(filled.changed, filled.lacked)):
                warnings.warn(sentence, StoreWarning, stacklevel=3)
            if filled.write_error is not None:
                warnings.warn(str(filled.write_error), StoreWarning, stacklevel=3)
        return self.joined(kept, query, datapoints).frame(datapoints, grid)

    def joined(self, kept: DeviceHistory, query: HistoryQuery, datapoints: Sequence[str]) -> DeviceHistory:
        """What is kept of a device, as its dataprofile means it now, with its earlier ids; conflicts are told."""
        kept = self._translated(kept, query, datapoints)
        for identifier in query.earlier:
            earlier = self.store.read(identifier, query.resolution, datapoints)
            kept, conflicts = kept.joined(self._translated(earlier, query, datapoints))
            if conflicts:
                differ = plural(conflicts, f"reading of {query.name} differs", f"readings of {query.name} differ")
                warnings.warn(
                    f"{differ} from those kept under its earlier id {identifier}; those of its present id count.",
                    StoreWarning,
                    stacklevel=4,
                )
        return kept

    def _translated(self, kept: DeviceHistory, query: HistoryQuery, datapoints: Sequence[str]) -> DeviceHistory:
        units = {key: query.units[key] for key in datapoints if key in query.units}
        needed = sources(units, kept.meanings)
        if not needed:
            return kept
        if not kept.columns.keys() >= set(needed) & kept.coverage.keys():
            kept = self.store.read(kept.device, kept.resolution, [*datapoints, *needed])
        return kept.translated(units)

    def plan(
        self, known: Mapping[str, Coverage], query: HistoryQuery, now: int, *, refresh: bool = False, sure: bool = False
    ) -> list[Window]:
        """The requests that a query needs beyond what is known, newest first; what is doubted among them if `sure`.

        None where files were imported.
        """
        if self.store.imported:
            return []
        missing: dict[str, Spans] = {}
        seen = query.seen.until(now)
        for key, span in query.wanted.items():
            coverage = Coverage() if refresh else known.get(key, Coverage())
            missing[key] = coverage.missing([span], lambda piece: self._is_current(piece, seen, now, sure))
        found = windows(missing, int(history.parse_resolution(query.resolution).total_seconds()))
        return [self._with_witness(found[0], seen), *found[1:]] if found else []

    @staticmethod
    def _with_witness(window: Window, seen: LastContact) -> Window:
        """Add one bucket behind the newest window, where that costs no request."""
        # A bucket is final only if a later one has a value; without a witness the range's last one would never be.
        room = window.end - window.begin < history.MAX_BUCKETS * window.step
        late = seen.at is not None and window.end + window.step <= seen.at - GRACE
        return replace(window, end=window.end + window.step) if room and late else window

    def fill(
        self,
        query: HistoryQuery,
        now: int,
        *,
        refresh: bool = False,
        sure: bool = False,
        on_answer: Callable[[int], None] = lambda _: None,
    ) -> FillResult:
        """Fetch what is missing (with `refresh` all), newest first, and keep each answer as it comes.

        `on_answer` is called with the number of values of each answer once it is kept; what it raises ends the filling.

        Raises:
            CloudError: The cloud refuses or fails; what it gave before is kept.
        """
        # Locked from the plan to the last answer: another process that wants the same waits, and then finds it.
        with contextlib.ExitStack() as stack:
            write_error = None
            try:
                stack.enter_context(self.store.lock(query.device, query.resolution))
            except StoreError as error:
                write_error = error
            filled = FillResult(self.store.read(query.device, query.resolution), write_error=write_error)
            query = self._with_earlier_sources(query, filled.kept)
            for window in self.plan(filled.kept.coverage, query, now, refresh=refresh, sure=sure):
                points = filled.points
                filled = self._fetch(query, window, filled, now)
                on_answer(filled.points - points)
        return filled

    @staticmethod
    def _with_earlier_sources(query: HistoryQuery, kept: DeviceHistory) -> HistoryQuery:
        """A query, also for what its quantities were in before, up to the first contact under the dataprofile now."""
        wanted = dict(query.wanted)
        for meaning, after in itertools.pairwise(kept.noted(query.units_of(kept), query.seen.at).meanings):
            for key, (begin, end) in query.wanted.items():
                until = min(end, -(-after.first // kept.step) * kept.step)
                for source in sources({key: query.units.get(key, ("", ""))}, [meaning]):
                    if source not in query.wanted and begin < until:
                        wanted[source] = begin, until
        return replace(query, wanted=wanted)

    def _fetch(self, query: HistoryQuery, window: Window, filled: FillResult, now: int) -> FillResult:
        first, after = (pd.Timestamp(moment, unit="s", tz="UTC") for moment in window.span)
        answer = history.ask_window(
            self._get, query.device, window.datapoints, first, after, query.resolution, history.KEPT_AGGREGATION
        )
        # Of what the dataprofile has no more, the cloud may leave out what there never was.
        answer |= {key: NOTHING for key in window.datapoints if query.units and key not in {*answer, *query.units}}
        left_out = set(window.datapoints) - set(answer)
        seen = query.seen.until(now).at
        kept, told = filled.kept.merged(window.span, answer, now, seen, left_out)
        kept = kept.noted(query.units_of(kept), seen)
        # A full disk costs no answers: they are given, and tried no further to write, with the reason.
        write_error = filled.write_error
        if write_error is None:
            try:
                self.store.write(kept)
            except StoreError as error:
                write_error = error
        return FillResult(
            kept,
            filled.requests + 1,
            filled.points + sum(int(values.notna().sum()) for values in answer.values()),
            filled.changed + told.changed,
            filled.lacked + told.lacked,
            filled.lacking | left_out,
            write_error,
        )

    def _is_current(self, piece: OpenSpan, seen: LastContact, now: int, sure: bool) -> bool:
        """Whether an answer that may change need not be fetched again."""
        since = now - FRESH if self._since is None else self._since
        if piece.asked > now + FRESH:
            return False  # a clock was wrong, then or now
        if piece.asked >= since:
            # A sync asks at once for what it doubts, a run of reports once, and a notebook not with every cell.
            return not sure or piece.seen != DOUBTED or self._since is not None
        # A device that has said nothing since cannot have changed anything; the list must be newer than the answer.
        return seen.at == piece.seen and seen.listed >= max(piece.asked, since)

    def _check_fetched(self, kept: DeviceHistory, query: HistoryQuery) -> None:
        """Raise or warn of what was never fetched, for work offline."""
        if self.store.imported and len(kept.coverage):
            return  # no more is to be had: what lacks is unknown
        lacking = {
            key: left
            for key, span in query.wanted.items()
            if (left := difference([span], kept.coverage.get(key, Coverage()).asked))
        }
        whole = [key for key, left in lacking.items() if left == (query.wanted[key],)]
        advice = "import it" if self.store.imported else "fetch it with `belimo-nb sync` while online"
        if len(whole) == len(query.wanted):
            raise NoDataError(
                f"The store holds no history of {query.name} at {query.resolution} for this range; {advice}."
            )
        if lacking:
            parts = sorted({span for left in lacking.values() for span in left})
            days = ", ".join(f"{_as_text(begin)} to {_as_text(end)}" for begin, end in parts[:3])
            warnings.warn(
                f"The store lacks {', '.join(sorted(lacking))} of {query.name} at {query.resolution}, {days}; shown "
                f"as unknown: {advice}.",
                StoreWarning,
                stacklevel=4,
            )


def differences_text(name: str, told: Differences) -> list[str]:
    """Sentences on how the cloud's answers differ from what is kept of a device."""
    found = []
    if told.changed:
        changed = plural(told.changed, "value that was settled has", "values that were settled have")
        found.append(f"{changed} changed in the cloud's history of {name}; the new ones are kept.")
    if told.lacked:
        lacked = plural(told.lacked, "value that is", "values that are")
        found.append(
            f"The cloud's history of {name} lacks {lacked} kept; what is kept stays, and that time is asked for again."
        )
    return found


def _no_requests(path: str, params: object = None, what: str | None = None) -> dict[str, Any]:
    raise NoDataError(f"Here only the store is read; {what or path} is not asked for.")


def span_of(start: pd.Timestamp, end: pd.Timestamp, resolution: str) -> Span:
    """The buckets that a range touches, as one span."""
    # Buckets are multiples of their length since 1970, so both edges move outwards to the next one.
    step = int(history.parse_resolution(canonical_resolution(resolution)).total_seconds()) * 10**9
    first, after = start.as_unit("ns").value, end.as_unit("ns").value
    return first // step * step // 10**9, -(-after // step) * step // 10**9


def _as_text(moment: int) -> str:
    return f"{pd.Timestamp(moment, unit='s', tz='UTC'):%Y-%m-%d %H:%M}Z"

"""Sync: fetching the history of many devices into the store, several at a time, each failure on its own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from belimo_nb.client.retries import MAX_UNREACHABLE, is_of_all, own_error
from belimo_nb.errors import BelimoError
from belimo_nb.quantities import plural
from belimo_nb.store.archive import Archive, FillResult, HistoryQuery, differences_text
from belimo_nb.store.device_history import Differences
from belimo_nb.system.progress import bar

# Enough for two requests a second of a cloud that takes two seconds for each, with one waiting before it tries again.
# Each takes some 40 MB while it reads a year of hourly answers, so more would cost memory.
WORKERS = 4

PAUSE = 0.2


@dataclass(frozen=True)
class Plan:
    """The requests that a sync has to make.

    Attributes:
        queries: All, those that the store answers included.
        pending: Those that need requests, with how many.
        points: Values to come, at most.
        rate: Requests a second; 0: no limit.
    """

    queries: Sequence[HistoryQuery]
    pending: Sequence[tuple[HistoryQuery, int]]
    points: int
    rate: float

    @property
    def requests(self) -> int:
        """Requests to make."""
        return sum(count for _, count in self.pending)

    @property
    def devices(self) -> int:
        """Devices that it is about."""
        return len({query.device for query in self.queries})

    @property
    def seconds(self) -> float:
        """The time that the rate alone makes it take."""
        # The first second's requests begin at once, see `RateLimit`.
        return max(0.0, self.requests - max(1, int(self.rate))) / self.rate if self.rate else 0.0


@dataclass
class SyncResult:
    """The counts and failures of a sync.

    Attributes:
        requests: Requests answered.
        points: Values received.
        differences: By device name, how answers differ from what was kept.
        failures: By device name, why its history is not complete.
        lacking: By device name, the datapoints that the cloud left out.
    """

    requests: int = 0
    points: int = 0
    differences: dict[str, Differences] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    lacking: dict[str, list[str]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """Values that should not have changed any more, but did."""
        return sum(told.changed for told in self.differences.values())

    @property
    def lacked(self) -> int:
        """Kept values that answers did not have; they stay."""
        return sum(told.lacked for told in self.differences.values())


def plan(archive: Archive, queries: Sequence[HistoryQuery], now: int, rate: float, *, refresh: bool = False) -> Plan:
    """Find out what is missing, from the store's metadata alone."""
    pending = []
    points = 0
    for query in queries:
        known = {} if refresh else archive.store.coverage(query.device, query.resolution)
        if windows := archive.plan(known, query, now, sure=True):
            pending.append((query, len(windows)))
            points += sum(window.points for window in windows)
    return Plan(queries, pending, points, rate)


def run(
    archive: Archive,
    planned: Plan,
    now: int,
    *,
    refresh: bool = False,
    on_answer: Callable[[int], None] = lambda _: None,
    on_device: Callable[[str, str | None], None] = lambda *_: None,
) -> SyncResult:
    """Make the planned requests. When interrupted, it ends after those under way, whose answers are kept.

    `on_answer` is called with the number of values of each answer, `on_device` with the name of each device that is
    done and why it failed, or None. With `refresh` all is fetched, whatever is kept.

    Raises:
        SignInError: The credentials are refused.
        StoreError: Nothing can be kept.
        ConnectionFailed: Device after device cannot be reached.
    """
    result = SyncResult()
    if planned.pending:
        archive.store.check()  # before requests are spent on it
    stopped = threading.Event()
    lock = threading.Lock()

    def count(points: int) -> None:
        with lock:
            on_answer(points)
        # Only here, between two requests, so that no answer is fetched and then lost.
        if stopped.is_set():
            raise _Stopped

    def fill(query: HistoryQuery) -> FillResult | None:
        if stopped.is_set():
            return None
        try:
            return archive.fill(query, now, refresh=refresh, sure=True, on_answer=count)
        except _Stopped:
            return None

    unreachable = 0
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="belimo-nb-sync") as pool:
        waiting = iter(planned.pending)
        futures: dict[Future[FillResult | None], HistoryQuery] = {}
        try:
            while True:
                # A few ahead, not all: a fleet's answers need not fit into memory.
                for query, _ in itertools.islice(waiting, 2 * WORKERS - len(futures)):
                    futures[pool.submit(fill, query)] = query
                if not futures:
                    break
                # The pause lets Ctrl-C through where a wait without end would not (Windows).
                done, _ = wait(futures, timeout=PAUSE, return_when=FIRST_COMPLETED)
                for future in done:
                    query = futures.pop(future)
                    error = _enter(result, query, future)
                    # Several in a row are the cloud's fault, not the devices': each would take its timeouts.
                    unreachable = unreachable + 1 if error is not None and is_of_all(error) else 0
                    if error is not None and unreachable >= min(MAX_UNREACHABLE, len(planned.pending)):
                        raise error
                    on_device(query.name, str(error) if error else None)
        finally:
            stopped.set()
            for future in futures:
                future.cancel()
    return result


class _Stopped(Exception):
    """Ends a filling between two requests."""


def _enter(result: SyncResult, query: HistoryQuery, future: Future[FillResult | None]) -> BelimoError | None:
    """Enter a device's result; an error that every other device would meet, too, is raised."""
    try:
        filled = future.result()
    except (BelimoError, MemoryError) as error:
        own = own_error(error, query.name)
        result.failures[query.name] = str(own)
        return own
    if filled is None:
        return None
    if filled.write_error is not None:
        if not filled.write_error.of_file:
            raise filled.write_error
        result.failures[query.name] = str(filled.write_error)
    result.requests += filled.requests
    result.points += filled.points
    if filled.changed or filled.lacked:
        before = result.differences.get(query.name, Differences())
        result.differences[query.name] = Differences(before.changed + filled.changed, before.lacked + filled.lacked)
    if filled.lacking:
        result.lacking[query.name] = sorted(filled.lacking)
    return None


def run_with_progress(
    archive: Archive, planned: Plan, now: int, *, refresh: bool = False, shown: bool = True
) -> SyncResult:
    """Make the planned requests, as `run`, with a progress bar on a terminal and in notebooks if `shown`."""
    progress = bar(planned.requests, "request", "Fetching history", shown=shown)
    devices, points = 0, 0

    def on_answer(values: int) -> None:
        nonlocal points
        points += values
        progress.update()

    def on_device(_: str, __: str | None) -> None:
        nonlocal devices
        devices += 1
        progress.set_postfix_str(f"{devices} of {plural(len(planned.pending), 'device')}, {plural(points, 'value')}")

    with progress:
        return run(archive, planned, now, refresh=refresh, on_answer=on_answer, on_device=on_device)


def remarks(result: SyncResult) -> list[str]:
    """Sentences about a sync, beside its failures: series that the cloud lacks, settled values that changed."""
    found = [
        f"Warning: The cloud's history of {name} lacks {', '.join(datapoints)}."
        for name, datapoints in result.lacking.items()
    ]
    for name, told in result.differences.items():
        found += [f"Note: {sentence}" for sentence in differences_text(name, told)]
    return found

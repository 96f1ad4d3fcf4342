"""Filling the store: many devices, several at a time, each failure on its own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from belimo_nb.client.retries import HOPELESS
from belimo_nb.errors import BelimoError, ConnectionFailed, SignInError, UsageError
from belimo_nb.store.archive import Archive, Filled, Question
from belimo_nb.system.progress import bar

__all__ = ["Outcome", "Plan", "fill", "plan", "remarks", "run"]

WORKERS = 4
"""Enough for two requests a second of a cloud that takes two seconds for each; one that waits before it tries again
leaves three. Each takes some 40 MB while it reads a year of hourly answers, so more would cost memory."""

PAUSE = 0.2


@dataclass(frozen=True)
class Plan:
    """What a sync has to do.

    Attributes:
        questions: All, those that the store answers included.
        open: Those that need requests, with how many.
        points: Values to come, at most.
        rate: Requests a second; 0: no limit.
    """

    questions: Sequence[Question]
    open: Sequence[tuple[Question, int]]
    points: int
    rate: float

    @property
    def requests(self) -> int:
        """Requests to make."""
        return sum(count for _, count in self.open)

    @property
    def devices(self) -> int:
        """Devices that it is about."""
        return len({question.device for question in self.questions})

    @property
    def seconds(self) -> float:
        """The time that the rate alone makes it take: a second's worth of requests is free."""
        return max(0.0, self.requests - max(1, int(self.rate))) / self.rate if self.rate else 0.0


@dataclass
class Outcome:
    """What a sync has done.

    Attributes:
        requests: Requests answered.
        points: Values received.
        changed: Values that should not have changed any more, but did.
        failures: By device name, why its history is not complete.
        lacking: By device name, the datapoints that the cloud left out.
        devices: Ids of the devices that failed.
    """

    requests: int = 0
    points: int = 0
    changed: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    lacking: dict[str, list[str]] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)


def plan(archive: Archive, questions: Sequence[Question], now: int, rate: float, *, refresh: bool = False) -> Plan:
    """Find out what is missing, from the store's metadata alone."""
    waiting = []
    points = 0
    for question in questions:
        known = {} if refresh else archive.store.coverage(question.device, question.resolution)
        if windows := archive.plan(known, question, now):
            waiting.append((question, len(windows)))
            points += sum(window.points for window in windows)
    return Plan(questions, waiting, points, rate)


def run(
    archive: Archive,
    planned: Plan,
    now: int,
    *,
    refresh: bool = False,
    on_answer: Callable[[int], None] = lambda _: None,
    on_device: Callable[[str, str | None], None] = lambda *_: None,
) -> Outcome:
    """Do what is planned. When interrupted, it ends with the requests under way, whose answers are kept.

    Args:
        archive: Asks and keeps.
        planned: See `plan`.
        now: The time, seconds since 1970.
        refresh: Ask for all, whatever is kept.
        on_answer: Called with the number of values, for each answer.
        on_device: Called with a device's name, and why it failed or None, when it is done.

    Raises:
        SignInError: The credentials are refused.
        StoreError: Nothing can be kept.
        ConnectionFailed: Device after device cannot be reached.
    """
    outcome = Outcome()
    if planned.open:
        archive.store.check()  # before requests are spent on it
    stopped = threading.Event()
    lock = threading.Lock()

    def told(points: int) -> None:
        with lock:
            on_answer(points)
        if stopped.is_set():
            raise _Stopped

    def fill(question: Question) -> Filled | None:
        if stopped.is_set():
            return None
        try:
            return archive.fill(question, now, refresh=refresh, on_answer=told)
        except _Stopped:
            return None

    unreachable = 0
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="belimo-nb-sync") as pool:
        waiting = iter(planned.open)
        futures: dict[Future[Filled | None], Question] = {}
        try:
            while True:
                # A few ahead, not all: a fleet's answers need not fit into memory.
                for question, _ in itertools.islice(waiting, 2 * WORKERS - len(futures)):
                    futures[pool.submit(fill, question)] = question
                if not futures:
                    break
                # The pause lets Ctrl-C through where a wait without end would not (Windows).
                done, _ = wait(futures, timeout=PAUSE, return_when=FIRST_COMPLETED)
                for future in done:
                    question = futures.pop(future)
                    error = _settle(outcome, question, future)
                    unreachable = unreachable + 1 if isinstance(error, ConnectionFailed) else 0
                    if error is not None and unreachable >= min(HOPELESS, len(planned.open)):
                        raise error
                    on_device(question.name, str(error) if error else None)
        finally:
            stopped.set()
            for future in futures:
                future.cancel()
    return outcome


class _Stopped(Exception):
    """Ends a filling between two requests."""


def _settle(outcome: Outcome, question: Question, future: Future[Filled | None]) -> BelimoError | None:
    """Enter a device's result; what would befall every other device, too, is raised."""
    try:
        filled = future.result()
    except (SignInError, UsageError):
        raise
    except BelimoError as error:
        outcome.failures[question.name] = str(error)
        outcome.devices.add(question.device)
        return error
    if filled is None:
        return None
    if filled.unkept is not None:
        raise filled.unkept
    outcome.requests += filled.requests
    outcome.points += filled.points
    outcome.changed += filled.changed
    if filled.lacking:
        outcome.lacking[question.name] = sorted(filled.lacking)
    return None


def fill(archive: Archive, planned: Plan, now: int, *, refresh: bool = False, shown: bool = True) -> Outcome:
    """Do what is planned, as `run`, with a progress bar on a terminal and in notebooks unless not `shown`."""
    progress = bar(planned.requests, "request", "Fetching history", shown=shown)
    devices, points = 0, 0

    def on_answer(values: int) -> None:
        nonlocal points
        points += values
        progress.update()

    def on_device(_: str, __: str | None) -> None:
        nonlocal devices
        devices += 1
        progress.set_postfix_str(f"{devices} of {len(planned.open)} devices, {points:,} values")

    with progress:
        return run(archive, planned, now, refresh=refresh, on_answer=on_answer, on_device=on_device)


def remarks(outcome: Outcome) -> list[str]:
    """What a sync has noticed, beside failures: a sentence each."""
    found = [
        f"Warning: The cloud's history of {name} lacks {', '.join(datapoints)}."
        for name, datapoints in outcome.lacking.items()
    ]
    if outcome.changed:
        were = "value that was settled has" if outcome.changed == 1 else "values that were settled have"
        found.append(f"Note: {outcome.changed:,} {were} changed in the cloud; the new ones are kept.")
    return found

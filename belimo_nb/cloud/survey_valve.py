"""The survey of single valves, from the store, shared between processes where there are many."""

from __future__ import annotations

import contextlib
import functools
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.api.history import buckets, parse_resolution
from belimo_nb.api.measurements import joules
from belimo_nb.api.profile import Profile
from belimo_nb.api.sparse import held_columns
from belimo_nb.calendar.intervals import edge_times
from belimo_nb.calendar.moments import nanoseconds
from belimo_nb.calendar.periods import Period
from belimo_nb.client.retries import own_error
from belimo_nb.cloud.checkup import (
    FINE_RESOLUTION,
    busiest_window_within,
    fine_query,
    longest_samples,
    on_longest,
    stored_samples,
)
from belimo_nb.cloud.condition import BLIND, measured_energy
from belimo_nb.energy import design_limit
from belimo_nb.energy.counter import Kind, reading_range
from belimo_nb.energy.faults import Floats, Ints
from belimo_nb.energy.interval import TRACE, intervals
from belimo_nb.energy.readings import clean_arrays
from belimo_nb.errors import BelimoError
from belimo_nb.hydronics import CHECKS, Design, Samples, Verdict, judge
from belimo_nb.hydronics.plant import lacks_water
from belimo_nb.quantities import CHECKED, COUNTERS
from belimo_nb.store.archive import Archive, HistoryQuery
from belimo_nb.store.device_history import DeviceHistory
from belimo_nb.system.cores import cores
from belimo_nb.system.progress import bar

NEEDS_DETAIL = ("hunting", "meter consistency")  # checks that need finer samples than hourly ones
KINDS: tuple[Kind, ...] = ("heating", "cooling")
RANKS = {"fault": 3, "warn": 2, "ok": 1}
NO_READINGS = "The store holds no readings of it for this period."


@dataclass(frozen=True)
class Surveyed:
    """The findings about one valve.

    Attributes:
        kwh: Energy of the period by kind, the known days of it; kinds that never counted are left out. NaN where the
            counter stood still while a sensor of the meter had failed.
        coverage: Share of the period that is covered by readings, 0 to 1.
        days: kWh by local day, of the kind that it counted more of; NaN where unknown.
        verdicts: Of the checks for which the samples are fine enough.
        lacked_water: Whether it was ever open without flow for an hour, as in an outage of its plant.
        requests: Requests that the store's readings still need to be complete.
        detail: The query for the most active two weeks in detail; None if there is nothing to ask.
        reason: Why nothing is known; empty if something is.
    """

    kwh: Mapping[str, float] = field(default_factory=dict)
    coverage: float = 0.0
    days: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    verdicts: Sequence[Verdict] = ()
    lacked_water: bool = False
    requests: int = 0
    detail: HistoryQuery | None = None
    reason: str = ""

    @property
    def worst(self) -> str:
        """The gravest verdict: fault, warn or ok; empty if none could be judged."""
        found = [verdict.verdict for verdict in self.verdicts if verdict.verdict in RANKS]
        return max(found, key=lambda verdict: RANKS[verdict], default="")

    @property
    def findings(self) -> list[Verdict]:
        """The verdicts that are faults or warnings, the gravest first."""
        found = [verdict for verdict in self.verdicts if verdict.verdict in ("fault", "warn")]
        return sorted(found, key=lambda verdict: (verdict.check not in BLIND, -RANKS[verdict.verdict]))

    @property
    def blind(self) -> bool:
        """Whether the valve cannot be seen: its sensors have failed, or it is silent."""
        return any(verdict.check in BLIND and verdict.verdict in BLIND[verdict.check] for verdict in self.verdicts)


@dataclass(frozen=True)
class ValveTask:
    """One valve, with all that another process needs to examine it."""

    query: HistoryQuery
    profile: Profile
    design: Design
    period: Period
    tz: str
    closer: bool  # whether a look in detail may be fetched
    health: str = ""  # what the device says of its meter
    outdoor: pd.Series[float] | None = None  # daily means, °C
    finer: HistoryQuery | None = None  # for the samples, where finer ones than the counters' cost nothing

    @property
    def sampled(self) -> HistoryQuery:
        """The query for the samples that the checks look at."""
        return self.finer or self.query


def examine_share(archive: Archive, tasks: Sequence[ValveTask], now: int) -> list[Surveyed]:
    """Examine valves one after the other, as of `now` (seconds since 1970)."""
    found = []
    for task in tasks:
        try:
            found.append(_examine(archive, task, now))
        except (BelimoError, MemoryError) as error:  # a file that cannot be read costs no other valve
            found.append(Surveyed(reason=str(own_error(error, task.query.name))))
    return found


def _examine(archive: Archive, task: ValveTask, now: int) -> Surveyed:
    query, sampled, period = task.query, task.sampled, task.period
    located = task.profile.checked
    datapoints = [identifier for identifier in located.values() if identifier is not None]
    kept = archive.store.read(query.device, sampled.resolution, datapoints)
    requests = len(archive.plan(kept.coverage, query, now))
    kept = archive.joined(kept, sampled, datapoints)
    if not len(kept.times):
        return Surveyed(requests=requests, reason=NO_READINGS)
    days = _daily_energy(kept.coarser(query.resolution), task, now, files=archive.store.imported)
    known = {kind: float(np.nansum(kwh)) if np.isfinite(kwh).any() else np.nan for kind, (kwh, _) in days.items()}
    most = max(known, key=lambda kind: np.nan_to_num(known[kind]), default=None)
    samples = _samples(task, kept, sampled, period.start, min(period.end, _moment(now)))
    longest = longest_samples(kept, sampled, task.profile, task.design, period, _moment(now))
    fine, detail = _detail(archive, task, samples, located, now)
    closely = fine is not None or parse_resolution(sampled.resolution) <= pd.Timedelta(minutes=15)
    checks = [check for check in CHECKS if closely or check not in NEEDS_DETAIL]
    until = min(period.end, pd.Timestamp(now, unit="s", tz="UTC"))
    judged = judge(samples, fine, tz=task.tz, outdoor=task.outdoor, until=until, checks=checks, health=task.health)
    verdicts = on_longest(judged, longest, task.tz, task.outdoor)
    return Surveyed(
        kwh=measured_energy(known, verdicts, 0 if most is None else len(days[most][0])),
        coverage=max((float(coverage.mean()) for _, coverage in days.values()), default=0.0),
        days=np.empty(0) if most is None else days[most][0],
        verdicts=verdicts,
        lacked_water=bool(lacks_water(samples).any()),
        requests=requests,
        detail=detail,
    )


def read_samples(archive: Archive, task: ValveTask, now: int, quantities: Sequence[str] = CHECKED) -> Samples:
    """The samples of a valve in the period, from the store alone."""
    query, start, checked = task.sampled, task.period.start, task.profile.checked
    datapoints = [identifier for key in quantities if (identifier := checked.get(key)) is not None]
    kept = archive.joined(archive.store.read(query.device, query.resolution, datapoints), query, datapoints)
    return _samples(task, kept, query, start, min(task.period.end, _moment(now)))


def _samples(
    task: ValveTask, kept: DeviceHistory, query: HistoryQuery, start: pd.Timestamp, end: pd.Timestamp
) -> Samples:
    return stored_samples(kept, query, task.profile, task.design, start, end, task.tz)


def _daily_energy(kept: DeviceHistory, task: ValveTask, now: int, *, files: bool) -> dict[str, tuple[Floats, Floats]]:
    """Energy (kWh) and coverage of the days of the period, of the kinds that ever counted; as `Device.energy`."""
    profile, query, step = task.profile, task.query, parse_resolution(task.query.resolution)
    grid, ends, bounds = _counted(task.period, step, task.tz, now, files)
    # By the same datapoints as `Device.counter` judges whether the valve lives, so that both say the same.
    readings = [key for name in COUNTERS if (key := profile.checked[name]) is not None and key in kept.columns]
    lived, spacing = held_columns(kept.on(readings, grid), grid, step, query.seen.moment, counters=True)
    counters = {
        kind: joules(lived[key], profile, key, query.name)
        for kind in KINDS
        if (key := profile.checked[f"{kind}_energy"]) is not None and key in lived
    }
    greatest = {kind: float(np.nanmax(counter, initial=0.0)) for kind, counter in counters.items()}
    nominal, seconds = task.design.nominal_flow_m3h, spacing.total_seconds()
    return {
        kind: intervals(bounds, clean_arrays(ends, counter, seconds, design_limit(nominal, counter, seconds)))[:2]
        for kind, counter in counters.items()
        if greatest[kind] > TRACE * max(greatest.values())
    }


@functools.lru_cache(maxsize=4)  # valves share them
def _counted(period: Period, step: pd.Timedelta, tz: str, now: int, files: bool) -> tuple[pd.DatetimeIndex, Ints, Ints]:
    """The buckets whose counter readings tell the energy of a period's days, the buckets' ends and the days' edges."""
    grid = buckets(*reading_range(period.start, period.end, step, _moment(now), files=files), step)
    return grid, nanoseconds(grid + step), edge_times(period.start, period.end, "D", tz, None, None)


def _detail(
    archive: Archive, task: ValveTask, samples: Samples, located: Mapping[str, str | None], now: int
) -> tuple[Samples | None, HistoryQuery | None]:
    """The most active two weeks in detail, if the store holds them; else the query for them, if one request will do."""
    if not task.closer and not archive.store.path(task.query.device, FINE_RESOLUTION).exists():
        return None, None
    window = busiest_window_within(samples, task.period)
    if window is None:
        return None, None
    query = fine_query(task.query, located, window)
    kept = archive.store.read(query.device, query.resolution, list(query.wanted))
    if missing := len(archive.plan(kept.coverage, query, now)):
        return None, query if missing == 1 else None
    kept = archive.joined(kept, query, list(query.wanted))
    return _samples(task, kept, query, *window), None


@functools.lru_cache(maxsize=1)
def _moment(now: int) -> pd.Timestamp:
    return pd.Timestamp(now, unit="s", tz="UTC").ceil("h")


PARALLEL_FROM = 200  # number of valves from which on several processes share the work: to start them takes a second
CHUNK = 20  # valves that a process takes at a time, so that none waits long for the last


def examine_valves(archive: Archive, tasks: Sequence[ValveTask], now: int) -> list[Surveyed]:
    """Examine valves, many of them in several processes, of which this is one."""
    if len(tasks) < PARALLEL_FROM:
        return examine_share(archive, tasks, now)
    chunks = [tasks[begin : begin + CHUNK] for begin in range(0, len(tasks), CHUNK)]
    todo = deque(range(len(chunks)))
    found: dict[int, list[Surveyed]] = {}
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(bar(len(tasks), "valve", "Examining valves"))
        workers = [stack.enter_context(_Worker(archive, now, chunks, todo)) for _ in range(cores() - 1)]
        while (number := _next(todo)) is not None:
            found[number] = examine_share(archive, chunks[number], now)
            progress.update(len(tasks) * (len(chunks) - len(todo)) // len(chunks) - progress.n)
        for worker in workers:
            found |= worker.answer()
    # A worker that died, e.g. for want of memory, costs time but no valve.
    lost = {number: examine_share(archive, chunks[number], now) for number in range(len(chunks)) if number not in found}
    return [one for _, chunk in sorted((found | lost).items()) for one in chunk]


def _next(todo: deque[int]) -> int | None:
    try:
        return todo.popleft()  # whole, also among threads
    except IndexError:
        return None


class _Worker:
    """A process that examines chunks of valves, as it asks for them."""

    # No `multiprocessing`: where it cannot fork, it imports the user's script, and so runs it again.

    def __init__(self, archive: Archive, now: int, chunks: Sequence[Sequence[ValveTask]], todo: deque[int]) -> None:
        command = [sys.executable, "-P", "-c", "from belimo_nb.cloud.survey_valve import worker_main; worker_main()"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        self._found: dict[int, list[Surveyed]] = {}
        # In a thread: this process works on chunks of its own meanwhile.
        self._talk = threading.Thread(target=self._serve, args=(archive, now, chunks, todo), daemon=True)
        self._talk.start()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._talk.join()
        self._process.communicate()

    def _serve(self, archive: Archive, now: int, chunks: Sequence[Sequence[ValveTask]], todo: deque[int]) -> None:
        asks, answers = (cast("IO[bytes]", pipe) for pipe in (self._process.stdin, self._process.stdout))
        with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):  # it died
            pickle.dump((archive, now), asks)
            asks.flush()
            while answers.read(1) == ASKS:
                number = _next(todo)
                pickle.dump(None if number is None else (number, chunks[number]), asks)
                asks.flush()
                if number is None:
                    self._found = pickle.load(answers)  # noqa: S301 - from a process of ours, over its own pipe

    def answer(self) -> dict[int, list[Surveyed]]:
        """Wait for what it found, by the numbers of its chunks; nothing if it died."""
        self._talk.join()
        return self._found


ASKS = b"?"


def worker_main() -> None:
    """Examine the chunks that come in by standard input, and write the findings to standard output at the end."""
    asks, answers = sys.stdin.buffer, sys.stdout.buffer
    archive, now = pickle.load(asks)  # noqa: S301 - from the process that started this one
    found: dict[int, list[Surveyed]] = {}
    task = None
    while True:
        answers.write(ASKS)  # for the chunk after the one at hand, so that there is no wait for it
        answers.flush()
        if task is not None:
            number, tasks = task
            found[number] = examine_share(archive, tasks, now)
        task = pickle.load(asks)  # noqa: S301 - as above
        if task is None:
            break
    pickle.dump(found, answers)
    answers.flush()

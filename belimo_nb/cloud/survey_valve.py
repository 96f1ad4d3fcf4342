"""One valve of a fleet, examined: what it has moved, and what the checks say of it, from what the store holds."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.api import measurements
from belimo_nb.api.history import buckets, parse_resolution
from belimo_nb.api.profile import Profile
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.checkup import FINE, fine_question, window_of
from belimo_nb.energy import JOULES_PER_KWH, interval_energy, power_limit
from belimo_nb.hydronics import CHECKS, Design, Samples, Verdict, judge
from belimo_nb.quantities import MEASURED
from belimo_nb.store.archive import Archive, Question
from belimo_nb.system.cores import cores

__all__ = ["RANKS", "Case", "Surveyed", "examine_all", "examined", "help_out"]

NEEDS_DETAIL = ("hunting", "meter consistency")
"""Checks that hourly samples cannot carry."""
BLIND: Mapping[str, Sequence[str]] = {"sensor range": ("fault",), "silent": ("warn", "fault")}
"""The verdicts, by check, with which nothing that the valve reports is known: they come first."""
RANKS = {"fault": 3, "warn": 2, "ok": 1}
NO_READINGS = "The store holds no readings of it for this period."


@dataclass(frozen=True)
class Surveyed:
    """What was found out about one valve.

    Attributes:
        kwh: Energy of the period by kind, the known days of it; kinds that never counted are left out.
        coverage: Share of the period that is covered by readings, 0 to 1.
        days: kWh by local day, both kinds together; NaN where unknown.
        verdicts: Of the checks that the samples can carry.
        requests: What it would take to complete the readings.
        detail: What to ask for a closer look at the most active two weeks; None if there is nothing to ask.
        reason: Why nothing is known; empty if something is.
    """

    kwh: Mapping[str, float] = field(default_factory=dict)
    coverage: float = 0.0
    days: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    verdicts: Sequence[Verdict] = ()
    requests: int = 0
    detail: Question | None = None
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
class Case:
    """One valve, with all that is needed to examine it in another process."""

    question: Question
    profile: Profile
    design: Design
    period: Period
    tz: str
    closer: bool  # whether a look in detail may be fetched


def examine_all(archive: Archive, cases: Sequence[Case], now: int) -> list[Surveyed]:
    """What the store says of some valves at `now` (seconds since 1970), in their order."""
    return [_examine(archive, case, now) for case in cases]


def _examine(archive: Archive, case: Case, now: int) -> Surveyed:
    question, period = case.question, case.period
    located = {key: case.profile.locate(key) for key in MEASURED}
    datapoints = [identifier for identifier in located.values() if identifier is not None]
    kept = archive.store.read(question.device, question.resolution, datapoints)
    requests = len(archive.plan(kept.coverage, question, now))
    if not len(kept.times):
        return Surveyed(requests=requests, reason=NO_READINGS)
    step = parse_resolution(question.resolution)
    raw = kept.frame(datapoints, buckets(period.start - step, min(period.end, _moment(now)), step))
    frame = measurements.quantities(raw, case.profile, located, step, case.tz)
    limit = power_limit(frame["power_kw"].to_numpy() * 1e3)
    energy = {
        kind: interval_energy(counter * JOULES_PER_KWH, "D", period.start, period.end, case.tz, step, limit)
        for kind in ("heating", "cooling")
        if bool(((counter := frame[f"{kind}_kwh"]) > 0).any())
    }
    known = {kind: float(days["kwh"].sum(min_count=1)) for kind, days in energy.items()}
    days = [found["kwh"].to_numpy(dtype=float) for found in energy.values()]
    samples = frame.iloc[1:]
    made = Samples(samples, step, case.design)
    fine, detail = _detail(archive, case, made, located, now)
    closely = fine is not None or step <= pd.Timedelta(minutes=15)
    checks = [check for check in CHECKS if closely or check not in NEEDS_DETAIL]
    return Surveyed(
        kwh=known,
        coverage=max((float(found["coverage"].mean()) for found in energy.values()), default=0.0),
        days=np.sum(days, axis=0) if days else np.empty(0),
        verdicts=judge(
            made, fine, tz=case.tz, until=min(period.end, pd.Timestamp(now, unit="s", tz="UTC")), checks=checks
        ),
        requests=requests,
        detail=detail,
    )


def _detail(
    archive: Archive, case: Case, samples: Samples, located: Mapping[str, str | None], now: int
) -> tuple[Samples | None, Question | None]:
    """The most active two weeks in detail, if the store holds them; else what to ask for, if that takes one request."""
    if not case.closer and not archive.store.path(case.question.device, FINE).exists():
        return None, None
    window = window_of(samples, case.period)
    if window is None:
        return None, None
    question = fine_question(case.question, located, window)
    kept = archive.store.read(question.device, question.resolution, list(question.wanted))
    if missing := len(archive.plan(kept.coverage, question, now)):
        return None, question if missing == 1 else None
    step = parse_resolution(question.resolution)
    raw = kept.frame(list(question.wanted), buckets(*window, step))
    return Samples(measurements.quantities(raw, case.profile, located, step, case.tz), step, case.design), None


def _moment(now: int) -> pd.Timestamp:
    return pd.Timestamp(now, unit="s", tz="UTC").ceil("h")


PARALLEL = 200
"""From so many valves on, several processes share the work: to start them takes a second."""


def examined(archive: Archive, cases: Sequence[Case], now: int) -> list[Surveyed]:
    """Examine some valves: many of them in several processes, of which this is one."""
    workers = cores() if len(cases) >= PARALLEL else 1
    shares = [cases[i::workers] for i in range(workers)]
    with contextlib.ExitStack() as stack:
        helpers = [stack.enter_context(_Helper((archive, share, now))) for share in shares[1:]]
        found = [examine_all(archive, shares[0], now)]
        for helper, share in zip(helpers, shares[1:], strict=True):
            answer = helper.answer()
            found.append(examine_all(archive, share, now) if answer is None else answer)
    return [found[i % workers][i // workers] for i in range(len(cases))]


class _Helper:
    """A process that examines a share of the valves; no `multiprocessing`, which would run the user's script again."""

    def __init__(self, task: object) -> None:
        command = [sys.executable, "-P", "-c", "from belimo_nb.cloud.survey_valve import help_out; help_out()"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        self._output = b""
        self._talk = threading.Thread(target=self._communicate, args=(pickle.dumps(task),), daemon=True)
        self._talk.start()

    def __enter__(self) -> _Helper:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._talk.join()

    def _communicate(self, task: bytes) -> None:
        self._output, _ = self._process.communicate(task)

    def answer(self) -> list[Surveyed] | None:
        """What it has found; None if it died."""
        self._talk.join()
        if self._process.returncode != 0:
            return None
        found: list[Surveyed] = pickle.loads(self._output)  # noqa: S301 - from a process of ours, over its own pipe
        return found


def help_out() -> None:
    """In a helper's process: examine what comes in, and send what was found."""
    archive, cases, now = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    sys.stdout.buffer.write(pickle.dumps(examine_all(archive, cases, now)))

"""A fleet examined: what each valve has moved, and what the checks say of it, from what the store holds."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb import measured
from belimo_nb.checkup import FINE, design_of, fine_question, window_of
from belimo_nb.cores import cores
from belimo_nb.energy import JOULES_PER_KWH, interval_energy, power_limit
from belimo_nb.history import buckets, parse_resolution
from belimo_nb.hydronics import CHECKS, Design, Samples, Verdict, judge
from belimo_nb.intervals import edges, quarter_hour_zone
from belimo_nb.periods import Period
from belimo_nb.profile import Profile
from belimo_nb.progress import bar
from belimo_nb.store import sync
from belimo_nb.store.archive import Archive, Question
from belimo_nb.store.needs import MEASURED, questions

if TYPE_CHECKING:
    from belimo_nb.cloud import Cloud

__all__ = ["FETCH", "Survey", "Surveyed", "survey"]

FETCH = 100
"""Requests that a survey makes for what the store lacks; a larger fleet is for `belimo-nb sync`."""
PARALLEL = 200
"""From so many valves on, several processes share the work: to start them takes a second."""
NEEDS_DETAIL = ("hunting", "meter consistency")
"""Checks that hourly samples cannot carry."""
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
        return sorted(found, key=lambda verdict: -RANKS[verdict.verdict])


@dataclass(frozen=True)
class Survey:
    """What was found out about a fleet.

    Attributes:
        period: What it covers.
        devices: The valves: rows of `Cloud.energy_valves`.
        valves: By device id.
        lacking: How many valves the store does not hold completely.
        failures: By device name, why readings could not be fetched.
    """

    period: Period
    devices: pd.DataFrame = field(repr=False)
    valves: Mapping[str, Surveyed] = field(repr=False)
    lacking: int = 0
    failures: Mapping[str, str] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """One row a valve, what to look at first on top.

        Returns:
            DataFrame, index ``id``, columns name, project, city, verdict (fault, warn, ok, or "" for cannot judge),
            findings (the checks), advice (of the gravest), waste_m3 and waste_kwh (the largest estimate of any one
            check: they may be the same water, so they are not added up), heating_kwh, cooling_kwh, coverage, reason.
        """
        rows = []
        for identifier, found in self.valves.items():
            findings = found.findings
            rows.append(
                {
                    "id": identifier,
                    "verdict": found.worst,
                    "findings": ", ".join(verdict.check for verdict in findings),
                    "advice": findings[0].recommendation if findings else "",
                    "waste_m3": _largest([verdict.waste_m3 for verdict in findings]),
                    "waste_kwh": _largest([verdict.waste_kwh for verdict in findings]),
                    "heating_kwh": found.kwh.get("heating", np.nan),
                    "cooling_kwh": found.kwh.get("cooling", np.nan),
                    "coverage": found.coverage,
                    "reason": found.reason,
                }
            )
        columns = ["verdict", "findings", "advice", "waste_m3", "waste_kwh", "heating_kwh", "cooling_kwh", "coverage"]
        frame = pd.DataFrame(rows, columns=["id", *columns, "reason"]).set_index("id")
        frame = self.devices[["name", "project", "city"]].join(frame, how="right")
        order = pd.DataFrame(
            {
                "rank": -frame["verdict"].map(RANKS).fillna(0),
                "kwh": -frame["waste_kwh"].fillna(0),
                "m3": -frame["waste_m3"].fillna(0),
                "name": frame["name"],
            }
        )
        return frame.loc[order.sort_values(["rank", "kwh", "m3", "name"], kind="stable").index]

    def daily(self) -> pd.DataFrame:
        """KWh by local day: index ``time``, one column a valve, named by its id; NaN where unknown."""
        days = _days(self.period)
        nothing = np.full(len(days), np.nan)
        found = {key: valve.days if len(valve.days) else nothing for key, valve in self.valves.items()}
        return pd.DataFrame(found, days)


def survey(cloud: Cloud, devices: pd.DataFrame, period: Period, fetch: int = FETCH) -> Survey:
    """Examine the energy valves among some devices, from the store.

    Args:
        cloud: Where they are.
        devices: Rows of `Cloud.devices`.
        period: What to look at.
        fetch: Requests that may be made for what the store lacks; if it lacks more, it is left out, and told.

    Raises:
        SignInError: The credentials are refused.
    """
    valves = cloud.energy_valves(devices)
    step = "15m" if quarter_hour_zone(cloud.timezone, period.start, period.end) else "1h"
    asked = questions(cloud, valves, period.start, period.end, step, counters_from=period.start, measured=MEASURED)
    cases = [
        _Case(
            question,
            cloud.profile_of(question.device),
            design_of(cloud.device(question.device)),
            period,
            cloud.timezone,
            closer=len(asked) <= fetch,
        )
        for question in asked
    ]
    archive = cloud.archive.reader()
    found: dict[str, Surveyed] = {}

    def look(some: Sequence[_Case]) -> None:
        found.update(zip((case.question.device for case in some), _examined(archive, some, cloud.stamp), strict=True))

    look(cases)
    failures: dict[str, str] = {}
    left = 0 if cloud.settings.offline else fetch
    missing = [case for case in cases if found[case.question.device].requests]
    needed = sum(found[case.question.device].requests for case in missing)
    if 0 < needed <= left:
        failures |= _fetch(cloud, [case.question for case in missing])
        left -= needed
        look(missing)
    close = {key: detail for key, one in found.items() if (detail := one.detail) is not None}
    if 0 < len(close) <= left:
        failures |= _fetch(cloud, list(close.values()))
        look([case for case in cases if case.question.device in close])
    lacking = sum(bool(one.requests) for one in found.values())
    return Survey(period, valves, {str(key): found[str(key)] for key in valves.index}, lacking, failures)


@dataclass(frozen=True)
class _Case:
    """One valve, with all that is needed to examine it in another process."""

    question: Question
    profile: Profile
    design: Design
    period: Period
    tz: str
    closer: bool  # whether a look in detail may be fetched


def _fetch(cloud: Cloud, wanted: Sequence[Question]) -> dict[str, str]:
    planned = sync.plan(cloud.archive, wanted, cloud.stamp, cloud.settings.rate)
    with bar(planned.requests, "request", shown=bool(cloud.settings.rate)) as progress:
        outcome = sync.run(cloud.archive, planned, cloud.stamp, on_answer=lambda _: progress.update())
    return outcome.failures


def _examined(archive: Archive, cases: Sequence[_Case], now: int) -> list[Surveyed]:
    """Examine some valves: many of them in several processes, of which this is one."""
    workers = cores() if len(cases) >= PARALLEL else 1
    shares = [cases[i::workers] for i in range(workers)]
    with contextlib.ExitStack() as stack:
        helpers = [stack.enter_context(_Helper((archive, share, now))) for share in shares[1:]]
        found = [_examine_all(archive, shares[0], now)]
        for helper, share in zip(helpers, shares[1:], strict=True):
            answer = helper.answer()
            found.append(_examine_all(archive, share, now) if answer is None else answer)
    return [found[i % workers][i // workers] for i in range(len(cases))]


class _Helper:
    """A process that examines a share of the valves; no `multiprocessing`, which would run the user's script again."""

    def __init__(self, task: object) -> None:
        command = [sys.executable, "-P", "-c", "from belimo_nb.survey import help_out; help_out()"]
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
    sys.stdout.buffer.write(pickle.dumps(_examine_all(archive, cases, now)))


def _examine_all(archive: Archive, cases: Sequence[_Case], now: int) -> list[Surveyed]:
    return [_examine(archive, case, now) for case in cases]


def _examine(archive: Archive, case: _Case, now: int) -> Surveyed:
    question, period = case.question, case.period
    located = {key: case.profile.locate(key) for key in MEASURED}
    datapoints = [identifier for identifier in located.values() if identifier is not None]
    kept = archive.store.read(question.device, question.resolution, datapoints)
    requests = len(archive.plan(kept.coverage, question, now))
    if not len(kept.times):
        return Surveyed(requests=requests, reason=NO_READINGS)
    step = parse_resolution(question.resolution)
    raw = kept.frame(datapoints, buckets(period.start - step, min(period.end, _moment(now)), step))
    frame = measured.quantities(raw, case.profile, located, step, case.tz)
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
    checks = [check for check in CHECKS if fine is not None or check not in NEEDS_DETAIL]
    return Surveyed(
        kwh=known,
        coverage=max((float(found["coverage"].mean()) for found in energy.values()), default=0.0),
        days=np.sum(days, axis=0) if days else np.empty(0),
        verdicts=judge(made, fine, tz=case.tz, checks=checks),
        requests=requests,
        detail=detail,
    )


def _detail(
    archive: Archive, case: _Case, samples: Samples, located: Mapping[str, str | None], now: int
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
    return Samples(measured.quantities(raw, case.profile, located, step, case.tz), step, case.design), None


def _moment(now: int) -> pd.Timestamp:
    return pd.Timestamp(now, unit="s", tz="UTC").ceil("h")


def _days(period: Period) -> pd.DatetimeIndex:
    return edges(period.start, period.end, "D", str(period.start.tz), pd.DatetimeIndex([]))[:-1].rename("time")


def _largest(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return max(known, default=float("nan"))

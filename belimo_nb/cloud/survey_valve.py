"""One valve of a fleet, examined: what it has moved, and what the checks say of it, from what the store holds."""

from __future__ import annotations

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
from belimo_nb.cloud.needs import MEASURED
from belimo_nb.energy import JOULES_PER_KWH, interval_energy, power_limit
from belimo_nb.hydronics import CHECKS, Design, Samples, Verdict, judge
from belimo_nb.store.archive import Archive, Question

__all__ = ["RANKS", "Case", "Surveyed", "examine_all"]

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

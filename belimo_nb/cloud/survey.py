"""A fleet examined: what each valve has moved, and what the checks say of it, from what the store holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import edges
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.checkup import design_of
from belimo_nb.cloud.needs import MEASURED, questions
from belimo_nb.cloud.survey_valve import RANKS, Case, Surveyed, examined
from belimo_nb.energy.counter import counter_resolution
from belimo_nb.store import sync
from belimo_nb.store.archive import Question
from belimo_nb.system.progress import bar

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud

__all__ = ["FETCH", "Survey", "survey"]

FETCH = 100
"""Requests that a survey makes for what the store lacks; a larger fleet is for `belimo-nb sync`."""


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
    step = counter_resolution(cloud.timezone, period.start, period.end)
    asked = questions(cloud, valves, period.start, period.end, step, counters_from=period.start, measured=MEASURED)
    cases = [
        Case(
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

    def look(some: Sequence[Case]) -> None:
        found.update(zip((case.question.device for case in some), examined(archive, some, cloud.stamp), strict=True))

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


def _fetch(cloud: Cloud, wanted: Sequence[Question]) -> dict[str, str]:
    planned = sync.plan(cloud.archive, wanted, cloud.stamp, cloud.settings.rate)
    with bar(planned.requests, "request", "Fetching history", shown=bool(cloud.settings.rate)) as progress:
        outcome = sync.run(cloud.archive, planned, cloud.stamp, on_answer=lambda _: progress.update())
    return outcome.failures


def _days(period: Period) -> pd.DatetimeIndex:
    return edges(period.start, period.end, "D", str(period.start.tz), pd.DatetimeIndex([]))[:-1].rename("time")


def _largest(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return max(known, default=float("nan"))

"""A fleet examined: what each valve has moved, and what the checks say of it, from what the store holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import edges
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.device import Device
from belimo_nb.cloud.needs import questions
from belimo_nb.cloud.survey_valve import RANKS, Case, Surveyed, examined
from belimo_nb.energy.counter import counter_resolution
from belimo_nb.hydronics import cost_kwh
from belimo_nb.quantities import MEASURED
from belimo_nb.store import sync
from belimo_nb.store.archive import Question

__all__ = ["FETCH", "Survey", "survey"]

FETCH = 100
"""Requests that a survey makes for what the store lacks; a larger fleet is for `belimo-nb sync`."""

WASTE = ("waste_m3_low", "waste_m3", "waste_kwh_low", "waste_kwh")


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

        Dead sensors and silent valves come first, then those with findings by what these cost at most (heat, cold and
        the pumping of water, kWh), whatever the shares: a small valve with a bad one is no large waste. Findings that
        cost nothing that could be told follow, the gravest first.

        Returns:
            DataFrame, index ``id``, columns name, project, city, verdict (fault, warn, ok, or "" for cannot judge),
            findings (the checks), advice (of the gravest), waste_m3_low, waste_m3, waste_kwh_low and waste_kwh (at
            least and at most, the largest estimate of any one check: they may be the same water, so they are not added
            up), heating_kwh, cooling_kwh, coverage, reason.
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
                    **{name: _largest([getattr(verdict, name) for verdict in findings]) for name in WASTE},
                    "heating_kwh": found.kwh.get("heating", np.nan),
                    "cooling_kwh": found.kwh.get("cooling", np.nan),
                    "coverage": found.coverage,
                    "reason": found.reason,
                }
            )
        columns = ["verdict", "findings", "advice", *WASTE, "heating_kwh", "cooling_kwh", "coverage"]
        frame = pd.DataFrame(rows, columns=["id", *columns, "reason"]).set_index("id")
        frame = self.devices[["name", "project", "city"]].join(frame, how="right")
        order = pd.DataFrame(
            {
                "blind": [not self.valves[str(key)].blind for key in frame.index],
                "cost": [-cost_kwh(self.valves[str(key)].findings)[1] for key in frame.index],
                "rank": -frame["verdict"].map(RANKS).fillna(0),
                "name": frame["name"],
            },
            frame.index,
        )
        return frame.loc[order.sort_values(["blind", "cost", "rank", "name"], kind="stable").index]

    def daily(self) -> pd.DataFrame:
        """KWh by local day: index ``time``, one column a valve, named by its id; NaN where unknown."""
        days = _days(self.period)
        nothing = np.full(len(days), np.nan)
        found = {key: valve.days if len(valve.days) else nothing for key, valve in self.valves.items()}
        return pd.DataFrame(found, days)


def survey(connection: Connection, valves: pd.DataFrame, period: Period, fetch: int = FETCH) -> Survey:
    """Examine some energy valves, from the store.

    Args:
        connection: Where they are.
        valves: Rows of `Cloud.energy_valves`.
        period: What to look at.
        fetch: Requests that may be made for what the store lacks; if it lacks more, it is left out, and told.

    Raises:
        SignInError: The credentials are refused.
    """
    records = connection.device_list.known()
    step = counter_resolution(connection.timezone, period.start, period.end)
    asked = questions(connection, valves, period.start, period.end, step, counters_from=period.start, measured=MEASURED)
    cases = [
        Case(
            question,
            connection.profile_of(records[question.device]),
            Device(connection, records[question.device]).design,
            period,
            connection.timezone,
            closer=len(asked) <= fetch,
        )
        for question in asked
    ]
    archive = connection.archive.reader()
    found: dict[str, Surveyed] = {}

    def look(some: Sequence[Case]) -> None:
        found.update(
            zip((case.question.device for case in some), examined(archive, some, connection.stamp), strict=True)
        )

    look(cases)
    failures: dict[str, str] = {}
    left = 0 if connection.settings.offline else fetch
    missing = [case for case in cases if found[case.question.device].requests]
    needed = sum(found[case.question.device].requests for case in missing)
    if 0 < needed <= left:
        failures |= _fetch(connection, [case.question for case in missing])
        left -= needed
        look(missing)
    close = {key: detail for key, one in found.items() if (detail := one.detail) is not None}
    if 0 < len(close) <= left:
        failures |= _fetch(connection, list(close.values()))
        look([case for case in cases if case.question.device in close])
    lacking = sum(bool(one.requests) for one in found.values())
    return Survey(period, valves, {str(key): found[str(key)] for key in valves.index}, lacking, failures)


def _fetch(connection: Connection, wanted: Sequence[Question]) -> dict[str, str]:
    planned = sync.plan(connection.archive, wanted, connection.stamp, connection.settings.rate)
    # Where no rate holds requests up, there is nothing to wait for.
    return sync.fill(connection.archive, planned, connection.stamp, shown=bool(connection.settings.rate)).failures


def _days(period: Period) -> pd.DatetimeIndex:
    return edges(period.start, period.end, "D", str(period.start.tz), pd.DatetimeIndex([]))[:-1].rename("time")


def _largest(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return max(known, default=float("nan"))

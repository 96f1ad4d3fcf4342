"""The survey of a fleet: energy moved and verdicts of the checks for each valve, from the store."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import edges
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.checkup import is_long, judged_at, outdoor_or_none, present_error, reported_errors
from belimo_nb.cloud.condition import SEVERITY, Condition, condition
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.device import Device
from belimo_nb.cloud.needs import history_queries
from belimo_nb.cloud.outages import find_outages
from belimo_nb.cloud.several import ask_each, devices_by_name
from belimo_nb.cloud.survey_valve import NO_READINGS, Surveyed, ValveTask, examine_valves
from belimo_nb.energy.counter import counter_resolution
from belimo_nb.heating.days import daily_means
from belimo_nb.hydronics import cost_kwh
from belimo_nb.quantities import CHECKED, COUNTERS, amount
from belimo_nb.store import sync
from belimo_nb.store.archive import HistoryQuery

MAX_REQUESTS = 100  # requests that a survey makes by itself; for a larger fleet `belimo-nb sync` fills the store

WASTE = ("waste_m3_low", "waste_m3", "waste_kwh_low", "waste_kwh")
COLUMNS = (
    *("verdict", "status", "sentence", "judged", "checks", "findings", "advice"),
    *(*WASTE, "heating_kwh", "cooling_kwh", "coverage", "reason"),
)


@dataclass(frozen=True)
class Survey:
    """The findings about a fleet.

    Attributes:
        period: The period examined.
        devices: The valves: rows of `Cloud.energy_valves`.
        valves: By device id.
        lacking: Number of valves that the store does not hold completely.
        failures: By device name, why readings could not be fetched.
        transfers: By device name, since when it reports under its present id: what was before is its earlier id's.
        outages: By building, when its plant gave no water, see `belimo_nb.hydronics.plant.plant_outages`.
    """

    period: Period
    devices: pd.DataFrame = field(repr=False)
    valves: Mapping[str, Surveyed] = field(repr=False)
    lacking: int = 0
    failures: Mapping[str, str] = field(default_factory=dict)
    outages: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    transfers: Mapping[str, pd.Timestamp] = field(default_factory=dict)

    @functools.cached_property
    def conditions(self) -> dict[str, Condition]:
        """How each valve is: the worst of its checks, its health and its connection, by id."""
        zone = str(self.period.start.tz)
        rows = {str(key): row for key, row in self.devices.iterrows()}
        return {key: condition(rows[key], valve.verdicts, zone, valve.reason) for key, valve in self.valves.items()}

    def table(self) -> pd.DataFrame:
        """Tabulate one row a valve, the most urgent first.

        Dead sensors and silent valves come first, then those with findings by what these cost at most (heat, cold and
        the pumping of water, kWh), whatever the shares: a small valve with a bad one is no large waste. Findings that
        cost nothing that could be told follow, the gravest first.

        Returns:
            DataFrame, index ``id``, columns name, project, city, verdict (fault, warn, ok, or "" for cannot judge),
            status (of `conditions`, such as "fault" or "ok (12 of 16)"), sentence (why), judged and checks (numbers
            of checks), findings (the checks), advice (of the gravest), waste_m3_low, waste_m3, waste_kwh_low and
            waste_kwh (at least and at most, the largest estimate of any one check: they may be the same water, so
            they are not added up), heating_kwh, cooling_kwh, coverage, reason.
        """
        rows = []
        for identifier, found in self.valves.items():
            findings, told = found.findings, self.conditions[identifier]
            rows.append(
                {
                    "id": identifier,
                    "verdict": found.worst,
                    "status": told.text,
                    "sentence": told.sentence,
                    "judged": told.judged,
                    "checks": told.checks,
                    "findings": ", ".join(verdict.check for verdict in findings),
                    "advice": findings[0].recommendation if findings else "",
                    **{name: _largest([getattr(verdict, name) for verdict in findings]) for name in WASTE},
                    "heating_kwh": found.kwh.get("heating", np.nan),
                    "cooling_kwh": found.kwh.get("cooling", np.nan),
                    "coverage": found.coverage,
                    "reason": found.reason,
                }
            )
        frame = pd.DataFrame(rows, columns=["id", *COLUMNS]).set_index("id")
        frame = self.devices[["name", "project", "city"]].join(frame, how="right")

        names = frame["name"].to_dict()

        def urgency(key: object) -> tuple[bool, float, int, str]:
            found = self.valves[str(key)]
            rank = SEVERITY[self.conditions[str(key)].status]
            return not found.blind, -cost_kwh(found.findings)[1], -rank, str(names[key])

        return frame.loc[sorted(frame.index, key=urgency)]

    def daily(self) -> pd.DataFrame:
        """Tabulate kWh by local day, of the kind of energy that a valve counted more of.

        Returns:
            DataFrame, index ``time``, one column a valve, named by its id; NaN where unknown.
        """
        span = self.period
        days = edges(span.start, span.end, "D", str(span.start.tz), pd.DatetimeIndex([]))[:-1].rename("time")
        nothing = np.full(len(days), np.nan)
        # Of a valve with a failed sensor not even a 0 is known.
        told = {
            key: len(valve.days) and any(map(np.isfinite, valve.kwh.values())) for key, valve in self.valves.items()
        }
        found = {key: valve.days if told[key] else nothing for key, valve in self.valves.items()}
        return pd.DataFrame(found, days)


def survey(connection: Connection, valves: pd.DataFrame, period: Period, fetch: int = MAX_REQUESTS) -> Survey:
    """Examine energy valves, given as rows of `Cloud.energy_valves`; see `Cloud.survey`.

    Raises:
        SignInError: The credentials are refused.
    """
    fetch = int(amount(fetch, "number of requests that may be made (fetch)", least=0))
    records = connection.device_list.known()
    step = counter_resolution(connection.timezone, period.start, period.end)
    queries = history_queries(
        connection, valves, period.start, period.end, step, counters_from=period.start, measured=CHECKED
    )
    finer = judged_at(connection, period, step)
    finely = history_queries(connection, valves, period.start, period.end, finer) if finer != step else []
    sampled = {query.device: query for query in finely}
    health = _reported_errors(connection, valves, period, fetch)
    outdoor = _outdoor(connection, queries, period)
    tasks = [
        ValveTask(
            query,
            connection.profile_of(records[query.device]),
            Device(connection, records[query.device]).design,
            period,
            connection.timezone,
            closer=len(queries) <= fetch,
            health=health.get(query.device, ""),
            outdoor=outdoor,
            finer=sampled.get(query.device),
        )
        for query in queries
    ]
    archive = connection.archive.reader()  # without the connection, so that it can be sent to other processes
    found: dict[str, Surveyed] = {}

    def examine(some: Sequence[ValveTask]) -> None:
        found.update(
            zip((task.query.device for task in some), examine_valves(archive, some, connection.now_s), strict=True)
        )

    examine(tasks)
    failures: dict[str, str] = {}
    for task in tasks:
        task.profile.warn_refused(task.profile.checked)
        refused = [task.profile.refused[key] for key in COUNTERS if key in task.profile.refused]
        failures |= {task.query.name: " ".join(refused)} if refused else {}
    left = 0 if connection.settings.offline else fetch
    missing = [task for task in tasks if found[task.query.device].requests]
    needed = sum(found[task.query.device].requests for task in missing)
    if 0 < needed <= left:
        failures |= _fetch(connection, [task.query for task in missing])
        left -= needed
        examine(missing)
    # The second round depends on the first: only its hourly samples tell which two weeks are worth a closer look.
    close = {key: detail for key, one in found.items() if (detail := one.detail) is not None}
    if 0 < len(close) <= left:
        failures |= _fetch(connection, list(close.values()))
        examine([task for task in tasks if task.query.device in close])
    outages = find_outages(archive, valves, tasks, found, connection.now_s)
    for task in tasks:
        if (reason := found[task.query.device].reason) not in ("", NO_READINGS):
            failures.setdefault(task.query.name, reason)
    lacking = sum(bool(one.requests) for one in found.values())
    nothing = Surveyed(reason=NO_READINGS)
    examined = {str(key): found.get(str(key), nothing) for key in valves.index}
    transfers = connection.transfers({query.name: query.device for query in queries if query.earlier})
    return Survey(period, valves, examined, lacking, failures, outages, transfers)


def _outdoor(connection: Connection, queries: Sequence[HistoryQuery], period: Period) -> pd.Series[float] | None:
    """Daily means of outdoor temperature since the store begins, as a valve's own page has it; None if unknown."""
    begins = [period.start.timestamp()]
    for query in [] if is_long(period) else queries:
        kept = connection.archive.store.coverage(query.device, query.resolution)
        begins += [span[0] for found in kept.values() for span in found.asked[:1]]
        begins += [span[0] for span in query.wanted.values()]
    longest = Period(pd.Timestamp(min(begins), unit="s", tz=period.start.tz), period.end)
    found = outdoor_or_none(connection, longest)
    found = outdoor_or_none(connection, period) if found is None else found
    return None if found is None else daily_means(found, connection.timezone)


def _reported_errors(connection: Connection, valves: pd.DataFrame, period: Period, most: int) -> dict[str, str]:
    """What the valves that are not well now say of their meters, by id; their events cost a request each."""
    unwell = valves[valves["health"].isin(["WARNING", "ERROR"])]
    if len(unwell) > most:
        present = period.end >= connection.now
        return {str(key): present_error(row) for key, row in unwell.iterrows() if present}
    devices = list(devices_by_name(connection, unwell.index).values())
    told = ask_each(devices, lambda device: reported_errors(device, period, connection.now))
    return {device.id: text for device, text in zip(devices, told, strict=True) if isinstance(text, str)}


def _fetch(connection: Connection, wanted: Sequence[HistoryQuery]) -> dict[str, str]:
    planned = sync.plan(connection.archive, wanted, connection.now_s, connection.settings.rate)
    # Where no rate holds requests up, there is nothing to wait for.
    return sync.run_with_progress(
        connection.archive, planned, connection.now_s, shown=bool(connection.settings.rate)
    ).failures


def _largest(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return max(known, default=float("nan"))

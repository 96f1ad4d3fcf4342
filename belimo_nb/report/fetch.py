"""What a run of reports needs of the history, fetched before any of them is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from belimo_nb.api import measurements
from belimo_nb.api.devices import matches
from belimo_nb.api.history import buckets, parse_resolution
from belimo_nb.cloud.checkup import FINE, fine_question, window_of
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.needs import questions
from belimo_nb.errors import NoDataError, StoreError
from belimo_nb.hydronics import Samples
from belimo_nb.quantities import MEASURED
from belimo_nb.report.jobs import Job
from belimo_nb.store.sync import Outcome, Plan, fill, plan, remarks

if TYPE_CHECKING:
    from belimo_nb.calendar.periods import Period
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.settings import Settings
    from belimo_nb.store.archive import Question

__all__ = ["Fetched", "closer_plan", "fetch", "fetch_plan"]

RESOLUTION = "1h"
ACTIVITY = ("flow", "position", "t1", "t2")
"""What tells when water flows."""


@dataclass(frozen=True)
class Fetched:
    """What was fetched for a run of reports.

    Attributes:
        settings: The settings with which the reports take it from the store.
        unsettled: Ids of the devices of which the reports would ask for more; None where that cannot be told.
        outcomes: What each round of requests has done.
        remarks: Sentences that people should read.
    """

    settings: Settings
    unsettled: set[str] | None = field(default_factory=set)
    outcomes: list[Outcome] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def fetch(
    cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any], *, shown: bool = True
) -> Fetched:
    """Fetch what the reports need, all at once.

    What cannot be fetched or kept fails no more than the reports that need it: they ask once more and say why.

    Args:
        cloud: Where the devices are.
        jobs: See `jobs.plan`.
        period: What the reports cover.
        parameters: The notebooks' parameters.
        shown: Whether a terminal shows a progress bar.
    """
    if cloud.settings.offline:
        return Fetched(cloud.settings)
    connection = cloud.connection
    planned = fetch_plan(cloud, jobs, period, parameters)
    since = pd.Timestamp(connection.device_list.asked, unit="s", tz="UTC")
    questions: list[Question] = []
    outcomes: list[Outcome] = []
    told: dict[str, None] = {}
    try:
        # The second round depends on the first: what is worth a closer look, the samples tell.
        for following in (planned, None):
            wanted = following or closer_plan(cloud, jobs, period, parameters)
            outcomes.append(fill(connection.archive, wanted, connection.stamp, shown=shown))
            told |= dict.fromkeys(remarks(outcomes[-1]))
            questions += wanted.questions
    except StoreError as error:
        return Fetched(cloud.settings, None, outcomes, [*told, f"Warning: {error}"])
    settings = replace(cloud.settings, fresh_since=since)
    left = plan(Connection(settings).archive, questions, connection.stamp, cloud.settings.rate)
    return Fetched(settings, {question.device for question, _ in left.open}, outcomes, list(told))


def fetch_plan(cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any]) -> Plan:
    """The requests that the jobs would make, together.

    Args:
        cloud: Where the devices are.
        jobs: See `jobs.plan`.
        period: What the reports cover; counters are compared with the year before.
        parameters: The notebooks' parameters, of which ``resolution`` says how fine the samples are, and
            ``peak_minutes`` how fine the heating counters.
    """
    devices = {str(job.parameters["device"]) for job in jobs if job.notebook == "device"}
    searches = [str(job.parameters.get("search", "")) for job in jobs if job.notebook == "heating_energy"]
    connection = cloud.connection
    valves = cloud.energy_valves(connection.listed_devices())
    single = valves.loc[valves.index.isin(devices)]
    seen = {str(i) for job in jobs if job.notebook == "overview" for i in _matching(valves, job)} - devices
    heating = {identifier for search in searches for identifier in _heating(cloud, search)}
    resolution = str(parameters.get("resolution", RESOLUTION))
    before = period.year_before.start
    asked = []
    if len(single):
        asked += questions(
            connection, single, period.start, period.end, resolution, counters_from=before, measured=MEASURED
        )
    if heating - devices:
        others = valves.loc[valves.index.isin(heating - devices)]
        asked += questions(connection, others, period.start, period.end, RESOLUTION, counters_from=before, measured=())
    if seen:
        others = valves.loc[valves.index.isin(seen)]
        asked += questions(connection, others, period.start, period.end, RESOLUTION, counters_from=period.start)
    if heating and parameters.get("peak_minutes") == 15:
        valves = valves.loc[valves.index.isin(heating)]
        asked += questions(connection, valves, period.start, period.end, "15m", measured=())
    return plan(connection.archive, asked, connection.stamp, cloud.settings.rate)


def closer_plan(cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any]) -> Plan:
    """The requests for the two weeks that each device's report looks at in detail; what they are, the store tells.

    Args:
        cloud: Where the devices are; the store holds what `fetch_plan` names.
        jobs: As for `fetch_plan`.
        period: As for `fetch_plan`.
        parameters: As for `fetch_plan`.
    """
    devices = {str(job.parameters["device"]) for job in jobs if job.notebook == "device"}
    connection = cloud.connection
    valves = cloud.energy_valves(connection.listed_devices())
    resolution = str(parameters.get("resolution", RESOLUTION))
    step = parse_resolution(resolution)
    asked = []
    if step > parse_resolution(FINE) and devices:
        single = valves.loc[valves.index.isin(devices)]
        records = connection.device_list.known()
        for question in questions(connection, single, period.start, period.end, resolution, measured=MEASURED):
            profile = connection.profile_of(records[question.device])
            located = {key: profile.locate(key) for key in MEASURED}
            seen = {key: located[key] for key in ACTIVITY}
            datapoints = [identifier for identifier in seen.values() if identifier is not None]
            kept = connection.archive.store.read(question.device, resolution, datapoints)
            raw = kept.frame(datapoints, buckets(period.start, period.end, step))
            samples = Samples(measurements.quantities(raw, profile, seen, step, cloud.timezone, question.name), step)
            if (window := window_of(samples, period)) is not None:
                asked.append(fine_question(question, located, window))
    return plan(connection.archive, asked, connection.stamp, cloud.settings.rate)


def _matching(valves: pd.DataFrame, job: Job) -> pd.Index[str]:
    """The ids of the valves that a job's search finds, as the cloud searches: names and serial numbers."""
    text = str(job.parameters.get("search") or "")
    found = [matches(text, name, serial) for name, serial in zip(valves["name"], valves["serial"], strict=True)]
    return valves.index[found]


def _heating(cloud: Cloud, search: str) -> list[str]:
    try:
        return [str(identifier) for identifier in cloud.heating_valves(search).index]
    except NoDataError:
        return []  # the report will say so

"""What a run of reports needs of the history, fetched before any of them is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from belimo_nb.api import measurements
from belimo_nb.api.devices import matches
from belimo_nb.api.history import buckets, parse_resolution
from belimo_nb.cloud.checkup import FINE, fine_question, window_of
from belimo_nb.cloud.needs import MEASURED, questions
from belimo_nb.errors import NoDataError
from belimo_nb.hydronics import Samples
from belimo_nb.report.jobs import Job
from belimo_nb.store.sync import Plan, plan

if TYPE_CHECKING:
    import pandas as pd

    from belimo_nb.calendar.periods import Period
    from belimo_nb.cloud.cloud import Cloud

__all__ = ["closer_plan", "fetch_plan"]

RESOLUTION = "1h"
ACTIVITY = ("flow", "position", "t1", "t2")
"""What tells when water flows."""


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
    valves = cloud.energy_valves(cloud.listed_devices())
    single = valves.loc[valves.index.isin(devices)]
    seen = {str(i) for job in jobs if job.notebook == "overview" for i in _matching(valves, job)} - devices
    heating = {identifier for search in searches for identifier in _heating(cloud, search)}
    resolution = str(parameters.get("resolution", RESOLUTION))
    before = period.year_before.start
    asked = []
    if len(single):
        asked += questions(cloud, single, period.start, period.end, resolution, counters_from=before, measured=MEASURED)
    if heating - devices:
        others = valves.loc[valves.index.isin(heating - devices)]
        asked += questions(cloud, others, period.start, period.end, RESOLUTION, counters_from=before, measured=())
    if seen:
        others = valves.loc[valves.index.isin(seen)]
        asked += questions(cloud, others, period.start, period.end, RESOLUTION, counters_from=period.start)
    if heating and parameters.get("peak_minutes") == 15:
        valves = valves.loc[valves.index.isin(heating)]
        asked += questions(cloud, valves, period.start, period.end, "15m", measured=())
    return plan(cloud.archive, asked, cloud.stamp, cloud.settings.rate)


def closer_plan(cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any]) -> Plan:
    """The requests for the two weeks that each device's report looks at in detail; what they are, the store tells.

    Args:
        cloud: Where the devices are; the store holds what `fetch_plan` names.
        jobs: As for `fetch_plan`.
        period: As for `fetch_plan`.
        parameters: As for `fetch_plan`.
    """
    devices = {str(job.parameters["device"]) for job in jobs if job.notebook == "device"}
    valves = cloud.energy_valves(cloud.listed_devices())
    resolution = str(parameters.get("resolution", RESOLUTION))
    step = parse_resolution(resolution)
    asked = []
    if step > parse_resolution(FINE) and devices:
        single = valves.loc[valves.index.isin(devices)]
        for question in questions(cloud, single, period.start, period.end, resolution, measured=MEASURED):
            profile = cloud.profile_of(question.device)
            located = {key: profile.locate(key) for key in MEASURED}
            seen = {key: located[key] for key in ACTIVITY}
            datapoints = [identifier for identifier in seen.values() if identifier is not None]
            kept = cloud.archive.store.read(question.device, resolution, datapoints)
            raw = kept.frame(datapoints, buckets(period.start, period.end, step))
            samples = Samples(measurements.quantities(raw, profile, seen, step, cloud.timezone), step)
            if (window := window_of(samples, period)) is not None:
                asked.append(fine_question(question, located, window))
    return plan(cloud.archive, asked, cloud.stamp, cloud.settings.rate)


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

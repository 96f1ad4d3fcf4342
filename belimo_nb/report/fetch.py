"""What a run of reports needs of the history, fetched before any of them is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from belimo_nb.errors import NoDataError
from belimo_nb.needs import MEASURED, questions
from belimo_nb.report.jobs import Job
from belimo_nb.sync import Plan, plan

if TYPE_CHECKING:
    from belimo_nb.cloud import Cloud
    from belimo_nb.periods import Period

__all__ = ["fetch_plan"]

RESOLUTION = "1h"


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
    heating = {identifier for search in searches for identifier in _heating(cloud, search)}
    resolution = str(parameters.get("resolution", RESOLUTION))
    before = period.year_before.start
    asked = []
    if len(single):
        asked += questions(cloud, single, period.start, period.end, resolution, counters_from=before, measured=MEASURED)
    if heating - devices:
        others = valves.loc[valves.index.isin(heating - devices)]
        asked += questions(cloud, others, period.start, period.end, RESOLUTION, counters_from=before, measured=())
    if heating and parameters.get("peak_minutes") == 15:
        valves = valves.loc[valves.index.isin(heating)]
        asked += questions(cloud, valves, period.start, period.end, "15m", measured=())
    return plan(cloud.archive, asked, cloud.stamp, cloud.settings.rate)


def _heating(cloud: Cloud, search: str) -> list[str]:
    try:
        return [str(identifier) for identifier in cloud.heating_valves(search).index]
    except NoDataError:
        return []  # the report will say so

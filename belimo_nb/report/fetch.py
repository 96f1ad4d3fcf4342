"""Fetch the history that a run of reports needs, before any of them is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from belimo_nb.api.history import parse_resolution
from belimo_nb.calendar.moments import parse_time
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.checkup import FINE_RESOLUTION, busiest_window_within, fine_query, stored_samples
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.cloud.needs import history_queries
from belimo_nb.cloud.water import WATER, sides
from belimo_nb.energy.counter import counter_resolution
from belimo_nb.errors import StoreError
from belimo_nb.hydronics import Design
from belimo_nb.quantities import CHECKED
from belimo_nb.report.jobs import KINDS, Job, counting, matching
from belimo_nb.settings import Settings
from belimo_nb.store.sync import Plan, SyncResult, plan, remarks, run_with_progress

RESOLUTION = "1h"
ACTIVITY = ("flow", "position", "t1", "t2")  # quantities that show when water flows


@dataclass(frozen=True)
class Fetched:
    """What was fetched for a run of reports.

    Attributes:
        settings: The settings with which the reports read it from the store.
        outcomes: The outcome of each round of requests.
        remarks: Sentences for the user.
    """

    settings: Settings
    outcomes: list[SyncResult] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def fetch(
    cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any], *, shown: bool = True
) -> Fetched:
    """Fetch all that the reports need in two rounds of requests.

    One process fetches, so that the reports share the account's rate limit without waiting for each other. What cannot
    be fetched or kept fails only the reports that need it: they ask once more and say why.

    Args:
        cloud: The cloud with the devices.
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
    outcomes: list[SyncResult] = []
    messages: dict[str, None] = {}
    try:
        # The second round depends on the first: its samples decide which two weeks are looked at in detail.
        for following in (planned, None):
            wanted = following or detail_plan(cloud, jobs, period, parameters)
            outcomes.append(run_with_progress(connection.archive, wanted, connection.now_s, shown=shown))
            messages |= dict.fromkeys(remarks(outcomes[-1]))
    except StoreError as error:  # the store cannot be written: the reports fetch for themselves
        return Fetched(cloud.settings, outcomes, [*messages, f"Warning: {error}"])
    # What was fetched since the list of devices counts as current: the reports do not ask again for the newest values.
    return Fetched(replace(cloud.settings, fresh_since=since), outcomes, list(messages))


def fetch_plan(cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any]) -> Plan:
    """Plan the requests that the jobs would make, without duplicates.

    Args:
        cloud: The cloud with the devices.
        jobs: See `jobs.plan`.
        period: What the reports cover; counters are compared with the year before.
        parameters: The notebooks' parameters, of which ``resolution`` says how fine the samples are,
            ``peak_minutes`` how fine the counters, and ``changed`` which days are held against each other.
    """
    devices = {str(job.parameters["device"]) for job in jobs if job.notebook == "device"}
    connection = cloud.connection
    valves = cloud.energy_valves(connection.listed_devices())
    single = valves.loc[valves.index.isin(devices)]
    seen = {str(i) for job in jobs if job.notebook == "overview" for i in matching(valves, job)} - devices
    # Also valves whose counter reads 0 now: whether it ever counted, their history will tell.
    fleets = [(job, KINDS[job.notebook]) for job in jobs if job.notebook in KINDS]
    counted = {str(key) for job, kind in fleets for key in matching(valves[valves[kind]], job)}
    resolution = str(parameters.get("resolution", RESOLUTION))
    before = period.year_before.start
    asked = []
    if len(single):
        asked += history_queries(
            connection, single, period.start, period.end, resolution, counters_from=before, measured=CHECKED
        )
    # Valves with a report of their own are in `single` already, with all that the fleet's reports need of them.
    if counted - devices:
        others = valves.loc[valves.index.isin(counted - devices)]
        step = counter_resolution(cloud.timezone, before, period.end)
        asked += history_queries(
            connection, others, period.start, period.end, step, counters_from=before, measured=WATER
        )
    if seen:
        others = valves.loc[valves.index.isin(seen)]
        asked += history_queries(connection, others, period.start, period.end, RESOLUTION, counters_from=period.start)
    if changed := str(parameters.get("changed") or ""):
        span = sides(parse_time(changed, cloud.timezone, "day of the change"), period)
        step, both = counter_resolution(cloud.timezone, span.start, span.end), valves.index.isin(counted | devices)
        asked += history_queries(connection, valves.loc[both], span.start, span.end, step, measured=WATER)
    if counted and parameters.get("peak_minutes") == 15:
        closely = {key for job, kind in fleets for key in counting(cloud, job, kind)}
        fine = valves.loc[valves.index.isin(closely)]
        asked += history_queries(connection, fine, period.start, period.end, "15m", measured=())
    return plan(connection.archive, asked, connection.now_s, cloud.settings.rate)


def detail_plan(cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any]) -> Plan:
    """Plan the requests for the two weeks that each device's report shows in detail.

    Which weeks these are is read from the store, which must hold what `fetch_plan` with the same arguments names.
    """
    devices = {str(job.parameters["device"]) for job in jobs if job.notebook == "device"}
    connection = cloud.connection
    valves = cloud.energy_valves(connection.listed_devices())
    resolution = str(parameters.get("resolution", RESOLUTION))
    asked = []
    finer_helps = parse_resolution(resolution) > parse_resolution(FINE_RESOLUTION)
    if finer_helps and devices:
        single = valves.loc[valves.index.isin(devices)]
        records, archive = connection.device_list.known(), connection.archive
        for query in history_queries(connection, single, period.start, period.end, resolution, measured=CHECKED):
            profile = connection.profile_of(records[query.device])
            seen = [identifier for key in ACTIVITY if (identifier := profile.checked[key]) is not None]
            try:
                kept = archive.joined(archive.store.read(query.device, resolution, seen), query, seen)
            except StoreError:
                continue  # its own report says why
            samples = stored_samples(kept, query, profile, Design(), period.start, period.end, cloud.timezone)
            if (window := busiest_window_within(samples, period)) is not None:
                asked.append(fine_query(query, profile.checked, window))
    return plan(connection.archive, asked, connection.now_s, cloud.settings.rate)

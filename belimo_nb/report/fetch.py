"""Fetch the history that a run of reports needs, before any of them is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from belimo_nb.api import measurements
from belimo_nb.api.devices import matches
from belimo_nb.api.history import buckets, parse_resolution
from belimo_nb.api.sparse import LEAD, held
from belimo_nb.cloud.checkup import FINE_RESOLUTION, busiest_window_within, fine_query, samples_of
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.counting import counts
from belimo_nb.cloud.needs import history_queries
from belimo_nb.errors import StoreError
from belimo_nb.hydronics import Design
from belimo_nb.quantities import MEASURED
from belimo_nb.report.jobs import Job
from belimo_nb.store.sync import Plan, SyncResult, plan, remarks, run_with_progress

if TYPE_CHECKING:
    from belimo_nb.calendar.periods import Period
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.settings import Settings
    from belimo_nb.store.archive import HistoryQuery

RESOLUTION = "1h"
ACTIVITY = ("flow", "position", "t1", "t2")  # quantities that show when water flows


@dataclass(frozen=True)
class Fetched:
    """What was fetched for a run of reports.

    Attributes:
        settings: The settings with which the reports read it from the store.
        unsettled: Ids of the devices for which the reports would still make requests; None if that is not known.
        outcomes: The outcome of each round of requests.
        remarks: Sentences for the user.
    """

    settings: Settings
    unsettled: set[str] | None = field(default_factory=set)
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
    queries: list[HistoryQuery] = []
    outcomes: list[SyncResult] = []
    messages: dict[str, None] = {}
    try:
        # The second round depends on the first: its samples decide which two weeks are looked at in detail.
        for following in (planned, None):
            wanted = following or detail_plan(cloud, jobs, period, parameters)
            outcomes.append(run_with_progress(connection.archive, wanted, connection.now_s, shown=shown))
            messages |= dict.fromkeys(remarks(outcomes[-1]))
            queries += wanted.queries
    except StoreError as error:  # the store cannot be written: the reports fetch for themselves, and none can be kept
        return Fetched(cloud.settings, None, outcomes, [*messages, f"Warning: {error}"])
    # What was fetched since the list of devices counts as current: the reports do not ask again for the newest values.
    settings = replace(cloud.settings, fresh_since=since)
    left = plan(Connection(settings).archive, queries, connection.now_s, cloud.settings.rate)
    return Fetched(settings, {query.device for query, _ in left.pending}, outcomes, list(messages))


def fetch_plan(cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any]) -> Plan:
    """Plan the requests that the jobs would make, without duplicates.

    Args:
        cloud: The cloud with the devices.
        jobs: See `jobs.plan`.
        period: What the reports cover; counters are compared with the year before.
        parameters: The notebooks' parameters, of which ``resolution`` says how fine the samples are, and
            ``peak_minutes`` how fine the heating counters.
    """
    devices = {str(job.parameters["device"]) for job in jobs if job.notebook == "device"}
    connection = cloud.connection
    valves = cloud.energy_valves(connection.listed_devices())
    single = valves.loc[valves.index.isin(devices)]
    seen = {str(i) for job in jobs if job.notebook == "overview" for i in _matching_valves(valves, job)} - devices
    # Also valves whose heating counter reads 0 now: whether it ever counted, their history will tell.
    may_heat = valves[valves["heating"]]
    heating = {str(i) for job in jobs if job.notebook == "heating_energy" for i in _matching_valves(may_heat, job)}
    resolution = str(parameters.get("resolution", RESOLUTION))
    before = period.year_before.start
    asked = []
    if len(single):
        asked += history_queries(
            connection, single, period.start, period.end, resolution, counters_from=before, measured=MEASURED
        )
    # Valves with a report of their own are in `single` already, with all that the fleet's reports need of them.
    if heating - devices:
        others = valves.loc[valves.index.isin(heating - devices)]
        asked += history_queries(
            connection, others, period.start, period.end, RESOLUTION, counters_from=before, measured=()
        )
    if seen:
        others = valves.loc[valves.index.isin(seen)]
        asked += history_queries(connection, others, period.start, period.end, RESOLUTION, counters_from=period.start)
    if heating and parameters.get("peak_minutes") == 15:
        records = connection.device_list.known()
        counting = [key for key in valves.index if key in heating and counts(connection, records[key], "heating")]
        asked += history_queries(connection, valves.loc[counting], period.start, period.end, "15m", measured=())
    return plan(connection.archive, asked, connection.now_s, cloud.settings.rate)


def detail_plan(cloud: Cloud, jobs: Sequence[Job], period: Period, parameters: Mapping[str, Any]) -> Plan:
    """Plan the requests for the two weeks that each device's report shows in detail.

    Which weeks these are is read from the store, which must hold what `fetch_plan` with the same arguments names.
    """
    devices = {str(job.parameters["device"]) for job in jobs if job.notebook == "device"}
    connection = cloud.connection
    valves = cloud.energy_valves(connection.listed_devices())
    resolution = str(parameters.get("resolution", RESOLUTION))
    step = parse_resolution(resolution)
    asked = []
    if step > parse_resolution(FINE_RESOLUTION) and devices:  # else the samples are fine enough already
        single = valves.loc[valves.index.isin(devices)]
        records = connection.device_list.known()
        for query in history_queries(connection, single, period.start, period.end, resolution, measured=MEASURED):
            profile = connection.profile_of(records[query.device])
            located = {key: profile.locate(key) for key in MEASURED}
            seen = {key: located[key] for key in ACTIVITY}
            datapoints = [identifier for identifier in seen.values() if identifier is not None]
            try:
                kept = connection.archive.store.read(query.device, resolution, datapoints)
                kept = connection.archive.joined(kept, query, datapoints)
            except StoreError:
                continue  # its own report says why
            raw = kept.frame(datapoints, buckets(period.start - LEAD, period.end, step))
            raw = held(raw, step, query.seen.moment).loc[buckets(period.start, period.end, step)]
            frame = measurements.quantities(raw, profile, seen, step, cloud.timezone, query.name)
            samples = samples_of(frame, step, Design())
            if (window := busiest_window_within(samples, period)) is not None:
                asked.append(fine_query(query, located, window))
    return plan(connection.archive, asked, connection.now_s, cloud.settings.rate)


def _matching_valves(valves: pd.DataFrame, job: Job) -> pd.Index[str]:
    """The ids of the valves that a job's search finds: in names and serial numbers, as the cloud searches."""
    text = str(job.parameters.get("search") or "")
    found = [matches(text, name, serial) for name, serial in zip(valves["name"], valves["serial"], strict=True)]
    return valves.index[found]

"""Decide which reports of earlier runs are kept: unchanged ones with `--resume`, and those outside a run's scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.folder import OutputFolder, unfinished
from belimo_nb.store.documents import DocumentStore

if TYPE_CHECKING:
    from belimo_nb.report.fingerprint import Fingerprints

OTHER_FIELDS = ("notebook", "title", "slug", "period", "made_at", "files")


class KeptReports:
    """The reports of earlier runs that can be kept, and the fingerprints of those that are made.

    Args:
        folder: The output folder.
        fingerprints: The reports' fingerprints; None if they are not known.
        facts: What the run is about.
        resume: Keep unchanged reports; False: only store fingerprints for later runs.
    """

    def __init__(
        self, folder: OutputFolder, fingerprints: Fingerprints | None, facts: reports_json.RunFacts, *, resume: bool
    ) -> None:
        self._folder = folder
        self._fingerprints = fingerprints
        self._resume = resume
        self._before: dict[Job, str | None] = {}
        self._found = folder.begin(facts, resume=resume)

    def kept(self, job: Job) -> Result | None:
        """The report of an earlier run, if it would come out the same; None if it must be made."""
        prints = self._fingerprints
        if prints is None:
            return None
        self._before[job] = before = prints.of(job)
        if not self._resume or before is None:
            return None
        # First what a killed run has finished but not published: it is newer than the published run.
        for entries, place in ((self._found, self._folder.staging), (self._folder.earlier.reports, self._folder.path)):
            found = _reusable(entries.get(job.slug), job, before, place)
            # Events are asked of the cloud, so only if all else is the same.
            if found is not None and found.fingerprint == _with_events(before, prints.events(job, ask=True)):
                return found
        return None

    def made(self, result: Result) -> Result:
        """Add the fingerprint to a result, unless its data have changed meanwhile, and note it for a later run."""
        # Compared with the one from before: data that changed in between may or may not be in the report.
        before, prints = self._before.get(result.job), self._fingerprints
        if prints is not None and before is not None and result.status == "ok" and prints.of(result.job) == before:
            result = replace(result, fingerprint=_with_events(before, prints.events(result.job, ask=False)))
        if result.fingerprint is not None:
            self._folder.note(reports_json.entry(result))
        return result


def other_reports(folder: OutputFolder, results: Sequence[Result], *, whole: bool) -> list[Mapping[str, Any]]:
    """Entries of earlier reports that this run has not made and whose pages stay.

    Args:
        folder: The output folder.
        results: What this run has made.
        whole: True if the run made all reports of its notebooks; other devices' reports of these notebooks go.
    """
    earlier = folder.earlier
    made = {result.job.slug for result in results if "html" in result.files}
    jobs = {result.job.slug for result in results}
    notebooks = {result.job.notebook for result in results} if whole else set()
    found: list[Mapping[str, Any]] = []
    old = dict(earlier.others)
    for slug, item in earlier.reports.items():
        if item.get("status") == "ok":  # a page that says "failed" is of no use to later readers
            old[slug] = {**item, "period": earlier.period}
    for slug, item in old.items():
        gone = item.get("notebook") in notebooks and slug not in jobs
        page = reports_json.files_of(item).get("html")
        if slug not in made and not gone and page and (folder.path / page).is_file():
            found.append({**dict.fromkeys(OTHER_FIELDS), **{name: item[name] for name in OTHER_FIELDS if name in item}})
    return found


def _with_events(before: str, events: str | None) -> str | None:
    return None if events is None else f"{before}-{events}"


def _reusable(entry: Mapping[str, Any] | None, job: Job, before: str, place: Path) -> Result | None:
    """The result of an entry, if its fingerprint matches but for events and all its files are there."""
    try:
        if entry is None or entry["status"] != "ok" or not str(entry["fingerprint"]).startswith(f"{before}-"):
            return None
        result = reports_json.result_of(job, entry)
    except (KeyError, TypeError, ValueError):
        return None
    there = len(result.files) == len(entry["files"]) and all((place / name).is_file() for name in result.files.values())
    return result if there and "html" in result.files and result.made_at is not None else None


MAX_AGE = timedelta(hours=24)
"""For how long an unfinished run can be continued; later a run begins anew, with the devices as they are then."""


def continue_unfinished(cloud: Cloud, period: Period, out: Path) -> Cloud:
    """The cloud as an unfinished run before saw it, if that run had the same period and source; else as it is.

    Devices send new values all the time, so each report would come out a little different now and none could be kept.
    A run that is continued takes what was fetched since its list of devices for current.
    """
    before = unfinished(out)
    if before is None or before.as_of is None or cloud.settings.offline:
        return cloud
    as_of = pd.Timestamp(before.as_of).tz_convert("UTC")
    # Only with the very list of devices that the run before had: another command may have fetched a newer one.
    same = (before.period, before.source) == (period.label, cloud.source)
    listed = DocumentStore(cloud.settings).read("devices")
    there = listed is not None and listed.asked == int(as_of.timestamp())
    young = timedelta(0) <= cloud.now - as_of <= MAX_AGE
    return Cloud(replace(cloud.settings, fresh_since=as_of)) if same and there and young else cloud


def device_list_time(cloud: Cloud) -> datetime | None:
    """When the list of devices was fetched, in the site's zone; None if it was not."""
    asked = cloud.connection.device_list.asked
    return datetime.fromtimestamp(asked, ZoneInfo(cloud.timezone)) if asked else None

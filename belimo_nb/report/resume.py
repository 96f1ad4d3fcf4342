"""Which reports of earlier runs stay: those that would come out the same, and those that a run is not about."""

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

__all__ = ["LONGEST", "Keeper", "going_on", "listed_at", "others"]

OTHER = ("notebook", "title", "slug", "period", "made_at", "files")


class Keeper:
    """Tells which reports need not be made again, and remembers what those that are made were made of.

    Args:
        folder: The output folder.
        fingerprints: What the reports are made of; None: unknown.
        facts: What the run is about.
        resume: Keep what is the same; False: only remember.
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
        """The report as an earlier run made it, if it would come out the same; None: make it."""
        prints = self._fingerprints
        if prints is None:
            return None
        self._before[job] = before = prints.of(job)
        if not self._resume or before is None:
            return None
        for entries, place in (
            (self._found, self._folder.staging),
            (self._folder.earlier.reports, self._folder.path),
        ):
            found = _usable(entries.get(job.slug), job, before, place)
            if found is not None and found.fingerprint == _whole(before, prints.events(job, ask=True)):
                return found
        return None

    def made(self, result: Result) -> Result:
        """The same result with its fingerprint, if what it was made of has not changed meanwhile; it is noted."""
        before, prints = self._before.get(result.job), self._fingerprints
        if prints is not None and before is not None and result.status == "ok" and prints.of(result.job) == before:
            result = replace(result, fingerprint=_whole(before, prints.events(result.job, ask=False)))
        if result.fingerprint is not None:
            self._folder.note(reports_json.entry(result))
        return result


def others(folder: OutputFolder, results: Sequence[Result], *, whole: bool) -> list[Mapping[str, Any]]:
    """Entries of earlier reports whose pages stay though this run has not made them.

    Args:
        folder: The output folder.
        results: What this run has made.
        whole: The results are of all reports that there are of their notebooks: what is not among them is gone.
    """
    earlier = folder.earlier
    made = {result.job.slug for result in results if "html" in result.files}
    jobs = {result.job.slug for result in results}
    notebooks = {result.job.notebook for result in results} if whole else set()
    found: list[Mapping[str, Any]] = []
    old = dict(earlier.others)
    for slug, item in earlier.reports.items():
        if item.get("status") == "ok":
            old[slug] = {**item, "period": earlier.period}
    for slug, item in old.items():
        gone = item.get("notebook") in notebooks and slug not in jobs
        page = reports_json.files_of(item).get("html")
        if slug not in made and not gone and page and (folder.path / page).is_file():
            found.append({**dict.fromkeys(OTHER), **{name: item[name] for name in OTHER if name in item}})
    return found


def _whole(before: str, events: str | None) -> str | None:
    return None if events is None else f"{before}-{events}"


def _usable(entry: Mapping[str, Any] | None, job: Job, before: str, place: Path) -> Result | None:
    """The result that an entry tells of, if it may be kept and all its files are there."""
    try:
        if entry is None or entry["status"] != "ok" or not str(entry["fingerprint"]).startswith(f"{before}-"):
            return None
        result = reports_json.result_of(job, entry)
    except (KeyError, TypeError, ValueError):
        return None
    there = len(result.files) == len(entry["files"]) and all((place / name).is_file() for name in result.files.values())
    return result if there and "html" in result.files and result.made_at is not None else None


LONGEST = timedelta(hours=24)
"""For how long a run that was not finished can be gone on with; later it begins anew, with the devices as they are."""


def going_on(cloud: Cloud, period: Period, out: Path) -> Cloud:
    """The cloud as the run before saw it, if that was the same run and is not finished; else as it is.

    Devices send new values all the time, so that each of their reports would come out a little different now. A run
    that is gone on with takes what was fetched since its list of devices for current.

    Args:
        cloud: The cloud.
        period: What the reports are about.
        out: The output folder, where the run before has left its notes.
    """
    before = unfinished(out)
    if before is None or before.as_of is None or cloud.settings.offline:
        return cloud
    as_of = pd.Timestamp(before.as_of).tz_convert("UTC")
    same = (before.period, before.source) == (period.label, cloud.source)
    listed = DocumentStore(cloud.settings).read("devices")
    there = listed is not None and listed.asked == int(as_of.timestamp())
    young = timedelta(0) <= cloud.now - as_of <= LONGEST
    return Cloud(replace(cloud.settings, fresh_since=as_of)) if same and there and young else cloud


def listed_at(cloud: Cloud) -> datetime | None:
    """When the list of devices was asked for, in the site's zone; None if it has not been."""
    asked = cloud.connection.device_list.asked
    return datetime.fromtimestamp(asked, ZoneInfo(cloud.timezone)) if asked else None

"""What a report is made of, as one short text: while it stays the same, making the report again changes nothing.

Into it goes all that a report's notebook reads through the package: the code and the libraries that draw, the notebook,
its parameters, the settings that outputs show, the device's record with its latest values, its dataprofile and events,
every kept reading of it, and the weather; into that of a fleet's report the records and readings of all devices. Where
any of it cannot be told for sure, there is no fingerprint, and the report is made: a report made in vain costs a
second, one wrongly skipped costs trust.

A notebook that comes to read something else must have it added here.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection, Mapping
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from belimo_nb.api.devices import devices_frame
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.errors import BelimoError
from belimo_nb.report import notebooks
from belimo_nb.report.jobs import Job
from belimo_nb.settings.addresses import is_loopback
from belimo_nb.store.disk import source_folder
from belimo_nb.store.documents import DocumentStore
from belimo_nb.store.parquet import DamagedFile, read_metadata
from belimo_nb.weather import outdoor_temperature

LIBRARIES = ("ipykernel", "matplotlib", "nbconvert", "nh3", "numpy", "pandas", "papermill", "pillow", "pyarrow")
PACKAGE = Path(__file__).resolve().parents[1]
FLEET = "*"
DAY = pd.Timedelta(days=1)


class Fingerprints:
    """The fingerprints of a run's reports.

    Args:
        cloud: Where the data come from, after the devices were listed.
        period: What the reports cover.
        unsettled: Ids of devices whose history in the store is not what a report would read, since it would ask for
            more of it.
        tables: How the tables are written beside the page.
    """

    def __init__(self, cloud: Cloud, period: Period, unsettled: Collection[str] = (), tables: str = "csv") -> None:
        self._tables = tables
        self._cloud = cloud
        self._period = period
        self._unsettled = frozenset(unsettled)
        self._documents = DocumentStore(cloud.settings)
        kept = self._documents.read("devices")
        # As the reports find them, or older: then what they show is newer than what their fingerprint says, and they
        # are made again. The other way round they could be kept wrongly.
        self._records: Mapping[str, Any] = (
            cloud.connection.device_list.known()
            if kept is None
            else {str(record["id"]): record for record in kept.body}
        )
        self._profiles: dict[str, str] = {}
        self._weathers: dict[str, str] = {}
        self._files: dict[Path, tuple[tuple[int, ...], str]] = {}

    def of(self, job: Job) -> str | None:
        """The fingerprint of a report, but for its device's events; None if it cannot be told.

        Costs no request, but for the weather once.
        """
        device = job.parameters.get("device", FLEET)
        known = device in self._records or device == FLEET
        if not known or (self._unsettled if device == FLEET else device in self._unsettled):
            return None
        if job.parameters.get("compare") and not self._cloud.settings.offline:
            return None  # the report asks for another year by itself
        try:
            weather = self._weather(job)
            data = self._fleet(job) if device == FLEET else self._device(str(device))
        except (BelimoError, DamagedFile, OSError):
            return None
        parameters = {name: repr(value) for name, value in job.parameters.items()}
        return _digest([self._common, self._tables, _source(job.notebook), parameters, data, weather])

    def events(self, job: Job, *, ask: bool) -> str | None:
        """The digest of the events of a job's device, "" for the fleet's reports; None if it cannot be told.

        Args:
            job: The job.
            ask: Ask for them as the report would; False: take what it was given.
        """
        device = job.parameters.get("device")
        if device is None:
            return ""
        try:
            if ask:
                self._cloud.device(str(device)).timeline()
            answer = self._documents.read(f"timeline {device}")
        except BelimoError:
            return None
        if answer is None:
            return "none" if self._cloud.settings.offline else None
        return _digest(answer.body)

    @cached_property
    def _common(self) -> Any:
        settings, now = self._cloud.settings, self._cloud.now
        weather = settings.weather or ""
        if "://" in weather and is_loopback(weather):
            weather = "this machine"  # whose port is another one each time; what it says is looked at
        return [
            _code(),
            [sys.version, *(version(name) for name in LIBRARIES)],
            [self._cloud.source, source_folder(settings), settings.username, self._cloud.timezone, weather],
            # What lies in the future by now is no gap; of a period that is over, all is past for good.
            "over" if self._period.end <= now else now.isoformat(),
        ]

    def _device(self, device: str) -> Any:
        record = self._records[device]
        return [record, bool(self._online[device]), self._profile(device), self._history(device)]

    def _fleet(self, job: Job) -> Any:
        histories = {device: self._history(device) for device in self._records}
        # The overview says of when it is, and all of them who is online at that moment.
        # A search is asked again by the report itself, after ours.
        records = self._cloud.connection.device_list.known() if job.parameters.get("search") else self._records
        return [self._cloud.now.isoformat(), dict(records), histories]

    @cached_property
    def _online(self) -> Mapping[str, bool]:
        found = devices_frame(list(self._records.values()), self._cloud.now)["online"]
        return {str(key): bool(online) for key, online in found.items()}

    def _profile(self, device: str) -> str:
        reference = str((self._records[device].get("dataprofile") or {}).get("ref"))
        if reference not in self._profiles:
            datapoints = self._cloud.connection.profile_of(self._records[device]).datapoints
            self._profiles[reference] = _digest(datapoints.reset_index().astype(str).to_numpy().tolist())
        return self._profiles[reference]

    def _history(self, device: str) -> Any:
        """Checksums of all kept readings of a device, by resolution; what was asked when does not matter."""
        store = self._cloud.connection.archive.store
        found = {}
        for path in sorted(store.folder.glob(f"*/{store.path(device, '1h').name}")):
            state = path.stat()
            seen = (state.st_ino, state.st_mtime_ns, state.st_size)  # of a file that is only ever replaced as a whole
            if self._files.get(path, ((), ""))[0] != seen:
                with path.open("rb") as stream:
                    about, _ = read_metadata(stream)
                self._files[path] = (seen, _digest([about["times"], about["columns"]]))
            found[path.parent.name] = self._files[path][1]
        return found

    def _weather(self, job: Job) -> str:
        """What the weather was, where it is set; a day more on either side, for other time zones."""
        source = str(job.parameters.get("weather") or self._cloud.settings.weather or "")
        if not source:
            return ""
        if source not in self._weathers:
            until = min(self._period.end + DAY, self._cloud.now)
            series = outdoor_temperature(self._cloud, self._period.year_before.start - DAY, until, source)
            self._weathers[source] = _digest([[str(moment), f"{value:.9g}"] for moment, value in series.items()])
        return self._weathers[source]


@cache
def _code() -> str:
    """The package itself: a version's number says little where one works on it."""
    kinds = (".py", ".css", ".js", ".j2", ".json")
    return _digest(
        [
            [path.relative_to(PACKAGE).as_posix(), hashlib.blake2b(path.read_bytes()).hexdigest()]
            for path in sorted(PACKAGE.rglob("*"))
            if path.suffix in kinds
        ]
    )


@cache
def _source(notebook: str) -> str:
    """A notebook's cells as text, without the outputs that are stored with them."""
    body = json.loads(notebooks.notebook(notebook).read_text(encoding="utf-8"))
    return json.dumps([[cell["cell_type"], cell["source"], cell["metadata"]] for cell in body["cells"]])


def _digest(content: Any) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()

"""Fill the store with what files hold, so that it answers as for the devices of a cloud."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.api.devices import devices_frame, name_of
from belimo_nb.calendar.moments import to_api
from belimo_nb.errors import StoreError
from belimo_nb.files.mapping import KNOWN, FileMapping, setting
from belimo_nb.files.reader import DeviceReadings, FileReadings
from belimo_nb.quantities import SETTINGS, label, listed, plural
from belimo_nb.settings import Settings
from belimo_nb.store import Store
from belimo_nb.store.coverage import Coverage
from belimo_nb.store.device_history import DeviceHistory
from belimo_nb.store.disk import IMPORTED_RESOLUTION
from belimo_nb.store.documents import DocumentStore
from belimo_nb.weather.archive import LATITUDE, LONGITUDE

SPACE = uuid.UUID("6f2b0c0e-6d1c-5c57-9a52-3f3a52a9a0c1")  # ids of imported devices are made in it
PROFILES = "/definitions/dataprofiles/"
LISTED_FILES = 500
DAY_S = 86400


class Import:
    """An import into the store; leaving the block lists what has come.

    Each device's history is replaced in one step, and the list of devices last: an import that was killed is made
    good by repeating it.

    Args:
        settings: Settings with `source_files`.

    Attributes:
        conflicts: By device, how many values differ from those imported before, which are kept.

    Raises:
        StoreError: The store cannot be written to.
    """

    def __init__(self, settings: Settings) -> None:
        self.conflicts: dict[str, int] = {}
        self._store, self._documents = Store(settings), DocumentStore(settings)
        self._records: list[dict[str, Any]] = []
        self._files: list[str] = []
        self._changed: set[str] = set()
        self._lock = self._store.lock_file(self._store.folder / "import")

    def __enter__(self) -> Import:
        self._store.check()
        self._lock.__enter__()
        listed = self._documents.read("devices")
        self._records = [] if listed is None else listed.body
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            if self._changed:
                self._publish()
        finally:
            self._lock.__exit__(*error)

    def add(self, found: FileReadings, mapping: FileMapping, file: str, name: str, serial: str) -> dict[str, int]:
        """Add what a file holds; gives the number of new values by device.

        Args:
            found: What was read.
            mapping: How; for the devices' names and settings.
            file: The file's name.
            name: Name of the only device of the file, "" for what the file says, or else the file's own name.
            serial: Its serial number, "" if it is not known.
        """
        added: dict[str, int] = {}
        self.conflicts = {}
        for one in found.devices:
            stem = file.rpartition(".")[0] or file
            keys = (one.serial, one.name or stem, serial, name)
            told = next((mapping.devices[key] for key in keys if key in mapping.devices), {})
            own_serial = serial or told.get("serial", "") or one.serial
            own_name = name or told.get("name", "") or one.name or own_serial or stem
            renamed = bool(name or told.get("name"))
            record = _record(self._records, _plain(own_name), _plain(own_serial), renamed=renamed)
            history, new, conflicts = _add(self._store, record, one)
            _describe(record, history, mapping, told)
            self._changed.add(record["id"])
            added[name_of(record)] = added.get(name_of(record), 0) + new
            if conflicts:
                self.conflicts[name_of(record)] = conflicts
        self._files.append(_plain(file))
        return added

    def _publish(self) -> None:
        """Keep the documents that a cloud would give, the list of devices last."""
        # A device whose first history could not be written is none.
        self._records = [record for record in self._records if "imported" in record]
        newest = max(record["imported"]["last"] for record in self._records)
        for record in self._records:
            about = record["imported"]
            # Files end when somebody saved them, and meters may be read once a day: that is no lost connection.
            seen = newest if newest - about["last"] <= max(2 * about["spacing"], DAY_S) else about["last"]
            record["health"] = {"state": "UNKNOWN", "lastSeen": _iso(seen)}
            if record["id"] in self._changed:
                self._keep(f"timeline {record['id']}", newest, [])
                reference = record["dataprofile"]
                self._keep(f"profile {reference['ref']}", newest, _profile(reference, about["quantities"]))
        self._keep("stats", newest, _stats(self._records, newest))
        now = int(pd.Timestamp.now("UTC").timestamp())
        before = self._documents.read("imports")
        files = [*(before.body["files"] if before else []), *self._files]
        files = list(dict.fromkeys(files[::-1]))[:LISTED_FILES][::-1]  # each once, where it was imported last
        names = listed([*files[-2:], *files[:-2]], 2)
        text = f"from {names} on {pd.Timestamp(now, unit='s', tz='UTC'):%Y-%m-%d}"
        self._keep("imports", now, {"files": files, "text": text})
        self._keep("devices", newest, self._records)

    def _keep(self, name: str, asked: int, body: Any) -> None:
        """Keep a document; it must be on the disk, since nobody could give it again."""
        self._documents.write(name, asked, body)
        known = self._documents.read(name)
        if known is None or known.body != body:
            raise StoreError(
                f"The list of what was imported cannot be kept in {self._documents.folder}; make room there, check its "
                "permissions, or set BELIMO_DATA_DIR to another folder."
            )


def _plain(text: str) -> str:
    """A name without control characters, of at most 120 characters."""
    return " ".join(re.sub(r"[^\w\s!-~\u00a1-\u024f–—]", " ", text).split())[:120].strip()


def _record(records: list[dict[str, Any]], name: str, serial: str, *, renamed: bool) -> dict[str, Any]:
    """The device object with a serial number, or a name if there is none; a new one if there is no such."""
    for record in records:
        same_name = record["displayName"] == name
        if (serial and record["serialNumber"] == serial) or (same_name and not (serial and record["serialNumber"])):
            record["serialNumber"] = serial or record["serialNumber"]
            record["displayName"] = name if renamed else record["displayName"]
            return record
    identifier = str(uuid.uuid5(SPACE, f"serial {serial}" if serial else f"name {name}"))
    new = {"id": identifier, "displayName": name or identifier[:8], "serialNumber": serial or None}
    records.append(new)
    return new


def _add(store: Store, record: Mapping[str, Any], readings: DeviceReadings) -> tuple[DeviceHistory, int, int]:
    """Join readings to a device's history, where those that are kept count: the whole, new values, and conflicts."""
    frame = readings.frame
    # A bucket's value is its last reading and belongs to its end, so a reading is kept in the second before its time.
    times = np.asarray(frame.index, np.int64) - 1
    columns = {str(key): values.to_numpy(dtype=float) for key, values in frame.items()}
    covered = {}
    for key, values in columns.items():
        known = times[~np.isnan(values)]
        covered[key] = Coverage(final=((int(known[0]), int(known[-1]) + 1),) if len(known) else ())
    with store.lock(str(record["id"]), IMPORTED_RESOLUTION):
        kept = store.read(str(record["id"]), IMPORTED_RESOLUTION)
        joined, conflicts = kept.joined(DeviceHistory(kept.device, kept.resolution, kept.step, times, columns, covered))
        new = _count(joined) - _count(kept)
        if new or joined.coverage != kept.coverage:
            store.write(joined)
    return joined, new, conflicts


def _count(history: DeviceHistory) -> int:
    return sum(int(np.isfinite(values).sum()) for values in history.columns.values())


def _describe(record: dict[str, Any], history: DeviceHistory, mapping: FileMapping, told: Mapping[str, str]) -> None:
    """Give a device object what a cloud's has: dataprofile, latest values, last contact, place."""
    latest = {
        key: float(known[-1]) for key, values in history.columns.items() if len(known := values[np.isfinite(values)])
    }
    before = record.get("state", {}).get("datapoints", {})
    kept = {key: point["value"] for key, point in before.items() if key not in KNOWN or key in SETTINGS}
    values = kept | latest | {key: setting(key, told[key], "The mapping") for key in told if key in SETTINGS}
    site = mapping.site
    values |= {key: site[name] for key, name in ((LATITUDE, "latitude"), (LONGITUDE, "longitude")) if name in site}
    described = sorted((key for key in values if key in KNOWN), key=list(KNOWN).index)
    identifier = f"imported-{uuid.uuid5(SPACE, ' '.join(described))}"
    last, steps = int(history.times[-1]) + 1, np.diff(history.times[-1000:])
    record["state"] = {"timestamp": _iso(last), "datapoints": {key: {"value": value} for key, value in values.items()}}
    record["dataprofile"] = {
        "ref": f"{PROFILES}{identifier}/1",
        "entityId": identifier,
        "displayName": f"imported, {plural(len(described), 'quantity', 'quantities')}",
    }
    record["imported"] = {"last": last, "spacing": int(np.median(steps)) if len(steps) else 0, "quantities": described}
    for key, name in (("project", "projectName"), ("city", "addressCity"), ("country", "addressCountry")):
        record[name] = site.get(key, record.get(name))


def _profile(reference: Mapping[str, Any], quantities: Sequence[str]) -> dict[str, Any]:
    """The dataprofile of a device whose files hold some quantities."""
    points = []
    for key in quantities:
        known = KNOWN[key]
        name = (known.names_4 or known.names)[0]  # those of Energy Valve 4 say no unit
        features = {
            "name": name,
            "description": label(key),
            "unit": known.dimension.unit,
            "access": "r",
            "basetype": "real",
        }
        points.append({"id": key, "featureValues": {f"default.{k}": v for k, v in features.items()}})
    return {"id": reference["entityId"], "version": "1", "name": reference["displayName"], "datapoints": points}


def _stats(records: Sequence[dict[str, Any]], newest: int) -> dict[str, Any]:
    frame = devices_frame(records, pd.Timestamp(newest, unit="s", tz="UTC"))
    online = int(frame["online"].sum())
    return {
        "totalDevices": len(frame),
        "connection": {"online": online, "offline": len(frame) - online},
        "health": {"ok": 0, "problem": 0},
        "transfer": {},
    }


def _iso(moment: int) -> str:
    return to_api(pd.Timestamp(moment, unit="s", tz="UTC"))

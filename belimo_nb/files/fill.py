"""Fill the store with what files hold, so that it answers as for the devices of a cloud."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.api.devices import devices_frame, name_of
from belimo_nb.calendar.moments import to_api
from belimo_nb.errors import StoreError
from belimo_nb.files.mapping import KNOWN, FileMapping, setting
from belimo_nb.files.reader import DeviceReadings, FileReadings
from belimo_nb.quantities import SETTINGS, label
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


@dataclass
class Imported:
    """What an import has added.

    Attributes:
        devices: By name, how many values came new.
        conflicts: By name, how many values differ from those imported before, which are kept.
    """

    devices: dict[str, int] = field(default_factory=dict)
    conflicts: dict[str, int] = field(default_factory=dict)


def fill(
    settings: Settings, readings: FileReadings, mapping: FileMapping, file: str, name: str, serial: str
) -> Imported:
    """Add what a file holds to the store of imported files.

    Each device's history is replaced in one step, and the list of devices last: an import that was ended in between
    is made good by repeating it.

    Args:
        settings: Settings with `source_files`.
        readings: What was read.
        mapping: How; for the devices' names and settings.
        file: The file's name.
        name: Name of the only device of the file, "" for what the file says, or else the file's own name.
        serial: Its serial number, "" if it is not known.

    Raises:
        StoreError: The store cannot be written to.
    """
    store, documents, found = Store(settings), DocumentStore(settings), Imported()
    store.check()
    with store.lock_file(store.folder / "import"):
        listed = documents.read("devices")
        records: list[dict[str, Any]] = [] if listed is None else listed.body
        for readings_of in readings.devices:
            keys = (readings_of.serial, readings_of.name, serial, name)
            told = next((mapping.devices[key] for key in keys if key in mapping.devices), {})
            own_serial = serial or told.get("serial", "") or readings_of.serial
            own_name = name or told.get("name", "") or readings_of.name or own_serial or file.rpartition(".")[0] or file
            record = _record(records, _plain(own_name), _plain(own_serial), renamed=bool(name or told.get("name")))
            history = _add(store, record, readings_of, found)
            _describe(record, history, mapping, told)
        _publish(documents, records, file)
    return found


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


def _add(store: Store, record: Mapping[str, Any], readings: DeviceReadings, found: Imported) -> DeviceHistory:
    """Join readings to the history of a device; those that are kept already count."""
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
        fresh = DeviceHistory(kept.device, kept.resolution, kept.step, times, columns, covered)
        joined, conflicts = kept.joined(fresh)
        name = name_of(record)
        found.devices[name] = found.devices.get(name, 0) + _count(joined) - _count(kept)
        if conflicts:
            found.conflicts[name] = conflicts
        if joined.coverage != kept.coverage or _count(joined) != _count(kept):
            store.write(joined)
    return joined


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
        "displayName": f"imported, {len(described)} quantit{'y' if len(described) == 1 else 'ies'}",
    }
    record["imported"] = {"last": last, "spacing": int(np.median(steps)) if len(steps) else 0, "quantities": described}
    for key, name in (("project", "projectName"), ("city", "addressCity"), ("country", "addressCountry")):
        record[name] = site.get(key, record.get(name))


def _publish(documents: DocumentStore, records: Sequence[dict[str, Any]], file: str) -> None:
    """Keep the documents that a cloud would give, the list of devices last."""
    newest = max(record["imported"]["last"] for record in records)
    for record in records:
        about = record["imported"]
        # A meter that reads once a day is not offline for not having been read in the last minutes.
        seen = newest if newest - about["last"] <= 2 * about["spacing"] else about["last"]
        record["health"] = {"state": "UNKNOWN", "lastSeen": _iso(seen)}
        _keep(documents, f"timeline {record['id']}", newest, [])
        ref = record["dataprofile"]["ref"]
        _keep(documents, f"profile {ref}", newest, _profile(record["dataprofile"], about["quantities"]))
    _keep(documents, "stats", newest, _stats(records, newest))
    now = int(pd.Timestamp.now("UTC").timestamp())
    before = documents.read("imports")
    files = [one for one in (before.body["files"] if before else []) if one["name"] != _plain(file)]
    files = [*files, {"name": _plain(file), "at": now}][-LISTED_FILES:]
    shown = ", ".join(one["name"] for one in files[:2]) + (f" and {len(files) - 2} more" if len(files) > 2 else "")
    day = pd.Timestamp(now, unit="s", tz="UTC")
    _keep(documents, "imports", now, {"files": files, "text": f"from {shown} on {day:%Y-%m-%d}"})
    _keep(documents, "devices", newest, list(records))


def _keep(documents: DocumentStore, name: str, asked: int, body: Any) -> None:
    """Keep a document, unless it is kept already; it must be on the disk, since nobody could give it again."""
    known = documents.read(name)
    if known is not None and (known.asked, known.body) == (asked, body):
        return
    documents.write(name, asked, body)
    known = documents.read(name)
    if known is None or known.body != body:
        raise StoreError(
            f"The list of what was imported cannot be kept in {documents.folder}; make room there, check its "
            "permissions, or set BELIMO_DATA_DIR to another folder."
        )


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

"""The list of devices, kept in memory and, for work offline, on disk."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from belimo_nb.api.devices import matches, name_of, profile_ref
from belimo_nb.api.paging import Get, collect
from belimo_nb.api.search import has_two_spellings
from belimo_nb.errors import AnswerError, UnknownDevice, UsageError
from belimo_nb.store.documents import DocumentStore

Record = dict[str, Any]


class DeviceList:
    """The API's device objects of the last complete list; safe to share between threads.

    Attributes:
        asked: When the last complete list was fetched, in seconds since 1970; 0: never.
    """

    def __init__(self, get: Get, documents: DocumentStore, now: Callable[[], int], *, offline: bool) -> None:
        self._get = get
        self._documents = documents
        self._now = now
        self._offline = offline
        self._records: dict[str, Record] | None = None
        self._lock = threading.Lock()
        self.asked = 0
        self._earlier: dict[str, tuple[str, ...]] = {}

    def ask(self, search: str | None = None) -> list[Record]:
        """Fetch all device objects, or those that a search finds; a complete list is kept for later look-ups.

        Raises:
            AnswerError: The list names a device twice, or one without an id.
            UsageError: The search is no text.
        """
        if search is not None and not isinstance(search, str):
            raise UsageError(
                f"The search is {search!r}, which is no text; give a part of a name or serial number, to papermill as "
                "in -r search 3."
            )
        text = (search or "").strip()
        before = None
        if text and (self._offline or has_two_spellings(text)):
            # The cloud compares letters: it would find "Süd" or "Sued", not both.
            everything = self.known().values() if self._offline else self.ask()
            return [r for r in everything if matches(text, name_of(r), r.get("serialNumber"))]
        if text:
            found = collect(self._get, "/devices", {"search": text}, "the devices")
            # A cloud that does not heed the search answers with others, too.
            asked, records = 0, [r for r in found if matches(text, name_of(r), r.get("serialNumber"))]
        else:
            before = self._documents.read("devices") if self._documents.read("serials") is None else None
            kept = self._documents.get_or_ask(
                "devices", lambda: collect(self._get, "/devices", {}, "the devices"), self._now()
            )
            asked, records = kept.asked, kept.body
        # Pages that moved while they were read show as a device that comes twice, and another that is missing.
        ids = [str(record.get("id") or "") for record in records]
        if not all(ids) or len(set(ids)) != len(ids):
            raise AnswerError("The list of devices names one twice, or one without an id; ask again.", retryable=True)
        if not text:
            self._find_earlier(records, [] if before is None else before.body)
        # A search updates what it found and leaves the rest; only a complete list says what is there and since when.
        with self._lock:
            fresh = dict(zip(ids, records, strict=True))
            self._records = (self._records | fresh if self._records is not None else None) if text else fresh
            self.asked = self.asked if text else asked
        return records

    def _find_earlier(self, records: Sequence[Record], before: Sequence[Record]) -> None:
        """Find the ids that the listed devices had before they changed hands, and keep all serial numbers."""
        # A device that changes hands gets a new id; its serial number stays. Lists name the present ids only, so those
        # of earlier lists are kept beside them.
        kept = self._documents.read("serials")
        known = {} if kept is None else dict(kept.body)
        present = {str(r["id"]): str(r["serialNumber"]) for r in records if r.get("serialNumber")}
        found = known | {str(r.get("id")): str(r["serialNumber"]) for r in before if r.get("serialNumber")} | present
        if found != known and not self._offline:
            self._documents.write("serials", self._now(), found)
        listed = {str(record["id"]) for record in records}
        gone: dict[str, tuple[str, ...]] = {}
        for identifier, serial in found.items():
            if identifier not in listed:
                gone[serial] = (identifier, *gone.get(serial, ()))
        # A serial number that two devices have is none.
        unique = {serial for serial, count in collections.Counter(present.values()).items() if count == 1}
        self._earlier = {serial: ids for serial, ids in gone.items() if serial in unique}

    def earlier_ids(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """The ids that a device had before it changed hands, the latest first, as far as lists of them were kept."""
        self.known()
        return self._earlier.get(str(record.get("serialNumber") or ""), ())

    def reported(self, ref: str) -> set[str]:
        """The datapoints that devices with a dataprofile reported, as far as they are listed by now; asks nothing."""
        with self._lock:
            listed = [] if self._records is None else list(self._records.values())
        found: set[str] = set()
        for record in listed:
            if profile_ref(record) == ref and isinstance(state := record.get("state"), dict):
                found.update(state.get("datapoints") or ())
        return found

    def known(self) -> dict[str, Record]:
        """The device objects of the last complete list by id; fetched only if there is none yet."""
        with self._lock:
            records = self._records
        return records if records is not None else {str(r["id"]): r for r in self.ask()}


def record_of(identifier: str, records: Mapping[str, Record]) -> Record:
    """The device object with an id.

    Raises:
        UnknownDevice: There is none.
    """
    if identifier not in records:
        raise UnknownDevice(f"There is no device with the id {identifier!r}; list them again.")
    return records[identifier]

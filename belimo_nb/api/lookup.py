"""Finding one device among many by what people call it, and telling apart those that are called the same."""

from __future__ import annotations

import collections
import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from belimo_nb.api.devices import name_of
from belimo_nb.errors import AmbiguousDevice, UnknownDevice

__all__ = ["distinct_names", "find", "matches"]


class Named(Protocol):
    """What tells devices apart."""

    name: str
    serial: str
    id: str


class _Named:
    def __init__(self, record: Mapping[str, Any]) -> None:
        self.name, self.id = name_of(record), str(record["id"])
        self.serial = str(record.get("serialNumber") or "")


def find(text: str, records: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The device by a serial number, a name, or a part of the name that only one has; see `Cloud.device`."""
    wanted = text.casefold()
    exact_serial = [r for r in records.values() if str(r.get("serialNumber") or "").casefold() == wanted]
    exact_name = [r for r in records.values() if name_of(r).casefold() == wanted]
    part = [r for r in records.values() if wanted in name_of(r).casefold()]
    for found in (exact_serial, exact_name, part):
        if len(found) == 1:
            return found[0]
        if found:
            listed = "; ".join(distinct_names([_Named(r) for r in found])[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            raise AmbiguousDevice(
                f"{text!r} fits {len(found)} devices: {listed}{more}; give more of the name, a serial or an id."
            )
    raise UnknownDevice(f"There is no device {text!r} among {len(records)}; {_near(wanted, records)}.")


def distinct_names(devices: Sequence[Named]) -> list[str]:
    """The devices' names; where several share one, with what tells them apart: the serial number, else the id."""
    names = [device.name for device in devices]
    for marks in ([device.serial or device.id for device in devices], [device.id for device in devices]):
        counts = collections.Counter(names)
        names = [
            f"{device.name} ({mark})" if counts[name] > 1 else name
            for device, mark, name in zip(devices, marks, names, strict=True)
        ]
    return names


def _near(wanted: str, records: Mapping[str, Mapping[str, Any]]) -> str:
    names = {name_of(record).casefold(): name_of(record) for record in records.values()}
    names |= {
        str(r.get("serialNumber")).casefold(): str(r["serialNumber"]) for r in records.values() if r.get("serialNumber")
    }
    near = difflib.get_close_matches(wanted, names, n=4, cutoff=0.5)
    if not near:
        words = wanted.split()
        near = [name for name in names if any(len(word) > 2 and word in name for word in words)][:4]
    if not near:
        return "`belimo-nb devices` lists them"
    return f"near matches: {', '.join(repr(names[name]) for name in near)}"


def matches(text: str, name: object, serial: object) -> bool:
    """Whether a search finds a device, as the cloud searches: in its name and serial number, whatever the case."""
    return text.casefold() in f"{name}\n{serial}".casefold()

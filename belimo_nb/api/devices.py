"""The API's device objects: as DataFrames, and found by name."""

from __future__ import annotations

import collections
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from belimo_nb.api.history import MAX_VALUE
from belimo_nb.api.profile import Profile
from belimo_nb.api.search import folded
from belimo_nb.calendar.moments import from_api
from belimo_nb.errors import AmbiguousDevice, AnswerError, UnknownDevice
from belimo_nb.quantities import ABSOLUTE_ZERO_C, QUANTITIES, SETTINGS, TEMPERATURE, Quantity, listed, plural

Record = Mapping[str, Any]

ONLINE_WITHIN = pd.Timedelta(minutes=5)
"""The API's own definition: a device is online if it was in touch within this time."""

LATEST_QUANTITIES = ("power", "flow", "t1", "t2", "delta_t", "position", "heating_energy", "cooling_energy")
TEXT_COLUMNS = ("name", "serial", "type", "profile", "health", "note", "project", "city", "country")


def name_of(record: Record) -> str:
    """The name to show for a device: its own, else its serial number, else its id."""
    return str(record.get("displayName") or record.get("serialNumber") or record["id"])


def subobject(record: Record, name: str) -> Record:
    """The object at a key of another; empty if it is missing, null or no object."""
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def datapoint_values(state: Record) -> dict[str, Any]:
    """The values of a state's datapoints, by id."""
    points = subobject(state, "datapoints").items()
    return {str(identifier): point.get("value") for identifier, point in points if isinstance(point, dict)}


def check_is(identifier: str, body: Record, what: str) -> None:
    """Check that an answer is about the device that was asked for, as far as it says so.

    Raises:
        AnswerError: It is about another one.
    """
    for key in ("id", "deviceId"):
        if body.get(key) is not None and str(body[key]) != identifier:
            raise AnswerError(
                f"Asked for {what}, the cloud answered with the {key} {str(body[key])[:60]!r}, not {identifier!r}; "
                "nothing of it is used: ask again later."
            )


def profile_ref(record: Record) -> str | None:
    """The path of the device's dataprofile, or None if it has never reported one."""
    ref = subobject(record, "dataprofile").get("ref")
    return str(ref) if ref else None


def last_seen(record: Record) -> pd.Timestamp | None:
    """When the cloud was last in touch with the device (aware, UTC), or None if never."""
    moment = from_api([subobject(record, "health").get("lastSeen")])[0]
    return None if pd.isna(moment) else moment


def devices_frame(records: Sequence[Record], now: pd.Timestamp) -> pd.DataFrame:
    """Tabulate device objects, in their order.

    Args:
        records: The API's device objects.
        now: What "online" is relative to, aware.

    Returns:
        DataFrame, index ``id``, columns name, serial, type, profile, health, note, last_seen (aware, UTC), online
        (bool), project, city, country; None or NaT where unknown.
    """
    health = [subobject(record, "health") for record in records]
    reference = [subobject(record, "dataprofile") for record in records]
    seen = from_api(h.get("lastSeen") for h in health)
    data: dict[str, Any] = {
        "name": [name_of(record) for record in records],
        "serial": [record.get("serialNumber") for record in records],
        "type": [record.get("deviceType") for record in records],
        "profile": [ref.get("displayName") or ref.get("entityId") for ref in reference],
        "health": [h.get("state") or "UNKNOWN" for h in health],
        "note": [h.get("description") or None for h in health],
        "last_seen": seen,
        "online": now.tz_convert("UTC") - seen <= ONLINE_WITHIN,
        "project": [record.get("projectName") for record in records],
        "city": [record.get("addressCity") for record in records],
        "country": [record.get("addressCountry") for record in records],
    }
    index = pd.Index([str(record["id"]) for record in records], name="id", dtype=object)
    # Objects and lists are none: no column of texts should hold them.
    cells = {key: [str(c) if isinstance(c, (str, int, float)) else None for c in data[key]] for key in TEXT_COLUMNS}
    texts = {key: pd.Series(column, index, dtype=object) for key, column in cells.items()}
    return pd.DataFrame(data | texts, index=index).astype({"online": bool})


def latest_frame(records: Sequence[Record], profile: Callable[[str], Profile | None]) -> pd.DataFrame:
    """Tabulate the latest values of devices in display units.

    Args:
        records: The API's device objects.
        profile: Gives the dataprofile at a path; None where the cloud will not.

    Returns:
        DataFrame, index ``id``, columns name, time (aware, UTC: when the values were valid) and the columns of
        `LATEST_QUANTITIES`; NaN where a device has no such value.
    """
    columns = [QUANTITIES[key].column for key in LATEST_QUANTITIES]
    rows = [_values(record, profile, {key: QUANTITIES[key] for key in LATEST_QUANTITIES}) for record in records]
    index = pd.Index([str(record["id"]) for record in records], name="id", dtype=object)
    frame = pd.DataFrame(rows, index=index, columns=columns, dtype=float)
    frame.insert(0, "time", from_api(subobject(record, "state").get("timestamp") for record in records))
    frame.insert(0, "name", pd.Series([name_of(record) for record in records], index, dtype=object))
    return frame


def settings_of(record: Record, profile: Callable[[str], Profile | None]) -> dict[str, float]:
    """The settings of a device (`belimo_nb.quantities.SETTINGS`) in display units by column; NaN where it has none."""
    values = _values(record, profile, SETTINGS)
    return {quantity.column: value for quantity, value in zip(SETTINGS.values(), values, strict=True)}


def _values(record: Record, profile: Callable[[str], Profile | None], wanted: Mapping[str, Quantity]) -> list[float]:
    values = datapoint_values(subobject(record, "state"))
    ref = profile_ref(record)
    found = None if ref is None else profile(ref)
    if found is None:
        return [float("nan")] * len(wanted)
    row = []
    for key, quantity in wanted.items():
        identifier = found.locate(key)
        value: Any = None if identifier is None else values.get(identifier)
        # A bool is an int in Python, and no measurement.
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= MAX_VALUE
        unit = found.unit(identifier) if identifier is not None and number else None
        shown = float("nan") if unit is None else quantity.dimension.convert(float(value), unit)
        # A valve in stock tells 0 of everything, also of temperatures in kelvins.
        absolute_zero = quantity.dimension is TEMPERATURE and shown <= ABSOLUTE_ZERO_C
        row.append(float("nan") if absolute_zero else shown)
    return row


def find_device(text: str, records: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Find a device by serial number, name, or a part of the name that only one has; see `Cloud.device`."""
    wanted = folded(text)
    exact_serial = [r for r in records.values() if folded(r.get("serialNumber") or "") == wanted]
    exact_name = [r for r in records.values() if folded(name_of(r)) == wanted]
    partial_name = [r for r in records.values() if wanted in folded(name_of(r))]
    # Exact ones first: "Valve 1" must be found although it is also a part of "Valve 10".
    for found in (exact_serial, exact_name, partial_name):
        if len(found) == 1:
            return found[0]
        if found:
            named = [(str(r["id"]), name_of(r), str(r.get("serialNumber") or "")) for r in found]
            names = listed(distinct_names(named), 5, "; ")
            raise AmbiguousDevice(
                f"{text!r} fits {plural(len(found), 'device')}: {names}; give more of the name, a serial or an id."
            )
    raise UnknownDevice(f"There is no device {text!r} among {len(records)}; {_near_matches(wanted, records)}.")


def distinct_names(devices: Sequence[tuple[str, str, str]]) -> list[str]:
    """The names of devices, given as (id, name, serial); a name that several share has serial or id behind it."""
    names = [name for _, name, _ in devices]
    for marks in ([serial or identifier for identifier, _, serial in devices], [device[0] for device in devices]):
        counts = collections.Counter(names)
        names = [
            f"{device[1]} ({mark})" if counts[name] > 1 else name
            for device, mark, name in zip(devices, marks, names, strict=True)
        ]
    return names


def _near_matches(wanted: str, records: Mapping[str, Mapping[str, Any]]) -> str:
    names = {folded(name_of(record)): name_of(record) for record in records.values()}
    names |= {folded(r["serialNumber"]): str(r["serialNumber"]) for r in records.values() if r.get("serialNumber")}
    near = difflib.get_close_matches(wanted, names, n=4, cutoff=0.5)
    if not near:
        words = wanted.split()
        near = [name for name in names if any(len(word) > 2 and word in name for word in words)][:4]
    if not near:
        return "`belimo-nb devices` lists them"
    return f"near matches: {', '.join(repr(names[name]) for name in near)}"


def matches(text: str, name: object, serial: object) -> bool:
    """Whether a search finds a device: in name and serial number, as `belimo_nb.api.search` folds them."""
    return folded(text) in folded(f"{name}\n{serial}")

"""Which kinds of energy a device counts, by its dataprofile and what the store holds of its past."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd

from belimo_nb.api.devices import datapoint_values, profile_ref, subobject
from belimo_nb.energy.counter import Kind
from belimo_nb.energy.interval import TRACE
from belimo_nb.errors import StoreError
from belimo_nb.quantities import ENERGY

if TYPE_CHECKING:
    from belimo_nb.api.profile import Profile
    from belimo_nb.cloud.connection import Connection

KINDS: tuple[Kind, ...] = get_args(Kind)
RESOLUTIONS = ("1h", "15m")  # at which counters are kept
YEAR_S = 365 * 86400


def counts(connection: Connection, record: Mapping[str, Any], kind: Kind) -> bool:
    """Whether a device counts a kind of energy, without a request.

    It does if its dataprofile has the counter, unless it is known never to have counted: the counter reads exactly 0
    now, the store holds no reading of it above 0, and it counts the other kind, or the store covers a year. Nor does it
    if what it counted is a trace of the other kind, now and in all that the store holds of a year (of imported files:
    in all). A counter whose latest value is missing, text or, after a reset or a bad reading, 0 keeps its valve in all
    reports.

    Args:
        connection: The cloud of the device.
        record: The API's device object.
        kind: "heating" or "cooling".
    """
    profile = connection.dataprofiles.readable(profile_ref(record))
    if profile is None or not profile.describes(f"{kind}_energy"):
        return False
    identifier = profile.locate(f"{kind}_energy")
    now = _reading(record, profile, kind)
    others = [_reading(record, profile, each) for each in KINDS if each != kind]
    trace = TRACE * max([other for other in others if other > 0], default=0.0)
    if identifier is None or not 0 <= now <= trace:
        return True
    fetched = 0
    ids = (str(record["id"]), *connection.device_list.earlier_ids(record))
    for device, resolution in itertools.product(ids, RESOLUTIONS):
        try:
            kept = connection.archive.store.read(device, resolution, [identifier])
        except StoreError:  # then nothing is known of its past
            return True
        values = pd.to_numeric(pd.Series(kept.columns.get(identifier, ()), dtype=object), errors="coerce")
        if (values * _kwh(profile, kind) > trace).any():
            return True
        if values.notna().any():
            fetched += sum(end - begin for begin, end in kept.coverage[identifier].asked)
    known = fetched >= YEAR_S or (trace and connection.settings.source_files) or (trace and now == 0)
    return not known


def _reading(record: Mapping[str, Any], profile: Profile, kind: Kind) -> float:
    """The latest reading of a counter, kWh; NaN where it is missing or no number."""
    identifier = profile.locate(f"{kind}_energy")
    value = datapoint_values(subobject(record, "state")).get(identifier or "")
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return float("nan")
    return float(value) * _kwh(profile, kind)


def _kwh(profile: Profile, kind: Kind) -> float:
    """How many kWh the unit of a counter is; NaN where there is none."""
    identifier = profile.locate(f"{kind}_energy")
    return float("nan") if identifier is None else ENERGY.convert(1.0, profile.unit(identifier))

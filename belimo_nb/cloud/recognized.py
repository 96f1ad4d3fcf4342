"""The dataprofiles of a fleet, and what is recognized of each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from belimo_nb.api.devices import profile_ref
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.device_list import record_of
from belimo_nb.quantities import QUANTITIES


def recognized_profiles(connection: Connection, devices: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the dataprofiles of devices, and what is recognized of each.

    Args:
        connection: Connection to the cloud of the devices.
        devices: Rows of `Cloud.devices`.

    Returns:
        DataFrame, index ``profile`` (as in `Cloud.devices`), columns devices (their number), energy_valve (bool: has an
        energy counter), known (number of quantities), lacking (those that a valve's report needs and it does not
        describe, in words) and refused (sentences about those in units that cannot be used).
    """
    known = connection.device_list.known()
    rows: dict[str, dict[str, Any]] = {}
    for identifier, name in zip(devices.index, devices["profile"], strict=True):
        ref = profile_ref(record_of(str(identifier), known))
        if ref is None:
            continue
        row = rows.setdefault(str(name or ref), {"devices": 0, "ref": ref})
        row["devices"] += 1
    for row in rows.values():
        profile = connection.profile_or_none(row.pop("ref"))
        quantities = [] if profile is None else [key for key in QUANTITIES if profile.describes(key)]
        row["energy_valve"] = bool({"heating_energy", "cooling_energy"} & set(quantities))
        row["known"] = len(quantities)
        row["lacking"] = "" if profile is None else ", ".join(profile.lacking)
        row["refused"] = "" if profile is None else " ".join(profile.refused.values())
    columns = ["devices", "energy_valve", "known", "lacking", "refused"]
    found = pd.DataFrame(list(rows.values()), pd.Index(list(rows), name="profile", dtype=object), columns)
    return found.astype({"energy_valve": bool})

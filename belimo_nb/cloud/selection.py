"""Selection of energy valves by search and by name, for commands and reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from belimo_nb.errors import NoDataError, UsageError
from belimo_nb.quantities import plural

if TYPE_CHECKING:
    import pandas as pd

    from belimo_nb.cloud.cloud import Cloud


def found_devices(devices: pd.DataFrame, search: str | None) -> pd.DataFrame:
    """The devices that a search has found, at least one.

    Raises:
        NoDataError: It has found none.
    """
    if devices.empty:
        what = f"No device has {search!r} in its name or serial number" if search else "The account sees no device"
        raise NoDataError(f"{what}; `belimo-nb devices` lists them all.")
    return devices


def energy_valves(cloud: Cloud, search: str | None = None, keys: Sequence[str] = ()) -> pd.DataFrame:
    """Select energy valves, in the cloud's order.

    Args:
        cloud: The cloud.
        search: Only devices with this text in their name or serial number; None or "" for all.
        keys: Only these devices, each by id, serial number, name or a unique part of the name; empty for all.

    Returns:
        Rows of `Cloud.energy_valves`, at least one.

    Raises:
        UnknownDevice: There is no device by such a key.
        AmbiguousDevice: Several devices fit a key.
        UsageError: A device that a key names is no energy valve, or does not match `search`.
        NoDataError: No device matches, or none of them is an energy valve.
    """
    found = found_devices(cloud.devices(search), search)
    # A key that finds nothing usable is an error, not left out: a report would silently lack the device.
    wanted = {cloud.device(key).id: key for key in keys}
    valves = cloud.energy_valves(found)
    for device_id, key in wanted.items():
        if device_id not in valves.index:
            if device_id in found.index and (
                why := valves.attrs.get("unreadable", {}).get(str(found.loc[device_id, "name"]))
            ):
                raise NoDataError(why)
            reason = (
                "has no energy counter, nor flow and temperatures"
                if device_id in found.index
                else f"does not match {search!r}"
            )
            raise UsageError(f"The device {key!r} {reason}, so there is nothing to report on; leave it out.")
    if valves.empty:
        raise NoDataError(
            f"None of the {plural(len(found), 'device')} has an energy counter; `belimo-nb report overview` works "
            "without."
        )
    if not wanted:
        return valves
    chosen = valves.loc[[device_id for device_id in valves.index if device_id in wanted]]
    chosen.attrs = {}
    return chosen

"""Ask several devices at once, so that one that fails costs none of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pandas as pd

from belimo_nb.api.devices import distinct_names
from belimo_nb.api.health import meter_errors
from belimo_nb.client.retries import MAX_UNREACHABLE, is_of_all, own_error
from belimo_nb.client.transport import MAX_IN_FLIGHT
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.device import Device
from belimo_nb.cloud.device_list import record_of
from belimo_nb.errors import BelimoError

T = TypeVar("T")
MAX_TIMELINES = 100  # devices whose whole timeline is asked for; of more, those that are not well now


def devices_by_name(connection: Connection, identifiers: Iterable[str]) -> dict[str, Device]:
    """The devices with some ids, by names that tell them apart."""
    known = connection.device_list.known()
    found = [Device(connection, record_of(str(identifier), known)) for identifier in identifiers]
    names = distinct_names([(device.id, device.name, device.serial) for device in found])
    return dict(zip(names, found, strict=True))


def ask_each(
    devices: Iterable[Device], ask: Callable[[Device], T], on_answer: Callable[[], object] = lambda: None
) -> list[T | BelimoError]:
    """Ask each device, several at a time: what `ask` gave, or its error, in the devices' order.

    Raises:
        SignInError: The credentials are refused.
        UsageError: The question makes no sense; every other device would fail the same way.
    """
    unreachable: list[BelimoError] = []

    def one(device: Device) -> T | BelimoError:
        if len(unreachable) >= MAX_UNREACHABLE:
            return unreachable[-1]  # a cloud that hangs is not asked for every device
        try:
            found = ask(device)
        except (BelimoError, MemoryError) as error:
            own = own_error(error, device.name)
            if is_of_all(own):
                unreachable.append(own)
            return own
        else:
            unreachable.clear()
            return found
        finally:
            on_answer()

    with ThreadPoolExecutor(MAX_IN_FLIGHT, thread_name_prefix="belimo-nb") as pool:
        return list(pool.map(one, devices))


def reported_meter_errors(
    connection: Connection, devices: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
) -> dict[str, list[tuple[pd.Timestamp, pd.Timestamp, str]]]:
    """Times in which devices reported that a sensor of their meter fails, by device name: begin, end and the cause.

    It takes a request a device, so of more than 100 only those are asked that are not well now. What cannot be had
    (offline) is not known.

    Args:
        connection: Connection to the cloud of the devices.
        devices: Rows of `Cloud.devices`.
        start: Begin of the range, aware.
        end: End of the range, exclusive, aware.
    """
    named = devices_by_name(connection, devices.index)
    if len(devices) > MAX_TIMELINES:
        unwell = set(devices.index[devices["health"].isin(["WARNING", "ERROR"])])
        named = {name: device for name, device in named.items() if device.id in unwell}
    found = ask_each(named.values(), lambda device: meter_errors(device.events(), start, end))
    return {name: told for name, told in zip(named, found, strict=True) if isinstance(told, list) and told}

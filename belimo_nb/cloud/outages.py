"""Outages of the plant: when valves of one building lacked water at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from belimo_nb.api.devices import devices_frame
from belimo_nb.calendar.periods import Period
from belimo_nb.client.retries import own_error
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.device import Device
from belimo_nb.cloud.needs import history_queries
from belimo_nb.cloud.survey_valve import Surveyed, ValveTask, read_samples
from belimo_nb.errors import BelimoError
from belimo_nb.hydronics import Samples, judge
from belimo_nb.hydronics.checks.open_valve import CHECK
from belimo_nb.hydronics.plant import NEIGHBORS, lacks_water, plant_outages
from belimo_nb.quantities import plural
from belimo_nb.store.archive import Archive

MOST_NEIGHBORS = 100  # valves of a building that are read for the page of one: no page should take a minute
SEEN = ("flow", "position")  # of a neighbor: whether it lacks water
NEIGHBOR_STEP = "1h"  # resolution in which surveys and syncs keep the history of whole buildings


def find_outages(
    archive: Archive, valves: pd.DataFrame, tasks: Sequence[ValveTask], found: dict[str, Surveyed], now: int
) -> dict[str, pd.DataFrame]:
    """Find the plants' outages, and judge the valves that lacked water anew, without those hours.

    A building is a project and a city; its valves are read again only if enough of them lacked water at all.

    Args:
        archive: The store with the samples.
        valves: Rows of `Cloud.energy_valves`.
        tasks: Of these valves.
        found: What was found of each, by id; what is judged anew is replaced.
        now: Seconds since 1970.

    Returns:
        As `plant_outages`, by building; those without are left out.
    """
    places = buildings(valves)
    by_building: dict[str, list[ValveTask]] = {}
    for task in tasks:
        by_building.setdefault(places[task.query.device], []).append(task)
    outages = {}
    for name, its in by_building.items():
        if sum(found[task.query.device].lacked_water for task in its) < NEIGHBORS:
            continue
        samples = {task.query.device: read_samples(archive, task, now) for task in its}
        if len(spans := plant_outages(samples.values())):
            outages[name] = spans
            for task in (task for task in its if found[task.query.device].lacked_water):
                key = task.query.device
                (anew,) = judge(samples[key], outdoor=task.outdoor, outages=spans, checks=[CHECK])
                verdicts = [anew if one.check == CHECK else one for one in found[key].verdicts]
                found[key] = replace(found[key], verdicts=verdicts)
    return outages


def buildings(devices: pd.DataFrame) -> pd.Series[Any]:
    """The building of each row of `Cloud.devices`: its project and city, as far as they are known."""
    places = zip(devices["project"], devices["city"], strict=True)
    return pd.Series([", ".join(name for name in place if isinstance(name, str)) for place in places], devices.index)


def outages_around(connection: Connection, device: Device, period: Period, samples: Samples) -> pd.DataFrame | None:
    """The outages of the plant of a valve that lacked water, by the neighbors that the store holds; no request.

    Args:
        connection: The cloud of the valve.
        device: The valve.
        period: The period that is judged.
        samples: Of the valve in this period.

    Returns:
        As `plant_outages`; None where the valve never lacked water, so that nobody else need be looked at.
    """
    if not lacks_water(samples).any():
        return None
    return plant_outages([samples, *_neighbors(connection, device, period)])


def _neighbors(connection: Connection, device: Device, period: Period) -> Iterator[Samples]:
    """Flow and position of the other valves of a building, as far as the store holds them."""
    store = connection.archive.store
    listed = devices_frame(list(connection.device_list.known().values()), connection.now)
    place = buildings(listed)
    here = [str(key) for key in listed.index[place == place[device.id]] if key != device.id]
    held = [key for key in here if store.path(key, NEIGHBOR_STEP).exists()]
    rows = listed.loc[held[:: -(-len(held) // MOST_NEIGHBORS) or 1]]
    archive, records = connection.archive.reader(), connection.device_list.known()
    for query in history_queries(connection, rows, period.start, period.end, NEIGHBOR_STEP, measured=SEEN):
        neighbor = Device(connection, records[query.device])
        task = ValveTask(query, neighbor.profile, neighbor.design, period, connection.timezone, closer=False)
        try:
            yield read_samples(archive, task, connection.now_s, SEEN)
        except (BelimoError, MemoryError) as error:  # what cannot be read of a neighbor costs this valve nothing
            own_error(error, query.name)


def outage_sentences(outages: Mapping[str, pd.DataFrame], timezone: str, most: int = 3) -> list[str]:
    """One sentence a building: how often and when it lacked water, and how many valves at once; of `most` buildings."""
    sentences = []
    for name, spans in list(outages.items())[:most]:
        hours = (spans["end"] - spans["begin"]).dt.total_seconds().sum() / 3600
        begins = spans["begin"].dt.tz_convert(timezone)
        times = f"on {begins.iloc[0]:%Y-%m-%d %H:%M}"
        if len(spans) > 1:
            times = f"{plural(len(spans), 'time')} from {begins.iloc[0]:%Y-%m-%d} to {begins.iloc[-1]:%Y-%m-%d}"
        sentences.append(
            f"Plant of {name or 'the building'}: up to {plural(spans['valves'].max(), 'valve')} lacked water at once "
            f"{times}, {hours:.0f} h in all; that is the pump's or the plant's trouble, and counted against no valve."
        )
    if len(outages) > most:
        sentences.append(f"{plural(len(outages) - most, 'more plant')} lacked water.")
    return sentences

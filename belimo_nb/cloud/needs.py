"""History needs: the history queries that reports and surveys of energy valves make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from belimo_nb.api.history import parse_resolution
from belimo_nb.api.sparse import LEAD
from belimo_nb.energy.counter import counter_resolution, last_reading, reading_range
from belimo_nb.quantities import CHECKED, COUNTERS
from belimo_nb.store.archive import HistoryQuery, LastContact, span_of
from belimo_nb.store.disk import canonical_resolution

if TYPE_CHECKING:
    from belimo_nb.cloud.connection import Connection
    from belimo_nb.store.coverage import Span


def history_queries(
    connection: Connection,
    valves: pd.DataFrame,
    start: pd.Timestamp,
    end: pd.Timestamp,
    resolution: str = "1h",
    *,
    counters_from: pd.Timestamp | None = None,
    measured: Sequence[str] = CHECKED,
) -> list[HistoryQuery]:
    """Make one query for each valve and resolution.

    Args:
        connection: The cloud of the valves.
        valves: Rows of `Cloud.energy_valves`.
        start: Begin of the range, aware.
        end: Its end, aware; of counters in the future only the bucket under way is asked for.
        resolution: Length of a bucket.
        counters_from: Begin of the counters' range, if another: then their resolution is that of `Device.counter`,
            whatever `resolution` is for the rest.
        measured: The quantities, besides the counters.
    """
    until = last_reading(end, connection.now)
    first = start if counters_from is None else counters_from
    counted = resolution if counters_from is None else counter_resolution(connection.timezone, first, end)
    files = bool(connection.settings.source_files)
    counter_span = span_of(*reading_range(first, end, parse_resolution(counted), connection.now, files=files), counted)
    span = span_of(start - LEAD, min(end, until) if counters_from is None else end, resolution)
    resolution, counted = canonical_resolution(resolution), canonical_resolution(counted)
    seen = valves["last_seen"]
    contacts = [None if pd.isna(moment) else int(moment.timestamp()) for moment in seen]
    listed = connection.device_list
    records = listed.known()
    found = []
    for identifier, name, contact in zip(valves.index, valves["name"], contacts, strict=True):
        profile = connection.profile_of(records[str(identifier)])
        wanted: dict[str, dict[str, Span]] = {resolution: {}, counted: {}}
        # Counters and the rest share a query, and so requests, where they have the same resolution.
        for quantity in dict.fromkeys((*COUNTERS, *measured)):
            datapoint = profile.locate(quantity)
            if datapoint is None:
                continue
            if quantity in measured:
                wanted[resolution][datapoint] = span
            if quantity in COUNTERS:
                begin, after = wanted[counted].get(datapoint, counter_span)
                wanted[counted][datapoint] = (min(begin, counter_span[0]), max(after, counter_span[1]))
        earlier = listed.earlier_ids(records[str(identifier)])
        found += [
            HistoryQuery(
                str(identifier), str(name), LastContact(contact, listed.asked), step, spans, earlier, profile.units
            )
            for step, spans in wanted.items()
            if spans
        ]
    return found

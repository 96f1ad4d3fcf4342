"""What reports need of the history of energy valves, as questions to the archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from belimo_nb.api.history import parse_resolution
from belimo_nb.energy.counter import counter_resolution, last_reading, reading_range
from belimo_nb.quantities import COUNTERS, MEASURED
from belimo_nb.store.archive import Question, Seen, span_of
from belimo_nb.store.disk import canonical

if TYPE_CHECKING:
    from belimo_nb.cloud.connection import Connection
    from belimo_nb.store.coverage import Span

__all__ = ["questions"]


def questions(
    connection: Connection,
    valves: pd.DataFrame,
    start: pd.Timestamp,
    end: pd.Timestamp,
    resolution: str = "1h",
    *,
    counters_from: pd.Timestamp | None = None,
    measured: Sequence[str] = MEASURED,
) -> list[Question]:
    """One question for each valve and resolution.

    Args:
        connection: Where the valves are.
        valves: Rows of `Cloud.energy_valves`.
        start: Begin of the range, aware.
        end: Its end, aware; of counters in the future only the bucket under way is asked for.
        resolution: Length of a bucket.
        counters_from: Begin of the counters' range, if another: then they are asked for as `Device.counter` does,
            whatever `resolution` is for the rest.
        measured: The quantities, besides the counters.
    """
    until = last_reading(end, connection.now)
    first = start if counters_from is None else counters_from
    counted = resolution if counters_from is None else counter_resolution(connection.timezone, first, end)
    counter_span = span_of(*reading_range(first, end, parse_resolution(counted), connection.now), counted)
    span = span_of(start, min(end, until) if counters_from is None else end, resolution)
    resolution, counted = canonical(resolution), canonical(counted)
    seen = valves["last_seen"]
    contacts = [None if pd.isna(moment) else int(moment.timestamp()) for moment in seen]
    records = connection.device_list.known()
    found = []
    for identifier, name, contact in zip(valves.index, valves["name"], contacts, strict=True):
        profile = connection.profile_of(records[str(identifier)])
        wanted: dict[str, dict[str, Span]] = {resolution: {}, counted: {}}
        for quantity in dict.fromkeys((*COUNTERS, *measured)):
            datapoint = profile.locate(quantity)
            if datapoint is None:
                continue
            if quantity in measured:
                wanted[resolution][datapoint] = span
            if quantity in COUNTERS:
                begin, after = wanted[counted].get(datapoint, counter_span)
                wanted[counted][datapoint] = (min(begin, counter_span[0]), max(after, counter_span[1]))
        found += [
            Question(str(identifier), str(name), Seen(contact, connection.device_list.asked), step, spans)
            for step, spans in wanted.items()
            if spans
        ]
    return found

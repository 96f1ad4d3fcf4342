"""Answers with a device's history: resampled series, native samples, and their download as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.fleet.profiles import PROFILES
from belimo_nb.demo.server.account import Account
from belimo_nb.demo.server.encode import json_bytes, json_rows, row_heads, time_texts, value_texts
from belimo_nb.demo.server.query import ApiError, Page, Query, bad_parameter, iso
from belimo_nb.demo.server.resample import AGGREGATIONS, DEFAULT_POINTS, SELECTORS, is_numeric, make_grid, resample

Samples = tuple[NDArray[np.int64], NDArray[Any]]

_ROWS_A_CHUNK = 5_000


def _samples(account: Account, device: DemoDevice, names: list[str]) -> dict[str, Samples]:
    """The native samples of those datapoints that the device has; others are left out, as the cloud does."""
    found = {}
    for name in names:
        try:
            found[name] = account.simulation.series(device, name)
        except KeyError:
            continue
    return found


def _clip(samples: Samples, begin: int, end: int) -> Samples:
    times, values = samples
    part = slice(*np.searchsorted(times, (begin, end)))
    return times[part], values[part]


def timeseries(account: Account, query: Query, device_id: str) -> bytes:
    """`/devices/{id}/data/history/timeseries`: resampled history of many datapoints."""
    device = account.device(device_id)
    if device.profile is None:
        raise ApiError(
            400, "bad_request", f"device {device_id} has no known dataprofile, so its series cannot be resampled"
        )
    names = query.names("datapointIds")
    if not names:
        raise bad_parameter("datapointIds", "datapointIds is required: datapoint ids, separated by commas")
    span = query.span(device.installed, account.now)
    try:
        grid = make_grid(*span.seconds, query.text("resolution") or str(DEFAULT_POINTS))
    except ValueError as error:
        raise bad_parameter("resolution", str(error)) from None
    aggregation = query.choice("aggregation", AGGREGATIONS, "last")
    heads = row_heads(grid.first + grid.step * np.arange(grid.size, dtype=np.int64))
    parts = []
    for name, (times, values) in _samples(account, device, names).items():
        if aggregation not in SELECTORS and not is_numeric(values):
            raise bad_parameter(
                "aggregation", f"aggregation {aggregation} needs numbers; {name} has none: use last or first"
            )
        head = json_bytes({"datapointId": name, "aggregation": aggregation})[:-1].decode()
        buckets, found = resample(times, values, grid, aggregation)
        parts.append(f'{head},"values":{json_rows([heads[bucket] for bucket in buckets.tolist()], found)}}}')
    head = json_bytes({"from": iso(span.begin), "to": iso(span.end), "resolution": grid.resolution})[:-1].decode()
    return f'{head},"series":[{",".join(parts)}]}}'.encode()


def samples(account: Account, query: Query, device_id: str, datapoint_id: str) -> bytes:
    """`/devices/{id}/data/history/datapoints/{dp}`: one page of a datapoint's native samples."""
    device = account.device(device_id)
    page = Page.of(query, ("time",), default="time")
    span = query.span(device.installed, account.now)
    try:
        times, values = _clip(account.simulation.series(device, datapoint_id), *span.seconds)
    except KeyError:
        raise ApiError(404, "not_found", f"device {device_id} has no datapoint {datapoint_id!r}") from None
    if page.direction == "DESC":
        times, values = times[::-1], values[::-1]
    body = page.frame([], len(times))
    del body["data"]
    body["filter"] = {"from": iso(span.begin), "to": iso(span.end), "datapointId": datapoint_id}
    part = slice(page.offset, page.offset + page.limit)
    return f'{{"data":{json_rows(row_heads(times[part]), values[part])},'.encode() + json_bytes(body)[1:]


def download(account: Account, query: Query, device_id: str) -> Iterator[bytes]:
    """`/devices/{id}/data/download`: native samples of many datapoints as CSV, in order of arrival.

    Devices send hourly batches, in each the numbers before the texts and switches, and the batch of midnight arrives
    after the next one. So times step back, and one time may have two rows.
    """
    device = account.device(device_id)
    begin, end = query.span(device.installed, account.now).seconds
    names = query.names("datapointIds") or _datapoints(device)
    columns = {name: _clip(samples, begin, end) for name, samples in _samples(account, device, names).items()}
    return _csv_chunks(columns)


def _datapoints(device: DemoDevice) -> list[str]:
    if device.profile is None:
        raise bad_parameter("datapointIds", f"device {device.id} has no known dataprofile: name the datapoints")
    return [datapoint["id"] for datapoint in PROFILES[device.profile]["datapoints"]]


def _csv_chunks(columns: dict[str, Samples]) -> Iterator[bytes]:
    yield (";".join(["timestamp", *columns]) + "\r\n").encode()
    # the key of a row is its time with the kind of its message: 0 numbers, 1 texts and switches
    kinds = [0 if is_numeric(values) else 1 for _, values in columns.values()]
    keys = [times * 2 + kind for (times, _), kind in zip(columns.values(), kinds, strict=True)]
    # Arrays instead of a loop over rows: a year of 30 datapoints has 100,000 rows.
    rows = np.unique(np.concatenate(keys)) if keys else np.empty(0, np.int64)
    times, kind = rows // 2, rows % 2
    hours = times // 3600
    arrival = hours * 2 + np.where(hours % 24 == 0, 3, 0)
    order = np.lexsort((times, kind, arrival))
    for start in range(0, len(order), _ROWS_A_CHUNK):
        chunk = rows[order[start : start + _ROWS_A_CHUNK]]
        cells = [_cells(chunk, key, values) for key, (_, values) in zip(keys, columns.values(), strict=True)]
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=";").writerows(zip(time_texts(chunk // 2), *cells, strict=True))
        yield text.getvalue().encode()


def _cells(rows: NDArray[np.int64], keys: NDArray[np.int64], values: NDArray[Any]) -> list[str]:
    """The texts of a column for these rows; empty where it has no sample."""
    cells = [""] * len(rows)
    if not len(keys):
        return cells
    places = np.minimum(np.searchsorted(keys, rows), len(keys) - 1)
    (present,) = np.nonzero(keys[places] == rows)
    found = values[places[present]]
    texts = value_texts(found) if is_numeric(found) else [_text(value) for value in found.tolist()]
    for place, text in zip(present.tolist(), texts, strict=True):
        cells[place] = text
    return cells


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

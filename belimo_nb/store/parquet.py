"""History files: a device's history as a Parquet file, with checksums, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from belimo_nb.api.history import KEPT_AGGREGATION, parse_resolution
from belimo_nb.store.coverage import Coverage
from belimo_nb.store.device_history import DeviceHistory, Values
from belimo_nb.store.meaning import Meaning

VERSION = 2
READ_VERSIONS = (1, VERSION)  # files of version 1 have no checksums of pages, which pyarrow takes as it finds them
KEY = b"belimo_nb"
TIME = "time"
TIMES = pa.timestamp("ms", "UTC")  # milliseconds, since Parquet has no seconds
TYPES = {"number": pa.float64(), "switch": pa.bool_(), "text": pa.string(), "json": pa.string()}
READ_ERRORS = (
    pa.ArrowException, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, OSError
)  # fmt: skip
"""Errors that pyarrow, json and our own look-ups raise for damaged or foreign files."""


class DamagedFile(Exception):
    """The bytes are no intact file of `dump`; the text says why, as the end of a sentence."""


def dump(kept: DeviceHistory) -> bytes:
    """Make a Parquet file: column ``time`` (UTC, begins of buckets), one column a datapoint, the rest as metadata."""
    kinds = {key: _kind(values) for key, values in kept.columns.items()}
    arrays = {TIME: pa.array(kept.times, pa.int64()).cast(pa.timestamp("s")).cast(TIMES)}
    arrays |= {key: _to_arrow(values, kinds[key]) for key, values in kept.columns.items()}
    about: dict[str, Any] = {
        "version": VERSION,
        "device": kept.device,
        "resolution": kept.resolution,
        "step_s": kept.step,
        "aggregation": KEPT_AGGREGATION,
        "rows": len(kept.times),
        "kinds": kinds,
        "coverage": {key: coverage.to_json() for key, coverage in kept.coverage.items()},
    }
    if kept.meanings:
        about["meanings"] = [meaning.to_json() for meaning in kept.meanings]
    # As a text within a text, so that its checksum is over exactly what is read back.
    text = json.dumps(about, sort_keys=True)
    meta = json.dumps({"about": text, "digest": _checksum(text.encode())})
    table = pa.table(arrays).replace_schema_metadata({KEY: meta})
    sink = pa.BufferOutputStream()
    # Times are even steps, whose differences take no room.
    encoding = {TIME: "DELTA_BINARY_PACKED"}
    pq.write_table(
        table, sink, compression="zstd", use_dictionary=False, column_encoding=encoding, write_page_checksum=True
    )
    return bytes(sink.getvalue().to_pybytes())


def load(data: bytes, device: str, resolution: str, datapoints: Iterable[str] | None = None) -> DeviceHistory:
    """Read a file of `dump`, or some columns of it.

    Raises:
        DamagedFile: It is cut off, altered, another device's, of another version, or no such file at all.
    """
    # Checksums, since a changed digit in a Parquet file is still a Parquet file, and would be taken for a reading: of
    # the values in each page, and of our metadata. Nothing guards Parquet's own, which are compared with ours.
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        about = _about(file.schema_arrow.metadata)
        covered = coverage(about, device, resolution)
        kinds = about["kinds"] if about["version"] > 1 else {key: of["kind"] for key, of in about["columns"].items()}
        if about["step_s"] != parse_resolution(resolution).total_seconds() or kinds.keys() != covered.keys():
            raise DamagedFile("has metadata that make no sense")
        asked = kinds.keys() if datapoints is None else set(datapoints)
        wanted = [key for key in kinds if key in asked]
        # One thread: several files are read at a time, and a column is small.
        table = file.read([TIME, *wanted], use_threads=False)
        if table.schema.types != [TIMES, *(TYPES[kinds[key]] for key in wanted)]:
            raise DamagedFile("has columns of other types than its metadata say")
        if about["version"] > 1 and table.num_rows != about["rows"]:
            raise DamagedFile("has another number of rows than its metadata say")
        times = table[TIME].cast(pa.int64()).to_numpy() // 1000
        columns = {key: _from_arrow(table[key], kinds[key]) for key in wanted}
        meanings = tuple(Meaning.from_json(body) for body in about.get("meanings", ()))
        return DeviceHistory(device, resolution, int(about["step_s"]), times, columns, covered, meanings)
    except MemoryError:  # among Arrow's errors; it says nothing of the file
        raise
    except READ_ERRORS:
        raise DamagedFile("is cut off, altered or no history file") from None


def coverage(about: Mapping[str, Any], device: str, resolution: str) -> dict[str, Coverage]:
    """The coverage by datapoint, from the metadata of a device's file; `DamagedFile` if they are another device's."""
    try:
        if (about["device"], about["resolution"]) != (device, resolution):
            raise DamagedFile(f"holds device {about['device']} at {about['resolution']}")
        return {key: Coverage.from_json(body) for key, body in about["coverage"].items()}
    except READ_ERRORS:
        raise DamagedFile("has metadata that make no sense") from None


def read_metadata(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """Read the metadata of an open file, and the number of its rows; raises `DamagedFile` as `load` does."""
    try:
        footer = pq.read_metadata(file)
        return _about(footer.metadata), footer.num_rows
    except MemoryError:
        raise
    except READ_ERRORS:
        raise DamagedFile("is cut off, altered or no history file") from None


def _about(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    meta = json.loads((metadata or {})[KEY])
    if _checksum(meta["about"].encode()) != meta["digest"]:
        raise DamagedFile("has metadata that do not match their checksum")
    about: dict[str, Any] = json.loads(meta["about"])
    if about["version"] not in READ_VERSIONS:
        raise DamagedFile(f"has format version {about['version']}, this version of belimo_nb reads {VERSION}")
    if not isinstance(about["device"], str) or not isinstance(about["resolution"], str):
        raise DamagedFile("has metadata that make no sense")
    return about


def _kind(values: Values) -> str:
    # Texts and switches are Parquet's own types, which other programs read; what is mixed is JSON in a text column.
    if values.dtype != object:
        return "number"
    types = {type(value) for value in values if value is not None}
    return "text" if types == {str} else "switch" if types == {bool} else "json"


def _to_arrow(values: Values, kind: str) -> pa.Array:
    if kind == "json":
        return pa.array([None if value is None else json.dumps(value) for value in values], TYPES[kind])
    return pa.array(values, TYPES[kind], from_pandas=kind == "number")


def _from_arrow(column: pa.ChunkedArray, kind: str) -> Values:
    if kind == "number":
        return np.asarray(column.to_numpy(), dtype=float)
    found = column.to_pylist()
    if kind == "json":
        found = [None if value is None else json.loads(value) for value in found]
    values = np.empty(len(found), object)
    values[:] = found
    return values


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content).hexdigest()[:32]

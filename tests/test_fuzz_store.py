"""Files that lie on the disk: whatever has become of them, a result or a `BelimoError`, never another exception."""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import bytes_like, inputs, spoiled, survives, values
from hypothesis import given
from hypothesis import strategies as st
from test_fuzz_answers import LIST, PROFILE, STATS, overview

import belimo_nb as bn
from belimo_nb.client.token_file import TokenFile
from belimo_nb.errors import NoDataError
from belimo_nb.settings import load
from belimo_nb.store import Store, StoreWarning, parquet
from belimo_nb.store.archive import Archive, HistoryQuery, LastContact
from belimo_nb.store.coverage import Coverage, OpenSpan
from belimo_nb.store.device_history import DeviceHistory
from belimo_nb.store.documents import VERSION
from belimo_nb.store.inventory import entries, verify

HOUR = 3600
CREDENTIALS = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
COVERED = Coverage(((0, 5 * HOUR),), (OpenSpan(5 * HOUR, 9 * HOUR, 10 * HOUR, None),))
TEXTS = np.array(["OPEN", None, "grün"], object)
KEPT = DeviceHistory(
    "d1",
    "1h",
    HOUR,
    np.array([HOUR, 2 * HOUR, 7 * HOUR]),
    {"number": np.array([1.5, np.nan, -0.0]), "text": TEXTS},
    {"number": COVERED, "text": COVERED},
)
WHOLE = parquet.dump(KEPT)
TABLE = pq.read_table(pa.BufferReader(WHOLE))
ABOUT = json.loads(json.loads(TABLE.schema.metadata[parquet.KEY])["about"])
TOKEN = {"access_token": "a", "refresh_token": "r", "renew_at": 2e9}


@pytest.fixture
def settings(isolated):
    """Offline, with a folder of the test's own."""
    return load(
        demo=False, offline=True, api_url="https://cloud.invalid/api", data_dir=isolated / "data", **CREDENTIALS
    )


def digest(text):
    """The checksum that the store keeps of a text."""
    return hashlib.blake2b(text.encode()).hexdigest()[:32]


def with_metadata(about, whole=None):
    """The good file with other metadata, which match their checksum."""
    text = json.dumps(about)
    meta = json.dumps({"about": text, "digest": digest(text)} if whole is None else whole)
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE.replace_schema_metadata({parquet.KEY: meta}), sink)
    return sink.getvalue().to_pybytes()


def read_all(store):
    """Everything that reads a file of the store, the good and the bad news of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreWarning)
        for entry in entries(store):
            verify(store, entry)
        store.coverage("d1", "1h")
        archive = Archive(lambda *_: {}, store, offline=True)
        question = HistoryQuery(
            "d1", "d1", LastContact(None, 0), "1h", {"number": (0, 9 * HOUR), "text": (0, 9 * HOUR)}
        )
        begin, end = pd.Timestamp(0, tz="UTC"), pd.Timestamp(9 * HOUR, unit="s", tz="UTC")
        archive.plan(store.coverage("d1", "1h"), question, 10 * HOUR)
        with contextlib.suppress(NoDataError):
            archive.frame(question, ["number", "text"], begin, end, 10 * HOUR)
        kept = store.read("d1", "1h")
        answer = {"number": pd.Series([2.5], pd.DatetimeIndex([pd.Timestamp(8 * HOUR, unit="s", tz="UTC")]))}
        return kept.merged((8 * HOUR, 9 * HOUR), answer, 11 * HOUR, 11 * HOUR)


def left(store, content):
    """Put a file where a device's history is, and read it in every way."""
    path = store.path("d1", "1h")
    path.parent.mkdir(parents=True, exist_ok=True)
    for aside in path.parent.glob("*.damaged-*"):
        aside.unlink()
    path.write_bytes(content)
    survives(read_all, store)


@inputs(500)
@given(content=bytes_like(WHOLE))
def test_damaged_files(settings, content):
    """Cut, altered, or no Parquet at all: set aside, and asked for again."""
    left(Store(settings), content)


@inputs(250)
@given(about=spoiled(ABOUT, most=3))
def test_metadata_that_lie(settings, about):
    """With the right checksum, but saying other things than belimo_nb writes."""
    left(Store(settings), with_metadata(about))


@inputs(100)
@given(meta=values)
def test_metadata_of_another_kind(settings, meta):
    """Without what belimo_nb writes."""
    left(Store(settings), with_metadata(None, meta))


def kept_answer(name, body, version=VERSION):
    """A kept answer, with its right checksum."""
    found = hashlib.blake2b(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
    return {"version": version, "name": name, "asked": 1543622400, "digest": found, "body": body}


@inputs(400)
@given(content=bytes_like(json.dumps(kept_answer("stats", STATS)).encode()) | spoiled(kept_answer("stats", STATS)))
def test_kept_answers(settings, content):
    """An answer that cannot be believed is none."""
    cloud = bn.Cloud(settings)
    cloud.connection._documents.folder.mkdir(parents=True, exist_ok=True)
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    (cloud.connection._documents.folder / "stats.json").write_bytes(raw)
    survives(cloud.stats)


@inputs(150)
@given(devices=spoiled(LIST["data"]), profile=spoiled(PROFILE))
def test_kept_answers_that_lie(settings, devices, profile):
    """With the right checksum, but of another shape than the API gives."""
    cloud = bn.Cloud(settings)
    cloud.connection._documents.write("devices", 1543622400, devices)
    cloud.connection._documents.write("profile /definitions/dataprofiles/energyvalve3/1.2", 1543622400, profile)
    survives(overview, cloud)


@inputs(500)
@given(content=bytes_like(json.dumps(TOKEN).encode()) | spoiled(TOKEN) | st.just([[]]))
def test_token_files(settings, isolated, content):
    """A token, or none: then the next request signs in."""
    file = TokenFile(settings, isolated)
    file.path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    file.path.chmod(0o600)
    found = survives(file.read)
    assert found is None or isinstance(found["access_token"], str)


def test_nested_beyond_reason(settings, isolated):
    """Lists within lists within lists are no token and no answer."""
    file = TokenFile(settings, isolated)
    file.path.write_bytes(b"[" * 100_000)
    file.path.chmod(0o600)
    assert survives(file.read) is None
    cloud = bn.Cloud(settings)
    cloud.connection._documents.folder.mkdir(parents=True, exist_ok=True)
    (cloud.connection._documents.folder / "stats.json").write_bytes(b"[" * 100_000)
    assert survives(cloud.stats) is None

"""The store's files: what is written is read again, damage is noticed and set aside, nothing is half."""

import hashlib
import itertools
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from locks_places import put

from belimo_nb.cli import cli
from belimo_nb.errors import StoreError
from belimo_nb.settings import load
from belimo_nb.store import Store, StoreWarning, parquet
from belimo_nb.store.coverage import Coverage, OpenSpan, difference, intersection, union
from belimo_nb.store.device_history import DeviceHistory
from belimo_nb.store.disk import canonical_resolution, source_folder
from belimo_nb.store.inventory import clear, damaged_files, entries, verify

HOUR = 3600


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store, which the environment points at."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"BELIMO_{name}", "x")
    monkeypatch.setenv("BELIMO_API_URL", "https://cloud.example/api/v3")
    monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path))
    return Store(load())


@pytest.fixture
def kept():
    """Three buckets of a device with every kind of value."""

    def objects(*values):
        column = np.empty(len(values), object)
        column[:] = values
        return column

    columns = {
        "mixed": objects("OPEN", 1, None),
        "number": np.array([1.5, np.nan, -0.0]),
        "switch": objects(True, None, False),
        "text": objects("OPEN", None, "grün"),
    }
    coverage = Coverage(((0, 5 * HOUR),), (OpenSpan(5 * HOUR, 9 * HOUR, 10 * HOUR, None),))
    times = np.array([HOUR, 2 * HOUR, 7 * HOUR])
    return DeviceHistory("d1", "1h", HOUR, times, columns, dict.fromkeys(columns, coverage))


def same(one, other):
    """Check that two are equal in every value and its type."""
    assert (one.device, one.resolution, one.step, one.coverage) == (
        other.device,
        other.resolution,
        other.step,
        other.coverage,
    )
    np.testing.assert_array_equal(one.times, other.times)
    assert list(one.columns) == list(other.columns)
    for key, values in one.columns.items():
        assert values.dtype == other.columns[key].dtype
        assert [(type(v), repr(v)) for v in values.tolist()] == [
            (type(v), repr(v)) for v in other.columns[key].tolist()
        ]


def test_written_and_read(store, kept):
    """What is written is read again, value by value; some columns as well as all."""
    with store.lock("d1", "1h"):
        store.write(kept)
    same(store.read("d1", "60m"), kept)
    assert list(store.read("d1", "1h", ["text", "never asked"]).columns) == ["text"]
    assert store.coverage("d1", "1h") == kept.coverage
    assert parquet.dump(store.read("d1", "1h")) == parquet.dump(kept)


def test_any_parquet_reader_reads_it(store, kept):
    """Another reader, pandas, reads the file: UTC begins of buckets, a column for each datapoint."""
    with store.lock("d1", "1h"):
        store.write(kept)
    frame = pd.read_parquet(store.path("d1", "1h"))
    assert list(frame.columns) == ["time", "mixed", "number", "switch", "text"]
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame["time"].iloc[0] == pd.Timestamp("1970-01-01T01:00Z")
    assert [str(kind) for kind in pq.read_schema(store.path("d1", "1h")).types[1:]] == [
        "string",
        "double",
        "bool",
        "string",
    ]
    assert frame["text"].iloc[0] == "OPEN"
    assert frame["mixed"].tolist()[:2] == ['"OPEN"', "1"]


def test_the_format_stays(store, kept):
    """Where files lie and what their metadata say is what later versions will look for."""
    assert store.folder == store.root / "history" / "v1" / "cloud.example"
    assert store.path("d1", "60m") == store.folder / "1h" / "d1.parquet"
    assert store.path(" ", "1h").name == "-.parquet"
    with store.lock("d1", "1h"):
        store.write(kept)
    meta = json.loads(pq.read_schema(store.path("d1", "1h")).metadata[b"belimo_nb"])
    about = json.loads(meta["about"])
    covered = {"final": [[0, 5 * HOUR]], "open": [[5 * HOUR, 9 * HOUR, 10 * HOUR, None]]}
    assert about == {
        "version": 2,
        "device": "d1",
        "resolution": "1h",
        "step_s": HOUR,
        "aggregation": "last",
        "rows": 3,
        "kinds": {"mixed": "json", "number": "number", "switch": "switch", "text": "text"},
        "coverage": dict.fromkeys(kept.columns, covered),
    }
    assert meta["digest"] == "6f8c625e536122cba53c7e6a7aa8fc91"


def foreign(path):
    """A Parquet file of someone else."""
    pd.DataFrame({"a": [1]}).to_parquet(path)


def restated(path, **facts):
    """A file whose metadata say something else, with the right checksum."""
    table = pq.read_table(path)
    meta = json.loads(table.schema.metadata[parquet.KEY])
    about = json.dumps({**json.loads(meta["about"]), **facts})
    digest = hashlib.blake2b(about.encode()).hexdigest()[:32]
    meta = json.dumps({"about": about, "digest": digest})
    pq.write_table(table.replace_schema_metadata({parquet.KEY: meta}), path)


def altered_metadata(path):
    """A file whose metadata were edited: more is said to be known than is."""
    table = pq.read_table(path)
    meta = table.schema.metadata[parquet.KEY].replace(b"18000", b"98000")
    pq.write_table(table.replace_schema_metadata({parquet.KEY: meta}), path)


def altered_values(path):
    """A file of which one byte of a value changed on the disk."""
    whole = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(2)
    whole[column.data_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(whole)


def retyped(path):
    """A file whose column of numbers became one of texts."""
    table = pq.read_table(path)
    index = table.column_names.index("number")
    changed = table.set_column(index, "number", pa.array(["1.5", None, "0"]))
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


REASON = {
    "cut off": "is cut off, altered or no history file",
    "empty": "is cut off, altered or no history file",
    "text": "is cut off, altered or no history file",
    "foreign": "is cut off, altered or no history file",
    "future": f"has format version 3, this version of belimo_nb reads {parquet.VERSION}",
    "metadata": "has metadata that do not match their checksum",
    "values": "is cut off, altered or no history file",
    "types": "has columns of other types than its metadata say",
    "rows": "has another number of rows than its metadata say",
    "another device": "holds device d2 at 1h",
    "another resolution": "holds device d1 at 2h",
    "another step": "has metadata that make no sense",
    "device of no name": "has metadata that make no sense",
    "resolution of no name": "has metadata that make no sense",
    "coverage of no sense": "has metadata that make no sense",
    "columns": "has metadata that make no sense",
}


def shortened(path):
    """A file without its last row."""
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 2), path)


DAMAGE = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("time;value\n"),
    "foreign": foreign,
    "future": lambda path: restated(path, version=3),
    "device of no name": lambda path: restated(path, device=5),
    "resolution of no name": lambda path: restated(path, resolution=None),
    "coverage of no sense": lambda path: restated(path, coverage={"number": {"final": "x", "open": []}}),
    "metadata": altered_metadata,
    "values": altered_values,
    "another device": lambda path: path.write_bytes(
        parquet.dump(
            DeviceHistory("d2", "1h", HOUR, np.array([HOUR]), {"number": np.array([1.0])}, {"number": Coverage()})
        )
    ),
    "types": retyped,
    "rows": shortened,
    "another resolution": lambda path: path.write_bytes(parquet.dump(DeviceHistory("d1", "2h", 2 * HOUR))),
    "another step": lambda path: path.write_bytes(parquet.dump(DeviceHistory("d1", "1h", 60))),
    "columns": lambda path: path.write_bytes(
        parquet.dump(DeviceHistory("d1", "1h", HOUR, np.array([HOUR]), {"number": np.array([1.0])}, {}))
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage(name, store, kept):
    """A bad file is noticed, set aside as it is, told in one sentence, and never believed."""
    path = store.path("d1", "1h")
    for number in (1, 2):
        with store.lock("d1", "1h"):
            store.write(kept)
        DAMAGE[name](path)
        bad = path.read_bytes()
        (entry,) = entries(store)
        assert entry.bytes == len(bad)
        found = verify(store, entry)
        assert found
        assert REASON[name].startswith(found)
        with pytest.warns(
            StoreWarning,
            match=rf"d1\.parquet {REASON[name]}; it is set aside as d1\.parquet\.damaged-{number}\. What",
        ) as caught:
            assert store.read("d1", "1h").coverage == {}
        assert len(caught) == 1
        assert not path.exists()
        assert path.with_name(f"d1.parquet.damaged-{number}").read_bytes() == bad


def test_every_byte(kept):
    """Whatever byte changes on the disk, a reading is as it was written, or the file is damaged."""
    good = parquet.dump(kept)
    refused = 0
    for place in range(len(good)):
        changed = bytearray(good)
        changed[place] ^= 1 << place % 8
        try:
            same(parquet.load(bytes(changed), "d1", "1h"), kept)
        except parquet.DamagedFile:
            refused += 1
    assert refused > len(good) / 2


def test_files_of_version_1(kept):
    """What 0.1.0 kept, with a digest of each column, is read."""
    table = pq.read_table(pa.BufferReader(parquet.dump(kept)))
    about = json.loads(json.loads(table.schema.metadata[parquet.KEY])["about"])
    about["columns"] = {key: {"kind": kind, "digest": "0"} for key, kind in about.pop("kinds").items()}
    text = json.dumps(about | {"version": 1, "times": "0"})
    meta = json.dumps({"about": text, "digest": hashlib.blake2b(text.encode()).hexdigest()[:32]})
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({parquet.KEY: meta}), sink)
    same(parquet.load(sink.getvalue().to_pybytes(), "d1", "1h"), kept)


def test_a_bad_file_that_cannot_be_renamed(store, monkeypatch):
    """It is told all the same and not believed; if another process was faster, there is nothing to tell."""
    path = store.path("d1", "1h")
    path.parent.mkdir(parents=True)
    path.write_text("time;value")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.warns(StoreWarning, match="history file; it is not read, but cannot be set aside"):
            assert store.read("d1", "1h").coverage == {}
    assert path.exists()

    def gone(*_):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "rename", gone)
    assert store.read("d1", "1h").coverage == {}


def test_a_file_that_cannot_be_read(store, kept):
    """What is there but cannot be read is an error with the reason; the others are listed."""
    with store.lock("d1", "1h"):
        store.write(kept)
    store.path("d0", "1h").mkdir()  # a folder where a file should be
    with pytest.raises(StoreError, match=r"d0\.parquet cannot be read \(.+\); check its permissions"):
        store.read("d0", "1h")
    assert store.coverage("d0", "1h") == {}
    bad, good = entries(store)
    assert (bad.device, bad.resolution, bad.bytes) == ("d0", "1h", 0)
    assert (bad.rows, bad.datapoints, bad.asked, bad.final, bad.fetched) == (0, 0, (), 1.0, None)
    assert bad.damage.startswith("cannot be read (")
    assert verify(store, bad) == bad.damage
    assert verify(store, good) is None
    good.path.unlink()
    assert verify(store, good).startswith("cannot be read (")
    with pytest.raises(StoreError, match=r"d0\.parquet cannot be deleted \(.+\); check its permissions"):
        clear(store)


def test_a_check_leaves_nothing(store):
    """To see whether the store takes files costs none."""
    store.check()
    assert list(store.folder.iterdir()) == []


def test_a_file_that_goes_meanwhile(store, kept, monkeypatch):
    """A file that another process takes away while all are listed is left out, the others are not."""
    for device in ("d1", "d2"):
        with store.lock(device, "1h"):
            store.write(replace(kept, device=device))
    describe = parquet.read_metadata

    def take_away(stream):
        if stream.name.endswith("d1.parquet"):
            raise FileNotFoundError(2, "No such file or directory")
        return describe(stream)

    monkeypatch.setattr(parquet, "read_metadata", take_away)
    assert [entry.device for entry in entries(store)] == ["d2"]


def test_what_a_killed_writer_left(store, kept):
    """Drafts of a writer that was killed go with the next writing of that file, and only of that."""
    path = store.path("d1", "1h")
    path.parent.mkdir(parents=True)
    for name in (".d1.0a1b2c3d.tmp", ".d2.0a1b2c3d.tmp"):
        (path.parent / name).write_bytes(b"half")
    with store.lock("d1", "1h"):
        store.write(kept)
    assert sorted(left.name for left in path.parent.glob(".*.tmp")) == [".d2.0a1b2c3d.tmp"]
    path.with_name("d1.parquet.damaged-1").write_bytes(b"bad")
    assert damaged_files(store) == [path.with_name("d1.parquet.damaged-1")]
    assert clear(store) == 3
    assert [left.name for left in path.parent.iterdir() if left.suffix != ".lock"] == []


def test_what_there_is(store, kept):
    """An entry says what was asked for and how much of it is final; gaps lie between, not before or after."""
    coverage = Coverage(
        ((0, 5 * HOUR),), (OpenSpan(7 * HOUR, 9 * HOUR, 10 * HOUR, None), OpenSpan(9 * HOUR, 10 * HOUR, 11 * HOUR, 5))
    )
    with store.lock("d1", "1h"):
        store.write(replace(kept, coverage=dict.fromkeys(kept.columns, coverage)))
    (entry,) = entries(store)
    assert (entry.path, entry.device, entry.resolution) == (store.path("d1", "1h"), "d1", "1h")
    assert entry.bytes == entry.path.stat().st_size
    assert (entry.rows, entry.datapoints) == (3, 4)
    assert entry.asked == ((0, 5 * HOUR), (7 * HOUR, 10 * HOUR))
    assert entry.gaps == ((5 * HOUR, 7 * HOUR),)
    assert entry.final == 5 / 8
    assert entry.fetched == 11 * HOUR
    assert entry.damage is None
    moved = entry.path.with_name("d9.parquet")
    entry.path.rename(moved)
    (entry,) = entries(store)
    assert verify(store, entry) == "holds device d1"


def test_nothing_but_final(store):
    """A file of nothing but final answers has no moment of asking; one of no datapoints has nothing to be open."""
    values = {"number": np.array([1.0])}
    final = {"number": Coverage(((0, HOUR),))}
    for kept in (DeviceHistory("d1", "1h", HOUR, np.array([0]), values, final), DeviceHistory("d1", "1h", HOUR)):
        with store.lock("d1", "1h"):
            store.write(kept)
        (entry,) = entries(store)
        assert (entry.final, entry.fetched, entry.gaps) == (1.0, None, ())


def test_values_on_a_grid(kept):
    """Each bucket has its value, whatever its kind; what was never asked for and what is not there is unknown."""
    grid = pd.date_range("1970-01-01", periods=9, freq="h", tz="UTC")
    frame = kept.frame(["text", "number", "never"], grid)
    assert frame["text"].dropna().to_dict() == {grid[1]: "OPEN", grid[7]: "grün"}
    assert frame["number"].notna().tolist() == [False, True, *[False] * 5, True, False]
    assert frame["never"].isna().all()
    assert frame["never"].dtype == frame["number"].dtype == float
    numbers = kept.frame(["number", "never"], grid[[1, 2, 7]])
    np.testing.assert_array_equal(numbers["number"], [1.5, np.nan, -0.0])
    assert numbers["never"].isna().all()
    one = DeviceHistory("d1", "1h", HOUR, np.array([HOUR]), {"number": np.array([4.0])}, {"number": Coverage()})
    assert one.frame(["number"], grid)["number"].dropna().to_dict() == {grid[1]: 4.0}
    empty = DeviceHistory("d1", "1h", HOUR).frame(["number"], grid)
    assert empty["number"].isna().all()
    assert empty.index.equals(grid)


def test_an_answer_leaves_other_datapoints_alone(kept):
    """What was not asked for stays as it is, value by value and in its type."""
    moment = pd.to_datetime([8 * HOUR], unit="s", utc=True)
    found, changed = kept.merged((8 * HOUR, 9 * HOUR), {"new": pd.Series([4.0], moment)}, 11 * HOUR, 10 * HOUR)
    assert changed == (0, 0)
    assert found.times.tolist() == [HOUR, 2 * HOUR, 7 * HOUR, 8 * HOUR]
    assert list(found.columns) == list(found.coverage) == ["mixed", "new", "number", "switch", "text"]
    for key, values in kept.columns.items():
        assert found.columns[key].dtype == values.dtype
        assert [repr(value) for value in found.columns[key][:3]] == [repr(value) for value in values]
        assert found.coverage[key] == kept.coverage[key]


def test_what_counts_as_changed():
    """Only values that were settled and asked for again can have changed."""
    times = pd.to_datetime(np.arange(4) * HOUR, unit="s", utc=True)
    coverage = Coverage(((0, 2 * HOUR),), (OpenSpan(2 * HOUR, 4 * HOUR, 4 * HOUR, 3 * HOUR),))
    before = DeviceHistory(
        "d1", "1h", HOUR, np.arange(4) * HOUR, {"a": np.array([1.0, 2.0, 3.0, 4.0])}, {"a": coverage}
    )
    for span, values, changed in (
        ((0, 4 * HOUR), [1.0, 2.0, 3.0, 5.0], 0),  # the last bucket was under way
        ((0, 4 * HOUR), [1.0, 2.5, 3.5, 5.0], 2),
        ((2 * HOUR, 4 * HOUR), [3.0, 4.0], 0),
        ((2 * HOUR, 4 * HOUR), [3.5, 4.0], 1),
    ):
        answer = {"a": pd.Series(values, times[-len(values) :])}
        after, found = before.merged(span, answer, 5 * HOUR, 5 * HOUR)
        assert found == (changed, 0)
        np.testing.assert_array_equal(after.columns["a"][-len(values) :], values)


def test_final_is_what_ended_long_before_the_last_contact():
    """A bucket is final two days after it has ended, to the second, if a later one has a value."""
    times = pd.to_datetime(np.arange(3) * HOUR, unit="s", utc=True)
    answer = {"a": pd.Series([1.0, 2.0, 3.0], times)}
    for seen, final in ((50 * HOUR - 1, ()), (50 * HOUR, ((0, HOUR),)), (51 * HOUR, ((0, 2 * HOUR),)), (None, ())):
        found, _ = DeviceHistory("d1", "1h", HOUR).merged((0, 3 * HOUR), answer, 60 * HOUR, seen)
        assert found.coverage["a"].final == final


def test_a_place_without_locks(store, monkeypatch):
    """Where files cannot be locked, the reason is told in the words that it comes in."""

    def refuse(*_, **__):
        raise NotImplementedError("no locks on this system")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(StoreError, match=r"1h \(no locks on this system\); make room"), store.lock("d1", "1h"):
        pytest.fail("it is not locked")


def test_every_cut_is_noticed(store, kept):
    """Wherever a file is cut off, it is not believed."""
    whole = parquet.dump(kept)
    for length in range(0, len(whole), 97):
        with pytest.raises(parquet.DamagedFile):
            parquet.load(whole[:length], "d1", "1h")


def test_the_folder_of_a_cloud():
    """The host for a real cloud, whatever it is called; for a server on this machine its name, whatever its port."""
    names = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
    real = load(api_url="https://cloud.example/api/v3", source="demo data, seed 1", **names)
    demo = [load(api_url=f"http://127.0.0.1:{port}/api", source="demo data, seed 1", **names) for port in (81, 82)]
    assert source_folder(real) == "cloud.example"
    assert {source_folder(each) for each in demo} == {"demo-data-seed-1"}


@pytest.mark.parametrize("lower", [False, True])
def test_no_two_ids_share_a_file(lower, store, monkeypatch):
    """Ids that differ in signs that no name can hold, or in case alone where that does not count, have files apart."""
    monkeypatch.setattr("belimo_nb.store.disk.CASE_COUNTS", not lower)
    ids = ["a b", "a-b", "a:b", "a/b", "a\\b", "a,b", "A-b", "con", "con-", "x" * 200, "x" * 201, "a.", "a", "ä", "-"]
    names = [store.path(device, "1h").name for device in ids]
    assert len({name.lower() if lower else name for name in names}) == len(ids)
    assert names[1] == "a-b.parquet"
    assert not [name for name in names if name.split(".")[0].lower() in ("con", "nul", "lpt1")]
    for device in ids[:3]:
        with store.lock(device, "1h"):
            store.write(DeviceHistory(device, "1h", HOUR))
    assert [store.read(device, "1h").device for device in ids[:3]] == ids[:3]
    assert damaged_files(store) == []


@pytest.mark.skipif(os.name == "nt", reason="has no pipes")
@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "socket"])
def test_what_is_no_file(kind, store, kept):
    """A folder, link, pipe or socket where a file should be is told, and waited for by nothing."""
    with store.lock("d2", "1h"):
        store.write(replace(kept, device="d2"))
    put(kind, store.path("d1", "1h"))
    with pytest.raises(StoreError, match=r"d1\.parquet cannot be read"):
        store.read("d1", "1h")
    assert store.coverage("d1", "1h") == {}
    bad, good = entries(store)
    assert (good.damage, verify(store, good)) == (None, None)
    assert verify(store, bad).startswith("cannot be read (")
    lock = store.path("d3", "1h").with_name(".d3.lock")
    put(kind, lock)
    with pytest.raises(StoreError, match="cannot be kept") as caught, store.lock("d3", "1h"):
        pytest.fail("it is not locked")
    assert caught.value.of_file


def test_a_good_file_is_not_set_aside(store, kept, monkeypatch):
    """Who has read a bad file, in whose place a writer has put a good one meanwhile, reads the good one."""
    with store.lock("d1", "1h"):
        store.write(kept)
    path = store.path("d1", "1h")
    good = path.read_bytes()
    path.write_bytes(good[:-100])
    load = parquet.load

    def late(data, *rest):
        path.write_bytes(good)
        return load(data, *rest)

    monkeypatch.setattr(parquet, "load", late)
    same(store.read("d1", "1h"), kept)
    assert path.read_bytes() == good
    assert damaged_files(store) == []


def test_a_bad_file_that_is_being_written(store, kept):
    """A bad file whose lock another has is left to that one; it is told, and nobody waits."""
    path = store.path("d1", "1h")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"bad")
    held, done = threading.Event(), threading.Event()

    def write():
        with store.lock("d1", "1h"):
            held.set()
            done.wait(30)
            store.write(kept)

    writer = threading.Thread(target=write)
    writer.start()
    held.wait(30)
    with pytest.warns(StoreWarning, match="is not read, but cannot be set aside"):
        assert store.read("d1", "1h").coverage == {}
    done.set()
    writer.join()
    same(store.read("d1", "1h"), kept)


def test_clearing_beside_a_writer(store, kept, monkeypatch):
    """Who clears the store takes no writer's draft away: it waits for it, and then deletes its file."""
    sync, cleared = os.fsync, []
    clearing = threading.Thread(target=lambda: cleared.append(clear(store)))

    def slow(descriptor):
        if not clearing.ident:
            clearing.start()
            clearing.join(0.2)
        sync(descriptor)

    monkeypatch.setattr("belimo_nb.system.files.os.fsync", slow)
    with store.lock("d1", "1h"):
        store.write(kept)
        assert store.path("d1", "1h").exists()
    clearing.join()
    assert cleared == [0]  # the draft was in its place by then
    assert clear(store) == 1


def test_drafts_of_ids_that_begin_alike(store, kept):
    """A writer takes away what was left of its own file, not the draft of a device whose id begins alike."""
    path = store.path("d1", "1h")
    path.parent.mkdir(parents=True)
    for name in (".d1.0a1b2c3d.tmp", ".d1.b.0a1b2c3d.tmp"):
        path.with_name(name).write_bytes(b"half")
    with store.lock("d1", "1h"):
        store.write(kept)
    assert [left.name for left in path.parent.glob(".*.tmp")] == [".d1.b.0a1b2c3d.tmp"]


def test_want_of_memory_is_no_damage(store, kept, monkeypatch):
    """A file that there is not enough memory for stays where it is."""
    with store.lock("d1", "1h"):
        store.write(kept)
    with monkeypatch.context() as patch:
        patch.setattr(parquet, "_checksum", lambda _: (_ for _ in ()).throw(pa.ArrowMemoryError("malloc")))
        with pytest.raises(MemoryError):
            store.read("d1", "1h")
    same(store.read("d1", "1h"), kept)


@pytest.mark.parametrize("device", ["../../x", "a/b", ".hidden", "ü", "a b:c"])
def test_ids_stay_in_the_folder(store, device):
    """Whatever the cloud calls a device, its file lies in the store."""
    path = store.path(device, "1h")
    assert path.parent == store.folder / "1h"
    assert Path(os.path.normpath(path)) == path
    assert not path.name.startswith(".")


@pytest.mark.parametrize(
    ("text", "found"), [("60m", "1h"), ("3600s", "1h"), ("90m", "90m"), ("24h", "1d"), ("7d", "1w"), ("45s", "45s")]
)
def test_one_name_for_a_length(text, found):
    """Lengths that are the same share a folder."""
    assert canonical_resolution(text) == found


def test_the_command(store, kept):
    """`store` tells what there is, checks it, and deletes it only when told to."""

    def run(*arguments, status=0):
        result = CliRunner().invoke(cli, ["store", *arguments])
        assert result.exit_code == status, result.output
        return result

    assert run("info").stdout == ""
    with store.lock("d1", "1h"):
        store.write(kept)
    (row,) = json.loads(run("info", "--json").stdout)
    assert row["ranges"] == [["1970-01-01T00:00Z", "1970-01-01T09:00Z"]]
    assert (row["device"], row["rows"], row["datapoints"], row["damage"]) == ("d1", 3, 4, None)
    assert "1 file, 0.0 MB" in run("info").stderr
    assert run("verify").stdout == "1 file checked, 0 damaged.\n"
    altered_values(store.path("d1", "1h"))
    assert "altered" in run("verify", status=1).stderr
    assert CliRunner().invoke(cli, ["store", "clear"], input="n\n").exit_code == 130
    assert len(list(entries(store))) == 1
    assert run("clear", "--yes").stdout == "1 file deleted.\n"
    assert list(entries(store)) == []


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)).map(lambda s: (s[0], s[0] + s[1])), max_size=6)


@hypothesis_settings(max_examples=200)
@given(one=spans, other=spans)
def test_spans_are_sets(one, other):
    """Union, difference and intersection of spans are those of the moments in them, sorted and apart."""

    def moments(found):
        return {t for begin, end in found for t in range(begin, end)}

    for found, expected in (
        (union([*one, *other]), moments(one) | moments(other)),
        (difference(one, other), moments(one) - moments(other)),
        (intersection(one, other), moments(one) & moments(other)),
    ):
        assert moments(found) == expected
        assert all(before[1] < after[0] for before, after in itertools.pairwise(found))

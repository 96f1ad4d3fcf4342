"""The store's files: what is written is read again, damage is noticed and set aside, nothing is half."""

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from belimo_nb.cli import cli
from belimo_nb.settings import load
from belimo_nb.store import Store, StoreWarning, kept_file
from belimo_nb.store.coverage import Coverage, Open
from belimo_nb.store.disk import canonical, source_folder
from belimo_nb.store.inventory import entries, verify
from belimo_nb.store.kept import Kept
from belimo_nb.store.spans import minus, overlap, union

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
    coverage = Coverage(((0, 5 * HOUR),), (Open(5 * HOUR, 9 * HOUR, 10 * HOUR, None),))
    times = np.array([HOUR, 2 * HOUR, 7 * HOUR])
    return Kept("d1", "1h", HOUR, times, columns, dict.fromkeys(columns, coverage))


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
    assert kept_file.dump(store.read("d1", "1h")) == kept_file.dump(kept)


def test_any_parquet_reader_reads_it(store, kept):
    """Another reader, pandas, reads the file: UTC begins of buckets, a column for each datapoint."""
    with store.lock("d1", "1h"):
        store.write(kept)
    frame = pd.read_parquet(store.path("d1", "1h"))
    assert list(frame.columns) == ["time", "mixed", "number", "switch", "text"]
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame["time"].iloc[0] == pd.Timestamp("1970-01-01T01:00Z")


def foreign(path):
    """A Parquet file of someone else."""
    pd.DataFrame({"a": [1]}).to_parquet(path)


def of_the_future(path):
    """A file of a later version."""
    table = pq.read_table(path)
    meta = json.loads(table.schema.metadata[kept_file.KEY])
    about = json.dumps({**json.loads(meta["about"]), "version": 2})
    digest = kept_file.hashlib.blake2b(about.encode()).hexdigest()[:32]
    meta = json.dumps({"about": about, "digest": digest})
    pq.write_table(table.replace_schema_metadata({kept_file.KEY: meta}), path)


def altered_metadata(path):
    """A file whose metadata were edited: more is said to be known than is."""
    table = pq.read_table(path)
    meta = table.schema.metadata[kept_file.KEY].replace(b"18000", b"98000")
    pq.write_table(table.replace_schema_metadata({kept_file.KEY: meta}), path)


def altered_values(path):
    """A file whose values were edited."""
    table = pq.read_table(path)
    numbers = table["number"].to_pandas() + 1
    index = table.column_names.index("number")
    changed = table.set_column(index, table.field(index), [numbers.tolist()])
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


DAMAGE = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("time;value\n"),
    "foreign": foreign,
    "future": of_the_future,
    "metadata": altered_metadata,
    "values": altered_values,
    "another device": lambda path: path.write_bytes(
        kept_file.dump(Kept("d2", "1h", HOUR, np.array([HOUR]), {"number": np.array([1.0])}, {}))
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
        assert verify(store, entry)
        with pytest.warns(
            StoreWarning, match=rf"d1\.parquet .*set aside as d1\.parquet\.damaged-{number} and asked"
        ) as caught:
            assert store.read("d1", "1h").coverage == {}
        assert len(caught) == 1
        assert not path.exists()
        assert path.with_name(f"d1.parquet.damaged-{number}").read_bytes() == bad


def test_every_cut_is_noticed(store, kept):
    """Wherever a file is cut off, it is not believed."""
    whole = kept_file.dump(kept)
    for length in range(0, len(whole), 97):
        with pytest.raises(kept_file.DamagedFile):
            kept_file.load(whole[:length], "d1", "1h")


def test_the_folder_of_a_cloud():
    """The host for a real cloud, whatever it is called; for a server on this machine its name, whatever its port."""
    names = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
    real = load(api_url="https://cloud.example/api/v3", source="demo data, seed 1", **names)
    demo = [load(api_url=f"http://127.0.0.1:{port}/api", source="demo data, seed 1", **names) for port in (81, 82)]
    assert source_folder(real) == "cloud.example"
    assert {source_folder(each) for each in demo} == {"demo-data-seed-1"}


@pytest.mark.parametrize("device", ["../../x", "a/b", ".hidden", "ü", "a b:c"])
def test_ids_stay_in_the_folder(store, device):
    """Whatever the cloud calls a device, its file lies in the store."""
    path = store.path(device, "1h")
    assert path.parent == store.folder / "1h"
    assert Path(os.path.normpath(path)) == path
    assert not path.name.startswith(".")


@pytest.mark.parametrize(
    ("text", "found"), [("60m", "1h"), ("3600s", "1h"), ("90m", "90m"), ("24h", "1d"), ("7d", "1w")]
)
def test_one_name_for_a_length(text, found):
    """Lengths that are the same share a folder."""
    assert canonical(text) == found


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
    assert "values of number" in run("verify", status=1).stderr
    assert CliRunner().invoke(cli, ["store", "clear"], input="n\n").exit_code == 130
    assert len(list(entries(store))) == 1
    assert run("clear", "--yes").stdout == "1 file deleted.\n"
    assert list(entries(store)) == []


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)).map(lambda s: (s[0], s[0] + s[1])), max_size=6)


@hypothesis_settings(max_examples=200, deadline=None, derandomize=True)
@given(one=spans, other=spans)
def test_spans_are_sets(one, other):
    """Union, difference and overlap of spans are those of the moments in them, sorted and apart."""

    def moments(found):
        return {t for begin, end in found for t in range(begin, end)}

    for found, expected in (
        (union([*one, *other]), moments(one) | moments(other)),
        (minus(one, other), moments(one) - moments(other)),
        (overlap(one, other), moments(one) & moments(other)),
    ):
        assert moments(found) == expected
        assert all(before[1] < after[0] for before, after in itertools.pairwise(found))

"""Imported files as a source: into the store, again, overlapping, killed half-way, hostile, and out of it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import written_files
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from prepared import BEFORE, program

import belimo_nb as bn
from belimo_nb.cli import cli
from belimo_nb.errors import BelimoError, SettingsError, StoreError, UsageError
from belimo_nb.files import mapping as mappings
from belimo_nb.files import reader, table
from belimo_nb.files.propose import propose
from belimo_nb.store import Store
from belimo_nb.store.inventory import entries, verify

ZONE = "Europe/Zurich"


def run(*arguments: object) -> str:
    """The output of a command that succeeds."""
    result = CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def meter(start: str, end: str, first: float = 5000.0) -> pd.DataFrame:
    """A heat meter of 12 kW, every quarter of an hour."""
    index = pd.date_range(start, end, freq="15min", tz="UTC", inclusive="left")
    hours = (index - pd.Timestamp("2018-01-01", tz="UTC")).total_seconds().to_numpy() / 3600
    return pd.DataFrame({"heating_energy": first + 12 * hours, "t1": 60.0, "t2": 40.0, "power": 12.0}, index)


def write(path: Path, frame: pd.DataFrame, serial: str = "67001234") -> Path:
    """A meter's file in UTC."""
    return written_files.meters(path, {serial: frame}, "UTC")


def imported(path: Path, *more: object) -> str:
    """What importing a file in UTC says."""
    return run("import", "--timezone", "UTC", *more, path)


@pytest.fixture
def month(tmp_path):
    """A meter's November, imported."""
    path = write(tmp_path / "november.csv", meter("2018-11-01", "2018-12-01"))
    return path, imported(path)


def test_a_source_like_a_cloud(month):
    """List, latest values, dataprofile, history at any resolution, energy and source of an imported meter."""
    _, told = month
    assert told.startswith("november.csv: a table, a column a quantity; 11,520 new values of 67001234.")
    cloud = bn.connect(files="files", timezone=ZONE)
    listed = cloud.devices()
    assert list(listed["name"]) == ["67001234"]
    assert list(listed["online"]) == [True]
    assert cloud.latest()["heating_kwh"].iloc[0] == pytest.approx(
        meter("2018-11-01", "2018-12-01").iloc[-1, 0], abs=1e-5
    )
    days = pd.Timestamp.now("UTC") - pd.to_timedelta([0, 1], "h")  # midnight may have passed since
    assert cloud.source in [f"imported from november.csv on {day:%Y-%m-%d}" for day in days]
    assert cloud.now == pd.Timestamp("2018-11-30T23:45Z")
    device = cloud.device("67001234")
    assert device.energy("heating", "2018-11-02", "2018-11-30")["kwh"].to_numpy() == pytest.approx(288)
    for resolution in ("15m", "1h", "1d", "5m", "1s"):
        end = pd.Timestamp("2018-11-10T00:00Z")
        found = device.history("heating_energy", "2018-11-08", end, resolution=resolution).iloc[:, 0].dropna()
        assert found.iloc[-1] == pytest.approx(
            5000 + 12 * (end - pd.Timestamp("2018-01-01", tz="UTC")).total_seconds() / 3600
        )
    assert device.timeline().empty
    assert device.state().loc["t1", "value"] == 60
    assert cloud.stats()["totalDevices"] == 1
    for asked in (cloud.user, cloud.sign_in, lambda: device.state("2018-11-10")):
        with pytest.raises(BelimoError, match="files"):
            asked()
    assert "SOURCE_FILES is set" in CliRunner().invoke(cli, ["--files", "files", "sync", "--period", "2018"]).output


def test_overlapping_files_add(month, tmp_path):
    """What is new is added, what is there stays, conflicts are told, and the order does not matter."""
    later = write(tmp_path / "later.csv", meter("2018-11-20", "2018-12-10"))
    assert "3,456 new values" in imported(later)
    assert "0 new values" in imported(later)
    other = meter("2018-10-31", "2018-11-02", first=5001.0)
    told = imported(write(tmp_path / "other.csv", other))
    assert "384 new values" in told
    assert (
        "96 values of 67001234 differ from those imported before, which are kept; to have the new ones, clear" in told
    )
    device = bn.connect(files="files", timezone="UTC").device("67001234")
    kept = device.history("heating_energy", "2018-11-01T00:00Z", "2018-12-10T00:00Z", "15m").iloc[:, 0]
    assert kept.to_numpy()[:-1] == pytest.approx(meter("2018-11-01", "2018-12-10").iloc[1:, 0].to_numpy())
    assert "later.csv, other.csv and 1 more" in bn.connect(files="files").source


def test_names_and_serial_numbers(tmp_path):
    """A device is known by its serial number, else by its name; files of several need a mapping for names."""
    path = written_files.data_log(tmp_path / "log.csv", meter("2018-11-01", "2018-11-02"))
    imported(path, "--name", "North", "--into", "plant")
    imported(path, "--name", "North", "--serial", "77", "--into", "plant")
    imported(path, "--name", "Nord", "--serial", "77", "--into", "plant")
    imported(path, "--name", "Nord", "--serial", "78", "--into", "plant")
    listed = bn.connect(files="plant").devices()
    assert listed[["name", "serial"]].to_numpy().tolist() == [["Nord", "77"], ["Nord", "78"]]
    both = written_files.meters(tmp_path / "two.csv", dict.fromkeys("12", meter("2018-11-01", "2018-11-02")), "UTC")
    result = CliRunner().invoke(cli, ["import", "--timezone", "UTC", "--name", "x", str(both)])
    assert "two.csv holds 2 devices; name them in a mapping" in result.output
    assert run("store", "info").endswith("Imported files are kept apart (--source): plant.\n")


def test_files_that_name_no_device(tmp_path):
    """The file's name is the device's, also in a mapping; one that was saved some hours earlier is not offline."""
    mapping = '[columns]\nheating_kwh = {quantity = "heating_energy", unit = "kWh"}\n[devices.North]\n'
    mapping += 'nominal_flow = "4 m3/h"\nmax_flow = "75 %"\n'
    (tmp_path / "all.toml").write_text(f'[time]\ntime = ["time (UTC)"]\nzone = "UTC"\n{mapping}')
    for name, hours in (("North", 6), ("South", 12), ("Cellar", 60)):
        times = pd.date_range("2018-11-01", periods=(72 - hours) * 4, freq="15min").strftime("%Y-%m-%d %H:%M")
        rows = "".join(f"{time},{count}\n" for count, time in enumerate(times))
        (tmp_path / f"{name}.csv").write_text(f"time (UTC),heating_kwh\n{rows}")
    run("import", "--mapping", tmp_path / "all.toml", *sorted(tmp_path.glob("*.csv")))
    cloud = bn.connect(files="files")
    assert dict(cloud.devices()[["name", "online"]].to_numpy()) == {"North": True, "South": True, "Cellar": False}
    assert cloud.device("North").design.max_flow_m3h == 3


def test_clear(month):
    """`store info` shows an imported source, and `store clear --source` removes all of it and nothing else."""
    path, _ = month
    imported(path, "--into", "other")
    assert "67001234  1s" in run("store", "info", "--source", "files")
    run("store", "verify", "--source", "files")
    assert "1 file deleted" in run("store", "clear", "--yes", "--source", "files")
    with pytest.raises(BelimoError, match=r"Nothing is imported into 'files' in .*; there are other\."):
        bn.connect(files="files").devices()
    assert len(bn.connect(files="other").devices()) == 1


def test_dry_run_and_proposal(month):
    """A dry run shows rows, ranges and units and imports nothing; what is proposed reads the file."""
    path, _ = month
    told = run("import", "--dry-run", "--timezone", "UTC", "--into", "other", path)
    assert "2,880 times from 2018-11-01 00:00:00 to 2018-11-30 23:45:00, UTC" in told
    assert "No doubts" in told
    for cell in ("kWh", "°C", "92552", "min", "max"):
        assert cell in told
    file = path.with_suffix(".toml")
    file.write_text(CliRunner().invoke(cli, ["import", "--propose", "--timezone", "UTC", str(path)]).stdout)
    assert mappings.load(file) == propose(path, "UTC").mapping
    assert "11,520 new values" in run("import", "--mapping", file, "--into", "other", path)


def test_mapping_gives_names_settings_and_place(month):
    """Devices' names, design and site come from the mapping, and later files without them keep them."""
    path, _ = month
    file = path.with_suffix(".toml")
    text = mappings.dumps(propose(path, "UTC").mapping, "")
    file.write_text(
        text + '[devices."67001234"]\nname = "House 3"\nserial = "S1"\nnominal_flow = "1.5 l/s"\n'
        '[site]\ncity = "Chur"\nproject = "P"\nlatitude = 46.85\nlongitude = 9.53\n'
    )
    run("import", "--mapping", file, path)
    imported(path, "--serial", "S1")
    cloud = bn.connect(files="files")
    device = cloud.device("House 3")
    assert device.settings["nominal_flow_m3h"] == pytest.approx(5.4)
    assert device.summary[["serial", "city", "project"]].tolist() == ["S1", "Chur", "P"]
    assert cloud.connection.latest_datapoints()[device.id]["metadata.1012"] == 46.85


def test_export_and_import(month, tmp_path):
    """An export has names, units and local times, as CSV and as Parquet, and comes back without a question."""
    out = tmp_path / "out.csv"
    arguments = ["--from", "2018-11-01", "--to", "2018-12-01", "--resolution", "15m", "--out"]
    told = run("--files", "files", "export", *arguments, out)
    assert told.startswith("2,8")
    lines = out.read_text().splitlines()
    assert lines[0] == "time,device,serial,heating_kwh,power_kw,t1_c,t2_c"
    assert lines[1].startswith("2018-11-01T01:00:00+01:00,67001234,67001234,") or "67001234,," in lines[1]
    run("--files", "files", "export", *arguments, tmp_path / "out.parquet")
    table_of = pd.read_parquet(tmp_path / "out.parquet")
    assert str(table_of["time"].dtype.tz) == ZONE
    assert len(table_of) == len(lines) - 1
    assert "a table, a column a quantity" in run("import", "--into", "again", out)
    assert bn.connect(files="again").device("67001234").energy("heating", "2018-11-02", "2018-11-30")[
        "kwh"
    ].to_numpy() == (pytest.approx(288))
    assert (
        "is to be .csv or .parquet" in CliRunner().invoke(cli, ["--files", "files", "export", "--out", "x.xlsx"]).output
    )


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet", "link.csv", "broken.parquet", "pipe.csv"])
def test_export_over_a_file(month, tmp_path, name):
    """A file that is no export stays, whatever it is; an export of before is replaced."""
    out, was = tmp_path / name, b"time;what\n1;mine\n"
    if name.startswith(("link", "broken")):
        out.symlink_to("mine.csv")
    if name.startswith("pipe"):
        os.mkfifo(out)
    elif not name.startswith("broken"):
        out.write_bytes(was)
    arguments = ["--files", "files", "export", "--period", "2018-11", "--out", str(out)]
    result = CliRunner().invoke(cli, arguments)
    assert (result.exit_code, result.stderr) == (
        2, f"Error: {str(out)!r} is there already and no export of belimo-nb; choose another file.\n"
    )  # fmt: skip
    assert out.is_symlink() == name.startswith(("link", "broken"))
    assert not out.is_file() or out.read_bytes() == was
    out.unlink()
    for _ in range(2):
        assert "rows of" in run(*arguments)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "x" * 61, "a b", "ä", "a\0"])
def test_hostile_names_of_a_source(name, month):
    """A name that would lead out of the store is refused."""
    path, _ = month
    if name:
        assert CliRunner().invoke(cli, ["import", "--into", name, "--timezone", "UTC", str(path)]).exit_code == 2
        with pytest.raises(SettingsError, match="SOURCE_FILES"):
            bn.connect(files=name)


@pytest.mark.parametrize(
    "name", ["../../../etc/x", "a\x1b[31mb", "=HYPERLINK(1)", "<script>alert(1)</script>", "..", "\u202e", "x" * 500]
)
def test_hostile_devices(name, tmp_path):
    """Names from files stay text: no path, no escape sequence, no formula, no markup."""
    path = write(tmp_path / "x.csv", meter("2018-11-01", "2018-11-02"), name)
    told = imported(path)
    assert "\x1b" not in told
    cloud = bn.connect(files="files")
    (found,) = cloud.devices()["name"]
    assert len(found) <= 120
    store = cloud.connection.archive.store
    assert [entry.path.parent.name for entry in entries(store)] == ["1s"]
    out = tmp_path / "out.csv"
    run("--files", "files", "export", "--period", "2018-11", "--out", out)
    assert ",=" not in out.read_text()


def test_demo_and_credentials(month, monkeypatch):
    """Files need no credentials; an argument counts before the environment, and demo=True before all."""
    monkeypatch.setenv("BELIMO_SOURCE_FILES", "files")
    assert bn.connect().source.startswith("imported from november.csv")
    monkeypatch.setenv("BELIMO_CLIENT_ID", "x")
    assert bn.connect().settings.username == ""
    monkeypatch.setenv("BELIMO_DEMO", "1")
    assert bn.connect(files="files").source.startswith("imported")
    assert bn.connect().settings.source_files is None
    assert bn.connect(files="files", demo=True).settings.source_files is None


def test_a_full_disk_is_told(month, tmp_path, monkeypatch):
    """A list that cannot be kept is an error: nobody could give it again."""
    monkeypatch.setattr(
        "belimo_nb.store.documents.write_text", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "full"))
    )
    path = write(tmp_path / "x.csv", meter("2018-11-01", "2018-11-02"))
    result = CliRunner().invoke(cli, ["import", "--timezone", "UTC", "--into", "new", str(path)])
    assert result.exit_code == 1
    assert "The list of what was imported cannot be kept" in result.output


def test_a_history_that_cannot_be_written(tmp_path, monkeypatch):
    """Devices before the one that fails are kept and listed; the sentence says why, and repeating makes it good."""
    frames = {name: meter("2018-11-01", "2018-11-02") for name in "ABC"}
    path = written_files.meters(tmp_path / "x.csv", frames, "UTC")
    write_history = Store.write

    def full(store, kept):
        if len(list(store.folder.glob("1s/*.parquet"))):
            raise StoreError("The disk is full.")
        write_history(store, kept)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", full)
        result = CliRunner().invoke(cli, ["import", "--timezone", "UTC", str(path)])
        assert (result.exit_code, result.output) == (1, "Error: The disk is full.\n")
    assert list(bn.connect(files="files").devices()["name"]) == ["A"]
    assert "768 new values of 3 devices" in imported(path)
    assert list(bn.connect(files="files").devices()["name"]) == ["A", "B", "C"]


def test_interrupted_while_it_reads(tmp_path, monkeypatch):
    """A Ctrl-C that meets the reading of a file ends the command, and does not make the file a bad one."""
    path = write(tmp_path / "november.csv", meter("2018-11-01", "2018-12-01"))
    read = table._Renamed.read

    def interrupted(*given):
        signal.raise_signal(signal.SIGINT)
        return read(*given)

    monkeypatch.setattr(table._Renamed, "read", interrupted)
    result = CliRunner().invoke(cli, ["import", "--timezone", "UTC", str(path)])
    assert (result.exit_code, result.output.strip()) == (130, "Interrupted.")


@pytest.mark.slow
def test_killed_while_it_writes(tmp_path, isolated):
    """Killed at any moment, the store holds whole files only, and importing again brings all of it."""
    frames = {f"M{number}": meter("2018-09-01", "2018-12-01", 100.0 * number) for number in range(12)}
    path = written_files.meters(tmp_path / "all.csv", frames, "UTC")
    command = [*program(), "import", "--timezone", "UTC", str(path)]
    environment = os.environ | {"BELIMO_DATA_DIR": str(tmp_path / "data")}
    slowly = environment | {BEFORE: "locks_places:slowly"}  # else a busy machine writes all before we look
    subprocess.run([*command, "--into", "whole"], env=environment, check=True, capture_output=True)
    half = 0
    for number in (1, 3, 5, 7, 9):
        into = f"killed-at-{number}"
        kept = len(list(tmp_path.rglob("*.parquet")))
        with subprocess.Popen(
            [*command, "--into", into], env=slowly, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None and len(list(tmp_path.rglob("*.parquet"))) < kept + number:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        cloud = bn.connect(files=into, data_dir=str(tmp_path / "data"))
        found = list(entries(cloud.connection.archive.store))
        assert all(verify(cloud.connection.archive.store, entry) is None for entry in found)
        half += 0 < len(found) < 12
    assert half > 0, "no kill came while files were written"
    subprocess.run([*command, "--into", into], env=environment, check=True, capture_output=True)
    both = [bn.connect(files=name, data_dir=str(tmp_path / "data")) for name in (into, "whole")]
    assert [list(cloud.devices()["name"]) for cloud in both] == [sorted(frames, key=str)] * 2
    for name in frames:
        ours, theirs = (
            cloud.device(name).history("heating_energy", "2018-09-01", "2018-12-01", "15m") for cloud in both
        )
        pd.testing.assert_frame_equal(ours, theirs)


def _named(path: Path, error: UsageError) -> None:
    """The sentence names the file."""
    assert path.name in str(error)


def read_or_told(path: Path) -> reader.FileReadings | None:
    """What a file holds; None if a sentence says why not. Nothing else may happen."""
    try:
        known = propose(path, "UTC")
        if known.doubts:
            assert all("?" in doubt and "\n" not in doubt for doubt in known.doubts)
            return None
        return reader.read(path, known.mapping)
    except UsageError as error:
        return _named(path, error)


CELLS = st.one_of(
    st.sampled_from(
        ["2018-11-01 06:00", "01.11.2018 06:00", "1541224800", "", "-", "1.5", "1,5", "1e999", "nan", '"', "''", "x"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
NAMES = st.sampled_from(
    ["time", "Zeit (UTC)", "heating_kwh", "Wärmemenge (MWh)", "t1_c", "serial", "name", "value", "", "x"]
)


@settings(max_examples=150)
@given(
    st.lists(NAMES, min_size=1, max_size=5), st.lists(st.lists(CELLS, max_size=6), max_size=6), st.sampled_from(",;\t")
)
def test_any_table(tmp_path_factory, names, rows, separator):
    """Any table of texts gives readings at known times, or one sentence."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("\n".join(separator.join(row) for row in [names, *rows]), encoding="utf-8", errors="replace")
    found = read_or_told(path)
    for device in found.devices if found else ():
        assert device.frame.index.is_monotonic_increasing
        assert not np.isinf(device.frame.to_numpy(dtype=float)).any()


@settings(max_examples=150)
@given(
    st.binary(max_size=300),
    st.sampled_from(
        [b"", b"time,heating_kwh\n", b"Default Datalog Configuration,x\nTimestamp - UTC,2.In10: Mean\n", b"\xff\xfe"]
    ),
)
def test_any_bytes(tmp_path_factory, body, head):
    """Any bytes give readings or one sentence."""
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(head + body)
    read_or_told(path)


@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(lambda text: f"[file]\nseparator = {json.dumps(text)}\n".encode()),
    )
)
def test_any_mapping(tmp_path_factory, body):
    """Any bytes as a mapping give a mapping or one sentence."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(body)
    try:
        mappings.load(path)
    except UsageError as error:
        _named(path, error)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[fil]\n", "'fil', which is no table"),
        ("[file]\nseperator = ';'\n", "'seperator' in \\[file\\]; there are only layout"),
        ("[file]\nheader = 'x'\n", "header = 'x' in \\[file\\]; write e.g. header = 1"),
        ("[file]\nlayout = 'tall'\n", 'layout = .tall.; write "wide"'),
        ("[columns]\nx = 'heating'\n", "for the column 'x'; write e.g."),
        ("[columns]\nx = {quantity = 'warmth', unit = 'kWh'}\n", "for the column 'x'; write e.g."),
        ("[columns]\nx = {quantity = 'power', unit = 'kWh'}\n", "gives power in 'kWh', which is no unit of power"),
        ("[devices.x]\nnominal_flow = '3'\n", "nominal_flow = '3'; write a number and its unit"),
        ("[site]\nlatitude = 'x'\n", "latitude = 'x' in \\[site\\]"),
    ],
)
def test_faulty_mappings(text, told, tmp_path):
    """What a mapping may not hold is told, with what it may."""
    (path := tmp_path / "m.toml").write_text(text)
    with pytest.raises(UsageError, match=told):
        mappings.load(path)


def test_bombs(tmp_path, monkeypatch):
    """Long lines, many columns, many values and large files are refused before they take the memory."""
    path = tmp_path / "bomb.csv"
    path.write_text("time,heating_kwh\n" + "9" * (table.MAX_LINE + 1) + "\n")
    with pytest.raises(UsageError, match="a line of more than 1,000,000 bytes"):
        propose(path)
    path.write_text(
        "time (UTC)" + ",x" * (table.MAX_COLUMNS + 1) + "\n" + "2018-11-01" + "," * table.MAX_COLUMNS + "\n"
    )
    with pytest.raises(UsageError, match="columns, more than 20,000"):
        propose(path)
    path.write_text("time (UTC),heating_kwh\n" + "2018-11-01 06:00,1\n" * 100)
    known = propose(path).mapping
    monkeypatch.setattr(reader, "MAX_VALUES", 99)
    with pytest.raises(UsageError, match="more than 99 values"):
        reader.read(path, known)
    monkeypatch.setattr(table, "MAX_BYTES", 1000)
    with pytest.raises(UsageError, match="split it"):
        reader.read(path, known)


def test_unquoted_decimal_commas(tmp_path):
    """Rows with more fields than names are refused: their values would be those of other columns."""
    path = tmp_path / "x.csv"
    path.write_text("time (UTC),heating_kwh,power_kw\n2018-11-01 06:00,1,5,2,5\n")
    with pytest.raises(UsageError, match="a line with more fields than names"):
        propose(path)


def test_wrong_decimal_sign(tmp_path):
    """A mapping whose decimal sign is another is told; single texts among the numbers are unknown, and told."""
    path = write(tmp_path / "x.csv", meter("2018-11-01", "2018-11-02"))
    known = propose(path, "UTC").mapping
    with pytest.raises(UsageError, match="are no numbers, as '92"):
        reader.read(path, mappings.replace(known, decimal="."))
    path.write_text(path.read_text().replace("92,552000000", "error"))
    found = reader.read(path, known)
    assert found.remarks == ["1 of 96 values of 'Wärmemenge (MWh)' are no numbers ('error'): unknown."]

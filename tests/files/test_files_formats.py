"""A valve's measurements through each format: the same energy and verdicts as from the cloud, or one question."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import written_files
from click.testing import CliRunner

import belimo_nb as bn
from belimo_nb.api.history import parse_resolution
from belimo_nb.api.measurements import quantities
from belimo_nb.cli import cli
from belimo_nb.files import mapping as mappings
from belimo_nb.files import reader
from belimo_nb.files.propose import propose
from belimo_nb.quantities import QUANTITIES
from belimo_nb.store.inventory import entries

NAME = "Energieventil Heizung 2.OG Nord-West"
ZONE = "Europe/Zurich"
SETTINGS = '\n[devices."{}"]\nname = "' + NAME + '"\nnominal_flow = "9 m3/h"\nmax_flow = "80 %"\nglycol = "0 %"\n'


def imported(*arguments: object) -> str:
    """What an import says; it must succeed."""
    result = CliRunner().invoke(cli, ["import", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def answered(path: Path, tmp_path: Path, device: str) -> Path:
    """The proposed mapping of a file with its units answered, and the design of its device."""
    text = CliRunner().invoke(cli, ["import", "--propose", str(path)]).stdout
    for key, unit in written_files.US.items():
        text = text.replace(f'quantity = "{key}", unit = "?"', f'quantity = "{key}", unit = "{unit}"')
    (file := tmp_path / f"{path.stem}.toml").write_text(text + SETTINGS.format(device), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def demo(demo_server, tmp_path_factory):
    """A demo valve connected to, and its samples every 5 minutes over a clock change, as files have them."""
    environment = {name.removeprefix("BELIMO_").lower(): value for name, value in demo_server.environment().items()}
    environment |= {"data_dir": str(tmp_path_factory.mktemp("demo")), "weather": "", "now": "2018-12-01T00:00:00Z"}
    environment.pop("demo", None)
    cloud = bn.connect(demo=False, **environment)
    valve = cloud.device(NAME)
    located = {key: valve.profile.locate(key) for key in QUANTITIES if valve.has(key)}
    raw = valve.history(list(located.values()), "2018-09-30", "2018-11-18", "5m")
    frame = quantities(raw, valve.profile, located, parse_resolution("5m"), cloud.timezone)
    yield valve, frame.set_axis(list(located), axis="columns")
    cloud.close()


LACKING = ("stuck", "reported errors")
"""Checks of what logs and trends do not tell: the setpoint, error bits."""

FORMATS = {
    "data log": lambda path, frame: written_files.data_log(path, frame),
    "data log, US": lambda path, frame: written_files.data_log(path, frame, us=True),
    "download": lambda path, frame: written_files.download(path, frame),
    "long, US": lambda path, frame: written_files.trend_long(path, {"NW": frame}),
    "wide, US, local": lambda path, frame: written_files.trend_wide(path, {"NW": frame}, zone=ZONE),
    "wide, US, New York": lambda path, frame: written_files.trend_wide(path, {"NW": frame}, zone="America/New_York"),
    "meters, local": lambda path, frame: written_files.meters(path, {"NW": frame}, ZONE),
    "own": None,
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_round_trip(form, demo, tmp_path, isolated, monkeypatch):
    """Energy is the same to rounding, each day of the clock change included, and so are the verdicts."""
    valve, frame = demo
    path = tmp_path / "valve.csv"
    if form == "own":
        monkeypatch.setattr("belimo_nb.cli.shared.GlobalOptions.connect", lambda _: CloudOf(valve))
        arguments = ["export", "--device", NAME, "--from", "2018-09-30", "--to", "2018-11-18", "--resolution", "5m"]
        assert CliRunner().invoke(cli, [*arguments, "--out", str(path)], catch_exceptions=False).exit_code == 0
    else:
        FORMATS[form](path, frame)
    file = answered(path, tmp_path, NAME if form == "own" else "NW" if form not in ("download",) else NAME)
    zone = "America/New_York" if "York" in form else ZONE
    name = ["--name", NAME, "--serial", "NW"] if form.startswith(("data log", "download")) else []
    imported("--mapping", file, "--timezone", zone, *name, "--into", "valve", path)
    there = bn.connect(files="valve", timezone=ZONE, weather=None).device(NAME)
    start, end = "2018-10-01", "2018-11-17"
    ours, theirs = there.energy("heating", start, end), valve.energy("heating", start, end)
    assert len(ours) == 47
    pd.testing.assert_frame_equal(ours, theirs, check_freq=False, atol=2e-3, rtol=0)
    if form.startswith("meters"):
        return  # which tell no position
    whole = form in ("download", "own")  # the others tell neither volume, which sentences name, nor what LACKING needs
    found = [each.checkup(start, end, "15m").verdicts for each in (there, valve)]  # as files are judged anyway
    for each in found:  # how long a history the store holds is not the same
        each["sentence"] = each["sentence"].str.replace(r" As of \d.*", "", regex=True)
    found = [each if whole else each.loc[~each["check"].isin(LACKING), ["check", "verdict"]] for each in found]
    pd.testing.assert_frame_equal(*found)


class CloudOf:
    """Stands for the cloud of a valve whose samples are in its store already."""

    def __init__(self, valve):
        self.connection = valve._connection
        self._cloud = bn.Cloud(self.connection.settings)

    def __getattr__(self, name):
        return getattr(self._cloud, name)


def hours(start="2018-10-01", end="2018-12-01", zone="UTC", step="h", power=10.0):
    """A heat meter that counts `power` kW all the time."""
    index = pd.date_range(start, end, freq=step, tz=zone)
    seconds = (index - index[0]).total_seconds().to_numpy()
    return pd.DataFrame({"heating_energy": 5000 + power * seconds / 3600}, index)


def test_daily_meter_that_falls_to_0(tmp_path):
    """A heat meter with daily MWh alone, which reads 0 on two days, gives true months and says what it lacks."""
    frame = hours("2017-11-30", "2018-12-01", ZONE, "D")
    frame.iloc[[100, 101], 0] = 0.0
    path = written_files.meters(tmp_path / "daily.csv", {"67001234": frame}, ZONE)
    imported("--timezone", ZONE, "--into", "meters", path)
    meter = bn.connect(files="meters", timezone=ZONE).device("67001234")
    year = meter.energy("heating", "2017-12-01", "2018-12-01", freq="MS")
    days = [31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30]
    lengths = np.array(days) * 24.0
    lengths[[3, 10]] += [-1, 1]  # the clock changes
    assert year["kwh"].to_numpy() == pytest.approx(10 * lengths, rel=0.01)
    verdicts = meter.checkup("2017-12-01", "2018-12-01").verdicts
    assert set(verdicts["verdict"]) <= {"cannot judge", "ok"}
    assert meter.profile.lacking[:2] == ["temperature T1", "temperature T2"]


def test_a_data_log_spreads_its_readings(tmp_path):
    """Zeros of a data log that stand for no value are left out: in late rows, and for temperatures and counters."""
    frame = hours("2018-11-01", "2018-11-02").assign(t1=60.0, t2=40.0, flow=1.2, power=10.0, position=0.0)
    path = written_files.data_log(tmp_path / "log.csv", frame)
    lines = path.read_text().splitlines()
    cells = lines[5].split(",")
    late = [cell if number in (0,) or not 1 <= number <= 28 else "0" for number, cell in enumerate(cells)]
    path.write_text("\n".join([*lines[:6], ",".join(late), *lines[6:10], lines[10][:60], *lines[11:]]) + "\n")
    (found,) = reader.read(path, propose(path).mapping).devices
    assert len(found.frame) == 25
    assert found.frame["t1"].dropna().eq(60).all()
    assert found.frame["flow"].dropna().to_numpy() == pytest.approx(1.2)
    assert found.frame["position"].notna().sum() >= 24
    assert found.frame["heating_energy"].dropna().is_monotonic_increasing


def test_the_vendors_table(tmp_path):
    """A table of the vendor's cloud, with names of Energy Valve 3 in SI units and devices by id, needs no mapping."""
    path = tmp_path / "table.csv"
    path.write_text(
        "device_id,dataprofile_id,cloud_received_time,sample_time,Heating_E_J,T1_remote_K,RelPos_Fb\n"
        "a-1,energyvalve3,2018-11-01T01:00:09Z,2018-11-01T01:00:00Z,3600000000,333.15,50\n"
        "b-2,energyvalve3,2018-11-01T01:00:09Z,2018-11-01T01:00:00Z,,300.15,0\n"
    )
    found = propose(path)
    assert (found.kind, found.doubts) == ("a table of the vendor's cloud", [])
    first, second = reader.read(path, found.mapping).devices
    assert (first.name, second.name) == ("a-1", "b-2")
    assert first.frame.iloc[0].to_dict() == {"heating_energy": 1000.0, "t1": 60.0, "position": 50.0}
    assert np.isnan(second.frame["heating_energy"].iloc[0])


HEAD = "Zeit;Wärmemenge (kWh)\n"


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (HEAD + "01.11.2018 06:00;1\n", r"whose clock shows the times such as '01.11.2018 06:00'\? Say --timezone"),
        ("time,heat energy (kWh)\n03/04/2018 06:00,1\n04/04/2018 06:00,2\n", "'%d/%m/%Y %H:%M' or '%m/%d/%Y %H:%M'"),
        (
            "Zeit (UTC);Wärmemenge\n01.11.2018 06:00;12\n",
            r"in which unit is 'Wärmemenge' \(heating_energy, such as 12\)",
        ),
        (
            "time (UTC),Energy (MWh)\n2018-11-01 06:00,12\n",
            r"which quantity is 'Energy \(MWh\)' \(such as 12\): heating_energy",
        ),
        ("Zeit (UTC);Wärmemenge (MWh)\n01.11.2018 06:00;1.234\n", "is the sign in '1.234' a decimal sign or between"),
        ("Zeit (UTC);Wärmemenge (MWh)\n01.11.2018 06:00;1,234\n", "is the sign in '1,234' a decimal sign or between"),
    ],
)
def test_what_is_unsure_is_asked(text, question, tmp_path):
    """One sentence with what was seen, exit status 2, and nothing imported; the proposal has a ? in its place."""
    path = tmp_path / "meter.csv"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(cli, ["import", str(path)])
    assert result.exit_code == 2
    assert re.search(question, result.output), result.output
    proposed = CliRunner().invoke(cli, ["import", "--propose", str(path)])
    assert '"?"' in proposed.stdout
    assert re.search(question, CliRunner().invoke(cli, ["import", "--dry-run", str(path)]).output)
    assert list(entries(bn.connect(files="files").connection.archive.store)) == []


@pytest.mark.parametrize(
    ("cells", "mapped"),
    [
        (["1.234,5"], (",", ".")),
        (["1,234.5"], (".", ",")),
        (["1'234.5"], (".", "'")),
        (["0.123"], (".", "")),
        (["1234.567"], (".", "")),
        (["12,5", "1,234"], (",", "")),
        (["12"], (".", "")),
    ],
)
def test_decimal_signs_that_are_sure(cells, mapped, tmp_path):
    """A sign that can only be a decimal sign, or only stand between thousands, is not asked for."""
    path = tmp_path / "meter.csv"
    rows = "".join(f"01.11.2018 0{hour}:00;{cell}\n" for hour, cell in enumerate(cells))
    path.write_text("Zeit (UTC);Wärmemenge (MWh)\n" + rows, encoding="utf-8")
    mapping = propose(path).mapping
    assert (mapping.decimal, mapping.thousands) == mapped
    plain = cells[0].replace(mapped[1], "") if mapped[1] else cells[0]
    expected = 1000 * float(plain.replace(mapped[0], "."))
    assert reader.read(path, mapping).devices[0].frame["heating_energy"].iloc[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "key", "unit"),
    [
        ("heating_kwh", "heating_energy", "kWh"),
        ("Heating_E_J", "heating_energy", "J"),
        ("evcloud.200", "cooling_energy", "J"),
        ("AbsFlow (GPM)", "flow", "GPM"),
        ("EnteringTmp", "t1", "?"),
        ("Rücklauftemperatur [°C]", "t2", "°C"),
        ("Wärmeenergie kWh", "heating_energy", "kWh"),
        ("Kälteenergie (MWh)", "cooling_energy", "MWh"),
        ("Zählerstand (MWh)", "?", "MWh"),
        ("Durchfluss in l/h", "flow", "l/h"),
        ("Flow (m3)", "?", "m3"),
        ("Volumen (m³)", "volume", "m³"),
        ("Spreizung (K)", "delta_t", "K"),
        ("Leistung kW", "power", "kW"),
    ],
)
def test_names(text, key, unit):
    """Names of programs and of people mean a quantity, with the unit that they say."""
    from belimo_nb.files.names import recognize

    assert recognize(text) == mappings.Column(key, unit)


@pytest.mark.parametrize(
    "text", ["Wärmemenge Stichtag (kWh)", "max power (kW)", "Bemerkung", "Heating energy last month"]
)
def test_names_of_other_things(text):
    """What is no present value, such as last month's energy, is left out."""
    from belimo_nb.files.names import recognize

    assert recognize(text) is None


def test_several_columns_of_one_quantity(tmp_path):
    """Which of several columns is meant is asked, unless the vendor's names rank them; or each has its device."""
    path = tmp_path / "two.csv"
    path.write_text("Zeit (UTC);Wärmemenge Haus 1 (MWh);Wärmemenge Haus 2 (MWh)\n01.11.2018 06:00;12,5;13,5\n")
    (question,) = propose(path).doubts
    assert "which quantity is 'Wärmemenge Haus 1 (MWh)' (such as 12,5); 'Wärmemenge Haus 2 (MWh)'" in question
    text = mappings.dumps(propose(path).mapping, "")
    for house in ("Haus 1", "Haus 2"):
        text = text.replace('quantity = "?"', f'device = "{house}", quantity = "heating_energy"', 1)
    (file := tmp_path / "m.toml").write_text(text)
    found = reader.read(path, mappings.load(file)).devices
    assert [(each.name, each.frame.iloc[0, 0]) for each in found] == [("Haus 1", 12500.0), ("Haus 2", 13500.0)]
    path.write_text("timestamp;HeatingEnergy;HeatingEnergyLifetime\n2018-11-01T06:00:00Z;1;3600000\n")
    known = propose(path)
    assert (known.doubts, known.unused) == ([], ["HeatingEnergy"])
    assert reader.read(path, known.mapping).devices[0].frame.iloc[0].to_dict() == {"heating_energy": 1.0}


def test_meters_numbers_as_names(tmp_path):
    """A column a meter, named by its number: what the columns hold is asked."""
    path = tmp_path / "wide.csv"
    path.write_text("Zeit (UTC);67001234;67001235\n01.11.2018 06:00;12,5;13,5\n")
    assert "which quantity is '67001234' (such as 12,5); '67001235'" in propose(path).doubts[0]


def test_thousands_are_no_decimals(tmp_path):
    """Where a sign stands between thousands, what it stands in elsewhere is no number."""
    path = tmp_path / "x.csv"
    cells = ["1.234,5", "1.240,5", "1.250", "12.5", "1251"]
    path.write_text(
        "Zeit (UTC);kWh Wärmemenge (kWh)\n" + "".join(f"0{i + 1}.11.2018 06:00;{c}\n" for i, c in enumerate(cells))
    )
    found = reader.read(path, propose(path).mapping)
    assert found.devices[0].frame["heating_energy"].tolist() == [1234.5, 1240.5, 1250.0, 1251.0]
    assert "('12.5'): unknown" in found.remarks[0]


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("Zeit (UTC+1);Wärmemenge (kWh)\n03.11.2018 06:00;5\n", "+1", "2018-11-03T05:00"),
        ("time_utc,heating_kwh\n2018-11-03 06:00,5\n", "UTC", "2018-11-03T06:00"),
        ("Datum;Uhrzeit;Wärmemenge (kWh)\n03.11.18;06:00;5\n", "Europe/Zurich", "2018-11-03T05:00"),
        ("time,heating_kwh\n2018-11-03T06:00:00-05:00,5\n", "offset", "2018-11-03T11:00"),
        ("Report;;\n;;\nZeit;Wärmemenge (kWh);\n3.11.2018 6:00;5;\n", "Europe/Zurich", "2018-11-03T05:00"),
        ("sep=;\nTimestamp;Heat energy (kWh)\n1541224800;5\n", "UTC", "2018-11-03T06:00"),
        ("Zeitpunkt;Wärmemenge;Vorlauf\n;kWh;°C\n03.11.2018 06:00;5;60\n", "Europe/Zurich", "2018-11-03T05:00"),
        (
            "Anlage 7;;;\nDatum;Uhrzeit;Heizung;\n;;Energie;Leistung\n;;kWh;kW\n03.11.18;06:00;5;1\n",
            "Europe/Zurich",
            "2018-11-03T05:00",
        ),
        ("time,point,value,unit\n2018-11-03T06:00Z,B_HtgEnergy,0.005,MWh\n", "offset", "2018-11-03T06:00"),
    ],
)
def test_times_and_heads(text, zone, expected, tmp_path):
    """Names may say the zone and go over lines, dates and clock times stand apart, lines stand before the names."""
    (path := tmp_path / "x.csv").write_text(text, encoding="utf-8")
    known = propose(path, ZONE)
    assert (known.mapping.zone, known.doubts) == (zone, [])
    frame = reader.read(path, known.mapping).devices[0].frame
    assert frame.index.to_numpy().astype("datetime64[s]").tolist() == [np.datetime64(expected, "s").astype(object)]
    assert frame["heating_energy"].tolist() == [5.0]


def test_rows_without_a_value_are_no_names(tmp_path):
    """A first row of which nothing is known but its time is a row, however the time is written."""
    (path := tmp_path / "x.csv").write_text(
        "time,Heat energy (kWh)\nSat 3 Nov 2018 06:00,n/a\nSat 3 Nov 2018 07:00,5\n"
    )
    known = propose(path, ZONE)
    assert (known.mapping.header, known.mapping.header_lines, len(known.head)) == (1, 1, 2)


def test_a_unit_that_changes_is_asked(tmp_path):
    """A column of units tells the unit of a name where it is always the same."""
    (path := tmp_path / "x.csv").write_text(
        "time,point,value,unit\n2018-11-03T06:00Z,B_HtgEnergy,5,MWh\n2018-11-03T07:00Z,B_HtgEnergy,5010,kWh\n"
    )
    assert "in which unit is 'HtgEnergy' (heating_energy, such as 5)?" in propose(path).doubts[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(encoding, tmp_path):
    """Files from Windows and from spreadsheets are read, their names included."""
    (path := tmp_path / "x.csv").write_text("Zeit (UTC);Wärmemenge (kWh)\n03.11.2018 06:00;5\n", encoding=encoding)
    assert reader.read(path, propose(path).mapping).devices[0].frame["heating_energy"].tolist() == [5.0]

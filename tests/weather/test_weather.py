"""Outdoor temperature: from files of many makers, from an archive, and told when there is none."""

import contextlib
import http.server
import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import belimo_nb as bn
from belimo_nb.errors import AnswerError, ApiError, NoDataError, UsageError
from belimo_nb.weather import Place, outdoor_temperature, place_of, read_archive, read_csv, temperature_or_reason
from belimo_nb.weather.archive import OPEN_METEO, archive_url
from belimo_nb.weather.source import WeatherCache

ZURICH = "Europe/Zurich"


def write(path, *lines, encoding="utf-8"):
    """A CSV file."""
    path.write_text("\n".join(lines), encoding=encoding)
    return path


@pytest.mark.parametrize(
    "lines",
    [
        ["time,temperature_c", "2018-11-01T00:00,4.5", "2018-11-01T01:00,-3"],
        ["time;temp", "2018-11-01 00:00;4.5", "2018-11-01 01:00;-3"],
        ["Timestamp\tHumidity\tTemperature (°C)", "2018-11-01T01:00Z\t80\t-3", "2018-11-01T00:00Z\t81\t4.5"],
        [
            "latitude,longitude,elevation,utc_offset_seconds,timezone",
            "47.4,8.5,411.0,0,GMT",
            "",
            "time,temperature_2m (°C)",
            "2018-11-01T00:00,4.5",
            "2018-11-01T01:00,-3.0",
        ],
        ['"time","temperature"', '"2018-11-01T01:00:00+01:00","4.5"', '"2018-11-01T02:00:00+01:00","-3.0"'],
        ["time,temperature_c", "2018-11-01T00:00,4", "2018-11-01T00:30,5", "2018-11-01T01:00,-3"],
    ],
)
def test_files_of_many_makers(tmp_path, lines):
    """Separators, names, units, offsets, order, a preamble, half hours: all the same hours, in UTC."""
    found = read_csv(write(tmp_path / "w.csv", *lines))
    assert found.tolist() == [4.5, -3.0]
    assert found.index.tolist() == [pd.Timestamp("2018-11-01T00:00Z"), pd.Timestamp("2018-11-01T01:00Z")]


def test_a_file_with_a_mark_and_holes(tmp_path):
    """A byte order mark is no part of the name; empty fields and missing lines are unknown hours."""
    lines = ["time,temperature_c", "2018-11-01T00:00,1", "2018-11-01T01:00,", "2018-11-01T04:00,2"]
    found = read_csv(write(tmp_path / "w.csv", *lines, encoding="utf-8-sig"))
    assert len(found) == 5
    assert found.isna().tolist() == [False, True, True, True, False]


def test_local_times_across_a_clock_change(tmp_path):
    """Times without an offset are local; the hour that comes twice is two hours."""
    times = ["2018-10-28T01:00", "2018-10-28T02:00", "2018-10-28T02:00", "2018-10-28T03:00"]
    found = read_csv(
        write(tmp_path / "w.csv", "time,temperature_c", *(f"{t},{i}" for i, t in enumerate(times))), ZURICH
    )
    assert found.tolist() == [0, 1, 2, 3]
    assert found.index[0] == pd.Timestamp("2018-10-27T23:00Z")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "no column of times"),
        (["a,b", "1,2"], "no column of times (it begins with 'a', 'b')"),
        (["time,humidity", "2018-11-01T00:00,80"], "no column of the temperature among 'time', 'humidity'"),
        (["time,temperature_c", "soon,4"], "has the time 'soon'"),
        (["time,temperature_c", "2018-11-01T00:00,mild"], "has the temperature 'mild'"),
        (["time;temperature_c", "2018-11-01T00:00;4,5"], "decimal point"),
        (["time,temperature_c", '2018-11-01T00:00,"4,5"'], "has the temperature '4,5'"),
        (["time,temperature_c", '2018-11-01T00:00,"4.5', *["2018-11-01T01:00,4.5"] * 9000], "field larger"),
        (["time,temperature_c", "2018-11-01T00:00,277.65"], "277.65 at 2018-11-01 00:00 UTC, which is no outdoor"),
        (["time,temperature (°F)", "2018-11-01T00:00,41"], "temperatures in °F"),
        (["time,temperature_c", "2018-11-01T00:00,", "2018-11-01T01:00,nan"], "has no temperature"),
        (["time,temperature_c"], "has no temperature"),
        (["time,temperature_c", "2018-11-01T00:00,1", "2018-11-01T01:00Z,1"], "with and without an offset"),
    ],
)
def test_files_that_are_none(tmp_path, lines, words):
    """One sentence that names the file and the value."""
    with pytest.raises(UsageError) as caught:
        read_csv(write(tmp_path / "w.csv", *lines))
    assert words in str(caught.value)
    assert "w.csv" in str(caught.value)


HOURS = pd.date_range("2018-11-01", periods=360, freq="h", tz=ZURICH)
"""Fifteen days, the last three of them above the twelfth."""


@pytest.mark.parametrize(
    ("names", "form"),
    [
        ("time,temperature_c", "{:%d.%m.%Y %H:%M}"),
        ("time,temperature_c", "{:%d.%m.%y %H:%M}"),
        ("Zeit;Temperatur (°C)", "{:%d.%m.%Y, %H:%M:%S}"),
        ("time,temp", "{:%m/%d/%Y %H:%M}"),
        ("time,temp", "{:%m/%d/%Y %I:%M %p}"),
        ("time,temp", "{:%d/%m/%Y %H:%M}"),
        ("time,temp", "{:%d-%m-%Y %H:%M}"),
        ("time,temp", "{:%Y/%m/%d %H:%M}"),
        ("time,temp", "{:%Y%m%d%H}"),
        ("time,temp", "{:%Y%m%dT%H%M}"),
        ("time,temp", "{:%Y-%m-%d %H:%M:%S%z}"),
        ("Datum;Zeit;Temperatur", "{:%d.%m.%Y;%H:%M}"),
        ("Temp;Zeit;Datum", "3;{:%H;%d.%m.%Y}"),
        ("Date\tTime\tTemp", "{:%m/%d/%Y\t%I:%M %p}"),
        ("time (UTC+1),temp", "{:%Y-%m-%d %H:%M}"),
        ("Datum;Zeit (MEZ);temp", "{:%Y-%m-%d;%H:%M}"),
        ("time (Europe/Zurich),temp", "{:%Y-%m-%d %H:%M}"),
    ],
)
def test_times_as_people_write_them(tmp_path, names, form):
    """One way for the whole file: the same hours, whatever the order of day and month, in one column or two."""
    separator = next(mark for mark in "\t;," if mark in names)
    first = names.casefold().startswith("temp")
    lines = [form.format(time) + ("" if first else f"{separator}3") for time in HOURS]
    found = read_csv(write(tmp_path / "w.csv", names, *lines), ZURICH)
    assert found.index.tolist() == HOURS.tolist()
    assert (found == 3).all()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["time,temp", "11/01/2018 00:00,1", "11/02/2018 00:00,1"], "day and month cannot be told apart"),
        (["time,temp", "01-11-2018 00:00,1"], "day and month cannot be told apart, such as '01-11-2018 00:00'"),
        (["time,temp", "13/11/2018 00:00,1", "11/14/2018 00:00,1"], "dates of both orders"),
        (["time,temp", "2018-11-01T00:00,1", "01.11.2018 01:00,1"], "'2018-11-01T00:00' and '01.11.2018 01:00'"),
        (["time,temp", "31.02.2018 00:00,1"], "'31.02.2018 00:00', which does not exist"),
        (["time,temp", "2018-11-01 24:30,1"], "does not exist"),
        (["time,temp", "11/13/2018 13:00 PM,1"], "does not exist"),
        (["time,temp", "1541030400,1"], "'1541030400'"),
        (["time,temp", "00:00,1", "01:00,1"], "clock times ('time') without dates"),
        (["Zeit;Temperatur", "6;1", "7;1"], "clock times ('Zeit') without dates"),
        *[(["time,temp", f"{word},1"], f"the time {word!r}") for word in ("now", "today", "NaT", "tomorrow", "Nov 1")],
    ],
)
def test_times_that_are_none(tmp_path, lines, words):
    """What could mean two things, or today, is refused with one sentence, never guessed."""
    with pytest.raises(UsageError) as caught:
        read_csv(write(tmp_path / "w.csv", *lines), ZURICH)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_days_end(tmp_path):
    """24:00 is the next day's midnight."""
    found = read_csv(write(tmp_path / "w.csv", "Datum;Zeit;Temp", "01.11.2018;23:00;1", "01.11.2018;24:00;2"))
    assert found.index.tolist() == [pd.Timestamp("2018-11-01T23:00Z"), pd.Timestamp("2018-11-02T00:00Z")]


def naive(times):
    """Local times without their offset, as lines of a file."""
    return [f"{time:%Y-%m-%dT%H:%M},{time.hour}" for time in times]


@pytest.mark.parametrize(
    ("tz", "first", "last", "odd", "winter"),
    [
        (ZURICH, "2018-01-01", "2018-12-31", "2018-03-25 02:00", 1),
        ("America/New_York", "2018-02-01", "2018-05-01", "2018-03-11 02:00", -5),
        ("Australia/Sydney", "2018-08-01", "2018-12-01", "2018-10-07 02:00", 10),
    ],
)
def test_files_in_winter_time(tmp_path, tz, first, last, odd, winter):
    """A file with the hour that the site's clocks skip is in winter time all year, and it is told."""
    hours = pd.date_range(first, last, freq="h")
    found = read_csv(write(tmp_path / "w.csv", "time,temp", *naive(hours)), tz)
    assert found.index[0] == hours[0].tz_localize("UTC") - pd.Timedelta(hours=winter)
    assert found.tolist() == hours.hour.tolist()
    assert f"has {odd}, which the clocks in {tz} skip" in found.attrs["remark"]
    for name, shift in (("UTC", 0), ("UTC+1", 1), ("GMT-05:00", -5), ("+10:30", 10.5)):
        found = read_csv(write(tmp_path / "w.csv", f"time ({name}),temp", *naive(hours)), tz)
        begin = hours[0].tz_localize("UTC") - pd.Timedelta(hours=shift)
        assert found.index[0] == begin.floor("h")
        assert found.notna().all()
        assert found.attrs == {}


@pytest.mark.parametrize(
    ("tz", "first", "last", "odd"),
    [
        (ZURICH, "2018-10-01", "2018-12-31", "2018-10-28 02:00"),
        ("America/New_York", "2018-09-01", "2018-12-01", "2018-11-04 01:00"),
        ("Australia/Sydney", "2018-03-01", "2018-06-01", "2018-04-01 02:00"),
    ],
)
def test_files_whose_clock_cannot_be_told(tmp_path, tz, first, last, odd):
    """One that has the doubled hour once, and no spring, is asked about; the column's name answers."""
    hours = pd.date_range(first, last, freq="h")
    with pytest.raises(UsageError) as caught:
        read_csv(write(tmp_path / "w.csv", "time,temp", *naive(hours)), tz)
    assert f"no clock change at {odd}" in str(caught.value)
    assert "'time (UTC+1)'" in str(caught.value)
    assert read_csv(write(tmp_path / "w.csv", f"time ({tz}),temp", *naive(hours)), tz).isna().sum() == 1


@pytest.mark.parametrize("tz", [ZURICH, "America/New_York", "Australia/Sydney", "UTC"])
def test_files_in_local_time(tmp_path, tz):
    """A year of local times is what it is, with the doubled hour, or with one of the two lost."""
    local = pd.date_range("2018-01-01", "2018-12-31", freq="h", tz=tz).tz_localize(None)
    found = read_csv(write(tmp_path / "w.csv", "time,temp", *naive(local)), tz)
    assert found.index[0] == pd.Timestamp("2018-01-01", tz=tz)
    assert found.notna().all()
    lost = read_csv(write(tmp_path / "w.csv", "time,temp", *naive(local.unique())), tz)
    assert lost.isna().sum() == len(local) - len(local.unique())


@pytest.mark.parametrize(("hours", "stuck"), [(30, False), (48, True), (200, True)])
def test_a_thermometer_that_reads_nothing(cloud, tmp_path, hours, stuck):
    """Exactly 0.0 for two days is no weather: unknown and told; for a frosty day it is."""
    values = np.full(400, 2.5)
    values[100 : 100 + hours] = 0.0
    times = pd.date_range("2018-01-01", periods=400, freq="h")
    lines = [f"{time:%Y-%m-%dT%H:%MZ},{value}" for time, value in zip(times, values, strict=True)]
    file = write(tmp_path / "w.csv", "time,temp", *lines)
    for found in (read_csv(file), outdoor_temperature(cloud, "2018-01-02", "2018-01-17", str(file))):
        told = found.attrs.get("remark", "")
        assert ("exactly 0.0 for days" in told and f"{hours} hours from 2018-01-05 04:00" in told) == stuck
        assert bool(found[:"2018-01-12"].isna().any()) == stuck


def test_files_that_cannot_be_read(tmp_path):
    """No such file, a folder, no text."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read_csv(path)
    (tmp_path / "b.csv").write_bytes(b"time,t\xff\xfe\n")
    with pytest.raises(UsageError, match="no UTF-8 text"):
        read_csv(tmp_path / "b.csv")


def test_places():
    """The place that most devices give; what was never set or makes no sense does not count."""
    values = [
        {"metadata.1012": 47.37, "metadata.1013": 8.54},
        {"metadata.1012": 47.3701, "metadata.1013": 8.5401},
        {"metadata.1012": 0.0, "metadata.1013": 0},
        {"metadata.1012": 0.0, "metadata.1013": 0},
        {"metadata.1012": 0.0, "metadata.1013": 0},
        {"metadata.1012": 147, "metadata.1013": 8},
        {"metadata.1012": None, "metadata.1013": "x"},
        {},
    ]
    assert place_of(dict(enumerate(values))) == Place(47.37, 8.54)
    assert place_of({}) is None


@pytest.mark.parametrize(("latitude", "longitude"), [(91, 0), (0, 181), (float("nan"), 0), ("x", 0)])
def test_places_that_are_none(latitude, longitude):
    """What is not on earth is refused with the value."""
    with pytest.raises(UsageError, match="give degrees"):
        Place(latitude, longitude)


def test_addresses():
    """`open-meteo` stands for its archive; plain http goes nowhere but to this machine."""
    assert archive_url("open-meteo") == OPEN_METEO
    assert archive_url("https://w.example/v1/archive") == "https://w.example/v1/archive"
    assert archive_url("http://127.0.0.1:1/v1/archive")
    with pytest.raises(UsageError, match="plain http"):
        archive_url("http://w.example/v1/archive")


def test_from_the_demo_cloud(cloud):
    """Every hour of the range, in the site's zone; what lies before the demo's history is unknown."""
    found = outdoor_temperature(cloud, "2016-12-01", "2016-12-03")
    assert len(found) == 48
    assert str(found.index.tz) == ZURICH
    assert found.isna().sum() == 1
    assert found.name == "temperature_c"
    assert found.dropna().between(-20, 20).all()


def test_a_file_instead(cloud, tmp_path):
    """A file that is named wins over the setting; hours that it lacks are unknown."""
    file = write(tmp_path / "w.csv", "time,temperature_c", "2018-11-01T00:00,4.5", "2018-11-01T02:00,5.5")
    found = outdoor_temperature(cloud, "2018-11-01", "2018-11-01T04:00", str(file))
    np.testing.assert_array_equal(found, [4.5, np.nan, 5.5, np.nan])
    assert found.index[0] == pd.Timestamp("2018-11-01", tz=ZURICH)


def test_no_source(demo_environment, monkeypatch):
    """Without a source there is one sentence on how to set one; a report goes on without."""
    monkeypatch.delenv("BELIMO_WEATHER")
    with contextlib.closing(bn.connect()) as cloud:
        with pytest.raises(NoDataError, match="set BELIMO_WEATHER"):
            outdoor_temperature(cloud, "2018-11-01", "2018-11-02")
        found, reason = temperature_or_reason(cloud, "2018-11-01", "2018-11-02")
        assert found.isna().all()
        assert len(found) == 24
        assert "BELIMO_WEATHER" in reason


def test_reader_mistakes_are_errors(cloud, tmp_path):
    """A wrong file is no weather to do without: it is put right."""
    with pytest.raises(UsageError):
        temperature_or_reason(cloud, "2018-11-01", "2018-11-02", str(tmp_path / "none.csv"))


class Archive(http.server.BaseHTTPRequestHandler):
    """Answers what the test wants."""

    answer = (200, {})

    def do_GET(self):
        """Any question, the same answer."""
        status, body = self.answer
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def archive():
    """The address of an archive whose answers are set by `Archive.answer`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/archive"
        server.shutdown()
        thread.join()


def body(values, unit="°C", **more):
    """An answer in Open-Meteo's format."""
    times = [f"2018-11-01T{hour:02d}:00" for hour in range(len(values))]
    return {
        "utc_offset_seconds": 0,
        "hourly_units": {"temperature_2m": unit},
        "hourly": {"time": times, "temperature_2m": values},
        **more,
    }


DAY = pd.Timestamp("2018-11-01").date()


def test_archive_answers(archive):
    """Values by hour; null and what is not in the answer are unknown."""
    Archive.answer = (200, body([1.5, None, 3]))
    found = read_archive(archive, Place(47.4, 8.5), DAY, DAY)
    assert len(found) == 24
    assert found.dropna().tolist() == [1.5, 3]
    Archive.answer = (200, body([1.5], latitude=-16.5, longitude=-179.9))  # the next point of a grid
    assert read_archive(archive, Place(-16.6, 179.9), DAY, DAY).iloc[0] == 1.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((400, {"error": True, "reason": "Parameter start_date is out of range"}), ApiError, "out of range"),
        ((200, {}), AnswerError, "another format"),
        ((200, body([1.0], unit="°F")), AnswerError, "in °F"),
        ((200, body([1.0], utc_offset_seconds=3600)), AnswerError, "UTC"),
        ((200, body([500.0])), AnswerError, "impossible"),
        ((200, body(["mild"])), AnswerError, "another format"),
        ((200, []), AnswerError, "BELIMO_WEATHER"),
        ((200, body([True])), AnswerError, "another format"),
        ((200, body([1.0], latitude=-33.9, longitude=8.5)), AnswerError, "at the latitude 47.40"),
        ((200, body([1.0], latitude=47.5, longitude=151.2)), AnswerError, "answered with 151.20"),
        (
            (200, body([1.0], hourly={"time": ["2008-11-01T00:00"], "temperature_2m": [1.0]})),
            AnswerError,
            "none of the",
        ),
        (
            (200, body([1.0], hourly={"time": ["2018-11-01T00:30"], "temperature_2m": [1.0]})),
            AnswerError,
            "none of the",
        ),
    ],
)
def test_archives_that_are_none(archive, answer, kind, words):
    """Refusals and answers that cannot be understood are one sentence that says where to look."""
    Archive.answer = answer
    with pytest.raises(kind) as caught:
        read_archive(archive, Place(47.4, 8.5), DAY, DAY)
    assert words in str(caught.value)


def test_kept(tmp_path):
    """What is kept comes back; new hours win; a broken file is as if there were none."""
    kept = WeatherCache(tmp_path, tmp_path / "a" / "w.csv")
    hours = pd.date_range("2018-11-01", periods=3, freq="h", tz="UTC")
    assert kept.read().empty
    kept.add(pd.Series([1.0, np.nan, 3.5], hours))
    kept.add(pd.Series([2.0], hours[1:2]))
    assert kept.read().tolist() == [1.0, 2.0, 3.5]
    assert (kept.read().index == hours).all()
    (tmp_path / "a" / "w.csv").write_text("nonsense")
    assert kept.read().empty


def test_a_far_archive_is_asked_once(cloud, monkeypatch):
    """What a far archive has answered is kept: only hours not known yet are asked for."""
    asked = []

    def answer(url, place, first, last):
        asked.append((url, first.isoformat(), last.isoformat()))
        hours = pd.date_range(first, last + pd.Timedelta(days=1), freq="h", tz="UTC", inclusive="left")
        return pd.Series(5.0, hours, name="temperature_c")

    monkeypatch.setattr("belimo_nb.weather.source.read_archive", answer)
    for end in ("2018-11-03", "2018-11-03", "2018-11-05"):
        found = outdoor_temperature(cloud, "2018-11-01", end, "open-meteo", latitude=47.4, longitude=8.5)
        assert (found == 5).all()
    assert asked == [(OPEN_METEO, "2018-10-31", "2018-11-02"), (OPEN_METEO, "2018-11-03", "2018-11-04")]


def test_the_documented_file(tmp_path):
    """The file that the documentation shows can be read."""
    text = (Path(__file__).parents[2] / "docs" / "heating.md").read_text(encoding="utf-8")
    example = text.split("```csv\n")[1].split("```")[0]
    (tmp_path / "w.csv").write_text(example, encoding="utf-8")
    assert read_csv(tmp_path / "w.csv", ZURICH).tolist() == [4.5, 4.1]

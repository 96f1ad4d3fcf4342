"""A device's past over HTTP: resampled series, native samples, downloads."""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pytest

from belimo_nb.demo import DemoCloud
from belimo_nb.demo.server import history
from belimo_nb.demo.server.account import Account
from belimo_nb.demo.server.query import ApiError, Query

HEATING = "evcloud.210"
VALVE = "5a430aa2-1d46-4776-bfe1-a10b6c567230"


def series(answer):
    """Values of the one series of an answer, by time stamp."""
    (only,) = answer.json()["series"]
    return {row["timestamp"]: row["value"] for row in only["values"]}


def test_a_years_days_hold_the_last_reading_of_each_day(api):
    """Time stamps are the begins of UTC days; the value is the day's last native sample."""
    query = {"datapointIds": HEATING, "from_": "2017-12-01T00:00:00Z", "to": "2018-12-01T00:00:00Z"}
    answer = api.get(f"/devices/{VALVE}/data/history/timeseries", resolution="1d", **query)
    body = answer.json()
    assert (body["from"], body["to"], body["resolution"]) == ("2017-12-01T00:00:00Z", "2018-12-01T00:00:00Z", "1d")
    assert body["series"][0]["aggregation"] == "last"
    days = series(answer)
    assert list(days)[:2] == ["2017-12-01T00:00:00Z", "2017-12-02T00:00:00Z"]
    assert len(days) == 365
    day = {"from_": "2018-02-03T00:00:00Z", "to": "2018-02-04T00:00:00Z", "sortDirection": "DESC", "limit": 1}
    (sample,) = api.get(f"/devices/{VALVE}/data/history/datapoints/{HEATING}", **day).json()["data"]
    assert days["2018-02-03T00:00:00Z"] == sample["value"]
    assert sample["timestamp"] > "2018-02-03T23:00:00Z"


def test_many_datapoints_come_in_one_answer_and_unknown_ones_not_at_all(api):
    """In the order asked for, each once, texts among them; no word about the unknown."""
    query = {"datapointIds": f"evcloud.80,nothing.1,{HEATING},evcloud.80,metadata.1001", "from_": "2018-11-01"}
    body = api.get(f"/devices/{VALVE}/data/history/timeseries", resolution="1d", **query).json()
    assert [one["datapointId"] for one in body["series"]] == ["evcloud.80", HEATING, "metadata.1001"]
    assert body["series"][2]["values"] == []
    only = api.get(f"/devices/{VALVE}/data/history/timeseries", datapointIds="nothing.1").json()
    assert only["series"] == []


def test_without_range_and_resolution_the_whole_past_comes_in_a_hundred_points(api):
    """From when the device's data began until now."""
    answer = api.get(f"/devices/{VALVE}/data/history/timeseries", datapointIds=HEATING)
    body = answer.json()
    assert body["to"] == api.environment["BELIMO_NOW"]
    assert body["from"].startswith("2016-12-01")
    assert 90 <= len(series(answer)) <= 100
    assert body["resolution"].endswith("s")


@pytest.mark.parametrize("zone", ["2018-03-24T23:00:00Z", "2018-03-25T00:00:00+01:00", "2018-03-24T18:00-05:00"])
def test_offsets_name_the_same_moment(api, zone):
    """Any offset gives the answer of UTC, and the echo is UTC."""
    query = {"datapointIds": HEATING, "to": "2018-03-26", "resolution": "1h"}
    answer = api.get(f"/devices/{VALVE}/data/history/timeseries", from_=zone, **query)
    assert answer.json()["from"] == "2018-03-24T23:00:00Z"
    assert next(iter(series(answer))) == "2018-03-24T23:00:00Z"
    assert len(series(answer)) == 25


def test_aggregations_fit_together(api):
    """Minimum, mean, median and maximum are ordered; sum is mean times count."""
    query = {"datapointIds": "evcloud.150", "from_": "2018-01-10", "to": "2018-01-12", "resolution": "1h"}
    got = {}
    for aggregation in ("min", "mean", "median", "max", "sum", "count", "first", "last"):
        answer = api.get(f"/devices/{VALVE}/data/history/timeseries", aggregation=aggregation, **query)
        assert answer.json()["series"][0]["aggregation"] == aggregation
        got[aggregation] = np.array(list(series(answer).values()))
    assert (got["min"] <= got["mean"]).all()
    assert (got["mean"] <= got["max"]).all()
    assert (got["min"] <= got["median"]).all()
    assert (got["median"] <= got["max"]).all()
    assert got["sum"] == pytest.approx(got["mean"] * got["count"])
    assert set(got["count"]) == {12}


@pytest.mark.parametrize(
    ("parameter", "query"),
    [
        ("datapointIds", {"datapointIds": None}),
        ("datapointIds", {"datapointIds": ""}),
        ("datapointIds", {"datapointIds": " , "}),
        ("from", {"from_": "yesterday"}),
        ("from", {"from_": "2018-11-01T00:00:00"}),
        ("to", {"to": "2018-99-01"}),
        ("to", {"from_": "2018-11-01", "to": "2018-11-01"}),
        ("to", {"from_": "2018-11-02", "to": "2018-11-01"}),
        ("to", {"from_": "2020-01-01"}),
        ("resolution", {"resolution": "1x"}),
        ("resolution", {"resolution": ""}),
        ("resolution", {"resolution": "0"}),
        ("resolution", {"resolution": "10001"}),
        ("resolution", {"resolution": "5m", "from_": "2018-01-01"}),
        ("aggregation", {"aggregation": "LAST"}),
        ("aggregation", {"aggregation": "integral"}),
        ("aggregation", {"aggregation": "mean", "datapointIds": f"{HEATING},metadata.1001"}),
    ],
)
def test_bad_parameters_of_a_series_are_named(api, parameter, query):
    """400, with the parameter in the answer."""
    query = {"datapointIds": HEATING, **query}
    answer = api.get(f"/devices/{VALVE}/data/history/timeseries", **query)
    assert answer.status_code == 400
    assert answer.json()["parameter"] == parameter


def test_ten_thousand_points_are_given(api):
    """The most that one question gets."""
    query = {"datapointIds": HEATING, "from_": "2018-01-01", "to": "2018-04-15T04:00:00Z", "resolution": "15m"}
    answer = api.get(f"/devices/{VALVE}/data/history/timeseries", **query)
    assert len(series(answer)) == 10_000


def test_series_need_a_dataprofile(connect):
    """A device that never reported one has no resampled history, and the refusal says why."""
    with DemoCloud(devices=200) as cloud:
        device = next(device.id for device in cloud.simulation.devices if device.profile is None)
        answer = connect(cloud).get(f"/devices/{device}/data/history/timeseries", datapointIds=HEATING)
    assert answer.status_code == 400
    assert "dataprofile" in answer.json()["message"]


def test_native_samples_come_in_pages(api):
    """Twenty by default; pages tile the range; descending is the reverse; the filter is repeated."""
    path = f"/devices/{VALVE}/data/history/datapoints/{HEATING}"
    query = {"from_": "2018-11-01T00:00:00Z", "to": "2018-11-02T00:00:00Z"}
    first = api.get(path, **query).json()
    assert first["paging"] == {"total": 288, "offset": 0, "limit": 20}
    assert first["sorting"] == {"field": "time", "direction": "ASC"}
    assert first["filter"] == {"from": "2018-11-01T00:00:00Z", "to": "2018-11-02T00:00:00Z", "datapointId": HEATING}
    whole = api.get(path, limit=2000, **query).json()["data"]
    pages = [
        row for offset in range(0, 300, 50) for row in api.get(path, limit=50, offset=offset, **query).json()["data"]
    ]
    assert pages == whole
    assert first["data"] == whole[:20]
    assert api.get(path, limit=2000, sortDirection="DESC", **query).json()["data"] == whole[::-1]
    times = [row["timestamp"] for row in whole]
    assert times == sorted(set(times))
    assert times[0] >= "2018-11-01T00:00:00Z"
    assert times[-1] < "2018-11-02T00:00:00Z"


def test_an_unknown_datapoint_is_404_where_it_is_the_path(api):
    """Unlike in a list of ids."""
    answer = api.get(f"/devices/{VALVE}/data/history/datapoints/nothing.1")
    assert answer.status_code == 404
    assert "nothing.1" in answer.json()["message"]


def csv_rows(content):
    """Header and rows of a download."""
    assert content.count(b"\n") == content.count(b"\r\n") > 0
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=";")
    return header, rows


def test_a_download_holds_every_sample_once(api):
    """Columns as asked for without the unknown; the cells are the native samples."""
    query = {"from_": "2018-11-29T00:00:00Z", "to": "2018-12-01T00:00:00Z"}
    answer = api.get(f"/devices/{VALVE}/data/download", datapointIds=f"evcloud.150,nothing.1,{HEATING}", **query)
    assert answer.headers["Content-Type"].startswith("text/csv")
    header, rows = csv_rows(answer.content)
    assert header == ["timestamp", "evcloud.150", HEATING]
    for column, name in enumerate(header[1:], 1):
        path = f"/devices/{VALVE}/data/history/datapoints/{name}"
        samples = api.get(path, limit=2000, **query).json()["data"]
        got = sorted((row[0], float(row[column])) for row in rows if row[column])
        assert got == [(sample["timestamp"], sample["value"]) for sample in samples]


def test_a_download_comes_as_it_was_uploaded(api):
    """Rows step back in time, and some times come twice, as in the live cloud."""
    answer = api.get(f"/devices/{VALVE}/data/download", from_="2016-12-01", to="2016-12-03")
    header, rows = csv_rows(answer.content)
    profile = api.get("/definitions/dataprofiles/energyvalve3/1.2").json()
    assert header[1:] == [point["id"] for point in profile["datapoints"]]
    times = [row[0] for row in rows]
    assert times != sorted(times)
    assert len(set(times)) < len(times)
    assert all(any(row[1:]) for row in rows)
    assert any("" in row for row in rows)


class TinySimulation:
    """One device, a number and a text, for what the real fleet never says."""

    now = 86400

    def device(self, device_id):
        """The only one."""
        return SimpleNamespace(id=device_id, installed=0, profile=("tiny", "1"))

    def series(self, device, datapoint_id):
        """Hourly numbers; texts that CSV has to quote."""
        times = np.arange(0, 4 * 3600, 3600)
        return {
            "n": (times, np.array([1.5, 2.0, 3.0, 4.0])),
            "t": (times[:3], np.array(["a;b", 'say "no"', "two\r\nlines"], dtype=object)),
            "s": (times[2:3], np.array([True], dtype=object)),
        }[datapoint_id]


def test_csv_quotes_what_would_break_it():
    """Separators, quotes and line ends in texts; switches in lower case; texts after numbers; midnight's batch late."""
    account = Account(TinySimulation())
    text = b"".join(history.download(account, Query("datapointIds=n,t,s"), "x")).decode()
    assert text == (
        "timestamp;n;t;s\r\n"
        "1970-01-01T01:00:00Z;2;;\r\n"
        '1970-01-01T01:00:00Z;;"say ""no""";\r\n'
        "1970-01-01T00:00:00Z;1.5;;\r\n"
        '1970-01-01T00:00:00Z;;"a;b";\r\n'
        "1970-01-01T02:00:00Z;3;;\r\n"
        '1970-01-01T02:00:00Z;;"two\r\nlines";true\r\n'
        "1970-01-01T03:00:00Z;4;;\r\n"
    )
    assert b"".join(history.download(account, Query("datapointIds=zero"), "x")) == b"timestamp\r\n"


def test_a_download_of_everything_needs_a_dataprofile():
    """Without one nobody knows what everything is; named datapoints can be had."""
    simulation = TinySimulation()
    simulation.device = lambda device_id: SimpleNamespace(id=device_id, installed=0, profile=None)
    with pytest.raises(ApiError, match="name the datapoints"):
        history.download(Account(simulation), Query(""), "x")
    assert b";4\r\n" in b"".join(history.download(Account(simulation), Query("datapointIds=n"), "x"))

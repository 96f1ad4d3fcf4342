"""The demo cloud over HTTP: the API's endpoints, their fields, limits and refusals."""

import csv
import io
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import requests

from belimo_nb.demo import DemoCloud, history
from belimo_nb.demo.account import Account
from belimo_nb.demo.query import ApiError, Query

HEATING = "evcloud.210"
HEIZUNG = [
    ("5a430aa2-1d46-4776-bfe1-a10b6c567230", "Energieventil Heizung 2.OG Sued-Ost"),
    ("3c563d80-48f0-4a7a-8701-65d65aefdd9c", "Energieventil Heizung 2.OG Nord-Ost"),
    ("3c6f7077-a147-4d25-865f-e72901d9de62", "Energieventil Heizung 2.OG Nord-West"),
    ("b69b0b32-03ca-4ec4-8850-2a1b474fbd83", "Energieventil Heizung 1.OG Sued-West"),
    ("0cc5b932-c7b0-4eab-87ae-153aec6a7f90", "Energieventil Heizung 2.OG Sued-West"),
]
VALVE = HEIZUNG[0][0]
SORT_FIELDS = [
    "id",
    "productionId",
    "displayName",
    "serialNumber",
    "deviceType",
    "owner.displayName",
    "dataprofile.displayName",
    "software.displayName",
    "health.state",
    "health.lastSeen",
    "projectName",
    "addressCity",
    "addressCountry",
]
EVENTS = {
    "METADATA_CHANGE",
    "SOFTWARE_CHANGE",
    "DATAPROFILE_CHANGE",
    "OWNER_CHANGE",
    "DEVICE_DATAPOINT_CHANGE",
    "CONFIGURATION_CHANGE",
}


@pytest.fixture(scope="module")
def large():
    """A fleet with devices that were never online and devices without a dataprofile."""
    with DemoCloud(devices=200) as cloud:
        yield cloud


def field(body, name):
    """The value at a dotted name, None where a part is missing."""
    for part in name.split("."):
        body = (body or {}).get(part)
    return body


def series(answer):
    """Values of the one series of an answer, by time stamp."""
    (only,) = answer.json()["series"]
    return {row["timestamp"]: row["value"] for row in only["values"]}


def run(code, **environment):
    """The output of a script in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


# ---- the account and its devices


def test_the_version_needs_no_token(api):
    """`/api-info` answers anyone."""
    answer = requests.get(api.environment["BELIMO_API_URL"] + "/api-info", timeout=60)
    assert answer.json() == {"version": "3.5.0"}


def test_the_user_is_the_one_who_signed_in(api):
    """All fields of the API, with their types."""
    user = api.get("/user").json()
    assert user["email"] == api.environment["BELIMO_USERNAME"]
    types = {"id": str, "email": str, "accountActivated": bool, "locale": str, "roles": list, "firstName": str}
    assert {name: type(user[name]) for name in types} == types


def test_stats_are_those_of_the_vendors_example(api):
    """36 devices, one offline, one with a problem; another owner has none."""
    assert api.get("/devices/stats").json() == {
        "totalDevices": 36,
        "connection": {"offline": 1, "online": 35},
        "health": {"problem": 1, "ok": 35},
        "transfer": {"incoming": 0, "outgoing": 0},
    }
    mine = api.environment["BELIMO_USERNAME"]
    assert api.get("/devices/stats", owner=mine).json()["totalDevices"] == 36
    nobody = api.get("/devices/stats", owner="nobody@belimo-nb.example").json()
    assert nobody["totalDevices"] == nobody["connection"]["online"] == nobody["health"]["ok"] == 0


def test_the_first_page_is_twenty_devices_by_production_id(api):
    """Without parameters: the API's defaults, and an empty filter."""
    body = api.get("/devices").json()
    assert body["paging"] == {"total": 36, "offset": 0, "limit": 20}
    assert body["sorting"] == {"field": "productionId", "direction": "ASC"}
    assert body["filter"] == {}
    production_ids = [device["productionId"] for device in body["data"]]
    assert len(production_ids) == 20
    assert production_ids == sorted(production_ids)


def test_pages_tile_the_list(api):
    """Pages of seven give every device once; past the end comes an empty page."""
    whole = api.get("/devices", limit=2000).json()["data"]
    parts = [
        device for offset in range(0, 42, 7) for device in api.get("/devices", limit=7, offset=offset).json()["data"]
    ]
    assert parts == whole
    assert len({device["id"] for device in whole}) == 36
    past = api.get("/devices", offset=36).json()
    assert past["data"] == []
    assert past["paging"]["total"] == 36


def test_searching_heizung_gives_the_vendors_five(api):
    """In the vendor's order, whatever the case, with the filter repeated."""
    body = api.get("/devices", state="REGISTERED", search="hEIZUNG").json()
    assert [(device["id"], device["displayName"]) for device in body["data"]] == HEIZUNG
    assert {device["dataprofile"]["displayName"] for device in body["data"]} == {"energyvalve3/1.2"}
    assert {device["dataprofile"]["ref"] for device in body["data"]} == {"/definitions/dataprofiles/energyvalve3/1.2"}
    assert body["filter"] == {"search": "hEIZUNG", "state": "REGISTERED"}


def test_devices_are_found_by_serial_number(api):
    """A part of it is enough."""
    device = api.get(f"/devices/{VALVE}").json()
    found = api.get("/devices", search=device["serialNumber"][3:]).json()
    assert [other["id"] for other in found["data"]] == [VALVE]
    assert api.get("/devices", search="no such thing").json()["paging"]["total"] == 0


def test_a_device_has_the_fields_of_the_api(api):
    """Names and types; times as the API writes them; the list and the device itself agree."""
    device = api.get(f"/devices/{VALVE}").json()
    strings = ["id", "productionId", "displayName", "serialNumber", "materialNumber", "deviceType", "productionDate"]
    strings += ["purpose", "projectName", "addressCity", "addressCountry", "state.timestamp"]
    strings += ["health.state", "health.lastSeen"]
    strings += [f"dataprofile.{name}" for name in ("entityId", "ref", "displayName")]
    strings += [f"owner.{name}" for name in ("entityId", "ref", "displayName", "email")]
    assert [name for name in strings if not isinstance(field(device, name), str)] == []
    assert isinstance(field(device, "health.onlineDays"), int)
    assert isinstance(device["remoteControlEnabled"], bool)
    assert all(name.endswith(".000Z") for name in (device["productionDate"], device["health"]["lastSeen"]))
    assert {type(point["value"]) for point in device["state"]["datapoints"].values()} <= {int, float, str, bool}
    assert device in api.get("/devices", limit=2000).json()["data"]


@pytest.mark.parametrize("name", SORT_FIELDS)
def test_every_sort_field_sorts_both_ways(large, connect, name):
    """Ascending, None last; descending, None first; no device is lost."""
    client = connect(large)
    for direction, flip in (("ASC", 1), ("DESC", -1)):
        body = client.get("/devices", sortBy=name, sortDirection=direction, limit=2000).json()
        keys = [(field(device, name) is None, field(device, name) or "") for device in body["data"]]
        assert keys[::flip] == sorted(keys)
        assert len({device["id"] for device in body["data"]}) == 200
        assert body["sorting"] == {"field": name, "direction": direction}


def test_registered_devices_have_been_seen_and_others_not(large, connect):
    """The two states part the fleet; `lastSeen` is missing for those never online, as a dataprofile may be."""
    client = connect(large)
    parts = {
        state: client.get("/devices", state=state, limit=2000).json()["data"]
        for state in ("REGISTERED", "UNREGISTERED")
    }
    assert all("lastSeen" in device["health"] for device in parts["REGISTERED"])
    assert not any("lastSeen" in device["health"] for device in parts["UNREGISTERED"])
    assert sum(len(devices) for devices in parts.values()) == 200
    assert parts["UNREGISTERED"]
    assert any("dataprofile" not in device for device in parts["REGISTERED"])
    unregistered = parts["UNREGISTERED"][0]
    assert all(name.startswith("metadata.") for name in unregistered["state"]["datapoints"])


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("state", "registered"),
        ("state", ""),
        ("search", ""),
        ("owner", ""),
        ("limit", "0"),
        ("limit", "2001"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", "1e2"),
        ("limit", ""),
        ("offset", "-1"),
        ("offset", "1.0"),
        ("sortBy", "name"),
        ("sortDirection", "asc"),
    ],
)
def test_bad_parameters_of_the_list_are_named(api, parameter, value):
    """400, with the parameter and the value in the answer."""
    answer = api.get("/devices", **{parameter: value})
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"
    assert answer.json()["parameter"] == parameter
    assert parameter in answer.json()["message"]


# ---- one device


def test_the_state_now_is_that_of_the_list(api):
    """And at a time of the past it is another, the same for both ways to say the time."""
    now = api.get(f"/devices/{VALVE}/data").json()
    assert now == api.get(f"/devices/{VALVE}").json()["state"]
    then = api.get(f"/devices/{VALVE}/data", at="2018-02-01T07:00:00+01:00").json()
    assert then == api.get(f"/devices/{VALVE}/data", at="1517464800000").json()
    assert then["timestamp"] <= "2018-02-01T06:00:00.000Z" < now["timestamp"]
    assert then["datapoints"][HEATING]["value"] < now["datapoints"][HEATING]["value"]
    assert api.get(f"/devices/{VALVE}/data", at="2030-01-01").json() == now


@pytest.mark.parametrize("at", ["now", "", "2018-02-01T07:00:00", "2015-01-01", "12.5"])
def test_a_state_at_no_time_is_refused(api, at):
    """No time, one without an offset, one before the device's data."""
    answer = api.get(f"/devices/{VALVE}/data", at=at)
    assert (answer.status_code, answer.json()["parameter"]) == (400, "at")


def test_the_timeline_tells_the_newest_first(api):
    """Events with their types, paged, in either order, within a range."""
    body = api.get(f"/devices/{VALVE}/timeline", limit=2000).json()
    events = body["data"]
    assert body["sorting"] == {"field": "timestamp", "direction": "DESC"}
    assert body["paging"]["total"] == len(events) > 0
    assert {event["type"] for event in events} <= EVENTS
    assert all(isinstance(event["details"], dict) for event in events)
    times = [event["timestamp"] for event in events]
    assert times == sorted(times, reverse=True)
    assert api.get(f"/devices/{VALVE}/timeline", sortDirection="ASC").json()["data"] == events[::-1][:20]
    newest = api.get(f"/devices/{VALVE}/timeline", from_=times[0]).json()["data"]
    assert [event["timestamp"] for event in newest] == [time for time in times if time == times[0]]
    assert api.get(f"/devices/{VALVE}/timeline", from_=times[-1], to=times[0]).json()["data"] == [
        event for event in events if event["timestamp"] < times[0]
    ]


@pytest.mark.parametrize(
    "path",
    ["", "/data", "/timeline", "/data/history/timeseries", f"/data/history/datapoints/{HEATING}", "/data/download"],
)
def test_an_unknown_device_is_404(api, path):
    """On every path below it, as JSON that names it."""
    answer = api.get(f"/devices/nobody{path}", datapointIds=HEATING)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert "nobody" in answer.json()["message"]


# ---- history


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


def test_series_need_a_dataprofile(large, connect):
    """A device that never reported one has no resampled history, and the refusal says why."""
    client = connect(large)
    devices = client.get("/devices", limit=2000).json()["data"]
    device = next(device["id"] for device in devices if "dataprofile" not in device)
    answer = client.get(f"/devices/{device}/data/history/timeseries", datapointIds=HEATING)
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


# ---- download


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


# ---- definitions, weather


def test_dataprofiles_are_listed_and_collapse(api):
    """By name; without their contents on demand; by version too."""
    body = api.get("/definitions/dataprofiles").json()
    names = [profile["name"] for profile in body["data"]]
    assert names == sorted(names)
    assert body["paging"]["total"] == len(names) >= 3
    assert all(profile["datapoints"] for profile in body["data"])
    collapsed = api.get("/definitions/dataprofiles", expanded="false", limit=1, offset=1).json()["data"]
    kept = {key: value for key, value in body["data"][1].items() if key not in ("aspects", "subprofiles", "datapoints")}
    assert collapsed == [kept]
    by_version = api.get("/definitions/dataprofiles", sortBy="version", sortDirection="DESC").json()["data"]
    versions = [tuple(int(part) for part in profile["version"].split(".")) for profile in by_version]
    assert versions == sorted(versions, reverse=True)
    assert api.get("/definitions/dataprofiles", expanded="yes").json()["parameter"] == "expanded"


def test_a_devices_reference_leads_to_its_dataprofile(api):
    """`ref` is a path of the API; `last` is the newest version; only two descriptions speak of energy."""
    reference = api.get(f"/devices/{VALVE}").json()["dataprofile"]["ref"]
    profile = api.get(reference).json()
    assert (profile["id"], profile["version"]) == ("energyvalve3", "1.2")
    assert profile == api.get("/definitions/dataprofiles/energyvalve3/last").json()
    texts = {point["id"]: point["featureValues"]["default.description"] for point in profile["datapoints"]}
    energy = [(name, text) for name, text in texts.items() if "Energy" in text]
    assert energy == [("evcloud.200", "Cooling Energy in J"), (HEATING, "Heating Energy in J")]


@pytest.mark.parametrize("path", ["energyvalve3/9.9", "nothing/1.0", "nothing/last", "energyvalve3/"])
def test_unknown_dataprofiles_are_404(api, path):
    """Unknown id, unknown version, none."""
    answer = api.get(f"/definitions/dataprofiles/{path}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


WEATHER = {"latitude": 47.4, "longitude": 8.5, "hourly": "temperature_2m"}


def weather(api, **query):
    """The archive's answer, asked without a token."""
    return requests.get(api.environment["BELIMO_WEATHER"], params={**WEATHER, **query}, timeout=60)


def test_weather_has_every_hour_of_the_days_asked_for(api):
    """Open-Meteo's fields; days inclusive; hours that are not known are null."""
    body = weather(api, start_date="2018-11-30", end_date="2018-12-01").json()
    assert (body["latitude"], body["longitude"], body["timezone"], body["utc_offset_seconds"]) == (47.4, 8.5, "GMT", 0)
    assert body["hourly_units"] == {"time": "iso8601", "temperature_2m": "°C"}
    times, values = body["hourly"]["time"], body["hourly"]["temperature_2m"]
    assert (times[0], times[-1], len(times)) == ("2018-11-30T00:00", "2018-12-01T23:00", 48)
    assert all(isinstance(value, float) for value in values[:25])
    assert values[25:] == [None] * 23
    assert (
        weather(api, start_date="2016-11-30", end_date="2016-11-30").json()["hourly"]["temperature_2m"] == [None] * 24
    )
    assert weather(api, start_date="2018-11-30", end_date="2018-11-30", timezone="UTC").json()["timezone"] == "UTC"


@pytest.mark.parametrize(
    "query",
    [
        {"latitude": None},
        {"latitude": "91"},
        {"longitude": "east"},
        {"longitude": "nan"},
        {"start_date": None},
        {"start_date": "01.11.2018"},
        {"start_date": "20181101"},
        {"start_date": "2018-02-30"},
        {"start_date": "1900-01-01"},
        {"end_date": "2018-12-02"},
        {"end_date": "2018-10-31"},
        {"hourly": "temperature_2m,rain"},
        {"hourly": None},
        {"timezone": "Europe/Zurich"},
    ],
)
def test_bad_questions_about_the_weather_are_refused_as_open_meteo_does(api, query):
    """400 with `error` and a `reason` that names the parameter."""
    answer = weather(api, **{"start_date": "2018-11-01", "end_date": "2018-11-30", **query})
    assert answer.status_code == 400
    assert answer.json()["error"] is True
    assert next(iter(query)) in answer.json()["reason"]


# ---- HTTP


def test_unknown_paths_and_methods_are_refused_as_json(api):
    """404 and 405, whether signed in or not."""
    base = api.environment["BELIMO_API_URL"]
    for url in (base + "/nothing", base, api.cloud.url, base + "/devices/", base + "//devices"):
        answer = requests.get(url, timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert requests.post(base + "/nothing", timeout=60).status_code == 404
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"):
        answer = requests.request(method, base + "/devices", timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET"
    assert requests.head(base + "/user", timeout=60).status_code == 405
    assert requests.get(base + "/devices/%ff", timeout=60).json()["error"] == "bad_request"


@pytest.mark.parametrize("path", ["/api/v3/api-info", "/v1/archive", "/nothing", "/oauth/token"])
@pytest.mark.parametrize(
    "host", ["cloud.belimo.com", "evil.example:80", "127.0.0.1.evil.example", "localhost.", "[::2]"]
)
def test_only_the_loopback_is_answered(api, path, host):
    """A page of another site cannot reach it by a name of its own."""
    answer = requests.get(api.cloud.url + path, headers={"Host": host}, timeout=60)
    assert answer.status_code == 403
    assert "loopback" in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]", "[::1]:80"])
def test_the_loopback_has_several_names(api, host):
    """With any port: it may be forwarded."""
    assert requests.get(api.cloud.url + "/api/v3/api-info", headers={"Host": host}, timeout=60).status_code == 200


def test_large_answers_are_compressed_for_those_who_read_that(api):
    """The same text either way."""
    path = f"/devices/{VALVE}/data/history/timeseries"
    query = {"datapointIds": HEATING, "from_": "2018-01-01", "resolution": "1d"}
    packed = api.get(path, **query)
    plain = api.get(path, headers={"Accept-Encoding": "identity"}, **query)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 2


def test_a_long_answer_holds_nobody_up(connect):
    """While the simulation is busy for one, whoever does not need it is served."""
    with DemoCloud(devices=2) as cloud, ThreadPoolExecutor(1) as thread:
        client = connect(cloud).sign_in()
        gate, last_seen = threading.Event(), cloud.simulation.last_seen
        cloud.simulation.last_seen = lambda device: gate.wait() and last_seen(device)
        waiting = thread.submit(client.get, "/devices/stats")
        while not cloud.requests.count("/api/v3/devices/stats"):
            time.sleep(0.001)
        user = requests.get(cloud.url + "/api/v3/user", headers=client.session.headers, timeout=60)
        assert user.status_code == 200
        assert not waiting.done()
        gate.set()
        assert waiting.result().status_code == 200


def test_questions_at_the_same_time_get_the_answers_of_one_after_the_other(connect):
    """Many threads on a cold cloud, and one on another."""
    devices = [device for device, _ in HEIZUNG]
    questions = [
        (f"/devices/{device}/data/history/timeseries", {"datapointIds": f"{HEATING},{name}", "resolution": "7d"})
        for name in ("evcloud.140", "evcloud.150")
        for device in devices
    ] + [(f"/devices/{device}", {}) for device in devices]
    with DemoCloud() as first, DemoCloud() as second, ThreadPoolExecutor(8) as threads:
        clients = [connect(first).sign_in() for _ in questions]
        one = connect(second).sign_in()
        together = list(
            threads.map(lambda client, question: client.get(question[0], **question[1]).content, clients, questions)
        )
        assert together == [one.get(path, **query).content for path, query in questions]


QUESTIONS = """
import hashlib, requests
from belimo_nb.demo import DemoCloud
with DemoCloud() as cloud, requests.Session() as session:
    session.trust_env = False
    known = cloud.environment()
    names = ("client_id", "client_secret", "username", "password", "audience")
    form = {name: known["BELIMO_" + name.upper()] for name in names}
    token = session.post(known["BELIMO_TOKEN_URL"], {**form, "grant_type": "password", "scope": "public.read"}).json()
    session.headers["Authorization"] = "Bearer " + token["access_token"]
    valve = known["BELIMO_API_URL"] + "/devices/5a430aa2-1d46-4776-bfe1-a10b6c567230"
    series = "/data/history/timeseries?datapointIds=evcloud.210,evcloud.140&resolution=7d"
    for path in (series, "", "/data/history/datapoints/evcloud.150?limit=2000", "/timeline"):
        print(hashlib.sha256(session.get(valve + path).content).hexdigest())
"""


def test_the_same_question_gets_the_same_bytes_in_any_process():
    """Two interpreters with other hash seeds and time zones agree."""
    first = run(QUESTIONS, PYTHONHASHSEED="1", TZ="Asia/Kolkata")
    second = run(QUESTIONS, PYTHONHASHSEED="2", TZ="America/New_York")
    assert first == second
    assert len(set(first.split())) == 4


# ---- the object


def test_the_environment_points_at_the_cloud(api):
    """Every setting a client needs, with credentials in the live cloud's format."""
    known = api.environment
    assert len(known["BELIMO_CLIENT_ID"]) == 32
    assert len(known["BELIMO_CLIENT_SECRET"]) == 64
    assert known["BELIMO_API_URL"] == api.cloud.url + "/api/v3"
    assert known["BELIMO_TIMEZONE"] == "Europe/Zurich"
    assert known["BELIMO_RATE"] == "0"
    assert known["BELIMO_NOW"] == "2018-12-01T00:00:00Z"
    assert known["BELIMO_SOURCE"] == "demo data, seed 1"


def test_the_source_names_fleet_and_seed():
    """Other data has another name."""
    assert DemoCloud(devices=3, seed=7).source == "demo data, seed 7, 3 devices"


@pytest.mark.parametrize("now", ["2018-06-01", "2018-06-01T02:00:00+02:00", 1527811200])
def test_now_can_be_set(now):
    """As a date, a time, or epoch seconds."""
    with DemoCloud(devices=1, now=now) as cloud:
        assert cloud.environment()["BELIMO_NOW"] == "2018-06-01T00:00:00Z"


@pytest.mark.parametrize(
    "arguments",
    [
        {"now": "soon"},
        {"now": "2018-06-01T00:00:00"},
        {"now": "2015-01-01"},
        {"now": 2_000_000_000},
        {"rate": 0},
        {"rate": -1},
    ],
)
def test_arguments_out_of_range_are_refused(arguments):
    """With a sentence that names the argument."""
    with pytest.raises(ValueError, match=next(iter(arguments))):
        DemoCloud(devices=1, **arguments)


def test_the_clock_can_be_moved_while_it_runs(connect):
    """Earlier, less is known; the same past is told."""
    with DemoCloud(devices=3) as cloud:
        client = connect(cloud)
        path, query = f"/devices/{VALVE}/data/history/timeseries", {"datapointIds": HEATING, "resolution": "1d"}
        full = series(client.get(path, from_="2018-10-01", **query))
        cloud.simulation.now -= 30 * 86400
        part = series(client.get(path, from_="2018-10-01", **query))
        assert len(part) == len(full) - 30
        assert part == {time: value for time, value in full.items() if time in part}
        assert client.get(path, **query).json()["to"] == "2018-11-01T00:00:00Z"


def test_a_stopped_cloud_frees_its_port():
    """Stopping twice is no error, and another may have the port."""
    cloud = DemoCloud(devices=1)
    with pytest.raises(RuntimeError, match="not running"):
        cloud.environment()
    cloud.start()
    url = cloud.url
    assert cloud.start().url == url
    port = int(url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        DemoCloud(devices=1, port=port).start()
    cloud.stop()
    cloud.stop()
    with DemoCloud(devices=1, port=port) as other:
        assert other.url == url
        assert requests.get(url + "/api/v3/api-info", timeout=60).status_code == 200
    assert "not running" in repr(cloud)


def test_a_cloud_that_cannot_start_says_so(monkeypatch):
    """An error in its thread reaches the caller, who would wait for ever; the port is free again."""

    def broken(cloud):
        raise LookupError("no routes today")

    cloud = DemoCloud(devices=1)
    with monkeypatch.context() as patch:
        patch.setattr("belimo_nb.demo.server.application", broken)
        with pytest.raises(LookupError, match="no routes today"):
            cloud.start()
    with cloud:
        assert requests.get(cloud.url + "/api/v3/api-info", timeout=60).status_code == 200


def test_importing_the_demo_costs_nothing():
    """Neither the server's libraries nor numpy, until someone starts a cloud."""
    heavy = run("import sys, belimo_nb.demo; print(*{'tornado', 'oauthlib', 'numpy', 'pandas'} & set(sys.modules))")
    assert heavy.split() == []


FORK = """
import os, urllib.request
from belimo_nb.demo import environment
known = environment()
assert environment() == known
def status():
    with urllib.request.urlopen(known["BELIMO_API_URL"] + "/api-info", timeout=60) as answer:
        return answer.status
child = os.fork()
if child == 0:
    assert environment() == known
    os._exit(0 if status() == 200 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(status(), known["BELIMO_API_URL"])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_and_its_forked_children_share_one_cloud():
    """The child gets the parent's address and an answer; the parent's cloud survives it, and ends with the parent."""
    code = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + FORK
    status, url = run(code).split()
    assert status == "200"
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/api-info", timeout=60)


def test_serving_prints_the_settings_first_and_ends_on_interrupt():
    """`.env` lines at once, through a pipe too; Ctrl-C ends it in order."""
    dotenv = pytest.importorskip("dotenv")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", "from belimo_nb.demo import DemoCloud; DemoCloud(devices=2).serve()"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        lines = [process.stdout.readline() for _ in range(12)]
        known = dotenv.dotenv_values(stream=io.StringIO("".join(lines)))
        assert len(known) == 12
        assert known["BELIMO_SOURCE"] == "demo data, seed 1, 2 devices"
        assert requests.get(known["BELIMO_API_URL"] + "/api-info", timeout=60).status_code == 200
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, "", "")

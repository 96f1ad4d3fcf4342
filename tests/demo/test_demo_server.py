"""The demo cloud over HTTP: the API's endpoints, their fields, limits and refusals."""

import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
import requests

from belimo_nb.demo import DemoCloud

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


@pytest.mark.slow
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


def test_the_state_at_a_time_is_the_same_for_both_ways_to_say_it(api):
    """The present is the device's own state; a later time than now has no other."""
    now = api.get(f"/devices/{VALVE}").json()["state"]
    then = api.get(f"/devices/{VALVE}/data", at="2018-02-01T07:00:00+01:00").json()
    assert then == api.get(f"/devices/{VALVE}/data", at="1517464800000").json()
    assert then["timestamp"] <= "2018-02-01T06:00:00.000Z" < now["timestamp"]
    assert then["datapoints"][HEATING]["value"] < now["datapoints"][HEATING]["value"]
    assert api.get(f"/devices/{VALVE}/data", at="2030-01-01").json() == now


@pytest.mark.parametrize(
    ("now", "taken"),
    [
        ("2018-12-01T00:00:00Z", "2018-11-30T01:00:00Z"),
        ("2018-12-01T01:00:00Z", "2018-12-01T01:00:00Z"),
        ("2018-07-10T00:00:00Z", "2018-07-10T00:00:00Z"),
        ("2018-07-09T23:59:59Z", "2018-07-09T00:00:00Z"),
        ("2018-03-25T12:00:00Z", "2018-03-25T01:00:00Z"),
        ("2018-10-28T12:00:00Z", "2018-10-28T00:00:00Z"),
    ],
)
def test_data_without_a_time_are_those_of_the_last_snapshot(connect, now, taken):
    """Taken at 02:00 by the site's clock, not the present, which the list and the device have."""
    with DemoCloud(devices=2, now=now) as cloud:
        client = connect(cloud)
        snapshot = client.get(f"/devices/{VALVE}/data").json()
        assert snapshot == client.get(f"/devices/{VALVE}/data", at=taken).json()
        live = client.get(f"/devices/{VALVE}").json()["state"]
        age = datetime.fromisoformat(taken) - datetime.fromisoformat(snapshot["timestamp"])
        assert timedelta(0) <= age <= timedelta(minutes=5)
        assert (live == snapshot) == (now == taken)


def test_data_of_some_datapoints_are_those_and_no_others(api):
    """Unknown ids are left out without a word; an empty list is refused."""
    path = f"/devices/{VALVE}/data"
    then = "2018-02-01T06:00:00Z"
    whole = api.get(path, at=then).json()
    some = api.get(path, datapointIds=f"{HEATING},nothing,default.1", at=then).json()
    assert some["timestamp"] == whole["timestamp"]
    assert some["datapoints"] == {name: whole["datapoints"][name] for name in (HEATING, "default.1")}
    assert api.get(path, datapointIds="nothing").json()["datapoints"] == {}
    assert api.get(path, datapointIds=" , ").json()["parameter"] == "datapointIds"


def test_devices_tell_their_software(connect):
    """Its version and those of its modules, the same in the list; both change where the timeline says so."""
    with DemoCloud(devices=2) as cloud:
        client = connect(cloud)
        (event, *_) = [
            event
            for event in client.get(f"/devices/{VALVE}/timeline", limit=2000).json()["data"]
            if event["type"] == "SOFTWARE_CHANGE"
        ]
        after = client.get(f"/devices/{VALVE}").json()
        cloud.simulation.now = int(datetime.fromisoformat(event["timestamp"]).timestamp()) - 1
        before = client.get(f"/devices/{VALVE}").json()
    for device in (before, after):
        assert device["software"]["ref"] == f"/software/versions/{device['software']['entityId']}"
        assert set(device["runningSoftwareModules"]) == {"csp", "model", "bsp"}
        assert device["health"]["description"] == ""
    assert before["software"] != after["software"]
    assert before["runningSoftwareModules"]["model"] < after["runningSoftwareModules"]["model"]


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


# ---- definitions


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
    assert profile["subprofileRefs"] == [subprofile["ref"] for subprofile in profile["subprofiles"]]
    assert profile["aggregatedSupportedAspects"] == [aspect["ref"] for aspect in profile["aspects"]]
    assert (profile["id"], profile["version"]) == ("energyvalve3", "1.2")
    assert profile == api.get("/definitions/dataprofiles/energyvalve3/1.2").json()
    assert api.get("/definitions/dataprofiles/energyvalve3/last").json()["version"] == "1.3"
    texts = {point["id"]: point["featureValues"]["default.description"] for point in profile["datapoints"]}
    energy = [(name, text) for name, text in texts.items() if "Energy" in text]
    assert energy == [("evcloud.200", "Cooling Energy in J"), (HEATING, "Heating Energy in J")]


@pytest.mark.parametrize("path", ["energyvalve3/9.9", "nothing/1.0", "nothing/last", "energyvalve3/"])
def test_unknown_dataprofiles_are_404(api, path):
    """Unknown id, unknown version, none."""
    answer = api.get(f"/definitions/dataprofiles/{path}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of this machine")
def test_it_listens_on_the_loopback_only(api):
    """Who listens on all addresses would answer on 127.0.0.2, too."""
    port = urlsplit(api.cloud.url).port
    with socket.create_server(("0.0.0.0", 0)) as anywhere:  # noqa: S104 - for a moment, to show that the test can fail
        socket.create_connection(("127.0.0.2", anywhere.getsockname()[1]), timeout=60).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=60)
    socket.create_connection(("127.0.0.1", port), timeout=60).close()


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


def test_long_answers_hold_nobody_up(connect):
    """However many are being worked on, whoever asks for little is served."""
    with DemoCloud(devices=2) as cloud, ThreadPoolExecutor(10) as threads:
        client = connect(cloud).sign_in()
        gate, last_seen = threading.Event(), cloud.simulation.last_seen
        cloud.simulation.last_seen = lambda device: gate.wait() and last_seen(device)

        def ask(path):
            return requests.get(cloud.url + "/api/v3" + path, headers=client.session.headers, timeout=60).status_code

        waiting = [threads.submit(ask, "/devices/stats") for _ in range(10)]
        while cloud.requests.count("/api/v3/devices/stats") < 10:
            time.sleep(0.001)
        assert ask("/user") == 200
        assert not any(answer.done() for answer in waiting)
        gate.set()
        assert {answer.result() for answer in waiting} == {200}


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

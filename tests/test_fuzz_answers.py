"""Whatever the cloud answers: the client gives a result or a `BelimoError`, never another exception."""

from __future__ import annotations

import contextlib
import copy
import warnings
from email.utils import format_datetime
from unittest import mock

import pandas as pd
import pytest
import requests
from fuzzing import bytes_like, inputs, scalars, spoiled, survives, texts, values
from hypothesis import given
from hypothesis import strategies as st

import belimo_nb as bn
from belimo_nb.api.history import MissingSeriesWarning, ask_window, fetch
from belimo_nb.api.paging import collect
from belimo_nb.api.profile import Profile
from belimo_nb.calendar.moments import from_api
from belimo_nb.client import responses
from belimo_nb.cloud.device import Device
from belimo_nb.store.device_history import DeviceHistory
from belimo_nb.weather.archive import place_of

POINTS = {
    "evcloud.210": ("Heating_E_J", "Heating Energy in J", "J"),
    "evcloud.140": ("AbsPower_Fb_W", "Absolute Power", "W"),
    "evcloud.150": ("T1_remote_K", "Temperature 1, remote", "K"),
    "evcloud.80": ("RelPos_Fb", "valve position", "percent"),
}
PROFILE = {
    "id": "energyvalve3",
    "version": "1.2",
    "ref": "energyvalve3/1.2",
    "name": "valve",
    "datapoints": [
        {
            "id": key,
            "featureValues": {
                "default.name": name,
                "default.description": text,
                "default.unit": unit,
                "default.access": "r",
            },
            "definedBy": "evcloud/1.2",
        }
        for key, (name, text, unit) in POINTS.items()
    ],
}
STATE = {
    "timestamp": "2018-11-30T23:58:11.000Z",
    "datapoints": {key: {"value": 12.5} for key in POINTS}
    | {"metadata.1012": {"value": 47.4}, "metadata.1013": {"value": 8.5}},
}
DEVICE = {
    "id": "5a430aa2-1d46-4776-bfe1-a10b6c567230",
    "displayName": "Heizung",
    "serialNumber": "01821-00001",
    "deviceType": "valve",
    "dataprofile": {
        "entityId": "energyvalve3/1.2",
        "ref": "/definitions/dataprofiles/energyvalve3/1.2",
        "displayName": "e",
    },
    "health": {"state": "OK", "lastSeen": "2018-11-30T23:58:11.000Z", "onlineDays": 3},
    "projectName": "P",
    "addressCity": "Zurich",
    "addressCountry": "CH",
    "state": STATE,
}
LIST = {
    "data": [DEVICE, DEVICE | {"id": "other", "displayName": "Kälte"}],
    "paging": {"total": 2, "offset": 0, "limit": 20},
}
EVENTS = {
    "data": [
        {
            "timestamp": "2018-01-01T00:00:00.000Z",
            "type": "METADATA_CHANGE",
            "details": {"values": {"metadata.1001": "n"}},
        }
    ],
    "paging": {"total": 1, "offset": 0, "limit": 20},
}
HOURS = [f"2018-11-01T{hour:02d}:00:00Z" for hour in range(4)]
SERIES = {
    "from": HOURS[0],
    "to": "2018-11-01T04:00:00Z",
    "resolution": "1h",
    "series": [
        {"datapointId": key, "aggregation": "last", "values": [{"timestamp": hour, "value": 1.5} for hour in HOURS]}
        for key in ("evcloud.210", "evcloud.140")
    ],
}
STATS = {"totalDevices": 2, "connection": {"offline": 1, "online": 1}, "health": {"problem": 0, "ok": 2}}
START, END = pd.Timestamp(HOURS[0]), pd.Timestamp("2018-11-01T04:00:00Z")
SPAN = (int(START.timestamp()), int(END.timestamp()))


def history_of(body):
    """A window's values by datapoint, as they are kept."""
    ids = [key for key in ("evcloud.210", "evcloud.140") if any(s["datapointId"] == key for s in body["series"])]
    return ask_window(lambda *_: body, "id", ids, START, END, "1h", "last")


objects = st.dictionaries(texts, values, max_size=4)


@pytest.fixture
def answering():
    """A client whose cloud answers with what it is told to, by the end of the path."""
    credentials = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
    client = bn.connect(
        demo=False, api_url="https://cloud.invalid/api", rate=0, now="2018-12-01T00:00:00Z", **credentials
    )
    good = {"devices": LIST, "timeline": EVENTS, "timeseries": SERIES, "data": STATE, "stats": STATS, "1.2": PROFILE}

    def make(**bodies):
        found = bn.Cloud(client.settings)
        answers = good | bodies
        found.connection._transport.get = lambda path, params=None, what=None: answers[path.rsplit("/", 1)[-1]]
        return found

    with contextlib.closing(client):
        yield make


@pytest.fixture(autouse=True)
def quiet():
    """Warnings of ours are told to people; those of libraries would be a fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingSeriesWarning)
        yield


def overview(client):
    """All that a report of a fleet takes from the list."""
    devices = client.devices()
    client.latest()
    client.energy_valves(devices)
    place_of(client.connection.latest_datapoints())
    for name in devices["name"]:
        repr(client.device(name))
    return devices


@inputs(600)
@given(body=spoiled(LIST) | objects)
def test_lists_of_devices(answering, body):
    """Frames of the devices and their latest values, their places, each device by its name."""
    found = survives(overview, answering(devices=body) if isinstance(body, dict) else answering())
    assert found is None or found["online"].dtype == bool


@inputs(300)
@given(body=spoiled(PROFILE) | objects)
def test_dataprofiles(answering, body):
    """A profile, its quantities, and a device of it."""
    body = body if isinstance(body, dict) else {}
    profile = survives(Profile, body)
    if profile is not None:
        assert profile.datapoints.map(lambda cell: isinstance(cell, str)).all(axis=None)
        survives(profile.resolve, "Heating_E_J", counted=False)
        profile.find("energy")
    survives(overview, answering(**{"1.2": body}), counted=False)


@inputs(400)
@given(body=spoiled(STATE) | objects)
def test_states(answering, body):
    """The values of a device at a time."""
    client = answering(data=body if isinstance(body, dict) else {})
    survives(lambda: Device(client.connection, DEVICE).state("2018-11-30"))


@inputs(400)
@given(body=spoiled(EVENTS) | objects)
def test_timelines(answering, body):
    """The events of a device, in local time."""
    client = answering(timeline=body if isinstance(body, dict) else {})
    survives(lambda: Device(client.connection, DEVICE).timeline("2018-01-01"))


@inputs(150)
@given(body=spoiled(STATS) | objects)
def test_statistics(answering, body):
    """Counts of the fleet are given as they come."""
    survives(answering(stats=body if isinstance(body, dict) else {}).stats)


@inputs(1000)
@given(body=spoiled(SERIES, most=4) | objects)
def test_histories(body):
    """Every bucket once, numbers or texts."""
    body = body if isinstance(body, dict) else {}
    ids = ["evcloud.210", "evcloud.140"]
    found = survives(fetch, lambda *_: body, "id", ids, START, END, "1h", "last")
    if found is not None:
        assert list(found.columns) == ids
        assert len(found) == len(HOURS)


ECHOES = {
    "from": st.sampled_from([HOURS[0], HOURS[1], 1541030400, 1541030400000, "2018-11-01T01:00:00+01:00"]) | values,
    "to": st.sampled_from(["2018-11-01T04:00:00.000Z", HOURS[3], 1541044800]) | values,
    "resolution": st.sampled_from(["1h", "60m", "PT1H", 3600, "1d", "15m", 100]) | values,
    "deviceId": st.sampled_from(["id", "other"]) | values,
    "aggregation": st.sampled_from(["last", "first", "mean"]) | values,
}
SAME = {
    "from": {HOURS[0], 1541030400, 1541030400000, "2018-11-01T01:00:00+01:00"},
    "to": {"2018-11-01T04:00:00Z", "2018-11-01T04:00:00.000Z", 1541044800},
    "resolution": {"1h", "60m", "PT1H", 3600},
    "deviceId": {"id"},
    "aggregation": {"last"},
}


@inputs(600)
@given(echo=st.fixed_dictionaries({}, optional=ECHOES), inside=st.booleans())
def test_echoes_that_differ(echo, inside):
    """What an answer says of itself is what was asked, or says nothing that can be read; else it is refused."""
    body = copy.deepcopy(SERIES)
    (body["series"][0] if inside else body).update(echo)
    found = survives(fetch, lambda *_: body, "id", ["evcloud.210", "evcloud.140"], START, END, "1h", "last")
    for key, said in echo.items():
        readable = isinstance(said, str | int) and said in {*HOURS, "1d", "15m", 100, "other", "first", "mean"}
        if found is not None and readable:
            assert said in SAME[key], key


@inputs(300)
@given(
    keep=st.lists(st.booleans(), min_size=8, max_size=8),
    spoil=st.lists(st.none() | scalars, min_size=8, max_size=8),
    out=st.sets(st.sampled_from(["evcloud.210", "evcloud.140"])),
)
def test_cut_ranges_take_nothing_away(keep, spoil, out, tmp_path_factory):
    """Whatever an answer lacks of what is kept, or has instead that is no number: what is kept stays."""
    kept, _ = DeviceHistory("d1", "1h", 3600).merged(SPAN, history_of(SERIES), 1_600_000_000, 1_600_000_000)
    body = copy.deepcopy(SERIES)
    for number, series in enumerate(body["series"]):
        rows = zip(series["values"], keep[4 * number :], spoil[4 * number :], strict=False)
        series["values"] = [row if value is None else row | {"value": value} for row, there, value in rows if there]
    body["series"] = [series for series in body["series"] if series["datapointId"] not in out]
    answer = survives(history_of, body) or {}
    after, told = kept.merged(SPAN, answer, 1_600_000_000, 1_600_000_000, out)
    assert told.lacked <= 8
    for key, column in kept.columns.items():
        found = dict(zip(after.times.tolist(), after.columns[key], strict=True))
        for time, value in zip(kept.times.tolist(), column, strict=True):
            new = answer[key].get(pd.Timestamp(time, unit="s", tz="UTC")) if key in answer else None
            assert found[time] == value or found[time] == new
            assert abs(float(found[time])) < 1e18


@inputs(150)
@given(body=spoiled(SERIES, most=4))
def test_histories_that_are_kept(answering, body):
    """Through the store, and what energy and measurements make of them."""
    device = Device(answering(timeseries=body if isinstance(body, dict) else {}).connection, DEVICE)
    survives(lambda: device.energy("heating", "2018-11-01", "2018-11-02"))
    survives(lambda: device.measurements(["power", "t1"], "2018-11-01", "2018-11-01T04:00", "1h"), counted=False)


@inputs(600)
@given(bodies=st.lists(spoiled(EVENTS) | objects, min_size=1, max_size=4))
def test_pages(bodies):
    """Pages that do not add up end; they are not read for ever."""
    pages = iter([body if isinstance(body, dict) else {} for body in bodies])
    survives(collect, lambda *_: next(pages, {}), "/timeline", {}, "the timeline")


@inputs(800)
@given(stamps=st.lists(texts | values, max_size=4))
def test_time_stamps(stamps):
    """A moment in UTC for each, or NaT."""
    found = survives(from_api, stamps)
    assert len(found) == len(stamps)
    assert str(found.dtype) == "datetime64[ns, UTC]"


class Deep:
    """A body of so many thousand nested lists, told in short."""

    def __init__(self, thousands):
        self.thousands = thousands

    def __repr__(self):
        return f"Deep({self.thousands})"


def answer_of(body, status, headers):
    """A response as requests gives it."""
    response = requests.Response()
    response._content = b"[" * 1000 * body.thousands if isinstance(body, Deep) else body
    response.status_code, response.url = status, "https://cloud.invalid/x"
    response.request = requests.Request("POST", response.url).prepare()
    response.headers.update(headers)
    return response


waits = st.one_of(
    texts,
    st.integers().map(str),
    st.datetimes().map(lambda moment: format_datetime(moment)),
    st.text("0123456789 :+-GMTJanFebFri,", max_size=30),
)


@inputs(1000)
@given(
    body=bytes_like(b'{"error": "invalid_token", "message": "no"}') | st.integers(1, 100).map(Deep),
    status=st.sampled_from([200, 204, 301, 400, 401, 403, 404, 418, 429, 500, 503, 599]),
    wait=waits,
)
def test_bodies_and_headers(body, status, wait):
    """Bytes of any kind, statuses of any kind, and anything as the time to wait."""
    response = answer_of(body, status, {"Retry-After": wait, "Content-Type": "application/json"})
    survives(lambda: responses.refusal(response, "it"))
    survives(responses.json_object, response, "it", counted=False)


TOKEN = {"access_token": "a", "refresh_token": "r", "token_type": "Bearer", "expires_in": 86400, "scope": "public.read"}


@inputs(300)
@given(body=spoiled(TOKEN) | objects, status=st.sampled_from([200, 200, 200, 400, 401]))
def test_tokens(answering, body, status):
    """What the token endpoint says: a token, or a reason."""
    import json

    client = answering()
    response = answer_of(json.dumps(body).encode(), status, {"Content-Type": "application/json"})
    with mock.patch("requests.Session.request", return_value=response), mock.patch("belimo_nb.client.retries.pause"):
        survives(client.sign_in)

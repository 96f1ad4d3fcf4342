"""One device: arguments are checked before anything is asked, and answers become frames."""

import contextlib
import dataclasses
import time

import pandas as pd
import pytest
from second_cloud import says
from second_fleet import HEATING, NOW, POWER, PROFILES, T1, T2, VALVE, counter_kwh, iso

import belimo_nb as bn
from belimo_nb.api.history import MissingSeriesWarning, StrangeValueWarning
from belimo_nb.errors import AmbiguousDevice, AnswerError, NoDataError, UnknownDatapoint, UsageError

HISTORY = "/devices/d7Kx01/data/history/timeseries"


@pytest.fixture
def valve(second):
    """The first valve of the second cloud."""
    with contextlib.closing(bn.connect()) as client:
        yield client.device("Heizkreis 01")


def with_units(second, **units):
    """Let the dataprofile of the valves have other units."""
    points = [
        {
            **point,
            "featureValues": point["featureValues"]
            | ({"default.unit": units[point["id"]]} if point["id"] in units else {}),
        }
        for point in PROFILES[VALVE]
    ]
    path = f"/definitions/dataprofiles/{VALVE}"
    second.always(path, says({"id": "Wq8LmZ3a", "version": "2.4", "datapoints": points}))


def without_states(_request, answer):
    """The list of devices without their latest values."""
    body = answer.json
    for device in body["data"]:
        device.pop("state", None)
    return says(body)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda v: v.history([], "2021-01-01", "2021-01-02"), "No datapoint is named"),
        (lambda v: v.history(HEATING, "2021-01-02", "2021-01-01"), "which is not before its end"),
        (lambda v: v.history(HEATING, "2021-01-01", "2021-01-01"), "which is not before its end"),
        (lambda v: v.history(HEATING, "2030-01-01"), "which is not before its end"),
        (lambda v: v.history(HEATING, "January"), "'January' is no date"),
        (lambda v: v.history(HEATING, "2021-02-30", "2021-03-01"), "'2021-02-30' is no date"),
        (
            lambda v: v.history(HEATING, "2021-01-01", "2021-01-02", resolution="hourly"),
            "'hourly' is no length of time",
        ),
        (lambda v: v.history(HEATING, "2000-01-01", "2021-01-02", resolution="1s"), "too many buckets of 1s"),
        (lambda v: v.measurements(["heat"], "2021-01-01", "2021-01-02"), "no quantity 'heat'"),
        (lambda v: v.state(at="noon"), "'noon' is no date"),
        (lambda v: v.energy("warmth"), "'warmth'; use heating or cooling"),
        (lambda v: v.energy("heating", "2021-01-02", "2021-01-01"), "which is not before its end"),
        (lambda v: v.energy("heating", "2031-01-01", "2031-01-02"), "lies in the future"),
        (lambda v: v.energy("heating", "2021-01-01", "2021-01-02", freq="fortnight"), "'fortnight' is no interval"),
        (lambda v: v.energy("heating", "2021-01-01", "2021-01-02", freq="2D"), "'2D' is no interval"),
        (lambda v: v.energy("heating", "2021-01-01", "2021-01-02", tz="Mars/Base"), "'Mars/Base' is no IANA time zone"),
        (lambda v: v.timeline("soon"), "'soon' is no date"),
    ],
)
def test_arguments_that_cannot_be_used(valve, second, call, words):
    """A wrong argument is refused with its value, before any data is asked for."""
    valve.has("heating_energy")  # the dataprofile is there
    before = len(second.requests)
    with pytest.raises(UsageError) as caught:
        call(valve)
    assert words in str(caught.value)
    assert len(second.requests) == before


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("heating", "near matches: 'Heating energy'"),
        ("/hlk/powr", "near matches: '/hlk/power'"),
        ("status", "2 datapoints"),
    ],
)
def test_datapoints_that_the_device_lacks(valve, second, key, words):
    """An unknown or ambiguous datapoint is an error here, since the cloud would say nothing."""
    with pytest.raises(UnknownDatapoint) as caught:
        valve.history([HEATING, key], "2021-01-01", "2021-01-02")
    assert words in str(caught.value)
    assert second.asked(HISTORY) == []


def test_a_series_left_out_of_the_answer(valve, second):
    """A datapoint that the dataprofile has and the cloud leaves out is NaN, with a warning that names it."""
    second.silent.add("pX4v.2")
    with pytest.warns(MissingSeriesWarning, match=r"d7Kx01 lacks pX4v\.2"):
        frame = valve.history([HEATING, "flow"], "2021-01-10", "2021-01-11")
    assert frame["flow"].isna().all()
    assert frame[HEATING].notna().sum() == 23


def test_one_datapoint_under_two_names(valve, second):
    """A datapoint that is named twice is asked for once and given twice."""
    frame = valve.history([HEATING, "heating energy"], "2021-01-10", "2021-01-11")
    assert frame[HEATING].equals(frame["heating energy"])
    assert second.asked(HISTORY)[0].query["datapointIds"] == HEATING


@pytest.mark.parametrize(("unit", "kwh"), [("kWh", 1), ("MWh", 1e3), ("J", 1 / 3.6e6), ("MJ", 1 / 3.6)])
def test_energy_in_the_unit_of_the_profile(valve, second, unit, kwh):
    """The counter's unit comes from the dataprofile, and so do the kWh."""
    with_units(second, **{HEATING: unit, POWER: "MW"})
    frame = valve.energy("heating", "2021-01-10T00:00Z", "2021-01-11T00:00Z", freq="h", tz="UTC")
    start = pd.Timestamp("2021-01-10T00:00Z").timestamp()
    assert frame["kwh"].sum() == pytest.approx((counter_kwh(start + 86400) - counter_kwh(start)) * kwh)


def test_energy_of_an_unknown_unit(valve, second):
    """A counter in a unit that is not known is not used at all."""
    with_units(second, **{HEATING: "furlong"})
    with pytest.raises(NoDataError, match=rf"heating energy, datapoint {HEATING} .*'furlong', an unknown unit"):
        valve.energy("heating", "2021-01-10", "2021-01-11")


def test_energy_faster_than_possible(valve, second):
    """A rise that no valve of its size can make is a jump: marked, not counted."""

    def replaced(_request, answer):
        body = answer.json
        for series in body["series"]:
            if series["datapointId"] == HEATING:
                for row in series["values"]:
                    if row["value"] is not None and row["timestamp"] >= "2021-01-12T06":
                        row["value"] += 50_000
        return says(body)

    second.always(HISTORY, replaced)
    frame = valve.energy("heating", "2021-01-11", "2021-01-14")
    assert frame["quality"].tolist() == ["measured", "jump", "measured"]
    assert (frame["kwh"] < 200).all()


def test_energy_needs_no_power(valve, second):
    """What a rise may be follows from the device's settings: power is not asked for, nor does a month depend on it."""
    frame = valve.energy("heating", "2021-01-11", "2021-01-12")
    assert frame["quality"].tolist() == ["measured"]
    (request,) = second.asked(HISTORY)
    assert request.query["datapointIds"] == f"{HEATING},{T1},{T2}"  # these tell that it lives


def test_text_where_numbers_belong(valve, second):
    """Text in a series is unknown, and told: device, datapoint and how many; numbers that came as text count."""
    texts = {"2021-01-06T10": "12.3 kWh", "2021-01-06T11": "12,3"}

    def written(_request, answer):
        body = answer.json
        for series in body["series"]:
            if series["datapointId"] == HEATING:
                for row in series["values"]:
                    row["value"] = texts.get(row["timestamp"][:13], row["value"])
        return says(body)

    second.always(HISTORY, written)
    with pytest.warns(StrangeValueWarning, match=rf"of Heizkreis 01, 2 of \d+ values of {HEATING} .* '12.3 kWh'"):
        frame = valve.energy("heating", "2021-01-05", "2021-01-14")
    first, last = (pd.Timestamp(day, tz="Europe/Zurich").timestamp() for day in ("2021-01-05", "2021-01-14"))
    assert frame["kwh"].sum() == pytest.approx(counter_kwh(last) - counter_kwh(first))
    assert frame["coverage"].min() < 1
    with pytest.warns(StrangeValueWarning, match="2 of"):
        valve.measurements(["heating_energy"], "2020-12-28", "2021-01-14", "1h")


def test_counters_of_all_kinds(valve, second):
    """All energy counters of a device come at one go; the second cloud's valves have one."""
    assert valve.kinds == ("heating",)
    found = valve.counters("2021-01-10", "2021-01-12")
    assert list(found) == ["heating"]
    assert len(second.asked(HISTORY)) == 1
    assert len(found["heating"].energy("h")) == 48


@pytest.mark.parametrize(
    "body", [{}, {"datapoints": None}, {"datapoints": {"x": None, "y": 5}}, {"timestamp": "soon", "datapoints": {}}]
)
def test_states_with_little_in_them(second, body):
    """A state without values is an empty frame with its columns."""
    second.always("/devices", without_states)
    second.next("/devices/d7Kx01", says({"id": "d7Kx01", "state": body}))
    second.next("/devices/d7Kx01/data", says(body))
    with contextlib.closing(bn.connect()) as client:
        frame = client.device("Heizkreis 01").state()
    assert frame.empty
    assert list(frame.columns) == ["value", "unit", "description"]
    assert pd.isna(frame.attrs["time"])


def test_state_keeps_values_as_they_are(valve, second):
    """Values are as the cloud gives them, whatever their type."""
    points = {"a": {"value": 0}, "b": {"value": ""}, "c": {"value": False}, "d": {"value": 1.5}, "e": {}}
    second.next("/devices/d7Kx01", says({"state": {"timestamp": iso(NOW), "datapoints": points}}))
    found = valve.state()["value"]
    assert found.tolist() == [0, "", False, 1.5, None]
    assert [type(value) for value in found[:4]] == [int, str, bool, float]


def test_an_empty_timeline(valve, second):
    """A device to which nothing happened has an empty timeline with its columns and types."""
    second.always("/devices/d7Kx01/timeline", says({"data": [], "paging": {"total": 0}}))
    frame = valve.timeline()
    assert frame.empty
    assert list(frame.columns) == ["time", "type", "details"]
    assert str(frame["time"].dt.tz) == "Europe/Zurich"


def test_events_are_asked_for_once_in_five_minutes(valve, second, monkeypatch):
    """A notebook that looks at them in several cells spends one request, and shows what came since later on."""
    path = "/devices/d7Kx01/timeline"
    asked = [len(valve.timeline()), len(valve.timeline(end="2021-01-01")), len(valve.troubles())]
    assert asked[0] > 0
    assert [request.path for request in second.requests].count(path) == 1
    monkeypatch.setattr("belimo_nb.cloud.connection.monotonic", lambda: time.monotonic() + 301)
    second.always(path, says({"data": [], "paging": {"total": 0}}))
    valve.timeline()
    assert [request.path for request in second.requests].count(path) == 2


@pytest.mark.parametrize("key", ["id", "deviceId"])
def test_the_state_of_another_device(key, valve, second):
    """A device that answers under another id is not shown as this one, now or at a time; the sentence names both."""
    for path, at in ((f"/devices/{valve.id}", None), (f"/devices/{valve.id}/data", "2021-01-01")):
        second.always(path, says({key: "another", "state": {"datapoints": {}}, "datapoints": {}}))
        with pytest.raises(AnswerError, match=rf"the {key} 'another', not '{valve.id}'; nothing of it is used"):
            valve.state(at)


@pytest.mark.parametrize("named", [{"id": "other"}, {"version": "9.9"}, {"ref": "other/2.4"}])
def test_a_dataprofile_that_is_another(named, valve, second):
    """What names itself another dataprofile is an error and not kept, and one that was kept is asked for again."""
    ref = f"/definitions/dataprofiles/{VALVE}"
    body = {"id": "Wq8LmZ3a", "version": "2.4", "ref": VALVE, "datapoints": PROFILES[VALVE]}
    documents = valve._connection._documents
    documents.write(f"profile {ref}", 0, body | named)
    second.always(ref, says(body | named))
    with pytest.raises(AnswerError, match=rf"the {next(iter(named))} '{next(iter(named.values()))}'; nothing of it"):
        _ = valve.profile
    second.always(ref, says(body))
    assert valve.profile.ref == VALVE
    assert documents.read(f"profile {ref}").body == body


def test_summary(valve):
    """Its own row of the list of devices."""
    assert valve.summary["name"] == "Heizkreis 01"
    assert valve.summary["online"]


def test_what_is_shown_is_printable(second):
    """No representation of a device or its dataprofile turns text or drives a terminal."""
    strange = "a\x9b1m\u202eb\x1b[31m\r\u2028"

    def renamed(_, answer):
        body = answer.json
        for device in body["data"]:
            device |= {"displayName": strange, "serialNumber": strange + device["id"], "projectName": strange}
            device.get("dataprofile") and device["dataprofile"].update(displayName=strange)
        return says(body)

    second.always("/devices", renamed)
    second.always(f"/definitions/dataprofiles/{VALVE}", lambda _, answer: says({**answer.json, "name": strange}))
    with contextlib.closing(bn.connect()) as client:
        device = client.device("d7Kx01")
        for shown in (repr(device), repr(device.profile), device._repr_html_()):
            assert shown.isprintable()


def test_html_is_escaped(second):
    """A name that contains HTML is shown, not run."""

    def renamed(_request, answer):
        body = answer.json
        body["data"][0]["displayName"] = "<script>alert(1)</script>"
        return says(body)

    second.always("/devices", renamed)
    with contextlib.closing(bn.connect()) as client:
        shown = client.device("d7Kx01")._repr_html_()
        with pytest.raises(AmbiguousDevice, match="<script>"):
            client.device("script")
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_settings_in_use(valve):
    """A device goes by the settings of its cloud: dates are local to the site."""
    other = dataclasses.replace(valve._connection.settings, timezone="America/New_York")
    with contextlib.closing(bn.Cloud(other)) as client:
        frame = client.device("Heizkreis 01").energy("heating", "2021-03-13", "2021-03-16")
    assert list(frame.index) == list(pd.date_range("2021-03-13", periods=3, freq="D", tz="America/New_York"))


@pytest.mark.parametrize(
    ("listed", "own", "seen"),
    [(60, 30, "own"), (30, 60, "list"), (60, None, "list"), (None, 60, "own"), (None, None, "snapshot")],
)
def test_the_present(second, listed, own, seen):
    """The newest of the list's state and the device's own; the daily snapshot only where there is neither."""

    def state(age, word):
        return {} if age is None else {"timestamp": iso(NOW - age), "datapoints": {"x.1": {"value": word}}}

    def changed(_request, answer):
        body = answer.json
        for device in body["data"]:
            device["state"] = state(listed, "list")
        return says(body)

    second.always("/devices", changed)
    second.always("/devices/d7Kx01", says({"id": "d7Kx01", "state": state(own, "own")}))
    second.always("/devices/d7Kx01/data", says(state(36_000, "snapshot")))
    with contextlib.closing(bn.connect()) as client:
        frame = client.device("Heizkreis 01").state()
    assert frame["value"].tolist() == [seen]
    age = {"list": listed, "own": own, "snapshot": 36_000}[seen]
    assert frame.attrs["time"] == pd.Timestamp(NOW - age, unit="s", tz="UTC")


def test_a_cloud_without_single_devices(second):
    """Where the device itself is refused, the list's state is the present."""
    second.always("/devices/d7Kx01", says({"message": "No."}, 403))
    with contextlib.closing(bn.connect()) as client:
        assert client.device("Heizkreis 01").state().loc[HEATING, "value"] == counter_kwh(NOW)

"""The complete client against a cloud that is not the demo cloud: it assumes nothing that only the demo cloud does."""

import contextlib
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from second_fleet import BEGIN, DEVICES, HEATING, MODE, NOW, RESET, VALVE, counter_kwh, epoch, power_kw

import belimo_nb as bn
from belimo_nb.cli import cli
from belimo_nb.errors import NoDataError

ZURICH = "Europe/Zurich"
HISTORY = "/devices/d7Kx01/data/history/timeseries"


@pytest.fixture
def valve(client):
    """Its first valve."""
    return client.device("Heizkreis 01")


def truth_kwh(edges):
    """The energy between neighboring moments, by construction of the second cloud."""
    seconds = [moment.timestamp() for moment in edges]
    return [counter_kwh(after) - counter_kwh(before) for before, after in itertools.pairwise(seconds)]


def test_user_and_stats(client):
    """Who is signed in and the counts of the fleet come as the API gives them."""
    assert client.user()["lastName"] == "Muster"
    assert client.stats()["connection"] == {"offline": 4, "online": 19}
    assert client.source.startswith("127.0.0.1:")


def test_devices_over_all_pages(client, second):
    """Pages of ten, whatever is asked, are read to the last device, in the cloud's order."""
    frame = client.devices()
    assert list(frame.index) == [device["id"] for device in DEVICES]
    assert [request.query["offset"] for request in second.asked("/devices")] == ["0", "10", "20"]
    columns = "name serial type profile health note last_seen online project city country"
    assert list(frame.columns) == columns.split()
    assert frame.index.name == "id"


def test_devices_with_fields_missing(client):
    """What the cloud leaves out is None, NaT or the next best name, never an error."""
    frame = client.devices()
    assert frame.loc["d7Kx16", "name"] == "SN-0016-K"
    assert frame.loc["d7Kx22", "serial"] is None
    assert frame.loc["d7Kx17", "profile"] is None
    assert frame.loc["d7Kx18", "profile"] is None
    assert frame.loc["d7Kx22", "project"] is None
    assert frame.loc["d7Kx01", "note"] is None
    assert frame.loc["d7Kx19", ["health", "note"]].tolist() == ["WARNING", "Flow too low"]
    assert frame.loc["d7Kx20", "health"] == "UNKNOWN"
    assert pd.isna(frame.loc["d7Kx19", "last_seen"])
    assert str(frame["last_seen"].dt.tz) == "UTC"
    assert frame["online"].dtype == bool
    assert set(frame.index[~frame["online"]]) == {"d7Kx18", "d7Kx19", "d7Kx20", "d7Kx21"}


def test_search(client, second):
    """A search is the cloud's, unless a name may spell it otherwise; none, or a blank one, is not sent at all."""
    assert list(client.devices(search="tung west")["name"]) == ["Lüftung West", "Lüftung West"]
    for typed in ("lüftung", "LUEFTUNG"):
        assert list(client.devices(search=typed)["name"]) == ["Lüftung West", "Lüftung West", "Lüftung Ost"]
    assert len(client.devices(search="  ")) == 23
    queries = [request.query.get("search") for request in second.asked("/devices")]
    assert queries == ["tung west", *[None] * 9]  # the complete list has three pages


def test_search_without_result(client):
    """Nothing found is an empty frame with the same columns and types."""
    none, some = client.devices(search="Kühldecke"), client.devices()
    assert none.empty
    assert (none.dtypes == some.dtypes).all()


def test_latest_in_display_units(client, second):
    """Latest values come from the list alone, converted from the units that the dataprofile names."""
    frame = client.latest()
    assert list(frame.columns) == [
        *("name", "time", "power_kw", "flow_m3h", "t1_c", "t2_c", "delta_t_k"),
        *("position_pct", "heating_kwh", "cooling_kwh"),
    ]
    row = frame.loc["d7Kx01"]
    assert row["flow_m3h"] == pytest.approx(20 * power_kw(NOW // 3600 - 1) * 0.06)
    assert row["t1_c"] == 55.5
    assert row["position_pct"] == 62.5
    assert row["heating_kwh"] == counter_kwh(NOW)
    assert row["time"] == pd.Timestamp(NOW, unit="s", tz="UTC")
    assert row[["power_kw", "delta_t_k", "cooling_kwh"]].isna().all()
    assert frame.loc[["d7Kx17", "d7Kx18", "d7Kx20"]].drop(columns=["name", "time"]).isna().all(axis=None)
    paths = [request.path for request in second.requests if request.method == "GET"]
    assert len([path for path in paths if path == "/devices"]) == 3
    assert len(paths) == 3 + 2  # and each dataprofile once


def test_latest_is_fresh(client, second):
    """Asked again for all devices, it asks the cloud again; for some of a list, it takes that list."""
    frame = client.devices("Heizkreis 0")
    client.latest()
    before = len(second.asked("/devices"))
    client.latest()
    assert len(second.asked("/devices")) == 2 * before - 1
    assert list(client.latest(frame).index) == list(frame.index)
    assert list(client.latest(["d7Kx02"])["name"]) == ["Heizkreis 02"]
    assert len(second.asked("/devices")) == 2 * before - 1


def test_energy_valves(client):
    """Devices with a heating or cooling counter, by what their dataprofiles say."""
    frame = client.energy_valves()
    assert set(client.devices().index) - set(frame.index) == {"d7Kx17", "d7Kx18", "d7Kx20"}
    assert frame["heating"].all()
    assert not frame["cooling"].any()


@pytest.mark.parametrize(
    ("key", "identifier"),
    [
        ("d7Kx03", "d7Kx03"),
        ("SN-0004-K", "d7Kx04"),
        ("sn-0016-k", "d7Kx16"),
        ("Heizkreis 05", "d7Kx05"),
        ("  heizKREIS 06 ", "d7Kx06"),
        ("kreis 07", "d7Kx07"),
        ("Lüftung O", "d7Kx23"),
        ("gateway ö", "d7Kx20"),
    ],
)
def test_device_by(client, key, identifier):
    """A device is found by id, serial number, name or a part of the name, whatever the case."""
    assert client.device(key).id == identifier


def test_datapoints(client, valve, second):
    """Datapoints with their meaning, line breaks in descriptions smoothed; the dataprofile is asked for once."""
    assert list(valve.datapoints.columns) == ["name", "description", "unit", "access", "type"]
    assert valve.datapoints.loc[HEATING].tolist() == ["/hlk/heating_energy", "Heating energy", "kWh", "r", "real"]
    assert valve.datapoints.loc["pX4v.4", "description"] == "Temperature 2, embedded"
    assert valve.datapoints.loc["pX4v.3", "description"] == ""
    assert list(valve.find("ENERGY").index) == ["pX4v.20", HEATING]
    assert client.device("Heizkreis 02").profile is valve.profile
    assert len(second.asked(f"/definitions/dataprofiles/{VALVE}")) == 1


def test_datapoints_are_a_copy(valve):
    """Who changes the frame changes no one else's."""
    mine = valve.datapoints
    mine["unit"] = "furlong"
    assert "furlong" not in set(valve.datapoints["unit"])


def test_state(valve, second):
    """The values now, in the dataprofile's order, then those it does not know."""
    frame = valve.state()
    assert list(frame.columns) == ["value", "unit", "description"]
    assert list(frame.index) == [*valve.datapoints.index, "metadata.1001"]
    assert frame.loc[HEATING].tolist() == [counter_kwh(NOW), "kWh", "Heating energy"]
    assert frame.loc[MODE, "value"] == "CLOSE"
    assert frame.loc[RESET, "value"] is True
    assert frame.loc["metadata.1001"].tolist() == [None, "", ""]
    assert frame.attrs["time"] == pd.Timestamp(NOW, unit="s", tz="UTC")
    assert second.asked("/devices/d7Kx01")
    assert not second.asked("/devices/d7Kx01/data"), "a daily snapshot, older than the device's own state"


def test_state_at(valve, second):
    """The values at a local time; the cloud is asked in UTC."""
    frame = valve.state(at="2021-02-01")
    assert second.asked("/devices/d7Kx01/data")[-1].query == {"at": "2021-01-31T23:00:00Z"}
    assert frame.attrs["time"] == pd.Timestamp("2021-01-31T23:00:00Z")
    assert frame.loc[HEATING, "value"] == counter_kwh(epoch("2021-01-31T23:00:00+00:00"))


def test_state_of_a_device_without_profile(client):
    """Values without a dataprofile come without units."""
    frame = client.device("Ohne Profil").state()
    assert frame.loc[HEATING].tolist() == [counter_kwh(NOW), "", ""]


def test_history(valve, second):
    """Rows in order on a complete grid, doubles resolved, nulls as NaN or None, columns as they were named."""
    keys = ["heating_energy", MODE, "Triggers reset of device", "/hlk/info/status"]
    frame = valve.history(keys, "2021-01-10", "2021-01-12")
    assert list(frame.columns) == keys
    begins = pd.date_range("2021-01-09T23:00Z", periods=48, freq="h")
    assert list(frame.index) == list(begins)
    assert frame.index.name == "time"
    empty = begins.hour == 12
    expected = np.array([counter_kwh(time.timestamp() + 3600) for time in begins])
    assert frame["heating_energy"].dtype == float
    np.testing.assert_array_equal(frame["heating_energy"][~empty], expected[~empty])
    assert frame["heating_energy"][empty].isna().all()
    assert frame[MODE].tolist() == [None if gap else "CLOSE" for gap in empty]
    assert set(frame["Triggers reset of device"][~empty]) == {True}
    (request,) = second.asked(HISTORY)
    assert request.query == {
        "datapointIds": ",".join([HEATING, MODE, RESET, "pX4v.21"]),
        "from": "2021-01-09T23:00:00Z",
        "to": "2021-01-12T00:00:00Z",  # a bucket more: it witnesses that the last one is final
        "resolution": "1h",
        "aggregation": "last",
    }


def test_history_of_more_than_one_answer(valve, second):
    """A range of more buckets than an answer holds is asked for in pieces that meet exactly."""
    frame = valve.history(HEATING, pd.Timestamp(BEGIN, unit="s", tz="UTC"), "2021-04-01T00:00Z")
    spans = [(request.query["from"], request.query["to"]) for request in second.asked(HISTORY)]
    assert sorted(spans) == [
        ("2020-01-01T00:00:00Z", "2021-02-20T16:00:00Z"),
        ("2021-02-20T16:00:00Z", "2021-04-01T01:00:00Z"),
    ]
    assert len(frame) == 456 * 24
    expected = [counter_kwh(time.timestamp() + 3600) for time in frame.index]
    known = frame.index.hour != 12
    np.testing.assert_array_equal(frame[HEATING][known], np.array(expected)[known])


def test_history_begins_with_the_bucket_that_contains_the_start(valve):
    """A start inside a bucket brings the whole bucket, and so does an end."""
    frame = valve.history(HEATING, "2021-01-10T06:10Z", "2021-01-10T08:20Z")
    assert list(frame.index) == list(pd.date_range("2021-01-10T06:00Z", "2021-01-10T08:00Z", freq="h"))


def test_history_without_end(valve):
    """Without an end it goes up to now."""
    frame = valve.history(HEATING, "2021-04-15T08:00Z")
    assert frame.index[-1] == pd.Timestamp("2021-04-15T11:00Z")


def test_measurements(valve):
    """Quantities in display units at the ends of their buckets; NaN for what the device does not measure."""
    frame = valve.measurements(["power", "flow", "delta_t", "t1", "t2", "position"], "2021-01-10", "2021-01-11")
    assert list(frame.columns) == ["power_kw", "flow_m3h", "delta_t_k", "t1_c", "t2_c", "position_pct"]
    assert frame["delta_t_k"].isna().all()
    assert frame.index[0] == pd.Timestamp("2021-01-10T00:15", tz=ZURICH)
    assert frame.index[-1] == pd.Timestamp("2021-01-11", tz=ZURICH)
    power = power_kw(int(pd.Timestamp("2021-01-10T06:00Z").timestamp()) // 3600)
    assert frame.loc["2021-01-10T07:15", "power_kw"] == power
    assert frame.loc["2021-01-10T07:15", "flow_m3h"] == pytest.approx(20 * power * 0.06)
    assert frame.loc["2021-01-10T07:15", ["t1_c", "t2_c"]].tolist() == [55.5, 41.25]


def test_measurements_of_nothing(client, second):
    """A device that measures none of it has the same frame, all unknown, and no question is asked for it."""
    frame = client.device("Gateway Öl").measurements(["power", "t1"], "2021-01-10", "2021-01-11", resolution="1h")
    assert frame.isna().all(axis=None)
    assert frame.shape == (24, 2)
    assert not [request for request in second.requests if request.path.endswith("timeseries")]


@pytest.mark.parametrize(
    ("start", "end", "hours"), [("2021-03-26", "2021-04-02", 167), ("2020-10-23", "2020-10-30", 169)]
)
def test_daily_energy_across_a_clock_change(valve, second, start, end, hours):
    """Local days of 23 and 25 hours have exactly the energy that the second cloud's counter made in them."""
    frame = valve.energy("heating", start, end)
    edges = pd.date_range(start, end, freq="D", tz=ZURICH)
    assert list(frame.index) == list(edges[:-1])
    assert (edges[-1] - edges[0]) == pd.Timedelta(hours=hours)
    np.testing.assert_allclose(frame["kwh"], truth_kwh(edges), rtol=0, atol=1e-6)
    assert (frame["coverage"] == 1).all()
    assert (frame["quality"] == "measured").all()
    (request,) = second.asked(HISTORY)
    assert request.query["resolution"] == "1h"
    assert pd.Timestamp(request.query["from"]) == edges[0] - pd.Timedelta(days=7, hours=1)  # and a bucket ahead
    assert pd.Timestamp(request.query["to"]) == edges[-1] + pd.Timedelta(days=5, hours=1)  # and one behind


def test_monthly_energy_is_the_sum_of_its_days(valve):
    """Months of a year have exactly the energy of their local days."""
    months = valve.energy("heating", "2020-02-01", "2021-02-01", freq="MS")
    days = valve.energy("heating", "2020-02-01", "2021-02-01")
    edges = pd.date_range("2020-02-01", "2021-02-01", freq="MS", tz=ZURICH)
    np.testing.assert_allclose(months["kwh"], truth_kwh(edges), rtol=0, atol=1e-6)
    assert days["kwh"].sum() == pytest.approx(months["kwh"].sum(), abs=1e-6)


@pytest.mark.parametrize(
    ("zone", "resolution"),
    [
        ("UTC", "1h"),
        ("America/New_York", "1h"),
        ("America/Santiago", "1h"),
        ("Asia/Kolkata", "15m"),
        ("Australia/Lord_Howe", "15m"),
    ],
)
def test_energy_in_another_zone(valve, second, zone, resolution):
    """Days of any zone are exact; where they begin between full hours, finer readings are fetched."""
    frame = valve.energy("heating", "2021-03-10", "2021-04-06", tz=zone)
    edges = pd.date_range("2021-03-10", "2021-04-06", freq="D", tz=zone)
    np.testing.assert_allclose(frame["kwh"], truth_kwh(edges), rtol=0, atol=1e-6)
    assert {request.query["resolution"] for request in second.asked(HISTORY)} == {resolution}


def test_energy_of_short_intervals(valve, second):
    """Intervals shorter than an hour are cut from finer readings."""
    frame = valve.energy("heating", "2021-01-10T06:00", "2021-01-10T08:00", freq="30min")
    edges = pd.date_range("2021-01-10T06:00", "2021-01-10T08:00", freq="30min", tz=ZURICH)
    np.testing.assert_allclose(frame["kwh"], truth_kwh(edges), rtol=0, atol=1e-6)
    assert second.asked(HISTORY)[0].query["resolution"] == "15m"


@pytest.mark.slow
def test_energy_defaults(valve):
    """Without a range it is the last 12 full months, by day."""
    frame = valve.energy()
    assert frame.index[0] == pd.Timestamp("2020-04-01", tz=ZURICH)
    assert frame.index[-1] == pd.Timestamp("2021-03-31", tz=ZURICH)


def test_energy_up_to_now(valve):
    """The day that is under way is partial: its figure is what is known so far."""
    frame = valve.energy("heating", "2021-04-13", "2021-04-16")
    assert frame["quality"].tolist() == ["measured", "measured", "partial"]
    assert frame["kwh"].isna().tolist() == [False, False, False]
    assert 0 < frame["coverage"].iloc[2] < 1


def test_energy_while_the_clock_is_set_back(monkeypatch, second):
    """In the hour before the doubled one, "now" is as good as at any other time."""
    monkeypatch.setenv("BELIMO_NOW", "2020-10-24T23:30:00Z")
    with contextlib.closing(bn.connect()) as client:
        frame = client.device("Heizkreis 01").energy("heating", "2020-10-24", "2020-10-26")
    assert frame["quality"].tolist() == ["measured", "partial"]


def test_energy_before_the_counter(valve):
    """Before the first reading energy is unknown, not zero."""
    frame = valve.energy("heating", "2019-12-30", "2020-01-03")
    assert frame["quality"].tolist() == ["missing", "missing", "partial", "measured"]
    assert frame["kwh"].isna().tolist() == [True, True, False, False]
    assert frame["coverage"].tolist()[:2] == [0, 0]


def test_counters_of_several_devices(client):
    """Counters of several devices, with the reason for each that cannot be had."""
    found = client.counters(["d7Kx01", "d7Kx02", "d7Kx17", "d7Kx20"], "heating", "2021-01-10", "2021-01-12")
    assert list(found) == ["Heizkreis 01", "Heizkreis 02"]
    assert set(found.failures) == {"Ohne Profil", "Gateway Öl"}
    edges = pd.date_range("2021-01-10", "2021-01-12", freq="D", tz=ZURICH)
    np.testing.assert_allclose(found.energy("D")["kwh"]["Heizkreis 02"], truth_kwh(edges), rtol=0, atol=1e-6)


def test_timeline(valve, second):
    """What happened, oldest first, over all pages; details may be missing."""
    frame = valve.timeline("2020-01-01", "2021-01-01")
    assert list(frame.columns) == ["time", "type", "details"]
    assert frame["time"].is_monotonic_increasing
    assert str(frame["time"].dt.tz) == ZURICH
    assert frame["details"].iloc[-1] == {}
    query = second.asked("/devices/d7Kx01/timeline")[0].query
    assert "from" not in query  # all of it is asked for, and kept
    assert frame["time"].between(pd.Timestamp("2020-01-01", tz=ZURICH), pd.Timestamp("2021-01-01", tz=ZURICH)).all()
    assert query["sortDirection"] == "ASC"


@pytest.mark.parametrize("key", ["Ohne Profil", "Profil leer"])
def test_a_device_without_a_profile(client, key):
    """A device that never said what its datapoints mean has an entry and a state, but no datapoints."""
    device = client.device(key)
    assert not device.has_profile
    assert not device.has("heating_energy")
    for ask in (
        lambda: device.datapoints,
        lambda: device.energy("heating"),
        lambda: device.history(HEATING, "2021-01-01"),
    ):
        with pytest.raises(NoDataError, match="never reported a dataprofile"):
            ask()


@pytest.mark.parametrize(("key", "kind"), [("Gateway Öl", "heating"), ("Heizkreis 01", "cooling")])
def test_a_device_without_such_energy(client, key, kind):
    """A device without the counter says so, and which dataprofile it goes by."""
    with pytest.raises(NoDataError, match=f"no {kind} energy counter") as caught:
        client.device(key).energy(kind, "2021-01-01", "2021-02-01")
    assert key in str(caught.value)


def test_only_documented_paths_and_ids(client, second):
    """A whole session asks for nothing but what the description has, with the ids of this cloud."""
    client.user()
    client.stats()
    client.latest()
    valve = client.device("Heizkreis 02")
    valve.state()
    valve.timeline()
    valve.energy("heating", "2021-01-01", "2021-02-01")
    assert second.grants == ["password"]
    paths = {request.path for request in second.requests[1:]}
    assert paths == {
        "/user",
        "/devices",
        "/devices/stats",
        "/devices/d7Kx02",
        "/devices/d7Kx02/data/history/timeseries",
        "/devices/d7Kx02/timeline",
        "/definitions/dataprofiles/Wq8LmZ3a/2.4",
        "/definitions/dataprofiles/Gk1/0.9",
    }
    assert not any("evcloud" in str(request.query) for request in second.requests)


def test_objects_show_what_they_are(client, valve, second):
    """Plain and HTML representations name the object and its source."""
    assert repr(valve) == "<Device 'Heizkreis 01', serial SN-0001-K, acme/Wq8LmZ3a/2.4>"
    assert "Heizkreis 01" in valve._repr_html_()
    assert "never" in client.device("Nie gesehen")._repr_html_()
    assert repr(client.device("Ohne Profil")).endswith("device without a dataprofile>")
    assert second.environment()["BELIMO_USERNAME"] in repr(client)
    assert "Europe/Zurich" in client._repr_html_()
    assert repr(valve.profile) == "<Profile Wq8LmZ3a/2.4 'acme.hlk', 13 datapoints>"


def test_command_line(second):
    """The command line works on this cloud as well: sign in, list, fetch."""
    runner = CliRunner()
    login = runner.invoke(cli, ["login"])
    assert login.exit_code == 0, login.output
    assert "Anna Muster" in login.stdout
    assert "23 devices" in login.stdout
    listed = runner.invoke(cli, ["devices", "--json"])
    assert listed.exit_code == 0, listed.output
    assert [row["id"] for row in json.loads(listed.stdout)] == [device["id"] for device in DEVICES]
    fetched = runner.invoke(cli, ["sync", "--device", "Heizkreis 01", "--from", "2021-01-01", "--to", "2021-01-08"])
    assert fetched.exit_code == 0, fetched.output
    assert len(second.asked(HISTORY)) == 1
    assert second.grants == ["password"]  # once, and kept for the other commands


def test_login_does_not_trust_a_kept_token(second, monkeypatch):
    """`belimo-nb login` says whether the credentials are good now, not whether they were."""
    assert CliRunner().invoke(cli, ["login"]).exit_code == 0
    monkeypatch.setenv("BELIMO_PASSWORD", "changed meanwhile")
    login = CliRunner().invoke(cli, ["login"])
    assert login.exit_code == 3
    assert "refused to sign in" in login.stderr
    assert login.stdout == ""

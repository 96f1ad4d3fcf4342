"""A device that changes hands gets a new id: what was kept under the old one is its history, by serial number."""

import contextlib
import json

import numpy as np
import pandas as pd
import pytest
from second_cloud import says
from second_fleet import HEATING, T1, epoch

import belimo_nb as bn
from belimo_nb import summary
from belimo_nb.errors import NoDataError
from belimo_nb.store.disk import StoreWarning

OLD, NEW = "d7Kx01", "d7Kx99"
MOVED = pd.Timestamp("2021-03-10T09:00Z")
START, END = "2021-03-01", "2021-03-20"


def transfer(second, since=MOVED, change=lambda value: value):
    """From now on the cloud's first valve has another id, under which it reports since a moment."""
    first = second._devices

    def devices(request, _):
        body = first(request).json
        for device in body["data"]:
            device["id"] = NEW if device["id"] == OLD else device["id"]
        return says(body)

    def timeseries(request, _):
        body = second._timeseries(request, {"dataprofile": {"entityId": "Wq8LmZ3a/2.4"}}).json
        for series in body["series"]:
            rows = [row for row in series["values"] if epoch(row["timestamp"]) >= since.timestamp()]
            series["values"] = [{**row, "value": change(row["value"])} for row in rows]
        return says(body)

    second.always("/devices", devices)
    second.always(f"/devices/{NEW}/data/history/timeseries", timeseries)
    second.always(f"/devices/{OLD}/data/history/timeseries", says({"message": "gone"}, 404))


def connected(**options):
    """A client, as a new program would connect."""
    return contextlib.closing(bn.connect(**options))


@pytest.fixture
def before(second):
    """What the first valve's energy and power were before it changed hands; kept in the store."""
    with connected() as cloud:
        valve = cloud.device("Heizkreis 01")
        assert cloud.connection.transferred(valve.id) is None
        return valve.energy("heating", START, END), valve.measurements(["power", "t1"], START, END, "1h")


@pytest.mark.parametrize("offline", [False, True])
def test_history_is_joined(second, before, offline):
    """Energy, measurements and history are the same under the new id, online and offline."""
    transfer(second)
    with connected() as cloud:
        cloud.device("Heizkreis 01").energy("heating", START, END)
        cloud.device("Heizkreis 01").measurements(["power", "t1"], START, END, "1h")
    with connected(offline=offline) as cloud:
        valve = cloud.device("Heizkreis 01")
        assert valve.id == NEW
        pd.testing.assert_frame_equal(valve.energy("heating", START, END), before[0])
        pd.testing.assert_frame_equal(valve.measurements(["power", "t1"], START, END, "1h"), before[1])
        early = valve.history(T1, "2021-03-02", "2021-03-03", "1h")[T1]
        assert (early.dropna() == 55.5).all()
        assert len(early.dropna()) == 23


def test_the_report_says_since_when(second, before):
    """The header of a device's report names the day, and of other devices nothing."""
    transfer(second)
    with connected() as cloud:
        valve = cloud.device("Heizkreis 01")
        days = cloud.device("Heizkreis 01").counters(START, END).energy()
        period = cloud.period(START, END)
        text = summary.device_header(cloud, valve, period, days).text()
        assert "before 2021-03-10 that of its id before it changed hands" in text
        other = cloud.device("Heizkreis 02")
        assert "changed hands" not in summary.device_header(cloud, other, period, days).text()


def test_the_reports_of_fleets_say_since_when(second, before):
    """The table of incidents, which heating reports show, and the overview's note name the valve and the day, once."""
    transfer(second)
    with connected() as cloud:
        devices = cloud.devices()
        counters = cloud.counters(
            devices.loc[devices["name"].isin(["Heizkreis 01", "Heizkreis 02"])], "heating", START, END
        )
        moved = counters.incidents().query("what == 'transfer'")
        assert moved["device"].tolist() == ["Heizkreis 01"]
        assert moved["from"].iloc[0].date() == MOVED.date()
        told = summary.incident_table(
            counters.incidents(), *(pd.Timestamp(day, tz="Europe/Zurich") for day in (START, END))
        )
        assert told.text().count("changed hands") == 1
        note = summary.survey_note(cloud.survey(devices, START, END)).text()
        assert note.count("changed hands") == 1
        assert "Heizkreis 01 changed hands on 2021-03-10: what was before" in note
        later = summary.survey_note(cloud.survey(devices, "2021-03-12", END)).text()
        assert "changed hands" not in later


def test_several_transfers_and_lists_in_between(second, before):
    """Ids of earlier lists are kept, whatever later lists name; the store keeps everything."""
    transfer(second)
    with connected() as cloud:
        cloud.devices()
        store = cloud.connection.archive.store
        folder = store.path(OLD, "1h")
        assert folder.exists()
        kept = cloud.connection.device_list.earlier_ids({"id": NEW, "serialNumber": "SN-0001-K"})
        assert kept == (OLD,)
        assert cloud.connection.device_list.earlier_ids({"id": "d7Kx02", "serialNumber": "SN-0002-K"}) == ()
    index = next(path for path in cloud.connection._documents.folder.iterdir() if path.name == "serials.json")
    assert json.loads(index.read_text())["body"][OLD] == "SN-0001-K"


def test_two_devices_with_one_serial_number_share_nothing(second, before):
    """A serial number that comes twice in a list says nothing of history."""
    transfer(second)
    listed = second._always["/devices"]

    def twice(request, real):
        body = listed(request, real).json
        for device in body["data"]:
            if device["id"] == "d7Kx02":
                device["serialNumber"] = "SN-0001-K"
        return says(body)

    second.always("/devices", twice)
    with connected() as cloud:
        assert cloud.device(NEW).energy("heating", START, "2021-03-05")["kwh"].isna().all()


def test_conflicts_are_told(second, before):
    """Readings that both ids have and that differ are told; those of the present id count."""
    transfer(second, since=pd.Timestamp("2021-03-05T00:00Z"), change=lambda value: value and value + 1)
    with connected() as cloud:
        valve = cloud.device("Heizkreis 01")
        with pytest.warns(StoreWarning, match="differ from those kept under its earlier id d7Kx01"):
            found = valve.history(HEATING, START, "2021-03-10", "1h")[HEATING]
        with connected(offline=True) as offline, pytest.warns(StoreWarning, match="differ"):
            same = offline.device("Heizkreis 01").history(HEATING, START, "2021-03-10", "1h")[HEATING]
    pd.testing.assert_series_equal(found, same)
    steps = found.dropna().diff().dropna()
    assert np.isclose(steps.max(), steps.median() + 1, atol=6)


def test_offline_from_the_old_id_alone(second, before):
    """A store that holds only what came before answers offline, and says what it lacks."""
    transfer(second)
    with connected() as cloud:
        cloud.devices()
    with connected(offline=True) as cloud:
        frame = cloud.device("Heizkreis 01").history(HEATING, START, "2021-03-05", "1h")
        assert frame[HEATING].notna().sum() == 4 * 23
        with pytest.raises(NoDataError):
            cloud.device("Heizkreis 02").history(HEATING, START, "2021-03-05", "1h")


def test_survey_of_a_fleet(second):
    """The overview counts what came before the transfer, as the device itself does."""
    with connected() as cloud:
        whole = cloud.survey(cloud.devices().loc[[OLD]], START, END).valves[OLD]
    assert whole.kwh["heating"] > 0
    transfer(second)
    with connected() as cloud:
        found = cloud.survey(cloud.devices().loc[[NEW]], START, END).valves[NEW]
        assert cloud.device(NEW).energy("heating", START, END)["kwh"].sum() == pytest.approx(found.kwh["heating"])
    assert found.kwh == pytest.approx(whole.kwh)
    assert found.coverage == whole.coverage

"""A dataprofile that changes in mid-history: each part is read as the one that was in force means it."""

import numpy as np
import pandas as pd
import pytest

import belimo_nb as bn
from belimo_nb.client.transport import Transport
from belimo_nb.store import Store, parquet
from belimo_nb.store.archive import HistoryQuery, LastContact
from belimo_nb.store.device_history import DeviceHistory
from belimo_nb.store.meaning import Meaning, guessed, noted, placed, sources, translated

VALVE = "Energieventil Heizung 2.OG Nord-West"
OLD, NEW = "/definitions/dataprofiles/energyvalve3/1.2", "/definitions/dataprofiles/energyvalve3/2.0"
STAY = ("evcloud.20", "evcloud.170")  # a setting, of which the list tells, and a difference of temperatures
HOUR = 3600
FIRST, SECOND = pd.Timestamp("2018-11-20T10:00Z"), pd.Timestamp("2018-11-27T10:00Z")
QUANTITIES = ("power", "flow", "t1", "t2", "delta_t", "position", "heating_energy")
IN_THE_NEW = {"J": ("kWh", 1 / 3.6e6, 0.0), "K": ("°C", 1.0, -273.15), "m3/s": ("l/min", 60_000, 0.0)}


class Changing:
    """A cloud whose valves come to another dataprofile: other units, and other ids if `renamed`."""

    def __init__(self, monkeypatch, renamed):
        self.moment, self.renamed, self.units = None, renamed, {}
        get = Transport.get

        def changed(transport, path, params=None, what=None):
            return self.answer(lambda *asked: get(transport, *asked), path, dict(params or {}), what)

        monkeypatch.setattr(Transport, "get", changed)

    def answer(self, get, path, params, what):
        """An answer of the demo cloud, as this one gives it."""
        if self.moment is None:
            return get(path, params, what)
        ids = str(params.get("datapointIds", "")).split(",")
        if "datapointIds" in params:
            params["datapointIds"] = ",".join(dict.fromkeys(key.removeprefix("new.") for key in ids))
        body = get(OLD if path == NEW else path, params, what)
        if path == NEW:
            body |= {"version": "2.0", "ref": "energyvalve3/2.0"}
            for point in body["datapoints"]:
                features = point["featureValues"]
                if (unit := features.get("default.unit")) in IN_THE_NEW and point["id"] not in STAY:
                    self.units[point["id"]] = IN_THE_NEW[unit]
                    features["default.unit"] = IN_THE_NEW[unit][0]
                    point["id"] = self.name(point["id"])
        for device in body.get("data", [body]) if "data" in body or "dataprofile" in body else []:
            if isinstance(device, dict) and (device.get("dataprofile") or {}).get("ref") == OLD:
                device["dataprofile"]["ref"] = NEW
        if "series" in body:
            parts = [part for series in body["series"] for part in self.parts(series)]
            body["series"] = [part for part in parts if part["datapointId"] in ids]
        return body

    def name(self, key):
        """The id of a datapoint in the new profile."""
        return f"new.{key}" if self.renamed else key

    def parts(self, series):
        """A series with the readings since the change as the new profile means them."""
        key = series["datapointId"]
        if key not in self.units:
            return [series]
        _, scale, offset = self.units[key]
        old = [row for row in series["values"] if pd.Timestamp(row["timestamp"]) < self.moment]
        new = [
            row | {"value": None if row["value"] is None else row["value"] * scale + offset}
            for row in series["values"]
            if pd.Timestamp(row["timestamp"]) >= self.moment
        ]
        if self.renamed:
            return [series | {"values": old}, series | {"datapointId": self.name(key), "values": new}]
        return [series | {"values": old + new}]


def read(server, monkeypatch, now, start="2018-11-10", **options):
    """The energy and the measurements of a valve up to a moment."""
    server.simulation.now = int(now.timestamp())
    monkeypatch.setenv("BELIMO_NOW", now.isoformat())
    valve = bn.connect(**options).device(VALVE)
    end = now.floor("h")
    return valve.energy("heating", start, end), valve.measurements(QUANTITIES, start, end, "1h")


@pytest.mark.slow
@pytest.mark.parametrize("renamed", [False, True], ids=["units", "ids"])
def test_a_new_dataprofile(renamed, server, monkeypatch, tmp_path):
    """J become kWh, K become °C, or ids others: energy and temperatures are those of a cloud that changed nothing."""
    monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / "truth"))
    energy, measured = read(server, monkeypatch, SECOND)
    monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / "changed"))
    cloud = Changing(monkeypatch, renamed)
    read(server, monkeypatch, FIRST)
    cloud.moment = FIRST + pd.Timedelta(days=3, hours=5)  # between two readings of ours, nobody says when
    for options in ({}, {}, {"offline": True}):
        found, samples = read(server, monkeypatch, SECOND, **options)
        np.testing.assert_allclose(found["kwh"], energy["kwh"], rtol=1e-6)
        assert (found["quality"] == energy["quality"]).all()
        for column in measured:
            np.testing.assert_allclose(samples[column], measured[column], rtol=1e-9, atol=1e-9, err_msg=column)
    later = read(server, monkeypatch, SECOND + pd.Timedelta(days=2))[0]
    np.testing.assert_allclose(later["kwh"].iloc[: len(energy) - 1], energy["kwh"].iloc[:-1], rtol=1e-6)


JOULES, KWH = {"e": ("heating_energy", "J")}, {"e": ("heating_energy", "kWh")}


@pytest.mark.parametrize("change", range(2, 9))
def test_when_it_changed(change):
    """Between two contacts the moment is the one at which the readings jump least, to the bucket."""
    times = np.arange(10) * HOUR
    counter = 4000.0 + np.arange(10)
    values = np.where(np.arange(10) < change, counter * 3.6e6, counter)
    meanings = noted(noted((), JOULES, 2 * HOUR), KWH, 8 * HOUR)
    _, new = placed(meanings, times, {"e": values}, HOUR)
    assert new.begin == change * HOUR
    found = translated(KWH, placed(meanings, times, {"e": values}, HOUR), times, {"e": values})
    np.testing.assert_allclose(found["e"], counter)


def test_a_flow_decides_with_the_others():
    """One moment for all datapoints: a counter tells it where a flow that comes and goes does not."""
    times = np.arange(8) * HOUR
    flow = np.array([0.0, 9.0, 0.0, 4.0, 0.0, 0.0, 7.0, 0.0])
    counter = 4000.0 + np.arange(8)
    old = np.arange(8) < 4
    columns = {"e": np.where(old, counter * 3.6e6, counter), "f": np.where(old, flow * 60, flow)}
    before, after = JOULES | {"f": ("flow", "l/h")}, KWH | {"f": ("flow", "l/min")}
    meanings = placed(noted(noted((), before, HOUR), after, 7 * HOUR), times, columns, HOUR)
    assert meanings[1].begin == 4 * HOUR
    np.testing.assert_allclose(translated(after, meanings, times, columns)["f"], flow)


@pytest.mark.parametrize("change", [2, 7, 12])
def test_a_flow_decides_alone(change):
    """A flow that comes and goes tells by its size when its unit changed, not by its steps."""
    times = np.arange(15) * HOUR
    flow = np.array([2.0, 0.0, 9.0, 1.5, 0.0, 5.0, 0.0, 8.0, 1.0, 7.0, 0.0, 3.0, 6.0, 0.0, 4.0])
    columns = {"f": np.where(np.arange(15) < change, flow, flow / 60_000)}
    before, after = {"f": ("flow", "l/min")}, {"f": ("flow", "m3/s")}
    meanings = placed(noted(noted((), before, HOUR), after, 15 * HOUR), times, columns, HOUR)
    np.testing.assert_allclose(translated(after, meanings, times, columns)["f"], flow / 60_000)


def test_places_that_were_changed_between():
    """Two temperatures that have changed places between two contacts are told apart by their size."""
    times = np.arange(8) * HOUR
    t1, t2 = np.linspace(328, 330, 8), np.linspace(313, 312, 8)
    swapped = np.arange(8) >= 5
    columns = {"a": np.where(swapped, t2, t1), "b": np.where(swapped, t1, t2)}
    before, after = {"a": ("t1", "K"), "b": ("t2", "K")}, {"a": ("t2", "K"), "b": ("t1", "K")}
    meanings = placed(noted(noted((), before, 2 * HOUR), after, 8 * HOUR), times, columns, HOUR)
    found = translated(after, meanings, times, columns)
    np.testing.assert_allclose(found["b"], t1)
    np.testing.assert_allclose(found["a"], t2)


@pytest.mark.parametrize(("old", "scale"), [("J", 3.6e6), ("MWh", 1e-3), ("gcal", 3.6e6 / 4.1868e9)])
def test_a_change_before_the_first_reading(old, scale):
    """A counter that leaps by what two units differ in, and counts on as before, was in the other; that is told."""
    times = np.arange(200) * HOUR
    counter = 4000.0 + np.arange(200) * 1.5
    columns = {"e": np.where(np.arange(200) < 120, counter * scale, counter)}
    with pytest.warns(UserWarning, match="e leaps at 1970-01-06 00:00Z by what .* differ in"):
        meanings = placed(guessed(noted((), KWH, 200 * HOUR), times, columns, HOUR), times, columns, HOUR)
    np.testing.assert_allclose(translated(KWH, meanings, times, columns)["e"], counter)
    assert guessed(meanings, times, columns, HOUR) == meanings


@pytest.mark.parametrize(
    "counter",
    [
        np.r_[4000 + np.arange(50.0), 4.05 + np.arange(50.0)],  # a new meter that happens to begin at a thousandth
        np.r_[4000 + np.arange(50.0), 0, 4050 + np.arange(50.0)],
        np.r_[4000 + np.arange(50.0), 4.05e6, 4051 + np.arange(50.0)],
        np.r_[np.zeros(50), 1 + np.arange(50.0)],
        np.r_[np.full(50, 4.0), np.full(50, 4000.0)],
        np.full(100, np.nan),
    ],
)
def test_counters_that_change_no_unit(counter):
    """Replaced meters, spikes, zeros and counters that stand still are no other unit."""
    once = noted((), KWH, 200 * HOUR)
    assert guessed(once, np.arange(len(counter)) * HOUR, {"e": counter}, HOUR) == once


@pytest.mark.parametrize("renamed", [False, True])
def test_other_requests_meanwhile(renamed):
    """A request for some datapoints under a new dataprofile says of the others, too, that they have changed."""
    name = "new.f" if renamed else "f"
    kept = DeviceHistory("d", "1h", HOUR, meanings=noted((), JOULES | {"f": ("flow", "l/min")}, 5))
    units = JOULES | {name: ("flow", "m3/s"), "x": ("t1", "K")}
    asked = HistoryQuery("d", "d", LastContact(9, 9), "1h", {"e": (0, 9)}, units=units)
    assert asked.units_of(kept) == JOULES | {name: ("flow", "m3/s")}
    assert len(kept.noted(asked.units_of(kept), 9).meanings) == 2


def test_what_stays_is_one_meaning():
    """A version that only adds datapoints, or is another only by name, is the same meaning, with a later contact."""
    once = noted((), JOULES, 5)
    assert noted(once, JOULES, 9) == (Meaning(JOULES, 5, 9, 5),)
    assert noted(once, {"t": ("t1", "K")}, 9)[0].units == JOULES | {"t": ("t1", "K")}
    assert noted(once, {}, 9) == once
    assert sources(JOULES, once) == []
    assert len(noted(once, {"x": ("heating_energy", "J")}, 9)) == 2


def test_ids_that_change_places():
    """Where two datapoints have changed places, each quantity is read from where it was."""
    times = np.arange(4) * HOUR
    columns = {"a": np.array([1.0, 2.0, 70.0, 80.0]), "b": np.array([50.0, 60.0, 3.0, 4.0])}
    before = {"a": ("heating_energy", "J"), "b": ("cooling_energy", "J")}
    after = {"b": ("heating_energy", "J"), "a": ("cooling_energy", "J")}
    meanings = placed(noted(noted((), before, 2 * HOUR), after, 2 * HOUR), times, columns, HOUR)
    found = translated(after, meanings, times, columns)
    assert found["b"].tolist() == [1, 2, 3, 4]
    assert found["a"].tolist() == [50, 60, 70, 80]


def test_units_that_cannot_be_converted():
    """What is in a unit of another kind, or may be a temperature or a difference, is unknown, and that is told."""
    times = np.arange(2) * HOUR
    for old, new in ((("", "V"), ("", "mV")), (("", "K"), ("", "°C"))):
        meanings = noted(noted((), {"x": old}, 2 * HOUR), {"x": new}, 3 * HOUR)
        with pytest.warns(UserWarning, match=f"2 kept readings of x are in '{old[1]}', which cannot be converted"):
            found = translated({"x": new}, meanings, times, {"x": np.array([1.0, 2.0])})
        assert np.isnan(found["x"]).all()


def test_the_file_says_what_its_readings_mean(server, monkeypatch):
    """The meaning lies in the file, beside the readings, and survives being written and read."""
    read(server, monkeypatch, FIRST)
    store = Store(bn.connect().settings)
    kept = store.read(bn.connect().device(VALVE).id, "1h")
    (meaning,) = kept.meanings
    assert ("heating_energy", "J") in meaning.units.values()
    assert parquet.load(parquet.dump(kept), kept.device, "1h").meanings == kept.meanings

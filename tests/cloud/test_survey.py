"""A fleet examined: from the store, with few requests, and the same in several processes."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest

import belimo_nb as bn
from belimo_nb.cloud import survey_valve
from belimo_nb.system import progress

RANGE = ("2018-11-01", "2018-12-01")


def asked(server):
    """Questions about history so far."""
    return len([request for request in server.requests if "timeseries" in request.path])


@pytest.mark.slow
def test_what_to_look_at_first(server):
    """The planted faults come first; energies are those of the single valves."""
    cloud = bn.connect()
    found = cloud.survey(None, *RANGE)
    table = found.table()
    bad = table[table["verdict"].isin(["fault", "warn"])].set_index("name")["findings"]
    assert bad.to_dict() == {
        "Lüftung LA03 Erhitzer": "flow with the valve closed",
        "Lüftung LA02 Erhitzer": "T1/T2 swapped",
        "Lüftung LA04 Erhitzer": "hunting",
        "Umschaltventil EG Aula": "sensor range, reported errors, no flow with the valve open",
        "Energieventil Kälte EG Ost": "silent",
        "Energieventil Heizung 1.OG Sued-West": "night setback",
    }
    first = ["Umschaltventil EG Aula", "Energieventil Kälte EG Ost", "Lüftung LA03 Erhitzer"]
    assert table["name"].iloc[:3].tolist() == first, "the dead and the silent one, then the one that wastes energy"
    assert table["waste_kwh"].iloc[2] > 100
    days = found.daily()
    for name in ("2.OG Nord-West", "2.OG Sued-West", "LA03 Erhitzer"):
        valve = cloud.device(name)
        alone = valve.energy("heating", *RANGE)
        np.testing.assert_allclose(days[valve.id], alone["kwh"])
        assert table.loc[valve.id, "heating_kwh"] == pytest.approx(alone["kwh"].sum())
        assert table.loc[valve.id, "coverage"] == pytest.approx(alone["coverage"].mean())
    assert len(days) == 30
    assert found.lacking == 0
    before = asked(server)
    again = cloud.survey(None, *RANGE)
    assert asked(server) == before
    pd.testing.assert_frame_equal(again.table(), table)


@pytest.mark.slow
def test_no_more_requests_than_allowed(server):
    """What the store lacks is fetched only if that is cheap; else it is left out, counted, and told why."""
    cloud = bn.connect()
    none = cloud.survey(None, *RANGE, fetch=0)
    assert asked(server) == 0
    assert none.lacking == 21
    assert (none.table()["reason"] != "").all()
    assert none.table()["heating_kwh"].isna().all()
    assert none.daily().isna().all(axis=None)
    some = cloud.survey(None, *RANGE, fetch=21)
    assert asked(server) == 21
    assert some.lacking == 0
    assert "hunting" not in " ".join(some.table()["findings"]), "the samples in detail would have cost more"


@pytest.mark.slow
def test_several_processes_find_the_same(server, monkeypatch, capsys):
    """Shared among processes, the survey is the same, valve by valve; who watches sees how far it is."""
    cloud = bn.connect()
    alone = cloud.survey(None, *RANGE)
    monkeypatch.setattr(survey_valve, "PARALLEL_FROM", 1)
    monkeypatch.setattr(survey_valve, "CHUNK", 2)
    monkeypatch.setattr(survey_valve, "cores", lambda: 3)
    monkeypatch.setattr(progress, "is_watched", lambda: True)
    shared = cloud.survey(None, *RANGE)
    assert "Examining valves" in capsys.readouterr().err
    pd.testing.assert_frame_equal(shared.table(), alone.table())
    pd.testing.assert_frame_equal(shared.daily(), alone.daily())
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    pd.testing.assert_frame_equal(cloud.survey(None, *RANGE).table(), alone.table())


@pytest.mark.slow
def test_offline(server):
    """Offline the survey is what the store holds, without a request; what was never fetched is lacking."""
    cloud = bn.connect()
    cloud.energy_valves()
    cloud.survey(cloud.devices("Heizung"), *RANGE)
    server.requests.clear()
    offline = bn.connect(offline=True)
    found = offline.survey(None, *RANGE)
    assert {request.path for request in server.requests} <= {"/v1/archive"}, "the weather is not the cloud's"
    assert (found.table()["reason"] == "").sum() == 5
    assert found.lacking == 16


@pytest.mark.slow
def test_a_device_that_fails(server):
    """A device whose history the cloud refuses is told by name; the others are examined."""
    cloud = bn.connect()
    valves = cloud.devices("Heizung")
    record = cloud.connection.device_list.known()[valves.index[0]]
    record["id"] = "11111111-2222-3333-4444-555555555555"
    cloud.connection.device_list.known()[record["id"]] = record
    found = cloud.survey(valves.rename(index={valves.index[0]: record["id"]}), *RANGE)
    assert list(found.failures) == [valves["name"].iloc[0]]
    assert (found.table()["reason"] == "").sum() == len(valves) - 1


@pytest.mark.slow
def test_another_cloud(client):
    """Other names, units and zones: what these valves measure is examined."""
    found = client.survey(None, "2021-02-01", "2021-03-01")
    table = found.table()
    assert (table["reason"] == "").sum() >= 15
    valve = client.device("Heizkreis 03")
    assert table.loc[valve.id, "heating_kwh"] == pytest.approx(
        valve.energy("heating", "2021-02-01", "2021-03-01")["kwh"].sum()
    )

"""Which valves count heat: by dataprofile and history, never by the last value alone."""

import contextlib

import pandas as pd
import pytest
from second_cloud import says
from second_fleet import HEATING, PROFILES, VALVE, counter_kwh

import belimo_nb as bn
from belimo_nb.demo import DemoCloud
from belimo_nb.demo.server.account import Account
from belimo_nb.errors import AnswerError, NoDataError
from belimo_nb.report.fetch import fetch
from belimo_nb.report.jobs import plan

HISTORY = "/devices/d7Kx01/data/history/timeseries"
COOLING = "pX4v.30"
RANGE = ("2021-01-10T00:00Z", "2021-01-12T00:00Z")
KWH = counter_kwh(pd.Timestamp(RANGE[1]).timestamp()) - counter_kwh(pd.Timestamp(RANGE[0]).timestamp())


def reads(second, cooling=..., **heating):
    """Let the first valve's counters read something else now; `...` leaves the datapoint out."""

    def changed(_request, answer):
        body = answer.json
        for device in body["data"]:
            if device["id"] == "d7Kx01":
                points = device["state"]["datapoints"]
                points |= {HEATING: heating, COOLING: {"value": cooling}}
                device["state"]["datapoints"] = {
                    key: point for key, point in points.items() if ... not in point.values()
                }
        return says(body)

    second.always("/devices", changed)


def with_cooling(second, heats=0.0):
    """Give the valves a cooling counter that rises with the heating counter, which is multiplied by `heats`."""
    features = {"default.name": "/hlk/cooling_energy", "default.unit": "kWh"}
    points = [*PROFILES[VALVE], {"id": COOLING, "featureValues": features}]
    second.always(
        f"/definitions/dataprofiles/{VALVE}", says({"id": "Wq8LmZ3a", "version": "2.4", "datapoints": points})
    )

    def both(request, answer):
        body = answer.json
        for series in list(body["series"]):
            if series["datapointId"] == HEATING and COOLING in request.query["datapointIds"]:
                body["series"].append({**series, "datapointId": COOLING, "values": [dict(v) for v in series["values"]]})
            if series["datapointId"] == HEATING:
                for row in series["values"]:
                    row["value"] = None if row["value"] is None else heats * row["value"]
        return says(body)

    second.always(HISTORY, both)


@pytest.fixture
def valves(second):
    """The rows of heating valves, as a client finds them that is connected anew."""

    def found():
        with contextlib.closing(bn.connect()) as client:
            return client.heating_valves("Heizkreis"), client.device("Heizkreis 01"), client

    return found


@pytest.mark.parametrize("reading", [{"value": 0}, {"value": 0.0}, {"value": None}, {"value": "12,3 kWh"}, {}])
def test_a_counter_that_reads_nothing_now(second, valves, reading):
    """Whatever the latest value is, the valve stays, with the energy of its history, and no request is made for it."""
    reads(second, **reading)
    rows, valve, client = valves()
    assert len(rows) == 15
    assert second.asked(HISTORY) == []
    assert valve.kinds == ("heating",)
    assert valve.energy("heating", *RANGE, tz="UTC")["kwh"].sum() == pytest.approx(KWH)
    assert list(valve.counters(*RANGE)) == ["heating"]
    assert "Heizkreis 01" in client.counters(rows, "heating", *RANGE)


def test_a_valve_that_only_cools(second, valves):
    """A heating counter at 0 beside a cooling counter that counts: no heating valve, and none in its own report."""
    with_cooling(second)
    reads(second, cooling=812.5, value=0)
    rows, valve, _ = valves()
    assert "d7Kx01" not in rows.index
    assert valve.kinds == ("cooling",)
    assert list(valve.counters(*RANGE)) == ["cooling"]
    assert "d7Kx01" not in valves()[0].index, "nor once its history is kept"


def test_a_change_over_valve_whose_counter_reads_0(second, valves):
    """What the store holds of its past decides, beside a cooling counter that counts."""
    with_cooling(second, heats=1.0)
    reads(second, cooling=812.5, value=0)
    _, valve, _ = valves()
    assert list(valve.counters(*RANGE)) == ["heating", "cooling"]
    rows, valve, _ = valves()
    assert rows.index[0] == "d7Kx01"
    assert valve.kinds == ("heating", "cooling")


@pytest.mark.parametrize(("cooling", "heating"), [(0, 0), (81250.0, 3.0)])
def test_a_valve_in_stock_and_a_trace_of_heat(second, valves, cooling, heating):
    """Zeros for ever, or a trace beside its cold, are none once the store covers a year; before, there may be more."""
    with_cooling(second)
    reads(second, cooling=cooling, value=heating)
    rows, valve, _ = valves()
    assert rows.index[0] == "d7Kx01"
    valve.energy("heating", "2020-02-01", "2021-03-01")
    assert "d7Kx01" not in valves()[0].index
    reads(second, cooling=812.5, value=3.0)
    assert valves()[0].index[0] == "d7Kx01", "no trace of so little cold"


def test_a_counter_in_an_unknown_unit(second, valves):
    """It is told by name, wherever it is asked for; the valve does not vanish, and no other counter steps in."""
    points = [
        {
            **point,
            "featureValues": point["featureValues"] | ({"default.unit": "MBtu"} if point["id"] == HEATING else {}),
        }
        for point in PROFILES[VALVE]
    ]
    second.always(
        f"/definitions/dataprofiles/{VALVE}", says({"id": "Wq8LmZ3a", "version": "2.4", "datapoints": points})
    )
    rows, valve, client = valves()
    assert len(rows) == 15
    why = rf"heating energy, datapoint {HEATING} .*'MBtu', which may be a thousand or a million Btu"
    with pytest.raises(NoDataError, match=why):
        valve.energy("heating", *RANGE)
    assert "MBtu" in valve.counters(*RANGE).failures["heating"]
    assert "MBtu" in client.counters(rows, "heating", *RANGE).failures["Heizkreis 01"]
    with pytest.warns(bn.api.profile.UnitWarning, match=why):
        client.latest(rows)
    with pytest.warns(bn.api.profile.UnitWarning, match=why):
        survey = client.survey(client.devices("Heizkreis 01"), *RANGE)
    assert "MBtu" in survey.failures["Heizkreis 01"]


def test_an_answer_to_another_question_is_not_kept(second, valves):
    """The wrong answer is an error, and the next time the cloud is asked anew."""
    _, valve, _ = valves()
    second.next(HISTORY, lambda _, answer: says({**answer.json, "resolution": "1d"}))
    with pytest.raises(AnswerError, match="the resolution '1d'"):
        valve.energy("heating", *RANGE)
    assert valve.energy("heating", *RANGE, tz="UTC")["kwh"].sum() == pytest.approx(KWH)
    assert len(second.asked(HISTORY)) == 2


@pytest.mark.slow
def test_a_report_of_valves_that_all_read_0(monkeypatch, tmp_path):
    """Heating counters at 0 in the whole list: after its fetching a heating report has the valves and kWh as ever."""
    with DemoCloud(devices=16) as server:
        for key, value in server.environment().items():
            monkeypatch.setenv(key, value)

        def heat():
            with contextlib.closing(bn.connect()) as cloud:
                period = cloud.period("2018-11-01", "2018-12-01")
                jobs = [job for job in plan(cloud, period) if job.notebook == "heating_energy"]
                fetch(cloud, jobs, period, {}, shown=False)
                valves = cloud.heating_valves()
                days = cloud.counters(valves, "heating", period.start, period.end).energy("D")
                return list(valves["name"]), float(days["kwh"].sum().sum())

        names, kwh = heat()
        state = Account.state
        monkeypatch.setattr(
            Account, "state", lambda *of: {**state(*of), "datapoints": zeroed(state(*of)["datapoints"])}
        )
        assert heat() == (names, pytest.approx(kwh))
        monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / "anew"))
        assert heat() == (names, pytest.approx(kwh)), "nor on another machine, which has kept nothing yet"
        assert len(names) == 8


def zeroed(points):
    """A state's datapoints with the heating counter at 0."""
    return points | ({"evcloud.210": {"value": 0}} if "evcloud.210" in points else {})

"""Energy Valve 4 beside the others: the same calls, with ids that are names and the units of the SI."""

import contextlib
import math

import pandas as pd
import pytest
import valve_4
from click.testing import CliRunner
from second_cloud import says
from second_fleet import BEGIN, NOW, epoch, iso

import belimo_nb as bn
from belimo_nb.cli import cli
from belimo_nb.cli.devices import recognized
from belimo_nb.cloud.assumptions import recognized_profiles

WATTS = 9000.0
REF = "/definitions/dataprofiles/energyvalve4/0.9"
AT_REST = {
    "RemoteWaterTemperature": 333.15, "FlowBodyWaterTemperature": 313.15, "DifferentialWaterTemperature": 20.0,
    "AbsoluteWaterFlow": 0.0001, "AbsolutePower": WATTS, "AbsoluteHeatingPower": WATTS, "AbsoluteCoolingPower": 0.0,
    "RelativeActuatorPosition": 40.0, "NominalWaterFlow": 0.0005, "SetMaximumWaterFlow": 0.0004,
    "GlycolConcentration": 30.0, "MasterDeviceErrorStatus": 4, "DifferentialTemperatureManagerActiveHours": 120,
}  # fmt: skip


def value(name, time):
    """What a datapoint reads: the lifetime counter rises evenly, the one that was reset is smaller by far."""
    joules = WATTS * (time - BEGIN)
    return {"HeatingEnergyLifetime": 5e12 + joules, "HeatingEnergy": joules, "CoolingEnergyLifetime": 0.0}.get(
        name, AT_REST.get(name)
    )


def rows(request, answer):
    """The history of such a valve, hourly readings at the end of their bucket."""
    first, after = epoch(request.query["from"]), epoch(request.query["to"])
    times = range(int(first), int(min(after, NOW)), 3600)
    series = [
        {
            "datapointId": key,
            "values": [{"timestamp": iso(t), "value": value(key.split("/")[-1], t + 3600)} for t in times],
        }
        for key in request.query["datapointIds"].split(",")
    ]
    return says({"series": series})


@pytest.fixture(params=["", "application/EnergyValve4/sensors/"])
def valve(request, second):
    """The first valve of the second cloud, turned into an Energy Valve 4, its ids with a path or without."""
    path = request.param

    def turned(_request, answer):
        body = answer.json
        for device in body["data"]:
            if device["id"] == "d7Kx01":
                device["dataprofile"] = {"entityId": "energyvalve4/0.9", "ref": REF, "displayName": "energyvalve4/0.9"}
                points = {f"{path}{name}": {"value": value(name, NOW)} for name in valve_4.NAMES}
                device["state"] = {"timestamp": iso(NOW), "datapoints": points}
        return says(body)

    second.always("/devices", turned)
    second.always(REF, says(valve_4.body(path)))
    second.always("/devices/d7Kx01/data/history/timeseries", rows)
    with contextlib.closing(bn.connect()) as client:
        yield client.device("Heizkreis 01"), client


def test_latest_values(valve):
    """In display units, from the list."""
    device, client = valve
    row = client.latest([device.id]).iloc[0]
    assert row["power_kw"] == pytest.approx(9)
    assert row["flow_m3h"] == pytest.approx(0.36)
    assert (row["t1_c"], row["t2_c"], row["delta_t_k"]) == pytest.approx((60, 40, 20))
    assert row["position_pct"] == 40
    assert row["heating_kwh"] == pytest.approx((5e12 + WATTS * (NOW - BEGIN)) / 3.6e6)


def test_design(valve):
    """The maximum flow is given in m3/s, not as a share."""
    device, _ = valve
    assert device.settings["max_flow_m3h"] == pytest.approx(1.44)
    assert math.isnan(device.settings["max_flow_pct"])
    assert device.design.max_flow_m3h == pytest.approx(1.44)
    assert device.design.nominal_flow_m3h == pytest.approx(1.8)
    assert device.design.glycol_pct == 30


def test_energy_and_measurements(valve):
    """The lifetime counter gives the energy; heating and cooling power know their direction."""
    device, client = valve
    assert client.heating_valves("Heizkreis").index[0] == device.id
    assert device.kinds == ("heating",), "the other counter stands at 0"
    days = device.counters("2021-01-10", "2021-01-12").energy("D")
    assert list(days["kwh"]) == ["heating"]
    assert days["kwh"]["heating"].tolist() == pytest.approx([216, 216])
    found = device.measurements(["heating_power", "cooling_power", "manager_active"], "2021-01-10", "2021-01-11", "1h")
    assert found.iloc[5].tolist() == [9, 0, 120]
    assert device.history("HeatingEnergy", "2021-01-10", "2021-01-11")["HeatingEnergy"].iloc[0] == pytest.approx(
        WATTS * (pd.Timestamp("2021-01-10", tz="Europe/Zurich").timestamp() + 3600 - BEGIN)
    )


def test_what_is_recognized(second, valve):
    """Energy valves by dataprofile, profiles of which nothing is known, and what a profile of valves lacks."""
    _, client = valve
    found = recognized_profiles(client.connection, client.devices())
    assert found["devices"].to_dict() == {"acme/Wq8LmZ3a/2.4": 19, "acme/Gk1/0.9": 1, "energyvalve4/0.9": 1}
    assert found["energy_valve"].to_dict() == {
        "acme/Wq8LmZ3a/2.4": True,
        "acme/Gk1/0.9": False,
        "energyvalve4/0.9": True,
    }
    assert recognized(client, client.devices()) == [
        "20 of 23 are energy valves: 1 with energyvalve4/0.9, 19 with acme/Wq8LmZ3a/2.4.",
        "Dataprofiles of which no quantity is known: 1 with acme/Gk1/0.9.",
        "The dataprofile acme/Wq8LmZ3a/2.4 describes no delta-T, no volume, no cooling energy.",
    ]
    assert recognized(client, client.devices("Ohne Profil")) == ["0 of 1 are energy valves."]
    result = CliRunner().invoke(cli, ["login"])
    assert result.exit_code == 0, result.output
    assert "20 of 23 are energy valves" in result.stdout

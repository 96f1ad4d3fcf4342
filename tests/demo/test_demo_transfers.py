"""Devices that change hands: another id, an empty history, the same hardware."""

from __future__ import annotations

import numpy as np
import pytest

from belimo_nb.demo import DemoCloud
from belimo_nb.demo.fleet.fleet import DemoDevice, fleet, transferred
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, NOW

HARDWARE = ("production_id", "serial_number", "name", "profile", "plant", "phase", "first_id")


@pytest.fixture
def scopes() -> tuple[DemoDevice, DemoDevice]:
    """The two data scopes of the only valve that changes hands."""
    former, present = transferred(fleet(36, 1), 1)[1:3]
    return former, present


def test_a_transfer_keeps_the_hardware(scopes: tuple[DemoDevice, DemoDevice]) -> None:
    """The old id ends where the new one begins."""
    former, present = scopes
    assert former.until == present.since
    assert former.id != present.id
    assert former.id == former.first_id == fleet(36, 1)[1].id
    assert [getattr(former, name) for name in HARDWARE] == [getattr(present, name) for name in HARDWARE]


def test_histories_join_without_a_seam(scopes: tuple[DemoDevice, DemoDevice]) -> None:
    """Old and new samples together are those of a valve that stayed; none is in both; settings go on."""
    former, present = scopes
    simulation, stayed = Simulation(transfers=1), Simulation()
    for id_ in ("evcloud.210", "evcloud.150", "evcloudplus.480"):
        whole, values = stayed.series(stayed.device(former.id), id_)
        late, told = simulation.series(present, id_)
        simulation.now = former.until
        early, read = simulation.series(former, id_)
        simulation.now = NOW
        assert np.array_equal(np.concatenate([early, late]), whole)
        assert np.array_equal(np.concatenate([read, told]), values)
        assert early[-1] < former.until <= late[0] == present.installed
    year = (former.until - 10 * 86400, former.until + 10 * 86400)
    true = stayed.true_energy(stayed.device(former.id), "evcloud.210", *year)
    assert simulation.true_energy(present, "evcloud.210", *year) == true
    assert simulation.state(present, NOW) == stayed.state(stayed.device(former.id), NOW)


@pytest.mark.slow
def test_each_id_lives_in_its_time(connect, scopes: tuple[DemoDevice, DemoDevice]) -> None:
    """Listed and answered for under one of the two; the other is 404; the new timeline begins with the owner."""
    former, present = scopes
    with DemoCloud(transfers=1) as cloud:
        client = connect(cloud)
        for now, known, unknown in ((former.until - 1, former, present), (present.since + 600, present, former)):
            cloud.simulation.now = now
            listed = client.get("/devices", limit=2000).json()["data"]
            assert len(listed) == 36
            (found,) = (device["id"] for device in listed if device["serialNumber"] == former.serial_number)
            assert found == known.id
            for path in ("", "/data", "/timeline", "/data/history/datapoints/evcloud.210"):
                assert client.get(f"/devices/{known.id}{path}").status_code == 200
                assert client.get(f"/devices/{unknown.id}{path}").status_code == 404
        events = client.get(f"/devices/{present.id}/timeline", sortDirection="ASC").json()["data"]
        assert events[0]["type"] == "OWNER_CHANGE"
        before = client.get(f"/devices/{present.id}/data", at="2017-12-01").json()
        assert (before["error"], before["parameter"]) == ("bad_request", "at")


@pytest.mark.slow
def test_settings_and_outages_before_a_transfer_belong_to_the_former_owner() -> None:
    """Whatever valve changes hands: nothing of the new data scope is older than it."""
    simulation = Simulation(transfers=21)
    changed = [device for device in simulation.devices if device.since > HISTORY_BEGIN]
    assert len(changed) == 21
    for device in changed:
        for id_ in simulation.state(device, NOW)[1]:
            times, _ = simulation.series(device, id_)
            assert times[0] >= device.installed
        assert {event["type"] for event in simulation.timeline(device)} >= {"OWNER_CHANGE", "METADATA_CHANGE"}
        assert simulation.timeline(device)[0]["timestamp"] == device.installed
        assert 0 < simulation.online_days(device) <= (NOW - device.since) // 86400 + 1


def test_a_few_further_devices_change_hands() -> None:
    """One in 60; ids stay unique; more than there are valves cannot be asked for."""
    devices = fleet(1036, 1)
    scopes = transferred(devices, None)
    assert len(scopes) - len(devices) in range(12, 18)
    assert len({scope.id for scope in scopes}) == len(scopes)
    assert transferred(devices[:36], None) == devices[:36]
    assert len(Simulation(devices=300).devices) == 300
    with pytest.raises(ValueError, match="from 0 to the 21 energy valves of the fleet, not 22"):
        transferred(devices[:36], 22)

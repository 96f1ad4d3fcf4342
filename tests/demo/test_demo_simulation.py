"""The simulation's face: what the cloud knows of each device, at any standing of its clock."""

from __future__ import annotations

import numpy as np
import pytest

from belimo_nb.demo.fleet.datapoints import DEFAULT, METADATA, ControlMode
from belimo_nb.demo.fleet.faults import utc
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.fleet.profiles import DATAPOINTS
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, HORIZON, NOW


def _named(simulation: Simulation, name: str) -> DemoDevice:
    return next(device for device in simulation.devices if device.name == name)


def _ids(device: DemoDevice) -> set[str]:
    assert device.profile is not None
    return {datapoint.id for datapoint in (*DEFAULT, *METADATA, *DATAPOINTS[device.profile])}


def test_stats_are_those_of_the_vendor(simulation: Simulation) -> None:
    """36 devices: 35 online and 1 offline, 35 well and 1 with a problem."""
    online = [NOW - (simulation.last_seen(device) or 0) <= 300 for device in simulation.devices]
    states = [simulation.health(device)[0] for device in simulation.devices]
    assert (sum(online), len(online)) == (35, 36)
    assert sorted(states) == ["ERROR"] + ["OK"] * 35


@pytest.mark.slow
def test_state_and_series_agree(simulation: Simulation) -> None:
    """For every device, every datapoint of its profile has a latest value, and it is the series' last one."""
    for device in simulation.devices:
        time, values = simulation.state(device, NOW)
        assert set(values) == _ids(device)
        newest = 0
        for datapoint, value in values.items():
            times, series = simulation.series(device, datapoint)
            assert series[-1] == value, (device.name, datapoint)
            newest = max(newest, int(times[-1]))
        assert time == newest


@pytest.mark.parametrize("at", ["2016-12-01T00:10", "2017-08-08T12:00", "2018-02-14T00:00", "2018-10-10T00:00"])
def test_past_states_are_past_samples(simulation: Simulation, at: str) -> None:
    """The state at a past time has each series' last sample up to then, dropouts and gaps included."""
    moment = utc(at)
    names = ["Lüftung LA03 Kühler", "Energieventil Heizung 2.OG Sued-West", "Umschaltventil 1.OG Sitzungszimmer"]
    for device in (_named(simulation, name) for name in names):
        time, values = simulation.state(device, moment)
        assert time <= moment
        for datapoint, value in values.items():
            times, series = simulation.series(device, datapoint)
            assert series[np.searchsorted(times, moment, side="right") - 1] == value, datapoint


def test_basetypes_are_kept(simulation: Simulation) -> None:
    """Values of the state have the type that the dataprofile promises."""
    types = {"int": int, "real": float, "text": str, "bool": bool}
    for device in simulation.devices:
        assert device.profile is not None
        values = simulation.state(device, NOW)[1]
        for datapoint in (*DEFAULT, *METADATA, *DATAPOINTS[device.profile]):
            assert type(values[datapoint.id]) is types[datapoint.basetype], datapoint


def test_samples_come_every_five_minutes_and_end_before_now(simulation: Simulation) -> None:
    """A healthy device has a sample in every five minutes of history, none at or after `now`."""
    times, _ = simulation.series(simulation.devices[1], "evcloud.140")
    assert set(np.diff(times)) == {300}
    assert HISTORY_BEGIN < times[0] < HISTORY_BEGIN + 300
    assert NOW - 300 <= times[-1] < NOW


def test_moving_the_clock_changes_no_value() -> None:
    """Series seen earlier are the beginning of those seen later, whatever order they are asked in."""
    simulation = Simulation(now=HORIZON)
    device = _named(simulation, "Lüftung LA02 Kühler")
    whole = {id_: simulation.series(device, id_) for id_ in ("evcloud.200", "evcloud.260", "evcloud.60")}
    for now in (utc("2017-01-01"), utc("2018-06-14T12:41"), NOW):
        simulation.now = now
        for datapoint, (times, values) in whole.items():
            early, known = simulation.series(device, datapoint)
            assert np.array_equal(early, times[times < now])
            assert np.array_equal(known, values[times < now])
            assert simulation.state(device, HORIZON)[1][datapoint] == known[-1]


def test_before_the_installation_nothing_is_known() -> None:
    """At the very begin of history there are no samples, states and health yet."""
    simulation = Simulation(now=HISTORY_BEGIN)
    device = simulation.devices[1]
    assert len(simulation.series(device, "evcloud.140")[0]) == 0
    assert len(simulation.series(device, "default.1")[0]) == 0
    assert simulation.state(device, HISTORY_BEGIN)[1] == {}
    assert simulation.last_seen(device) is None
    assert simulation.health(device) == ("UNKNOWN", None)
    assert simulation.timeline(device) == []


def test_settings_change_with_an_event(simulation: Simulation) -> None:
    """A changed setting shows in its series, in the state and as a CONFIGURATION_CHANGE."""
    device = _named(simulation, "Energieventil Heizung 2.OG Nord-West")
    times, values = simulation.series(device, "evcloud.40")
    assert values.tolist() == [ControlMode.POSITION, ControlMode.FLOW]
    changed = int(times[1])
    assert simulation.state(device, changed - 1)[1]["evcloud.40"] == ControlMode.POSITION
    events = [event for event in simulation.timeline(device) if event["type"] == "CONFIGURATION_CHANGE"]
    assert events == [
        {
            "timestamp": changed,
            "type": "CONFIGURATION_CHANGE",
            "details": {"values": {"evcloud.40": ControlMode.FLOW}},
        }
    ]


def test_an_applied_limit_follows_its_setting(simulation: Simulation) -> None:
    """The delta-T limit in force is the setting while the manager is on, else 0."""
    cooler = _named(simulation, "Lüftung LA01 Kühler")
    assert simulation.series(cooler, "evcloud.250")[1].tolist() == [3.5, 4.0]
    low = _named(simulation, "Energieventil Kälte 2.OG Süd")
    assert simulation.series(low, "evcloud.250")[1].tolist() == [6.5, 0.0]


def test_timelines_ascend_and_begin_with_the_installation(simulation: Simulation) -> None:
    """Metadata and dataprofile from the start, a software change or two, nothing from the future."""
    for device in simulation.devices:
        events = simulation.timeline(device)
        times = [event["timestamp"] for event in events]
        assert times == sorted(times)
        assert times[0] == device.installed
        assert times[-1] <= NOW
        kinds = [event["type"] for event in events]
        assert {"METADATA_CHANGE", "DATAPROFILE_CHANGE"} <= set(kinds)
        assert 1 <= kinds.count("SOFTWARE_CHANGE") <= 2


def test_a_health_change_is_an_event(simulation: Simulation) -> None:
    """The flow sensor's error stands in the timeline."""
    events = simulation.timeline(_named(simulation, "Umschaltventil EG Aula"))
    told = [event["details"]["values"] for event in events if event["type"] == "DEVICE_DATAPOINT_CHANGE"]
    assert {"default.2": "Flow_sensor_error"} in told


def test_online_days_leave_out_outages(simulation: Simulation) -> None:
    """730 days for a healthy device, fewer for those with a gap or gone silent."""
    days = {device.name: simulation.online_days(device) for device in simulation.devices}
    assert days["Energieventil Heizung 2.OG Nord-West"] == 730
    assert days["Energieventil Heizung 2.OG Sued-West"] == 721
    assert days["Umschaltventil 1.OG Sitzungszimmer"] == 727
    assert days["Energieventil Kälte EG Ost"] == 720


def test_unknown_names_are_key_errors(simulation: Simulation) -> None:
    """Unknown devices, datapoints, and energy of a device without counters."""
    with pytest.raises(KeyError):
        simulation.device("none")
    with pytest.raises(KeyError):
        simulation.series(simulation.devices[1], "evcloud.1")
    with pytest.raises(KeyError):
        simulation.series(simulation.devices[0], "evcloud.140")
    with pytest.raises(KeyError):
        simulation.true_energy(simulation.devices[0], "evcloud.210", HISTORY_BEGIN, NOW)
    with pytest.raises(KeyError):
        simulation.true_energy(simulation.devices[1], "evcloud.140", HISTORY_BEGIN, NOW)


def test_arrays_are_read_only(simulation: Simulation) -> None:
    """Nobody can change what others are given."""
    for datapoint in ("evcloud.140", "evcloud.60"):
        for array in simulation.series(simulation.devices[1], datapoint):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_true_energy_is_the_counter_where_the_counter_is_right(simulation: Simulation) -> None:
    """Between two samples of a healthy valve it equals the rise of the counter; within a step it is linear."""
    device = _named(simulation, "Energieventil Heizung 2.OG Nord-Ost")
    times, counter = simulation.series(device, "evcloud.210")
    begin, end = int(times[1000]), int(times[90000])
    rise = counter[90000] - counter[1000]
    assert simulation.true_energy(device, "evcloud.210", begin, end) == pytest.approx(rise, rel=1e-12)
    half = simulation.true_energy(device, "evcloud.210", begin, begin + 150)
    assert half == pytest.approx((counter[1001] - counter[1000]) / 2, rel=1e-9)


def test_outdoor_temperature_is_hourly_over_the_horizon(simulation: Simulation) -> None:
    """Hours that begin in the asked range, beyond `now` too, none outside the horizon."""
    times, values = simulation.outdoor_temperature(utc("2018-07-01T00:30"), utc("2018-07-02"))
    assert times.tolist() == list(range(utc("2018-07-01T01:00"), utc("2018-07-02"), 3600))
    assert 10 < values.mean() < 30
    whole, _ = simulation.outdoor_temperature(0, 2 * HORIZON)
    assert (whole[0], whole[-1] + 3600) == (HISTORY_BEGIN, HORIZON)


def test_signatures_are_known_of_heating_zones_only(simulation: Simulation) -> None:
    """The five heating zones have one; its slope is 24 h times the heat loss."""
    found = {device.name: simulation.signature(device) for device in simulation.devices}
    zones = {name: signature for name, signature in found.items() if signature is not None}
    assert len(zones) == 5
    assert all("Heizung" in name for name in zones)
    truth = zones["Energieventil Heizung 2.OG Nord-Ost"]
    assert (truth.slope_kwh_d_k, truth.base_kwh_d) == pytest.approx((74.4, 84.0))

"""The simulation's face: what the cloud knows of each device, at any standing of its clock."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from belimo_nb.demo.binding import Shared
from belimo_nb.demo.datapoints import DEFAULT, METADATA
from belimo_nb.demo.faults import utc
from belimo_nb.demo.fleet import DemoDevice
from belimo_nb.demo.profiles import DATAPOINTS
from belimo_nb.demo.schedule import HISTORY_BEGIN, HORIZON, NOW
from belimo_nb.demo.simulation import Simulation

DIGEST = """
import hashlib
from belimo_nb.demo.simulation import Simulation
simulation = Simulation(seed=5)
digest = hashlib.sha256()
for device in simulation.devices[:5]:
    for datapoint in sorted(simulation.state(device, simulation.now)[1]):
        times, values = simulation.series(device, datapoint)
        digest.update(times.tobytes())
        digest.update(repr(values[::500].tolist()).encode())
        digest.update(repr(simulation.timeline(device)).encode())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """The default fleet; its clock stays where it is."""
    return Simulation()


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
    assert values.tolist() == ["Position control", "Flow control"]
    changed = int(times[1])
    assert simulation.state(device, changed - 1)[1]["evcloud.40"] == "Position control"
    events = [event for event in simulation.timeline(device) if event["type"] == "CONFIGURATION_CHANGE"]
    assert events == [
        {
            "timestamp": changed,
            "type": "CONFIGURATION_CHANGE",
            "details": {"values": {"evcloud.40": "Flow control"}},
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


def test_further_devices_are_scaled_copies() -> None:
    """Flow, power and counters of a further device are those of its plant times its scale, temperatures the same."""
    simulation = Simulation(devices=60)
    copy = next(d for d in simulation.devices[36:] if d.plant.startswith("Energieventil Heizung") and d.profile)
    original = _named(simulation, copy.plant)
    for datapoint, digits in (("evcloud.90", 7), ("evcloud.140", 0)):
        ours, theirs = (simulation.series(device, datapoint)[1] for device in (copy, original))
        assert np.allclose(ours, theirs * copy.scale, atol=0.6 * 10.0**-digits)
    ours, theirs = (simulation.series(device, "evcloud.210")[1] for device in (copy, original))
    assert ours[-1] - ours[0] == pytest.approx((theirs[-1] - theirs[0]) * copy.scale, rel=1e-9)
    assert ours[0] != theirs[0]
    assert simulation.state(copy, NOW)[1]["evcloud.210"] == ours[-1]
    assert simulation.signature(copy).heat_loss_w_k == simulation.signature(original).heat_loss_w_k * copy.scale


def test_devices_never_online_and_without_dataprofile() -> None:
    """The former have metadata only, from their production; the latter are online, without numbers."""
    simulation = Simulation(devices=40)
    never, bare = simulation.devices[36:38]
    assert simulation.last_seen(never) is None
    assert simulation.online_days(never) == 0
    assert simulation.health(never) == ("UNKNOWN", None)
    time, values = simulation.state(never, NOW)
    assert time == never.production_date
    assert {key.split(".")[0] for key in values} == {"metadata"}
    assert simulation.last_seen(bare) is not None
    assert {key.split(".")[0] for key in simulation.state(bare, NOW)[1]} == {"metadata", "default"}


def test_a_large_fleet_has_warnings_and_silent_devices() -> None:
    """In 600 devices a few per cent are silent or warn, and every state is known without a series being asked for."""
    simulation = Simulation(devices=600)
    states = [simulation.health(device)[0] for device in simulation.devices]
    assert states.count("WARNING") > 2
    silent = [d for d in simulation.devices if d.registered and NOW - (simulation.last_seen(d) or 0) > 300]
    assert 3 < len(silent) < 60
    assert all("metadata.1001" in simulation.state(device, NOW)[1] for device in simulation.devices)


def test_the_same_question_has_the_same_answer_in_any_process() -> None:
    """Two interpreters with different hash seeds give the same bytes."""
    digests = set()
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": f"UTC{hash_seed}"},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(run.stdout)
    assert len(digests) == 1
    assert len(digests.pop().strip()) == len(hashlib.sha256().hexdigest())


def test_the_seed_changes_noise() -> None:
    """Another seed gives other samples of a named valve, with nearly the same energy."""
    powers = []
    for seed in (1, 2):
        simulation = Simulation(seed=seed)
        powers.append(simulation.series(simulation.devices[1], "evcloud.140")[1])
    assert not np.array_equal(*powers)
    assert powers[0].sum() == pytest.approx(powers[1].sum(), rel=0.1)


def test_threads_see_one_simulation() -> None:
    """Threads that ask for the same device at once are given the same arrays."""
    simulation = Simulation(seed=9)
    device = simulation.devices[1]
    with ThreadPoolExecutor(8) as pool:
        series = list(pool.map(lambda _: simulation.series(device, "evcloud.140"), range(16)))
    assert all(np.array_equal(values, series[0][1]) for _, values in series)


def test_shared_things_are_made_once_and_bounded() -> None:
    """The cache makes each thing once, keeps the recently used, and drops the oldest beyond its limit."""
    made: list[str] = []
    cache = Shared(limit=2)

    def get(key: str) -> str:
        return cache.get(key, lambda: made.append(key) or key, lambda _: 1)

    assert [get(key) for key in "abacb"] == list("abacb")
    assert made == ["a", "b", "c", "b"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(get, ["d"] * 32))
    assert made.count("d") == 1

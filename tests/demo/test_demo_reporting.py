"""Devices that do not send every sample: by change, and at intervals of their own."""

from __future__ import annotations

import numpy as np
import pytest

from belimo_nb.demo import DemoCloud
from belimo_nb.demo.fleet.faults import utc
from belimo_nb.demo.fleet.fleet import DemoDevice, fleet
from belimo_nb.demo.fleet.profiles import ENERGY_VALVES_4
from belimo_nb.demo.operation.reporting import RESOLUTIONS
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.schedule import NOW

UNITS = {"evcloud.150": "K", "evcloud.90": "m3/s", "evcloud.80": "percent", "evcloud.140": "W"}
COUNTERS = ("evcloud.210", "evcloudplus.461", "evcloudplus.480")
ZONE = "Energieventil Heizung 2.OG Nord-West"


@pytest.fixture(scope="module")
def by_change() -> Simulation:
    """The same, reporting by change."""
    return Simulation(reporting="change")


def _named(simulation: Simulation, name: str) -> DemoDevice:
    return next(device for device in simulation.devices if device.name == name)


@pytest.mark.parametrize("id_", [*UNITS, *COUNTERS])
def test_what_is_sent_holds_until_the_next(simulation: Simulation, by_change: Simulation, id_: str) -> None:
    """Each value sent is the sample of its time; between two of them none differs by the resolution or more."""
    times, values = simulation.series(_named(simulation, ZONE), id_)
    sent, told = by_change.series(_named(by_change, ZONE), id_)
    places = np.searchsorted(times, sent)
    assert np.array_equal(times[places], sent)
    assert np.array_equal(values[places], told)
    held = told[np.searchsorted(sent, times, side="right") - 1]
    resolution = RESOLUTIONS.get(UNITS.get(id_, ""), 0.0)
    assert np.abs(values - held).max() <= resolution * (1 + 1e-6)
    assert ((values == 0) == (held == 0)).all()
    assert 700 < len(sent) < 0.9 * len(times)


def test_everything_comes_once_a_day(by_change: Simulation) -> None:
    """Every datapoint but metadata has the daily samples, a counter that stands still hardly any other."""
    device = _named(by_change, ZONE)
    every = [id_ for id_ in by_change.state(device, NOW)[1] if not id_.startswith("metadata.")]
    common = set.intersection(*(set(by_change.series(device, id_)[0].tolist()) for id_ in every))
    first, *rest = np.diff(sorted(common))
    assert first <= 86400
    assert set(rest) == {86400}
    assert len(common) == 731
    assert by_change.series(device, "metadata.1001")[1].tolist() == [ZONE]
    times, _ = by_change.series(device, "evcloud.200")
    assert len(times) == 731
    assert set(by_change.series(device, "evcloud.40")[1].tolist()) == {1, 2}


@pytest.mark.slow
def test_the_present_is_what_it_was(simulation: Simulation, by_change: Simulation) -> None:
    """Reporting by change thins the history only: state, last contact and health are pushed as ever."""
    for was, now in zip(simulation.devices, by_change.devices, strict=True):
        assert by_change.state(now, NOW) == simulation.state(was, NOW)
        assert by_change.last_seen(now) == simulation.last_seen(was)


def test_the_clock_changes_no_report(by_change: Simulation) -> None:
    """A backlog that arrives late brings its samples and alters no others; after an outage everything is sent."""
    device = _named(by_change, "Umschaltventil 1.OG Sitzungszimmer")
    later, _ = by_change.series(device, "evcloud.150")
    before = Simulation(now=utc("2018-10-12T14:00"), reporting="change")
    early, _ = before.series(_named(before, device.name), "evcloud.150")
    gap = (later >= utc("2018-10-08T06:00")) & (later < utc("2018-10-12T09:00"))
    assert gap.any()
    assert np.array_equal(early, later[~gap & (later < before.now)])
    for id_ in ("evcloud.150", "evcloud.210", "evcloud.10"):
        times, _ = by_change.series(_named(by_change, "Energieventil Heizung 2.OG Sued-West"), id_)
        after = times[np.searchsorted(times, utc("2018-02-19T10:20"))]
        assert id_ == "evcloud.10" or after < utc("2018-02-19T10:25")


@pytest.mark.parametrize(("reporting", "seconds"), [("15m", 900), ("1h", 3600), ("1d", 86400)])
def test_samples_at_intervals(simulation: Simulation, reporting: str, seconds: int) -> None:
    """All numbers at the same times, each the sample of its time."""
    simulation = Simulation(reporting=reporting)
    device = _named(simulation, ZONE)
    whole, values = simulation.series(_named(simulation, ZONE), "evcloud.210")
    times, told = simulation.series(device, "evcloud.210")
    assert set(np.diff(times)) == {seconds}
    assert np.array_equal(values[np.searchsorted(whole, times)], told)
    assert np.array_equal(times, simulation.series(device, "evcloud.80")[0])


def test_true_energy_knows_no_reporting(simulation: Simulation, by_change: Simulation) -> None:
    """It is that of the physics, whatever was sent; the last readings sent are those counted."""
    ours, theirs = _named(by_change, ZONE), _named(simulation, ZONE)
    year = (utc("2017-12-01"), NOW)
    assert by_change.true_energy(ours, "evcloud.210", *year) == simulation.true_energy(theirs, "evcloud.210", *year)
    times, readings = by_change.series(ours, "evcloud.210")
    rise = readings[-1] - readings[0]
    assert rise == pytest.approx(by_change.true_energy(ours, "evcloud.210", times[0], times[-1]), rel=1e-9)


def test_readings_that_hold_give_the_true_energy_of_any_period() -> None:
    """Of every valve whose meter is right, Energy Valve 4 or not: 60 periods, heat, cold and volume."""
    simulation = Simulation(ev4=0.5, reporting="change")
    wrong = {"T1/T2 swapped", "counter reset", "dropout to 0", "flow sensor error", "offline"}
    faulty = {fault.device_id for fault in simulation.truth if fault.fault in wrong}
    valves = [device for device in simulation.devices if device.is_energy_valve and device.id not in faulty]
    names = {True: ("HeatingEnergyLifetime", "CoolingEnergyLifetime", "WaterFlowVolumeLifetime")}
    names[False] = ("evcloud.210", "evcloud.200", "evcloudplus.461")
    assert len(valves) == 16
    for device in valves:
        moments = device.installed + 300 * np.arange(50, 210_000, 3443)
        for id_, rounding in zip(names[device.profile in ENERGY_VALVES_4], (2, 2, 2e-3), strict=True):
            times, readings = simulation.series(device, id_)
            held = readings[np.searchsorted(times, moments, side="right") - 1]
            lost = [(utc("2018-02-09T10:20"), utc("2018-02-19T10:20"))] if "2.OG Sued-West" in device.name else []
            for begin, end, rise in zip(moments, moments[1:], np.diff(held), strict=False):
                if not any(first < end and begin < last for first, last in lost):
                    true = simulation.true_energy(device, id_, int(begin), int(end))
                    assert rise == pytest.approx(true, rel=1e-9, abs=rounding), (device.name, id_)


def test_some_further_devices_report_rarely() -> None:
    """About a seventh by change, a few at intervals; none of the first 36; an unknown kind is refused."""
    devices = fleet(1036, 1)
    assert {device.reporting for device in devices[:36]} == {"5m"}
    kinds = [device.reporting for device in devices[36:]]
    assert set(kinds) == {"5m", "15m", "1h", "1d", "change"}
    assert kinds.count("change") / len(kinds) == pytest.approx(0.15, abs=0.03)
    with pytest.raises(ValueError, match=r"15m.*not 'weekly'"):
        fleet(36, 1, reporting="weekly")


def test_empty_buckets_are_missing(connect) -> None:
    """Where nothing came the timeseries has no bucket; raw samples and the CSV have the same rows."""
    with DemoCloud(devices=7, reporting="change", ev4=1) as cloud:
        client = connect(cloud)
        device = _named(cloud.simulation, ZONE)
        asked = {"from_": "2018-07-10", "to": "2018-07-13"}
        path = f"/devices/{device.id}/data"
        id_ = "CoolingEnergyLifetime"
        series = client.get(f"{path}/history/timeseries", datapointIds=id_, resolution="1h", **asked).json()["series"]
        raw = client.get(f"{path}/history/datapoints/{id_}", **asked).json()["data"]
        rows = client.get(f"{path}/download", datapointIds=id_, **asked).text.splitlines()[1:]
        warm = client.get(f"{path}/history/timeseries", datapointIds="RemoteWaterTemperature", resolution="1h", **asked)
    assert len(series[0]["values"]) == len(raw) == len(rows) == 3
    assert [row["value"] for row in raw] == [row["value"] for row in series[0]["values"]]
    assert len(warm.json()["series"][0]["values"]) > 48

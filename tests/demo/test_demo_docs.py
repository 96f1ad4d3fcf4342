"""The docs' page about the demo cloud tells the truth of the simulation."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from belimo_nb.demo.fleet.faults import FaultKind, utc
from belimo_nb.demo.fleet.fleet import REPORTINGS, DemoDevice
from belimo_nb.demo.operation.reporting import RESOLUTIONS
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.schedule import NOW

DOCS = Path(__file__).parents[2] / "docs" / "demo-cloud.md"


def _year(simulation: Simulation, device: DemoDevice, datapoint: str) -> np.ndarray:
    """Values of the last twelve months."""
    times, values = simulation.series(device, datapoint)
    return values[np.searchsorted(times, utc("2017-12-01")) :]


def _documented(fault: FaultKind) -> str:
    """The row of the docs' table of truth."""
    return next(line for line in DOCS.read_text("utf-8").splitlines() if line.startswith(f"| {fault} |"))


def test_the_docs_name_every_fault(simulation: Simulation) -> None:
    """Each row of the docs has the fault's device, and its begin and end where it has any."""
    for fault in simulation.truth:
        row = _documented(fault.fault)
        assert f"| {fault.name} |" in row
        for time in (fault.begin, fault.end):
            if time is not None and time != utc("2016-12-01"):
                moment = datetime.fromtimestamp(time, UTC)
                assert f"{moment:%H:%M}" in row
                assert f"{moment:%Y-%m-%d}" in row


def test_the_docs_tell_the_true_energies(simulation: Simulation) -> None:
    """The energies and volumes of the docs' table are those of the simulation."""
    year = (utc("2017-12-01"), NOW)

    def energy(fault: FaultKind, datapoint: str, begin: int, end: int) -> None:
        device = simulation.device(next(item.device_id for item in simulation.truth if item.fault is fault))
        told = simulation.true_energy(device, datapoint, begin, end) / 3.6e9
        assert re.search(rf"\b{told:.1f} MWh", _documented(fault)), (fault, told)

    energy(FaultKind.SENSORS_SWAPPED, "evcloud.210", *year)
    energy(FaultKind.COUNTER_RESET, "evcloud.200", *year)
    energy(FaultKind.DROPOUT, "evcloud.200", *year)
    energy(FaultKind.DROPOUT, "evcloud.200", utc("2018-07-02T05:30"), utc("2018-07-23T09:10"))
    energy(FaultKind.LATE_BACKLOG, "evcloud.210", utc("2018-10-08T06:00"), utc("2018-10-12T09:00"))
    energy(FaultKind.LOST_GAP, "evcloud.210", utc("2018-02-09T10:20"), utc("2018-02-19T10:20"))
    energy(FaultKind.FLOW_SENSOR, "evcloud.210", utc("2018-11-05T16:50"), NOW)

    fault = next(item for item in simulation.truth if item.fault is FaultKind.LOW_DELTA_T)
    volume = _year(simulation, simulation.device(fault.device_id), "evcloud.90") * 300
    limit = fault.figures["waste_flow_m3s"] * 300
    row = _documented(FaultKind.LOW_DELTA_T)
    for told in (volume.sum(), volume[volume > limit].sum(), np.maximum(volume - limit, 0).sum()):
        assert f"{told:.0f} m3" in row
    leaky = simulation.device(next(item.device_id for item in simulation.truth if item.fault is FaultKind.LEAK))
    stem, flow, power = (_year(simulation, leaky, f"evcloud.{number}") for number in (80, 90, 140))
    leaking = (stem <= 1) & (flow > 0)
    row = _documented(FaultKind.LEAK)
    told = (leaking.sum() / 12, flow[leaking].sum() * 300, power[leaking].sum() * 300 / 3.6e9)
    assert "{:.0f} h, {:.0f} m3, {:.1f} MWh".format(*told) in row


def test_the_docs_tell_the_signatures(simulation: Simulation) -> None:
    """The docs' table of heating zones is the simulation's."""
    text = DOCS.read_text("utf-8")
    for device in simulation.devices:
        truth = simulation.signature(device)
        if truth is not None:
            figures = (truth.heat_loss_w_k, truth.slope_kwh_d_k, truth.balance_point_c, truth.base_kwh_d)
            assert "| {} | {:.0f} | {:.1f} | {:.1f} | {:.1f} |".format(device.name, *figures) in text


def test_the_docs_tell_the_steps_of_reports_by_change() -> None:
    """Each resolution with its unit, and each kind of reporting that can be asked for."""
    text = DOCS.read_text("utf-8")
    for unit, step in RESOLUTIONS.items():
        assert f"{step:g} {unit}".replace("e-0", "e-") in text
    assert all(f"`{name}`" in text or f"--reporting {name}`" in text for name in REPORTINGS if name != "5m")

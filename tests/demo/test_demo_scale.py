"""Larger fleets, other seeds, other processes, several threads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.schedule import NOW

DIGEST = """
import hashlib
from belimo_nb.demo.operation.simulation import Simulation
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


def _named(simulation: Simulation, name: str) -> DemoDevice:
    return next(device for device in simulation.devices if device.name == name)


def test_further_devices_are_scaled_copies() -> None:
    """Flow, power and counters of a further device are those of its plant times its scale, temperatures the same."""
    simulation = Simulation(devices=60, reporting="5m")
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


@pytest.mark.slow
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

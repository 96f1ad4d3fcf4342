"""Which samples a device sends: each, those at fixed intervals, or those that differ from the one before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from belimo_nb.demo.fleet.datapoints import ENERGY_VALVE_WITH_WEAR
from belimo_nb.demo.fleet.energy_valve_4 import SOURCES
from belimo_nb.demo.fleet.fleet import BY_CHANGE, REPORTINGS, DemoDevice
from belimo_nb.demo.operation.availability import Availability
from belimo_nb.demo.world.noise import FloatArray, hash64
from belimo_nb.demo.world.physics import BoolArray, IntArray
from belimo_nb.demo.world.schedule import SAMPLES, STEP

_A_DAY = 86400 // STEP
ERRORS = "evcloud.280"  # the error bits

RESOLUTIONS: Mapping[str, float] = {"K": 0.1, "percent": 1.0, "m3/s": 5e-6, "W": 100.0}
"""What a change by report means, by unit. Of any other quantity, counters among them, any change is sent."""
_UNITS = {point.id: point.unit for point in ENERGY_VALVE_WITH_WEAR}
_UNITS |= {"AbsoluteHeatingPower": "W", "AbsoluteCoolingPower": "W"}


def _daily(device: DemoDevice) -> int:
    """Index of its first daily report of everything."""
    return hash64("daily report", device.first_id) % _A_DAY


def sent_samples(device: DemoDevice, datapoint_id: str, values: FloatArray, available: Availability) -> BoolArray:
    """Which samples of a datapoint the device sends, shape (SAMPLES,), whatever becomes of them on the way.

    Who reports by change sends a sample that has left the step of the resolution (or the 0) that the one before was
    in, and everything once a day and after an outage.
    """
    if device.reporting != BY_CHANGE:
        every = REPORTINGS[device.reporting]
        regular: BoolArray = np.arange(SAMPLES) % every == _daily(device) % every
        return regular
    resolution = RESOLUTIONS.get(_UNITS.get(SOURCES.get(datapoint_id, datapoint_id)) or "")
    steps = values if resolution is None else np.rint(values / resolution)
    sent = np.ones(SAMPLES, dtype=np.bool_)
    sent[1:] = (steps[1:] != steps[:-1]) | ((values[1:] == 0) != (values[:-1] == 0))
    sent[_daily(device) :: _A_DAY] = True
    back = [available.before(gap.end) for gap in available.outages]
    sent[[index for index in back if index < SAMPLES]] = True
    return sent


def sent_daily(device: DemoDevice, datapoint_id: str) -> bool:
    """Whether a datapoint that seldom changes is sent once a day, too: by all devices only their errors."""
    if datapoint_id.startswith("metadata."):
        return False
    return device.reporting == BY_CHANGE or SOURCES.get(datapoint_id, datapoint_id) == ERRORS


def daily_reports(device: DemoDevice, available: Availability, now: int) -> IntArray:
    """Times (epoch seconds) at which a device has sent everything, what has not changed with it."""
    held = available.held(now)
    indices = np.arange(_daily(device), SAMPLES, _A_DAY)
    return available.first + STEP * (indices if held is None else indices[held[indices]])

"""Which samples a device sends (each, those at fixed intervals, or what has changed), and which the cloud has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from belimo_nb.demo.fleet.datapoints import ENERGY_VALVE_WITH_WEAR, SOURCES
from belimo_nb.demo.fleet.fleet import BY_CHANGE, REPORTINGS, DemoDevice
from belimo_nb.demo.world.noise import FloatArray, hash64
from belimo_nb.demo.world.physics import BoolArray, IntArray
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, HORIZON, SAMPLES, STEP

_DAY = 86400
_A_DAY = _DAY // STEP
ERRORS = "evcloud.280"  # the error bits

RESOLUTIONS: Mapping[str, float] = {"K": 0.1, "percent": 1.0, "m3/s": 5e-6, "W": 100.0}
"""What a change by report means, by unit. Of any other quantity, counters among them, any change is sent."""
_UNITS = {point.id: point.unit for point in ENERGY_VALVE_WITH_WEAR}
_UNITS |= {"AbsoluteHeatingPower": "W", "AbsoluteCoolingPower": "W"}


@dataclass(frozen=True)
class Outage:
    """Samples of [begin, end) reach the cloud at `arrival`, or never if it is None (epoch seconds)."""

    begin: int
    end: int
    arrival: int | None = None


class Availability:
    """Sample times of one device; its outages are ascending and do not touch each other."""

    def __init__(self, phase: int, outages: Sequence[Outage] = ()) -> None:
        self.first = HISTORY_BEGIN + phase
        self.outages = tuple(outages)

    def time(self, index: int) -> int:
        """Epoch seconds of a sample."""
        return self.first + index * STEP

    def hours_since(self, energized: int, at: slice | int) -> Any:
        """Whole hours from a time (epoch seconds) to a sample, or for a slice to all of the horizon."""
        index = at if isinstance(at, int) else np.arange(SAMPLES)
        return (self.first - energized + index * STEP) // 3600

    def before(self, time: int) -> int:
        """Number of sample times before a time, arrived or not."""
        # minus, floor division, minus: rounded up
        return min(max(0, -((self.first - time) // STEP)), SAMPLES)

    def absent(self, now: int) -> tuple[Outage, ...]:
        """Outages whose samples have not arrived at `now`."""
        return tuple(gap for gap in self.outages if gap.arrival is None or gap.arrival > now)

    def newest(self, at: int, now: int) -> int:
        """Index of the newest sample at or before `at` that the cloud holds at `now`; -1 if there is none."""
        index = self.before(min(at + 1, now)) - 1
        for gap in reversed(self.absent(now)):
            if index >= 0 and gap.begin <= self.time(index) < gap.end:
                index = self.before(gap.begin) - 1
        return index

    def held(self, absent: Sequence[Outage]) -> npt.NDArray[np.bool_]:
        """Which samples of the horizon are not in one of some outages, shape (SAMPLES,)."""
        mask = np.ones(SAMPLES, dtype=np.bool_)
        for gap in absent:
            mask[self.before(gap.begin) : self.before(gap.end)] = False
        return mask

    def online_days(self, now: int) -> int:
        """Number of UTC days before `now` on which the device was in contact: those not wholly inside an outage."""
        last = (min(now, HORIZON) - 1) // _DAY
        days = set(range(HISTORY_BEGIN // _DAY, last + 1))
        for gap in self.outages:
            days -= set(range(-(-gap.begin // _DAY), gap.end // _DAY))
        return len(days)


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
    indices = np.arange(_daily(device), SAMPLES, _A_DAY)
    return available.first + STEP * indices[available.held(available.absent(now))[indices]]

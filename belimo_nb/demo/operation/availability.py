"""Which of a device's samples the cloud has: late backlogs, lost samples, devices that went offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from belimo_nb.demo.world.schedule import HISTORY_BEGIN, HORIZON, SAMPLES, STEP

_DAY = 86400


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

    def held(self, now: int) -> npt.NDArray[np.bool_] | None:
        """Which samples of the horizon are not in an absent outage, shape (SAMPLES,); None: all of them."""
        absent = self.absent(now)
        if not absent:
            return None
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

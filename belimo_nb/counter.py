"""Lifetime energy counters of devices, and the energy of intervals that follows from their readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from belimo_nb.energy import interval_energy
from belimo_nb.intervals import Moment

__all__ = ["Counter", "Counters", "Kind"]

Kind = Literal["heating", "cooling"]


@dataclass(frozen=True)
class Counter:
    """The readings of one counter over a range.

    Attributes:
        device: The device's name.
        kind: "heating" or "cooling".
        readings: Series in J at the times the readings are valid for (aware, UTC); NaN where the cloud has none.
        step: Nominal spacing of the readings.
        p_max: Highest possible power in W, or None if unknown.
        start: Begin of the range that was asked for, aware.
        end: End of that range, exclusive, aware.
        tz: IANA zone of the calendar.
    """

    device: str
    kind: Kind
    readings: pd.Series[Any] = field(repr=False)
    step: pd.Timedelta
    p_max: float | None
    start: pd.Timestamp
    end: pd.Timestamp
    tz: str

    def energy(self, freq: str = "D", start: Moment = None, end: Moment = None) -> pd.DataFrame:
        """Energy of calendar intervals: index ``time`` (begin), columns kwh, coverage, quality.

        Args:
            freq: "h", "D", "W", "MS", "YS" or a fixed length.
            start: Begin, if not that of the range.
            end: End (exclusive), if not that of the range.

        See `belimo_nb.energy.interval_energy`.
        """
        first = self.start if start is None else start
        after = self.end if end is None else end
        return interval_energy(self.readings, freq, first, after, self.tz, self.step, self.p_max)


class Counters(Mapping[str, Counter]):
    """Several counters over one range, by name (a device's, or a kind of energy), and why others are missing.

    Args:
        counters: Those that could be had.
        failures: By name, why the others could not.
        start: Begin of the range, aware.
        end: Its end, exclusive, aware.
        tz: IANA zone of the calendar.
    """

    def __init__(
        self,
        counters: Mapping[str, Counter],
        failures: Mapping[str, str],
        start: pd.Timestamp,
        end: pd.Timestamp,
        tz: str,
    ) -> None:
        self._counters = dict(counters)
        self.failures = dict(failures)
        self.start, self.end, self.tz = start, end, tz

    def __getitem__(self, device: str) -> Counter:
        return self._counters[device]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counters)

    def __len__(self) -> int:
        return len(self._counters)

    def __repr__(self) -> str:
        return f"<Counters {', '.join(self) or 'none'}; {len(self.failures)} missing>"

    def energy(self, freq: str = "D", start: Moment = None, end: Moment = None) -> pd.DataFrame:
        """Energy of calendar intervals of all of them, side by side.

        Returns:
            DataFrame, index ``time`` (begin of the interval), columns of two levels: kwh, coverage or quality, then
            the name: ``energy["kwh"]`` is one column a counter. Those that could not be had are NaN, "missing".
        """
        first = self.start if start is None else start
        after = self.end if end is None else end
        nothing = pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC"))
        frames = {name: counter.energy(freq, first, after) for name, counter in self.items()}
        frames |= {name: interval_energy(nothing, freq, first, after, self.tz) for name in self.failures}
        if not frames:
            frames = {"energy": interval_energy(nothing, freq, first, after, self.tz)}
        return (
            pd.concat(frames, axis="columns", sort=False)
            .swaplevel(axis="columns")
            .sort_index(axis="columns", level=0, sort_remaining=False)
        )

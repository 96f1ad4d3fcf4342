"""Lifetime energy counters of devices, and the energy of intervals that follows from their readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import quarter_hour_zone
from belimo_nb.calendar.moments import Moment
from belimo_nb.energy import incidents, interval_energy, statement

Kind = Literal["heating", "cooling"]
NOTHING = pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC"))  # the readings of a counter that has none

BEFORE, AFTER = pd.Timedelta(days=7), pd.Timedelta(days=5)
"""How far around a range readings are asked for, so that a collector's freeze, a dropout or a bad reading across its
edge is judged as in any longer range: five days of standstill, and two that show what is usual. A request holds
10,000 buckets, 416 days of hours: a month, a year and two years take as many requests with them as without."""
FILES_AROUND = pd.Timedelta(days=100)  # of imported files, which cost none: meters read once a month or a quarter


@dataclass(frozen=True)
class Counter:
    """The readings of one counter over a range.

    Attributes:
        device: The device's name.
        kind: "heating" or "cooling".
        readings: Series in J at the times the readings are valid for (aware, UTC), those of some days around the range
            with them; NaN where the cloud has none.
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
        return interval_energy(self.readings, freq, *_range(self, start, end), self.tz, self.step, self.p_max)

    def statement(self, freq: str = "MS", start: Moment = None, end: Moment = None) -> pd.DataFrame:
        """The readings that the energy of each interval follows from; see `belimo_nb.energy.statement`."""
        return statement(self.readings, freq, *_range(self, start, end), self.tz, self.step, self.p_max)

    def incidents(self) -> pd.DataFrame:
        """Dropouts, resets, jumps, gaps and the like in the range; see `belimo_nb.energy.incidents`."""
        found = incidents(self.readings, self.tz, self.step, self.p_max)
        return found[(found["to"] >= self.start) & (found["from"] <= self.end)].reset_index(drop=True)


class Counters(Mapping[str, Counter]):
    """Several counters over one range, by name (a device's, or a kind of energy), and why others are missing.

    Args:
        counters: Those that could be had.
        failures: By name, why the others could not.
        start: Begin of the range, aware.
        end: Its end, exclusive, aware.
        tz: IANA zone of the calendar.
        transfers: By name, since when devices that changed hands report under their present ids.
    """

    def __init__(
        self,
        counters: Mapping[str, Counter],
        failures: Mapping[str, str],
        start: pd.Timestamp,
        end: pd.Timestamp,
        tz: str,
        transfers: Mapping[str, pd.Timestamp] = MappingProxyType({}),
    ) -> None:
        self._counters = dict(counters)
        self.failures = dict(failures)
        self._transfers = dict(transfers)
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
        span = _range(self, start, end)
        frames = {name: counter.energy(freq, *span) for name, counter in self.items()}
        lost = self.failures if frames or self.failures else ("energy",)
        frames |= {name: interval_energy(NOTHING, freq, *span, self.tz) for name in lost}
        return (
            pd.concat(frames, axis="columns", sort=False)
            .swaplevel(axis="columns")
            .sort_index(axis="columns", level=0, sort_remaining=False)
        )

    def statement(self, freq: str = "MS", start: Moment = None, end: Moment = None) -> pd.DataFrame:
        """The statements of all of them below each other: a column ``device`` before those of `Counter.statement`.

        Those that could not be had are listed with every interval, "missing".
        """
        span = _range(self, start, end)
        frames = {name: counter.statement(freq, *span) for name, counter in self.items()}
        frames |= {name: statement(NOTHING, freq, *span, self.tz) for name in self.failures}
        return _stacked(frames, statement(NOTHING, tz=self.tz))

    def incidents(self) -> pd.DataFrame:
        """The incidents of all of them below each other: a column ``device`` before those of `Counter.incidents`.

        With "transfer" where a device changed hands: what was before is the history of its earlier id.
        """
        nothing = incidents(NOTHING, self.tz)
        frames = {name: counter.incidents() for name, counter in self.items()}
        for name, since in self._transfers.items():
            moment = pd.DatetimeIndex([since]).tz_convert(self.tz).as_unit("ns")
            row = pd.DataFrame({"from": moment, "to": moment, "what": "transfer", "kwh": np.nan, "counted": True})
            frames[name] = pd.concat([row, found]) if len(found := frames.get(name, nothing)) else row
        return _stacked(frames, nothing)


def _range(of: Counter | Counters, start: Moment, end: Moment) -> tuple[Moment, Moment]:
    """A range within that of some readings, which counts where an edge is not given."""
    return of.start if start is None else start, of.end if end is None else end


def _stacked(frames: Mapping[str, pd.DataFrame], empty: pd.DataFrame) -> pd.DataFrame:
    """Frames below each other, with their names as first column; those without rows lend their types to none."""
    named = [frame.assign(device=name) for name, frame in frames.items() if len(frame)]
    stacked = pd.concat(named, ignore_index=True) if named else empty.assign(device=pd.Series(dtype=str))
    return stacked[["device", *empty.columns]]


def counter_resolution(tz: str, start: pd.Timestamp, end: pd.Timestamp) -> str:
    """How often a counter is read: hourly, or every 15 minutes where local days begin between full hours of UTC."""
    return "15m" if quarter_hour_zone(tz, start, end) else "1h"


def last_reading(end: pd.Timestamp, now: pd.Timestamp) -> pd.Timestamp:
    """Until when readings are asked for: `end`, or the hour after the one that is under way, in UTC."""
    return min(end, now.tz_convert("UTC").ceil("h") + pd.Timedelta(hours=1))


def reading_range(
    start: pd.Timestamp, end: pd.Timestamp, step: pd.Timedelta, now: pd.Timestamp, *, files: bool = False
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The buckets whose readings tell the energy of a range (of imported `files`: further around it).

    A reading belongs to its bucket's end.
    """
    before, after = (FILES_AROUND, FILES_AROUND) if files else (BEFORE, AFTER)
    return start - before - step, last_reading(end + after, now)

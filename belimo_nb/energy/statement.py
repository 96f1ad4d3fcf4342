"""The statement of a meter: month by month the readings that the consumption follows from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import edge_times, local_index
from belimo_nb.calendar.moments import Moment
from belimo_nb.energy.faults import Ints
from belimo_nb.energy.interval import JOULES_PER_KWH, MARKS, intervals
from belimo_nb.energy.readings import Readings, clean

ENDS = [f"{end}_{what}" for end in ("opening", "closing") for what in ("time", "kwh", "next_time", "next_kwh")]
COLUMNS = ["interval", "part", "from", "to", *ENDS, "kwh", "coverage", "quality"]
TIMES = ["interval", "from", "to", *(name for name in ENDS if name.endswith("time"))]


def statement(
    counter: pd.Series[Any],
    freq: str = "MS",
    start: Moment = None,
    end: Moment = None,
    tz: str = "UTC",
    step: pd.Timedelta | str | None = None,
    p_max: float | None = None,
) -> pd.DataFrame:
    """Opening and closing readings of each interval, from which its energy can be recomputed by hand.

    An interval is one row, or one for each stretch between resets and jumps. The counter at ``from`` is

        opening_kwh + (opening_next_kwh - opening_kwh) * (from - opening_time) / (opening_next_time - opening_time)

    and simply ``opening_kwh`` where the reading lies on the edge (``opening_next_time`` is NaT then); likewise at
    ``to`` with the closing readings. ``kwh`` is the one minus the other. The rows of an interval sum to its
    `interval_energy`.

    Args:
        counter: As for `interval_energy`, and so all that follows.
        freq: Length of the intervals.
        start: Begin of the first.
        end: End of the last, exclusive.
        tz: IANA zone of the calendar.
        step: Nominal spacing of the readings.
        p_max: Highest possible power in W.

    Returns:
        DataFrame, columns ``interval`` (its begin), ``part`` (1, 2 ...), ``from``, ``to``, ``opening_time``,
        ``opening_kwh``, ``opening_next_time``, ``opening_next_kwh``, the same four of ``closing``, ``kwh`` (NaN where
        unknown), ``coverage`` and ``quality`` of the whole interval. Times are aware, in `tz`; readings are those of
        the counter, unrounded, in kWh.

    Raises:
        UsageError: As for `interval_energy`.
    """
    readings = clean(counter, step, p_max)
    bounds = edge_times(start, end, freq, tz, readings.first, readings.last)
    kwh, coverage, marks = intervals(bounds, readings)
    rows = []
    for i in range(len(kwh)):
        parts = list(_parts(readings, int(bounds[i]), int(bounds[i + 1])))
        if not parts:
            parts = [((int(bounds[i]), int(bounds[i + 1]), *_NO_READING * 4), float("nan"))]
        for number, (ends, energy) in enumerate(parts, 1):
            known = energy if not np.isnan(kwh[i]) else float("nan")
            rows.append((int(bounds[i]), number, *ends, known, float(coverage[i]), MARKS[marks[i]]))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    for name in TIMES:
        frame[name] = local_index(frame[name].to_numpy(dtype=np.int64), tz)
    return frame


_NO_READING = (int(pd.NaT.value), float("nan"))


def _parts(readings: Readings, begin: int, end: int) -> Iterator[tuple[tuple[float, ...], float]]:
    """The stretches of an interval inside which the register goes on, clipped to it: from, to and `ENDS`, and kWh."""
    if not len(readings.ns):
        return
    broken = np.flatnonzero(readings.reset | readings.jump)
    firsts = np.concatenate(([0], broken + 1))
    lasts = np.concatenate((broken, [len(readings.ns) - 1]))
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        since, until = max(begin, int(readings.ns[first])), min(end, int(readings.ns[last]))
        if since < until:
            opening, at_begin = _anchor(readings.ns, readings.joules, since)
            closing, at_end = _anchor(readings.ns, readings.joules, until)
            yield (since, until, *opening, *closing), at_end - at_begin


def _anchor(ns: Ints, joules: Any, moment: int) -> tuple[tuple[int, float, int, float], float]:
    """The last reading at or before a moment and, unless it lies there, the next; and the counter then, in kWh."""
    i = int(np.searchsorted(ns, moment, "right")) - 1
    kwh = float(joules[i]) / JOULES_PER_KWH
    if ns[i] == moment:
        return (moment, kwh, *_NO_READING), kwh
    after = float(joules[i + 1]) / JOULES_PER_KWH
    share = (moment - int(ns[i])) / (int(ns[i + 1]) - int(ns[i]))
    return (int(ns[i]), kwh, int(ns[i + 1]), after), kwh + (after - kwh) * share

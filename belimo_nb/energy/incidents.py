"""What happened to a counter: dropouts, spikes, freezes, resets, jumps, gaps and conflicts, each with its time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import local_index, zone_name
from belimo_nb.energy.interval import JOULES_PER_KWH
from belimo_nb.energy.readings import clean


def incidents(
    counter: pd.Series[Any], tz: str = "UTC", step: pd.Timedelta | str | None = None, p_max: float | None = None
) -> pd.DataFrame:
    """List where a counter's readings are not simply connected.

    Args:
        counter: As for `interval_energy`.
        tz: IANA zone of the times in the answer.
        step: As for `interval_energy`.
        p_max: As for `interval_energy`.

    Returns:
        DataFrame, one row each in order of time: ``from`` and ``to`` (aware, in `tz`: the good readings around it),
        ``what`` ("dropout", "spike", "freeze", "reset", "jump", "gap", "conflict"), ``kwh`` (the rise of the counter
        across it, NaN for a reset, which hides it), ``counted`` (bool: whether interval energy contains it).

    Raises:
        UsageError: As for `interval_energy`.
    """
    readings = clean(counter, step, p_max)
    ns, rise = readings.ns, np.diff(readings.joules) / JOULES_PER_KWH
    rows: list[tuple[int, int, str, float, bool]] = []
    for pairs, what in (
        (readings.gap & ~readings.reset & ~readings.jump, "gap"),
        (readings.jump, "jump"),
        (readings.reset, "reset"),
    ):
        for i in np.flatnonzero(pairs).tolist():
            known = float("nan") if what == "reset" else float(rise[i])
            rows.append((int(ns[i]), int(ns[i + 1]), what, known, what == "gap"))
    for begin, end, what in readings.dropped:
        around = np.interp([begin, end], ns, readings.joules)
        rows.append((begin, end, what, float(around[1] - around[0]) / JOULES_PER_KWH, True))
    rows += [(moment, moment, "conflict", 0.0, True) for moment in readings.conflicts.tolist()]
    # What is dropped leaves a gap behind: told once, by its cause.
    spans = {(begin, end) for begin, end, _ in readings.dropped}
    rows = sorted(row for row in rows if row[2] != "gap" or (row[0], row[1]) not in spans)
    zone = zone_name(tz)
    frame = pd.DataFrame(rows, columns=["from", "to", "what", "kwh", "counted"])
    for side in ("from", "to"):
        frame[side] = local_index(frame[side].to_numpy(dtype=np.int64), zone)
    return frame.astype({"what": str, "kwh": float, "counted": bool})

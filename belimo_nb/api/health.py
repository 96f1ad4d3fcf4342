"""Troubles: when a device reported an error or a warning of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from belimo_nb.calendar.moments import from_api

HEALTH, CAUSE = "default.1", "default.2"  # ids of two datapoints that every device has: its health, and the cause
WELL = frozenset({"OK", "UNKNOWN", ""})
METER = re.compile(r"sensor|flow[ _]?meter", re.IGNORECASE)  # a cause such as Flow_sensor_error


LASTING = pd.Timedelta(hours=24)  # time from which an error that is over still counts


class Trouble(NamedTuple):
    """A stretch of time in which a device reported an error or a warning.

    Attributes:
        begin: When it began, aware.
        end: When it ended, aware; the end of the range if it goes on.
        state: What the device said, such as ERROR.
        cause: Why, in the device's words; empty if it gave no reason.
    """

    begin: pd.Timestamp
    end: pd.Timestamp
    state: str
    cause: str = ""


def events(rows: Sequence[Mapping[str, Any]], tz: str) -> pd.DataFrame:
    """The API's events of a device as `Device.timeline` gives them: columns time, type and details, oldest first."""
    frame = pd.DataFrame(
        {
            "time": from_api(row.get("timestamp") for row in rows).tz_convert(tz),
            "type": pd.Series([str(row.get("type") or "") for row in rows], dtype=object),
            "details": pd.Series([row.get("details") or {} for row in rows], dtype=object),
        }
    )
    return frame.sort_values("time", kind="stable", ignore_index=True)


def completed(
    kept: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], now: pd.Timestamp
) -> list[Mapping[str, Any]]:
    """The API's events of a device, with those up to now that only an earlier answer had: a cloud may forget some."""
    there = {(str(row.get("timestamp")), str(row.get("type"))) for row in new}
    lost = [row for row in kept if (str(row.get("timestamp")), str(row.get("type"))) not in there]
    past = from_api(row.get("timestamp") for row in lost) <= now
    return [*new, *(row for row, over in zip(lost, past, strict=True) if over)]


def meter_errors(
    timeline: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
) -> list[tuple[pd.Timestamp, pd.Timestamp, str]]:
    """When a device reported that a sensor of its meter fails: begin, end and the cause. See `troubles`."""
    told = troubles(timeline, start, end)
    return [(one.begin, one.end, one.cause) for one in told if METER.search(one.cause)]


def said_of_meter(timeline: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> str:
    """What a device said of its meter, for the checks: errors that last, or lasted for a day; empty if nothing."""
    parts = []
    for begin, after, cause in meter_errors(timeline, start, end):
        if after >= end:
            since = "{cause} since {begin:%Y-%m-%d} or before" if begin == start else "{cause} since {begin:%Y-%m-%d}"
            parts.append(since.format(cause=cause, begin=begin))
        elif after - begin >= LASTING:
            parts.append(f"{cause} from {begin:%Y-%m-%d} to {after:%Y-%m-%d}")
    return ", ".join(parts)


def troubles(timeline: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> list[Trouble]:
    """Find the stretches of a range in which a device reported an error or a warning.

    Args:
        timeline: All events up to the range's end, oldest first, as `Device.timeline` gives them; what was before the
            first event of the health is not known and taken as well.
        start: Begin of the range, aware.
        end: Its end, aware.
    """
    found: list[Trouble] = []
    state, cause, since = "", "", start
    for time, details in zip(timeline["time"], timeline["details"], strict=True):
        values = _values(details)
        if time >= end:
            break
        # Events of other kinds, e.g. a new firmware, say nothing of the health and must not end a trouble.
        if HEALTH not in values and CAUSE not in values:
            continue
        # A value that an event does not mention has not changed.
        following = str(values.get(HEALTH, state))
        if following != state:
            if state not in WELL and time > start:
                found.append(Trouble(since, time, state, cause))
            state, cause, since = following, "", max(time, start)
        cause = str(values.get(CAUSE) or cause) if state not in WELL else ""
    if state not in WELL and end > since:
        found.append(Trouble(since, end, state, cause))
    return found


def _values(details: object) -> Mapping[str, Any]:
    inner = details.get("values", details) if isinstance(details, Mapping) else {}
    return inner if isinstance(inner, Mapping) else {}

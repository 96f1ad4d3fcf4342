"""Resampled history: which requests a range needs, and their answers as one frame."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.api.paging import Get
from belimo_nb.calendar.moments import to_api
from belimo_nb.errors import AnswerError, UsageError

__all__ = [
    "KEPT_AGGREGATION",
    "MOST",
    "MOST_BUCKETS",
    "MissingSeriesWarning",
    "StrangeValueWarning",
    "ask",
    "buckets",
    "checked_buckets",
    "fetch",
    "parse_resolution",
    "tell_lacking",
    "typed",
]

MOST_BUCKETS = 10_000
"""Points of a series that the cloud gives in one answer."""

MOST_ROWS = 10_000_000
"""Buckets of one range; more is a typing error, not a question."""

KEPT_AGGREGATION = "last"
"""The one that the store keeps: counters and reports need no other, and nothing else follows from it exactly."""

MOST = 1e18
"""The largest number that a value can be: in joules, what the biggest valve would meter in a million years."""

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class MissingSeriesWarning(UserWarning):
    """The cloud left a datapoint out of its answer without a word; its column is NaN."""


class StrangeValueWarning(UserWarning):
    """The cloud gave numbers that no meter can have, or text for numbers; they are taken for unknown."""


def parse_resolution(text: str) -> pd.Timedelta:
    """The length of a bucket, from the API's notation: a number and s, m, h, d or w.

    Raises:
        UsageError: It is no such length.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})([smhdw])", str(text).strip())
    if not match:
        raise UsageError(f"The resolution {text!r} is no length of time; write e.g. 15m, 1h or 1d.")
    return pd.Timedelta(seconds=int(match[1]) * SECONDS[match[2]])


def buckets(start: pd.Timestamp, end: pd.Timestamp, step: pd.Timedelta) -> pd.DatetimeIndex:
    """The begins of the buckets of a range, UTC; buckets are multiples of their length since 1970."""
    first = start.tz_convert("UTC").as_unit("ns").floor(step)
    last = end.tz_convert("UTC").as_unit("ns").ceil(step) - step
    return pd.date_range(first, last, freq=step, name="time")


def fetch(
    get: Get,
    device_id: str,
    datapoint_ids: Sequence[str],
    start: pd.Timestamp,
    end: pd.Timestamp,
    resolution: str,
    aggregation: str,
) -> pd.DataFrame:
    """The resampled history of some datapoints of one device.

    Args:
        get: Asks the API: path, query, and what is asked for in words.
        device_id: The device.
        datapoint_ids: What to fetch, all in each request.
        start: First moment, aware; the bucket that contains it is the first row.
        end: First moment after the range, aware.
        resolution: Length of a bucket, e.g. "1h".
        aggregation: How the cloud makes one value of a bucket, e.g. "last".

    Returns:
        DataFrame with one row per bucket, NaN (None for text) where the cloud has no value; index ``time``: the
        bucket's **begin**, UTC; columns: the ids.

    Raises:
        UsageError: The resolution is none, or too fine for the range.
        CloudError: The cloud refuses, fails, or gives what the API does not describe.
    """
    step = parse_resolution(resolution)
    grid = checked_buckets(start, end, resolution)
    parts: dict[str, list[pd.Series[Any]]] = {identifier: [] for identifier in datapoint_ids}
    lacking: set[str] = set()
    for first, after in _windows(grid, step):
        found = ask(get, device_id, datapoint_ids, first, after, resolution, aggregation)
        lacking |= {identifier for identifier in datapoint_ids if identifier not in found}
        for identifier, values in parts.items():
            if identifier in found:
                values.append(found[identifier])
    tell_lacking(device_id, lacking)
    return pd.DataFrame({key: _on_grid(values, grid) for key, values in parts.items()}, grid)


def ask(
    get: Get,
    device_id: str,
    datapoint_ids: Sequence[str],
    first: pd.Timestamp,
    after: pd.Timestamp,
    resolution: str,
    aggregation: str,
) -> dict[str, pd.Series[Any]]:
    """One request of whole buckets, at most `MOST_BUCKETS`: values by their buckets' begins, for each series given."""
    query = {
        "datapointIds": ",".join(datapoint_ids),
        "from": to_api(first),
        "to": to_api(after),
        "resolution": resolution,
        "aggregation": aggregation,
    }
    what = f"the history of device {device_id} from {to_api(first)} to {to_api(after)}"
    body = get(f"/devices/{device_id}/data/history/timeseries", query, what)
    step = parse_resolution(resolution)
    return {
        identifier: _credible(_within(values, first, after, step, what), identifier, what)
        for identifier, values in _series(body, what)
        if identifier in datapoint_ids
    }


def checked_buckets(start: pd.Timestamp, end: pd.Timestamp, resolution: str) -> pd.DatetimeIndex:
    """`buckets`, unless there are more of them than anyone can mean."""
    step = parse_resolution(resolution)
    if (end - start) / step > MOST_ROWS:
        raise UsageError(
            f"From {start:%Y-%m-%d} to {end:%Y-%m-%d} there are too many buckets of {resolution}; use longer ones or a "
            "shorter range."
        )
    return buckets(start, end, step)


def tell_lacking(device_id: str, lacking: Iterable[str]) -> None:
    """Warn of the datapoints that the cloud left out, if any."""
    if names := ", ".join(sorted(lacking)):
        warnings.warn(
            f"The cloud's history of device {device_id} lacks {names}; shown as unknown.",
            MissingSeriesWarning,
            stacklevel=3,
        )


def _windows(grid: pd.DatetimeIndex, step: pd.Timedelta) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    for begin in range(0, len(grid), MOST_BUCKETS):
        window = grid[begin : begin + MOST_BUCKETS]
        yield window[0], window[-1] + step


def _series(body: Mapping[str, Any], what: str) -> list[tuple[str, pd.Series[Any]]]:
    """The answer's series with their datapoint ids; values at the buckets' begins."""
    try:
        found = []
        for series in body["series"]:
            values = series["values"]
            times = pd.DatetimeIndex(pd.to_datetime([v["timestamp"] for v in values], utc=True, format="ISO8601"))
            numbers = pd.Series([v.get("value") for v in values], times.as_unit("ns"), dtype=object)
            # Rows may come twice or out of order; the last that was sent counts.
            found.append((str(series["datapointId"]), numbers[~numbers.index.duplicated(keep="last")]))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise AnswerError(f"The cloud gave {what} not as the API describes it; try again later.") from None
    return found


def _within(
    values: pd.Series[Any], first: pd.Timestamp, after: pd.Timestamp, step: pd.Timedelta, what: str
) -> pd.Series[Any]:
    """The buckets that were asked for; some clouds add the one that begins at the end."""
    values = values[(values.index >= first) & (values.index < after)]
    if ((pd.DatetimeIndex(values.index) - first) % step).any():
        # On another grid all of them would be lost without a word.
        raise AnswerError(f"The cloud gave {what} in other buckets than were asked for; use another resolution.")
    return values


def _credible(values: pd.Series[Any], identifier: str, what: str) -> pd.Series[Any]:
    """The values without the numbers that cannot be: a counter that reads 1e308 J, or infinity, is broken."""
    strange = np.array([isinstance(value, (int, float)) and abs(value) > MOST for value in values], bool)
    if not strange.any():
        return values
    warnings.warn(
        f"In {what}, {strange.sum()} of {len(values)} values of {identifier} are larger than any meter counts; taken "
        "for unknown.",
        StrangeValueWarning,
        stacklevel=3,
    )
    return values.where(~strange)


def _on_grid(parts: Sequence[pd.Series[Any]], grid: pd.DatetimeIndex) -> pd.Series[Any]:
    return typed(pd.concat(parts).reindex(grid) if parts else pd.Series(np.nan, grid))


def typed(values: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers as floats, NaN where there is none; anything else as it is, None where there is none."""
    known = values.dropna()
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        return values.astype(float)
    return values.astype(object).where(values.notna(), None)

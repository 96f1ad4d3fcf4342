"""Resampled history: its requests, and their answers checked and joined to one frame."""

from __future__ import annotations

import contextlib
import functools
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.api.paging import Get
from belimo_nb.calendar.moments import from_api, to_api
from belimo_nb.errors import AnswerError, UsageError
from belimo_nb.quantities import plural

# The API's own limit: a longer range is asked for in windows of this length.
MAX_BUCKETS = 10_000  # values of a series that the cloud gives in one answer at most
MAX_TOTAL_BUCKETS = 10_000_000  # buckets of one range; more is taken for a typing error
KEPT_AGGREGATION = "last"  # the only aggregation that the store keeps: counters and reports need no other
HOUR = pd.Timedelta(hours=1)
FEW_BUCKETS = 5  # from so many on their distances tell something
MAX_VALUE = 1e18  # the largest credible value: in joules, what the biggest valve would meter in a million years
MAX_STEP = 366 * 86400  # the longest bucket, in seconds
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class MissingSeriesWarning(UserWarning):
    """The cloud left a datapoint out of its answer; its column is NaN."""


class StrangeValueWarning(UserWarning):
    """The cloud gave numbers that no meter can have, or text for numbers; they are taken for unknown."""


class OtherBucketsWarning(UserWarning):
    """The cloud does not say which buckets it gives, and they lie further apart than those that were asked for."""


def parse_resolution(text: str) -> pd.Timedelta:
    """Parse the length of a bucket in the API's notation: a number and s, m, h, d or w.

    Raises:
        UsageError: It is no such length.
    """
    return _length(str(text))


@functools.lru_cache(maxsize=256)
def _length(text: str) -> pd.Timedelta:
    match = re.fullmatch(r"([1-9]\d{0,5})([smhdw])", text.strip(), re.ASCII)
    seconds = int(match[1]) * SECONDS[match[2]] if match else 0
    if not 0 < seconds <= MAX_STEP:
        raise UsageError(f"The resolution {text!r} is no length of time up to a year; write e.g. 15m, 1h or 1d.")
    return pd.Timedelta(seconds=seconds)


@functools.lru_cache(maxsize=64)  # the devices of a fleet share them
def buckets(start: pd.Timestamp, end: pd.Timestamp, step: pd.Timedelta) -> pd.DatetimeIndex:
    """The begins (UTC) of the buckets that a range touches."""
    # The cloud's buckets are multiples of their length since 1970, whatever the range asked for.
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
    """Fetch the resampled history of some datapoints of one device.

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
    for begin in range(0, len(grid), MAX_BUCKETS):
        window = grid[begin : begin + MAX_BUCKETS]
        found = ask_window(get, device_id, datapoint_ids, window[0], window[-1] + step, resolution, aggregation)
        lacking |= {identifier for identifier in datapoint_ids if identifier not in found}
        for identifier, values in parts.items():
            if identifier in found:
                values.append(found[identifier])
    warn_missing_series(device_id, lacking)
    whole = {key: pd.concat(some).reindex(grid) if some else pd.Series(np.nan, grid) for key, some in parts.items()}
    return pd.DataFrame({key: typed(values) for key, values in whole.items()}, grid)


def ask_window(
    get: Get,
    device_id: str,
    datapoint_ids: Sequence[str],
    first: pd.Timestamp,
    after: pd.Timestamp,
    resolution: str,
    aggregation: str,
) -> dict[str, pd.Series[Any]]:
    """Fetch one window of at most `MAX_BUCKETS` whole buckets; values by bucket begin for each series that came.

    Raises:
        AnswerError: The answer is none that the API describes, or one to another question.
    """
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
    series = _series(body, what)
    is_ours: dict[str, Callable[[object], bool]] = {
        "deviceId": lambda found: str(found) == device_id,
        "from": lambda found: _is_time(found, first),
        "to": lambda found: _is_time(found, after),
        "resolution": lambda found: _is_length(found, step),
        "aggregation": lambda found: str(found).casefold() == aggregation.casefold(),
    }
    came = [key for key, _ in series]
    others = [key for key in came if key not in datapoint_ids]
    echoed = [(key, one.get(key)) for one in (body, *body["series"]) for key in is_ours]
    wrong = [(key, found) for key, found in echoed if found is not None and not is_ours[key](found)]
    # More than was asked for is harmless, but not instead of it.
    wrong += [("datapoint", key) for key in others if not set(datapoint_ids) <= set(came)]
    wrong += [("datapoint", f"{key} twice") for key in datapoint_ids if came.count(key) > 1]
    # An answer to another question would be kept for good; a cloud that does not repeat the question is believed.
    for key, found in wrong[:1]:
        raise AnswerError(
            f"Asked for {what} as {aggregation} of {resolution}, the cloud answered with the "
            f"{key.removesuffix('Id')} {str(found)[:40]!r}; nothing of it is used: ask again later."
        )
    if not any(key == "resolution" and found is not None for key, found in echoed):
        _warn_of_other_buckets([values.index for _, values in series], step, what)
    return {
        identifier: _without_impossible(_in_window(values, first, after, step, what), identifier, what)
        for identifier, values in series
        if identifier in datapoint_ids
    }


def _warn_of_other_buckets(times: Sequence[pd.Index[Any]], step: pd.Timedelta, what: str) -> None:
    """Warn if all series together have buckets, and never two in a row."""
    # A valve that reports once a day looks the same, so this is no error.
    moments = functools.reduce(pd.Index.union, times).to_series() if times else pd.Series()
    apart = moments.diff().min()
    if len(moments) >= FEW_BUCKETS and apart > step:
        warnings.warn(
            f"The cloud gives {what} without saying in which buckets, and they begin {apart / HOUR:g} h apart, not "
            f"{step / HOUR:g} h; `belimo-nb check-cloud` tells whether they are those that were asked for.",
            OtherBucketsWarning,
            stacklevel=3,
        )


def checked_buckets(start: pd.Timestamp, end: pd.Timestamp, resolution: str) -> pd.DatetimeIndex:
    """As `buckets`; raises `UsageError` for more than `MAX_TOTAL_BUCKETS`."""
    step = parse_resolution(resolution)
    if (end - start) / step > MAX_TOTAL_BUCKETS:
        raise UsageError(
            f"From {start:%Y-%m-%d} to {end:%Y-%m-%d} there are too many buckets of {resolution}; use longer ones or a "
            "shorter range."
        )
    return buckets(start, end, step)


def warn_missing_series(device_id: str, lacking: Iterable[str]) -> None:
    """Warn of the datapoints that the cloud left out, if any."""
    # The API leaves unknown ids out without an error; unsaid, the column would look like a meter that stood still.
    if names := ", ".join(sorted(lacking)):
        warnings.warn(
            f"The cloud's history of device {device_id} lacks {names}; shown as unknown.",
            MissingSeriesWarning,
            stacklevel=3,
        )


def _series(body: Mapping[str, Any], what: str) -> list[tuple[str, pd.Series[Any]]]:
    """Parse the answer's series: datapoint id, and values by bucket begin."""
    try:
        found = []
        texts: list[Any] = []
        times = pd.DatetimeIndex([], tz="UTC")
        for series in body["series"]:
            values = series["values"]
            if (stamps := [v["timestamp"] for v in values]) != texts:  # most series have the times of the one before
                texts = stamps
                times = pd.DatetimeIndex(pd.to_datetime(texts, utc=True, format="ISO8601")).as_unit("ns")
            said = [v.get("value") for v in values]
            if not {list, dict}.isdisjoint(map(type, said)):
                said = [None if isinstance(value, (list, dict)) else value for value in said]
            numbers = pd.Series(said, times, dtype=object)
            # Rows may come twice or out of order; the last that was sent counts.
            alone = numbers if times.is_unique else numbers[~times.duplicated(keep="last")]
            found.append((str(series["datapointId"]), alone))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise AnswerError(f"The cloud gave {what} not as the API describes it; try again later.") from None
    return found


def _is_time(found: object, moment: pd.Timestamp) -> bool:
    """Whether a time is that moment, to the second; a form that is not known says nothing."""
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return found in (moment.timestamp(), moment.timestamp() * 1000)
    time = from_api([found])[0]
    return pd.isna(time) or abs(time - moment) < pd.Timedelta(seconds=1)


def _is_length(found: object, step: pd.Timedelta) -> bool:
    """Whether a length as a cloud may write it (1h, 60m, PT1H, seconds, milliseconds) is that of a bucket."""
    if isinstance(found, (int, float)):
        return found in (step.total_seconds(), step.total_seconds() * 1000)
    try:
        text = str(found)
        return (pd.Timedelta(text) if text.startswith("P") else parse_resolution(text)) == step
    except ValueError:
        return False


def _in_window(
    values: pd.Series[Any], first: pd.Timestamp, after: pd.Timestamp, step: pd.Timedelta, what: str
) -> pd.Series[Any]:
    """The buckets that were asked for; raises `AnswerError` for buckets that begin elsewhere, or lie outside."""
    times = pd.DatetimeIndex(values.index)
    if ((times - first) % step).any():
        # Put on our grid, all of them would be lost, and look like a range without readings.
        raise AnswerError(f"The cloud gave {what} in other buckets than were asked for; use another resolution.")
    # Some clouds add the bucket that begins at the end.
    if ((times < first) | (times > after)).any():
        strange = times[(times < first) | (times > after)][0]
        raise AnswerError(f"The cloud gave {what} with values outside, at {to_api(strange)}; try again later.")
    return values[times < after]


def _without_impossible(values: pd.Series[Any], identifier: str, what: str) -> pd.Series[Any]:
    """Replace numbers beyond `MAX_VALUE` by NaN, with a warning: a counter at 1e308 J, or infinity, is broken."""
    if set(map(type, values)) <= {float, int, type(None)}:  # as nearly always: at once, not one by one
        with contextlib.suppress(OverflowError):  # an integer that no float can be
            if not (np.abs(values.to_numpy(float)) > MAX_VALUE).any():
                return values
    strange = np.array([isinstance(value, (int, float)) and abs(value) > MAX_VALUE for value in values], bool)
    if not strange.any():
        return values
    of = f"of {plural(len(values), 'value')} of {identifier}"
    larger = plural(strange.sum(), f"{of} is larger", f"{of} are larger")
    warnings.warn(
        f"In {what}, {larger} than any meter counts; taken for unknown.",
        StrangeValueWarning,
        stacklevel=3,
    )
    return values.where(~strange)


def typed(values: pd.Series[Any]) -> pd.Series[Any]:
    """Convert to floats (NaN where there is none) if all values are numbers, else to objects (None)."""
    kinds = set(map(type, values.dropna()))
    if all(issubclass(kind, (int, float)) and not issubclass(kind, bool) for kind in kinds):
        return values.astype(float)
    return values.astype(object).where(values.notna(), None)

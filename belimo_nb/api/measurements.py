"""Raw history converted to quantities in display units, and to energy counters."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.api.history import MAX_VALUE, StrangeValueWarning
from belimo_nb.api.profile import Profile
from belimo_nb.api.sparse import true_spacing
from belimo_nb.calendar.periods import Period
from belimo_nb.energy import JOULES_PER_KWH
from belimo_nb.energy.counter import Counter, Kind
from belimo_nb.quantities import ENERGY, QUANTITIES, column_index, plural


def quantities(
    raw: pd.DataFrame,
    profile: Profile | None,
    located: Mapping[str, str | None],
    step: pd.Timedelta,
    tz: str,
    name: str = "a device",
) -> pd.DataFrame:
    """Convert raw history to quantities in display units.

    Args:
        raw: History as the cloud gives it: index the begins of buckets, columns datapoint ids.
        profile: What the datapoints mean; None for a device of which nothing is known.
        located: The datapoint of each quantity, or None where the device has none.
        step: Length of a bucket.
        tz: IANA zone of the result.
        name: The device's, for warnings.

    Returns:
        DataFrame, index ``time``: the **end** of the bucket, which its last reading belongs to, in `tz`; columns as
        `belimo_nb.quantities` names them, in the order of `located`; NaN where unknown.
    """
    # One block, filled column by column: there may be thousands of valves.
    whole = raw.to_numpy()
    block = np.full((len(raw), len(located)), np.nan, order="F")
    for position, (key, identifier) in enumerate(located.items()):
        if identifier is not None and profile is not None:
            values = _read(raw, whole, identifier, name)
            block[:, position] = QUANTITIES[key].dimension.convert(values, profile.unit(identifier))
    # The value of a bucket is its last reading, taken just before the bucket ends.
    ends = (pd.DatetimeIndex(raw.index) + step).tz_convert(tz).rename("time")
    columns = column_index(tuple(QUANTITIES[key].column for key in located))
    found = pd.DataFrame(block, ends, columns, copy=False)
    found.attrs.update(raw.attrs)
    return found


def counters(
    raw: pd.DataFrame,
    profile: Profile,
    located: Mapping[Kind, str],
    step: pd.Timedelta,
    name: str,
    span: Period,
    tz: str,
    limit: float | None,
) -> dict[str, Counter]:
    """Make energy counters, by kind, from raw history.

    Args:
        raw: As for `quantities`.
        profile: What the datapoints mean.
        located: The counters' datapoints.
        step: Length of a bucket.
        name: The device's name.
        span: The range that is asked about.
        tz: IANA zone of the calendar.
        limit: Highest possible power in W, see `belimo_nb.energy.design_limit`; None: none.
    """
    spacing = true_spacing(raw, step)
    ends = pd.DatetimeIndex(raw.index) + step
    whole = raw.to_numpy()
    return {
        kind: Counter(
            name,
            kind,
            pd.Series(
                ENERGY.convert(_read(raw, whole, identifier, name), profile.unit(identifier)) * JOULES_PER_KWH,
                ends,
                name=identifier,
            ),
            spacing,
            limit,
            span.start,
            span.end,
            tz,
        )
        for kind, identifier in located.items()
    }


def _read(raw: pd.DataFrame, whole: npt.NDArray[Any], identifier: str, name: str) -> npt.NDArray[np.float64]:
    """A column as floats; text that is no number ("12.3 kWh", "12,3") is told: how it is meant, it does not say."""
    if whole.dtype == float:
        return whole[:, raw.columns.get_loc(identifier)]
    values = raw[identifier]
    numbers = _numbers(values)
    lost = [str(value).strip() for value in values[numbers.isna() & values.notna()]]
    lost = [text for text in lost if text.casefold() not in ("", "nan")]
    if lost:
        warnings.warn(
            f"In the history of {name}, {len(lost)} of {plural(values.count(), 'value')} of {identifier} are no "
            f"numbers, the first of them {lost[0][:40]!r}; taken for unknown.",
            StrangeValueWarning,
            stacklevel=4,
        )
    return numbers.to_numpy()


def _numbers(values: pd.Series[Any]) -> pd.Series[Any]:
    """Convert to floats, also from text; NaN for what is none (True is none either) or beyond `MAX_VALUE`."""
    numbers = pd.to_numeric(values.mask(values.map(pd.api.types.is_bool)), errors="coerce").astype(float)
    return numbers.where(numbers.abs() <= MAX_VALUE)

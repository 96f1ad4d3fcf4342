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
from belimo_nb.energy import JOULES_PER_KWH, design_limit
from belimo_nb.energy.counter import Counter, Kind
from belimo_nb.quantities import ENERGY, QUANTITIES, plural

Floats = npt.NDArray[np.float64]


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
    columns: dict[str, Any] = {QUANTITIES[key].column: np.nan for key in located}
    if profile is not None:
        asked = {key: raw[key].to_numpy() for key in located.values() if key is not None}
        columns |= converted(asked, profile, located, name)
    # The value of a bucket is its last reading, taken just before the bucket ends.
    ends = (pd.DatetimeIndex(raw.index) + step).tz_convert(tz).rename("time")
    found = pd.DataFrame(columns, ends, dtype=float)
    found.attrs.update(raw.attrs)
    return found


def converted(
    raw: Mapping[str, npt.NDArray[Any]], profile: Profile, located: Mapping[str, str | None], name: str
) -> dict[str, Floats]:
    """As `quantities`, of arrays by datapoint: those of the quantities that are located."""
    return {
        QUANTITIES[key].column: QUANTITIES[key].dimension.convert(
            numbers_of(raw[identifier], identifier, name), profile.unit(identifier)
        )
        for key, identifier in located.items()
        if identifier is not None
    }


def counters(
    raw: pd.DataFrame,
    profile: Profile,
    located: Mapping[Kind, str],
    step: pd.Timedelta,
    name: str,
    span: Period,
    tz: str,
    nominal_flow_m3h: float,
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
        nominal_flow_m3h: The valve's nominal flow, which limits its power; NaN: unknown.
    """
    spacing = true_spacing(raw, step)
    ends = pd.DatetimeIndex(raw.index) + step
    found: dict[str, Counter] = {}
    for kind, identifier in located.items():
        read = joules(raw[identifier].to_numpy(), profile, identifier, name)
        limit = design_limit(nominal_flow_m3h, read, spacing.total_seconds())
        series = pd.Series(read, ends, name=identifier)
        found[kind] = Counter(name, kind, series, spacing, limit, span.start, span.end, tz)
    return found


def joules(values: npt.NDArray[Any], profile: Profile, identifier: str, name: str) -> Floats:
    """The readings of an energy counter in J, as `belimo_nb.energy` takes them."""
    return ENERGY.convert(numbers_of(values, identifier, name), profile.unit(identifier)) * JOULES_PER_KWH


def numbers_of(values: npt.NDArray[Any], identifier: str, name: str) -> Floats:
    """A column as floats; text that is no number ("12.3 kWh", "12,3") is told: how it is meant, it does not say."""
    if values.dtype == float:
        return values
    given = pd.Series(values)
    # True is no number either.
    numbers = pd.to_numeric(given.mask(given.map(pd.api.types.is_bool)), errors="coerce").astype(float)
    numbers = numbers.where(numbers.abs() <= MAX_VALUE)  # also NaN where it is more than any meter counts
    lost = [str(value).strip() for value in given[numbers.isna() & given.notna()]]
    lost = [text for text in lost if text.casefold() not in ("", "nan")]
    if lost:
        warnings.warn(
            f"In the history of {name}, {len(lost)} of {plural(given.count(), 'value')} of {identifier} are no "
            f"numbers, the first of them {lost[0][:40]!r}; taken for unknown.",
            StrangeValueWarning,
            stacklevel=4,
        )
    return np.asarray(numbers, dtype=np.float64)

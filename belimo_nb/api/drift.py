"""Settings that differ from what most valves have, or from what is wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from belimo_nb.api.devices import datapoint_values, name_of, profile_ref, subobject
from belimo_nb.api.profile import Profile
from belimo_nb.quantities import in_words

LEAST_VALVES = 5  # valves with a setting from which on there is a usual value
SETTING_PREFIXES = ("Set", "Select")  # of the settings of Energy Valve 4, whose profile does not say what is writable


def settings_frame(records: Sequence[Mapping[str, Any]], profile: Callable[[str], Profile | None]) -> pd.DataFrame:
    """Tabulate the settings of devices, as their latest state has them.

    Args:
        records: The API's device objects.
        profile: Gives the dataprofile at a path; None where the cloud will not.

    Returns:
        DataFrame, columns id, device (its name), setting (the datapoint's name), value (as the cloud gives it) and
        unit; one row a setting that has a value.
    """
    rows = []
    for record in records:
        ref = profile_ref(record)
        found = None if ref is None else profile(ref)
        values = datapoint_values(subobject(record, "state"))
        points = [] if found is None else found.datapoints.itertuples(name=None)
        for identifier, name, _, unit, access, _ in points:
            value = values.get(identifier)
            if is_setting(identifier, name, access) and isinstance(value, (int, float, str)):
                rows.append((str(record["id"]), name_of(record), short_name(identifier, name), value, unit))
    return pd.DataFrame(rows, columns=["id", "device", "setting", "value", "unit"])


def short_name(identifier: str, name: str) -> str:
    """The name of a datapoint without the path that Energy Valve 4 puts before it."""
    return (name or identifier).rsplit("/", 1)[-1]


def is_setting(identifier: str, name: str, access: str) -> bool:
    """Whether a datapoint is one that can be set; what the owner wrote about the device is none."""
    settable = "w" in access or (not access and short_name(identifier, name).startswith(SETTING_PREFIXES))
    return settable and not identifier.startswith("metadata.")


def drift(settings: pd.DataFrame, wanted: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """The settings that differ from the wanted or, without any, from the usual value.

    The usual value is that of more than half of at least `LEAST_VALVES` valves.

    Args:
        settings: As `settings_frame` gives them.
        wanted: Values by setting's name, in any case; None: the usual ones.

    Returns:
        DataFrame, columns device, setting, value, expected and unit, all texts, values in words where there are any;
        and valves, the number of valves that have the setting.
    """
    plain = None if wanted is None else {name.casefold(): value for name, value in wanted.items()}
    rows = []
    for (setting, unit), group in settings.groupby(["setting", "unit"], sort=True):
        values = dict(zip(map(_comparable, group["value"]), group["value"], strict=True))
        keys = [_comparable(value) for value in group["value"]]
        if plain is not None:
            expected = plain.get(str(setting).casefold())
        else:
            usual, count = Counter(keys).most_common(1)[0]
            expected = values[usual] if len(keys) >= LEAST_VALVES and 2 * count > len(keys) else None
        if expected is None:
            continue
        for device, value, key in zip(group["device"], group["value"], keys, strict=True):
            if key != _comparable(expected):
                texts = (_text(str(setting), one) for one in (value, expected))
                rows.append((device, str(setting), *texts, unit, len(keys)))
    return pd.DataFrame(rows, columns=["device", "setting", "value", "expected", "unit", "valves"])


def _comparable(value: Any) -> float | str:
    """A value such that 4, 4.0 and "4" are the same, as are texts in any case."""
    try:
        return round(float(value), 9)
    except ValueError:
        return str(value).strip().casefold()


def _text(setting: str, value: Any) -> str:
    return in_words(setting, value) or (f"{value:g}" if isinstance(value, float) else str(value))

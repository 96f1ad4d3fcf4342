"""The water of valves by day, from the cloud: energy, volume, delta-T, supply and return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.several import ask_each, devices_by_name
from belimo_nb.energy.counter import Kind, counter_resolution
from belimo_nb.errors import BelimoError
from belimo_nb.hydronics.daily_water import daily_water
from belimo_nb.hydronics.effect import MONTHS

if TYPE_CHECKING:
    from belimo_nb.cloud.connection import Connection
    from belimo_nb.cloud.device import Device

WATER = ("heating_energy", "cooling_energy", "volume", "flow", "t1", "t2")  # quantities that tell of it


@dataclass(frozen=True)
class Water:
    """The water of several valves over a period.

    Attributes:
        days: By valve's name, as `belimo_nb.hydronics.daily_water` gives them.
        failures: By valve's name, why there are none.
        kind: "heating" or "cooling".
    """

    days: Mapping[str, pd.DataFrame] = field(repr=False)
    failures: Mapping[str, str]
    kind: Kind


def device_water(device: Device, kind: Kind, period: Period) -> pd.DataFrame:
    """One valve's water by local day; see `belimo_nb.hydronics.daily_water`.

    Raises:
        NoDataError: Offline, and the store has none of it.
    """
    step = counter_resolution(str(period.start.tz), period.start, period.end)
    samples = device.measurements(WATER, period.start, period.end, step)
    design = device.design
    return daily_water(
        samples,
        kind,
        period.start,
        period.end,
        nominal_flow_m3h=design.nominal_flow_m3h,
        glycol_pct=design.glycol_pct,
    )


def valves_water(connection: Connection, valves: pd.DataFrame, kind: Kind, period: Period) -> Water:
    """Several valves' water by local day; one that fails costs none of the others.

    Args:
        connection: The cloud of the valves.
        valves: Rows of `Cloud.devices`.
        kind: "heating" or "cooling".
        period: Local midnights.
    """
    named = devices_by_name(connection, valves.index)
    found = dict(zip(named, ask_each(named.values(), lambda one: device_water(one, kind, period)), strict=True))
    return Water(
        {name: days for name, days in found.items() if isinstance(days, pd.DataFrame)},
        {name: str(error) for name, error in found.items() if isinstance(error, BelimoError)},
        kind,
    )


def sides(changed: pd.Timestamp, period: Period) -> Period:
    """The days that a change is judged by: up to 12 months before it and after it, these within the period."""
    day = changed.normalize()
    # A day more, since the first one has no reading at its begin.
    begin = day - pd.DateOffset(months=MONTHS, days=1)
    return Period(begin, min(day + pd.DateOffset(months=MONTHS), period.end))

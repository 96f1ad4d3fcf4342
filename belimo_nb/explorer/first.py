"""What the widgets begin with: the arguments, else the last choice, else what suits most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from belimo_nb.api.history import parse_resolution
from belimo_nb.calendar.moments import Moment
from belimo_nb.errors import BelimoError, NoDataError
from belimo_nb.explorer.choice import AUTOMATIC, Choice, days_back
from belimo_nb.explorer.memory import kept

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud

__all__ = ["first_choice"]


def first_choice(
    cloud: Cloud,
    device: str | None,
    *,
    datapoints: Sequence[str] | None = None,
    start: Moment = None,
    end: Moment = None,
    resolution: str | None = None,
) -> Choice:
    """The choice that the widgets show first; arguments as for `belimo_nb.explore`.

    Raises:
        UsageError: An argument cannot be used.
        NoDataError: The account sees no device.
        CloudError: The devices cannot be listed.
    """
    listed = cloud.listed_devices()
    if listed.empty:
        raise NoDataError("The account sees no device, so there is nothing to explore; check it with belimo-nb login.")
    last = kept(cloud.settings)
    if device is not None:
        identifier = cloud.device(device).id
    elif last is not None and last.device in listed.index:
        identifier = last.device
    else:
        identifier = _usual_device(cloud, listed)
    choice = replace(last, device=identifier) if last is not None else Choice(identifier)
    if start is not None or end is not None:
        period = cloud.period(start, end)
        final = (period.end - pd.Timedelta(1, "us")).date()
        choice = replace(choice, first=period.start.date(), last=final, span="")
    elif choice.span:
        first, final = days_back(choice.span, cloud.now)
        choice = replace(choice, first=first, last=final)
    if resolution is not None:
        if resolution != AUTOMATIC:
            parse_resolution(resolution)
        choice = replace(choice, resolution=resolution)
    if datapoints:
        profile = cloud.profile_of(identifier)
        ids = tuple(dict.fromkeys(profile.resolve(key) for key in datapoints))
        choice = replace(choice, datapoints={**choice.datapoints, profile.ref: ids})
    return choice


def _usual_device(cloud: Cloud, listed: pd.DataFrame) -> str:
    """The first energy valve, else the first device."""
    try:
        valves = cloud.energy_valves(listed[listed["profile"].notna()])
    except BelimoError:
        valves = listed  # a dataprofile that cannot be had is a matter of the devices that have it
    return str((valves if len(valves) else listed).index[0])

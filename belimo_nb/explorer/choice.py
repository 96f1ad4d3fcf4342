"""Choice of device, datapoints, range and resolution, and its file in the data folder."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from belimo_nb.api.history import parse_resolution
from belimo_nb.calendar.moments import Moment
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.errors import BelimoError, NoDataError, UsageError
from belimo_nb.explorer import is_voila
from belimo_nb.settings import Settings
from belimo_nb.store.disk import source_folder
from belimo_nb.system.files import check_inside, read_bytes, write_text

AUTO = "auto"

SPANS: Mapping[str, pd.DateOffset] = {
    "day": pd.DateOffset(days=1),
    "week": pd.DateOffset(days=7),
    "month": pd.DateOffset(months=1),
    "year": pd.DateOffset(years=1),
}
"""Ranges up to now, by name."""


@dataclass(frozen=True)
class Choice:
    """A choice; first and last day are local and inclusive.

    Attributes:
        device: Id of the device.
        first: First day; None if not set.
        last: Last day; None if not set.
        span: Name in `SPANS` of a range up to now, "" for fixed days: tomorrow, "week" means other days.
        resolution: Time between two points, or `AUTO`.
        datapoints: Chosen ids by dataprofile; a missing dataprofile has the default ones.
        others: Ids of devices to show beside it.
    """

    device: str
    first: date | None = None
    last: date | None = None
    span: str = "week"
    resolution: str = AUTO
    datapoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    others: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Convert to plain JSON types."""
        days = {key: day and day.isoformat() for key, day in (("first", self.first), ("last", self.last))}
        chosen = {ref: list(ids) for ref, ids in self.datapoints.items()}
        return {**asdict(self), **days, "datapoints": chosen, "others": list(self.others)}

    @classmethod
    def from_json(cls, data: Any) -> Choice:
        """Parse what `as_json` gave.

        Raises:
            ValueError: The data are no choice.
        """
        try:
            first, last = (None if data[key] is None else date.fromisoformat(data[key]) for key in ("first", "last"))
            chosen = {str(ref): tuple(str(item) for item in ids) for ref, ids in data["datapoints"].items()}
            others = tuple(str(item) for item in data.get("others", ()))
            found = cls(str(data["device"]), first, last, str(data["span"]), str(data["resolution"]), chosen, others)
            if found.span and found.span not in SPANS:
                raise ValueError(f"there is no range {found.span!r}")
            if found.resolution != AUTO:
                parse_resolution(found.resolution)
        except (KeyError, TypeError, AttributeError, UsageError) as error:
            raise ValueError(f"no choice: {error}") from None
        return found


def range_up_to_now(span: str, now: pd.Timestamp) -> tuple[date, date]:
    """First and last day of a range in `SPANS`: today, and the day that long before."""
    today = now.tz_localize(None).normalize()
    return (today - SPANS[span]).date(), today.date()


def initial_choice(
    cloud: Cloud,
    device: str | None,
    *,
    datapoints: Sequence[str] | None = None,
    start: Moment = None,
    end: Moment = None,
    resolution: str | None = None,
) -> Choice:
    """Choice to show first: arguments (as of `belimo_nb.explore`), then the saved choice, then defaults.

    Raises:
        UsageError: An argument cannot be used.
        NoDataError: The account sees no device.
        CloudError: The devices cannot be listed.
    """
    listed = cloud.connection.listed_devices()
    if listed.empty:
        raise NoDataError("The account sees no device, so there is nothing to explore; check it with belimo-nb login.")
    last = load_choice(cloud.settings)
    if device is not None:
        identifier = cloud.device(device).id
    elif last is not None and last.device in listed.index:
        identifier = last.device
    else:
        identifier = _usual_device(cloud, listed)
    choice = Choice(identifier)
    if last is not None:
        choice = replace(last, device=identifier, others=tuple(other for other in last.others if other in listed.index))
    if start is not None or end is not None:
        period = cloud.period(start, end)
        final = (period.end - pd.Timedelta(1, "us")).date()
        choice = replace(choice, first=period.start.date(), last=final, span="")
    elif choice.span:
        first, final = range_up_to_now(choice.span, cloud.now)
        choice = replace(choice, first=first, last=final)
    if resolution is not None:
        if resolution != AUTO:
            parse_resolution(resolution)
        choice = replace(choice, resolution=resolution)
    if datapoints:
        profile = cloud.connection.profile_of(cloud.connection.device_list.known()[identifier])
        ids = tuple(dict.fromkeys(profile.resolve(key) for key in datapoints))
        choice = replace(choice, datapoints={**choice.datapoints, profile.ref: ids})
    return choice


def _usual_device(cloud: Cloud, listed: pd.DataFrame) -> str:
    """Id of the first energy valve, else of the first device."""
    try:
        valves = cloud.energy_valves(listed[listed["profile"].notna()])
    except BelimoError:
        valves = listed  # one dataprofile that cannot be fetched must not stop the others' devices
    return str((valves if len(valves) else listed).index[0])


VERSION = 1


def choice_path(settings: Settings) -> Path:
    """File of the choice: ``<data dir>/explore/v1/<cloud>/<account>.json``, another one for pages of Voila."""
    # Hashed, because a user name may hold characters that a file name cannot.
    account = hashlib.sha256(settings.username.encode()).hexdigest()[:12]
    # A page that others look at must not begin with what its maker last chose in JupyterLab, nor the other way round.
    page = "-voila" if is_voila() else ""
    return settings.data_dir / "explore" / f"v{VERSION}" / source_folder(settings) / f"{account}{page}.json"


def load_choice(settings: Settings) -> Choice | None:
    """Load the last choice; None if it is missing or damaged, which is no loss."""
    path = choice_path(settings)
    try:
        check_inside(path, settings.data_dir)
        return Choice.from_json(json.loads(read_bytes(path)))
    except (OSError, ValueError):
        return None


def save_choice(settings: Settings, choice: Choice) -> None:
    """Save a choice for the next time; a disk error is only logged."""
    try:
        text = json.dumps(choice.as_json(), indent=1) + "\n"
        write_text(choice_path(settings), text, private=True, inside=settings.data_dir)
    except OSError as error:
        logging.getLogger(__name__).info("The choice is not kept for the next time (%s).", error)

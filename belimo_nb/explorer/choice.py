"""What is chosen: a device, datapoints, a range and a resolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

import pandas as pd

from belimo_nb.api.history import parse_resolution
from belimo_nb.errors import UsageError

__all__ = ["AUTOMATIC", "SPANS", "Choice", "days_back"]

AUTOMATIC = "auto"

SPANS: Mapping[str, pd.DateOffset] = MappingProxyType(
    {
        "day": pd.DateOffset(days=1),
        "week": pd.DateOffset(days=7),
        "month": pd.DateOffset(months=1),
        "year": pd.DateOffset(years=1),
    }
)
"""Ranges up to now, by name."""


@dataclass(frozen=True)
class Choice:
    """A choice; the range's days are local, both included.

    Attributes:
        device: The device's id.
        first: First day; None where none is set.
        last: Last day; None where none is set.
        span: The name in `SPANS` that first and last follow, "" for none: tomorrow "week" means other days.
        resolution: Length of a bucket, or `AUTOMATIC`.
        datapoints: Ids for each dataprofile; a profile that is missing has its usual ones.
    """

    device: str
    first: date | None = None
    last: date | None = None
    span: str = "week"
    resolution: str = AUTOMATIC
    datapoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    def as_json(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "device": self.device,
            "first": None if self.first is None else self.first.isoformat(),
            "last": None if self.last is None else self.last.isoformat(),
            "span": self.span,
            "resolution": self.resolution,
            "datapoints": {ref: list(ids) for ref, ids in self.datapoints.items()},
        }

    @classmethod
    def from_json(cls, data: Any) -> Choice:
        """The choice that `as_json` gave.

        Raises:
            ValueError: It is none.
        """
        try:
            first, last = (None if data[key] is None else date.fromisoformat(data[key]) for key in ("first", "last"))
            chosen = {str(ref): tuple(str(item) for item in ids) for ref, ids in data["datapoints"].items()}
            found = cls(str(data["device"]), first, last, str(data["span"]), str(data["resolution"]), chosen)
            if found.span and found.span not in SPANS:
                raise ValueError(f"there is no range {found.span!r}")
            if found.resolution != AUTOMATIC:
                parse_resolution(found.resolution)
        except (KeyError, TypeError, AttributeError, UsageError) as error:
            raise ValueError(f"no choice: {error}") from None
        return found


def days_back(span: str, now: pd.Timestamp) -> tuple[date, date]:
    """First and last day of a range up to now: that day so long ago, and today."""
    today = now.tz_localize(None).normalize()
    return (today - SPANS[span]).date(), today.date()

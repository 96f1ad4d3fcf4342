"""Time stamps as the API writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

__all__ = ["from_api", "to_api"]

EARLIEST, LATEST = pd.Timestamp.min.ceil("s").tz_localize("UTC"), pd.Timestamp.max.floor("s").tz_localize("UTC")


def to_api(moment: pd.Timestamp) -> str:
    """An aware moment as ISO 8601 in UTC, to the second."""
    return moment.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def from_api(texts: Iterable[Any]) -> pd.DatetimeIndex:
    """ISO 8601 texts as an index in UTC; NaT for None, for what is no time, and for what nanoseconds do not reach."""
    values = pd.Series([text if isinstance(text, str) else None for text in texts], dtype=object)
    found = pd.to_datetime(values, utc=True, format="ISO8601", errors="coerce")
    return pd.DatetimeIndex(found.where(found.between(EARLIEST, LATEST))).as_unit("ns")

"""Time stamps as the API writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

__all__ = ["from_api", "to_api"]


def to_api(moment: pd.Timestamp) -> str:
    """An aware moment as ISO 8601 in UTC, to the second."""
    return moment.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def from_api(texts: Iterable[Any]) -> pd.DatetimeIndex:
    """ISO 8601 texts as an index in UTC; NaT for None and for what is no time."""
    values = pd.Series(list(texts), dtype=object)
    return pd.DatetimeIndex(pd.to_datetime(values, utc=True, format="ISO8601", errors="coerce")).as_unit("ns")

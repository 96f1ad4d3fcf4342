"""Weather that has been asked for once, kept on disk: the past does not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from belimo_nb.system.files import check_inside, write_text

__all__ = ["Kept"]


class Kept:
    """Hourly temperatures of one place from one archive, in a CSV file.

    Args:
        folder: The folder for data.
        path: The file, in that folder; neither it nor the folder need exist.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self._path = folder, path

    def read(self) -> pd.Series[Any]:
        """What is kept: °C by hour, UTC; empty if there is nothing that can be read."""
        try:
            check_inside(self._path, self._folder)
            frame = pd.read_csv(self._path, dtype={"time": str})
            times = pd.DatetimeIndex(pd.to_datetime(frame["time"], utc=True, format="ISO8601")).as_unit("ns")
            return pd.Series(frame["temperature_c"].to_numpy(dtype=float), times, name="temperature_c")[times.notna()]
        except (OSError, ValueError, KeyError):
            return pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC"), name="temperature_c")

    def add(self, found: pd.Series[Any]) -> pd.Series[Any]:
        """Keep the known hours of `found` beside what is kept; all of them."""
        both = pd.concat([self.read(), found.dropna()]) if len(self.read()) else found.dropna()
        both = both[~both.index.duplicated(keep="last")].sort_index()
        lines = [f"{time:%Y-%m-%dT%H:%MZ},{value:g}" for time, value in both.items()]
        write_text(self._path, "\n".join(["time,temperature_c", *lines, ""]), inside=self._folder)
        return both

"""Outdoor temperature of a site from the source that the settings name, with a cache of archive data."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pandas as pd

from belimo_nb.calendar.moments import parse_time
from belimo_nb.calendar.periods import Period
from belimo_nb.errors import CloudError, NoDataError, UsageError
from belimo_nb.settings import Settings
from belimo_nb.settings.addresses import is_loopback
from belimo_nb.system.files import check_inside, read_bytes, write_text
from belimo_nb.weather.archive import Place, archive_url, place_of, read_archive
from belimo_nb.weather.csv_file import read_csv, without_zeros

HOUR = pd.Timedelta(hours=1)


# Protocols, because `cloud` imports this folder, which therefore cannot import `cloud`.
class Site(Protocol):
    """Settings, time zone, clock and metadata of a site: implemented by the connection of a cloud."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def timezone(self) -> str: ...  # noqa: D102
    @property
    def now(self) -> pd.Timestamp: ...  # noqa: D102
    def latest_datapoints(self) -> dict[str, dict[str, Any]]: ...  # noqa: D102


class HasConnection(Protocol):
    """Implemented by `Cloud`."""

    @property
    def connection(self) -> Site: ...  # noqa: D102


def outdoor_temperature(
    cloud: HasConnection | Site,
    start: str | date | pd.Timestamp,
    end: str | date | pd.Timestamp,
    source: str | None = None,
    latitude: float | None = None,
    longitude: float | None = None,
) -> pd.Series[Any]:
    """Hourly outdoor temperature of a site.

    Data of an archive are cached in the data folder, except of an archive on this machine such as the demo cloud's.

    Args:
        cloud: Cloud of the site.
        start: First moment (local time of the site if it has no zone).
        end: First moment after the range.
        source: A CSV file, "open-meteo", or the address of an archive like it; None or "": the setting BELIMO_WEATHER.
        latitude: Latitude of the site for an archive, degrees; None: from the devices' metadata.
        longitude: Longitude of the site, the same way.

    Returns:
        Series ``temperature_c``, index ``time``: every hour of the range, in the site's zone; NaN where unknown, and
        ``.attrs["remark"]`` if a thermometer read exactly 0.0 for days.

    Raises:
        NoDataError: No source is set.
        UsageError: The file, the place or the range makes no sense.
        CloudError: The archive refuses, fails or cannot be reached.
    """
    site = _site_of(cloud)
    weather_source = str(source or "").strip() or site.settings.weather
    if not weather_source:
        raise NoDataError(
            "There is no outdoor temperature: set BELIMO_WEATHER to a CSV file or to open-meteo (no key is needed)."
        )
    tz = site.timezone
    period = Period(parse_time(start, tz, "start"), parse_time(end, tz, "end"))
    grid = pd.date_range(
        period.start.tz_convert("UTC").floor("h"), period.end.tz_convert("UTC").ceil("h") - HOUR, freq="h", name="time"
    ).as_unit("ns")
    if weather_source == "open-meteo" or "://" in weather_source:
        place = _place_or_site(site, latitude, longitude)
        archived = _from_archive(site, archive_url(weather_source), place, grid)
        found = without_zeros(archived, "The weather archive")
    else:
        found = read_csv(weather_source, tz)
    return found.reindex(grid).tz_convert(tz).rename_axis("time")


def temperature_or_reason(
    cloud: HasConnection | Site,
    start: str | date | pd.Timestamp,
    end: str | date | pd.Timestamp,
    source: str | None = None,
) -> tuple[pd.Series[Any], str]:
    """As `outdoor_temperature`, for reports that can do without: all NaN and the reason where it is not available.

    Raises:
        UsageError: The file, the place or the range makes no sense, which the user can correct.
    """
    try:
        return outdoor_temperature(cloud, start, end, source), ""
    except (NoDataError, CloudError) as error:
        tz = _site_of(cloud).timezone
        edges = pd.DatetimeIndex([parse_time(start, tz, "start"), parse_time(end, tz, "end")])
        grid = pd.date_range(edges[0], edges[1], freq="h", inclusive="left", name="time")
        return pd.Series(float("nan"), grid, name="temperature_c"), str(error)


def _site_of(cloud: HasConnection | Site) -> Site:
    """Connection of a cloud; `Device.checkup`, which has no cloud, passes the connection itself."""
    return cloud.connection if hasattr(cloud, "connection") else cloud


def _place_or_site(site: Site, latitude: float | None, longitude: float | None) -> Place:
    if latitude is not None and longitude is not None:
        return Place(latitude, longitude)
    place = place_of(site.latest_datapoints())
    if place is None:
        raise UsageError("No device says where it is; give latitude and longitude for the weather.")
    return place


def _from_archive(site: Site, url: str, place: Place, grid: pd.DatetimeIndex) -> pd.Series[Any]:
    today = site.now.tz_convert("UTC").date()
    # An archive refuses days to come.
    first, last = grid[0].date(), min(grid[-1].date(), today)
    if first > today:
        raise UsageError(f"The weather from {first} on lies in the future; give an earlier period.")
    if is_loopback(url):  # costs nothing to ask again
        return read_archive(url, place, first, last)
    file = f"{place.latitude:.2f}_{place.longitude:.2f}.csv"
    folder = site.settings.data_dir
    kept = WeatherCache(folder, folder / "weather" / "v1" / urlsplit(url).netloc.replace(":", "_") / file)
    known = kept.read()
    needed = grid[grid < pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1)]
    missing = needed.difference(pd.DatetimeIndex(known.index))
    if len(missing):
        # One request from the first to the last missing hour; it may fetch known ones again.
        known = kept.add(read_archive(url, place, missing[0].date(), missing[-1].date()))
    return known


class WeatherCache:
    """Cache of the hourly temperatures of one place from one archive, in a CSV file.

    Args:
        folder: The data folder.
        path: The file in that folder; neither need exist.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self._path = folder, path

    def read(self) -> pd.Series[Any]:
        """Cached °C by hour, UTC; empty if the file is missing or damaged."""
        try:
            check_inside(self._path, self._folder)
            frame = pd.read_csv(io.BytesIO(read_bytes(self._path)), dtype={"time": str})
            times = pd.DatetimeIndex(pd.to_datetime(frame["time"], utc=True, format="ISO8601")).as_unit("ns")
            return pd.Series(frame["temperature_c"].to_numpy(dtype=float), times, name="temperature_c")[times.notna()]
        except (OSError, ValueError, KeyError):
            return pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC"), name="temperature_c")

    def add(self, found: pd.Series[Any]) -> pd.Series[Any]:
        """Add the known hours of `found` and return all that is cached."""
        # NaN are not cached: an archive lags some days behind and fills them in later.
        kept, known = self.read(), found.dropna()
        both = pd.concat([kept, known]) if len(kept) else known
        both = both[~both.index.duplicated(keep="last")].sort_index()
        lines = [f"{time:%Y-%m-%dT%H:%MZ},{value:g}" for time, value in both.items()]
        write_text(self._path, "\n".join(["time,temperature_c", *lines, ""]), private=True, inside=self._folder)
        return both

"""What a query shows: curves of readings, hours or days, their table and CSV, and the link to download them."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from belimo_nb.api.history import buckets, parse_resolution
from belimo_nb.api.sparse import LEAD, held
from belimo_nb.calendar.intervals import edges
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.device import Device
from belimo_nb.display.base import esc
from belimo_nb.display.numbers import FLOAT_FORMAT
from belimo_nb.display.table import cell_text
from belimo_nb.energy.counter import Kind
from belimo_nb.explorer.cost import View
from belimo_nb.explorer.points import Point

ENERGY_KINDS: Mapping[str, Kind] = {"heating_energy": "heating", "cooling_energy": "cooling"}


def last_readings(device: Device, points: Sequence[Point], period: Period, resolution: str) -> pd.DataFrame:
    """Fetch the last reading of each bucket of a range; it holds until the next one, while the device lives.

    Returns:
        DataFrame; index ``time``: the **end** of the bucket, closest to its last reading, in the period's zone;
        columns: datapoint ids, with values as `Point.convert` gives them.

    Raises:
        BelimoError: The readings cannot be fetched.
    """
    step = parse_resolution(resolution)
    raw = device.history([point.id for point in points], period.start - LEAD, period.end, resolution)
    raw = held(raw, step, device.summary["last_seen"]).loc[buckets(period.start, period.end, step)]
    ends = (pd.DatetimeIndex(raw.index) + step).tz_convert(str(period.start.tz))
    frame = pd.DataFrame({point.id: point.convert(raw[point.id]) for point in points}, raw.index)
    return frame.set_axis(ends, axis="index").rename_axis("time")


@dataclass(frozen=True, eq=False)
class Curve:
    """One datapoint of one device over the range; index ``time`` in the period's zone.

    Attributes:
        device: Name of the device.
        point: The datapoint.
        series: Readings at the end of their buckets; or the mean of each interval, at its begin.
        spread: Columns low and high: the least and greatest reading of each interval; None for readings and texts.
        energy: Whether the values are the energy of each interval, from the counter.
    """

    device: str
    point: Point
    series: pd.Series[Any]
    spread: pd.DataFrame | None = None
    energy: bool = False

    @property
    def label(self) -> str:
        """Name of what the values tell."""
        return f"{self.point.label.removesuffix(', counter')} of each interval" if self.energy else self.point.label


def curves_of(device: Device, name: str, points: Sequence[Point], period: Period, view: View) -> list[Curve]:
    """Fetch what a view shows of a device: readings, or mean, least and greatest of local hours or days.

    Counters of energy are shown as the energy of each interval (see `Device.energy`), texts and other counters as they
    stood at its end. An interval without any reading is NaN.

    Args:
        device: The device.
        name: Its name in the picture.
        points: The datapoints.
        period: Range of the curves.
        view: Readings, hours or days.

    Raises:
        BelimoError: The readings cannot be fetched.
    """
    counted = {p.id: p for p in points if p.quantity in ENERGY_KINDS} if view.freq else {}
    read = [point for point in points if point.id not in counted]
    frame = last_readings(device, read, period, view.reads) if read else pd.DataFrame()
    found = {point.id: Curve(name, point, frame[point.id]) for point in read}
    if view.freq:
        found = {key: _intervals(curve, period, view) for key, curve in found.items()}
    for point in counted.values():
        energy = device.energy(ENERGY_KINDS[point.quantity], period.start, period.end, view.freq)["kwh"]
        found[point.id] = Curve(name, point, energy.rename_axis("time"), energy=True)
    return [found[point.id] for point in points]


def _intervals(readings: Curve, period: Period, view: View) -> Curve:
    point, values = readings.point, readings.series
    limits = edges(period.start, period.end, view.freq, str(period.start.tz), pd.DatetimeIndex([]))
    begins = limits[:-1].rename("time")
    # A reading stands at its bucket's end, so that of midnight belongs to the day before.
    place = limits.searchsorted(values.index, side="left") - 1
    groups = values.groupby(place)
    if not point.numeric or point.quantity == "volume":
        last = groups.last().reindex(range(len(begins))).set_axis(begins)
        return replace(readings, series=last if point.numeric else last.astype(object).where(last.notna(), None))
    found = groups.agg(["mean", "min", "max"]).reindex(range(len(begins))).set_axis(begins)
    spread = found[["min", "max"]].set_axis(["low", "high"], axis="columns")
    return replace(readings, series=found["mean"], spread=spread)


def as_table(curves: Sequence[Curve]) -> pd.DataFrame:
    """All curves side by side; columns by title, with the device where there are several, with the id where alike."""
    several = len({curve.device for curve in curves}) > 1
    titles = [
        (f"{curve.device}: " if several else "") + (f"{curve.label}, kWh" if curve.energy else curve.point.title)
        for curve in curves
    ]
    columns: dict[str, pd.Series[Any]] = {}
    for curve, title in zip(curves, titles, strict=True):
        own = title if titles.count(title) == 1 else f"{title} ({curve.point.id})"
        if curve.spread is None:
            columns[own] = curve.series
        else:
            columns |= {f"{own}, mean": curve.series, f"{own}, least": curve.spread["low"]}
            columns[f"{own}, greatest"] = curve.spread["high"]
    return pd.DataFrame(columns)


def as_csv(table: pd.DataFrame) -> str:
    """Convert a table to CSV: local times with offset (ISO 8601), 14 digits, unknown left empty.

    Texts that a spreadsheet would take for a formula get an apostrophe before them: they come from outside.
    """
    times = pd.Index(table.index.astype(str).str.replace(" ", "T", regex=False), name="time")
    columns = {
        _safe(str(name)): column if is_numeric_dtype(column.dtype) else column.map(_safe, na_action="ignore")
        for name, column in table.items()
    }
    plain = pd.DataFrame(columns, table.index).set_axis(times, axis="index")
    return plain.to_csv(float_format=FLOAT_FORMAT, lineterminator="\n")


def _safe(value: Any) -> Any:
    return cell_text(value) if isinstance(value, str) else value


MAX_PLAIN_BYTES = 500_000  # bytes of CSV up to which it is not zipped: a Jupyter server passes on 1 MB a second
MAX_LINK_BYTES = 1_500_000  # bytes of a link at most
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same file for the same samples


def file_name(device: str, first: str, last: str, resolution: str) -> str:
    """File name without characters that a file system may refuse: "north-2018-11-24-2018-12-01-5m.csv"."""
    plain = re.sub(r"[^\w.-]+", "-", device).strip("-.")[:80] or "device"
    return f"{plain}-{first}-{last}-{resolution}.csv"


def download_link(csv: str, name: str) -> str:
    """HTML of a link to download the CSV, zipped if long; a sentence where it is too long even so."""
    # The link carries the data, because a page of Voila has no other way to a file.
    data, kind = csv.encode("utf-8-sig"), "text/csv;charset=utf-8"  # Excel needs the byte order mark to read UTF-8
    if len(data) > MAX_PLAIN_BYTES:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(name, ZIP_TIME), data, zipfile.ZIP_DEFLATED)
        data, kind, name = packed.getvalue(), "application/zip", f"{name}.zip"
    if len(data) > MAX_LINK_BYTES:
        return (
            '<span class="bnb bnb-x-soft">Too many samples to save from here; choose fewer datapoints, a shorter range '
            "or a longer resolution.</span>"
        )
    content = base64.b64encode(data).decode("ascii")
    size = f"{len(data) / 1e6:.1f} MB" if len(data) >= 1e6 else f"{max(1, round(len(data) / 1e3))} kB"
    words = "Save as CSV (zipped)" if kind == "application/zip" else "Save as CSV"
    return f'<a class="bnb bnb-x-save" download="{esc(name)}" href="data:{kind};base64,{content}">{words}, {size}</a>'

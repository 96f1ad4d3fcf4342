"""Samples of a query, their table and CSV, and the link to download them."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from belimo_nb.api.history import buckets, parse_resolution
from belimo_nb.api.sparse import LEAD, held
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.device import Device
from belimo_nb.display.base import esc
from belimo_nb.display.numbers import FLOAT_FORMAT
from belimo_nb.display.table import cell_text
from belimo_nb.explorer.points import Point


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


def as_table(frame: pd.DataFrame, points: Sequence[Point]) -> pd.DataFrame:
    """Rename the columns to the datapoints' titles, made unique by their ids."""
    titles = [point.title for point in points]
    named = [
        title if titles.count(title) == 1 else f"{title} ({point.id})"
        for title, point in zip(titles, points, strict=True)
    ]
    return frame[[point.id for point in points]].set_axis(named, axis="columns")


def as_csv(table: pd.DataFrame) -> str:
    """Convert a table to CSV: local times with offset (ISO 8601), 12 digits, unknown left empty.

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
    data, kind = (
        csv.encode("utf-8-sig"),
        "text/csv;charset=utf-8",
    )  # with a byte order mark, which Excel needs to read UTF-8
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
    return (
        f'<a class="bnb bnb-x-save" download="{esc(name)}" href="data:{kind};base64,{content}">'
        f"Save as CSV{' (zipped)' if kind == 'application/zip' else ''}, {size}</a>"
    )

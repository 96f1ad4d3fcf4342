"""Export the history of devices to one file, CSV or Parquet, with names, units and local times."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from belimo_nb.api.history import parse_resolution
from belimo_nb.api.measurements import quantities
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.display.numbers import FLOAT_FORMAT
from belimo_nb.display.table import cell_text
from belimo_nb.errors import UsageError
from belimo_nb.quantities import CHECKED, QUANTITIES

HEADER = b"time,device,serial"  # how the first line of a CSV begins


def export(cloud: Cloud, devices: Sequence[str], period: Period, resolution: str, out: Path) -> int:
    """Write the last readings of devices to a file, in one step; gives the number of rows.

    Args:
        cloud: The cloud, or imported files.
        devices: Ids.
        period: Which readings.
        resolution: Length of a bucket.
        out: The file, by its name CSV or Parquet.

    Raises:
        UsageError: The file's name ends otherwise, or it cannot be written.
    """
    if out.suffix not in (".csv", ".parquet"):
        raise UsageError(f"The file {str(out)!r} is to be .csv or .parquet; name it so.")
    if os.path.lexists(out) and not _is_ours(out):
        raise UsageError(f"{str(out)!r} is there already and no export of belimo-nb; choose another file.")
    wanted = QUANTITIES if cloud.settings.source_files else CHECKED  # of a cloud, the store keeps no others
    keys = [key for key in wanted if any(cloud.device(device).has(key) for device in devices)]
    step, zone, rows = parse_resolution(resolution), cloud.timezone, 0
    draft = out.with_name(f".{secrets.token_hex(4)}.tmp")
    writer: pq.ParquetWriter | None = None
    try:
        with contextlib.ExitStack() as stack:
            for number, identifier in enumerate(devices):
                device = cloud.device(identifier)
                located = {key: device.profile.locate(key) if device.has(key) else None for key in keys}
                ids = list(dict.fromkeys(filter(None, located.values())))
                raw = device.history(ids, period.start, period.end, resolution)
                frame = quantities(raw, device.profile, located, step, zone, device.name).dropna(how="all")
                frame.insert(0, "serial", device.serial)
                frame.insert(0, "device", device.name)
                rows += len(frame)
                if out.suffix == ".csv":
                    _append_csv(draft, frame, first=number == 0)
                    continue
                table = pa.Table.from_pandas(
                    frame.astype({"device": "str", "serial": "str"}).reset_index(), preserve_index=False
                )
                writer = writer or stack.enter_context(pq.ParquetWriter(draft, table.schema, compression="zstd"))
                writer.write_table(table.cast(writer.schema))
        draft.replace(out)
    except OSError as error:
        raise UsageError(f"The file {str(out)!r} cannot be written ({error.strerror}); choose another.") from None
    finally:
        draft.unlink(missing_ok=True)
    return rows


def _is_ours(path: Path) -> bool:
    """Whether a file is one that `export` has written."""
    try:
        if not path.is_file():
            return False
        if path.suffix == ".csv":
            with path.open("rb") as stream:
                return stream.read(len(HEADER)) == HEADER
        return {"time", "device", "serial"} <= set(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        return False


def _append_csv(path: Path, frame: pd.DataFrame, *, first: bool) -> None:
    """Add rows to a file; names that a spreadsheet would take for a formula get an apostrophe before them."""
    times = pd.Index(frame.index.astype(str).str.replace(" ", "T", regex=False), name="time")
    plain: Any = frame.set_axis(times, axis="index")
    plain = (
        plain.assign(device=cell_text(plain["device"].iloc[0]), serial=cell_text(plain["serial"].iloc[0]))
        if len(plain)
        else plain
    )
    plain.to_csv(path, mode="a", header=first, float_format=FLOAT_FORMAT, lineterminator="\n")

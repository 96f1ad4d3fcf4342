"""The vendor's data log of one valve: channels of four columns each, units in the channel behind."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.api.history import MAX_VALUE
from belimo_nb.errors import UsageError
from belimo_nb.files import times
from belimo_nb.files.mapping import KNOWN, FileMapping
from belimo_nb.files.table import chunks, column_names, first_lines
from belimo_nb.quantities import plural

CHANNELS = {
    6: "position", 10: "flow", 13: "t1", 15: "t2", 17: "delta_t", 19: "power", 21: "heating_energy",
    23: "cooling_energy", 28: "max_flow",
}  # fmt: skip
"""Inputs of the log that hold a quantity; the unit of all but those in % stands in the next one."""

UNITS = {
    "flow": ("m3/h", "l/s", "l/min", "l/h", "GPM"),
    "t1": ("°C", "°F"),
    "t2": ("°C", "°F"),
    "delta_t": ("K", "°F"),
    "power": ("W", "kW", "BTU/h", "kBTU/h", "ton"),
    "heating_energy": ("kWh", "MWh", "kBTU", "ton h", "MJ", "GJ"),
    "cooling_energy": ("kWh", "MWh", "kBTU", "ton h", "MJ", "GJ"),
}
NEVER_ZERO = ("t1", "t2", "heating_energy", "cooling_energy")
"""Quantities that read exactly 0 only where the log has no value, once they were more."""


def is_data_log(lines: list[str]) -> bool:
    """Whether a file's first lines are those of a data log."""
    return len(lines) > 1 and bool(re.match(r'"?Timestamp - UTC\b', lines[1])) and "2.In" in lines[1]


def read(path: Path, encoding: str) -> tuple[pd.DataFrame, list[str]]:
    """Read a data log.

    Args:
        path: The file.
        encoding: Of its text.

    Returns:
        DataFrame, index seconds since 1970, columns keys of `belimo_nb.quantities` in display units; and remarks.

    Raises:
        UsageError: It is none.
    """
    lines = first_lines(path, encoding, 2)
    if not is_data_log(lines):
        raise UsageError(f"{path.name} is no data log of a valve: its lines begin with {[x[:40] for x in lines]}.")
    mapping = FileMapping(layout="data log", encoding=encoding, header=2)
    places: dict[int, int] = {}
    names = column_names(path, mapping)
    for place, name in enumerate(names):
        # Of the four columns of a channel the first is the mean.
        if match := re.match(r"2\.In(\d{1,2})\b", name):
            places.setdefault(int(match[1]), place)
    wanted = {channel: key for channel, key in CHANNELS.items() if channel in places}
    columns = sorted({*(places[c] for c in wanted), *(places[c + 1] for c in wanted if c + 1 in places)})
    parts = list(chunks(path, mapping, [0, *columns], [0], len(names)))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[0, *columns])
    local = times.parse([table[0].astype(object)], "%Y-%m-%d %H:%M", "UTC", path.name)
    table, local = table[local != times.NO_TIME], local[local != times.NO_TIME]
    remarks: list[str] = []

    def numbers(channel: int) -> npt.NDArray[np.float64]:
        texts = table[places[channel]].astype(object)
        values = np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=float)
        if lost := int((np.isnan(values) & texts.notna().to_numpy()).sum()):
            remarks.append(
                f"2.In{channel}: {plural(lost, 'value that is no number', 'values that are no numbers')}, taken "
                "for unknown."
            )
        return np.where(np.abs(values) <= MAX_VALUE, values, np.nan)

    frame = pd.DataFrame(index=times.to_utc(local, "UTC", "", path.name))
    zero = pd.DataFrame(index=frame.index)
    for channel, key in wanted.items():
        values = numbers(channel)
        zero[key] = values == 0
        if key in UNITS:
            codes = numbers(channel + 1) if channel + 1 in places else np.full(len(values), np.nan)
            found = np.full(len(values), np.nan)
            for code, unit in enumerate(UNITS[key]):
                found = np.where(codes == code, KNOWN[key].dimension.convert(values, unit), found)
            if unknown := int((np.isnan(found) & ~np.isnan(values) & (values != 0)).sum()):
                remarks.append(f"Left out, since in a unit that is not known: {plural(unknown, 'value')} of {key}.")
            values = found
        frame[key] = values
    return _without_zeros(frame, zero, remarks)


def _without_zeros(frame: pd.DataFrame, zero: pd.DataFrame, remarks: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Leave out the zeros that a log has where it has no value."""
    # What was read late is a row of its own, with zeros for the rest; a row without temperatures has no values at all.
    lost = pd.DataFrame(
        {key: zero[key] & (key in NEVER_ZERO and bool((frame[key] > 0).any())) for key in frame}, frame.index
    )
    temperatures = [key for key in ("t1", "t2") if key in frame]
    if temperatures:
        lost |= zero & zero[temperatures].all(axis=1).to_numpy()[:, None]
    several = zero[zero.index.duplicated(keep=False)]
    if len(several):
        some = (~several).groupby(level=0).transform("any")  # at this time another row has more than 0
        lost.loc[zero.index.duplicated(keep=False)] |= several & some
    if "max_flow" in frame:
        lost["max_flow"] |= zero["max_flow"]
    if count := int((lost & frame.notna()).to_numpy().sum()):
        remarks = [
            *remarks,
            f"{plural(count, 'zero is', 'zeros are')} taken for missing, as data logs write what is missing.",
        ]
    return frame.mask(lost), remarks

"""Measurements of a valve written out as the files that people have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from belimo_nb.quantities import QUANTITIES, SETTINGS

EV3 = {key: known.names[0] for key, known in (QUANTITIES | SETTINGS).items() if known.names}
TREND = {
    "heating_energy": "HtgEnergy", "cooling_energy": "ClgEnergy", "power": "AbsPower", "flow": "AbsFlow",
    "t1": "EnteringTmp", "t2": "LeavingTmp", "delta_t": "DeltaT", "position": "RelPos",
}  # fmt: skip
US = {
    "heating_energy": "kBTU", "cooling_energy": "kBTU", "power": "kBTU/h", "flow": "GPM", "t1": "°F", "t2": "°F",
    "delta_t": "°F", "position": "%",
}  # fmt: skip
METER = {
    "heating_energy": ("Wärmemenge (MWh)", "MWh"), "volume": ("Volumen (m3)", "m3"), "power": ("Leistung (kW)", "kW"),
    "flow": ("Durchfluss (l/h)", "l/h"), "t1": ("Vorlauf (°C)", "°C"), "t2": ("Rücklauf (°C)", "°C"),
}  # fmt: skip


def in_unit(frame: pd.DataFrame, key: str, unit: str) -> pd.Series:
    """A quantity of a frame, whose columns are keys and whose units those of outputs, in another unit."""
    dimension = (QUANTITIES | SETTINGS)[key].dimension
    zero, one = dimension.convert(0.0, unit), dimension.convert(1.0, unit)
    return (frame[key] - zero) / (one - zero)


def texts(values: pd.Series, decimal: str = ".") -> pd.Series:
    """Numbers as a file has them, "" where unknown."""
    found = values.map(lambda value: "" if np.isnan(value) else f"{value:.9f}")
    return found.astype("str").str.replace(".", decimal, regex=False)


def write(path: Path, rows: pd.DataFrame, separator: str = ",", head: str = "", end: str = "\n") -> Path:
    """A table of texts, with what stands before the line of names."""
    path.write_text(head + rows.to_csv(index=False, sep=separator, lineterminator=end), encoding="utf-8", newline="")
    return path


def data_log(path: Path, frame: pd.DataFrame, *, us: bool = False) -> Path:
    """The vendor's data log, in UTC to the minute: four columns a channel, units as codes in the next one."""
    channels = {
        6: ("position", "%", None, "RelPos"), 10: ("flow", "GPM" if us else "l/s", 4 if us else 1, "AbsFlow_[XX]"),
        13: ("t1", "°F" if us else "°C", int(us), "T1"), 15: ("t2", "°F" if us else "°C", int(us), "T2"),
        17: ("delta_t", "°F" if us else "K", int(us), "DeltaT"),
        19: ("power", "kBTU/h" if us else "W", 3 * us, "AbsPower"),
        21: ("heating_energy", "kBTU" if us else "MWh", 2 if us else 1, "HtgEnergy"),
        23: ("cooling_energy", "kBTU" if us else "MWh", 2 if us else 1, "ClgEnergy"),
    }  # fmt: skip
    columns = {"Timestamp - UTC": pd.Series(frame.index.tz_convert("UTC").strftime("%Y-%m-%d %H:%M"))}

    def add(channel: int, name: str, values: object) -> None:
        for kind in ("Mean", "StdDev", "Min", "Max"):
            columns[f"2.In{channel}: {kind} {name}"] = values if kind != "StdDev" else "0"

    for channel, (key, unit, code, name) in channels.items():
        # In the log a missing value is a zero.
        values = in_unit(frame, key, unit).fillna(0.0) if key in frame else pd.Series(0.0, frame.index)
        add(channel, name, texts(values).reset_index(drop=True))
        if code is not None:
            add(channel + 1, f"Unit{name}", str(code))
    table = pd.DataFrame(columns)
    return write(path, table, head="Default Datalog Configuration,2018-12-01 00:00:00\n")


def download(path: Path, frame: pd.DataFrame, ids: dict[str, str] = EV3) -> Path:
    """The cloud's download: rows out of order, one time twice."""
    rows = {"timestamp": frame.index.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")}
    rows |= {
        ids[key]: texts(in_unit(frame, key, QUANTITIES[key].dimension.si)).to_numpy() for key in frame if key in ids
    }
    table = pd.DataFrame(rows)
    order = np.arange(len(table)).reshape(-1)
    order[: len(order) // 12 * 12] = np.roll(order[: len(order) // 12 * 12].reshape(-1, 12), 1, axis=0).ravel()
    return write(path, pd.concat([table.iloc[order], table.iloc[[5]]]), ";", end="\r\n")


def trend_long(path: Path, frames: dict[str, pd.DataFrame], units: dict[str, str] = US) -> Path:
    """The trend of a building management system, a line a value, epoch seconds."""
    parts = []
    for device, frame in frames.items():
        for key in frame.columns.intersection(list(TREND)):
            values = in_unit(frame, key, units[key]).dropna()
            name = f"{device}_{TREND[key]}"
            moments = values.index.tz_convert("UTC").as_unit("s").asi8
            parts.append(pd.DataFrame({"modified": moments, "name": name, "value": texts(values).to_numpy()}))
    table = pd.concat(parts).sort_values("modified", kind="stable")
    table.insert(0, "id", 7)
    table.insert(0, "data_id", np.arange(len(table)))
    return write(path, table)


def trend_wide(path: Path, frames: dict[str, pd.DataFrame], units: dict[str, str] = US, zone: str = "") -> Path:
    """The same, a column a point, local times without offset in the American way."""
    index = next(iter(frames.values())).index
    index = index.tz_convert(zone) if zone else index
    columns = {"Time": index.strftime("%m/%d/%Y %I:%M %p")}
    for device, frame in frames.items():
        for key in frame.columns.intersection(list(TREND)):
            columns[f"{device}_{TREND[key]} ({units[key]})"] = texts(in_unit(frame, key, units[key])).to_numpy()
    return write(path, pd.DataFrame(columns))


def meters(path: Path, frames: dict[str, pd.DataFrame], zone: str) -> Path:
    """Heat meters of a portal: local times without offset, decimal commas, one file with a column of serials."""
    parts = []
    for serial, frame in frames.items():
        rows = {"Zählernummer": serial, "Zeitpunkt": frame.index.tz_convert(zone).strftime("%d.%m.%Y %H:%M")}
        for key, (name, unit) in METER.items():
            if key in frame:
                rows[name] = texts(in_unit(frame, key, unit), ",").to_numpy()
        parts.append(pd.DataFrame(rows))
    return write(path, pd.concat(parts), ";", head="Portal;\n")

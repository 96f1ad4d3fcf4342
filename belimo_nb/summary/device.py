"""The report of one device: title block, key figures, state and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from belimo_nb.display import Header, KeyFigure, KeyFigures, Table, header, key_figures, moment, number, table
from belimo_nb.summary.checkup import verdict_figure
from belimo_nb.summary.parts import daily_trend, energy_figure, incomplete, part
from belimo_nb.summary.quality import completeness

if TYPE_CHECKING:
    from belimo_nb.calendar.periods import Period
    from belimo_nb.cloud.checkup import Checkup
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.cloud.device import Device

__all__ = ["device_figures", "device_header", "events", "state_table"]


def device_header(cloud: Cloud, valve: Device, period: Period, days: pd.DataFrame) -> Header:
    """The title block of a device's report; `days` is its `Counters.energy`."""
    row = valve.summary
    place = ", ".join(str(row[key]) for key in ("project", "city", "country") if row[key])
    facts = {
        "Period": period.label,
        "Serial number": valve.serial or "unknown",
        "Type": str(row["type"] or "unknown"),
        "Dataprofile": str(row["profile"] or "none reported"),
        "Place": place or "unknown",
        "Time zone": cloud.timezone,
    }
    return header(
        valve.name, subtitle="Device report", facts=facts, completeness=completeness(days), source=cloud.source
    )


def device_figures(valve: Device, days: pd.DataFrame, checkup: Checkup, timezone: str) -> KeyFigures:
    """What one valve did in the period, what the checks say of it, and how it is now."""
    row = valve.summary
    samples = checkup.samples
    power, flow = samples["power_kw"], samples["flow_m3h"]
    seen = row["last_seen"]
    figures = [
        _device_energy(days),
        KeyFigure("Highest power", _maximum(power), "kW", _when(power, "of the samples")),
        KeyFigure("Highest flow", _maximum(flow), "m³/h", _when(flow, "of the samples")),
        _mean_delta_t(checkup),
        verdict_figure(checkup),
        KeyFigure(
            "Health",
            str(row["health"]),
            note=str(row["note"] or ""),
            status={"OK": "good", "WARNING": "warn", "ERROR": "problem"}.get(str(row["health"]), "neutral"),
        ),
        KeyFigure(
            "Last seen",
            "never" if pd.isna(seen) else moment(seen.tz_convert(timezone)),
            note="online" if row["online"] else "offline",
            status="good" if row["online"] else "warn",
        ),
    ]
    return key_figures(*figures, trend=daily_trend(part(days, "kwh")))


def state_table(valve: Device) -> Table:
    """What all its datapoints say now, settings (writable ones) first."""
    state = valve.state()
    known = valve.datapoints if valve.has_profile else pd.DataFrame(columns=["name", "access"])
    frame = state.join(known[["name", "access"]]).fillna({"name": "", "access": ""})
    frame = frame[frame["value"].notna() & ~frame.index.str.startswith("metadata.")]
    setting = frame["access"].str.contains("w")
    frame = pd.concat([frame[setting], frame[~setting]])
    shown = pd.DataFrame(
        {
            "datapoint": frame["name"],
            "value": [_value(value) for value in frame["value"]],
            "unit": frame["unit"],
            "setting": ["yes" if writable else "" for writable in frame["access"].str.contains("w")],
            "description": frame["description"],
        }
    )
    time = state.attrs["time"]
    as_of = "" if time is None or pd.isna(time) else f" as of {moment(time)} UTC"
    return table(shown.reset_index(drop=True), "state", f"State and settings{as_of}")


def events(timeline: pd.DataFrame) -> Table:
    """What happened to a device, newest first."""
    frame = timeline.iloc[::-1].reset_index(drop=True)
    frame = frame.assign(
        type=frame["type"].str.replace("_", " ").str.capitalize(),
        details=[_details(details) for details in frame["details"]],
    )
    return table(frame, "events", "Events" if len(frame) else "No events in the period", formats={"time": "time"})


def _device_energy(days: pd.DataFrame) -> KeyFigure:
    """What a device delivered, heating and cooling together: no valve does both at a time."""
    kwh = part(days, "kwh")
    both = energy_figure("Energy", kwh, unknown=int(incomplete(days).sum()))
    if len(kwh.columns) == 1:
        return replace(both, note=f"{kwh.columns[0]}, {both.note}") if both.value is not None else both
    parts = ", ".join(f"{kind} {number(float(kwh[kind].sum()), 0)}" for kind in kwh)
    return replace(both, note=f"{parts}; {both.note}")


def _maximum(values: pd.Series[Any]) -> float | None:
    return float(values.max()) if values.notna().any() else None


def _when(values: pd.Series[Any], words: str) -> str:
    return (
        f"{words}, {moment(pd.Timestamp(str(values.idxmax())))}"
        if values.notna().any()
        else "not measured, or no readings"
    )


def _mean_delta_t(checkup: Checkup) -> KeyFigure:
    """The flow-weighted delta-T, as the checks have found it."""
    (found,) = checkup.verdicts[checkup.verdicts["check"] == "flow-weighted delta-T"].to_dict("records")
    value = float(found["figure"])
    note = "of the water, from the counters" if pd.notna(value) else str(found["sentence"])
    return KeyFigure("Delta-T, flow-weighted", value if pd.notna(value) else None, "K", note, digits=1)


def _value(value: object) -> str:
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _details(details: Mapping[str, Any]) -> str:
    values = details.get("values", details)
    pairs = values.items() if isinstance(values, Mapping) else ()
    return ", ".join(f"{key} = {value}" for key, value in pairs)

"""Device report: title block, key figures, tables of state and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from belimo_nb.display import Header, KeyFigure, KeyFigures, Table, header, key_figures, moment, number, table
from belimo_nb.summary.checkup import verdict_figure
from belimo_nb.summary.parts import column_group, daily_trend, energy_figure, incomplete
from belimo_nb.summary.quality import completeness

if TYPE_CHECKING:
    from belimo_nb.calendar.periods import Period
    from belimo_nb.cloud.checkup import Checkup
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.cloud.device import Device


def device_header(cloud: Cloud, valve: Device, period: Period, days: pd.DataFrame) -> Header:
    """Title block of a device's report; `days` is `Counters.energy` by day."""
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
    if (since := cloud.connection.transferred(valve.id)) is not None:
        facts["History"] = f"before {since:%Y-%m-%d} that of its id before it changed hands"
    return header(
        valve.name, subtitle="Device report", facts=facts, completeness=completeness(days), source=cloud.source
    )


def device_figures(valve: Device, days: pd.DataFrame, checkup: Checkup, timezone: str) -> KeyFigures:
    """Key figures of one valve: energy and peaks of the period, checks, and present health."""
    row = valve.summary
    samples = checkup.samples
    power, flow = samples["power_kw"], samples["flow_m3h"]
    seen = row["last_seen"]
    figures = [
        _device_energy(days),
        KeyFigure("Highest power", _maximum_or_none(power), "kW", _time_note(power, "of the samples")),
        KeyFigure("Highest flow", _maximum_or_none(flow), "m³/h", _time_note(flow, "of the samples")),
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
    return key_figures(*figures, trend=daily_trend(column_group(days, "kwh")))


def state_table(valve: Device) -> Table:
    """Table of the latest value of each datapoint, settings (writable ones) first."""
    state = valve.state()
    known = valve.datapoints if valve.has_profile else pd.DataFrame(columns=["name", "access"])
    frame = state.join(known[["name", "access"]]).fillna({"name": "", "access": ""})
    # Metadata are what the owner wrote about the device, not what it says.
    frame = frame[frame["value"].notna() & ~frame.index.str.startswith("metadata.")]
    setting = frame["access"].str.contains("w")
    frame = pd.concat([frame[setting], frame[~setting]])
    shown = pd.DataFrame(
        {
            "datapoint": frame["name"],
            "value": [_value_text(value) for value in frame["value"]],
            "unit": frame["unit"],
            "setting": ["yes" if writable else "" for writable in frame["access"].str.contains("w")],
            "description": frame["description"],
        }
    )
    time = state.attrs["time"]
    as_of = "" if time is None or pd.isna(time) else f" as of {moment(time)} UTC"
    return table(shown.reset_index(drop=True), "state", f"State and settings{as_of}")


def events(timeline: pd.DataFrame) -> Table:
    """Table of the events of a device, newest first."""
    frame = timeline.iloc[::-1].reset_index(drop=True)
    frame = frame.assign(
        type=frame["type"].str.replace("_", " ").str.capitalize(),
        details=[_details_text(details) for details in frame["details"]],
    )
    return table(frame, "events", "Events" if len(frame) else "No events in the period", formats={"time": "time"})


def _device_energy(days: pd.DataFrame) -> KeyFigure:
    """Key figure of energy, heating and cooling together: no valve does both at a time."""
    kwh = column_group(days, "kwh")
    both = energy_figure("Energy", kwh, unknown=int(incomplete(days).sum()))
    if len(kwh.columns) == 1:
        return replace(both, note=f"{kwh.columns[0]}, {both.note}") if both.value is not None else both
    parts = ", ".join(f"{kind} {number(float(kwh[kind].sum()), 0)}" for kind in kwh)
    return replace(both, note=f"{parts}; {both.note}")


def _maximum_or_none(values: pd.Series[Any]) -> float | None:
    return float(values.max()) if values.notna().any() else None


def _time_note(values: pd.Series[Any], words: str) -> str:
    if not values.notna().any():
        return "not measured, or no readings"
    return f"{words}, {moment(pd.Timestamp(str(values.idxmax())))}"


def _mean_delta_t(checkup: Checkup) -> KeyFigure:
    """Key figure of the flow-weighted delta-T, as the checks found it."""
    (found,) = checkup.verdicts[checkup.verdicts["check"] == "flow-weighted delta-T"].to_dict("records")
    value = float(found["figure"])
    note = "of the water, from the counters" if pd.notna(value) else str(found["sentence"])
    return KeyFigure("Delta-T, flow-weighted", value if pd.notna(value) else None, "K", note, digits=1)


def _value_text(value: object) -> str:
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _details_text(details: Mapping[str, Any]) -> str:
    values = details.get("values", details)
    pairs = values.items() if isinstance(values, Mapping) else ()
    return ", ".join(f"{key} = {value}" for key, value in pairs)

"""Title blocks, key figures and tables of the reports, from the frames that the notebooks fetch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from belimo_nb.display import Header, KeyFigure, KeyFigures, Table, date, header, key_figures, moment, number, table
from belimo_nb.energy import COVERAGE_LIMIT

if TYPE_CHECKING:
    from belimo_nb.cloud import Cloud
    from belimo_nb.device import Device
    from belimo_nb.periods import Period

__all__ = [
    "completeness",
    "conditions",
    "data_quality",
    "device_figures",
    "device_header",
    "events",
    "fleet_figures",
    "fleet_header",
    "fleet_table",
    "heating_figures",
    "heating_header",
    "monthly_table",
    "problems",
    "state_table",
]

QUALITY: Mapping[str, str] = {
    "estimated split": "the total over the gap is measured, its split between days is not",
    "partial": "readings begin or end within the day",
    "reset": "the counter started anew; what is shown is a lower bound",
    "jump": "the counter rose faster than the valve can; what is shown is a lower bound",
    "missing": "no readings; unknown, not zero",
}


def completeness(energy: pd.DataFrame) -> float:
    """The share of a range that is covered by readings without gaps, 0 to 1, over all counters of `Counters.energy`."""
    coverage = energy["coverage"]
    return float(coverage.to_numpy().mean()) if coverage.size else float("nan")


def fleet_header(cloud: Cloud, devices: pd.DataFrame, search: str = "") -> Header:
    """The title block of the overview."""
    projects = sorted({str(name) for name in devices["project"].dropna()})
    facts = {"Account": cloud.settings.username, "As of": moment(cloud.now), "Time zone": cloud.timezone}
    if projects:
        facts["Projects"] = ", ".join(projects[:3]) + (f" and {len(projects) - 3} more" if len(projects) > 3 else "")
    if search:
        facts["Devices named"] = search
    return header("Fleet overview", subtitle=f"{number(len(devices))} devices", facts=facts, source=cloud.source)


def fleet_figures(devices: pd.DataFrame, latest: pd.DataFrame) -> KeyFigures:
    """How the fleet is: connection, health, and what it moves right now."""
    offline = int((~devices["online"]).sum())
    problem = int(devices["health"].isin(["WARNING", "ERROR"]).sum())
    power, flow = latest["power_kw"], latest["flow_m3h"]
    return key_figures(
        KeyFigure("Devices", len(devices), note=f"{int(devices['profile'].nunique())} kinds of dataprofile"),
        KeyFigure("Online", len(devices) - offline, note=_of(offline, "offline"), status="warn" if offline else "good"),
        KeyFigure("With a problem", problem, note="warning or error", status="problem" if problem else "good"),
        KeyFigure("Power now", _sum(power), "kW", f"sum of {int(power.notna().sum())} valves"),
        KeyFigure("Flow now", _sum(flow), "m³/h", f"sum of {int(flow.notna().sum())} valves"),
    )


def conditions(devices: pd.DataFrame) -> dict[str, int]:
    """How many devices are in which state: the health of those online, and those offline."""
    state = devices["health"].where(devices["online"], "offline")
    return {str(name): int(count) for name, count in state.value_counts().items()}


def problems(devices: pd.DataFrame, timezone: str) -> Table:
    """The devices to look at first: with a problem, or offline."""
    rows = devices[devices["health"].isin(["WARNING", "ERROR"]) | ~devices["online"]]
    rows = rows.sort_values(["health", "last_seen"], key=_urgency)
    frame = _local(rows[["name", "health", "note", "last_seen", "serial"]], timezone)
    return table(
        frame.reset_index(drop=True),
        "problems",
        "Devices with a warning or an error, or offline" if len(frame) else "No device has a problem; all are online",
        formats={"health": "status", "last_seen": "time"},
    )


def fleet_table(devices: pd.DataFrame, latest: pd.DataFrame, timezone: str) -> Table:
    """All devices with their latest values."""
    values = latest[["power_kw", "flow_m3h", "t1_c", "t2_c", "delta_t_k", "position_pct"]]
    frame = _local(devices[["name", "health", "online", "last_seen"]].join(values), timezone)
    frame = frame.assign(online=frame["online"].map({True: "yes", False: "no"}))
    frame = frame.join(devices[["type", "serial"]])
    return table(
        frame.reset_index(drop=True), "devices", "All devices", formats={"health": "status", "last_seen": "time"}
    )


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


def device_figures(valve: Device, days: pd.DataFrame, samples: pd.DataFrame, timezone: str) -> KeyFigures:
    """What one valve did in the period, and how it is now."""
    row = valve.summary
    power, flow, delta = samples["power_kw"], samples["flow_m3h"], samples["delta_t_k"]
    seen = row["last_seen"]
    figures = [
        _device_energy(_part(days, "kwh")),
        KeyFigure("Highest power", _maximum(power), "kW", _when(power, "of the samples")),
        KeyFigure("Highest flow", _maximum(flow), "m³/h", _when(flow, "of the samples")),
        KeyFigure(
            "Delta-T, flow-weighted",
            _weighted(delta, flow),
            "K",
            "of the samples with flow" if flow.notna().any() else "",
        ),
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
    return key_figures(*figures)


def heating_header(cloud: Cloud, search: str, period: Period, days: pd.DataFrame) -> Header:
    """The title block of the heating report."""
    count = len(days["kwh"].columns)
    facts = {
        "Period": period.label,
        "Valves": f"{count} that count heating energy" + (f", named {search!r}" if search else ""),
        "Time zone": cloud.timezone,
    }
    return header(
        "Heating energy", subtitle=period.label, facts=facts, completeness=completeness(days), source=cloud.source
    )


def heating_figures(days: pd.DataFrame, months: pd.DataFrame, before: pd.DataFrame) -> KeyFigures:
    """What was used, compared with the year before, and how much of it is known.

    Args:
        days: `Counters.energy` by day.
        months: The same by month.
        before: The same by month, of the year before.
    """
    kwh = _part(days, "kwh")
    total = kwh.sum(axis=1, min_count=1)
    peak = total.idxmax() if total.notna().any() else None
    incomplete = int((_part(days, "coverage").mean() < COVERAGE_LIMIT).sum())
    return key_figures(
        _energy_figure("Heating energy", kwh, unknown=int(kwh.isna().any(axis=1).sum())),
        _change_figure(months, before),
        KeyFigure(
            "Highest day",
            None if peak is None else float(total.max()),
            "kWh",
            "no reading" if peak is None else date(pd.Timestamp(str(peak))),
        ),
        KeyFigure("Valves", len(kwh.columns), note=_of(incomplete, f"below {COVERAGE_LIMIT:.0%} complete")),
    )


def monthly_table(months: pd.DataFrame, before: pd.DataFrame) -> Table:
    """Energy in kWh by month and valve, their sum and that of the year before; unknown stays unknown."""
    kwh = _part(months, "kwh")
    frame = kwh.rename(columns=str)
    frame.insert(0, "Sum", kwh.sum(axis=1, skipna=False))
    frame.insert(1, "Year before", _part(before, "kwh").sum(axis=1, skipna=False).to_numpy())
    frame.insert(0, "Month", [f"{time:%Y-%m}" for time in kwh.index])
    caption = "Heating energy by local month, kWh; a sum is unknown where one of its valves is"
    return table(frame.reset_index(drop=True), "monthly", caption, formats=dict.fromkeys(frame.columns[1:], 0))


def data_quality(days: pd.DataFrame) -> Table:
    """The days whose figures are not plainly measured: which, how many, and why."""
    rows = []
    kwh, coverages, qualities = (_part(days, part) for part in ("kwh", "coverage", "quality"))
    for name, quality in qualities.items():
        coverage = coverages[name]
        run = (quality != quality.shift()).cumsum()
        for _, span in quality.groupby(run):
            if span.iloc[0] != "measured":
                rows.append(
                    {
                        "what": str(name),
                        "from": span.index[0],
                        "to": span.index[-1],
                        "days": len(span),
                        "coverage": float(coverage[span.index].mean()),
                        "kwh": float(kwh[name][span.index].sum(min_count=1)),
                        "quality": str(span.iloc[0]),
                        "meaning": QUALITY[str(span.iloc[0])],
                    }
                )
    columns = ["what", "from", "to", "days", "coverage", "kwh", "quality", "meaning"]
    frame = pd.DataFrame(rows, columns=columns)
    caption = "Days that are not plainly measured" if rows else "Every day of the period is measured, without a gap"
    return table(
        frame, "data-quality", caption, formats={"from": "date", "to": "date", "coverage": "percent", "kwh": 0}
    )


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


def _part(energy: pd.DataFrame, name: str) -> pd.DataFrame:
    """One of kwh, coverage and quality: a column a counter."""
    return cast("pd.DataFrame", energy[name])  # two levels of columns: never a Series


def _device_energy(kwh: pd.DataFrame) -> KeyFigure:
    """What a device delivered, heating and cooling together: no valve does both at a time."""
    both = _energy_figure("Energy", kwh, unknown=int(kwh.isna().any(axis=1).sum()))
    if len(kwh.columns) == 1:
        return replace(both, note=f"{kwh.columns[0]}, {both.note}") if both.value is not None else both
    parts = ", ".join(f"{kind} {number(float(kwh[kind].sum()), 0)}" for kind in kwh)
    return replace(both, note=f"{parts}; {both.note}")


def _energy_figure(label: str, kwh: pd.Series[Any] | pd.DataFrame, unknown: int | None = None) -> KeyFigure:
    lacking = int(kwh.isna().to_numpy().sum()) if unknown is None else unknown
    days = len(kwh)
    note = (
        f"in {number(days)} days" if not lacking else f"at least; {number(lacking)} of {number(days)} days incomplete"
    )
    known = kwh.to_numpy(dtype=float)
    value = None if pd.isna(known).all() else float(pd.Series(known.ravel()).sum())
    return KeyFigure(label, value, "kWh", note if value is not None else "no readings", digits=0)


def _change_figure(months: pd.DataFrame, before: pd.DataFrame) -> KeyFigure:
    """The change against the year before, over the months and valves that both years know."""
    now, then = months["kwh"].to_numpy(dtype=float), before["kwh"].to_numpy(dtype=float)
    label = "Against the year before"
    if now.shape != then.shape:
        return KeyFigure(label, None, "%", "the years have not the same months")
    both = ~(pd.isna(now) | pd.isna(then))
    enough = (months["coverage"].to_numpy() >= COVERAGE_LIMIT) & (before["coverage"].to_numpy() >= COVERAGE_LIMIT)
    usable = both & enough
    base = float(then[usable].sum())
    if base <= 0:
        return KeyFigure(label, None, "%", "no month is known well enough in both years")
    share = usable.sum() / usable.size
    note = "not corrected for weather" + ("" if share == 1 else f"; {share:.0%} of the valve-months known in both")
    return KeyFigure(label, 100 * (float(now[usable].sum()) / base - 1), "%", note, digits=1)


def _of(count: int, what: str) -> str:
    return f"{number(count)} {what}" if count else f"none {what}"


def _sum(values: pd.Series[Any]) -> float | None:
    return float(values.sum()) if values.notna().any() else None


def _maximum(values: pd.Series[Any]) -> float | None:
    return float(values.max()) if values.notna().any() else None


def _when(values: pd.Series[Any], words: str) -> str:
    return (
        f"{words}, {moment(pd.Timestamp(str(values.idxmax())))}"
        if values.notna().any()
        else "not measured, or no readings"
    )


def _weighted(delta: pd.Series[Any], flow: pd.Series[Any]) -> float | None:
    """The mean of delta-T weighted by flow; None without flow."""
    both = delta.notna() & flow.notna() & (flow > 0)
    return float((delta[both] * flow[both]).sum() / flow[both].sum()) if both.any() else None


def _urgency(column: pd.Series[Any]) -> pd.Series[Any]:
    if column.name == "health":
        return column.map({"ERROR": 0, "WARNING": 1}).fillna(2)
    return column


def _local(frame: pd.DataFrame, timezone: str) -> pd.DataFrame:
    return frame.assign(last_seen=frame["last_seen"].dt.tz_convert(timezone))


def _value(value: object) -> str:
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _details(details: Mapping[str, Any]) -> str:
    values = details.get("values", details)
    pairs = values.items() if isinstance(values, Mapping) else ()
    return ", ".join(f"{key} = {value}" for key, value in pairs)

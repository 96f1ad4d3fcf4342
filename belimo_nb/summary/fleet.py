"""Fleet overview: title block, key figures and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from belimo_nb.api.devices import distinct_names
from belimo_nb.cloud.condition import condition, urgency
from belimo_nb.cloud.selection import found_devices
from belimo_nb.display import Header, KeyFigure, KeyFigures, Table, header, key_figures, moment, number, table
from belimo_nb.display.numbers import plural
from belimo_nb.display.sparkline import sparkline
from belimo_nb.quantities import listed
from belimo_nb.summary.parts import count_of
from belimo_nb.summary.survey import survey_figures, valve_power

if TYPE_CHECKING:
    from belimo_nb.calendar.periods import Period
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.cloud.survey import Survey

POWER_NOW = {"heat": "Heating power now", "cold": "Cooling power now"}
MAX_SPARKLINES = 300  # valves up to which each row has a sparkline, which adds 700 bytes to the page


def fleet_header(cloud: Cloud, devices: pd.DataFrame, period: Period, search: str = "") -> Header:
    """Title block of the overview.

    Raises:
        NoDataError: There is no device to look at.
    """
    found_devices(devices, search)
    projects = sorted({str(name) for name in devices["project"].dropna()})
    facts = {
        "Period": period.label,
        "State as of": moment(cloud.now),
        "Account": cloud.settings.username,
        "Time zone": cloud.timezone,
    }
    if not cloud.settings.username:  # imported files
        del facts["Account"]
    if projects:
        facts["Projects"] = listed(projects, 3)
    if search:
        facts["Devices named"] = search
    return header("Fleet overview", subtitle=plural(len(devices), "device"), facts=facts, source=cloud.source)


def fleet_figures(devices: pd.DataFrame, latest: pd.DataFrame, survey: Survey) -> KeyFigures:
    """Key figures of a fleet: connection, health, energy, findings, and present power and flow."""
    online, kinds = int(devices["online"].sum()), int(devices["profile"].nunique())
    offline = len(devices) - online
    problem = int(devices["health"].isin(["WARNING", "ERROR"]).sum())
    # What a valve said before it fell silent is not what it does now.
    latest = latest[devices["online"].reindex(latest.index, fill_value=False).astype(bool)]
    power, flow = valve_power(latest, survey).set_axis(latest.index), latest["flow_m3h"]
    shown = [str(kind) for kind in power if power[kind].notna().any()] or [_usual_kind(survey)]
    unlike = int((latest["power_kw"].notna() & power.isna().all(axis=1)).sum())
    noted = {kind: _as_of(power[kind], latest["time"], survey) for kind in shown}
    profiles = plural(kinds, "kind of dataprofile", "kinds of dataprofile")
    others = len(devices) - len(survey.devices)
    idle = [f"{number(others)} other than energy valves: not checked"] if others else []
    more = [f"{number(unlike)} more, whether they heat or cool is unknown"] if unlike else []
    told = KeyFigure("With a problem", problem, note="warning or error", status="problem" if problem else "good")
    if (devices["health"] == "UNKNOWN").all():
        told = KeyFigure("With a problem", float("nan"), note="no device tells its health")
    return key_figures(
        KeyFigure("Devices", len(devices), note="; ".join([profiles, *idle])),
        KeyFigure("Online", online, note=count_of(offline, "offline"), status="warn" if offline else "good"),
        told,
        *survey_figures(survey),
        *(KeyFigure(POWER_NOW[kind], _sum(power[kind]), "kW", "; ".join([noted[kind], *more])) for kind in shown),
        KeyFigure("Flow now", _sum(flow), "m³/h", _as_of(flow, latest["time"], survey)),
    )


def conditions(devices: pd.DataFrame) -> dict[str, int]:
    """Number of devices by health, of those online, and of those offline."""
    state = devices["health"].replace("UNKNOWN", "health unknown").where(devices["online"], "offline")
    return {str(name): int(count) for name, count in state.value_counts().items()}


def problems(devices: pd.DataFrame, timezone: str) -> Table:
    """Table of the devices with a warning or an error, or offline."""
    rows = devices.assign(name=_telling_names(devices))
    rows = rows[rows["health"].isin(["WARNING", "ERROR"]) | ~rows["online"]]
    rows = rows.sort_values(["health", "last_seen"], key=_health_rank)
    said = rows["note"].fillna("").mask(rows["note"].fillna("") == "", rows["online"].map({True: "", False: "offline"}))
    frame = _with_local_time(rows[["name", "health", "last_seen", "serial"]], timezone)
    frame.insert(2, "note", said)
    none = "No device has a problem; all are online"
    if len(devices) and (devices["health"] == "UNKNOWN").all():
        none = "All devices are online; none tells its health"
    return table(
        frame.reset_index(drop=True),
        "problems",
        "Devices with a warning or an error, or offline" if len(frame) else none,
        formats={"health": "status", "last_seen": "time"},
    )


def fleet_table(devices: pd.DataFrame, latest: pd.DataFrame, survey: Survey, timezone: str) -> Table:
    """Table of all devices with latest values, condition and energy, the worst first, then by cost.

    Small fleets have a sparkline of daily energy.
    """
    values = latest[["power_kw", "flow_m3h", "t1_c", "t2_c", "delta_t_k", "position_pct"]]
    found = survey.table()[["status", "findings", "heating_kwh", "cooling_kwh"]]
    state = _with_local_time(devices[["health", "online", "last_seen"]], timezone)
    frame = _telling_names(devices).to_frame().join(found).join(state)
    frame = frame.join(values).assign(as_of=latest["time"].dt.tz_convert(timezone))
    frame["online"] = frame["online"].map({True: "yes", False: "no"})
    told = {str(key): condition(row, (), timezone) for key, row in devices.iterrows()} | survey.conditions
    # Of devices that are no energy valves there is nothing to judge but health and connection: well, they come last.
    others = {key: one.status if one.status != "not judged" else None for key, one in told.items()}
    idle = {key for key, status in others.items() if status is None and key not in survey.conditions}
    urgent = {key: urgency(one.status, one.blind, one.cost_kwh) for key, one in told.items()}
    frame = frame.loc[sorted(told, key=lambda key: (key in idle, urgent[key]))]
    frame["status"] = frame["status"].where(frame["status"].notna(), pd.Series(others, dtype=object))
    if len(survey.valves) <= MAX_SPARKLINES:
        daily = survey.daily()
        frame.insert(5, "by_day", pd.Series({key: sparkline(daily[key], "kWh") for key in daily}, dtype=object))
    # A column with the same text in all rows tells nothing.
    differing = [name for name in ("project", "city") if len(set(devices[name].fillna(""))) > 1]
    frame = frame.join(devices[[*differing, "serial"]])
    untold = [name for name in ("health", "serial") if set(frame[name].fillna("")) <= {"", "UNKNOWN"}]
    return table(
        frame.reset_index(drop=True),
        "devices",
        "All devices",
        formats={
            "health": "status",
            "last_seen": "time",
            "as_of": "time",
            "status": "status",
            "heating_kwh": 0,
            "cooling_kwh": 0,
        },
        hidden=["online", "as_of", *untold],  # what the status and the time last seen say, or nobody: paper is narrow
    )


def _as_of(values: pd.Series[Any], times: pd.Series[Any], survey: Survey) -> str:
    """How many valves a sum is of, and how old the values are."""
    known = times[values.notna()].dropna().dt.tz_convert(survey.period.start.tz)
    note = f"sum of {plural(values.notna().sum(), 'valve')}"
    if not len(known):
        return note
    first, last = moment(known.min()), moment(known.max())
    return f"{note}, as of {first}" if last == first else f"{note}, as of {first} to {last}"


def _usual_kind(survey: Survey) -> str:
    sums = survey.table()[["heating_kwh", "cooling_kwh"]].sum()
    return "cold" if sums["cooling_kwh"] > sums["heating_kwh"] else "heat"


def _sum(values: pd.Series[Any]) -> float | None:
    return float(values.sum()) if values.notna().any() else None


def _health_rank(column: pd.Series[Any]) -> pd.Series[Any]:
    if column.name == "health":
        return column.map({"ERROR": 0, "WARNING": 1}).fillna(2)
    return column


def _telling_names(devices: pd.DataFrame) -> pd.Series[str]:
    """The names of devices, told apart where several share one."""
    told = [(str(key), str(row["name"]), str(row["serial"] or "")) for key, row in devices.iterrows()]
    return pd.Series(distinct_names(told), devices.index, dtype=object, name="name")


def _with_local_time(frame: pd.DataFrame, timezone: str) -> pd.DataFrame:
    return frame.assign(last_seen=frame["last_seen"].dt.tz_convert(timezone))

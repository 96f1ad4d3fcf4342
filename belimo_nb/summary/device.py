"""Device report: title block, key figures, tables of state and events, and the record that later runs compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from belimo_nb.api.drift import is_setting, short_name
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.checkup import Checkup
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.cloud.condition import condition, measured_energy, sensor_failed, verdicts_of
from belimo_nb.cloud.counting import KINDS
from belimo_nb.cloud.device import Device
from belimo_nb.display import Header, KeyFigure, KeyFigures, Table, header, key_figures, moment, number, table
from belimo_nb.display.numbers import plural
from belimo_nb.hydronics import Verdict
from belimo_nb.hydronics.checks.delta_t import MEAN_SOURCES
from belimo_nb.hydronics.checks.sensors_swapped import CHECK as SWAPPED
from belimo_nb.plots import outliers
from belimo_nb.quantities import DIMENSIONS, QUANTITIES, SETTINGS, TEMPERATURE, WEAR, in_words
from belimo_nb.summary.checkup import verdict_figure
from belimo_nb.summary.parts import column_group, completeness, daily_trend, energy_figure, greater_kind, incomplete

HOURS_A_YEAR = 8766
HOUR = pd.Timedelta("1h")
CAUGHT_UP = 1.1  # times the highest reading of power, which no mean of an hour exceeds


def device_header(cloud: Cloud, valve: Device, period: Period, days: pd.DataFrame) -> Header:
    """Title block of a device's report; `days` is `Counters.energy` by day."""
    row = valve.summary
    place = ", ".join(str(row[key]) for key in ("project", "city", "country") if row[key])
    facts = {
        "Period": period.label,
        "Serial number": valve.serial,
        "Type": str(row["type"] or ""),
        "Dataprofile": str(row["profile"] or "none reported"),
        "Place": place,
        "Time zone": cloud.timezone,
    }
    facts = {name: told for name, told in facts.items() if told}
    if (since := cloud.connection.transferred(valve.id)) is not None:
        facts["History"] = f"before {since:%Y-%m-%d} that of its id before it changed hands"
    return header(
        valve.name, subtitle="Device report", facts=facts, completeness=completeness(days), source=cloud.source
    )


def device_figures(
    valve: Device, days: pd.DataFrame, checkup: Checkup, timezone: str, hours: pd.DataFrame | None = None
) -> KeyFigures:
    """Key figures of one valve: energy and peaks of the period, checks, and present health; with its condition.

    Args:
        valve: The valve.
        days: `Counters.energy` by day.
        checkup: Its checks, with their samples.
        timezone: IANA zone of the times.
        hours: kWh by hour of one kind, for the peak of samples that are moments; None: by these alone.
    """
    row = valve.summary
    samples = checkup.samples
    verdicts = verdicts_of(checkup.verdicts)
    failed = sensor_failed(verdicts)
    seen = row["last_seen"]
    found, record = condition(row, verdicts, timezone), device_record(row, verdicts, days, set_values(valve))
    swapped = any(one.check == SWAPPED and one.verdict == "fault" for one in verdicts)
    figures = [
        *_device_energy(days, samples, record["energy"], failed, swapped),
        _peak("Highest power", samples["power_kw"], "kW", failed, hours),
        _peak("Highest flow", samples["flow_m3h"], "m³/h", failed),
        _mean_delta_t(checkup),
        verdict_figure(checkup),
        KeyFigure(
            "Health",
            None if row["health"] == "UNKNOWN" else str(row["health"]),
            note=str(row["note"] or ("the device does not tell" if row["health"] == "UNKNOWN" else "")),
            status={"OK": "good", "WARNING": "warn", "ERROR": "problem"}.get(str(row["health"]), "neutral"),
        ),
        KeyFigure(
            "Last seen",
            "never" if pd.isna(seen) else moment(seen.tz_convert(timezone)),
            note="online" if row["online"] else "offline",
            status="good" if row["online"] else "warn",
        ),
    ]
    most = greater_kind(column_group(days, "kwh"))
    if record["energy"][str(most.columns[0])]["kwh"] is None:
        most *= math.nan  # it was not measured
    name = str(most.columns[0]).capitalize()
    trend = daily_trend(most, f"{name} by day" if name == "Energy" else f"{name} energy by day")
    return key_figures(*figures, trend=trend, condition=found.data(), record=record)


def state_table(valve: Device) -> Table:
    """Table of the latest value of each datapoint in words where there are any, settings (writable ones) first.

    What a valve counts of its own work is also given by year of operation; what comes in another unit than those of the
    other tables, in that of theirs.
    """
    state = valve.state()
    known = valve.datapoints if valve.has_profile else pd.DataFrame(columns=["name", "access"])
    frame = state.join(known[["name", "access"]]).fillna({"name": "", "access": ""})
    # Metadata are what the owner wrote about the device, not what it says.
    frame = frame[frame["value"].notna() & ~frame.index.str.startswith("metadata.")]
    # Energy Valve 4 may have no names but its ids, and a long path before either.
    named = frame["name"].where(frame["name"] != "", frame.index)
    named = named.where(named.str.startswith("/"), named.str.rsplit("/", n=1).str[-1])
    frame = frame.assign(name=named, setting=frame["access"].str.contains("w"))
    frame = pd.concat([frame[frame["setting"]], frame[~frame["setting"]]])
    wear = _wear_a_year(valve, state["value"])
    shown = pd.DataFrame(
        {
            "datapoint": frame["name"],
            "value": [_value_text(*row) for row in zip(frame["name"], frame["value"], frame["unit"], strict=True)],
            "unit": frame["unit"],
            "in_usual_units": _usual(valve, frame),
            **({"a_year": [wear.get(key, "") for key in frame.index]} if wear else {}),
            "setting": ["yes" if writable else "" for writable in frame["setting"]],
            "description": frame["description"],
        }
    )
    time = state.attrs["time"]
    caption = "State and settings"
    if time is not None and not pd.isna(time):
        caption = f"State and settings as of {moment(time.tz_convert(valve.timezone))}, {valve.timezone}"
    return table(shown.reset_index(drop=True), "state", caption)


def events(timeline: pd.DataFrame, valve: Device | None = None) -> Table:
    """Table of the events of a device, newest first; with `valve` datapoints have names, and values words."""
    known = valve.datapoints["name"] if valve is not None and valve.has_profile else pd.Series(dtype=object)
    names = {str(identifier): str(name) for identifier, name in known.items() if name}
    frame = timeline.iloc[::-1].reset_index(drop=True)
    frame = frame.assign(
        type=frame["type"].str.replace("_", " ").str.capitalize(),
        details=[_details_text(details, names) for details in frame["details"]],
    )
    none = "No events in the period"
    if valve is not None and valve.summary["health"] == "UNKNOWN":  # such as one of imported files
        none = "No events are known: nothing tells this device's health"
    return table(frame, "events", "Events" if len(frame) else none, formats={"time": "time"})


def _device_energy(
    days: pd.DataFrame, samples: pd.DataFrame, energy: Mapping[str, Any], failed: bool, swapped: bool
) -> list[KeyFigure]:
    """Key figures of energy: heating, cooling, or one for each; its sensors may have `failed`, or be `swapped`.

    Args:
        days: `Counters.energy` by day.
        samples: What the checks look at.
        energy: That of the valve's record, None where a 0 was not measured.
        failed: Whether a sensor of its meter has.
        swapped: Whether T1 and T2 are.
    """
    kwh, figures = column_group(days, "kwh"), []
    for kind in kwh:
        part = days.loc[:, days.columns.get_level_values(1) == kind]
        label = f"{str(kind).capitalize()} energy" if kind in KINDS else "Energy"
        found = energy_figure(label, kwh[[kind]], unknown=int(incomplete(part).sum()))
        if found.value is None and (samples[["heating_kwh", "cooling_kwh"]].max() == 0).any():
            found = replace(found, note="its counters stand at 0: it has never counted any")
        elif found.value is None and kind in KINDS and (samples[f"{kind}_kwh"] < 0).any():
            found = replace(found, note="its counter reads less than 0: it counts backwards, or is read wrongly")
        elif kind not in KINDS:
            found = replace(found, note="it has no counter of energy that counts; power alone is no meter")
        elif not failed and not (kwh > 0).any(axis=None) and found.value == 0:
            value = energy[str(kind)]["kwh"]
            found = replace(found, value=value, note=f"{found.note}; it counted nothing: off, or a failing meter")
        elif failed and found.value == 0:
            found = replace(found, value=None, note="nothing was counted: a sensor has failed, see the checks")
        elif failed and found.value is not None:
            found = replace(found, note="at least; a sensor has failed, see the checks")
        elif swapped and found.value is not None:
            found = replace(found, note="as counted; its sensors are swapped, so heat may be cold, see the checks")
        figures.append(found)
    return figures


def _peak(label: str, values: pd.Series[Any], unit: str, failed: bool, hours: pd.DataFrame | None = None) -> KeyFigure:
    """Key figure of the highest mean of an hour, with its time; `failed` if a sensor of the device has.

    A single moment is no peak: the first after a start-up reads five times the usual power. So power counts by the
    counter's `hours`, if any are known, finer samples by the means of their hours, and others if they are borne out.
    """
    if not values.notna().any():
        return KeyFigure(label, None, unit, "not measured, or no readings")
    if failed and values.max() == 0:
        return KeyFigure(label, None, unit, "it reads 0 all the time: a sensor has failed, see the checks")
    if not values.any():
        return KeyFigure(label, 0.0, unit, "it reads 0 all the time")
    note, left_out = "mean of the hour from", 0
    # More than any reading is what a counter caught up with after a pause.
    counted = pd.Series(dtype=float) if hours is None else hours.iloc[:, 0]
    counted = counted.where(counted <= CAUGHT_UP * float(values.abs().max()))
    if (counted > 0).any():
        values = counted
        at = int(values.argmax())
    elif len(values) > 1 and values.index[1] - values.index[0] < HOUR:
        read = values.resample(HOUR, closed="right", label="left").agg(["mean", "count"])
        values = read["mean"].where(read["count"] >= read["count"].max() / 2)
        at = int(values.argmax())
    else:
        note = "of the samples,"
        at, left_out = outliers.highest(values)
    note = f"{note} {moment(pd.Timestamp(str(values.index[at])))}"
    if left_out:
        note = f"{note}; left out: {plural(left_out, 'single reading')} above it"
    return KeyFigure(label, float(values.iloc[at]), unit, note)


def _mean_delta_t(checkup: Checkup) -> KeyFigure:
    """Key figure of the flow-weighted delta-T, as the checks found it."""
    (found,) = checkup.verdicts[checkup.verdicts["check"] == "flow-weighted delta-T"].to_dict("records")
    value, said = float(found["figure"]), str(found["sentence"])
    if math.isnan(value):
        return KeyFigure("Delta-T, flow-weighted", None, "K", said, digits=1)
    source = next(source for source in MEAN_SOURCES if source in said)
    return KeyFigure("Delta-T, flow-weighted", value, "K", f"of the water, by {source}", digits=1)


def _wear_a_year(valve: Device, values: pd.Series[Any]) -> dict[str, str]:
    """What a valve counts of its own work, by id, for a year of its operation; empty if its hours are not known."""
    located = {key: valve.profile.locate(key) for key in ("operating", *WEAR)} if valve.has_profile else {}
    counted = {
        key: QUANTITIES[key].dimension.convert(float(value), valve.profile.unit(identifier))
        for key, identifier in located.items()
        if identifier is not None and isinstance(value := values.get(identifier), (int, float))
    }
    hours = counted.pop("operating", 0.0)
    if not hours > 0:
        return {}
    return {str(located[key]): number(value / hours * HOURS_A_YEAR, 0) for key, value in counted.items()}


def _usual(valve: Device, frame: pd.DataFrame) -> list[str]:
    """Values with the units of the other tables, where the cloud gives them in others; "" where it does not."""
    meanings = valve.profile.units if valve.has_profile else {}
    found = []
    for key, value in frame["value"].items():
        held, unit = meanings.get(str(key), ("", ""))
        known = {**QUANTITIES, **SETTINGS}.get(held)
        # A kelvin alone may be a temperature or a difference of two.
        plain = next((one for one in DIMENSIONS if one.knows(unit) and unit and not TEMPERATURE.knows(unit)), None)
        dimension = known.dimension if known else plain
        counts = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not counts or dimension is None or not dimension.knows(unit) or dimension.convert(1.0, unit) == 1:
            found.append("")
        else:
            found.append(number(dimension.convert(float(value), unit), unit=dimension.unit.replace("m3", "m³")))
    return found


def _value_text(name: str, value: object, unit: str) -> str:
    if words := in_words(name, value):
        return words
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    # Three digits of a temperature in kelvins would be whole degrees.
    return number(value, 1 if TEMPERATURE.knows(unit) and value % 1 else None)


def _details_text(details: Mapping[str, Any], names: Mapping[str, str]) -> str:
    values = details.get("values", details)
    pairs = values.items() if isinstance(values, Mapping) else ()
    named = [(names.get(str(key), str(key)), value) for key, value in pairs]
    return ", ".join(f"{name} = {in_words(name, value) or value}" for name, value in named)


WASTES = ("waste_m3_low", "waste_m3", "waste_kwh_low", "waste_kwh")


def set_values(valve: Device) -> dict[str, Any]:
    """What is set on a device, by name; empty where that is not known."""
    if not valve.has_profile:
        return {}
    values = valve.state()["value"]
    points = valve.datapoints[["name", "access"]].itertuples(name=None)
    found = {short_name(key, name): values.get(key) for key, name, access in points if is_setting(key, name, access)}
    return {name: value for name, value in found.items() if isinstance(value, (int, float, str))}


def device_record(
    row: pd.Series[Any], verdicts: Sequence[Verdict], days: pd.DataFrame, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """A device's verdicts, energy, settings and state, in plain JSON types.

    Args:
        row: Its row of `Cloud.devices`.
        verdicts: Of its checks.
        days: `Counters.energy` by day.
        settings: Its settings by name.

    Returns:
        serial, project, health, note, online, days (of the period), verdicts (check, verdict, figure, unit; of findings
        also sentence, recommendation and what is wasted), energy by kind (kwh, coverage), reset (whether a counter
        began anew), settings.
    """
    kwh, coverage, quality = (column_group(days, name) for name in ("kwh", "coverage", "quality"))
    sums = measured_energy({str(kind): float(kwh[kind].sum(min_count=1)) for kind in kwh}, verdicts, len(days))
    energy = {kind: {"kwh": total, "coverage": float(coverage[kind].mean())} for kind, total in sums.items()}
    found = {
        "serial": str(row["serial"] or ""),
        "project": str(row.get("project") or ""),
        "health": str(row["health"]),
        "note": str(row["note"] or ""),
        "online": bool(row["online"]),
        "days": len(days),
        "verdicts": [_verdict(one) for one in verdicts],
        "energy": energy,
        "reset": bool((quality == "reset").to_numpy().any()),
        "settings": dict(settings),
    }
    return {name: _plain(value) for name, value in found.items()}


def _verdict(one: Verdict) -> dict[str, Any]:
    found = {name: getattr(one, name) for name in ("check", "verdict", "figure", "unit")}
    if one.verdict in ("warn", "fault"):
        wastes = {name: value for name in WASTES if math.isfinite(value := asdict(one)[name])}
        found |= {"sentence": one.sentence, "recommendation": one.recommendation, **wastes}
    return found


def _plain(value: Any) -> Any:
    """JSON types, numbers with 6 digits, unknown ones as None."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value

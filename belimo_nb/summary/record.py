"""What a report says of a device in plain numbers: later runs are compared with it, and its findings have a price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from belimo_nb.api.drift import is_setting, short_name
from belimo_nb.cloud.device import Device
from belimo_nb.hydronics import Verdict
from belimo_nb.summary.parts import column_group

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
        serial, health, note, online, days (of the period), verdicts (check, verdict, figure, unit; of findings also
        sentence, recommendation and what is wasted), energy by kind (kwh, coverage), reset (whether a counter began
        anew), settings.
    """
    kwh, coverage, quality = (column_group(days, name) for name in ("kwh", "coverage", "quality"))
    energy = {
        str(kind): {"kwh": float(kwh[kind].sum(min_count=1)), "coverage": float(coverage[kind].mean())} for kind in kwh
    }
    found = {
        "serial": str(row["serial"]),
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

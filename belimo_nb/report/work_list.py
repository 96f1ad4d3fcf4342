"""The work list: what is wrong with which valve, what to do, and what it costs a year, the most urgent first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from belimo_nb.cloud.condition import BLIND
from belimo_nb.display import Table, table
from belimo_nb.hydronics.worth import Prices, money, yearly_waste
from belimo_nb.report.changes import RANK, Seen

COLUMNS = (
    *("device", "serial", "verdict", "finding", "since", "cost_low", "cost_high", "currency", "counted"),
    *("kwh_low", "kwh_high", "pump_kwh_low", "pump_kwh_high", "meaning", "what_to_do", "assumption", "page"),
)
COUNTED, OVERLAPS = "yes", "no: may be the same waste"


def work_list(devices: Sequence[Seen], prices: Prices) -> list[dict[str, Any]]:
    """One row a finding, with `COLUMNS`; unknown numbers are None.

    Valves come by urgency: those of which nothing is known (dead sensors, silent), then by what they cost or waste at
    most, then by gravity. Of the findings of one valve the dearest counts; the others may be the same waste, so they
    are not to be added to it.
    """
    ranked = []
    for device in devices:
        found = [one for one in (device.record or {}).get("verdicts", ()) if one["verdict"] in RANK]
        if not found:
            continue
        first, *others = sorted(
            (_row(device, one, prices) for one in found), key=lambda row: (-_worth(row), -RANK[row["verdict"]])
        )
        rows = [first, *({**row, "counted": OVERLAPS if _worth(row) else COUNTED} for row in others)]
        blind = any(one["verdict"] in BLIND.get(one["check"], ()) for one in found)
        gravest = max(RANK[one["verdict"]] for one in found)
        ranked.append(((not blind, -_worth(first), -gravest, device.title), rows))
    return [row for _, rows in sorted(ranked, key=lambda item: item[0]) for row in rows]


def as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A work list as a table, for files."""
    return table(pd.DataFrame(rows, columns=list(COLUMNS)), "work-list", "Work list")


def total(rows: Sequence[Mapping[str, Any]]) -> str:
    """What all valves of a work list cost a year, the dearest finding of each; empty where that is not known."""
    counted = [row for row in rows if row["counted"] == COUNTED and row["cost_high"] is not None]
    if not counted:
        return ""
    low, high = (math.fsum(row[name] or 0.0 for row in counted) for name in ("cost_low", "cost_high"))
    return money(low, high, str(counted[0]["currency"]))


def _row(device: Seen, found: Mapping[str, Any], prices: Prices) -> dict[str, Any]:
    record = device.record or {}
    unknown = math.nan
    waste = yearly_waste(
        (found.get("waste_kwh_low", unknown), found.get("waste_kwh", unknown)),
        (found.get("waste_m3_low", unknown), found.get("waste_m3", unknown)),
        days=record["days"],
        kinds=[kind for kind, one in record["energy"].items() if one["kwh"]],
        prices=prices,
    )
    since = [state["since"] for state in device.standing.values() if found["check"] in state["checks"]]
    numbers = {"cost": waste.cost, "kwh": waste.kwh, "pump_kwh": waste.pump_kwh}
    row = {
        "device": device.title,
        "serial": device.key if device.key != device.id else "",
        "verdict": found["verdict"],
        "finding": found["check"],
        "since": since[0] if since else "",
        "currency": prices.currency,
        "counted": COUNTED,
        "meaning": found["sentence"],
        "what_to_do": found["recommendation"],
        "assumption": waste.assumption,
        "page": f"{device.slug}.html",
        **{
            f"{name}_{side}": round(value, 1) if math.isfinite(value) else None
            for name, pair in numbers.items()
            for side, value in zip(("low", "high"), pair, strict=True)
        },
    }
    return {name: row[name] for name in COLUMNS}


def _worth(row: Mapping[str, Any]) -> float:
    """By what rows are sorted: money, and where there are no prices energy."""
    if row["cost_high"] is not None:
        return float(row["cost_high"])
    return float(row["kwh_high"] or 0) + float(row["pump_kwh_high"] or 0)

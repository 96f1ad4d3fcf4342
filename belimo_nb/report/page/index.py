"""The index page of a run."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from functools import cache
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Template
from markupsafe import Markup

from belimo_nb.cloud.condition import Condition, urgency
from belimo_nb.display import DASH, number, percent
from belimo_nb.display.base import HIDDEN
from belimo_nb.display.cells import status_level
from belimo_nb.display.numbers import column_digits, default_digits, plural
from belimo_nb.display.sparkline import sparkline
from belimo_nb.hydronics.verdict import between
from belimo_nb.report.jobs import STOPPED, TITLES, Result
from belimo_nb.report.output.reports_json import Run, RunFacts
from belimo_nb.report.page.assets import (
    LOW_COMPLETENESS,
    format_time,
    made_line,
    policy,
    script,
    styles,
    template,
    trusted,
)
from belimo_nb.report.page.news import told
from belimo_nb.report.page.terms import explained

MOST_NEWS, FEW_NEWS = 50, 5  # devices whose news are told, and those that need no unfolding
COLUMNS = 5  # key figures of devices that the table shows
# Only amounts add up over devices: a sum of peaks, means or rates would mean nothing.
SUMMED_UNITS = frozenset({"kWh", "MWh", "GJ", "m³", "kg"})
SUMMED_LABELS = re.compile(
    r"(?!.*\b(peak|most|highest|lowest|mean|average|per)\b).*\b(energy|heat|cold|volume|CO₂)\b", re.I
)
DEVICE = "device"
TOLD = ("Checks", "Health", "Last seen")  # figures that a device's status tells
KINDS: Mapping[str, str] = {DEVICE: "Device", **dict.fromkeys(TITLES, "Fleet")}


def page(run: Run, runs: Mapping[str, RunFacts] | None = None, *, figures: bool = True, workbook: bool = False) -> str:
    """The HTML of the index page; it loads nothing from anywhere, its links are relative to the folder it lies in.

    Args:
        run: The run; devices are listed by severity, then by what their findings cost.
        runs: All runs by their folders, where the page stands above them.
        figures: Tell of the run itself; False: only list all runs.
        workbook: Whether there is a workbook of the work list.
    """
    facts, results = run.facts, run.results if figures else ()
    failed = [result for result in results if result.status != "ok"]
    made = [result for result in results if result.status == "ok"]
    # The worst first; of what was not made the failures tell, however many they are.
    devices = [result for result in (*sorted(made, key=_urgency), *failed) if result.job.notebook == DEVICE]
    columns = _columns(devices)
    costs = _costs(run)
    trends = [result.trend for result in devices if result.trend]
    zone = facts.made_at.tzinfo
    html = _template().render(
        facts=facts,
        counts=_counts(facts),
        runs=[_listed(name, one) for name, one in (runs or {}).items()],
        figures=figures,
        base=f"{quote(next(iter(runs)))}/" if runs else "",
        workbook=workbook,
        news=told(run, MOST_NEWS) if figures else None,
        tally=[{"status": name, "mark": status_level(name), "count": number(count)} for name, count in _tally(devices)],
        made=made_line(facts.made_at, facts.version),
        as_of=format_time(facts.as_of.astimezone(zone)) if facts.as_of else "",
        took=_duration(facts.seconds),
        failures=_failures(failed, zone),
        failed=number(len(failed)),
        few=FEW_NEWS,
        plural=plural,
        cards=[
            {**_row(result, zone), "figures": [_figure(figure) for figure in result.key_figures[:6]]}
            for result in made
            if result.job.notebook != DEVICE
        ],
        devices=[
            {
                **_row(result, zone),
                "cells": [_cell(result, column) for column in columns],
                "trend": _spark(result.trend),
                "cost": costs.get(result.job.slug),
            }
            for result in devices
            if "html" in result.files  # of the others the failures say all that there is to say
        ],
        count=number(len(devices)),
        columns=columns,
        currency=next((cost["currency"] for cost in costs.values()), ""),
        trend=labels.pop() if len(labels := {trend["label"] for trend in trends}) == 1 else "By day" if trends else "",
        totals=_totals(devices, columns),
        css=trusted(styles()),
        js=trusted(script()),
        policy=policy(),
    )
    return explained(html)


@cache
def _template() -> Template:
    return template("reports.html.j2", _without_control_characters)


def _without_control_characters(value: Any) -> Any:
    """Replace the control characters that HTML forbids, which names from the cloud may contain."""
    return HIDDEN.sub(" ", value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _counts(facts: RunFacts) -> str:
    counts = facts.counts
    parts = [f"{number(counts['ok'] - counts['kept'])} made"]
    parts += [f"{number(counts['kept'])} kept from an earlier run"] if counts["kept"] else []
    lost = number(counts["failed"])
    parts += [f"{lost} not made" if facts.stopped else f"{lost} failed"] if counts["failed"] else []
    return ", ".join(parts)


def _tally(devices: Sequence[Result]) -> list[tuple[str, int]]:
    """How many devices have each status, in the order of the devices."""
    found = Counter(it.condition["status"] if it.status == "ok" and it.condition else _status(it) for it in devices)
    return [(status, count) for status, count in found.items() if status != DASH]


def _failures(failed: Sequence[Result], zone: tzinfo | None) -> list[dict[str, Any]]:
    """What was not made, by the reason: the same one may hold for hundreds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for result in failed:
        row = _row(result, zone)
        found.setdefault(row["error"], []).append(row)
    return [{"error": error, "rows": rows} for error, rows in found.items()]


def _costs(run: Run) -> dict[str, dict[str, Any]]:
    """What the dearest finding of each device costs a year, by the slug of its report; empty without prices."""
    found: dict[str, dict[str, Any]] = {}
    for row in run.work:
        if row["cost_high"] is not None:
            shown = between(row["cost_low"] or 0.0, row["cost_high"])
            cost = {"shown": shown, "sort": row["cost_high"], "currency": row["currency"]}
            found.setdefault(str(row["page"]).removesuffix(".html"), cost)
    return found


def _listed(folder: str, facts: RunFacts) -> dict[str, str]:
    """A run, as the list of all needs it."""
    return {
        "href": f"{quote(folder)}/index.html",
        "period": facts.period.label,
        "source": facts.source,
        "made": format_time(facts.made_at),
        "counts": ", ".join([_counts(facts), *(["interrupted"] if facts.stopped else [])]),
    }


def _spark(trend: Mapping[str, Any] | None) -> Markup:
    if trend is None:
        return trusted("")
    return trusted(str(sparkline(pd.Series(trend["values"], dtype=float), str(trend["unit"]), small=True)))


def _urgency(result: Result) -> tuple[int, bool, float]:
    """Sort key; a report without a condition, which an earlier version made, is as one that is not judged."""
    found = result.condition
    return urgency(str(found["status"]), found["blind"], found["cost_kwh"]) if found else urgency("", False, 0)


def _status(result: Result) -> str:
    """The device's condition; that its report was made is none."""
    if result.status != "ok":
        return "not made" if result.error == STOPPED else "failed"
    return Condition(**result.condition).text if result.condition else DASH


def _row(result: Result, zone: tzinfo | None) -> dict[str, Any]:
    status = _status(result)
    files = [
        {"name": _file_name(kind), "href": quote(path)}
        for kind, path in result.files.items()
        if kind in ("ipynb", "xlsx") or kind.startswith("csv:")
    ]
    html, notebook = result.files.get("html"), result.files.get("ipynb")
    made = format_time(result.made_at.astimezone(zone)) if result.kept and result.made_at else ""
    return {
        "title": result.job.title,
        "kind": KINDS.get(result.job.notebook, result.job.notebook),
        "status": status,
        "sentence": _sentence(result) if status_level(status) != "good" else "",
        "kept": made,
        "mark": status_level(status),
        "error": result.error or "It did not end as it should, without a word.",
        "href": quote(html) if html else "",
        "notebook": quote(notebook) if notebook else "",
        "complete": percent(result.completeness) if _known(result.completeness) else "",
        "low": _known(result.completeness) and (result.completeness or 0) < LOW_COMPLETENESS,
        "files": files,
    }


def _sentence(result: Result) -> str:
    """Why a device is as it is, and since which run."""
    if not result.condition:
        return ""
    states = [state for state in result.standing.values() if not state["gone"]]
    since = [state["since"] for state in states if state["since"] < state["seen"]]  # else it began in this run
    sentence = str(result.condition["sentence"])
    # One that says since when knows it better than the runs do.
    runs = f" Stands since the run from {min(since)}." if since and " since " not in sentence else ""
    return f"{sentence}{runs}"


def _file_name(kind: str) -> str:
    return {"ipynb": "Notebook", "xlsx": "Excel"}.get(kind, f"CSV {kind.removeprefix('csv:')}")


def _columns(devices: Sequence[Result]) -> list[dict[str, Any]]:
    """The key figures that most devices have, in the notebooks' order, each with its decimals."""
    places: dict[tuple[str, str], list[int]] = {}
    for result in devices:
        for place, figure in enumerate(result.key_figures):
            if result.condition and figure["label"] in TOLD:
                continue  # the status says it
            places.setdefault((figure["label"], figure["unit"]), []).append(place)
    # Heat and cold each have their column, however few devices have one; the others follow by how many have them.
    sums = [key for key in places if _adds_up({"label": key[0], "unit": key[1]})]
    often = sums + sorted(set(places).difference(sums), key=lambda key: (-len(places[key]), key))[: COLUMNS - 1]
    columns = []
    for label, unit in sorted(often, key=lambda key: sum(places[key]) / len(places[key])):
        found = [_find(result, label, unit) for result in devices]
        numbers = [float(item["value"]) for item in found if item and _is_number(item["value"])]
        # With the decimals of the pages, where those have fixed ones: one value is one text.
        fixed = {item.get("digits") for item in found if item}
        digits = fixed.pop() if len(fixed) == 1 and None not in fixed else column_digits(numbers, unit)
        columns.append({"label": label, "unit": unit, "digits": digits})
    return columns


def _find(result: Result, label: str, unit: str) -> Mapping[str, Any] | None:
    return next((item for item in result.key_figures if item["label"] == label and item["unit"] == unit), None)


def _cell(result: Result, column: Mapping[str, Any]) -> dict[str, str]:
    figure = _find(result, column["label"], column["unit"])
    if figure is None:
        return {"shown": DASH, "note": "", "status": "neutral"}
    return {"shown": _value(figure, column["digits"]), "note": figure["note"], "status": figure["status"]}


def _figure(figure: Mapping[str, Any]) -> dict[str, str]:
    value, digits = figure["value"], figure["digits"]
    if digits is None and _is_number(value):
        digits = default_digits(value, figure["unit"])
    unit = figure["unit"] if value is not None else ""
    return {**figure, "shown": _value(figure, digits), "unit": unit}


def _value(figure: Mapping[str, Any], digits: int | None) -> str:
    value = figure["value"]
    return value if isinstance(value, str) else number(value, digits)


def _totals(devices: Sequence[Result], columns: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The sum below each column whose figures add up, with the number of devices; empty if no column does."""
    totals = []
    for column in columns:
        figures = [_find(result, column["label"], column["unit"]) for result in devices]
        values = [item["value"] for item in figures if item and _is_number(item["value"])]
        if _adds_up(column) and len(devices) > 1 and values:
            note = f"{len(values)} of {plural(len(devices), 'device')}" if len(values) < len(devices) else ""
            totals.append({"shown": number(math.fsum(values), column["digits"]), "note": note})
        else:
            totals.append({"shown": "", "note": ""})
    return totals if any(total["shown"] for total in totals) else []


def _adds_up(column: Mapping[str, Any]) -> bool:
    return column["unit"] in SUMMED_UNITS and SUMMED_LABELS.match(column["label"]) is not None


def _known(share: float | None) -> bool:
    return share is not None and math.isfinite(share)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest if not hours else 0, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)

"""The index page of a run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from belimo_nb.cloud.condition import Condition, urgency
from belimo_nb.display import DASH, number, percent
from belimo_nb.display.base import HIDDEN
from belimo_nb.display.cells import status_level
from belimo_nb.display.numbers import column_digits, default_digits
from belimo_nb.display.sparkline import sparkline
from belimo_nb.report.jobs import Result
from belimo_nb.report.output.reports_json import RunFacts, files_of, parse_time
from belimo_nb.report.page.assets import (
    LOW_COMPLETENESS,
    format_time,
    made_line,
    policy,
    script,
    styles,
    template_folder,
    trusted,
)

COLUMNS = 5  # key figures of devices that the table shows
# Only amounts add up over devices: a sum of peaks, means or rates would mean nothing.
SUMMED_UNITS = frozenset({"kWh", "MWh", "GJ", "m³", "kg"})
SUMMED_LABELS = re.compile(
    r"(?!.*\b(peak|most|highest|lowest|mean|average|per)\b).*\b(energy|heat|cold|volume|CO₂)\b", re.I
)
DEVICE = "device"
CHECKS = "Checks"
KINDS: Mapping[str, str] = {DEVICE: "Device", "overview": "Fleet", "heating_energy": "Fleet"}


def page(results: Sequence[Result], facts: RunFacts, others: Sequence[Mapping[str, Any]] = ()) -> str:
    """The HTML of the index page; it loads nothing from anywhere, its links are relative to the output folder.

    Args:
        results: The result of each report; devices are listed by severity, then by what their findings cost.
        facts: What the run was about.
        others: Entries of earlier reports that this run has not made, see `resume.other_reports`.
    """
    environment = Environment(
        loader=FileSystemLoader(template_folder()),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_without_control_characters,
    )
    failed = [result for result in results if result.status != "ok"]
    made = [result for result in results if result.status == "ok"]
    # Failures first, then the worst: they are what somebody has to look into.
    devices = [result for result in (*failed, *sorted(made, key=_urgency)) if result.job.notebook == DEVICE]
    columns = _columns(devices)
    trends = [result.trend for result in devices if result.trend]
    left = {str(item["slug"]): item for item in others}
    slugs = {result.job.slug for result in results}
    zone = facts.made_at.tzinfo
    return environment.get_template("reports.html.j2").render(
        facts=facts,
        counts=_counts(made, failed),
        made=made_line(facts.made_at, facts.version),
        as_of=format_time(facts.as_of.astimezone(zone)) if facts.as_of else "",
        took=_duration(facts.seconds),
        failures=[{**_row(result, zone), "earlier": _other(left.get(result.job.slug), zone)} for result in failed],
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
            }
            for result in devices
        ],
        columns=columns,
        trend=trends[0]["label"] if trends else "",
        totals=_totals(devices, columns),
        others=[_other(item, zone) for slug, item in left.items() if slug not in slugs],
        css=trusted(styles()),
        js=trusted(script()),
        policy=policy(),
    )


def _without_control_characters(value: Any) -> Any:
    """Replace the control characters that HTML forbids, which names from the cloud may contain."""
    return HIDDEN.sub(" ", value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _counts(made: Sequence[Result], failed: Sequence[Result]) -> str:
    kept = sum(result.kept for result in made)
    parts = [f"{number(len(made) - kept)} made"]
    parts += [f"{number(kept)} kept from an earlier run"] if kept else []
    parts += [f"{number(len(failed))} failed"] if failed else []
    return ", ".join(parts)


def _other(item: Mapping[str, Any] | None, zone: tzinfo | None) -> dict[str, str]:
    """A report of an earlier run, as the template needs it."""
    if item is None:
        return {}
    made_at = parse_time(item.get("made_at"))
    return {
        "title": str(item.get("title") or item["slug"]),
        "kind": KINDS.get(str(item.get("notebook")), str(item.get("notebook"))),
        "period": str(item.get("period") or ""),
        "made": format_time(made_at.astimezone(zone)) if made_at else "",
        "href": quote(files_of(item).get("html", "")),
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
    """The device's condition; where it is not known, whether the report was made."""
    if result.status != "ok":
        return "failed"
    return Condition(**result.condition).text if result.condition else "kept" if result.kept else "made"


def _row(result: Result, zone: tzinfo | None) -> dict[str, Any]:
    status = _status(result)
    files = [
        {"name": _file_name(kind), "href": quote(path)}
        for kind, path in result.files.items()
        if kind == "ipynb" or kind.startswith("csv:")
    ]
    html, notebook = result.files.get("html"), result.files.get("ipynb")
    made = format_time(result.made_at.astimezone(zone)) if result.kept and result.made_at else ""
    return {
        "title": result.job.title,
        "kind": KINDS.get(result.job.notebook, result.job.notebook),
        "status": status,
        "sentence": result.condition["sentence"] if result.condition and status_level(status) != "good" else "",
        "kept": made,
        "mark": status_level(status),
        "error": result.error or "It did not end as it should, without a word.",
        "href": quote(html) if html else "",
        "notebook": quote(notebook) if notebook else "",
        "complete": percent(result.completeness) if _known(result.completeness) else "",
        "low": _known(result.completeness) and (result.completeness or 0) < LOW_COMPLETENESS,
        "files": files,
    }


def _file_name(kind: str) -> str:
    return "Notebook" if kind == "ipynb" else f"CSV {kind.removeprefix('csv:')}"


def _columns(devices: Sequence[Result]) -> list[dict[str, Any]]:
    """The key figures that most devices have, in the notebooks' order, each with its decimals."""
    places: dict[tuple[str, str], list[int]] = {}
    for result in devices:
        for place, figure in enumerate(result.key_figures):
            if result.condition and figure["label"] == CHECKS:
                continue  # the status says it
            places.setdefault((figure["label"], figure["unit"]), []).append(place)
    often = sorted(places, key=lambda key: -len(places[key]))[:COLUMNS]
    columns = []
    for label, unit in sorted(often, key=lambda key: sum(places[key]) / len(places[key])):
        found = [_find(result, label, unit) for result in devices]
        numbers = [float(item["value"]) for item in found if item and _is_number(item["value"])]
        columns.append({"label": label, "unit": unit, "digits": column_digits(numbers, unit)})
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
            note = f"{len(values)} of {len(devices)} devices" if len(values) < len(devices) else ""
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

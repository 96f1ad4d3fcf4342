"""The index page of a run, and the same for programs."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader

from belimo_nb.display import DASH, number, percent
from belimo_nb.display.numbers import column_digits, default_digits
from belimo_nb.files import write_text
from belimo_nb.report.assets import LOW, made_line, policy, script, styles, template_folder, trusted
from belimo_nb.report.jobs import Result

__all__ = ["RunFacts", "write"]

SCHEMA = 1
COLUMNS = 5  # key figures of devices that the table shows
# What adds up over devices: amounts, but no peaks, means or rates.
SUMMED_UNITS = frozenset({"kWh", "MWh", "GJ", "m³", "kg"})
SUMMED_LABELS = re.compile(
    r"(?!.*\b(peak|most|highest|lowest|mean|average|per)\b).*\b(energy|heat|cold|volume|CO₂)\b", re.I
)
DEVICE = "device"
KINDS: Mapping[str, str] = {DEVICE: "Device", "overview": "Fleet", "heating_energy": "Fleet"}


@dataclass(frozen=True)
class RunFacts:
    """What a run was about.

    Attributes:
        title: What the index is called.
        period_label: The period that the reports cover.
        source: Where the data come from.
        timezone: The site's zone.
        version: The version of belimo_nb.
        made_at: When the run began, aware.
        seconds: How long it took.
    """

    title: str
    period_label: str
    source: str
    timezone: str
    version: str
    made_at: datetime
    seconds: float


def write(out: Path, results: Sequence[Result], facts: RunFacts) -> Path:
    """Write `index.html` and `reports.json`, each in one step: a reader sees the old one or the new one, never half.

    Args:
        out: The output folder.
        results: How each report ended; devices are listed in this order, after the failures.
        facts: What the run was about.

    Returns:
        The path of `index.html`.
    """
    machine = json.dumps(_machine(results, facts), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(out / "reports.json", machine, inside=out)
    write_text(out / "index.html", _page(results, facts), inside=out)
    return out / "index.html"


def _page(results: Sequence[Result], facts: RunFacts) -> str:
    environment = Environment(
        loader=FileSystemLoader(template_folder()), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    failed = [result for result in results if result.status != "ok"]
    made = [result for result in results if result.status == "ok"]
    devices = [result for result in (*failed, *made) if result.job.notebook == DEVICE]
    columns = _columns(devices)
    return environment.get_template("reports.html.j2").render(
        facts=facts,
        counts=f"{number(len(made))} made" + (f", {number(len(failed))} failed" if failed else ""),
        made=made_line(facts.made_at, facts.version),
        took=_duration(facts.seconds),
        failures=[_row(result) for result in failed],
        cards=[
            {**_row(result), "figures": [_figure(figure) for figure in result.key_figures[:6]]}
            for result in made
            if result.job.notebook != DEVICE
        ],
        devices=[{**_row(result), "cells": [_cell(result, column) for column in columns]} for result in devices],
        columns=columns,
        totals=_totals(devices, columns),
        css=trusted(styles()),
        js=trusted(script()),
        policy=policy(),
    )


def _row(result: Result) -> dict[str, Any]:
    ok = result.status == "ok"
    files = [
        {"name": _file_name(kind), "href": quote(path)}
        for kind, path in result.files.items()
        if kind == "ipynb" or kind.startswith("csv:")
    ]
    html, notebook = result.files.get("html"), result.files.get("ipynb")
    return {
        "title": result.job.title,
        "kind": KINDS.get(result.job.notebook, result.job.notebook),
        "status": "made" if ok else "failed",
        "mark": "good" if ok else "problem",
        "error": result.error or "It did not end as it should, without a word.",
        "href": quote(html) if html else "",
        "notebook": quote(notebook) if notebook else "",
        "complete": percent(result.completeness) if _known(result.completeness) else "",
        "low": _known(result.completeness) and (result.completeness or 0) < LOW,
        "files": files,
    }


def _file_name(kind: str) -> str:
    return "Notebook" if kind == "ipynb" else f"CSV {kind.removeprefix('csv:')}"


def _columns(devices: Sequence[Result]) -> list[dict[str, Any]]:
    """The key figures that many devices have, in the notebooks' order, each with its decimals."""
    places: dict[tuple[str, str], list[int]] = {}
    for result in devices:
        for place, figure in enumerate(result.key_figures):
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
    """Below each column whose figures add up, their sum, and of how many devices it is; nothing if no column does."""
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


def _machine(results: Sequence[Result], facts: RunFacts) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "title": facts.title,
        "period": facts.period_label,
        "source": facts.source,
        "timezone": facts.timezone,
        "version": facts.version,
        "made_at": facts.made_at.isoformat(),
        "seconds": round(facts.seconds, 3),
        "counts": dict(Counter(result.status for result in results)),
        "reports": [
            {
                "notebook": result.job.notebook,
                "title": result.job.title,
                "slug": result.job.slug,
                "parameters": {name: _plain(value) for name, value in result.job.parameters.items()},
                "status": result.status,
                "seconds": round(result.seconds, 3),
                "error": result.error,
                "key_figures": [{name: _plain(value) for name, value in item.items()} for item in result.key_figures],
                "completeness": _plain(result.completeness),
                "files": dict(result.files),
            }
            for result in results
        ],
    }


def _plain(value: Any) -> Any:
    """A value that JSON has: unknown numbers are null, what is no JSON type is its text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | bool | int) else str(value)


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

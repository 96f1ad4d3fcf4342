"""What changed and what is worth a visit, as the index and the digest tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from belimo_nb.display.cells import status_level
from belimo_nb.display.numbers import plural
from belimo_nb.hydronics.worth import money
from belimo_nb.report.changes import Item
from belimo_nb.report.output.reports_json import Run
from belimo_nb.report.work_list import total

WORDS: Mapping[str, str] = {
    "new": "New",
    "worse": "Worse",
    "back": "Back again",
    "gone": "Gone",
    "new device": "New device",
    "gone device": "Gone",
    "renamed": "Renamed",
    "moved": "Moved",
    "replaced": "Replaced",
    "setting": "Setting changed",
    "new meter": "Counter reset",
}
LEVELS: Mapping[str, str] = {"fault": "problem", "problem": "problem", "warn": "warn"}
VISITS = 3  # valves that are named as worth a visit


def told(run: Run, most: int | None = None, base: str | None = "") -> dict[str, Any]:
    """What changed, by device, the gravest first, and the valves most worth a visit, for a template.

    Args:
        run: The run, compared.
        most: Devices at most; None: all.
        base: What links to pages begin with; None: no links.
    """
    by_device: dict[str, list[Item]] = {}
    for item in run.changes:
        if item.news:
            by_device.setdefault(item.device.key, []).append(item)
    states = {it.job.slug: str(it.condition["status"]) for it in run.results if it.status == "ok" and it.condition}
    pages = {result.job.slug: result.files.get("html", "") for result in run.results}

    def href(slug: str) -> str:
        return f"{base}{quote(pages[slug])}" if base is not None and pages.get(slug) else ""

    news = sorted(by_device.values(), key=lambda items: (not any(item.bad for item in items), items[0].device.title))
    unjudged = {item.device.title for item in run.changes if not item.news}
    return {
        "compared": run.facts.compared,
        "count": len(news),
        "devices": [
            {
                "title": items[0].device.title,
                "href": href(items[0].device.slug),
                "status": (status := states.get(items[0].device.slug, "")),
                "mark": status_level(status),
                "items": [_line(item) for item in items],
            }
            for items in news[:most]
        ],
        "headline": _headline(len(news), run.facts.compared),
        "more": plural(more, "more device") if (more := len(news) - len(news[:most])) else "",
        "unjudged": len(unjudged),
        "visits": [{**one, "href": href(one["slug"])} for one in _visits(run.work)[:VISITS]],
        "findings": _findings(len({row["page"] for row in run.work}), total(run.work)),
    }


def _headline(devices: int, compared: str) -> str:
    if not compared:
        found = f"{plural(devices, 'device')} with findings" if devices else "no findings"
        return f"No earlier run to compare with: {found}"
    return f"{plural(devices, 'device')} with news since {compared}" if devices else f"Nothing new since {compared}"


def _findings(valves: int, total: str) -> str:
    found = plural(valves, "valve has findings", "valves have findings")
    return f"{found}, {total} a year in all, the dearest finding of each" if total else found


def _line(item: Item) -> dict[str, str]:
    gone = item.kind in ("gone", "gone device")
    return {
        "kind": WORDS[item.kind],
        "topic": item.topic,
        "level": "good" if gone else LEVELS.get(item.verdict, "neutral"),
        "since": item.since,
        "text": item.text,
        "advice": item.advice,
    }


def _visits(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The first finding of each valve, in the order of the work list."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        cost = money(row["cost_low"] or 0.0, row["cost_high"], row["currency"]) if row["cost_high"] else ""
        one = {"title": row["device"], "slug": row["page"].removesuffix(".html"), "finding": row["finding"]}
        found.setdefault(row["page"], {**one, "cost": cost, "since": row["since"], "advice": row["what_to_do"]})
    return list(found.values())

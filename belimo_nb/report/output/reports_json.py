"""`reports.json`: what a run has made, for other programs and for the next run.

docs/reports-json.md describes the fields. Within a schema number they do not change; new ones may be added.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from belimo_nb.report.jobs import Job, Result

NAME = "reports.json"
SCHEMA = 1
CONDITION: Mapping[str, type | tuple[type, ...]] = {
    "status": str,
    "sentence": str,
    "judged": int,
    "checks": int,
    "blind": bool,
    "cost_kwh": (int, float),
}


@dataclass(frozen=True)
class RunFacts:
    """The facts about a run that the index and `reports.json` show.

    Attributes:
        title: The title of the index.
        period_label: The period that the reports cover.
        source: The source of the data.
        timezone: The site's zone.
        version: The version of belimo_nb.
        made_at: When the run began, aware.
        seconds: How long it took.
        as_of: When its list of devices was fetched, aware; None if that is not known.
        stopped: True if it was interrupted.
    """

    title: str
    period_label: str
    source: str
    timezone: str
    version: str
    made_at: datetime
    seconds: float
    as_of: datetime | None = None
    stopped: bool = False


@dataclass(frozen=True)
class EarlierRun:
    """An earlier run, as its `reports.json` describes it.

    Attributes:
        reports: Its entries by slug.
        others: Entries of reports of still earlier runs whose files are there, by slug.
        period: The label of its period.
        source: The label of its source.
        as_of: When its list of devices was fetched, aware; None if that is not known.
        complete: True if it was not interrupted and no report failed.
    """

    reports: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    period: str = ""
    source: str = ""
    as_of: datetime | None = None
    complete: bool = True

    @property
    def files(self) -> set[str]:
        """The paths of all its files, relative to the output folder, without those that lead out of it."""
        entries = [*self.reports.values(), *self.others.values()]
        return {name for item in entries for name in files_of(item).values()}


def document(results: Sequence[Result], facts: RunFacts, others: Sequence[Mapping[str, Any]] = ()) -> str:
    """The text of `reports.json`; `others` are entries of earlier reports that were not part of this run."""
    made = [result for result in results if result.status == "ok"]
    body = {
        "schema": SCHEMA,
        "title": facts.title,
        "period": facts.period_label,
        "source": facts.source,
        "timezone": facts.timezone,
        "version": facts.version,
        "made_at": facts.made_at.isoformat(),
        "seconds": round(facts.seconds, 3),
        "as_of": facts.as_of.isoformat() if facts.as_of else None,
        "interrupted": facts.stopped,
        "counts": {"ok": len(made), "failed": len(results) - len(made), "kept": sum(result.kept for result in made)},
        "reports": [entry(result) for result in results],
        "others": list(others),
    }
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False)


def entry(result: Result) -> dict[str, Any]:
    """One report's entry, in plain JSON types; unknown numbers are null."""
    return {
        "notebook": result.job.notebook,
        "title": result.job.title,
        "slug": result.job.slug,
        "parameters": {name: _json_value(value) for name, value in result.job.parameters.items()},
        "status": result.status,
        "seconds": round(result.seconds, 3),
        "error": result.error,
        "made_at": result.made_at.isoformat() if result.made_at else None,
        "kept": result.kept,
        "key_figures": [{name: _json_value(value) for name, value in item.items()} for item in result.key_figures],
        "trend": _json_value(result.trend),
        "condition": _json_value(result.condition),
        "completeness": _json_value(result.completeness),
        "files": dict(result.files),
        "fingerprint": result.fingerprint,
    }


def result_of(job: Job, found: Mapping[str, Any]) -> Result:
    """The result of an entry, marked as kept.

    Raises:
        KeyError: The entry does not have this schema; TypeError and ValueError mean the same.
    """
    return Result(
        job=job,
        status=str(found["status"]),
        seconds=float(found["seconds"]),
        error=found["error"],
        key_figures=[dict(item) for item in found["key_figures"]],
        completeness=found["completeness"],
        files=files_of(found),
        trend=found["trend"],
        condition=_condition(found.get("condition")),
        made_at=parse_time(found["made_at"]),
        kept=True,
        fingerprint=found["fingerprint"],
    )


def files_of(found: Mapping[str, Any]) -> dict[str, str]:
    """The files of an entry that lie within the output folder, by kind.

    Others are dropped: an edited `reports.json` must not make a run delete files elsewhere.
    """
    files = found.get("files")
    named = files.items() if isinstance(files, dict) else ()
    return {str(kind): name for kind, name in named if isinstance(name, str) and _inside(name)}


def _condition(found: object) -> dict[str, Any] | None:
    """A device's condition with all its fields; None if it is another version's."""
    if not isinstance(found, dict) or not all(isinstance(found.get(key), kind) for key, kind in CONDITION.items()):
        return None
    return {key: found[key] for key in CONDITION}


def parse_time(text: object) -> datetime | None:
    """An aware time from its ISO text; None if the text is no such time."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def read(path: Path) -> EarlierRun | None:
    """Read the `reports.json` of the run before; None if there is none of this schema at `path`."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["schema"] != SCHEMA:
            return None
        return EarlierRun(
            {str(item["slug"]): item for item in body["reports"]},
            {str(item["slug"]): item for item in body.get("others", ())},
            str(body["period"]),
            str(body["source"]),
            parse_time(body.get("as_of")),
            complete=not body.get("interrupted") and all(item["status"] == "ok" for item in body["reports"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def files_made(text: str) -> set[str]:
    """The paths of all files of ours by the text of a `reports.json` of any version; none if it is not ours."""
    try:
        body = json.loads(text)
        entries = [*body["reports"], *body.get("others", ())]
        is_ours = isinstance(body["schema"], int) and {"period", "source", "made_at"} <= set(body)
        return (
            {NAME, "index.html", *(name for item in entries for name in files_of(item).values())} if is_ours else set()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name
    return bool(path.parts) and not outside and not path.parts[0].startswith(".")


def _json_value(value: Any) -> Any:
    """A value as JSON has it: unknown numbers as null, other types as their text."""
    if isinstance(value, Mapping):
        return {str(name): _json_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | bool | int) else str(value)

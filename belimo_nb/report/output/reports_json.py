"""`reports.json`: what a run has made, for other programs and for later runs.

docs/reports-json.md describes the fields. Within a schema number they do not change; new ones may be added.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.report.changes import Item, Seen, compare
from belimo_nb.report.jobs import Job, Result
from belimo_nb.system.files import read_bytes

NAME = "reports.json"
SCHEMA = 1
SHOWN = ("key_figures", "trend", "condition", "record", "standing", "completeness")
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
        period: The period that the reports cover.
        source: The source of the data.
        timezone: The site's zone.
        version: The version of belimo_nb.
        made_at: When the run began, aware.
        seconds: How long it took.
        as_of: When its list of devices was fetched, aware; None if that is not known.
        stopped: True if it was interrupted.
        whole: True if it was about the whole fleet.
        counts: Numbers of reports: ok, failed, and kept of the ok ones.
        compared: The label of the period of the run that it is compared with; empty: there is none.
        news: Number of news.
        options: What else its reports depend on, as a fingerprint: weather, prices, and the forms of their files.
    """

    title: str
    period: Period
    source: str
    timezone: str
    version: str
    made_at: datetime
    seconds: float
    as_of: datetime | None = None
    stopped: bool = False
    whole: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    compared: str = ""
    news: int = 0
    options: str = ""

    @property
    def basis(self) -> list[Any]:
        """What two runs have in common whose reports belong together; one may go on with the other."""
        moment = self.as_of and self.as_of.isoformat()
        return [self.period.name, self.source, self.timezone, self.version, moment, self.options]


@dataclass(frozen=True)
class Run:
    """A run, as its `reports.json` describes it.

    Attributes:
        facts: What it was about.
        results: Its reports, with those of earlier runs over the same period that it has not made again.
        changes: What changed since the run that it is compared with.
        work: Its work list, see `belimo_nb.report.work_list`.
    """

    facts: RunFacts
    results: Sequence[Result] = ()
    changes: Sequence[Item] = field(default_factory=list)
    work: Sequence[Mapping[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, facts: RunFacts, results: Sequence[Result]) -> Run:
        """A run with its reports counted."""
        made = [result for result in results if result.status == "ok"]
        kept = sum(result.kept for result in made)
        return cls(replace(facts, counts={"ok": len(made), "failed": len(results) - len(made), "kept": kept}), results)

    @property
    def complete(self) -> bool:
        """Whether it was not interrupted and no report failed."""
        return not self.facts.stopped and not self.facts.counts["failed"]

    @property
    def devices(self) -> list[Seen]:
        """The devices that it has reports of, as later runs compare them."""
        found = []
        for result in self.results:
            if (identifier := result.job.parameters.get("device")) is not None:
                key = str((result.record or {}).get("serial") or identifier)
                seen = Seen(key, str(identifier), result.job.title, result.job.slug, result.record, result.standing)
                found.append(seen)
        return found

    def compared(self, before: Run | None, year_before: Run | None) -> Run:
        """The same run, compared with an earlier one, and its energy with a year before."""
        whole = self.facts.whole and before is not None and before.facts.whole
        standing, items = compare(
            self.devices,
            None if before is None else before.devices,
            self.facts.period.start.date(),
            whole_fleet=whole,
            year_before=() if year_before is None else year_before.devices,
        )
        keys = {device.slug: device.key for device in self.devices}
        results = [replace(it, standing=standing.get(keys.get(it.job.slug, ""), {})) for it in self.results]
        label = "" if before is None else before.facts.period.label
        facts = replace(self.facts, compared=label, news=sum(item.news for item in items))
        return replace(self, facts=facts, results=results, changes=items)

    def below(self, folder: str) -> Run:
        """The same run as seen from above its folder."""
        files = [{kind: f"{folder}/{name}" for kind, name in result.files.items()} for result in self.results]
        return replace(self, results=[replace(it, files=one) for it, one in zip(self.results, files, strict=True)])


def document(run: Run, runs: Mapping[str, RunFacts] | None = None) -> str:
    """The text of `reports.json`; `runs` are all runs by their folders, where it stands above them."""
    listed = [{"folder": name, **_facts(facts)} for name, facts in (runs or {}).items()]
    body = {
        "schema": SCHEMA,
        **_facts(run.facts),
        "changes": [_change(item) for item in run.changes],
        "work_list": list(run.work),
        "reports": [entry(result) for result in run.results],
        "runs": listed,
    }
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False)


def _facts(facts: RunFacts) -> dict[str, Any]:
    return {
        "title": facts.title,
        "period": facts.period.label,
        "start": facts.period.start.isoformat(),
        "end": facts.period.end.isoformat(),
        "source": facts.source,
        "timezone": facts.timezone,
        "version": facts.version,
        "made_at": facts.made_at.isoformat(),
        "seconds": round(facts.seconds, 3),
        "as_of": facts.as_of.isoformat() if facts.as_of else None,
        "interrupted": facts.stopped,
        "whole": facts.whole,
        "counts": facts.counts,
        "compared": facts.compared,
        "news": facts.news,
        "options": facts.options,
    }


def _change(item: Item) -> dict[str, Any]:
    device = item.device
    about = {"serial": device.key, "title": device.title, "slug": device.slug}
    told = {name: getattr(item, name) for name in ("kind", "topic", "verdict", "since", "text", "advice")}
    return {**about, "device": device.id, **told}


def _item(found: Mapping[str, Any]) -> Item:
    device = Seen(str(found["serial"]), str(found["device"]), str(found["title"]), str(found["slug"]))
    told = (str(found[name]) for name in ("topic", "verdict", "since", "text", "advice"))
    return Item(str(found["kind"]), device, *told)


def entry(result: Result) -> dict[str, Any]:
    """One report's entry, in plain JSON types; unknown numbers are null."""
    return {
        "notebook": result.job.notebook,
        "title": result.job.title,
        "slug": result.job.slug,
        "parameters": json_value(result.job.parameters),
        "status": result.status,
        "seconds": round(result.seconds, 3),
        "error": result.error,
        "made_at": result.made_at.isoformat() if result.made_at else None,
        "kept": result.kept,
        **{name: json_value(getattr(result, name)) for name in SHOWN},
        "files": dict(result.files),
    }


def result_of(found: Mapping[str, Any]) -> Result:
    """The result of an entry.

    Raises:
        KeyError: The entry does not have this schema; TypeError and ValueError mean the same.
    """
    job = Job(str(found["notebook"]), str(found["title"]), str(found["slug"]), dict(found["parameters"]))
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
        record=found.get("record"),
        standing=found.get("standing") or {},
        made_at=parse_time(found["made_at"]),
        kept=bool(found["kept"]),
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


def read(path: Path) -> Run | None:
    """Read the `reports.json` of a run; None if there is none of this schema at `path`."""
    try:
        body = json.loads(read_bytes(path))
        if body["schema"] != SCHEMA:
            return None
        zone = str(body["timezone"])
        start, end = (pd.Timestamp(body[edge]).tz_convert(zone) for edge in ("start", "end"))
        facts = RunFacts(
            str(body["title"]),
            Period(start, end),
            str(body["source"]),
            zone,
            str(body["version"]),
            datetime.fromisoformat(body["made_at"]).astimezone(ZoneInfo(zone)),
            float(body["seconds"]),
            parse_time(body.get("as_of")),
            bool(body["interrupted"]),
            bool(body["whole"]),
            {name: int(body["counts"][name]) for name in ("ok", "failed", "kept")},
            str(body["compared"]),
            int(body["news"]),
            str(body.get("options", "")),
        )
        results = [result_of(item) for item in body["reports"]]
        return Run(facts, results, [_item(item) for item in body["changes"]], body["work_list"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # UsageError of a period is a ValueError
        return None


def files_made(text: str) -> set[str]:
    """The paths of the files of ours by the text of a `reports.json` of any version; none if it is not ours.

    The index is not among them: it says itself whose it is.
    """
    try:
        body = json.loads(text)
        entries = [*body["reports"], *body.get("others", ())]
        is_ours = isinstance(body["schema"], int) and {"period", "source", "made_at"} <= set(body)
        lists = ("work-list.csv", "work-list.xlsx") if "work_list" in body else ()
        return {NAME, *lists, *(name for item in entries for name in files_of(item).values())} if is_ours else set()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name
    return bool(path.parts) and not outside and not path.parts[0].startswith(".")


def json_value(value: Any) -> Any:
    """A value as JSON has it: unknown numbers as null, other types as their text."""
    if isinstance(value, Mapping):
        return {str(name): json_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | bool | int) else str(value)

"""What changed from one run to the next: findings that are new, worse or gone, devices, settings, energy.

What flickers at a threshold is no news. A finding stays until its checks were judged and are well in `FINE_RUNS` runs
one after the other; each time that it comes back before that, it takes one run more, up to `MOST_FLICKERS`. One that is
back after it was gone is news at once if it is a fault, else when it was seen as often as it has flickered. What cannot
be judged, such as a heating valve in summer, stays as it was. Checks that tell of the same cause are one topic.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.hydronics.checks.open_valve import CHECK as NO_FLOW
from belimo_nb.hydronics.verdict import between, whole

TOPICS: Mapping[str, str] = {
    **dict.fromkeys(("low delta-T", "waste zone", "delta-T limit"), "delta-T"),
    **dict.fromkeys(("sensor range", "T1/T2 swapped"), "sensors"),
    "silent": "connection",
    "reported errors": "health",
}
"""The topic of checks that tell of the same cause; others are a topic of their own."""
SENSORS, CONNECTION, HEALTH, READINGS = "sensors", "connection", "health", "readings"
AT_ONCE = frozenset({CONNECTION, HEALTH, READINGS})  # topics without a threshold: they end when they end
FINE_RUNS, MOST_FLICKERS = 2, 4
REMEMBERED = 366  # days for which a finding that is gone is remembered
RANK: Mapping[str, int] = {"warn": 1, "problem": 2, "fault": 2}
FAULTS = frozenset({"fault", "problem"})
LEAST_VALVES, SPREADS, LEAST_RATIO, LEAST_SHARE = 6, 4.0, math.log(1.3), 0.02
"""Energy changed if it is beyond so many spreads of how the other valves changed, by 30 % and by 2 % of the fleet's."""

ENERGY: Mapping[str, str] = {f"{kind} energy": kind for kind in ("heating", "cooling")}

State = dict[str, Any]
Finding = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """A device in a run.

    Attributes:
        key: Its serial number, or its id where it has none.
        id: Its id.
        title: Its name.
        slug: The path of its report, without a suffix.
        record: See `summary.device.device_record`; None if its report failed.
        standing: What stood in that run, by topic, as `compare` gives it.
    """

    key: str
    id: str
    title: str
    slug: str
    record: Mapping[str, Any] | None = None
    standing: Mapping[str, State] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """Something that changed.

    Attributes:
        kind: new, worse, back, gone, "not judged" (stands, but could not be judged this time), "new device",
            "gone device", renamed, moved, replaced, setting or "new meter".
        device: The device.
        topic: What it is about.
        verdict: fault, problem or warn; empty where it is no finding.
        since: First day of the run in which it began; empty where it begins now.
        text: In one sentence.
        advice: What can be done.
    """

    kind: str
    device: Seen
    topic: str = ""
    verdict: str = ""
    since: str = ""
    text: str = ""
    advice: str = ""

    @property
    def news(self) -> bool:
        """Whether it is news; a finding that could not be judged is none."""
        return self.kind != "not judged"

    @property
    def bad(self) -> bool:
        """Whether a fault, an error that the device reports, or its silence is new."""
        return self.kind in ("new", "worse", "back") and (self.verdict in FAULTS or self.topic == CONNECTION)


def compare(
    now: Sequence[Seen],
    before: Sequence[Seen] | None,
    start: date,
    *,
    whole_fleet: bool,
    year_before: Sequence[Seen] = (),
) -> tuple[dict[str, dict[str, State]], list[Item]]:
    """Compare the devices of two runs.

    Args:
        now: Those of the later run.
        before: Those of the earlier one; None: there is none, and all findings are new.
        start: First day of the later run's period.
        whole_fleet: Whether both runs were about the whole fleet: devices that are in one alone are new or gone.
        year_before: Those of a run over the same days a year before, with which energy is compared; none: it is not.

    Returns:
        What stands now, by the device's key and topic (verdict now, since, seen, worst, checks, and what tells
        flicker), and what changed, by device.
    """
    old = {device.key: device for device in before or ()}
    replaced = _replaced(now, old) if whole_fleet else {}
    ids = {device.id: device for device in before or ()}  # of devices whose report failed nothing but the id is known
    standing: dict[str, dict[str, State]] = {}
    items: list[Item] = []
    energy = _energy(now, {device.key: device for device in year_before})
    for device in now:
        follows = replaced.get(device.key, device.key)
        earlier = old.pop(follows, None) or (ids.get(device.id) if device.record is None else None)
        if device.record is None:
            standing[device.key] = dict(earlier.standing) if earlier else {}
            old.pop(earlier.key if earlier else "", None)
            continue
        if earlier is None and before is not None and whole_fleet:
            items.append(Item("new device", device, text="A new device."))
        if follows != device.key:
            text = f"Has the serial number {device.key}, was {follows}: another device, whose counters begin anew."
            items.append(Item("replaced", device, text=text))
        if earlier is not None and earlier.title != device.title:
            items.append(Item("renamed", device, text=f"Was called {earlier.title}."))
        there, here = (one.record.get("project") if one and one.record else None for one in (earlier, device))
        if there is not None and here is not None and there != here:
            items.append(Item("moved", device, text=f"In the project {here or '(none)'}, was in {there or '(none)'}."))
        findings = _findings(device.record, *energy.get(device.key, ((), ())))
        standing[device.key], found = _follow(device, earlier.standing if earlier else {}, start, *findings)
        items += found
        if earlier is not None and earlier.record is not None and follows == device.key:
            items += _settings(device, earlier.record)
            if device.record["reset"] and not earlier.record["reset"]:
                items.append(Item("new meter", device, text="A lifetime counter began anew: was the meter replaced?"))
    if whole_fleet:
        items += [Item("gone device", device, text="No longer in the account.") for device in old.values()]
    return standing, items


def _replaced(now: Sequence[Seen], old: Mapping[str, Seen]) -> dict[str, str]:
    """The keys of devices that took the place of one that is gone, and its key: they alone have its name."""
    keys = {device.key for device in now}
    names = Counter([*(device.title for device in now), *(it.title for key, it in old.items() if key not in keys)])
    gone = {device.title: key for key, device in old.items() if key not in keys and device.record is not None}
    fresh = [device for device in now if device.key not in old and device.record is not None]
    return {device.key: gone[device.title] for device in fresh if device.title in gone and names[device.title] == 2}


def _follow(
    device: Seen, before: Mapping[str, State], start: date, found: Mapping[str, list[Finding]], fine: set[str]
) -> tuple[dict[str, State], list[Item]]:
    """What stands of a device's findings, and what of it is news; `fine` are the checks that are well."""
    standing: dict[str, State] = {}
    items: list[Item] = []
    told_by = _told_by_another(found, before)
    for topic in sorted({*before, *found} - told_by.keys()):
        old = before.get(topic)
        if topic in found:
            worst = max(found[topic], key=lambda one: RANK[one["verdict"]])
            if old is None and topic in ENERGY:  # once may be the odd weather of a month between the seasons
                old = {"since": "", "seen": start.isoformat(), "verdict": "ok", "worst": "warn", "checks": [topic]}
                old |= {"fine": 0, "flickers": 1, "gone": True, "again": 0}
            state, kind = _with(old, found[topic], worst, start.isoformat())
            if kind:
                effects = [one for effect, cause in told_by.items() if cause == topic for one in found[effect]]
                # The note of the device's health stands in the cause's sentence.
                told = (worst, *(one for one in effects if one["check"] != HEALTH))
                text = " ".join(dict.fromkeys(str(one.get("sentence", "")) for one in told))
                since = "" if kind == "new" else state["since"]
                items.append(
                    Item(kind, device, topic, worst["verdict"], since, text, str(worst.get("recommendation", "")))
                )
        elif old is not None:
            if old["gone"] and (start - date.fromisoformat(old["seen"])).days > REMEMBERED:
                continue
            state, item = _without(old, topic, device, fine=fine >= set(old["checks"]))
            items += [item] if item else []
        standing[topic] = state
    return standing, [item for item in items if item.topic not in ENERGY or item.kind in ("new", "back")]


def _told_by_another(found: Mapping[str, Sequence[Finding]], before: Mapping[str, State]) -> dict[str, str]:
    """Topics found that do not stand for themselves, with the topic of their cause: a fault is news once.

    A failed flow sensor shows by itself, in the device's health, and as a valve that is open without flow; readings
    lack where a device is silent, also of the first part of a period in which it speaks again.
    """
    standing = {topic for topic, state in before.items() if not state["gone"]}
    failed = " ".join(str(one.get("sentence", "")) for one in found.get(SENSORS, ()) if one["verdict"] in FAULTS)
    causes = {
        READINGS: CONNECTION if CONNECTION in {*found, *standing} else "",
        HEALTH: SENSORS if any(one.get("note") and str(one["note"]) in failed for one in found.get(HEALTH, ())) else "",
        NO_FLOW: SENSORS if "flow" in failed.lower() else "",
    }
    return {effect: cause for effect, cause in causes.items() if cause and effect in found.keys() - standing}


def _with(old: State | None, verdicts: Sequence[Finding], worst: Finding, day: str) -> tuple[State, str]:
    """The state of a topic that is found, and the kind of news that it is; empty if it is none."""
    verdict, checks = str(worst["verdict"]), {str(one["check"]) for one in verdicts}
    flickers = old["flickers"] if old else 0
    if old is None or old["gone"]:
        again = old["again"] + 1 if old else 1
        if old is not None and verdict not in FAULTS and again <= flickers:
            return {**old, "again": again}, ""
        new = {"since": day, "seen": day, "verdict": verdict, "worst": verdict, "checks": sorted(checks)}
        return {**new, "fine": 0, "flickers": flickers, "gone": False, "again": 0}, "back" if old and old[
            "since"
        ] else "new"
    grown = RANK[verdict] > RANK[old["worst"]]
    found = {"seen": day, "verdict": verdict, "worst": verdict if grown else old["worst"], "fine": 0}
    flickers = min(flickers + (old["fine"] > 0), MOST_FLICKERS)
    found |= {"checks": sorted(checks | set(old["checks"])), "flickers": flickers}
    return {**old, **found}, "worse" if grown else ""


def _without(old: State, topic: str, device: Seen, *, fine: bool) -> tuple[State, Item | None]:
    """The state of a topic that is not found, and the news; `fine` says whether its checks were judged and are well."""
    if old["gone"]:
        return {**old, "again": 0 if fine else old["again"]}, None
    told = Item("not judged", device, topic, old["verdict"], old["since"], "Could not be judged this time.")
    if not fine:
        return {**old, "verdict": "not judged"}, told if old["verdict"] != "not judged" else None
    runs = old["fine"] + 1
    if runs < (1 if topic in AT_ONCE else FINE_RUNS) + old["flickers"]:
        return {**old, "fine": runs, "verdict": "ok"}, None
    gone = Item("gone", device, topic, old["worst"], old["since"], f"Well again: {', '.join(old['checks'])}.")
    return {**old, "fine": runs, "verdict": "ok", "gone": True, "again": 0}, gone


def _findings(
    record: Mapping[str, Any], others: Iterable[Finding], well: Iterable[str]
) -> tuple[dict[str, list[Finding]], set[str]]:
    """A device's findings by topic, the checks that found one and what else is wrong; and the checks that are well."""
    found = [*others, *(one for one in record["verdicts"] if one["verdict"] in ("warn", "fault"))]
    fine = {*well, *(str(one["check"]) for one in record["verdicts"] if one["verdict"] == "ok")}
    shares = [one["coverage"] for one in record["energy"].values() if one["coverage"] is not None]
    health = {"ERROR": "problem", "WARNING": "warn"}.get(record["health"])
    state = {
        CONNECTION: (not record["online"], "warn", "Offline."),
        HEALTH: (health is not None, health, f"The device reports: {record['note'] or record['health']}."),
        READINGS: (
            any(share < COVERAGE_LIMIT for share in shares),
            "warn",
            f"Only {100 * min(shares, default=0):.0f} % of the period is covered by readings of energy.",
        ),
    }
    for check, (wrong, verdict, sentence) in state.items():
        if wrong:
            found.append({"check": check, "verdict": verdict, "sentence": sentence, "note": record["note"]})
        elif check != READINGS or shares:
            fine.add(check)
    topics: dict[str, list[Finding]] = {}
    for one in found:
        topics.setdefault(TOPICS.get(one["check"], one["check"]), []).append(one)
    return topics, fine


def _settings(device: Seen, before: Mapping[str, Any]) -> Iterable[Item]:
    """The settings of a device that someone has changed."""
    now = (device.record or {})["settings"]
    for name in sorted(now.keys() & before["settings"].keys()):
        old, new = before["settings"][name], now[name]
        if old != new:
            yield Item("setting", device, name, text=f"{name} is {new}, was {old}.")


def _energy(now: Sequence[Seen], year_before: Mapping[str, Seen]) -> dict[str, tuple[list[Finding], list[str]]]:
    """By device, whether its energy changed unlike that of the others in a year, and which kinds did not.

    The others stand for the weather, and the spread of their changes is the uncertainty.
    """
    result: dict[str, tuple[list[Finding], list[str]]] = {}
    for topic, kind in ENERGY.items():
        known = [
            (device.key, *amounts)
            for device in now
            if (amounts := _amounts(device, year_before.get(device.key), kind)) is not None
        ]
        if len(known) < LEAST_VALVES:
            continue
        changes = [math.log(amount / before) for _, amount, before in known]
        usual = statistics.median(changes)
        margin = max(SPREADS * 1.4826 * statistics.median(abs(change - usual) for change in changes), LEAST_RATIO)
        total = math.fsum(amount for _, amount, _ in known)
        for (key, amount, before), change in zip(known, changes, strict=True):
            found, well = result.setdefault(key, ([], []))
            low, high = (before * math.exp(usual + side * margin) for side in (-1, 1))
            # Its own change counts, too: a server room does not follow the weather, and need not.
            least = min(abs(change - usual) - margin, abs(change) - LEAST_RATIO)
            if least > 0 and abs(amount - before * math.exp(usual)) > LEAST_SHARE * total:
                usually = f"by the change of the others since the year before {between(low, high)} were to be expected"
                sentence = f"{kind.capitalize()}: {whole(amount)} kWh, where {usually}."
                found.append({"check": topic, "verdict": "warn", "sentence": sentence})
            else:
                well.append(topic)
    return result


def _amounts(device: Seen, old: Seen | None, kind: str) -> tuple[float, float] | None:
    """The energy of a device in two runs; None where its meter failed, or it is not known well, or nothing."""
    amounts = []
    for seen in (device, old):
        record = (seen and seen.record) or {"verdicts": [], "energy": {}}
        failed = any(one["verdict"] == "fault" and TOPICS.get(one["check"]) == "sensors" for one in record["verdicts"])
        found = record["energy"].get(kind) or {}
        if failed or (found.get("coverage") or 0) < COVERAGE_LIMIT or not (found.get("kwh") or 0) > 0:
            return None
        amounts.append(float(found["kwh"]))
    return amounts[0], amounts[1]

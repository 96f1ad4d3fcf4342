"""The condition of a device: the worst of its checks, its health and its connection."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import pandas as pd

from belimo_nb.hydronics import CHECKS, Verdict, cost_kwh
from belimo_nb.hydronics.checks.sensors import CHECK as SENSORS
from belimo_nb.hydronics.verdict import FAULT

SEVERITY: Mapping[str, int] = {
    "fault": 5,
    "problem": 4,
    "warn": 3,
    "silent": 2,
    "offline": 2,
    "not judged": 1,
    "ok": 0,
}
HEALTH: Mapping[str, str] = {"ERROR": "problem", "WARNING": "warn"}
# The verdicts, by check, with which nothing that the valve reports is known: they come first.
BLIND: Mapping[str, Sequence[str]] = {SENSORS: (FAULT,), "silent": ("warn", "fault")}
_Kind = TypeVar("_Kind", bound=str)
ALL_SEASONS = 300  # days, of which some are cold and some warm wherever it is
LEAST_JUDGED = 0.5  # share of the checks without which a device is not called ok


@dataclass(frozen=True)
class Condition:
    """How a device is.

    Attributes:
        status: fault, problem (of its health), warn, silent, offline, not judged, or ok: the worst that is known.
        sentence: Why.
        judged: Checks that gave a verdict.
        checks: Checks in all.
        blind: Whether its sensors have failed or it is silent, so that nothing else is known of it.
        cost_kwh: What its findings cost at most, see `hydronics.cost_kwh`.
    """

    status: str
    sentence: str
    judged: int
    checks: int = len(CHECKS)
    blind: bool = False
    cost_kwh: float = 0.0

    @property
    def text(self) -> str:
        """The status, where it is no finding with its number of checks: "ok (12 of 16)", "not judged (9 of 16)"."""
        counts = {"ok": self.judged, "not judged": self.checks - self.judged}
        return f"{self.status} ({counts[self.status]} of {self.checks})" if self.status in counts else self.status

    def data(self) -> dict[str, Any]:
        """The fields by name, for programs."""
        return asdict(self)


def urgency(status: str, blind: bool, cost: float) -> tuple[int, bool, float]:
    """Sort key: by severity, the blind ones of each first, then by cost."""
    return -SEVERITY.get(status, SEVERITY["not judged"]), not blind, -cost


def of_checks(verdicts: Sequence[Verdict], reason: str = "") -> Condition:
    """The condition by the checks alone; what was not judged is not ok.

    Args:
        verdicts: Of one valve; checks that are left out count as not judged.
        reason: Why nothing is known, if so, as a sentence.
    """
    judged = {one.check for one in verdicts if one.verdict != "cannot judge"}
    blind = any(one.verdict in BLIND.get(one.check, ()) for one in verdicts)
    bad = [one for one in verdicts if one.verdict in ("fault", "warn")]
    if bad:
        found = [(one, "silent" if one.check == "silent" else one.verdict) for one in bad]
        worst, status = min(found, key=lambda it: urgency(it[1], it[0].check in BLIND, cost_kwh([it[0]])[1]))
        return Condition(status, worst.sentence, len(judged), blind=blind, cost_kwh=cost_kwh(bad)[1])
    left = [check for check in CHECKS if check not in judged]
    if len(judged) < LEAST_JUDGED * len(CHECKS):
        why = reason or next((one.sentence for one in verdicts if one.verdict == "cannot judge"), "")
        said = f"{len(left)} of {len(CHECKS)} checks could not be judged. {why}".strip()
        return Condition("not judged", said, len(judged))
    rest = f" Not judged: {', '.join(left)}." if left else ""
    return Condition("ok", f"No finding in {len(judged)} of {len(CHECKS)} checks.{rest}", len(judged))


def condition(device: pd.Series[Any], verdicts: Sequence[Verdict], timezone: str, reason: str = "") -> Condition:
    """The worst of a device's checks, its health and its connection.

    Args:
        device: Its row of `Cloud.devices`.
        verdicts: As in `of_checks`.
        timezone: IANA zone for the last contact.
        reason: As in `of_checks`.
    """
    checks = of_checks(verdicts, reason)
    others: list[tuple[str, str]] = []
    if status := HEALTH.get(str(device["health"])):
        what = "The device reports an error" if status == "problem" else "The device reports a warning"
        others.append((status, f"{what}: {device['note']}." if device["note"] else f"{what}."))
    if not device["online"]:
        seen = device["last_seen"]
        heard = "never heard of" if pd.isna(seen) else f"last heard of on {seen.tz_convert(timezone):%Y-%m-%d %H:%M}"
        others.append(("offline", f"Offline: {heard}."))
    status, sentence = max([(checks.status, checks.sentence), *others], key=lambda it: SEVERITY[it[0]])
    return Condition(status, sentence, checks.judged, blind=checks.blind, cost_kwh=checks.cost_kwh)


def verdicts_of(table: pd.DataFrame) -> list[Verdict]:
    """The verdicts of a table, as `hydronics.diagnose` gives it."""
    return [Verdict(**{str(name): value for name, value in row.items()}) for row in table.to_dict("records")]


def sensor_failed(verdicts: Sequence[Verdict]) -> bool:
    """Whether a sensor of the meter has failed, so that what stands at 0 was not measured."""
    return any(one.check == SENSORS and one.verdict == FAULT for one in verdicts)


def measured_energy(kwh: Mapping[_Kind, float], verdicts: Sequence[Verdict], days: int) -> dict[_Kind, float]:
    """Energy by kind, NaN instead of the 0 of a counter that stood still while a sensor of its meter had failed.

    Nor is it a measured 0 where none of them counted in so many `days` that some were cold, and some warm.
    """
    failed = sensor_failed(verdicts) or (days >= ALL_SEASONS and not any(total > 0 for total in kwh.values()))
    return {kind: math.nan if failed and total == 0 else total for kind, total in kwh.items()}

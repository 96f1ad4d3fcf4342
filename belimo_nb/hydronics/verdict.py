"""What a check says of a valve: a verdict, its figure and threshold, a sentence, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal

Judgement = Literal["ok", "warn", "fault", "cannot judge"]

OK: Judgement = "ok"
WARN: Judgement = "warn"
FAULT: Judgement = "fault"
CANNOT_JUDGE: Judgement = "cannot judge"


def whole(value: float) -> str:
    """A number without decimals, thousands apart by a narrow no-break space: "5 620"."""
    return f"{value:,.0f}".replace(",", "\u202f")


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check on one valve.

    Attributes:
        check: What was looked at, such as "low delta-T".
        verdict: ok, warn, fault, or cannot judge.
        figure: The number that the verdict rests on; NaN if there is none.
        unit: Its unit, "%" for shares.
        threshold: The limits that it was held against, in words and with units, such as "warn 30 %, fault 60 %".
        sentence: What it means, in one plain sentence with the figures that matter.
        recommendation: What a technician can do; empty if all is well.
        waste_m3: Water that need not have flowed, over the samples' range; NaN where the check estimates none.
        waste_kwh: Heat or cold that need not have been spent, over the samples' range; NaN where the check estimates
            none.
    """

    check: str
    verdict: Judgement
    figure: float = float("nan")
    unit: str = ""
    threshold: str = ""
    sentence: str = ""
    recommendation: str = ""
    waste_m3: float = float("nan")
    waste_kwh: float = float("nan")

    def row(self) -> dict[str, Any]:
        """Its attributes by name, for a table."""
        return {name: getattr(self, name) for name in _NAMES}


def cannot_judge(check: str, reason: str, threshold: str = "") -> Verdict:
    """A verdict that says why there is none; `reason` is a whole sentence."""
    return Verdict(check, CANNOT_JUDGE, threshold=threshold, sentence=reason)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest of several verdicts of one check, such as those of heating and of cooling; the first of equals.

    One that is judged goes before one that is not.
    """
    return max(verdicts, key=lambda verdict: _GRAVITY.index(verdict.verdict))


_GRAVITY = (CANNOT_JUDGE, OK, WARN, FAULT)
_NAMES = tuple(field.name for field in fields(Verdict))

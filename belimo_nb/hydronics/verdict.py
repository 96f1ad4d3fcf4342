"""What a check says of a valve: a verdict, its figure and threshold, a sentence, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Judgement = Literal["ok", "warn", "fault", "cannot judge"]

OK: Judgement = "ok"
WARN: Judgement = "warn"
FAULT: Judgement = "fault"
CANNOT_JUDGE: Judgement = "cannot judge"


THOUSANDS = "\u202f"  # a narrow no-break space, as on the pages


def whole(value: float) -> str:
    """A number without decimals, thousands apart: "5 620"."""
    return f"{value:,.0f}".replace(",", THOUSANDS)


def between(least: float, most: float) -> str:
    """A range of two numbers in words, "330 to 5 620"; one number where they do not differ."""
    low, high = whole(least), whole(most)
    return high if low == high else f"{low} to {high}"


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
        waste_m3: Water that need not have flowed, at most, over the samples' range; NaN where the check estimates none.
        waste_kwh: Heat or cold that need not have been spent, at most, over the samples' range; NaN where the check
            estimates none.
        waste_m3_low: The same water at least; NaN where no lower bound is known.
        waste_kwh_low: The same heat or cold at least.
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
    waste_m3_low: float = float("nan")
    waste_kwh_low: float = float("nan")


PUMP_KWH_M3 = (0.03, 0.1)
"""Electricity that a pump spends on 1 m3, at least and at most: 50 to 200 kPa, half of it lost."""


def cost_kwh(verdicts: Iterable[Verdict]) -> tuple[float, float]:
    """What is wasted, at least and at most, in kWh: the dearest verdict's heat or cold, and the pumping of its water.

    The largest of any one verdict, since what one wastes may be what another does, too; 0 where none estimates any.
    """
    costs = [(0.0, 0.0)]
    for verdict in verdicts:
        water = np.nan_to_num([verdict.waste_m3_low, verdict.waste_m3]) * PUMP_KWH_M3
        low, high = np.nan_to_num([verdict.waste_kwh_low, verdict.waste_kwh]) + water
        costs.append((float(low), float(high)))
    return max(costs, key=lambda cost: (cost[1], cost[0]))


def cannot_judge(check: str, reason: str, threshold: str = "") -> Verdict:
    """A verdict that says why there is none; `reason` is a whole sentence."""
    return Verdict(check, CANNOT_JUDGE, threshold=threshold, sentence=reason)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest of several verdicts of one check, such as those of heating and of cooling; the first of equals.

    One that is judged goes before one that is not.
    """
    return max(verdicts, key=lambda verdict: _GRAVITY.index(verdict.verdict))


_GRAVITY = (CANNOT_JUDGE, OK, WARN, FAULT)

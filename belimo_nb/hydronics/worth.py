"""What a finding costs a year, as a range, in money."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from belimo_nb.hydronics.verdict import PUMP_KWH_M3, Verdict, between, whole
from belimo_nb.quantities import plural

YEAR = 365.25
LONG = 300  # days from which on a period stands for a year


@dataclass(frozen=True)
class Prices:
    """What energy costs.

    Attributes:
        heat: Price of 1 kWh of heat; None if it is not known.
        cold: Price of 1 kWh of cold.
        electricity: Price of 1 kWh that pumps spend.
        currency: Its name.
    """

    heat: float | None = None
    cold: float | None = None
    electricity: float | None = None
    currency: str = "CHF"

    @property
    def given(self) -> bool:
        """Whether any price is known."""
        return {self.heat, self.cold, self.electricity} != {None}


@dataclass(frozen=True)
class Waste:
    """What a finding wastes in a year, at least and at most; NaN where it is not known.

    Attributes:
        kwh: Heat or cold.
        pump_kwh: Electricity for the pumping of its water.
        cost: Both in money, without what has no price; NaN where nothing has one.
        assumption: What the range rests on, in sentences.
    """

    kwh: tuple[float, float]
    pump_kwh: tuple[float, float]
    cost: tuple[float, float]
    assumption: str


def yearly_waste(
    kwh: tuple[float, float], m3: tuple[float, float], *, days: float, kinds: Collection[str], prices: Prices
) -> Waste:
    """What a finding wastes in a year.

    A period of `LONG` days or more is scaled to a year. A shorter one may be the only one of its kind or like every
    other: at least it is what was wasted in it, at most that all the year round.

    Args:
        kwh: Heat or cold wasted in the period, at least and at most; NaN where it is not known.
        m3: Water that need not have flowed.
        days: Length of the period.
        kinds: What the valve counts: "heating", "cooling" or both, which is priced by the lower and the higher one.
        prices: What energy costs.
    """
    times = np.array([YEAR / days, YEAR / days] if days >= LONG else [1.0, YEAR / days])
    amount, pumping = np.array(kwh) * times, np.array(m3) * PUMP_KWH_M3 * times
    named = {"heat": ("heating", prices.heat), "cold": ("cooling", prices.cold)}
    used = {name: price for name, (kind, price) in named.items() if kind in kinds or not kinds}
    known = [price for price in used.values() if price is not None]
    parts = []
    if np.isfinite(amount).any() and known and len(known) == len(used):
        parts.append(np.nan_to_num(amount) * (min(known), max(known)))
    if np.isfinite(pumping).any() and prices.electricity is not None:
        parts.append(np.nan_to_num(pumping) * prices.electricity)
    cost = np.sum(parts, axis=0) if parts else np.full(2, np.nan)
    return Waste(_pair(amount), _pair(pumping), _pair(cost), _assumption(kwh, m3, days, used, prices))


def verdict_waste(found: Verdict, *, days: float, kinds: Collection[str], prices: Prices) -> Waste:
    """What the finding of a check wastes in a year; see `yearly_waste`."""
    kwh, m3 = (found.waste_kwh_low, found.waste_kwh), (found.waste_m3_low, found.waste_m3)
    return yearly_waste(kwh, m3, days=days, kinds=kinds, prices=prices)


def _pair(values: object) -> tuple[float, float]:
    low, high = np.asarray(values, dtype=float)
    return float(low), float(high)


def _assumption(
    kwh: tuple[float, float], m3: tuple[float, float], days: float, used: dict[str, float | None], prices: Prices
) -> str:
    heat, water = np.isfinite(kwh).any(), np.isfinite(m3).any()
    if not (heat or water):
        return "What it costs cannot be told from its readings."
    long = days >= LONG
    seen = plural(round(days), "day")
    span = f"The year as the {seen} seen" if long else f"At most the year as the {seen} seen, at least these alone"
    rates = [*(used.items() if heat else ()), *((("electricity", prices.electricity),) if water else ())]
    told = [f"{name} at {price:g} {prices.currency}/kWh" for name, price in rates if price is not None]
    told += [f"without {name}, whose price is not set" for name, price in rates if price is None]
    told += [f"{PUMP_KWH_M3[0]:g} to {PUMP_KWH_M3[1]:g} kWh of pumping a m³"] if water else []
    return f"{span}; {', '.join(told)}."


def money(low: float, high: float, currency: str) -> str:
    """A range of money in words: "CHF 330 to 5 620", "up to CHF 5 620"; empty where it is not known."""
    if not np.isfinite(high):
        return ""
    least = low if np.isfinite(low) else 0.0
    if round(least) == 0 < round(high):
        return f"up to {currency} {whole(high)}"
    return f"{currency} {between(least, high)}"

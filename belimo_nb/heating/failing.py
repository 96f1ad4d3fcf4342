"""Meters that fail, and what is left of a fleet without them: which part of the whole is known on each day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from belimo_nb.energy.counter import Kind
from belimo_nb.heating.fit import Floats
from belimo_nb.heating.signature import fit_signature

STILL, STILL_DAYS = 0.02, 7
"""A share of the expected energy, and a number of cold days, that make a valve's silence worth a word."""
CONTRARY = "energy against the weather"
CONTRARY_R2, CONTRARY_SHARE = 0.5, 0.8
"""How well, and on what share of its energy, a valve must run against the weather to be taken for one that counts the
wrong kind of energy."""
HEATING_DAY_C, COOLING_DAY_C = 12.0, 18.0  # below the one nothing is cooled for the weather, above the other heated
OTHERS = 0.5  # others heat if the middle one of them uses at least this share of its own mean day
OFF_DAYS = 25  # cold days on end on which no other heats: no plant is off for so long, their meters fail as well
SEASON_DAYS = 15  # of 30 around a day, on which a valve must have counted to say what is due at that time of year
MANY = 20  # valves of which one more or less does not move the middle one, so that it need not be left out for each


Reported = tuple[pd.Timestamp, pd.Timestamp, str]
"""Begin and end (aware) of a time in which a device reported that its meter fails, and the cause."""


class Spell(NamedTuple):
    """A stretch of days in which a meter failed.

    Attributes:
        first: Its first local day, aware.
        last: Its last: the day before it counts again, or the last of all.
        due_kwh: What was to be expected on its cold days; NaN if the valve has never counted any.
        cause: What the device said; empty if it only counted nothing on cold days while others heated.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    due_kwh: float
    cause: str = ""


def silent_spells(kwh: pd.DataFrame, outdoor: pd.Series[Any], kind: Kind = "heating") -> dict[str, list[Spell]]:
    """Where valves counted (almost) nothing for a week or more of cold days while others heated.

    Of cooling: of warm days while others cooled.

    What is due on a day comes from the valve's own days with energy: from their signature if they have one, else from
    what the other valves use and, where none of them heats, from the same time of another year. A valve that has never
    counted any is silent whenever the others heat.

    Args:
        kwh: By local day (aware) and valve; NaN where unknown.
        outdoor: Mean outdoor temperature of the days, °C; NaN where unknown.
        kind: "heating" or "cooling".
    """
    days = pd.DatetimeIndex(kwh.index)
    part = np.cumsum(np.diff(days.as_unit("ns").asi8, prepend=days.as_unit("ns").asi8[:1]) > 1.5 * 86.4e12)
    found: dict[str, list[Spell]] = {}
    whole, weather = _level(kwh), bool(outdoor.notna().any())
    for name in map(str, kwh.columns):
        used = kwh[name].to_numpy(dtype=float)
        others = _level(kwh.drop(columns=name)) if len(kwh.columns) < MANY else whole
        due = _due(kwh[name], outdoor, others, kind)
        if not np.isfinite(due).any():
            continue
        mean = float(np.nanmean(due))
        cold, off = due > mean, others < OTHERS
        stretch = np.cumsum(np.diff(off, prepend=False))
        off &= np.bincount(stretch, weights=cold)[stretch] < OFF_DAYS
        still, counts = (used <= STILL * due) & cold & ~off, used > STILL * mean
        never = not (kwh[name] > 0).any()
        if never:
            still, counts = (used <= 0) & (others >= 1), used > 0
        # Mild days say nothing: they neither end a stretch nor lengthen it.
        told = np.flatnonzero(still | counts)
        ends = np.flatnonzero((np.diff(still[told].astype(int)) != 0) | (np.diff(part[told]) != 0)) + 1
        for run in np.split(told, ends):
            # By another year alone a week says nothing: this one may be mild.
            alone = not weather and not (others[run] >= OTHERS).any()
            if len(run) >= (OFF_DAYS if alone else STILL_DAYS) and still[run[0]]:
                again = np.flatnonzero(counts[run[-1] :])
                last = run[-1] + int(again[0]) - 1 if len(again) else len(days) - 1
                expected = float("nan") if never else float(np.nansum(due[run]))
                found.setdefault(name, []).append(Spell(days[run[0]], days[last], expected))
    return found


def contrary(kwh: pd.DataFrame, outdoor: pd.Series[Any], kind: Kind) -> dict[str, list[Spell]]:
    """The valves whose energy runs against the weather: cold is counted when it is cold outside, or heat in summer.

    Swapped temperature sensors make a heating valve count cold. That is no energy of this kind, all of the time.

    Args:
        kwh: By local day (aware) and valve; NaN where unknown.
        outdoor: Mean outdoor temperature of the days, °C; NaN where unknown.
        kind: "heating" or "cooling": what the valves are said to count.
    """
    other: Kind = "cooling" if kind == "heating" else "heating"
    wrong = outdoor < HEATING_DAY_C if kind == "cooling" else outdoor > COOLING_DAY_C
    found = {}
    for name in map(str, kwh.columns):
        used = kwh[name].where(kwh[name] > 0)
        if not used.where(wrong).sum() > CONTRARY_SHARE * used.where(outdoor.notna()).sum() > 0:
            continue
        # With the days without any, or, where the sensors were swapped midway, without them.
        fits = (fit_signature(days, outdoor, kind=other, leave_out_off=False) for days in (kwh[name], used))
        if any(fit.model and fit.r2 >= CONTRARY_R2 for fit in fits):
            found[name] = [Spell(kwh.index[0], kwh.index[-1], float("nan"), CONTRARY)]
    return found


def matter(kwh: pd.Series[Any], outdoor: pd.Series[Any], told: Sequence[Reported], kind: Kind) -> list[Reported]:
    """Of the times in which a device reported that its meter fails, those in which energy was due (in mean days: one).

    A flow sensor that fails in winter costs a valve's cooling nothing.

    Args:
        kwh: By local day (aware); NaN where unknown.
        outdoor: Mean outdoor temperature of the days, °C; NaN where unknown.
        told: Begin, end (aware) and the cause.
        kind: "heating" or "cooling".
    """
    days = pd.DatetimeIndex(kwh.index)
    inside = [(days >= begin.tz_convert(days.tz).normalize()) & (days < end) for begin, end, _ in told]
    others = ~np.any(inside, axis=0) if inside else np.full(len(days), fill_value=True)
    signature = fit_signature(kwh[others], outdoor, kind=kind)
    if not signature.model:
        return list(told)
    due, mean = signature.predict(outdoor), float(signature.days["kwh"].mean())
    return [one for one, hit in zip(told, inside, strict=True) if due[hit].isna().any() or due[hit].sum() > mean]


def merged(
    silent: Mapping[str, Sequence[Spell]],
    errors: Mapping[str, Sequence[Reported]],
    days: pd.Index[Any],
) -> dict[str, list[Spell]]:
    """Silence, and what devices said themselves, as one list of spells a valve; spells that overlap are one."""
    index = pd.DatetimeIndex(days)
    found: dict[str, list[Spell]] = {name: list(spells) for name, spells in silent.items()}
    for name, reported in errors.items():
        for begin, end, cause in reported:
            hit = index[(index >= begin.tz_convert(index.tz).normalize()) & (index < end)]
            if not len(hit):
                continue
            one, rest = Spell(hit[0], hit[-1], float("nan"), cause), []
            for other in found.get(name, []):
                if other.last < one.first or other.first > one.last:
                    rest.append(other)
                else:
                    due = np.nansum([one.due_kwh, other.due_kwh])
                    one = Spell(min(one.first, other.first), max(one.last, other.last), float(due), cause)
            found[name] = sorted([*rest, one])
    return found


def fleet_shares(kwh: pd.DataFrame, typical: pd.DataFrame) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """The known energy of a fleet by day, and which part of the whole fleet's that is.

    The weights are the valves' shares of the load on days on which they and others are known, so a valve's gap costs
    the share of that valve, on those days.

    Args:
        kwh: By naive day and valve; NaN where unknown.
        typical: The same of the period that the weights are taken from.

    Returns:
        kWh, NaN where nothing is known, and the share, 0 to 1.
    """
    known = kwh.notna().to_numpy()
    weights = _weights(typical.to_numpy(dtype=float))
    share = pd.Series(known @ weights if len(weights) else np.zeros(len(kwh)), kwh.index).clip(0.0, 1.0)
    return kwh.sum(axis=1, min_count=1).where(share > 0), share


def _weights(kwh: Floats) -> Floats:
    """Each valve's share of the whole load: kwh is about load times weight, solved by turns."""
    count = kwh.shape[1]
    known, values = np.isfinite(kwh), np.nan_to_num(kwh)
    weights = np.full(count, 1.0)
    for _ in range(10):
        load = _divided(values.sum(axis=1), (known * weights).sum(axis=1))
        weights = _divided(values.sum(axis=0), load @ known)
        if not weights.sum() > 0:
            return np.full(count, 1.0 / max(count, 1))
        weights /= weights.sum()
    return weights


def _divided(over: Floats, under: Floats) -> Floats:
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)


def _level(others: pd.DataFrame) -> Floats:
    """How much the middle one of other valves uses on each day, in units of its own mean day; NaN without any."""
    means = others.mean().where(lambda mean: mean > 0).dropna()
    if means.empty:
        return np.full(len(others), np.nan)
    return (others[means.index] / means).median(axis=1).to_numpy(dtype=float)


def _due(kwh: pd.Series[Any], outdoor: pd.Series[Any], others: Floats, kind: Kind) -> Floats:
    """What a valve that works would have counted on each day, kWh (without any days to go by: what others do)."""
    used = kwh.where(kwh > 0)
    if not used.notna().any():
        return others
    signature = fit_signature(used, outdoor, kind=kind, leave_out_off=False)
    if signature.model:
        return signature.predict(outdoor).to_numpy(dtype=float)
    days = pd.DatetimeIndex(kwh.index).tz_localize(None).normalize()
    usual = used.set_axis(days).rolling("30D", center=True, min_periods=SEASON_DAYS).mean()
    usual = usual[~usual.index.duplicated()]
    years = [usual.reindex(days + pd.DateOffset(years=year)).to_numpy() for year in (-1, 0, 1)]
    season = np.fmax.reduce(years)
    return np.where((others >= OTHERS) | np.isnan(season), others * float(used.mean()), season)

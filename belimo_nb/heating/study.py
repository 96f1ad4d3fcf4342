"""The valves of a site over two periods, each and together, with the weather of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd

from belimo_nb.calendar.moments import is_midnight
from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.energy.counter import Kind
from belimo_nb.heating.comparison import Comparison, compare, compare_shares, raw_change
from belimo_nb.heating.days import complete_days, daily_means, daily_series
from belimo_nb.heating.failing import CONTRARY, Spell, contrary, fleet_shares, matter, merged, silent_spells
from belimo_nb.heating.signature import Signature, fit_signature

SLIGHT = 0.001  # of all valves' energy; a silence of which less was to be expected is no word worth
HALF = 0.5  # of the whole, as the part that is known, must be known for a day to say anything of the whole


class Study:
    """What a heating or cooling report asks of two periods; nothing is computed before it is asked for.

    A valve whose meter fails is left out of the comparison of all, and its time is unknown: it counts nothing on cold
    days for a week or longer while others heat (of cooling: on warm days while others cool), or the device says so.

    Args:
        days: Energy by local day of the reporting period: columns of two levels, kwh, coverage or quality, then the
            valve, as `Counters.energy` gives it.
        before: The same of the period that it is compared with; it may be longer, such as the 12 months before a month.
        temperature: Hourly outdoor temperature over both, °C; NaN where unknown.
        tz: IANA zone of the days.
        errors: By valve, when its device reported that its meter fails: begin, end (aware) and the cause.
        kind: "heating" or "cooling": of which energy it is; never of both.

    Attributes:
        counted: `days` as given: with what failing meters counted, too.
    """

    def __init__(
        self,
        days: pd.DataFrame,
        before: pd.DataFrame,
        temperature: pd.Series[Any],
        tz: str,
        errors: Mapping[str, Sequence[tuple[pd.Timestamp, pd.Timestamp, str]]] | None = None,
        kind: Kind = "heating",
    ) -> None:
        self.counted, self._before, self.tz, self.kind = days, before, tz, kind
        self.names = [str(name) for name in cast("pd.DataFrame", days["kwh"]).columns]
        self._errors = {name: told for name, told in (errors or {}).items() if name in self.names}
        means = daily_means(temperature, tz)
        self.outdoor = means.reindex(pd.DatetimeIndex(_whole_days(days).index))
        self.outdoor_before = means.reindex(pd.DatetimeIndex(_whole_days(before).index))

    @cached_property
    def failing(self) -> dict[str, list[Spell]]:
        """When meters failed in one of the periods, by valve."""
        known = pd.concat([_known(self._before), _known(self.counted)])
        # Of a range that begins within a day, that day is asked about, too.
        begin = pd.DatetimeIndex(self.counted.index[:1]).normalize()
        known = known[~known.index.duplicated()]
        known = known.reindex(known.index.union(begin)).sort_index()
        means = pd.concat([self.outdoor_before, self.outdoor])
        outdoor = means[~means.index.duplicated()].reindex(known.index)
        wrong = contrary(known, outdoor, self.kind)
        sound = known.drop(columns=list(wrong))
        told = {
            name: matter(known[name], outdoor, spells, self.kind)
            for name, spells in self._errors.items()
            if name not in wrong
        }
        least = SLIGHT * float(known.sum().sum())
        silent = {
            name: heavy
            for name, spells in silent_spells(sound, outdoor, self.kind).items()
            if (heavy := [spell for spell in spells if not spell.due_kwh < least])
        }
        return merged(silent, told, known.index) | wrong

    @cached_property
    def days(self) -> pd.DataFrame:
        """Energy by local day of the reporting period; not known where a meter failed, but for what it did count."""
        found = self.without_failures(self.counted)
        for name, spells in self.failing.items():
            if spells[0].cause == CONTRARY:
                continue  # what it did count is no energy of this kind
            counted = self.counted[("kwh", name)]
            # Of a meter that failed and counted nothing at all, a day beside its failure says no 0, either.
            rest = found[("kwh", name)] if (counted > 0).any() else np.nan
            found[("kwh", name)] = counted.where(counted > 0, rest)
        return found

    @cached_property
    def before(self) -> pd.DataFrame:
        """The same of the period that it is compared with."""
        return self.without_failures(self._before)

    def without_failures(self, energy: pd.DataFrame) -> pd.DataFrame:
        """Energy of intervals, as `Counters.energy` gives it; unknown in those in which a meter failed."""
        if not self.failing:
            return energy
        begins, found = pd.DatetimeIndex(energy.index), energy.copy()
        step = begins[1] - begins[0] if len(begins) > 1 else pd.Timedelta(days=1)
        ends = begins[1:].append(pd.DatetimeIndex([begins[-1] + step])) if len(begins) else begins
        for name, spells in self.failing.items():
            for spell in spells:
                failed = (begins < spell.last + pd.DateOffset(days=1)) & (ends > spell.first)
                found.loc[failed, ("kwh", name)] = np.nan
                found.loc[failed, ("coverage", name)] = 0.0
                found.loc[failed, ("quality", name)] = "meter failed"
        return found

    @cached_property
    def sound(self) -> list[str]:
        """The valves whose meters did not fail."""
        return [name for name in self.names if name not in self.failing]

    def only_sound(self, energy: pd.DataFrame) -> pd.DataFrame:
        """Of a frame of `Counters.energy` the valves whose meters did not fail; all, if all did."""
        if not self.sound:
            return self.without_failures(energy)
        return energy.loc[:, energy.columns.get_level_values(1).isin(self.sound)]

    @cached_property
    def valves(self) -> dict[str, Comparison]:
        """The comparison of each valve, by name."""
        return {
            name: compare(
                self._known_now[name], self.outdoor, self._known_before[name], self.outdoor_before, kind=self.kind
            )
            for name in self.names
        }

    @cached_property
    def comparable(self) -> list[str]:
        """The valves that are known well enough in both periods: on 90 % of the days, and no failing meter."""
        return [
            name
            for name in self.sound
            if all(_coverage(known[name]) >= COVERAGE_LIMIT for known in (self._known_now, self._known_before))
        ]

    @cached_property
    def together(self) -> Comparison:
        """The comparison of all comparable valves, summed up over what is known of each of them."""
        (now, known), (then, known_then) = self._now, self._then
        raw = raw_change(self._naive(self._known_now), self._naive(self._known_before))
        outdoor, before = (
            daily_series(means, "temperature").reindex(energy.index)
            for means, energy in ((self.outdoor, now), (self.outdoor_before, then))
        )
        whole = _whole(then, known_then)
        return compare_shares(now, known, outdoor, whole, known_then, before, raw, kind=self.kind)

    @property
    def known_share(self) -> float:
        """The share of the comparable valves' days of the reporting period whose energy is known, weather or not."""
        _, known = self._now
        return float(known.mean()) if len(known) else 1.0

    @cached_property
    def signature(self) -> Signature:
        """Of the reporting period, all comparable valves together."""
        return fit_signature(_whole(*self._now), daily_series(self.outdoor, "temperature"), kind=self.kind)

    @cached_property
    def residuals(self) -> pd.Series[Any]:
        """The running sum of measured minus expected energy, all comparable valves together; all NaN if unsayable."""
        if self.together.reason:
            return pd.Series(np.nan, self.outdoor.index)
        now, known = self._now
        aware = pd.DatetimeIndex(_whole_days(self.counted).index)
        return cusum(now.set_axis(aware), self.outdoor, self.together.signature, known.to_numpy())

    @cached_property
    def silent(self) -> dict[str, tuple[pd.Timestamp, pd.Timestamp, float]]:
        """Valves that failed in the reporting period, and how.

        By name: first and last day of the longest such spell, and the kWh that were to be expected in it (NaN: it has
        never counted any). Either the valve was off, or its meter fails.
        """
        begin, end = pd.DatetimeIndex(self.counted.index).normalize()[[0, -1]]
        found = {}
        for name, spells in self.failing.items():
            inside = [spell for spell in spells if spell.last >= begin and spell.first <= end]
            if inside:
                longest = max(inside, key=lambda spell: spell.last - spell.first)
                found[name] = (longest.first, longest.last, longest.due_kwh)
        return found

    def signature_of(self, name: str) -> Signature:
        """Of one valve, in the reporting period."""
        return fit_signature(self._known_now[name], self.outdoor, kind=self.kind)

    @cached_property
    def _now(self) -> tuple[pd.Series[Any], pd.Series[Any]]:
        return fleet_shares(self._naive(self._known_now), self._naive(self._known_before))

    @cached_property
    def _then(self) -> tuple[pd.Series[Any], pd.Series[Any]]:
        before = self._naive(self._known_before)
        return fleet_shares(before, before)

    @cached_property
    def _known_now(self) -> pd.DataFrame:
        return _known(self.days)

    @cached_property
    def _known_before(self) -> pd.DataFrame:
        return _known(self.before)

    def _naive(self, known: pd.DataFrame) -> pd.DataFrame:
        """Of the comparable valves, by naive day."""
        return known[self.comparable].set_axis(pd.DatetimeIndex(known.index).tz_localize(None).normalize())


def _known(frame: pd.DataFrame) -> pd.DataFrame:
    """The energy of whole days that are known well enough, a column a valve."""
    return cast("pd.DataFrame", complete_days(_whole_days(frame))).rename(columns=str)


def _coverage(known: pd.Series[Any]) -> float:
    """The share of days that are known; all of none."""
    return float(known.notna().mean()) if len(known) else 1.0


def _whole_days(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the first day if the range begins later in it: its energy is of a part, the weather of all of it."""
    return frame if not len(frame) or is_midnight(pd.Timestamp(frame.index[0])) else frame.iloc[1:]


def _whole(part: pd.Series[Any], known: pd.Series[Any]) -> pd.Series[Any]:
    """What all would be, where at least half is known."""
    return part / known.where(known >= HALF)


def cusum(
    energy_kwh: pd.Series[Any],
    temperature: pd.Series[Any],
    signature: Signature,
    known: np.ndarray[Any, np.dtype[np.float64]] | float = 1.0,
) -> pd.Series[Any]:
    """Running sum of measured minus expected energy.

    Args:
        energy_kwh: kWh by local day; NaN where unknown.
        temperature: Mean outdoor temperature by local day, °C.
        signature: What is expected, as a rule that of the period before.
        known: Which part of what the signature describes `energy_kwh` is, 0 to 1.

    Returns:
        Series in kWh by day (the index of `energy_kwh`): it falls while less is used than expected, and stands still
        on days of which the energy or what to expect is unknown; all NaN without a model.
    """
    measured = daily_series(energy_kwh, "energy")
    outdoor = daily_series(temperature, "temperature").reindex(measured.index)
    left = measured - signature.predict(outdoor) * known
    if signature.off_days:
        told = left.notna()
        days = pd.DataFrame({"temperature_c": outdoor, "kwh": measured})[told]
        left[told] = left[told].where(~signature.off(days), 0.0)
    running = left.fillna(0.0).cumsum() if left.notna().any() else left
    return running.set_axis(energy_kwh.index.sort_values()).rename("kwh")

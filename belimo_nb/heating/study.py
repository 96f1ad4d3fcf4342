"""The valves of a site over two periods, each and together, with the weather of both."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd

from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.heating.comparison import Comparison, compare
from belimo_nb.heating.days import complete_days, daily_means, daily_series
from belimo_nb.heating.signature import Signature, fit_signature

STILL, STILL_DAYS = 0.02, 7
"""A share of the expected energy, and a number of cold days, that make a valve's silence worth a word."""


class Study:
    """What a heating report asks of two periods; nothing is computed before it is asked for.

    Args:
        days: Energy by local day of the reporting period: columns of two levels, kwh, coverage or quality, then the
            valve, as `Counters.energy` gives it.
        before: The same of the period that it is compared with.
        temperature: Hourly outdoor temperature over both, °C; NaN where unknown.
        tz: IANA zone of the days.
    """

    def __init__(self, days: pd.DataFrame, before: pd.DataFrame, temperature: pd.Series[Any], tz: str) -> None:
        self.days, self.before, self.tz = days, before, tz
        self.names = [str(name) for name in cast("pd.DataFrame", days["kwh"]).columns]
        means = daily_means(temperature, tz)
        self.outdoor = means.reindex(pd.DatetimeIndex(days.index))
        self.outdoor_before = means.reindex(pd.DatetimeIndex(before.index))

    @cached_property
    def valves(self) -> dict[str, Comparison]:
        """The comparison of each valve, by name."""
        return {name: self._compare(_known(self.days, name), _known(self.before, name)) for name in self.names}

    @cached_property
    def comparable(self) -> list[str]:
        """The valves that are known well enough in both periods: on 90 % of the days."""
        return [
            name
            for name in self.names
            if min(_known(frame, name).notna().mean() for frame in (self.days, self.before)) >= COVERAGE_LIMIT
        ]

    @cached_property
    def together(self) -> Comparison:
        """The comparison of all comparable valves, summed up."""
        return self._compare(self._sum(self.days), self._sum(self.before))

    @cached_property
    def signature(self) -> Signature:
        """Of the reporting period, all comparable valves together."""
        return fit_signature(self._sum(self.days), self.outdoor)

    @cached_property
    def residuals(self) -> pd.Series[Any]:
        """The running sum of measured minus expected energy, all comparable valves together; all NaN if unsayable."""
        if self.together.reason:
            return pd.Series(np.nan, self.outdoor.index)
        return cusum(self._sum(self.days), self.outdoor, self.together.signature)

    @cached_property
    def silent(self) -> dict[str, tuple[pd.Timestamp, pd.Timestamp, float]]:
        """Valves that counted (almost) nothing for a week or longer in which the period before would have used heat.

        By name: first and last day of the longest such stretch, and the kWh that were to be expected in it. Either
        the valve was off, or its meter fails.
        """
        found = {}
        for name, comparison in self.valves.items():
            due = comparison.signature.predict(self.outdoor).to_numpy()
            used = self.days[("kwh", name)].to_numpy(dtype=float)
            if not np.isfinite(due).any():
                continue
            cold = float(np.nanmean(due))
            still = (used <= STILL * due) & (due > cold)
            # Mild days say nothing: they neither end a stretch nor lengthen it.
            told = np.flatnonzero(still | (used > STILL * cold))
            runs = np.split(told, np.flatnonzero(np.diff(still[told].astype(int))) + 1)
            longest = max((run for run in runs if len(run) and still[run[0]]), key=len, default=np.empty(0, int))
            if len(longest) >= STILL_DAYS:
                first, last = (pd.Timestamp(self.days.index[i]) for i in (longest[0], longest[-1]))
                found[name] = (first, last, float(np.nansum(due[longest])))
        return found

    def signature_of(self, name: str) -> Signature:
        """Of one valve, in the reporting period."""
        return fit_signature(_known(self.days, name), self.outdoor)

    def _sum(self, frame: pd.DataFrame) -> pd.Series[Any]:
        columns = [_known(frame, name) for name in self.comparable]
        if not columns:
            return pd.Series(np.nan, pd.DatetimeIndex(frame.index))
        return pd.concat(columns, axis=1).sum(axis=1, skipna=False)

    def _compare(self, now: pd.Series[Any], then: pd.Series[Any]) -> Comparison:
        return compare(now, self.outdoor, then, self.outdoor_before)


def _known(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    return complete_days(pd.DataFrame({part: frame[(part, name)] for part in ("kwh", "coverage", "quality")}))


def cusum(energy_kwh: pd.Series[Any], temperature: pd.Series[Any], signature: Signature) -> pd.Series[Any]:
    """Running sum of measured minus expected energy.

    Args:
        energy_kwh: kWh by local day; NaN where unknown.
        temperature: Mean outdoor temperature by local day, °C.
        signature: What is expected, as a rule that of the period before.

    Returns:
        Series in kWh by day (the index of `energy_kwh`): it falls while less is used than expected, and stands still
        on days that are unknown; all NaN without a model.
    """
    measured = daily_series(energy_kwh, "energy")
    outdoor = daily_series(temperature, "temperature").reindex(measured.index)
    left = measured - signature.predict(outdoor)
    running = left.fillna(0.0).cumsum() if left.notna().any() else left
    return running.set_axis(energy_kwh.index.sort_values()).rename("kwh")

"""Night setback: whether heating is lowered at night."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from belimo_nb.calendar.intervals import local_index, zone_name
from belimo_nb.calendar.moments import nanoseconds
from belimo_nb.heating.days import daily_means, is_daily, numbers
from belimo_nb.hydronics.samples import ACTIVE_HOURS, Flags, Floats, Ints, Samples, lacking
from belimo_nb.hydronics.spells import DAY_NS, HOUR_NS, HOURLY, too_coarse
from belimo_nb.hydronics.verdict import OK, WARN, Verdict, cannot_judge
from belimo_nb.quantities import plural

CHECK = "night setback"
NONE_ABOVE = 0.9
EFFECTIVE_BELOW = 0.6
OFF_BELOW = 0.02
THRESHOLD = "warn above 0.9 (none); effective below 0.6"
LEAST_NIGHTS = 10
HEATING_LIMIT_C = 12.0  # daily mean of outdoor temperature up to which a day is a heating day, as in HGT20/12
LIKE_K = 3.0  # days on both sides of a night whose daily means differ by more are no like weather
LIKE_POWER = 1.5  # the same where no weather is known: one day's power over the other's
LEAST_POWER = 0.25  # share of the 95th percentile of daytime power that makes a heating day, where no weather is known
FOLLOWS_BELOW = -0.3  # correlation of power with outdoor temperature above which the load is no heating of rooms
FOLLOWS_SPAN_K = 8.0

NIGHT_HOURS, DAY_HOURS = 6, 8
COMPLETE = 0.75
THURSDAY = 3  # 1970-01-01; Monday is 0


class _Windows(NamedTuple):
    """Medians of power by local day, from the first on: the day itself, and the night that follows it."""

    first: int
    night_kw: Floats
    day_kw: Floats
    heating: Flags


class _Clock(NamedTuple):
    """Which samples belong to the nights and the days: their positions, and the local day of each, ascending from 0."""

    first: int
    days: int
    by_night: Ints
    evening: Ints
    by_day: Ints
    noon: Ints


def setback(samples: Samples, tz: str, outdoor_c: pd.Series[Any] | None = None) -> Verdict:
    """Median power from 23 to 5 over that from 9 to 17 local time, each night against the days before and after it.

    The nights after Monday to Thursday count, so that no weekend is taken for a setback or hides one. Both days must
    be heating days of like weather: by daily means of outdoor temperature (up to 12 °C, 3 K apart) or, where they are
    not given, by their own power. Their mean cancels a trend of the weather. The figure is the median over the nights.

    Above 0.9 there is no setback: a warning, since nothing is broken. In between it is partial and passes: a heavy
    building holds its heat. No waste is told: what a setback saves depends on the building's mass. A heat load that
    does not follow the weather (hot water, a process) is not judged, if the weather is given.

    Args:
        samples: Every hour or finer.
        tz: IANA zone of the site.
        outdoor_c: °C at aware times, hourly or finer, or daily means (quicker) by local midnight; None: unknown.

    Raises:
        UsageError: `tz` is no zone, or the temperatures have no zone or are no numbers.
    """
    if reason := too_coarse(samples, HOURLY, "what is night and what is day"):
        return cannot_judge(CHECK, reason, THRESHOLD)
    if not samples.known("flow_m3h"):
        return cannot_judge(CHECK, lacking(samples), THRESHOLD)
    active = samples.active
    heats = float((active & samples.heating).sum()) * samples.hours
    if heats < ACTIVE_HOURS:
        cools = bool((active & samples.cooling).any())
        reason = f"It heated for only {heats:.0f} h; {ACTIVE_HOURS:.0f} h are needed."
        return cannot_judge(CHECK, "A night setback is for heating; it cools." if cools else reason, THRESHOLD)
    windows = _windows(samples, tz)
    day = windows.first + np.arange(len(windows.day_kw) - 1)
    before, after, night = windows.day_kw[:-1], windows.day_kw[1:], windows.night_kw[:-1]
    usable = (
        windows.heating[:-1]
        & windows.heating[1:]
        & np.isfinite(night + before + after)
        & ((day + THURSDAY) % 7 <= THURSDAY)
    )
    mean = (before + after) / 2
    usable &= mean > 0
    outdoor = None if outdoor_c is None else _by_day(outdoor_c, tz, windows.first, len(windows.day_kw))
    if outdoor is not None:
        likes = np.abs(np.diff(outdoor)) <= LIKE_K
        usable &= likes & (np.maximum(outdoor[:-1], outdoor[1:]) <= HEATING_LIMIT_C)
    else:
        usable &= np.maximum(before, after) <= LIKE_POWER * np.minimum(before, after)
        if usable.any():
            usable &= mean >= LEAST_POWER * np.percentile(mean[usable], 95)
    count = int(usable.sum())
    if count < LEAST_NIGHTS:
        reason = (
            f"Only {plural(count, 'night lies', 'nights lie')} between two working days of heating and like "
            f"weather; it takes {LEAST_NIGHTS}."
        )
        return cannot_judge(CHECK, reason, THRESHOLD)
    ratio = float(np.median(night[usable] / mean[usable]))
    if outdoor is not None and ratio > EFFECTIVE_BELOW and not _follows(mean[usable], outdoor[:-1][usable]):
        reason = "The power hardly follows the weather: a process or hot water, for which no setback is to be had."
        return cannot_judge(CHECK, reason, THRESHOLD)
    return _verdict(ratio, count)


ADVICE = (
    "Set a schedule that lowers the room or supply temperature at night, if the rooms are not used then; for hot water "
    "or a process that runs round the clock, ignore this."
)


def _verdict(ratio: float, count: int) -> Verdict:
    nights, share = plural(count, "night"), 100 * ratio
    if ratio < OFF_BELOW:
        said = f"On {nights} no heat flowed."
    elif ratio < EFFECTIVE_BELOW:
        said = f"On {nights} the power was {share:.0f} % of that by day: the night setback is effective."
    elif ratio <= NONE_ABOVE:
        said = f"On {nights} the power was {share:.0f} % of that by day: heating is lowered in part."
    else:
        said = f"On {nights} the power was {share:.0f} % of that by day: there is no night setback."
        return Verdict(CHECK, WARN, ratio, "", THRESHOLD, said, ADVICE)
    return Verdict(CHECK, OK, ratio, "", THRESHOLD, said)


def _windows(samples: Samples, tz: str) -> _Windows:
    ns, step = samples.ns, samples.step.as_unit("ns").value
    regular = int(ns[-1] - ns[0]) == (len(ns) - 1) * step and bool((np.diff(ns) == step).all())
    clock = _regular_clock(int(ns[0]), step, len(ns), tz) if regular else _clock(ns - step // 2, tz)
    power = np.abs(samples.values("power_kw"))
    warm = samples.active[clock.by_day] & samples.heating[clock.by_day]
    cold = samples.active[clock.by_day] & samples.cooling[clock.by_day]
    heating = np.bincount(clock.noon[warm], minlength=clock.days)
    cooling = np.bincount(clock.noon[cold], minlength=clock.days)
    return _Windows(
        clock.first,
        _medians(clock.evening, power[clock.by_night], clock.days, COMPLETE * NIGHT_HOURS / samples.hours),
        _medians(clock.noon, power[clock.by_day], clock.days, COMPLETE * DAY_HOURS / samples.hours),
        (heating >= DAY_HOURS / 2 / samples.hours) & (cooling == 0),
    )


@lru_cache(maxsize=8)
def _regular_clock(first: int, step: int, count: int, tz: str) -> _Clock:
    """The same of samples without a gap; kept, since the devices of a fleet share their times."""
    return _clock(first - step // 2 + step * np.arange(count, dtype=np.int64), tz)


def _clock(middles: Ints, tz: str) -> _Clock:
    wall = local_index(middles, zone_name(tz)).tz_localize(None).as_unit("ns").asi8 // HOUR_NS
    day = wall // 24
    hour = wall - 24 * day
    first = int(day[0]) - 1
    by_night = np.flatnonzero((hour >= 23) | (hour < 5))
    by_day = np.flatnonzero((hour >= 9) & (hour < 17))
    evening = day[by_night] - (hour[by_night] < 5) - first
    return _Clock(first, int(day[-1]) - first + 1, by_night, evening, by_day, day[by_day] - first)


def _medians(groups: Ints, values: Floats, count: int, least: float) -> Floats:
    """Median of the known values of each group; NaN where there are fewer than `least`. The groups ascend."""
    sizes = np.bincount(groups, minlength=count)
    rank = np.arange(len(groups)) - (np.cumsum(sizes) - sizes)[groups]
    table = np.full((count, int(sizes.max(initial=1))), np.nan)
    table[groups, rank] = values
    table.sort(axis=1)  # NaN last
    known = np.isfinite(table).sum(axis=1)
    row = np.arange(count)
    medians = (table[row, np.maximum(known - 1, 0) // 2] + table[row, known // 2]) / 2
    return np.where(known >= max(least, 1), medians, np.nan)


def _by_day(outdoor_c: pd.Series[Any], tz: str, first: int, count: int) -> Floats:
    """Daily means from a day on (days since 1970), NaN where unknown."""
    index = outdoor_c.index
    if not isinstance(index, pd.DatetimeIndex) or not is_daily(index):
        outdoor_c = daily_means(outdoor_c, tz)
    days = pd.DatetimeIndex(outdoor_c.index)
    number = nanoseconds(days.tz_localize(None)) // DAY_NS - first
    inside = (number >= 0) & (number < count)
    found = np.full(count, np.nan)
    found[number[inside]] = numbers(outdoor_c, "temperature")[inside]
    return found


def _follows(power: Floats, outdoor: Floats) -> bool:
    """Whether power rises as it gets colder; true where the weather is too even to tell."""
    if np.ptp(outdoor) < FOLLOWS_SPAN_K:
        return True
    if np.ptp(power) == 0:
        return False
    return bool(np.corrcoef(power, outdoor)[0, 1] < FOLLOWS_BELOW)

"""Did it work? What a dated change did, for the device's report and the building's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from belimo_nb.api.health import meter_errors
from belimo_nb.calendar.moments import parse_time
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.cloud.device import Device
from belimo_nb.cloud.water import device_water, sides, valves_water
from belimo_nb.display import Note, Table, date, note, number, table
from belimo_nb.display.numbers import plural
from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.energy.counter import Kind
from belimo_nb.errors import NoDataError, UsageError
from belimo_nb.heating import Study
from belimo_nb.heating.days import daily_means
from belimo_nb.hydronics.daily_water import together
from belimo_nb.hydronics.effect import LEAST_AFTER, BeforeAfter, before_and_after
from belimo_nb.summary.device import events
from belimo_nb.summary.parts import column_group
from belimo_nb.weather import temperature_or_reason

SET, UPDATED = "CONFIGURATION_CHANGE", "SOFTWARE_CHANGE"
ALL = "All together"
SHORT = {"energy": "energy", "water": "volume per kWh", "delta_t_k": "delta-T", "return_k": "return temperature"}


def valve_effect(
    cloud: Cloud, valve: Device, period: Period, days: pd.DataFrame, changed: str = "", weather: str = ""
) -> BeforeAfter:
    """What a change did at one valve, before and after it in the same weather.

    Args:
        cloud: Where the valve is.
        valve: The valve.
        period: What the report covers; after the change counts what lies in it.
        days: `Counters.energy` of the period by day: which kind of energy it is.
        changed: The day of the change; blank: that of the newest setting that was changed in the period, two weeks or
            more before its end.
        weather: Where the weather comes from, if not from where the settings say.

    Raises:
        UsageError: `changed` is no day, or not before the period's end.
    """
    timeline = valve.timeline(end=period.end)
    moment = _moment(changed, period)
    if moment is None:
        latest = period.end - pd.DateOffset(days=LEAST_AFTER)
        told = timeline[(timeline["type"] == SET) & (timeline["time"] >= period.start) & (timeline["time"] <= latest)]
        if told.empty:
            return BeforeAfter(None, reason="no setting was changed in the period, and no day of a change is given")
        moment = told["time"].iloc[-1]
    day = moment.normalize()
    span = sides(day, period)
    of_day = timeline[(timeline["type"] == SET) & (timeline["time"].dt.normalize() == day)]
    what = "; ".join(events(of_day, valve).frame["details"][::-1])
    sums = column_group(days, "kwh").sum()
    kind: Kind = "cooling" if sums.get("cooling", 0.0) > sums.get("heating", 0.0) else "heating"
    try:
        water = device_water(valve, kind, span)
    except NoDataError as error:
        return BeforeAfter(day, what=what, reason=str(error))
    outdoor, unknown = temperature_or_reason(cloud, span.start, span.end, weather)
    if unknown:
        return BeforeAfter(day, what=what, reason=unknown)
    found = before_and_after(
        water,
        daily_means(outdoor, cloud.timezone),
        moment,
        kind,
        failed=meter_errors(timeline, span.start, span.end),
        what=what,
    )
    other = timeline[timeline["type"].isin((SET, UPDATED)) & (timeline["time"].dt.normalize() != day)]
    other = other[(other["time"] >= span.start) & (other["time"] < span.end)]
    texts = events(other, valve).frame[::-1]
    also = [f"{date(at)}: {text or 'new software'}" for at, text in zip(texts["time"], texts["details"], strict=True)]
    return replace(found, also=tuple(also))


def building_effects(
    cloud: Cloud, valves: pd.DataFrame, study: Study, period: Period, changed: str = "", weather: str = ""
) -> dict[str, BeforeAfter]:
    """What a change did at each valve and at all together, before and after it in the same weather.

    Together are the valves that are known on 90 % of the days on both sides, without those whose meters failed.

    Args:
        cloud: Where the valves are.
        valves: A frame of `Cloud.heating_valves` or `Cloud.cooling_valves`.
        study: Theirs.
        period: What the report covers; after the change counts what lies in it.
        changed: The day of the change; blank: there was none.
        weather: Where the weather comes from, if not from where the settings say.

    Returns:
        By name, all together first; without a change that alone, with the reason.

    Raises:
        UsageError: `changed` is no day, or not before the period's end.
    """
    moment = _moment(changed, period)
    if moment is None:
        return {ALL: BeforeAfter(None, reason="no day of a change is given")}
    span = sides(moment, period)
    water = valves_water(cloud.connection, valves, study.kind, span)
    outdoor, unknown = temperature_or_reason(cloud, span.start, span.end, weather)
    if unknown or not water.days:
        return {ALL: BeforeAfter(moment.normalize(), reason=unknown or "; ".join(water.failures.values()))}
    means, day = daily_means(outdoor, cloud.timezone), pd.DateOffset(days=1)
    failed = {
        name: [(one.first, one.last + day, one.cause or "nothing counted where energy was due") for one in spells]
        for name, spells in study.failing.items()
    }
    sound = {name: days for name, days in water.days.items() if name not in failed and _known(days, moment)}
    found = {
        name: before_and_after(days, means, moment, study.kind, failed=failed.get(name, ()))
        for name, days in water.days.items()
    }
    if not sound:
        return {ALL: BeforeAfter(moment.normalize(), reason="no valve is known on 90 % of the days on both sides")}
    what = f"{len(sound)} of {plural(len(valves), 'valve')}" if len(sound) < len(valves) else ""
    return {ALL: before_and_after(together(sound), means, moment, study.kind, what=what), **found}


def effect_table(found: BeforeAfter) -> Table | Note:
    """Table of what a change did to energy, volume per kWh, delta-T and return; a note where there was none."""
    if not found.effects:
        return _nothing(found)
    rows = [
        {
            "quantity": f"{name}, {one.unit}",
            "before": one.before,
            "expected": one.expected,
            "after": one.after,
            "change": 100 * one.change if one.relative else one.change,
            "plus_minus": 100 * one.uncertainty if one.relative else one.uncertainty,
            "in": "%" if one.relative else "K",
            "verdict": one.verdict,
            "days_before": one.days_before,
            "days_after": one.days_after,
            "remark": one.reason,
        }
        for name, one in found.effects.items()
    ]
    frame = pd.DataFrame(rows)
    if (frame["remark"] == "").all():
        frame = frame.drop(columns="remark")
    what = f": {found.what}" if found.what else ""
    return table(
        frame,
        "effect",
        f"Before and after {date(found.changed)}, in the same weather{what}",
        formats={
            "before": 1, "expected": 1, "after": 1, "change": "+1", "plus_minus": 1, "verdict": "status",
            "days_before": 0, "days_after": 0,
        },
        labels={
            "quantity": "", "expected": "Expected after", "plus_minus": "± (90 %)", "in": "",
            "days_before": ("Before", "days"), "days_after": ("After", "days"),
        },
        below=["remark"],
    )  # fmt: skip


def valve_effects(found: Mapping[str, BeforeAfter]) -> Table | Note:
    """Table of what a change did at all valves together and at each; a note where there was none."""
    if not found[ALL].effects:
        return _nothing(found[ALL])
    rows = []
    for name, one in found.items():
        row: dict[str, object] = {"valve": name}
        for short, quantity in SHORT.items():
            effect = one.effects[quantity]
            row |= {short: effect.change, f"{short}_pm": effect.uncertainty}
        changed = [f"{quantity} {effect.verdict}" for quantity, effect in one.effects.items() if effect.changed]
        reasons = {effect.reason: None for effect in one.effects.values() if effect.reason}
        rows.append(
            row | {"remark": "; ".join([one.what] * bool(one.what) + (changed or [*reasons] or ["within chance"]))}
        )
    frame = pd.DataFrame(rows)
    columns = [name for name in map(str, frame) if name.endswith("_pm")]
    plus_minus = {
        name: (lambda share: number(100 * share, 1, "%")) if name in ("energy_pm", "water_pm") else 1
        for name in columns
    }
    return table(
        frame,
        "effects",
        f"Before and after {date(found[ALL].changed)}: what the weather does not explain, ± at 90 % confidence",
        formats={**plus_minus, "energy": "change", "water": "change", "delta_t_k": "+1", "return_k": "+1"},
        labels={
            "water": "Volume per kWh", "delta_t_k": ("Delta-T", "K"), "return_k": ("Return", "K"),
            **dict.fromkeys(columns, "±"),
        },
        below=["remark"],
    )  # fmt: skip


def _nothing(found: BeforeAfter) -> Note:
    level = "info" if found.changed is not None else "absent"
    return note(f"There is no before and after: {found.reason.rstrip('.')}.", level)


def _moment(changed: str, period: Period) -> pd.Timestamp | None:
    """When it was changed; None where it is not given."""
    if not str(changed or "").strip():
        return None
    moment = parse_time(changed, str(period.start.tz), "day of the change")
    if moment >= period.end:
        raise UsageError(
            f"The change of {moment:%Y-%m-%d} does not lie before the period's end, {period.end:%Y-%m-%d}; give a day "
            "with some weeks of the period after it."
        )
    return moment


def _known(days: pd.DataFrame, moment: pd.Timestamp) -> bool:
    """Whether a valve is known well enough on either side of a change."""
    known, after = days["kwh"].notna() & days["m3"].notna(), pd.DatetimeIndex(days.index) > moment
    return bool(min(known[after].mean(), known[~after][1:].mean()) >= COVERAGE_LIMIT)

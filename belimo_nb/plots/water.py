"""Charts of the water: return temperatures of a building, supply and return over the weather, before and after."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.lines import Line2D

from belimo_nb.display import Chart, Note, note, number
from belimo_nb.display.numbers import date, plural
from belimo_nb.heating.days import daily_series
from belimo_nb.hydronics.daily_water import BIN_K, together, water_signature
from belimo_nb.hydronics.effect import BeforeAfter
from belimo_nb.plots import outliers, style

ROW = 22  # CSS pixels of a valve
LEAST = 5  # days that a step of outdoor temperature needs for a median
NO_WATER = "No valve has a counter of volume and both water temperatures in this period"
TOLD = 6  # spells of days left out, and other changes, that a caption names
Dashes = Literal["-", "--"]


def return_ranking(valves: pd.DataFrame, *, title: str | None = None, limit: int = 30) -> Chart:
    """Draw each valve's flow-weighted supply and return temperature, the worst return first.

    Args:
        valves: As `belimo_nb.hydronics.daily_water.ranked` gives them.
        title: In place of the finding.
        limit: Number of valves at most.
    """
    caption = (
        "Means over the period, weighted by volume: supply and return; between them the delta-T. At the right the "
        "return and the share of the water."
    )
    told = valves[valves["return_c"].notna()]
    if told.empty:
        return style.no_data_figure(title or "Return temperature by valve", caption, NO_WATER)
    mean = float((told["return_c"] * told["share"]).sum())
    worst = told.iloc[0]
    finding = title or (
        f"Return of all {number(mean, 1)} °C, furthest off {style.drawable(str(told.index[0]), 36)} with "
        f"{number(float(worst['return_c']), 1)} °C"
    )
    shown = told.head(limit)
    names, left = style.beside_bars(list(shown.index))
    words = [
        f"{number(value, 1)} °C  {number(100 * share, 0, '%')}"
        for value, share in zip(shown["return_c"], shown["share"], strict=True)
    ]
    right = style.text_width(words) + 22
    warm, cold = _colors(shown)
    ends = shown[["supply_c", "return_c"]]
    low, high = outliers.usual_range(ends)
    room = 0.04 * (high - low) or 1.0
    y = np.arange(len(shown))
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [ROW * len(shown)], left=left, right=right)
        ax.hlines(y, shown["return_c"], shown["supply_c"], color=style.AXIS, linewidth=1.4)
        ax.plot(shown["supply_c"], y, "s", color=warm, markersize=5)
        ax.plot(shown["return_c"], y, "o", color=cold, markersize=6)
        ax.axvline(mean, color=style.DARK, linewidth=1.0, linestyle="--")
        ax.set_xlim(low - room, high + room)
        for row, text in enumerate(words):
            ax.annotate(
                text, (1, row), (8, 0), ("axes fraction", "data"), "offset points", va="center", color=style.DARK
            )
        ax.set_ylim(len(shown) - 0.4, -0.6)
        beyond = outliers.mark(ax, ends.to_numpy().ravel(), np.repeat(y, 2))
        ax.set_yticks(y, names)
        ax.tick_params(axis="y", labelcolor=style.DARK)
        ax.grid(visible=False, axis="y")
        ax.grid(visible=True, axis="x")
        style.round_ticks(ax.xaxis, 6)
        handles: style.Legend = [
            (Line2D([], [], color=cold, marker="o", linestyle="none"), "return"),
            (Line2D([], [], color=warm, marker="s", linestyle="none"), "supply"),
            (Line2D([], [], color=style.DARK, linestyle="--", linewidth=1.0), "return of all"),
        ]
        style.label_axes(ax, "", x="°C, weighted by volume", below=26, handles=handles)
    rest = len(told) - len(shown)
    caption += f" Not drawn: {rest} more." if rest else ""
    caption += outliers.told(beyond, ends, "°C")
    unknown = len(valves) - len(told)
    caption += f" Without water or temperatures: {unknown}." if unknown else ""
    listed = "; ".join(f"{name} {text.replace('  ', ', ')}" for name, text in zip(shown.index, words, strict=True))
    return style.chart(fig, caption, f"{finding}. {listed}.")


def water_temperatures(
    valves: dict[str, pd.DataFrame], temperature: pd.Series[float], *, title: str | None = None
) -> Chart:
    """Draw supply and return of all valves together over the outdoor temperature: their signatures.

    Args:
        valves: Days by name, as `belimo_nb.hydronics.daily_water.daily_water` gives them.
        temperature: Mean outdoor temperature by local day, °C.
        title: In place of the finding.
    """
    caption = (
        "Each point is a day, weighted by volume over the valves; lines: means in steps of 2 K, weighted by volume."
    )
    days = together(valves) if valves else pd.DataFrame(columns=["supply_c", "return_c", "m3"])
    days = days.dropna(subset=["supply_c", "return_c"])
    steps = water_signature(days, temperature) if len(days) else days
    if not len(steps):
        why = "No three days of this period have like weather" if len(days) else NO_WATER
        return style.no_data_figure(title or "Supply and return over the outdoor temperature", caption, why)
    ends = [f"{number(float(steps.index[i]), 0)} °C outdoors {number(float(steps['supply_c'].iloc[i]), 0)} and "
            f"{number(float(steps['return_c'].iloc[i]), 0)} °C" for i in (0, -1)]  # fmt: skip
    finding = title or f"Supply and return: at {ends[0]}, at {ends[1]}"
    outdoor = daily_series(temperature, "temperature").reindex(pd.DatetimeIndex(days.index).tz_localize(None))
    handles: style.Legend = []
    warm, cold = _colors(steps)
    points = days[["supply_c", "return_c"]]
    low, high = outliers.usual_range(points)
    room = 0.05 * (high - low) or 1.0
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [300])
        for column, name, color, marker in (
            ("supply_c", "supply", warm, "s"),
            ("return_c", "return", cold, "o"),
        ):
            ax.plot(outdoor, days[column], marker, color=color, markersize=3, alpha=0.35, markeredgewidth=0)
            ax.plot(steps.index, steps[column], "-", color=color, linewidth=2.0)
            handles.append((Line2D([], [], color=color, marker=marker, markersize=4, linewidth=2.0), name))
        style.round_ticks(ax.yaxis, 6)
        style.round_ticks(ax.xaxis, 9)
        ax.margins(x=0.02)
        ax.set_ylim(low - room, high + room)
        beyond = outliers.mark(ax, np.repeat(outdoor.to_numpy(dtype=float), 2), points.to_numpy().ravel())
        label = outliers.label("°C", beyond)
        style.label_axes(ax, label, x="Mean outdoor temperature of the day, °C", below=26, handles=handles)
    return style.chart(fig, caption + outliers.told(beyond, points, "°C"), f"{finding}.")


def _colors(water: pd.DataFrame) -> tuple[str, str]:
    """Colors of supply and return: the warmer one is that of heat, which of cooling is the return."""
    cools = float(water["supply_c"].median()) < float(water["return_c"].median())
    return (style.BLUE, style.ORANGE) if cools else (style.ORANGE, style.BLUE)


def before_and_after(found: BeforeAfter, quantity: str = "volume per kWh", *, title: str | None = None) -> Chart | Note:
    """Draw a quantity before and after a change over the outdoor temperature; a note where nothing was changed.

    Args:
        found: As `belimo_nb.hydronics.effect.before_and_after` gives it.
        quantity: Of its effects.
        title: In place of the finding.
    """
    if found.changed is None:
        return note("No picture of before and after: no change is given.", "absent")
    caption = f"{quantity[:1].upper()}{quantity[1:]} of days, before and after the change."
    effect = found.effects.get(quantity)
    if effect is None or effect.reason:
        why = found.reason if effect is None else effect.reason
        words = f"{caption} Not to be said: {why.rstrip('.')}."
        reason = f"Nothing to compare: {why.rstrip('.')}"
        return style.no_data_figure(title or "Before and after a change", words, reason)
    change, plus_minus, unit = effect.change, effect.uncertainty, " K"
    if effect.relative:
        change, plus_minus, unit = 100 * change, 100 * plus_minus, " %"
    size = f"{'+' if change > 0 else ''}{number(change, 1)} ± {number(plus_minus, 1)}{unit}"
    finding = title or f"Since {date(found.changed)}: {quantity} {size}, {effect.verdict}"
    handles: style.Legend = []
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [300])
        looks: tuple[tuple[bool, str, str, str, str, Dashes], ...] = (
            (False, "before", "#b9bec4", "s", style.DARK, "--"),
            (True, "after", style.SKY, "o", style.BLUE, "-"),
        )
        for after, name, color, marker, line, dashes in looks:
            days = effect.days[effect.days["after"] == after]
            ax.plot(days["temperature_c"], days["value"], marker, color=color, markersize=3.5, alpha=0.7, mew=0)
            steps = days.groupby(np.floor(days["temperature_c"] / BIN_K) * BIN_K + BIN_K / 2)["value"].agg(
                ["median", "size"]
            )
            steps = steps[steps["size"] >= LEAST]
            ax.plot(steps.index, steps["median"], dashes, color=line, linewidth=2.0)
            handles.append((Line2D([], [], color=line, marker=marker, markersize=4, linestyle=dashes), name))
        low, high = outliers.usual_range(effect.days["value"])
        room = 0.05 * (high - low) or 1.0
        ax.set_ylim(low - room, high + room)
        ax.margins(x=0.02)
        beyond = outliers.mark(ax, effect.days["temperature_c"], effect.days["value"])
        style.round_ticks(ax.yaxis, 6)
        style.round_ticks(ax.xaxis, 9)
        words = outliers.label(f"{quantity[:1].upper()}{quantity[1:]}, {effect.unit}", beyond)
        style.label_axes(ax, words, x="Mean outdoor temperature of the day, °C", below=26, handles=handles)
    caption += " Each point is a day; lines: medians in steps of 2 K."
    caption += outliers.told(beyond, effect.days["value"], effect.unit)
    spells = [
        f"{date(row['from'])} to {date(row.to)} ({row.why})" if row["days"] > 1 else f"{date(row['from'])} ({row.why})"
        for _, row in found.left_out.head(TOLD).iterrows()
    ]
    if len(found.left_out) > TOLD:
        spells.append(plural(int(found.left_out["days"][TOLD:].sum()), "more day"))
    caption += f" Left out: {', '.join(spells)}." if spells else ""
    caption += f" Also changed in these months: {'; '.join(found.also[:TOLD])}." if found.also else ""
    return style.chart(fig, caption, f"{finding}.")

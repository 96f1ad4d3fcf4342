"""Charts of a fleet: devices by state, valves by energy and by latest power."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes

from belimo_nb.display import Chart, number
from belimo_nb.display.numbers import capitalized, plural
from belimo_nb.errors import UsageError
from belimo_nb.plots import outliers, style
from belimo_nb.quantities import amount

# From good to bad, the order in which states are drawn.
COLORS: Mapping[str, str] = {
    "ok": style.GREEN,
    "online": style.GREEN,
    "warning": style.ORANGE,
    "warn": style.ORANGE,
    "problem": style.RED,
    "error": style.RED,
    "offline": style.GRAY,
}
BAD = (style.ORANGE, style.RED, style.GRAY)
BAR_HEIGHT = 20  # CSS pixels
BAR_EDGE: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6}
KIND_COLORS = {"heat": style.ORANGE, "cold": style.BLUE}
MIN_SHARE = 0.004  # of the bar's length, so that one device of thousands still shows


def fleet_health(counts: Mapping[str, Any], *, title: str | None = None) -> Chart:
    """Draw the number of devices by state: a stacked bar per question, as long as the fleet.

    Args:
        counts: Question to (state to number of devices), such as the cloud's statistics; other values and empty
            counts are left out. A flat mapping of states is one question.
        title: In place of the finding.

    Raises:
        UsageError: A count is negative.
    """
    nested = {name: states for name, states in counts.items() if isinstance(states, Mapping)} or {"devices": counts}
    bars = {
        str(name): {str(state): int(count) for state, count in sorted(states.items(), key=_severity) if count}
        for name, states in nested.items()
        if any(states.values())
    }
    if any(count < 0 for states in bars.values() for count in states.values()):
        raise UsageError(f"A number of devices cannot be negative: {dict(counts)}.")
    if not bars:
        return style.no_data_figure(title or "Devices by state", "Devices by state.", "There is no device")
    total = max(sum(states.values()) for states in bars.values())
    bad = [_count(state, n) for states in bars.values() for state, n in states.items() if _color(state) in BAD]
    unknown = any("unknown" in state.casefold() for states in bars.values() for state in states)
    well = "no problem known" if unknown else "all well"
    finding = title or f"{plural(total, 'device')}: {', '.join(bad) if bad else well}"
    with rc_context(style.RC_PARAMS):
        names, left = style.beside_bars([capitalized(name) for name in bars])
        width = style.WIDTH - left - style.RIGHT
        lines = [_lines(states, width) for states in bars.values()]
        heights = [style.LINE * len(rows) + 4 + BAR_HEIGHT + 8 for rows in lines]
        fig, (ax,) = style.new_figure(finding, [sum(heights)], left=left, top=34, bottom=4)
        ax.set_xlim(0, width)
        ax.set_ylim(sum(heights), 0)
        middles = []
        for states, rows, below in zip(bars.values(), lines, np.cumsum(heights), strict=True):
            middles.append(below - 8 - BAR_HEIGHT / 2)
            _draw_bar(ax, middles[-1], width, states, rows)
        ax.set_yticks(middles, names)
        ax.tick_params(axis="y", labelcolor=style.DARK)
        ax.set_xticks([])
        ax.grid(visible=False)
        ax.spines["bottom"].set_visible(False)
    sentences = [f"{name}: {', '.join(_count(*state) for state in states.items())}" for name, states in bars.items()]
    caption = "Devices by state; each bar is the whole fleet." if len(bars) > 1 else "Devices by state."
    return style.chart(fig, caption, f"{finding}. {'. '.join(sentences)}.")


def _lines(states: Mapping[str, int], width: int) -> list[dict[str, int]]:
    """Numbers of the states on lines of a width, CSS pixels, with the left edge of each."""
    lines: list[dict[str, int]] = [{}]
    along = 0
    for state, count in states.items():
        needed = style.text_width([_count(state, count)]) + 34
        if lines[-1] and along + needed - 20 > width:
            lines.append({})
            along = 0
        lines[-1][state] = along
        along += needed
    return lines


def _draw_bar(ax: Axes, middle: float, width: int, states: Mapping[str, int], lines: list[dict[str, int]]) -> None:
    whole, begin = sum(states.values()), 0.0
    for state, count in states.items():
        share = count / whole
        left, length = min(begin, 1 - MIN_SHARE) * width, max(share, MIN_SHARE) * width
        ax.barh(middle, length, BAR_HEIGHT, left=left, color=_color(state), **BAR_EDGE)
        begin += share
    top = middle - BAR_HEIGHT / 2 - 4 - style.LINE * len(lines)
    for row, line in enumerate(lines):
        for state, along in line.items():
            height = top + style.LINE * (row + 0.5)
            ax.text(along, height, "\u25a0", va="center", color=_color(state))
            ax.text(along + 14, height, _count(state, states[state]), va="center")


def _count(state: str, count: int) -> str:
    return f"{number(count)} {style.drawable(state)}"


def _color(state: str) -> str:
    return COLORS.get(state.lower(), style.SKY)


def _severity(item: tuple[str, object]) -> tuple[int, str]:
    known = list(COLORS)
    state = str(item[0])
    return (known.index(state.lower()) if state.lower() in known else len(known), state)


ROW_HEIGHT = 22
FAR = 30.0  # times the span of the other valves, for a bar not to be drawn whole


def energy_ranking(
    kwh: pd.Series[float] | pd.DataFrame, *, what: str = "Energy", title: str | None = None, limit: int = 30
) -> Chart:
    """Draw names by energy, the greatest first.

    Args:
        kwh: kWh by name; NaN is unknown: listed last, hatched. Of a DataFrame each column, such as heat and cold, has
            bars and a sum of its own.
        what: Name of the quantity, such as "Heating energy".
        title: In place of the finding.
        limit: Number of names at most.
    """
    order = _descending(kwh)
    if not order["value"].notna().any():
        return style.no_data_figure(title or f"{what} by valve", f"{what} by valve.", style.NO_ENERGY)
    totals = order.groupby("kind", sort=False)["value"].sum()
    # What a kind has of a thousandth of the other is told in the title, not drawn as 100 % of all heat.
    order = order[order["kind"].isin(style.worth_a_panel(totals)) | order["value"].isna()]
    known = order.dropna(subset="value")
    words = [
        f"{f'{number(round(value))} {kind}'.strip()}  {_percent_of(value, float(totals[kind]))}"
        for kind, value in zip(known["kind"], known["value"], strict=True)
    ]
    findings = []
    for kind, total in totals.items():
        found = f"{number(round(total))} kWh of {kind}" if kind else f"{number(round(total))} kWh"
        part = known[known["kind"] == kind]
        if len(part) > 1 and total > 0 and len(totals) == 1:
            first = part.iloc[0]
            found = f"{style.drawable(first['name'], 40)} used {_percent_of(first['value'], total)} of {found}"
        findings.append(found)
    unit = "kWh and share of all" if len(totals) == 1 else f"kWh and share of all {' or '.join(map(str, totals.index))}"
    return _draw_ranking(order, words, unit, title or f"{what}: {'; '.join(findings)}", f"{what} by valve", limit)


def latest_power(power_kw: pd.Series[float] | pd.DataFrame, *, title: str | None = None, limit: int = 20) -> Chart:
    """Draw names by latest power, the greatest first.

    Args:
        power_kw: kW by name; NaN is unknown: listed last, hatched. Of a DataFrame as in `energy_ranking`.
        title: In place of the finding.
        limit: Number of names at most.
    """
    order = _descending(power_kw)
    if not order["value"].notna().any():
        return style.no_data_figure(title or "Latest power", "Latest power by valve.", "No valve tells its power")
    # A valve that heats and cools has two bars, and is one valve.
    running = int((power_kw > 0).to_numpy().reshape(len(power_kw), -1).any(axis=1).sum())
    totals = order.groupby("kind", sort=False)["value"].sum()
    kilowatts = {str(kind): f"{number(float(total))} kW" for kind, total in totals.items()}
    parts = [f"{text} of {kind}" if kind else text for kind, text in kilowatts.items()]
    finding = f"Latest power: {' and '.join(parts)} in total, {running} of {plural(len(power_kw), 'valve')} in use"
    known = order.dropna(subset="value")
    words = [f"{number(v)} {kind}".strip() for kind, v in zip(known["kind"], known["value"], strict=True)]
    return _draw_ranking(order, words, "kW", title or finding, "Latest power by valve", limit)


def _descending(values: pd.Series[float] | pd.DataFrame) -> pd.DataFrame:
    """Rows of name, kind ("" of a Series) and value, the greatest first; a name without any value once, last."""
    if isinstance(values, pd.Series):
        found = pd.DataFrame({"name": values.index, "kind": "", "value": values.to_numpy(dtype=float)})
    else:
        lost = values.isna().all(axis=1).to_numpy()
        kinds = [
            pd.DataFrame({"name": values.index, "kind": kind, "value": values[kind].to_numpy()}) for kind in values
        ]
        idle = ~(values > 0).any(axis=1).to_numpy()  # of a valve that cools, no heat is nothing to draw
        told = [part[part["value"].ne(0) | idle].dropna() for part in kinds]
        found = pd.concat([kinds[0][lost], *told], ignore_index=True)
    return found.sort_values("value", ascending=False, na_position="last", kind="stable", ignore_index=True)


def _percent_of(value: float, total: float) -> str:
    share = value / total * 100 if total > 0 else math.nan
    return "" if math.isnan(share) else f"< {number(1, 0, '%')}" if 0 < share < 0.5 else number(share, 0, "%")


def _draw_ranking(order: pd.DataFrame, words: Sequence[str], unit: str, title: str, what: str, limit: int) -> Chart:
    limit = int(amount(limit, "number of valves to show (top)", least=1))
    shown = order.head(limit)
    names, left = style.beside_bars(list(shown["name"]))
    bar_texts = [*words, *["unknown"] * (len(order) - len(words))][:limit]
    values = shown["value"].to_numpy(dtype=float)
    unknown = np.isnan(values)
    usual = outliers.usual_range(order["value"], FAR)
    low, top = min(0.0, usual[0]), max(0.0, usual[1]) or 1.0
    right = style.text_width(bar_texts) + 16
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(title, [ROW_HEIGHT * len(shown)], left=left, right=right, bottom=8)
        y = np.arange(len(shown))
        ax.barh(y, values, 0.66, color=[KIND_COLORS.get(kind, style.BLUE) for kind in shown["kind"]])
        ax.barh(y[unknown], top, 0.66, zorder=0, **style.UNKNOWN_HATCH)
        ax.axvline(0, color=style.AXIS, linewidth=0.8)
        for i, end in enumerate(bar_texts):
            place = (top if unknown[i] else min(top, max(0.0, values[i])), i)
            color = style.GRAY if unknown[i] else style.DARK
            ax.annotate(end, place, (5, 0), textcoords="offset points", va="center_baseline", color=color)
        ax.grid(visible=False)
        ax.spines["bottom"].set_visible(False)
        ax.set_xlim(low, top)
        ax.set_ylim(len(shown) - 0.4, -0.6)
        beyond = outliers.mark(ax, values, y)
        ax.set_yticks(y, names)
        ax.tick_params(axis="y", labelcolor=style.DARK)
        ax.set_xticks([])
        ax.set_xlabel(unit, ha="left")
        ax.xaxis.set_label_coords(0, 1 + 20 / ax.bbox.height)
    rest, n_unknown = len(order) - len(shown), len(order) - len(words)
    caption = f"{what}, the greatest first."
    caption += f" Not drawn: {rest} more." if rest else ""
    caption += f" Marked {outliers.MARK}: bars that are longer than drawn." if beyond else ""
    caption += f" Unknown, hatched: {n_unknown} of {len(order)}." if n_unknown else ""
    listed = "; ".join(f"{name} {end.replace('  ', ' ')}" for name, end in zip(shown["name"], bar_texts, strict=True))
    return style.chart(fig, caption, f"{title}. {unit}: {listed}.")

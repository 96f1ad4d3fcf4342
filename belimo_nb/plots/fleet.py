"""The state of a fleet at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes

from belimo_nb.display import Chart, number
from belimo_nb.errors import UsageError
from belimo_nb.plots import style

# From good to bad: the order in which states stand side by side.
COLORS: Mapping[str, str] = {
    "ok": style.GREEN,
    "online": style.GREEN,
    "warning": style.ORANGE,
    "warn": style.ORANGE,
    "problem": style.RED,
    "error": style.RED,
    "offline": style.SOFT,
}
BAD = (style.ORANGE, style.RED, style.SOFT)
BAR = 46  # CSS pixels of a bar with its words
GAP: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6}
VISIBLE = 0.004  # of the bar's length: a single device of thousands still shows


def fleet_health(counts: Mapping[str, Any], *, title: str | None = None) -> Chart:
    """How many devices are in which state: one bar per question, as long as the fleet.

    Args:
        counts: Question to (state to number of devices), such as the cloud's statistics; what is no such mapping, or
            counts nothing, is left out. A flat mapping of states is one question.
        title: Instead of the finding.

    Raises:
        UsageError: A count is negative.
    """
    nested = {name: states for name, states in counts.items() if isinstance(states, Mapping)} or {"devices": counts}
    bars = {
        str(name): {str(state): int(count) for state, count in sorted(states.items(), key=_rank) if count}
        for name, states in nested.items()
        if any(states.values())
    }
    if any(count < 0 for states in bars.values() for count in states.values()):
        raise UsageError(f"A number of devices cannot be negative: {dict(counts)}.")
    if not bars:
        return style.empty(title or "Devices by state", "Devices by state.")
    total = max(sum(states.values()) for states in bars.values())
    bad = [_words(state, n) for states in bars.values() for state, n in states.items() if _color(state) in BAD]
    finding = title or f"{number(total)} devices: {', '.join(bad) if bad else 'all well'}"
    names = [style.text(name[:1].upper() + name[1:]) for name in bars]
    with rc_context(style.STYLE):
        left = max(40, style.text_width(names) + 16)
        made, (ax,) = style.figure(finding, [BAR * len(bars)], left=left, top=36, bottom=8)
        ax.set_xlim(0, 1)
        ax.set_ylim(len(bars) - 0.7, -0.7)
        for row, states in enumerate(bars.values()):
            _bar(ax, row, states)
        ax.set_yticks(range(len(bars)), names)
        ax.tick_params(axis="y", labelcolor=style.INK)
        ax.set_xticks([])
        ax.grid(visible=False)
        ax.spines["bottom"].set_visible(False)
    sentences = [f"{name}: {', '.join(_words(*state) for state in states.items())}" for name, states in bars.items()]
    caption = "Devices by state; each bar is the whole fleet."
    return Chart(made, caption, f"{finding}. {'. '.join(sentences)}.", style.STYLE)


def _bar(ax: Axes, row: int, states: Mapping[str, int]) -> None:
    whole, width = sum(states.values()), ax.bbox.width
    begin, along = 0.0, 0.0
    for state, count in states.items():
        share = count / whole
        ax.barh(row, max(share, VISIBLE), 0.42, left=min(begin, 1 - VISIBLE), color=_color(state), **GAP)
        words = _words(state, count)
        ax.text(along, row - 0.45, "\u25a0", va="center", color=_color(state))
        ax.text(along + 14 / width, row - 0.44, words, va="center")
        begin, along = begin + share, along + (style.text_width([words]) + 34) / width


def _words(state: str, count: int) -> str:
    return f"{number(count)} {style.text(state)}"


def _color(state: str) -> str:
    return COLORS.get(state.lower(), style.SKY)


def _rank(item: tuple[str, object]) -> tuple[int, str]:
    known = list(COLORS)
    state = str(item[0])
    return (known.index(state.lower()) if state.lower() in known else len(known), state)


ROW_HEIGHT = 22
NAMES_WIDTH = 320  # CSS pixels at most


def energy_ranking(kwh: pd.Series[float], *, what: str = "Energy", title: str | None = None, limit: int = 30) -> Chart:
    """Names by energy, the greatest first.

    Args:
        kwh: kWh by name; NaN is unknown: listed last, and as such.
        what: What it is, such as "Heating energy".
        title: Instead of the finding.
        limit: So many names at most.
    """
    if not kwh.notna().any():
        return style.empty(title or f"{what} by valve", f"{what} by valve.")
    order = _order(kwh)
    total = float(kwh.sum())
    words = [f"{number(round(value))}  {_share(value, total)}" for value in order.dropna()]
    finding = f"{number(round(total))} kWh"
    if len(words) > 1 and total > 0:
        finding = f"{style.text(order.index[0], 40)} used {_share(float(order.iloc[0]), total)} of {finding}"
    return _draw(order, words, "kWh and share of all", title or f"{what}: {finding}", f"{what} by valve", limit)


def latest_power(power_kw: pd.Series[float], *, title: str | None = None, limit: int = 20) -> Chart:
    """Names by their latest power, the greatest first.

    Args:
        power_kw: kW by name; NaN is unknown: listed last, and as such.
        title: Instead of the finding.
        limit: So many names at most.
    """
    if not power_kw.notna().any():
        return style.empty(title or "Latest power", "Latest power by valve.")
    order = _order(power_kw)
    running, total = int((order > 0).sum()), number(float(order.sum()))
    finding = f"Latest power: {total} kW in total, {running} of {len(order)} valves in use"
    words = [number(value) for value in order.dropna()]
    return _draw(order, words, "kW", title or finding, "Latest power by valve", limit)


def _order(values: pd.Series[float]) -> pd.Series[float]:
    return values.astype(float).sort_values(ascending=False, na_position="last", kind="stable")


def _share(value: float, total: float) -> str:
    return number(value / total * 100, 0, "%") if total > 0 else ""


def _draw(order: pd.Series[float], words: Sequence[str], unit: str, title: str, what: str, limit: int) -> Chart:
    shown = order.head(limit)
    names = [style.text(name) for name in shown.index]
    ends = [*words, *["unknown"] * (len(order) - len(words))][:limit]
    values = shown.to_numpy(dtype=float)
    unknown = np.isnan(values)
    low, top = min(0.0, float(order.min())), max(0.0, float(order.max())) or 1.0
    left, right = min(NAMES_WIDTH, style.text_width(names) + 16), style.text_width(ends) + 16
    with rc_context(style.STYLE):
        made, (ax,) = style.figure(title, [ROW_HEIGHT * len(shown)], left=left, right=right, bottom=8)
        y = np.arange(len(shown))
        ax.barh(y, values, 0.66, color=style.BLUE)
        ax.barh(y[unknown], top, 0.66, zorder=0, **style.UNKNOWN)
        ax.axvline(0, color=style.EDGE, linewidth=0.8)
        for i, end in enumerate(ends):
            place = (top if unknown[i] else max(0.0, values[i]), i)
            color = style.SOFT if unknown[i] else style.INK
            ax.annotate(end, place, (5, 0), textcoords="offset points", va="center_baseline", color=color)
        ax.grid(visible=False)
        ax.spines["bottom"].set_visible(False)
        ax.set_xlim(low, top)
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.set_yticks(y, names)
        ax.tick_params(axis="y", labelcolor=style.INK)
        ax.set_xticks([])
        ax.set_xlabel(unit, ha="left")
        ax.xaxis.set_label_coords(0, 1 + 20 / ax.bbox.height)
    rest, gone = len(order) - len(shown), len(order) - len(words)
    caption = f"{what}, the greatest first."
    caption += f" Not drawn: {rest} more." if rest else ""
    caption += f" Unknown, hatched: {gone} of {len(order)}." if gone else ""
    listed = "; ".join(f"{name} {end.replace('  ', ' ')}" for name, end in zip(shown.index, ends, strict=True))
    return Chart(made, caption, f"{title}. {unit}: {listed}.", style.STYLE)

"""The state of a fleet at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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

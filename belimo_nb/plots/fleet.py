"""The state of a fleet at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib import rc_context

from belimo_nb.display import Chart, number
from belimo_nb.errors import UsageError
from belimo_nb.plots.style import GREEN, INK, ORANGE, RED, SKY, STYLE, empty, figure, text, text_width

COLORS: Mapping[str, str] = {
    "ok": GREEN, "online": GREEN, "warning": ORANGE, "warn": ORANGE, "problem": RED, "error": RED, "offline": RED,
}  # fmt: skip
ORDER = ("ok", "online", "warning", "warn", "problem", "error", "offline")
BAR = 46  # CSS pixels a bar with its words
VISIBLE = 0.004  # of the bar's length: a single device of thousands still shows


def fleet_health(counts: Mapping[str, Any], *, title: str | None = None) -> Chart:
    """How many devices are in which state: one bar per question, as long as the fleet.

    Args:
        counts: Question to (state to number of devices), such as the cloud's statistics; what is no such mapping, or counts
            nothing, is left out. A flat mapping of states is one question.
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
        return empty(title or "Fleet", "Devices by state.")
    sentences = [f"{name}: {', '.join(f'{n} {state}' for state, n in states.items())}" for name, states in bars.items()]
    total = max(sum(states.values()) for states in bars.values())
    bad = [
        f"{n} {state}"
        for states in bars.values()
        for state, n in states.items()
        if COLORS.get(state.lower()) in (RED, ORANGE)
    ]
    finding = f"{number(total)} devices: {', '.join(bad) if bad else 'all well'}"
    names = [text(name[:1].upper() + name[1:]) for name in bars]
    with rc_context(STYLE):
        made, (ax,) = figure(
            title or finding, [BAR * len(bars)], left=max(40, text_width(names) + 16), top=36, bottom=8
        )
        for row, states in enumerate(bars.values()):
            left, along, width = 0.0, 0.0, ax.bbox.width
            for state, count in states.items():
                share, color = count / sum(states.values()), COLORS.get(state.lower(), SKY)
                ax.barh(row, max(share, VISIBLE), 0.42, left=min(left, 1 - VISIBLE), color=color)
                words = f"{number(count)} {text(state)}"
                ax.text(along, row - 0.45, "\u25a0", va="center", color=color)
                ax.text(along + 14 / width, row - 0.44, words, va="center", color=INK)
                left, along = left + share, along + (text_width([words]) + 34) / width
        ax.set_xlim(0, 1)
        ax.set_ylim(len(bars) - 0.7, -0.7)
        ax.set_yticks(range(len(bars)), names)
        ax.tick_params(axis="y", labelcolor=INK)
        ax.grid(visible=False)
        ax.spines["bottom"].set_visible(False)
        ax.set_xticks([])
    return Chart(made, "Devices by state; each bar is the whole fleet.", f"{finding}. {'. '.join(sentences)}.", STYLE)


def _rank(item: tuple[str, object]) -> tuple[int, str]:
    state = str(item[0])
    return (ORDER.index(state.lower()) if state.lower() in ORDER else len(ORDER), state)

"""Key figures: the few numbers that a reader should take home."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from belimo_nb.display.base import Displayed, esc
from belimo_nb.display.numbers import NO_BREAK, PLAIN, is_missing, number
from belimo_nb.errors import UsageError

__all__ = ["STATUS_WORDS", "KeyFigure", "KeyFigures", "Trend", "key_figures"]

STATUS_WORDS: Mapping[str, str] = {"neutral": "", "good": "Good", "warn": "Warning", "problem": "Problem"}
TREND_POINTS = 48  # as many as a picture of the size of a word can show
SHORT = 8  # characters; longer texts are set smaller than numbers
ROOM = 10  # characters of a number and its unit; longer ones are set smaller, on one line


@dataclass(frozen=True)
class KeyFigure:
    """One number with its name.

    Attributes:
        label: What it is.
        value: The number, or None or NaN when unknown; then `note` should say why. A short text will do as well.
        unit: Its unit.
        note: A few words below it: compared with what, or why it is unknown.
        digits: Decimals; None for a sensible number.
        status: "neutral", "good", "warn" or "problem".
    """

    label: str
    value: float | str | None
    unit: str = ""
    note: str = ""
    digits: int | None = None
    status: str = "neutral"

    def __post_init__(self) -> None:
        if self.status not in STATUS_WORDS:
            raise UsageError(f'No status "{self.status}" for a key figure; use one of {", ".join(STATUS_WORDS)}.')

    @property
    def shown(self) -> str:
        """The value as people read it, without its unit; "–" when unknown."""
        if isinstance(self.value, str):
            return self.value
        return number(self.value, self.digits, self.unit).removesuffix(f"{NO_BREAK}{self.unit}")

    def data(self) -> dict[str, Any]:
        """The fields as plain JSON types; an unknown value is None."""
        value: float | str | None = None
        if isinstance(self.value, str):
            value = self.value
        elif self.value is not None and not is_missing(self.value):
            value = int(self.value) if float(self.value).is_integer() else float(PLAIN % self.value)
        return {
            "label": self.label,
            "value": value,
            "unit": self.unit,
            "note": self.note,
            "digits": self.digits,
            "status": self.status,
        }


@dataclass(frozen=True)
class Trend:
    """How the main figure ran over the period, for the index of reports; the notebook itself does not show it.

    Attributes:
        label: What it is, such as "Energy by day".
        unit: Its unit.
        values: Evenly spaced, in order of time; NaN where unknown.
    """

    label: str
    unit: str
    values: Sequence[float]

    def data(self) -> dict[str, Any]:
        """Label, unit and values, to four digits, None where unknown; of many, the means of `TREND_POINTS` parts."""
        values = [math.nan if is_missing(value) else float(value) for value in self.values]
        if len(values) > TREND_POINTS:
            edges = [len(values) * part // TREND_POINTS for part in range(TREND_POINTS + 1)]
            parts = [[value for value in values[a:b] if not math.isnan(value)] for a, b in pairwise(edges)]
            values = [math.fsum(part) / len(part) if part else math.nan for part in parts]
        shown = [None if math.isnan(value) else float(f"{value:.4g}") for value in values]
        return {"label": self.label, "unit": self.unit, "values": shown}


@dataclass(frozen=True, repr=False)
class KeyFigures(Displayed):
    """A row of key figures; made by `key_figures`."""

    kind: ClassVar[str] = "key-figures"

    figures: tuple[KeyFigure, ...]
    trend: Trend | None = None

    def data(self) -> dict[str, Any]:
        """`figures`: one mapping each; `trend`, where there is one."""
        figures = {"figures": [figure.data() for figure in self.figures]}
        return figures if self.trend is None else {**figures, "trend": self.trend.data()}

    def html(self) -> str:
        """A description list, laid out as cards."""
        return f'<dl class="bnb bnb-kf">{"".join(_card(figure) for figure in self.figures)}</dl>'

    def text(self) -> str:
        """One line each."""
        lines = []
        for figure in self.figures:
            known = figure.unit and not is_missing(figure.value)
            value = f"{figure.shown} {figure.unit}" if known else figure.shown
            extras = [part for part in (STATUS_WORDS[figure.status], figure.note) if part]
            lines.append(f"{figure.label}: {value}" + (f" ({', '.join(extras)})" if extras else ""))
        return "\n".join(lines)


def _card(figure: KeyFigure) -> str:
    unit = f' <span class="bnb-u">{esc(figure.unit)}</span>' if figure.unit and not is_missing(figure.value) else ""
    word = STATUS_WORDS[figure.status]
    spoken = f'<span class="bnb-vh">{word}: </span>' if word else ""
    kind = "bnb-kv"
    if isinstance(figure.value, str):
        kind += " bnb-kt" * (len(figure.value) > SHORT)
    else:
        kind += " bnb-kl" * (len(figure.shown) + len(figure.unit) > ROOM)
    # The break is for places that drop style sheets, such as code hosts.
    note = f'<br><span class="bnb-kn">{esc(figure.note)}</span>' if figure.note else ""
    return (
        f'<div class="bnb-{figure.status}"><dt>{spoken}{esc(figure.label)}</dt>'
        f'<dd><span class="{kind}">{esc(figure.shown)}{unit}</span>{note}</dd></div>'
    )


def key_figures(*figures: KeyFigure, trend: Trend | None = None) -> KeyFigures:
    """Show key figures side by side; the index of reports takes those of a notebook's first such object.

    Args:
        *figures: The figures.
        trend: How the main one ran over the period; the index draws it the size of a word.
    """
    return KeyFigures(figures, trend)

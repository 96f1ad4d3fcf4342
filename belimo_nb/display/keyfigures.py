"""Key figures: the few numbers on top of a report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, ClassVar

from belimo_nb.display.base import Displayed, esc
from belimo_nb.display.numbers import FLOAT_FORMAT, NO_BREAK_SPACE, is_missing, number
from belimo_nb.errors import UsageError

STATUS_WORDS: Mapping[str, str] = {"neutral": "", "good": "Good", "warn": "Warning", "problem": "Problem"}
TREND_POINTS = 48  # all that a sparkline has room for; more would only make the index of many reports larger
SHORT_TEXT = 8  # characters; longer texts are set smaller than numbers
LARGE_TYPE_WIDTH = 10  # characters of a number and its unit; longer ones are set smaller, on one line


@dataclass(frozen=True)
class KeyFigure:
    """A labeled number.

    Attributes:
        label: Name of the figure.
        value: The number, or None or NaN when unknown; then `note` should say why. A short text will do as well.
        unit: Unit.
        note: A few words below: compared with what, or why it is unknown.
        digits: Decimals; None for as many as `display.number` finds.
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
        """Formatted value without its unit; "–" when unknown."""
        if isinstance(self.value, str):
            return self.value
        return number(self.value, self.digits, self.unit).removesuffix(f"{NO_BREAK_SPACE}{self.unit}")

    def data(self) -> dict[str, Any]:
        """The fields as plain JSON types; an unknown value is None."""
        value: float | str | None = None
        if isinstance(self.value, str):
            value = self.value
        elif self.value is not None and not is_missing(self.value):
            value = int(self.value) if float(self.value).is_integer() else float(FLOAT_FORMAT % self.value)
        return {**asdict(self), "value": value}


@dataclass(frozen=True)
class Trend:
    """Time series of the main figure, for the index of reports; the notebook itself does not show it.

    Attributes:
        label: Name, such as "Energy by day".
        unit: Unit.
        values: Evenly spaced, in order of time; NaN where unknown.
    """

    label: str
    unit: str
    values: Sequence[float]

    def data(self) -> dict[str, Any]:
        """Label, unit and values (4 significant digits, None where unknown), averaged down to `TREND_POINTS`."""
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
    condition: Mapping[str, Any] | None = None
    record: Mapping[str, Any] | None = None

    def data(self) -> dict[str, Any]:
        """`figures`: a mapping each; `trend`, `condition` and `record`, where there are any."""
        beside = {"condition": self.condition, "record": self.record}
        found: dict[str, Any] = {"figures": [figure.data() for figure in self.figures]}
        found |= {} if self.trend is None else {"trend": self.trend.data()}
        return found | {name: dict(value) for name, value in beside.items() if value is not None}

    def html(self) -> str:
        """A description list, laid out as cards."""
        return f'<dl class="bnb bnb-kf">{"".join(_card(figure) for figure in self.figures)}</dl>'

    def text(self) -> str:
        """A line for each figure."""
        lines = []
        for figure in self.figures:
            known = figure.unit and not is_missing(figure.value)
            value = f"{figure.shown} {figure.unit}" if known else figure.shown
            extras = [part for part in (STATUS_WORDS[figure.status], figure.note) if part]
            line = f"{figure.label}: {value}"
            lines.append(f"{line} ({', '.join(extras)})" if extras else line)
        return "\n".join(lines)


def _card(figure: KeyFigure) -> str:
    unit = f' <span class="bnb-u">{esc(figure.unit)}</span>' if figure.unit and not is_missing(figure.value) else ""
    word = STATUS_WORDS[figure.status]
    # A word for screen readers: color alone would not reach them.
    status_prefix = f'<span class="bnb-vh">{word}: </span>' if word else ""
    kind = "bnb-kv"
    if isinstance(figure.value, str):
        kind += " bnb-kt" * (len(figure.value) > SHORT_TEXT)
    else:
        kind += " bnb-kl" * (len(figure.shown) + len(figure.unit) > LARGE_TYPE_WIDTH)
    # The break is for places that drop style sheets, such as code hosts.
    note = f'<br><span class="bnb-kn">{esc(figure.note)}</span>' if figure.note else ""
    return (
        f'<div class="bnb-{figure.status}"><dt>{status_prefix}{esc(figure.label)}</dt>'
        f'<dd><span class="{kind}">{esc(figure.shown)}{unit}</span>{note}</dd></div>'
    )


def key_figures(
    *figures: KeyFigure,
    trend: Trend | None = None,
    condition: Mapping[str, Any] | None = None,
    record: Mapping[str, Any] | None = None,
) -> KeyFigures:
    """Make a row of key figures; the index of reports shows those of a notebook's first row.

    Args:
        *figures: The figures.
        trend: Time series of the main one; the index draws it as a sparkline.
        condition: How the device is, by which the index sorts; plain JSON types.
        record: What later runs are compared with; plain JSON types.
    """
    return KeyFigures(figures, trend, condition, record)

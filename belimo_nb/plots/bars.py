"""Rankings: one horizontal bar per name, the figure at its end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context

from belimo_nb.display import Chart, number
from belimo_nb.plots import style

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

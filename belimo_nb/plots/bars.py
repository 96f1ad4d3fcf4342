"""Rankings: one horizontal bar per name, the figure at its end."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import rc_context

from belimo_nb.display import Chart, number, percent
from belimo_nb.plots.style import (
    BLUE,
    SIZE,
    SOFT,
    STYLE,
    UNKNOWN,
    empty,
    figure,
    text,
    text_width,
)

ROW_HEIGHT = 22


def energy_ranking(kwh: pd.Series[float], *, what: str = "Energy", title: str | None = None, limit: int = 30) -> Chart:
    """Names by energy, the greatest first.

    Args:
        kwh: kWh by name; NaN is unknown: listed last, and as such.
        what: What it is, such as "Heating energy".
        title: Instead of the finding.
        limit: So many names at most.
    """
    known = kwh.dropna()
    if known.empty:
        return empty(title or f"{what} by valve", f"{what} by valve.")
    total = float(known.sum())
    first = known.idxmax()
    share = float(known.max()) / total if total > 0 and len(known) > 1 else None
    finding = (
        f"{text(first, 40)} used {percent(share, 0)} of {number(round(total))} kWh"
        if share
        else f"{number(round(total))} kWh"
    )
    shares = {name: f"  {percent(value / total, 0)}" if total > 0 else "" for name, value in known.items()}
    return _ranking(kwh, "kWh", title or f"{what}: {finding}", what, limit, shares)


def latest_power(power_kw: pd.Series[float], *, title: str | None = None, limit: int = 20) -> Chart:
    """Names by their latest power, the greatest first.

    Args:
        power_kw: kW by name; NaN is unknown: listed last, and as such.
        title: Instead of the finding.
        limit: So many names at most.
    """
    known = power_kw.dropna()
    if known.empty:
        return empty(title or "Latest power", "Latest power by valve.")
    running = int((known > 0).sum())
    finding = f"Latest power: {number(float(known.sum()))} kW in total, {running} of {len(power_kw)} valves in use"
    return _ranking(power_kw, "kW", title or finding, "Latest power", limit, {})


def _ranking(
    values: pd.Series[float], unit: str, title: str, what: str, limit: int, extras: dict[object, str]
) -> Chart:
    order = values.sort_values(ascending=False, na_position="last", kind="stable")
    shown = order.head(limit)
    names = [text(name) for name in shown.index]
    ends = [
        "unknown" if pd.isna(value) else f"{number(round(value) if unit == 'kWh' else value)}{extras.get(name, '')}"
        for name, value in shown.items()
    ]
    left = min(320, text_width(names) + 16)
    right = text_width(ends) + 16
    with rc_context(STYLE):
        made, (ax,) = figure(title, [ROW_HEIGHT * len(shown)], left=left, right=right, bottom=8)
        y, top = np.arange(len(shown)), float(np.nanmax(np.append(shown.to_numpy(dtype=float), 0.0))) or 1.0
        ax.barh(y, shown.to_numpy(dtype=float), 0.66, color=BLUE)
        gone = np.flatnonzero(shown.isna())
        ax.barh(gone, np.full(len(gone), top), 0.66, zorder=0, **UNKNOWN)
        ax.grid(visible=False)
        ax.spines["bottom"].set_visible(False)
        ax.axvline(0, color=STYLE["axes.edgecolor"], linewidth=0.8)
        ax.set_xlim(min(0.0, float(shown.min())) if shown.notna().any() else 0, top)
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.set_yticks(y, names)
        ax.tick_params(axis="y", labelcolor=STYLE["text.color"])
        ax.set_xticks([])
        for i, (value, words) in enumerate(zip(shown, ends, strict=True)):
            ax.annotate(
                words, (top if pd.isna(value) else max(0.0, value), i), (5, 0), textcoords="offset points", va="center_baseline",
                fontsize=SIZE, color=SOFT if pd.isna(value) else STYLE["text.color"],
            )  # fmt: skip
        ax.set_xlabel(unit + (" and share of all" if extras else ""), ha="left")
        ax.xaxis.set_label_coords(0, 1 + 20 / ax.bbox.height)
    rest = len(order) - len(shown)
    caption = f"{what} by valve, {unit}, the greatest first."
    caption += f" Not drawn: {rest} more." if rest else ""
    caption += f" Unknown: {int(order.isna().sum())} of {len(order)}, hatched." if order.isna().any() else ""
    listed = "; ".join(f"{name} {end.strip()}" for name, end in zip(shown.index, ends, strict=True))
    return Chart(made, caption, f"{title}. In {unit}: {listed}.", STYLE)

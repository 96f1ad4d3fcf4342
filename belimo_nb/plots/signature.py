"""Energy signature: daily energy against outdoor temperature, with the fitted curve and its confidence band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from belimo_nb.display import Chart, number
from belimo_nb.heating import Signature
from belimo_nb.plots import outliers, style


@dataclass(frozen=True)
class _Look:
    color: str
    curve: str
    marker: str
    dashes: Literal["-", "--"]


NOW = _Look(style.SKY, style.BLUE, "o", "-")
BEFORE = _Look("#b9bec4", style.DARK, "s", "--")


def energy_signature(
    now: Signature,
    before: Signature | None = None,
    *,
    names: tuple[str, str] = ("this period", "year before"),
    title: str | None = None,
) -> Chart:
    """Draw the energy signature of one period, or of two over each other.

    Args:
        now: Signature of the reporting period.
        before: Signature of the period to compare with.
        names: Names of the two periods.
        title: In place of the finding.
    """
    shown = [(now, NOW, names[0])]
    if before is not None:
        # First, so that the reporting period is drawn on top.
        shown.insert(0, (before, BEFORE, names[1]))
    if not any(signature.n_days for signature, _, _ in shown):
        why = "No day of this period has both its energy and its outdoor temperature"
        return style.no_data_figure(title or "Energy signature", "Daily energy against the outdoor temperature.", why)
    finding = title or f"Energy signature: {_finding(now)}"
    handles: style.Legend = []
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [330])
        for order, (signature, look, name) in enumerate(shown, 1):
            handles += _draw_signature(ax, signature, look, name, order)
        style.round_ticks(ax.yaxis, 6)
        style.round_ticks(ax.xaxis, 9)
        ax.margins(x=0.02)
        days = pd.concat([signature.days for signature, _, _ in shown])
        ax.set_ylim(0, outliers.usual_range(days["kwh"])[1] * 1.05 or 1.0)
        beyond = outliers.mark(ax, days["temperature_c"], days["kwh"])
        label = outliers.label("kWh per day", beyond)
        style.label_axes(ax, label, x="Mean outdoor temperature of the day, °C", below=26, handles=handles)
    caption = (
        "Each point is a day. Lines: the expected day at that temperature; shaded: where that line lies with 90 % "
        "confidence (single days scatter more widely)."
    )
    refused = [f"{name} has no line: {signature.reason}" for signature, _, name in shown if signature.model is None]
    caption += f" No line: {'; '.join(refused)}." if refused else ""
    caption += outliers.told(beyond, days["kwh"], "kWh")
    alt = "; ".join(f"{name}: {_finding(signature)}" for signature, _, name in reversed(shown))
    return style.chart(fig, caption, f"{finding}. {alt}.")


def _draw_signature(ax: Axes, signature: Signature, look: _Look, name: str, order: int) -> style.Legend:
    days = signature.days
    if not signature.n_days:
        return []
    ax.plot(
        days["temperature_c"], days["kwh"], look.marker, color=look.color, markersize=3, alpha=0.55,
        markeredgewidth=0, zorder=order,
    )  # fmt: skip
    point = Line2D([], [], color=look.color, marker=look.marker, markersize=4, linestyle="none")
    if signature.model is None:
        return [(point, name)]
    band = signature.band()
    # The band of a fit may reach below zero, where no energy is.
    at = band.index.to_numpy()
    ax.fill_between(at, np.maximum(band["low"], 0), np.maximum(band["high"], 0), color=look.curve, alpha=0.22, lw=0)
    ax.plot(at, band["kwh"], look.dashes, color=look.curve, linewidth=1.8, zorder=3 + order)
    line = Line2D([], [], color=look.curve, linestyle=look.dashes, linewidth=1.8)
    found: style.Legend = [(point, name), (line, "fit")]
    # The band of the earlier period needs no entry of its own.
    return [*found, (Patch(color=look.curve, alpha=0.22), "its band")] if look is NOW else found


def _finding(signature: Signature) -> str:
    if signature.model is None:
        return f"none, {signature.reason}"
    side = "colder" if signature.kind == "heating" else "warmer"
    slope = f"{number(signature.slope_kwh_d_k)} kWh a day for each kelvin {side}"
    if signature.model == "2P":
        return f"{slope}; no balance point"
    return f"{slope} than {number(signature.balance_point_c, 1)} °C"

"""Power against flow: the characteristic of the heat exchanger behind the valve."""

from __future__ import annotations

import pandas as pd
from matplotlib import rc_context

from belimo_nb.display import Chart, number
from belimo_nb.plots.style import BLUE, SOFT, STYLE, empty, figure, label, numbers_axis

CROWD = 1500  # more points hide each other: their density is drawn instead
HEAT_CAPACITY = 4129.4 / 3600  # kW per m³/h and K: water at 50 °C, 0.6 MPa (IAPWS-IF97)
DELTAS = (2, 5, 10, 15, 20, 30, 50)
LEAST_FLOW = 0.02  # of the greatest flow: below it there is no delta-T to speak of


def power_against_flow(flow_m3h: pd.Series[float], power_kw: pd.Series[float], *, title: str | None = None) -> Chart:
    """Draw power against flow, with rays of constant delta-T to read it by.

    Args:
        flow_m3h: Flow in m³/h.
        power_kw: Power in kW, at the same times; pairs with an unknown half are left out.
        title: Instead of the finding.
    """
    pairs = pd.DataFrame({"flow": flow_m3h, "power": power_kw}).dropna()
    top_flow, top_power = float(pairs["flow"].max()), float(pairs["power"].max())
    if pairs.empty or top_flow <= 0:
        return empty(title or "Power against flow", "Power against flow.")
    running = pairs[pairs["flow"] > LEAST_FLOW * top_flow]
    delta = float(running["power"].sum() / running["flow"].sum() / HEAT_CAPACITY)
    finding = f"Power against flow: flow-weighted delta-T of about {number(delta, 1)} K"
    with rc_context(STYLE):
        made, (ax,) = figure(title or finding, [330], right=60)
        limit_x, low, limit_y = (
            top_flow * 1.05,
            min(0.0, float(pairs["power"].min())),
            max(top_power, 0.0) * 1.08 or 1.0,
        )
        sign = -1 if abs(low) > limit_y else 1
        for step in DELTAS:
            _ray(ax, sign * step, limit_x, low * 1.08, limit_y)
        if len(running) > CROWD:
            ax.hexbin(
                running["flow"], running["power"], gridsize=(90, 40), bins="log", mincnt=1, cmap=_ramp(), linewidths=0
            )
        else:
            ax.plot(running["flow"], running["power"], "o", color=BLUE, markersize=3, alpha=0.45, markeredgewidth=0)
        ax.set_xlim(0, limit_x)
        ax.set_ylim(low * 1.08, limit_y)
        ax.grid(visible=False)
        numbers_axis(ax.xaxis, 7)
        numbers_axis(ax.yaxis, 6)
        label(ax, "Power, kW", x="Flow, m³/h", below=24)
    caption = "Power against flow while water flows"
    caption += "; the darker, the more samples" if len(running) > CROWD else ""
    caption += ". Grey rays: constant delta-T, for water of 50 °C. Where the cloud bends away from a ray, more flow brings little more power."
    alt = (
        f"{title or finding}. {number(len(running))} samples with flow up to {number(top_flow)} m³/h and power up to "
        f"{number(top_power)} kW."
    )
    return Chart(made, caption, alt, STYLE)


def _ramp():  # type: ignore[no-untyped-def]
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("density", ["#a9cfe6", "#56a0cf", "#0b68a6", "#08305a"])


def _ray(ax, delta: float, limit_x: float, low: float, high: float) -> None:  # type: ignore[no-untyped-def]
    slope = delta * HEAT_CAPACITY
    end = min(limit_x, high / slope) if slope > 0 else min(limit_x, low / slope)
    if end < limit_x * 0.12 or abs(slope * limit_x) < 0.12 * max(high, -low):
        return
    ax.plot([0, end], [0, slope * end], color="#c3cdd6", linewidth=0.8, zorder=0.5)
    inside = end >= limit_x
    ax.annotate(
        f"{number(abs(delta))} K", (end, slope * end), (4, 0) if inside else (0, 3 if slope > 0 else -3),
        textcoords="offset points", ha="left" if inside else "center", va="center" if inside else "bottom",
        color=SOFT, fontsize=7.5, annotation_clip=False,
    )  # fmt: skip

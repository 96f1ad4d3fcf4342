"""Power against flow: the characteristic of the heat exchanger behind the valve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from belimo_nb.display import Chart, number
from belimo_nb.plots import style

CROWD = 1500  # more points hide each other: their density is drawn instead
HEAT_CAPACITY = 4129.4 / 3600  # kW per m³/h and K: water at 50 °C and 0.6 MPa (IAPWS-IF97)
DELTAS = (2, 5, 10, 15, 20, 30, 50)  # K, of the rays
LEAST_FLOW = 0.02  # of the greatest flow: below it there is no delta-T to speak of
DENSITY = LinearSegmentedColormap.from_list("density", ["#a9cfe6", "#56a0cf", "#0b68a6", "#08305a"])


class Curve(Protocol):
    """How power depends on flow, such as `hydronics.Characteristic`."""

    @property
    def reason(self) -> str:
        """Why there is no curve; empty if there is one."""

    @property
    def waste_flow_m3h(self) -> float:
        """The flow from which on more of it brings hardly any more power."""

    def power_kw(self, flow_m3h: Any) -> Any:
        """The power at some flows."""


def power_against_flow(
    flow_m3h: pd.Series[float],
    power_kw: pd.Series[float],
    *,
    curves: Mapping[str, Curve] | None = None,
    title: str | None = None,
) -> Chart:
    """Draw power against flow, with rays of constant delta-T to read it by.

    Args:
        flow_m3h: Flow in m³/h.
        power_kw: Power in kW, at the same times; pairs with an unknown half are left out.
        curves: Fitted characteristics of the exchanger, by what the water does ("heating", "cooling"); the waste zone
            of the first is marked.
        title: Instead of the finding.
    """
    pairs = pd.DataFrame({"flow": flow_m3h, "power": power_kw}).astype(float).dropna()
    most = float(pairs["flow"].max())
    running = pairs[pairs["flow"] > LEAST_FLOW * most]
    if running.empty or most <= 0:
        return style.empty(title or "Power against flow", "Power against flow.")
    low, top = min(0.0, float(pairs["power"].min())), max(0.0, float(pairs["power"].max()))
    finding = title or _finding(curves or {}, most)
    crowded = len(running) > CROWD
    with rc_context(style.STYLE):
        made, (ax,) = style.figure(finding, [330], right=60)
        ax.set_xlim(0, most * 1.05)
        ax.set_ylim(low * 1.08, top * 1.08 if top > low else 1.0)
        for step in DELTAS:
            _ray(ax, step if top > -low else -step)
        if crowded:
            ax.hexbin(
                running["flow"], running["power"], gridsize=(84, 24), bins="log", mincnt=1, cmap=DENSITY, linewidths=0
            )
        else:
            ax.plot(
                running["flow"], running["power"], "o", color=style.BLUE, markersize=3, alpha=0.45, markeredgewidth=0
            )
        handles, told = _curves(ax, curves or {}, most)
        ax.grid(visible=False)
        style.numbers_axis(ax.xaxis, 7)
        style.numbers_axis(ax.yaxis, 6)
        style.label(ax, "Power, kW", x="Flow, m³/h", below=24, handles=handles)
    caption = (
        f"Power against flow while water flows{'; darker: more samples' if crowded else ''}. Gray rays: "
        "constant delta-T, for water of 50 °C. Where the cloud bends off a ray, more flow brings little more power."
        + told
    )
    extremes = f"flow up to {number(most)} m³/h and power from {number(low)} to {number(top)} kW"
    return Chart(made, caption, f"{finding}. {number(len(running))} samples with {extremes}.", style.STYLE)


def _finding(curves: Mapping[str, Curve], most: float) -> str:
    edges = [curve.waste_flow_m3h for curve in curves.values() if not curve.reason]
    if not edges:
        return f"Power against flow, up to {number(most)} m³/h"
    if edges[0] >= most:
        return f"Power against flow: no waste zone up to {number(most)} m³/h"
    return f"Power against flow: the waste zone begins at {number(edges[0])} m³/h, the flow reaches {number(most)} m³/h"


def _curves(ax: Axes, curves: Mapping[str, Curve], most: float) -> tuple[list[tuple[Artist, str]], str]:
    """Draw the fitted characteristics and the waste zone, and say what they are."""
    found = {name: curve for name, curve in curves.items() if not curve.reason}
    if not found:
        return [], ""
    flows = np.linspace(0, most, 120)
    handles: list[tuple[Artist, str]] = []
    for dashes, (name, curve) in zip(("-", "--"), found.items(), strict=False):
        (line,) = ax.plot(flows, curve.power_kw(flows), color=style.RED, linewidth=1.6, linestyle=dashes)
        handles.append((line, "exchanger" if len(found) == 1 else f"exchanger, {name}"))
    edge = next(iter(found.values())).waste_flow_m3h
    words = (
        f" Line: fitted characteristic of the exchanger; its slope falls to 15 % of its start at {number(edge)} m³/h."
        if np.isfinite(edge)
        else " Line: fitted characteristic of the exchanger; no bend is seen."
    )
    if edge < most:
        zone = ax.axvspan(edge, ax.get_xlim()[1], facecolor=style.ORANGE, alpha=0.16, linewidth=0, zorder=0.2)
        handles.append((zone, "waste zone"))
    return handles, words


def _ray(ax: Axes, delta: float) -> None:
    """Draw a ray of constant delta-T to the panel's edge and name it there, if it would not crowd the others."""
    slope = delta * HEAT_CAPACITY
    right, (low, top) = ax.get_xlim()[1], ax.get_ylim()
    edge = top if slope > 0 else low
    end = min(right, edge / slope)
    if end < 0.12 * right or slope * end / edge < 0.12:
        return
    ax.plot([0, end], [0, slope * end], color="#c3cdd6", linewidth=0.8, zorder=0.5)
    at_right = end >= right
    ax.annotate(
        f"{number(abs(delta))} K",
        (end, slope * end),
        (4, 0) if at_right else (0, 3),
        textcoords="offset points",
        ha="left" if at_right else "center",
        va="center" if at_right else "bottom",
        color=style.SOFT,
        fontsize=7.5,
        annotation_clip=False,
    )

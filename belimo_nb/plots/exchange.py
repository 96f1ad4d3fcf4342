"""Power against flow: the characteristic of the heat exchanger behind the valve."""

from __future__ import annotations

import math
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


BINS = 40
SHARES = (0.005, 0.995)  # of the volume: what lies outside would only stretch the axis


def delta_t_distribution(
    delta_t_k: pd.Series[float],
    flow_m3h: pd.Series[float],
    *,
    mean_k: float = math.nan,
    limit_k: float = math.nan,
    limit_name: str = "70 % of design",
    title: str | None = None,
) -> Chart:
    """Draw the share of the water by the delta-T that it passed with.

    Args:
        delta_t_k: ``|T1 - T2|`` in K.
        flow_m3h: Flow in m³/h at the same times; pairs with an unknown half, or without flow, are left out.
        mean_k: The flow-weighted mean, if the counters give it; NaN: that of the samples.
        limit_k: A delta-T below which the water counts as badly used; NaN: none is drawn.
        limit_name: What the limit is.
        title: Instead of the finding.
    """
    pairs = pd.DataFrame({"delta": delta_t_k, "flow": flow_m3h}).astype(float).dropna()
    pairs = pairs[pairs["flow"] > 0]
    if pairs.empty:
        return style.empty(title or "Delta-T by volume", "Share of the water by delta-T.")
    delta, flow = pairs["delta"].to_numpy(), pairs["flow"].to_numpy()
    mean = float((delta * flow).sum() / flow.sum()) if math.isnan(mean_k) else mean_k
    order = np.argsort(delta)
    share = np.cumsum(flow[order]) / flow.sum()
    low, high = (float(delta[order][np.searchsorted(share, at)]) for at in SHARES)
    low, high = math.floor(min(low, mean)), max(math.ceil(high), math.floor(low) + 1, math.ceil(mean))
    counts, edges = np.histogram(delta, np.linspace(low, high, BINS + 1), weights=flow / flow.sum() * 100)
    below = float(flow[delta < limit_k].sum() / flow.sum()) if not math.isnan(limit_k) else math.nan
    finding = title or f"Delta-T: {number(mean, 1)} K on average of the water" + (
        "" if math.isnan(below) else f", {number(100 * below, 0, '%')} of it below {number(limit_k, 1)} K"
    )
    with rc_context(style.STYLE):
        made, (ax,) = style.figure(finding, [200])
        poor = edges[:-1] + (edges[1] - edges[0]) / 2 < limit_k
        ax.bar(edges[:-1], counts, np.diff(edges), align="edge", color=np.where(poor, style.ORANGE, style.SKY))
        ax.axvline(mean, color=style.INK, linewidth=1.4)
        top = float(counts.max()) * 1.18 or 1.0
        right = mean < (low + high) / 2
        _name(ax, mean, f"mean of the water {number(mean, 1)} K", top, right=right)
        if low < limit_k < high:
            ax.axvline(limit_k, color=style.RED, linewidth=1.2, linestyle="--")
            _name(ax, limit_k, f"{limit_name} {number(limit_k, 1)} K", top * 0.9, right=limit_k < (low + high) / 2)
        ax.set_xlim(low, high)
        ax.set_ylim(0, top)
        style.numbers_axis(ax.yaxis, 4)
        style.numbers_axis(ax.xaxis, 9)
        style.label(ax, "Share of the water, %", x="Delta-T, K", below=24)
    caption = (
        "Delta-T of the water that flowed, each sample weighted by its flow. The further right, the more heat each "
        "cubic meter carried."
        + ("" if math.isnan(mean_k) else " The mean is that of the counters; the bars are single readings.")
    )
    return Chart(made, caption, f"{finding}. {caption}", style.STYLE)


def _name(ax: Axes, at: float, words: str, height: float, *, right: bool) -> None:
    offset, side = ((5, 0), "left") if right else ((-5, 0), "right")
    ax.annotate(words, (at, height), offset, textcoords="offset points", ha=side, va="top", color=style.INK)

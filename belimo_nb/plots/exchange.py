"""Operation of the heat exchanger: power against flow, and the distribution of delta-T."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from belimo_nb.display import Chart, number
from belimo_nb.display.numbers import plural
from belimo_nb.hydronics import Characteristic
from belimo_nb.hydronics.water import KWH_PER_KJ, volumetric_heat
from belimo_nb.plots import outliers, style

MAX_SCATTER_POINTS = 1500  # more points would hide each other: their density is drawn
USUAL_C = {"heating": 50.0, "cooling": 10.0}  # °C, of the water for which the rays are drawn
OUTPUT = {"heating": "heat", "cooling": "cold"}
RAYS_K = (2, 5, 10, 15, 20, 30, 50)  # delta-T of the rays, K
MIN_FLOW_SHARE = 0.02  # of the maximum flow: below it the sensors show the room, not a delta-T
NO_FLOW = "The flow reads 0 throughout this period"
STARTUP = 2.5  # times the flow of 99 % of the samples, which single ones reach after a start-up
JAGGED = 0.1  # of its highest power, by which a characteristic may fall on its way up
DENSITY_CMAP = LinearSegmentedColormap.from_list("density", ["#a9cfe6", "#56a0cf", "#0b68a6", "#08305a"])


def power_against_flow(
    flow_m3h: pd.Series[float],
    power_kw: pd.Series[float],
    *,
    curves: Mapping[str, Characteristic] | None = None,
    title: str | None = None,
) -> Chart:
    """Draw power against flow, with rays of constant delta-T.

    Args:
        flow_m3h: Flow in m³/h.
        power_kw: Power in kW at the same times; pairs with a NaN are left out. That of cooling may be below 0.
        curves: Fitted characteristics of the exchanger by "heating" or "cooling"; the waste zone of the first is
            marked. They tell what the valve does.
        title: In place of the finding.
    """
    pairs = pd.DataFrame({"flow": flow_m3h, "power": power_kw}).astype(float).dropna()
    usual = outliers.usual_range(pairs["power"])
    kinds = [kind for kind in curves or {} if kind in OUTPUT] or ["cooling"] * (usual[1] <= 0 and usual[0] < 0)
    kind = kinds[0] if len(kinds) == 1 else ""
    what = f"{kind} power".strip().capitalize()
    max_flow = outliers.usual_range(pairs["flow"])[1]
    running = pairs[pairs["flow"] > MIN_FLOW_SHARE * max_flow]
    if running.empty or max_flow <= 0:
        why = NO_FLOW if len(pairs) else "No readings of both flow and power in this period"
        return style.no_data_figure(title or f"{what} against flow", f"{what} against flow.", why)
    if not running["power"].any():
        words = "Power reads 0 while water flows, so there is nothing to see"
        return style.no_data_figure(title or f"{what} against flow", f"{what} against flow.", words)
    low, top = min(0.0, usual[0]), max(0.0, usual[1])
    extremes = f"flow up to {number(max_flow)} m³/h and power from {number(low)} to {number(top)} kW"
    highest, most = (float(np.percentile(running[name].abs(), 99)) for name in ("flow", "power"))
    if max_flow > STARTUP * highest:  # axes for the valve, not for a few moments after start-ups
        running_in = running[(running["flow"] <= STARTUP * highest) & (running["power"].abs() <= STARTUP * most)]
        max_flow = float(running_in["flow"].max())
        low, top = min(0.0, float(running_in["power"].min())), max(0.0, float(running_in["power"].max()))
    finding = title or _finding(what, curves or {}, highest)
    heat = float(volumetric_heat(np.array([USUAL_C[kind or "heating"]]))[0]) * KWH_PER_KJ  # kW per m³/h and K
    inside = running[(running["flow"] <= max_flow) & running["power"].between(low, top)]
    points = inside["flow"], inside["power"]
    crowded = len(running) > MAX_SCATTER_POINTS
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [300], right=44, top=style.TOP + style.LINE)
        ax.set_xlim(0, max_flow * 1.05)
        ax.set_ylim(low * 1.08, top * 1.08 if top > low else 1.0)
        beyond = outliers.mark(ax, running["flow"], running["power"])
        # Rays on the side with more power: that of cooling may be negative.
        for step in RAYS_K:
            _draw_ray(ax, step, heat if top > -low else -heat)
        if crowded:
            ax.hexbin(*points, gridsize=(72, 24), bins="log", mincnt=1, cmap=DENSITY_CMAP, linewidths=0)
        else:
            ax.plot(*points, "o", color=style.BLUE, markersize=3, alpha=0.45, markeredgewidth=0)
        handles, curve_caption = _draw_curves(ax, curves or {}, max_flow, highest)
        ax.grid(visible=False)
        style.round_ticks(ax.xaxis, 7)
        style.round_ticks(ax.yaxis, 6)
        label = outliers.label(f"{what}, kW", beyond)
        style.label_axes(ax, label, x="Flow, m³/h", below=26, above=7 + style.LINE, handles=handles)
    first = (
        f"{what} against flow while water flows; the stronger the color, the more samples."
        if crowded
        else f"{what} against flow while water flows."
    )
    caption = (
        f"{first} Gray rays: constant delta-T, for water of {number(USUAL_C[kind or 'heating'])} °C. Where the cloud "
        f"bends off a ray, more flow brings little more {OUTPUT.get(kind, 'power')}.{curve_caption}"
    )
    if beyond:
        most, highest = float(pairs["flow"].max()), float(pairs["power"].abs().max())
        reach = f"up to {number(most)} m³/h and {number(highest)} kW"
        caption += f" Marked {outliers.MARK} at the edge: {number(beyond)} beyond the axes, {reach}."
    return style.chart(fig, caption, f"{finding}. {plural(len(running), 'sample')} with {extremes}.")


def _finding(what: str, curves: Mapping[str, Characteristic], highest: float) -> str:
    edges = [curve.waste_flow_m3h for curve in curves.values() if not curve.reason]
    if not edges:
        return f"{what} against flow, up to {number(highest)} m³/h"
    if edges[0] >= highest:
        return f"{what} against flow: no waste zone up to {number(highest)} m³/h"
    begin, end = number(edges[0]), number(highest)
    return f"{what} against flow: the waste zone begins at {begin} m³/h, the flow reaches {end} m³/h"


def _draw_curves(
    ax: Axes, curves: Mapping[str, Characteristic], max_flow: float, highest: float
) -> tuple[style.Legend, str]:
    """Draw the fitted characteristics and the waste zone; returns legend entries and a sentence for the caption.

    A bend beyond the `highest` flow, that of 99 % of the samples, was never seen: single ones are no waste zone.
    """
    found = {name: curve for name, curve in curves.items() if not curve.reason}
    if not found:
        return [], ""
    flows = np.linspace(0, max_flow, 120)
    handles: style.Legend = []
    jagged = False
    for dashes, (name, curve) in zip(("-", "--"), found.items(), strict=False):
        power = curve.power_kw(flows)
        if np.clip(-np.diff(power), 0, None).sum() > JAGGED * power.max():
            jagged = True
            continue
        (line,) = ax.plot(flows, power, color=style.RED, linewidth=1.6, linestyle=dashes)
        handles.append((line, "exchanger" if len(found) == 1 else f"exchanger, {name}"))
    edge = next(iter(found.values())).waste_flow_m3h
    words = (
        f" Line: fitted characteristic of the exchanger; its slope falls to 15 % of its start at {number(edge)} m³/h."
        if edge < highest
        else " Line: fitted characteristic of the exchanger; no bend is seen."
    )
    if jagged:  # each flow has come with another supply temperature
        words = " The fitted characteristic moves with the supply temperature too much to be drawn as one line."
    if edge < highest:
        zone = ax.axvspan(edge, ax.get_xlim()[1], facecolor=style.ORANGE, alpha=0.16, linewidth=0, zorder=0.2)
        handles.append((zone, "waste zone"))
    return handles, words


def _draw_ray(ax: Axes, delta: float, heat: float) -> None:
    """Draw a ray of constant delta-T up to the panel's edge and label it there, unless it would crowd the others."""
    slope = delta * heat
    right, (low, top) = ax.get_xlim()[1], ax.get_ylim()
    edge = top if slope > 0 else low
    end = min(right, edge / slope)
    if end < 0.12 * right or slope * end / edge < 0.12:
        return
    ax.plot([0, end], [0, slope * end], color="#c3cdd6", linewidth=0.8, zorder=0.5)
    offset, align = ((4, 0), ("left", "center")) if end >= right else ((0, 3), ("center", "bottom"))
    look: dict[str, Any] = {"ha": align[0], "va": align[1], "color": style.GRAY, "fontsize": style.SMALL}
    # Labels stand on the panel's edge, where Matplotlib would leave them out for rounding.
    ax.annotate(
        f"{number(delta)} K", (end, slope * end), offset, textcoords="offset points", annotation_clip=False, **look
    )


BINS = 40
SHOWN_QUANTILES = (0.005, 0.995)  # of the volume: outliers would only stretch the axis


def delta_t_distribution(
    delta_t_k: pd.Series[float],
    flow_m3h: pd.Series[float],
    *,
    mean_k: float = math.nan,
    limit_k: float = math.nan,
    limit_name: str = "70 % of design",
    title: str | None = None,
) -> Chart:
    """Draw a histogram of delta-T weighted by volume.

    Args:
        delta_t_k: ``|T1 - T2|`` in K.
        flow_m3h: Flow in m³/h at the same times; pairs with a NaN or without flow are left out.
        mean_k: Flow-weighted mean, as the checks give it; NaN: that of the samples.
        limit_k: Delta-T below which water counts as badly used; NaN: none.
        limit_name: Label of the limit.
        title: In place of the finding.
    """
    pairs = pd.DataFrame({"delta": delta_t_k, "flow": flow_m3h}).astype(float).dropna()
    pairs = pairs[pairs["flow"] > 0]
    if pairs.empty:
        why = NO_FLOW if (flow_m3h == 0).any() else "No readings of flow in this period"
        why = why if not (flow_m3h > 0).any() else "No readings of delta-T while water flowed in this period"
        return style.no_data_figure(title or "Delta-T by volume", "Share of the water by delta-T.", why)
    wild = int((pairs["flow"] > outliers.usual_range(pairs["flow"])[1]).sum())
    pairs = pairs[pairs["flow"] <= outliers.usual_range(pairs["flow"])[1]]
    delta, flow = pairs["delta"].to_numpy(), pairs["flow"].to_numpy()
    mean = float((delta * flow).sum() / flow.sum()) if math.isnan(mean_k) else mean_k
    order = np.argsort(delta)
    share = np.cumsum(flow[order]) / flow.sum()
    low, high = (float(delta[order][np.searchsorted(share, at)]) for at in SHOWN_QUANTILES)
    low, high = math.floor(min(low, mean)), max(math.ceil(high), math.floor(low) + 1, math.ceil(mean))
    counts, edges = np.histogram(delta, np.linspace(low, high, BINS + 1), weights=flow / flow.sum() * 100)
    left_out = float(flow[(delta < low) | (delta > high)].sum() / flow.sum())
    below = float(flow[delta < limit_k].sum() / flow.sum()) if not math.isnan(limit_k) else math.nan
    finding = f"Delta-T: {number(mean, 1)} K on average of the water"
    if not math.isnan(below):
        poor_share = f"{number(100 * below, 0, '%')} of it below {number(limit_k, 1)} K"
        finding = f"Delta-T: {number(mean, 1)} K on average of the water, {poor_share}"
    finding = title or finding
    with rc_context(style.RC_PARAMS):
        fig, (ax,) = style.new_figure(finding, [200])
        poor = edges[:-1] + (edges[1] - edges[0]) / 2 < limit_k
        ax.bar(edges[:-1], counts, np.diff(edges), align="edge", color=np.where(poor, style.ORANGE, style.SKY))
        ax.axvline(mean, color=style.DARK, linewidth=1.4)
        top, middle = float(counts.max()) * 1.18 or 1.0, (low + high) / 2
        ax.set_xlim(low, high)
        ax.set_ylim(0, top)
        _label_line(ax, mean, f"mean of the water {number(mean, 1)} K", top, right=mean < middle)
        if low < limit_k < high:
            ax.axvline(limit_k, color=style.RED, linewidth=1.2, linestyle="--")
            # On the side that the mean is not on, as long as there is room.
            words = f"{limit_name} {number(limit_k, 1)} K"
            room = (style.text_width([words]) + 8) / ax.bbox.width * (high - low)
            right = limit_k + room < high and (limit_k >= mean or limit_k - room < low)
            _label_line(ax, limit_k, words, top * 0.9, right=right)
        style.round_ticks(ax.yaxis, 4)
        style.round_ticks(ax.xaxis, 9)
        style.label_axes(ax, "Share of the water, %", x="Delta-T, K", below=26)
    caption = (
        "Delta-T of the water that flowed, each sample weighted by its flow. The further right, the more heat each "
        "cubic meter carried."
    )
    if not math.isnan(mean_k):
        caption += " The mean is the flow-weighted delta-T of the checks; the bars are single readings."
    if left_out >= 0.0005:
        ends = [f"down to {number(delta.min(), 1)} K"] * bool(delta.min() < low)
        ends += [f"up to {number(delta.max(), 1)} K"] * bool(delta.max() > high)
        caption += f" Beyond the axis: {number(100 * left_out, 1, '%')} of the water, {' and '.join(ends)}."
    if wild:
        caption += f" Left out for an unlikely flow: {number(wild)} of the readings."
    return style.chart(fig, caption, f"{finding}. {caption}")


def _label_line(ax: Axes, at: float, words: str, height: float, *, right: bool) -> None:
    offset, side = ((5, 0), "left") if right else ((-5, 0), "right")
    ax.annotate(words, (at, height), offset, textcoords="offset points", ha=side, va="top", color=style.DARK)

"""How the water comes back: the distribution of delta-T, weighted by flow."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes

from belimo_nb.display import Chart, number
from belimo_nb.plots import style

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

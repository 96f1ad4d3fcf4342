"""The characteristic of the heat exchanger behind a valve: how its power saturates with flow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from belimo_nb.hydronics.samples import ACTIVE_HOURS, Flags, Floats, Samples

__all__ = ["SATURATED_SLOPE", "SUPPLY_SPAN_K", "Characteristic", "characteristic", "supply_span", "supply_temperature"]

SATURATED_SLOPE = 0.15
"""Share of its start to which the slope of P(V) has fallen at V*."""
SUPPLY_SPAN_K = 4.0
"""Span of the supply temperature (5th to 95th percentile) from which the fit follows it."""

FLOW_BINS = 24
SUPPLY_BINS = 5
LEAST_IN_CELL = 5
LEAST_CELLS = 6
LEAST_R2 = 0.8
LEAST_FLOW_RANGE = 3.0  # the highest flow bin over the lowest: on less, any curve fits
_STRAIGHT = 10.0  # half flow over the highest flow, from which the curve is no longer told from a straight line
_HALF_FLOWS = np.geomspace(0.02, _STRAIGHT, 64)
_FINE = np.linspace(-1.0, 1.0, 41)


@dataclass(frozen=True)
class Characteristic:
    """Power against flow, P = a V / (b + V), as it was fitted; NaN where it was refused.

    Attributes:
        a_kw: Power that endless flow would give; at `supply_c`, if that was followed.
        b_m3h: Flow of half that power; infinite if no bend is seen.
        waste_flow_m3h: V*, where the slope has fallen to 15 % of its start: b (1 / sqrt(0.15) - 1).
        waste_power_kw: P*, the power there.
        max_flow_m3h: Highest flow of the samples (99.9th percentile).
        r2: Share of the variance between the medians that the curve explains.
        cells: Number of the medians.
        supply_c: Supply temperature that `a_kw` holds for, °C; NaN if the fit does not follow it.
        reason: Why there is no curve, a sentence; empty if there is one.
    """

    a_kw: float = math.nan
    b_m3h: float = math.nan
    waste_flow_m3h: float = math.nan
    waste_power_kw: float = math.nan
    max_flow_m3h: float = math.nan
    r2: float = math.nan
    cells: int = 0
    supply_c: float = math.nan
    reason: str = ""

    def power_kw(self, flow_m3h: Floats) -> Floats:
        """The curve at these flows, in kW."""
        if math.isinf(self.b_m3h):
            return self.a_kw * flow_m3h
        return self.a_kw * flow_m3h / (self.b_m3h + flow_m3h)


def supply_temperature(samples: Samples) -> Floats:
    """The hotter water of a heating valve, the colder of a cooling valve, °C: whichever sensor is called T1."""
    t1, t2 = samples.temperature("t1_c"), samples.temperature("t2_c")
    return np.where(samples.heating, np.maximum(t1, t2), np.minimum(t1, t2))


def supply_span(supply_c: Floats) -> float:
    """From the 5th to the 95th percentile, K; NaN if nothing is known."""
    known = supply_c[np.isfinite(supply_c)]
    return float(np.subtract(*np.percentile(known, [95, 5]))) if len(known) else math.nan


def characteristic(samples: Samples, mask: Flags | None = None) -> Characteristic:
    """Fit P = a V / (b + V) to medians of power in bins of flow.

    Where the supply temperature follows the weather, high flow and hot water come together, and a plain fit takes the
    one for the other: power seems to go on rising with flow, and V* comes out two to eight times too high. So where it
    spans 4 K or more, bins are formed by flow and supply temperature Ts, and the curve is P = (c + d Ts) V / (b + V):
    an exchanger's power is in proportion to the lift from its other side to the supply, and that lift is a straight
    line of Ts, be the other side constant or driven by the same weather.

    Args:
        samples: At any spacing; each is a pair of flow and power of the same moment.
        mask: Which samples count; None: those of the mode (heating or cooling) with the most active samples.
    """
    mask = next(iter(samples.modes.values())) if mask is None else mask
    flow, power, supply = samples.values("flow_m3h"), samples.power, supply_temperature(samples)
    used = mask & np.isfinite(flow) & np.isfinite(power)
    if used.sum() * samples.hours < ACTIVE_HOURS:
        return Characteristic(reason=f"Fewer than {ACTIVE_HOURS:.0f} active hours have both flow and power.")
    span = supply_span(supply[used])
    follow = span >= SUPPLY_SPAN_K
    used &= np.isfinite(supply) if follow else True
    flow, power = flow[used], power[used]
    supply = supply[used] if follow else np.zeros(len(flow))
    most = float(np.percentile(flow, 99.9))
    v, p, t = _medians(flow, power, supply, most, span / SUPPLY_BINS if follow else 1.0)
    known = Characteristic(max_flow_m3h=most, cells=len(v))
    if len(v) < LEAST_CELLS or v.max() < LEAST_FLOW_RANGE * v.min():
        return _refused(known, "The flow varies too little to see how power depends on it.")
    reference = float(np.average(supply, weights=flow)) if follow else math.nan
    lifts = [np.ones(len(v)), t - reference] if follow else [np.ones(len(v))]
    if not p.std() > 0:
        return _refused(known, "Power does not change with flow at all.")
    half, r2, a = _fit(v, p, lifts, most)
    if r2 < LEAST_R2 or not a > 0:
        return _refused(known, f"Power does not follow flow closely enough (R² {r2:.2f}, at least {LEAST_R2} needed).")
    if half >= 0.98 * _STRAIGHT * most:
        slope = float((p * v).sum() / (v * v).sum())
        return Characteristic(slope, math.inf, math.inf, math.inf, most, r2, len(v), reference)
    ratio = 1 / math.sqrt(SATURATED_SLOPE) - 1
    return Characteristic(a, half, half * ratio, a * ratio / (1 + ratio), most, r2, len(v), reference)


def _refused(known: Characteristic, reason: str) -> Characteristic:
    return Characteristic(max_flow_m3h=known.max_flow_m3h, cells=known.cells, reason=reason)


def _medians(flow: Floats, power: Floats, supply: Floats, most: float, width: float) -> tuple[Floats, Floats, Floats]:
    """Mean flow, median power and mean supply temperature of each cell with enough samples."""
    row = np.minimum((flow * (FLOW_BINS / most)).astype(np.int64), FLOW_BINS - 1)
    column = ((supply - supply.min()) / width).astype(np.int64)
    cell = row + FLOW_BINS * column
    order = np.argsort(cell + power / (1.001 * power.max() + 1e-9))  # by cell, then power: 10 times as fast as lexsort
    cell = cell[order]
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    counts = np.diff(starts, append=len(cell))
    enough = counts >= LEAST_IN_CELL
    p = power[order]
    median = (p[starts + (counts - 1) // 2] + p[starts + counts // 2]) / 2
    v, t = (np.add.reduceat(values[order], starts) / counts for values in (flow, supply))
    return v[enough], median[enough], t[enough]


def _fit(v: Floats, p: Floats, lifts: list[Floats], most: float) -> tuple[float, float, float]:
    """Half flow, R2, and the first coefficient of the best curve: a grid over b, linear least squares for the rest."""
    ratio = _HALF_FLOWS[1] / _HALF_FLOWS[0]
    grid = _HALF_FLOWS * most
    for _ in range(2):
        errors, first = _errors(v, p, lifts, grid)
        best = int(np.argmin(errors))
        half, error, a = float(grid[best]), float(errors[best]), float(first[best])
        grid = np.minimum(half * ratio**_FINE, _STRAIGHT * most)
    return half, 1 - error / float(((p - p.mean()) ** 2).sum()), a


def _errors(v: Floats, p: Floats, lifts: list[Floats], grid: Floats) -> tuple[Floats, Floats]:
    """Sum of squared residuals, and the first coefficient, for each half flow of the grid."""
    share = v / (grid[:, None] + v)
    terms = np.stack([share * lift for lift in lifts], axis=-1)
    normal = np.einsum("gci,gcj->gij", terms, terms)
    normal += 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(len(lifts))
    right = np.einsum("gci,c->gi", terms, p)
    found = np.linalg.solve(normal, right[..., None])[..., 0]
    residuals = p - np.einsum("gci,gi->gc", terms, found)
    return (residuals**2).sum(axis=1), found[:, 0]

"""The characteristic of the heat exchanger behind a valve: how its power saturates with flow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from belimo_nb.hydronics.samples import ACTIVE_HOURS, Flags, Floats, Samples, percentile

SATURATED_SLOPE = 0.15  # share of its start to which the slope of P(V) has fallen at V*
SUPPLY_SPAN_K = 4.0  # span of the supply temperature (5th to 95th percentile) from which the fit follows it
FLOW_BINS = 24
SUPPLY_BINS = 5
PATH_POINTS = 12
LEAST_IN_CELL = 5
LEAST_CELLS = 6
LEAST_R2 = 0.7
LOADED = 0.9
"""Share of the concave hull of the medians from which they are of the loaded coil.

A loaded exchanger's power rises ever less with flow. What lies below the hull is a coil in cold air, a part load that
the controller holds, or a plant without water.
"""
ENOUGH = 1.1
"""Power of the top tenth of flow over that of a limited flow, up to which the limit cuts nothing that matters."""
CUT_PCT = 5.0  # percent of the heat or cold that a limit, of flow or of delta-T, may cut
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
        max_flow_m3h: Highest flow of the samples (99th percentile: a start-up overshoots).
        r2: Share of the variance between the medians that the curve explains.
        cells: Number of the medians.
        supply_c: Supply temperature that `a_kw` holds for, °C; NaN if the fit does not follow it.
        top_power_kw: Median power in the tenth of the samples with the highest flow.
        path: Where the supply is followed, flows and how much more or less than at `supply_c` the curve gives there,
            with the supply temperature that goes with such flows.
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
    top_power_kw: float = math.nan
    path: tuple[tuple[float, float], ...] = ()
    reason: str = ""

    def power_kw(self, flow_m3h: Floats) -> Floats:
        """The curve at these flows, in kW; with the supply temperature that usually goes with them."""
        along = _between(flow_m3h, self.path) if self.path else 1.0
        if math.isinf(self.b_m3h):
            return self.a_kw * flow_m3h * along
        return self.a_kw * flow_m3h / (self.b_m3h + flow_m3h) * along

    def cut(self, flow_m3h: float, power_kw: Floats) -> tuple[float, float]:
        """The power in kW that a limit to this flow leaves, and the share of the heat or cold above it."""
        left, known = self.a_kw * flow_m3h / (self.b_m3h + flow_m3h), power_kw[np.isfinite(power_kw)]
        return left, float(np.maximum(known - left, 0.0).sum() / known.sum())

    @property
    def enough_flow_m3h(self) -> float:
        """The flow, V* at least, that gives nearly all that the top tenth of flow gives: more is no use."""
        share = self.top_power_kw / ENOUGH / self.a_kw
        if not self.b_m3h < math.inf or not share < 1:
            return math.inf
        return max(self.waste_flow_m3h, self.b_m3h * share / (1 - share))


def supply_temperature(samples: Samples) -> Floats:
    """The hotter water of a heating valve, the colder of a cooling valve, °C: whichever sensor is called T1."""
    t1, t2 = samples.temperature("t1_c"), samples.temperature("t2_c")
    return np.where(samples.heating, np.maximum(t1, t2), np.minimum(t1, t2))


def supply_span(supply_c: Floats) -> float:
    """From the 5th to the 95th percentile, K; NaN if nothing is known."""
    known = supply_c[np.isfinite(supply_c)]
    return percentile(known, 95) - percentile(known, 5) if len(known) else math.nan


def characteristic(samples: Samples, mask: Flags | None = None) -> Characteristic:
    """Fit P = a V / (b + V) to medians of power in bins of flow.

    Where the supply temperature follows the weather, high flow and hot water come together, and a plain fit takes the
    one for the other: power seems to go on rising with flow, and V* comes out two to eight times too high. So where it
    spans 4 K or more, bins are formed by flow and supply temperature Ts, and the curve is P = (c + d Ts) V / (b + V):
    an exchanger's power is in proportion to the lift from its other side to the supply, and that lift is a straight
    line of Ts, be the other side constant or driven by the same weather.

    Elsewhere only medians near their concave hull count, those of the loaded coil, if there are enough of them. A
    median counts with the root of its samples.

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
    most = percentile(flow, 99)
    v, p, t, n = _medians(flow, power, supply, most, span / SUPPLY_BINS if follow else 1.0)
    if not follow:
        loaded = p >= LOADED * _hull(v, p)
        if loaded.sum() >= LEAST_CELLS and v[loaded].max() >= LEAST_FLOW_RANGE * v[loaded].min():
            v, p, t, n = v[loaded], p[loaded], t[loaded], n[loaded]
    known = Characteristic(max_flow_m3h=most, cells=len(v))
    if len(v) < LEAST_CELLS or v.max() < LEAST_FLOW_RANGE * v.min():
        if len(flow) < FLOW_BINS * LEAST_IN_CELL:
            return replace(known, reason=f"Too few readings have flow ({len(flow)}) to see how power depends on it.")
        return replace(known, reason="The flow varies too little to see how power depends on it.")
    reference = float(np.average(supply, weights=flow)) if follow else math.nan
    lifts = [np.ones(len(v)), t - reference] if follow else [np.ones(len(v))]
    if not p.std() > 0:
        return replace(known, reason="Power does not change with flow at all.")
    half, r2, found = _fit(v, p, lifts, most, np.sqrt(n))
    a = float(found[0])
    if r2 < LEAST_R2 or not a > 0:
        return replace(
            known, reason=f"Power does not follow flow closely enough (R² {r2:.2f}, at least {LEAST_R2} needed)."
        )
    top = percentile(power[flow >= percentile(flow, 90)], 50)
    path = _path(flow, supply, found, reference) if follow else ()
    if half >= 0.98 * _STRAIGHT * most:
        slope = float((p * v).sum() / (v * v).sum())
        return Characteristic(slope, math.inf, math.inf, math.inf, most, r2, len(v), reference, top, path)
    ratio = 1 / math.sqrt(SATURATED_SLOPE) - 1
    waste = a * ratio / (1 + ratio)
    return Characteristic(a, half, half * ratio, waste, most, r2, len(v), reference, top, path)


def _path(flow: Floats, supply: Floats, found: Floats, reference: float) -> tuple[tuple[float, float], ...]:
    """Flows, and the lift of the supply that goes with them over that of the reference."""
    row = np.minimum((flow * (PATH_POINTS / percentile(flow, 99))).astype(np.int64), PATH_POINTS - 1)
    count = np.bincount(row)
    at, mean = (np.bincount(row, values)[count > 0] / count[count > 0] for values in (flow, supply))
    lift = 1 + found[1] / found[0] * (mean - reference)
    return tuple(zip(at.tolist(), lift.tolist(), strict=True))


def _hull(v: Floats, p: Floats) -> Floats:
    """The concave hull of power over flow, from the origin, at each flow; flows ascending."""
    points = [(0.0, 0.0)]
    for x, y in zip(v.tolist(), p.tolist(), strict=True):
        while len(points) > 1:
            (x0, y0), (x1, y1) = points[-2:]
            if (y1 - y0) * (x - x0) > (y - y0) * (x1 - x0):
                break
            points.pop()
        points.append((x, y))
    return _between(v, points)


def _between(x: Floats, points: Sequence[tuple[float, float]]) -> Floats:
    """The values on the line through the points, their first coordinates ascending."""
    return np.asarray(np.interp(x, *np.array(points).T))


def _medians(flow: Floats, power: Floats, supply: Floats, most: float, width: float) -> tuple[Floats, ...]:
    """Mean flow, median power, mean supply temperature and number of samples of each cell with enough of them."""
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
    return v[enough], median[enough], t[enough], counts[enough].astype(float)


def _fit(v: Floats, p: Floats, lifts: list[Floats], most: float, weight: Floats) -> tuple[float, float, Floats]:
    """Half flow, R2, and the coefficients of the best curve: a grid over b, linear least squares for the rest."""
    ratio = _HALF_FLOWS[1] / _HALF_FLOWS[0]
    grid = _HALF_FLOWS * most
    for _ in range(2):
        errors, found = _errors(v, p, lifts, grid, weight)
        best = int(np.argmin(errors))
        half, error, coefficients = float(grid[best]), float(errors[best]), found[best]
        grid = np.minimum(half * ratio**_FINE, _STRAIGHT * most)
    mean = np.average(p, weights=weight)
    return half, 1 - error / float((weight * (p - mean) ** 2).sum()), coefficients


def _errors(v: Floats, p: Floats, lifts: list[Floats], grid: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted sum of squared residuals, and the coefficients, for each half flow of the grid."""
    share = v / (grid[:, None] + v)
    terms = np.stack([share * lift for lift in lifts], axis=-1)
    weighted = (terms * weight[:, None]).swapaxes(1, 2)
    normal = weighted @ terms
    normal += 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(len(lifts))
    found: Floats = np.linalg.solve(normal, weighted @ p[:, None])[..., 0].astype(np.float64, copy=False)
    residuals = p - (terms @ found[..., None])[..., 0]
    return residuals**2 @ weight, found

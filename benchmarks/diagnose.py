"""All checks of a valve: speed, and how they fare in 20 buildings of seeds that nothing was tuned on.

The bare pandas way gets five of the figures, with no thought of dropouts, resets, seasons or the weather: delta-T from
the counters' ends, the share of low delta-T, medians of power by flow, power by night over power by day, and reversals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from belimo_nb import hydronics
from belimo_nb.demo.fleet.faults import FaultKind
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.heating import daily_means
from benchmarks.timing import median_ms
from tests.demo_valves import FOUND_BY, settings, valve_samples

ZONE = "Europe/Zurich"
BEGIN, END = (int(pd.Timestamp(day, tz="UTC").timestamp()) for day in ("2017-12-01", "2018-12-01"))
SEEDS = range(2001, 2021)
BUSY = "Energieventil Heizung 2.OG Nord-Ost"


def figures() -> Iterator[str]:
    """The measured lines."""
    yield from _speed()
    verdicts: Counter[str] = Counter()
    found = missed = 0
    limits, wastes = [], []
    for seed in SEEDS:
        simulation = Simulation(seed=seed)
        planted = {fault.name: FOUND_BY[fault.fault] for fault in simulation.truth if fault.fault in FOUND_BY}
        truth = next(fault for fault in simulation.truth if fault.fault is FaultKind.LOW_DELTA_T)
        for device in (device for device in simulation.devices if device.is_energy_valve):
            table = _diagnosed(simulation, device).set_index("check")
            if device.name not in planted:
                verdicts.update(table["verdict"])
                continue
            suspect = table.loc[planted[device.name], "verdict"] in ("warn", "fault")
            found, missed = found + suspect, missed + (not suspect)
            if device.name == truth.name:
                limits.append(
                    abs(table.loc["delta-T limit", "figure"] - _harmless_k(simulation, device, truth.figures))
                )
                passed = _passed(simulation, device, truth.figures["waste_flow_m3s"])
                wastes.append(abs(table.loc["waste zone", "waste_m3"] / passed - 1))
    yield f"{len(SEEDS)} other seeds: {found} of {found + missed} planted faults found by their check"
    told = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in ("fault", "warn", "ok", "cannot judge"))
    yield f"{verdicts.total()} verdicts on healthy valves: {told}"
    yield f"delta-T limit at most {max(limits):.2f} K off, waste volume at most {max(wastes):.1%} off"


def _speed() -> Iterator[str]:
    simulation = Simulation()
    device = next(device for device in simulation.devices if device.name == BUSY)
    year = valve_samples(simulation, device, BEGIN, END)
    fine, design, outdoor = _detail(simulation, device, year)
    all_checks = median_ms(lambda: hydronics.diagnose(year, fine, design=design, tz=ZONE, outdoor=outdoor), 21)
    bare = median_ms(lambda: _bare(year, fine), 21)
    yield f"year at 15 min and two weeks at 5 min: {all_checks:.0f} ms for all {len(hydronics.CHECKS)} checks"
    times = f"{all_checks / bare:.1f} times"
    yield f"five of the figures the bare pandas way: {bare:.0f} ms; all checks take {times} as long (medians of 21)"
    hourly = year.iloc[3::4].copy()
    coarse = median_ms(lambda: hydronics.judge(hourly, design=design, tz=ZONE, outdoor=outdoor), 21)
    yield f"hourly year, as for a fleet: {coarse:.1f} ms, {coarse * 5:.0f} s for 5,000 (median of 21)"


def _detail(
    simulation: Simulation, device: DemoDevice, year: pd.DataFrame
) -> tuple[pd.DataFrame, hydronics.Design, pd.Series]:
    window = hydronics.busiest_window(year)
    assert window is not None
    fine = valve_samples(simulation, device, int(window[0].timestamp()), int(window[1].timestamp()), step=300)
    times, values = simulation.outdoor_temperature(BEGIN, END)
    outdoor = daily_means(pd.Series(values, pd.to_datetime(times, unit="s", utc=True)), ZONE)
    return fine, hydronics.Design(**settings(simulation, device)), outdoor


def _diagnosed(simulation: Simulation, device: DemoDevice) -> pd.DataFrame:
    year = valve_samples(simulation, device, BEGIN, END)
    fine, design, outdoor = _detail(simulation, device, year)
    until = pd.Timestamp(END, unit="s", tz="UTC")
    return hydronics.diagnose(year, fine, design=design, tz=ZONE, outdoor=outdoor, until=until)


def _harmless_k(simulation: Simulation, device: DemoDevice, figures: Mapping[str, float]) -> float:
    """Delta-T of the exchanger at the flow that gives 1/1.1 of the power of the top tenth of flow, K."""
    times, flow = simulation.series(device, "evcloud.90")
    flow = flow[slice(*np.searchsorted(times, (BEGIN, END)))]
    active = flow[flow > 0.02 * np.percentile(flow, 99)]
    top = float(np.median(active[active >= np.percentile(active, 90)]))
    share = top / (figures["half_flow_m3s"] + top) / 1.1
    return float(figures["waste_delta_t_k"] / np.sqrt(0.15) * (1 - share))


def _passed(simulation: Simulation, device: DemoDevice, above_m3s: float) -> float:
    """The volume in excess of a flow that really passed in the year, m3."""
    times, flow = simulation.series(device, "evcloud.90")
    flow = flow[slice(*np.searchsorted(times, (BEGIN, END)))]
    return float(300 * np.maximum(flow - above_m3s, 0).sum())


def _bare(year: pd.DataFrame, fine: pd.DataFrame) -> tuple[float, float, pd.Series, float, float]:
    rise = year[["heating_kwh", "volume_m3"]].agg(lambda column: column.iloc[-1] - column.iloc[0])
    active = year[(year["flow_m3h"] > 0) & (year["position_pct"] > 5)]
    low = active["delta_t_k"] < 0.7 * active["delta_t_k"].quantile(0.75)
    share = active["flow_m3h"].where(low).sum() / active["flow_m3h"].sum()
    curve = active.groupby(pd.cut(active["flow_m3h"], 24), observed=True)["power_kw"].median()
    night = (
        year["power_kw"].between_time("23:00", "05:00").median()
        / year["power_kw"].between_time("9:00", "17:00").median()
    )
    moves = fine["position_pct"].diff()
    turns = ((np.sign(moves) * np.sign(moves.shift())) < 0).sum() / len(fine) * 12
    return rise["heating_kwh"] / rise["volume_m3"] / 1.15, share, curve, night, turns

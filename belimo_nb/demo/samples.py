"""An energy valve's samples in display units, read from the simulation itself: for tests over many seeds."""

from __future__ import annotations

import pandas as pd

from belimo_nb.demo.fleet.faults import FaultKind
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.server.resample import Grid, resample
from belimo_nb.demo.world.physics import ZERO_C
from belimo_nb.demo.world.schedule import SITE_ZONE

__all__ = ["FOUND_BY", "settings", "valve_samples"]

FOUND_BY = {
    FaultKind.LOW_DELTA_T: "low delta-T",
    FaultKind.HUNTING: "hunting",
    FaultKind.NO_NIGHT_SETBACK: "night setback",
    FaultKind.OVERSIZED: "oversized",
    FaultKind.SENSORS_SWAPPED: "T1/T2 swapped",
    FaultKind.LEAK: "flow with the valve closed",
    FaultKind.FLOW_SENSOR: "sensor range",
    FaultKind.OFFLINE: "silent",
}
"""The check of `belimo_nb.hydronics` that must find a planted fault; the others are in the counters or the upload."""

_J_PER_KWH = 3.6e6
_COLUMNS = {
    "power_kw": ("evcloud.140", 1e-3, 0.0),
    "flow_m3h": ("evcloud.90", 3600.0, 0.0),
    "t1_c": ("evcloud.150", 1.0, -ZERO_C),
    "t2_c": ("evcloud.160", 1.0, -ZERO_C),
    "delta_t_k": ("evcloud.170", 1.0, 0.0),
    "position_pct": ("evcloud.80", 1.0, 0.0),
    "setpoint_pct": ("evcloud.70", 1.0, 0.0),
    "heating_kwh": ("evcloud.210", 1 / _J_PER_KWH, 0.0),
    "cooling_kwh": ("evcloud.200", 1 / _J_PER_KWH, 0.0),
    "volume_m3": ("evcloudplus.461", 1.0, 0.0),
}


def valve_samples(simulation: Simulation, device: DemoDevice, begin: int, end: int, step: int = 900) -> pd.DataFrame:
    """The last sample of each bucket, as `Device.measurements` gives them over HTTP.

    Args:
        simulation: Where the device is.
        device: An energy valve.
        begin: Epoch seconds.
        end: Epoch seconds, exclusive.
        step: Length of a bucket in seconds.

    Returns:
        DataFrame, one row a bucket, index ``time`` (the bucket's end, in the site's zone), columns as in
        `belimo_nb.quantities`; NaN where there is no sample.
    """
    grid = Grid(begin, end, step, f"{step}s")
    ends = grid.first + grid.step * (1 + pd.RangeIndex(grid.size).to_numpy())
    frame = pd.DataFrame(index=pd.to_datetime(ends, unit="s", utc=True).tz_convert(SITE_ZONE).rename("time"))
    for column, (datapoint, scale, offset) in _COLUMNS.items():
        buckets, values = resample(*simulation.series(device, datapoint), grid)
        frame[column] = float("nan")
        frame.iloc[buckets, -1] = values * scale + offset
    return frame


def settings(simulation: Simulation, device: DemoDevice) -> dict[str, float]:
    """What the valve's own datapoints say of its design: nominal and maximum flow in m3/h, glycol in percent."""
    _, state = simulation.state(device, simulation.now)
    nominal = 3600 * float(state["evcloud.20"])
    return {
        "nominal_flow_m3h": nominal,
        "max_flow_m3h": nominal * float(state["evcloud.60"]) / 100,
        "glycol_pct": float(state["evcloud.270"]),
    }

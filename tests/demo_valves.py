"""Samples of the demo building's valves straight from the simulation, as `Device.measurements` would give them."""

import functools

import pandas as pd

from belimo_nb.demo.fleet.faults import FaultKind
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.fleet.profiles import ENERGY_VALVE_3_WITH_WEAR
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.server.resample import Grid, resample
from belimo_nb.demo.world.physics import ZERO_C
from belimo_nb.demo.world.schedule import SITE_ZONE
from belimo_nb.hydronics.samples import Design, Samples

YEAR = ("2017-12-01", "2018-12-01")

FOUND_BY = {
    FaultKind.LOW_DELTA_T: "low delta-T",
    FaultKind.HUNTING: "hunting",
    FaultKind.NO_NIGHT_SETBACK: "night setback",
    FaultKind.OVERSIZED: "oversized",
    FaultKind.SENSORS_SWAPPED: "T1/T2 swapped",
    FaultKind.LEAK: "flow with the valve closed",
    FaultKind.FLOW_SENSOR: "sensor range",
    FaultKind.OFFLINE: "silent",
    FaultKind.ALWAYS_LOW: "low delta-T",
    FaultKind.CONSTANT_FLOW: "low delta-T",
    FaultKind.CYCLING: "hunting",
    FaultKind.REPORTED: "reported errors",
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
    "error_bits": ("evcloud.280", 1.0, 0.0),
}
_WEAR = {
    "direction_changes": ("evcloudplus.490", 1.0, 0.0),
    "strokes": ("evcloudplus.492", 1.0, 0.0),
    "end_stops": ("evcloudplus.491", 1.0, 0.0),
}


@functools.cache
def simulation(seed=1):
    """The demo building of a seed; shared, since its parts are made when they are first asked for."""
    return Simulation(seed=seed)


def valves(seed=1):
    """The demo building's energy valves."""
    return [device for device in simulation(seed).devices if device.is_energy_valve]


def valve_named(name, seed=1):
    """The energy valve of a name."""
    return next(device for device in valves(seed) if device.name == name)


def demo_samples(name, step="15min", start=YEAR[0], end=YEAR[1], seed=1, design=True):
    """The last readings of buckets, at the buckets' ends, with a row for every bucket; the design if wanted."""
    device, source = valve_named(name, seed), simulation(seed)
    length = int(pd.Timedelta(step).total_seconds())
    first, after = (int(pd.Timestamp(moment, tz="UTC").timestamp()) for moment in (start, end))
    frame = valve_samples(source, device, first, after, length).tz_convert("UTC")
    plant = source.plant(device)
    made = Design(
        delta_t_k=plant.water.design_delta_t_k,
        nominal_flow_m3h=plant.nominal_flow_m3s * 3600,
        max_flow_m3h=plant.max_flow_m3s * 3600,
    )
    return Samples(frame, pd.Timedelta(step), made if design else Design())


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
    columns = _COLUMNS | (_WEAR if device.profile == ENERGY_VALVE_3_WITH_WEAR else {})
    for column, (datapoint, scale, offset) in columns.items():
        buckets, values = resample(*simulation.series(device, datapoint), grid)
        frame[column] = float("nan")
        frame.iloc[buckets, -1] = values * scale + offset
    # Sent once a day, and when they change; what is not measured is not held either.
    frame["error_bits"] = frame["error_bits"].ffill().where(frame["flow_m3h"].notna())
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

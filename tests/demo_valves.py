"""Samples of the demo building's valves straight from the simulation, as `Device.measurements` would give them."""

import functools

import numpy as np
import pandas as pd

from belimo_nb.demo.simulation import Simulation
from belimo_nb.hydronics.samples import Design, Samples

YEAR = ("2017-12-01", "2018-12-01")
J_PER_KWH = 3.6e6
COLUMNS = {
    "power_kw": ("evcloud.140", lambda watts: watts / 1e3),
    "flow_m3h": ("evcloud.90", lambda m3s: m3s * 3600),
    "t1_c": ("evcloud.150", lambda kelvin: kelvin - 273.15),
    "t2_c": ("evcloud.160", lambda kelvin: kelvin - 273.15),
    "delta_t_k": ("evcloud.170", lambda kelvin: kelvin),
    "position_pct": ("evcloud.80", lambda percent: percent),
    "setpoint_pct": ("evcloud.70", lambda percent: percent),
    "heating_kwh": ("evcloud.210", lambda joules: joules / J_PER_KWH),
    "cooling_kwh": ("evcloud.200", lambda joules: joules / J_PER_KWH),
    "volume_m3": ("evcloudplus.461", lambda m3: m3),
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
    count = (after - first) // length
    columns = {}
    for column, (datapoint, convert) in COLUMNS.items():
        times, values = source.series(device, datapoint)
        part = slice(*np.searchsorted(times, (first, after)))
        bucket = (times[part] - first) // length
        last = np.flatnonzero(np.diff(bucket, append=count))
        columns[column] = np.full(count, np.nan)
        columns[column][bucket[last]] = convert(values[part][last])
    ends = pd.to_datetime(first + length * np.arange(1, count + 1), unit="s", utc=True)
    plant = source.plant(device)
    made = Design(
        delta_t_k=plant.water.design_delta_t_k,
        nominal_flow_m3h=plant.nominal_flow_m3s * 3600,
        max_flow_m3h=plant.max_flow_m3s * 3600,
    )
    return Samples(pd.DataFrame(columns, ends), pd.Timedelta(step), made if design else Design())

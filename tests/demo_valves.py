"""Samples of the demo building's valves straight from the simulation, as `Device.measurements` would give them."""

import functools

import pandas as pd

from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.samples import valve_samples
from belimo_nb.hydronics.samples import Design, Samples

YEAR = ("2017-12-01", "2018-12-01")


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

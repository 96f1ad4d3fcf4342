"""Samples of a valve with a perfect heat exchanger: P = rho c b lift V / (b + V), and counters that fit."""

import numpy as np
import pandas as pd

from belimo_nb.hydronics import volumetric_heat


def exchanger(flow, half_flow=2.0, supply=70.0, sink=20.0, step="15min", start="2018-01-01"):
    """Samples as `Device.measurements` gives them: flow in m3/h, supply and sink in °C, numbers or arrays.

    The power of a step is that at its end, and the counters are its exact sums.
    """
    flow = np.asarray(flow, dtype=float)
    times = pd.date_range(start, periods=len(flow), freq=step, tz="UTC", name="time")
    hours = pd.Timedelta(step) / pd.Timedelta("1h")
    lift = np.asarray(supply - np.asarray(sink) + np.zeros(len(flow)))
    delta = lift * half_flow / (half_flow + flow)
    t1 = np.asarray(supply + np.zeros(len(flow)))
    t2 = t1 - delta
    power = volumetric_heat(t2) / 3600 * flow * np.abs(delta)
    counted = 1000 + np.cumsum(power * hours)
    none = np.full(len(flow), 500.0)
    return pd.DataFrame(
        {
            "power_kw": power,
            "flow_m3h": flow,
            "t1_c": t1,
            "t2_c": t2,
            "delta_t_k": np.abs(delta),
            "position_pct": np.where(flow > 0, 10 + 90 * flow / max(flow.max(), 1e-9), 0.0),
            "setpoint_pct": np.where(flow > 0, 10 + 90 * flow / max(flow.max(), 1e-9), 0.0),
            "heating_kwh": np.where(lift > 0, counted, none),
            "cooling_kwh": np.where(lift > 0, none, counted),
            "volume_m3": 2000 + np.cumsum(flow * hours),
        },
        times,
    )


def swinging(count, most, seed=1):
    """Flows between 2 and 100 % of the most, some of them 0."""
    rng = np.random.default_rng(seed)
    return np.where(rng.uniform(size=count) < 0.1, 0.0, most * rng.uniform(0.02, 1.0, count))

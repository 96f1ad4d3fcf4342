"""Samples of a valve whose story is made up, so that the answer is known."""

import numpy as np
import pandas as pd

from belimo_nb.hydronics.samples import Samples

RHO_C_KWH = 4.14e6 / 3.6e6  # kWh/(m3 K) of the made water


def made_times(days=30, step="15min", start="2018-01-08", tz="UTC"):
    """Ends of buckets, as `Device.measurements` gives them; 2018-01-08 is a Monday."""
    begin = pd.Timestamp(start, tz=tz)
    count = int(pd.Timedelta(days=days) / pd.Timedelta(step))
    return pd.DatetimeIndex(begin.tz_convert("UTC") + pd.Timedelta(step) * np.arange(1, count + 1)).tz_convert(tz)


def made_valve(times, step="15min", **columns):
    """A heating valve that runs evenly, but for the columns given; counters follow from power unless they are given.

    As a valve does, it counts by its own sign: heat where T1 is the warmer, cold where it is the colder.

    Args:
        times: Ends of the buckets.
        step: Their length.
        columns: Numbers or arrays by column name.
    """
    given = {"flow_m3h": 2.0, "t1_c": 60.0, "t2_c": 40.0, "position_pct": 60.0, "setpoint_pct": 60.0, **columns}
    values = {name: np.broadcast_to(np.asarray(value, float), len(times)).copy() for name, value in given.items()}
    delta = values["t1_c"] - values["t2_c"]
    values.setdefault("delta_t_k", np.abs(delta))
    values.setdefault("power_kw", RHO_C_KWH * values["flow_m3h"] * np.abs(delta))
    hours = pd.Timedelta(step) / pd.Timedelta(hours=1)
    for column, start, counts in (("heating_kwh", 1000, delta > 0), ("cooling_kwh", 500, delta < 0)):
        values.setdefault(column, start + np.nancumsum(np.where(counts, values["power_kw"], 0.0)) * hours)
    values.setdefault("volume_m3", np.nancumsum(values["flow_m3h"]) * hours)
    return Samples(pd.DataFrame(values, times), pd.Timedelta(step))


def hour_of(times, step="15min"):
    """The local hour, with fractions, in the middle of each bucket."""
    middle = times.tz_localize(None) - pd.Timedelta(step) / 2
    return (middle - middle.normalize()) / pd.Timedelta(hours=1)

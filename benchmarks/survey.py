"""The overview of 5,000 devices from a filled store: energy, checks and ranking of every energy valve, over a year.

The store holds a year of hourly readings of every valve: those of the first 21 of each dataprofile, given to the others
of the same. Compared with reading the same files with pandas, which is the least that anyone must do.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

import belimo_nb as bn
from belimo_nb.cloud.needs import history_queries
from belimo_nb.demo import DemoCloud
from belimo_nb.quantities import CHECKED
from belimo_nb.store.sync import plan, run

DEVICES = 5000
YEAR = ("2017-11-01", "2018-11-01")


def figures() -> Iterator[str]:
    """The measured lines."""
    with tempfile.TemporaryDirectory() as folder, DemoCloud(devices=DEVICES) as server:
        settings = {name.removeprefix("BELIMO_").lower(): value for name, value in server.environment().items()}
        cloud = bn.connect(**settings, data_dir=folder)
        devices = cloud.devices()
        valves = cloud.energy_valves(devices)
        _fill(cloud, valves)
        began = time.perf_counter()
        found = cloud.survey(devices, *YEAR, fetch=0)
        spent = time.perf_counter() - began
        table = found.table()
        seen = int((table["reason"] == "").sum())
        began = time.perf_counter()
        for identifier in valves.index:
            pd.read_parquet(cloud.connection.archive.store.path(str(identifier), "1h"))
        plain = time.perf_counter() - began
        yield (
            f"{seen:,} valves of {len(devices):,} devices in {spent:.1f} s, {spent / plain:.1f} times the bare reading "
            f"with pandas ({plain:.1f} s); {int((table['verdict'] == 'fault').sum()):,} with a fault"
        )
        cloud.close()


def _fill(cloud: bn.Cloud, valves: pd.DataFrame) -> None:
    """Fetch the first valves of every dataprofile, and give what they read to the others of the same."""
    start, end = (pd.Timestamp(day, tz=cloud.timezone) for day in YEAR)
    real = valves.groupby("profile").head(21)
    asked = history_queries(cloud.connection, real, start, end, "1h", counters_from=start, measured=CHECKED)
    archive, now = cloud.connection.archive, cloud.connection.now_s
    run(archive, plan(archive, asked, now, 0), now)
    store = archive.store
    kept = {profile: [store.read(str(i), "1h") for i in rows.index] for profile, rows in real.groupby("profile")}
    for number, (identifier, profile) in enumerate(valves["profile"].drop(real.index).items()):
        models = kept[profile]
        store.write(replace(models[number % len(models)], device=str(identifier)))

"""Runs every benchmark of this folder and prints its figures."""

from __future__ import annotations

from benchmarks import (
    changes,
    demo_cloud,
    diagnose,
    fleet_days,
    interval_energy,
    real_valves,
    reports,
    signature_band,
    survey,
    sync,
)

for benchmark in (
    changes, demo_cloud, interval_energy, fleet_days, signature_band, diagnose, real_valves, survey, sync, reports
):  # fmt: skip
    print(f"\n{benchmark.__name__}: {(benchmark.__doc__ or '').splitlines()[0]}")
    for line in benchmark.figures():
        print(f"  {line}")

"""Device-years of hourly readings, read from the store and summed to local days: time and memory for 10,000.

The store holds a year of the demo building's valves that have heated; they are read over and over, offline, the way
the reports do it. Measured is a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator

DEVICES = 1000
FILL = """
import sys
import belimo_nb as bn
cloud = bn.connect(demo=True, data_dir=sys.argv[1])
cloud.counters(cloud.heating_valves(), "heating", "2017-12-01", "2018-12-01")
"""
READ = """
import resource, sys, time
import belimo_nb as bn
cloud = bn.connect(demo=True, data_dir=sys.argv[1], offline=True)
valves = [cloud.device(name) for name in cloud.heating_valves().index]
total, begin = 0.0, time.perf_counter()
for turn in range(int(sys.argv[2])):
    days = valves[turn % len(valves)].energy("heating", "2017-12-02", "2018-12-01")
    total += float(days["kwh"].sum())
spent = time.perf_counter() - begin
print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def figures() -> Iterator[str]:
    """The measured lines."""
    with tempfile.TemporaryDirectory() as folder:
        _python(FILL, folder)
        spent, peak = map(float, _python(READ, folder, str(DEVICES)).split())
    each = spent / DEVICES
    yield f"{each * 1e3:.1f} ms each, {each * 10_000:.0f} s for 10,000; peak {peak:.0f} MB (from {DEVICES:,})"


def _python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

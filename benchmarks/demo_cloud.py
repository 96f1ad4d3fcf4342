"""The demo cloud: how fast it starts and answers, how much memory the whole fleet takes.

The memory is that of a process of its own that is asked for two years of every valve.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import requests

from belimo_nb.demo import DemoCloud
from benchmarks.timing import median_ms

VALVE = "3c6f7077-a147-4d25-865f-e72901d9de62"
FLEET = """
import resource, sys
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.world.schedule import HISTORY_BEGIN
simulation = Simulation()
for device in simulation.devices:
    if device.profile and "valve" in device.profile[0]:
        for datapoint in ("evcloud.210", "evcloud.140", "evcloud.150"):
            simulation.series(device, datapoint)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak // 1024)
"""
START = """
import time
begin = time.perf_counter()
import urllib.request
from belimo_nb.demo import DemoCloud
with DemoCloud() as cloud:
    urllib.request.urlopen(cloud.url + "/api/v3/api-info").read()
    print(time.perf_counter() - begin)
"""


def figures() -> Iterator[str]:
    """The measured lines."""
    starts = [float(_python(START)) for _ in range(5)]
    yield f"start to first answer, imports included: {sorted(starts)[2]:.2f} s (median of 5)"
    with DemoCloud() as cloud:
        token = _token(cloud)
        ask = requests.Session()
        ask.headers["Authorization"] = f"Bearer {token}"
        base = f"{cloud.environment()['BELIMO_API_URL']}/devices/{VALVE}/data/history/timeseries"
        first = time.perf_counter()
        _history(ask, base, "1d", "2017-12-01", "2018-12-01")
        yield f"first question about a valve (it is simulated): {(time.perf_counter() - first) * 1e3:.0f} ms"
        day = median_ms(lambda: _history(ask, base, "1d", "2017-12-01", "2018-12-01"))
        yield f"a device-year at 1d: {day:.1f} ms (median of 7)"
        quarters = [
            ("2017-12-01", "2018-03-01"),
            ("2018-03-01", "2018-06-01"),
            ("2018-06-01", "2018-09-01"),
            ("2018-09-01", "2018-12-01"),
        ]
        fine = median_ms(lambda: [_history(ask, base, "15m", *quarter) for quarter in quarters])
        yield f"a device-year at 15m, 4 requests: {fine:.1f} ms (median of 7)"
    yield f"whole fleet, two years of 5-minute samples: peak {_python(FLEET).strip()} MB"


def _history(session: requests.Session, url: str, resolution: str, start: str, end: str) -> bytes:
    query = {
        "datapointIds": "evcloud.210",
        "resolution": resolution,
        "from": f"{start}T00:00:00Z",
        "to": f"{end}T00:00:00Z",
    }
    answer = session.get(url, params=query, timeout=60)
    answer.raise_for_status()
    return answer.content


def _token(cloud: DemoCloud) -> str:
    environment = cloud.environment()
    form = {
        "grant_type": "password",
        "username": environment["BELIMO_USERNAME"],
        "password": environment["BELIMO_PASSWORD"],
        "client_id": environment["BELIMO_CLIENT_ID"],
        "client_secret": environment["BELIMO_CLIENT_SECRET"],
        "audience": environment["BELIMO_AUDIENCE"],
        "scope": "public.read",
    }
    return str(requests.post(environment["BELIMO_TOKEN_URL"], form, timeout=60).json()["access_token"])


def _python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=True
    ).stdout

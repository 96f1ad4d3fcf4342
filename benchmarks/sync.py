"""The sync beside the vendor's way: requests counted by the demo server, at 2 requests a second and 300 ms of latency.

The vendor's way is its published example, made honest for a year: a loop of one request for each device and datapoint,
one after the other. To keep it short it runs for a few devices and is scaled to all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

import belimo_nb as bn
from belimo_nb.api import history
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.demo import DemoCloud
from belimo_nb.store.archive import HistoryQuery, LastContact, span_of
from belimo_nb.store.sync import SyncResult, plan, run
from benchmarks.timing import median_ms

RATE, LATENCY = 2.0, 0.3
DATAPOINTS = ("heating_energy", "power", "flow", "t1", "t2")
START, END = pd.Timestamp("2017-12-01T00:00Z"), pd.Timestamp("2018-12-01T00:00Z")
VENDORS_DEVICES = 4
DEVICES, VALVES = 80, 36
MEMORY = """
import sys
from benchmarks.sync import fleet, sync_all
import belimo_nb as bn
cloud = bn.connect()
sync_all(cloud, fleet(cloud, "1h", sys.argv[1], sys.argv[2]))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) // 1024)
"""


def figures() -> Iterator[str]:
    """The measured lines."""
    folder = Path(tempfile.mkdtemp(prefix="belimo-nb-bench-"))
    try:
        yield from _small(folder)
        yield from _large(folder)
    finally:
        shutil.rmtree(folder)


def _valves(cloud: Cloud, resolution: str, start: str = str(START), until: str = str(END)) -> list[HistoryQuery]:
    return fleet(cloud, resolution, start, until)[:VALVES]


def _small(folder: Path) -> Iterator[str]:
    with DemoCloud(devices=DEVICES) as server:
        cloud = _connect(server, folder / "small")
        for identifier in cloud.energy_valves().index[:VALVES]:
            server.simulation.series(server.account.device(identifier), "evcloud.210")  # simulated, not measured
        valves = VALVES
        server.latency, server.rate = LATENCY, RATE
        time.sleep(2)  # the rate's window is empty again
        seconds, outcome = _timed(cloud, _valves(cloud, "1h"))
        ideal = (outcome.requests - RATE) / RATE + LATENCY
        yield (
            f"cold, {valves} valves, 1 year, 1h, {len(DATAPOINTS)} datapoints: {_asked(server)} history requests, "
            f"{seconds:.1f} s; (requests - burst)/rate + latency = {ideal:.1f} s, {seconds / ideal - 1:+.1%}"
        )
        server.requests.clear()
        vendor = _vendors_loop(cloud)
        yield f"the vendor's loop: {len(DATAPOINTS) * valves} requests, {vendor:.0f} s: {vendor / seconds:.1f} times"
        server.requests.clear()
        seconds, _ = _timed(cloud, _valves(cloud, "1h"))
        yield f"warm, nothing new: {_asked(server)} history requests, {seconds:.2f} s"
        valves_of_all = len(cloud.energy_valves(cloud.connection.listed_devices()))
        command = _command("sync", "--from", "2017-12-01", "--to", "2018-12-01", settings=cloud)
        server.latency, server.rate = 0.0, None
        subprocess.run([*command[0]], env=command[1] | {"BELIMO_RATE": "0"}, check=True, capture_output=True)
        server.latency, server.rate = LATENCY, RATE
        server.requests.clear()
        begin = time.perf_counter()
        subprocess.run([*command[0]], env=command[1], check=True, capture_output=True)
        yield (
            f"warm, `belimo-nb sync` as a process: {_asked(server)} history requests, "
            f"{time.perf_counter() - begin:.2f} s, {valves_of_all} valves"
        )
        server.latency, server.rate = 0.0, None
        later = replace(cloud.settings, rate=0.0)
        cloud = Cloud(later)
        server.requests.clear()
        _timed(cloud, _valves(cloud, "15m", "2016-12-01T00:00Z"))
        yield f"15m, 2 years: {_asked(server) / valves:g} requests a device"
        valve = cloud.device("Energieventil Heizung 2.OG Nord-West")
        located = [str(valve.profile.locate(key)) for key in DATAPOINTS]
        read = median_ms(lambda: valve.history(located, START, END))
        yield f"reading a device-year at 1h, {len(DATAPOINTS)} datapoints, from the store: {read:.1f} ms (median of 7)"
        server.simulation.now += 86400
        cloud = Cloud(replace(later, now=END + pd.Timedelta(days=1)))
        server.requests.clear()
        _, outcome = _timed(cloud, _valves(cloud, "1h", until=str(END + pd.Timedelta(days=1))))
        each = outcome.points / valves / len(DATAPOINTS)
        yield f"one day later: {_asked(server)} requests, {each:.0f} values a series"


def _large(folder: Path) -> Iterator[str]:
    with DemoCloud(devices=5000) as server:
        cloud = _connect(server, folder / "large")
        server.requests.clear()
        begin = time.perf_counter()
        cloud.devices()
        listing = time.perf_counter() - begin
        yield f"5,000 devices: listed in {server.requests.count('/api/v3/devices')} requests, {listing:.1f} s"
        valves = cloud.energy_valves(cloud.connection.listed_devices())
        begin = time.perf_counter()
        queries = fleet(cloud, "1h")
        planned = plan(cloud.connection.archive, queries, cloud.connection.now_s, RATE)
        yield (
            f"a plan for its {len(valves):,} energy valves: {planned.requests:,} requests, "
            f"{time.perf_counter() - begin:.2f} s"
        )
        week = [sys.executable, "-c", MEMORY, "2018-11-24T00:00Z", "2018-12-01T00:00Z"]
        environment = cloud.settings.environment() | {"PATH": os.environ["PATH"]}
        begin = time.perf_counter()
        peak = subprocess.run(week, env=environment, capture_output=True, text=True, check=True).stdout.strip()
        spent = time.perf_counter() - begin
        yield f"a sync of all of them, a week: {_asked(server):,} requests, {spent:.0f} s, peak {peak} MB"
        begin = time.perf_counter()
        planned = plan(cloud.connection.archive, fleet(cloud, "1h", "2018-11-24T00:00Z"), cloud.connection.now_s, RATE)
        yield f"the plan when all is kept: {planned.requests} requests, {time.perf_counter() - begin:.2f} s"


def fleet(cloud: Cloud, resolution: str, start: str = str(START), until: str = str(END)) -> list[HistoryQuery]:
    """A question about the datapoints of each energy valve."""
    valves = cloud.energy_valves(cloud.connection.listed_devices())
    span = span_of(pd.Timestamp(start), pd.Timestamp(until), resolution)
    queries = []
    for identifier, seen in valves["last_seen"].items():
        profile = cloud.connection.profile_of(cloud.connection.device_list.known()[str(identifier)])
        wanted = {key: span for name in DATAPOINTS if (key := profile.locate(name)) is not None}
        contact = LastContact(None if pd.isna(seen) else int(seen.timestamp()), cloud.connection.device_list.asked)
        queries.append(HistoryQuery(str(identifier), str(identifier), contact, resolution, wanted))
    return queries


def sync_all(cloud: Cloud, queries: list[HistoryQuery]) -> SyncResult:
    """Plan and fetch."""
    archive, now = cloud.connection.archive, cloud.connection.now_s
    return run(archive, plan(archive, queries, now, cloud.settings.rate), now)


def _timed(cloud: Cloud, queries: list[HistoryQuery]) -> tuple[float, SyncResult]:
    begin = time.perf_counter()
    outcome = sync_all(cloud, queries)
    return time.perf_counter() - begin, outcome


def _vendors_loop(cloud: Cloud) -> float:
    """Seconds for all devices, from those of a few."""
    queries = _valves(cloud, "1h")
    begin = time.perf_counter()
    for query in queries[:VENDORS_DEVICES]:
        for datapoint in query.wanted:
            history.fetch(cloud.connection.get, query.device, [datapoint], START, END, "1h", "last")
    return (time.perf_counter() - begin) * len(queries) / VENDORS_DEVICES


def _connect(server: DemoCloud, folder: Path) -> Cloud:
    names = {name.removeprefix("BELIMO_").lower(): value for name, value in server.environment().items()}
    # The large fleet's sync is bound by the machine, not by the rate.
    rate = str(RATE) if folder.name == "small" else "0"
    return bn.connect(demo=False, **(names | {"data_dir": str(folder), "rate": rate}))


def _command(*arguments: str, settings: Cloud) -> tuple[list[str], dict[str, str]]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BELIMO_")}
    return [sys.executable, "-m", "belimo_nb", *arguments], environment | settings.settings.environment()


def _asked(server: DemoCloud) -> int:
    return sum(request.path.endswith("/timeseries") for request in server.requests)

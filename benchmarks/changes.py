"""News: the demo building's clock moved over 24 months, a run a month; and 1,000 reports compared with those before."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

import belimo_nb as bn
from belimo_nb import summary
from belimo_nb.demo import DemoCloud
from belimo_nb.report.changes import Item, Seen, compare

FIRST, LAST, ZONE = "2016-12-01", "2018-11-01", "Europe/Zurich"
MANY = 1000


def figures() -> Iterator[str]:
    """The measured lines."""
    before: list[Seen] = []
    with tempfile.TemporaryDirectory(prefix="belimo-nb-bench-") as folder:
        begin, count = time.perf_counter(), 0
        for month, devices, items in runs(Path(folder)):
            before, count = devices, count + 1
            for item in (item for item in items if item.news):
                yield f"{month}: {item.kind} {item.topic}, {item.device.title}: {item.text}"
        yield f"{count} runs of {len(before)} valves, {time.perf_counter() - begin:.0f} s"
    many = [
        Seen(f"{one.key}-{n}", f"{one.id}-{n}", one.title, f"{one.slug}-{n}", one.record, one.standing)
        for n, one in ((n, before[n % len(before)]) for n in range(MANY))
    ]
    begin = time.perf_counter()
    compare(many, many, pd.Timestamp(LAST).date(), whole_fleet=True, year_before=many)
    yield f"{MANY:,} reports compared with those before and those of a year before: {time.perf_counter() - begin:.2f} s"


def runs(
    folder: Path, names: Sequence[str] = (), first: str = FIRST, last: str = LAST
) -> Iterator[tuple[str, list[Seen], list[Item]]]:
    """A run a month, without pages, each at the time of its making: month, devices, and what changed.

    Args:
        folder: For the store.
        names: The valves; none: all.
        first: First day of the first month.
        last: First day of the last one.
    """
    before: list[Seen] | None = None
    years: dict[pd.Timestamp, list[Seen]] = {}
    with DemoCloud() as server:
        given = {name.removeprefix("BELIMO_").lower(): value for name, value in server.environment().items()}
        for start in pd.date_range(first, last, freq="MS", tz=ZONE):
            end = start + pd.DateOffset(months=1)
            now = (end + pd.Timedelta("4h")).tz_convert("UTC")
            server.simulation.now = int(now.timestamp())
            cloud = bn.connect(demo=False, **given | {"now": now.isoformat(), "rate": "0", "data_dir": str(folder)})
            seen = []
            for name in names or cloud.energy_valves().index:
                valve = cloud.device(str(name))
                days = valve.counters(start, end).energy("D", start)
                checkup = valve.checkup(start, end, "1h", None)
                record = summary.device_figures(valve, days, checkup, cloud.timezone).record
                seen.append(Seen(valve.serial, valve.id, valve.name, valve.id, record))
            year_before = years.get(start - pd.DateOffset(years=1), [])
            standing, items = compare(seen, before, start.date(), whole_fleet=True, year_before=year_before)
            before = [Seen(it.key, it.id, it.title, it.slug, it.record, standing[it.key]) for it in seen]
            years[start] = before
            yield f"{start:%Y-%m}", before, items

"""The demo building's clock moved over two years, a run a month: each planted fault is news once, its end once."""

from __future__ import annotations

import pandas as pd
import pytest

import belimo_nb as bn
from belimo_nb import summary
from belimo_nb.demo import DemoCloud
from belimo_nb.report.changes import Seen, compare

FAULTY = {
    "Energieventil Heizung 1.OG Sued-West": [("2016-12", "new", "night setback")],
    "Lüftung LA03 Erhitzer": [("2016-12", "new", "flow with the valve closed")],
    "Lüftung LA04 Erhitzer": [("2016-12", "new", "hunting")],
    "Energieventil Kälte 2.OG Süd": [
        ("2017-05", "new", "delta-T"),
        ("2017-05", "setting", "DeltaT_Limitation_Write"),
        ("2017-06", "worse", "delta-T"),
    ],
    "Energieventil Kälte 1.OG Süd": [("2017-09", "new", "oversized")],
    "Lüftung LA02 Erhitzer": [("2017-10", "new", "sensors")],
    "Energieventil Heizung 2.OG Sued-West": [("2018-02", "new", "readings"), ("2018-03", "gone", "readings")],
    "Lüftung LA02 Kühler": [("2018-06", "new meter", "")],
    "Lüftung LA03 Kühler": [("2018-07", "new", "readings"), ("2018-08", "gone", "readings")],
    "Umschaltventil EG Aula": [
        ("2018-11", "new", "health"),
        ("2018-11", "new", "no flow with the valve open"),
        ("2018-11", "new", "sensors"),
    ],
    "Energieventil Kälte EG Ost": [("2018-11", "new", "connection"), ("2018-11", "new", "readings")],
}
"""The planted faults that a month's report can show, with the month in which each is news; see docs/demo-cloud.md.

The low delta-T is a warning in the month in which someone switched its limit off, and a fault in the next. A valve is
oversized only when a season has shown it.
"""
WELL = {
    "Lüftung LA01 Kühler": [("2018-05", "setting", "SpDeltaT_K_Write")],
    "Energieventil Heizung 2.OG Nord-Ost": [("2017-10", "setting", "Pmax_Rel_Write")],
}


@pytest.mark.slow
@pytest.mark.xdist_group("killed")  # one of the long ones, which begin first
def test_each_planted_fault_is_news_once(tmp_path):
    """Over 24 months nothing else is news: not the flicker of a check, not a summer in which nothing can be judged."""
    news: dict[str, list[tuple[str, str, str]]] = {name: [] for name in FAULTY | WELL}
    before, years = None, {}
    with DemoCloud() as server:
        given = {name.removeprefix("BELIMO_").lower(): value for name, value in server.environment().items()}
        for start in pd.date_range("2016-12-01", "2018-11-01", freq="MS", tz="Europe/Zurich"):
            end = start + pd.DateOffset(months=1)
            now = (end + pd.Timedelta("4h")).tz_convert("UTC")
            server.simulation.now = int(now.timestamp())
            more = {"now": now.isoformat(), "rate": "0", "data_dir": tmp_path}
            cloud = bn.connect(demo=False, **given | more)
            seen = []
            for name in news:
                valve = cloud.device(name)
                days = valve.counters(start, end).energy("D", start)
                checkup = valve.checkup(start, end, "1h", None)
                record = summary.device_figures(valve, days, checkup, cloud.timezone).record
                seen.append(Seen(valve.serial, valve.id, name, name, record))
            standing, items = compare(
                seen, before, start.date(), whole_fleet=True, year_before=years.get(start - pd.DateOffset(years=1), ())
            )
            before = [Seen(it.key, it.id, it.title, it.slug, it.record, standing[it.key]) for it in seen]
            years[start] = before
            for item in items:
                if item.news:
                    news[item.device.title].append((f"{start:%Y-%m}", item.kind, item.topic))
    assert news == FAULTY | WELL

"""The demo building's clock moved from month to month: each planted fault is news once."""

from __future__ import annotations

import pytest

from benchmarks.changes import runs

NEWS = {
    "Lüftung LA03 Erhitzer": [("2017-04", "new", "flow with the valve closed")],
    "Lüftung LA04 Erhitzer": [("2017-04", "new", "hunting")],
    "Energieventil Kälte 2.OG Süd": [
        ("2017-05", "new", "delta-T"),
        ("2017-05", "setting", "DeltaT_Limitation_Write"),
        ("2017-06", "worse", "delta-T"),
    ],
    "Lüftung LA02 Erhitzer": [("2017-10", "new", "sensors")],
    "Energieventil Heizung 2.OG Nord-Ost": [("2017-10", "setting", "Pmax_Rel_Write")],
}
"""What is planted in these valves, with the month in which each is news; see docs/demo-cloud.md.

The low delta-T is a warning in the month in which someone switched its limit off, and a fault in the next. `make bench`
does the same over two years and all valves.
"""


@pytest.mark.slow
@pytest.mark.xdist_group("killed")  # one of the long ones, which begin first
def test_each_planted_fault_is_news_once(tmp_path):
    """From spring to autumn nothing else is: not what flickers, not a summer in which nothing can be judged."""
    news: dict[str, list[tuple[str, str, str]]] = {name: [] for name in NEWS}
    for month, _, items in runs(tmp_path, list(NEWS), "2017-04-01", "2017-11-01"):
        for item in items:
            if item.news:
                news[item.device.title].append((month, item.kind, item.topic))
    assert news == NEWS

"""One name is one value on all pages of a run: the overview, the energy reports and the valves' own."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest

from belimo_nb import summary


def by_label(shown: Any) -> dict[str, dict[str, Any]]:
    """Key figures by their labels."""
    return {figure["label"]: figure for figure in shown.data()["figures"]}


@pytest.mark.slow
def test_energy_valves_and_completeness(cloud):
    """The sum, the valves that it is of, and how complete the readings are, though a meter counts heat as cold."""
    period = cloud.period("2018-01-01", "2018-12-01")
    compared = cloud.compared(period, "")
    devices = cloud.devices()
    overview = by_label(summary.fleet_figures(devices, cloud.latest(devices), cloud.survey(devices, *edges(period))))
    for kind, valves in (("heating", cloud.heating_valves()), ("cooling", cloud.cooling_valves())):
        counters = cloud.counters(valves, kind, compared.start, period.end)
        study, *_ = summary.energy_study(cloud, valves, counters, period, compared, kind=kind)
        report = by_label(summary.energy_figures(study, counters.energy("MS", period.start, period.end)))
        name = summary.kind_energy(kind)
        own = [cloud.device(key).energy(kind, *edges(period)) for key in valves.index]
        assert overview[name]["value"] == pytest.approx(sum(one["kwh"].sum() for one in own))
        assert f"from {len(valves)} valves" in overview[name]["note"]
        assert f"{len(valves)} valves" in report["Completeness"]["note"]
        share = 100 * fmean(one["coverage"].mean() for one in own)
        assert report["Completeness"]["value"] == pytest.approx(share, abs=0.1)
        if name in report:
            assert report[name]["value"] == pytest.approx(overview[name]["value"])
        else:
            sound = report[f"{name}, sound meters"]
            assert sound["value"] < overview[name]["value"]
            counted = f"all meters counted {overview[name]['value']:.0f}"
            assert counted in sound["note"].replace("\u202f", ""), "and it says what the other page has"
    assert "Cooling energy" not in report, "one of the demo's meters counts heat as cold"


def edges(period: Any) -> tuple[Any, Any]:
    """Where a period begins and ends."""
    return period.start, period.end

"""One name is one value on all pages of a run: the overview, the energy reports and the valves' own."""

from __future__ import annotations

from typing import Any

import pytest

from belimo_nb import summary
from belimo_nb.cloud.condition import verdicts_of


def by_label(shown: Any) -> dict[str, dict[str, Any]]:
    """Key figures by their labels."""
    return {figure["label"]: figure for figure in shown.data()["figures"]}


@pytest.mark.slow
def test_energy_valves_and_completeness(cloud):
    """The sum, the valves that it is of, and how complete the readings are, though a meter counts heat as cold."""
    period = cloud.period("2018-09-01", "2018-12-01")
    compared = cloud.compared(period, "")
    devices = cloud.devices()
    overview = by_label(summary.fleet_figures(devices, cloud.latest(devices), cloud.survey(devices, *edges(period))))
    for kind, valves in (("heating", cloud.heating_valves()), ("cooling", cloud.cooling_valves())):
        counters = cloud.counters(valves, kind, compared.start, period.end)
        study, *_ = summary.energy_study(cloud, valves, counters, period, compared, kind=kind)
        report = by_label(summary.energy_figures(study, counters.energy("MS", period.start, period.end)))
        name = summary.kind_energy(kind)
        days = counters.energy("D", *edges(period))
        assert overview[name]["value"] == pytest.approx(days["kwh"].sum().sum())
        assert f"from {len(valves)} valves" in overview[name]["note"]
        assert f"{len(valves)} valves" in report["Completeness"]["note"]
        assert report["Completeness"]["value"] == pytest.approx(100 * days["coverage"].mean().mean(), abs=0.1)
        if name in report:
            assert report[name]["value"] == pytest.approx(overview[name]["value"])
        else:
            sound = report[f"{name}, sound meters"]
            assert sound["value"] < overview[name]["value"]
            counted = f"all meters counted {overview[name]['value']:.0f}"
            assert counted in sound["note"].replace("\u202f", ""), "and it says what the other page has"
    assert "Cooling energy" not in report, "one of the demo's meters counts heat as cold"


@pytest.mark.slow
def test_verdicts(cloud):
    """What the overview says of a valve its own page says, too, also where a month takes older readings."""
    valve, devices = cloud.device("2.OG Nord-West"), cloud.devices("2.OG Nord-West")
    for start in ("2017-12-01", "2018-11-01"):
        period = cloud.period(start, "2018-12-01")
        own = {one.check: one for one in verdicts_of(valve.checkup(*edges(period)).verdicts)}
        (found,) = cloud.survey(devices, *edges(period)).valves.values()
        assert "night setback" in {one.check for one in found.verdicts}
        for one in found.verdicts:
            assert (one.verdict, one.sentence) == (own[one.check].verdict, own[one.check].sentence)


def edges(period: Any) -> tuple[Any, Any]:
    """Where a period begins and ends."""
    return period.start, period.end

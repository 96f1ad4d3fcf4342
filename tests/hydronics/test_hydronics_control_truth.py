"""The checks of control, flow and sensors against the demo building, whose faults are known."""

from itertools import pairwise

import pandas as pd
import pytest
from demo_valves import demo_samples, simulation, valves

from belimo_nb.demo.fleet.building import Kind
from belimo_nb.demo.fleet.faults import FaultKind
from belimo_nb.heating.days import daily_means
from belimo_nb.hydronics.checks.closed import closed
from belimo_nb.hydronics.checks.heating_and_cooling import together
from belimo_nb.hydronics.checks.hunting import hunting
from belimo_nb.hydronics.checks.meter import meter
from belimo_nb.hydronics.checks.open_valve import open_valve
from belimo_nb.hydronics.checks.sensors import sensors
from belimo_nb.hydronics.checks.sensors_swapped import swapped
from belimo_nb.hydronics.checks.setback import setback
from belimo_nb.hydronics.checks.stuck import stuck
from belimo_nb.hydronics.samples import Samples

ZURICH = "Europe/Zurich"
WINTER, SUMMER = ("2018-01-08", "2018-01-22"), ("2018-07-02", "2018-07-16")
FOUND_BY = {
    FaultKind.HUNTING: "hunting",
    FaultKind.NO_NIGHT_SETBACK: "night setback",
    FaultKind.LEAK: "flow with the valve closed",
    FaultKind.FLOW_SENSOR: "no flow with the valve open",
    FaultKind.SENSORS_SWAPPED: "T1/T2 swapped",
}
NO_DATA = Samples(pd.DataFrame(index=pd.DatetimeIndex([], tz="UTC")), pd.Timedelta("15min"))


def verdicts(samples, fine, outdoor=None):
    """All checks of this page on one valve."""
    return [
        hunting(fine),
        setback(samples, ZURICH, outdoor),
        together(samples),
        closed(samples),
        open_valve(samples, outdoor),
        swapped(samples),
        stuck(samples),
        sensors(samples),
        sensors(fine),
        meter(samples),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "step"), [(4, "15min"), (11, "1h")])
def test_planted_faults_are_found_and_nothing_else(seed, step):
    """Every planted fault by its check; no other verdict of any valve is a fault or a warning."""
    times, values = simulation(seed).outdoor_temperature(0, 2**40)
    outdoor = daily_means(pd.Series(values, pd.to_datetime(times, unit="s", utc=True)), ZURICH)
    truth = [fault for fault in simulation(seed).truth if fault.fault in FOUND_BY]
    planted = {(fault.name, FOUND_BY[fault.fault]) for fault in truth}
    planted |= {(fault.name, "sensor range") for fault in truth if fault.fault is FaultKind.FLOW_SENSOR}
    assert len(planted) == len(FOUND_BY) + 1
    found = set()
    for device in valves(seed):
        heats = device.kind in (Kind.HEATING_ZONE, Kind.AIR_HEATER, Kind.CHANGE_OVER)
        fine = demo_samples(device.name, "5min", *(WINTER if heats else SUMMER), seed=seed)
        for verdict in verdicts(demo_samples(device.name, step, seed=seed), fine, outdoor):
            if verdict.verdict in ("warn", "fault"):
                found.add((device.name, verdict.check))
                assert verdict.recommendation
            else:
                assert not verdict.recommendation
            assert verdict.sentence.endswith(".")
    assert found == planted


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_samples(count):
    """With no, one or two samples no check says more than that it cannot judge, except that readings are credible."""
    one = demo_samples("Energieventil Heizung 2.OG Sued-Ost", "15min", "2018-01-08", "2018-01-09")
    few = NO_DATA if not count else Samples(one.frame.iloc[:count], one.step)
    for verdict in verdicts(few, few):
        assert verdict.verdict == "cannot judge" or (count and verdict.check == "sensor range")
        assert verdict.sentence


def test_all_zero():
    """Valves in stock report zeros for ever: nothing can be judged, and nothing is a fault; that they do is told."""
    frame = demo_samples("Energieventil Heizung 2.OG Sued-Ost", "15min", "2018-01-01", "2018-03-01").frame * 0.0
    for verdict in verdicts(Samples(frame), Samples(frame)):
        assert verdict.verdict in ("ok", "cannot judge") or (verdict.check, verdict.verdict) == ("sensor range", "warn")


def test_each_column_may_be_missing():
    """Without any one of the columns every check gives a verdict or a reason."""
    frame = demo_samples("Energieventil Heizung 2.OG Sued-Ost", "15min", "2018-01-01", "2018-02-01").frame
    for column in frame:
        for verdict in verdicts(Samples(frame.drop(columns=column)), NO_DATA):
            assert verdict.verdict in ("ok", "cannot judge")
            assert verdict.sentence


def test_a_longer_range_keeps_what_a_shorter_one_counts():
    """Hours and water of a leak in two halves of a winter are those of the whole."""
    edges = ("2018-01-01", "2018-02-01", "2018-03-01")
    parts = [closed(demo_samples("Lüftung LA03 Erhitzer", start=a, end=b)) for a, b in pairwise(edges)]
    whole = closed(demo_samples("Lüftung LA03 Erhitzer", start=edges[0], end=edges[-1]))
    assert sum(part.waste_m3 for part in parts) == pytest.approx(whole.waste_m3, rel=0.01)

"""Flow with the valve closed."""

import numpy as np
import pandas as pd
import pytest
from demo_valves import YEAR, demo_samples, simulation, valve_named
from made_valves import RHO_C_KWH, hour_of, made_times, made_valve

from belimo_nb.hydronics.checks.closed import closed
from belimo_nb.hydronics.samples import Design, Samples

LEAKING = "Lüftung LA03 Erhitzer"


def leaking_valve(hours_a_day, leak=0.1, step="15min", days=30, **columns):
    """Open from 6 to 18 with 2 m3/h, closed else, and leaking for the first hours of each day."""
    times = made_times(days, step)
    hour = hour_of(times, step)
    opened = (hour >= 6) & (hour < 18)
    flow = np.where(opened, 2.0, np.where(hour < hours_a_day, leak, 0.0))
    return made_valve(times, step, position_pct=np.where(opened, 60, 0.5), flow_m3h=flow, **columns)


@pytest.mark.parametrize("step", ["5min", "15min", "1h"])
@pytest.mark.parametrize(("hours", "verdict"), [(0, "ok"), (4, "fault")])
def test_hours_a_day_and_waste(hours, verdict, step):
    """So many hours a day, and the water and the heat that leaked in them."""
    found = closed(leaking_valve(hours, step=step))
    assert (found.verdict, found.figure) == (verdict, pytest.approx(hours))
    assert found.waste_m3 == pytest.approx(30 * hours * 0.1)
    assert found.waste_kwh == pytest.approx(30 * hours * 0.1 * RHO_C_KWH * 20)
    assert bool(found.recommendation) == (verdict == "fault")


def test_an_hour_a_day_is_the_limit():
    """45 minutes a day are little, 75 a fault."""
    assert closed(leaking_valve(0.75, step="5min")).verdict == "ok"
    assert closed(leaking_valve(1.25, step="5min")).verdict == "fault"


@pytest.mark.parametrize(("minutes", "counts"), [(5, False), (15, False), (20, True)])
def test_a_valve_that_just_closed_does_not_leak(minutes, counts):
    """Flow that ends within 15 minutes is the rest of a mean; from the first reading to the last it must be 15."""
    times = made_times(30, "5min")
    at = np.arange(len(times)) * 5 % 60
    flow = np.where(at < 30, 2.0, np.where(at < 30 + minutes, 0.5, 0.0))
    found = closed(made_valve(times, "5min", flow_m3h=flow, position_pct=np.where(at < 30, 60, 0)))
    assert (found.figure > 0) == counts


def test_single_quarter_hours_do_not_count():
    """At 15 minutes two neighboring readings are needed, also across a gap."""
    times = made_times(30, "15min")
    single = np.arange(len(times)) % 4 == 0
    valve = made_valve(times, flow_m3h=np.where(single, 1.0, 0.0), position_pct=0)
    assert closed(valve).figure == 0
    assert closed(valve.part(single)).figure == 0


def test_below_one_percent_is_no_flow():
    """What is less than 1 % of the nominal flow is the sensor's zero; the nominal flow comes from the design."""
    valve = leaking_valve(4, leak=0.03)
    assert closed(valve).verdict == "fault"
    assert "99th percentile" in closed(valve).sentence
    large = Samples(valve.frame, valve.step, Design(nominal_flow_m3h=4.0))
    assert closed(large).verdict == "ok"
    assert closed(large).figure == 0
    assert "never more than 1 % of the nominal flow of 4 m³/h" in closed(large).sentence


def test_unknown_power_leaves_the_water():
    """Without power the water is told alone; with a part of it the rest stands for all."""
    assert np.isnan(closed(leaking_valve(4, power_kw=np.nan)).waste_kwh)
    times = made_times(30, "15min")
    known = np.where(np.arange(len(times)) % 3, RHO_C_KWH * 0.1 * 20, np.nan)
    found = closed(leaking_valve(4, power_kw=known))
    assert found.waste_kwh == pytest.approx(30 * 4 * 0.1 * RHO_C_KWH * 20)


def test_with_the_pump_off_a_flow_is_the_meters_zero():
    """Flow through a closed valve whose water is at room temperature is none; while water is supplied it is."""
    hour = hour_of(made_times(30))
    rests = np.where(hour < 6, 22.0, 60.0)
    resting = leaking_valve(4, t1_c=rests, t2_c=np.where(hour < 6, 22.2, 40.0))
    assert (closed(resting).verdict, closed(resting).figure) == ("ok", 0.0)
    assert closed(leaking_valve(4)).verdict == "fault"
    unknown = leaking_valve(4, t1_c=np.nan, t2_c=np.nan, delta_t_k=np.nan, power_kw=np.nan)
    assert closed(unknown).verdict == "fault", "nothing says that the pump rests"


@pytest.mark.parametrize(("leak", "t2", "verdict"), [(0.04, 20.0, "ok"), (0.04, 40.0, "fault"), (0.2, 20.0, "fault")])
def test_a_share_that_stands_is_the_meters_zero(leak, t2, verdict):
    """2 % that flow whenever the valve is closed are a zero, unless the return stays warm; 10 % are no zero."""
    found = closed(leaking_valve(24, leak=leak, t1_c=60.0, t2_c=t2))
    assert found.verdict == verdict
    assert ("that is the meter's zero" in found.sentence) == (verdict == "ok")


def test_cannot_judge():
    """A valve that is never closed, unknown flow, and readings that are too rare."""
    times = made_times(30, "15min")
    assert "closed for only 0 h" in closed(made_valve(times)).sentence
    assert closed(made_valve(times, flow_m3h=np.nan)).verdict == "cannot judge"
    assert "60 min" in closed(made_valve(made_times(30, "3h"), "3h")).sentence


@pytest.mark.parametrize("step", ["15min", "1h"])
def test_demo(step):
    """The planted leak with its hours, water and heat, within 2 % of the truth; hourly readings see the same."""
    found = closed(demo_samples(LEAKING, step, design=False))
    device, source = valve_named(LEAKING), simulation()
    times, position = source.series(device, "evcloud.80")
    known = (times >= pd.Timestamp(YEAR[0], tz="UTC").timestamp()) & (
        times < pd.Timestamp(YEAR[1], tz="UTC").timestamp()
    )
    flow, power = (source.series(device, key)[1] for key in ("evcloud.90", "evcloud.140"))
    leaking = known & (position == 0) & (flow > 0)
    true_m3, true_kwh = flow[leaking].sum() * 300, power[leaking].sum() * 300 / 3.6e6
    assert found.verdict == "fault"
    assert found.figure == pytest.approx(leaking.sum() * 5 / 60 / 365, rel=0.02)
    assert found.waste_m3 == pytest.approx(true_m3, rel=0.02)
    assert found.waste_kwh == pytest.approx(true_kwh, rel=0.02)


def test_demo_healthy():
    """Its sister closes."""
    assert closed(demo_samples("Lüftung LA01 Erhitzer")).verdict == "ok"


def test_a_dead_flow_sensor_shows_no_tightness():
    """Flow reads 0 all the time, and the temperatures say that water moves: whether the valve closes is not known."""
    times = made_times(10)
    position = np.maximum(60 * np.sin(np.arange(len(times)) / 4), 0.0)
    dead = made_valve(times, flow_m3h=0.0, position_pct=position, t1_c=6.0, t2_c=12 - 0.05 * position)
    shut = made_valve(times, flow_m3h=0.0, position_pct=0.0, t1_c=21.0, t2_c=21.0)
    assert closed(dead).sentence == "The flow sensor has failed, so it does not show whether the valve closes."
    assert closed(shut).verdict == "ok"

"""No flow with the valve open."""

import numpy as np
import pandas as pd
import pytest
from demo_valves import demo_samples
from made_valves import made_times, made_valve

from belimo_nb.hydronics import judge, plant_outages
from belimo_nb.hydronics.checks.open_valve import open_valve

FAILED = "Umschaltventil EG Aula"


def dry_valve(dry, step="15min", days=60, settled=True, **columns):
    """A heating valve at 60 %, without flow where `dry` (hours since the begin); its water then at room temperature."""
    times = made_times(days, step)
    since = (np.arange(len(times)) + 1) * (pd.Timedelta(step) / pd.Timedelta(hours=1))
    still = np.zeros(len(times), dtype=bool)
    for begin, end in dry:
        still |= (since > begin) & (since <= end)
    given = {"flow_m3h": np.where(still, 0.0, 2.0), **columns}
    if settled:
        given = {"t1_c": np.where(still, 22.0, 60.0), "t2_c": np.where(still, 22.0, 40.0), **given}
    return made_valve(times, step, **given)


def daily(value, days=61):
    """Daily means of outdoor temperature."""
    return pd.Series(float(value), pd.date_range("2018-01-08", periods=days, tz="UTC"))


@pytest.mark.parametrize("step", ["5min", "15min", "1h"])
@pytest.mark.parametrize(("dry", "verdict"), [(0, "ok"), (10, "ok"), (30, "warn")])
def test_hours_without_flow(dry, verdict, step):
    """Hours without flow as a share of 1440 open hours; 1 % is the limit."""
    found = open_valve(dry_valve([(300, 300 + dry)], step))
    assert (found.verdict, found.figure) == (verdict, pytest.approx(100 * dry / 1440))
    assert bool(found.recommendation) == (verdict == "warn")


def test_short_spells_do_not_count():
    """A pump that rests for 45 minutes of each day is no outage; for 75 minutes it is one."""
    short = [(24 * day + 5, 24 * day + 5.75) for day in range(60)]
    long = [(24 * day + 5, 24 * day + 6.25) for day in range(60)]
    assert open_valve(dry_valve(short)).figure == 0
    assert open_valve(dry_valve(long)).verdict == "warn"


@pytest.mark.parametrize(("every", "verdict"), [(1, "ok"), (0, "warn")])
def test_days_without_any_flow_need_no_spell(every, verdict):
    """A valve that opens for half an hour again and again: flow that lags comes later on the day, else none does."""
    times = made_times(20)
    poll = np.arange(len(times))
    opened = poll % 8 < 2
    flow = np.where(opened & (poll % 8 == 1) & bool(every), 2.0, 0.0)
    found = open_valve(made_valve(times, position_pct=np.where(opened, 60.0, 0.0), flow_m3h=flow))
    assert found.verdict == verdict
    assert found.figure == (0 if every else 100)


def test_a_failed_sensor_is_told_from_a_failed_pump():
    """Water that stays warm flows; water that settles to the room's temperature does not."""
    sensor, pump = open_valve(dry_valve([(300, 900)], settled=False)), open_valve(dry_valve([(300, 400)]))
    assert "flow sensor" in sensor.sentence
    assert "flow sensor" in sensor.recommendation
    assert "flow sensor" not in pump.sentence
    assert "strainer" in pump.recommendation
    assert "2018-01-20" in sensor.sentence


def test_a_blocked_branch_beside_a_warm_main():
    """Where the supply stays warm and the return does not, the pump runs and the branch is blocked, for weeks."""
    still = np.arange(60 * 96) >= 10 * 96
    found = open_valve(dry_valve([(240, 1440)], t1_c=55, t2_c=np.where(still, 22, 40)))
    assert found.figure == pytest.approx(100 * 1200 / 1440, rel=0.01)
    assert "strainer" in found.recommendation


def test_a_warm_plant_room_is_no_season():
    """In summer both sensors of a resting valve may show 33 °C."""
    still = np.arange(60 * 96) >= 10 * 96
    room = dry_valve([(240, 1440)], t1_c=np.where(still, 33.2, 60), t2_c=np.where(still, 32.9, 40))
    found, cool = open_valve(room), open_valve(dry_valve([(240, 1440)]))
    assert (found.figure, found.recommendation) == (cool.figure, cool.recommendation)


def test_the_end_of_the_season_is_no_fault_for_long():
    """A heating valve that stands open all summer counts for a week at most; warm days with the weather given too."""
    summer = dry_valve([(720, 3 * 1440)], days=180)
    open_h = 720 + 7 * 24 + 0
    assert open_valve(summer).figure == pytest.approx(100 * 7 * 24 / open_h, rel=0.01)
    never = dry_valve([(0, 1440)])
    assert open_valve(never).verdict == "cannot judge"


def test_cold_days_are_season():
    """With the weather given, a blocked heating valve is found for as long as it is cold, and not when it is warm."""
    blocked = dry_valve([(240, 1440)])
    assert open_valve(blocked, daily(0)).figure == pytest.approx(100 * 1200 / 1440, rel=0.01)
    assert open_valve(blocked, daily(18)).figure == 0
    assert open_valve(blocked, daily(14)).figure == open_valve(blocked).figure
    hourly = pd.Series(0.0, pd.date_range("2018-01-08", "2018-03-12", freq="h", tz="UTC"))
    assert open_valve(blocked, hourly).figure == open_valve(blocked, daily(0)).figure


def test_cold_days_are_no_season_for_cooling():
    """A cooling valve that stands open in winter while the chiller rests is left alone, if the weather is known."""
    times = made_times(60, "15min")
    runs = np.arange(len(times)) < 10 * 96
    valve = made_valve(times, flow_m3h=np.where(runs, 2, 0), t1_c=np.where(runs, 8, 21), t2_c=np.where(runs, 14, 21))
    assert open_valve(valve, daily(0)).figure == 0
    assert open_valve(valve, daily(15)).figure == open_valve(valve).figure > 0


def test_a_pump_that_stops_for_an_afternoon_is_none():
    """Two hours without flow are more than 1 % of a week's open hours, and worth no visit; eight are."""
    for dry, verdict in ((2, "ok"), (8, "warn")):
        found = open_valve(dry_valve([(100, 100 + dry)], days=7))
        assert found.figure > 1
        assert found.verdict == verdict


@pytest.mark.parametrize("step", ["15min", "1h"])
def test_readings_that_lag_are_none(step):
    """Now and then one reading without flow as the valve opens: no hour, and no failed flow sensor."""
    times = made_times(60, step)
    lags = np.arange(len(times)) % 8 == 0
    found = open_valve(made_valve(times, step, flow_m3h=np.where(lags, 0.0, 2.0)))
    assert (found.verdict, found.figure) == ("ok", 0.0)


def test_an_open_sensor_leaves_the_call():
    """With T1 at 537.7 °C nobody knows what is supplied; a valve that calls for two weeks without flow is found."""
    found = open_valve(dry_valve([(0, 340)], t1_c=537.7, t2_c=22.0))
    assert found.verdict == "warn"


def riser(step="15min", dry=4, running=2):
    """Valves of a building, the first of which lack water from hour 300 to 400."""
    return [dry_valve([(300, 400)] if n < dry else [], step) for n in range(dry + running)]


@pytest.mark.parametrize("step", ["5min", "15min", "1h"])
def test_a_building_without_water_is_told_once(step):
    """Four of six valves lack water at once: one outage of the plant, and no valve is blamed for it."""
    valves = riser(step)
    outages = plant_outages(valves)
    assert outages["valves"].tolist() == [4]
    hours = (outages["end"] - outages["begin"]) / pd.Timedelta("1h")
    assert hours.tolist() == pytest.approx([100], abs=1)
    assert open_valve(valves[0]).verdict == "warn"
    found = open_valve(valves[0], outages=outages)
    assert (found.verdict, found.figure) == ("ok", 0.0)
    assert "100 h in which the whole building lacked water left out" in found.sentence
    (judged,) = judge(valves[0], outages=outages, checks=["no flow with the valve open"])
    assert judged == found


@pytest.mark.parametrize(("dry", "running"), [(2, 0), (4, 5), (0, 3)])
def test_a_few_valves_are_no_building(dry, running):
    """Two valves are no building, and four of nine are not the plant."""
    assert plant_outages(riser(dry=dry, running=running)).empty


def test_cooling_season():
    """Cold water that does not flow through an open valve is found as well."""
    valve = dry_valve([(300, 600)], t1_c=8, t2_c=14, settled=False)
    assert open_valve(valve).verdict == "warn"


def test_cannot_judge():
    """Never open, unknown position, readings that are too rare, hardly open."""
    times = made_times(30, "15min")
    assert "never open" in open_valve(made_valve(times, position_pct=30)).sentence
    assert "not both" in open_valve(made_valve(times, position_pct=np.nan)).sentence
    assert "60 min" in open_valve(made_valve(made_times(30, "3h"), "3h")).sentence
    rarely = made_valve(times, position_pct=np.where(np.arange(len(times)) < 90, 60, 30))
    assert open_valve(rarely).verdict == "cannot judge"


@pytest.mark.parametrize("step", ["15min", "1h"])
def test_demo(step):
    """The failed flow sensor is found and named, within a year and within its last month."""
    for start in ("2017-12-01", "2018-11-01"):
        found = open_valve(demo_samples(FAILED, step, start, design=False))
        assert found.verdict == "warn"
        assert "flow sensor" in found.recommendation
        assert "2018-11-0" in found.sentence
    assert open_valve(demo_samples("Umschaltventil 1.OG Sitzungszimmer", step)).verdict == "ok"

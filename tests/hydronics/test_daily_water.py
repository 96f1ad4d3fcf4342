"""Water by day: which sensor is the return, change-over valves, several valves as one, and their ranking."""

import numpy as np
import pandas as pd
import pytest

from belimo_nb import hydronics

ZURICH = "Europe/Zurich"
START, END = pd.Timestamp("2018-03-24", tz=ZURICH), pd.Timestamp("2018-03-28", tz=ZURICH)


def samples(flow=1.0, t1=60.0, t2=40.0, heats=True):
    """Hourly samples over a clock change, from an hour before: heat of rho cp flow |T1 - T2|."""
    index = pd.date_range(START, END, freq="h", name="time")
    flow = pd.Series(flow, index, dtype=float) * np.ones(len(index))
    power = hydronics.volumetric_heat(np.full(len(index), t2)) / 3600 * flow * abs(t1 - t2)
    counted = {"heating_kwh": 1000.0, "cooling_kwh": 1000.0}
    counted["heating_kwh" if heats else "cooling_kwh"] = 1000 + power.cumsum()
    return pd.DataFrame({**counted, "volume_m3": 500 + flow.cumsum(), "flow_m3h": flow, "t1_c": t1, "t2_c": t2}, index)


def test_days_from_counters():
    """24 m3 a day, 23 on the day that the clock cuts; delta-T from energy and volume is that of the sensors."""
    days = hydronics.daily_water(samples(), "heating", START, END)
    assert days["m3"].tolist() == pytest.approx([24, 23, 24, 24])
    assert days["delta_t_k"].tolist() == pytest.approx([20] * 4)
    assert days["supply_c"].tolist() == [60] * 4
    assert days["return_c"].tolist() == [40] * 4


def test_without_a_counter_of_volume_no_water_is_known():
    """Not even 0, on days of the other kind or without any energy."""
    days = hydronics.daily_water(samples(flow=0.0, heats=False).assign(volume_m3=np.nan), "heating", START, END)
    assert days["m3"].isna().all()


@pytest.mark.parametrize(
    ("t1", "t2", "kind", "back"),
    [(60, 40, "heating", 40), (40, 60, "heating", 40), (8, 16, "cooling", 16), (16, 8, "cooling", 16)],
)
def test_the_return_wherever_the_sensor_sits(t1, t2, kind, back):
    """Of a heating the colder, of a cooling the warmer one, be it T1 or T2."""
    days = hydronics.daily_water(samples(t1=t1, t2=t2, heats=kind == "heating"), kind, START, END)
    assert (days["return_c"] == back).all()


def test_temperatures_are_weighted_by_volume():
    """An hour of 9 m3 at 30 °C counts nine times one of 1 m3 at 40 °C; an hour without flow does not count."""
    frame = samples(flow=0.0)
    frame.loc["2018-03-24T10:00", ["flow_m3h", "t2_c"]] = 9.0, 30.0
    frame.loc["2018-03-24T11:00", ["flow_m3h", "t2_c"]] = 1.0, 40.0
    frame["volume_m3"] = 500 + frame["flow_m3h"].cumsum()
    days = hydronics.daily_water(frame, "heating", START, END)
    assert days["return_c"].iloc[0] == pytest.approx(31)
    assert days["return_c"].iloc[1:].isna().all()
    assert days["m3"].iloc[1:].tolist() == [0, 0, 0]


def test_a_change_over_valve_has_no_water_of_the_other_kind():
    """On days that cool the heating has 0 m3, not the cooling's."""
    days = hydronics.daily_water(samples(t1=8, t2=16, heats=False), "heating", START, END)
    assert days["m3"].tolist() == [0] * 4
    assert days["kwh"].tolist() == [0] * 4


def test_what_is_unknown_stays_unknown():
    """A day with most of its counter readings missing has neither energy nor volume, and is no day of all together."""
    frame = samples()
    frame.loc["2018-03-25T03:00":"2018-03-25T20:00", ["heating_kwh", "volume_m3"]] = np.nan
    days = hydronics.daily_water(frame, "heating", START, END)
    assert days[["kwh", "m3"]].isna().all(axis=1).tolist() == [False, True, False, False]
    whole = hydronics.together({"a": days, "b": hydronics.daily_water(samples(), "heating", START, END)})
    assert whole["kwh"].isna().tolist() == [False, True, False, False]


def test_together_and_ranked():
    """Three parts of water at 30 °C and one at 50 °C are 35 °C; the one moves the return by 5 K, and comes first."""
    good, bad = (
        hydronics.daily_water(samples(flow=flow, t2=back), "heating", START, END) for flow, back in ((3, 30), (1, 50))
    )
    whole = hydronics.together({"good": good, "bad": bad})
    assert whole["return_c"].tolist() == pytest.approx([35] * 4)
    assert whole["m3"].tolist() == pytest.approx([96, 92, 96, 96])
    assert whole["delta_t_k"].tolist() == pytest.approx([25] * 4)
    found = hydronics.ranked({"good": good, "bad": bad}, "heating")
    assert found.index.tolist() == ["bad", "good"]
    assert found["share"].tolist() == pytest.approx([0.25, 0.75])
    assert found["moves_k"].tolist() == pytest.approx([5, -15])
    assert hydronics.ranked({"good": good, "bad": bad}, "cooling").index.tolist() == ["good", "bad"]


def test_ranked_without_water():
    """A valve without water comes last and moves nothing; without any valve there is an empty table."""
    dry = hydronics.daily_water(samples(flow=0.0), "heating", START, END)
    found = hydronics.ranked({"dry": dry, "wet": hydronics.daily_water(samples(), "heating", START, END)}, "heating")
    assert found.index.tolist() == ["wet", "dry"]
    assert found.loc["dry", ["return_c", "moves_k"]].isna().all()
    assert found.loc["dry", "m3"] == 0
    assert hydronics.ranked({}, "heating").empty


def test_signatures_of_supply_and_return():
    """Means by steps of 2 K, weighted by volume; steps of fewer than three days are left out."""
    index = pd.date_range("2018-01-01", periods=7, tz=ZURICH)
    temperature = pd.Series([0.5, 1.0, 1.9, 4.1, 5.0, 5.9, 9.0], index)
    days = pd.DataFrame(
        {"m3": [1, 1, 2, 1, 1, 1, 9], "supply_c": 60.0, "return_c": [30, 30, 38, 28, 28, 28, 20.0]}, index
    )
    found = hydronics.water_signature(days, temperature)
    assert found.index.tolist() == [1.0, 5.0]
    assert found["return_c"].tolist() == pytest.approx([34, 28])
    assert found["days"].tolist() == [3, 3]

"""Samples made ready, the water, and what passed between the samples."""

import math

import numpy as np
import pandas as pd
import pytest
from exchangers import exchanger, swinging
from hypothesis import given
from hypothesis import strategies as st
from made_valves import made_times, made_valve

from belimo_nb.errors import UsageError
from belimo_nb.hydronics import Design, Samples, mean_delta_t, volumetric_heat
from belimo_nb.hydronics.counted import passage

STEPS = 400


@pytest.mark.parametrize(("temperature", "heat"), [(5, 4203.7), (50, 4129.4), (95, 4050.0)])
def test_water(temperature, heat):
    """Within 0.1 % of IAPWS-IF97 at 0.6 MPa."""
    assert volumetric_heat(float(temperature)) == pytest.approx(heat, rel=0.001)


def test_glycol():
    """30 % of glycol carry 4 to 6 % less; an unknown share counts as none."""
    assert 0.94 <= volumetric_heat(20.0, 30) / volumetric_heat(20.0) <= 0.96
    assert volumetric_heat(20.0, float("nan")) == volumetric_heat(20.0)


def test_columns_are_completed():
    """Missing columns are unknown, others are dropped, endless values are unknown, and nothing is changed in place."""
    frame = exchanger(swinging(STEPS, 4))[["flow_m3h", "t1_c"]].assign(strange="text")
    frame.iloc[0, 1] = np.inf
    samples = Samples(frame)
    assert samples.known("flow_m3h", "t1_c")
    assert not samples.known("flow_m3h", "t2_c")
    assert np.isnan(samples.values("t1_c")[0])
    assert "strange" not in samples.frame
    assert frame.iloc[0, 1] == np.inf


def test_samples_of_samples():
    """The frame of samples, with what only some devices tell, makes the same samples again."""
    frame = exchanger(swinging(STEPS, 4)).assign(direction_changes=1.0, strokes=2.0, error_bits=0.0)
    samples = Samples(frame)
    pd.testing.assert_frame_equal(Samples(samples.frame).frame, samples.frame)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda frame: frame.reset_index(drop=True), "need an index of times with a time zone"),
        (lambda frame: frame.tz_localize(None), "need an index of times with a time zone"),
        (lambda frame: frame[::-1], "must be ascending and distinct"),
        (lambda frame: pd.concat([frame[:1], frame]), "must be ascending and distinct"),
        (lambda frame: frame.assign(power_kw="much"), "column power_kw holds values that are no numbers"),
    ],
)
def test_samples_that_make_no_sense(spoil, sentence):
    """One clear sentence each."""
    with pytest.raises(UsageError, match=sentence):
        Samples(spoil(exchanger(swinging(STEPS, 4))))


def test_spacing_is_the_most_frequent_one():
    """Lost samples do not change it, nor does the resolution that the index is stored in."""
    frame = exchanger(swinging(STEPS, 4)).drop(index=exchanger(swinging(STEPS, 4)).index[10:60])
    for unit in ("s", "us", "ns"):
        assert Samples(frame.set_axis(frame.index.as_unit(unit))).step == pd.Timedelta("15min")
    assert Samples(frame[:0]).step == pd.Timedelta(0)


def test_polls_that_drift_have_the_spacing_of_the_middle_one():
    """Polls a little more or less than 15 minutes apart, each by another fraction of a second, are polls of 15."""
    frame = exchanger(swinging(STEPS, 4))
    late = pd.to_timedelta(np.random.default_rng(1).uniform(-20, 20, STEPS), unit="s")
    assert Samples(frame.set_axis(frame.index + late)).step == pd.Timedelta("15min")


def test_repr():
    """One line, whatever their number."""
    assert repr(Samples(exchanger(np.ones(96)))) == "<Samples: 96 every 15 min, 2018-01-01 00:00 to 2018-01-01 23:45>"
    assert repr(Samples(exchanger(np.ones(96))[:0])) == "<Samples: 0 every 0 min>"


def test_active():
    """Flow above 2 % of its 99th percentile and position above 5 %, or flow alone where no position is known."""
    frame = exchanger(np.linspace(0, 4, STEPS))
    assert Samples(frame).active.sum() == (frame["flow_m3h"] > 0.02 * frame["flow_m3h"].quantile(0.99)).sum()
    assert not Samples(frame.assign(position_pct=5.0)).active.any()
    assert Samples(frame.assign(position_pct=np.nan)).active.any()
    assert not Samples(frame.assign(flow_m3h=np.nan)).active.any()


def test_modes():
    """A change-over valve has two modes if both last 24 h; swapped sensors change none of them."""
    winter = exchanger(swinging(STEPS, 4))
    summer = exchanger(swinging(200, 4), supply=8.0, sink=25.0, start="2018-07-01")
    both = pd.concat([winter, summer])
    assert list(Samples(winter).modes) == ["heating"]
    assert list(Samples(both).modes) == ["heating", "cooling"]
    assert list(Samples(both.iloc[: STEPS + 40]).modes) == ["heating"]
    swapped = both.rename(columns={"t1_c": "t2_c", "t2_c": "t1_c"})
    assert list(Samples(swapped).modes) == ["heating", "cooling"]
    assert list(Samples(both.drop(columns="t1_c")).modes) == ["heating", "cooling"], "the counters tell"
    unknown = ["t1_c", "t2_c", "heating_kwh", "cooling_kwh"]
    assert list(Samples(both.drop(columns=unknown)).modes) == [""]


def test_heats_or_cools_by_its_counters_first():
    """A heat meter never cools, however cool its water, and what a start-up counts is no change-over."""
    frame = exchanger(swinging(STEPS, 4), supply=28.0, sink=16.0)
    cool = frame.assign(t1_c=20.5, t2_c=19.5)
    assert list(Samples(cool).modes) == ["heating"]
    assert list(Samples(cool.drop(columns="cooling_kwh")).modes) == ["heating"]
    assert list(Samples(cool.drop(columns=["heating_kwh", "cooling_kwh"])).modes) == ["cooling"]
    slug = cool.assign(cooling_kwh=np.where(np.arange(STEPS) < 300, 500.0, 500.0 + 0.01 * np.ptp(cool["heating_kwh"])))
    assert list(Samples(slug).modes) == ["heating"]


def test_water_that_is_surely_cold_cools():
    """Swapped sensors count on the wrong counter: chilled water cools though the heating counter rises."""
    frame = exchanger(swinging(STEPS, 4), supply=8.0, sink=25.0)
    swapped = frame.rename(columns={"heating_kwh": "cooling_kwh", "cooling_kwh": "heating_kwh"})
    assert list(Samples(swapped).modes) == ["cooling"]


def test_an_open_sensor_is_no_temperature():
    """Water at 537.7 °C is none: delta-T is unknown, and what it does the counters say."""
    broken = Samples(exchanger(swinging(STEPS, 4), supply=8.0, sink=25.0).assign(t1_c=537.7))
    assert not np.isfinite(broken.delta_t).any()
    assert list(broken.modes) == ["cooling"]


@pytest.mark.parametrize(("nominal", "kept"), [(2.0, [2.0]), (math.nan, [2.0]), (0.1, [2.0]), (9.0, [2.0, 20.0])])
def test_readings_of_another_device_are_left_out(nominal, kept):
    """Flow of three times the nominal one (or the usual, if none or a wrong one is known), five times the power."""
    flow = np.full(960, 2.0)
    flow[[100, 500]] = 20.0, 781.8
    frame = made_valve(made_times(10), flow_m3h=flow, power_kw=np.where(flow == 20, 500.0, 40.0)).frame
    made = Samples(frame, design=Design(nominal_flow_m3h=nominal))
    known = made.values("flow_m3h")
    assert sorted(set(known[np.isfinite(known)])) == kept
    assert set(made.power[np.isfinite(made.power)]) == {40.0}


def test_power_from_flow_and_temperatures():
    """Where power is not published it follows from the rest."""
    frame = exchanger(swinging(STEPS, 4))
    found = Samples(frame.drop(columns="power_kw")).power
    assert found == pytest.approx(frame["power_kw"].to_numpy(), rel=1e-12)


def test_passage_sums_to_the_counters():
    """What passed is what the counters rose by."""
    frame = exchanger(swinging(STEPS, 4))
    passed = passage(Samples(frame))
    assert passed.metered
    assert np.nansum(passed.volume_m3) == pytest.approx(np.ptp(frame["volume_m3"]))
    assert np.nansum(passed.energy_kwh) == pytest.approx(np.ptp(frame["heating_kwh"]))


def spoiled(frame, what):
    """Counters with a dropout, a reset or a gap in the middle."""
    counters, middle = ["heating_kwh", "volume_m3"], slice(180, 220)
    frame = frame.copy()
    if what == "dropout":
        frame.iloc[middle, frame.columns.get_indexer(counters)] = 0.0
    elif what == "reset":
        frame.loc[frame.index[200] :, counters] -= frame[counters].iloc[199]
    elif what == "jump":
        frame.loc[frame.index[200] :, counters] += 1e6
    elif what == "gap":
        frame.iloc[middle] = np.nan
    elif what == "lost rows":
        frame = frame.drop(index=frame.index[middle])
    return frame


@pytest.mark.parametrize("what", ["dropout", "reset", "jump", "gap", "lost rows"])
def test_incidents_do_not_distort_the_mean(what):
    """The mean delta-T stays where it was; a gap or a dropout loses nothing, a reset one interval."""
    frame = exchanger(swinging(STEPS, 4))
    whole, broken = Samples(frame), Samples(spoiled(frame, what))
    assert mean_delta_t(broken) == pytest.approx(mean_delta_t(whole), rel=0.002)
    lost = np.nansum(passage(whole).volume_m3) - np.nansum(passage(broken).volume_m3)
    assert lost == pytest.approx(whole.values("flow_m3h")[200] / 4 if what in ("reset", "jump") else 0, abs=1e-9)


def test_a_meter_replaced_with_one_counter_reset():
    """If only one of the counters breaks, the interval counts for neither."""
    frame = exchanger(swinging(STEPS, 4))
    broken = frame.assign(heating_kwh=spoiled(frame, "reset")["heating_kwh"])
    passed = passage(Samples(broken))
    assert np.isnan(passed.energy_kwh[200])
    assert np.isnan(passed.volume_m3[200])
    assert mean_delta_t(Samples(broken)) == pytest.approx(mean_delta_t(Samples(frame)), rel=0.002)


def test_without_counters_power_and_flow_stand_in():
    """The same mean, and it is told that there are no counters."""
    frame = exchanger(swinging(STEPS, 4))
    bare = Samples(frame.drop(columns=["heating_kwh", "cooling_kwh", "volume_m3"]))
    assert not passage(bare).metered
    assert mean_delta_t(bare) == pytest.approx(mean_delta_t(Samples(frame)), rel=0.01)


def test_glycol_lowers_the_heat_and_so_raises_delta_t():
    """The energy counter knows of the glycol, so each kelvin carries less."""
    frame = exchanger(swinging(STEPS, 4))
    pure, mixed = Samples(frame), Samples(frame, design=Design(glycol_pct=30))
    assert mean_delta_t(mixed) == pytest.approx(mean_delta_t(pure) / 0.95)


@given(seed=st.integers(0, 999), factor=st.floats(0.01, 100), shift=st.floats(0, 1e6))
def test_mean_delta_t_knows_no_size(seed, factor, shift):
    """A valve so many times as large, with other counter readings, has the same mean delta-T: that of its water."""
    frame = exchanger(swinging(60, 4, seed))
    columns = ["power_kw", "flow_m3h", "heating_kwh", "volume_m3"]
    scaled = frame.assign(**{column: frame[column] * factor for column in columns})
    scaled["volume_m3"] += shift
    flow = frame["flow_m3h"].to_numpy()[1:]
    truth = (flow * frame["delta_t_k"].to_numpy()[1:]).sum() / flow.sum()
    assert mean_delta_t(Samples(scaled)) == pytest.approx(truth, rel=0.005)

"""Sparse history: what holds until the next reading, for how long, and how far apart readings really are."""

from __future__ import annotations

import demo_valves
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belimo_nb.api.sparse import held, true_spacing
from belimo_nb.demo.server.resample import Grid, resample
from belimo_nb.energy import interval_energy
from belimo_nb.hydronics import Samples, diagnose

HOUR = pd.Timedelta(hours=1)
NAN = np.nan


def frame(**columns):
    """A frame of hourly buckets."""
    count = len(next(iter(columns.values())))
    return pd.DataFrame(columns, pd.date_range("2021-01-01", periods=count, freq="h", tz="UTC"))


def test_a_value_holds_while_others_come():
    """A position that is not reported again has not changed, as long as the temperature comes."""
    raw = frame(position=[5, NAN, NAN, 7, NAN], t1=[20.0, 21, 20, 21, 20])
    assert held(raw, HOUR)["position"].tolist() == [5, 5, 5, 7, 7]
    assert held(raw, HOUR)["t1"].tolist() == raw["t1"].tolist()


def test_nothing_holds_over_a_silence_or_after_it():
    """While a device says nothing for hours, nothing is known, and afterwards what it has not said."""
    silence = [NAN] * 5
    raw = frame(position=[5, NAN, *silence, NAN, 7], t1=[20.0, 21, *silence, 22, 22])
    found = held(raw, HOUR)
    assert found["position"].fillna(-1).tolist() == [5, 5, *[-1] * 6, 7]
    assert found["t1"].fillna(-1).tolist() == [20, 21, *[-1] * 5, 22, 22]
    # One that says everything every hour is silent after one.
    short = held(frame(position=[5, 5, NAN, 6], t1=[20.0, 21, NAN, 22]), HOUR)
    assert short.isna().sum().tolist() == [1, 1]


def test_nothing_is_known_before_the_first_reading_and_after_the_last():
    """A range that begins and ends without readings stays so; the last contact carries to its bucket, not beyond."""
    raw = frame(t1=[NAN, 1.0, 2, 3, NAN, NAN])
    assert held(raw, HOUR)["t1"].fillna(-1).tolist() == [-1, 1, 2, 3, -1, -1]
    assert held(raw, HOUR, pd.NaT)["t1"].fillna(-1).tolist() == [-1, 1, 2, 3, -1, -1]
    seen = raw.index[4] + HOUR / 2
    assert held(raw, HOUR, seen)["t1"].fillna(-1).tolist() == [-1, 1, 2, 3, 3, -1]
    assert held(raw, HOUR, raw.index[5])["t1"].fillna(-1).tolist() == [-1, 1, 2, 3, -1, -1]


@pytest.mark.parametrize("every", [1, 3, 24])
def test_spacing_is_measured(every):
    """A device that reports every few buckets holds in between, but not over an outage of ten reports."""
    values = np.where(np.arange(100 * every) % every == 0, np.arange(100.0 * every), NAN)
    values[40 * every : 50 * every] = NAN
    raw = frame(t1=values)
    found = held(raw, HOUR)
    assert true_spacing(found, HOUR) == every * HOUR
    known = found["t1"].notna().to_numpy()
    assert known[: 39 * every].all()
    assert not known[39 * every + 1 : 50 * every].any()
    assert known[50 * every : 99 * every].all()


def test_a_device_that_reports_by_change_may_have_nothing_to_say():
    """Hours now and then in which nothing changed are no silence; half a day without a word is."""
    hours = np.arange(400)
    t1 = np.where(hours % 17 == 5, NAN, 20 + hours % 3.0)
    t1[200:212] = NAN
    position = np.where(hours % 24 == 0, 30.0, NAN)
    found = held(frame(t1=t1, position=position), HOUR)["position"].notna().to_numpy()
    assert found[:200].all()
    assert not found[200:216].any()
    assert found[216:].all()


def test_counters_hold_only_where_something_came():
    """An hour without a word may have had its share of the rise: the readings around it tell."""
    heat = [1.0, NAN, NAN, NAN, NAN, 2, NAN, 3]
    t1 = [20.0, 21, NAN, 20, 21, 22, 21, 20]
    found = held(frame(heat=heat, t1=t1), HOUR, counters=True)
    assert found["heat"].fillna(-1).tolist() == [1, 1, -1, 1, 1, 2, 2, 3]
    # Who reports every hour and was silent has not said that its counter stood still.
    gap = frame(heat=[1.0, 2, NAN, NAN, 5, 6], t1=[20.0, 21, NAN, NAN, 20, 21])
    pd.testing.assert_frame_equal(held(gap, HOUR, gap.index[5], counters=True), gap)


def test_counters_hold_over_silences_that_are_usual():
    """A valve that says nothing every night has counted nothing then; in one long day without a word it may have."""
    hours = np.arange(24 * 20)
    night = hours % 24 < 6
    heat = np.where(night, NAN, np.cumsum(~night))
    t1 = np.where(night | (hours % 24 == 12), NAN, hours % 24.0)
    heat[200:230] = t1[200:230] = NAN
    found = held(frame(heat=heat, t1=t1), HOUR, counters=True)["heat"].notna().to_numpy()
    assert found[6:200].all()
    assert not found[200:230].any()


def test_text_holds_too():
    """Also values that are no numbers."""
    raw = frame(mode=["OPEN", None, None], t1=[1.0, 2, 3])
    assert held(raw, HOUR)["mode"].tolist() == ["OPEN"] * 3


def test_full_and_empty_frames_stay():
    """There is nothing to do where all is known, or nothing."""
    full, empty = frame(t1=[1.0, 2, 3]), frame(t1=[NAN, NAN])
    pd.testing.assert_frame_equal(held(full, HOUR), full)
    assert held(empty, HOUR)["t1"].isna().all()
    assert held(empty, HOUR, empty.index[1])["t1"].isna().all()
    assert len(held(full[:0], HOUR)) == 0


def sent_by_change(times, values):
    """The samples that a device sends which reports what has changed, and everything once a day."""
    sent = np.ones(len(times), bool)
    sent[1:] = (values[1:] != values[:-1]) | (np.diff(times // 86400) > 0)
    return times[sent], values[sent]


def demo_frame(device, begin, end, step, *, thin):
    """The buckets of a demo valve's samples, all of them or those sent by change, held; at the buckets' ends."""
    grid = Grid(begin - 86400, end, step, f"{step}s")
    begins = pd.to_datetime(range(grid.first, grid.end, step), unit="s", utc=True)
    columns = {}
    for column, (datapoint, scale, offset) in demo_valves._COLUMNS.items():
        samples = demo_valves.simulation().series(device, datapoint)
        places, values = resample(*(sent_by_change(*samples) if thin else samples), grid)
        columns[column] = np.full(grid.size, NAN)
        columns[column][places] = values * scale + offset
    length = pd.Timedelta(seconds=step)
    found = held(pd.DataFrame(columns, begins), length, pd.Timestamp("2018-12-01", tz="UTC"))  # in contact until now
    return found[86400 // step :].set_axis(begins[86400 // step :] + length)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    device=st.sampled_from(demo_valves.valves()),
    day=st.integers(1, 300),
    days=st.sampled_from([3, 14, 60]),
    step=st.sampled_from([300, 900, 3600]),
)
def test_thinning_by_change_alters_nothing(device, day, days, step):
    """Any demo valve at any time of its year: the same samples, energy, coverage, marks and verdicts."""
    begin = int(pd.Timestamp("2017-12-01", tz="UTC").timestamp()) + day * 86400
    length = pd.Timedelta(seconds=step)
    whole, thin = (demo_frame(device, begin, begin + days * 86400, step, thin=thin) for thin in (False, True))
    pd.testing.assert_frame_equal(whole, thin)
    found = []
    for frame in (whole, thin):
        energy = [
            interval_energy(frame[column] * 3.6e6, "D", tz="Europe/Zurich", step=true_spacing(frame, length))
            for column in ("heating_kwh", "cooling_kwh")
        ]
        verdicts = diagnose(Samples(frame, true_spacing(frame, length)), tz="Europe/Zurich")
        found.append((pd.concat(energy), verdicts))
    pd.testing.assert_frame_equal(found[0][0], found[1][0])
    pd.testing.assert_frame_equal(found[0][1], found[1][1])


def test_what_comes_by_change_alone_says_nothing_of_the_others():
    """Errors that are told once a day hold while the device lives, and do not make it one that reports by change."""
    t1 = np.arange(100.0)
    t1[40:50] = NAN
    errors = np.full(100, NAN)
    errors[[5, 29, 53]] = 0, 32, 0
    for values in (t1, np.arange(100.0)):
        raw = frame(t1=values, power=values, errors=errors)
        found = held(raw, HOUR, rare={"errors"})
        without = held(raw[["t1", "power"]], HOUR)
        pd.testing.assert_frame_equal(found[["t1", "power"]], without)
        assert true_spacing(found, HOUR) == HOUR
        told = found["errors"].fillna(-1).tolist()
        silent = slice(40, 53) if values is t1 else slice(0)
        expected = [-1] * 5 + [0] * 24 + [32] * 24 + [0] * 47
        expected[silent] = [-1] * len(expected[silent])
        assert told == expected
    lone = held(frame(errors=errors), HOUR, rare={"errors"})["errors"]
    assert lone.notna().sum() > 3, "where nothing else is asked for, it is all that tells"

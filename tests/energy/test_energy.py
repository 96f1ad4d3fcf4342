"""Energy of intervals: what must hold for any counter, in any zone, and what dropouts, resets, jumps and gaps do."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zones import ZONES

from belimo_nb.energy import COVERAGE_LIMIT, JOULES_PER_KWH, interval_energy, power_limit
from belimo_nb.errors import UsageError

KWH = JOULES_PER_KWH
moments = st.integers(1_200_000_000 // 900, 1_700_000_000 // 900).map(lambda quarter: quarter * 900)


def in_every_zone(test):
    """The test in every zone, in each of them with a third of a profile's examples."""
    return pytest.mark.parametrize("zone", ZONES)(settings(max_examples=settings.default.max_examples // 3)(test))


def counter(start, values, step="1h"):
    """Readings at even distances from a moment on."""
    start = pd.Timestamp(start, unit="s", tz="UTC") if isinstance(start, int) else pd.Timestamp(start)
    return pd.Series(np.asarray(values, dtype=float), pd.date_range(start, periods=len(values), freq=step))


@st.composite
def counters(draw, shortest=30, longest=24 * 20):
    """A counter that rises unevenly, at even or uneven times, anywhere in the years."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    length = draw(st.integers(shortest, longest))
    rises = rng.integers(0, 10**8, length) * (rng.random(length) > draw(st.floats(0, 0.9)))
    seconds = np.full(length, 3600) if draw(st.booleans()) else rng.integers(1, 4000, length)
    times = pd.to_datetime(draw(moments) + np.cumsum(seconds), unit="s", utc=True)
    return pd.Series(np.cumsum(rises) + float(draw(st.integers(0, 10**12))), pd.DatetimeIndex(times))


def plainly(readings, before, after):
    """Energy between two moments, summed pair by pair in the plainest way, in kWh; None where no reading tells."""
    if before >= readings.index[-1] or after <= readings.index[0]:
        return None
    total = 0.0
    pairs = itertools.pairwise(zip(readings.index.as_unit("ns").asi8 / 1e9, readings, strict=True))
    for (t0, c0), (t1, c1) in pairs:
        shared = min(t1, after.timestamp()) - max(t0, before.timestamp())
        if shared > 0:
            total += (c1 - c0) * shared / (t1 - t0)
    return total / KWH


def whole(readings, **options):
    """The energy of all of the readings as one interval."""
    first, last = readings.index[0], readings.index[-1]
    return interval_energy(readings, "YS", first, last, **options)["kwh"].sum()


@in_every_zone
@given(readings=counters(longest=150), freq=st.sampled_from(["h", "D", "W", "MS", "90min"]))
def test_against_the_plainest_sum(readings, zone, freq):
    """Each interval has what the plainest sum over the pairs of readings gives: all of it, or as far as they reach."""
    frame = interval_energy(readings, freq, tz=zone)
    ends = [*frame.index[1:], None]
    for begin, end, kwh, quality in zip(frame.index, ends, frame["kwh"], frame["quality"], strict=True):
        if end is not None:
            expected = plainly(readings, begin, end)
            assert (quality == "partial") == (begin < readings.index[0] or end > readings.index[-1])
            assert (np.isnan(kwh) and expected is None) or kwh == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
@in_every_zone
@given(readings=counters(), data=st.data())
def test_any_partition_sums_to_the_whole(readings, zone, data):
    """However a range is cut, its parts sum to the whole."""
    first, last = readings.index[0], readings.index[-1]
    cuts = data.draw(st.lists(st.floats(0, 1), max_size=6).map(sorted))
    bounds = [first, *((first + (last - first) * cut).floor("s") for cut in cuts), last]
    parts = [
        interval_energy(readings, data.draw(st.sampled_from(["h", "D", "MS"])), before, after, zone)["kwh"].sum()
        for before, after in itertools.pairwise(bounds)
        if before < after
    ]
    assert sum(parts) == pytest.approx((readings.iloc[-1] - readings.iloc[0]) / KWH, abs=1e-6)


@pytest.mark.slow
@in_every_zone
@given(start=moments, seed=st.integers(0, 2**32))
def test_days_nest_in_months_and_years(start, zone, seed):
    """Days sum to their months, months to their years."""
    rng = np.random.default_rng(seed)
    readings = counter(start, np.cumsum(rng.integers(0, 10**8, 24 * 70)), "1h")
    first, last = readings.index[0], readings.index[-1]
    days, months, years = (interval_energy(readings, freq, first, last, zone)["kwh"] for freq in ("D", "MS", "YS"))
    for finer, coarser, freq in ((days, months, "MS"), (months, years, "YS")):
        groups = np.searchsorted(coarser.index, finer.index, side="right") - 1
        assert finer.groupby(groups).sum().tolist() == pytest.approx(coarser.tolist(), abs=1e-6), freq


@in_every_zone
@given(readings=counters(), freq=st.sampled_from(["h", "D", "MS"]), p_max=st.none() | st.floats(1, 1e5))
def test_figures_make_sense(readings, zone, freq, p_max):
    """Energy is never negative, coverage between 0 and 1, and every interval has a quality that fits its figure."""
    frame = interval_energy(readings, freq, tz=zone, p_max=p_max)
    assert list(frame.columns) == ["kwh", "coverage", "quality"]
    assert frame.index.name == "time"
    assert str(frame.index.tz) == zone
    assert not (frame["kwh"] < 0).any()
    assert frame["coverage"].between(0, 1).all()
    assert frame["kwh"].isna()[frame["quality"] == "missing"].all()
    assert frame["kwh"].notna()[frame["quality"].isin(["measured", "estimated split", "partial"])].all()
    assert (frame["coverage"][frame["quality"] == "missing"] == 0).all()


@in_every_zone
@given(readings=counters(), seed=st.integers(0, 2**32))
def test_order_and_doubles_change_nothing(readings, zone, seed):
    """The order of the rows, rows that come twice, and rows without a reading change nothing."""
    expected = interval_energy(readings, "D", tz=zone, step="1h")
    useless = pd.Series([np.nan, -5.0, np.inf, -np.inf], readings.index[:4] + pd.Timedelta(1, "s"))
    mixed = pd.concat([readings, readings.iloc[::3], useless]).sample(frac=1, random_state=seed % 2**32)
    pd.testing.assert_frame_equal(interval_energy(mixed, "D", tz=zone, step="1h"), expected)


@in_every_zone
@given(readings=counters(), share=st.floats(0.01, 0.99))
def test_readings_on_the_line_change_nothing(readings, zone, share):
    """Readings that lie between two others in time and value add nothing that was not known."""
    middle = readings.index[:-1] + (readings.index[1:] - readings.index[:-1]) * share
    seconds = readings.index.as_unit("ns").asi8 / 1e9
    line = np.interp(middle.as_unit("ns").asi8 / 1e9, seconds, readings)
    more = pd.concat([readings, pd.Series(line, middle)]).sort_index()
    more = more[~more.index.duplicated(keep="first")].cummax()  # rounding must not look like a fall
    expected = interval_energy(readings, "D", tz=zone)["kwh"]
    np.testing.assert_allclose(interval_energy(more, "D", tz=zone)["kwh"], expected, atol=1e-6)


@in_every_zone
@given(readings=counters(), constant=st.integers(0, 10**12))
def test_the_level_of_the_counter_does_not_matter(readings, zone, constant):
    """A counter that began higher gives the same energy."""
    expected = interval_energy(readings, "D", tz=zone)
    found = interval_energy(readings + float(constant), "D", tz=zone)
    np.testing.assert_allclose(found["kwh"], expected["kwh"], atol=1e-6)
    assert found["quality"].equals(expected["quality"])


@in_every_zone
@given(readings=counters(), factor=st.floats(0.001, 1000), p_max=st.floats(100, 1e5))
def test_energy_scales_with_the_counter(readings, zone, factor, p_max):
    """A counter of k times the size, under a limit of k times the power, gives k times the energy."""
    expected = interval_energy(readings, "D", tz=zone, p_max=p_max)["kwh"]
    found = interval_energy(readings * factor, "D", tz=zone, p_max=p_max * factor * (1 + 1e-9))["kwh"]
    np.testing.assert_allclose(found, expected * factor, rtol=1e-6, atol=1e-5 * factor)


@given(readings=counters(), shift=st.integers(-(10**7), 10**7))
def test_shifting_time_changes_nothing(readings, shift):
    """Readings and edges moved together give the same energy."""
    move = pd.Timedelta(seconds=shift)
    first, last = readings.index[0], readings.index[-1]
    bounds = pd.date_range(first, last, periods=5)
    for before, after in itertools.pairwise(bounds):
        expected = interval_energy(readings, "YS", before, after)["kwh"].sum()
        moved = pd.Series(readings.to_numpy(), readings.index + move)
        found = interval_energy(moved, "YS", before + move, after + move)["kwh"].sum()
        assert found == pytest.approx(expected, abs=1e-6)


@in_every_zone
@given(readings=counters(), data=st.data())
def test_fewer_readings_with_the_edges_give_the_same(readings, zone, data):
    """Totals between two moments need only the readings at those moments."""
    kept = sorted(data.draw(st.sets(st.integers(0, len(readings) - 1), min_size=2, max_size=8)))
    for before, after in itertools.pairwise(readings.index[kept]):
        all_of_them = interval_energy(readings, "YS", before, after, zone)["kwh"].sum()
        few = interval_energy(readings.iloc[kept], "YS", before, after, zone)["kwh"].sum()
        assert few == pytest.approx(all_of_them, abs=1e-6)


@pytest.mark.slow
@in_every_zone
@given(readings=counters(), data=st.data())
def test_a_dropout_is_as_if_it_were_not_there(readings, zone, data):
    """Readings that fall to 0 and come back to the register give what deleting them gives."""
    readings = readings + 1e9
    begin = data.draw(st.integers(1, len(readings) - 2))
    end = data.draw(st.integers(begin + 1, len(readings) - 1))
    broken = readings.copy()
    broken.iloc[begin:end] = 0
    rest = readings.drop(readings.index[begin:end])
    for p_max in (None, 1e6):
        found = interval_energy(broken, "D", tz=zone, step="1h", p_max=p_max)
        expected = interval_energy(rest, "D", tz=zone, step="1h", p_max=p_max)
        pd.testing.assert_frame_equal(found, expected)
        assert "reset" not in set(found["quality"])


@in_every_zone
@given(readings=counters(), data=st.data())
def test_a_gap_in_which_the_counter_stood_still(readings, zone, data):
    """Readings that are missing where the counter stood still are not missed: nothing changes."""
    begin = data.draw(st.integers(1, len(readings) - 3))
    end = data.draw(st.integers(begin + 2, len(readings) - 1))
    readings = readings + 1.0  # a register that begins with 0 and leaps is judged by how many readings follow
    readings.iloc[begin:] = readings.iloc[begin:].clip(lower=readings.iloc[end])
    rest = readings.drop(readings.index[begin + 1 : end])
    for freq in ("h", "D"):
        expected = interval_energy(readings, freq, tz=zone, step="2h")
        pd.testing.assert_frame_equal(interval_energy(rest, freq, tz=zone, step="2h"), expected)


@in_every_zone
@given(start=moments, seed=st.integers(0, 2**32), hours=st.integers(4, 60), p_max=st.none() | st.just(1.5e5))
def test_a_day_is_the_same_in_any_range(start, zone, seed, hours, p_max):
    """Days have the same energy, coverage and mark alone (with a week around), and in the whole, whatever happens."""
    rng = np.random.default_rng(seed)
    readings = counter(start, np.cumsum(rng.integers(10**8, 4 * 10**8, 24 * 60)))
    at = rng.integers(24 * 10, 24 * 50, 4)
    readings.iloc[at[0] : at[0] + hours] = readings.iloc[at[0]]  # a collector freezes
    readings.iloc[at[1]] += rng.integers(10**9, 10**15)
    readings.iloc[at[2]] *= rng.random()
    readings.iloc[at[3] :] -= readings.iloc[at[3]]  # the meter is replaced
    week = pd.Timedelta(days=7)
    days = interval_energy(readings, "D", tz=zone, p_max=p_max)
    first = int(rng.integers(8, 40))
    begin, end = days.index[first], days.index[first + 3]
    around = readings[(readings.index >= begin - week) & (readings.index <= end + week)]
    alone = interval_energy(around, "D", begin, end, zone, p_max=p_max)
    pd.testing.assert_frame_equal(alone, days.iloc[first : first + 3], check_freq=False, rtol=1e-9)


@in_every_zone
@given(readings=counters(), more=st.integers(10**9, 10**15), p_max=st.none() | st.just(1e9), data=st.data())
def test_one_reading_too_high_is_as_if_it_were_not_there(readings, zone, more, p_max, data):
    """One reading that the next undoes costs that reading, however high it is."""
    readings = readings + 1e9
    at = data.draw(st.integers(1, len(readings) - 3))
    broken = readings.copy()
    broken.iloc[at] = readings.iloc[at + 2] + more
    rest = readings.drop(readings.index[at])
    found = interval_energy(broken, "D", tz=zone, step="1h", p_max=p_max)
    pd.testing.assert_frame_equal(found, interval_energy(rest, "D", tz=zone, step="1h", p_max=p_max))


@in_every_zone
@given(readings=counters(), by=st.integers(-12, 12), p_max=st.none() | st.just(1e9), data=st.data())
def test_one_reading_of_another_time_counts_nothing_twice(readings, zone, by, p_max, data):
    """One reading of hours ago or hours ahead: no reset, and the whole is what it is."""
    at = data.draw(st.integers(13, len(readings) - 14))
    broken = readings.copy()
    broken.iloc[at] = readings.iloc[at + by]
    frame = interval_energy(broken, "D", readings.index[0], readings.index[-1], zone, p_max=p_max)
    assert frame["kwh"].sum() == pytest.approx((readings.iloc[-1] - readings.iloc[0]) / KWH, abs=1e-6)
    assert not set(frame["quality"]) & {"reset", "jump"}


@in_every_zone
@given(readings=counters(), data=st.data())
def test_marks_speak_of_their_interval(readings, zone, data):
    """Measured is what has readings at both edges, whatever is missing inside; partial is what has them at one."""
    begin = data.draw(st.integers(0, len(readings) - 2))
    end = data.draw(st.integers(begin + 1, len(readings) - 1))
    first, last = readings.index[begin], readings.index[end]
    few = readings.drop(readings.index[begin + 1 : end][:: data.draw(st.integers(1, 3))])
    known = (readings.iloc[end] - readings.iloc[begin]) / KWH
    frame = interval_energy(few, "YS", first, last, zone)
    assert set(frame["quality"]) <= ({"measured"} if len(frame) == 1 else {"measured", "estimated split"})
    alone = few[first:last]
    day = pd.Timedelta(days=1)
    for before, after in ((first - day, last), (first, last + day), (first - day, last + day)):
        partial = interval_energy(alone, "YS", before, after, zone)
        assert partial["kwh"].sum() == pytest.approx(known, abs=1e-6)
        assert "partial" in set(partial["quality"]) or "missing" in set(partial["quality"])
        assert ((partial["quality"] == "missing") == partial["kwh"].isna()).all()


@given(readings=counters(), data=st.data())
def test_a_low_run_that_is_not_zero(readings, data):
    """Low readings that come back too fast to be energy are a dropout as well, where a limit of power is known."""
    readings = readings + 1e12
    begin = data.draw(st.integers(1, len(readings) - 2))
    end = data.draw(st.integers(begin + 1, len(readings) - 1))
    broken = readings.copy()
    broken.iloc[begin:end] = np.arange(1.0, 1.0 + end - begin)
    found = interval_energy(broken, "D", step="1h", p_max=1e8)
    pd.testing.assert_frame_equal(
        found, interval_energy(readings.drop(readings.index[begin:end]), "D", step="1h", p_max=1e8)
    )


@given(readings=counters(), data=st.data())
def test_a_reset_costs_only_the_pair_it_lies_in(readings, data):
    """After a meter is replaced only the energy between its last and the new meter's first reading is unknown."""
    readings = readings + 1e13  # so that the new meter never comes to where the old one was
    position = data.draw(st.integers(1, len(readings) - 1))
    replaced = readings.copy()
    replaced.iloc[position:] -= readings.iloc[position] - 5
    lost = readings.iloc[position] - readings.iloc[position - 1]
    for p_max in (None, 1e9):
        found = interval_energy(replaced, "YS", readings.index[0], readings.index[-1], p_max=p_max)
        expected = (readings.iloc[-1] - readings.iloc[0] - lost) / KWH
        assert found["kwh"].sum() == pytest.approx(expected, abs=1e-5)
        assert (found["quality"] == "reset").sum() in (1, 2)  # two, if the pair lies across New Year
        pairs = interval_energy(replaced, "15min", readings.index[position - 1], readings.index[position])
        assert pairs["kwh"].isna().all()
        assert set(pairs["quality"]) == {"reset"}


def test_days_across_a_clock_change():
    """A constant load gives each day in proportion to its length: 23, 25, 23.5 and 24.5 hours."""
    for zone, day, length in [
        ("Europe/Zurich", "2018-03-25", 23),
        ("Europe/Zurich", "2018-10-28", 25),
        ("America/Santiago", "2018-08-12", 23),
        ("Australia/Lord_Howe", "2018-10-07", 23.5),
        ("Australia/Lord_Howe", "2018-04-01", 24.5),
    ]:
        begin = pd.Timestamp(day, tz="UTC") - pd.Timedelta(days=3)
        readings = counter(begin, np.arange(24 * 4 * 7) * KWH / 4, "15min")
        start = pd.Timestamp(day) - pd.Timedelta(days=1)
        frame = interval_energy(readings, "D", str(start.date()), str((start + pd.Timedelta(days=3)).date()), zone)
        assert frame["kwh"].tolist() == pytest.approx([24, length, 24])
        assert (frame["coverage"] == 1).all()


@pytest.mark.parametrize("zone", ZONES)
def test_local_days_tile_a_year(zone):
    """The days of a year, its two clock changes among them, begin where the day before ends and sum to the counter."""
    rng = np.random.default_rng(2)
    readings = counter("2017-12-30T00:00Z", np.cumsum(rng.integers(0, 10**8, 4 * 24 * 370)), "15min")
    frame = interval_energy(readings, "D", "2018-01-01", "2019-01-01", zone)
    year = interval_energy(readings, "YS", "2018-01-01", "2019-01-01", zone)["kwh"]
    lengths = np.diff([*frame.index, pd.Timestamp("2019-01-01", tz=zone)]) / pd.Timedelta(hours=1)
    changes = {"Australia/Lord_Howe": [23.5, 24.5], "UTC": [], "Asia/Kolkata": []}.get(zone, [23, 25])
    assert sorted(length for length in lengths if length != 24) == changes
    assert len(frame) == 365
    assert frame["kwh"].sum() == pytest.approx(plainly(readings, frame.index[0], pd.Timestamp("2019-01-01", tz=zone)))
    assert frame["kwh"].sum() == pytest.approx(year.sum())


def test_whole_hours_are_enough_for_whole_hour_zones():
    """Hourly readings give the same days as quarter-hourly ones where days begin at full hours."""
    rng = np.random.default_rng(1)
    fine = counter("2018-10-25T00:00Z", np.cumsum(rng.integers(0, 10**7, 4 * 24 * 9)), "15min")
    for zone in ("Europe/Zurich", "America/New_York", "America/Santiago", "UTC"):
        days = interval_energy(fine, "D", "2018-10-26", "2018-11-01", zone)["kwh"]
        hourly = interval_energy(fine[fine.index.minute == 0], "D", "2018-10-26", "2018-11-01", zone)["kwh"]
        np.testing.assert_allclose(hourly, days, atol=1e-9)


def test_partial_edges():
    """An interval has what readings tell of it, never extrapolated; one without any is missing, not 0."""
    readings = counter("2018-11-02T06:00Z", np.arange(37) * KWH)
    frame = interval_energy(readings, "D", "2018-11-01", "2018-11-06")
    assert frame["quality"].tolist() == ["missing", "partial", "partial", "missing", "missing"]
    assert frame["kwh"].tolist() == pytest.approx([np.nan, 18, 18, np.nan, np.nan], nan_ok=True)
    assert frame["coverage"].tolist() == pytest.approx([0, 18 / 24, 18 / 24, 0, 0])


def test_a_month_without_readings():
    """A missing month is NaN with coverage 0, not 0 kWh."""
    readings = pd.concat([counter("2018-10-01T00:00Z", [0, KWH], "31D"), counter("2018-12-01T00:00Z", [9 * KWH], "1D")])
    frame = interval_energy(readings.iloc[:2], "MS", "2018-10-01", "2018-12-01", step="31D")
    assert frame["kwh"].tolist()[0] == pytest.approx(1)
    assert np.isnan(frame["kwh"].tolist()[1])
    assert frame["coverage"].tolist() == [1, 0]
    assert frame["quality"].tolist() == ["measured", "missing"]


def test_a_gap_is_an_estimated_split():
    """The total over a gap is measured; its days are a straight line, and say so, with their coverage."""
    readings = counter("2018-11-01T00:00Z", np.arange(24 * 5 + 1) * KWH)
    gap = readings.drop(readings["2018-11-02T12:00":"2018-11-03T11:00"].index)
    frame = interval_energy(gap, "D", "2018-11-01", "2018-11-06")
    assert frame["kwh"].tolist() == pytest.approx([24] * 5)
    assert frame["quality"].tolist() == ["measured", "estimated split", "estimated split", "measured", "measured"]
    assert frame["coverage"].tolist() == pytest.approx([1, 11 / 24, 12 / 24, 1, 1])
    assert COVERAGE_LIMIT == 0.9


@pytest.mark.parametrize(
    ("spacing", "missing", "gap"),
    [("1h", 1, False), ("1h", 2, True), ("15min", 3, False), ("15min", 4, True), ("1D", 1, False)],
)
def test_what_is_a_gap(spacing, missing, gap):
    """Readings further apart than two steps, and more than an hour, leave a gap."""
    readings = counter("2018-11-01T00:00Z", np.arange(60) * KWH, spacing)
    rest = readings.drop(readings.index[10 : 10 + missing])
    for end, quality in (
        (readings.index[-1], "measured"),
        (readings.index[9] + pd.Timedelta(spacing) / 2, "estimated split"),
    ):
        frame = interval_energy(rest, "YS", readings.index[0], end)
        assert frame["quality"].tolist() == [quality if gap else "measured"]
        assert (frame["coverage"].min() < 1) is np.bool_(gap)


def test_a_gap_of_more_than_an_hour():
    """Quarter hours leave a gap where readings are more than an hour apart, be it a second."""
    readings = counter("2018-11-01T00:00Z", np.arange(60) * KWH, "15min").drop(
        pd.date_range("2018-11-01T02:15Z", periods=3, freq="15min")
    )
    for later in (0, 1):
        moved = readings.set_axis(
            readings.index.where(readings.index < "2018-11-01T03:00Z", readings.index + pd.Timedelta(later, "s"))
        )
        frame = interval_energy(moved, "YS", moved.index[0], moved.index[-1])
        assert (frame["coverage"] < 1).tolist() == [bool(later)]


def test_a_gap_that_ends_in_an_interval():
    """An interval is marked however little of the gap lies in it."""
    readings = counter("2018-11-01T00:00Z", np.arange(10) * KWH)
    late = pd.Series([13 * KWH, 14 * KWH], pd.to_datetime(["2018-11-01T13:00:00.5Z", "2018-11-01T14:00:00.0Z"]))
    frame = interval_energy(pd.concat([readings, late]), "h", "2018-11-01T12:00Z", "2018-11-01T14:00Z")
    assert frame["quality"].tolist() == ["estimated split"] * 2
    assert frame["coverage"].tolist() == pytest.approx([0, 3599.5 / 3600])


def test_the_spacing_that_is_given():
    """What is a gap follows from the spacing that is given, not from the one that is usual among the readings."""
    readings = counter("2018-11-01T00:00Z", np.arange(24) * KWH)
    readings = readings.drop(readings.index[10:13])
    for step, quality in ((None, "estimated split"), ("2h", "measured"), ("1s", "estimated split")):
        frame = interval_energy(readings, "YS", readings.index[0], "2018-11-01T11:30", step=step)
        assert frame["quality"].tolist() == [quality]


def test_days_unless_told_otherwise():
    """Without a frequency the intervals are days."""
    readings = counter("2018-11-01T00:00Z", np.arange(49) * KWH)
    pd.testing.assert_frame_equal(interval_energy(readings), interval_energy(readings, "D"))


def test_a_rise_at_the_limit_is_no_jump():
    """What the highest possible power makes in the time is energy; more is a jump."""
    readings = counter("2018-11-01T00:00Z", np.arange(25) * KWH)
    assert interval_energy(readings, "D", p_max=1000.0)["quality"].tolist() == ["measured"]
    assert interval_energy(readings, "D", p_max=999.9)["quality"].tolist() == ["jump"]


def test_a_jump_is_not_counted():
    """A rise that no power could make, or 5,000 times those around it without a limit, is left out and marked."""
    values = np.arange(73) * KWH
    values[30:] += 5000 * KWH
    readings = counter("2018-11-01T00:00Z", values)
    for p_max in (5000.0, None):
        frame = interval_energy(readings, "D", p_max=p_max)
        assert frame["quality"].tolist() == ["measured", "jump", "measured"]
        assert frame["kwh"].tolist() == pytest.approx([24, 23, 24])
        assert frame["coverage"].tolist() == pytest.approx([1, 23 / 24, 1])


def test_a_dropout_at_the_end():
    """A counter that ends in zeros has not been reset: its energy is unknown from then on."""
    readings = counter("2018-11-01T00:00Z", [*np.arange(49) * KWH + 7, *[0.0] * 24])
    frame = interval_energy(readings, "D")
    assert frame["quality"].tolist() == ["measured", "measured", "missing"]


def test_a_reset_that_catches_up():
    """A new meter that one day passes the old one's last reading is no dropout: its own rise explains it."""
    readings = counter("2018-11-01T00:00Z", np.array([*range(10, 13), *range(5, 27)]) * KWH)
    frame = interval_energy(readings, "D", p_max=3000.0)
    assert frame["quality"].tolist() == ["reset"]
    assert frame["kwh"].tolist() == pytest.approx([2 + 21])


def test_rounding_is_no_reset():
    """A fall by no more than the smallest rise is the register's rounding: nothing is lost by it."""
    values = np.arange(49) * 4 * KWH
    values[10] -= 5 * KWH  # one unit below the reading before it
    values[30] += 1 * KWH
    readings = counter("2018-11-01T00:00Z", values)
    for p_max in (None, 1e5):
        frame = interval_energy(readings, "D", p_max=p_max)
        assert frame["kwh"].tolist() == pytest.approx([96, 96])


def test_rounding_of_single_joules():
    """The smallest rise is the smallest above none, be it a joule."""
    frame = interval_energy(counter("2018-11-01T00:00Z", [10, 11, 11, 12, 11, 12, 13]), "h")
    assert "reset" not in set(frame["quality"])


def test_falls_without_a_rise():
    """Where a counter never rises there is no rounding to go by: a fall is a reset."""
    frame = interval_energy(counter("2018-11-01T00:00Z", [9, 9, 8.5, 8.5]), "h")
    assert frame["quality"].tolist() == ["measured", "reset", "measured"]


def test_a_low_run_without_a_limit():
    """Without a limit of power, a fall that one rise undoes is a dropout; what rises back by and by is a new meter."""
    readings = counter("2018-11-01T00:00Z", np.array([10, 11, 12, 2, 3, 14, 15]) * KWH)
    assert whole(readings) == pytest.approx(5)
    assert set(interval_energy(readings, "h")["quality"]) == {"measured", "estimated split"}
    replaced = counter("2018-11-01T00:00Z", np.array([10, 11, 12, 2, 5, 9, 13, 15]) * KWH)
    assert interval_energy(replaced, "h")["quality"].tolist() == [*["measured"] * 2, "reset", *["measured"] * 4]


def test_falls_inside_a_dropout():
    """A fall inside a dropout belongs to it; what comes after the dropout is judged again."""
    values = [100, 101, 102, 7, 3, 105, 106, 107, 2, 3, 4]
    readings = counter("2018-11-01T00:00Z", np.array(values) * KWH)
    frame = interval_energy(readings, "YS", readings.index[0], readings.index[-1], p_max=3000.0)
    assert frame["kwh"].tolist() == pytest.approx([7 + 2])
    assert frame["quality"].tolist() == ["reset"]


def test_the_last_rise_out_of_a_low_run():
    """Whether a rise out of a low run is energy is judged by its own time, not by that of the run."""
    readings = counter("2018-11-01T00:00Z", np.array([10, 11, 12, 5, 5, 13, 14]) * KWH)
    frame = interval_energy(readings, "YS", readings.index[0], readings.index[-1], p_max=5000.0)
    assert frame["kwh"].tolist() == pytest.approx([4])
    assert frame["quality"].tolist() == ["measured"]
    assert frame["coverage"].tolist() == pytest.approx([3 / 6])


def test_zeros_of_a_new_meter_are_a_reset():
    """A replaced meter that stands at 0 for weeks and then counts from there is no dropout of the old one."""
    values = [*range(100, 148), *[0] * 48, *range(1, 73)]
    frame = interval_energy(counter("2018-11-01T00:00Z", np.array(values) * KWH), "YS", p_max=3000.0)
    readings = counter("2018-11-01T00:00Z", np.array(values) * KWH)
    whole_range = interval_energy(readings, "YS", readings.index[0], readings.index[-1], p_max=3000.0)
    assert whole_range["kwh"].tolist() == pytest.approx([47 + 72])
    assert whole_range["quality"].tolist() == ["reset"]
    assert frame["quality"].tolist() == ["partial"]


def test_two_resets_and_a_dropout():
    """Each trouble is judged for itself."""
    values = [*range(100, 124), *range(3, 27), 0, 0, *range(29, 51), *range(1, 25)]
    readings = counter("2018-11-01T00:00Z", np.array(values) * KWH)
    frame = interval_energy(readings, "YS", readings.index[0], readings.index[-1], p_max=3000.0)
    assert frame["kwh"].sum() == pytest.approx(23 + 47 + 23)
    assert set(frame["quality"]) == {"reset"}


def test_conflicting_readings():
    """Of two readings for one time the last that came counts."""
    readings = counter("2018-11-01T00:00Z", np.arange(25) * KWH)
    twice = pd.concat([pd.Series([9e9], readings.index[24:]), readings])
    assert interval_energy(twice, "D")["kwh"].tolist() == pytest.approx([24])
    in_order = pd.concat([readings.iloc[:24], pd.Series([9e9], readings.index[24:]), readings.iloc[24:]])
    assert interval_energy(in_order, "D")["kwh"].tolist() == pytest.approx([24])


def test_many_conflicts_in_any_order():
    """The last that came counts for each of many times, however the times are ordered."""
    good = counter("2018-11-01T00:00Z", np.arange(1000) * KWH)
    mixed = np.random.default_rng(5).permutation(1000)
    readings = pd.concat([good.iloc[mixed] + 7 * KWH, good.iloc[mixed[::-1]]])
    pd.testing.assert_frame_equal(interval_energy(readings, "D"), interval_energy(good, "D"))


@pytest.mark.parametrize("values", [[], [5.0], [np.nan, np.nan], [-1.0, np.inf]])
def test_too_few_readings(values):
    """Fewer than two usable readings give no energy, but the intervals that were asked for."""
    frame = interval_energy(counter("2018-11-01T00:00Z", values), "D", "2018-11-01", "2018-11-03")
    assert len(frame) == 2
    assert frame["kwh"].isna().all()
    assert (frame["coverage"] == 0).all()
    assert (frame["kwh"].dtype, frame["coverage"].dtype) == (float, float)
    assert set(frame["quality"]) == {"missing"}


def test_no_readings_and_no_range():
    """Nothing to go by is an empty frame with its columns."""
    frame = interval_energy(counter("2018-11-01T00:00Z", []), "D", tz="Europe/Zurich")
    assert frame.empty
    assert list(frame.columns) == ["kwh", "coverage", "quality"]


def test_the_input_is_left_alone():
    """The readings that were given are not changed."""
    readings = counter("2018-11-01T00:00Z", [3.0, np.nan, 5.0])[::-1]
    before = readings.copy()
    interval_energy(readings, "h")
    pd.testing.assert_series_equal(readings, before)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("kind", [float, "Int64", "Float64", object])
def test_types_of_readings(unit, kind):
    """Any numeric type and any resolution of the time stamps will do, in any zone."""
    readings = counter("2018-11-01T00:00Z", np.arange(25) * KWH).astype(kind)
    readings.index = readings.index.as_unit(unit).tz_convert("America/New_York")
    assert interval_energy(readings, "D", tz="UTC")["kwh"].tolist() == pytest.approx([24])


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        ([1, 2, 3], "a list; give a pandas Series"),
        (pd.Series([1.0, 2.0]), "no time zone"),
        (counter("2018-11-01T00:00Z", [1, 2]).tz_localize(None), "no time zone"),
        (
            pd.Series(
                [1.0, 2.0],
                pd.Index([pd.Timestamp("2018-11-01", tz="UTC"), pd.Timestamp("2018-11-02", tz=ZONES[0])], dtype=object),
            ),
            "no time zone",
        ),
        (counter("2018-11-01T00:00Z", [1, 2]).astype(str).rename("c") + " kWh", "'c' holds text"),
    ],
)
def test_readings_that_are_none(readings, words):
    """What is no series of readings is refused with what it is."""
    with pytest.raises(UsageError) as caught:
        interval_energy(readings)
    assert words in str(caught.value)


@pytest.mark.parametrize("step", ["often", "0h", "-1h", pd.NaT, pd.Timedelta(0)])
def test_a_step_that_is_none(step):
    """A nominal spacing that makes no sense is refused with the value."""
    with pytest.raises(UsageError, match="is no length of time") as caught:
        interval_energy(counter("2018-11-01T00:00Z", [1, 2, 3]), step=step)
    assert repr(step) in str(caught.value)


@pytest.mark.parametrize("p_max", [0.0, -5.0, float("nan")])
def test_a_limit_that_is_none(p_max):
    """A highest power that no valve has is refused with the value."""
    with pytest.raises(UsageError, match="highest possible power is"):
        interval_energy(counter("2018-11-01T00:00Z", [1, 2, 3]), p_max=p_max)


def test_power_limit():
    """Three times the 99.9th percentile of the power that was measured, or None if none was."""
    power = pd.Series([0.0, np.nan, *np.arange(1.0, 1002.0)])
    assert power_limit(power) == pytest.approx(3 * 1000)
    assert power_limit(pd.Series([0.0, np.nan, -5.0])) is None
    assert power_limit(pd.Series([], dtype=float)) is None
    assert power_limit(pd.Series([5, None, 5.0], dtype=object)) == 15.0

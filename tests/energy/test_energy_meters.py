"""Energy from counters as real meters and collectors give them: still, frozen, spiked, stale, late, cut off."""

import numpy as np
import pandas as pd
import pytest
from test_energy import KWH, counter

from belimo_nb.energy import design_limit, incidents, interval_energy, statement

LIMITS = pytest.mark.parametrize("p_max", [None, 500e3])
RATES = 40 + 30 * np.sin(np.arange(24 * 400) * 2 * np.pi / 24)  # kWh an hour: a load with a day's shape


def winter(start="2018-01-01T00:00Z", hours=24 * 60):
    """A counter that rises by 10 to 70 kWh an hour, from some level on."""
    return counter(start, (123_456 + np.concatenate(([0], np.cumsum(RATES[: hours - 1])))) * KWH)


def frozen(readings, begin, hours):
    """The same as a collector shows it that repeats one reading for hours."""
    at = readings.index.get_loc(pd.Timestamp(begin, tz="UTC"))
    shown = readings.copy()
    shown.iloc[at + 1 : at + hours] = shown.iloc[at]
    return shown


def months(readings, *ranges, **options):
    """The energy of ranges as single intervals, in kWh."""
    return [float(interval_energy(readings, "YS", *span, **options)["kwh"].sum()) for span in ranges]


@pytest.mark.parametrize("step", ["1h", None])
def test_a_counter_that_stands_still_across_a_gap(step):
    """Between equal readings every day and month is known: 0 kWh, covered, measured."""
    rising = winter(hours=24 * 31)
    still = pd.Series(rising.iloc[-1], pd.to_datetime(["2018-02-03T05:00Z", "2018-05-20T07:00Z", "2018-06-01T00:00Z"]))
    readings = pd.concat([rising, still])
    days = interval_energy(readings, "D", "2018-02-01", "2018-06-01", step=step)
    assert days["kwh"].tolist() == [0.0] * 120
    assert (days["coverage"] == 1).all()
    assert set(days["quality"]) == {"measured"}
    assert interval_energy(readings, "MS", "2018-02-01", "2018-06-01", step=step)["coverage"].tolist() == [1.0] * 4
    assert incidents(readings, step=step).empty


def test_a_valve_that_reports_by_change():
    """One reading a day, and one whenever the counter has changed: the still stretches are known, the others split."""
    readings = pd.Series(
        np.array([10, 10, 10, 14, 14, 14]) * KWH,
        pd.to_datetime(
            [f"2018-07-0{day}T{hour:02}:00Z" for day, hour in ((1, 0), (2, 0), (3, 0), (3, 6), (4, 0), (5, 0))]
        ),
    )
    days = interval_energy(readings, "D", "2018-07-01", "2018-07-05", step="1h")
    assert days["kwh"].tolist() == pytest.approx([0, 0, 4, 0])
    assert days["coverage"].tolist() == pytest.approx([1, 1, 18 / 24, 1])
    assert set(days["quality"]) == {"measured"}


@LIMITS
def test_a_collector_that_froze(p_max):
    """A rise that fits the time since the register last moved is counted and split over the standstill."""
    readings = winter()
    shown = frozen(readings, "2018-01-20T15:00", 17)
    hours = interval_energy(shown, "h", "2018-01-19", "2018-01-23", p_max=p_max)
    assert hours["kwh"].sum() == pytest.approx(interval_energy(readings, "h", "2018-01-19", "2018-01-23")["kwh"].sum())
    assert hours["kwh"].max() < 71
    split = hours[hours["quality"] != "measured"]
    assert set(split["quality"]) == {"estimated split"}
    assert (split.index[0], len(split)) == (pd.Timestamp("2018-01-20T15:00Z"), 17)
    (freeze,) = incidents(shown, p_max=p_max).to_dict("records")
    assert (freeze["what"], freeze["counted"]) == ("freeze", True)
    assert freeze["to"] - freeze["from"] == pd.Timedelta(hours=17)
    assert statement(shown, "D", "2018-01-20", "2018-01-22", p_max=p_max)["quality"].tolist() == ["estimated split"] * 2


@LIMITS
def test_a_month_that_begins_in_a_freeze(p_max):
    """Its energy is the same alone, with some days around it, and as part of the whole."""
    shown = frozen(winter(), "2018-01-31T15:00", 17)
    (february,) = months(shown, ("2018-02-01", "2018-02-20"), p_max=p_max)
    alone = shown["2018-01-25":"2018-02-27"]
    assert months(alone, ("2018-02-01", "2018-02-20"), p_max=p_max) == pytest.approx([february])
    total = months(shown, ("2018-01-10", "2018-02-20"), p_max=p_max)[0]
    assert months(shown, ("2018-01-10", "2018-02-01"), p_max=p_max)[0] + february == pytest.approx(total)


def test_more_than_the_standstill_explains_is_a_jump():
    """A rise beyond the limit times the time since the register moved is a replaced meter, not a collector's freeze."""
    shown = frozen(winter(), "2018-01-20T15:00", 17)
    shown["2018-01-21T08:00":] += 20_000 * KWH
    days = interval_energy(shown, "D", "2018-01-19", "2018-01-23", p_max=500e3)
    assert days["quality"].tolist() == ["measured", "measured", "jump", "measured"]
    assert days["kwh"].iloc[2] < 24 * 71


@pytest.mark.parametrize("p_max", [None, 18.9e6])
@pytest.mark.parametrize(("step", "at"), [(1, 480), (1, 959), (24, 20)])
def test_a_rise_unlike_any_around_it_is_a_jump(p_max, step, at):
    """A meter exchanged for one with a higher reading, or an absurd last reading, under a limit that is wide."""
    readings = winter(hours=24 * 40)[::step]
    assert "jump" not in set(incidents(readings, p_max=p_max)["what"])
    readings.iloc[at:] += (18_000 if step == 1 else 400_000) * KWH
    days = interval_energy(readings, "D", readings.index[0], readings.index[-1], p_max=p_max)
    assert days["kwh"].max() < 24 * 71
    assert days["quality"].tolist().count("jump") == 1


def test_a_burst_is_energy():
    """An hour of 700 kWh in a valve that only trickles, and 1,500 kWh after a week of standstill, are consumption."""
    for still, burst in ((0, 700), (168, 1500)):
        day = np.concatenate((np.full(48, 0.5), np.zeros(still), [burst], np.full(48, 0.5)))
        readings = counter("2018-06-01T00:00Z", (9e3 + np.concatenate(([0], np.cumsum(day)))) * KWH)
        frame = interval_energy(readings, "YS", readings.index[0], readings.index[-1])
        assert frame["kwh"].tolist() == pytest.approx([48 + burst])
        assert frame["quality"].tolist() == ["measured"]


@LIMITS
@pytest.mark.parametrize("days", [3, 6, 15])
def test_a_collector_of_daily_readings_that_froze(p_max, days):
    """Days of which a meter's portal repeats the last reading are estimated, not 0 kWh and then one of many times."""
    shown = winter(hours=24 * 80)[::24]
    shown.iloc[31 : 30 + days] = shown.iloc[30]
    frame = interval_energy(shown, "D", "2018-01-10", "2018-03-15", p_max=p_max)
    assert frame["kwh"].tolist() == pytest.approx([960.0] * 64)
    assert (frame["quality"] == "estimated split").sum() == days


@LIMITS
@pytest.mark.parametrize("less", [lambda run: run - 2500 * KWH, lambda run: run * 0.95])
def test_low_readings_for_days_that_go_on_counting(p_max, less):
    """A register that reads too little for 30 hours, and counts on meanwhile, has been dropped and not been reset."""
    readings = winter(hours=24 * 20)
    broken = readings.copy()
    broken.iloc[100:130] = less(readings.iloc[100:130])
    days = interval_energy(broken, "D", "2018-01-01", "2018-01-20", p_max=p_max)
    rest = interval_energy(readings.drop(readings.index[100:130]), "D", "2018-01-01", "2018-01-20", p_max=p_max)
    pd.testing.assert_frame_equal(days, rest)


@LIMITS
@pytest.mark.parametrize(("less", "hours"), [(400, 30), (1000, 100)])
def test_low_readings_that_count_on_beyond_where_they_fell(p_max, less, hours):
    """A register that reads too little until one rise undoes it has been dropped, however far it has come meanwhile."""
    readings = winter(hours=24 * 20)
    broken = readings.copy()
    broken.iloc[100 : 100 + hours] -= less * KWH
    found = interval_energy(broken, "D", "2018-01-01", "2018-01-20", p_max=p_max)
    assert found["kwh"].sum() == pytest.approx(months(readings, ("2018-01-01", "2018-01-20"))[0])
    assert "reset" not in set(found["quality"])


def test_a_morning_is_no_freeze():
    """A valve that is shut all night and opens with twice the power of the day is measured, hour by hour."""
    day = np.array([0] * 9 + [95, 55] + [40] * 13, float)
    readings = counter("2018-01-01T00:00Z", np.concatenate(([0], np.cumsum(np.tile(day, 9)))) * KWH + 5e9)
    hours = interval_energy(readings, "h", "2018-01-01", "2018-01-10", p_max=5e6)
    assert set(hours["quality"]) == {"measured"}
    assert hours["kwh"].to_numpy() == pytest.approx(np.tile(day, 9))


def test_the_limit_is_the_device_s_own():
    """It follows from what the valve is made for, and is generous: 100 K at its nominal flow."""
    assert design_limit(3.6) == pytest.approx(419e3)
    largest = design_limit(162.0)
    assert largest == pytest.approx(18.9e6, rel=0.01)
    for unknown in (float("nan"), 0.0, 781.8):
        assert design_limit(unknown) == largest


@LIMITS
@pytest.mark.parametrize("absurd", [1.6e15, 7e11, 0.0, 5 * KWH])
@pytest.mark.parametrize("count", [1, 2])
def test_one_absurd_reading_costs_that_reading(p_max, absurd, count):
    """In a counter that stands still, and in one that moves, it is as if it had not come."""
    still = counter("2018-06-01T00:00Z", np.full(24 * 28, 9_000 * KWH))
    for readings in (still, winter()):
        broken = readings.copy()
        broken.iloc[300 : 300 + count] = absurd
        rest = readings.drop(readings.index[300 : 300 + count])
        first, last = readings.index[0], readings.index[-1]
        pd.testing.assert_frame_equal(
            interval_energy(broken, "D", first, last, p_max=p_max), interval_energy(rest, "D", first, last, p_max=p_max)
        )


def test_an_absurd_reading_beside_others():
    """Inside a dropout, at the end, and where the smallest step of the register would follow from it."""
    readings = winter(hours=24 * 10)
    broken = readings.copy()
    broken.iloc[100:106] = [0, 0, 3e14, 0, 0, 0]
    broken.iloc[-1] = 1.6e15
    found = interval_energy(broken, "D", "2018-01-01", "2018-01-10")
    assert found["kwh"].tolist() == pytest.approx(
        interval_energy(readings, "D", "2018-01-01", "2018-01-10")["kwh"].tolist(), abs=100
    )
    assert found["kwh"].sum() == pytest.approx(months(readings, ("2018-01-01", "2018-01-10"))[0])


def test_a_leading_zero_is_no_consumption():
    """Without a limit, too: the life of the meter is not what it counted in its first hour here."""
    readings = counter("2018-11-01T00:00Z", (4_889 + np.arange(30)) * KWH)
    readings.iloc[0] = 0
    frame = interval_energy(readings, "YS", readings.index[0], readings.index[-1])
    assert frame["kwh"].tolist() == pytest.approx([28])
    assert frame["quality"].tolist() == ["partial"]
    still = counter("2018-06-01T00:00Z", [0, 0, *[4_889 * KWH] * 100])
    assert interval_energy(still, "YS", still.index[0], still.index[-1])["kwh"].tolist() == [0.0]


def test_a_new_meter_begins_with_zero():
    """What a new meter counts from 0 on is consumption."""
    readings = counter("2018-11-01T00:00Z", np.concatenate(([0, 0, 0], np.cumsum(RATES[:60]))) * KWH)
    assert interval_energy(readings, "YS", readings.index[0], readings.index[-1])["kwh"].tolist() == pytest.approx(
        [RATES[:60].sum()]
    )


def test_zeros_of_a_replaced_meter_that_leaps():
    """Zeros between an old register and a new one with a higher reading are neither's: one break, nothing counted."""
    values = np.concatenate((np.arange(900.0, 948), np.zeros(10), np.arange(300.0, 400)))
    frame = interval_energy(counter("2018-11-01T00:00Z", values * KWH), "YS", "2018-11-01T00:00Z", "2018-11-07T00:00Z")
    assert frame["kwh"].tolist() == pytest.approx([47 + 86])
    assert frame["quality"].tolist() == ["reset"]


@LIMITS
@pytest.mark.parametrize(
    ("what", "wrong"),
    [("two hours old", -2), ("three hours ahead", 3), ("twelve hours old", -12), ("ten hours ahead", 10)],
)
def test_one_reading_that_is_stale_or_early(p_max, what, wrong):
    """One reading that its neighbors undo is dropped: no reset, and nothing is counted twice."""
    readings = winter(hours=24 * 20)
    for at in range(100, 124):
        broken = readings.copy()
        broken.iloc[at] = readings.iloc[at + wrong]
        rest = readings.drop(readings.index[at])
        found = interval_energy(broken, "D", "2018-01-01", "2018-01-20", p_max=p_max)
        pd.testing.assert_frame_equal(found, interval_energy(rest, "D", "2018-01-01", "2018-01-20", p_max=p_max))


@LIMITS
@pytest.mark.parametrize("more", [60, -60, 300])
def test_one_reading_with_energy_too_much(p_max, more):
    """One reading that is 60 kWh off costs nothing: the day has what its edges say."""
    readings = winter(hours=24 * 20)
    expected = months(readings, ("2018-01-05", "2018-01-06"))
    for at in range(100, 110):
        broken = readings.copy()
        broken.iloc[at] += more * KWH
        frame = interval_energy(broken, "D", "2018-01-05", "2018-01-06", p_max=p_max)
        assert frame["kwh"].tolist() == pytest.approx(expected)
        assert frame["quality"].tolist() == ["measured"]


def test_several_bad_readings_are_no_lower_bound_above_the_truth():
    """Stale packets in a row, and another device's counter for two polls, are not energy that was used."""
    readings = winter(hours=24 * 20)
    (truth,) = months(readings, ("2018-01-02", "2018-01-18"))
    for values in (readings.iloc[95:98], readings.iloc[100:103] - 5000 * KWH, readings.iloc[100:103] + 7000 * KWH):
        broken = readings.copy()
        broken.iloc[100:103] = values.to_numpy()
        assert months(broken, ("2018-01-02", "2018-01-18")) == pytest.approx([truth])


@LIMITS
@pytest.mark.parametrize("count", [6, 10, 20])
def test_a_run_that_is_too_high_while_the_register_goes_on(p_max, count):
    """Readings that are 250 kWh too high until the register has nearly caught up: neither a reset, nor counted."""
    readings = winter(hours=24 * 20)
    broken = readings.copy()
    broken.iloc[100 : 100 + count] += 250 * KWH
    rest = readings.drop(readings.index[100 : 100 + count])
    found = interval_energy(broken, "D", "2018-01-01", "2018-01-20", p_max=p_max)
    pd.testing.assert_frame_equal(found, interval_energy(rest, "D", "2018-01-01", "2018-01-20", p_max=p_max))


def test_a_month_with_readings_on_its_edges_is_measured():
    """Whatever gaps lie inside; how much of it is spanned says the coverage."""
    readings = winter()
    gap = readings.drop(readings["2018-01-10T05:00":"2018-01-20T05:00"].index)
    frame = interval_energy(gap, "MS", "2018-01-01", "2018-03-01")
    assert frame["quality"].tolist()[0] == "measured"
    assert frame["kwh"].iloc[0] == pytest.approx(months(readings, ("2018-01-01", "2018-02-01"))[0])
    assert frame["coverage"].iloc[0] == pytest.approx(1 - 242 / 744)
    days = interval_energy(gap, "D", "2018-01-09", "2018-01-22")["quality"].tolist()
    assert days == ["measured", *["estimated split"] * 11, "measured"]


def test_what_is_known_of_a_partial_interval():
    """A first reading 50 minutes after midnight makes neither the day nor the month unknown."""
    readings = winter("2018-03-01T00:50Z", hours=24 * 40)
    days = interval_energy(readings, "D", "2018-03-01", "2018-04-01")
    month = interval_energy(readings, "MS", "2018-03-01", "2018-04-01")
    assert days["quality"].tolist() == ["partial", *["measured"] * 30]
    assert month["quality"].tolist() == ["partial"]
    assert days["coverage"].iloc[0] == pytest.approx(1 - 50 / 1440)
    assert month["coverage"].iloc[0] == pytest.approx(1 - 50 / (31 * 1440))
    expected = months(readings, (readings.index[0], "2018-04-01"))
    assert month["kwh"].tolist() == pytest.approx(expected)
    assert days["kwh"].sum() == pytest.approx(expected[0])
    assert statement(readings, "MS", "2018-03-01", "2018-04-01")["kwh"].tolist() == pytest.approx(expected)


def test_the_usual_spacing_is_that_of_the_neighbors():
    """Without a given step, what is a gap in a month is one in its year, however the rest is spaced."""
    coarse, fine = winter(hours=24 * 100)[::24], winter("2018-04-11T00:00Z", 24 * 10)
    fine += coarse.iloc[-1] - fine.iloc[0] + 10 * KWH
    readings = pd.concat([coarse.drop(coarse.index[50]), fine.drop(fine.index[100:104])])
    for part, span in ((coarse, ("2018-01-10", "2018-03-20")), (fine, ("2018-04-12", "2018-04-20"))):
        alone = readings[part.index[0] : part.index[-1]]
        for freq in ("D", "MS"):
            expected = interval_energy(readings, freq, *span)
            pd.testing.assert_frame_equal(interval_energy(alone, freq, *span), expected)
    assert (interval_energy(readings, "D", "2018-04-13", "2018-04-17")["coverage"] < 1).sum() == 1


@LIMITS
@pytest.mark.parametrize("two", [(1e9, 3e11), (3e13, 1e9), (1e15, 0), (0, 1e15)])
def test_two_bad_readings_side_by_side(p_max, two):
    """A spike and a dropout beside each other, either way round, are dropped together."""
    readings = winter(hours=24 * 10)
    broken = readings.copy()
    broken.iloc[100:102] = two
    rest = readings.drop(readings.index[100:102])
    found = interval_energy(broken, "D", "2018-01-01", "2018-01-10", p_max=p_max)
    pd.testing.assert_frame_equal(found, interval_energy(rest, "D", "2018-01-01", "2018-01-10", p_max=p_max))


@LIMITS
@pytest.mark.parametrize("hours", [6, 17, 30, 60])
def test_a_freeze_over_nights_without_heat(p_max, hours):
    """A valve that is shut at night, read by a collector that froze over one or two of them."""
    day = np.array([0] * 6 + [40, 60, 55, *[45] * 13] + [0] * 2, float)
    readings = counter("2018-01-01T00:00Z", np.concatenate(([0], np.cumsum(np.tile(day, 20)))) * KWH + 5e9)
    shown = frozen(readings, "2018-01-09T09:00", hours)
    frame = interval_energy(shown, "h", "2018-01-01", "2018-01-21", p_max=p_max)
    assert frame["kwh"].sum() == pytest.approx(20 * day.sum())
    assert frame["kwh"].max() == pytest.approx(60)
    assert (frame["quality"] == "estimated split").sum() == pytest.approx(hours, abs=6)


@LIMITS
@pytest.mark.parametrize(("stuck", "silent"), [(1, 9), (12, 12), (40, 20), (8, 50)])
def test_a_collector_that_froze_and_then_fell_silent(p_max, stuck, silent):
    """A standstill longer than any around that goes over into a gap is no 0 kWh: all of it is an estimated split."""
    readings = winter(hours=24 * 20)
    begin = pd.Timestamp("2018-01-09T05:00Z")
    last, back = begin + pd.Timedelta(hours=stuck), begin + pd.Timedelta(hours=stuck + silent)
    shown = frozen(readings, begin.tz_localize(None), stuck + 1)
    shown = shown[(shown.index <= last) | (shown.index >= back)]
    hours = interval_energy(shown, "h", "2018-01-05", "2018-01-15", p_max=p_max)
    assert (hours["quality"] == "estimated split").sum() == stuck + silent
    assert hours["kwh"].min() >= 10
    assert hours["kwh"].sum() == pytest.approx(months(readings, ("2018-01-05", "2018-01-15"))[0])


@LIMITS
def test_a_usual_standstill_before_a_gap_is_one(p_max):
    """A valve that is shut every night, and whose morning is missing, used 0 kWh in that night."""
    day = np.array([0] * 8 + [40] * 12 + [0] * 4, float)
    readings = counter("2018-01-01T00:00Z", np.concatenate(([0], np.cumsum(np.tile(day, 12)))) * KWH + 5e9)
    gap = readings.drop(readings["2018-01-07T08:00":"2018-01-07T13:00"].index)
    hours = interval_energy(gap, "h", "2018-01-07", "2018-01-08", p_max=p_max)
    assert hours["quality"].tolist() == ["measured"] * 7 + ["estimated split"] * 7 + ["measured"] * 10
    assert hours["kwh"].iloc[:7].tolist() == [0] * 7


@LIMITS
@pytest.mark.parametrize("more", [6_000, 1e6, 4e8])
@pytest.mark.parametrize("at", [-1, 24 * 35])
def test_a_leap_in_a_still_summer_is_no_energy(p_max, more, at):
    """Of an absurd last reading, or of a meter that is exchanged while a valve rests, a long rest explains nothing."""
    week = np.array([0] * 5 + [20] + [0] * (24 * 7 - 6), float)
    readings = counter("2018-06-01T00:00Z", np.concatenate(([0], np.cumsum(np.tile(week, 8)))) * KWH + 5e11)
    readings.iloc[at:] += more * KWH
    frame = interval_energy(readings, "D", readings.index[0], readings.index[-1], p_max=p_max)
    assert frame["kwh"].sum() == pytest.approx(8 * 20)
    assert frame["quality"].tolist().count("jump") == 1
    hours = interval_energy(readings["2018-07-01":"2018-07-12"], "h", "2018-07-05", "2018-07-07", p_max=p_max)
    assert hours["kwh"].sum() <= 20


@LIMITS
@pytest.mark.parametrize("bad", [1, 10])
def test_bad_readings_weeks_after_a_new_meter(p_max, bad):
    """A few readings as high as the register of the meter before cost themselves, not the weeks since the exchange."""
    readings = winter(hours=24 * 60)
    readings.iloc[24 * 10 :] -= readings.iloc[24 * 10] - 3 * KWH
    plain = interval_energy(readings, "D", "2018-01-01", "2018-02-25", p_max=p_max)
    broken = readings.copy()
    broken.iloc[24 * 40 : 24 * 40 + bad] = 200_000 * KWH
    found = interval_energy(broken, "D", "2018-01-01", "2018-02-25", p_max=p_max)
    assert found["kwh"].to_numpy() == pytest.approx(plain["kwh"].to_numpy(), abs=60 * bad)
    assert found["quality"].tolist().count("reset") == 1


@LIMITS
def test_a_mean_over_a_gap_is_no_more_than_the_hours_around(p_max):
    """A meter replaced while nobody read it: 18 hours at 5 times the fastest are no energy."""
    for more, counted in ((18 * 5 * 70, False), (18 * 60, True)):
        readings = winter()
        readings[600:] += (more - 18 * 40) * KWH
        found = interval_energy(readings.drop(readings.index[583:600]), "YS", p_max=p_max)
        mark = incidents(readings.drop(readings.index[583:600]), p_max=p_max)["what"].tolist()
        assert mark == (["gap"] if counted else ["jump"])
        truth = RATES[: 24 * 60 - 1].sum() + more - 18 * 40
        assert found["kwh"].iloc[0] == pytest.approx(truth if counted else truth - more, rel=0.01)


@LIMITS
def test_a_last_reading_that_leaps_is_not_borne_out(p_max):
    """Ten times any hour around waits for another reading; with it the same rise is energy, or told by the limit."""
    readings = winter(hours=24 * 30)
    readings.iloc[-1] += 1300 * KWH
    assert incidents(readings, p_max=p_max)["what"].tolist() == ["jump"]


def test_a_drop_that_a_rise_undoes_under_load():
    """435 kWh less for days at 60 kWh an hour, and back at once: one run of bad readings, nothing twice."""
    readings = winter(hours=24 * 20)
    low = readings.copy()
    low[200:240] -= 300 * KWH
    assert interval_energy(low, "YS")["kwh"].sum() == pytest.approx(interval_energy(readings, "YS")["kwh"].sum())
    assert incidents(low)["what"].tolist() == ["dropout"]


def test_hours_of_a_meter_that_is_read_once_a_day():
    """Days are measured; which hour used it is an estimate, and no peak; hours without any are known."""
    days = pd.Series(np.array([0, 240, 240, 480.0]) * KWH, pd.date_range("2018-01-01", periods=4, tz="UTC"))
    assert set(interval_energy(days, "D", end="2018-01-04")["quality"]) == {"measured"}
    hours = interval_energy(days, "h", "2018-01-01", "2018-01-04")
    assert hours["quality"].tolist() == ["estimated split"] * 24 + ["measured"] * 24 + ["estimated split"] * 24
    assert hours["coverage"].tolist() == [0.0] * 24 + [1.0] * 24 + [0.0] * 24
    assert hours["kwh"].sum() == pytest.approx(480)

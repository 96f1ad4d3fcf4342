"""All checks of a valve: the table, what it takes, and what it says of bad samples."""

import warnings

import numpy as np
import pandas as pd
import pytest
from exchangers import exchanger, swinging
from hypothesis import given
from hypothesis import strategies as st

import belimo_nb as bn
from belimo_nb.errors import UsageError
from belimo_nb.hydronics import CHECKS, Design, Samples, Verdict, busiest_window, diagnose, judge, verdict_table
from belimo_nb.hydronics.verdict import worst

COLUMNS = [
    *("check", "verdict", "figure", "unit", "threshold", "sentence", "recommendation", "waste_m3", "waste_kwh"),
    *("waste_m3_low", "waste_kwh_low"),
]
DAYS = 30
FLOW = swinging(96 * DAYS, 8)
FRAME = exchanger(FLOW)


def test_table():
    """One row a check, in their order, with columns of fixed types."""
    table = bn.hydronics.diagnose(FRAME)
    assert table["check"].tolist() == list(CHECKS)
    assert table.columns.tolist() == COLUMNS
    assert set(table["verdict"]) <= {"ok", "warn", "fault", "cannot judge"}
    assert table[["figure", "waste_m3", "waste_kwh"]].dtypes.eq(float).all()
    assert (table["sentence"].str.endswith(".") & (table["sentence"].str.len() > 10)).all()
    assert verdict_table([]).columns.tolist() == COLUMNS


def test_checks_can_be_chosen():
    """In the order asked for; a name that is none is an error that lists them."""
    asked = ["hunting", "low delta-T"]
    assert [verdict.check for verdict in judge(FRAME, checks=asked)] == asked
    with pytest.raises(UsageError, match="no check 'leak'; the checks are flow-weighted delta-T, low delta-T"):
        judge(FRAME, checks=["leak"])


def test_frames_and_samples_are_alike():
    """A DataFrame is made into samples; a design may come with either."""
    design = Design(max_flow_m3h=8.0, nominal_flow_m3h=10.0)
    of_frame, of_samples = diagnose(FRAME, design=design), diagnose(Samples(FRAME, design=design))
    pd.testing.assert_frame_equal(of_frame, of_samples)
    pd.testing.assert_frame_equal(of_frame, diagnose(Samples(FRAME), design=design))


def test_polls_of_another_device_change_nothing():
    """Two polls a month hold another device's flow and power: figures and waste stay as they were."""
    polls = FRAME.copy()
    polls.iloc[[700, 1900], polls.columns.get_indexer(["flow_m3h", "power_kw"])] = 781.8, 1e5
    given = {"design": Design(max_flow_m3h=8.0, nominal_flow_m3h=10.0)}
    before, after = (diagnose(frame, **given).drop(columns="sentence") for frame in (FRAME, polls))
    pd.testing.assert_frame_equal(before, after, rtol=0.01, atol=0.05)


def test_design_delta_t():
    """A design delta-T is what low delta-T is held against."""
    table = diagnose(FRAME, design_delta_t=30.0, checks=["low delta-T"])
    assert "the design of 30.0 K" in table["sentence"][0]
    with pytest.raises(UsageError, match="design delta-T in K is -1; give a number above 0"):
        diagnose(FRAME, design_delta_t=-1)


def test_fine_samples_are_for_hunting():
    """Hours cannot show hunting, five minutes can; coarser "fine" samples are left aside."""
    fast = exchanger(np.tile([2.0, 6.0], 2000), step="5min")
    chosen = ["hunting", "sensor range"]
    hourly = FRAME.iloc[::4]
    assert judge(hourly, checks=chosen)[0].verdict == "cannot judge"
    assert judge(hourly, fast, checks=chosen)[0].verdict == "fault"
    assert judge(hourly, FRAME.iloc[::8], checks=chosen)[0].verdict == "cannot judge"
    assert judge(hourly, fast[:0], checks=chosen)[0].verdict == "cannot judge"


@pytest.mark.parametrize("made", [FRAME[:0], FRAME * np.nan, FRAME[:0].drop(columns="flow_m3h"), FRAME[[]]])
def test_no_samples(made):
    """No samples in the range: nothing is judged, and the reason is told for each check."""
    table = diagnose(made)
    assert (table["verdict"] == "cannot judge").all()
    assert (table["sentence"] == "There are no samples in the period.").all()


def test_all_zero():
    """A valve that never opens: no check that needs flow judges it, and none finds a fault."""
    table = diagnose(exchanger(np.zeros(96 * DAYS)), tz="Europe/Zurich").set_index("check")
    assert set(table["verdict"]) <= {"ok", "cannot judge"}
    for check in ("flow-weighted delta-T", "low delta-T", "waste zone", "delta-T limit", "oversized"):
        assert table.loc[check, "sentence"] == "The flow reads 0 throughout the period."
    zeros = diagnose(pd.DataFrame(0.0, FRAME.index, FRAME.columns)).set_index("check")["verdict"]
    assert zeros.pop("sensor range") == "warn"
    assert set(zeros) <= {"ok", "cannot judge"}


@pytest.mark.parametrize("column", FRAME.columns)
def test_one_column_missing(column):
    """With any one measurement missing all checks still answer, and none finds a fault that was not there."""
    whole = diagnose(FRAME).set_index("check")["verdict"]
    table = diagnose(FRAME.drop(columns=column)).set_index("check")
    assert table.index.tolist() == list(CHECKS)
    suspect = table.index[table["verdict"].isin(["warn", "fault"])]
    assert set(suspect) <= set(whole.index[whole.isin(["warn", "fault"])])
    if column == "flow_m3h":
        assert table.loc["low delta-T", "sentence"] == "There are no readings of flow."
    if column in ("t1_c", "t2_c"):
        assert table.loc["T1/T2 swapped", "verdict"] == "cannot judge"


def test_too_little():
    """Less than 24 active hours: the checks of active samples say how many there are."""
    table = diagnose(exchanger(np.full(40, 2.0))).set_index("check")
    assert table.loc["low delta-T", "sentence"] == "Water flowed for 10.0 h only; at least 24 h are needed."
    assert set(table["verdict"]) <= {"ok", "cannot judge"}


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ([1, 2, 3], "The samples are a list; give a DataFrame"),
        (FRAME.tz_localize(None), "need an index of times with a time zone"),
        (FRAME.assign(flow_m3h="1,5"), "column flow_m3h holds values that are no numbers"),
    ],
)
def test_samples_that_make_no_sense(made, sentence):
    """One clear sentence, for the period and for the detail."""
    with pytest.raises(UsageError, match=sentence):
        diagnose(made)
    with pytest.raises(UsageError, match=sentence):
        diagnose(FRAME, made)


def test_samples_of_one_moment():
    """A single row is too little for anything, and no reason to fail."""
    assert set(diagnose(FRAME[5:6])["verdict"]) <= {"ok", "cannot judge"}


@pytest.mark.slow
@given(data=st.data())
def test_holes_and_odd_values_never_break_a_check(data):
    """Whatever is missing, stuck, negative or endless, each check answers, without a warning of numpy's."""
    frame = FRAME[: 96 * 4].copy()
    values = st.sampled_from([np.nan, 0.0, -1.0, 1e9, np.inf, 22.0])
    for column in data.draw(st.lists(st.sampled_from(list(frame.columns)), max_size=5)):
        begin, length = data.draw(st.tuples(st.integers(0, 380), st.integers(1, 384)))
        frame.iloc[begin : begin + length, frame.columns.get_loc(column)] = data.draw(values)
    keep = data.draw(st.integers(1, 7))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = diagnose(frame.iloc[::keep], frame, tz="Europe/Zurich")
    assert table["check"].tolist() == list(CHECKS)
    judged = table["verdict"] != "cannot judge"
    assert (table.loc[~judged, "sentence"] != "").all()


def test_rows_without_readings_change_nothing():
    """Empty rows between the samples, as the cloud's buckets without data are, do not matter."""
    holes = pd.concat([FRAME, FRAME.set_axis(FRAME.index + pd.Timedelta("7min"))[::10] * np.nan]).sort_index()
    exact = ["low delta-T", "waste zone", "delta-T limit", "flow-weighted delta-T"]
    pd.testing.assert_frame_equal(
        diagnose(Samples(holes, pd.Timedelta("15min")), checks=exact), diagnose(FRAME, checks=exact)
    )


def test_swapped_sensors_change_no_check_of_the_exchanger():
    """Exchanged sensors are found as such; what is said of the exchanger stays as it is."""
    swapped = FRAME.rename(columns={"t1_c": "t2_c", "t2_c": "t1_c"})
    before, after = (diagnose(frame).set_index("check") for frame in (FRAME, swapped))
    changed = before.index[before["verdict"] != after["verdict"]]
    assert changed.tolist() == ["T1/T2 swapped"]


def test_worst():
    """A fault goes before a warning, any verdict before none; of equals the first."""
    verdicts = [Verdict("a", kind) for kind in ("cannot judge", "ok", "warn", "fault")]
    for count in range(1, 5):
        assert worst(verdicts[:count]) == verdicts[count - 1]
    assert worst([Verdict("first", "ok"), Verdict("second", "ok")]).check == "first"


def year(busy, hours=8760):
    """An hourly year in Zurich in which water flows from the one day to the other."""
    flow = np.zeros(hours)
    for begin, end in busy:
        flow[24 * begin : 24 * end] = 2.0
    return exchanger(flow, step="1h", start="2018-01-01T00:00").tz_convert("Europe/Zurich")


def test_busiest_window():
    """Two weeks, from local midnight to local midnight, where water flows most."""
    start, end = busiest_window(year([(100, 110), (200, 240), (300, 305)]))
    assert (start.hour, end.hour, (end - start).days) == (0, 0, 14)
    assert pd.Timestamp("2018-07-20", tz="Europe/Zurich") <= start
    assert end <= pd.Timestamp("2018-08-30", tz="Europe/Zurich")
    weeks = busiest_window(year([(200, 201)]), days=7)
    assert weeks[0] <= pd.Timestamp("2018-07-20T06:00Z") < weeks[1]


def test_busiest_window_is_recent():
    """Of windows that are nearly alike the latest, and it ends with the last full day."""
    start, end = busiest_window(year([(0, 365)]))
    assert (str(start.date()), str(end.date())) == ("2018-12-18", "2019-01-01")


def test_busiest_window_over_a_clock_change():
    """Local days of 23 and 25 hours are days, too, even where midnight itself is skipped."""
    for zone, day, length in (("Europe/Zurich", 297, 337), ("America/Santiago", 219, 335)):
        start, end = busiest_window(year([(day, day + 14)]).tz_convert(zone))
        assert end - start in (pd.Timedelta(hours=length), pd.Timedelta(hours=336))
        assert start.normalize() == start or start.hour == 1


def test_busiest_window_of_little():
    """Shorter samples than the window are looked at whole; without any flow there is none."""
    start, end = busiest_window(year([(0, 3)], hours=72), days=14)
    assert start <= pd.Timestamp("2018-01-01T12:00Z")
    assert end >= pd.Timestamp("2018-01-03T12:00Z")
    assert busiest_window(year([])) is None
    with pytest.raises(UsageError, match="window of 0 days makes no sense"):
        busiest_window(year([(0, 3)]), days=0)

"""Resampled history: which requests a range needs, and what becomes of the answers."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belimo_nb.api import history
from belimo_nb.api.history import (
    MissingSeriesWarning,
    OtherBucketsWarning,
    StrangeValueWarning,
    fetch,
    parse_resolution,
)
from belimo_nb.api.measurements import numbers_of
from belimo_nb.calendar.moments import from_api, to_api
from belimo_nb.errors import AnswerError, UsageError

START, END = pd.Timestamp("2018-11-01T00:00Z"), pd.Timestamp("2018-11-01T04:00Z")


def answer(**series):
    """An API answer: for each datapoint its rows as (time of the day, value)."""
    return {
        "series": [
            {
                "datapointId": key,
                "values": [{"timestamp": f"2018-11-01T{time}:00.000Z", "value": v} for time, v in rows],
            }
            for key, rows in series.items()
        ]
    }


def fetched(body, ids=("a",), start=START, end=END, resolution="1h"):
    """The frame that comes of an answer."""
    return fetch(lambda *_: body, "d1", list(ids), start, end, resolution, "last")


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("1h", 3600), ("1d", 86400), ("2w", 1209600), (" 90m ", 5400)]
)
def test_resolution(text, seconds):
    """The API's lengths of time."""
    assert parse_resolution(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "0h", "1 h", "-1h", "1.5h", "1H", "1y", "100", "hourly", "9999999h", None, 5, ["1h"], {}]
)
def test_resolutions_that_are_none(text):
    """What is no length of time is refused with the value and examples; a number of points is no length."""
    with pytest.raises(UsageError) as caught:
        parse_resolution(text)
    assert repr(text) in str(caught.value)
    assert "15m" in str(caught.value)


def test_rows_in_any_order_and_twice():
    """Rows are put in order; of two for one bucket the last that was sent counts."""
    frame = fetched(answer(a=[("03:00", 4), ("00:00", -1), ("01:00", 2), ("00:00", 1), ("02:00", None)]))
    assert list(frame.index) == list(pd.date_range(START, periods=4, freq="h"))
    assert frame["a"].tolist()[:2] == [1, 2]
    assert pd.isna(frame["a"].iloc[2])
    assert frame["a"].iloc[3] == 4
    assert frame["a"].dtype == float
    assert (frame.index.name, str(frame.index.tz)) == ("time", "UTC")


def test_a_bucket_at_the_end():
    """The bucket that begins at the end is left out: the next answer has it."""
    frame = fetched(answer(a=[("00:00", 1), ("04:00", 9)]), start=START, end=END)
    assert frame["a"].tolist()[0] == 1
    assert frame["a"].isna().sum() == 3


def test_buckets_on_another_grid():
    """Buckets that begin between those asked for would all be lost: that is an error."""
    with pytest.raises(AnswerError, match="use another resolution"):
        fetched(answer(a=[("00:30", 1), ("01:30", 2)]))


@pytest.mark.parametrize("time", ["05:00", "23:00"])
@pytest.mark.parametrize("start", [START, START + pd.Timedelta(hours=24)])
def test_values_outside_the_range(start, time):
    """Values from before or after the range answer another question: an error, not a range without readings."""
    with pytest.raises(AnswerError, match=rf"values outside, at 2018-11-01T{time}:00Z; try again later\.$"):
        fetched(answer(a=[(time, 1)]), start=start, end=start + pd.Timedelta(hours=4))


@pytest.mark.parametrize(
    ("echo", "said"),
    [
        ({"resolution": "1d"}, "the resolution '1d'"),
        ({"resolution": 100}, "the resolution '100'"),
        ({"resolution": "hourly"}, "the resolution 'hourly'"),
        ({"from": "2018-10-31T00:00:00Z"}, "the from '2018-10-31T00:00:00Z'"),
        ({"to": "2018-11-01T03:00:00.000Z"}, "the to '2018-11-01T03:00:00.000Z'"),
        ({"deviceId": "d2"}, "the device 'd2'"),
        ({"from": 1541030000}, "the from '1541030000'"),
        ({"aggregation": "first"}, "the aggregation 'first'"),
    ],
)
def test_an_answer_to_another_question(echo, said):
    """What the answer says of itself is held against what was asked; the error names both, in one sentence."""
    with pytest.raises(AnswerError, match=r"last of 1h") as caught:
        fetched(answer(a=[("00:00", 1)]) | echo)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("aggregation", ["mean", "LAST_VALUE", 5])
def test_another_aggregation(aggregation):
    """A series of means is no series of last readings, even where only one of several is."""
    body = answer(a=[("00:00", 1)], b=[("00:00", 1)])
    body["series"][1]["aggregation"] = aggregation
    with pytest.raises(AnswerError, match=f"the aggregation '{aggregation}'"):
        fetched(body, ids=("a", "b"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (answer(b=[("00:00", 1)]), "the datapoint 'b'"),
        (answer(a=[("00:00", 1)]) | {"series": answer(a=[("00:00", 1)])["series"] * 2}, "the datapoint 'a twice'"),
        ({"series": [answer(a=[("00:00", 1)])["series"][0] | {"resolution": "1d"}]}, "the resolution '1d'"),
        ({"series": [answer(a=[("00:00", 1)])["series"][0] | {"deviceId": "d2"}]}, "the device 'd2'"),
    ],
)
def test_series_of_something_else(body, said):
    """A series of another datapoint instead of ours, one that comes twice, or one that says it is of something else."""
    with pytest.raises(AnswerError, match="nothing of it is used") as caught:
        fetched(body)
    assert said in str(caught.value)


@pytest.mark.parametrize("resolution", ["1h", "60m", "PT1H", 3600, 3_600_000])
def test_the_same_question_in_other_words(resolution):
    """Times to the millisecond, and the same length written otherwise, are the question that was asked."""
    echo = {"from": "2018-11-01T00:00:00.000Z", "to": "2018-11-01T05:00:00+01:00", "resolution": resolution}
    body = answer(a=[("00:00", 1)]) | echo | {"deviceId": "d1"}
    if isinstance(resolution, int):
        body |= {"from": START.timestamp(), "to": END.timestamp() * 1000}
    body["series"][0]["aggregation"] = "last"
    assert fetched(body)["a"].iloc[0] == 1


@pytest.mark.parametrize(("hours", "warned"), [(2, True), (1, False)])
@pytest.mark.parametrize("echo", [{}, {"resolution": None}, {"resolution": "1h"}])
def test_a_cloud_that_does_not_repeat_the_question(echo, hours, warned):
    """Buckets further apart than asked for are told where the answer does not say what it is; two in a row suffice."""
    body = answer(a=[(f"{hour:02d}:00", hour) for hour in range(0, 12, 2)], b=[(f"{hours:02d}:00", 1)]) | echo
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = fetched(body, ids=("a", "b"), end=START + pd.Timedelta(hours=12))
    assert frame["a"].count() == 6
    told = [str(one.message) for one in caught if one.category is OtherBucketsWarning]
    assert len(told) == (warned and echo.get("resolution") is None)
    assert all("they begin 2 h apart, not 1 h" in text for text in told)


def test_missing_series():
    """A series that the answer leaves out is NaN, and said so once, with its id."""
    with pytest.warns(MissingSeriesWarning, match="lacks b") as caught:
        frame = fetched(answer(a=[("00:00", 1)]), ids=("a", "b"))
    assert list(frame.columns) == ["a", "b"]
    assert frame["b"].isna().all()
    assert frame["b"].dtype == float
    assert len(caught) == 1


def test_series_in_another_order():
    """Columns come as asked for, whatever the order of the answer, without those that were not."""
    frame = fetched(answer(c=[("00:00", 3)], b=[("00:00", 2)], a=[("00:00", 1)]), ids=("a", "b"))
    assert frame.iloc[0].tolist() == [1, 2]
    assert list(frame.columns) == ["a", "b"]


def test_empty_series():
    """A series without a row is unknown all through, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = fetched(answer(a=[]))
    assert frame["a"].isna().all()
    assert len(frame) == 4


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5], [1.0, 2.5]),
        (["OPEN", "CLOSE"], ["OPEN", "CLOSE"]),
        ([True, False], [True, False]),
        ([0, None], [0.0, None]),
        (["OPEN", None], ["OPEN", None]),
    ],
)
def test_kinds_of_values(values, expected):
    """Numbers become floats; text and truth values stay what they are, None where there is none."""
    frame = fetched(answer(a=[("00:00", values[0]), ("01:00", values[1])]))
    found = [None if pd.isna(value) else value for value in frame["a"].iloc[:2]]
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"series": None},
        {"series": [{}]},
        {"series": [{"datapointId": "a"}]},
        {"series": [{"datapointId": "a", "values": [5]}]},
        {"series": [{"datapointId": "a", "values": [{"value": 5}]}]},
        {"series": [{"datapointId": "a", "values": [{"timestamp": "noon", "value": 5}]}]},
        {"series": "none"},
    ],
)
def test_answers_that_make_no_sense(body):
    """An answer that the API does not describe is an error that says what was asked for."""
    with pytest.raises(AnswerError, match="history of device d1 from 2018-11-01T00:00:00Z") as caught:
        fetched(body)
    assert str(caught.value).endswith(".")


def test_a_range_of_too_many_buckets():
    """A slip of the keyboard does not ask for thousands of answers."""
    with pytest.raises(UsageError, match="too many buckets of 1s"):
        fetched({}, end=START + pd.Timedelta(days=365), resolution="1s")


@settings(max_examples=50)
@given(
    begin=st.integers(0, 10**6),
    length=st.integers(1, 10**6),
    resolution=st.sampled_from(["7m", "15m", "1h", "6h", "1d"]),
    most=st.integers(1, 40),
)
def test_windows(begin, length, resolution, most):
    """Requests tile the buckets that the range touches: none missing, none twice, none too long."""
    start = pd.Timestamp("2018-11-01T00:00Z") + pd.Timedelta(seconds=begin)
    end = start + pd.Timedelta(seconds=length)
    step, asked = parse_resolution(resolution), []
    most = max(most, int(length / step.total_seconds() / 50))

    def get(_path, query, _what):
        first, after = pd.Timestamp(query["from"]), pd.Timestamp(query["to"])
        asked.append((first, after))
        times = pd.date_range(first, after, freq=step, inclusive="left")
        rows = [{"timestamp": to_api(time), "value": time.timestamp()} for time in times]
        rows.append({"timestamp": to_api(after), "value": -1})  # not asked for: the next answer has it
        return {"series": [{"datapointId": "a", "values": rows}]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "MAX_BUCKETS", most)
        frame = fetch(get, "d1", ["a"], start, end, resolution, "last")
    assert all(before[1] == after[0] for before, after in itertools.pairwise(asked))
    assert all((after - first) / step <= most for first, after in asked)
    assert frame.index[0] <= start < frame.index[0] + step
    assert frame.index[-1] < end <= frame.index[-1] + step
    assert frame["a"].tolist() == [time.timestamp() for time in frame.index]


def test_times_of_the_api():
    """Times are read with or without fractions and offsets, and written in UTC; what is none is NaT."""
    texts = ["2018-06-20T11:04:06.000Z", "2018-06-20T11:04:06Z", "2018-06-20T13:04:06.5+02:00", None, "soon"]
    found = from_api(texts)
    assert str(found.tz) == "UTC"
    assert list(found[:2]) == [pd.Timestamp("2018-06-20T11:04:06Z")] * 2
    assert found[2] == pd.Timestamp("2018-06-20T11:04:06.5Z")
    assert found[3:].isna().all()
    assert len(from_api([])) == 0
    assert to_api(pd.Timestamp("2018-06-20T13:04:06", tz="Europe/Zurich")) == "2018-06-20T11:04:06Z"


@pytest.mark.parametrize("value", [1e308, -1e19, float("inf"), float("-inf"), 10**400])
def test_numbers_that_no_meter_has_are_unknown(value):
    """They are told and taken for unknown; what is merely large stays."""
    with pytest.warns(StrangeValueWarning, match="1 of 3 values of a is larger than any meter counts"):
        frame = fetched(answer(a=[("00:00", 9e17), ("01:00", value), ("02:00", -3)]))
    assert frame["a"].dtype == float
    assert frame["a"].tolist()[:1] + frame["a"].tolist()[2:3] == [9e17, -3]
    assert frame["a"].isna().tolist() == [False, True, False, True]


def test_numbers_as_texts_that_no_meter_has():
    """The same holds where numbers come as text."""
    texts = np.array(["12", "1e308", "inf", "NaN", "x", None], dtype=object)
    with pytest.warns(StrangeValueWarning, match="3 of 5 values of a are no numbers"):
        assert np.isnan(numbers_of(texts, "a", "a valve")).tolist() == [False, *[True] * 5]

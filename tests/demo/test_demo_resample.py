"""Resampling and the JSON of series, against slow and plain counterparts."""

import itertools
import json
import statistics
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from belimo_nb.demo.server.encode import json_bytes, json_rows, row_heads, time_texts, value_texts
from belimo_nb.demo.server.query import ApiError, Page, Query, iso, parse_instant
from belimo_nb.demo.server.resample import AGGREGATIONS, MAXIMUM_POINTS, make_grid, resample

DAY = 86400
NOON = 1543579200  # 2018-11-30T12:00:00Z

SLOW = {
    "last": lambda bucket: bucket[-1],
    "first": lambda bucket: bucket[0],
    "min": min,
    "max": max,
    "sum": sum,
    "mean": statistics.fmean,
    "count": len,
    "median": statistics.median,
}


def slow_resample(times, values, begin, end, step, aggregation):
    """A bucket begin -> value mapping, sample by sample."""
    inside = [(t // step * step, v) for t, v in zip(times, values, strict=True) if begin <= t < end]
    groups = itertools.groupby(inside, key=lambda pair: pair[0])
    return {start: SLOW[aggregation]([value for _, value in group]) for start, group in groups}


samples = st.lists(
    st.tuples(st.integers(-10_000, 10_000), st.integers(-1_000_000, 1_000_000)), unique_by=lambda pair: pair[0]
).map(sorted)


@given(
    samples, st.integers(-11_000, 11_000), st.integers(1, 20_000), st.integers(1, 5000), st.sampled_from(AGGREGATIONS)
)
def test_every_aggregation_agrees_with_a_plain_loop(pairs, begin, length, step, aggregation):
    """Whatever samples, range and resolution: the same buckets and values as sample by sample."""
    times = np.array([t for t, _ in pairs], np.int64)
    values = np.array([v for _, v in pairs], float)
    try:
        grid = make_grid(begin, begin + length, f"{step}s")
    except ValueError:
        assert length / step > MAXIMUM_POINTS - 2
        return
    buckets, got = resample(times, values, grid, aggregation)
    expected = slow_resample(times.tolist(), values.tolist(), begin, begin + length, step, aggregation)
    assert (grid.first + buckets * step).tolist() == list(expected)
    assert got.tolist() == pytest.approx(list(expected.values()))
    assert all(0 <= bucket < grid.size for bucket in buckets.tolist())


def test_a_bucket_cut_by_the_range_keeps_its_stamp_and_only_the_samples_inside():
    """From noon: the first day's bucket is stamped midnight and sums the afternoon only."""
    times = np.arange(NOON - 6 * 3600, NOON + 18 * 3600, 3600)
    grid = make_grid(NOON, NOON + 15 * 3600, "1d")
    buckets, sums = resample(times, np.ones(len(times)), grid, "sum")
    assert grid.first == NOON - DAY // 2
    assert buckets.tolist() == [0, 1]
    assert sums.tolist() == [12, 3]


def test_texts_and_switches_have_a_first_and_a_last():
    """Object arrays are resampled by selection."""
    times = np.array([0, 10, 60, 70], np.int64)
    values = np.array(["OK", "WARN", True, False], dtype=object)
    grid = make_grid(0, 120, "1m")
    assert resample(times, values, grid, "last")[1].tolist() == ["WARN", False]
    assert resample(times, values, grid, "first")[1].tolist() == ["OK", True]


def test_no_samples_give_no_buckets():
    """An empty series, and a range without samples, are empty answers."""
    grid = make_grid(0, 600, "1m")
    for times in (np.empty(0, np.int64), np.array([-1, 600], np.int64)):
        buckets, values = resample(times, np.zeros(len(times)), grid, "mean")
        assert len(buckets) == len(values) == 0


@pytest.mark.parametrize(
    ("resolution", "seconds"),
    [("90s", 90), ("5m", 300), ("1h", 3600), ("6h", 21600), ("7d", 7 * DAY), ("2w", 14 * DAY)],
)
def test_a_duration_is_the_size_of_a_bucket(resolution, seconds):
    """Seconds to weeks; the answer repeats the resolution as it was asked for."""
    grid = make_grid(NOON, NOON + 5 * DAY, resolution)
    assert grid.step == seconds
    assert grid.first % seconds == 0
    assert grid.resolution == resolution


@given(st.integers(0, 2 * 10**9), st.integers(1, 10**9), st.integers(2, MAXIMUM_POINTS))
def test_a_number_of_points_is_never_exceeded(begin, length, points):
    """However the range lies to the buckets, at most as many as asked for, and at least about half of that."""
    grid = make_grid(begin, begin + length, str(points))
    assert grid.size <= points
    assert grid.size >= min(points, length) / 2


def test_points_that_divide_the_range_give_whole_buckets():
    """100 points of 100 days are days."""
    grid = make_grid(0, 100 * DAY, "100")
    assert (grid.size, grid.step, grid.resolution) == (100, DAY, "1d")
    assert make_grid(0, 7, "100").resolution == "1s"


@pytest.mark.parametrize(
    "resolution", ["0", "10001", "1.5", "-5", "1M", "0h", "1y", "h", "", " 1h", "1h ", "٣h", "P1D"]
)
def test_a_resolution_that_is_none_is_refused(resolution):
    """Neither a duration nor a number of points from 1 to 10,000."""
    with pytest.raises(ValueError, match="resolution must be"):
        make_grid(0, DAY, resolution)


def test_ten_thousand_buckets_are_the_most():
    """10,000 buckets pass; a range that cuts one more does not, and the refusal says how many it would be."""
    assert make_grid(0, 10_000 * 60, "1m").size == 10_000
    with pytest.raises(ValueError, match="10001 points"):
        make_grid(1, 10_000 * 60 + 1, "1m")


def test_values_are_written_as_json_that_reads_back_the_same():
    """Whole numbers without a point, everything else to the last digit; texts and switches as such."""
    numbers = np.array([0.0, -3.0, 0.1, 1 / 3, 1e-300, 6.02e23, 2.0**53, 20.5])
    assert [json.loads(text) for text in value_texts(numbers)] == numbers.tolist()
    assert value_texts(np.array([5.0, 2.5])) == ["5", "2.5"]
    assert value_texts(np.array([7, -1])) == ["7", "-1"]
    mixed = np.array([True, 1, "1", 'a "b"', "Zürich", False, 0.0], dtype=object)
    assert value_texts(mixed) == ["true", "1", '"1"', '"a \\"b\\""', '"Zürich"', "false", "0"]


def test_json_never_says_nan():
    """A number that JSON cannot hold is an error of the server, not a body that half the parsers refuse."""
    with pytest.raises(ValueError, match="JSON"):
        json_bytes({"value": float("nan")})
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match="JSON"):
            value_texts(np.array([1.0, value]))


def test_rows_are_stamped_with_their_times():
    """Numbers, a text, and no row at all."""
    heads = row_heads(NOON + np.array([0, 67, 120]))
    full = json.loads(json_rows(heads, np.array([1.0, 2.5, 3.0])))
    assert full[1] == {"timestamp": "2018-11-30T12:01:07Z", "value": 2.5}
    assert len(full) == 3
    text = json_rows(heads[2:], np.array(["x"], dtype=object))
    assert text == '[{"timestamp":"2018-11-30T12:02:00Z","value":"x"}]'
    assert json_rows([], np.empty(0)) == "[]"


@given(st.integers(-(10**10), 10**10))
def test_times_are_written_and_read_alike(seconds):
    """ISO-8601 with Z, and back."""
    expected = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    assert iso(seconds * 1000) == expected
    assert time_texts(np.array([seconds])) == [expected]
    assert parse_instant(expected) == seconds * 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018-11-30", "2018-11-30T00:00:00Z"),
        ("2018-11-30T12:00:00Z", "2018-11-30T12:00:00Z"),
        ("2018-11-30T12:00:00.250Z", "2018-11-30T12:00:00.250Z"),
        ("2018-11-30T12:00+01:00", "2018-11-30T11:00:00Z"),
        ("2018-11-30T12:00:00-05:30", "2018-11-30T17:30:00Z"),
    ],
)
def test_instants_may_have_any_offset(text, expected):
    """Offsets, Z, milliseconds, bare dates."""
    assert iso(parse_instant(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2018-11-30T12:00:00",
        "yesterday",
        "",
        "2018-13-01",
        "1543579200",
        "2018-11-30T12:00 01:00",
        "0001-01-01T00:00+01:00",
    ],
)
def test_instants_without_an_offset_are_refused(text):
    """The cloud does not guess zones, nor words."""
    with pytest.raises((ValueError, OverflowError)):
        parse_instant(text)
    with pytest.raises(ApiError, match="from must be an ISO-8601 time") as caught:
        Query(f"from={text}").instant("from", 0)
    assert caught.value.body["parameter"] == "from"


def test_a_range_with_fractions_of_a_second_starts_at_the_next_sample():
    """From is inclusive, to exclusive, and samples have whole seconds."""
    span = Query("from=1970-01-01T00:00:01.500Z&to=1970-01-01T00:00:03Z").span(0, 100)
    assert span.seconds == (2, 3)
    assert Query("").span(5, 100).seconds == (5, 100)


def test_pages_sort_stably_with_none_last():
    """None is the greatest value: last ascending, first descending; equal ones keep their order."""
    items = [("a", 2), ("b", None), ("c", 1), ("d", 2), ("e", None)]
    up = Page(0, 20, "x", "ASC").sort(items, lambda item: item[1])
    down = Page(0, 20, "x", "DESC").sort(items, lambda item: item[1])
    assert "".join(name for name, _ in up) == "cadbe"
    assert "".join(name for name, _ in down) == "beadc"

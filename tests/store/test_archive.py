"""History through the store: the same frames as without it, with the fewest requests."""

import itertools
import warnings
from dataclasses import replace

import pandas as pd
import pytest
from history_model import BEGIN, DAY, HOUR, ModelDevice
from hypothesis import given, settings
from hypothesis import strategies as st

from belimo_nb.api import history
from belimo_nb.errors import NoDataError, ServerError, StoreError
from belimo_nb.settings import load
from belimo_nb.store import Store, StoreWarning, coverage
from belimo_nb.store.archive import Archive, HistoryQuery, LastContact, span_of

KEYS = ("number", "text", "switch")


def moment(seconds):
    """A time of the model, aware."""
    return pd.Timestamp(BEGIN + seconds, unit="s", tz="UTC")


def settings_in(folder):
    """Settings of an account that no one asks, with the store in a folder."""
    names = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
    return load(api_url="https://cloud.example/api/v3", data_dir=str(folder), **names)


class Setup:
    """A model device and an archive on a store."""

    def __init__(self, folder, outages=(), *, offline=False, since=None, most=10_000):
        self.device = ModelDevice(outages, most)
        self.store = Store(settings_in(folder))
        self.archive = Archive(self.device.get, self.store, offline=offline, since=since)

    def question(self, keys, start, end, step="1h"):
        """A question with the device's last contact as a fresh list gives it."""
        wanted = dict.fromkeys(keys, span_of(moment(start), moment(end), step))
        return HistoryQuery("d1", "Valve 1", LastContact(self.device.seen, self.device.now), step, wanted)

    def read(self, keys, start, end, step="1h"):
        """The frame through the store."""
        question = self.question(keys, start, end, step)
        return self.archive.frame(question, list(keys), moment(start), moment(end), self.device.now)

    def direct(self, keys, start, end, step="1h"):
        """The frame without it; requests are not counted."""
        asked, self.device.asked = self.device.asked, []
        frame = history.fetch(self.device.get, "d1", list(keys), moment(start), moment(end), step, "last")
        self.device.asked = asked
        return frame

    def at(self, seconds):
        """Move the clock."""
        self.device.now = BEGIN + seconds
        return self


@pytest.fixture
def setup(tmp_path):
    """A device without outages, ten days old."""
    return Setup(tmp_path).at(10 * DAY)


outages = st.lists(
    st.tuples(st.integers(0, 15 * DAY), st.integers(HOUR, 6 * DAY), st.integers(0, 47 * HOUR)), max_size=3
).map(
    lambda found: [
        (begin, min([begin + length, *(other[0] - 1 for other in found if other[0] > begin)]), late)
        for begin, length, late in {begin: (begin, length, late) for begin, length, late in found}.values()
        if all(other[0] != begin + 1 for other in found)
    ]
)
steps = st.lists(
    st.tuples(
        st.integers(0, 4 * DAY),  # how much later
        st.sets(st.sampled_from(KEYS), min_size=1),
        st.integers(-2 * DAY, 25 * DAY),  # start
        st.integers(1, 12 * DAY),  # length
        st.sampled_from(["1h", "3h", "1d"]),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@settings(max_examples=60)
@given(outages=outages, steps=steps, most=st.integers(5, 300))
def test_any_sequence_of_readings(tmp_path_factory, outages, steps, most):
    """Whatever was read before, a frame is the one that requests without a store would give."""
    setup = Setup(tmp_path_factory.mktemp("store"), outages, most=most)
    clock = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverage, "MAX_BUCKETS", most)
        patch.setattr(history, "MAX_BUCKETS", most)
        for later, keys, start, length, step in steps:
            clock += later
            setup.at(clock)
            setup.archive._since = setup.device.now  # as a sync: nothing that may change is taken as it is
            keys = sorted(keys)
            through = setup.read(keys, start, start + length, step)
            pd.testing.assert_frame_equal(through, setup.direct(keys, start, start + length, step), check_freq=False)


def test_nothing_new_is_not_asked(setup):
    """What was read is not asked for again while the device says nothing new."""
    setup.read(KEYS, 0, 10 * DAY)
    again = setup.read(KEYS, 0, 10 * DAY)
    assert len(setup.device.asked) == 1
    pd.testing.assert_frame_equal(again, setup.direct(KEYS, 0, 10 * DAY), check_freq=False)


def test_one_day_later(setup):
    """A day later one request asks for what can be new: the grace and the day."""
    setup.read(KEYS, 0, 10 * DAY)
    setup.at(11 * DAY).read(KEYS, 0, 11 * DAY)
    assert [(first, after) for _, first, after, _ in setup.device.asked[1:]] == [
        (BEGIN + 8 * DAY - HOUR, BEGIN + 11 * DAY)
    ]


def test_other_datapoints_and_resolutions(setup):
    """Another datapoint or resolution of the same device later does not refetch what is there."""
    setup.read(["number"], 0, 5 * DAY)
    setup.read(["number", "text"], 0, 5 * DAY)
    setup.read(["number", "text"], 0, 5 * DAY, "1d")
    setup.read(["number", "text"], 0, 5 * DAY)
    assert [keys for *_, keys in setup.device.asked] == [("number",), ("text",), ("number", "text")]


def test_different_ranges_share_requests(setup):
    """Datapoints that need different ranges are asked for together."""
    setup.read(["number"], 0, 4 * DAY)
    setup.read(["text"], 2 * DAY, 6 * DAY)
    setup.read(["number", "text"], 0, 6 * DAY)
    assert setup.device.asked[2][1:] == (BEGIN, BEGIN + 6 * DAY + HOUR, ("number", "text"))
    assert len(setup.device.asked) == 3


def test_a_backlog_that_arrives_later(tmp_path):
    """What a device sends after an outage fills the past buckets in, even if it was asked just before the backlog."""
    setup = Setup(tmp_path, [(3 * DAY, 8 * DAY, 20 * HOUR)])
    for now in (5 * DAY, 8 * DAY + 60, 8 * DAY + 21 * HOUR):
        frame = setup.at(now).read(KEYS, 0, 8 * DAY)
        pd.testing.assert_frame_equal(frame, setup.direct(KEYS, 0, 8 * DAY), check_freq=False)
    assert frame["number"].notna().all()
    assert len(setup.device.asked) == 3
    setup.at(20 * DAY).read(KEYS, 0, 8 * DAY)
    setup.at(30 * DAY).read(KEYS, 0, 8 * DAY)
    assert len(setup.device.asked) == 4  # by now all of it is final


def test_windows_of_ten_thousand_buckets(setup):
    """Two years of quarter hours are eight requests."""
    found = coverage.windows({"a": [(0, 70_081 * 900)], "b": [(900, 70_000 * 900)]}, 900)
    assert len(found) == 8
    assert sum((window.end - window.begin) // 900 for window in found) == 70_081


@settings(max_examples=100)
@given(
    missing=st.dictionaries(
        st.sampled_from("abc"), st.lists(st.tuples(st.integers(0, 60), st.integers(1, 15)), max_size=4), max_size=3
    ),
    most=st.integers(1, 20),
)
def test_the_fewest_requests(missing, most):
    """Windows cover all that is missing, keep to the limit, and are as few as points on a line can be covered with."""
    spans = {key: [(begin, begin + length) for begin, length in places] for key, places in missing.items()}
    found = coverage.windows(spans, 1, most)
    points = sorted({(key, t) for key, places in spans.items() for begin, end in places for t in range(begin, end)})
    assert all(any(w.begin <= t < w.end and key in w.datapoints for w in found) for key, t in points)
    assert all(0 < w.end - w.begin <= most for w in found)
    times = sorted({t for _, t in points})
    fewest = [0]
    for index in range(len(times)):
        fewest.append(min(fewest[j] + 1 for j in range(index + 1) if times[index] - times[j] < most))
    assert len(found) == fewest[-1]
    assert all(w.end <= v.begin for v, w in itertools.pairwise(found))


def test_values_that_changed(setup):
    """A value that should have stayed as it was is counted when it is asked for again and differs."""
    setup.read(["number"], 0, 5 * DAY)
    value = setup.device.value
    setup.device.value = lambda key, bucket, step: value(key, bucket, step) + (bucket == BEGIN + 7 * HOUR)
    question = setup.question(["number"], 0, 5 * DAY)
    assert setup.archive.fill(question, setup.device.now).requests == 0
    filled = setup.archive.fill(question, setup.device.now, refresh=True)
    assert (filled.requests, filled.changed) == (1, 1)
    assert setup.read(["number"], 0, 5 * DAY)["number"].iloc[7] == value("number", BEGIN + 7 * HOUR, HOUR) + 1


def spoiled(setup, change):
    """Let the cloud's answers be changed."""
    get = setup.device.get

    def answer(path, query, what):
        body = get(path, query, what)
        for series in body["series"]:
            series["values"] = change(series["datapointId"], series["values"])
        return body

    setup.archive._get = answer
    return get


def left_out(setup, key):
    """Let the cloud leave a datapoint out."""
    get = setup.device.get

    def answer(path, query, what):
        body = get(path, query, what)
        return {"series": [series for series in body["series"] if series["datapointId"] != key]}

    setup.archive._get = answer
    return get


LACKING = {
    "everything": lambda _, rows: [],
    "a datapoint": lambda key, rows: [] if key == "number" else rows,
    "nulls": lambda _, rows: [row | {"value": None} for row in rows],
    "texts that say nothing": lambda key, rows: (
        [row | {"value": "NaN"} for row in rows] if key == "number" else rows[:0]
    ),
    "numbers that no meter has": lambda key, rows: (
        [row | {"value": 1e308} for row in rows] if key == "number" else rows
    ),
    "the first days": lambda _, rows: rows[24:],
    "the last days": lambda _, rows: rows[:-24],
    "all before midnight": lambda _, rows: [row for row in rows if "T00" not in row["timestamp"]],
    "one value": lambda key, rows: rows[:7] + rows[8:] if key == "number" else rows,
}


@pytest.mark.filterwarnings("ignore:In the history of device")
@pytest.mark.parametrize("resolution", ["1h", "1d"])
@pytest.mark.parametrize("what", LACKING)
def test_what_is_kept_is_not_erased(what, resolution, setup):
    """An answer that lacks what is kept takes none of it away; it is counted, final no more and asked for again."""
    setup.at(30 * DAY)
    before = setup.read(KEYS, 0, 20 * DAY, resolution)
    question = setup.question(KEYS, 0, 19 * DAY, resolution)
    assert setup.archive.plan(setup.store.coverage("d1", resolution), question, setup.device.now) == []
    get = spoiled(setup, LACKING[what])
    if resolution == "1d" and what in ("the first days", "the last days", "all before midnight"):
        spoiled(setup, lambda _, rows: rows[3:])
    filled = setup.archive.fill(question, setup.device.now, refresh=True)
    pd.testing.assert_frame_equal(setup.read(KEYS, 0, 20 * DAY, resolution), before)
    assert filled.lacked > 0
    assert filled.changed == 0
    assert setup.archive.plan(setup.store.coverage("d1", resolution), question, setup.device.now, sure=True)
    assert setup.archive.plan(setup.store.coverage("d1", resolution), question, setup.device.now + 400)
    setup.archive._get = get
    setup.archive.fill(question, setup.device.now, sure=True)
    assert setup.archive.plan(setup.store.coverage("d1", resolution), question, setup.device.now) == []


def test_a_datapoint_that_the_cloud_forgets(setup):
    """A datapoint that is left out of an answer keeps its values, and its time is asked for again."""
    before = setup.read(KEYS, 0, 5 * DAY)
    question = setup.question(KEYS, 0, 5 * DAY)
    get = left_out(setup, "text")
    filled = setup.archive.fill(question, setup.device.now, refresh=True)
    assert (filled.lacked, filled.lacking) == (121, {"text"})
    assert "text" not in [key for key, known in setup.store.coverage("d1", "1h").items() if known.final]
    setup.archive._get = get
    asked = len(setup.device.asked)
    setup.at(10 * DAY + 400)
    pd.testing.assert_frame_equal(setup.read(KEYS, 0, 5 * DAY), before)
    assert [keys for *_, keys in setup.device.asked[asked:]] == [("text",)]


def test_a_cloud_that_has_forgotten(setup):
    """A wider reading from a cloud that has forgotten old data keeps them, is told of it, and believes no gap."""
    setup.at(60 * DAY).read(["number"], 20 * DAY, 30 * DAY)
    before = setup.read(["number"], 20 * DAY, 30 * DAY)
    get = spoiled(setup, lambda _, rows: [row for row in rows if row["timestamp"] >= f"{moment(28 * DAY):%Y-%m-%dT}"])
    with pytest.warns(StoreWarning, match="lacks 192 values that are kept; what is kept stays"):
        frame = setup.read(["number"], 0, 40 * DAY)
    pd.testing.assert_frame_equal(frame.loc[before.index], before, check_freq=False)
    setup.archive._get = get
    whole = setup.at(60 * DAY + 400).read(["number"], 0, 40 * DAY)  # nothing of it was believed
    pd.testing.assert_frame_equal(whole, setup.direct(["number"], 0, 40 * DAY), check_freq=False)


@pytest.mark.parametrize(
    "cut", [lambda rows: rows[-7 * 24 :], lambda rows: rows[: 7 * 24], lambda rows: [], lambda rows: rows[200:300]]
)
@pytest.mark.parametrize("keys", [("number",), KEYS])
def test_ranges_that_are_cut(cut, keys, setup):
    """Where an answer tells of a week of a month only, the rest is not final: an hour later it is asked for again."""
    setup.at(60 * DAY)
    get = spoiled(setup, lambda key, rows: cut(rows) if key in keys else rows)
    setup.read(KEYS, 0, 30 * DAY)
    setup.archive._get = get
    setup.at(60 * DAY + HOUR)
    frame = setup.read(KEYS, 0, 30 * DAY)
    pd.testing.assert_frame_equal(frame, setup.direct(KEYS, 0, 30 * DAY), check_freq=False)


@pytest.mark.parametrize("cut", [lambda rows: rows[9:], lambda rows: rows[:-9], lambda rows: rows[9:-9]])
def test_ranges_that_are_cut_by_hours(cut, setup):
    """Less than a day is noticed, too, of a device that speaks every hour: not of one that speaks now and then."""
    setup.at(60 * DAY)
    get = spoiled(setup, lambda _, rows: cut(rows))
    setup.read(KEYS, 0, 30 * DAY)
    setup.archive._get = get
    setup.at(60 * DAY + HOUR)
    frame = setup.read(KEYS, 0, 30 * DAY)
    pd.testing.assert_frame_equal(frame, setup.direct(KEYS, 0, 30 * DAY), check_freq=False)
    asked = len(setup.device.asked)
    setup.read(KEYS, 0, 30 * DAY)
    setup.at(60 * DAY + 2 * HOUR).read(KEYS, 0, 30 * DAY)
    assert len(setup.device.asked) == asked


def test_a_silence_that_two_answers_agree_on(tmp_path):
    """What was empty twice, half an hour apart, is final: a valve that was put in last week costs no more requests."""
    setup = Setup(tmp_path).at(60 * DAY)
    for later in (0, HOUR, 2 * HOUR, 50 * HOUR):
        setup.at(60 * DAY + later).read(["number"], -200 * DAY, 20 * DAY)
    assert len(setup.device.asked) == 2


def test_corrections_are_taken(setup):
    """A value that the cloud has corrected counts, also where another one is missing, and a number for a text."""
    setup.read(["number"], 0, 5 * DAY)
    spoiled(setup, lambda _, rows: [rows[0] | {"value": str(rows[0]["value"] + 1)}, *rows[2:]])
    filled = setup.archive.fill(setup.question(["number"], 0, 5 * DAY), setup.device.now, refresh=True)
    assert (filled.changed, filled.lacked) == (1, 1)


@pytest.mark.parametrize("years", [-1, 1])
@pytest.mark.parametrize("whose", ["device", "ours"])
def test_clocks_that_are_wrong(whose, years, tmp_path):
    """With the device's last contact or our clock off by a year, nothing becomes final that can still come."""
    setup = Setup(tmp_path, [(3 * DAY, 8 * DAY, 20 * HOUR)])

    def read(now):
        setup.at(now)
        off = years * 365 * DAY
        seen = LastContact(setup.device.seen + off * (whose == "device"), setup.device.now + off * (whose == "ours"))
        question = replace(setup.question(["number"], 0, 12 * DAY), seen=seen)
        clock = setup.device.now + off * (whose == "ours")
        return setup.archive.frame(question, ["number"], moment(0), moment(12 * DAY), clock)

    for now in (2 * DAY, 4 * DAY, 8 * DAY + 60, 9 * DAY, 9 * DAY + HOUR):
        frame = read(now)
        pd.testing.assert_frame_equal(frame, setup.direct(["number"], 0, 12 * DAY), check_freq=False)
    setup.at(20 * DAY)
    frame = setup.read(["number"], 0, 12 * DAY)  # by then the clock is right
    pd.testing.assert_frame_equal(frame, setup.direct(["number"], 0, 12 * DAY), check_freq=False)


def test_a_last_contact_in_the_future(setup):
    """A contact that is always next year says nothing of whether anything new has come."""
    for later in (0, HOUR):
        setup.at(10 * DAY + later)
        seen = LastContact(BEGIN + 400 * DAY, setup.device.now)
        question = replace(setup.question(["number"], 0, 10 * DAY), seen=seen)
        setup.archive.fill(question, setup.device.now)
    assert len(setup.device.asked) == 2
    assert setup.store.coverage("d1", "1h")["number"].final[-1][1] <= setup.device.now - 2 * DAY


def test_a_series_that_is_left_out(setup):
    """What the cloud leaves out is not believed to be nothing: it is told, and asked for again."""
    get = setup.device.get
    setup.archive._get = lambda path, query, what: {
        "series": [s for s in get(path, query, what)["series"] if s["datapointId"] != "text"]
    }
    for _ in range(2):
        with pytest.warns(history.MissingSeriesWarning, match="lacks text"):
            frame = setup.read(["number", "text"], 0, DAY)
        assert frame["text"].isna().all()
    assert [keys for *_, keys in setup.device.asked] == [("number", "text"), ("text",)]


def test_a_failure_keeps_what_came(setup, monkeypatch):
    """What was answered before a failure is kept; the next reading asks for the rest only."""
    monkeypatch.setattr(coverage, "MAX_BUCKETS", 24)
    get = setup.device.get

    def fail(path, query, what):
        if len(setup.device.asked) == 3:
            raise ServerError("The cloud failed.")
        return get(path, query, what)

    setup.archive._get = fail
    with pytest.raises(ServerError):
        setup.read(["number"], 0, 5 * DAY)
    setup.archive._get = get
    frame = setup.read(["number"], 0, 5 * DAY)
    assert len({asked[1] for asked in setup.device.asked}) == len(setup.device.asked) == 5
    assert frame["number"].notna().all()


def test_offline(setup, tmp_path):
    """Offline the store answers alone: what was never fetched is told, or an error where there is nothing at all."""
    online = setup.read(["number"], 0, 5 * DAY)
    offline = Setup(tmp_path, offline=True).at(400 * DAY)
    pd.testing.assert_frame_equal(offline.read(["number"], 0, 5 * DAY), online)
    with pytest.warns(StoreWarning, match="lacks number of Valve 1 at 1h, 2017-07-19 01:00Z to 2017-07-20 00:00Z"):
        frame = offline.read(["number"], 0, 6 * DAY)
    assert frame["number"].isna().tolist() == [False] * 121 + [True] * 23
    with pytest.raises(NoDataError, match="no history of Valve 1 at 15m"):
        offline.read(["number"], 0, DAY, "15m")
    assert offline.device.asked == []


def test_a_store_that_takes_no_more(setup, monkeypatch):
    """When nothing can be kept, the answers are given all the same, with a warning; the file is as it was."""
    setup.read(["number"], 0, 2 * DAY)
    path = setup.store.path("d1", "1h")
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("belimo_nb.system.files.os.fsync", full)
    with pytest.warns(StoreWarning, match="No space left on device.*BELIMO_DATA_DIR"):
        frame = setup.read(["number"], 0, 4 * DAY)
    pd.testing.assert_frame_equal(frame, setup.direct(["number"], 0, 4 * DAY), check_freq=False)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir() if p.name.endswith(".tmp")] == []
    with pytest.raises(StoreError):
        setup.store.write(setup.store.read("d1", "1h"))


def test_a_clock_that_was_wrong(setup):
    """An answer from the future is not taken for current."""
    question = setup.question(["number"], 0, 10 * DAY)
    setup.archive.fill(question, setup.device.now + 1000 * DAY)
    assert setup.archive.plan(setup.store.coverage("d1", "1h"), question, setup.device.now)


def test_answers_of_the_last_minutes(setup):
    """What was asked a moment ago is taken as it is, later only while a new list says that nothing came."""
    setup.read(["number"], 0, 10 * DAY)
    known = setup.store.coverage("d1", "1h")
    question = setup.question(["number"], 0, 10 * DAY)
    now = setup.device.now
    assert setup.archive.plan(known, question, now + 60) == []
    assert setup.archive.plan(known, question, now + 3600)
    quiet = replace(question, seen=LastContact(question.seen.at, now + 3600))
    assert setup.archive.plan(known, quiet, now + 3600) == []


def test_no_warning_without_reason(setup):
    """Plain reading warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        setup.read(KEYS, -DAY, 20 * DAY)


def test_a_closed_range_becomes_final(setup):
    """A range that ended before the grace is final at once: a bucket behind it witnesses that no outage was near."""
    setup.read(["number"], 0, 5 * DAY)
    setup.at(300 * DAY).read(["number"], 0, 5 * DAY)
    assert [(first, after) for _, first, after, _ in setup.device.asked] == [(BEGIN, BEGIN + 5 * DAY + HOUR)]


def test_a_reader_makes_no_requests(setup):
    """What is handed to another process reads and plans, and refuses to ask."""
    setup.read(["number"], 0, 5 * DAY)
    reader = setup.archive.reader()
    known = setup.question(["number"], 0, 5 * DAY)
    frame = reader.frame(known, ["number"], moment(0), moment(5 * DAY), setup.device.now)
    assert frame["number"].notna().all()
    more = setup.question(["number"], 0, 6 * DAY)
    coverage = setup.store.coverage("d1", "1h")
    assert reader.plan(coverage, more, setup.device.now) == setup.archive.plan(coverage, more, setup.device.now) != []
    with pytest.raises(NoDataError, match="Here only the store is read"):
        reader.frame(more, ["number"], moment(0), moment(6 * DAY), setup.device.now)
    assert len(setup.device.asked) == 1


def test_a_reader_keeps_to_what_its_archive_does(tmp_path):
    """Offline stays offline, and the moment since which answers count is the same."""
    setup = Setup(tmp_path, offline=True, since=5).at(DAY)
    reader = setup.archive.reader()
    assert (reader.offline, reader._since, reader.store) == (True, 5, setup.store)


def test_requests_after_the_store_was_full(setup, monkeypatch):
    """Once nothing can be kept, the rest is asked for all the same; the first reason is told."""
    monkeypatch.setattr(coverage, "MAX_BUCKETS", 24)
    reasons = iter(["No space left on device", "Something else"])

    def full(descriptor):
        raise OSError(28, next(reasons))

    monkeypatch.setattr("belimo_nb.system.files.os.fsync", full)
    counts = []
    question = setup.question(["number"], 0, 3 * DAY)
    filled = setup.archive.fill(question, setup.device.now, on_answer=counts.append)
    assert "No space left on device" in str(filled.write_error)
    assert (filled.requests, filled.points, counts) == (3, 73, [25, 24, 24])  # one is a witness
    assert len(filled.kept.times) == 73


def test_a_lock_that_cannot_be_had(setup):
    """Where not even a lock can be made, the answers are given all the same, with a warning, and nothing is kept."""
    path = setup.store.path("d1", "1h")
    path.with_name(".d1.lock").mkdir(parents=True)
    with pytest.warns(StoreWarning, match="cannot be kept in .*BELIMO_DATA_DIR"):
        frame = setup.read(["number"], 0, DAY)
    pd.testing.assert_frame_equal(frame, setup.direct(["number"], 0, DAY), check_freq=False)
    assert not path.exists()


def test_what_a_filling_counts(setup):
    """Values of all datapoints and requests are counted, and what the cloud left out is named."""
    get = setup.device.get
    setup.archive._get = lambda path, query, what: {
        "series": [s for s in get(path, query, what)["series"] if s["datapointId"] != "text"]
    }
    filled = setup.archive.fill(setup.question(KEYS, 0, 2 * DAY), setup.device.now)
    assert (filled.requests, filled.points, filled.changed) == (1, 2 * 49, 0)
    assert filled.lacking == {"text"}
    assert filled.write_error is None


def test_what_is_taken_as_it_is(setup):
    """An answer of the last five minutes will do, one second older will not; nor one from beyond five minutes ahead."""
    setup.read(["number"], 0, 10 * DAY)
    known = setup.store.coverage("d1", "1h")
    question = replace(
        setup.question(["number"], 0, 10 * DAY), seen=LastContact(setup.device.now + 1, setup.device.now)
    )
    now = setup.device.now
    for later, asked in ((300, False), (301, True), (-300, False), (-301, True)):
        assert bool(setup.archive.plan(known, question, now + later)) is asked


def test_a_run_takes_what_it_has_fetched(setup, tmp_path):
    """With a moment since which answers count, older ones are asked for again, later ones are not, however old."""
    setup.read(["number"], 0, 10 * DAY)
    known = setup.store.coverage("d1", "1h")
    now = setup.device.now
    question = replace(setup.question(["number"], 0, 10 * DAY), seen=LastContact(now + 1, now))
    for since, asked in ((now, False), (now - 1, False), (now + 1, True)):
        archive = Archive(setup.device.get, setup.store, since=since)
        assert not archive.offline
        assert bool(archive.plan(known, question, now + HOUR)) is asked


def test_a_quiet_device_needs_a_new_list(setup):
    """That a device sent nothing since is believed of a list newer than the answer, with the same last contact."""
    setup.read(["number"], 0, 10 * DAY)
    known = setup.store.coverage("d1", "1h")
    question = setup.question(["number"], 0, 10 * DAY)
    now, at = setup.device.now, question.seen.at
    for seen, asked in (
        (LastContact(at, now + HOUR), False),
        (LastContact(at, now + HOUR - 301), True),
        (LastContact(at + 1, now + HOUR), True),
        (LastContact(None, now + HOUR), True),
    ):
        assert bool(setup.archive.plan(known, replace(question, seen=seen), now + HOUR)) is asked


def test_three_spans_are_named(setup, tmp_path):
    """Offline, the first three spans that lack are named, and every datapoint."""
    for day in (0, 2, 4, 6, 8):
        setup.read(["number", "text"], day * DAY, (day + 1) * DAY - HOUR)
    offline = Setup(tmp_path, offline=True).at(400 * DAY)
    with pytest.warns(StoreWarning, match="lacks number, switch, text of Valve 1 at 1h") as caught:
        offline.read(KEYS, 0, 9 * DAY)
    assert str(caught[0].message).count(" to ") == 3


def test_the_buckets_of_a_range():
    """A range touches every bucket that it overlaps, and none that it only meets."""
    for start, end, span in ((0, HOUR, (0, HOUR)), (1, HOUR + 1, (0, 2 * HOUR)), (HOUR - 1, HOUR, (0, HOUR))):
        assert span_of(moment(start), moment(end), "60m") == (BEGIN + span[0], BEGIN + span[1])

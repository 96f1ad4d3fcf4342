"""What the explorer shows and saves, over which range, at what cost, and how it works beside the kernel."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import random
import threading
import zipfile
from datetime import date
from typing import Any

import pandas as pd
import pytest
from explorer_desk import alt, explorer, local, said, saved
from second_cloud import SecondCloud
from second_fleet import FLOW, MODE, POWER, T1, T2, VALVE, power_kw, value_at

import belimo_nb as bn
from belimo_nb.calendar.periods import Period
from belimo_nb.explorer.choice import initial_choice, range_up_to_now
from belimo_nb.explorer.cost import MAX_RANGE_BUCKETS, View, check_cost, period_of, resolution_for, view_of
from belimo_nb.explorer.explorer import Explorer
from belimo_nb.explorer.figure import Picture
from belimo_nb.explorer.points import default_datapoints, points_of
from belimo_nb.explorer.runner import DebouncedRunner
from belimo_nb.explorer.samples import (
    MAX_LINK_BYTES,
    MAX_PLAIN_BYTES,
    Curve,
    as_csv,
    as_table,
    download_link,
    file_name,
)

HISTORY = "/devices/d7Kx{:02d}/data/history/timeseries"

pytestmark = pytest.mark.usefixtures("no_event_loop")


# Values


def test_values_are_those_of_the_cloud_in_display_units(client: Any) -> None:
    """Power, flow (from l/min) and temperatures of another maker's profile, at the ends of their buckets."""
    shown = explorer(client, "Heizkreis 01", start="2021-04-01", end="2021-04-03", resolution="2h")
    frame = shown.frame
    assert list(frame) == ["Power, kW", "Flow, m³/h", "T1, °C", "T2, °C"]
    assert frame.index[0] == local("2021-04-01 02:00")
    assert len(frame) == 24
    for time, row in frame.dropna().iterrows():
        hour = int(time.timestamp() // 3600) - 1
        assert row["Power, kW"] == pytest.approx(power_kw(hour))
        assert row["Flow, m³/h"] == pytest.approx(20 * power_kw(hour) * 0.06)
        assert row["T1, °C"] == value_at(T1, time.timestamp())
        assert row["T2, °C"] == value_at(T2, time.timestamp())


def test_texts_are_drawn_and_saved(client: Any) -> None:
    """A text has a panel of its own and a column."""
    shown = explorer(client, "Heizkreis 01", datapoints=[MODE, POWER], start="2021-04-01", resolution="1h")
    assert set(shown.frame["Mode (cc/ccw)"].dropna()) == {"CLOSE"}
    assert "Mode (cc/ccw): CLOSE" in alt(shown)


def test_points_are_offered_with_the_important_ones_first(client: Any) -> None:
    """Quantities first, then other numbers, then texts; nothing that can only be written."""
    points = points_of(client.connection.profile(f"/definitions/dataprofiles/{VALVE}"))
    assert [point.id for point in points[:4]] == [POWER, FLOW, T1, T2]
    assert default_datapoints(points) == (POWER, FLOW, T1, T2)
    numeric = [point.numeric for point in points]
    assert numeric == sorted(numeric, reverse=True)
    assert "pX4v.9" not in [point.id for point in points]


@pytest.mark.slow
def test_ticking_changes_what_is_shown_for_this_kind_of_device(cloud: Any) -> None:
    """A ticked datapoint is drawn, for the next device of the profile too; others keep their own choice."""
    shown = explorer(cloud, "2.OG Nord-West")
    before = shown.picture.value
    shown.points.boxes["evcloud.170"].value = True
    assert list(shown.frame)[-1] == "Delta-T, K"
    assert shown.picture.value != before
    shown.device.search.value = "2.OG Nord-Ost"
    assert list(shown.frame)[-1] == "Delta-T, K"
    shown.device.search.value = "Gateway Dach"
    assert "Delta-T, K" not in list(shown.frame)
    shown.device.search.value = "2.OG Nord-Ost"
    assert shown.points.boxes["evcloud.170"].value


def test_no_tick_and_too_many_are_told(cloud: Any) -> None:
    """Nothing to draw, and more than can be told apart, are sentences; nothing is asked for them."""
    many = list(cloud.device("2.OG Nord-West").datapoints.index[5:18])
    shown = explorer(cloud, "2.OG Nord-West", datapoints=many)
    assert not shown.picture.value
    assert "13 datapoints are chosen, more than can be told apart; tick at most 12." in said(shown)
    assert isinstance(shown.error, bn.errors.UsageError)
    shown = explorer(cloud, "2.OG Nord-West", datapoints=many[:1])
    assert shown.picture.value
    shown.points.boxes[many[0]].value = False
    assert "No datapoint is chosen; tick at least one." in said(shown)


def test_datapoints_are_searched(cloud: Any) -> None:
    """Letters narrow the boxes down; what is ticked stays ticked."""
    shown = explorer(cloud)
    shown.points.search.value = "delta glycol"
    assert shown.points._list.children == ()
    shown.points.search.value = "GLYCOL"
    assert [box.description for box in shown.points._list.children] == ["Share of glycol in the water, %"]
    assert shown.points.chosen == ("evcloud.140", "evcloud.90", "evcloud.150", "evcloud.160")


# Range and cost


@pytest.mark.slow
@pytest.mark.parametrize(
    ("span", "first"),
    [("day", (2018, 11, 30)), ("week", (2018, 11, 24)), ("month", (2018, 11, 1)), ("year", (2017, 12, 1))],
)
def test_buttons_choose_ranges_up_to_now(cloud: Any, span: str, first: tuple[int, int, int]) -> None:
    """The last day, week, month and year are relative to the cloud's time."""
    shown = explorer(cloud, start="2018-03-01", end="2018-03-02")
    before = shown.picture.value
    shown.range.buttons[span].click()
    assert shown.range.first.value == date(*first)
    assert shown.range.last.value == date(2018, 12, 1)
    assert shown.range.buttons[span].button_style == "primary"
    assert str(date(*first)) in alt(shown)
    assert shown.picture.value != before


def test_days_by_hand_unmark_the_buttons(cloud: Any) -> None:
    """A day of one's own is no "last week" any more."""
    shown = explorer(cloud)
    shown.range.first.value = date(2018, 11, 27)
    assert shown.range.span == ""
    assert not any(button.button_style for button in shown.range.buttons.values())
    assert "2018-11-27 to" in alt(shown)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2019, 1, 1), date(2019, 1, 3), "lies in the future: it is 2018-12-01 01:00 now"),
        (date(2018, 11, 9), date(2018, 11, 3), "The first day, 2018-11-09, is after the last day, 2018-11-03"),
        (None, date(2018, 11, 3), "The first day is not set"),
        (date(2018, 11, 3), None, "The last day is not set"),
        (date(2, 1, 1), date(2018, 11, 3), "The first day is 0002-01-01; choose one from 1990 on."),
    ],
)
def test_ranges_that_make_no_sense_are_told(first: date | None, last: date | None, words: str) -> None:
    """The future, days the wrong way round, missing or half-typed days: a sentence with the value."""
    with pytest.raises(bn.errors.UsageError) as caught:
        period_of(first, last, local("2018-12-01 01:00"))
    assert words in str(caught.value)


def test_days_are_local_and_end_now() -> None:
    """Edges are local midnights, also on the day the clock changes; the future is left out."""
    period = period_of(date(2018, 10, 28), date(2018, 10, 28), local("2018-12-01 01:00"))
    assert period.end - period.start == pd.Timedelta(hours=25)
    period = period_of(date(2018, 11, 30), date(2018, 12, 31), local("2018-12-01 01:00"))
    assert period.end == local("2018-12-01 01:00")


def test_days_back_from_a_leap_day() -> None:
    """A year before 29 February is 28 February; a month before 31 March its last day."""
    assert range_up_to_now("year", local("2020-02-29 10:00"))[0] == date(2019, 2, 28)
    assert range_up_to_now("month", local("2019-03-31 10:00"))[0] == date(2019, 2, 28)


@pytest.mark.parametrize(
    ("days", "expected"), [(1, "5m"), (8, "5m"), (31, "15m"), (365, "1h"), (3650, "1d"), (20_000, "1d")]
)
def test_the_resolution_suits_the_range(days: int, expected: str) -> None:
    """Finer for short ranges; always affordable, with the readings behind hours and days."""
    start = local("1990-01-01")
    period = Period(start, start + pd.Timedelta(days=days))
    assert resolution_for("auto", period) == expected
    assert resolution_for("15m", period) == "15m"
    assert check_cost(period, view_of(expected, period).reads, 2) <= MAX_RANGE_BUCKETS


def test_offline_the_store_is_shown(cloud: Any) -> None:
    """Without the cloud: what was fetched before, hourly by default, and a sentence for what was not."""
    explorer(cloud, "2.OG Nord-West")
    quantities = ("power", "flow", "t1", "t2")
    cloud.device("2.OG Nord-West").measurements(quantities, "2018-11-24", "2018-12-01T01:00", "1h")
    with contextlib.closing(bn.connect(offline=True)) as offline:
        shown = explorer(offline, resolution="auto")
        assert shown.error is None, said(shown)
        assert "offline, as of" in shown.picture.value
        assert "169 readings, one every hour" in said(shown)
        shown.range.resolution.value = "15m"
        assert "The store holds no history of Energieventil Heizung 2.OG Nord-West at 15m" in said(shown)


def test_too_much_is_refused_with_its_cost() -> None:
    """Ten years at 5 minutes: what it would cost, and what to choose instead."""
    period = Period(local("2008-12-01"), local("2018-12-01"))
    with pytest.raises(bn.errors.UsageError) as caught:
        check_cost(period, "5m", 2)
    assert str(caught.value) == (
        "December 2008 to November 2018 at 5m is 1\u202f051\u202f776 readings, which takes 106 requests, at least 53 s "
        "of waiting at 2 a second; choose a resolution of 1h, or a range of at most 416 days."
    )
    with pytest.raises(bn.errors.UsageError, match=r"3\u202f154 requests, at least 26 min .* at most 33 hours"):
        check_cost(Period(local("2017-12-01"), local("2018-12-01")), "1s", 2)


def test_what_is_refused_asks_nothing(client: Any, second: SecondCloud) -> None:
    """Ten years at 5 minutes, and the future, make no request at all."""
    shown = explorer(client, "Heizkreis 01", resolution="5m")
    asked = len(second.requests)
    shown.range.first.value = date(2011, 4, 15)
    assert "which takes 106 requests" in said(shown)
    assert len(shown.points.boxes) > 5, "the list stays as it was"
    shown.range.last.value = date(2022, 5, 1)
    shown.range.first.value = date(2022, 4, 1)
    assert "lies in the future" in said(shown)
    assert len(second.requests) == asked
    assert shown.picture.value == ""


# Saving


@pytest.mark.slow
def test_the_link_saves_what_is_shown(client: Any) -> None:
    """The file behind the link holds the shown samples, in local time with offsets."""
    shown = explorer(client, "Heizkreis 01", start="2021-03-28", end="2021-03-29", resolution="30m")
    name, content = saved(shown.save.value)
    assert name == "Heizkreis-01-2021-03-28-2021-03-28-30m.csv"
    lines = content.decode("utf-8-sig").splitlines()
    assert lines[0] == 'time,"Power, kW","Flow, m³/h","T1, °C","T2, °C"'
    assert lines[3].startswith("2021-03-28T01:30:00+01:00,")
    assert lines[4].startswith("2021-03-28T03:00:00+02:00,")
    assert len(lines) == 1 + 46
    read = pd.read_csv(io.BytesIO(content), encoding="utf-8-sig", index_col="time")
    assert read["Power, kW"].tolist() == pytest.approx(shown.frame["Power, kW"].tolist(), nan_ok=True)


def test_cells_are_safe_for_spreadsheets() -> None:
    """Texts that a spreadsheet would run get an apostrophe; numbers stay numbers."""
    index = pd.date_range("2018-11-01", periods=3, freq="h", tz="Europe/Zurich", name="time")
    mixed = pd.Series([-5, "-5", "+x"], index, dtype=object)
    table = pd.DataFrame({"=cmd()": [-1.5, 2.0, None], "text": ["=1+1", "fine", None], "mixed": mixed}, index)
    lines = as_csv(table).splitlines()
    assert lines == [
        "time,'=cmd(),text,mixed",
        "2018-11-01T00:00:00+01:00,-1.5,'=1+1,-5",
        "2018-11-01T01:00:00+01:00,2,fine,'-5",
        "2018-11-01T02:00:00+01:00,,,'+x",
    ]


def test_long_files_are_zipped_and_too_long_ones_told() -> None:
    """A link carries at most what a Jupyter server passes on."""
    text = "time,value\n" + "2018-11-01T00:00:00+01:00,1\n" * (MAX_PLAIN_BYTES // 25)
    name, content = saved(download_link(text, "a.csv"))
    assert name == "a.csv.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("a.csv").decode("utf-8-sig") == text
    noise = base64.b64encode(random.Random(1).randbytes(2 * MAX_LINK_BYTES)).decode()
    assert "Too many samples" in download_link(noise, "a.csv")


def test_file_names_fit_any_file_system() -> None:
    """Slashes, quotes and dots of a device's name do not get into a path."""
    assert file_name('../"Süd" /1.OG', "a", "b", "1h") == "Süd-1.OG-a-b-1h.csv"
    assert file_name("///", "a", "b", "1h") == "device-a-b-1h.csv"


def test_columns_of_one_name_are_told_apart(client: Any) -> None:
    """Two datapoints with one description have two columns."""
    points = points_of(client.connection.profile(f"/definitions/dataprofiles/{VALVE}"))[:2]
    twins = [points[0], type(points[0])(**{**vars(points[0]), "id": "other"})]
    curves = [Curve("a", point, pd.Series([1.0])) for point in twins]
    assert list(as_table(curves)) == [f"Power, kW ({POWER})", "Power, kW (other)"]


def test_texts_with_many_words_stay_readable(client: Any) -> None:
    """A text with hundreds of values shows the most frequent ones."""
    (point,) = [p for p in points_of(client.connection.profile(f"/definitions/dataprofiles/{VALVE}")) if p.id == MODE]
    index = pd.date_range("2018-11-01", periods=300, freq="h", tz="Europe/Zurich", name="time")
    curve = Curve("a", point, pd.Series([f"word {i % 99}" for i in range(300)], index))
    chart = Picture([curve], "Title", Period(index[0], index[-1]), View("1h"), "a source").chart
    labels = [label.get_text() for label in chart.figure.axes[0].get_yticklabels()]
    assert len(labels) == 8
    assert labels[-1] == "92 others"
    assert "a source" in chart.caption


# Beside the kernel


async def until(condition: Any) -> None:
    """Wait for a condition, while the event loop goes on."""
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.slow
def test_several_changes_are_one_request(client: Any, second: SecondCloud) -> None:
    """Days, resolution, ticks and device changed at one go: one request, for the last state."""

    async def drive() -> Explorer:
        shown = Explorer(client, initial_choice(client, "Heizkreis 01"), pause=0.05)
        assert not shown.idle
        assert "Asking for Heizkreis 01" in said(shown)
        await until(lambda: shown.idle)
        before = len([r for r in second.requests if r.path.endswith("timeseries")])
        assert before == 1
        shown.range.choose_span("month")
        shown.range.first.value = date(2021, 4, 1)
        shown.range.resolution.value = "1h"
        shown.points.boxes[POWER].value = False
        shown.device.search.value = "Heizkreis 05"
        await until(lambda: shown.idle)
        return shown

    shown = asyncio.run(drive())
    histories = [request for request in second.requests if request.path.endswith("timeseries")]
    assert len(histories) == 2
    assert histories[1].path == HISTORY.format(5)
    assert histories[1].query["resolution"] == "5m"  # the readings behind hours
    assert alt(shown).startswith("Heizkreis 05, 2021-04-01 to")


def test_the_kernel_goes_on_and_the_newest_question_wins(client: Any, second: SecondCloud) -> None:
    """While the cloud takes its time the loop turns; what is asked meanwhile is answered, what was asked before not."""
    arrived, go = threading.Event(), threading.Event()

    def slow(_: Any, result: Any) -> Any:
        arrived.set()
        assert go.wait(120)
        return result

    second.always(HISTORY.format(2), slow)
    pictures: list[str] = []

    async def drive() -> Explorer:
        shown = Explorer(client, initial_choice(client, "Heizkreis 02"), pause=0.01)
        shown.picture.observe(lambda _: pictures.append(alt(shown)), "value")
        await until(arrived.is_set)
        assert "Asking for Heizkreis 02" in said(shown)
        shown.device.search.value = "Heizkreis 04"
        await asyncio.sleep(0.05)
        shown.device.search.value = "Heizkreis 06"
        await asyncio.sleep(0.05)
        assert not shown.idle
        go.set()
        await until(lambda: shown.idle)
        return shown

    shown = asyncio.run(drive())
    assert alt(shown).startswith("Heizkreis 06")
    assert len(pictures) == 1
    assert not second.asked(HISTORY.format(4))


def test_a_kernel_that_ends_leaves_the_work_behind() -> None:
    """An answer that comes after the event loop has closed is dropped without a word."""
    arrived, go, gone = threading.Event(), threading.Event(), []

    def work(request: int) -> int:
        gone.append(threading.current_thread())
        arrived.set()
        go.wait(120)
        return request

    async def drive() -> None:
        runner: DebouncedRunner[int, int] = DebouncedRunner(work, lambda *_: pytest.fail("nobody is there"), 0)
        runner.submit(1)
        await until(arrived.is_set)

    asyncio.run(drive())
    go.set()
    gone[0].join(120)
    assert not gone[0].is_alive()
    assert gone[0].daemon

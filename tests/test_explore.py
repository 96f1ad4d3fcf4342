"""The widgets, driven in this process: what they show, ask, keep and say when something goes wrong."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import random
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import IPython
import nbformat
import pandas as pd
import pytest
from second_cloud import SecondCloud, says
from second_fleet import FLOW, MODE, POWER, T1, T2, VALVE, power_kw, value_at

import belimo_nb as bn
from belimo_nb.device import Device
from belimo_nb.explorer import desk, memory, somebody_there
from belimo_nb.explorer.choice import Choice, days_back
from belimo_nb.explorer.desk import Explorer
from belimo_nb.explorer.download import LIMIT, PLAIN_LIMIT, file_name, link
from belimo_nb.explorer.figure import draw
from belimo_nb.explorer.first import first_choice
from belimo_nb.explorer.picker import MATCHES, DevicePicker
from belimo_nb.explorer.points import points_of, usual
from belimo_nb.explorer.question import MOST, check_cost, period_of, resolution_for
from belimo_nb.explorer.runner import Runner
from belimo_nb.explorer.samples import as_csv, as_table
from belimo_nb.periods import Period

HISTORY = "/devices/d7Kx{:02d}/data/history/timeseries"
EVIL = "Ventil <b>\"Süd & Größe\"</b> <script>alert('1')</script>"


@pytest.fixture(autouse=True)
def no_loop() -> Iterator[None]:
    """Playwright leaves its event loop running in the thread of a worker; here none may run but a test's own."""
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)


def explorer(cloud: Any, device: str | None = None, **chosen: Any) -> Explorer:
    """What `bn.explore` gives where somebody is there."""
    return Explorer(cloud, first_choice(cloud, device, **chosen))


def said(shown: Explorer) -> str:
    """What the status says, as text."""
    return unescape(re.sub(r"<[^>]*>", "", shown.status.value))


def alt(shown: Explorer) -> str:
    """The picture in words; "" where there is none."""
    found = re.search(r'alt="([^"]*)"', shown.picture.value)
    return unescape(found[1]) if found else ""


def saved(html: str) -> tuple[str, bytes]:
    """Name and content of the file behind a link."""
    found = re.search(r'download="([^"]*)" href="data:[^"]*;base64,([^"]*)"', html)
    assert found, html[:200]
    return unescape(found[1]), base64.b64decode(found[2])


def local(text: str, zone: str = "Europe/Zurich") -> pd.Timestamp:
    """A local time."""
    return pd.Timestamp(text, tz=zone)


# Where nobody is there


def test_nobody_there_nothing_happens() -> None:
    """Without a front end it returns None and does not even look at the cloud."""
    assert bn.explore(object()) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "expected"),
    [({"allow_stdin": True}, True), ({"allow_stdin": False}, False), ({}, False)],
    ids=["JupyterLab", "nbclient", "silent"],
)
def test_a_front_end_is_known_by_its_request(
    content: dict[str, Any], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a front end that can pass questions on to a person counts as one."""
    kernel = SimpleNamespace(get_parent=lambda channel: {"content": content} if channel == "shell" else {})
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
    assert somebody_there() is expected


def test_a_shell_without_a_kernel_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython in a terminal, and reports that run on its bare shell, show no widgets."""
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace())
    assert not somebody_there()


@pytest.mark.parametrize(("name", "value"), [("SERVER_SOFTWARE", "voila/0.5.10"), ("VOILA_PREHEAT", "True")])
def test_voila_is_known_by_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Voila runs cells as nbclient does, but for somebody."""
    monkeypatch.setenv(name, value)
    assert somebody_there()


def test_a_headless_run_shows_nothing(tmp_path: Path) -> None:
    """Plain nbconvert stores no output, even if started from JupyterLab, whose environment it then inherits."""
    cells = [nbformat.v4.new_code_cell("import belimo_nb as bn\nbn.explore(None)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook", "--output", "b.ipynb", "a.ipynb"],
        env={**os.environ, "JPY_SESSION_NAME": "a.ipynb"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = nbformat.read(tmp_path / "b.ipynb", as_version=4)
    assert made.cells[0].outputs == []
    assert "widgets" not in made.metadata


def test_reports_leave_it_out() -> None:
    """The heading and the cell of the device notebook are marked as no part of a report, and store nothing."""
    path = Path(__file__).parents[1] / "notebooks" / "device.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (place,) = [i for i, cell in enumerate(cells) if "bn.explore" in "".join(cell["source"])]
    assert "".join(cells[place - 1]["source"]).startswith("## ")
    for cell in cells[place - 1 : place + 1]:
        assert "no-report" in cell["metadata"]["tags"]
        assert not cell.get("outputs")


# What it begins with


def test_begins_with_an_energy_valve_and_its_last_week(cloud: Any) -> None:
    """Without any choice: the first energy valve, power, flow, T1 and T2 over the last week."""
    shown = explorer(cloud)
    assert shown.device.name == "Energieventil Heizung 2.OG Sued-Ost"
    assert list(shown.frame) == ["Power, kW", "Flow, m³/h", "T1, °C", "T2, °C"]
    assert shown.frame.index[0] == local("2018-11-24 00:05")
    assert shown.frame.index[-1] == local("2018-12-01 01:00")
    assert shown.frame.notna().all(axis=None)
    assert alt(shown).startswith("Energieventil Heizung 2.OG Sued-Ost, 2018-11-24 to 2018-12-01 01:00. Power: from")
    assert shown.range.buttons["week"].button_style == "primary"
    assert "2\u202f028 buckets of 5m" in said(shown)
    assert shown.error is None
    assert "Sued-Ost" in repr(shown)


def test_arguments_are_what_it_begins_with(cloud: Any) -> None:
    """Device, datapoints, range and resolution can be given; a resolution of one's own is offered, too."""
    shown = explorer(
        cloud, "2.OG Nord-West", datapoints=["DeltaT_K", "evcloud.80"], start="2018-11-01", end="2018-11-03",
        resolution="10m",
    )  # fmt: skip
    assert list(shown.frame) == ["Delta-T, K", "Position, %"]
    assert (shown.range.first.value, shown.range.last.value) == (date(2018, 11, 1), date(2018, 11, 2))
    assert len(shown.frame) == 2 * 144
    assert "2018-11-01 to 2018-11-02" in alt(shown)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"device": "nobody"}, bn.errors.UnknownDevice),
        ({"device": None, "resolution": "soon"}, bn.errors.UsageError),
        ({"device": None, "start": "2030-01-01"}, bn.errors.UsageError),
        ({"device": None, "datapoints": ["Voltage of the moon"]}, bn.errors.UnknownDatapoint),
    ],
)
def test_wrong_arguments_are_errors_of_the_cell(cloud: Any, wrong: dict[str, Any], error: type[Exception]) -> None:
    """What is wrong with the call is said by the call."""
    with pytest.raises(error):
        first_choice(cloud, **wrong)


def test_an_account_without_devices_is_told(client: Any, second: SecondCloud) -> None:
    """Nothing to choose from is a sentence, not an empty list."""
    second.always("/devices", says({"data": [], "paging": {"total": 0, "offset": 0, "limit": 10}}))
    with pytest.raises(bn.errors.NoDataError, match="sees no device"):
        first_choice(client, None)


def test_every_control_has_a_label(cloud: Any) -> None:
    """Whoever does not see the layout still knows what each control is."""
    shown = explorer(cloud)
    controls = [
        shown.device.search, shown.device.matches, shown.points.search, shown.range.first, shown.range.last,
        shown.range.resolution, *shown.range.buttons.values(), *shown.points.boxes.values(),
    ]  # fmt: skip
    labels = [control.description for control in controls]
    assert all(labels)
    assert len(set(labels)) == len(labels)


def test_what_a_notebook_stores_of_it_is_one_line(cloud: Any) -> None:
    """A saved notebook holds no style sheet and no device's name where a widget was."""
    bundle = explorer(cloud)._repr_mimebundle_()
    assert bundle["text/plain"] == "Widgets that show the fleet's samples; run the cell in JupyterLab."
    assert set(bundle) == {"text/plain", "application/vnd.jupyter.widget-view+json"}


# Choosing a device


@pytest.mark.parametrize("typed", ["nord-west", "2.og WEST nord", "21501-10006-069-197", "3c6f7077"])
def test_typing_finds_a_device(cloud: Any, typed: str) -> None:
    """Parts of the name in any order, the serial number or the id: the only one that fits is chosen."""
    shown = explorer(cloud)
    shown.device.search.value = typed
    assert shown.device.name == "Energieventil Heizung 2.OG Nord-West"
    assert alt(shown).startswith("Energieventil Heizung 2.OG Nord-West,")


def test_picking_from_the_list(cloud: Any) -> None:
    """Typing that leaves several changes nothing yet; picking one does."""
    shown = explorer(cloud)
    before = shown.picture.value
    shown.device.search.value = "Heizung 2.OG"
    assert shown.picture.value == before
    names = [name for name, _ in shown.device.matches.options]
    assert len(names) == 4
    assert all("Heizung 2.OG" in name for name in names)
    shown.device.matches.value = dict(shown.device.matches.options)["Energieventil Heizung 2.OG Nord-Ost"]
    assert alt(shown).startswith("Energieventil Heizung 2.OG Nord-Ost,")
    assert shown.picture.value != before


def test_no_match_is_said_and_the_device_stays(cloud: Any) -> None:
    """What fits nothing leaves the picture, and the text comes back as text."""
    shown = explorer(cloud)
    before = shown.picture.value
    shown.device.search.value = "<b>moon"
    assert shown.device.matches.options == ()
    assert "None of 36 devices has “&lt;b&gt;moon”" in shown.device.count.value
    assert shown.picture.value == before
    shown.device.search.value = ""
    assert len(shown.device.matches.options) == 36
    assert shown.device.matches.value == shown.device.value


def fleet(count: int) -> SimpleNamespace:
    """As much of a cloud as the picker needs."""
    rows = {
        "name": [f"Ventil {i}" for i in range(count)],
        "serial": [f"S-{i:05d}" for i in range(count)],
        "type": None, "profile": "energyvalve3/1.2", "health": "OK", "note": None,
        "last_seen": pd.Timestamp("2018-11-20T12:00Z"), "online": False, "project": EVIL, "city": "Zürich",
    }  # fmt: skip
    frame = pd.DataFrame(rows, index=pd.Index([f"id-{i}" for i in range(count)], name="id"))
    return SimpleNamespace(timezone="Europe/Zurich", listed_devices=lambda: frame)


def test_thousands_of_devices_are_never_listed_at_once() -> None:
    """Of 5000 devices 50 are listed, the chosen one among them, and a few letters lead to any."""
    told: list[str] = []
    picker = DevicePicker(fleet(5000), "id-4321", lambda: told.append(picker.value))  # type: ignore[arg-type]
    assert len(picker.matches.options) == MATCHES
    assert picker.matches.value == "id-4321"
    assert "The first 50 of 5\u202f000 devices" in picker.count.value
    picker.search.value = "s-0012"
    assert [identifier for _, identifier in picker.matches.options] == [f"id-{i}" for i in range(120, 130)]
    assert told == []
    picker.search.value = "s-00128"
    assert told == ["id-128"]


def test_foreign_text_stays_text() -> None:
    """What owners write about a device is shown, and not run."""
    picker = DevicePicker(fleet(3), "id-1", lambda: None)  # type: ignore[arg-type]
    assert "<script" not in picker.facts.value
    assert "&lt;script&gt;" in picker.facts.value
    assert "offline since 2018-11-20 13:00" in picker.facts.value


def test_devices_of_one_name_are_told_apart(client: Any) -> None:
    """Two of a name come with what differs."""
    shown = explorer(client, "d7Kx21")
    names = [name for name, _ in shown.device.matches.options if "West" in name]
    assert len(set(names)) == 2
    assert alt(shown).startswith("Lüftung West (SN-0021-K),")


# Kinds of devices


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("Energieventil Kälte EG Ost", ["Power, kW", "Flow, m³/h", "T1, °C", "T2, °C"]),
        ("Umschaltventil EG Aula", ["Power, kW", "Flow, m³/h", "T1, °C", "T2, °C"]),
        ("Klappe LA02 Aussenluft", ["Position, %"]),
        ("Gateway Dach", ["Number of devices on the bus", "Temperature of the circuit board, °C"]),
    ],
)
def test_all_kinds_of_devices(cloud: Any, name: str, columns: list[str]) -> None:
    """Cooling and change-over valves, dampers, gateways and offline devices show what they have."""
    shown = explorer(cloud, name)
    assert shown.error is None, said(shown)
    assert list(shown.frame)[: len(columns)] == columns
    assert alt(shown).startswith(name)


def test_an_offline_device_says_what_is_lacking(cloud: Any) -> None:
    """Offline for the whole range: no data, said in words, and since when; earlier there was something."""
    shown = explorer(cloud, "Energieventil Kälte EG Ost")
    assert "No values in this range: Power, Flow, T1, T2." in said(shown)
    assert "no data in this period" in alt(shown)
    assert "offline since 2018-11-" in shown.device.facts.value
    shown.range.back("month")
    assert shown.frame.notna().any(axis=None)
    assert "No values" not in said(shown)


@pytest.mark.parametrize("device", ["Ohne Profil", "Profil leer"])
def test_a_device_without_a_dataprofile_is_told(client: Any, device: str) -> None:
    """It has no datapoints to choose; the next device has them again."""
    shown = explorer(client, device)
    assert isinstance(shown.error, bn.errors.NoDataError)
    assert "has never reported a dataprofile" in said(shown)
    assert shown.picture.value == shown.save.value == ""
    assert shown.points.boxes == {}
    shown.device.search.value = "Heizkreis 03"
    assert alt(shown).startswith("Heizkreis 03")
    assert len(shown.points.boxes) > 5


def test_a_gateway_with_texts_alone(client: Any, second: SecondCloud) -> None:
    """Without any number it shows a text."""
    shown = explorer(client, "Gateway Öl")
    assert list(shown.frame) == ["Aggregated health status"]
    assert "Aggregated health status: OK" in alt(shown)


# Values


def test_values_are_those_of_the_cloud_in_display_units(client: Any) -> None:
    """Power, flow (from l/min) and temperatures of another maker's profile, at the ends of their buckets."""
    shown = explorer(client, "Heizkreis 01", start="2021-04-01", end="2021-04-03", resolution="1h")
    frame = shown.frame
    assert list(frame) == ["Power, kW", "Flow, m³/h", "T1, °C", "T2, °C"]
    assert frame.index[0] == local("2021-04-01 01:00")
    assert len(frame) == 48
    for time, row in frame.dropna().iterrows():
        hour = int(time.timestamp() // 3600) - 1
        assert row["Power, kW"] == pytest.approx(power_kw(hour))
        assert row["Flow, m³/h"] == pytest.approx(20 * power_kw(hour) * 0.06)
        assert row["T1, °C"] == value_at(T1, time.timestamp())
        assert row["T2, °C"] == value_at(T2, time.timestamp())
    assert frame.isna().all(axis="columns").sum() == 2  # noon has no value there


def test_texts_are_drawn_and_saved(client: Any) -> None:
    """A text has a panel of its own and a column."""
    shown = explorer(client, "Heizkreis 01", datapoints=[MODE, POWER], start="2021-04-01", resolution="1h")
    assert set(shown.frame["Mode (cc/ccw)"].dropna()) == {"CLOSE"}
    assert "Mode (cc/ccw): CLOSE" in alt(shown)


def test_points_are_offered_with_the_important_ones_first(client: Any) -> None:
    """Quantities first, then other numbers, then texts; nothing that can only be written."""
    points = points_of(client.profile(f"/definitions/dataprofiles/{VALVE}"))
    assert [point.id for point in points[:4]] == [POWER, FLOW, T1, T2]
    assert usual(points) == (POWER, FLOW, T1, T2)
    numeric = [point.numeric for point in points]
    assert numeric == sorted(numeric, reverse=True)
    assert "pX4v.9" not in [point.id for point in points]


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
    assert days_back("year", local("2020-02-29 10:00"))[0] == date(2019, 2, 28)
    assert days_back("month", local("2019-03-31 10:00"))[0] == date(2019, 2, 28)


@pytest.mark.parametrize(
    ("days", "expected"), [(1, "5m"), (8, "5m"), (31, "15m"), (365, "1h"), (3650, "1h"), (20_000, "1d")]
)
def test_the_resolution_suits_the_range(days: int, expected: str) -> None:
    """Finer for short ranges; a year is one request; always affordable."""
    start = local("1990-01-01")
    period = Period(start, start + pd.Timedelta(days=days))
    assert resolution_for("auto", period) == expected
    assert resolution_for("15m", period) == "15m"
    assert check_cost(period, expected, 2) <= MOST


def test_offline_the_store_is_shown(cloud: Any) -> None:
    """Without the cloud: what was fetched before, hourly by default, and a sentence for what was not."""
    explorer(cloud, "2.OG Nord-West", resolution="1h")
    with contextlib.closing(bn.connect(offline=True)) as offline:
        shown = explorer(offline, resolution="auto")
        assert shown.error is None, said(shown)
        assert "offline, as of" in shown.picture.value
        assert "169 buckets of 1h" in said(shown)
        shown.range.resolution.value = "5m"
        assert "The store holds no history of Energieventil Heizung 2.OG Nord-West at 5m" in said(shown)


def test_too_much_is_refused_with_its_cost() -> None:
    """Ten years at 5 minutes: what it would cost, and what to choose instead."""
    period = Period(local("2008-12-01"), local("2018-12-01"))
    with pytest.raises(bn.errors.UsageError) as caught:
        check_cost(period, "5m", 2)
    assert str(caught.value) == (
        "December 2008 to November 2018 at 5m is 1\u202f051\u202f776 buckets, which takes 106 requests, at least 53 s "
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


# Errors


def test_errors_of_the_cloud_are_one_sentence_where_the_user_looks(client: Any, second: SecondCloud) -> None:
    """A refusal shows its sentence instead of the picture, no trace; the next choice works again."""
    second.always(HISTORY.format(2), says({"message": "no such thing"}, 404))
    shown = explorer(client, "Heizkreis 01")
    shown.device.search.value = "Heizkreis 02"
    assert isinstance(shown.error, bn.errors.ApiError)
    assert said(shown) == f"Problem: {shown.error}"
    assert 'role="alert"' in shown.status.value
    assert "Traceback" not in shown.status.value
    assert shown.picture.value == shown.save.value == ""
    shown.device.search.value = "Heizkreis 03"
    assert alt(shown).startswith("Heizkreis 03")
    assert shown.error is None


@pytest.mark.parametrize("place", [(Device, "history"), (desk, "draw")], ids=["asking", "drawing"])
def test_other_errors_show_their_type(client: Any, place: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody expected is shown with its type, wherever it happens."""

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError(f"{EVIL} by zero")

    monkeypatch.setattr(*place, fail)
    shown = explorer(client, "Heizkreis 01")
    assert isinstance(shown.error, ZeroDivisionError)
    assert f"ZeroDivisionError: {EVIL} by zero" in said(shown)
    assert "<script" not in shown.status.value


# Keeping the choice


def test_the_last_choice_is_kept(cloud: Any) -> None:
    """Device, ticks, range and resolution come back; arguments win over them."""
    shown = explorer(cloud, "2.OG Nord-West")
    shown.points.boxes["evcloud.170"].value = True
    shown.range.resolution.value = "1h"
    shown.range.buttons["day"].click()
    again = explorer(cloud)
    assert again.choice == shown.choice
    assert again.device.name == "Energieventil Heizung 2.OG Nord-West"
    assert list(again.frame)[-1] == "Delta-T, K"
    other = explorer(cloud, "2.OG Nord-Ost", resolution="15m")
    assert (other.range.span, other.range.resolution.value) == ("day", "15m")
    assert other.device.name == "Energieventil Heizung 2.OG Nord-Ost"


def test_each_cloud_has_its_own_choice(cloud: Any, second: SecondCloud) -> None:
    """What was chosen in one cloud says nothing about another."""
    explorer(cloud, "2.OG Nord-West")
    other = bn.connect(**{name[7:].lower(): value for name, value in second.environment().items()})
    assert memory.path_of(cloud.settings) != memory.path_of(other.settings)
    assert explorer(other).device.name == "Heizkreis 01"
    assert explorer(cloud).device.name == "Energieventil Heizung 2.OG Nord-West"
    other.close()


def test_a_kept_week_follows_the_time() -> None:
    """A range up to now is kept as such, beside its days and everything else."""
    choice = Choice("a", date(2018, 11, 24), date(2018, 12, 1), "week", "auto", {"p": ("x",)})
    assert Choice.from_json(json.loads(json.dumps(choice.as_json()))) == choice


GOOD = {"device": "gone", "first": None, "last": None, "span": "week", "resolution": "auto", "datapoints": {}}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"3", b"\xff\xfe\x00", b'{"device": 3}', json.dumps(GOOD).encode(),
        *(json.dumps(GOOD | bad).encode() for bad in (
            {"span": "aeon"}, {"resolution": "soon"}, {"first": "2018-13-01"}, {"first": 5}, {"datapoints": [1]},
            {"datapoints": {"p": 3}},
        )),
    ],
)  # fmt: skip
def test_a_corrupt_choice_is_ignored(cloud: Any, content: bytes) -> None:
    """A file that is none, or names a device that is gone, costs nothing but the choice."""
    path = memory.path_of(cloud.settings)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    choice = first_choice(cloud, None)
    assert cloud.device(choice.device).name == "Energieventil Heizung 2.OG Sued-Ost"
    assert (choice.span, choice.resolution) == ("week", "auto")


def test_a_disk_that_takes_nothing_does_not_stop_it(cloud: Any) -> None:
    """Where the choice cannot be kept, the picture is there all the same."""
    path = memory.path_of(cloud.settings)
    path.parent.parent.mkdir(parents=True)
    path.parent.write_text("a file where a folder should be")
    shown = explorer(cloud)
    assert shown.error is None
    assert alt(shown)


# Saving


def test_the_link_saves_what_is_shown(client: Any) -> None:
    """The file behind the link holds the shown samples, in local time with offsets."""
    shown = explorer(client, "Heizkreis 01", start="2021-03-28", end="2021-03-29", resolution="1h")
    name, content = saved(shown.save.value)
    assert name == "Heizkreis-01-2021-03-28-2021-03-28-1h.csv"
    lines = content.decode("utf-8-sig").splitlines()
    assert lines[0] == 'time,"Power, kW","Flow, m³/h","T1, °C","T2, °C"'
    assert lines[1].startswith("2021-03-28T01:00:00+01:00,")
    assert lines[2].startswith("2021-03-28T03:00:00+02:00,")
    assert len(lines) == 1 + 23
    read = pd.read_csv(io.BytesIO(content), encoding="utf-8-sig", index_col="time")
    assert read["Power, kW"].tolist() == pytest.approx(shown.frame["Power, kW"].tolist(), nan_ok=True)


def test_cells_are_safe_for_spreadsheets() -> None:
    """Texts that a spreadsheet would run get an apostrophe; numbers stay numbers."""
    index = pd.date_range("2018-11-01", periods=3, freq="h", tz="Europe/Zurich", name="time")
    table = pd.DataFrame({"=cmd()": [-1.5, 2.0, None], "text": ["=1+1", "fine", None]}, index)
    lines = as_csv(table).splitlines()
    assert lines == [
        "time,'=cmd(),text",
        "2018-11-01T00:00:00+01:00,-1.5,'=1+1",
        "2018-11-01T01:00:00+01:00,2,fine",
        "2018-11-01T02:00:00+01:00,,",
    ]


def test_long_files_are_zipped_and_too_long_ones_told() -> None:
    """A link carries at most what a Jupyter server passes on."""
    text = "time,value\n" + "2018-11-01T00:00:00+01:00,1\n" * (PLAIN_LIMIT // 25)
    name, content = saved(link(text, "a.csv"))
    assert name == "a.csv.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("a.csv").decode("utf-8-sig") == text
    noise = base64.b64encode(random.Random(1).randbytes(2 * LIMIT)).decode()
    assert "Too many samples" in link(noise, "a.csv")


def test_file_names_fit_any_file_system() -> None:
    """Slashes, quotes and dots of a device's name do not get into a path."""
    assert file_name('../"Süd" /1.OG', "a", "b", "1h") == "Süd-1.OG-a-b-1h.csv"
    assert file_name("///", "a", "b", "1h") == "device-a-b-1h.csv"


def test_columns_of_one_name_are_told_apart(client: Any) -> None:
    """Two datapoints with one description have two columns."""
    points = points_of(client.profile(f"/definitions/dataprofiles/{VALVE}"))[:2]
    twins = [points[0], type(points[0])(**{**vars(points[0]), "id": "other"})]
    frame = pd.DataFrame({point.id: [1.0] for point in twins})
    assert list(as_table(frame, twins)) == [f"Power, kW ({POWER})", "Power, kW (other)"]


def test_texts_with_many_words_stay_readable(client: Any) -> None:
    """A text with hundreds of values shows the most frequent ones."""
    (point,) = [p for p in points_of(client.profile(f"/definitions/dataprofiles/{VALVE}")) if p.id == MODE]
    index = pd.date_range("2018-11-01", periods=300, freq="h", tz="Europe/Zurich", name="time")
    frame = pd.DataFrame({MODE: [f"word {i % 99}" for i in range(300)]}, index)
    period = Period(index[0], index[-1])
    chart = draw(frame, [point], "Title", period, "1h", "a source")
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


def test_several_changes_are_one_request(client: Any, second: SecondCloud) -> None:
    """Days, resolution, ticks and device changed at one go: one request, for the last state."""

    async def drive() -> Explorer:
        shown = Explorer(client, first_choice(client, "Heizkreis 01"), pause=0.05)
        assert not shown.idle
        assert "Asking for Heizkreis 01" in said(shown)
        await until(lambda: shown.idle)
        before = len([r for r in second.requests if r.path.endswith("timeseries")])
        assert before == 1
        shown.range.back("month")
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
    assert histories[1].query["resolution"] == "1h"
    assert alt(shown).startswith("Heizkreis 05, 2021-04-01 to")


def test_the_kernel_goes_on_and_the_newest_question_wins(client: Any, second: SecondCloud) -> None:
    """While the cloud takes its time the loop turns; what is asked meanwhile is answered, what was asked before not."""
    arrived, go = threading.Event(), threading.Event()

    def slow(_: Any, answer: Any) -> Any:
        arrived.set()
        assert go.wait(120)
        return answer

    second.always(HISTORY.format(2), slow)
    pictures: list[str] = []

    async def drive() -> Explorer:
        shown = Explorer(client, first_choice(client, "Heizkreis 02"), pause=0.01)
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

    def work(question: int) -> int:
        gone.append(threading.current_thread())
        arrived.set()
        go.wait(120)
        return question

    async def drive() -> None:
        runner: Runner[int, int] = Runner(work, lambda *_: pytest.fail("nobody is there"), 0)
        runner.ask(1)
        await until(arrived.is_set)

    asyncio.run(drive())
    go.set()
    gone[0].join(120)
    assert not gone[0].is_alive()
    assert gone[0].daemon

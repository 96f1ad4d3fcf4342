"""The widgets, driven in this process: what they show, ask, keep and say when something goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import IPython
import nbformat
import pandas as pd
import pytest
from explorer_desk import alt, explorer, local, said
from second_cloud import SecondCloud, says

import belimo_nb as bn
from belimo_nb.cloud.device import Device
from belimo_nb.explorer import explorer as explorer_module
from belimo_nb.explorer import is_interactive
from belimo_nb.explorer.choice import Choice, choice_path, initial_choice
from belimo_nb.explorer.pickers import MAX_MATCHES, DevicePicker

HISTORY = "/devices/d7Kx{:02d}/data/history/timeseries"
EVIL = "Ventil <b>\"Süd & Größe\"</b> <script>alert('1')</script>"

pytestmark = pytest.mark.usefixtures("no_event_loop")


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
    assert is_interactive() is expected


def test_a_shell_without_a_kernel_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython in a terminal, and reports that run on its bare shell, show no widgets."""
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace())
    assert not is_interactive()


@pytest.mark.parametrize(("name", "value"), [("SERVER_SOFTWARE", "voila/0.5.10"), ("VOILA_PREHEAT", "True")])
def test_voila_is_known_by_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Voila runs cells as nbclient does, but for somebody."""
    monkeypatch.setenv(name, value)
    assert is_interactive()


@pytest.mark.slow
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
    path = Path(__file__).parents[2] / "notebooks" / "device.ipynb"
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
    assert "2\u202f028 readings, one every 5 minutes" in said(shown)
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
        initial_choice(cloud, **wrong)


def test_an_account_without_devices_is_told(client: Any, second: SecondCloud) -> None:
    """Nothing to choose from is a sentence, not an empty list."""
    second.always("/devices", says({"data": [], "paging": {"total": 0, "offset": 0, "limit": 10}}))
    with pytest.raises(bn.errors.NoDataError, match="sees no device"):
        initial_choice(client, None)


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


@pytest.mark.slow
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
    return SimpleNamespace(timezone="Europe/Zurich", connection=SimpleNamespace(listed_devices=lambda: frame))


def test_thousands_of_devices_are_never_listed_at_once() -> None:
    """Of 5000 devices 50 are listed, the chosen one among them, and a few letters lead to any."""
    told: list[str] = []
    picker = DevicePicker(fleet(5000), "id-4321", lambda: told.append(picker.value))  # type: ignore[arg-type]
    assert len(picker.matches.options) == MAX_MATCHES
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
    shown.range.choose_span("month")
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


@pytest.mark.parametrize("place", [(Device, "history"), (explorer_module, "Picture")], ids=["asking", "drawing"])
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


@pytest.mark.slow
def test_the_last_choice_is_kept(cloud: Any) -> None:
    """Device, ticks, range and resolution come back; arguments win over them."""
    shown = explorer(cloud, "2.OG Nord-West")
    shown.points.boxes["evcloud.170"].value = True
    shown.range.resolution.value = "1h"
    shown.range.buttons["day"].click()
    again = explorer(cloud)
    assert again.choice == shown.choice
    assert again.device.name == "Energieventil Heizung 2.OG Nord-West"
    assert list(again.frame)[-1] == "Delta-T, K, greatest"
    other = explorer(cloud, "2.OG Nord-Ost", resolution="15m")
    assert (other.range.span, other.range.resolution.value) == ("day", "15m")
    assert other.device.name == "Energieventil Heizung 2.OG Nord-Ost"


@pytest.mark.slow
def test_each_cloud_has_its_own_choice(cloud: Any, second: SecondCloud) -> None:
    """What was chosen in one cloud says nothing about another."""
    explorer(cloud, "2.OG Nord-West")
    other = bn.connect(**{name[7:].lower(): value for name, value in second.environment().items()})
    assert choice_path(cloud.settings) != choice_path(other.settings)
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
    path = choice_path(cloud.settings)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    choice = initial_choice(cloud, None)
    assert cloud.device(choice.device).name == "Energieventil Heizung 2.OG Sued-Ost"
    assert (choice.span, choice.resolution) == ("week", "auto")


def test_a_disk_that_takes_nothing_does_not_stop_it(cloud: Any) -> None:
    """Where the choice cannot be kept, the picture is there all the same."""
    path = choice_path(cloud.settings)
    path.parent.parent.mkdir(parents=True)
    path.parent.write_text("a file where a folder should be")
    shown = explorer(cloud)
    assert shown.error is None
    assert alt(shown)

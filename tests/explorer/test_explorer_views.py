"""Hours and days by the local clock, several devices in one picture, and a picture that can be looked at closely."""

from __future__ import annotations

import re
import sys
from datetime import date
from html import unescape
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from explorer_desk import alt, explorer, local, said
from second_cloud import SecondCloud, says

from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.checkup import LONG_CHECKS
from belimo_nb.cloud.device import Device
from belimo_nb.display import number
from belimo_nb.errors import NoDataError
from belimo_nb.explorer.choice import Choice, choice_path, initial_choice
from belimo_nb.explorer.cost import spacing, view_of
from belimo_nb.explorer.explorer import Explorer

VALVE, NEIGHBOR = "Energieventil Heizung 2.OG Nord-West", "Energieventil Heizung 2.OG Nord-Ost"

pytestmark = pytest.mark.usefixtures("no_event_loop")


@pytest.mark.parametrize(
    ("resolution", "days", "offline", "reads", "freq"),
    [
        ("1h", 7, False, "5m", "h"), ("1h", 300, False, "15m", "h"), ("1h", 3000, False, "1h", ""),
        ("1h", 7, True, "1h", ""), ("1d", 7, False, "1h", "D"), ("1d", 3000, True, "1h", "D"),
        ("1d", 9000, False, "1d", ""), ("24h", 7, False, "1h", "D"), ("15m", 7, False, "15m", ""),
        ("6h", 7, False, "6h", ""),
    ],
)  # fmt: skip
def test_how_a_resolution_is_shown(resolution: str, days: int, offline: bool, reads: str, freq: str) -> None:
    """Hours and days are made from finer readings, as long as those are affordable and at hand."""
    start = local("2018-01-01")
    view = view_of(resolution, Period(start, start + pd.Timedelta(days=days)), offline=offline)
    assert (view.reads, view.freq) == (reads, freq)


def test_days_that_begin_between_hours_need_finer_readings() -> None:
    """In Kathmandu a day begins at :15 of UTC, which hourly readings straddle."""
    start = local("2018-01-01", "Asia/Kathmandu")
    assert view_of("1d", Period(start, start + pd.Timedelta(days=7))).reads == "15m"
    assert view_of("1d", Period(start, start + pd.Timedelta(days=3000))).freq == ""


def test_resolutions_in_words() -> None:
    """As a person would say them."""
    said = [spacing(text) for text in ("1m", "5m", "15m", "1h", "6h", "1d", "7d", "90s")]
    assert said == ["minute", "5 minutes", "15 minutes", "hour", "6 hours", "day", "7 days", "90 seconds"]


def test_days_are_mean_least_and_greatest_of_the_local_day(cloud: Any) -> None:
    """Each local day has the figures of its own readings, the day of 25 hours as well; the reading of 02:00 is none."""
    shown = explorer(cloud, VALVE, datapoints=["evcloud.150"], start="2018-10-26", end="2018-10-30", resolution="1d")
    frame = shown.frame
    assert list(frame) == ["T1, °C, mean", "T1, °C, least", "T1, °C, greatest"]
    assert list(frame.index) == [local(f"2018-10-{day}") for day in (26, 27, 28, 29)]
    hourly = cloud.device(VALVE).measurements(("t1",), start="2018-10-26", end="2018-10-30", resolution="1h")["t1_c"]
    for day, row in frame.iterrows():
        own = hourly[(hourly.index > day) & (hourly.index <= day + pd.DateOffset(days=1))]
        assert len(own) == (25 if day == local("2018-10-28") else 24)
        assert row.tolist() == pytest.approx([own.mean(), own.min(), own.max()])
    assert "4 days, Europe/Zurich." in said(shown)
    caption = shown.picture.value
    assert "Lines: mean of each day; bands: from its least to its greatest reading (one every hour)." in caption


def test_counters_of_energy_are_the_energy_of_each_hour_and_day(cloud: Any) -> None:
    """Beside power stands the energy of the same hours, equal to what every other page tells."""
    wanted = ["heating_energy", "power"]
    profile = cloud.device(VALVE).profile
    ids = [profile.locate(quantity) for quantity in wanted]
    for resolution, freq in (("1h", "h"), ("1d", "D")):
        shown = explorer(cloud, VALVE, datapoints=ids, start="2018-11-20", end="2018-11-23", resolution=resolution)
        expected = cloud.device(VALVE).energy("heating", "2018-11-20", "2018-11-23", freq)["kwh"]
        told = shown.frame["Heating energy of each interval, kWh"]
        assert told.tolist() == pytest.approx(expected.tolist())
        assert told.index.equals(expected.index)
    assert "Steps: energy of each day, from the counter." in shown.picture.value
    assert f"Heating energy of each interval: {number(told.sum(), None, 'kWh')} in all" in alt(shown)
    readings = explorer(cloud, VALVE, datapoints=ids, start="2018-11-20", end="2018-11-23", resolution="15m")
    assert "Heating energy, counter, kWh" in readings.frame


def test_an_hour_without_readings_is_unknown(cloud: Any) -> None:
    """While a device is offline its days are NaN, not 0."""
    shown = explorer(cloud, "Energieventil Kälte EG Ost", start="2018-11-01", end="2018-12-01", resolution="1d")
    frame = shown.frame
    assert frame.iloc[-1].isna().all()
    assert frame.iloc[0].notna().all()


def test_devices_are_kept_to_compare(cloud: Any) -> None:
    """A kept device stays in picture, file and choice beside the next one, and goes by its button."""
    shown = explorer(cloud, VALVE)
    alone = list(shown.frame)
    shown.device.keep.click()
    assert list(shown.frame) == alone, "a device is not compared with itself"
    shown.device.search.value = "nord-ost heizung 2.og"
    assert shown.device.name == NEIGHBOR
    assert list(shown.frame) == [f"{name}: {title}" for name in (NEIGHBOR, VALVE) for title in alone]
    assert alt(shown).startswith(f"{NEIGHBOR} and {VALVE}, 2018-11-24 to")
    assert f"{VALVE}, Power: from" in alt(shown)
    again = explorer(cloud)
    assert again.choice.others == (cloud.device(VALVE).id,)
    pd.testing.assert_frame_equal(again.frame, shown.frame)
    (button,) = shown.device.kept.children
    assert button.description == f"✕ {VALVE}"
    button.click()
    assert list(shown.frame) == alone
    assert shown.device.kept.children == ()


def test_what_another_device_lacks_is_told(cloud: Any) -> None:
    """Datapoints without a counterpart are named; the others of that device are there."""
    damper = cloud.device("Klappe LA02 Aussenluft").id
    shown = explorer(cloud, VALVE, datapoints=["evcloud.80", "evcloud.140"])
    shown.device.toggle(damper)
    assert "Klappe LA02 Aussenluft has no Power." in said(shown)
    assert "Klappe LA02 Aussenluft: Position, %" in shown.frame


def test_another_device_that_fails_costs_itself_alone(client: Any, second: SecondCloud) -> None:
    """The chosen device is shown, and a sentence says why the other is not."""
    second.always("/devices/d7Kx02/data/history/timeseries", says({"message": "no such thing"}, 404))
    shown = explorer(client, "Heizkreis 01")
    shown.device.toggle("d7Kx02")
    assert shown.error is None
    assert "Heizkreis 02 is left out: " in said(shown)
    assert list(shown.frame) == ["Power, kW", "Flow, m³/h", "T1, °C", "T2, °C"]


def test_too_many_together_are_told(cloud: Any) -> None:
    """Four datapoints of four devices are more lines than can be told apart."""
    shown = explorer(cloud, VALVE)
    for name in (NEIGHBOR, "Energieventil Heizung 2.OG Sued-Ost", "Energieventil Heizung 2.OG Sued-West"):
        shown.device.toggle(cloud.device(name).id)
    assert "16 datapoints are chosen, more than can be told apart; tick at most 3 for so many devices." in said(shown)


def test_old_choices_have_no_others() -> None:
    """A file of an earlier version is read as before."""
    data = Choice("a").as_json()
    del data["others"]
    assert Choice.from_json(data) == Choice("a")


def test_voila_has_a_choice_of_its_own(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody chose on a page is not what JupyterLab begins with."""
    before = choice_path(cloud.settings)
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.10")
    assert choice_path(cloud.settings) != before


def canvas(shown: Any) -> Any:
    """The canvas of an explorer."""
    (box,) = shown.canvas.children
    return box.children[0]


def test_a_part_is_drawn_as_fine_as_it_is(cloud: Any) -> None:
    """Zooming into one panel zooms all, shows every reading there, and ticks of its own; home brings all back."""
    shown = explorer(cloud, VALVE, start="2018-11-01", end="2018-12-01", resolution="5m")
    axes = canvas(shown).figure.axes
    whole = [len(ax.lines[0].get_xdata()) for ax in axes]
    assert len(axes[0].collections) > 0, "the month is reduced to means and bands"
    limits = axes[0].get_xlim()
    ticks = list(axes[0].get_xticks())
    begin = limits[0] + 10.4
    axes[1].set_xlim(begin, begin + 0.25)
    assert all(ax.get_xlim() == pytest.approx((begin, begin + 0.25)) for ax in axes)
    inside = [x for x in axes[0].lines[0].get_xdata() if begin <= x <= begin + 0.25]
    assert len(inside) in (72, 73)
    low, high = axes[0].get_ylim()
    values = [y for x, y in axes[0].lines[0].get_xydata() if begin <= x <= begin + 0.25]
    assert low == 0
    assert max(values) < high < 2 * max(values), "the panel is as high as what it shows"
    assert len(axes[0].get_xticks()) > 2
    assert list(axes[0].get_xticks()) != ticks
    axes[0].set_xlim(limits)
    assert [len(ax.lines[0].get_xdata()) for ax in axes] == whole
    canvas(shown).draw()


def test_the_pointer_reads_times_and_values(cloud: Any) -> None:
    """Under the pointer: the local time, and of each curve what held then."""
    shown = explorer(cloud, VALVE, start="2018-11-20", end="2018-11-21", resolution="15m")
    row = shown.frame.loc[local("2018-11-20 10:15")]
    at = local("2018-11-20 10:07").tz_convert("UTC").tz_localize(None)
    text = canvas(shown).figure.axes[0].format_coord((at - pd.Timestamp(0)) / pd.Timedelta(days=1), 5.0)
    assert text.startswith("2018-11-20 10:07  Power: ")
    assert f"T1: {row['T1, °C']:.1f}" in text
    days = explorer(cloud, VALVE, start="2018-11-20", end="2018-11-23", resolution="1d")
    text = canvas(days).figure.axes[0].format_coord((at - pd.Timestamp(0)) / pd.Timedelta(days=1), 5.0)
    assert f"T1: {days.frame['T1, °C, mean'].iloc[0]:.1f}" in text
    assert np.isfinite(days.frame["T1, °C, mean"]).all()


def test_without_the_canvas_there_is_an_image(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ipympl is not installed the picture is an image, as in reports; old canvases do not stay."""
    shown = explorer(cloud, VALVE)
    monkeypatch.setitem(__import__("sys").modules, "ipympl.backend_nbagg", None)
    shown.range.choose_span("day")
    assert shown.canvas.children == ()
    assert "<img" in shown.picture.value
    assert alt(shown).startswith(VALVE)


def text_of(html: str) -> str:
    """What HTML says."""
    return unescape(re.sub(r"<style.*?</style>|<[^>]*>", " ", html, flags=re.S))


@pytest.mark.slow
def test_checks_follow_the_chosen_valve(cloud: Any) -> None:
    """Key figures and all checks of the same days, as in its report; what is no valve has a sentence."""
    shown = Explorer(cloud, initial_choice(cloud, VALVE, start="2018-11-01", end="2018-12-01"), checks=True)
    checkup = cloud.device(VALVE).checkup("2018-11-01", "2018-12-01")
    told = " ".join(text_of(shown.findings.value).split())
    # Those of the longest history speak of what the store held at their time.
    found = checkup.verdicts
    sentences = found.loc[~found["check"].isin(LONG_CHECKS), "sentence"]
    assert all(" ".join(sentence.split()) in told for sentence in sentences)
    assert "Delta-T, flow-weighted" in told
    shown.device.search.value = "Klappe LA02 Aussenluft"
    assert "counts no energy, so no checks are made of it" in text_of(shown.findings.value)
    shown.range.first.value = date(2030, 1, 1)
    assert shown.findings.value == ""
    shown._on_findings(shown.choice, "checks that were made meanwhile")
    assert shown.findings.value == "", "there is no picture that they belong to"


def test_a_checkup_that_fails_is_one_sentence(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture stays, and a sentence stands in place of the checks."""

    def fail(*_: Any, **__: Any) -> None:
        raise NoDataError("The store holds nothing of it.")

    monkeypatch.setattr(Device, "checkup", fail)
    shown = Explorer(client, initial_choice(client, "Heizkreis 01"), checks=True)
    assert "The store holds nothing of it." in text_of(shown.findings.value)
    assert shown.error is None
    assert alt(shown).startswith("Heizkreis 01")


def test_the_users_own_figures_stay_as_they_are(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canvas does not make its library the backend of all figures, which that library's import would do."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "ipympl"]:
        monkeypatch.delitem(sys.modules, name)
    before = matplotlib.get_backend()
    assert canvas(explorer(cloud, VALVE, start="2018-11-20", end="2018-11-21"))
    assert matplotlib.get_backend() == before

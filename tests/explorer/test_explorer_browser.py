"""JupyterLab in a real browser: every cell of a notebook runs, and the explorer does what its controls say."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jupyter_lab import NOTEBOOKS, PAUSE, new_page, run_all, running

from belimo_nb.demo import DemoCloud

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("jupyterlab")]

PICTURE = ".bnb-x-canvas canvas"
# A canvas of ipympl has two layers: the picture, and what is drawn over it while zooming.
DRAWN = """words => {
    const told = document.querySelector('.bnb-x-picture:not(.bnb-x-stale) [role=img]')?.ariaLabel ?? '';
    const canvas = document.querySelector('.bnb-x-canvas canvas');
    if (!canvas?.width || !words.every(word => told.includes(word))) return null;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.some(value => value) ? canvas.toDataURL() : null;
}"""


def errors(page: Any) -> list[str]:
    """The error outputs and warnings that the page shows."""
    kinds = ("application/vnd.jupyter.error", "application/vnd.jupyter.stderr")
    return [text for kind in kinds for text in page.locator(f'[data-mime-type="{kind}"]').all_inner_texts()]


def picture(page: Any, *words: str, other_than: str = "") -> str:
    """The drawn canvas as a data URL, once its words hold these and it shows something else than before."""
    drawn = f"([words, before]) => {{ const url = ({DRAWN})(words); return url && url !== before ? url : null; }}"
    return page.wait_for_function(drawn, arg=[list(words), other_than], polling=PAUSE).json_value()


def test_a_notebook_in_jupyterlab(browser: Any, tmp_path: Path) -> None:
    """Run All Cells ends every cell of the device notebook without an error or a warning; then the explorer is used."""
    # Kernels run the overview and the heating notebook elsewhere; the cooling notebook is held against it cell by cell.
    device = next(path for path in NOTEBOOKS if path.stem == "device")
    with DemoCloud() as cloud, running(cloud, tmp_path) as lab, contextlib.closing(new_page(browser)) as page:
        run_all(page, lab, device)
        assert errors(page) == []
        page.locator(".bnb-x").wait_for()  # one; a cell has its number before its widget is drawn
        drive(page, cloud, tmp_path)
        page.context.close()


def look_closely(page: Any, whole: str) -> None:
    """The pointer reads a time and values; a rectangle zooms all panels, and Home shows the whole again."""
    box = page.locator(PICTURE).first.bounding_box()
    across, down = (lambda part: box["x"] + part * box["width"]), (lambda part: box["y"] + part * box["height"])
    page.mouse.move(across(0.5), down(0.2))
    footer = page.locator(".jupyter-matplotlib-footer")
    footer.get_by_text("2018-11-2").wait_for()
    assert "Power: " in footer.inner_text()
    page.locator(".jupyter-matplotlib-toolbar button[title^=Zoom]").click()
    page.mouse.move(across(0.4), down(0.15))
    page.mouse.down()
    page.mouse.move(across(0.5), down(0.2), steps=5)
    page.mouse.up()
    picture(page, other_than=whole)
    page.locator(".jupyter-matplotlib-toolbar button[title^=Reset]").click()
    page.mouse.move(across(0.01), down(0.01))
    page.wait_for_function(f"before => ({DRAWN})([]) === before", arg=whole, polling=PAUSE)


def drive(page: Any, cloud: DemoCloud, folder: Path) -> None:
    """Another device by typing, a range by a button, the file; the future and a cloud that is gone show a sentence."""
    first = picture(page, "Energieventil Heizung 2.OG Sued-Ost, 2018-11-24 to")
    page.get_by_label("Device", exact=True).press_sequentially("nord-west")
    second = picture(page, "Energieventil Heizung 2.OG Nord-West, 2018-11-24 to", "Power: from", other_than=first)
    assert page.get_by_label("Devices that fit").locator("option").all_inner_texts() == [
        "Energieventil\xa0Heizung\xa02.OG\xa0Nord-West"
    ]
    look_closely(page, second)

    page.get_by_role("button", name="Last month").click()
    third = picture(page, "Energieventil Heizung 2.OG Nord-West, 2018-11-01 to", other_than=second)
    page.get_by_label("Delta-T, K").check()
    picture(page, "Delta-T: from", other_than=third)

    with page.expect_download() as download:
        page.get_by_role("link", name="Save as CSV").click()
    assert download.value.suggested_filename == "Energieventil-Heizung-2.OG-Nord-West-2018-11-01-2018-12-01-15m.csv"
    download.value.save_as(folder / "saved.csv")
    saved = pd.read_csv(folder / "saved.csv", encoding="utf-8-sig")
    assert list(saved) == ["time", "Power, kW", "Flow, m³/h", "T1, °C", "T2, °C", "Delta-T, K"]
    assert len(saved) == 30 * 96 + 4

    page.get_by_label("To (included)").fill("2020-02-01")
    page.get_by_label("From", exact=True).fill("2020-01-01")
    alert = page.locator(".bnb-x").get_by_role("alert")
    alert.get_by_text("lies in the future: it is 2018-12-01 01:00 now").wait_for()
    page.wait_for_function("picture => !document.querySelector(picture)", arg=PICTURE, polling=PAUSE)

    page.get_by_role("button", name="Last day").click()
    picture(page, "Energieventil Heizung 2.OG Nord-West, 2018-11-30 to")
    page.get_by_role("button", name="Keep to compare").click()
    page.get_by_label("Device", exact=True).fill("2.og sued-west")
    picture(page, "2.OG Sued-West and Energieventil Heizung 2.OG Nord-West, 2018-11-30 to")

    page.get_by_label("Device", exact=True).fill("kaelte 2.og sued")  # Kälte 2.OG Süd, as keyboards abroad write it
    picture(page, "Energieventil Kälte 2.OG Süd", "2018-11-30 to")
    page.get_by_role("button", name="Last year").click()
    picture(page, "Kälte 2.OG Süd", "2017-12-01 to")
    page.locator(".bnb-x").get_by_text("mean of each hour; bands: from its least to its greatest").wait_for()

    cloud.stop()
    page.get_by_role("button", name="Last week").click()
    alert.get_by_text("127.0.0.1").wait_for()
    assert "Traceback" not in page.locator(".bnb-x").inner_text()
    assert errors(page) == []

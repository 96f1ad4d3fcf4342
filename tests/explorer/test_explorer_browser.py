"""JupyterLab in a real browser: every cell of every notebook runs, and the explorer does what its controls say."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jupyter_lab import NOTEBOOKS, JupyterLab, run_all, running

from belimo_nb.demo import DemoCloud

# One worker has the server and the cloud for all tests of this file.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("jupyterlab")]

PICTURE = ".bnb-x-picture img"


@pytest.fixture(scope="module")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    """One server for the notebooks."""
    with DemoCloud() as cloud, running(cloud, tmp_path_factory.mktemp("lab")) as server:
        yield server


def errors(page: Any) -> list[str]:
    """The error outputs and warnings that the page shows."""
    kinds = ("application/vnd.jupyter.error", "application/vnd.jupyter.stderr")
    return [text for kind in kinds for text in page.locator(f'[data-mime-type="{kind}"]').all_inner_texts()]


def picture(page: Any, title: str) -> tuple[bytes, str]:
    """The explorer's picture, once its words begin with `title`."""
    page.wait_for_function(
        """title => [...document.querySelectorAll('.bnb-x-picture:not(.bnb-x-stale) img')]
            .some(image => image.complete && image.naturalWidth > 0 && image.alt.startsWith(title))""",
        arg=title,
    )
    image = page.locator(PICTURE)
    return base64.b64decode(image.get_attribute("src").split(",", 1)[1]), image.get_attribute("alt")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs(browser: Any, lab: JupyterLab, notebook: Path) -> None:
    """Run All Cells ends every cell of a notebook without an error or a warning; only the device's has widgets."""
    page = run_all(browser, lab, notebook)
    try:
        assert errors(page) == []
        if notebook.stem == "device":
            picture(page, "Energieventil Heizung 2.OG Sued-Ost, 2018-11-24 to")
        assert page.locator(".bnb-x").count() == (notebook.stem == "device")
    finally:
        page.context.close()


def test_the_explorer(browser: Any, tmp_path: Path) -> None:
    """Another device by typing, a range by a button, the file; the future and a cloud that is gone show a sentence."""
    (notebook,) = [path for path in NOTEBOOKS if path.stem == "device"]
    with DemoCloud() as cloud, running(cloud, tmp_path) as lab:
        page = run_all(browser, lab, notebook)
        try:
            drive(page, cloud, tmp_path)
        finally:
            page.context.close()


def drive(page: Any, cloud: DemoCloud, folder: Path) -> None:
    """What a person does."""
    first, _ = picture(page, "Energieventil Heizung 2.OG Sued-Ost, 2018-11-24 to")
    page.get_by_label("Device", exact=True).press_sequentially("nord-west")
    second, words = picture(page, "Energieventil Heizung 2.OG Nord-West, 2018-11-24 to")
    assert second.startswith(b"\x89PNG")
    assert second != first
    assert "Power: from" in words
    assert page.get_by_label("Devices that fit").locator("option").all_inner_texts() == [
        "Energieventil\xa0Heizung\xa02.OG\xa0Nord-West"
    ]

    page.get_by_role("button", name="Last month").click()
    third, _ = picture(page, "Energieventil Heizung 2.OG Nord-West, 2018-11-01 to")
    assert third != second
    page.get_by_label("Delta-T, K").check()
    page.wait_for_function("() => document.querySelector('.bnb-x-picture img')?.alt.includes('Delta-T: from')")

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
    assert page.locator(PICTURE).count() == 0

    cloud.stop()
    page.get_by_role("button", name="Last day").click()
    alert.get_by_text("127.0.0.1").wait_for()
    assert "Traceback" not in page.locator(".bnb-x").inner_text()
    assert errors(page) == []

"""Takes the pictures of the README from the demo building, so that they never lie; see `make pictures`.

The index and the heating report as a browser shows them, and JupyterLab with the widgets of the device notebook.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from belimo_nb.demo import DemoCloud

PICTURES = Path(__file__).parent / "pictures"
SHOTS = {"index": ("index.html", 1250), "heating-report": ("heating-energy.html", 1000)}
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WIDTH, LAB_WIDTH, LAB_HEIGHT = 1200, 1500, 1000

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the tests know how to run JupyterLab apart from one's own


def reports(browser: Browser) -> None:
    """Make the reports of the demo building and keep the first screen of two of them."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "belimo_nb", "--demo", "report", "--out", folder], check=True)  # noqa: S603
        (run,) = Path(folder).glob("*/reports.json")
        page = browser.new_page(color_scheme="light")
        for name, (file, height) in SHOTS.items():
            page.set_viewport_size({"width": WIDTH, "height": height})
            page.goto((run.parent / file).as_uri())
            page.screenshot(path=PICTURES / f"{name}.png")
        page.close()


def lab(browser: Browser) -> None:
    """Run the device notebook in JupyterLab and keep the screen with its widgets."""
    from jupyter_lab import NOTEBOOKS, new_page, run_all, running

    (notebook,) = [path for path in NOTEBOOKS if path.stem == "device"]
    with tempfile.TemporaryDirectory() as folder, DemoCloud() as cloud, running(cloud, Path(folder)) as server:
        page = new_page(browser)
        run_all(page, server, notebook)
        page.set_viewport_size({"width": LAB_WIDTH, "height": LAB_HEIGHT})
        page.wait_for_function("() => document.querySelector('.bnb-x-canvas canvas')?.width > 300")
        page.evaluate("() => document.querySelector('.bnb-x').closest('.jp-Cell').scrollIntoView()")
        page.mouse.move(5, LAB_HEIGHT - 5)
        page.wait_for_timeout(1000)  # scroll bars and hints fade
        page.screenshot(path=PICTURES / "jupyterlab.png")
        page.context.close()


def main() -> None:
    """Take all pictures with the Chromium of the system."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        reports(browser)
        lab(browser)
        browser.close()


if __name__ == "__main__":
    main()

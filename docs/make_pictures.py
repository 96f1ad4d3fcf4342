"""Takes the pictures of the README from reports of the demo building, so that they never lie; see `make pictures`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURES = Path(__file__).parent / "pictures"
SHOTS = {"index": "index.html", "heating-report": "heating-energy.html"}
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Make the reports, open them in the system's Chromium, and keep what is on the first screen."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        subprocess.run([sys.executable, "-m", "belimo_nb", "--demo", "report", "--out", folder], check=True)  # noqa: S603
        page = playwright.chromium.launch(executable_path=browser, args=QUIET).new_page(
            viewport={"width": 1200, "height": 1000}, color_scheme="light"
        )
        for name, file in SHOTS.items():
            page.goto((Path(folder) / file).as_uri())
            page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()

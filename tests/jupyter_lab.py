"""A JupyterLab server of the tests' own: private folders, a free port, and an end of which nothing is left.

The pictures of the README are taken of it, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from belimo_nb.demo import DemoCloud

PATIENCE = 240  # seconds for whatever a slow machine does
LIMIT = PATIENCE * 1000  # milliseconds
PAUSE = 200  # milliseconds between two looks: by itself Playwright looks at every frame, which busies a core
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SETTINGS = {
    # Cells out of sight would not be in the page.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


class JupyterLab:
    """JupyterLab on a folder; use it as a context manager.

    Args:
        notebooks: The folder that it serves.
        private: A folder for everything else: home, settings, runtime files, the log.
        environment: Variables of its kernels, beside this process's own without ``BELIMO_*``.
    """

    def __init__(self, notebooks: Path, private: Path, environment: dict[str, str]) -> None:
        self._private = private
        self._token = secrets.token_hex(16)
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("BELIMO_", "JUPYTER", "JPY_"))
        }
        homes = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "IPYTHONDIR")
        jupyter = {f"JUPYTER_{name}_DIR": str(private / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        settings = private / "settings"
        jupyter |= {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces")}
        self._environment = kept | dict.fromkeys(homes, str(private / "home")) | jupyter | environment
        self._environment |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "JUPYTER_TOKEN": self._token}
        (private / "home").mkdir()
        for name, content in SETTINGS.items():
            path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        options = {
            "ServerApp.port": 0,
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.root_dir": notebooks,
            "ServerApp.allow_root": True,
            "ServerApp.open_browser": False,
            "LabApp.news_url": "",
            "LabApp.extension_manager": "readonly",
            "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        }
        self._command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
        self._process: subprocess.Popen[bytes]
        self._url = ""

    def __enter__(self) -> JupyterLab:
        with (self._private / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._private, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # It ends its kernels when it is told to end, and they end by themselves once it is gone.
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def address(self, notebook: str) -> str:
        """Where a notebook opens, in a workspace of its own."""
        return f"{self._url}lab/workspaces/{Path(notebook).stem}/tree/{notebook}?token={self._token}&reset"

    def ask(self, path: str) -> Any:
        """An answer of the server's own API."""
        with requests.Session() as session:
            session.trust_env = False  # no proxy between a test and its server
            answer = session.get(
                f"{self._url}{path}", headers={"Authorization": f"token {self._token}"}, timeout=PATIENCE
            )
            answer.raise_for_status()
            return answer.json()

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            for path in (self._private / "runtime").glob("jpserver-*.json"):
                try:
                    self._url = str(json.loads(path.read_text(encoding="utf-8"))["url"])
                    self.ask("api/status")
                except (ValueError, OSError):
                    break  # half written, or not yet listening
                return
            time.sleep(0.1)
        log = (self._private / "log").read_text(encoding="utf-8", errors="replace")
        raise AssertionError(f"JupyterLab did not start:\n{log[-3000:]}")


@contextlib.contextmanager
def running(cloud: DemoCloud, folder: Path) -> Iterator[JupyterLab]:
    """JupyterLab on copies of the notebooks, without outputs: what shows up is what the kernel has sent."""
    (folder / "notebooks").mkdir()
    (folder / "lab").mkdir()
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"outputs": [], "execution_count": None}
        (folder / "notebooks" / path.name).write_text(json.dumps(notebook), encoding="utf-8")
    with JupyterLab(folder / "notebooks", folder / "lab", cloud.environment()) as server:
        yield server


def new_page(browser: Any) -> Any:
    """An empty page, as wide as a desk."""
    page = browser.new_context(viewport={"width": 1400, "height": 1300}).new_page()
    page.set_default_timeout(LIMIT)
    return page


def run_all(page: Any, lab: JupyterLab, notebook: Path) -> None:
    """Open a notebook and choose Run > Run All Cells; ends once every cell has its number.

    In a page that shows a notebook already it opens beside that one: to load JupyterLab takes seconds.
    """
    if page.url == "about:blank":
        page.goto(lab.address(notebook.name))
    else:
        page.locator(f".jp-DirListing-item[title^='Name: {notebook.name}']").dblclick()
    code = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    cells = "[...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell')]"
    page.wait_for_function(f"count => {cells}.length === count", arg=len(code), polling=PAUSE)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    numbers = f"{cells}.map(cell => cell.querySelector('.jp-InputPrompt').textContent)"
    for _ in range(3):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        # At once each cell is numbered or has a star; a kernel that has only just said "idle" may miss the first try.
        with contextlib.suppress(PlaywrightTimeout):
            begun = rf"() => {numbers}.some(text => /\[(\d+|\*)\]/.test(text))"
            page.wait_for_function(begun, timeout=LIMIT // 4, polling=PAUSE)
            break
    done = rf"count => {numbers}.filter(text => /\[\d+\]/.test(text)).length === count"
    page.wait_for_function(done, arg=len(code), polling=PAUSE)

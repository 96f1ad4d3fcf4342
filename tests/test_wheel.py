"""The wheel away from the checkout: what it holds, and that it works alone.

`make test-wheel` does the same in clean environments, with the oldest and the newest of what we depend on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *build], check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture
def run(wheel, tmp_path, demo_environment):
    """Run Python with the wheel's package, in a folder of its own; its output."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    (tmp_path / "away").mkdir()

    def run(*arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(site)}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path / "away", env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_everything_is_in_it(wheel):
    """All files of the package, the notebooks and the settings template; nothing else, no cache, no test."""
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {path for path in (ROOT / "belimo_nb").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    package = {path.relative_to(ROOT).as_posix() for path in files}
    notebooks = {f"belimo_nb/_notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {name for name in names if ".dist-info/" not in name} == package | notebooks | {
        "belimo_nb/_notebooks/env.example"
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_it_works_alone(run, tmp_path):
    """The package, its notebooks and its templates come from the wheel; a folder of one's own and a report are made."""
    assert Path(run("-c", "import belimo_nb; print(belimo_nb.__file__)").strip()).is_relative_to(tmp_path / "site")
    code = "from belimo_nb.report.notebooks import notebook; print(notebook('device'))"
    assert Path(run("-c", code).strip()).is_relative_to(tmp_path / "site")
    run("-m", "belimo_nb", "init", "mine")
    assert {path.name for path in (tmp_path / "away" / "mine").iterdir()} >= {"device.ipynb", "overview.ipynb", ".env"}
    run("-m", "belimo_nb", "report", "device", "--device", "2.OG Nord-West", "--period", "2018-11", "--out", "out")
    assert (tmp_path / "away" / "out" / "index.html").is_file()

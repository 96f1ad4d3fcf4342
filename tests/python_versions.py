"""The wheel in clean environments away from the checkout: `make test-wheel`.

The oldest Python with the oldest versions of what we depend on directly, and the newest Python here with the newest
versions of everything: sign-in, reports with each engine, a folder of one's own, papermill on a notebook in it. Needs
the network, and Pythons beyond the running one as `python3.12` and so on, on the path or kept by pyenv.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENGINES = ("fork", "kernel") if sys.platform == "linux" else ("kernel",)
DEVICE = "2.OG Nord-West"


@dataclass(frozen=True)
class Environment:
    """A Python and how old the packages in it are: "lowest-direct" or "highest"."""

    python: Path
    resolution: str

    def make(self, uv: Path, wheel: Path, folder: Path) -> Path:
        """Make it in a folder; its folder of programs."""
        command = [uv, "--quiet"]
        pins = folder / "pins.txt"
        _run(
            [
                *command,
                *("pip", "compile", ROOT / "pyproject.toml", "--extra", "lab", "--extra", "cluster"),
                *("--python", self.python, "--resolution", self.resolution, "--output-file", pins),
            ]
        )
        _run([*command, "venv", "--python", self.python, folder / "venv"])
        programs = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
        install = [*command, "pip", "install", "--python", programs / "python"]
        _run([*install, "--requirement", pins])
        _run([*install, "--no-deps", wheel])
        return programs


def pythons(oldest: tuple[int, int]) -> dict[tuple[int, int], Path]:
    """The Pythons of this machine that are new enough, by version."""
    folders = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep)]
    folders += sorted((Path("~").expanduser() / ".pyenv" / "versions").glob("*/bin"))
    found = {sys.version_info[:2]: Path(sys.executable)}
    for path in (file for folder in folders for file in folder.glob("python3.*")):
        match = re.fullmatch(r"python3\.(\d+)", path.name)
        version = (3, int(match[1])) if match else (0, 0)
        if version >= oldest and not subprocess.run([path, "-c", "import ssl"], capture_output=True).returncode:
            found.setdefault(version, path)
    return found


def try_out(programs: Path, folder: Path) -> None:
    """Work as a user of the wheel would, in a folder of one's own."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("BELIMO_", "PYTHON"))}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(folder / "home"))
    environment = ours | homes | {"BELIMO_DEMO": "1"}
    belimo_nb = programs / "belimo-nb"
    _run([belimo_nb, "login"], folder, environment)
    for engine in ENGINES:
        out = folder / engine
        _run([belimo_nb, "report", "--search", DEVICE, "--engine", engine, "--out", out], folder, environment)
    _run([belimo_nb, "init", "mine"], folder, environment)
    notebook = [Path("mine") / "device.ipynb", "made.ipynb", "-p", "device", DEVICE]
    _run([programs / "papermill", *notebook], folder, environment)


def main() -> None:
    """Try the oldest and the newest; a failure ends it with what the command said."""
    uv = Path(sys.argv[1]).resolve()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = tuple(map(int, re.findall(r"\d+", project["requires-python"])))
    found = pythons((oldest[0], oldest[1]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run([uv, "--quiet", "build", "--wheel", "--out-dir", folder, ROOT])
        (wheel,) = folder.glob("*.whl")
        tries = (Environment(found[min(found)], "lowest-direct"), Environment(found[max(found)], "highest"))
        for number, environment in enumerate(tries):
            place = folder / str(number)
            place.mkdir()
            programs = environment.make(uv, wheel, place)
            version = _run([programs / "python", "--version"]).strip()
            count = len(_run([uv, "pip", "list", "--python", programs / "python"]).splitlines()) - 2
            try_out(programs, place)
            print(f"{version}, {environment.resolution}: {count} packages, engines {', '.join(ENGINES)}: works")


def _run(command: list[object], folder: Path | None = None, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


if __name__ == "__main__":
    main()

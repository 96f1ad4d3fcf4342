"""What the packaging files promise each other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BOUNDS = r"(>=[\d.]+(?:,<[\d.]+)?)"
CONDA_NAMES = {"python-tzdata": "tzdata"}
ASKED_FOR = [
    "jupyterlab",
    "requests-oauthlib",
    "pandas",
    "matplotlib",
    "ipywidgets",
    "papermill",
    "nbval",
    "python-dotenv",
]  # the user's list


def conda_packages() -> dict[str, str]:
    """Names and bounds of environment.yml, read line by line: it is a flat list."""
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").split("dependencies:")[1].splitlines()
    found = [re.fullmatch(rf"\s+- ([a-z0-9-]+){BOUNDS}(\s+#.*)?", line) for line in lines]
    packages = {match[1]: match[2] for match in found if match}
    return {CONDA_NAMES.get(name, name): bound for name, bound in packages.items()}


def python_packages(*extras: str) -> dict[str, str]:
    """Names and bounds of pyproject.toml, markers left out."""
    wanted = PROJECT["dependencies"] + [p for extra in extras for p in PROJECT["optional-dependencies"][extra]]
    split = [re.match(rf"([a-z0-9-]+){BOUNDS}", text) for text in wanted]
    return {match[1]: match[2] for match in split if match}


def test_environment_equals_project() -> None:
    """environment.yml and pyproject.toml name the same packages with the same bounds."""
    conda = conda_packages()
    assert conda.pop("python") == PROJECT["requires-python"]
    assert conda == python_packages("cluster", "lab", "test", "xlsx")


@pytest.mark.parametrize("name", ASKED_FOR)
def test_asked_for_packages(name: str) -> None:
    """Every package the project was asked to use is one of its dependencies."""
    assert name in python_packages("lab", "test")


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("requirements.lock", ()), ("requirements-dev.lock", ("cluster", "docs", "lab", "test", "lint", "xlsx"))],
)
def test_locks_hold_every_dependency(lock: str, extras: tuple[str, ...]) -> None:
    """Each lock pins every direct dependency, each with hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    pinned = re.findall(r"^([a-z0-9-]+)==\S+.*\\\n\s+--hash=sha256:", text, re.MULTILINE)
    assert set(python_packages(*extras)) <= set(pinned)


def test_locks_agree() -> None:
    """Where both locks pin a package, they pin the same version."""
    pins = [
        set(re.findall(r"^([a-z0-9-]+==\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for lock in ("requirements.lock", "requirements-dev.lock")
    ]
    assert pins[0] <= pins[1]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_has_hashes(lock: str) -> None:
    """Each line of a lock is a pin of one version from the index, followed by its hashes, and nothing else."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    lines = [
        line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    pin = re.compile(r"[a-z0-9-]+==[\w.!+]+( ; [^@\\]+?)?\s+(--hash=sha256:[0-9a-f]{64}\s*)+")
    assert len(lines) > 50
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_installs_require_hashes() -> None:
    """`make` installs what the locks pin with its hashes; the rest is this project, or goes elsewhere."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = re.findall(r"\$\(INSTALL\) (.*)", makefile)
    unhashed = {line for line in installs if "--require-hashes" not in line}
    assert unhashed == {"--no-deps --no-build-isolation --editable .", "uv==$(LOCK_UV)", "pip-audit==$(PIP_AUDIT)"}
    assert sum("--require-hashes" in line for line in installs) >= 3
    assert makefile.count("-m pip ") == 1, "no install goes another way"


def test_audit_covers_the_locks() -> None:
    """`make audit` asks about every pin of the greater lock, which holds the smaller one, and fails where it cannot."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (command,) = re.findall(r"bin/pip-audit (.*)", makefile)
    assert {"--strict", "--require-hashes", "--disable-pip", "requirements-dev.lock"} <= set(command.split())


@pytest.mark.xdist_group("kept together")
def test_groups_of_tests_are_kept_together(request: pytest.FixtureRequest) -> None:
    """`make test` hands a group of tests to one worker: some versions of pytest and xdist silently do not."""
    grouped = getattr(request.config.option, "loadgroup", False)
    assert request.node.nodeid.endswith("@kept together") == grouped


@pytest.mark.skipif(shutil.which("make") is None or os.name == "nt", reason="needs make")
def test_an_old_python_is_told_at_once(tmp_path):
    """`make report` with a Python that is too old says so in one line, and leaves nothing behind."""
    old = tmp_path / "python3"
    code = "import sys; sys.version_info = (3, 9, 2); exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$2"\n')
    old.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(
        ["make", "--no-print-directory", "report", f"PYTHON={old}"],
        env={name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout + done.stderr.splitlines()[0] == (
        f"belimo_nb needs Python 3.11 or later, and {old} is 3.9; name another one, as in: make PYTHON=python3.11"
    )
    assert sorted(tmp_path.iterdir()) == before


def test_nobody_is_told_to_install_a_name_that_is_not_ours():
    """The package is not published, so its name on an index is free for strangers: texts name checkouts and wheels."""
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("belimo_nb/**/*.py"), ROOT / "Makefile"]
    told = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in texts
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"install\s+[\"'`]?belimo[-_]nb\b(?!.*\.whl)", line)
    ]
    assert told == []

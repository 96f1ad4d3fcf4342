"""What Windows and macOS would trip over, as far as Linux can show it.

No such system is at hand. So modules are imported as Windows would, without the functions that it lacks; a run is made
so with the engine it has; and the names of files are held to its rules.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belimo_nb.report.jobs import distinct_slugs
from belimo_nb.system.files import write_text

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
LONGEST_PATH = 260
"""Characters of a whole path on Windows, unless its owner has allowed longer ones."""

AS_WINDOWS = """
import json, os, pkgutil, sys
import click, distributed, filelock, ipykernel.zmqshell, jupyter_client, matplotlib.pyplot, nbclient, nbconvert
import pandas, papermill, platformdirs, pyarrow.parquet, requests_oauthlib, tornado.web  # these know Windows themselves
# fchmod stays: filelock calls it where `sys.platform` is not Windows, as it is while that works here.

for name in ("fork", "forkpty", "setsid", "killpg", "getuid", "geteuid", "getgid", "fchown", "pipe2", "pread",
             "waitid", "mkfifo", "sysconf", "sched_getaffinity", "uname", "O_NOFOLLOW", "O_DIRECTORY"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None

here, sys.platform = sys.platform, "win32"
import belimo_nb

linux_only = {"belimo_nb.report." + name for name in sys.argv[1].split(",")}
for module in pkgutil.walk_packages(belimo_nb.__path__, "belimo_nb."):
    if module.name not in linux_only and not module.name.endswith("__main__"):
        __import__(module.name)
sys.platform = here
found = linux_only & set(sys.modules)
assert not found, found

from belimo_nb.cli import main

for words in json.loads(sys.argv[2]):
    sys.argv[1:] = words
    try:
        main()
    except SystemExit as left:
        print("status", left.code or 0, file=sys.stderr)
"""
LINUX_ONLY = ("workers.fork_server", "engine.shell")
"""Modules of the engine fork, which Windows never imports."""


def as_windows(commands: list[list[str]], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run commands, one after the other, in a process that lacks what Windows lacks."""
    words = [sys.executable, "-c", AS_WINDOWS, ",".join(LINUX_ONLY), json.dumps(commands)]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
def test_a_run_as_on_windows(demo_environment, tmp_path):
    """Everything but the engine fork is imported, and a report is made with the engine kernel, which is the default."""
    words = ["report", "device", "--period", "2018-11", "--device", "2.OG Nord-West", "--out", "out"]
    done = as_windows([words, [*words, "--engine", "fork"]], tmp_path)
    assert re.findall("status (.*)", done.stderr) == ["0", "2"], done.stderr
    assert "works on Linux only" in done.stderr
    (report,) = json.loads((tmp_path / "out" / "reports.json").read_text(encoding="utf-8"))["reports"]
    assert report["status"] == "ok"


@given(st.lists(st.text(min_size=0, max_size=400), min_size=1, max_size=4))
def test_names_of_reports(names):
    """Whatever devices are called, their files have names that every system takes, that differ by more than case."""
    slugs = distinct_slugs([(f"{n:08x}-0000-4000-8000-000000000000", name) for n, name in enumerate(names)])
    for slug in slugs:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
        assert slug.split(".")[0] not in RESERVED
    assert len(set(slugs)) == len(names)


@pytest.mark.parametrize("name", ["CON", "nul", "COM1", "aux.txt", "Lüftung. ", "a" * 300, "x:y*z?"])
def test_names_that_windows_refuses(name):
    """Reserved names, points and blanks at the end, forbidden characters and long names become plain ones."""
    (slug,) = distinct_slugs([("5a430aa2-0000-4000-8000-000000000000", name)])
    assert slug.endswith("-5a430aa2")
    assert slug not in RESERVED


def test_paths_have_room():
    """A report's longest path leaves a user 120 characters for the folder, the half-made run's folder included."""
    (slug,) = distinct_slugs([("5a430aa2-0000-4000-8000-000000000000", "W" * 300)])
    inside = f"/.belimo-nb/next-0123456789abcdef/devices/{slug}-energy-by-month.csv"
    assert 120 + len(inside) < LONGEST_PATH


def test_lines_end_alike_everywhere(tmp_path, monkeypatch):
    """Texts are written with the line ends that they have, whatever a system's own are."""
    monkeypatch.setattr(os, "linesep", "\r\n")
    write_text(tmp_path / "a.csv", "a,b\n1,2\n")
    assert (tmp_path / "a.csv").read_bytes() == b"a,b\n1,2\n"


def test_texts_are_utf_8():
    """No module opens a text without saying its encoding, or what to do with what it cannot be: Windows has its own."""
    source = Path(__file__).parents[1] / "belimo_nb"
    opening = re.compile(r"(?<!\bos)\.(?:read_text|write_text|open)\((?P<arguments>[^()]*(?:\([^()]*\)[^()]*)*)\)")
    found = []
    for path in source.rglob("*.py"):
        if f"{path.parent.name}.{path.stem}" in LINUX_ONLY:
            continue
        for match in opening.finditer(path.read_text(encoding="utf-8")):
            words = match["arguments"]
            if not re.search(r"encoding=|errors=|[\"'][rwxa]\+?b|os\.O_|devnull", words):
                found.append(f"{path.name}: {match[0]}")
    assert found == []

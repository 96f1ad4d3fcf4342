"""A Dask scheduler and its workers, each a process of its own on the loopback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from prepared import address

TESTS = str(Path(__file__).parent)
PATHS = [path for path in [os.environ.get("PYTHONPATH")] if path]
PATIENCE = 300.0
"""Seconds in which a process is ready, on a slow machine under load."""


class DaskCluster:
    """A scheduler, and as many workers of one thread as are started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self._stack = contextlib.ExitStack()
        self._file = folder / "scheduler.json"

    def __enter__(self) -> DaskCluster:
        self.folder.mkdir(parents=True)
        self._start("scheduler", ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"])
        self._until(self._address)
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            process.kill()  # their children end with them
            process.wait()
        self._stack.close()

    @property
    def address(self) -> str:
        """The scheduler's."""
        return self._address() or ""

    @property
    def log(self) -> str:
        """What all of them have said."""
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("*.log")))

    def worker(self, patch: str = "", *, from_nothing: bool = False) -> subprocess.Popen[bytes]:
        """Start a worker; `patch` is code that its Python runs before all else.

        Its reports fork from the process that this one has prepared, or `from_nothing` from one that it prepares.
        """
        name = f"worker-{len(self.processes)}"
        environment = {}
        if not from_nothing:
            patch += f"\nimport sys\nsys.path.append({TESTS!r})\nimport prepared\nprepared.prepare({address()!r})\n"
        if patch:
            (self.folder / name).mkdir()
            (self.folder / name / "sitecustomize.py").write_text(patch, encoding="utf-8")
            environment["PYTHONPATH"] = os.pathsep.join([str(self.folder / name), *PATHS])
        arguments = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
        process = self._start("worker", [*arguments, "--local-directory", str(self.folder)], name, environment)
        self._until(lambda: "Registered to:" in (self.folder / f"{name}.log").read_text(encoding="utf-8"))
        return process

    def _start(
        self, verb: str, arguments: list[str], name: str = "scheduler", environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", verb, *arguments, "--scheduler-file", str(self._file)],
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
        self.processes.append(process)
        return process

    def _address(self) -> str | None:
        with contextlib.suppress(OSError, ValueError):
            return str(json.loads(self._file.read_text(encoding="utf-8"))["address"])
        return None

    def _until(self, true: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            assert self.processes[-1].poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.05)

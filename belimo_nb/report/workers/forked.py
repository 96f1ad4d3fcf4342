"""The caller's side of `stem`: starts that process, asks it for children, and knows how they end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path

from belimo_nb.report.workers.fork_server import NUMBER

__all__ = ["Forked", "Stem"]

CODE = (
    "import sys; sys.path[:] = {path!r}; from belimo_nb.report.workers.fork_server import serve; serve(*sys.argv[1:])"
)
PATIENCE = 30.0
"""Seconds in which a process that was told to end has ended."""


class Forked:
    """A process that was forked elsewhere, with the methods of `multiprocessing.Process` that the pool needs."""

    def __init__(self, status: int) -> None:
        self._status = Connection(status, writable=False)
        self._pid: int | None = None
        self.exitcode: int | None = None
        self._lost = False

    def kill(self) -> None:
        """Kill it, unless it has ended or never began."""
        self._look(0.0)
        if self._pid is not None and self.exitcode is None and not self._lost:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended; then `exitcode` says how, None if that is not known."""
        while self.exitcode is None and not self._lost and self._look(timeout):
            pass

    def close(self) -> None:
        """Forget it."""
        self._status.close()

    def _look(self, timeout: float | None) -> bool:
        """Read what has been told of it: its id, then its exit code; False if there was nothing in time."""
        told = False
        while not self._lost and wait([self._status], timeout):
            number = os.read(self._status.fileno(), NUMBER.size)
            told, timeout = True, 0.0
            if len(number) < NUMBER.size:
                self._lost = True
            elif self._pid is None:
                (self._pid,) = NUMBER.unpack(number)
            else:
                (self.exitcode,) = NUMBER.unpack(number)
                break
        return told


class Stem:
    """A process to fork from; started at once, and again if it dies."""

    def __init__(self, folder: Path, environment: Mapping[str, str], prepare: str) -> None:
        self._folder = folder
        self._environment = dict(environment)
        self._prepare = prepare
        self._start()

    def fork(self, connection: int, folder: Path) -> Forked:
        """Fork a process that works in `folder` for the one at the other end of a connection."""
        status, theirs = os.pipe()
        try:
            try:
                self._ask(folder, connection, theirs)
            except OSError:  # it has died, and all its children with it
                self.stop()
                self._folder.mkdir(exist_ok=True)
                folder.mkdir(exist_ok=True)
                self._start()
                self._ask(folder, connection, theirs)
        except BaseException:
            os.close(status)
            raise
        finally:
            os.close(theirs)
        return Forked(status)

    def last_words(self) -> str:
        """The last line that the process wrote to standard error."""
        log = self._folder / "stem.txt"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return lines[-1].strip() if lines else ""

    def stop(self) -> None:
        """End it and whatever descends from it; returns when they have ended, and their folder is gone."""
        self._control.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, folder: Path, *descriptors: int) -> None:
        socket.send_fds(self._control, [os.fsencode(folder)], list(descriptors))

    def _start(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = CODE.format(path=sys.path)
        arguments = [str(theirs.fileno()), str(self._folder), self._prepare]
        with theirs, (self._folder / "stem.txt").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-c", code, *arguments],
                env=self._environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal goes to the caller alone
            )

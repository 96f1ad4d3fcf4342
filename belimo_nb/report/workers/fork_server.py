"""The process that jobs are forked from: it imports once, forks often, and leaves nothing behind.

It is a program of its own with a single thread, so that forking it is safe. It ends when its caller does, however that
ends: then it kills what it has forked, and all that those have started, and removes the caller's folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NoReturn

__all__ = ["NUMBER", "Forked", "Stem", "serve"]

NUMBER = struct.Struct("i")
"""How a process id and, later, an exit code are written to the pipe that comes with a request."""

LONGEST_PATH = 4096
RARELY = 500_000
"""New objects after which a job looks for garbage: it lives for a second, and a tenth of that would go into looking."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # of <linux/prctl.h>


def serve(control_fd: str, folder: str, prepare: str) -> None:
    """Fork a job for each request, until the other end of the control socket is closed.

    A request is the path of the job's folder with two file descriptors: the job's end of a connection, and a pipe for
    its process id and exit code.

    Args:
        control_fd: File descriptor of a socket that keeps messages apart.
        folder: The caller's folder, removed at the end.
        prepare: What to call before the first fork, as "module:function"; blank for nothing.
    """
    control = socket.socket(fileno=int(control_fd))
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # whatever loses its parent becomes our child, so that it can be ended
    if prepare:
        module, _, name = prepare.partition(":")
        getattr(import_module(module), name)()
    gc.collect()
    gc.freeze()  # the collector of a child would write to, and so copy, every page that it looks at
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)  # type: ignore[attr-defined,unused-ignore]
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    children: dict[int, int] = {}
    while True:
        readable, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in readable:
            os.read(woken, LONGEST_PATH)
            _reap(children)
        if control.fileno() in readable:
            message, descriptors, _, _ = socket.recv_fds(control, LONGEST_PATH, 2)
            if not message:
                break
            _fork(os.fsdecode(message), *descriptors, children=children, ours=(control.fileno(), woken, wake))
    _end(children)
    shutil.rmtree(folder, ignore_errors=True)


def _fork(folder: str, connection: int, status: int, *, children: dict[int, int], ours: Iterable[int]) -> None:
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        os.close(status)  # the caller sees that nothing has begun
    else:
        if pid == 0:
            _live(folder, connection, parent, (*ours, status, *children.values()))
        children[pid] = status
        with contextlib.suppress(OSError):
            os.write(status, NUMBER.pack(pid))
    os.close(connection)


def _live(folder: str, connection: int, parent: int, not_mine: Iterable[int]) -> NoReturn:
    """A job's process, from its birth to its end."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in not_mine:
            os.close(descriptor)
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            from belimo_nb.report.workers.child import work

            gc.set_threshold(RARELY)
            work(Connection(connection), Path(folder))
            code = 0
    except BaseException:  # noqa: BLE001 - the last lines of a process
        traceback.print_exc()
    finally:
        os._exit(code)


def _reap(children: dict[int, int]) -> None:
    """Take leave of the children that have ended, and tell who asked for them."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None:
            return
        if found.si_pid in children:
            _kill_group(found.si_pid)  # while its id cannot serve another
        _, code = os.waitpid(found.si_pid, 0)
        status = children.pop(found.si_pid, None)
        if status is not None:
            with contextlib.suppress(OSError):
                os.write(status, NUMBER.pack(os.waitstatus_to_exitcode(code)))
            os.close(status)


def _end(children: Mapping[int, int]) -> None:
    """Kill all that descends from this process; returns when nothing is left."""
    for pid in children:
        _kill_group(pid)
    while True:
        for pid in _offspring():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _offspring() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()]
    except OSError:  # a kernel without this file
        return []


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


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

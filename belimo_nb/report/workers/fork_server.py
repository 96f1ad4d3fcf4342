"""The process that reports are forked from, and the classes with which a pool uses it.

The fork server imports once what reports need and forks a child for each. It is a program of its own, so that it has a
single thread. It ends when its caller does, however that ends: then it kills all that descends from it and removes the
caller's folder. Why so: docs/decisions/0008-reports-run-in-forked-processes.md.
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

INT = struct.Struct("i")
"""How a child's process id and, later, its exit code are written to the status pipe that comes with a request."""

MAX_PATH_BYTES = 4096
GC_THRESHOLD = 500_000
"""New objects before a child collects garbage: it lives for a second, a tenth of which collecting would cost."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # of <linux/prctl.h>


def serve(control_fd: str, folder: str, preload: str) -> None:
    """Fork a child for each request, until the other end of the control socket is closed.

    A request is the path of the job's folder with two file descriptors: the job's end of a connection, and the pipe
    for its process id and exit code.

    Args:
        control_fd: File descriptor of a Unix socket that keeps messages apart (SOCK_SEQPACKET).
        folder: The caller's folder, removed at the end.
        preload: What to call before the first fork, as "module:function"; blank for nothing.
    """
    control = socket.socket(fileno=int(control_fd))
    # Orphans of a job (what its notebook started) become our children instead of init's, so that they can be killed.
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    gc.disable()  # what imports make stays: to look for garbage among it takes a tenth of their time
    if preload:
        module, _, name = preload.partition(":")
        getattr(import_module(module), name)()
    gc.collect()
    gc.freeze()  # otherwise a child's garbage collector would write to, and so copy, every page of our objects
    gc.enable()
    # Signals arrive as bytes in this pipe, so that one `select` waits for requests and for children that have ended:
    # a thread for either would make forking unsafe (a lock that another thread holds stays locked in the child).
    wakeup_fd, signal_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)  # type: ignore[attr-defined,unused-ignore]
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(signal_fd, warn_on_full_buffer=False)
    children: dict[int, int] = {}  # process id to the file descriptor of its status pipe
    while True:
        readable, _, _ = select.select([control.fileno(), wakeup_fd], [], [])
        if wakeup_fd in readable:
            os.read(wakeup_fd, MAX_PATH_BYTES)
            _reap(children)
        if control.fileno() in readable:
            message, descriptors, _, _ = socket.recv_fds(control, MAX_PATH_BYTES, 2)
            if not message:  # the caller has closed its end, or is dead: the kernel closed it, even after `kill -9`
                break
            server_fds = (control.fileno(), wakeup_fd, signal_fd)
            _fork(os.fsdecode(message), *descriptors, children=children, server_fds=server_fds)
    _kill_descendants(children)
    shutil.rmtree(folder, ignore_errors=True)


def _fork(folder: str, connection: int, status: int, *, children: dict[int, int], server_fds: Iterable[int]) -> None:
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        os.close(status)  # the caller sees that nothing has begun
    else:
        if pid == 0:
            _run_child(folder, connection, parent, (*server_fds, status, *children.values()))
        children[pid] = status
        with contextlib.suppress(OSError):
            os.write(status, INT.pack(pid))
    os.close(connection)


def _run_child(folder: str, connection: int, parent: int, inherited: Iterable[int]) -> NoReturn:
    """The forked child: undo what belongs to the server, run the job, exit."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in inherited:  # an open copy of another job's pipe would hide that this job has ended
            os.close(descriptor)
        os.setsid()  # a process group of its own, which is killed with all that the job has started
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # A server that died before that call sends no signal any more; then the child has another parent by now.
        if os.getppid() == parent:
            from belimo_nb.report.workers.child import run_job

            gc.set_threshold(GC_THRESHOLD)
            run_job(Connection(connection), Path(folder))
            code = 0
    except BaseException:  # noqa: BLE001 - the last lines of a process
        traceback.print_exc()
    finally:
        os._exit(code)  # without the exit handlers that the server's imports have registered


def _reap(children: dict[int, int]) -> None:
    """Collect the children that have ended, kill what they left running, and report their exit codes."""
    while True:
        try:
            # WNOWAIT leaves the child a zombie: until its group is killed, no new process can get its id.
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None:
            return
        if found.si_pid in children:
            _kill_group(found.si_pid)
        _, code = os.waitpid(found.si_pid, 0)
        status = children.pop(found.si_pid, None)  # None for an orphan that we have inherited
        if status is not None:
            with contextlib.suppress(OSError):
                os.write(status, INT.pack(os.waitstatus_to_exitcode(code)))
            os.close(status)


def _kill_descendants(children: Mapping[int, int]) -> None:
    """Kill all that descends from this process; returns when nothing is left."""
    for pid in children:
        _kill_group(pid)
    while True:  # each round: the orphans of those killed in the round before
        for pid in _child_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _child_pids() -> list[int]:
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


# `-c` and not `-m`: the caller's import path is set first, whatever folder or environment it has.
BOOTSTRAP = (
    "import sys; sys.path[:] = {path!r}; from belimo_nb.report.workers.fork_server import serve; serve(*sys.argv[1:])"
)
EXIT_TIMEOUT = 30.0  # seconds that the fork server has to exit after its socket was closed


class ForkedProcess:
    """A child of the fork server, with the methods of `multiprocessing.Process` that the pool needs."""

    def __init__(self, status: int) -> None:
        self._status = Connection(status, writable=False)
        self._pid: int | None = None
        self.exitcode: int | None = None
        self._lost = False

    def kill(self) -> None:
        """Kill it, unless it has ended or never began."""
        self._poll(0.0)
        if self._pid is not None and self.exitcode is None and not self._lost:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended; `exitcode` then says how, None if that is not known."""
        while self.exitcode is None and not self._lost and self._poll(timeout):
            pass

    def close(self) -> None:
        """Close the status pipe."""
        self._status.close()

    def _poll(self, timeout: float | None) -> bool:
        """Read the process id, then the exit code, from the status pipe; False if nothing came within `timeout`."""
        received = False
        while not self._lost and wait([self._status], timeout):
            number = os.read(self._status.fileno(), INT.size)
            received, timeout = True, 0.0
            if len(number) < INT.size:  # closed without an exit code: the server has died
                self._lost = True
            elif self._pid is None:
                (self._pid,) = INT.unpack(number)
            else:
                (self.exitcode,) = INT.unpack(number)
                break
        return received


class ForkServer:
    """Starts and restarts the process that reports are forked from, and asks it for forks.

    Attributes:
        log: What the process writes to standard output and error.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], preload: str) -> None:
        self._folder, self.log = folder, folder / "fork-server.txt"
        self._environment = dict(environment)
        self._preload = preload
        self._start()

    def fork(self, connection: int, folder: Path) -> ForkedProcess:
        """Fork a job that works in `folder` and talks over `connection`; a server that has died is started again."""
        status, theirs = os.pipe()
        try:
            try:
                self._send_request(folder, connection, theirs)
            except OSError:  # it has died, and all its children with it
                self.stop()
                self._folder.mkdir(exist_ok=True)
                folder.mkdir(exist_ok=True)
                self._start()
                self._send_request(folder, connection, theirs)
        except BaseException:
            os.close(status)
            raise
        finally:
            os.close(theirs)
        return ForkedProcess(status)

    def stop(self) -> None:
        """End the server and all that descends from it; returns when that is done."""
        self._control.close()
        if not self._asked:  # nothing descends from it: nobody needs to wait until it has imported everything
            self._process.kill()
        try:
            self._process.wait(EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send_request(self, folder: Path, *descriptors: int) -> None:
        self._asked = True
        socket.send_fds(self._control, [os.fsencode(folder)], list(descriptors))

    def _start(self) -> None:
        self._asked = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = [str(theirs.fileno()), str(self._folder), self._preload]
        with theirs, self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-c", BOOTSTRAP.format(path=sys.path), *arguments],
                env=self._environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal reaches the caller alone
            )

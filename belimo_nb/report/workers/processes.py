"""A pool of child processes, one for each job, with the interface of `concurrent.futures`.

Not `ProcessPoolExecutor`: its workers live on, so a worker that is killed breaks the pool and all its reports, and what
one report leaves behind reaches the next. Here a job that crashes or hangs costs itself alone. Its process is forked
from a prepared one on Linux (see `fork_server`), elsewhere started afresh.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from belimo_nb.errors import BelimoError
from belimo_nb.report.workers.child import run_job

if TYPE_CHECKING:
    from belimo_nb.report.output.folder import OutputFolder
    from belimo_nb.settings import Settings

if sys.platform == "linux":
    from belimo_nb.report.workers.fork_server import ForkServer

T = TypeVar("T")
CAN_FORK = sys.platform == "linux"
"""Whether jobs are forked: the frameworks of macOS do not survive a fork, and Windows has none."""

GRACE_PERIOD = 15.0
"""Seconds after its time limit at which a job is killed; a notebook that is stopped within them keeps its page."""

EXIT_TIMEOUT = 30.0  # seconds to wait for a process that was killed or has closed its connection


class _Process(Protocol):
    """The methods of a process, forked or spawned, that the pool uses."""

    @property
    def exitcode(self) -> int | None: ...
    def kill(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...
    def close(self) -> None: ...


class JobFailed(BelimoError):
    """A job's process died, took too long, raised, or was stopped.

    Attributes:
        seconds: How long it had run.
        crashed: True if the process died by itself or by another's hand; then it is worth another try.
    """

    def __init__(self, message: str, seconds: float, *, crashed: bool = False) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.crashed = crashed


class Workers(Executor):
    """What makes reports: a pool of processes on this machine, or a cluster.

    A call's future raises `JobFailed` for whatever goes wrong. A ``with`` block that is left by an exception stops
    running jobs instead of waiting for them.

    Attributes:
        max_workers: How many jobs run at once.
        time_limit: Seconds a job may take.
        engine: How the jobs run notebooks, as `engines.select_engine` gives it.
    """

    max_workers: int
    time_limit: float
    engine: str

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.stop()

    @abstractmethod
    def check(self, settings: Settings, folder: OutputFolder) -> None:
        """Check, before anything is fetched, that every worker reaches all it needs; raises `UsageError`."""

    @abstractmethod
    def stop(self) -> None:
        """Cancel waiting jobs and kill running ones; afterwards every future is done."""


class ChildProcesses(Workers):
    """Executor that runs each submitted call in a fresh process of its own.

    A call's future raises `JobFailed` if the process dies, exceeds the time limit, raises, or is stopped. Arguments and
    results are pickled. The child's working folder, which is its temporary folder too, is private and removed with it,
    even if this process is killed; its output goes to files there, and standard error is read if it dies.
    """

    def __init__(
        self,
        max_workers: int,
        *,
        time_limit: float,
        environment: Mapping[str, str] | None = None,
        preload: str = "",
        fork: bool = CAN_FORK,
        engine: str = "kernel",
    ) -> None:
        """Start the process to fork from; no job runs yet.

        Args:
            max_workers: How many processes may run at once.
            time_limit: Seconds a job may take. It should stop by itself; `GRACE_PERIOD` later it is killed.
            environment: The children's environment; by default this process's.
            preload: What the process that jobs are forked from calls first, as "module:function". It must start no
                thread: a lock that a thread holds during a fork stays locked in the child.
            fork: Whether to fork jobs; if not, each is started afresh.
            engine: How the jobs run notebooks, see `engines`; only kept here for them.
        """
        self.engine = engine
        self.max_workers = max_workers
        self.time_limit = time_limit
        self._environment = dict(os.environ if environment is None else environment)
        self._folder = Path(tempfile.mkdtemp(prefix="belimo-nb-"))
        if not os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 - Path raises where there is none
            self._environment["HOME"] = str(self._folder)  # Jupyter's libraries do not start without a home
        self._threads = ThreadPoolExecutor(max_workers, thread_name_prefix="belimo-nb-job")
        self._lock = threading.Lock()
        self._running: dict[_Process, list[int]] = {}  # each with the process groups to kill with it
        self._stopped = False
        self._count = 0
        # Started now, it imports while the caller still plans and fetches.
        self._fork_server = ForkServer(self._folder, self._environment, preload) if fork else None

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run ``fn(*args, **kwargs)`` in a process of its own as soon as one is free."""
        return self._threads.submit(self._supervise, fn, args, kwargs)

    def check(self, settings: Settings, folder: OutputFolder) -> None:
        """Do nothing: children see the folders that this process sees."""

    def stop(self) -> None:
        """Kill running jobs and cancel waiting ones; returns when no process is left."""
        with self._lock:
            self._stopped = True
            for process, groups in self._running.items():
                _kill(process, groups)
            if self._fork_server is not None:
                self._fork_server.stop()  # and with it the forks that it was asked for but has not made yet
        self.shutdown(cancel_futures=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more jobs; with `wait`, return when all are done and the temporary folder is removed."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        if wait:
            if self._fork_server is not None:
                self._fork_server.stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _supervise(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        """Run one job from start to end, in a thread of this process."""
        ours, theirs = mp.Pipe()
        groups: list[int] = []
        with ours:
            # `stop` takes the same lock: a job either starts before it and is killed, or does not start.
            with self._lock, theirs:
                if self._stopped:
                    raise JobFailed("Stopped before it began.", 0.0)
                self._count += 1
                folder = self._folder / str(self._count)
                folder.mkdir()
                process = self._start(theirs, folder)
                self._running[process] = groups
            try:
                result: T = self._wait_for_result(process, ours, groups, folder, (self._environment, fn, args, kwargs))
                return result
            finally:
                with self._lock:
                    del self._running[process]
                    _kill(process, groups)
                process.join(EXIT_TIMEOUT)
                process.close()
                shutil.rmtree(folder, ignore_errors=True)

    def _start(self, connection: Connection, folder: Path) -> _Process:
        if self._fork_server is not None:
            return self._fork_server.fork(connection.fileno(), folder)
        process = mp.get_context("spawn").Process(target=run_job, args=(connection, folder), daemon=True)
        process.start()
        return process

    def _wait_for_result(
        self, process: _Process, connection: Connection, groups: list[int], folder: Path, call: tuple[Any, ...]
    ) -> Any:
        began = time.monotonic()
        deadline = began + self.time_limit + GRACE_PERIOD
        try:
            connection.send(call)
            while wait([connection], max(0.0, deadline - time.monotonic())):
                kind, content = connection.recv()
                if kind == "began":
                    began = time.monotonic()
                    deadline = began + self.time_limit + GRACE_PERIOD
                    continue
                if kind == "group":
                    with self._lock:
                        groups.append(content)
                    continue
                with self._lock:
                    groups.clear()  # it ended normally and so did they: other processes may have their ids
                if kind == "raised":
                    raise JobFailed(content, time.monotonic() - began)
                return content
        except (EOFError, ConnectionError):
            seconds = time.monotonic() - began
            raise JobFailed(self._exit_reason(process, folder), seconds, crashed=not self._stopped) from None
        raise JobFailed(f"Stopped: it took longer than the time limit of {self.time_limit:g} s.", self.time_limit)

    def _exit_reason(self, process: _Process, folder: Path) -> str:
        """Why a process ended without a result, in one sentence."""
        process.join(EXIT_TIMEOUT)
        if self._stopped:
            return "Stopped before it was finished."
        code = process.exitcode
        if code is None:  # the fork server has died
            line = "" if self._fork_server is None else _last_line(self._fork_server.log)
            return f"Its process was lost: {line}" if line else "Its process was lost."
        if code == -getattr(signal, "SIGKILL", 9):
            return "Its process was killed; most often the system does this when memory runs out: try fewer --jobs."
        line = _last_line(folder / "err.txt")
        return f"Its process ended unexpectedly with status {code}{f': {line}' if line else '.'}"


def _last_line(log: Path) -> str:
    """The last line of what a process wrote; "" if it wrote nothing."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1].strip() if lines else ""


def _kill(process: _Process, groups: Sequence[int]) -> None:
    for pid in groups:
        if hasattr(os, "killpg"):
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
    process.kill()

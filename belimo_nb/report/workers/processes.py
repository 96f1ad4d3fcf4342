"""One child process a job, behind the face of `concurrent.futures`.

A pool's workers live on: when one is killed the pool is broken and every report with it, and what one report leaves
behind reaches the next. Here each job has a process of its own: on Linux forked from one that has imported what jobs
need (see `stem`), elsewhere started afresh. A job that crashes or hangs costs itself and nothing else.
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
from belimo_nb.report.workers.child import work

if TYPE_CHECKING:
    from belimo_nb.report.output.folder import OutputFolder
    from belimo_nb.settings import Settings

if sys.platform == "linux":
    from belimo_nb.report.workers.fork_server import Stem

__all__ = ["CAN_FORK", "ChildProcesses", "JobFailed", "Stopping", "Workers"]

T = TypeVar("T")
CAN_FORK = sys.platform == "linux"
"""Whether jobs can be forked: the frameworks of macOS do not survive it, and Windows cannot."""

GRACE = 15.0
"""Seconds beyond its time limit after which a job that did not end by itself is killed."""

FAREWELL = 30.0
"""Seconds in which a process that was killed, or has hung up, has ended."""


class Process(Protocol):
    """What the pool needs of a process, forked or spawned."""

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


class Workers(Protocol):
    """Who makes reports, here or elsewhere: what a run needs to know of them."""

    max_workers: int
    time_limit: float
    engine: str

    def check(self, settings: Settings, folder: OutputFolder) -> None:
        """See, before anything is fetched, that all of them can do what is wanted; raises `UsageError`."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have ``fn(*args, **kwargs)`` called; the future raises `JobFailed` for whatever goes wrong."""

    def stop(self) -> None:
        """Drop what waits and kill what runs; afterwards every future is done."""


class Stopping(Executor):
    """An executor whose ``with`` block, left by an exception, stops what runs instead of waiting for it."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.stop()

    @abstractmethod
    def stop(self) -> None:
        """Drop what waits and stop what runs."""


class ChildProcesses(Stopping):
    """Runs each submitted call in a fresh process of its own.

    A call's future raises `JobFailed` if the process dies, exceeds the time limit, raises, or is stopped. Leaving a
    ``with`` block by an exception stops what runs. Arguments and results are pickled. In the child, the working folder
    and the temporary folder are private and vanish with it, even if this process is killed; what it prints goes to
    files there, and what it says on standard error is read if it dies.
    """

    def __init__(
        self,
        max_workers: int,
        *,
        time_limit: float,
        environment: Mapping[str, str] | None = None,
        prepare: str = "",
        fork: bool = CAN_FORK,
        engine: str = "kernel",
    ) -> None:
        """Get ready; nothing runs yet.

        Args:
            max_workers: How many processes may run at once.
            time_limit: Seconds a job may take. The job should keep to it by itself; `GRACE` later it is killed.
            environment: The children's environment; by default this process's.
            prepare: What the process that jobs are forked from calls before, as "module:function"; it must start no
                thread.
            fork: Whether to fork jobs; if not, each is started afresh.
            engine: How the jobs run notebooks, see `engines`; only kept here for them.
        """
        self.engine = engine
        self.max_workers = max_workers
        self.time_limit = time_limit
        self._environment = dict(os.environ if environment is None else environment)
        self._folder = Path(tempfile.mkdtemp(prefix="belimo-nb-"))
        self._threads = ThreadPoolExecutor(max_workers, thread_name_prefix="belimo-nb-job")
        self._lock = threading.Lock()
        self._running: dict[Process, list[int]] = {}  # to the process groups that each has adopted
        self._stopped = False
        self._count = 0
        # Started here, it imports while the caller still plans.
        self._stem = Stem(self._folder, self._environment, prepare) if fork else None

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run ``fn(*args, **kwargs)`` in a process of its own as soon as one is free."""
        return self._threads.submit(self._supervise, fn, args, kwargs)

    def check(self, settings: Settings, folder: OutputFolder) -> None:
        """Nothing to see to: children see what this process sees."""

    def stop(self) -> None:
        """Kill what runs and drop what waits; returns when no process is left."""
        with self._lock:
            self._stopped = True
            for process, adopted in self._running.items():
                _kill(process, adopted)
            if self._stem is not None:
                self._stem.stop()  # with whatever it may have been asked to fork but has not yet
        self.shutdown(cancel_futures=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; with `wait`, return when all are done, and remove the temporary folder."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        if wait:
            if self._stem is not None:
                self._stem.stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _supervise(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        ours, theirs = mp.Pipe()
        adopted: list[int] = []
        with ours:
            with self._lock, theirs:
                if self._stopped:
                    raise JobFailed("Stopped before it began.", 0.0)
                self._count += 1
                folder = self._folder / str(self._count)
                folder.mkdir()
                process = self._start(theirs, folder)
                self._running[process] = adopted
            try:
                result: T = self._result(process, ours, adopted, folder, (self._environment, fn, args, kwargs))
                return result
            finally:
                with self._lock:
                    del self._running[process]
                    _kill(process, adopted)
                process.join(FAREWELL)
                process.close()
                shutil.rmtree(folder, ignore_errors=True)

    def _start(self, connection: Connection, folder: Path) -> Process:
        if self._stem is not None:
            return self._stem.fork(connection.fileno(), folder)
        process = mp.get_context("spawn").Process(target=work, args=(connection, folder), daemon=True)
        process.start()
        return process

    def _result(
        self, process: Process, connection: Connection, adopted: list[int], folder: Path, call: tuple[Any, ...]
    ) -> Any:
        began = time.monotonic()
        deadline = began + self.time_limit + GRACE
        try:
            connection.send(call)
            while wait([connection], max(0.0, deadline - time.monotonic())):
                kind, content = connection.recv()
                if kind == "began":
                    began = time.monotonic()
                    deadline = began + self.time_limit + GRACE
                    continue
                if kind == "adopted":
                    with self._lock:
                        adopted.append(content)
                    continue
                with self._lock:
                    adopted.clear()  # ended in good order, so what it adopted has ended, and the ids may serve others
                if kind == "raised":
                    raise JobFailed(content, time.monotonic() - began)
                return content
        except (EOFError, ConnectionError):
            seconds = time.monotonic() - began
            raise JobFailed(self._epitaph(process, folder), seconds, crashed=not self._stopped) from None
        raise JobFailed(f"Stopped: it took longer than the time limit of {self.time_limit:g} s.", self.time_limit)

    def _epitaph(self, process: Process, folder: Path) -> str:
        """Why a process ended without a result, in one sentence."""
        process.join(FAREWELL)
        if self._stopped:
            return "Stopped before it was finished."
        code = process.exitcode
        if code is None:  # that of which it was to be forked has died
            words = self._stem.last_words() if self._stem is not None else ""
            return "Its process was lost" + (f": {words}" if words else ".")
        if code == -getattr(signal, "SIGKILL", 9):
            return "Its process was killed; most often the system does this when memory runs out: try fewer --jobs."
        log = folder / "err.txt"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return f"Its process ended unexpectedly with status {code}" + (f": {lines[-1].strip()}" if lines else ".")


def _kill(process: Process, adopted: Sequence[int]) -> None:
    for pid in adopted:
        if hasattr(os, "killpg"):
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
    process.kill()

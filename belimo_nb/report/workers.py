"""One child process a job, behind the face of `concurrent.futures`.

A pool's workers live on: when one is killed the pool is broken and every report with it, and what one report leaves
behind reaches the next. Here each job has a process of its own, forked from a server that has imported what jobs need
(started afresh where forking is not safe). A job that crashes or hangs costs itself and nothing else.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from belimo_nb.errors import BelimoError

__all__ = ["ChildProcesses", "JobFailed", "adopt", "cores"]

T = TypeVar("T")
GRACE = 15.0
"""Seconds beyond its time limit after which a job that did not end by itself is killed."""

_starting = threading.Lock()  # the environment is the whole process's
_parent: Connection | None = None  # set in a child: where to tell of processes that should die with it


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def adopt(pid: int) -> None:
    """Called in a job: let process group `pid` end when the job's process is killed or dies."""
    if _parent is not None:
        _parent.send(("adopted", pid))


class JobFailed(BelimoError):
    """A job's process died, took too long, raised, or was stopped.

    Attributes:
        seconds: How long it had run.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class ChildProcesses(Executor):
    """Runs each submitted call in a fresh process of its own.

    A call's future raises `JobFailed` if the process dies, exceeds the time limit, raises, or is stopped. Leaving a
    ``with`` block by an exception stops what runs. Arguments and results are pickled. In the child, the working folder
    and the temporary folder are private and vanish with it; what it prints goes to a log that is only read if the
    process dies.
    """

    def __init__(
        self,
        max_workers: int,
        *,
        time_limit: float,
        environment: Mapping[str, str] | None = None,
        preload: Sequence[str] = (),
    ) -> None:
        """Get ready; nothing runs yet.

        Args:
            max_workers: How many processes may run at once.
            time_limit: Seconds a job may take. The job should keep to it by itself; `GRACE` later it is killed.
            environment: The children's environment; by default this process's.
            preload: Modules that every job needs.
        """
        self._context: Any = mp.get_context("forkserver" if sys.platform == "linux" else "spawn")
        self.max_workers = max_workers
        self.time_limit = time_limit
        self._environment = dict(os.environ if environment is None else environment)
        self._folder = Path(tempfile.mkdtemp(prefix="belimo-nb-"))
        self._threads = ThreadPoolExecutor(max_workers, thread_name_prefix="belimo-nb-job")
        self._lock = threading.Lock()
        self._running: dict[BaseProcess, list[int]] = {}  # to the process groups that each has adopted
        self._stopped = False
        self._count = 0
        if sys.platform == "linux" and preload:
            from multiprocessing import forkserver

            self._context.set_forkserver_preload(list(preload))
            with _safe_path():
                forkserver.ensure_running()  # imports while the caller still plans

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run ``fn(*args, **kwargs)`` in a process of its own as soon as one is free."""
        return self._threads.submit(self._supervise, fn, args, kwargs)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.stop()

    def stop(self) -> None:
        """Kill what runs and drop what waits; returns when no process is left."""
        with self._lock:
            self._stopped = True
            for process, adopted in self._running.items():
                _kill(process, adopted)
        self.shutdown(cancel_futures=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; with `wait`, return when all are done, and remove the temporary folder."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        if wait:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _supervise(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        receiver, sender = self._context.Pipe(duplex=False)
        adopted: list[int] = []
        with receiver:
            with self._lock, sender:
                if self._stopped:
                    raise JobFailed("Stopped before it began.", 0.0)
                self._count += 1
                folder = self._folder / str(self._count)
                folder.mkdir()
                process = self._context.Process(
                    target=_child, args=(sender, folder, self._environment, fn, args, kwargs), daemon=True
                )
                with _safe_path():
                    process.start()
                self._running[process] = adopted
            try:
                result: T = self._result(process, receiver, adopted, folder)
                return result
            finally:
                with self._lock:
                    del self._running[process]
                    _kill(process, adopted)
                process.join()
                process.close()
                shutil.rmtree(folder, ignore_errors=True)

    def _result(self, process: BaseProcess, receiver: Connection, adopted: list[int], folder: Path) -> Any:
        began = time.monotonic()
        deadline = began + self.time_limit + GRACE
        while wait([receiver], max(0.0, deadline - time.monotonic())):
            try:
                kind, content = receiver.recv()
            except EOFError:
                seconds = time.monotonic() - began
                raise JobFailed(self._epitaph(process, folder), seconds) from None
            if kind == "adopted":
                with self._lock:
                    adopted.append(content)
                continue
            with self._lock:
                adopted.clear()  # ended in good order, so what it adopted has ended, and the ids may serve others
            if kind == "raised":
                raise JobFailed(content, time.monotonic() - began)
            return content
        raise JobFailed(f"Stopped: it took longer than the time limit of {self.time_limit:g} s.", self.time_limit)

    def _epitaph(self, process: BaseProcess, folder: Path) -> str:
        """Why a process ended without a result, in one sentence."""
        process.join(GRACE)
        if self._stopped:
            return "Stopped before it was finished."
        code = process.exitcode
        if code == -getattr(signal, "SIGKILL", 9):
            return "Its process was killed; most often the system does this when memory runs out: try fewer --jobs."
        log = folder / "log.txt"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return f"Its process ended unexpectedly with status {code}" + (f": {lines[-1].strip()}" if lines else ".")


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Let Python processes that are started take no module from the working folder: it may be anyone's.

    `multiprocessing` starts them with ``-c``, which would look there first.
    """
    with _starting:
        before = os.environ.get("PYTHONSAFEPATH")
        os.environ["PYTHONSAFEPATH"] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ["PYTHONSAFEPATH"]
            else:
                os.environ["PYTHONSAFEPATH"] = before


def _child(
    sender: Connection,
    folder: Path,
    environment: Mapping[str, str],
    fn: Callable[..., object],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """A job's process: set the scene, call, report."""
    global _parent
    if hasattr(os, "setsid"):
        os.setsid()  # a Ctrl-C in the terminal goes to the caller alone, which then stops us
    threading.Thread(target=_die_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    _parent = sender
    try:
        message = ("done", fn(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must be told
        message = ("raised", str(error) if isinstance(error, BelimoError) else f"{type(error).__name__}: {error}")
    sender.send(message)


def _die_with_parent() -> None:
    parent = mp.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _kill(process: BaseProcess, adopted: Sequence[int]) -> None:
    for pid in adopted:
        if hasattr(os, "killpg"):
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
    process.kill()

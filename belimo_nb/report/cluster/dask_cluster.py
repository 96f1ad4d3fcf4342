"""Make reports on the workers of a Dask cluster, with the interface of the pool of child processes.

Why so, and what holds: docs/decisions/0012-reports-on-a-cluster.md.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, TypeVar

from belimo_nb._version import __version__
from belimo_nb.errors import BelimoError
from belimo_nb.report.cluster.dask_scheduler import Scheduler
from belimo_nb.report.cluster.dask_task import RemoteCall, close_pool, run_on_worker
from belimo_nb.report.jobs import STOPPED
from belimo_nb.report.workers.processes import JobFailed, Workers

if TYPE_CHECKING:
    from belimo_nb.report.output.folder import OutputFolder
    from belimo_nb.settings import Settings

T = TypeVar("T")
NO_WORKER_TIMEOUT = 300.0  # seconds without a usable worker after which all reports that are left fail

POLL_INTERVAL = 2.0  # seconds between two looks at which workers there are


class ClusterWarning(UserWarning):
    """A worker cannot make reports; the others make them."""


class Cluster(Workers):
    """Executor on the workers of a Dask scheduler; `max_workers` is the sum of their threads at the beginning."""

    def __init__(self, address: str, *, time_limit: float, engine: str) -> None:
        """Connect as `Scheduler` does, with its errors."""
        self.time_limit, self.engine = time_limit, engine
        self._run = secrets.token_hex(8)
        self._lock = threading.Lock()
        # `submit` returns futures of our own: Dask's end with their task, which a worker may refuse.
        self._open: set[Future[Any]] = set()
        self._refused: dict[str, str] = {}
        self._ended = threading.Event()
        self._scheduler = Scheduler(address)
        self.max_workers = sum(self._scheduler.first.values())
        # Kept up to date by a thread of its own: `_dispatch` may run on Dask's event loop, which must not wait.
        self._present = set(self._scheduler.first)
        self._executor = self._scheduler.executor()
        self._watch = threading.Thread(target=self._watch_workers, name="belimo-nb-cluster", daemon=True)
        self._watch.start()

    def __repr__(self) -> str:
        return f"<Cluster {self._scheduler.address}>"

    def check(self, settings: Settings, folder: OutputFolder) -> None:
        """Check that every worker sees the store and the output folder; as `Scheduler.check`."""
        self._scheduler.check(settings, folder)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call ``fn(*args, **kwargs)`` in a process of its own, on a worker with a free thread."""
        outer: Future[T] = Future()
        with self._lock:
            if self._ended.is_set():
                raise JobFailed(STOPPED, 0.0)
            self._open.add(outer)
        probes = tuple(self._scheduler.probes)
        call = RemoteCall(self._run, __version__, fn, args, kwargs, self.time_limit, self.engine, probes)
        self._dispatch(call, outer)
        return outer

    def stop(self) -> None:
        """Cancel what waits and kill what runs; returns when the workers have done so."""
        self._end(kill=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; with `wait`, return when all are done."""
        if wait and not cancel_futures:
            with self._lock:
                left = list(self._open)
            for future in left:
                with contextlib.suppress(BelimoError, CancelledError):
                    future.result()
        self._end(kill=cancel_futures)

    def _end(self, *, kill: bool) -> None:
        with self._lock:
            if self._ended.is_set():
                return
            self._ended.set()
        self._executor.shutdown(wait=False)  # which cancels what is not done
        self._fail_all(JobFailed(STOPPED, 0.0))
        self._scheduler.close(close_pool, self._run, kill=kill)

    def _dispatch(self, call: RemoteCall, outer: Future[Any]) -> None:
        # Workers that have refused are avoided; unless the others have died meanwhile.
        others = sorted(self._present - set(self._refused)) if self._refused else []
        where = {"workers": others, "allow_other_workers": True} if others else {}
        inner = self._executor.submit(run_on_worker, call, **where)
        inner.add_done_callback(lambda done: self._handle_result(done, outer, call))

    def _handle_result(self, inner: Future[tuple[Any, ...]], outer: Future[Any], call: RemoteCall) -> None:
        """Pass the result of a remote call on to the future that `submit` has returned, or dispatch it again."""
        if self._ended.is_set():
            return self._finish(outer, JobFailed(STOPPED, 0.0))
        try:
            kind, *content = inner.result()
        except CancelledError:
            lost = f"The scheduler at {self._scheduler.address} was lost; see its log, and run the same again with"
            return self._finish(outer, JobFailed(f"{lost} --resume.", 0.0))
        except Exception as error:  # noqa: BLE001 - a worker that died with it, or one that could not even read it
            return self._finish(outer, JobFailed(_loss_reason(error), 0.0, crashed=True))
        if kind == "refused":
            worker, reason = content
            if worker not in self._refused:
                self._refused[worker] = reason
                warnings.warn(f"The worker {worker} makes no reports: {reason}", ClusterWarning, stacklevel=2)
            # Dispatched again until another worker takes it; if there is none, `_watch_workers` gives up.
            return self._dispatch(call, outer)
        if kind == "failed":
            message, seconds, crashed = content
            return self._finish(outer, JobFailed(message, seconds, crashed=crashed))
        return self._finish(outer, content[0])

    def _finish(self, outer: Future[Any], outcome: Any) -> None:
        with self._lock:
            if outer not in self._open:
                return
            self._open.discard(outer)
        if isinstance(outcome, JobFailed):
            outer.set_exception(outcome)
        else:
            outer.set_result(outcome)

    def _fail_all(self, error: JobFailed) -> None:
        with self._lock:
            left = list(self._open)
        for future in left:
            self._finish(future, error)

    def _watch_workers(self) -> None:
        """Fail all open calls when there has been no usable worker for too long; runs in a thread."""
        seen = time.monotonic()
        while not self._ended.wait(POLL_INTERVAL):
            with contextlib.suppress(Exception):
                self._present = set(self._scheduler.threads())
                if self._present - set(self._refused):
                    seen = time.monotonic()
            if time.monotonic() - seen > NO_WORKER_TIMEOUT:
                where = f"at {self._scheduler.address} for {NO_WORKER_TIMEOUT:g} s."
                self._fail_all(JobFailed(f"There has been no worker of use {where}", 0.0))


def _loss_reason(error: Exception) -> str:
    """Why a task was lost, in one sentence without its arguments: credentials are among them."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return "The workers that made it died, one after another; most often memory runs out there."
    return f"The worker could not take it: {type(error).__name__}."

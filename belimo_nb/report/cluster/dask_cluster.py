"""Reports made on a Dask cluster, behind the same face as child processes of our own.

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
from belimo_nb.report.cluster.dask_task import Parcel, carry_out, close
from belimo_nb.report.workers.processes import JobFailed, Stopping

if TYPE_CHECKING:
    from belimo_nb.report.output.folder import OutputFolder
    from belimo_nb.settings import Settings

__all__ = ["Cluster"]

T = TypeVar("T")
LONELY = 300.0
"""Seconds without any worker after which those that have gone are not waited for any longer."""

LOOK = 2.0
"""Seconds between two looks at who is there."""

STOPPED = "Stopped before it was finished."


class ClusterWarning(UserWarning):
    """Something about a worker that costs its help, but no report."""


class Cluster(Stopping):
    """Makes reports on the workers of a Dask scheduler; as `ChildProcesses` does on this machine.

    Attributes:
        max_workers: How many reports are made at once: the threads of all workers that are there at the beginning.
        time_limit: Seconds a job may take.
        engine: How the jobs run notebooks, see `engines`.
    """

    def __init__(self, address: str, *, time_limit: float, engine: str) -> None:
        """Connect, and see that every worker is of this version.

        Args:
            address: The scheduler's, such as ``tcp://10.0.0.5:8786``.
            time_limit: Seconds a job may take.
            engine: As `engines.chosen` gives it.

        Raises:
            UsageError: The package is missing, the address is none, or a worker is of another version.
            ConnectionFailed: The scheduler or its workers cannot be reached.
        """
        self.time_limit, self.engine = time_limit, engine
        self._run = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._open: set[Future[Any]] = set()
        self._refused: dict[str, str] = {}
        self._ended = threading.Event()
        self._scheduler = Scheduler(address)
        self.max_workers = sum(self._scheduler.first.values())
        self._there = set(self._scheduler.first)  # not asked for where it is needed: that thread may not wait
        self._executor = self._scheduler.executor()
        self._watch = threading.Thread(target=self._look_after, name="belimo-nb-cluster", daemon=True)
        self._watch.start()

    def __repr__(self) -> str:
        return f"<Cluster {self._scheduler.address}>"

    def check(self, settings: Settings, folder: OutputFolder) -> None:
        """See that every worker sees the store and the output folder; as `Scheduler.check`."""
        self._scheduler.check(settings, folder)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have ``fn(*args, **kwargs)`` called in a process of its own, on a worker that has a thread free."""
        outer: Future[T] = Future()
        with self._lock:
            if self._ended.is_set():
                raise JobFailed(STOPPED, 0.0)
            self._open.add(outer)
        parcel = Parcel(
            run=self._run,
            version=__version__,
            fn=fn,
            args=args,
            kwargs=kwargs,
            time_limit=self.time_limit,
            engine=self.engine,
            probes=tuple(self._scheduler.probes),
        )
        self._send(parcel, outer)
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
        self._scheduler.close(close, self._run, kill=kill)

    def _send(self, parcel: Parcel, outer: Future[Any]) -> None:
        # Where some refuse, the others are asked; if these have died meanwhile, whoever is there.
        others = sorted(self._there - set(self._refused)) if self._refused else []
        where = {"workers": others, "allow_other_workers": True} if others else {}
        inner = self._executor.submit(carry_out, parcel, **where)
        inner.add_done_callback(lambda done: self._settle(done, outer, parcel))

    def _settle(self, inner: Future[tuple[Any, ...]], outer: Future[Any], parcel: Parcel) -> None:
        """What has come of a call, told as child processes would."""
        if self._ended.is_set():
            return self._finish(outer, JobFailed(STOPPED, 0.0))
        try:
            kind, *content = inner.result()
        except CancelledError:
            return self._finish(outer, JobFailed(self._lost(), 0.0))
        except Exception as error:  # noqa: BLE001 - a worker that died with it, or one that could not even read it
            return self._finish(outer, JobFailed(_told(error), 0.0, crashed=True))
        if kind == "refused":
            worker, reason = content
            if worker not in self._refused:
                self._refused[worker] = reason
                warnings.warn(f"The worker {worker} makes no reports: {reason}", ClusterWarning, stacklevel=2)
            # Offered again until one of the others takes it; without others, `_look_after` gives up.
            return self._send(parcel, outer)
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

    def _look_after(self) -> None:
        """Give up when there is nobody left who could make anything."""
        seen = time.monotonic()
        while not self._ended.wait(LOOK):
            with contextlib.suppress(Exception):
                self._there = set(self._scheduler.threads())
                if self._there - set(self._refused):
                    seen = time.monotonic()
            if time.monotonic() - seen > LONELY:
                self._fail_all(
                    JobFailed(f"There has been no worker of use at {self._scheduler.address} for {LONELY:g} s.", 0.0)
                )

    def _lost(self) -> str:
        return (
            f"The scheduler at {self._scheduler.address} was lost; see its log, and run the same again with --resume."
        )


def _told(error: Exception) -> str:
    """Why a task was lost, in a sentence; never with what it was given."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return "The workers that made it died, one after another; most often memory runs out there."
    return f"The worker could not take it: {type(error).__name__}."

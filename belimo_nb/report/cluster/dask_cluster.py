"""Make reports on the workers of a Dask cluster, with the interface of the pool of child processes.

Why so, and what holds: docs/decisions/0012-reports-on-a-cluster.md.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import secrets
import socket
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from belimo_nb._version import __version__
from belimo_nb.errors import BelimoError, ConnectionFailed, UsageError
from belimo_nb.report.cluster.dask_task import RemoteCall, close_pool, run_on_worker
from belimo_nb.report.jobs import STOPPED
from belimo_nb.report.workers.processes import JobFailed, Workers
from belimo_nb.settings.addresses import is_loopback

if TYPE_CHECKING:
    from belimo_nb.report.output.folder import OutputFolder
    from belimo_nb.settings import Settings

T = TypeVar("T")
NO_WORKER_TIMEOUT = 300.0  # seconds without a usable worker after which all reports that are left fail

POLL_INTERVAL = 2.0  # seconds between two looks at which workers there are

NAME = "belimo-nb"
CONNECT_TIMEOUT = 10.0  # seconds that the scheduler has to answer

WORKER_TIMEOUT = 30.0
"""Seconds that the first worker has to join: a service manager may start scheduler and workers at once."""

CLOSE_TIMEOUT = 30.0  # seconds that closing the connection may take


class ClusterWarning(UserWarning):
    """A worker cannot make reports; the others make them."""


class Cluster(Workers):
    """Executor on the workers of a Dask scheduler; `max_workers` is the sum of their threads at the beginning."""

    def __init__(self, address: str, *, time_limit: float, engine: str) -> None:
        """Connect, and check that every worker has this version of belimo_nb.

        Args:
            address: The scheduler's, such as ``tcp://10.0.0.5:8786``.
            time_limit: Seconds a job may take.
            engine: How the jobs run notebooks.

        Raises:
            UsageError: The package distributed is missing, the address is invalid, or a worker has another version.
            ConnectionFailed: The scheduler or its workers cannot be reached.
        """
        self.time_limit, self.engine, self._address = time_limit, engine, address
        self._run = secrets.token_hex(8)
        self._lock = threading.Lock()
        # `submit` returns futures of our own: Dask's end with their task, which a worker may refuse.
        self._open: set[Future[Any]] = set()
        self._refused: dict[str, str] = {}
        self._ended = threading.Event()
        # Files that a worker sees if it shares this host's folders; removed at the end.
        self._probes: list[Path] = []
        self._client = _client(address)
        try:
            try:
                self._client.wait_for_workers(1, timeout=WORKER_TIMEOUT)
            except TimeoutError:
                raise ConnectionFailed(
                    f"The scheduler at {address} has no worker; start some: dask worker {address}"
                ) from None
            threads: dict[str, int] = self._client.nthreads()
            self._check_versions()
        except BaseException:
            self._client.close(CONNECT_TIMEOUT)
            raise
        self.max_workers = sum(threads.values())
        # Kept up to date by a thread of its own: `_dispatch` may run on Dask's event loop, which must not wait.
        self._present = set(threads)
        self._executor = self._client.get_executor(pure=False)
        self._watch = threading.Thread(target=self._watch_workers, name="belimo-nb-cluster", daemon=True)
        self._watch.start()

    def __repr__(self) -> str:
        return f"<Cluster {self._address}>"

    def check(self, settings: Settings, folder: OutputFolder) -> None:
        """Check that every worker sees the store, the output folder, and a cloud that runs on this machine.

        Raises:
            UsageError: One does not; the message says which, and what.
        """
        # A cloud on the loopback (the demo cloud) is reached from its own host alone.
        hosts = self._ask(socket.gethostname)
        local = is_loopback(settings.api_url) and not settings.offline
        for worker, host in hosts.items() if local else ():
            if host != socket.gethostname():
                raise UsageError(
                    f"The cloud at {settings.api_url} answers on this host only, but the worker {worker} runs on "
                    f"{host}; start the workers of the demo cloud on this host."
                )
        for place, what, option in (
            (settings.data_dir, "store", "BELIMO_DATA_DIR"),
            (folder.private, "output folder", "--out"),
        ):
            # A new file with a random name: a folder of the same path on the worker's own disk cannot have it.
            probe = place / f".{secrets.token_hex(8)}.probe"
            try:
                place.mkdir(parents=True, exist_ok=True)
                probe.touch()
            except OSError as error:
                raise UsageError(
                    f"The {what} {str(place)!r} cannot be written to ({error.strerror}); set {option} to a folder that "
                    "this host and all workers share."
                ) from None
            self._probes.append(probe)
            self._check_seen(probe, what, option)
        weather = Path(settings.weather) if settings.weather and Path(settings.weather).is_absolute() else None
        if weather is not None and weather.is_file():
            self._check_seen(weather, "weather file", "BELIMO_WEATHER", write=False)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call ``fn(*args, **kwargs)`` in a process of its own, on a worker with a free thread."""
        outer: Future[T] = Future()
        with self._lock:
            if self._ended.is_set():
                raise JobFailed(STOPPED, 0.0)
            self._open.add(outer)
        probes = tuple(self._probes)
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
        with contextlib.suppress(Exception):  # the scheduler may be what has gone
            self._client.run(close_pool, self._run, kill=kill, on_error="ignore", wait=True)
        for probe in self._probes:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
        self._client.close(CLOSE_TIMEOUT)

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
            lost = f"The scheduler at {self._address} was lost; see its log, and run the same again with"
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
                self._present = set(self._client.nthreads())
                if self._present - set(self._refused):
                    seen = time.monotonic()
            if time.monotonic() - seen > NO_WORKER_TIMEOUT:
                where = f"at {self._address} for {NO_WORKER_TIMEOUT:g} s."
                self._fail_all(JobFailed(f"There has been no worker of use {where}", 0.0))

    def _check_versions(self) -> None:
        # A function of the standard library: one of ours may not exist in another version.
        found = self._ask(importlib.metadata.version, NAME)
        for worker, version in found.items():
            if isinstance(version, BaseException):
                raise UsageError(
                    f"The worker {worker} has no belimo-nb; install version {__version__} there and start it again."
                )
            if version != __version__:
                raise UsageError(
                    f"The worker {worker} has belimo-nb {version}, this is {__version__}; install the same version "
                    "there and start it again."
                )

    def _check_seen(self, path: Path, what: str, option: str, *, write: bool = True) -> None:
        for worker, seen in self._ask(os.path.isfile, str(path)).items():
            if seen is not True:
                place = path.parent if write else path
                raise UsageError(
                    f"The worker {worker} does not see the {what} {str(place)!r} of this host; set {option} to a place "
                    "that all share under the same path."
                )
        for worker, writable in self._ask(os.access, str(path.parent), os.W_OK).items() if write else ():
            if writable is not True:
                raise UsageError(
                    f"The worker {worker} may not write to the {what} {str(path.parent)!r}; give its account the right."
                )

    def _ask(self, fn: Callable[..., Any], *args: Any) -> Mapping[str, Any]:
        """The result of a function on each worker, or the exception that it raised, by the worker's address."""
        try:
            answers: dict[str, Any] = self._client.run(fn, *args, on_error="return")
        except (OSError, TimeoutError) as error:
            raise ConnectionFailed(f"The scheduler at {self._address} does not answer any more ({error}).") from None
        return dict(sorted(answers.items()))


def _loss_reason(error: Exception) -> str:
    """Why a task was lost, in one sentence without its arguments: credentials are among them."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return "The workers that made it died, one after another; most often memory runs out there."
    return f"The worker could not take it: {type(error).__name__}."


def _client(address: str) -> Any:
    """A client of a scheduler, without Dask's own log messages on the terminal: errors are ours to report."""
    try:
        import distributed
    except ImportError:
        raise UsageError(
            "--scheduler needs the package distributed; install it with: pip install distributed fsspec"
        ) from None
    for name in ["distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed."))]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return distributed.Client(  # type: ignore[no-untyped-call]
            address, timeout=CONNECT_TIMEOUT, set_as_default=False, name=NAME
        )
    except (ValueError, TypeError):
        raise UsageError(f"{address!r} is no scheduler's address; write it like tcp://10.0.0.5:8786.") from None
    except (OSError, TimeoutError):
        raise ConnectionFailed(
            f"The scheduler at {address} cannot be reached; start one (dask scheduler), or check the address."
        ) from None

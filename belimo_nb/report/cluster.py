"""Reports made on a Dask cluster, behind the same face as child processes of our own.

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
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Executor, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from belimo_nb._version import __version__
from belimo_nb.addresses import is_loopback
from belimo_nb.errors import BelimoError, ConnectionFailed, UsageError
from belimo_nb.report.parcel import Parcel, carry_out, close
from belimo_nb.report.workers import JobFailed

if TYPE_CHECKING:
    from belimo_nb.report.folder import OutputFolder
    from belimo_nb.settings import Settings

__all__ = ["Cluster"]

T = TypeVar("T")
NAME = "belimo-nb"
CONNECT = 10.0
"""Seconds in which a scheduler answers."""

JOIN = 30.0
"""Seconds in which its first worker is there: a service manager may start both at once."""

LONELY = 300.0
"""Seconds without any worker after which those that have gone are not waited for any longer."""

LOOK = 2.0
"""Seconds between two looks at who is there."""

FAREWELL = 30.0
"""Seconds in which workers have stopped what they do."""

STOPPED = "Stopped before it was finished."


class ClusterWarning(UserWarning):
    """Something about a worker that costs its help, but no report."""


class Cluster(Executor):
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
        self._address = address
        self._run = secrets.token_hex(8)
        self._probes: list[Path] = []
        self._lock = threading.Lock()
        self._open: set[Future[Any]] = set()
        self._there: set[str] = set()  # not asked for where it is needed: that thread may not wait
        self._refused: dict[str, str] = {}
        self._ended = threading.Event()
        self._client = _client(address)
        try:
            self.max_workers = self._size()
            self._check_versions()
        except BaseException:
            self._client.close(CONNECT)
            raise
        self._executor = self._client.get_executor(pure=False)
        self._watch = threading.Thread(target=self._look_after, name="belimo-nb-cluster", daemon=True)
        self._watch.start()

    def __repr__(self) -> str:
        return f"<Cluster {self._address}>"

    def check(self, settings: Settings, folder: OutputFolder) -> None:
        """See that every worker sees the store and the output folder, and the cloud where it is on this machine.

        Raises:
            UsageError: One does not; the sentence says which, and what.
        """
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
            probes=tuple(self._probes),
        )
        self._send(parcel, outer)
        return outer

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.stop()

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
            self._client.run(close, self._run, kill=kill, on_error="ignore", wait=True)
        for probe in self._probes:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
        self._client.close(FAREWELL)

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
                self._there = set(self._client.nthreads())
                if self._there - set(self._refused):
                    seen = time.monotonic()
            if time.monotonic() - seen > LONELY:
                self._fail_all(JobFailed(f"There has been no worker of use at {self._address} for {LONELY:g} s.", 0.0))

    def _lost(self) -> str:
        return f"The scheduler at {self._address} was lost; see its log, and run the same again with --resume."

    def _size(self) -> int:
        """How many threads all workers have."""
        try:
            self._client.wait_for_workers(1, timeout=JOIN)
        except TimeoutError:
            raise ConnectionFailed(
                f"The scheduler at {self._address} has no worker; start some: dask worker {self._address}"
            ) from None
        threads = self._client.nthreads()
        self._there = set(threads)
        return sum(threads.values())

    def _check_versions(self) -> None:
        # Asked by a function of Python's own: what a worker of another version has of ours is not known.
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
        """A function's answer from each worker, or the exception that it raised."""
        try:
            answers: dict[str, Any] = self._client.run(fn, *args, on_error="return")
        except (OSError, TimeoutError) as error:
            raise ConnectionFailed(f"The scheduler at {self._address} does not answer any more ({error}).") from None
        return dict(sorted(answers.items()))


def _client(address: str) -> Any:
    """A client of a scheduler, which keeps to itself what it has to say."""
    try:
        import distributed
    except ImportError:
        raise UsageError(
            "--scheduler needs the package distributed; install it with: pip install 'belimo-nb[cluster]'"
        ) from None
    for name in _loggers():
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return distributed.Client(  # type: ignore[no-untyped-call]
            address, timeout=CONNECT, set_as_default=False, name=NAME
        )
    except (ValueError, TypeError):
        raise UsageError(f"{address!r} is no scheduler's address; write it like tcp://10.0.0.5:8786.") from None
    except (OSError, TimeoutError):
        raise ConnectionFailed(
            f"The scheduler at {address} cannot be reached; start one (dask scheduler), or check the address."
        ) from None


def _loggers() -> Iterable[str]:
    return ["distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed."))]


def _told(error: Exception) -> str:
    """Why a task was lost, in a sentence; never with what it was given."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return "The workers that made it died, one after another; most often memory runs out there."
    return f"The worker could not take it: {type(error).__name__}."

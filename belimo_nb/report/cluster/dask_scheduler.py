"""The connection to a Dask scheduler, and checks that its workers can make reports."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belimo_nb._version import __version__
from belimo_nb.errors import ConnectionFailed, UsageError
from belimo_nb.settings.addresses import is_loopback

if TYPE_CHECKING:
    from belimo_nb.report.output.folder import OutputFolder
    from belimo_nb.settings import Settings

NAME = "belimo-nb"
CONNECT_TIMEOUT = 10.0  # seconds that the scheduler has to answer

WORKER_TIMEOUT = 30.0
"""Seconds that the first worker has to join: a service manager may start scheduler and workers at once."""

CLOSE_TIMEOUT = 30.0  # seconds that closing the connection may take


class Scheduler:
    """The connection to a Dask scheduler.

    Attributes:
        address: Its address.
        first: How many threads each worker had at the beginning.
        probes: Files that a worker sees if it shares this host's folders; removed when the connection is closed.
    """

    def __init__(self, address: str) -> None:
        """Connect, and check that every worker has this version of belimo_nb.

        Args:
            address: The scheduler's, such as ``tcp://10.0.0.5:8786``.

        Raises:
            UsageError: The package distributed is missing, the address is invalid, or a worker has another version.
            ConnectionFailed: The scheduler or its workers cannot be reached.
        """
        self.address = address
        self.probes: list[Path] = []
        self._client = _client(address)
        try:
            try:
                self._client.wait_for_workers(1, timeout=WORKER_TIMEOUT)
            except TimeoutError:
                raise ConnectionFailed(
                    f"The scheduler at {address} has no worker; start some: dask worker {address}"
                ) from None
            self.first = self.threads()
            self._check_versions()
        except BaseException:
            self._client.close(CONNECT_TIMEOUT)
            raise

    def threads(self) -> dict[str, int]:
        """The number of threads of each present worker, by the worker's address."""
        found: dict[str, int] = self._client.nthreads()
        return found

    def executor(self) -> Any:
        """A `concurrent.futures` executor on its workers."""
        return self._client.get_executor(pure=False)

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
            self.probes.append(probe)
            self._check_seen(probe, what, option)
        weather = Path(settings.weather) if settings.weather and Path(settings.weather).is_absolute() else None
        if weather is not None and weather.is_file():
            self._check_seen(weather, "weather file", "BELIMO_WEATHER", write=False)

    def close(self, on_worker: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """Call `on_worker` on every worker, remove the probes, and close the connection."""
        with contextlib.suppress(Exception):  # the scheduler may be what has gone
            self._client.run(on_worker, *args, **kwargs, on_error="ignore", wait=True)
        for probe in self.probes:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
        self._client.close(CLOSE_TIMEOUT)

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
            raise ConnectionFailed(f"The scheduler at {self.address} does not answer any more ({error}).") from None
        return dict(sorted(answers.items()))


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

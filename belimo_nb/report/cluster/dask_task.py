"""The call that is sent to a Dask worker, and the code that runs there.

The worker makes the report in a child process, as on one machine: a Dask worker is a single process that lives on, and
a notebook that crashed or hung in it would cost all that it does.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from belimo_nb._version import __version__
from belimo_nb.report import notebooks
from belimo_nb.report.engine.engines import worker_pool
from belimo_nb.report.render import Task
from belimo_nb.report.workers.processes import ChildProcesses, JobFailed

REFUSAL_DELAY = 1.0
"""Seconds before a worker refuses a call: one that refused at once would be free first and be given all of them."""

IDLE_TIMEOUT = 600.0
"""Seconds without a call after which a run's processes are ended: the command that should end them was killed."""


@dataclass(frozen=True)
class RemoteCall:
    """A function call for a worker.

    Dask logs and shows the text of tasks, so arguments, which hold credentials, are left out of it.

    Attributes:
        run: Which run it belongs to.
        version: The version of belimo_nb that sends it.
        fn: What to call in a process of its own.
        args: Positional arguments; in a `Task` the path of the notebook is replaced by the worker's.
        kwargs: Keyword arguments.
        time_limit: Seconds it may take.
        engine: How to run notebooks.
        probes: Files that the worker must see, see `dask_cluster.Cluster`.
    """

    run: str
    version: str
    fn: Callable[..., Any]
    args: tuple[Any, ...] = field(repr=False)
    kwargs: Mapping[str, Any] = field(repr=False)
    time_limit: float
    engine: str
    probes: Sequence[Path]


class _RunPool:
    """The child processes of one run on this worker, with the number of calls that use them."""

    def __init__(self, call: RemoteCall, width: int) -> None:
        # The worker's own settings must not mix with those of the run, which come with each task.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BELIMO_")}
        self.pool: ChildProcesses = worker_pool(
            width, time_limit=call.time_limit, engine=call.engine, environment=environment
        )
        self.users = 0
        self.last = time.monotonic()


_pools: dict[str, _RunPool] = {}
_lock = threading.Lock()


def run_on_worker(call: RemoteCall) -> tuple[Any, ...]:
    """On a worker: make a call in a child process.

    Returns:
        ("done", result), ("failed", sentence, seconds, whether it crashed) or ("refused", worker, sentence).
    """
    from distributed import get_worker

    worker = get_worker()
    if reason := _refusal(call):
        time.sleep(REFUSAL_DELAY)
        return "refused", worker.address, reason
    run_pool = _acquire_pool(call, worker.state.nthreads)
    try:
        # Errors are returned, not raised: Dask shows the arguments of a task that has failed.
        return "done", run_pool.pool.submit(call.fn, *map(_with_local_notebook, call.args), **call.kwargs).result()
    except JobFailed as error:
        return "failed", str(error), error.seconds, error.crashed
    except RuntimeError:  # `close_pool` was called a moment ago
        return "failed", "Stopped before it began.", 0.0, False
    finally:
        with _lock:
            run_pool.users -= 1
            run_pool.last = time.monotonic()


def close_pool(run: str, *, kill: bool) -> None:
    """On a worker: end the child processes of a run, with `kill` without waiting for running reports."""
    with _lock:
        run_pool = _pools.pop(run, None)
    if run_pool is not None:
        run_pool.pool.stop() if kill else run_pool.pool.shutdown()


def _refusal(call: RemoteCall) -> str | None:
    """Why this worker cannot make a call, in a sentence; None if it can.

    Each call is checked, since a worker may have joined after the run's own checks.
    """
    if call.version != __version__:
        return f"it has belimo-nb {__version__}, not {call.version}; install that there and start it again."
    for probe in call.probes:
        if not probe.is_file():
            return f"it does not see the shared folder {str(probe.parent)!r}."
    return None


def _acquire_pool(call: RemoteCall, width: int) -> _RunPool:
    """The child processes of a call's run, started by its first call."""
    with _lock:
        run_pool = _pools.get(call.run)
        if run_pool is None:
            run_pool = _pools[call.run] = _RunPool(call, width)
            # Its own end, if nobody calls `close_pool`: a command that was killed cannot.
            threading.Thread(target=_end_when_idle, args=(call.run,), daemon=True).start()
        run_pool.users += 1
        return run_pool


def _end_when_idle(run: str) -> None:
    while True:
        time.sleep(IDLE_TIMEOUT / 10)
        with _lock:
            run_pool = _pools.get(run)
            if run_pool is None:
                return
            if run_pool.users or time.monotonic() - run_pool.last < IDLE_TIMEOUT:
                continue
        close_pool(run, kill=True)
        return


def _with_local_notebook(argument: Any) -> Any:
    """An argument as it is, but a `Task` with the notebook of this worker's package, which has the same version."""
    if isinstance(argument, Task) and not argument.notebook.is_file():
        return replace(argument, notebook=notebooks.notebook(argument.job.notebook))
    return argument

"""What travels to a worker of a cluster, and what the worker does with it.

The report is made in a child process of the worker, as on this machine: it may crash or hang without harm to others.
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
from belimo_nb.report.engine.engines import processes
from belimo_nb.report.render import Task
from belimo_nb.report.workers.processes import ChildProcesses, JobFailed

__all__ = ["Parcel", "carry_out", "close"]

PAUSE = 1.0
"""Seconds before a worker refuses: one that cannot make reports must not be the fastest to take them."""

IDLE = 600.0
"""Seconds after which processes of a run are given up that nobody has ended: its command was killed."""


@dataclass(frozen=True)
class Parcel:
    """A call for a worker. Neither its text nor its key says what the call is given: credentials are in it.

    Attributes:
        run: Which run it belongs to.
        version: The version of belimo_nb that sends it.
        fn: What to call in a process of its own.
        args: With what; a `Task` among them finds its notebook where the worker has it.
        kwargs: With what more.
        time_limit: Seconds it may take.
        engine: How to run notebooks.
        probes: Files that are seen where the folders are shared.
    """

    run: str
    version: str
    fn: Callable[..., Any]
    args: tuple[Any, ...] = field(repr=False)
    kwargs: Mapping[str, Any] = field(repr=False)
    time_limit: float
    engine: str
    probes: Sequence[Path]


class _Hand:
    """The child processes of one run on this worker, ended when they are not needed for long."""

    def __init__(self, parcel: Parcel, width: int) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BELIMO_")}
        self.pool: ChildProcesses = processes(
            width, time_limit=parcel.time_limit, engine=parcel.engine, environment=environment
        )
        self.users = 0
        self.last = time.monotonic()


_hands: dict[str, _Hand] = {}
_lock = threading.Lock()


def carry_out(parcel: Parcel) -> tuple[Any, ...]:
    """On a worker: make the call in a child process.

    Returns:
        ("done", result), ("failed", sentence, seconds, whether it crashed) or ("refused", worker, sentence).
    """
    from distributed import get_worker

    worker = get_worker()
    if reason := _refusal(parcel):
        time.sleep(PAUSE)
        return "refused", worker.address, reason
    hand = _taken(parcel, worker.state.nthreads)
    try:
        return "done", hand.pool.submit(parcel.fn, *map(_found_here, parcel.args), **parcel.kwargs).result()
    except JobFailed as error:
        return "failed", str(error), error.seconds, error.crashed
    except RuntimeError:  # the processes were ended a moment ago
        return "failed", "Stopped before it began.", 0.0, False
    finally:
        with _lock:
            hand.users -= 1
            hand.last = time.monotonic()


def close(run: str, *, kill: bool) -> None:
    """On a worker: end the child processes of a run.

    Args:
        run: Which.
        kill: With what they do.
    """
    with _lock:
        hand = _hands.pop(run, None)
    if hand is not None:
        hand.pool.stop() if kill else hand.pool.shutdown()


def _refusal(parcel: Parcel) -> str | None:
    """Why this worker cannot make it, in a sentence."""
    if parcel.version != __version__:
        return f"it has belimo-nb {__version__}, not {parcel.version}; install that there and start it again."
    for probe in parcel.probes:
        if not probe.is_file():
            return f"it does not see the shared folder {str(probe.parent)!r}."
    return None


def _taken(parcel: Parcel, width: int) -> _Hand:
    """The child processes of a call's run; the first call prepares them."""
    with _lock:
        hand = _hands.get(parcel.run)
        if hand is None:
            hand = _hands[parcel.run] = _Hand(parcel, width)
            threading.Thread(target=_end_when_idle, args=(parcel.run,), daemon=True).start()
        hand.users += 1
        return hand


def _end_when_idle(run: str) -> None:
    while True:
        time.sleep(IDLE / 10)
        with _lock:
            hand = _hands.get(run)
            if hand is None:
                return
            if hand.users or time.monotonic() - hand.last < IDLE:
                continue
        close(run, kill=True)
        return


def _found_here(argument: Any) -> Any:
    """A task whose notebook lies elsewhere on this machine gets the package's own, of the same version."""
    if isinstance(argument, Task) and not argument.notebook.is_file():
        return replace(argument, notebook=notebooks.notebook(argument.job.notebook))
    return argument

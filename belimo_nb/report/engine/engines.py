"""The two ways to run notebooks, and the worker pool for each."""

from __future__ import annotations

from collections.abc import Mapping

from belimo_nb.errors import UsageError
from belimo_nb.report.workers.processes import CAN_FORK, ChildProcesses

FORK, KERNEL = "fork", "kernel"
ENGINES = (FORK, KERNEL)
# As text: importing the modules here would import all that they preload into the caller, too.
PRELOAD = {name: f"belimo_nb.report.engine.preload:preload_for_{name}" for name in ENGINES}


def select_engine(engine: str | None = None) -> str:
    """The engine to use: the one asked for, else the fastest that this machine has.

    Raises:
        UsageError: There is no such engine, or this system lacks it.
    """
    if engine is None:
        return FORK if CAN_FORK else KERNEL
    if engine not in ENGINES:
        raise UsageError(f"There is no engine {engine!r}; the engines are {' and '.join(ENGINES)}.")
    if engine == FORK and not CAN_FORK:
        raise UsageError("The engine fork works on Linux only; use --engine kernel, or leave the option out.")
    return engine


def worker_pool(
    max_workers: int, *, time_limit: float, engine: str, environment: Mapping[str, str] | None = None
) -> ChildProcesses:
    """A pool of child processes for `render`, prepared for an engine; see `ChildProcesses`."""
    return ChildProcesses(
        max_workers, time_limit=time_limit, preload=PRELOAD[engine], engine=engine, environment=environment
    )

"""The two ways in which notebooks are run, and which of them this machine has."""

from __future__ import annotations

from collections.abc import Mapping

from belimo_nb.errors import UsageError
from belimo_nb.report.workers.processes import CAN_FORK, ChildProcesses

__all__ = ["ENGINES", "FORK", "KERNEL", "chosen", "processes"]

FORK, KERNEL = "fork", "kernel"
ENGINES = (FORK, KERNEL)
PREPARE = {FORK: "belimo_nb.report.engine.preload:warm_up", KERNEL: "belimo_nb.report.engine.preload:load"}


def chosen(engine: str | None = None) -> str:
    """The engine to use: the one asked for, or the fastest that this machine has.

    Raises:
        UsageError: There is no such engine, or not here.
    """
    if engine is None:
        return FORK if CAN_FORK else KERNEL
    if engine not in ENGINES:
        raise UsageError(f"There is no engine {engine!r}; the engines are {' and '.join(ENGINES)}.")
    if engine == FORK and not CAN_FORK:
        raise UsageError("The engine fork works on Linux only; use --engine kernel, or leave the option out.")
    return engine


def processes(
    max_workers: int, *, time_limit: float, engine: str, environment: Mapping[str, str] | None = None
) -> ChildProcesses:
    """Workers for `render`, prepared for an engine.

    Args:
        max_workers: How many reports to make at once.
        time_limit: Seconds that one may take.
        engine: As `chosen` gives it.
        environment: Theirs; by default this process's.
    """
    return ChildProcesses(
        max_workers, time_limit=time_limit, prepare=PREPARE[engine], engine=engine, environment=environment
    )

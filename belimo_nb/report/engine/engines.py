"""The two ways to run notebooks, the worker pool for each, and the environment of a notebook's cells."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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


INLINE = "module://matplotlib_inline.backend_inline"  # the Matplotlib backend of notebooks

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Reports run side by side, one for each core. And a process may be forked only while it has a single thread.
ONE_THREAD: Mapping[str, str] = dict.fromkeys(THREAD_LIMITS, "1")

NOTEBOOK_SETTINGS: Mapping[str, str] = {
    # A terminal's or desktop's choice of backend means nothing to a notebook.
    "MPLBACKEND": INLINE,
    # Progress bars would end up as text in the report.
    "TQDM_DISABLE": "1",
}


def cell_environment(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The whole environment for a notebook's cells; `environment` holds the ``BELIMO_*`` settings of the run."""
    # Other BELIMO_* variables of this process are left out: a notebook must see the settings of its run only.
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("BELIMO_", "PYTHONSTARTUP"))}
    return {**ONE_THREAD, **ours, **NOTEBOOK_SETTINGS, **environment, "IPYTHONDIR": str(folder / "ipython")}


@contextmanager
def restored_process_state() -> Iterator[None]:
    """Restore environment, folder, import path, display hook and main module, which the page's export relies on."""
    environment, folder, path = dict(os.environ), os.getcwd(), list(sys.path)  # noqa: PTH109 - as text, as it is
    hook, main = sys.displayhook, sys.modules["__main__"]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.path[:] = path
        sys.displayhook = hook
        sys.modules["__main__"] = main


def add_folder_to_path() -> None:
    """Make modules in the working folder importable, as a kernel does: after the standard library."""
    # Not in the first place: a file random.py beside a notebook must not replace the standard library's module.
    if "" not in sys.path:
        places = [place for place, path in enumerate(sys.path) if path.endswith(("site-packages", "dist-packages"))]
        sys.path.insert(min(places, default=0), "")

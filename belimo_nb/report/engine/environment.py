"""What surrounds the cells of a notebook: their environment, whichever engine runs them, and the state of a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["INLINE", "ONE_THREAD", "add_folder_to_path", "cell_environment", "kept_state"]

INLINE = "module://matplotlib_inline.backend_inline"
"""The Matplotlib backend of notebooks."""

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ONE_THREAD: Mapping[str, str] = dict.fromkeys(THREAD_LIMITS, "1")
"""Reports run side by side, each on its core."""

SETTLED: Mapping[str, str] = {
    # A terminal's or desktop's choice of backend means nothing to a notebook.
    "MPLBACKEND": INLINE,
    # Progress bars would end up as text in the report.
    "TQDM_DISABLE": "1",
}


def cell_environment(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The whole environment for a notebook's cells.

    Args:
        folder: A private folder, for IPython's files.
        environment: ``BELIMO_*`` settings; all others that are set here stay out of it.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("BELIMO_", "PYTHONSTARTUP"))}
    return {**ONE_THREAD, **ours, **SETTLED, **environment, "IPYTHONDIR": str(folder / "ipython")}


@contextmanager
def kept_state() -> Iterator[None]:
    """Put back what the export of the page relies on: environment, folder, import path, display hook, main module."""
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
    """Let modules in the working folder be imported, as a kernel does: after the standard library."""
    if "" not in sys.path:
        places = [place for place, path in enumerate(sys.path) if path.endswith(("site-packages", "dist-packages"))]
        sys.path.insert(min(places, default=0), "")

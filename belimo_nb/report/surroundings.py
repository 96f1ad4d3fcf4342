"""The environment in which the cells of a notebook run, whichever engine runs them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["INLINE", "ONE_THREAD", "cell_environment"]

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

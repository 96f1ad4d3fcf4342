"""Progress bars for long work, on a terminal or in a notebook."""

from __future__ import annotations

import sys
from typing import Any

NOTEBOOK_DELAY = 2.0  # seconds before a notebook shows a bar, so that short work leaves no empty output


def is_watched() -> bool:
    """Whether standard error is a terminal, or the output of a notebook."""
    return sys.stderr.isatty() or _in_notebook()


def bar(total: int, unit: str, doing: str, *, shown: bool = True) -> Any:
    """Make a tqdm bar of `total` units, gone when the work is done; silent where nobody watches or not `shown`."""
    from tqdm import tqdm

    disable = not (shown and is_watched())
    return tqdm(
        total=total, unit=unit, desc=doing, disable=disable, leave=False, delay=NOTEBOOK_DELAY if _in_notebook() else 0
    )


def _in_notebook() -> bool:
    """Whether the code runs in a Jupyter kernel."""
    # Looked up, not imported: who runs no kernel should not wait for ipykernel.
    kernel = sys.modules.get("ipykernel.kernelapp")
    return kernel is not None and kernel.IPKernelApp.initialized()

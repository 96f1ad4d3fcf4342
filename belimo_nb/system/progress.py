"""Progress of long work, shown where somebody looks: on a terminal, or in a notebook."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["bar", "somebody_looks"]

AT_ONCE = 2.0
"""Seconds that a notebook waits before it shows a bar: what is over at once needs none."""


def somebody_looks() -> bool:
    """Whether standard error is a terminal, or the output of a notebook."""
    return sys.stderr.isatty() or _in_notebook()


def bar(total: int, unit: str, doing: str, *, shown: bool = True) -> Any:
    """A tqdm bar, gone when the work is done; it stays silent where nobody looks.

    Args:
        total: How many there are.
        unit: What they are, in the singular.
        doing: What is done with them, such as "Fetching".
        shown: False to keep it silent anyway.
    """
    from tqdm import tqdm

    disable = not (shown and somebody_looks())
    return tqdm(
        total=total, unit=unit, desc=doing, disable=disable, leave=False, delay=AT_ONCE if _in_notebook() else 0
    )


def _in_notebook() -> bool:
    """Whether the code runs in a Jupyter kernel, which is the case if and only if there is one in the process."""
    kernel = sys.modules.get("ipykernel.kernelapp")
    return kernel is not None and kernel.IPKernelApp.initialized()

"""The number of usable CPU cores."""

from __future__ import annotations

import os


def cores() -> int:
    """Count the CPU cores that this process may use."""
    # Fewer than the machine has, in containers and batch systems.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

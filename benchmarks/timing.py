"""Times a call, several times over."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median_ms(call: Callable[[], object], runs: int = 7) -> float:
    """Median milliseconds of a call, after one that is not counted."""
    call()
    spent = []
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        spent.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(spent)

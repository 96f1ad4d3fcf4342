"""Counts that tests leave behind, summed over all workers and printed at the end of a run."""

from __future__ import annotations

import threading
from collections import Counter

_counts: Counter[str] = Counter()
_lock = threading.Lock()


def count(what: str, number: int = 1) -> None:
    """Add to a count; from any thread."""
    with _lock:
        _counts[what] += number


def counts() -> dict[str, int]:
    """What was counted in this process, and what its workers have sent."""
    with _lock:
        return dict(_counts)

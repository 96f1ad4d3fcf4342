"""Runs of reports that never were, for tests of what stands around them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.report.output.reports_json import RunFacts

MADE_AT = datetime(2018, 12, 1, 9, 30, tzinfo=UTC)


def period(start: str, end: str, zone: str = "Europe/Zurich") -> Period:
    """A period by its first day and the day after its last."""
    return Period(pd.Timestamp(start, tz=zone), pd.Timestamp(end, tz=zone))


NOVEMBER, YEAR = period("2018-11-01", "2018-12-01"), period("2017-12-01", "2018-12-01")


def month(text: str) -> Period:
    """A month, such as "2018-11"."""
    first = pd.Timestamp(f"{text}-01")
    return period(text + "-01", str((first + pd.DateOffset(months=1)).date()))


def facts(title: str = "Reports", span: Period = NOVEMBER, **more: Any) -> RunFacts:
    """What a run was about."""
    told: dict[str, Any] = {"source": "demo", "timezone": "Europe/Zurich", "version": "1.2.3", "seconds": 60.0}
    return RunFacts(title, span, **{**told, "made_at": MADE_AT, **more})


class Here:
    """Workers that do a job when it is submitted, in this process; the index of one to be interrupted at may be given.

    Attributes:
        made: The slugs of the jobs done.
    """

    def __init__(
        self, max_workers: int = 2, *, time_limit: float = 60.0, engine: str = "kernel", interrupt_at: int | None = None
    ) -> None:
        self.max_workers, self.time_limit, self.engine = max_workers, time_limit, engine
        self.made: list[str] = []
        self._interrupt_at = interrupt_at

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def submit(self, function: Callable[[Any], Any], task: Any) -> Future[Any]:
        """Do it now."""
        if len(self.made) == self._interrupt_at:
            raise KeyboardInterrupt
        future: Future[Any] = Future()
        future.set_result(function(task))
        self.made.append(task.job.slug)
        return future

    def check(self, connection: object, folder: object) -> None:
        """Nothing to check."""

    def stop(self) -> None:
        """Nothing is under way."""

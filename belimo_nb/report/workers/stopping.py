"""Executors that stop at once when something goes wrong."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import Executor

__all__ = ["Stopping"]


class Stopping(Executor):
    """An executor whose ``with`` block, left by an exception, stops what runs instead of waiting for it."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.stop()

    @abstractmethod
    def stop(self) -> None:
        """Drop what waits and stop what runs."""

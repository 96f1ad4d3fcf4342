"""Debounced work in a thread: only the latest request runs, once no other has come for a while."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")


class DebouncedRunner(Generic[Request, Result]):
    """Runs requests one at a time in a thread; of several that come while it is busy or waiting, only the latest.

    Where no event loop runs (plain Python), each request runs at once.

    Args:
        work: Computes the result of a request, in a thread of its own; it must not raise.
        on_done: Takes the result in the kernel's thread; not called if there is a later request by then.
        pause: Seconds to wait for another request.
    """

    def __init__(
        self, work: Callable[[Request], Result], on_done: Callable[[Request, Result], None], pause: float
    ) -> None:
        self._work = work
        self._on_done = on_done
        self.pause = pause
        self._latest: Request
        self._timer: asyncio.TimerHandle | None = None
        self._busy = False
        # Messages of the work (warnings) belong to the cell that shows the widgets, not to whichever ran last.
        self._context = contextvars.copy_context()

    def submit(self, request: Request) -> None:
        """Run this request in place of those before it."""
        self._latest = request
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._on_done(request, self._work(request))
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(self.pause, self._start, loop)

    @property
    def idle(self) -> bool:
        """Whether no request is waiting or running."""
        return self._timer is None and not self._busy

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._busy:
            return  # `_finish` will start it
        self._busy = True
        run = self._context.copy().run
        # A thread keeps the kernel free while the cloud is slow; as a daemon it does not delay the kernel's end.
        threading.Thread(
            target=run, args=(self._work_in_thread, self._latest, loop), name="belimo-nb explorer", daemon=True
        ).start()

    def _work_in_thread(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        result = self._work(request)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the kernel ends
            loop.call_soon_threadsafe(self._finish, request, result, loop)

    def _finish(self, request: Request, result: Result, loop: asyncio.AbstractEventLoop) -> None:
        self._busy = False
        if request is self._latest:
            self._on_done(request, result)
        elif self._timer is None:
            self._start(loop)

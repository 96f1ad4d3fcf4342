"""Work beside the kernel: the newest question is answered in a thread, once its asker has paused."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Runner"]

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Runner(Generic[Question, Answer]):
    """Answers questions one at a time; of several that come while it is busy or waiting, only the newest.

    The kernel goes on meanwhile. Where no event loop runs (a plain Python), each question is answered at once.

    Args:
        work: Answers a question, in a thread of its own; it must not raise.
        done: Takes the answer, in the kernel's own thread; not called if there is a newer question by then.
        pause: Seconds to wait for another question.
    """

    def __init__(
        self, work: Callable[[Question], Answer], done: Callable[[Question, Answer], None], pause: float
    ) -> None:
        self._work = work
        self._done = done
        self.pause = pause
        self._newest: Question
        self._timer: asyncio.TimerHandle | None = None
        self._busy = False
        # Messages of the work (warnings) belong to the cell that shows the widgets, not to whichever ran last.
        self._context = contextvars.copy_context()

    def ask(self, question: Question) -> None:
        """Answer this question instead of those before it."""
        self._newest = question
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._done(question, self._work(question))
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(self.pause, self._begin, loop)

    @property
    def idle(self) -> bool:
        """Whether every question is answered."""
        return self._timer is None and not self._busy

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._busy:
            return  # `_finish` begins with it
        self._busy = True
        run = self._context.copy().run
        threading.Thread(
            target=run, args=(self._answer, self._newest, loop), name="belimo-nb explorer", daemon=True
        ).start()

    def _answer(self, question: Question, loop: asyncio.AbstractEventLoop) -> None:
        answer = self._work(question)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the kernel ends
            loop.call_soon_threadsafe(self._finish, question, answer, loop)

    def _finish(self, question: Question, answer: Answer, loop: asyncio.AbstractEventLoop) -> None:
        self._busy = False
        if question is self._newest:
            self._done(question, answer)
        elif self._timer is None:
            self._begin(loop)

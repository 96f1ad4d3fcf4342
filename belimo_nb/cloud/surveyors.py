"""The processes that share the work of examining a large fleet."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence

from belimo_nb.cloud.survey_valve import Case, Surveyed, examine_all
from belimo_nb.store.archive import Archive
from belimo_nb.system.cores import cores

__all__ = ["examined", "help_out"]

PARALLEL = 200
"""From so many valves on, several processes share the work: to start them takes a second."""


def examined(archive: Archive, cases: Sequence[Case], now: int) -> list[Surveyed]:
    """Examine some valves: many of them in several processes, of which this is one."""
    workers = cores() if len(cases) >= PARALLEL else 1
    shares = [cases[i::workers] for i in range(workers)]
    with contextlib.ExitStack() as stack:
        helpers = [stack.enter_context(_Helper((archive, share, now))) for share in shares[1:]]
        found = [examine_all(archive, shares[0], now)]
        for helper, share in zip(helpers, shares[1:], strict=True):
            answer = helper.answer()
            found.append(examine_all(archive, share, now) if answer is None else answer)
    return [found[i % workers][i // workers] for i in range(len(cases))]


class _Helper:
    """A process that examines a share of the valves; no `multiprocessing`, which would run the user's script again."""

    def __init__(self, task: object) -> None:
        command = [sys.executable, "-P", "-c", "from belimo_nb.cloud.surveyors import help_out; help_out()"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        self._output = b""
        self._talk = threading.Thread(target=self._communicate, args=(pickle.dumps(task),), daemon=True)
        self._talk.start()

    def __enter__(self) -> _Helper:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._talk.join()

    def _communicate(self, task: bytes) -> None:
        self._output, _ = self._process.communicate(task)

    def answer(self) -> list[Surveyed] | None:
        """What it has found; None if it died."""
        self._talk.join()
        if self._process.returncode != 0:
            return None
        found: list[Surveyed] = pickle.loads(self._output)  # noqa: S301 - from a process of ours, over its own pipe
        return found


def help_out() -> None:
    """In a helper's process: examine what comes in, and send what was found."""
    archive, cases, now = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    sys.stdout.buffer.write(pickle.dumps(examine_all(archive, cases, now)))

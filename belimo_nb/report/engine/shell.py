"""A papermill engine that runs a notebook in this very process, on the shell that a kernel has.

The shell is ipykernel's, with a session that hands its messages to nbclient instead of a socket: what ends up in the
notebook is made by the code that makes it when there is a kernel. The process serves one notebook and then ends.
"""

from __future__ import annotations

import asyncio
import builtins
import getpass
import io
import os
import random
import signal
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, SimpleNamespace
from typing import Any, NoReturn

from ipykernel.compiler import XCachingCompiler
from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import StdinNotImplementedError
from jupyter_client.session import Session
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.iorw import write_ipynb
from traitlets import Any as AnyTrait
from traitlets.config import Config

from belimo_nb.report.engine.environment import add_folder_to_path, kept_state

__all__ = ["ENGINE", "Message", "Recorder", "ShellEngine", "Stream"]

ENGINE = "belimo-nb-shell"
REMINDER = 1.0
"""Seconds after which a cell that ignores that its time is up is told again."""
OVER = "The time is up."
IN_DISPLAY = "_last_traceback_during_displayhook"
"""Where the shell of ipykernel 7 notes that showing a result has failed; older ones do not."""


class Overtime(BaseException):
    """Raised inside a cell when its time is up; no ``except Exception`` holds it up."""


class ShellClient(PapermillNotebookClient):  # type: ignore[misc]
    """Executes a notebook's cells on a shell in this process."""

    def __init__(self, manager: NotebookExecutionManager, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._session = Recorder(receive=self._receive)
        self._place: tuple[NotebookNode, int] | None = None
        self._late = False

    def run(self, deadline: float) -> None:
        """Execute all cells, to the first error.

        Args:
            deadline: When to give up, on the monotonic clock.

        Raises:
            CellTimeoutError: A cell was not done by then.
            DeadKernelError: A cell asked to leave.
        """
        self.reset_execution_trackers()
        self._shell = _shell(self._session)
        self._loop = asyncio.new_event_loop()
        try:
            with self._standard_streams(), self._alarm(deadline):
                self.papermill_execute_cells()
        except Overtime:  # between two cells
            raise CellTimeoutError(OVER) from None
        finally:
            self._place = None
            self._loop.close()
        self.nb.metadata["language_info"] = dict(IPythonKernel.language_info)

    def execute_cell(self, cell: NotebookNode, cell_index: int, *_: Any, **__: Any) -> NotebookNode:
        """Execute one cell; its outputs are in it afterwards."""
        if cell.cell_type != "code" or not cell.source.strip():
            return cell
        cell.outputs = []
        self.clear_before_next_output = False
        self._place = cell, cell_index
        count = self._shell.execution_count
        self._session.send(None, "execute_input", {"code": cell.source, "execution_count": count})
        try:
            result = self._loop.run_until_complete(self._run(cell.source))
        except Overtime:
            self._late = True
        finally:
            self._flush()
        if self._late:
            raise CellTimeoutError(OVER)
        if self._shell.exit_now:
            raise DeadKernelError("The notebook ended itself")
        error = result.error_before_exec or result.error_in_exec
        allowed = "raises-exception" in cell.metadata.get("tags", ())
        if not allowed and (error is not None or getattr(self._shell, IN_DISPLAY, False)):
            reply = {"ename": type(error).__name__, "evalue": str(error), "traceback": self._shell._last_traceback}
            raise CellExecutionError.from_cell_and_msg(cell, reply)
        return cell

    async def _run(self, source: str) -> Any:
        """Run a cell's source inside a running loop, as a kernel does, so that tasks can be made in any cell."""
        shell, wrong = self._shell, None
        try:
            transformed = shell.transform_cell(source)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - the shell shows it
            transformed, wrong = source, sys.exc_info()
        if not shell.should_run_async(source, transformed_cell=transformed, preprocessing_exc_tuple=wrong):
            return shell.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
        shell._last_traceback = None
        setattr(shell, IN_DISPLAY, False)
        result = None
        try:
            result = await shell.run_cell_async(
                source, store_history=True, transformed_cell=transformed, preprocessing_exc_tuple=wrong
            )
        finally:
            shell.events.trigger("post_execute")
            shell.events.trigger("post_run_cell", result)
        return result

    def _receive(self, message: Message) -> None:
        # When the time is up, the shell shows that as an error of the cell, which it is not.
        if self._place is not None and not (self._late and message["msg_type"] == "error"):
            self.process_message(message, *self._place)

    @contextmanager
    def _standard_streams(self) -> Iterator[None]:
        before = sys.stdout, sys.stderr, builtins.input, getpass.getpass
        self._streams = Stream("stdout", 1, self._session), Stream("stderr", 2, self._session)
        sys.stdout, sys.stderr = self._streams
        builtins.input, getpass.getpass = _nobody("raw_input"), _nobody("getpass")
        try:
            yield
        finally:
            sys.stdout, sys.stderr, builtins.input, getpass.getpass = before

    @contextmanager
    def _alarm(self, deadline: float) -> Iterator[None]:
        def ring(_: int, __: FrameType | None) -> NoReturn:
            self._late = True
            raise Overtime

        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, max(0.001, deadline - time.monotonic()), REMINDER)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _flush(self) -> None:
        for stream in self._streams:
            stream.flush()


class ShellEngine(Engine):  # type: ignore[misc]
    """papermill's face of `ShellClient`."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        deadline: float,
        environment: Mapping[str, str],
        keep: str,
        **_: Any,
    ) -> None:
        """Run a notebook.

        Args:
            nb_man: papermill's manager of it.
            kernel_name: Not used.
            deadline: When to give up, on the monotonic clock.
            environment: The whole environment of its cells.
            keep: Where to write what was done by then.

        Raises:
            CellTimeoutError: It was not done by then.
            DeadKernelError: It ended itself.
        """
        random.seed()
        if "numpy" in sys.modules:  # whose state is that of the process that we were forked from
            sys.modules["numpy"].random.seed()
        with kept_state():
            os.environ.clear()
            os.environ.update(environment)
            add_folder_to_path()
            try:
                ShellClient(nb_man, store_widget_state=False, record_timing=False).run(deadline)
            except (CellTimeoutError, DeadKernelError):
                write_ipynb(nb_man.nb, keep)
                raise


def _shell(session: Recorder) -> ZMQInteractiveShell:
    """A new shell in the state in which a kernel's is when it starts, with an empty namespace."""
    config = Config({"HistoryManager": {"enabled": False}})  # no database, which would bring a thread
    shell = ZMQInteractiveShell.instance(
        config=config,
        compiler_class=XCachingCompiler,
        kernel=SimpleNamespace(eventloop=None, get_parent=lambda _=None: {}),  # no request, so nobody to ask
        user_ns={},
    )
    outlets: tuple[Any, Any] = shell.displayhook, shell.display_pub
    for outlet in outlets:
        outlet.session = session
    return shell


def _nobody(name: str) -> Any:
    """What a kernel has in place of a function that asks the user, where there is none."""

    def ask(*_: object, **__: object) -> NoReturn:
        raise StdinNotImplementedError(f"{name} was called, but this frontend does not support input requests.")

    return ask


papermill_engines.register(ENGINE, ShellEngine)


Message = dict[str, Any]


class Recorder(Session):
    """A kernel's session that hands over what it would send."""

    receive = AnyTrait(help="Called with each message.")

    def send(  # type: ignore[override]
        self, stream: Any, msg_or_type: Any, content: Any = None, parent: Any = None, **_: Any
    ) -> Message:
        """Hand over a message, after the same way through JSON as to another process."""
        message = msg_or_type if isinstance(msg_or_type, dict) else self.msg(msg_or_type, content, parent=parent)
        message["content"] = self.unpack(self.pack(message["content"]))
        self.receive(message)
        return message


class Stream(io.TextIOBase):
    """Standard output or standard error of the cells, that of other programs and libraries included.

    What is written waits until something else is shown or the cell ends, as it does in a kernel for a moment.
    """

    encoding = "UTF-8"
    errors = "strict"

    def __init__(self, name: str, descriptor: int, session: Recorder) -> None:
        super().__init__()
        self.name = name
        self._descriptor = descriptor
        self._session = session
        self._texts: list[str] = []
        facts = os.fstat(descriptor)
        self._place = facts.st_size if stat.S_ISREG(facts.st_mode) else None

    def writable(self) -> bool:
        """Always, as the base class asks."""
        return True

    def fileno(self) -> int:
        """The descriptor of the file behind it, for other programs."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Take a text; it is handed over with the next flush."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._look()
        self._texts.append(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what has been written."""
        self._look()
        if self._texts:
            text = "".join(self._texts)
            self._texts.clear()
            self._session.send(None, "stream", {"name": self.name, "text": text})

    def _look(self) -> None:
        """Take over what went to the file behind it without asking Python."""
        if self._place is not None and (size := os.fstat(self._descriptor).st_size) > self._place:
            found = os.pread(self._descriptor, size - self._place, self._place)
            self._place += len(found)
            self._texts.append(found.decode("utf-8", "replace"))

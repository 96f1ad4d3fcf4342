"""A papermill engine that runs a notebook in this very process, without a kernel.

It uses ipykernel's own shell, with a session that hands messages to nbclient instead of a socket. So outputs are made
and recorded by the code that does so for a kernel, and nothing is imitated. The process must serve one notebook only.
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

from belimo_nb.report.engine.engines import add_folder_to_path, restored_process_state

ENGINE = "belimo-nb-shell"
ALARM_INTERVAL = 1.0  # seconds after which a cell that has swallowed `TimeUp` is interrupted again
TIMEOUT_MESSAGE = "The time is up."
DISPLAY_FAILURE = "_last_traceback_during_displayhook"
"""Attribute in which the shell of ipykernel 7 notes that displaying a result has failed; older ones have none."""


class TimeUp(BaseException):
    """Raised inside a cell when its time is up; not an `Exception`, so that ``except Exception`` does not catch it."""


class ShellClient(PapermillNotebookClient):  # type: ignore[misc]
    """Executes a notebook's cells on a shell in this process."""

    def __init__(self, manager: NotebookExecutionManager, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._session = RecordingSession(receive=self._receive)
        self._place: tuple[NotebookNode, int] | None = None
        self._timed_out = False

    def run(self, deadline: float) -> None:
        """Execute all cells, to the first error or to `deadline` on the monotonic clock.

        Raises:
            CellTimeoutError: A cell was not done by then.
            DeadKernelError: A cell asked to leave.
        """
        self.reset_execution_trackers()
        self._shell = _new_shell(self._session)
        self._loop = asyncio.new_event_loop()  # one for all cells: a task that a cell has created goes on in the next
        try:
            with self._standard_streams(), self._alarm(deadline):
                self.papermill_execute_cells()
        except TimeUp:  # between two cells
            raise CellTimeoutError(TIMEOUT_MESSAGE) from None
        finally:
            self._place = None
            self._loop.close()
        self.nb.metadata["language_info"] = dict(IPythonKernel.language_info)

    def execute_cell(self, cell: NotebookNode, cell_index: int, *_: Any, **__: Any) -> NotebookNode:
        """Execute one cell and store its outputs in it."""
        if cell.cell_type != "code" or not cell.source.strip():
            return cell
        cell.outputs = []
        self.clear_before_next_output = False
        self._place = cell, cell_index
        count = self._shell.execution_count
        self._session.send(None, "execute_input", {"code": cell.source, "execution_count": count})
        try:
            result = self._loop.run_until_complete(self._run(cell.source))
        except TimeUp:
            self._timed_out = True
        finally:
            for stream in self._streams:
                stream.flush()
        if self._timed_out:
            raise CellTimeoutError(TIMEOUT_MESSAGE)
        if self._shell.exit_now:
            raise DeadKernelError("The notebook ended itself")
        error = result.error_before_exec or result.error_in_exec
        allowed = "raises-exception" in cell.metadata.get("tags", ())
        if not allowed and (error is not None or getattr(self._shell, DISPLAY_FAILURE, False)):
            reply = {"ename": type(error).__name__, "evalue": str(error), "traceback": self._shell._last_traceback}
            raise CellExecutionError.from_cell_and_msg(cell, reply)
        return cell

    async def _run(self, source: str) -> Any:
        """Run a cell's source inside a running event loop, as a kernel does: any cell may then create tasks."""
        shell, wrong = self._shell, None
        try:
            transformed = shell.transform_cell(source)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - the shell shows it
            transformed, wrong = source, sys.exc_info()
        if not shell.should_run_async(source, transformed_cell=transformed, preprocessing_exc_tuple=wrong):
            return shell.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
        shell._last_traceback = None
        setattr(shell, DISPLAY_FAILURE, False)
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
        # The shell shows `TimeUp` as an error of the cell; the report says that the time limit was the reason.
        if self._place is not None and not (self._timed_out and message["msg_type"] == "error"):
            self.process_message(message, *self._place)

    @contextmanager
    def _standard_streams(self) -> Iterator[None]:
        before = sys.stdout, sys.stderr, builtins.input, getpass.getpass
        self._streams = CellStream("stdout", 1, self._session), CellStream("stderr", 2, self._session)
        sys.stdout, sys.stderr = self._streams
        builtins.input, getpass.getpass = _no_input("raw_input"), _no_input("getpass")
        try:
            yield
        finally:
            sys.stdout, sys.stderr, builtins.input, getpass.getpass = before

    @contextmanager
    def _alarm(self, deadline: float) -> Iterator[None]:
        def on_alarm(_: int, __: FrameType | None) -> NoReturn:
            self._timed_out = True
            raise TimeUp

        # A signal and not a thread: it interrupts the cell itself, also while that waits in a system call.
        before = signal.signal(signal.SIGALRM, on_alarm)
        signal.setitimer(signal.ITIMER_REAL, max(0.001, deadline - time.monotonic()), ALARM_INTERVAL)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


class ShellEngine(Engine):  # type: ignore[misc]
    """The papermill engine that runs notebooks with `ShellClient`."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        deadline: float,
        environment: Mapping[str, str],
        partial_result: str,
        **_: Any,
    ) -> None:
        """Run a notebook.

        Args:
            nb_man: papermill's manager of it.
            kernel_name: Not used.
            deadline: When to give up, on the monotonic clock.
            environment: The whole environment of its cells.
            partial_result: Where to write the notebook as far as it was executed, if it was not done by then.

        Raises:
            CellTimeoutError: It was not done by then.
            DeadKernelError: It ended itself.
        """
        random.seed()  # forked children share the state of their parent: each would draw the same numbers
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        with restored_process_state():
            os.environ.clear()
            os.environ.update(environment)
            add_folder_to_path()
            try:
                ShellClient(nb_man, store_widget_state=False, record_timing=False).run(deadline)
            except (CellTimeoutError, DeadKernelError):
                write_ipynb(nb_man.nb, partial_result)
                raise


def _new_shell(session: RecordingSession) -> ZMQInteractiveShell:
    """A new shell with an empty namespace, in the state of a kernel's shell at its start."""
    config = Config({"HistoryManager": {"enabled": False}})  # its database would start a thread
    shell = ZMQInteractiveShell.instance(
        config=config,
        compiler_class=XCachingCompiler,
        kernel=SimpleNamespace(eventloop=None, get_parent=lambda _=None: {}),  # all that the shell asks of its kernel
        user_ns={},
    )
    outlets: tuple[Any, Any] = shell.displayhook, shell.display_pub
    for outlet in outlets:
        outlet.session = session
    return shell


def _no_input(name: str) -> Any:
    """A function that fails as a kernel's `input` does where no user can answer."""

    def ask(*_: object, **__: object) -> NoReturn:
        raise StdinNotImplementedError(f"{name} was called, but this frontend does not support input requests.")

    return ask


papermill_engines.register(ENGINE, ShellEngine)


Message = dict[str, Any]


class RecordingSession(Session):
    """A kernel's session that passes its messages to a function instead of a socket."""

    receive = AnyTrait(help="Called with each message.")

    def send(  # type: ignore[override]
        self, stream: Any, msg_or_type: Any, content: Any = None, parent: Any = None, **_: Any
    ) -> Message:
        """Pass on a message, through JSON and back, so that it has the types that a socket would deliver."""
        message = msg_or_type if isinstance(msg_or_type, dict) else self.msg(msg_or_type, content, parent=parent)
        message["content"] = self.unpack(self.pack(message["content"]))
        self.receive(message)
        return message


class CellStream(io.TextIOBase):
    """Standard output or standard error of the cells, with what other programs and C libraries write there.

    Text is held back until something else is displayed or the cell ends, as a kernel does for a moment.
    """

    encoding = "UTF-8"
    errors = "strict"

    def __init__(self, name: str, descriptor: int, session: RecordingSession) -> None:
        super().__init__()
        self.name = name
        self._descriptor = descriptor
        self._session = session
        self._texts: list[str] = []
        facts = os.fstat(descriptor)
        self._place = facts.st_size if stat.S_ISREG(facts.st_mode) else None

    def writable(self) -> bool:
        """True, as the base class asks."""
        return True

    def fileno(self) -> int:
        """The descriptor of the file behind it, which other programs write to."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Hold back a text until the next flush."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._read_file()
        self._texts.append(text)
        return len(text)

    def flush(self) -> None:
        """Send what has been written."""
        self._read_file()
        if self._texts:
            text = "".join(self._texts)
            self._texts.clear()
            self._session.send(None, "stream", {"name": self.name, "text": text})

    def _read_file(self) -> None:
        """Read what was written to the file behind it past Python."""
        if self._place is not None and (size := os.fstat(self._descriptor).st_size) > self._place:
            found = os.pread(self._descriptor, size - self._place, self._place)
            self._place += len(found)
            self._texts.append(found.decode("utf-8", "replace"))

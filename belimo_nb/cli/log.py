"""What a command that may run unattended tells: on the terminal, or not, and in a log file, one line an event."""

from __future__ import annotations

import os
import sys
import warnings
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import click

from belimo_nb.cli.shared import INTERRUPTED
from belimo_nb.errors import BelimoError, UsageError, printable
from belimo_nb.settings.secret import Secret, masked


class RunLog:
    """Tells people what they should know, and the log everything.

    A line of the log is ``2018-12-01T04:15:00+01:00 4711 made devices/north-3c6f7077 in 0.4 s, North``: time, process,
    event, what. Leaving the block writes the last line, with the exit status, and before it the sentence of the error
    that ends the command, if one does. The file is opened for each line, so whoever rotates logs may rename it at any
    time.

    Args:
        log_file: Where the log goes; its folder must exist. None: nowhere.
        quiet: Say nothing but failures.

    Attributes:
        quiet: As given.
        summary: What the last line of the log says after the exit status.
    """

    def __init__(self, log_file: Path | None, *, quiet: bool) -> None:
        self.quiet = quiet
        self.summary = ""
        self._path = log_file
        self._hidden: tuple[Secret, ...] = ()
        self._shown: Any = None

    def __enter__(self) -> RunLog:
        if self._path is not None:
            try:
                self._open().close()
            except OSError as error:
                raise UsageError(
                    f"The log file {str(self._path)!r} cannot be written ({error.strerror}); choose another with "
                    "--log-file."
                ) from None
        self._shown, warnings.showwarning = warnings.showwarning, self._warning
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        warnings.showwarning = self._shown
        status, reason = _ending(error)
        if reason:
            self.log("error", reason)
        self.log("end", f"exit status {status}: {self.summary}" if self.summary else f"exit status {status}")

    def hide(self, *secrets: str) -> None:
        """Never let these appear in the log, even when nothing else uses them any more."""
        self._hidden = tuple(map(Secret, secrets))

    def say(self, text: str) -> None:
        """Print a line, unless quiet; the log has it in other words."""
        if not self.quiet:
            click.echo(text)

    def begin(self, text: str) -> None:
        """Say on a terminal what is about to be done; the log has it in other words."""
        if not self.quiet and sys.stderr.isatty():
            click.echo(printable(text), err=True)

    def note(self, text: str) -> None:
        """Print a remark on standard error, unless quiet, and log it."""
        self.log("note", text)
        if not self.quiet:
            click.echo(printable(text), err=True)

    def log(self, event: str, what: str) -> None:
        """Append a line to the log; a disk that takes no more ends no run."""
        if self._path is None:
            return
        time = datetime.now().astimezone().isoformat(timespec="seconds")
        try:
            with self._open() as stream:
                stream.write(f"{time} {os.getpid()} {event} {printable(masked(what))}\n")
        except OSError as error:
            click.echo(f"Warning: The log file {self._path} cannot be written ({error.strerror}).", err=True)
            self._path = None

    def _open(self) -> TextIO:
        assert self._path is not None  # noqa: S101 - for type checkers
        # Not to wait for who reads a pipe.
        more = getattr(os, "O_NONBLOCK", 0)
        return open(self._path, "a", encoding="utf-8", opener=lambda name, mode: os.open(name, mode | more, 0o600))

    def _warning(self, message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, UserWarning):
            self.log("warning", str(message))
        if not self.quiet:
            self._shown(message, category, *place, **more)


def _ending(error: BaseException | None) -> tuple[int, str]:
    """The exit status that an error leads to, and its sentence."""
    if error is None:
        return 0, ""
    if isinstance(error, SystemExit):
        return (error.code if isinstance(error.code, int) else int(error.code is not None)), ""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return INTERRUPTED, "Interrupted."
    if isinstance(error, BelimoError):
        return error.exit_status, str(error)
    if isinstance(error, click.ClickException):
        return error.exit_code, error.format_message()
    return 1, f"{type(error).__name__}: {error}"

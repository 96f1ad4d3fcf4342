"""What the commands share: the connection, error messages and exit statuses, options and tables."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import traceback
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from belimo_nb.errors import SURROGATES, BelimoError, UsageError, printable
from belimo_nb.settings.secret import masked

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.settings import Settings

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
NO_MEMORY = re.compile(
    "can't start new thread|Unable to allocate|[Cc]annot allocate memory|failed to map segment|without exception set"
)
"""How Python and its libraries tell of it, if not by a `MemoryError`."""
F = TypeVar("F", bound=Callable[..., Any])


class Commands(click.Group):
    """A click group whose commands report an error as one sentence and an exit status, never as a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run a command and exit with its status."""
        kwargs["standalone_mode"] = False  # click would print its own messages and exit
        try:
            _check_start(kwargs.get("args") or (args[0] if args else sys.argv[1:]))
            with warnings.catch_warnings():
                warnings.showwarning = _warn
                status = super().main(*args, **kwargs)
            sys.stdout.flush()  # here, where a closed pipe is handled: at exit Python would print a traceback
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except BelimoError as error:
            _fail(f"Error: {error}", error.exit_status)
        except (click.Abort, KeyboardInterrupt):
            _fail("Interrupted.", INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            _fail(*_told(error))
        sys.exit(status if isinstance(status, int) else 0)


@dataclass(frozen=True)
class GlobalOptions:
    """The options that stand before the command: which settings, demo or not, offline or not, which imported files."""

    env_file: Path | None
    demo: bool | None
    offline: bool | None = None
    files: str | None = None

    def connect(self, **overrides: Any) -> Cloud:
        """Connect; the first request signs in."""
        from belimo_nb.cloud.cloud import connect

        return connect(self.env_file, demo=self.demo, files=self.files, offline=self.offline, **overrides)

    def settings(self, files: str | None = None) -> Settings:
        """The settings alone; with `files` those of imported files."""
        from belimo_nb.settings import load

        demo = None if files else self.demo
        return load(self.env_file, demo=demo, offline=self.offline, source_files=files or self.files)


pass_options = click.make_pass_decorator(GlobalOptions)


def device_options(command: F) -> F:
    """Add the options that select devices: ``--search`` and ``--device``."""
    add = click.option(
        "--device",
        "devices",
        multiple=True,
        metavar="KEY",
        help="Only this device: id, serial number, name or a unique part of it. May be given several times.",
    )
    more = click.option("--search", metavar="TEXT", help="Only devices with TEXT in their name or serial number.")
    return more(add(command))


def period_options(command: F) -> F:
    """Add the options that set the period: ``--from``, ``--to`` and ``--period``."""
    examples = "2018, 2018-11, last-month, last-12-months, last-30-days and the like."
    period = click.option("--period", metavar="PERIOD", help=examples)
    to = click.option("--to", "end", metavar="DATE", help="First day after it, or time. Default: now.")
    begin = "First day, or time: 2018-11-03 or 2018-11-03T06:00, local."
    return click.option("--from", "start", metavar="DATE", help=begin)(to(period(command)))


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C: a service that is stopped keeps what it has fetched and made."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def output_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, keep: int) -> None:
    """Print a plain table that fits the terminal; without a terminal, with every column in full.

    Args:
        header: Column names, the most important first.
        rows: Cells.
        keep: Number of columns to show in any case; further ones are left out if there is no room.
    """
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns
        # The last columns go first; then the first one, a name, is cut.
        while len(widths) > keep and sum(widths) + 2 * (len(widths) - 1) > room:
            widths.pop()
        excess = sum(widths) + 2 * (len(widths) - 1) - room
        widths[0] = max(min(widths[0], 10), widths[0] - max(0, excess))
    for row in cells:
        click.echo("  ".join(_fit(cell, width) for cell, width in zip(row, widths, strict=False)).rstrip())


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _fit(text: str, width: int) -> str:
    if _width(text) > width:
        while _width(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - _width(text))


def _warn(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Print a warning without the line of code that it came from."""
    if issubclass(category, UserWarning):
        click.echo(f"Warning: {printable(str(message))}", err=True)


def _check_start(arguments: Sequence[str]) -> None:
    """Refuse arguments that are no text (bytes of another encoding, half a character), and a folder that is gone."""
    for number, argument in enumerate(arguments, 1):
        if SURROGATES.search(argument):
            raise UsageError(f"Argument {number} ({argument!r}) is no text in this system's encoding; type it anew.")
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(f"The working folder cannot be used ({error.strerror}); change to another.") from None


def _told(error: Exception) -> tuple[str, int]:
    """The sentence for an error that no command has foreseen, and the exit status."""
    # Of the system first: disk and memory fail wherever a command happens to be.
    if isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
        return "Error: The memory is used up; close other programs, or ask for fewer devices or a shorter period.", 1
    if isinstance(error, OSError) and error.strerror:
        place = f"{str(error.filename)!r}" if error.filename else "A file"
        return f"Error: {place} cannot be used ({error.strerror}); check the place, its permissions and its room.", 1
    fault = masked(f"{type(error).__name__}: {error}")
    return f"Error: this is a fault of belimo-nb: {fault} (set BELIMO_DEBUG=1 for the whole story).", 1


def _fail(message: str, status: int) -> NoReturn:
    if os.environ.get("BELIMO_DEBUG", "").strip() not in ("", "0"):
        traceback.print_exc()
    click.echo(printable(message), err=True)
    sys.exit(status)

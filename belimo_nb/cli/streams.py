"""Standard input, output and error as commands may find them: closed, full, or of another encoding."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any, NoReturn

import click

from belimo_nb.errors import BelimoError


class _Output(io.TextIOWrapper):
    """Standard output that tells when it takes no more, once."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._lost(error)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> NoReturn:
        # What is left in the buffer would fail again when Python ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        if isinstance(error, BrokenPipeError):  # its reader has had enough (`belimo-nb devices | head`)
            sys.exit(1)
        raise BelimoError(
            f"Standard output takes no more ({error.strerror}), so what was to be printed is lost; send it elsewhere."
        ) from None


class _Error(io.TextIOWrapper):
    """Standard error whose loss ends no command: it is full, or nobody reads it any more."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def mend_streams() -> None:
    """Have all three streams, whatever the caller has closed, and no letter that ends a command."""
    # In this order, so that each gets its own number: else the next file that is opened would have it, and what a
    # child prints would go there. Writing to an output that was closed fails, as it should.
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = _stream(1, sys.stdout, _Output)
    sys.stderr = _stream(2, sys.stderr, _Error)


def _stream(number: int, before: Any, kind: type[io.TextIOWrapper]) -> io.TextIOWrapper:
    encoding = "utf-8" if before is None else before.encoding
    binary = os.fdopen(number, "wb", closefd=False)
    return kind(binary, encoding=encoding, errors="backslashreplace", line_buffering=os.isatty(number) or number == 2)


def output_as_utf8() -> None:
    """Write standard output as UTF-8 from now on, whatever the console has: what a program will read."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def output_json(body: Any) -> None:
    """Print JSON, in UTF-8."""
    output_as_utf8()
    click.echo(json_text(body))


def json_text(body: Any) -> str:
    """JSON as text for people and programs: what could drive a terminal, or is no letter, is escaped."""
    lines = json.dumps(body, ensure_ascii=False, indent=2).split("\n")
    return "\n".join("".join(map(_shown, line)) for line in lines)


def _shown(letter: str) -> str:
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]

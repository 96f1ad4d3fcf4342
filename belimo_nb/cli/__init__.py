"""The command line, `belimo-nb`: one module for each command.

Commands import what takes long (pandas, papermill, requests, the server) when they run: `--help` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import Any

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command line and exit."""
    # First of all, for a Ctrl-C while the rest is imported; there is nothing to tidy up yet.
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from belimo_nb.cli.commands import cli
    from belimo_nb.cli.streams import mend_streams

    mend_streams()
    signal.signal(signal.SIGINT, usual)
    cli.main(prog_name="belimo-nb")


def _leave(*_: object) -> None:
    if sys.stderr is not None:
        os.write(2, b"Interrupted.\n")
    os._exit(130)


def __getattr__(name: str) -> Any:
    # `cli`, imported on first use: `main` is to be ready before anything is.
    return getattr(import_module("belimo_nb.cli.commands"), name)

"""The command line, `belimo-nb`: one module for each command.

Commands import what takes long (pandas, papermill, requests, the server) when they run: `--help` answers at once.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # built in: a Ctrl-C could meet the import of signal
import os
import sys

TYPE_CHECKING = False  # as type checkers know it: what is imported here delays the handler of Ctrl-C
if TYPE_CHECKING:
    from typing import Any

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command line and exit."""
    # First of all, for a Ctrl-C while the rest is imported; there is nothing to tidy up yet.
    usual = _signal.getsignal(_signal.SIGINT)
    early = _leave if usual is _signal.default_int_handler else usual
    _signal.signal(_signal.SIGINT, early)
    import atexit

    # What was registered first runs last: then Python takes itself apart, and would die of a Ctrl-C.
    atexit.register(_signal.signal, _signal.SIGINT, _signal.SIG_IGN)
    from belimo_nb.cli.commands import cli
    from belimo_nb.cli.streams import mend_streams

    mend_streams()
    _signal.signal(_signal.SIGINT, usual)
    try:
        cli.main(prog_name="belimo-nb")
    finally:
        _signal.signal(_signal.SIGINT, early)  # while threads end, nothing is left to tidy up
        # Where a Ctrl-C has met an exec of text, as in the making of a dataclass, `python -m` dies of the signal at its
        # end, though it was handled and the status is 130. The next text that is run clears this.
        exec("")  # noqa: S102


def _leave(*_: object) -> None:
    if sys.stderr is not None:
        os.write(2, b"Interrupted.\n")
    os._exit(130)


def __getattr__(name: str) -> Any:
    # `cli`, imported on first use: `main` is to be ready before anything is.
    from importlib import import_module

    return getattr(import_module("belimo_nb.cli.commands"), name)

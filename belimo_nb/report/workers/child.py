"""The process of one job, seen from inside: it sets the scene, makes the call and reports."""

from __future__ import annotations

import multiprocessing as mp
import os
import shutil
import tempfile
import threading
from multiprocessing.connection import Connection, wait
from pathlib import Path

from belimo_nb.errors import BelimoError

__all__ = ["adopt", "work"]

_parent: Connection | None = None  # set in a child: where to tell of processes that should die with it


def adopt(pid: int) -> None:
    """Called in a job: let process group `pid` end when the job's process is killed or dies."""
    if _parent is not None:
        _parent.send(("adopted", pid))


def work(connection: Connection, folder: Path) -> None:
    """A job's process: set the scene, call, report."""
    global _parent
    connection.send(("began", os.getpid()))
    environment, fn, args, kwargs = connection.recv()
    if mp.parent_process() is not None:  # not forked, so nobody else looks after it
        if hasattr(os, "setsid"):
            os.setsid()  # a Ctrl-C in the terminal goes to the caller alone, which then stops us
        threading.Thread(target=_die_with_parent, args=(folder,), daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, name in ((1, "out.txt"), (2, "err.txt")):
        log = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, descriptor)
        os.close(log)
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    _parent = connection
    try:
        message = ("done", fn(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must be told
        message = ("raised", str(error) if isinstance(error, BelimoError) else f"{type(error).__name__}: {error}")
    connection.send(message)


def _die_with_parent(folder: Path) -> None:
    parent = mp.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        shutil.rmtree(folder, ignore_errors=True)
        if not any(folder.parent.iterdir()):
            shutil.rmtree(folder.parent, ignore_errors=True)
        os._exit(1)

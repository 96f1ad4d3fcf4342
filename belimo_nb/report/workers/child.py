"""The process of one job: it sets up folder, environment and output, makes the call and sends back the result."""

from __future__ import annotations

import multiprocessing as mp
import os
import shutil
import tempfile
import threading
from multiprocessing.connection import Connection, wait
from pathlib import Path

from belimo_nb.errors import BelimoError, printable
from belimo_nb.settings.secret import masked

_parent: Connection | None = None  # set in a job's process: the connection to the pool


def kill_group_with_job(pid: int) -> None:
    """Have the pool kill process group `pid` when the job that calls this is killed or crashes."""
    if _parent is not None:
        _parent.send(("group", pid))


def run_job(connection: Connection, folder: Path) -> None:
    """Receive a call over a connection, make it in `folder`, send back the result.

    Messages to the pool: ("began", pid), ("group", pid of a process group to kill with the job), and at the end
    ("done", result) or ("raised", sentence).
    """
    global _parent
    # The time limit counts from this message: a fresh interpreter's start is not the report's own time.
    connection.send(("began", os.getpid()))
    environment, fn, args, kwargs = connection.recv()
    if mp.parent_process() is not None:  # spawned; of a forked job the fork server takes care
        if hasattr(os, "setsid"):
            os.setsid()  # a Ctrl-C in the terminal reaches the caller alone, which then stops its jobs
        threading.Thread(target=_exit_with_parent, args=(folder,), daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    # Descriptors, not sys.stdout: what C libraries and child processes print must not reach the caller's terminal.
    for descriptor, name in ((1, "out.txt"), (2, "err.txt")):
        log = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, descriptor)
        os.close(log)
    # A private working folder: what a notebook writes by a relative path meets no other report and goes with the job.
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    _parent = connection
    try:
        message = ("done", fn(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must be told
        reason = str(error) if isinstance(error, BelimoError) else f"{type(error).__name__}: {error}"
        if isinstance(error, OSError) and error.strerror:
            reason = f"It could not be written ({error.strerror})."
        message = ("raised", masked(printable(reason)))
    connection.send(message)


def _exit_with_parent(folder: Path) -> None:
    """Wait until the parent has died (`kill -9` included), then remove the job's folder and exit."""
    parent = mp.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        shutil.rmtree(folder, ignore_errors=True)
        if not any(folder.parent.iterdir()):  # the last of the jobs removes the pool's folder
            shutil.rmtree(folder.parent, ignore_errors=True)
        os._exit(1)

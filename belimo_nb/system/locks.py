"""Locks between processes on files, which say who holds them."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import filelock

from belimo_nb.system.files import check_regular, read_bytes

NOTICE = 5.0  # seconds of waiting after which it is said whom one waits for
UNKNOWN = "another process"  # who holds a lock, where that is not known
LONGEST = 600.0  # seconds to wait; the slowest device of a sync takes some minutes


class LockedByOtherError(Exception):
    """Another process holds the lock all the time; the text says which, as a noun."""


class NoLocksError(Exception):
    """The disk knows no locks; the text says why."""


@contextlib.contextmanager
def locked(place: Path, wait: float | None = None, on_wait: Callable[[str], object] = lambda _: None) -> Iterator[None]:
    """Hold a lock; it ends with the process, however that ends, so none is left behind.

    Args:
        place: A file of its own for the lock, which stays.
        wait: Seconds to wait for it; None: `LONGEST`.
        on_wait: Called with who holds it after `NOTICE` seconds of waiting.

    Raises:
        LockedByOtherError: It could not be had in that time.
        NoLocksError: The disk knows no locks.
        OSError: The folder cannot be written to, or something else is in the lock's place.
    """
    with contextlib.suppress(FileNotFoundError):
        check_regular(place, place.lstat().st_mode)
    wait = LONGEST if wait is None else wait
    # Without the system's locks a file that merely exists would have to do, and would stay when a process is killed.
    lock = filelock.FileLock(place, mode=0o600, fallback_to_soft=False)
    try:
        try:
            lock.acquire(timeout=min(NOTICE, wait))
        except filelock.Timeout:
            if wait <= NOTICE:
                raise
            on_wait(holder(place))
            lock.acquire(timeout=wait - NOTICE)
    except filelock.Timeout:
        raise LockedByOtherError(holder(place)) from None
    except NotImplementedError as error:
        raise NoLocksError(str(error)) from None
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
            raise NoLocksError(f"the disk knows no locks: {error.strerror}") from None
        raise
    try:
        started = datetime.now().astimezone().isoformat(timespec="seconds")
        with contextlib.suppress(OSError):
            place.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": started}))
        yield
    finally:
        lock.release()


def holder(place: Path) -> str:
    """The process that holds a lock, in words."""
    try:
        body = json.loads(read_bytes(place))
        return f"process {int(body['pid'])} on {body['host']}, since {body['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return UNKNOWN

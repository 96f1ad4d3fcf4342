"""Things that are no file, put where a file should be."""

import contextlib
import os
import socket
import tempfile
import time
from pathlib import Path

with contextlib.suppress(ImportError):
    import resource  # POSIX

ROOM = "LOCKS_PLACES_ROOM"
"""The variable with the bytes that a file takes at most."""


def put(kind, place):
    """Put a folder, a link, a pipe or a socket there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        place.mkdir()
    elif kind == "link":
        place.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        # Through a short path: that of a socket has 103 bytes at most.
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as end:
            (short := Path(folder) / "s").symlink_to(place.parent)
            end.bind(str(short / place.name))


def in_small_pieces():
    """From now on this process asks for few values at once, and no file takes more bytes than `ROOM` says."""
    from belimo_nb.api import history
    from belimo_nb.store import coverage

    history.MAX_BUCKETS = coverage.MAX_BUCKETS = 2000
    room = int(os.environ[ROOM])
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))  # as on a disk that is full


def slowly():
    """From now on this process waits for a moment after each file that it puts into a store."""
    from belimo_nb.store.disk import Store

    write = Store.write

    def wait(self, kept):
        write(self, kept)
        time.sleep(0.1)

    Store.write = wait

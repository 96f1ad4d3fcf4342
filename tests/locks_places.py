"""Things that are no file, put where a file should be."""

import os
import socket
import tempfile
from pathlib import Path


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

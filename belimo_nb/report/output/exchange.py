"""Put a folder in the place of another so that readers find the old one or the new one, never a mixture.

Linux and macOS exchange two folders in one step. Elsewhere the old one is set aside first: who is killed between the
two steps leaves it there, and `recover` brings it back. Why so: docs/decisions/0007-a-run-appears-at-once.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from belimo_nb.errors import BelimoError
from belimo_nb.system.files import sync_folder

ASIDE = "before"  # where a folder stands while another is put in its place in two steps
TRIES, PAUSE = 100, 0.1  # how often and how fast a folder is tried in which another program has a file open (Windows)
MANY_FILES = 1000  # above which all of the disk is flushed at once
HERE, LINUX_EXCHANGE, MACOS_EXCHANGE = -100, 2, 2  # AT_FDCWD, RENAME_EXCHANGE, RENAME_SWAP


def put_in_place(made: Path, place: Path, private: Path) -> None:
    """Put the folder `made` at `place`; a folder that is there already is at `made` afterwards, or gone.

    Args:
        made: The new folder, on the same disk.
        place: Where readers look for it.
        private: A folder beside it that readers do not look into.

    Raises:
        BelimoError: Another program holds a file of the old folder open.
        OSError: The folder cannot be moved.
    """
    # On the disk before anything old goes: a power cut must not leave names without content.
    _flush([made, *(path for path in made.rglob("*") if not path.is_symlink())])
    if not place.exists():
        _retry_while_open(lambda: made.rename(place), place)
    elif not _exchange(made, place):
        aside = private / ASIDE / place.name
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(exist_ok=True)
        _retry_while_open(lambda: place.rename(aside), place)
        made.rename(place)
    # Both folders of the exchange: the new names must be on the disk before what bore them goes.
    for folder in (place.parent, made.parent):
        sync_folder(folder)
    shutil.rmtree(private / ASIDE, ignore_errors=True)


def recover(out: Path, private: Path) -> None:
    """Bring back what a killed process had set aside and not yet replaced."""
    for aside in (private / ASIDE).glob("*"):
        if not (out / aside.name).exists():
            aside.rename(out / aside.name)
    shutil.rmtree(private / ASIDE, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the disk cannot."""
    try:
        library = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return bool(library.renamex_np(os.fsencode(one), os.fsencode(other), MACOS_EXCHANGE) == 0)
        return bool(library.renameat2(HERE, os.fsencode(one), HERE, os.fsencode(other), LINUX_EXCHANGE) == 0)
    except (AttributeError, OSError, TypeError):  # of Windows, or of a C library that is too old
        return False


def _flush(paths: Sequence[Path]) -> None:
    """Have the content of some files on the disk, and the names in some folders."""
    if len(paths) > MANY_FILES and hasattr(os, "sync"):
        os.sync()  # one wait instead of one for each file
        return
    for path in paths:
        if path.is_dir():
            sync_folder(path)
        elif path.is_file():
            # Windows flushes only what may be written to. What we may not open is another's, and no new name loses it.
            with contextlib.suppress(PermissionError), path.open("rb+" if os.name == "nt" else "rb") as stream:
                os.fsync(stream.fileno())


def _retry_while_open(step: Callable[[], object], path: Path) -> None:
    """Take a step that Windows refuses while another program reads a file."""
    for attempt in range(TRIES):
        try:
            step()
        except PermissionError as error:
            if attempt == TRIES - 1:
                raise BelimoError(
                    f"The folder {path} cannot be replaced ({error.strerror}); close its files elsewhere, and run the "
                    "same again with --resume: what is made is kept."
                ) from None
            time.sleep(PAUSE)
        else:
            return

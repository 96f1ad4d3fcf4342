"""Writing files in one step, so that readers see the old or the new one, and none outside their folder."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path
from typing import BinaryIO


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path lies in `folder`, with links in its folders followed, and is no link itself."""
    try:
        parent, root = path.parent.resolve(), folder.resolve()
    except RuntimeError:  # links that lead to themselves, before Python 3.13
        return False
    return (parent == root or root in parent.parents) and path.name not in ("", "..") and not path.is_symlink()


def check_inside(path: Path, folder: Path) -> None:
    """Raise an error for a path that leads out of `folder`, by a symbolic link or by its name.

    Raises:
        OSError: It does.
    """
    if not is_inside(path, folder):
        raise OSError(errno.ELOOP, f"{path.name!r} leads out of {str(folder)!r}", str(path))


def open_file(path: Path) -> BinaryIO:
    """Open a regular file to read; a pipe or a device in its place would be waited for, for ever.

    Raises:
        OSError: There is none, it cannot be read, or it is something else.
    """
    flags = getattr(os, "O_NONBLOCK", 0)
    stream = open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags))  # noqa: SIM115 - the caller's
    try:
        check_regular(path, os.fstat(stream.fileno()).st_mode)
    except OSError:
        stream.close()
        raise
    return stream


def check_regular(path: Path, mode: int) -> None:
    """Raise an error for what is no regular file, by its mode.

    Raises:
        OSError: It is a folder, a link, a pipe, a socket or a device.
    """
    if not stat.S_ISREG(mode):
        code = errno.ELOOP if stat.S_ISLNK(mode) else errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(code, f"{path.name!r} is no regular file", str(path))


def read_bytes(path: Path) -> bytes:
    """Read a regular file whole; raises as `open_file` does."""
    with open_file(path) as stream:
        return stream.read()


def make_private(folder: Path, root: Path) -> None:
    """Make a folder at or below `root` if need be; all below `root`, and what is made, are their owner's alone.

    Raises:
        OSError: It cannot be made, or is another user's.
    """
    missing = not root.exists()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    below = [folder, *folder.parents][: len(folder.relative_to(root).parts)]
    for place in [*below[::-1], *[root] * missing]:
        place.mkdir(mode=0o700, exist_ok=True)
        if os.name == "posix" and stat.S_IMODE(place.stat().st_mode) != 0o700:
            place.chmod(0o700)  # an earlier version made it, or the umask is a strange one


def sync_folder(folder: Path) -> None:
    """Flush a folder to the disk, so that a rename in it survives a power cut."""
    # Windows cannot open folders.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(
    path: Path,
    text: str | bytes,
    *,
    private: bool = False,
    inside: Path | None = None,
    durable: bool = False,
    draft: str = ".",
) -> None:
    """Write a UTF-8 text file, or bytes, in one step; its folder is made if need be.

    Args:
        path: The file.
        text: The content, written with its line ends as they are; or bytes of any file.
        private: Readable by the owner alone, and so are the folders that are `inside`.
        inside: A folder that others may have written to: nothing is written outside it, and links are not followed.
        durable: Return when it is on the disk, so that a power cut takes neither its content nor its name.
        draft: How the name of its draft begins, which a writer that is killed leaves.

    Raises:
        OSError: It cannot be written, or lies outside.
    """
    if inside is not None:
        check_inside(path, inside)
    if inside is not None and private:
        make_private(path.parent, inside)
    path = path.resolve()  # a symbolic link of the user's own stays, with its target replaced
    if path.is_char_device() or path.is_block_device():  # which an administrator could replace
        raise OSError(errno.EINVAL, f"{path.name!r} is a device", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name that nobody can guess, in the same folder: a rename is atomic only within one file system.
    written = path.with_name(f"{draft}{secrets.token_hex(8)}.tmp")
    try:
        # Private from the first byte on: a chmod afterwards would leave a moment in which others can open it.
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text if isinstance(text, bytes) else text.encode())
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        written.replace(path)
        if durable:
            sync_folder(path.parent)
    finally:
        written.unlink(missing_ok=True)

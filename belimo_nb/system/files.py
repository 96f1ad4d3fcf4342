"""Writing files so that a reader sees the old one or the new one, never half of it, and none outside their folder."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

__all__ = ["check_inside", "is_inside", "write_text"]


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a file's folder lies in `folder`, links followed; the file itself is no link."""
    parent, root = path.parent.resolve(), folder.resolve()
    return (parent == root or root in parent.parents) and path.name not in ("", "..") and not path.is_symlink()


def check_inside(path: Path, folder: Path) -> None:
    """Refuse a path that leads out of its folder, by a symbolic link or by its name.

    Raises:
        OSError: It does.
    """
    if not is_inside(path, folder):
        raise OSError(errno.ELOOP, f"{path.name!r} leads out of {str(folder)!r}", str(path))


def write_text(path: Path, text: str, *, private: bool = False, inside: Path | None = None) -> None:
    """Write a UTF-8 text file in one step; its folder is made if need be.

    Args:
        path: The file. A symbolic link stays, and its target is replaced.
        text: The content, written with its line ends as they are.
        private: For the owner's eyes only, from the first byte on.
        inside: A folder that others may have prepared: nothing is written outside it, and links are not followed.

    Raises:
        OSError: It cannot be written, or lies outside.
    """
    if inside is not None:
        check_inside(path, inside)
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)

"""Writing `.env` files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from belimo_nb.errors import SettingsError
from belimo_nb.system.files import write_text

__all__ = ["update"]

PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


def update(path: Path, values: Mapping[str, str]) -> None:
    """Set some variables of a `.env` file; its other lines stay, and only the owner may read it.

    Args:
        path: The file; made if need be.
        values: Names and values; a name that the file has already gets its new value in place.

    Raises:
        SettingsError: The file cannot be read or written.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines() if path.exists() else []
        left = dict(values)
        for number, line in enumerate(lines):
            match = re.match(r"\s*(?:export\s+)?(\w+)\s*=", line)
            if match and match[1] in values:
                lines[number] = f"{match[1]}={_quoted(values[match[1]])}"
                left.pop(match[1], None)
        lines += [f"{name}={_quoted(value)}" for name, value in left.items()]
        write_text(path, "".join(f"{line}\n" for line in lines), private=True)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {str(path)!r} cannot be written ({error}); choose another.") from None


def _quoted(value: str) -> str:
    """A value as python-dotenv and shells read it back."""
    if PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

"""Whether credentials may go to the addresses: both from one place, or confirmed once by the user."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from belimo_nb.errors import SettingsError
from belimo_nb.settings.parse import PREFIX, home_folder
from belimo_nb.system.files import read_bytes, write_text

ADDRESSES = ("api_url", "token_url")
SET_BY_USER = ("argument", "environment", "default", "demo cloud")  # whoever sets these can take the password anyway


def check_origins(
    values: Mapping[str, str], origins: Mapping[str, str], secret: str, *, named: bool, trust: bool
) -> None:
    """Refuse to send a credential to an address from a file that its owner may not know of.

    That is: from a `.env` that was only found, while the credential comes from elsewhere; or from any file that belongs
    to another user or that others can write to.

    Args:
        values: The settings.
        origins: Where each came from.
        secret: The credential.
        named: Whether the user named the file.
        trust: Confirm what would be refused, for this and every later time.

    Raises:
        SettingsError: It is refused, or cannot be confirmed.
    """
    for name in ADDRESSES:
        place = origins[name]
        if place in SET_BY_USER:
            continue
        fault = _in_other_hands(Path(place))
        if not fault and (named or origins[secret] == place):
            continue
        texts = (*(values[address] for address in ADDRESSES), place, origins[secret], fault)
        mark = hashlib.sha256("\0".join(texts).encode()).hexdigest()
        if trust:
            _confirm(mark)
        elif mark not in _confirmed():
            other = "the same file" if origins[secret] == place else _in_words(origins[secret])
            where = f"{place}, {fault}" if fault else place
            raise SettingsError(
                f"{PREFIX}{secret.upper()} comes from {other}, but {PREFIX}{name.upper()} ({values[name][:80]}) from "
                f"{where}; set both in one place of your own, or confirm it once by `belimo-nb login --trust`."
            )


def _in_words(origin: str) -> str:
    return f"the {origin}" if origin in SET_BY_USER else origin


def _in_other_hands(path: Path) -> str:
    """Who else can change a file, as the end of a sentence; "" if it is the user's own."""
    if os.name != "posix":
        return ""
    try:
        found = path.stat()
    except OSError:
        return ""
    if found.st_uid not in (0, os.getuid()):
        return "which belongs to another user"
    # Many systems give each user a group of its own, of the same number.
    shared = found.st_mode & 0o002 or (found.st_mode & 0o020 and found.st_gid != found.st_uid)
    return "which others can write to" if shared else ""


def _file() -> Path | None:
    folder = home_folder("config")
    return None if folder is None else folder / "confirmed.json"


def _confirmed() -> list[str]:
    try:
        path = _file()
        found = [] if path is None else json.loads(read_bytes(path))
    except (OSError, ValueError, RecursionError):
        return []
    return [mark for mark in found if isinstance(mark, str)] if isinstance(found, list) else []


def _confirm(mark: str) -> None:
    path = _file()
    if path is None:
        raise SettingsError("The confirmation cannot be kept, for this user has no home folder; set both in one place.")
    try:
        write_text(path, json.dumps(sorted({*_confirmed(), mark})), private=True)
    except OSError as error:
        raise SettingsError(f"The confirmation cannot be kept ({error.strerror}); set both in one place.") from None

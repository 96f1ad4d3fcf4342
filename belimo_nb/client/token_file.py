"""The token file: an access token kept between runs, readable by its user alone. The password is never written."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from belimo_nb.errors import SettingsError
from belimo_nb.settings import Settings
from belimo_nb.settings.parse import home_folder
from belimo_nb.settings.secret import Secret
from belimo_nb.system.files import open_file, write_text

LETTERS = re.compile("[!-~]{1,16384}")
STALE = 60 * 86400.0  # age in seconds at which a token file is deleted: passwords last 60 days, so it is of no more use


def is_token(found: Mapping[str, Any]) -> bool:
    """Whether an access token, and perhaps a refresh token, have only letters that a request can hold (RFC 6750)."""
    texts = [found.get("access_token")] + [found.get("refresh_token")] * (found.get("refresh_token") is not None)
    return all(isinstance(text, str) and LETTERS.fullmatch(text) for text in texts)


class TokenFile:
    """The file with the token of one account, client and address, by default in the user's cache folder."""

    def __init__(self, settings: Settings, folder: Path | None = None) -> None:
        folder = folder or home_folder("cache")
        self.path = None if folder is None else folder / f"token-{_fingerprint(settings)}.json"

    def read(self) -> dict[str, Any] | None:
        """Read the token of an earlier run, or None: str access_token, float renew_at, perhaps str refresh_token.

        Raises:
            SettingsError: Other users of this machine can read the file.
        """
        if self.path is None:
            return None
        try:
            with open_file(self.path) as file:
                # Of the open file, not of its name, which may be replaced between check and use.
                if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                    raise SettingsError(
                        f"The token file {self.path} can be read by other users of this machine, so it is not used; "
                        "delete it and change your password."
                    )
                token = json.load(file)
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(token, dict) or not is_token(token) or not isinstance(token.get("renew_at"), int | float):
            return None
        return {key: Secret(value) if isinstance(value, str) else value for key, value in token.items()}

    def write(self, token: Mapping[str, Any]) -> None:
        """Write the token, if the folder takes it."""
        if self.path is None:  # the user has no home
            return
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) != 0o700:
                folder.chmod(0o700)  # it was there before, and others could put a token of theirs into it
            write_text(self.path, json.dumps(token), private=True)
            for old in folder.glob("token-*.json"):
                if old.stat().st_mtime < time.time() - STALE:
                    old.unlink(missing_ok=True)
        except OSError as error:
            # No failure: it only costs a sign-in in each run.
            logging.getLogger(__name__).info("The token is not kept for the next run (%s).", error)


def _fingerprint(settings: Settings) -> str:
    """A name for the settings that a token belongs to, without account names in it."""
    addresses = (settings.token_url, settings.api_url)
    parts = (*addresses, settings.client_id, settings.username, settings.audience, settings.scope)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

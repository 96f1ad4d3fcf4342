"""What a report needs besides history, kept for work without the cloud.

That is the list of devices, the fleet's statistics, dataprofiles and timelines. One JSON file each, readable by its
owner alone: names and addresses are in them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from belimo_nb.store.coverage import LATEST
from belimo_nb.store.disk import source_folder
from belimo_nb.system.files import check_inside, write_text

if TYPE_CHECKING:
    import pandas as pd

    from belimo_nb.settings import Settings

__all__ = ["Answer", "Answers"]

VERSION = 1
LISTS = ("devices", "timeline")
"""Kinds of answers that are rows; the others are objects."""


@dataclass(frozen=True)
class Answer:
    """A kept answer.

    Attributes:
        asked: When the cloud was asked, seconds since 1970.
        body: What it said.
    """

    asked: int
    body: Any


class Answers:
    """The kept answers of one account.

    Args:
        settings: Which cloud and account, and where data are kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._offline = settings.offline
        self._since = None if settings.fresh_since is None else int(settings.fresh_since.timestamp())
        account = hashlib.sha256(settings.username.encode()).hexdigest()[:12]
        self._root = settings.data_dir
        self.folder = settings.data_dir / "answers" / f"v{VERSION}" / source_folder(settings) / account

    def __repr__(self) -> str:
        return f"<Answers {self.folder}>"

    @functools.cached_property
    def as_of(self) -> pd.Timestamp | None:
        """When the kept list of devices was asked for (aware, UTC); None if there is none."""
        import pandas as pd

        listed = self.read("devices")
        return None if listed is None else pd.Timestamp(listed.asked, unit="s", tz="UTC")

    def through(self, name: str, ask: Callable[[], Any], now: int, *, forever: bool = False) -> Answer:
        """What `ask` gives, which is then kept under the name; or what is kept, where that will do.

        Args:
            name: The name.
            ask: Asks the API.
            now: The time, seconds since 1970.
            forever: The answer never changes.
        """
        if forever or self._offline or self._since is not None:
            known = self.read(name)
            if known and (forever or self._offline or (self._since is not None and known.asked >= self._since)):
                return known
        answer = Answer(now, ask())
        self.keep(name, now, answer.body)
        return answer

    def read(self, name: str) -> Answer | None:
        """The answer kept under a name; None if there is none, or none that can be believed."""
        path = self.folder / _file(name)
        try:
            check_inside(path, self._root)
            whole = json.loads(path.read_text(encoding="utf-8"))
            body, asked = whole["body"], whole["asked"]
            if whole["version"] != VERSION or whole["name"] != name or whole["digest"] != _digest(body):
                return None
            if name.split(" ")[0] in LISTS:
                good = isinstance(body, list) and all(isinstance(row, dict) for row in body)
            else:
                good = isinstance(body, dict)
            return Answer(asked, body) if good and type(asked) is int and abs(asked) <= LATEST else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def keep(self, name: str, asked: int, body: Any) -> None:
        """Keep an answer. If that fails, it is only asked for again: the store of history tells of a full disk."""
        whole = {"version": VERSION, "name": name, "asked": asked, "digest": _digest(body), "body": body}
        with contextlib.suppress(OSError):
            write_text(self.folder / _file(name), json.dumps(whole), private=True, inside=self._root)


def _file(name: str) -> str:
    kind = name.split(" ")[0]
    return f"{kind}.json" if kind == name else f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"


def _digest(body: Any) -> str:
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]

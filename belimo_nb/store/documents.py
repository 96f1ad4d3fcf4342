"""Kept JSON documents for work offline: the device list, the fleet's statistics, dataprofiles and timelines."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from belimo_nb.errors import CloudError, whole_letters
from belimo_nb.store.coverage import LATEST
from belimo_nb.store.disk import source_folder
from belimo_nb.system.files import check_inside, read_bytes, write_text

if TYPE_CHECKING:
    import pandas as pd

    from belimo_nb.settings import Settings

VERSION = 1
LISTS = ("devices", "timeline")  # kinds of documents that are lists of rows; the others are objects


@dataclass(frozen=True)
class Document:
    """A JSON document of the API.

    Attributes:
        asked: When it was fetched, seconds since 1970.
        body: The JSON.
    """

    asked: int
    body: Any


class DocumentStore:
    """The kept documents of one account of one cloud, one JSON file each."""

    def __init__(self, settings: Settings) -> None:
        self._offline = settings.offline
        self._since = None if settings.fresh_since is None else int(settings.fresh_since.timestamp())
        # Accounts see different devices, so each has its folder; hashed, since the name is an e-mail address.
        account = hashlib.sha256(settings.username.encode()).hexdigest()[:12]
        self._root = settings.data_dir
        self.folder = settings.data_dir / "answers" / f"v{VERSION}" / source_folder(settings) / account

    def __repr__(self) -> str:
        return f"<DocumentStore {self.folder}>"

    @functools.cached_property
    def as_of(self) -> pd.Timestamp | None:
        """When the kept list of devices was fetched (aware, UTC); None if there is none."""
        # Read from the disk once, since every look at the clock asks for it; pandas late, for who never works offline.
        import pandas as pd

        listed = self.read("devices")
        return None if listed is None else pd.Timestamp(listed.asked, unit="s", tz="UTC")

    def get_or_ask(
        self,
        name: str,
        ask: Callable[[], Any],
        now: int,
        *,
        lasts: int = 0,
        believed: Callable[[Any], bool] = lambda _: True,
        whole: Callable[[Any], bool] = lambda _: True,
        completed: Callable[[Any, Any], Any] | None = None,
    ) -> Document:
        """Give the kept document of a name if it is current, else ask for it and keep it.

        Args:
            name: The kind, and after a blank what it is about.
            ask: Asks the cloud.
            now: Seconds since 1970.
            lasts: Seconds for which a kept one will do, and longer where the cloud does not give it any more; 0: it can
                change at any time.
            believed: Whether a document, kept or new, is one; else it is neither taken from the disk nor kept.
            whole: Whether a kept one seems to lack nothing; else it is asked for again, however new it is.
            completed: Adds to a new one what only the kept one has, which comes first: absence takes nothing away.
        """
        known = self.read(name) if lasts or completed or self._offline or self._since is not None else None
        if known and not believed(known.body):
            known = None
        # Within one run of reports (`since`), all of them show the same state of the fleet, fetched once.
        of_run = self._since is not None and known is not None and known.asked >= self._since
        if known and (self._offline or of_run or (lasts and known.asked > now - lasts and whole(known.body))):
            return known
        try:
            body = ask()
        except CloudError:
            if known and lasts:
                return known
            raise
        if known and completed:
            body = completed(known.body, body)
        # A list without a row takes no kept one away, such as all devices of an account.
        lost = None if body else known or self.read(name)
        if believed(body) and not (lost and lost.body):
            self.write(name, now, body)
        return Document(now, body)

    def read(self, name: str) -> Document | None:
        """Read the document of a name; None if there is none, or it is damaged."""
        path = self.folder / _file(name)
        try:
            check_inside(path, self._root)
            whole = json.loads(read_bytes(path))
            body, asked = whole["body"], whole["asked"]
            if whole["version"] != VERSION or whole["name"] != name or whole["digest"] != _digest(body):
                return None
            body = whole_letters(body)  # an earlier version kept halves
            if name.split(" ")[0] in LISTS:
                good = isinstance(body, list) and all(isinstance(row, dict) for row in body)
            else:
                good = isinstance(body, dict)
            return Document(asked, body) if good and type(asked) is int and abs(asked) <= LATEST else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, name: str, asked: int, body: Any) -> None:
        """Keep a document under a name."""
        whole = {"version": VERSION, "name": name, "asked": asked, "digest": _digest(body), "body": body}
        # Silent: it will only be fetched again, and the store of history tells of a full disk. Private: names and
        # addresses of people's buildings are in it.
        with contextlib.suppress(OSError):
            write_text(self.folder / _file(name), json.dumps(whole), private=True, inside=self._root)

    def clear(self) -> None:
        """Delete all documents, the list of devices first.

        Raises:
            OSError: One cannot be deleted.
        """
        for path in sorted(self.folder.glob("*.json"), key=lambda each: each.name != _file("devices")):
            check_inside(path, self._root)
            path.unlink(missing_ok=True)


def _file(name: str) -> str:
    kind = name.split(" ")[0]
    return f"{kind}.json" if kind == name else f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"


def _digest(body: Any) -> str:
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]

"""The last choice, kept in the data folder: one small file for each cloud and account."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from belimo_nb.explorer.choice import Choice
from belimo_nb.store.disk import source_folder
from belimo_nb.system.files import check_inside, write_text

if TYPE_CHECKING:
    from belimo_nb.settings import Settings

__all__ = ["keep", "kept", "path_of"]

VERSION = 1


def path_of(settings: Settings) -> Path:
    """Where the choice is kept: ``<data dir>/explore/v1/<cloud>/<account>.json``."""
    account = hashlib.sha256(settings.username.encode()).hexdigest()[:12]
    return settings.data_dir / "explore" / f"v{VERSION}" / source_folder(settings) / f"{account}.json"


def kept(settings: Settings) -> Choice | None:
    """The last choice; None if there is none, or none that can be read: it is no loss."""
    path = path_of(settings)
    try:
        check_inside(path, settings.data_dir)
        return Choice.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def keep(settings: Settings, choice: Choice) -> None:
    """Keep a choice for the next time; a disk that takes none is no reason to stop."""
    try:
        text = json.dumps(choice.as_json(), indent=1) + "\n"
        write_text(path_of(settings), text, private=True, inside=settings.data_dir)
    except OSError as error:
        logging.getLogger(__name__).info("The choice is not kept for the next time (%s).", error)

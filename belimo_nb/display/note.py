"""Notes: sentences set apart from the text, with a level."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from belimo_nb.display.base import Displayed, esc
from belimo_nb.errors import UsageError

ABSENT = "absent"  # level of what a notebook says of a section that has nothing to show; a report leaves that out
LEVEL_WORDS: Mapping[str, str] = {"info": "Note", "warn": "Warning", "problem": "Problem", ABSENT: "Note"}


@dataclass(frozen=True, repr=False)
class Note(Displayed):
    """A note; made by `note`."""

    kind: ClassVar[str] = "note"

    message: str
    level: str = "info"
    names: tuple[str, ...] = ()  # of devices in the message, to link to their pages

    def __post_init__(self) -> None:
        if self.level not in LEVEL_WORDS:
            raise UsageError(f'No level "{self.level}" for a note; use one of {", ".join(LEVEL_WORDS)}.')

    def data(self) -> dict[str, Any]:
        """Text and level."""
        return {"text": self.message, "level": self.level}

    def html(self) -> str:
        """A paragraph with the level as a word: color alone tells nothing to those who do not see it."""
        word, message = LEVEL_WORDS[self.level], esc(self.message)
        if self.names:  # the longest first: one may be a part of another
            names = "|".join(re.escape(esc(name)) for name in sorted(self.names, key=len, reverse=True))
            message = re.sub(rf"(?<!\w)(?:{names})(?!\w)", r"<span data-page>\g<0></span>", message)
        return f'<p class="bnb bnb-note bnb-{self.level}" role="note"><strong>{word}:</strong> {message}</p>'

    def text(self) -> str:
        """Level and message in a line."""
        return f"{LEVEL_WORDS[self.level]}: {self.message}"


def note(text: str, level: str = "info", names: Iterable[str] = ()) -> Note:
    """Make a note.

    Args:
        text: The message.
        level: "info", "warn", "problem", or "absent": a report leaves out a section that has nothing else to show.
        names: Of devices in the message, which link to their pages.
    """
    return Note(text, level, tuple(names))

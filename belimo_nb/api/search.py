"""Search in names as people type them: whatever the case, and however an umlaut is written."""

from __future__ import annotations

import re
import unicodedata

UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
TWO_SPELLINGS = re.compile(r"ae|oe|ue|aa|ss|[^\x00-\x7f]")  # what a name may write in another way


def folded(text: object) -> str:
    """The text without what searches do not tell apart: "Kälte", "KAELTE", and "Kälte" with a composed ä are one."""
    # Composed first: many systems write an umlaut as a letter and a mark behind it.
    plain = unicodedata.normalize("NFC", str(text)).casefold().translate(UMLAUTS)
    return "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))


def has_two_spellings(text: str) -> bool:
    """Whether a name may hold this text in another spelling, so that a search by bytes would miss it."""
    return TWO_SPELLINGS.search(text.casefold()) is not None

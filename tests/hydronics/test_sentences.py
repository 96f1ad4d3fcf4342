"""The page of all sentences that the checks can say is complete."""

from pathlib import Path

import pytest
from sentences import literals

from belimo_nb.hydronics import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "sentences.md"


@pytest.mark.parametrize("file", sorted(literals()))
def test_every_part_of_a_sentence_has_an_example(file):
    """What a check's code can say stands on the page; if not: `python docs/make_sentences.py`, after a test of it."""
    text = PAGE.read_text(encoding="utf-8").replace("\\", "")
    assert [part for part in literals()[file] if part not in text] == []


def test_every_check_has_its_sentences():
    """In the order of the checks, each warning and fault with what to do."""
    text = PAGE.read_text(encoding="utf-8")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(CHECKS)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith(("| fault", "| warn"))]
    assert len(rows) > 20
    assert all(len(row) == 3 and row[2].strip(" |") for row in rows)

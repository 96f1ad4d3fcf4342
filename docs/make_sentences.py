"""Writes the page of all sentences that the checks can say: the tests of the checks run, and examples are picked.

The fewest verdicts of these tests that contain every part of a sentence in the code, see `tests/sentences.py`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from belimo_nb.hydronics import CHECKS, Verdict
from tests.sentences import literals

ROOT = Path(__file__).parents[1]
ORDER = ("fault", "warn", "ok", "cannot judge")
HEAD = """# What the checks can say

Every sentence that a check of a valve can say, with an example and what it advises. The examples are of made-up valves,
so their figures mean nothing. `docs/make_sentences.py` writes the page from the code and its tests; a test fails if a
sentence is missing. What the verdicts rest on, [hydronics](hydronics.md) tells.
"""


class Recorder:
    """Keeps every verdict that is made while tests run."""

    def __init__(self) -> None:
        self.verdicts: dict[tuple[str, str, str, str], None] = {}
        made, kept = Verdict.__init__, self.verdicts

        def init(verdict: Verdict, /, *args: object, **options: object) -> None:
            made(verdict, *args, **options)  # type: ignore[arg-type]
            kept[verdict.check, verdict.verdict, verdict.sentence, verdict.recommendation] = None

        Verdict.__init__ = init  # type: ignore[assignment]


def picked(verdicts: list[tuple[str, str, str, str]]) -> tuple[list[tuple[str, str, str, str]], set[str]]:
    """The fewest verdicts with every part of a sentence, and the parts that none of them has."""
    left = {part for parts in literals().values() for part in parts}
    has = {verdict: {part for part in left if part in f"{verdict[2]} {verdict[3]}"} for verdict in verdicts}
    found = []
    while best := max(has, key=lambda verdict: (len(has[verdict] & left), -len(verdict[2])), default=None):
        if not has[best] & left:
            break
        found.append(best)
        left -= has[best]
    return sorted(found, key=lambda it: (CHECKS.index(it[0]), ORDER.index(it[1]), it[2])), left


def main() -> None:
    """Run the tests of the checks, and write the page; parts of sentences that no test makes end it with a list."""
    recorder = Recorder()
    arguments = ["-q", "-n", "0", "-p", "no:cacheprovider", "--deselect", "tests/hydronics/test_hydronics_truth.py"]
    pytest.main([*arguments, str(ROOT / "tests" / "hydronics")])
    rows, missing = picked([verdict for verdict in recorder.verdicts if verdict[0] in CHECKS])
    page = [HEAD]
    for check in CHECKS:
        page += [f"## {check}\n", "| verdict | what it says | what to do |", "|---|---|---|"]
        page += [f"| {v} | {_cell(said)} | {_cell(advice)} |" for name, v, said, advice in rows if name == check]
        page.append("")
    (ROOT / "docs" / "sentences.md").write_text("\n".join(page), encoding="utf-8")
    if missing:
        sys.exit("No test makes these parts of sentences:\n" + "\n".join(sorted(missing)))


def _cell(text: str) -> str:
    return re.sub(r"([|<>*_])", r"\\\1", text)


if __name__ == "__main__":
    main()

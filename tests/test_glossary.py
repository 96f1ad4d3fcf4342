"""One term for one thing: the glossary, and spellings that mean the same and are not used."""

import json
import re
from pathlib import Path

import pytest

from belimo_nb.report.page.terms import glossary

ROOT = Path(__file__).parent.parent
# The demo cloud's datapoints have the vendor's names.
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "belimo_nb/**/*.py", "belimo_nb/**/*.html", "benchmarks/*.py")
    for path in ROOT.glob(pattern)
    if ROOT / "belimo_nb" / "demo" not in path.parents
)
NOT_USED = {
    r"data[ -]points?": "datapoint",
    r"data[ -]profiles?": "dataprofile",
    r"set[ -]points?": "setpoint",
    r"delta[ _]?T|ΔT|delta temperature": "delta-T",
    r"heating degree[ -]days?": "degree days",
    r"change[ -]?points?|balance temperature|base temperature": "balance point",
    r"base consumption|base[ -]use": "base load",
    r"duration curve(?<!load duration curve)": "load duration curve",
    r"time[ -]?steps?|granularity": "resolution, or bucket",
    r"meter readings?|totali[sz]er": "counter, and its reading",
    r"oscillat\w+": "hunting",
    r"roll-?over": "reset",
    r"grey\w*|colour\w*|behaviour|neighbour\w*|centre|metres?|catalogue|favourite": "the American spelling",
}
FORBIDDEN = re.compile("|".join(rf"\b({pattern})\b" for pattern in NOT_USED), re.IGNORECASE)
CODE = re.compile(r"DeltaT_\w+|delta_t\w*|\"delta ?t\"")
"""Names in code and of the vendor's datapoints."""


def written(path):
    """What people wrote in a file; of a notebook its cells without their outputs."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def told(text):
    """The spellings in a text that are not used, with the term that is."""
    terms = list(NOT_USED.values())
    return [(found[0], terms[found.lastindex - 1]) for found in FORBIDDEN.finditer(CODE.sub("", text))]


def test_one_term_for_one_thing():
    """Code, docs and notebooks use the glossary's terms."""
    pages = [*PAGES, *sorted((ROOT / "notebooks").glob("*.ipynb"))]
    assert len(pages) > 200
    found = {path.relative_to(ROOT).as_posix(): told(written(path)) for path in pages}
    assert {page: spellings for page, spellings in found.items() if spellings} == {}


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("its data points", "datapoint"),
        ("the position set point", "setpoint"),
        ("a low Delta T", "delta-T"),
        ("the duration curve", "load duration curve"),
        ("a Grey ray", "the American spelling"),
    ],
)
def test_other_spellings_are_told(text, term):
    """A spelling that is not used would be found."""
    assert [instead for _, instead in told(text)] == [term]
    assert told(f"The {term}, the load duration curve, offset points, `delta_t_k` and DeltaT_K.") == []


def test_the_glossary_is_in_use():
    """Each of its terms is used somewhere else."""
    terms = glossary()
    assert len(terms) > 40
    elsewhere = "\n".join(written(path) for path in PAGES if path.name != "glossary.md").lower().replace("_", " ")
    assert [term for term in terms if term.lower() not in elsewhere] == []


def test_a_spelling_has_one_term():
    """No two terms share a spelling, each has a meaning in one phrase, and they stand in order."""
    spellings = [spelling.lower() for term, (also, _) in glossary().items() for spelling in (term, *also)]
    assert sorted(set(spellings)) == sorted(spellings)
    assert [term for term, (_, meaning) in glossary().items() if not meaning or meaning.endswith(".")] == []
    assert list(glossary()) == sorted(glossary(), key=str.lower)

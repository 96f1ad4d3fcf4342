"""The list of promises in docs/security.md, held against the tests that it names."""

import ast
import re
from pathlib import Path

import pytest

from belimo_nb.api import history, paging
from belimo_nb.cli.report import LONGEST_LIMIT_MINUTES, TIME_LIMIT_MINUTES
from belimo_nb.client import http, responses, retries
from belimo_nb.report.output import folder
from belimo_nb.settings import parse
from belimo_nb.system import locks

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| promise")
]
NAMED = re.findall(r"`((?:\w+/)?test_\w+\.py)::(test_\w+)`", PAGE)
WHOLE = ["test_secrecy.py", "client/test_certificates.py", "test_hostile_cloud.py", "test_hostile_folders.py"]


def functions(name: str) -> set[str]:
    """The tests in a file."""
    tree = ast.parse((TESTS / name).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_promise_has_its_tests():
    """Each row is a promise and names at least one test in its last column."""
    assert len(ROWS) >= 20
    for row in ROWS:
        assert len(row) == 3, row
        assert row[0]
        assert re.fullmatch(r"`[\w/]+\.py::\w+`(, `[\w/]+\.py::\w+`)*", row[2]), row[0]


@pytest.mark.parametrize(("name", "test"), NAMED, ids=[f"{name}-{test}" for name, test in NAMED])
def test_every_named_test_is_there(name, test):
    """No test is named that does not exist."""
    assert test in functions(name)


@pytest.mark.parametrize("name", WHOLE)
def test_every_test_of_security_is_named(name):
    """What is tested about security is promised: each test of these files has its place in the list."""
    assert functions(name) <= {test for file, test in NAMED if file == name}


def test_every_limit_has_its_test():
    """Each row of the stated limits names a test that exists, and the figures are those of the code."""
    page = (TESTS.parent / "docs" / "faults.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `([\w/]+\.py)::(\w+)` \|$", page, re.M)
    assert len(rows) >= 15
    for what, _, name, test in rows:
        assert test in functions(name), what
    stated = " ".join(limit.replace(",", "") for _, limit, _, _ in rows)
    figures = (
        *http.TIMEOUT, http.MAX_ANSWER_SECONDS, http.MAX_ANSWER_BYTES / 2**20, responses.MAX_ANSWER_VALUES,
        paging.MAX_PAGES, paging.MAX_ROWS, retries.MAX_TRIES, retries.MAX_TRIES_TIMEOUT, retries.MAX_TRIES_RATE_LIMITED,
        retries.MAX_WAIT, locks.LONGEST, locks.NOTICE, folder.LOCK_TIMEOUT, TIME_LIMIT_MINUTES,
        LONGEST_LIMIT_MINUTES, history.MAX_STEP / 86400, parse.FIRST_YEAR, parse.LAST_YEAR,
    )  # fmt: skip
    for figure in figures:
        assert re.search(rf"(?<!\d){figure:.0f}(?!\d)", stated), figure

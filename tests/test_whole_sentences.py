"""What people read: nouns that agree with their number, and sentences that stand in the code as wholes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import belimo_nb
from belimo_nb.display.numbers import plural as on_pages
from belimo_nb.quantities import plural

PACKAGE = Path(belimo_nb.__file__).parent
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if PACKAGE / "demo" not in path.parents]
TEMPLATES = sorted((PACKAGE / "report" / "templates").rglob("*.j2"))
NOUN = (
    r"(bytes|checks|columns|datapoints|days|devices|dropouts|files|findings|hours|intervals|kinds|lines|meters|minutes|"
    r"months|nights|others|plants|points|readings|reports|requests|resets|rows|samples|seconds|settings|times|"
    r"valves|values|zeros)"
)
AFTER_A_COUNT = re.compile(rf"[ \u00a0](?:(?:active|energy|full|kept|known|local|more|new|other) )?{NOUN}\b")
NEVER_ONE = re.compile(r"[A-Z]{3}|:\.\d[fg]|:g|, 1\)$")
"""Limits of the code, which are not 1, and numbers with decimals."""
PLAIN = (
    "{len(keys)} valves are named; ",
    "{count} datapoints are chosen, ",
    " {left} files are not imported.",
    "{high - low:,} intervals of ",
    "The cloud counts {str(count)[:20]} rows ",
    "on the {weather} days ",
)
"""Only said of two and more, or no count."""


def texts(tree: ast.AST) -> Iterator[str]:
    """The f-strings of a module, as written between the quotes, and its other strings but docstrings."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.JoinedStr):
                yield "".join(
                    part.value if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}{_format(part)}}}"
                    for part in child.values
                )
            elif isinstance(child, ast.Constant) and isinstance(child.value, str) and not isinstance(node, ast.Expr):
                yield child.value


def _format(part: ast.FormattedValue) -> str:
    return "" if part.format_spec is None else f":{ast.unparse(part.format_spec)[2:-1]}"


def uncertain(text: str) -> list[str]:
    """Counts that a noun follows which is right for many alone, and nouns that leave it open."""
    counts = re.finditer(r"\{([^{}]*)\}", text)
    found = [
        text[count.start() : noun.end()]
        for count in counts
        if (noun := AFTER_A_COUNT.match(text, count.end()))
        and not count[1].startswith("plural(")
        and not NEVER_ONE.search(count[1])
    ]
    return found + re.findall(r"\w+\(s\)|\w+\(ies\)", text)


@pytest.mark.parametrize("count", [0, 1, 2, 1234])
def test_a_noun_agrees_with_its_count(count: int) -> None:
    """One is one, nothing and many are many; thousands are as the place wants them."""
    assert plural(count, "valve") == {1: "1 valve", 1234: "1,234 valves"}.get(count, f"{count} valves")
    assert on_pages(count, "day was", "days were") == {1: "1 day was", 1234: "1\u202f234 days were"}.get(
        count, f"{count} days were"
    )


def test_no_sentence_says_1_valves() -> None:
    """Where a count stands before a noun, `plural` has written both; no "valve(s)" anywhere."""
    found = {
        path.relative_to(PACKAGE).as_posix(): told
        for path in MODULES
        if (
            told := [
                part
                for text in texts(ast.parse(path.read_text(encoding="utf-8")))
                if not text.startswith(PLAIN)
                for part in uncertain(text)
            ]
        )
    }
    assert found == {}


def test_no_template_says_1_valves() -> None:
    """As in the code."""
    assert len(TEMPLATES) > 2
    found = [
        (path.name, told)
        for path in TEMPLATES
        for told in re.findall(rf"\}}\}} (?:\w+ )?{NOUN}\b|\}}\}}s\b", path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{len(found)} valves", ["{len(found)} valves"]),
        ("{n:,} more days", ["{n:,} more days"]),
        ("{plural(n, 'day')} of {MAX_DAYS} days", []),
        ("{hours:.1f} hours of valve(s)", ["valve(s)"]),
        ("a {name} names the others", []),
    ],
)
def test_a_wrong_sentence_would_be_found(text: str, found: list[str]) -> None:
    """What the two tests above look for."""
    assert uncertain(text) == found


WORD = re.compile(r"[A-Za-z]{2}")
SENTENCE = re.compile(r" ?[A-Z\u201c].*\.", re.DOTALL)
TAIL = re.compile(r"[,;:] ?\w| [a-z(]", re.DOTALL)
MARKUP = re.compile(r"bnb-|class=|; charset")


def words(node: ast.AST) -> str:
    """The words of a string or an f-string in the code; "" of anything else, and of what is for machines."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    known = "".join(str(p.value) if isinstance(p, ast.Constant) and isinstance(p.value, str) else "9" for p in parts)
    literal = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    return known if literal and WORD.search(known) and not MARKUP.search(known) else ""


def said(node: ast.AST) -> str:
    """As `words`, of more than one."""
    return known if " " in (known := words(node)) else ""


def _is_ending(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in ("s", "es", "y", "ies")


def fragments(tree: ast.AST) -> Iterator[str]:
    """Where a sentence is put together: by + and *, by a condition inside of it, or of an end that may be missing."""
    told = set()
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
            parts = [one for one in (node.left, node.right) if said(one)]
            yield from (one.value for one in (node.left, node.right) if _is_ending(one))
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            value = node.value
            parts = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        elif isinstance(node, ast.JoinedStr):
            inner = [p.value for p in node.values if isinstance(p, ast.FormattedValue)]
            branches = [one for p in inner if isinstance(p, ast.IfExp) for one in (p.body, p.orelse)]
            parts = [one for one in branches if words(one)]
        elif isinstance(node, ast.IfExp):
            parts = [one for one in (node.body, node.orelse) if TAIL.match(said(one))]
            yield from (one.value for one in (node.body, node.orelse) if _is_ending(one))
        elif isinstance(node, ast.Assign | ast.Return) and node.value is not None:
            parts = [node.value] if TAIL.match(said(node.value)) else []
        new = [one for one in parts if words(one) and one not in told and not SENTENCE.fullmatch(words(one))]
        told |= {*new}
        yield from map(ast.unparse, new)


def test_no_sentence_is_put_together_from_fragments() -> None:
    """Each stands in one place as a whole, with named values in it: so it can be translated."""
    found = {
        path.relative_to(PACKAGE).as_posix(): told
        for path in MODULES
        if (told := list(fragments(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ('f\'{n} valve{"s have" if n > 1 else " has"} findings\'', 2),
        ("text = 'It stands still' + (', since noon' if since else '')", 2),
        ("text += ' and so on'", 1),
        ('f\'{n} valve{"s" * (n != 1)}, {m} quantit{"y" if m == 1 else "ies"}\'', 4),
        ("due = '' if known else f', when {n} kWh were due'", 1),
        ("label = f'{name}{\", interrupted\" * stopped}'", 1),
        ("caption += ' Hatched: unknown.' if unknown else ''", 0),
        ("word = 'heat' if kind == 'heating' else 'cold'", 0),
        ('css = f\'bnb-kv{" bnb-kt" if long else ""}\'', 0),
        ("said = f'{name} is known' if known else f'{name} is not known'", 0),
    ],
)
def test_a_fragment_would_be_found(code: str, count: int) -> None:
    """What the test above looks for, and what it lets pass: whole sentences, whole alternatives, single words."""
    assert len(list(fragments(ast.parse(code)))) == count

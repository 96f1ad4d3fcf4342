"""The glossary on a page: a mark behind a term unfolds what it means, and the paper has a list of those it uses."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from belimo_nb.display.base import esc

TAG = re.compile(r"""<(/?)(\w+)(?:[^>"']|"[^"]*"|'[^']*')*>""")
LEFT_OUT = re.compile(
    r"<(?:a|button|code|h[1-6]|label|nav|pre|script|style|summary|svg)\b"
    r'|<th scope="row"|<span data-page|<div class="foreign"'
)
"""What is never marked: what acts or is no prose, headings, names of devices, and others' HTML."""


@cache
def glossary() -> dict[str, tuple[tuple[str, ...], str]]:
    """Each term of the glossary: other spellings of it, and its meaning."""
    table = files("belimo_nb.report").joinpath("templates", "glossary.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()[2:]]
    return {term: (tuple(filter(None, also.split("; "))), meaning.replace("`", "")) for term, also, meaning in rows}


@cache
def _spellings() -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern of all spellings, and the term of each; those in lower case may also begin a sentence."""
    found = {spelling: term for term, (also, _) in glossary().items() for spelling in (term, *also)}
    found |= {spelling[:1].upper() + spelling[1:]: term for spelling, term in found.items() if term[:1].islower()}
    longest = sorted((esc(spelling) for spelling in found), key=len, reverse=True)
    words = "|".join(map(re.escape, longest))
    return re.compile(rf"(?<![\w/-])({words})s?(?![\w/])"), {esc(spelling): term for spelling, term in found.items()}


def explained(html: str) -> str:
    """A page with a mark behind each term of the glossary, at its first place in a section, and the terms at its end.

    The marks are buttons for popovers: they work by touch and by keyboard, without a script. Each meaning is on the
    page once; on paper, and in browsers that know no popovers, these are a list.
    """
    head, begin, rest = html.partition('<main id="main">')
    body, end, foot = rest.rpartition("</main>")
    pattern, terms = _spellings()
    numbers = {term: number for number, term in enumerate(glossary())}
    used, seen = set(), set()

    def marked(found: re.Match[str]) -> str:
        term = terms[found[1]]
        if term in seen:
            return found[0]
        seen.add(term)
        used.add(term)
        label = f"Meaning of {esc(term)}"
        return f'{found[0]}<button class="q" popovertarget="term-{numbers[term]}" aria-label="{label}"></button>'

    parts, last, closing, depth = [], 0, "", 0
    for tag in TAG.finditer(body):
        text = body[last : tag.start()]
        parts += [text if closing else pattern.sub(marked, text), tag[0]]
        last = tag.end()
        if tag[2] == "h2":
            seen.clear()
        if closing:
            depth += (tag[2] == closing) * (-1 if tag[1] else 1)
            closing = closing if depth else ""
        elif LEFT_OUT.match(tag[0]):
            closing, depth = tag[2], 1
    parts.append(body[last:])
    return f"{head}{begin}{''.join(parts)}{_list([term for term in numbers if term in used], numbers)}{end}{foot}"


def _list(terms: list[str], numbers: dict[str, int]) -> str:
    if not terms:
        return ""
    items = "".join(
        f'<p popover id="term-{numbers[term]}"><dfn>{esc(term)}</dfn>: {esc(glossary()[term][1])}</p>' for term in terms
    )
    return f'<section class="terms" aria-label="Terms"><h2>Terms</h2>{items}</section>\n'

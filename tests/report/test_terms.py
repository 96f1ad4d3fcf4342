"""Terms on a page: marked once in a section, and each that is used has its meaning at the end."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import nbformat
import pytest

from belimo_nb.report import notebooks
from belimo_nb.report.page import page
from belimo_nb.report.page.terms import explained, glossary

OF = re.compile(r'popovertarget="([^"]+)" aria-label="Meaning of ([^"]+)"')
MEANING = re.compile(r'<p popover id="([^"]+)"><dfn>([^<]+)</dfn>: ([^<]+)</p>')


def on(body: str) -> str:
    """What a page with this body becomes."""
    return explained(f'<title>hunting</title><main id="main">{body}</main><footer>hunting</footer>')


def marks(html: str) -> list[str]:
    """The terms with a mark, in order."""
    return [term for _, term in OF.findall(html)]


@pytest.mark.parametrize(
    ("body", "terms"),
    [
        ("<p>CV(RMSE) and R² of 3P, not 3PC</p>", ["CV(RMSE)", "R²", "3P", "3PC"]),
        ("<th>Balance points</th><td>balance point</td>", ["balance point"]),
        ("<dt>Degree days HGT20/12</dt>", ["HGT20/12"]),
        ("<p>delta-T limit, delta-T</p>", ["delta-T limit", "delta-T"]),
        ("<h2>One</h2><p>hunting, hunting</p><h2>Two</h2><p>Hunting</p>", ["hunting", "hunting"]),
        ("<h2>Hunting</h2><a>hunting</a><pre>hunting <b>hunting</b></pre><code>hunting</code>", []),
        ('<div class="foreign"><div>hunting</div>hunting</div><p title="hunting">presetpoint, chunting</p>', []),
        ("<td><span data-page>AHU 3, no counters</span></td><p>counters</p>", ["counter"]),
        ('<img alt="hunting > all" src="x"><tr><th scope="row">Hunting</th><td>hunting</td></tr>', ["hunting"]),
    ],
)
def test_terms_are_marked(body: str, terms: list[str]) -> None:
    """The longest spelling counts, in the plural too, once a section; not in links, code, headings and names."""
    html = on(body)
    assert marks(html) == terms
    assert [term for _, term, _ in MEANING.findall(html)] == sorted(set(terms), key=list(glossary()).index)
    assert html.startswith("<title>hunting</title>")
    assert html.endswith("</main><footer>hunting</footer>")


def test_nothing_else_changes() -> None:
    """Without its marks and its list a page is what it was."""
    body = "<p>Hunting &amp; T1 &lt;b&gt; 'hunting' \"R²\"</p><img src='a' alt=\"it's > hunting\">"
    html = on(body)
    assert f'<main id="main">{body}</main>' in re.sub(
        r'<button class="q".*?</button>|<section class="terms".*</section>\n', "", html
    )


@pytest.mark.parametrize("name", notebooks.NOTEBOOKS)
def test_pages_of_the_notebooks(name: str) -> None:
    """Each mark has its meaning on the page, once, and each meaning there has a mark; they cost few bytes."""
    notebook = nbformat.read(notebooks.notebook(name), as_version=4)
    html = page.export(notebook, title=name, made_at=datetime(2018, 12, 1, tzinfo=UTC), version="1")
    targets, meanings = OF.findall(html), MEANING.findall(html)
    assert {target for target, _ in targets} == {target for target, *_ in meanings}
    assert len({target for target, *_ in meanings}) == len(meanings) > 8
    assert all(glossary()[term][1] in text.replace("&#x27;", "'") for _, term, text in meanings)
    added = re.findall(r'<button class="q".*?</button>|<section class="terms".*</section>\n', html)
    assert sum(len(part.encode()) for part in added) < 10_000

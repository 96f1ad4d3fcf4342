"""Text and HTML that others wrote, made safe for a report page: nothing loads, nothing runs.

Notebooks may show any library's HTML and any Markdown. A page keeps what carries content (text, tables, lists, links,
pictures inside the file) and drops scripts, styles and whatever would fetch something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from belimo_nb.display.base import esc

WORDS = {"a", "abbr", "b", "code", "del", "em", "i", "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub"}
PARTS = {"blockquote", "br", "details", "div", "figcaption", "figure", "hr", "img", "p", "pre", "summary", "sup", "u"}
TITLES = {"h1", "h2", "h3", "h4", "h5", "h6"}
LISTS = {"dd", "dl", "dt", "li", "ol", "ul"}
TABLES = {"caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
RUNNING = {"applet", "audio", "canvas", "iframe", "noscript", "object", "script", "svg", "video"}
UNSEEN = {"math", "style", "template", "textarea", "title"}
ATTRIBUTES = {"alt", "colspan", "headers", "height", "open", "rowspan", "scope", "start", "title", "width"}
LINK = re.compile(r"(https?:|mailto:|#|[^:/?#]*(?:[/?#]|$))", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
TAG = re.compile(r'<(\w+)((?: \w+="[^"]*")*)>')  # as nh3 writes them: values hold no quotes, text no <


def clean_html(html: str) -> str:
    """Keep the content of foreign HTML; see the module."""
    return TAG.sub(_described, CLEANER.clean(html))


def _safe(tag: str, name: str, value: str) -> str | None:
    """The value of an attribute; None where it would load something or run."""
    if name == "src":
        return value if PICTURE.fullmatch(value) else None
    return value if name != "href" or LINK.match(value.strip()) else None


def _described(tag: re.Match[str]) -> str:
    """A picture has a description, if an empty one; where the picture is gone, its description stays."""
    given = dict(re.findall(r' (\w+)="([^"]*)"', tag[2]))
    if tag[1] != "img" or {"src", "alt"} <= set(given):
        return tag[0]
    return f'{tag[0][:-1]} alt="">' if "src" in given else esc(unescape(given.get("alt", "")))


CLEANER = nh3.Cleaner(
    tags=WORDS | PARTS | TITLES | LISTS | TABLES,
    clean_content_tags=RUNNING | UNSEEN,
    attributes={"*": ATTRIBUTES, "a": {"href"}, "img": {"src"}},
    attribute_filter=_safe,
    url_schemes={"http", "https", "mailto", "data"},
    link_rel=None,
)


@dataclass(frozen=True)
class Heading:
    """A heading of the page.

    Attributes:
        text: Its words.
        level: 2, 3 or 4.
        anchor: Where it is on the page.
    """

    text: str
    level: int
    anchor: str


class Prose(IPythonRenderer):
    """Turns the Markdown of one page into HTML and collects its headings.

    Attributes:
        headings: The headings so far, in order, without the leading one.
        leading: The words of a first-level heading before all else: the page uses it for its own title.
    """

    def __init__(self) -> None:
        super().__init__(escape=False, allow_harmful_protocols=False, exclude_anchor_links=True)
        self.headings: list[Heading] = []
        self.leading: str | None = None
        self._parser = MarkdownWithMath(renderer=self)
        self._anchors: set[str] = set()
        self._fresh = True

    def render(self, source: str, attachments: Mapping[str, Any] | None = None) -> str:
        """Render one cell's Markdown."""
        self.attachments = dict(attachments or {})
        html = str(self._parser.render(source)).strip()
        self._fresh = False
        return html

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A heading, one step below the page's title; the first of all becomes `leading`."""
        words = unescape(re.sub(r"<[^>]*>", "", text)).strip()
        if self._fresh and level == 1 and self.leading is None and not self.headings:
            self.leading = words
            return ""
        found = Heading(words, min(4, max(2, level)), self._anchor(words))
        self.headings.append(found)
        return f'<h{found.level} id="{esc(found.anchor)}">{text}</h{found.level}>\n'

    def _anchor(self, words: str) -> str:
        stem = re.sub(r"\W+", "-", words.lower()).strip("-") or "section"
        anchor, count = stem, 1
        while anchor in self._anchors or anchor in ("main", "show-code"):
            count += 1
            anchor = f"{stem}-{count}"
        self._anchors.add(anchor)
        return anchor

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture that is inside the notebook; of any other, its description."""
        if url.startswith("attachment:") and url.removeprefix("attachment:") in self.attachments:
            url = self._embed_image_or_attachment(url)
        return f'<img src="{esc(url)}" alt="{esc(text)}">' if PICTURE.fullmatch(url) else esc(text)

    def block_code(self, code: str, info: str | None = None) -> str:
        """Code as it is: coloring it would cost more than the rest of the page."""
        return f"<pre><code>{esc(code)}</code></pre>\n"

    def block_html(self, html: str) -> str:
        """HTML inside Markdown, made safe."""
        return clean_html(html) + "\n"

    def inline_html(self, html: str) -> str:
        """A tag inside a paragraph is shown as text: alone it cannot be judged."""
        return "" if html.startswith("<!--") else "<br>" if html.lower().startswith("<br") else esc(html)

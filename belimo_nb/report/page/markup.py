"""Text and HTML that others wrote, made safe for a report page: nothing loads, nothing runs.

Notebooks may show any library's HTML and any Markdown. A page keeps what carries content (text, tables, lists, links,
pictures inside the file) and drops scripts, styles and whatever would fetch something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from belimo_nb.display.base import esc

__all__ = ["Heading", "Prose", "clean_html"]

TAGS = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
    ]
)
HIDDEN = frozenset(
    [
        "applet",
        "audio",
        "canvas",
        "head",
        "iframe",
        "math",
        "noscript",
        "object",
        "script",
        "style",
        "svg",
        "template",
        "textarea",
        "title",
        "video",
    ]
)
VOID = frozenset({"br", "col", "hr", "img"})
ATTRIBUTES = frozenset(
    {"alt", "colspan", "headers", "height", "href", "open", "rowspan", "scope", "src", "start", "title", "width"}
)
LINK = re.compile(r"(https?:|mailto:|#|[^:/?#]*(?:[/?#]|$))", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)


def clean_html(html: str) -> str:
    """Keep the content of foreign HTML; see the module."""
    cleaner = _Cleaner()
    cleaner.feed(html)
    cleaner.close()
    return "".join(cleaner.kept) + "".join(f"</{tag}>" for tag in reversed(cleaner.opened))


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.kept: list[str] = []
        self.opened: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self.hidden += 1
        elif not self.hidden and tag in TAGS:
            given = {name: value or "" for name, value in attrs if name in ATTRIBUTES}
            if tag == "img":
                if not PICTURE.fullmatch(given.get("src", "")):
                    self.kept.append(esc(given.get("alt", "")))
                    return
                given.setdefault("alt", "")
            if "href" in given and not LINK.match(given["href"].strip()):
                given.pop("href")
            attributes = "".join(f' {name}="{esc(value)}"' for name, value in given.items())
            self.kept.append(f"<{tag}{attributes}>")
            if tag not in VOID:
                self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HIDDEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag in self.opened:
            while (last := self.opened.pop()) != tag:
                self.kept.append(f"</{last}>")
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.kept.append(esc(data))


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

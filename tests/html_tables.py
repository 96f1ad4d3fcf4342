"""Reads pages of HTML for tests: their elements, and the rows of their tables."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Elements with their attributes, and the texts of table cells, row by row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Note an element; a row or a cell begins with its tag."""
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside = True

    def handle_endtag(self, tag):
        """A cell ends."""
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data):
        """Text of a cell, however deep inside it."""
        if self._inside:
            self.rows[-1][-1] += data

"""Base class of the display objects, with their style sheet and HTML escaping."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, ClassVar

from belimo_nb.errors import printable

MIME = "application/vnd.belimo-nb+json"
STYLE_ELEMENT = re.compile(r"^<style data-belimo-nb>.*?</style>", re.DOTALL)


class Displayed(ABC):
    """Base class of the objects that a notebook displays.

    Attributes:
        kind: Type name in the JSON: "header", "key-figures", "table", "note" or "figure".
    """

    kind: ClassVar[str]

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """Content for programs: plain JSON types, numbers unrounded, unknown is None."""

    @abstractmethod
    def html(self) -> str:
        """Content as escaped HTML, without the style sheet."""

    @abstractmethod
    def text(self) -> str:
        """Content as plain text for a terminal."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        # The data ride along so that the report runner needs no second run and no parsing of HTML (decision 4).
        # Each output brings the style sheet, to look right whichever other cells have run.
        return {
            MIME: {"kind": self.kind, **self.data()},
            "text/html": f"<style data-belimo-nb>{style_sheet()}</style>{self.html()}",
            "text/plain": self.text(),
        }

    def __repr__(self) -> str:
        return self.text()


@cache
def style_sheet() -> str:
    """CSS of the display objects, minified; colors follow JupyterLab's theme or a report page's variables."""
    # Minified because every output of a notebook carries a copy.
    source = files("belimo_nb.display").joinpath("style.css").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)).strip()


def without_style(html: str) -> str:
    """Strip the style sheet from an object's `text/html`, for a page that already has it."""
    return STYLE_ELEMENT.sub("", html, count=1)


HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, which HTML forbids, those that turn the direction of what follows, and halves of characters."""


def esc(value: object) -> str:
    """Escape a value for HTML text and attributes; what is `HIDDEN` becomes spaces."""
    return escape(HIDDEN.sub(" ", str(value)))


_CELL = "padding:1px 14px 1px 0;text-align:left;border:0"


def facts_html(title: str, values: Mapping[str, str]) -> str:
    """HTML of a title with a two-column table of facts, escaped, in the surrounding colors."""
    # Inline styles: this is the repr of Cloud and Device, which shows without the style sheet.
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="{_CELL};font-weight:400;opacity:.7">{escape(name)}</th>'
        f'<td style="{_CELL}">{escape(printable(value))}</td></tr>'
        for name, value in values.items()
    )
    return (
        '<div style="display:inline-block;border-left:3px solid #0072b2;padding:2px 0 2px 12px">'
        f'<div style="font-weight:600;margin-bottom:2px">{escape(printable(title))}</div>'
        f'<table style="border-collapse:collapse;margin:0;border:0">{rows}</table></div>'
    )

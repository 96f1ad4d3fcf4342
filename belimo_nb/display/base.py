"""What all display objects share: the MIME bundle, the style sheet and escaping."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, ClassVar

__all__ = ["MIME", "Displayed", "esc", "facts", "style_sheet", "without_style"]

MIME = "application/vnd.belimo-nb+json"
STYLE_ELEMENT = re.compile(r"^<style data-belimo-nb>.*?</style>", re.DOTALL)


class Displayed(ABC):
    """Base of the objects that a notebook displays.

    Attributes:
        kind: What the JSON calls it: "header", "key-figures", "table", "note" or "figure".
    """

    kind: ClassVar[str]

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """The content for programs: plain JSON types, numbers unrounded, unknown is None."""

    @abstractmethod
    def html(self) -> str:
        """The content as HTML without a style sheet, everything escaped."""

    @abstractmethod
    def text(self) -> str:
        """The content for a terminal."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return {
            MIME: {"kind": self.kind, **self.data()},
            "text/html": f"<style data-belimo-nb>{style_sheet()}</style>{self.html()}",
            "text/plain": self.text(),
        }

    def __repr__(self) -> str:
        return self.text()


@cache
def style_sheet() -> str:
    """The style sheet of the display objects: for JupyterLab's themes and, with other variables, for report pages."""
    source = files("belimo_nb.display").joinpath("style.css").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)).strip()


def without_style(html: str) -> str:
    """An object's `text/html` without its style sheet, for a page that already has it."""
    return STYLE_ELEMENT.sub("", html, count=1)


def esc(value: object) -> str:
    """Any text as HTML text, fit for attributes too; control characters, which HTML forbids, become spaces."""
    return escape(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", " ", str(value)))


_CELL = "padding:1px 14px 1px 0;text-align:left;border:0"


def facts(title: str, values: Mapping[str, str]) -> str:
    """An object as HTML: its name and facts, everything escaped, in the colors of its surroundings."""
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="{_CELL};font-weight:400;opacity:.7">{escape(name)}</th>'
        f'<td style="{_CELL}">{escape(value)}</td></tr>'
        for name, value in values.items()
    )
    return (
        '<div style="display:inline-block;border-left:3px solid #0072b2;padding:2px 0 2px 12px">'
        f'<div style="font-weight:600;margin-bottom:2px">{escape(title)}</div>'
        f'<table style="border-collapse:collapse;margin:0;border:0">{rows}</table></div>'
    )

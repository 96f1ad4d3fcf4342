"""The short reprs of objects in a notebook: a name and a few facts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

__all__ = ["facts"]

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

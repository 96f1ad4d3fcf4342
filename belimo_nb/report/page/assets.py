"""What the pages share: style sheet, script, the policy that keeps all else out, and a few words."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime
from functools import cache
from importlib.resources import files

import markupsafe

from belimo_nb.display.base import style_sheet
from belimo_nb.energy import COVERAGE_LIMIT

__all__ = ["LOW", "clock", "made_line", "policy", "script", "styles", "template_folder", "trusted"]

LOW = COVERAGE_LIMIT
"""A smaller share of known data is flagged."""


def template_folder() -> str:
    """Where the templates are."""
    return str(files("belimo_nb.report").joinpath("templates"))


@cache
def styles() -> str:
    """The style sheet of the display objects and of the pages."""
    return f"{style_sheet()}\n{_compact(_read('page.css'))}"


@cache
def script() -> str:
    """The pages' script."""
    return re.sub(r"\n\s+", "\n", re.sub(r"^/\*.*?\*/\n", "", _read("page.js"), flags=re.MULTILINE | re.DOTALL)).strip()


@cache
def policy() -> str:
    """A content security policy: a browser loads nothing from anywhere and runs no script but ours."""
    digest = base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )


def made_line(made_at: datetime, version: str) -> str:
    """Says when and by which version a page was made."""
    return f"{clock(made_at)} by belimo-nb {version}"


def clock(moment: datetime) -> str:
    """A moment for people, with the name of its zone if it has one."""
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".rstrip()


def trusted(html: str) -> markupsafe.Markup:
    """HTML that the templates take as it is: our own files, or what is escaped or cleaned already."""
    return markupsafe.Markup(html)  # noqa: S704


def _read(name: str) -> str:
    return files("belimo_nb.report").joinpath("templates", name).read_text(encoding="utf-8")


def _compact(css: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)).strip()

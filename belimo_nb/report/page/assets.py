"""What all pages share: style sheet, script, content security policy, and a few phrases."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import markupsafe
from jinja2 import Environment, FileSystemLoader, Template

from belimo_nb.display.base import style_sheet
from belimo_nb.energy import COVERAGE_LIMIT

LOW_COMPLETENESS = COVERAGE_LIMIT  # share of known data below which a page flags the report


def template_folder() -> str:
    """The path of the folder with the templates."""
    return str(files("belimo_nb.report").joinpath("templates"))


def template(name: str, finalize: Callable[[Any], Any]) -> Template:
    """One of the templates, which escapes; `finalize` is called with each value that it shows."""
    loader = FileSystemLoader(template_folder())
    looks: dict[str, Any] = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    return Environment(loader=loader, finalize=finalize, **looks).get_template(name)  # noqa: S701 - it does


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
    """The content security policy of the pages: load nothing from anywhere, run no script but ours.

    Pages hold names and texts from outside. They are escaped; the policy is for the case that an escape is forgotten.
    """
    digest = base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )


def made_line(made_at: datetime, version: str) -> str:
    """The line that says when and by which version a page was made."""
    return f"{format_time(made_at)} by belimo-nb {version}"


def format_time(moment: datetime) -> str:
    """A time for people, with the name of its zone if it has one."""
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".rstrip()


def trusted(html: str) -> markupsafe.Markup:
    """Mark HTML as safe for the templates: our own files, or text that is escaped or cleaned already."""
    return markupsafe.Markup(html)  # noqa: S704


def _read(name: str) -> str:
    return files("belimo_nb.report").joinpath("templates", name).read_text(encoding="utf-8")


# Every page carries the style sheet: what comments and blanks cost, a large fleet pays a thousand times.
def _compact(css: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)).strip()

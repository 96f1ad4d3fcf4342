"""How Sphinx builds these pages; see `make docs` and decision 11."""

from __future__ import annotations

import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from belimo_nb import __version__

HERE = Path(__file__).parent

project = "belimo_nb"
author = "the authors of belimo_nb"
release = version = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
exclude_patterns = ["pictures/*"]
source_suffix = {".md": "markdown"}

# A name between backticks in a docstring leads to its place in the reference, where it has one.
default_role = "py:obj"
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"  # the docstrings say it with shapes and units; the signatures carry the rest
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = f"belimo_nb {version}"
html_copy_source = html_show_sourcelink = False
html_sidebars = {"tutorial": []}
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "footer_start": [],
    "footer_end": [],
}


def take_in_other_pages(app: Sphinx, name: str, source: list[str]) -> None:
    """Put pages that no table of contents names at the end of the how-tos: a new page needs no other edit."""
    if name == "how-to":
        entries = [line for page in HERE.glob("*.md") for line in page.read_text(encoding="utf-8").splitlines()]
        named = {re.sub(r"^.* <|>$", "", entry) for entry in entries} | {"index"}
        others = sorted({page.stem for page in HERE.glob("*.md")} - named)
        source[0] = source[0].replace("<other pages>", "\n".join(others))


def quote_what_is_no_name(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Make literals of what stands between backticks and cannot be a name, such as `.env`, whose dot would be lost."""

    def quoted(found: re.Match[str]) -> str:
        plain = found["plain"]
        return found[0] if plain is None or re.fullmatch(r"\w[\w.]*", plain) else f"``{plain}``"

    lines[:] = [re.sub(r"``.*?``|`(?P<plain>[^`]+)`", quoted, line) for line in lines]


def setup(app: Sphinx) -> None:
    """Hook into the build."""
    app.connect("autodoc-process-docstring", quote_what_is_no_name)
    app.connect("source-read", take_in_other_pages)
    for name in ("csv", "dotenv", "cron"):
        app.add_lexer(name, TextLexer)

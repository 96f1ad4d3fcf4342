"""Links between the pages of a run, set when it is published: only then is it known which pages there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from posixpath import dirname, relpath
from urllib.parse import quote

from belimo_nb.api.devices import distinct_names
from belimo_nb.display.base import esc
from belimo_nb.report.jobs import Result
from belimo_nb.system.files import write_text

DOCUMENT = re.compile(r'<html lang="en"[^>]*>')
MARK = re.compile(r'<(a|span) data-page(?:="([^"]*)")?(?: href="[^"]*")?>(.*?)</\1>', re.DOTALL)
"""What links to a page, or did: to that of a name such as "overview", or to that of the device which it names."""


def link_pages(folder: Path, results: Sequence[Result], name: str) -> None:
    """Let the pages of a run link to those of its pages that there are, and to no other.

    Args:
        folder: Where they lie.
        results: The reports of the run.
        name: The folder's name when it is published, by which a page knows whether it still lies where it did.

    Raises:
        OSError: A page cannot be read or written.
    """
    pages = {it.job.slug: it.files["html"] for it in results if (folder / it.files.get("html", "?")).is_file()}
    names = _names([it for it in results if it.job.slug in pages], pages)
    for page in pages.values():
        html = (folder / page).read_text(encoding="utf-8")
        linked = link(html, page, {**pages, "index": "index.html"}, names, f"{name}/{page}")
        if linked != html:
            write_text(folder / page, linked, inside=folder)


def link(html: str, page: str, pages: Mapping[str, str], names: Mapping[str, str], place: str) -> str:
    """A page whose marked words link to what they name.

    Args:
        html: The page.
        page: Its path in the folder of the run.
        pages: The paths of pages by the words of the marks.
        names: The paths of devices' pages by the devices' names, as HTML.
        place: Where it is published; taken elsewhere, it drops its links.
    """

    def linked(mark: re.Match[str]) -> str:
        key, text = mark[2] or "", mark[3]
        target = pages.get(key) if key else names.get(text)
        about = f'data-page="{key}"' if key else "data-page"
        if target is None or target == page:
            return f"<span {about}>{text}</span>"
        return f'<a {about} href="{esc(quote(relpath(target, dirname(page) or ".")))}">{text}</a>'

    return MARK.sub(linked, DOCUMENT.sub(f'<html lang="en" data-place="{esc(quote(place))}">', html, count=1))


def _names(devices: Sequence[Result], pages: Mapping[str, str]) -> dict[str, str]:
    """The devices' pages by name, and by how `distinct_names` tells apart those that share one."""
    told, found = [], {}
    for it in devices:
        if identifier := it.job.parameters.get("device"):
            mark = str((it.record or {}).get("serial") or identifier)
            told.append((str(identifier), it.job.title, mark, pages[it.job.slug]))
            found[esc(f"{it.job.title} ({mark})")] = pages[it.job.slug]
    names = distinct_names([device[:3] for device in told])
    return found | {esc(name): device[3] for name, device in zip(names, told, strict=True)}

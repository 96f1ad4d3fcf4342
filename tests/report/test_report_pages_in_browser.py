"""Reports in a real browser: nothing is loaded, nothing fails, every link leads somewhere."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from prepared import program

# One worker makes the reports for all tests of this file.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The overview, the heating report and one device, made by the command."""
    out = tmp_path_factory.mktemp("reports")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BELIMO_")}
    environment = {**kept, **dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(out / "home"))}
    command = [*program(), "--demo", "report", "--search", "2.OG Nord-West", "--out", str(out / "site")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=out)
    assert done.returncode == 0, done.stderr
    return out / "site"


@dataclass
class Opened:
    """A page that was opened with the network off, and what it has asked for or complained of."""

    path: Path
    page: Any
    trouble: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note what the page does."""
        self.page.on("console", lambda message: self.trouble.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("request", lambda asked: self.trouble.append(f"asks for {asked.url}"))


@pytest.fixture(scope="module")
def pages(reports: Path, browser: Any) -> Iterator[list[Opened]]:
    """Every page of the run, each opened once: a new one would take a process of the browser."""
    context = browser.new_context(offline=True)
    found = [Opened(path, context.new_page()) for path in sorted(reports.rglob("*.html"))]
    for opened in found:
        opened.listen()
        opened.page.goto(opened.path.as_uri())
    yield found
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_load_nothing(pages: list[Opened], scheme: str) -> None:
    """Each page opens without a network, asks for nothing but itself, and has nothing to complain of."""
    assert len(pages) == 5
    for opened in pages:
        opened.page.emulate_media(color_scheme=scheme)
        opened.trouble.clear()
        opened.page.reload()
        assert opened.page.title()
        assert opened.trouble == [f"asks for {opened.path.as_uri()}"]


def test_links_lead_somewhere(pages: list[Opened]) -> None:
    """Every link of every page is a file of the run or a place on the page."""
    for opened in pages:
        links = opened.page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))")
        places = opened.page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
        assert links
        for link in links:
            parts = urlsplit(link)
            assert not parts.scheme, link
            target = (opened.path.parent / unquote(parts.path)) if parts.path else opened.path
            assert target.is_file(), link
            if parts.fragment and target == opened.path:
                assert places.count(unquote(parts.fragment)) == 1, link


def widened(pages: list[Opened], width: int) -> Iterator[Opened]:
    """The pages on a screen of this width."""
    for opened in pages:
        opened.page.set_viewport_size({"width": width, "height": 800})
        yield opened


@pytest.mark.parametrize("width", [390, 1280])
def test_page_fits_the_screen(pages: list[Opened], width: int) -> None:
    """On a phone and on a desk no page is wider than the screen: wide tables scroll on their own."""
    for opened in widened(pages, width):
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width, opened.path.name


def test_sentences_are_read_on_a_phone(pages: list[Opened]) -> None:
    """What a check means and what a table shows lie on the screen, also when the table is scrolled sideways."""
    (opened,) = widened([opened for opened in pages if opened.path.parent.name == "devices"], 390)
    texts = opened.page.locator(".bnb-below p, caption")
    assert opened.page.locator("#table-verdicts .bnb-below p").count() >= 14
    for scrolled in (10_000, 0):
        opened.page.eval_on_selector_all(".bnb-scroll", f"boxes => boxes.forEach(box => box.scrollLeft = {scrolled})")
        for box in texts.evaluate_all("all => all.map(one => one.getBoundingClientRect().toJSON())"):
            assert box["left"] >= 0, box
            assert box["right"] <= 390, box
            assert box["height"] > 0


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1200, 1280, 1920])
def test_units_stand_beside_their_numbers(pages: list[Opened], width: int) -> None:
    """However wide the screen, the unit of a key figure is on the line of its number."""
    for opened in widened(pages, width):
        lines = opened.page.locator(".bnb-kf .bnb-kv:has(.bnb-u)").evaluate_all(
            "all => all.map(one => [one.textContent, one.getBoundingClientRect().height, "
            "parseFloat(getComputedStyle(one).lineHeight)])"
        )
        assert opened.path.name == "index.html" or lines
        assert [text for text, height, line in lines if height > 1.5 * line] == [], opened.path.name

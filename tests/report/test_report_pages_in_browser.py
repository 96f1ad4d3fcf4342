"""Reports in a real browser: nothing is loaded, nothing fails, every link leads somewhere."""

from __future__ import annotations

import os
import subprocess
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


def open_page(browser: Any, path: Path, trouble: list[str], **look: Any) -> Any:
    """A page with the network off; what it asks for or complains of is put into `trouble`."""
    context = browser.new_context(offline=True, **look)
    page = context.new_page()
    page.on("console", lambda message: trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on(
        "request", lambda request: trouble.append(f"asks for {request.url}") if request.url != path.as_uri() else None
    )
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_load_nothing(reports: Path, browser: Any, scheme: str) -> None:
    """Each page opens without a network, asks for nothing but itself, and has nothing to complain of."""
    pages = sorted(reports.rglob("*.html"))
    assert len(pages) == 5
    for path in pages:
        trouble: list[str] = []
        page = open_page(browser, path, trouble, color_scheme=scheme)
        assert page.title()
        assert trouble == []
        page.context.close()


def test_links_lead_somewhere(reports: Path, browser: Any) -> None:
    """Every link of every page is a file of the run or a place on the page."""
    for path in sorted(reports.rglob("*.html")):
        page = open_page(browser, path, [])
        links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))")
        assert links
        for link in links:
            parts = urlsplit(link)
            assert not parts.scheme, link
            target = (path.parent / unquote(parts.path)) if parts.path else path
            assert target.is_file(), link
            if parts.fragment and target == path:
                assert page.locator(f'[id="{unquote(parts.fragment)}"]').count() == 1, link
        page.context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_page_fits_the_screen(reports: Path, browser: Any, width: int) -> None:
    """On a phone and on a desk no page is wider than the screen: wide tables scroll on their own."""
    for path in sorted(reports.rglob("*.html")):
        page = open_page(browser, path, [], viewport={"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        page.context.close()


def test_sentences_are_read_on_a_phone(reports: Path, browser: Any) -> None:
    """What a check means and what a table shows lie on the screen, also when the table is scrolled sideways."""
    (path,) = reports.glob("*/devices/*.html")
    page = open_page(browser, path, [], viewport={"width": 390, "height": 800})
    texts = page.locator(".bnb-below p, caption")
    assert page.locator("#table-verdicts .bnb-below p").count() >= 14
    for scrolled in (0, 10_000):
        page.eval_on_selector_all(".bnb-scroll", f"boxes => boxes.forEach(box => box.scrollLeft = {scrolled})")
        for box in texts.evaluate_all("all => all.map(one => one.getBoundingClientRect().toJSON())"):
            assert box["left"] >= 0, box
            assert box["right"] <= 390, box
            assert box["height"] > 0
    page.context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1200, 1280, 1920])
def test_units_stand_beside_their_numbers(reports: Path, browser: Any, width: int) -> None:
    """However wide the screen, the unit of a key figure is on the line of its number."""
    for path in sorted(reports.rglob("*.html")):
        page = open_page(browser, path, [], viewport={"width": width, "height": 800})
        lines = page.locator(".bnb-kf .bnb-kv:has(.bnb-u)").evaluate_all(
            "all => all.map(one => [one.textContent, one.getBoundingClientRect().height, "
            "parseFloat(getComputedStyle(one).lineHeight)])"
        )
        assert path.name == "index.html" or lines
        assert [text for text, height, line in lines if height > 1.5 * line] == [], path.name
        page.context.close()

"""The site of the documentation: it builds without a warning, works offline, and has a place for every public name."""

from __future__ import annotations

import importlib
import os
import re
import runpy
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest

import belimo_nb as bn
from belimo_nb.cli import cli

ROOT = Path(__file__).parents[1]
LOADS = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
ROOMS = [name for name in bn.__all__ if type(getattr(bn, name)) is type(bn)]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("site")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; warnings, of broken links too, are errors."""
    if not os.environ.get("CI"):
        pytest.importorskip("sphinx", reason='needs the extra "docs"; `make test` installs it')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    built = subprocess.run(
        [*command, "-d", folder / "doctrees", ROOT / "docs", folder / "html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def documented(site: Path) -> set[str]:
    """Everything that the site's inventory lists, by its full name."""
    inventory = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    return {line.split(" ")[0] for line in zlib.decompress(inventory).decode().splitlines()}


class _Loads(HTMLParser):
    """What a page loads, as a browser would."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADS.get(tag, ""))
        if address:
            self.found.append(address)


def test_every_page_is_built(site: Path) -> None:
    """Each page of the docs is one of the site."""
    for page in (ROOT / "docs").rglob("*.md"):
        assert (site / page.relative_to(ROOT / "docs")).with_suffix(".html").exists(), page


def test_a_new_page_finds_its_place(site: Path, tmp_path: Path) -> None:
    """A page that no table of contents names is listed with the how-tos; those that one names are not listed again."""
    settings = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    settings["take_in_other_pages"].__globals__["HERE"] = tmp_path
    for name, text in {
        "index": "How to <how-to>\n",
        "how-to": "old\n<other pages>\n",
        "old": "",
        "new-page": "",
    }.items():
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    source = ["old\n<other pages>\n"]
    settings["take_in_other_pages"](None, "how-to", source)
    assert source == ["old\nnew-page\n"]


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """Scripts, styles, fonts and pictures lie beside the pages, all of them."""
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]  # those are the theme's templates
    assert pages
    for page in pages:
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert loads.found
        for address in loads.found:
            assert not re.match(r"[a-z]+:|//", address), (page.name, address)
            assert (page.parent / address.split("?")[0].split("#")[0]).exists(), (page.name, address)
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_every_page_can_be_reached(site: Path) -> None:
    """From the first page, link by link."""
    seen: set[Path] = set()
    ahead = [site / "index.html"]
    while ahead:
        page = ahead.pop()
        if page in seen:
            continue
        seen.add(page)
        links = re.findall(r'<a [^>]*href="([^"#:]+\.html)', page.read_text(encoding="utf-8"))
        ahead += [target for link in links if (target := (page.parent / link).resolve()).exists()]
    pages = {(site / page.relative_to(ROOT / "docs")).with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    assert pages <= seen


@pytest.mark.parametrize("name", [name for name in bn.__all__ if name not in ROOMS and name != "__version__"])
def test_the_face_has_a_place_in_the_reference(documented: set[str], name: str) -> None:
    """What `belimo_nb` itself offers."""
    assert f"belimo_nb.{name}" in documented


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_has_a_place_in_the_reference(documented: set[str], room: str) -> None:
    """Every name that a room offers, constants too."""
    names = importlib.import_module(f"belimo_nb.{room}").__all__
    missing = [name for name in names if f"belimo_nb.{room}.{name}" not in documented]
    assert missing == []


@pytest.mark.parametrize("kind", [bn.Cloud, bn.Device])
def test_each_method_has_a_place_in_the_reference(documented: set[str], kind: type) -> None:
    """Every public method and property of what people hold."""
    names = [name for name in vars(kind) if not name.startswith("_")]
    missing = [name for name in names if f"belimo_nb.{kind.__name__}.{name}" not in documented]
    assert missing == []


def test_every_command_and_option_has_a_place_in_the_reference(site: Path) -> None:
    """With its help, as `--help` prints it."""
    page = re.sub(r"<[^>]+>", "", (site / "reference" / "command-line.html").read_text(encoding="utf-8"))

    def walk(command: click.Command, path: str) -> None:
        assert path in page
        for option in command.params:
            for flag in option.opts if isinstance(option, click.Option) else []:
                assert flag in page, (path, flag)
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{path} {name}")

    walk(cli, "belimo-nb")

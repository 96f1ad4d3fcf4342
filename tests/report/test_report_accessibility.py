"""What axe says of every kind of page: nothing, on a desk and on a phone, by day and by night, code shown or not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from made_runs import facts

from belimo_nb.report import notebooks
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output.reports_json import Run
from belimo_nb.report.page import index, page, report_files

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]  # one worker starts one

MADE = datetime(2018, 12, 1, 9, 30, tzinfo=UTC)
PAGES = (*notebooks.NOTEBOOKS, "failed", "index")
# axe takes half a minute for a table of every day of a year, and most of it for colors: two rows of each kind will do.
SHORTEN = """() => document.querySelectorAll("tbody").forEach(body => {
    const seen = {};
    for (const row of [...body.rows]) {
        const kind = row.outerHTML.replace(/>[^<]*</g, "><").replace(/data-[a-z]+="[^"]*"/g, "");
        seen[kind] = (seen[kind] ?? 0) + 1;
        if (seen[kind] > 2) row.remove();
    }
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of each notebook with its stored outputs, one that failed, and the index of them."""
    folder = tmp_path_factory.mktemp("site")
    results = []
    for name in notebooks.NOTEBOOKS:
        path = notebooks.notebook(name)
        tidied = report_files.remove_private(
            nbformat.read(path, as_version=4), name=name, secrets=(), folder=path.parent
        )
        results.append(_written(folder, tidied, name))
    trace = ["Traceback", "ValueError: broken"]
    failing = nbformat.v4.new_output("error", ename="ValueError", evalue="broken", traceback=trace)
    cells = [nbformat.v4.new_markdown_cell("# Failed"), nbformat.v4.new_code_cell("1", outputs=[failing])]
    results.append(_written(folder, nbformat.v4.new_notebook(cells=cells), "failed", "ValueError: broken."))
    (folder / "index.html").write_text(index.page(Run.of(facts(made_at=MADE, as_of=MADE), results)), encoding="utf-8")
    return folder


def _written(folder: Path, notebook: nbformat.NotebookNode, name: str, error: str | None = None) -> Result:
    html = page.export(notebook, title=name.title(), made_at=MADE, version="1.2.3")
    (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return Result(
        Job(name, name.title(), name, {}),
        "failed" if error else "ok",
        1.0,
        error,
        key_figures=report_files.key_figures(notebook),
        completeness=report_files.completeness(notebook),
        files={"html": f"{name}.html"},
        trend=report_files.beside_figures(notebook, "trend"),
        made_at=MADE,
    )


def violations(opened: Any, inside: Any = None, *, colors: bool = False) -> list[tuple[str, str, str]]:
    """Rule, its weight, and the first place of each violation, inside of what a selector finds; of colors alone."""
    options = {"resultTypes": ["violations"], **({"runOnly": ["color-contrast"]} if colors else {})}
    found = Axe().run(opened, inside, options).response["violations"]
    return [(item["id"], item["impact"], item["nodes"][0]["html"][:200]) for item in found]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(browser, site, name):
    """No violation of any weight, on a desk by day, on a phone by night with code, and where terms are unfolded."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    opened = context.new_page()
    opened.goto((site / f"{name}.html").as_uri())
    opened.evaluate(SHORTEN)
    assert violations(opened) == []
    mark = opened.query_selector(".q")
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        if mark:
            mark.press("Enter")
            assert opened.locator("[popover]:visible").count() == 1
            assert violations(opened, [["[popover]:popover-open"], [".q"]]) == [], "a term that is unfolded"
            opened.keyboard.press("Escape")
    opened.set_viewport_size({"width": 390, "height": 900})
    if toggle := opened.query_selector("#show-code"):
        toggle.check()
    assert violations(opened) == []
    if toggle:
        opened.emulate_media(color_scheme="light")
        assert violations(opened, ".code", colors=True) == [], "code by day"
    context.close()


def test_axe_would_find_something(browser):
    """A picture without words and gray on gray are told."""
    context = browser.new_context(bypass_csp=True)
    opened = context.new_page()
    opened.set_content('<img src="data:,"><p style="color:#aaa;background:#bbb">Gray</p>')
    assert {"image-alt", "color-contrast"} <= {rule for rule, *_ in violations(opened)}
    context.close()

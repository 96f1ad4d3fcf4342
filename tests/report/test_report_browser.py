"""Pages and the index in a real browser without a network: nothing loads, nothing fails, tables sort and search."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import facts
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from belimo_nb import display, plots
from belimo_nb.cloud.condition import Condition
from belimo_nb.report.jobs import STOPPED, Job, Result
from belimo_nb.report.output.reports_json import Run
from belimo_nb.report.page import index, page
from belimo_nb.report.page.links import link

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]  # one worker starts one

MADE = datetime(2018, 12, 1, 9, 30, tzinfo=UTC)
ROWS = 500


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a long table and a chart."""
    frame = pd.DataFrame(
        {
            "name": [f"Ventil {i}" for i in range(ROWS - 1)] + ["<script>alert(1)</script> Größe"],
            "power_kw": [float((i * 7919) % 100_000) for i in range(ROWS - 1)] + [float("nan")],
        }
    )
    days = pd.date_range("2018-11-01", periods=30, freq="D", tz="Europe/Zurich")
    cells = [new_markdown_cell("# Fleet"), new_markdown_cell("## Devices"), new_markdown_cell("## Energy")]
    for shown in (display.table(frame, "devices"), plots.daily_energy(pd.Series(range(30), index=days, dtype=float))):
        made = shown._repr_mimebundle_()
        data = made[0] if isinstance(made, tuple) else made
        cells.append(new_code_cell("secret_code()", outputs=[new_output("display_data", data=data)]))
    path = tmp_path_factory.mktemp("site") / "fleet.html"
    html = page.export(new_notebook(cells=cells), title="Fleet", made_at=MADE, version="1.2.3")
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tab(browser) -> Iterator[object]:
    """A tab without a network, for one page after the other: a new tab takes a process of the browser."""
    context = browser.new_context(offline=True)
    yield context.new_page()
    context.close()


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["light, wide", "dark, narrow"])
def view(tab, report, request) -> Iterator[object]:
    """The page opened without a network; afterwards it must have asked for nothing and complained of nothing."""
    scheme, width = request.param
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 800})
    tab.goto("about:blank")
    requests: list[str] = []
    trouble: list[str] = []
    told = {
        "request": lambda asked: requests.append(asked.url),
        "console": lambda message: trouble.append(message.text),
        "pageerror": lambda error: trouble.append(str(error)),
        "dialog": lambda dialog: trouble.append(dialog.message),
    }
    for what, note in told.items():
        tab.on(what, note)
    tab.goto(report.as_uri())
    yield tab
    for what, note in told.items():
        tab.remove_listener(what, note)
    assert [url for url in requests if not url.startswith("data:")] == [report.as_uri()]
    assert trouble == []


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["light, wide", "dark, narrow"])
def listed(browser, tmp_path, request) -> Iterator[object]:
    """The index of 350 devices, opened as `view` is."""
    scheme, width = request.param
    figures = [[display.KeyFigure("Energy", (i * 7919) % 1000, "kWh").data()] for i in range(350)]
    trend = {"label": "Energy by day", "unit": "kWh", "values": [float(i % 7) for i in range(30)]}
    results = [
        Result(
            Job("device", f"Ventil {i}", f"devices/ventil-{i}", {}),
            "ok",
            1.0,
            key_figures=figures[i],
            completeness=0.99,
            files={"html": f"devices/ventil-{i}.html", "ipynb": f"devices/ventil-{i}.ipynb"},
            trend=trend,
            made_at=MADE,
            kept=i % 2 == 0,
        )
        for i in range(350)
    ]
    results[7] = Result(Job("device", "<b>Bad</b>", "devices/bad", {}), "failed", 1.0, "It broke.")
    run = Run.of(facts(made_at=MADE, as_of=MADE), results)
    path = tmp_path / "index.html"
    path.write_text(
        index.page(run, {"2018-11": run.facts, "2018-10": run.facts}),
        encoding="utf-8",
    )
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, offline=True)
    opened = context.new_page()
    trouble: list[str] = []
    opened.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or trouble.append(asked.url))
    opened.on("console", lambda message: trouble.append(message.text))
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.goto(path.as_uri())
    yield opened
    assert trouble == []
    context.close()


def test_the_index_works(listed):
    """The table of devices fits, draws, sorts and is searched; the failure stands first as text; the rest opens."""
    assert listed.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert listed.locator(".failures strong").inner_text() == "<b>Bad</b>"
    picture = listed.get_by_role("img", name="0 to 6\u00a0kWh").first.bounding_box()
    assert (picture["width"], picture["height"]) == (80, 20)
    listed.get_by_role("button", name="Sort by Energy kWh").click()
    assert listed.locator("tbody th:visible").first.inner_text() == "Ventil 321"
    listed.get_by_label("Search").fill("ventil 321")
    assert listed.get_by_role("status").inner_text() == "1 of 349 devices"
    assert listed.get_by_role("link", name="November 2018").count() == 2


STATES = (
    ("Alpha", "ok", 0.0),
    ("Bravo", "silent", 0.0),
    ("Charlie", "fault", 900.0),
    ("Delta", "warn", 90.0),
    ("Echo", "not judged", 0.0),
    ("Foxtrot", "fault", 10_500.0),
)


@pytest.fixture
def phone(browser, tmp_path) -> Iterator[object]:
    """The index of an interrupted run on a phone: devices of each condition, and 400 reports that were not made."""
    about = [Condition(status, f"{name} is {status}.", 16, cost_kwh=cost) for name, status, cost in STATES]
    made = [
        Result(Job("device", name, f"devices/{name}", {}), "ok", 1.0, files={"html": f"{name}.html"}, made_at=MADE)
        for name, _, _ in STATES
    ]
    made = [replace(it, condition=one.data()) for it, one in zip(made, about, strict=True)]
    left = [Result(Job("device", f"Ventil {i}", f"devices/{i}", {}), "failed", 0.0, STOPPED) for i in range(400)]
    work = [
        {"page": f"devices/{name}.html", "cost_low": cost / 10, "cost_high": cost, "currency": "CHF", "counted": "yes"}
        | {"serial": name, "device": name, "finding": "delta-T", "since": "", "what_to_do": "Look."}
        for name, _, cost in STATES
        if cost
    ]
    run = replace(Run.of(facts(made_at=MADE, stopped=True), [*left, *made]), work=work)
    path = tmp_path / "index.html"
    path.write_text(index.page(run), encoding="utf-8")
    context = browser.new_context(viewport={"width": 390, "height": 844}, offline=True)
    opened = context.new_page()
    opened.goto(path.as_uri())
    yield opened
    context.close()


def test_the_worst_is_on_a_phones_first_screen(phone):
    """Nothing scrolled, one reads what is missing in one line, and of the worst device status and finding."""
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert phone.get_by_text("6 made, 400 not made").is_visible()
    for words in ("Foxtrot is fault.", "Charlie is fault."):
        box = phone.get_by_text(words).bounding_box()
        assert box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 844
    assert phone.locator("tbody .bnb-st").first.inner_text() == "fault"
    reasons = phone.locator(".failures summary")
    assert reasons.all_inner_texts() == ["400 reports Stopped before it was finished."]
    assert not phone.locator(".failures li li").first.is_visible()
    reasons.click()
    assert phone.locator(".failures li li").first.inner_text() == "Ventil 0 Device"


def test_the_index_sorts_by_severity_and_money(phone):
    """Of conditions the worst is first, whatever the alphabet says; money sorts as numbers; what is unknown is last."""

    def names(column: str) -> str:
        phone.get_by_role("button", name=f"Sort by {column}").click()
        return "".join(name[0] for name in phone.locator("tbody th:visible").all_inner_texts()[:6])

    assert names("Device") == "ABCDEF"
    assert names("Status") == "FCDBEA"
    assert names("Status") == "AEBDCF"
    assert names("Waste a year")[:3] == "FCD"
    assert names("Waste a year")[:3] == "DCF"


def test_pages_drop_links_outside_their_folder(browser, tmp_path):
    """In the folder of the run names and the way back are links; of a page that was mailed nothing is a dead link."""
    frame = pd.DataFrame({"name": ["Ventil <1>", "Other"]})
    data = display.table(frame, "devices")._repr_mimebundle_()
    notebook = new_notebook(cells=[new_code_cell("", outputs=[new_output("display_data", data=data)])])
    html = page.export(notebook, title="Fleet", made_at=MADE, version="1.2.3")
    names = {"Ventil &lt;1&gt;": "devices/ventil-1.html"}
    published = link(html, "overview.html", {"index": "index.html"}, names, "2018-11/overview.html")
    context = browser.new_context(offline=True)
    for folder, links in (("2018-11", ["All reports", "Ventil <1>"]), ("Downloads", [])):
        path = tmp_path / folder / "overview.html"
        path.parent.mkdir()
        path.write_text(published, encoding="utf-8")
        opened = context.new_page()
        opened.goto(path.as_uri())
        assert opened.locator("a[href]:not([href^='#'])").all_inner_texts() == links
        assert opened.locator("tbody td").all_inner_texts() == ["Ventil <1>", "Other"]
    context.close()


def first_rows(view, count: int = 3) -> list[str]:
    """The names in the first visible rows."""
    return view.locator("tbody tr:visible td:first-child").all_inner_texts()[:count]


def test_page_fits_the_screen(view):
    """No sideways scrolling of the page itself, on a desk or on a phone."""
    assert view.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_charts_are_whole_and_as_dark_as_the_page(view):
    """A chart is whole, none of it to be scrolled to; on a dark page it is dark, and blue is still blue."""
    picture = view.locator(".bnb-fig img")
    box, width = picture.bounding_box(), view.viewport_size["width"]
    assert min(width, 800) - 40 <= box["width"] <= width - box["x"]
    assert box["x"] >= 0
    assert picture.evaluate("img => img.parentElement.scrollWidth <= img.parentElement.clientWidth")
    pixels = np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("RGB")).astype(int)
    paper = [int(part) for part in re.findall(r"\d+", view.evaluate("getComputedStyle(document.body).backgroundColor"))]
    assert np.abs(pixels[2, 2] - paper[:3]).max() <= 8
    strongest = pixels.reshape(-1, 3)[np.argmax(np.ptp(pixels, axis=2))]
    assert np.argmax(strongest) == 2
    assert np.abs(pixels.mean() - np.mean(paper)) < 60


def test_tables_sort_by_number_and_by_text(view):
    """A click sorts by number, the greatest first, another turns it round; the unknown stays last."""
    by_power = view.get_by_role("button", name="Sort by Power kW")
    by_power.click()
    assert first_rows(view, 2) == ["Ventil 101", "Ventil 202"]
    assert by_power.locator("..").get_attribute("aria-sort") == "descending"
    by_power.click()
    assert first_rows(view, 1) == ["Ventil 0"]
    view.get_by_role("button", name="Sort by Name").press("Enter")
    assert first_rows(view) == ["<script>alert(1)</script> Größe", "Ventil 0", "Ventil 1"]


def test_tables_are_searched(view):
    """Words narrow the rows down, and a count says how far."""
    view.get_by_label("Search").fill("größe script")
    assert first_rows(view) == ["<script>alert(1)</script> Größe"]
    assert view.get_by_role("status").inner_text() == f"1 of {ROWS} rows"


def test_long_tables_open_on_request(view):
    """The first 200 rows stand there, all after a click."""
    rows = view.locator("tbody tr:visible")
    assert rows.count() == 200
    view.get_by_role("button", name=f"Show all {ROWS} rows").click()
    assert rows.count() == ROWS


def test_code_shows_by_keyboard(view):
    """Code is hidden until the checkbox is ticked, which the space bar does."""
    code = view.get_by_text("secret_code()").first
    assert not code.is_visible()
    view.get_by_label("Show code").press("Space")
    assert code.is_visible()


def test_sentences_stay_below_their_rows(browser, tmp_path):
    """Sorted, searched or cut, a table keeps each sentence right below the row that it belongs to."""
    words = [f"Sentence {i}." if i % 3 else "" for i in range(ROWS)]
    frame = pd.DataFrame({"name": [f"Ventil {i}" for i in range(ROWS)], "power_kw": range(ROWS), "advice": words})
    data = display.table(frame, "advised", below=["advice"])._repr_mimebundle_()
    notebook = new_notebook(cells=[new_code_cell("", outputs=[new_output("display_data", data=data)])])
    path = tmp_path / "advised.html"
    path.write_text(page.export(notebook, title="Fleet", made_at=MADE, version="1.2.3"), encoding="utf-8")
    context = browser.new_context(offline=True)
    opened = context.new_page()
    opened.goto(path.as_uri())

    def rows() -> list[str]:
        return [" ".join(text.split()) for text in opened.locator("tbody tr:visible").all_inner_texts()]

    def expected(numbers: list[int]) -> list[str]:
        return [line for i in numbers for line in (f"Ventil {i} {i}", f"Advice {words[i]}")[: 2 if words[i] else 1]]

    assert rows() == expected(list(range(200)))
    opened.get_by_role("button", name="Sort by Power kW").click()
    assert rows() == expected(list(range(ROWS - 1, ROWS - 201, -1)))
    opened.get_by_label("Search").fill("sentence 49.")
    assert rows() == expected([449, 349, 149, 49])
    assert opened.get_by_role("status").inner_text() == f"4 of {ROWS} rows"
    opened.get_by_label("Search").fill("")
    opened.get_by_role("button", name=f"Show all {ROWS} rows").click()
    assert rows() == expected(list(range(ROWS - 1, -1, -1)))
    context.close()


def test_page_reads_without_script(browser, report):
    """Without JavaScript all rows are there, and the code toggle still works."""
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(report.as_uri())
    assert opened.locator("tbody tr").count() == ROWS
    assert opened.locator("tbody tr").nth(ROWS - 1).is_visible()
    opened.get_by_label("Show code").check()
    assert opened.get_by_text("secret_code()").first.is_visible()
    context.close()


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a term in its text, in a key figure and in a table that is wider than a phone."""
    frame = pd.DataFrame(
        {"valve": ["A", "B", "C"], "R²": [3.0, 1.0, 2.0], **{f"x{i}": ["long enough"] * 3 for i in range(9)}}
    )
    figures = display.key_figures(display.KeyFigure("Degree days HGT20/12", 3154, "Kd"))
    outputs = [
        new_output("display_data", data=shown._repr_mimebundle_()) for shown in (figures, display.table(frame, "fits"))
    ]
    cells = [new_markdown_cell("# Heat"), new_markdown_cell("It is hunting."), new_code_cell("", outputs=outputs)]
    path = tmp_path_factory.mktemp("worded") / "heat.html"
    html = page.export(new_notebook(cells=cells), title="Heat", made_at=MADE, version="1.2.3")
    path.write_text(html, encoding="utf-8")
    return path


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_terms_unfold_where_they_stand(browser, worded, scheme, width, script):
    """By touch and by keyboard a term says what it means, near it and on the screen; Escape or a tap closes it."""
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, has_touch=True, java_script_enabled=script
    )
    opened = context.new_page()
    opened.goto(worded.as_uri())
    told = opened.locator("[popover]:visible")
    for term in ("hunting", "HGT20/12", "R²"):
        mark = opened.get_by_role("button", name=f"Meaning of {term}")
        mark.press("Enter")
        assert told.inner_text().startswith(f"{term}: ")
        place, near = told.bounding_box(), mark.bounding_box()
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= width
        assert abs(place["y"] - near["y"]) < 200
        opened.keyboard.press("Escape")
        assert told.count() == 0
        mark.tap()
        assert told.count() == 1
        opened.touchscreen.tap(3, 790)
        assert told.count() == 0
    if script:
        opened.get_by_role("button", name="Sort by R²").click(position={"x": 2, "y": 2})
        assert first_rows(opened) == ["A", "C", "B"], "the mark is not in the way of sorting"
    context.close()


def test_terms_are_a_list_on_paper(browser, worded):
    """Printed, the marks are gone, and the terms that the page uses, and no others, are its last part."""
    opened = browser.new_page()
    opened.goto(worded.as_uri())
    opened.emulate_media(media="print")
    assert opened.locator("main .q:visible").count() == 0
    lines = opened.locator("main > :last-child").inner_text().split("\n")
    assert [line.partition(":")[0] for line in lines if line] == ["Terms", "HGT20/12", "hunting", "R²"]
    opened.close()

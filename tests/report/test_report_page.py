"""The report page: complete, self-contained, readable by anyone, and safe whatever names the cloud gives."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from belimo_nb import display, plots
from belimo_nb.report.page import assets, page
from belimo_nb.report.page.links import link
from belimo_nb.report.page.markup import Prose, clean_html

EVIL = "Ventil \"Süd & Größe\" <script>alert('1')</script> 🔥"
MADE = datetime(2018, 12, 1, 9, 30, tzinfo=UTC)
VOID = {"meta", "link", "img", "input", "br", "hr", "path", "circle", "col"}
PNG = base64.b64encode(b"\x89PNG").decode()


class Page(HTMLParser):
    """Reads a page as a browser would: elements, texts, and whether they nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> does not nest"

    def handle_data(self, data):
        for tag in self.open:
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def first(self, tag: str) -> str:
        """The text of the first element of a kind."""
        return " ".join(self.texts[tag][0].split())


def assert_self_contained(html: str) -> Page:
    """No src, href, import or url() leads out of the folder that the page is in; the page parses and nests."""
    parsed = Page(html)
    assert parsed.open == []
    for tag, attributes in parsed.elements:
        for name in ("src", "srcset", "data", "poster", "action", "background", "xlink:href"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
        link = attributes.get("href")
        if link is not None:
            inside = re.match(r"data:,|#|(\.\./)*[\w.-]+(/[\w.%-]+)*$", link)
            assert inside or tag == "a", (tag, link)
    for style in [*parsed.texts.get("style", []), *(item.get("style") or "" for _, item in parsed.elements)]:
        assert "@import" not in style
        assert "url(" not in style
    return parsed


def output(shown) -> nbformat.NotebookNode:
    """What the kernel would store for a cell that ends with the object."""
    data, metadata = DisplayFormatter().format(shown)
    return new_output("execute_result", data=json.loads(json.dumps(data)), metadata=metadata, execution_count=1)


def code(source: str, *outputs, tags=()) -> nbformat.NotebookNode:
    """A code cell; display objects become outputs."""
    made = [item if isinstance(item, nbformat.NotebookNode) else output(item) for item in outputs]
    cell = new_code_cell(source, outputs=made)
    cell.metadata["tags"] = list(tags)
    return cell


def header(**changes) -> display.Header:
    """The title block of a valve with an awkward name."""
    given = {"subtitle": "DN 50", "facts": {"Period": "November 2018", "Project": EVIL}, "completeness": 0.9634}
    return display.header(EVIL, source="demo data, seed 1", **(given | changes))


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    """A device's notebook as papermill leaves it."""
    frame = pd.DataFrame({"name": [EVIL, "Ventil 2"], "heating_kwh": [1234.5, np.nan]})
    index = pd.date_range("2018-11-01", periods=30, freq="D", tz="Europe/Zurich")
    cells = [
        new_markdown_cell("# One valve\n\nWhat is it **doing**?"),
        code('device = "x"  # <name>', tags=["parameters"]),
        code('device = "3c6f7077"', tags=["injected-parameters"]),
        code("cloud = bn.connect()", new_output("stream", name="stderr", text="\x1b[31mcareful\x1b[0m\n")),
        code("display.header(...)", header()),
        code("display.key_figures(...)", display.key_figures(display.KeyFigure(EVIL, 1234.5, "kWh", EVIL))),
        new_markdown_cell("## Energy\n\nBy day."),
        code("plots.daily_energy(...)", plots.daily_energy(pd.Series(np.arange(30.0), index=index, name=EVIL))),
        new_markdown_cell("## Table <1>"),
        code("display.table(...)", display.table(frame, "months", EVIL), display.note(EVIL, "warn")),
        code("bn.explore(cloud)", new_output("stream", name="stdout", text="NO-REPORT"), tags=["no-report"]),
    ]
    made = new_notebook(cells=cells)
    made.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    return made


def export(notebook: nbformat.NotebookNode) -> str:
    """The page of a notebook."""
    return page.export(notebook, title="Given title", made_at=MADE, version="1.2.3")


def test_page_is_self_contained_and_well_formed(notebook):
    """Nothing leads out of the page's folder, and every element is closed where it should be."""
    assert_self_contained(export(notebook))


def test_page_runs_no_script_but_its_own(notebook):
    """There is one script, it is ours, and the content policy names its hash and allows nothing else."""
    parsed = Page(export(notebook))
    (script,) = parsed.texts["script"]
    assert script == assets.script()
    policy = next(item["content"] for item in parsed.all("meta") if item.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert not [name for _, item in parsed.elements for name in item if name.startswith("on")]


def test_foreign_names_are_text(notebook):
    """The name with markup in it appears in title, heading, cards, table and alt text, letter by letter."""
    parsed = Page(export(notebook))
    plain = " ".join(EVIL.split())
    assert parsed.first("title") == f"{plain} – One valve"
    assert parsed.first("h1") == plain
    assert plain in " ".join(parsed.texts["dd"])
    assert plain in " ".join(parsed.texts["dt"])
    assert plain in " ".join(parsed.texts["th"] + parsed.texts["td"])
    assert any(EVIL in (item["alt"] or "") for item in parsed.all("img"))


def test_page_has_landmarks_and_headings(notebook):
    """Language, viewport, one main, labeled navigation, one first heading, no level skipped, unique ids."""
    parsed = Page(export(notebook))
    assert parsed.all("html")[0]["lang"] == "en"
    assert any(item.get("name") == "viewport" for item in parsed.all("meta"))
    assert [len(parsed.all(tag)) for tag in ("main", "header", "footer", "h1")] == [1, 1, 1, 1]
    assert {item["aria-label"] for item in parsed.all("nav")} == {"Reports", "Contents"}
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [item["id"] for _, item in parsed.elements if "id" in item]
    assert len(ids) == len(set(ids))
    targets = [item["href"].removeprefix("#") for item in parsed.all("a") if (item["href"] or "").startswith("#")]
    assert set(targets) <= set(ids)
    assert {"energy", "table-1"} <= set(targets)


def test_title_block_says_what_made_it(notebook):
    """Kind, object, period, completeness and source from the notebook; time and version from the page."""
    html = export(notebook)
    parsed = Page(html)
    facts = dict(zip(parsed.texts["dt"], parsed.texts["dd"], strict=False))
    assert facts["Period"] == "November 2018"
    assert facts["Completeness"] == "96.3\u00a0%"
    assert facts["Source"] == "demo data, seed 1"
    assert facts["Made"] == "2018-12-01 09:30 UTC by belimo-nb 1.2.3"
    assert '<p class="kind">One valve</p>' in html
    assert "<strong>doing</strong>" in html
    assert html.count("demo data, seed 1") == 2


def test_little_data_is_flagged(notebook):
    """Below 90 % the completeness is marked; unknown completeness is not shown."""
    assert 'class="low"' not in export(notebook)
    notebook.cells[4] = code("x", header(completeness=0.8999))
    assert 'class="low">89.9' in export(notebook)
    notebook.cells[4] = code("x", header(completeness=None))
    assert "Completeness" not in export(notebook)


def test_page_without_header_object():
    """The notebook's own heading is the title, else the title that was given."""
    assert Page(export(new_notebook(cells=[new_markdown_cell("# My notes\n\nText")]))).first("h1") == "My notes"
    assert Page(export(new_notebook(cells=[code("1")]))).first("h1") == "Given title"


@pytest.mark.parametrize(
    ("page", "pages", "links"),
    [
        ("overview.html", {"overview": "overview.html"}, {"index.html": "All reports"}),
        ("devices/a.html", {}, {"../index.html": "All reports"}),
        (
            "devices/a.html",
            {"overview": "overview.html"},
            {"../index.html": "All reports", "../overview.html": "Overview"},
        ),
    ],
)
def test_way_back(notebook, page, pages, links):
    """Before it is published a page leads nowhere; then its first landmark leads to the pages that there are."""
    html = export(notebook)
    assert Page(html).all("nav")[0]
    bar = slice(html.index("<nav"), html.index("</nav"))
    assert "href" not in html[bar]
    published = link(html, page, {**pages, "index": "index.html"}, {}, f"2018-11/{page}")
    again = link(published, page, {**pages, "index": "index.html"}, {}, f"2018-11/{page}")
    assert dict(re.findall(r'<a data-page="\w+" href="([^"]*)">([^<]*)</a>', again)) == links
    assert f'<html lang="en" data-place="2018-11/{page}">' in again
    assert "<a data-page" not in link(again, page, {}, {}, ""), "what is gone is no link any more"


def test_sections_with_nothing_to_show_are_left_out():
    """A heading, its words and its notes go where all of them say that there is nothing; one that has a say stays."""

    def shown(*notes):
        cells = [new_markdown_cell("# Valve"), code("1"), new_markdown_cell("## Did it work?\n\nPut the day into it.")]
        cells += [code("", one) for one in notes]
        return export(new_notebook(cells=[*cells, new_markdown_cell("## After"), code("2")]))

    nothing = display.note("There is none.", "absent")
    html = shown(nothing, nothing)
    assert nothing.text() == "Note: There is none.", "a notebook says it"
    assert not re.findall("Did it work|Put the day|There is none", html)
    assert Page(html).texts["h2"] == ["After"]
    html = shown(nothing, display.note("The weather is unknown."))
    assert "Did it work?" in html
    assert "The weather is unknown." in html


def test_code_is_there_but_hidden(notebook):
    """Code, parameters and warnings are in the page, hidden by the style sheet until a checkbox is ticked."""
    html = export(notebook)
    parsed = Page(html)
    hidden = [
        text for text, item in zip(parsed.texts["pre"], parsed.all("pre"), strict=True) if item["class"] == "code"
    ]
    assert 'device = "x"  # <name>' in hidden
    assert "careful" in hidden
    assert ".code { display: none;" in html
    assert "body:has(#show-code:checked) .code { display: block; }" in html
    assert {"type": "checkbox", "id": "show-code"} in parsed.all("input")


def test_interactive_parts_stay_out(notebook):
    """Cells tagged no-report, widgets, their fallback text and their state are not in the page."""
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "IntSlider()"}
    script = {"application/javascript": "alert(1)", "text/plain": "a script"}
    notebook.cells.insert(-1, code("w", new_output("display_data", data=data), new_output("display_data", data=script)))
    html = export(notebook)
    for word in ("NO-REPORT", "bn.explore", "IntSlider", "widget", "alert(1)"):
        assert word not in html, word


def test_figures_have_captions_and_descriptions(notebook):
    """A chart is a figure with caption, alt text and size; any other picture at least has an alt text."""
    picture = {"image/png": "iVBO\nRw0=\n", "text/plain": "<Figure>"}
    drawing = {"image/svg+xml": "<svg onload='x()'></svg>"}
    notebook.cells.append(code("p", *(new_output("display_data", data=data) for data in (picture, drawing))))
    parsed = assert_self_contained(export(notebook))
    chart, other, vector = parsed.all("img")
    assert (chart["width"], chart["alt"][:7]) == ("640", "Energy,")
    assert parsed.texts["figcaption"][0].startswith("Energy per local calendar day.")
    assert other["src"] == "data:image/png;base64,iVBORw0="
    assert other["alt"]
    assert vector["src"].startswith("data:image/svg+xml;base64,")


def failed(notebook: nbformat.NotebookNode, name: str, value: str, trace: list[str]) -> nbformat.NotebookNode:
    """The notebook as papermill leaves it when its sixth cell fails."""
    mark = new_markdown_cell("<span style='color:red'>An Exception was encountered at 'In [4]'.</span>")
    mark.metadata["tags"] = ["papermill-error-cell-tag"]
    notebook.cells[5].outputs = [new_output("error", ename=name, evalue=value, traceback=trace)]
    notebook.cells.insert(0, mark)
    return notebook


def test_failure_is_readable(notebook):
    """The page says at its top what failed, shows the trace without terminal colors, and ends there."""
    trace = ["\x1b[31m------\x1b[39m", "----> 1 1 / 0", "\x1b[31mZeroDivisionError\x1b[39m: division by <zero>"]
    html = export(failed(notebook, "ZeroDivisionError", "division by <zero>", trace))
    parsed = assert_self_contained(html)
    (alert,) = [item for item in parsed.all("p") if item.get("role") == "alert"]
    assert "bnb-problem" in (alert["class"] or "")
    assert "A step failed: ZeroDivisionError: division by &lt;zero&gt;. What would follow is missing." in html
    assert "----&gt; 1 1 / 0\nZeroDivisionError" in html
    assert "An Exception was encountered" not in html
    assert "\x1b" not in html
    assert "By day." not in html


def test_own_errors_are_one_sentence(notebook):
    """An error that belimo_nb raises on purpose shows as its sentence, without name or trace."""
    sentence = "No readings of Heating_E_J in November 2018; choose another period."
    html = export(failed(notebook, "NoDataError", sentence, [f"NoDataError: {sentence}"]))
    assert f"<strong>{sentence}</strong></div>" in html
    assert "NoDataError" not in html


def test_failure_without_a_failing_cell(notebook):
    """What the runner wrote at the top of a notebook whose kernel died is said."""
    mark = new_markdown_cell("**This report is not complete.** Its kernel ended unexpectedly.")
    mark.metadata["tags"] = ["papermill-error-cell-tag"]
    notebook.cells.insert(0, mark)
    assert "</strong> Its kernel ended unexpectedly.</p>" in export(notebook)


def test_output_of_other_libraries_is_cleaned(notebook):
    """Foreign HTML keeps its table and loses scripts, styles, handlers and everything that would load."""
    html = (
        "<style>.x{background:url(https://evil.example/i.png)}</style><table class='x'><tr><td onclick='x()'>kept</td>"
        "</tr></table><img src='https://evil.example/i.png' alt='a picture'><script src=https://evil.example/a.js>"
        "evil()</script><iframe src='https://evil.example'>inside</iframe><a href='javascript:x()'>link</a>"
        "<a href=' JAVA\tSCRIPT:x()'>two</a><a href='https://example.org/x'>three</a></div></table>"
    )
    notebook.cells.append(code("df", new_output("display_data", data={"text/html": html, "text/plain": "plain"})))
    parsed = assert_self_contained(export(notebook))
    assert "kept" in parsed.texts["td"]
    for word in ("evil.example", "onclick", "evil()", ">inside", "javascript:"):
        assert word not in export(notebook).replace(assets.script(), ""), word
    assert [item["href"] for item in parsed.all("a") if "example.org" in (item.get("href") or "")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("<b>a<i>b</b>c", "<b>a<i>b</i></b><i>c</i>"),
        ("<p>open", "<p>open</p>"),
        ("</b>x", "x"),
        ("<script>x<b>y</b></script>z", "z"),
        ("a < b & c", "a &lt; b &amp; c"),
        ('<img src="data:image/png;base64,AAAA">', '<img src="data:image/png;base64,AAAA" alt="">'),
        ('<img src="data:text/html;base64,AAAA" alt="A&B">', "A&amp;B"),
        ('<img src="x" alt="<script>1</script>">', "&lt;script&gt;1&lt;/script&gt;"),
        ('<img alt="a src=&quot;x&quot;">', "a src=&quot;x&quot;"),
        ('<p src="x" href="y" title="a">t</p>', '<p title="a">t</p>'),
        ('<svg><style><img src="x" onerror="x()"></style></svg><math><mi>x</mi></math>z', "z"),
        (
            '<table><tr><td colspan="2" style="x">t</td></tr></table>',
            '<table><tbody><tr><td colspan="2">t</td></tr></tbody></table>',
        ),
        ('<a href="#x">x</a><a href="a/b.html?c:d">y</a>', '<a href="#x">x</a><a href="a/b.html?c:d">y</a>'),
        ('<a href="data:text/html,x">x</a>', "<a>x</a>"),
        ('<a href="da\tta:text/html,x">x</a><a href="&#1;javascript:x">y</a>', "<a>x</a><a>y</a>"),
    ],
)
def test_clean_html(given, expected):
    """What is kept is closed and quoted; what could load or run is gone."""
    assert clean_html(given) == expected


def test_markdown_loads_nothing():
    """Pictures come from the notebook or not at all, links do not run, markup in words is text."""
    prose = Prose()
    html = prose.render(
        "## A *heading* & more\n\n![Far](https://evil.example/x.png) ![Near](attachment:a.png) "
        "[run](javascript:alert(1)) <b onclick=x()>bold</b>\n\n<div onclick='x()'><script>x()</script>block</div>\n\n"
        "```python\nprint('<x>')\n```\n\n## A *heading* & more",
        {"a.png": {"image/png": PNG}},
    )
    assert "evil.example" not in html
    assert f'src="data:image/png;base64,{PNG}" alt="Near"' in html
    assert "javascript:" not in html
    assert "<b onclick" not in html
    assert "<div>block</div>" in html
    assert "<pre><code>print(&#x27;&lt;x&gt;&#x27;)" in html
    assert [(item.text, item.level, item.anchor) for item in prose.headings] == [
        ("A heading & more", 2, "a-heading-more"),
        ("A heading & more", 2, "a-heading-more-2"),
    ]


def test_other_outputs_are_shown(notebook):
    """Printed text, plain results and Markdown results are in the page; progress bars as they ended."""
    notebook.cells.append(
        code(
            "x",
            new_output("stream", name="stdout", text="first\n 10%\r100% <done>\n"),
            new_output("execute_result", data={"text/plain": "<object>"}, execution_count=2),
            new_output("display_data", data={"text/markdown": "**strong**", "text/plain": "weak"}),
        )
    )
    html = export(notebook)
    assert '<pre class="text">first\n100% &lt;done&gt;</pre>' in html
    assert '<pre class="text">&lt;object&gt;</pre>' in html
    assert "<strong>strong</strong>" in html
    assert "weak" not in html


def test_export_changes_nothing_and_repeats(notebook, monkeypatch, tmp_path):
    """The notebook stays as it is, the page is the same each time, and a folder named like a template is no trap."""
    before = copy.deepcopy(notebook)
    first = export(notebook)
    (tmp_path / "base").mkdir()
    (tmp_path / "page").mkdir()
    for name in ("base/null.j2", "page/index.html.j2"):
        Path(tmp_path, name).write_text("trap", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    page._exporter.cache_clear()
    assert export(notebook) == first
    assert notebook == before


@pytest.mark.slow
def test_a_device_with_six_charts_is_light():
    """A year of one valve: six charts, 15-minute samples and a table stay under 700 kB, the page itself under 45 kB."""
    rng = np.random.default_rng(1)
    index = pd.date_range("2017-12-01", "2018-12-01", freq="15min", tz="Europe/Zurich", inclusive="left")
    season = 0.5 + 0.5 * np.cos(np.arange(len(index)) / len(index) * 2 * np.pi)
    flow = np.clip(season * 6 + rng.normal(0, 0.8, len(index)), 0, None)
    power = 70 * flow / (2.5 + flow) + rng.normal(0, 1.5, len(index))
    frame = pd.DataFrame({"flow_m3h": flow, "power_kw": power, "position_pct": flow * 12}, index=index)
    frame["t1_c"] = 40 + 20 * season + rng.normal(0, 1.5, len(index))
    frame["delta_t_k"] = power / np.maximum(flow, 0.2) / 1.147
    frame["t2_c"] = frame["t1_c"] - frame["delta_t_k"]
    daily = frame["power_kw"].resample("D").mean() * 24
    charts = [
        plots.monthly_energy(daily.resample("MS").sum()),
        plots.daily_energy(daily),
        plots.temperatures(frame),
        plots.flow_and_power(frame),
        plots.position(frame),
        plots.power_against_flow(frame["flow_m3h"], frame["power_kw"]),
    ]
    table = display.table(daily.to_frame("heating_kwh").resample("MS").sum(), "months")
    html = export(new_notebook(cells=[code("x", header()), *(code("x", chart) for chart in charts), code("x", table)]))
    assert len(html.encode()) < 700_000
    assert len(re.sub(r"base64,[^\"]*", "", html).encode()) < 45_000


def luminance(color: str) -> float:
    """Relative luminance as WCAG defines it."""
    color = "".join(2 * digit for digit in color[1:]) if len(color) == 4 else color[1:]
    parts = [int(color[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colors_have_contrast():
    """Every text color of the page reaches 4.5 to 1 on every background, in light and in dark."""
    schemes = [
        scheme
        for block in re.findall(r":root \{([^}]*)\}", assets.styles())
        if (scheme := dict(re.findall(r"--bnb-(\w+): (#\w+)", block)))
    ]
    assert len(schemes) == 2
    for scheme in schemes:
        for text in ("ink", "soft", "accent", "good", "warn", "problem"):
            for paper in ("paper", "card", "tint"):
                light, dark = sorted((luminance(scheme[text]), luminance(scheme[paper])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, paper, scheme)


def test_style_sheet_prints_on_paper():
    """Print style: A4, page numbers, rows and figures kept whole, headers repeated, controls gone."""
    styles = assets.styles()
    assert "@page { size: A4;" in styles
    assert "counter(page)" in styles
    assert re.search(r"thead \{ display: table-header-group;", styles)
    printed = styles[styles.index("@media print") :]
    for part in (".bnb-fig", "tr"):
        assert re.search(re.escape(part) + r"[^{}]*\{ break-inside: avoid; \}", printed), part

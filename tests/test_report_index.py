"""The index of a run: failures first, figures that add up, links that work, and the same for programs."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import unquote

import pandas as pd
import pytest

from belimo_nb.display import KeyFigure
from belimo_nb.report import assets, index
from belimo_nb.report.jobs import Job, Result

EVIL = "Ventil \"Süd & Größe\" <script>alert('1')</script> 🔥"
FACTS = index.RunFacts(
    title="Energy valves",
    period_label="December 2017 to November 2018",
    source="demo data, seed 1",
    timezone="Europe/Zurich",
    version="1.2.3",
    made_at=datetime(2018, 12, 1, 9, 30, tzinfo=UTC),
    seconds=3723.4,
)


class Page(HTMLParser):
    """Elements with their attributes, and the rows of the table of devices."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data):
        if self._cell:
            self.rows[-1][-1] += data


def result(
    notebook: str,
    title: str,
    slug: str,
    *figures: KeyFigure,
    error: str | None = None,
    completeness: float | None = 0.98,
) -> Result:
    """A result as the runner gives it."""
    files = {"ipynb": f"{slug}.ipynb"}
    if error is None:
        files = {"html": f"{slug}.html", **files, "csv:months": f"{slug}-months.csv"}
    return Result(
        job=Job(notebook, title, slug, {"start": "2017-12-01"}),
        status="ok" if error is None else "failed",
        seconds=1.23456,
        error=error,
        key_figures=[figure.data() for figure in figures],
        completeness=completeness,
        files=files,
    )


@pytest.fixture
def results() -> list[Result]:
    """A run with two reports of the fleet, three devices, and one that failed."""
    return [
        result("overview", "Overview", "overview", KeyFigure("Devices", 36), completeness=None),
        result("heating_energy", "Heating energy", "heating-energy", KeyFigure("Heating energy", 91740.3, "kWh")),
        result(
            "device",
            EVIL,
            "devices/sued-1",
            KeyFigure("Heating energy", 12345.6, "kWh"),
            KeyFigure("Delta-T", 9.6, "K", "design 15 K", status="warn"),
            KeyFigure("Peak energy of a day", 98.0, "kWh"),
        ),
        result(
            "device",
            "Ventil 2",
            "devices/ventil 2#%",
            KeyFigure("Heating energy", math.nan, "kWh", "offline"),
            completeness=0.7,
        ),
        result("device", "Ventil 3", "devices/3", error="No readings in <2018>; choose another period."),
        result(
            "device",
            "Ventil 4",
            "devices/4",
            KeyFigure("Heating energy", 1000.0, "kWh"),
            KeyFigure("Delta-T", 11.25, "K"),
        ),
    ]


def write(tmp_path, results, facts=FACTS) -> str:
    """The index page of a run."""
    return index.write(tmp_path, results, facts).read_text(encoding="utf-8")


def test_index_is_self_contained(tmp_path, results):
    """Every link stays in the output folder, nothing loads, the only script is the page's own."""
    page = Page(write(tmp_path, results))
    names = {name for item in results for name in item.files.values()} | {"reports.json", "data:,"}
    for tag, attributes in page.elements:
        assert "src" not in attributes, tag
        link = attributes.get("href")
        assert link is None or link.startswith("#") or unquote(link) in names, link
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "@import" not in html
    assert "url(" not in html
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert assets.script() in html


def test_every_report_is_linked(tmp_path, results):
    """Pages, notebooks and tables of all reports that were made are linked, odd names quoted."""
    page = Page(write(tmp_path, results))
    links = {unquote(item["href"]) for tag, item in page.elements if tag == "a"}
    for item in results:
        assert set(item.files.values()) <= links
    assert "devices/ventil%202%23%25.html" in {item["href"] for tag, item in page.elements if tag == "a"}


def test_failures_come_first_with_their_reason(tmp_path, results):
    """Before anything else: which report failed, its last line as text, and its notebook."""
    html = write(tmp_path, results)
    assert html.index("1 not made") < html.index('<h2><a href="overview.html">')
    assert "No readings in &lt;2018&gt;; choose another period." in html
    assert '<a href="devices/3.ipynb">Executed notebook</a>' in html
    rows = Page(html).rows
    assert [row[0] for row in rows[1:5]] == ["Ventil 3", EVIL, "Ventil 2", "Ventil 4"]
    assert [row[1] for row in rows[1:5]] == ["failed", "made", "made", "made"]
    assert '<a href="devices/3.html">' not in html


def test_no_failure_no_alarm(tmp_path, results):
    """A run where all went well does not speak of failures."""
    html = write(tmp_path, [item for item in results if item.status == "ok"])
    assert "not made" not in html
    assert "5 made</dd>" in html


def test_devices_are_compared_in_columns(tmp_path, results):
    """Key figures in columns with units; the unknown is a dash with its reason; sums say of how many."""
    html = write(tmp_path, results)
    rows = Page(html).rows
    assert rows[0][2:-1] == ["Heating energy kWh", "Delta-T K", "Peak energy of a day kWh", "Completeness"]
    assert rows[2][2:-1] == ["12\u202f346", "9.6", "98", "98\u00a0%"]
    assert rows[3][2:-1] == ["–", "–", "–", "70\u00a0%"]
    assert 'title="offline"' in html
    assert rows[-1][0] == "Total"
    assert rows[-1][2] == "13\u202f3462 of 4 devices"
    assert rows[-1][3:5] == ["", ""], "means and peaks do not add up"


def test_fleet_reports_are_cards(tmp_path, results):
    """Overview and heating energy stand out with their own figures."""
    html = write(tmp_path, results)
    assert html.index("overview.html") < html.index("heating-energy.html") < html.index('id="devices"')
    assert re.search(r"<dt>Heating energy</dt><dd>91\u202f740 <span class=\"unit\">kWh</span></dd>", html)


def test_foreign_names_are_text(tmp_path, results):
    """Names from the cloud are shown letter by letter."""
    page = Page(write(tmp_path, results))
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert EVIL in [row[0] for row in page.rows]


def test_run_facts_are_shown(tmp_path, results):
    """Period, source, zone, version, time and duration."""
    html = write(tmp_path, results)
    for words in (
        "<h1>Energy valves</h1>",
        "December 2017 to November 2018",
        "demo data, seed 1",
        "Europe/Zurich",
        "2018-12-01 09:30 UTC by belimo-nb 1.2.3",
        "<dd>1 h 2 min</dd>",
        "<dd>5 made, 1 failed</dd>",
    ):
        assert words in html, words


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.21, "3.2 s"), (47.4, "47 s"), (60, "1 min"), (125, "2 min 5 s"), (7200, "2 h")]
)
def test_durations(tmp_path, seconds, words):
    """As people say them."""
    facts = index.RunFacts(**{**vars(FACTS), "seconds": seconds})
    assert f"<dd>{words}</dd>" in write(tmp_path, [], facts)


def test_a_run_without_reports(tmp_path):
    """Nothing made is an index, too."""
    html = write(tmp_path, [])
    assert "<dd>0 made</dd>" in html
    assert "<table" not in html


def test_reports_json(tmp_path, results):
    """Programs get all of it: raw numbers, null for unknown, times in ISO 8601, no NaN."""
    odd = Job(
        "device", "Ventil 5", "devices/5", {"start": pd.Timestamp("2018-11-01", tz="Europe/Zurich"), "limit": math.inf}
    )
    index.write(tmp_path, [*results, Result(odd, "ok", 2.0)], FACTS)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    made = json.loads((tmp_path / "reports.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert made["counts"] == {"ok": 6, "failed": 1}
    assert made["made_at"] == "2018-12-01T09:30:00+00:00"
    assert made["period"] == "December 2017 to November 2018"
    assert len(made["reports"]) == 7
    first = made["reports"][2]
    assert first["title"] == EVIL
    assert first["key_figures"][0]["value"] == 12345.6
    assert first["files"]["csv:months"] == "devices/sued-1-months.csv"
    assert made["reports"][3]["key_figures"][0]["value"] is None
    assert made["reports"][4]["error"] == "No readings in <2018>; choose another period."
    assert made["reports"][6]["parameters"] == {"start": "2018-11-01 00:00:00+01:00", "limit": None}


def test_write_replaces_and_leaves_nothing_behind(tmp_path, results):
    """A second run replaces both files; no draft stays in the folder."""
    write(tmp_path, results)
    assert "Second run" in write(tmp_path, results[:1], index.RunFacts(**{**vars(FACTS), "title": "Second run"}))
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "reports.json"}

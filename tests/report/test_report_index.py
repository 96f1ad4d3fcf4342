"""The index of a run: failures first, figures that add up, links that work."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from html_tables import Page
from made_runs import YEAR, facts, month

from belimo_nb.cloud.condition import Condition
from belimo_nb.display import KeyFigure
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output import reports_json
from belimo_nb.report.page import assets, index

EVIL = "Ventil \"Süd & Größe\" <script>alert('1')</script> 🔥"
FACTS = facts("Energy valves", YEAR, source="demo data, seed 1", seconds=3723.4)


FILES = ("html", "ipynb", "csv:state", "csv:events", "csv:data-quality")
TREND = {"label": "Energy by day", "unit": "kWh", "values": [0.0, 12.0, None, 5.0]}


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
        trend=TREND if error is None else None,
        made_at=FACTS.made_at,
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


def write(results, facts=FACTS, **more) -> str:
    """The index page of a run."""
    return index.page(reports_json.Run.of(facts, results), **more)


def test_index_is_self_contained(results):
    """Every link stays in the output folder, nothing loads, the only script is the page's own."""
    page = Page(write(results))
    names = {name for item in results for name in item.files.values()} | {"reports.json", "data:,", "../index.html"}
    for tag, attributes in page.elements:
        assert "src" not in attributes, tag
        link = attributes.get("href")
        assert link is None or link.startswith("#") or unquote(link) in names, link
    html = write(results)
    assert "@import" not in html
    assert "url(" not in html
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert assets.script() in html


def test_every_report_is_linked(results):
    """Pages, notebooks and tables of all reports that were made are linked, odd names quoted."""
    page = Page(write(results))
    links = {unquote(item["href"]) for tag, item in page.elements if tag == "a"}
    for item in results:
        assert set(item.files.values()) <= links
    assert "devices/ventil%202%23%25.html" in {item["href"] for tag, item in page.elements if tag == "a"}


def test_failures_come_first_with_their_reason(results):
    """First of all which report failed, its last line as text, and its notebook; then the devices with a page."""
    html = write(results)
    assert html.index("1 not made") < html.index('id="devices"') < html.index('<h2><a href="overview.html">')
    assert "No readings in &lt;2018&gt;; choose another period." in html
    assert '<a href="devices/3.ipynb">Executed notebook</a>' in html
    rows = Page(html).rows
    assert [row[0] for row in rows[1:5]] == [EVIL, "Ventil 2", "Ventil 4", "Total"]
    assert [row[1] for row in rows[1:4]] == ["–", "–", "–"], "that it was made says nothing of a device"
    assert '<a href="devices/3.html">' not in html


def test_no_failure_no_alarm(results):
    """A run where all went well does not speak of failures."""
    html = write([item for item in results if item.status == "ok"])
    assert "not made" not in html
    assert "5 made</dd>" in html


def test_devices_are_compared_in_columns(results):
    """Key figures in columns with units; the unknown is a dash with its reason; sums say of how many."""
    html = write(results)
    rows = Page(html).rows
    assert rows[0][1:3] == ["Status", "Energy by day"]
    assert rows[0][3:-1] == ["Heating energy kWh", "Delta-T K", "Peak energy of a day kWh", "Completeness"]
    assert rows[1][3:-1] == ["12\u202f346", "9.6", "98", "98\u00a0%"]
    assert rows[2][3:-1] == ["–", "–", "–", "70\u00a0%"]
    assert 'title="offline"' in html
    assert rows[-1][0] == "Total"
    assert rows[-1][3] == "13\u202f3462 of 4 devices"
    assert rows[-1][4:6] == ["", ""], "means and peaks do not add up"


def test_fleet_reports_are_cards(results):
    """Overview and heating energy stand out with their own figures."""
    html = write(results)
    assert html.index("overview.html") < html.index("heating-energy.html") < html.index('id="devices"')
    assert re.search(r"<dt>Heating energy</dt><dd>91\u202f740 <span class=\"unit\">kWh</span></dd>", html)


def test_foreign_names_are_text(results):
    """Names from the cloud are shown letter by letter."""
    page = Page(write(results))
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert EVIL in [row[0] for row in page.rows]


def test_run_facts_are_shown(results):
    """Period, source, zone, version, time and duration."""
    html = write(results)
    for words in (
        "<h1>Energy valves</h1>",
        "December 2017 to November 2018",
        "demo data, seed 1",
        "Made 2018-12-01 09:30 UTC by belimo-nb 1.2.3 in 1 h 2 min; times are those of Europe/Zurich.",
        "<dd>5 made, 1 failed</dd>",
    ):
        assert words in html, words


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.21, "3.2 s"), (47.4, "47 s"), (60, "1 min"), (125, "2 min 5 s"), (7200, "2 h")]
)
def test_durations(seconds, words):
    """As people say them."""
    assert f" in {words}; times" in write([], replace(FACTS, seconds=seconds))


def test_a_run_without_reports():
    """Nothing made is an index, too."""
    html = write([])
    assert "<dd>0 made</dd>" in html
    assert "<table" not in html


def test_the_course_is_drawn(results):
    """Each device made has its energy by day as a picture with words; where nothing is known there is a dash."""
    html = write(results)
    drawn = re.findall(r'<svg class="spark"[^>]*aria-label="([^"]*)"><path d="([^"]*)"/></svg>', html)
    assert drawn == [("0 to 12\u00a0kWh", "M6 74h0l103-68M314 46h0")] * 3
    unknown = replace(results[2], trend={**TREND, "values": [None, None]})
    assert Page(write([unknown])).rows[1][2] == "–"


def test_kept_reports_say_so(results):
    """A report kept from an earlier run counts in the totals, is marked, and says when it was made, in local time."""
    kept = [replace(item, kept=True, made_at=datetime(2018, 11, 30, 23, 15, tzinfo=UTC)) for item in results[:3]]
    html = write([*kept, *results[3:]], replace(FACTS, made_at=FACTS.made_at.astimezone(ZoneInfo("Europe/Zurich"))))
    assert "<dd>2 made, 3 kept from an earlier run, 1 failed</dd>" in html
    assert '<span class="note" title="2018-12-01 00:15 CET">made 2018-12-01</span>' in html
    assert html.count("<span>Kept, made 2018-12-01 00:15 CET</span>") == 2
    rows = Page(html).rows
    assert rows[1][:2] == [EVIL, "– made 2018-12-01"]
    assert rows[-1][3] == "13\u202f3462 of 4 devices"


def test_a_failure_links_its_earlier_report(results):
    """Where a report left no page, the one before of the same period is linked, with the time of its making."""
    earlier = {"html": "devices/3.html", "ipynb": "devices/3.ipynb"}
    results[4] = replace(results[4], files=earlier, kept=True, made_at=datetime(2018, 11, 1, 5, tzinfo=UTC))
    html = write(results)
    assert '<a href="devices/3.html">Earlier report</a> <span class="soft">made 2018-11-01 05:00 UTC</span>' in html
    assert "<dd>5 made, 1 failed</dd>" in html


def test_all_runs_are_listed(results):
    """On top stand the newest run and a link to each, with what it has made; while it is exchanged only these."""
    runs = {"2017-12_2018-11": FACTS, "2018-10": facts("x", month("2018-10"), stopped=True, source=EVIL)}
    runs = {name: reports_json.Run.of(one, results).facts for name, one in runs.items()}
    html = write(results, runs=runs)
    assert '<a href="2018-10/index.html">October 2018</a> <span class="soft">5 made, 1 not made, interrupted, ' in html
    assert html.index("</table>") < html.index('<a href="2017-12_2018-11/index.html">December 2017 to November 2018')
    assert "../index.html" not in html
    alone = write(results, runs=runs, figures=False)
    assert alone.count("/index.html") == 2
    assert not re.findall(r"devices/4.html|91.740|1 h 2 min|<dd>", alone)
    assert [tag for tag, _ in Page(html).elements].count("script") == 1


def test_interrupted_runs_say_so(results):
    """The heading of the failures tells that the run was interrupted."""
    assert "1 not made: the run was interrupted" in write(results, replace(FACTS, stopped=True))


@pytest.mark.slow
def test_a_thousand_rows_stay_light(results):
    """Each row of a device with a full picture and four files takes at most 1,300 characters."""
    long = {**TREND, "values": [float((place * 7919) % 100) for place in range(48)]}
    rows = [
        replace(
            results[2],
            job=Job("device", f"Energieventil Heizung 2.OG Nord-West {i}", f"devices/energieventil-heizung-{i}", {}),
            trend=long,
            files={kind: f"devices/energieventil-heizung-2-og-nord-west-{i:08}.{kind}" for kind in FILES},
        )
        for i in range(1000)
    ]
    assert (len(write(rows)) - len(write([]))) / 1000 < 1300


def test_devices_by_severity(results):
    """The worst device first, then the dearer one, with what was found; what is not judged is never green."""
    told = {
        "devices/4": Condition("ok", "No finding.", 12),
        "devices/sued-1": Condition("not judged", "No water flowed.", 3),
        "devices/ventil 2#%": Condition("warn", "Water comes back <too> warm.", 14, cost_kwh=5.0),
        "devices/5": Condition("warn", "Dear.", 14, cost_kwh=50.0),
    }
    results = [*results, result("device", "Ventil 5", "devices/5"), result("device", "Ventil 6", "devices/6")]
    results = [
        replace(item, condition=told[item.job.slug].data()) if item.job.slug in told else item for item in results
    ]
    html = write(results)
    rows = [row for row in Page(html).rows if len(row) > 2][1:6]
    assert [row[1] for row in rows] == ["warn", "warn", "not judged (13 of 16)", "–", "ok (12 of 16)"]
    assert rows[0][0].startswith("Ventil 5")
    assert "Water comes back &lt;too&gt; warm." in html
    marked = re.findall('class="bnb-st bnb-(?:good|problem)">([^<]*)<', html)
    assert marked == ["1 ok", "1 failed", "ok (12 of 16)"], "good is only the one that was judged"


def test_a_figure_has_the_decimals_of_its_page() -> None:
    """Idle heat of valves that cool is 0 kWh on their pages, and no 0.02 on the index."""
    rows = [
        result("device", f"V{at}", f"devices/v{at}", KeyFigure("Heating energy", kwh, "kWh", digits=0))
        for at, kwh in enumerate((0.02, 1.22, 0.57))
    ]
    (column,) = index._columns(rows)
    assert [index._cell(one, column)["shown"] for one in rows] == ["0", "1", "1"]


@pytest.mark.parametrize(
    ("said", "ends"), [("It hunts.", "the run from 2018-10-01."), ("Silent since May.", "since May.")]
)
def test_since_when_is_said_once(said: str, ends: str) -> None:
    """A finding that tells since when it is so does not also stand since a run, which may have been made later."""
    stood = {"x": {"gone": "", "since": "2018-10-01", "seen": "2018-11-01"}}
    result = Result(Job("device", "A", "devices/a", {}), "ok", 1.0, condition={"sentence": said}, standing=stood)
    assert index._sentence(result).endswith(ends)

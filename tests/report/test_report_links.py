"""Links between the pages of a published run: every name that has a page leads to it, and no link leads nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from html_tables import Page
from made_runs import NOVEMBER, facts
from nbformat.v4 import new_code_cell, new_notebook, new_output

from belimo_nb import display
from belimo_nb.report.jobs import STOPPED, Job, Result
from belimo_nb.report.output.folder import claim
from belimo_nb.report.page import page

DEVICES = {"a": "Nord & <b>Süd</b>", "b": "Twin", "c": "Twin", "d": "Broken", "e": "Lost"}
TOLD = [DEVICES["a"], "Twin", "Twin (S-b)", "Twin (S-c)", "Broken", "Lost", "Somebody else"]


def publish(out: Path, broken: tuple[str, ...] = (), left: tuple[str, ...] = (), fleet: bool = True) -> Path:
    """A run in which some reports fail and some are not made at all; the folder that it is published in."""
    with claim(out) as folder:
        about = facts("Run", NOVEMBER, whole=True)
        kept = folder.begin(about, resume=True)
        jobs = [Job("device", name, f"devices/{key}", {"device": key}) for key, name in DEVICES.items()]
        jobs += [Job("overview", "Overview", "overview", {})] * fleet
        results = []
        for job in jobs:
            key = job.slug.removeprefix("devices/")
            if job.slug in kept:
                results.append(kept[job.slug])
            elif key in left:
                results.append(Result(job, "failed", 0.0, STOPPED))
            else:
                told = display.note(f"{DEVICES['a']} failed; Brokenly said.", names=DEVICES.values())
                shown = [display.table(pd.DataFrame({"valve": TOLD}), "valves"), told]
                outputs = [new_output("display_data", data=it._repr_mimebundle_()) for it in shown]
                notebook = new_notebook(cells=[new_code_cell("", outputs=outputs)])
                path = folder.staging / f"{job.slug}.html"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(page.export(notebook, title=job.title, made_at=about.made_at, version="1"))
                status = ("failed", "It broke.") if key in broken else ("ok", None)
                made = Result(job, status[0], 1.0, status[1], files={"html": f"{job.slug}.html"})
                results.append(replace(made, made_at=about.made_at, record=record(key)))
        folder.publish(replace(about, stopped=bool(left)), results)
    return out / "2018-11"


def record(key: str) -> dict[str, object]:
    """A device in numbers: nothing but its serial number."""
    return {
        "serial": f"S-{key}",
        "name": key,
        "verdicts": [],
        "energy": {},
        "health": "OK",
        "note": "",
        "online": True,
        "settings": {},
        "days": 30,
    }


def crawl(folder: Path) -> dict[str, set[str]]:
    """Where the pages of a run link to, by page; each is there."""
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.html"):
        elements = Page(path.read_text(encoding="utf-8")).elements
        links = {str(item["href"]) for tag, item in elements if tag == "a" and "href" in item}
        there = {(path.parent / unquote(link)).resolve() for link in links if not link.startswith("#")}
        assert all(target.is_file() for target in there), (path, links)
        root = folder.resolve().parent
        found[path.relative_to(folder).as_posix()] = {target.relative_to(root).as_posix() for target in there}
    return found


def test_names_lead_to_pages(tmp_path):
    """On a report of the fleet each name does that tells one device; each page leads back to the index and to it."""
    folder = publish(tmp_path, broken=("d",))
    html = (folder / "overview.html").read_text(encoding="utf-8")
    assert '<a data-page href="devices/a.html">Nord &amp; &lt;b&gt;Süd&lt;/b&gt;</a>' in html
    assert html.count('href="devices/a.html"') == 2, "in the note, too"
    assert "</a> failed; Brokenly said." in html
    assert '<a data-page href="devices/c.html">Twin (S-c)</a>' in html
    assert "<span data-page>Twin</span>" in html, "it may be either"
    assert "<span data-page>Somebody else</span>" in html
    assert '<a data-page href="devices/d.html">Broken</a>' in html, "its report failed, and its page says why"
    found = crawl(folder)
    assert {"2018-11/index.html", "2018-11/overview.html"} <= found["devices/a.html"]
    assert "2018-11/devices/e.html" in found["overview.html"]
    crawl(tmp_path)


@pytest.mark.parametrize("left", [("d", "e"), ("e", "overview")])
def test_no_link_is_dead(tmp_path, left):
    """Of an interrupted run what was not made is no link, on no page; resumed, it is one on each."""
    first = crawl(publish(tmp_path, left=left))
    missing = {f"2018-11/{'devices/' * (key != 'overview')}{key}.html" for key in left}
    assert not missing & {target for targets in first.values() for target in targets}
    resumed = crawl(publish(tmp_path))
    assert missing <= resumed["overview.html"] | resumed["devices/a.html"]
    assert crawl(publish(tmp_path, left=left)) == resumed, "an earlier page of the same period stands in"


def test_without_an_overview(tmp_path):
    """A run of devices alone has no link to an overview."""
    assert crawl(publish(tmp_path, fleet=False))["devices/a.html"] >= {"2018-11/index.html"}
    assert "Overview</a>" not in (tmp_path / "2018-11" / "devices" / "a.html").read_text(encoding="utf-8")

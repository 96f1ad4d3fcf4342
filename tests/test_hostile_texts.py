"""Every report executed once on a cloud whose texts are markup, formulas, controls: they stay text."""

from __future__ import annotations

import itertools
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_hostile_cloud import EXECUTING, Elements, assert_harmless

from belimo_nb.demo import DemoCloud
from belimo_nb.demo.server import spoil
from belimo_nb.errors import printable
from belimo_nb.report import notebooks
from belimo_nb.report.engine import engines
from belimo_nb.report.jobs import Job
from belimo_nb.report.render import Task, render

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hostile texts")]

MIXED = "$\\frac{1}{2$ <b onclick=f()>fett</b> {0} {x!r} %s %(y)d _a_ ^b^ | `c` **d** \\"
TEXTS = (
    MIXED,
    "<script>alert(1)</script></style><img src=x onerror=alert(2)>",
    "# Titel [x](javascript:alert(3)) ![y](http://evil.example/z.png) ~~z~~",
    "$x^2$ and $$\\sum_{i}$$ \\(a\\) \\[b\\] \\begin{align}",
    "$", "$\\notacommand$", "_" * 40, "^", "{{ 7 * 7 }} {% raw %}", "%", "100 % of {",
    "two\nlines\r\nand\ta tab", "a | b || c", "\u202eright to left\u2066 \u200f", "half \ud83d of a letter",
    "&lt;b&gt; &amp;amp; &#60;", "\"double\" 'single' `back`", "W" * 300, "\U0001f525" * 60, "a\u0301" * 80, "=1+1",
    "\x1b[31mred\x07\x00", "\ufeff\u00ad\u200b", "שלום مرحبا", "<!-- --> ]]> <![CDATA[", "C:\\new\\table\\x41",
)  # fmt: skip
UNITS_IN_USE = {"W", "K", "J", "m3", "m3/s", "percent", "h", "s", ""}
DEVICE = "3c6f7077-a147-4d25-865f-e72901d9de62"
PERIOD = {"start": "2018-11-01", "end": "2018-12-01"}
ALL = {"search": ""}
JOBS = (
    Job("overview", f"Overview {MIXED}", "overview", ALL | PERIOD),
    Job("heating_energy", f"Heating {MIXED}", "heating-energy", ALL | PERIOD),
    Job("cooling_energy", f"Cooling {MIXED}", "cooling-energy", ALL | {"start": "2018-07-01", "end": "2018-08-01"}),
    Job("device", MIXED, "device", {"device": DEVICE, **PERIOD}),
)


def name_of(identifier: str) -> str:
    """The name of a device, one of the texts by its id; the one that has a report of its own has the mixed one."""
    place = 0 if identifier == DEVICE else int(identifier[:8], 16) % len(TEXTS)
    return f"{TEXTS[place]} {identifier[:4]}"


def spoiled(body: dict[str, Any]) -> None:
    """Put the texts in the place of all that the cloud names."""
    rows = body["data"] if "paging" in body else [body]
    texts = itertools.cycle(TEXTS)
    for row in rows:
        if "serialNumber" in row:
            name = name_of(row["id"])
            row |= {"displayName": name, "serialNumber": f"S {name}", "projectName": next(texts)}
            row |= {"addressCity": next(texts), "addressCountry": next(texts), "deviceType": next(texts)}
            row["health"]["description"] = next(texts)
        if isinstance(row.get("details"), dict):
            row["details"] = {next(texts): next(texts), "values": {"metadata.1004": next(texts)}}
    if "subprofiles" in body:
        body["name"] = MIXED
        for point in body["datapoints"]:
            features = point["featureValues"]
            features["default.description"] = f"{features.get('default.description', '')} {next(texts)}"
            if (features.get("default.unit") or "") not in UNITS_IN_USE:
                features["default.unit"] = next(texts)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The four reports by name of their notebook, made in processes forked from one."""
    folder, engine = tmp_path_factory.mktemp("texts"), engines.select_engine()
    with pytest.MonkeyPatch.context() as patch, DemoCloud(faults=["series-texts"]) as cloud:
        patch.setitem(spoil.BODY_FAULTS, "series-texts", spoiled)
        environment = cloud.environment() | {"HOME": str(folder), "BELIMO_DATA_DIR": str(folder / "data")}
        given = (folder / "out", environment, 300.0, datetime(2018, 12, 1, tzinfo=UTC), "1.0", engine)
        tasks = [Task(job, notebooks.notebook(job.notebook), *given) for job in JOBS]
        with engines.worker_pool(1, time_limit=300, engine=engine) as workers:
            results = [future.result() for future in [workers.submit(render, task) for task in tasks]]
    assert [result.error for result in results] == [None] * len(JOBS)
    return {job.notebook: folder / "out" / f"{job.slug}.html" for job in JOBS}


def letters(text: str) -> str:
    """What is left of a text without blanks, controls and marks of direction."""
    return "".join(c for c in printable(text) if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf"))


@pytest.mark.parametrize("notebook", [job.notebook for job in JOBS])
def test_texts_are_text(notebook: str, pages: dict[str, Path]) -> None:
    """Nothing of it is markup, nothing runs or loads, nothing drives the direction of what follows."""
    source = pages[notebook].read_text(encoding="utf-8")
    page = Elements(source)
    assert_harmless(page)
    tags = [tag for tag, _ in page.found]
    assert tags.count("script") == 1
    assert not set(tags) & (EXECUTING - {"script", "svg", "meta", "link", "base"})
    assert not set("\u202e\u2066\x00\x07\x1b") & set(source)


def test_no_text_is_lost(pages: dict[str, Path]) -> None:
    """The overview has each device's name, letter by letter; the device's page its own, project and description."""
    found = {name: letters("".join(Elements(path.read_text(encoding="utf-8")).texts)) for name, path in pages.items()}
    with DemoCloud() as cloud:
        names = [name_of(device.id) for device in cloud.simulation.devices]
    assert [name for name in names if letters(name) not in found["overview"]] == []
    assert all(letters(name_of(DEVICE)) in found[name] for name in ("overview", "heating_energy", "device"))


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_keep_their_width(width: int, pages: dict[str, Path], browser: Any) -> None:
    """No text makes a page wider than the window, and none runs."""
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True, offline=True)
    for path in pages.values():
        page, trouble = context.new_page(), []
        page.on("dialog", lambda dialog, trouble=trouble: (trouble.append(dialog.message), dialog.dismiss()))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert trouble == []
        page.close()
    context.close()

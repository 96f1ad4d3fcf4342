"""The digest, the work list and what findings cost: in money, as ranges, never twice."""

from __future__ import annotations

import email.policy
import json
import math
import re
from dataclasses import replace
from email import message_from_bytes

import pandas as pd
import pytest
from html_tables import Page
from made_runs import facts
from test_changes import record

from belimo_nb.errors import UsageError
from belimo_nb.hydronics.verdict import PUMP_KWH_M3
from belimo_nb.hydronics.worth import Prices, money, yearly_waste
from belimo_nb.report import digest
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.folder import claim
from belimo_nb.report.output.reports_json import Run
from belimo_nb.report.page.news import told
from belimo_nb.report.work_list import COLUMNS, as_table, total, work_list
from belimo_nb.summary.device import device_record

EVIL = "Ventil <script>alert(1)</script>\nBcc: x@example.org =1+1"
PRICES = Prices(0.1, 0.2, 0.3, "EUR")
NAN = math.nan
GROUPS = ("kwh", "coverage", "quality")


def finding(check: str, verdict: str = "warn", **waste: float) -> dict[str, object]:
    """A finding in a record."""
    told = {"sentence": f"{check}: it is so.", "recommendation": "Look at the strainer."}
    return {"check": check, "verdict": verdict, "figure": 1.0, "unit": "%", **told, **waste}


def result(number: int, *findings: dict[str, object], title: str = "", **more: object) -> Result:
    """The report of a valve that heats, with these findings."""
    energy = {"heating": {"kwh": 1000.0, "coverage": 1.0}}
    found = record(**{"serial": f"S{number}", "energy": energy, **more})
    found["verdicts"] += findings
    job = Job("device", title or f"Ventil {number:04}", f"devices/v-{number}", {"device": f"id-{number}"})
    return Result(job, "ok", 1.0, files={"html": f"devices/v-{number}.html"}, record=found)


def run(*results: Result, before: Run | None = None, **more: object) -> Run:
    """A run, compared, with its work list."""
    made = Run.of(facts(whole=True, **more), list(results)).compared(before, None)
    return replace(made, work=work_list(made.devices, PRICES))


@pytest.mark.parametrize(
    ("kwh", "m3", "days", "kinds", "cost"),
    [
        ((100, 200), (NAN, NAN), 365.25, ["heating"], (10, 20)),
        ((100, 200), (NAN, NAN), 30, ["heating"], (10, 20 * 365.25 / 30)),
        ((100, 200), (NAN, NAN), 365.25, ["cooling"], (20, 40)),
        ((100, 200), (NAN, NAN), 365.25, ["cooling", "heating"], (10, 40)),
        ((NAN, NAN), (100, 200), 365.25, ["heating"], (100 * PUMP_KWH_M3[0] * 0.3, 200 * PUMP_KWH_M3[1] * 0.3)),
        ((NAN, 200), (NAN, 200), 365.25, ["heating"], (0, 20 + 200 * PUMP_KWH_M3[1] * 0.3)),
        ((NAN, NAN), (NAN, NAN), 365.25, ["heating"], (NAN, NAN)),
    ],
)
def test_what_a_finding_costs_a_year(kwh, m3, days, kinds, cost):
    """By its kind's price and the pumping of its water; a month at least as it was, at most all the year round."""
    found = yearly_waste(kwh, m3, days=days, kinds=kinds, prices=PRICES)
    assert found.cost == pytest.approx(cost, nan_ok=True)
    assert found.assumption.endswith(".")
    if not math.isnan(found.cost[1]):
        assert ("at least these alone" in found.assumption) == (days < 300)


def test_without_prices():
    """There are kilowatt hours, no money, and it says which price is not set; with one, the other part is left out."""
    none = yearly_waste((1, 2), (1, 2), days=365, kinds=["heating"], prices=Prices())
    assert math.isnan(none.cost[1])
    assert none.kwh[1] > 0
    assert "without heat, whose price is not set" in none.assumption
    part = yearly_waste((100, 200), (1, 2), days=365.25, kinds=["heating"], prices=Prices(heat=0.1))
    assert part.cost == pytest.approx((10, 20))
    assert "heat at 0.1 CHF/kWh, without electricity" in part.assumption


def test_money():
    """A range, one number where both are the same, nothing where nothing is known."""
    assert (money(330.2, 5620, "CHF"), money(2, 2.1, "EUR"), money(NAN, NAN, "CHF")) == (
        "CHF 330 to 5\u202f620", "EUR 2", ""
    )  # fmt: skip


def test_devices_without_a_serial_number_are_not_one():
    """Each has its own findings in the work list and a visit, and no number is made up for it."""
    row = pd.Series({"serial": None, "health": "OK", "note": None, "online": True})
    kept = device_record(row, [], pd.DataFrame(columns=pd.MultiIndex.from_product([GROUPS, ["heating"]])), {})
    swings = [finding("hunting", "fault")]
    made = run(*(result(number, *swings, serial=kept["serial"]) for number in (1, 2)))
    assert [(one["device"], one["serial"]) for one in made.work] == [("Ventil 0001", ""), ("Ventil 0002", "")]
    assert [one["title"] for one in told(made)["visits"]] == ["Ventil 0001", "Ventil 0002"]


def test_the_work_list():
    """Dead sensors first, then by cost; of overlapping wastes of a valve the dearest counts, and is not added to."""
    small = result(1, finding("hunting", "fault"), finding("low delta-T", waste_m3=10.0))
    large = result(
        2, finding("low delta-T", waste_m3=900.0), finding("waste zone", waste_m3=1000.0, waste_m3_low=500.0)
    )
    blind = result(3, finding("sensor range", "fault"), title=EVIL)
    made = run(small, large, blind, result(4))
    rows = made.work
    assert [(row["serial"], row["finding"], row["counted"][:2]) for row in rows] == [
        ("S3", "sensor range", "ye"),
        ("S2", "waste zone", "ye"),
        ("S2", "low delta-T", "no"),
        ("S1", "low delta-T", "ye"),
        ("S1", "hunting", "ye"),
    ]
    assert all(tuple(row) == COLUMNS for row in rows)
    counted = [row["cost_high"] for row in rows if row["counted"] == "yes" and row["cost_high"]]
    assert total(rows) == money(sum(row["cost_low"] or 0 for row in rows[1:2]), sum(counted), "EUR")
    assert rows[1]["since"] == "2018-11-01"
    text = as_table(rows).csv()
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert "Look at the strainer." in text


def test_a_run_brings_its_work_list(tmp_path):
    """It lies beside the index, which links it, and is in reports.json with numbers as numbers."""
    with claim(tmp_path) as folder:
        told = facts(whole=True)
        folder.begin(told)
        folder.publish(told, [result(1, finding("low delta-T", waste_m3=900.0))], PRICES)
    assert "low delta-T" in (tmp_path / "2018-11" / "work-list.csv").read_text()
    assert 'href="2018-11/work-list.csv"' in (tmp_path / "index.html").read_text()
    body = json.loads((tmp_path / "reports.json").read_text())
    assert body["work_list"][0]["cost_high"] > 100
    assert body["reports"][0]["standing"]["delta-T"]["since"] == "2018-11-01"
    found = reports_json.read(tmp_path / "2018-11" / "reports.json")
    assert [item.topic for item in found.changes] == ["delta-T"]


@pytest.fixture
def large() -> Run:
    """A run of 1,000 valves with 12 news."""
    before = run(*(result(n, *[finding("low delta-T", waste_m3=50.0 * n)] * (n % 9 == 0)) for n in range(1000)))
    later = [
        result(
            n,
            *[finding("low delta-T", waste_m3=50.0 * n)] * (n % 9 == 0),
            *[finding("hunting", "fault")] * (n in range(10, 18)),
            online=n not in range(19, 23),
            settings={"limit": 1.0},
            title=EVIL if n == 10 else "",
        )
        for n in range(1000)
    ]
    return run(*later, before=before)


def test_a_digest_of_a_thousand_valves(large, tmp_path):
    """Twelve devices with news and three valves worth a visit, in a page, a text and a mail that say the same."""
    for kind in digest.KINDS:
        digest.check(tmp_path / f"digest{kind}")
        digest.write(tmp_path / f"digest{kind}", large, "https://example.org/valves/")
    html = (tmp_path / "digest.html").read_text()
    page = Page(html)
    assert "<script" not in html
    assert len(html) < 40_000
    links = [attributes["href"] for tag, attributes in page.elements if "href" in attributes]
    assert all(link.startswith("https://example.org/valves/2018-11/") for link in links)
    assert "12 devices with news since" in html
    text = (tmp_path / "digest.txt").read_text()
    assert max(len(line) for line in text.splitlines() if "://" not in line) <= digest.WIDTH
    assert text.splitlines()[0] == "Reports, November 2018: 12 new"
    assert text.count("New: hunting.") == 8
    assert text.count("New: connection. Offline.") == 4
    assert "Bcc" not in [line.split(":")[0] for line in text.splitlines()]
    mail = message_from_bytes((tmp_path / "digest.eml").read_bytes(), policy=email.policy.default)
    assert mail["Subject"] == "Reports, November 2018: 12 new"
    assert {"Bcc", "To", "From"} & set(mail.keys()) == set()
    assert mail.get_body(("plain",)).get_content().splitlines() == text.splitlines()
    assert mail.get_body(("html",)).get_content().strip() == html.strip()


@pytest.mark.parametrize(
    ("name", "address", "link"),
    [
        ("digest.html", None, "2018-11/devices/v-1.html"),
        ("digest.html", "https://x.example/r/", "https://x.example/r/2018-11/devices/v-1.html"),
        ("elsewhere/digest.html", None, None),
        ("digest.eml", None, None),
    ],
)
def test_links_of_a_digest(tmp_path, name, address, link):
    """A page beside the runs links to them; one elsewhere, and a mail, only with the address where they are found."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    digest.write(path, run(result(1, finding("oversized"))), address, tmp_path)
    links = {item["href"] for tag, item in Page(path.read_text(encoding="utf-8")).elements if tag == "a"}
    assert (link in links) if link else not links


def test_nothing_new(large, tmp_path):
    """It says so."""
    again = run(*large.results, before=large)
    digest.write(tmp_path / "digest.txt", again, None)
    text = (tmp_path / "digest.txt").read_text()
    assert "Nothing new since November 2018." in text
    assert "://" not in text
    assert re.search(r"\d+ valves have findings, up to EUR ", text)


@pytest.mark.parametrize("kind", digest.KINDS)
def test_a_digest_over_a_file(large, tmp_path, kind):
    """A file that is no digest is not written over; the digest of the run before is."""
    path = tmp_path / f"mine{kind}"
    path.write_text("<p>Dear all, the valves by Belimo</p>\n")
    with pytest.raises(UsageError, match="is there already and no digest of belimo-nb"):
        digest.check(path)
    digest.write(path, large, None)
    digest.check(path)


@pytest.mark.parametrize(("name", "words"), [("d.pdf", "of no known kind"), ("no/d.txt", "is not there")])
def test_digests_that_cannot_be(name, words, tmp_path):
    """One sentence, before anything is made."""
    with pytest.raises(UsageError, match=words):
        digest.check(tmp_path / name, tmp_path / "out")


def test_a_digest_in_the_output_folder(tmp_path):
    """The folder of the first run is not there yet: the run makes it before the digest is written."""
    digest.check(tmp_path / "out" / "news.html", tmp_path / "out")

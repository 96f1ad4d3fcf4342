"""Reports of what a fleet has: heat, cold or both; nothing fails for want of a kind, and no number is of both."""

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from python_calamine import CalamineWorkbook

from belimo_nb.cli import cli
from belimo_nb.errors import NoDataError
from belimo_nb.report.jobs import plan, with_energy


def planned(cloud, search, notebooks=()):
    """The fleet's reports of a search."""
    jobs = with_energy(cloud, plan(cloud, cloud.period(None, None, "2018-07"), notebooks=notebooks, search=search))
    return [job.notebook for job in jobs if job.notebook != "device"]


def test_what_the_fleet_has(cloud):
    """Cooling only, heating only, both: without a request for history, and before any is kept."""
    assert planned(cloud, "Kälte") == ["overview", "cooling_energy"]
    assert planned(cloud, "Heizung") == ["overview", "heating_energy"]
    assert planned(cloud, "Umschalt") == ["overview", "heating_energy", "cooling_energy"]
    assert planned(cloud, "") == ["overview", "heating_energy", "cooling_energy"]


def test_nothing_of_what_was_asked_for(cloud):
    """A report of a kind that no device counts is one sentence; beside another it is left out."""
    with pytest.raises(NoDataError, match=r"No device named .Kälte. has counted heating energy; leave --search out"):
        planned(cloud, "Kälte", ["heating_energy"])
    assert planned(cloud, "Kälte", ["heating_energy", "cooling_energy"]) == ["cooling_energy"]


@pytest.mark.slow
def test_a_fleet_that_only_cools(demo_environment):
    """Status 0, no heating report, a workbook; no figure, column or total is of heat and cold together."""
    arguments = ["report", "--search", "Kälte EG", "--period", "2018-07", "--out", "out", "--tables", "xlsx"]
    result = CliRunner().invoke(cli, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    out = Path("out")
    machine = json.loads((out / "reports.json").read_text(encoding="utf-8"))
    assert [report["notebook"] for report in machine["reports"]] == ["overview", "cooling_energy", "device", "device"]
    assert [path.as_posix() for path in out.rglob("*.csv")] == ["out/2018-07/work-list.csv"]
    labels = {figure["label"] for report in machine["reports"] for figure in report["key_figures"]}
    assert "Cooling energy" in labels
    assert not {"Energy", "Power now", "Heating energy"} & labels
    (cooling,) = [report for report in machine["reports"] if report["notebook"] == "cooling_energy"]
    total = next(figure["value"] for figure in cooling["key_figures"] if figure["label"] == "Cooling energy")
    book = CalamineWorkbook.from_path(out / cooling["files"]["xlsx"])
    head, *rows = book.get_sheet_by_name("monthly").to_python()
    months = pd.DataFrame(rows, columns=head).set_index("Month")
    assert months.loc["Total", "Sum"] == pytest.approx(total, rel=1e-9)
    head, *rows = book.get_sheet_by_name("statement").to_python()
    statement = pd.DataFrame(rows, columns=head)
    assert statement["kwh"].sum() == pytest.approx(total, rel=1e-9)
    passed = statement["closing_kwh"] - statement["opening_kwh"]
    assert passed.tolist() == pytest.approx(statement["kwh"].tolist(), abs=1e-5)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Excel</a>" in page

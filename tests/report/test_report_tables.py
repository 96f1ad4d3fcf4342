"""The tables of a report as a workbook and as CSV for a decimal comma, read by other programs than their writers."""

import csv
import io
import xml.etree.ElementTree as ET
import zipfile
from datetime import UTC, date, datetime
from importlib import util

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from belimo_nb.display import table
from belimo_nb.errors import UsageError
from belimo_nb.report.page import tables
from belimo_nb.report.page.tables import semicolons, workbook

MADE = datetime(2018, 12, 1, 4, 15, tzinfo=UTC)
SPACE = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
TIMES = pd.to_datetime(["2018-10-28 02:30", "2018-11-01 00:00"]).tz_localize("Europe/Zurich", ambiguous=[True, True])


def sample():
    """A table with all kinds of columns, a total, and names that a spreadsheet would take for formulas."""
    frame = pd.DataFrame(
        {
            "Month": pd.date_range("2018-10-01", periods=2, freq="MS", tz="Europe/Zurich"),
            "valve": ["=1+1", "Kälte; Süd"],
            "kwh": [1234567.891234, float("nan")],
            "share": [0.1234, 1.0],
            "time": TIMES,
            "serial": ["00123", "21501-10005"],
        }
    )
    total = {"Month": "Total", "kwh": 1234567.891234}
    return table(frame, "sample", formats={"kwh": 0, "share": "percent", "time": "time"}, total=total).data()


def read(content, sheet=0):
    """The rows of a workbook, as another program reads them."""
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(sheet).to_python()


def part(content, name):
    """The XML of a part of a workbook."""
    return ET.fromstring(zipfile.ZipFile(io.BytesIO(content)).read(name))  # noqa: S314 - our own


def test_values_and_types():
    """Numbers are numbers, unrounded, dates dates, texts texts (serial number and formula, too), nothing is empty."""
    head, first, second, total = read(workbook({"sample": sample()}, "Title", MADE))
    assert head == ["Month", "valve", "kwh", "share", "time (local time)", "serial"]
    assert first[:2] == [date(2018, 10, 1), "=1+1"]
    assert first[2] == pytest.approx(1234567.891234, rel=1e-11)
    assert first[3:] == [
        0.1234,
        datetime(2018, 10, 28, 2, 30),  # noqa: DTZ001 - spreadsheets have no zones
        "00123",
    ]
    assert second[1:3] == ["Kälte; Süd", ""]
    assert total[0] == "Total"
    assert total[2] == first[2]


def test_how_it_looks():
    """The head is frozen, columns are wide enough, numbers have their decimals, a print is A4, a page wide."""
    content = workbook({"sample": sample(), "other": sample()}, "Title", MADE)
    sheet = part(content, "xl/worksheets/sheet1.xml")
    pane = sheet.find(".//m:pane", SPACE)
    assert (pane.get("state"), pane.get("ySplit"), pane.get("topLeftCell")) == ("frozen", "1", "B2")
    widths = {
        column: float(item.get("width"))
        for item in sheet.findall(".//m:col", SPACE)
        for column in range(int(item.get("min")), int(item.get("max")) + 1)
    }
    assert widths[2] >= len("Kälte; Süd")
    assert widths[3] >= len("1,234,568")
    assert widths[5] >= 16
    codes = [item.get("formatCode") for item in part(content, "xl/styles.xml").findall(".//m:numFmt", SPACE)]
    assert {"yyyy-mm-dd", "yyyy-mm-dd hh:mm", "0.0%"} <= set(codes)
    assert not sheet.findall(".//m:f", SPACE), "no cell is a formula"
    page = sheet.find(".//m:pageSetup", SPACE)
    assert (page.get("paperSize"), page.get("orientation"), page.get("fitToHeight")) == ("9", "landscape", "0")


def test_the_same_tables_give_the_same_file():
    """A workbook depends on its tables and the time that it is given, on nothing else."""
    assert workbook({"sample": sample()}, "Title", MADE) == workbook({"sample": sample()}, "Title", MADE)


def test_sheet_names():
    """Long names are cut, and still differ, whatever their case."""
    long = "a" * 40
    found = workbook({long: sample(), f"{long}b": sample(), long.upper(): sample()}, "Title", MADE)
    names = CalamineWorkbook.from_filelike(io.BytesIO(found)).sheet_names
    assert len({name.lower() for name in names}) == 3
    assert max(map(len, names)) <= 31


def test_tables_of_an_earlier_version_are_text():
    """Where nothing says what the columns are, nothing is guessed, so that no serial number loses its zeros."""
    assert read(workbook({"x": {"csv": "serial\n00123\n"}}, "Title", MADE)) == [["serial"], ["00123"]]


def test_decimal_commas():
    """Semicolons, decimal commas, local times, a mark that it is UTF-8; texts stay as they are, formulas harmless."""
    text = semicolons(sample())
    assert text.startswith("\ufeff")
    head, first, second, total = csv.reader(io.StringIO(text[1:]), delimiter=";")
    assert head == ["Month", "valve", "kwh", "share", "time", "serial"]
    assert first == ["2018-10-01", "'=1+1", "1234567,891234", "0,1234", "2018-10-28 02:30", "00123"]
    assert second == ["2018-11-01", "Kälte; Süd", "", "1", "2018-11-01 00:00", "21501-10005"]
    assert total[0] == "Total"
    back = pd.read_csv(io.StringIO(text[1:]), sep=";", decimal=",")
    assert back["kwh"][0] == pytest.approx(1234567.89123)


def test_without_the_writer(monkeypatch):
    """Where XlsxWriter is not installed, one sentence says how to get it, before anything is made."""
    monkeypatch.setattr(tables, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install xlsxwriter; or use --tables csv-semicolon"):
        tables.check("xlsx")
    tables.check("csv-semicolon")
    assert util.find_spec("xlsxwriter"), "the tests have it"

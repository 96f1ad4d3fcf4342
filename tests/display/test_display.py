"""Display objects: what people read, what programs read, and that foreign text stays text."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from html_tables import Page
from matplotlib.figure import Figure
from PIL import Image

from belimo_nb import display
from belimo_nb.display.cells import Svg
from belimo_nb.display.chart import PIXELS_PER_CSS_PIXEL
from belimo_nb.display.numbers import column_digits, label_and_unit
from belimo_nb.errors import UsageError

EVIL = "Ventil \"Süd & Größe\" <script>alert('1')</script> 🔥"
THIN_SPACE, NO_BREAK_SPACE, MINUS = "\u202f", "\u00a0", "\u2212"


def bundle(shown: display.Displayed) -> dict:
    """The MIME bundle, after a trip through strict JSON as in a notebook file."""
    made = shown._repr_mimebundle_()
    made = made[0] if isinstance(made, tuple) else made
    return json.loads(json.dumps(made, allow_nan=False))


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        (12345.678, {}, f"12{THIN_SPACE}346"),
        (1234567, {"unit": "kWh"}, f"1{THIN_SPACE}234{THIN_SPACE}567{NO_BREAK_SPACE}kWh"),
        (99.96, {}, "100"),
        (12.34, {}, "12.3"),
        (1.234, {}, "1.23"),
        (0.012345, {}, "0.012"),
        (0.0, {}, "0"),
        (1e-9, {}, "0"),
        (-0.004, {"digits": 1}, "0.0"),
        (-12.5, {"digits": 1}, f"{MINUS}12.5"),
        (7, {}, "7"),
        (36.0, {}, "36"),
        (np.int64(36), {}, "36"),
        (8.333, {"unit": "K"}, f"8.3{NO_BREAK_SPACE}K"),
        (None, {"unit": "kWh"}, "–"),
        (math.nan, {}, "–"),
        (math.inf, {}, "–"),
        (pd.NA, {}, "–"),
    ],
)
def test_number(value, options, expected):
    """Numbers have sensible digits, separated thousands, a true minus, and a dash where unknown."""
    assert display.number(value, **options) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1.0, "100"), (0.9999, "99.9"), (0.97, "97"), (0.9634, "96.3"), (0.0, "0"), (0.29, "29"), (None, None)],
)
def test_percent_is_cut_not_rounded(share, expected):
    """Only the whole is 100 %."""
    assert display.percent(share) == (f"{expected}{NO_BREAK_SPACE}%" if expected else "–")


def test_dates_are_unambiguous():
    """No reader can swap day and month; moments are in their own zone."""
    stamp = pd.Timestamp("2018-11-01 05:30", tz="UTC").tz_convert("Europe/Zurich")
    assert display.date(stamp) == f"1{NO_BREAK_SPACE}Nov{NO_BREAK_SPACE}2018"
    assert display.moment(stamp) == "2018-11-01 06:30"
    assert display.date(None) == display.moment(pd.NaT) == "–"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("heating_kwh", ("Heating", "kWh")),
        ("delta_t_k", ("Delta-T", "K")),
        ("t1_c", ("T1", "°C")),
        ("flow_m3h", ("Flow", "m³/h")),
        ("slope_kwh_d_k", ("Slope", "kWh/(d K)")),
        ("last_seen", ("Last seen", "")),
        ("id", ("ID", "")),
        ("Größe (DN)", ("Größe (DN)", "")),
        ("Heizung_c", ("Heizung_c", "")),
        ("k", ("K", "")),
        ("kwh", ("kWh", "")),
    ],
)
def test_label_and_unit(column, expected):
    """A column's ending becomes its unit; names that people gave stay as they are."""
    assert label_and_unit(column) == expected


def test_column_digits_suit_the_column():
    """One number of decimals per column; whole numbers have none, temperatures at most one."""
    assert column_digits(np.array([443.2, 12.1, np.nan])) == 0
    assert column_digits(np.array([0.41, 1.52])) == 2
    assert column_digits(np.array([1.0, 2.0, np.nan])) == 0
    assert column_digits(np.array([8.33, 7.12]), "K") == 1
    assert column_digits(np.array([np.nan])) == 0


def test_header_says_the_same_to_people_and_programs():
    """HTML, text and JSON carry title, facts, completeness and source."""
    shown = display.header(
        EVIL, subtitle="DN 50", facts={"Period": "2018", EVIL: EVIL}, completeness=0.9634, source="demo data, seed 1"
    )
    made = bundle(shown)
    assert made[display.MIME] == {
        "kind": "header",
        "title": EVIL,
        "subtitle": "DN 50",
        "facts": [["Period", "2018"], [EVIL, EVIL]],
        "completeness": 0.9634,
        "source": "demo data, seed 1",
    }
    assert "script" not in [tag for tag, _ in Page(made["text/html"]).elements]
    assert "&lt;script&gt;" in made["text/html"]
    assert f"Completeness: 96.3{NO_BREAK_SPACE}% of the data" in made["text/plain"]
    assert "Source: demo data, seed 1" in repr(shown)


def test_header_without_completeness():
    """A share that makes no sense, or is NaN, is not shown and is null for programs."""
    shown = display.header("Fleet", completeness=math.nan, source="x")
    assert bundle(shown)[display.MIME]["completeness"] is None
    assert "Completeness" not in shown.text()


def test_key_figures_carry_a_course():
    """The course of the main figure, to four digits, unknown values None; of many, the means of 48 parts."""
    trend = display.Trend("Energy by day", "kWh", [1.23456, math.nan, 0.0])
    shown = display.key_figures(display.KeyFigure("Energy", 1.0, "kWh"), trend=trend)
    assert shown.data()["trend"] == {"label": "Energy by day", "unit": "kWh", "values": [1.235, None, 0.0]}
    assert "Energy by day" not in shown.html() + shown.text()
    year = [float(day) for day in range(365)]
    year[:8] = [math.nan] * 8
    means = display.Trend("Energy by day", "kWh", year).data()["values"]
    assert len(means) == 48
    assert means[:2] == [None, 11.0]
    assert means[-1] == 360.5
    assert "trend" not in display.key_figures(display.KeyFigure("Energy", 1.0)).data()


def test_key_figures_keep_raw_numbers():
    """Programs get unrounded numbers and null; people get rounded ones and a dash with its reason."""
    shown = display.key_figures(
        display.KeyFigure("Heating energy", np.float64(17641.36), "kWh", "334 of 365 days"),
        display.KeyFigure("Devices", np.int64(36)),
        display.KeyFigure("Power", math.nan, "kW", "offline since 2018-11-20", status="problem"),
        display.KeyFigure(EVIL, "T1/T2 swapped", note=EVIL, status="warn"),
    )
    made = bundle(shown)
    figures = made[display.MIME]["figures"]
    assert made[display.MIME]["kind"] == "key-figures"
    assert [figure["value"] for figure in figures] == [17641.36, 36, None, "T1/T2 swapped"]
    assert figures[2] == {
        "label": "Power",
        "value": None,
        "unit": "kW",
        "note": "offline since 2018-11-20",
        "digits": None,
        "status": "problem",
    }
    assert f"17{THIN_SPACE}641 <span" in made["text/html"]
    assert "<script>" not in made["text/html"]
    assert "Power: – (Problem, offline since 2018-11-20)" in made["text/plain"]


def test_key_figure_status_is_checked():
    """A status that no style knows is an error that lists those that exist."""
    with pytest.raises(UsageError, match=r'"red".*neutral, good, warn, problem'):
        display.KeyFigure("x", 1, status="red")


def test_key_figure_digits_follow_the_unit():
    """9.6 K, not 9.60 K; and what was asked for wins."""
    assert display.KeyFigure("Delta-T", 9.6, "K").shown == "9.6"
    assert display.KeyFigure("Delta-T", 9.6, "K", digits=2).shown == "9.60"


def test_note_escapes_and_names_its_level():
    """The level is a word, not only a color."""
    made = bundle(display.note(EVIL, "warn"))
    assert made[display.MIME] == {"kind": "note", "text": EVIL, "level": "warn"}
    assert made["text/plain"] == f"Warning: {EVIL}"
    assert "<strong>Warning:</strong>" in made["text/html"]
    assert "<script>" not in made["text/html"]
    with pytest.raises(UsageError, match="info, warn, problem"):
        display.note("x", "loud")


@pytest.fixture
def fleet() -> pd.DataFrame:
    """Three devices as the cloud might name them."""
    return pd.DataFrame(
        {
            "name": [EVIL, "=HYPERLINK(1)", "Ventil 3"],
            "power_kw": [443.25, 12345.678901, np.nan],
            "online": [True, False, pd.NA],
            "health": ["ok", "ERROR", None],
            "last_seen": pd.to_datetime(["2018-10-28 00:30", "2018-10-28 01:30", None], utc=True).tz_convert(
                "Europe/Zurich"
            ),
            "share": [1.0, 0.42, np.nan],
        }
    )


def test_table_shows_what_people_read(fleet):
    """Headers with units, separated thousands, local times, dashes, and everything escaped."""
    html = display.table(fleet, "fleet", EVIL, formats={"health": "status", "share": "percent"}).html()
    rows = Page(html).rows
    assert rows[0] == ["Name", "Power kW", "Online", "Health", "Last seen Europe/Zurich", "Share"]
    assert rows[1] == [EVIL, "443", "yes", "ok", "2018-10-28 02:30", f"100{NO_BREAK_SPACE}%"]
    assert rows[2] == ["=HYPERLINK(1)", f"12{THIN_SPACE}346", "no", "ERROR", "2018-10-28 02:30", f"42{NO_BREAK_SPACE}%"]
    assert rows[3] == ["Ventil 3", "–", "–", "–", "–", "–"]
    assert "<script>" not in html
    assert 'class="bnb-st bnb-problem">ERROR' in html


def test_table_csv_is_complete_unrounded_and_safe(fleet):
    """CSV has all rows, full precision, ISO times with offset, and no formula for a spreadsheet to run."""
    made = display.table(fleet, "fleet", limit=1)
    csv = made.data()["csv"]
    lines = csv.splitlines()
    assert len(lines) == 4
    assert lines[0] == "name,power_kw,online,health,last_seen,share"
    assert "12345.678901" in lines[2]
    assert lines[2].startswith("'=HYPERLINK(1)")
    assert "2018-10-28T02:30:00+02:00" in lines[1]
    assert "2018-10-28T02:30:00+01:00" in lines[2]
    back = pd.read_csv(io.StringIO(csv))
    assert back["name"][0] == EVIL
    assert np.isnan(back["power_kw"][2])


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_cells_are_no_formulas(begin):
    """Texts and names of columns and rows that begin like a formula get an apostrophe; numbers stay numbers."""
    frame = pd.DataFrame({f"{begin}1+1": [f"{begin}1+1", -1.5, -2]}, pd.Index([f"{begin}a", "b", "c"], name="id"))
    read = list(csv.reader(io.StringIO(display.table(frame, "x").csv(), newline="")))
    kept = begin.replace("\r", "\n")
    assert read == [["id", f"'{kept}1+1"], [f"'{kept}a", f"'{kept}1+1"], ["b", "-1.5"], ["c", "-2"]]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_cells_are_no_rows(end):
    """An end of a line within a text begins no row, where a formula could follow."""
    frame = pd.DataFrame({"name": [f"North{end}=1+1", "South"]})
    read = list(csv.reader(io.StringIO(display.table(frame, "x").csv(), newline="")))
    assert read == [["name"], ["North\n=1+1"], ["South"]]


def test_table_says_what_it_leaves_out(fleet):
    """A limited table says so, in HTML and text; a complete one does not."""
    assert "1 of 3 rows shown." in display.table(fleet, "fleet", limit=1).html()
    assert "1 of 3 rows shown." in display.table(fleet, "fleet", limit=1).text()
    assert "rows shown" not in display.table(fleet, "fleet", limit=3).html()


def test_sentences_stand_below_their_rows():
    """Across the table, after their labels; where nothing is said there is no row below; the CSV has all columns."""
    frame = pd.DataFrame(
        {
            "check": ["Stuck", "Hunting", "Setback"],
            "meaning": [EVIL, None, ""],
            "what_to_do": ["Look.", "", None],
            "n": 1,
        }
    )
    shown = display.table(frame, "checks", labels={"meaning": ""}, below=["meaning", "what_to_do"])
    made = bundle(shown)
    html = made["text/html"]
    heads, body = html.split("<tbody>")
    assert heads.count("<th ") == 2
    assert "<script>" not in html
    rows = re.findall(r"<tr.*?</tr>", body)
    assert [row.startswith('<tr class="bnb-below"><td colspan="2">') for row in rows] == [False, True, False, False]
    assert rows[1].count("<p>") == 2
    assert rows[1].endswith("<p><b>What to do</b> Look.</p></div></td></tr>")
    assert made["text/plain"].splitlines()[1:] == [
        "Stuck    1",
        f"    {EVIL}",
        "    What to do: Look.",
        "Hunting  1",
        "Setback  1",
    ]
    assert shown.csv().splitlines()[0] == "check,meaning,what_to_do,n"
    assert shown.csv().splitlines()[2] == "Hunting,,,1"


def test_table_index_becomes_row_headers():
    """A meaningful index is shown and kept in the CSV, a counting one is not; several levels work, too."""
    frame = pd.DataFrame({"kwh": [1.5, 2.5]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"]))
    made = display.table(frame, "t")
    assert [attributes.get("scope") for tag, attributes in Page(made.html()).elements if tag == "th"] == [
        *["col"] * 3,
        *["row"] * 4,
    ]
    assert made.csv() == "x,y,kwh\na,1,1.5\nb,2,2.5\n"
    assert display.table(frame.reset_index(drop=True), "t").csv() == "kwh\n1.5\n2.5\n"


def test_table_survives_awkward_frames():
    """Equal column names, an index named like a column, periods, objects, and no rows at all."""
    twice = pd.DataFrame(
        [[1.0, "a", "w"], [2.0, None, "x"]], columns=["v", "v", "w"], index=pd.Index(["p", "q"], name="v")
    )
    assert Page(display.table(twice, "t").html()).rows[2] == ["q", "2", "–", "x"]
    months = pd.DataFrame({"kwh": [1.0]}, index=pd.period_range("2018-11", periods=1, freq="M"))
    assert Page(display.table(months, "t").html()).rows[1] == ["2018-11", "1"]
    mixed = pd.DataFrame({"value": pd.Series([46.23, "AUTO", None], dtype=object)})
    assert [row[0] for row in Page(display.table(mixed, "t").html()).rows] == ["Value", "46.2", "AUTO", "–"]
    assert "No rows." in display.table(pd.DataFrame({"a": []}), "t").html()
    assert display.table(pd.DataFrame({"a": pd.Series([], dtype=float)}), "t").csv() == "a\n"


def test_a_table_without_rows_is_its_sentence_and_a_blank_column_is_not_shown():
    """An empty head says nothing; the CSV keeps all columns, so that files of two runs can be joined."""
    none = display.table(pd.DataFrame({"time": [], "what": []}), "events", "No events in the period")
    assert Page(none.html()).rows == []
    assert "No events in the period." in none.html()
    assert none.csv() == "time,what\n"
    blank = display.table(pd.DataFrame({"value": [1, 2], "unit": ["", ""], "note": ["", "x"]}), "t")
    assert Page(blank.html()).rows[0] == ["Value", "Note"]
    assert blank.csv() == "value,unit,note\n1,,\n2,,x\n"


def test_table_formats():
    """Decimals, dates, functions and labels as asked for; a format that is none is an error."""
    frame = pd.DataFrame({"x_kwh": [1.0, 2.0], "day": pd.to_datetime(["2018-11-01", "2018-11-02"]), "n": [1, 2]})
    html = display.table(frame, "t", formats={"x_kwh": 2, "n": lambda n: f"<{n}>"}, labels={"n": "Count"}).html()
    assert Page(html).rows == [
        ["X kWh", "Day", "Count"],
        ["1.00", "2018-11-01", "<1>"],
        ["2.00", "2018-11-02", "<2>"],
    ]
    with pytest.raises(UsageError, match=r'"money".*"n"'):
        display.table(frame, "t", formats={"n": "money"})


def test_table_takes_pictures_only_from_the_package():
    """A sparkline is drawn, any other markup is text; pictures stay out of the CSV."""
    frame = pd.DataFrame({"last_week": [Svg("<svg></svg>"), None], "evil": ["<svg onload=x()>", ""]})
    made = display.table(frame, "t")
    assert [tag for tag, _ in Page(made.html()).elements].count("svg") == 1
    assert made.csv() == 'evil\n<svg onload=x()>\n""\n'


def test_html_carries_its_style_once_and_can_lose_it():
    """In JupyterLab an object brings its style sheet along; a page takes it off."""
    html = bundle(display.note("x"))["text/html"]
    assert html.count("<style") == 1
    assert "url(" not in html
    assert "@import" not in html
    assert display.without_style(html) == display.note("x").html()


def line_figure() -> Figure:
    """A small figure without pyplot."""
    figure = Figure(figsize=(4, 2), dpi=100)
    figure.subplots().plot([1, 2, 3], [1, 3, 2])
    return figure


def test_chart_is_a_sharp_picture_with_words():
    """PNG at twice the page's resolution, sizes for the page, caption and description for all."""
    chart = display.Chart(line_figure(), "A caption <b>", "From 1 to 3.")
    made, metadata = chart._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(made["image/png"]))).size == (800, 400)
    assert metadata == {"image/png": {"width": 400, "height": 200, "alt": "From 1 to 3."}}
    assert made[display.MIME] == {
        "kind": "figure",
        "caption": "A caption <b>",
        "alt": "From 1 to 3.",
        "width": 400,
        "height": 200,
    }
    assert "text/html" not in made
    assert made["text/plain"] == "A caption <b>\nFrom 1 to 3."
    assert "<figcaption>A caption &lt;b&gt;</figcaption>" in chart.html()
    assert chart.size == (400, 200)


def test_chart_is_the_same_each_time_and_changes_no_settings():
    """The same figure gives the same bytes, and Matplotlib's settings stay as they were."""
    before = dict(mpl.rcParams)
    style = {"font.size": 20}
    first = display.Chart(line_figure(), "", "x", style).png()
    assert first == display.Chart(line_figure(), "", "x", style).png()
    assert first != display.Chart(line_figure(), "", "x").png()
    assert dict(mpl.rcParams) == before


def test_chart_closes_pyplot_figures():
    """A figure from pyplot shows once: as the chart."""
    from matplotlib import pyplot

    figure = pyplot.figure()
    display.Chart(figure, "", "x")
    assert pyplot.get_fignums() == []


def drawn(rgba):
    """The pixels of a chart of a figure that shows nothing but these on transparent ground."""
    figure = Figure(
        figsize=(rgba.shape[1] / 100, rgba.shape[0] / 100), dpi=100 / PIXELS_PER_CSS_PIXEL, facecolor="none"
    )
    figure.figimage(rgba, origin="upper")
    return np.asarray(Image.open(io.BytesIO(display.Chart(figure, "", "x").png())).convert("RGB")).astype(int)


def test_chart_keeps_flat_colors():
    """Paper stays white and flat colors stay as they are; transparent is white; many colors still work."""
    rgba = np.full((60, 80, 4), 255, dtype=np.uint8)
    rgba[10:20, :, :3] = (86, 180, 233)
    rgba[20:30, :, :3] = (241, 243, 245)
    rgba[30:40, :, :] = 0
    picture = drawn(rgba)
    assert [tuple(map(int, picture[row, 0])) for row in (0, 15, 25, 35)] == [
        (255, 255, 255),
        (86, 180, 233),
        (241, 243, 245),
        (255, 255, 255),
    ]
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    noise[..., 3] = 255
    assert abs(drawn(noise) - noise[..., :3]).mean() < 40


def test_a_total_is_blank_where_there_is_nothing_to_sum_up():
    """A column that a total does not have is blank there, for a dash is an unknown; a sum that is unknown has one."""
    frame = pd.DataFrame({"valve": ["A", "B"], "kwh": [1.0, 2.0], "m3": [np.nan, 3.0], "moves_k": [0.1, -0.1]})
    made = display.table(frame, "sums", total={"valve": "All", "kwh": 3.0, "m3": np.nan})
    assert [column.text[-1] for column in made.columns] == ["All", "3", display.DASH, ""]

"""Rich outputs of notebooks: title blocks, key figures, tables, notes and charts.

Each object carries the same content four ways: HTML that looks right in JupyterLab (light and dark) and in a report,
plain text for a terminal, a PNG where it is a chart, and JSON of the type `MIME` for the programs that build report
pages and the index. Text that comes from outside is always shown as text.

    >>> from belimo_nb import display
    >>> display.number(12345.678, unit="kWh") == "12\u202f346\u00a0kWh"
    True
"""

from belimo_nb.display.base import MIME, Displayed, without_style
from belimo_nb.display.chart import Chart
from belimo_nb.display.header import Header, header
from belimo_nb.display.keyfigures import KeyFigure, KeyFigures, Trend, key_figures
from belimo_nb.display.note import Note, note
from belimo_nb.display.numbers import DASH, date, moment, number, percent
from belimo_nb.display.table import Table, table

__all__ = [
    "DASH",
    "MIME",
    "Chart",
    "Displayed",
    "Header",
    "KeyFigure",
    "KeyFigures",
    "Note",
    "Table",
    "Trend",
    "date",
    "header",
    "key_figures",
    "moment",
    "note",
    "number",
    "percent",
    "table",
    "without_style",
]

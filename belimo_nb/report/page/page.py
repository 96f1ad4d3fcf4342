"""Turn an executed notebook into a self-contained HTML page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from html import unescape
from typing import Any

from jinja2 import Environment
from nbconvert.exporters.templateexporter import TemplateExporter
from nbformat import NotebookNode

from belimo_nb.display import MIME, Header, percent
from belimo_nb.display.base import HIDDEN
from belimo_nb.display.note import ABSENT
from belimo_nb.display.numbers import known
from belimo_nb.report.page.assets import LOW_COMPLETENESS, made_line, policy, script, styles, template_folder, trusted
from belimo_nb.report.page.markup import Prose
from belimo_nb.report.page.outputs import error_sentence, output_html
from belimo_nb.report.page.terms import explained

HIDDEN_TAG = "no-report"
ERROR_TAG = "papermill-error-cell-tag"


def export(notebook: NotebookNode, *, title: str, made_at: datetime, version: str) -> str:
    """The HTML of a report page.

    Args:
        notebook: The executed notebook, not changed. Cells tagged "no-report", widgets, and what comes after a cell
            that failed are left out. Code and warnings are hidden until the reader asks for them.
        title: The report's title, where the notebook shows no header object.
        made_at: When it was made.
        version: The version of belimo_nb that made it.

    Returns:
        HTML that loads nothing from anywhere; what is to link to other pages is marked, see `links`.
    """
    prose = Prose()
    cells = [cell for cell in notebook.cells if not {HIDDEN_TAG, ERROR_TAG} & set(cell.metadata.get("tags", ()))]
    cells = _present(cells)
    header, failure = _header(cells), _failure(notebook)
    lead, body = "", []
    for position, cell in enumerate(cells):
        copy = NotebookNode(cell)  # type: ignore[no-untyped-call]
        if cell.cell_type == "markdown":
            copy["source"] = trusted(prose.render(cell.source, cell.get("attachments")))
            if position == 0 and prose.leading is not None:
                lead, copy["source"] = copy["source"], ""
        body.append(copy)
        if any(output.output_type == "error" for output in cell.get("outputs", ())):
            break  # the cells after it were not executed
    name = header.title if header else prose.leading or title
    page = {
        "title": name,
        "kind": prose.leading if header and prose.leading != name else "",
        "subtitle": header.subtitle if header else "",
        "lead": lead,
        "facts": list(header.facts.items()) if header else [],
        "completeness": _completeness(header.completeness if header else None),
        "source": header.source if header else "",
        "made": made_line(made_at, version),
        "version": version,
        "contents": [item for item in prose.headings if item.level < 4] if len(prose.headings) > 1 else [],
        "failure": failure,
        "css": trusted(styles()),
        "js": trusted(script()),
        "policy": policy(),
    }
    excerpt = NotebookNode(notebook, cells=body)  # type: ignore[no-untyped-call]
    html, _ = _exporter().from_notebook_node(excerpt, resources={"page": page})
    return explained(HIDDEN.sub(" ", str(html)))


class _Exporter(TemplateExporter):
    """nbconvert's exporter without syntax highlighting, widgets, and a second parse of the page: they cost most time.

    Unlike nbconvert's own, its template escapes by default.
    """

    file_extension = ".html"
    output_mimetype = "text/html"

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()  # type: ignore[no-untyped-call]
        environment.autoescape = True
        return environment


@cache
def _exporter() -> _Exporter:
    return _Exporter(  # type: ignore[no-untyped-call]
        template_name="page",
        extra_template_basedirs=[template_folder()],
        default_preprocessors=[],
        filters={"output_html": output_html},
    )


def _present(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """The cells without the sections, from a heading to the next, that have nothing to show and say so."""
    sections: list[list[NotebookNode]] = [[]]
    for cell in cells:
        if cell.cell_type == "markdown" and cell.source.lstrip().startswith("#"):
            sections.append([])
        sections[-1].append(cell)
    return [cell for section in sections if not _is_absent(section) for cell in section]


def _is_absent(section: Sequence[NotebookNode]) -> bool:
    shown = [output.get("data", {}).get(MIME, {}) for output in _outputs(section)]
    return bool(shown) and all(data.get("level") == ABSENT for data in shown)


def _header(cells: Sequence[NotebookNode]) -> Header | None:
    shown = (output.get("data", {}).get(MIME, {}) for output in _outputs(cells))
    data = next((data for data in shown if data.get("kind") == "header"), None)
    if data is None:
        return None
    return Header(data["title"], data["subtitle"], dict(data["facts"]), known(data["completeness"]), data["source"])


def _outputs(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    return [output for cell in cells for output in cell.get("outputs", ())]


def _completeness(share: float | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {"text": percent(share), "width": round(100 * share, 1), "low": share < LOW_COMPLETENESS}


def _failure(notebook: NotebookNode) -> str:
    for output in _outputs(notebook.cells):
        if output.output_type == "error":
            return f"A step failed: {error_sentence(output)} What would follow is missing."
    for cell in notebook.cells:
        if ERROR_TAG in cell.metadata.get("tags", ()):
            return unescape(re.sub(r"<[^>]*>|\*\*[^*]*\*\*", "", cell.source).strip())
    return ""

"""One executed notebook as one self-contained HTML page."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment
from nbconvert.exporters.templateexporter import TemplateExporter
from nbformat import NotebookNode

from belimo_nb import errors
from belimo_nb.display import MIME, Header, percent, without_style
from belimo_nb.display.base import esc
from belimo_nb.display.chart import figure_html
from belimo_nb.display.numbers import known
from belimo_nb.report.assets import LOW, made_line, policy, script, styles, template_folder, trusted
from belimo_nb.report.markup import Markup, clean_html

__all__ = ["export"]

LEFT_OUT = "no-report"
FAILURE = "papermill-error-cell-tag"
WIDGET = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-_])")
NO_WORDS = "A picture without a description."


def export(notebook: NotebookNode, *, title: str, slug: str, made_at: datetime, version: str) -> str:
    """Write a report page.

    Args:
        notebook: The executed notebook; it stays as it is. Cells tagged "no-report" are left out, and what comes after
            a cell that failed. Code and warnings are there, but hidden until the reader asks for them. Widgets are left out.
        title: The report's title, where the notebook shows no header object.
        slug: Path of the page below the folder of `index.html`, without a suffix, such as "devices/north-3c6f7077".
        made_at: When it was made.
        version: The version of belimo_nb that made it.

    Returns:
        HTML that loads nothing from anywhere.
    """
    markup = Markup()
    cells = [cell for cell in notebook.cells if not {LEFT_OUT, FAILURE} & set(cell.metadata.get("tags", ()))]
    header, failure = _header(cells), _failure(notebook)
    lead, body = "", []
    for position, cell in enumerate(cells):
        copy = NotebookNode(cell)
        if cell.cell_type == "markdown":
            copy["source"] = trusted(markup.render(cell.source, cell.get("attachments")))
            if position == 0 and markup.leading is not None:
                lead, copy["source"] = copy["source"], ""
        body.append(copy)
        if any(output.output_type == "error" for output in cell.get("outputs", ())):
            break
    name = header.title if header else markup.leading or title
    facts = header.rows() if header else {}
    page = {
        "title": name,
        "kind": markup.leading if header and markup.leading != name else "",
        "subtitle": header.subtitle if header else "",
        "lead": lead,
        "facts": [(label, fact) for label, fact in facts.items() if label not in ("Completeness", "Source")],
        "completeness": _completeness(header.completeness if header else None),
        "source": header.source if header else "",
        "made": made_line(made_at, version),
        "version": version,
        "home": "../" * slug.count("/") + "index.html",
        "contents": [item for item in markup.headings if item.level < 4] if len(markup.headings) > 1 else [],
        "failure": failure,
        "css": trusted(styles()),
        "js": trusted(script()),
        "policy": policy(),
    }
    shown = NotebookNode(notebook, cells=body)
    html, _ = _exporter().from_notebook_node(shown, resources={"page": page})
    return str(html)


class _Exporter(TemplateExporter):
    """nbconvert's exporter without what a report does not need: highlighting, widgets, and a second parse of the page.

    Unlike nbconvert's own, its template escapes by default.
    """

    file_extension = ".html"
    output_mimetype = "text/html"

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()
        environment.autoescape = True
        return environment


@cache
def _exporter() -> _Exporter:
    return _Exporter(
        template_name="page",
        extra_template_basedirs=[template_folder()],
        default_preprocessors=[],
        filters={"shown": _shown},
    )


def _header(cells: Sequence[NotebookNode]) -> Header | None:
    for cell in cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {}).get(MIME, {})
            if data.get("kind") == "header":
                return Header(
                    data["title"], data["subtitle"], data["facts"], known(data["completeness"]), data["source"]
                )
    return None


def _completeness(share: float | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {"text": percent(share), "width": round(100 * share, 1), "low": share < LOW}


def _failure(notebook: NotebookNode) -> str:
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                return f"A step failed: {_sentence(output)} What would follow is missing."
    for cell in notebook.cells:
        if FAILURE in cell.metadata.get("tags", ()):
            return re.sub(r"<[^>]*>|\*\*[^*]*\*\*", "", cell.source).strip()
    return ""


def _sentence(output: Mapping[str, Any]) -> str:
    ours = output["ename"] in errors.__all__
    text = output["evalue"] if ours else f"{output['ename']}: {output['evalue']}"
    text = " ".join(ANSI.sub("", text).split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _shown(output: NotebookNode) -> Markup:
    """One output as HTML."""
    if output.output_type == "stream":
        css = "code" if output.name == "stderr" else "text"
        text = _lines(output.text)
        return trusted(f'<pre class="{css}">{esc(text)}</pre>' if text.strip() else "")
    if output.output_type == "error":
        return trusted(_trace(output))
    return trusted(_data(output.data, output.get("metadata", {})))


def _data(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    ours = data.get(MIME, {})
    if WIDGET in data or ours.get("kind") == "header":
        return ""
    if ours.get("kind") == "figure":
        words = {key: ours[key] for key in ("caption", "alt", "width", "height")}
        return figure_html(_joined(data["image/png"]), **words)
    if ours and "text/html" in data:
        return without_style(data["text/html"])
    for kind in ("image/png", "image/jpeg", "image/svg+xml"):
        if kind in data:
            return _picture(kind, data[kind], metadata.get(kind, {}))
    if "text/html" in data and (html := clean_html(data["text/html"])).strip():
        return f'<div class="foreign" role="region" aria-label="Output" tabindex="0">{html}</div>'
    if "text/markdown" in data:
        return f'<div class="words">{Markup().render(data["text/markdown"])}</div>'
    return f'<pre class="text">{esc(data["text/plain"])}</pre>' if data.get("text/plain") else ""


def _picture(kind: str, content: str, words: Mapping[str, Any]) -> str:
    if kind == "image/svg+xml":  # as a picture, so that a script inside it does not run
        content = base64.b64encode(content.encode()).decode("ascii")
    sizes = {name: words[name] for name in ("width", "height") if isinstance(words.get(name), int)}
    return figure_html(_joined(content), caption="", alt=str(words.get("alt") or NO_WORDS), kind=kind, **sizes)


def _joined(base64_text: str) -> str:
    return re.sub(r"\s+", "", base64_text)


def _lines(text: str) -> str:
    """Terminal output as it ends up on the screen: without colors, and of a rewritten line the last version."""
    return "\n".join(line.rsplit("\r", 1)[-1] for line in ANSI.sub("", text).replace("\r\n", "\n").split("\n")).rstrip()


def _trace(output: Mapping[str, Any]) -> str:
    lines = _lines("\n".join(output["traceback"]))
    sentence = esc(_sentence(output))
    trace = f"<details><summary>Where it happened</summary><pre>{esc(lines)}</pre></details>" if "\n" in lines else ""
    return f'<div class="failed bnb bnb-note bnb-problem"><strong>{sentence}</strong>{trace}</div>'

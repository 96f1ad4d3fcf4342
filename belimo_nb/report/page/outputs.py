"""Turn the outputs of a notebook's cells into HTML for a page."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import markupsafe
from nbformat import NotebookNode

from belimo_nb import errors
from belimo_nb.display import MIME, without_style
from belimo_nb.display.base import esc
from belimo_nb.display.chart import figure_html
from belimo_nb.report.page.assets import trusted
from belimo_nb.report.page.markup import Prose, clean_html

WIDGET = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-_])")
NO_DESCRIPTION = "A picture without a description."


def error_sentence(output: Mapping[str, Any]) -> str:
    """An error output as one sentence; our own errors are one already."""
    ours = output["ename"] in errors.__all__
    text = output["evalue"] if ours else f"{output['ename']}: {output['evalue']}"
    text = " ".join(ANSI.sub("", text).split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def output_html(output: NotebookNode) -> markupsafe.Markup:
    """One output as HTML; empty for widgets and for the header, which the page shows at its top."""
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
        return f'<div class="foreign" role="group" aria-label="Output" tabindex="0">{html}</div>'
    if "text/markdown" in data:
        return f'<div class="words">{Prose().render(data["text/markdown"])}</div>'
    return f'<pre class="text">{esc(data["text/plain"])}</pre>' if data.get("text/plain") else ""


def _picture(kind: str, content: str, words: Mapping[str, Any]) -> str:
    if kind == "image/svg+xml":  # as an <img>: inline, a script inside it would run
        content = base64.b64encode(content.encode()).decode("ascii")
    sizes = {name: words[name] for name in ("width", "height") if isinstance(words.get(name), int)}
    return figure_html(_joined(content), caption="", alt=str(words.get("alt") or NO_DESCRIPTION), kind=kind, **sizes)


def _joined(base64_text: str) -> str:
    return re.sub(r"\s+", "", base64_text)


def _lines(text: str) -> str:
    """Terminal output as a screen shows it at the end: without colors, rewritten lines in their last version."""
    return "\n".join(line.rsplit("\r", 1)[-1] for line in ANSI.sub("", text).replace("\r\n", "\n").split("\n")).rstrip()


def _trace(output: Mapping[str, Any]) -> str:
    lines = _lines("\n".join(output["traceback"]))
    trace = f"<details><summary>Where it happened</summary><pre>{esc(lines)}</pre></details>" if "\n" in lines else ""
    return f'<div class="failed bnb bnb-note bnb-problem"><strong>{esc(error_sentence(output))}</strong>{trace}</div>'
